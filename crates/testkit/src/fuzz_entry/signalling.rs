//! What comes in by SIP: messages, streams of them, what is read out of one, and what is written into one.

use bytes::Bytes;
use countersign::identity::IdentityPolicy;
use countersign::media_keys::Fingerprint;
use countersign::passport::rph::MAX_RESOURCE_VALUES;
use countersign::priority::{MAX_RESOURCE_VALUE, PriorityMark, ResourceValue};
use countersign_sip::call::{CallPolicy, TrustPai, from_request, is_emergency_call};
use countersign_sip::call_info::{self, Passage, Purpose};
use countersign_sip::header::sip_date;
use countersign_sip::identity_header;
use countersign_sip::inquiry::reliable::{Acknowledged, reliable_sequence};
use countersign_sip::inquiry::responder::{is_inquiry, other_options};
use countersign_sip::inquiry::session::{self, Offer};
use countersign_sip::inspect::inspect;
use countersign_sip::message::{Framing, MAX_HEADERS, MAX_MESSAGE, Message, Name};
use countersign_sip::patch::Patch;
use countersign_sip::query;
use countersign_sip::reason::{self, Fate, Reason, Subject};
use countersign_sip::resource_priority;
use countersign_sip::response::{ToTag, build};
use countersign_sip::sdp;
use countersign_sip::stream::{Framer, Piece};
use countersign_sip::uri::Uri;
use countersign_sip::verstat::{Asserted, strip, tag};

fn read(bytes: &[u8]) -> Option<Message> {
    Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram).ok()
}

/// What it is to an inquiry can be asked for, and an answer has the streams of its offer, all declined.
fn inquiry(message: &Message) {
    let _ = (is_inquiry(message), other_options(message));
    let _ = (reliable_sequence(message), Acknowledged::of(message));
    let (offer, answer) = (Offer::of(message), session::declined(message, "h"));
    assert!(offer != Offer::None || answer.is_none());
    let Some(answer) = answer else { return };
    let offered = message.body().split(|byte| matches!(byte, b'\r' | b'\n'));
    let offered = offered.filter(|line| line.starts_with(b"m="));
    let declined = answer.lines().filter(|line| line.starts_with("m="));
    assert_eq!(declined.clone().count(), offered.count());
    assert!(
        declined
            .into_iter()
            .all(|line| line.split(' ').nth(1) == Some("0"))
    );
}

/// Every view of a message can be asked for; its bytes are those received; what was read of a stream is read of a datagram.
pub(super) fn message(bytes: &[u8]) {
    if let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes), Framing::Stream) {
        assert!(message.bytes().starts_with(bytes) || bytes.starts_with(message.bytes()));
    }
    let Some(message) = read(bytes) else { return };
    assert!(bytes.starts_with(message.bytes()));
    assert!(message.header_count() <= MAX_HEADERS);
    inquiry(&message);
    for line in message.all_headers() {
        assert!(
            message.span_of(line.value).is_some(),
            "a value from somewhere else"
        );
    }
    let _ = (
        message.start_line(),
        message.method(),
        message.status(),
        message.body(),
    );
    let _ = (
        message.vias().count(),
        message.top_via().map(|via| (via.branch(), via.received())),
    );
    let _ = (
        message.from().map(|from| from.uri()),
        message.to().map(|to| to.tag()),
    );
    let _ = (
        message.call_id(),
        message.cseq(),
        message.max_forwards(),
        message.date(),
    );
    for name in [
        Name::PAssertedIdentity,
        Name::Contact,
        Name::Route,
        Name::RecordRoute,
    ] {
        for address in message.addresses(name).flatten() {
            let _ = (address.uri(), address.parameters().are_well_formed());
        }
    }
    let _ = inspect(&message);
}

/// A stream cut anywhere delivers what it delivers in one piece. The first byte says how large the pieces are.
pub(super) fn stream(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else {
        return;
    };
    let at_once = deliver(&[bytes]);
    let pieces: Vec<&[u8]> = bytes.chunks(usize::from(*size).max(1)).collect();
    assert_eq!(deliver(&pieces), at_once);
}

/// What a connection delivers, as texts that can be compared.
fn deliver(pieces: &[&[u8]]) -> Vec<String> {
    let (mut framer, mut delivered) = (Framer::default(), Vec::new());
    for piece in pieces {
        framer.push(piece);
        while let Some(piece) = framer.next() {
            delivered.push(match piece {
                Piece::Bad(error) => format!("bad: {error}"),
                Piece::Message(message) => format!("{:?}", message.bytes()),
                Piece::Ping => "ping".to_owned(),
            });
        }
    }
    delivered
}

/// Edits change what they say they change: a header more is a header more, and the body stays. A response can be read by a peer.
pub(super) fn patch(bytes: &[u8]) {
    let Some(message) = read(bytes) else { return };
    assert_eq!(
        Patch::default().apply(&message).as_ref(),
        Ok(message.bytes())
    );
    if message.header_count() == MAX_HEADERS || bytes.len() > MAX_MESSAGE - 100 {
        return;
    }
    let mut patch = Patch::default();
    patch.prepend_header(
        &message,
        "Via",
        b"SIP/2.0/UDP proxy.example;branch=z9hG4bK1",
    );
    patch.append_header(
        &message,
        "Identity",
        b"a.b.c;info=<https://cert.example/c.pem>",
    );
    let edited = patch.apply(&message).ok().and_then(|edited| read(&edited));
    let counts = edited
        .as_ref()
        .map(|edited| (edited.header_count(), edited.body()));
    if message.header_count() + 2 <= MAX_HEADERS {
        assert_eq!(counts, Some((message.header_count() + 2, message.body())));
    }
    if message.method().is_some() && inspect(&message).is_ok() {
        let response = build(&message, 428, "Use Identity Header", ToTag::Ours(b"1"), &[]);
        let status =
            (response.len() <= MAX_MESSAGE).then(|| read(&response).and_then(|read| read.status()));
        assert!(
            status.is_none_or(|status| status == Some(428)),
            "{response:?}"
        );
    }
}

/// A call can be read out of any request.
pub(super) fn call(bytes: &[u8]) {
    let Some(message) = read(bytes) else { return };
    for trust_pai in [TrustPai::Ignored, TrustPai::Trusted] {
        let policy = CallPolicy {
            identity: IdentityPolicy::default(),
            trust_pai,
        };
        let call = from_request(&message, &policy);
        assert!(call.dest.len() <= 2, "To and Request-URI are all there is");
    }
    let _ = is_emergency_call(&message, &[]);
    let _ = identity_header::presented(&message);
    let _ = query::question(&message);
    let _ = query::attestation(&message, "Attestation");
    for group in query::trunk_groups(&message) {
        assert!(
            message.span_of(group).is_some(),
            "a group that nobody wrote"
        );
    }
}

/// After the parameter was taken out there is nothing left to take out, and the message is still one.
pub(super) fn verstat(bytes: &[u8]) {
    let Some(message) = read(bytes) else { return };
    for asserted in [Asserted::Kept, Asserted::Removed] {
        let mut patch = Patch::default();
        strip(&message, &mut patch, asserted);
        let stripped = patch
            .apply(&message)
            .ok()
            .and_then(|stripped| read(&stripped));
        assert!(stripped.is_some(), "stripping broke the message");
        if let Some(stripped) = stripped {
            let mut again = Patch::default();
            strip(&stripped, &mut again, asserted);
            assert!(
                again.is_empty(),
                "something was left: {:?}",
                stripped.bytes()
            );
            assert_eq!(stripped.body(), message.body());
        }
        let mut patch = Patch::default();
        tag(
            &message,
            &mut patch,
            "TN-Validation-Failed",
            asserted,
            IdentityPolicy::default(),
        );
        assert!(patch.apply(&message).is_ok(), "edits overlap");
    }
}

/// After what shows the caller was taken out there is nothing of it left, the message is still one, and a second time takes out nothing. A
/// card is no longer than the message.
pub(super) fn call_info(bytes: &[u8]) {
    let Some(message) = read(bytes) else { return };
    let _ = call_info::reason(&message);
    let card = call_info::card(&message);
    assert!(card.is_none_or(|card| card.len() < bytes.len()));
    for passage in [Passage::Kept, Passage::Unverified, Passage::Removed] {
        let mut patch = Patch::default();
        call_info::strip(&message, &mut patch, passage);
        let stripped = patch.apply(&message).ok();
        let stripped = stripped.and_then(|stripped| read(&stripped));
        assert!(stripped.is_some(), "stripping broke the message");
        let Some(stripped) = stripped else { return };
        assert_eq!(stripped.body(), message.body());
        let mut again = Patch::default();
        call_info::strip(&stripped, &mut again, passage);
        assert!(again.is_empty(), "something was left: {stripped:?}");
        if passage == Passage::Kept {
            continue;
        }
        assert!(passage == Passage::Unverified || call_info::card(&stripped).is_none());
        for value in call_info::values(&stripped) {
            assert!(value.is_some(), "what nobody can read was left");
            let Some(value) = value else { return };
            assert!(!value.is_verified() && value.integrity().is_none());
            let shows = !matches!(value.purpose(), Purpose::Other(_)) || value.reason().is_some();
            assert!(passage == Passage::Unverified || !shows);
        }
    }
}

/// Every value of a header is read or refused.
pub(super) fn identity_header(bytes: &[u8]) {
    let _ = identity_header::parse(bytes);
    for value in identity_header::values(bytes) {
        if let Ok(presented) = identity_header::parse(value) {
            assert!(!presented.token.is_empty());
        }
    }
}

/// A value about a PASSporT goes when it should, values of other protocols stay as they are, and the message is still one.
pub(super) fn reason(bytes: &[u8]) {
    let text = [
        b"SIP/2.0 180 Ringing\r\nReason: ",
        bytes,
        b"\r\nReason: STIR;ppi=\"..c2ln\"\r\n\r\n",
    ];
    let Some(message) = read(&text.concat()) else {
        return;
    };
    let mut patch = Patch::default();
    let is_ours = |reason: &Reason<'_>| reason.subject() == Subject::Signature("c2ln".into());
    reason::strip(&message, &mut patch, &["c2ln"], |reason| {
        match is_ours(reason) {
            true => Fate::Removed,
            false => Fate::Kept,
        }
    });
    let left = patch.apply(&message).ok().and_then(|left| read(&left));
    assert!(left.is_some(), "stripping broke the message");
    let Some(left) = left else { return };
    let others = |message: &Message| -> Vec<Vec<u8>> {
        let elements = message.elements(Name::Reason);
        let others = elements.filter(|raw| Reason::parse(raw).is_some_and(|one| !one.is_stir()));
        others.map(<[u8]>::to_vec).collect()
    };
    assert_eq!(others(&left), others(&message));
    let mut all = reason::values(&left).flatten();
    assert!(!all.any(|one| one.is_stir() && is_ours(&one)), "one stayed");
}

/// What is asked for is bounded and is read again as it is compared; what does not stay is gone, whatever else the line says.
pub(super) fn resource_priority(bytes: &[u8]) {
    let text = [
        b"INVITE sip:b@h SIP/2.0\r\nResource-Priority: ",
        bytes,
        b"\r\nPriority: ",
        bytes,
        b"\r\n\r\n",
    ];
    let Some(message) = read(&text.concat()) else {
        return;
    };
    let asked = resource_priority::requested(&message);
    assert!(asked.values.len() <= MAX_RESOURCE_VALUES);
    for value in &asked.values {
        assert!(value.as_str().len() <= MAX_RESOURCE_VALUE);
        assert_eq!(value.as_str().parse().as_ref(), Ok(value));
    }
    let first = asked.values.first();
    let mut patch = Patch::default();
    resource_priority::strip(&message, &mut patch, |value| Some(value) == first);
    resource_priority::unmark(&message, &mut patch);
    let left = patch.apply(&message).ok().and_then(|left| read(&left));
    assert!(left.is_some(), "stripping broke the message");
    let Some(left) = left else { return };
    let mut elements = left.elements(Name::ResourcePriority);
    let is_value = |one: &[u8]| {
        let text = std::str::from_utf8(one).ok();
        text.is_some_and(|text| text.parse::<ResourceValue>().is_ok())
    };
    // Of lines that nothing was taken out of, empty elements stay.
    assert!(elements.all(|one| one.is_empty() || is_value(one)));
    let left = resource_priority::requested(&left);
    assert!(left.values.iter().all(|value| Some(value) == first));
    assert_eq!(left.values.is_empty(), first.is_none());
    assert_eq!(left.mark, PriorityMark::None);
}

/// The keys of a body are bounded and say the same when they are written again; one that is put in is never overlooked.
pub(super) fn sdp(bytes: &[u8]) {
    for content in ["application/sdp", "multipart/mixed;boundary=b"] {
        let header = format!("INVITE sip:b@h SIP/2.0\r\nContent-Type: {content}\r\n\r\n");
        let keys = |body: &[u8]| {
            let message = read(&[header.as_bytes(), body].concat())?;
            sdp::fingerprints(&message)
        };
        let found = keys(bytes);
        let added =
            b"\r\n--b\r\nContent-Type: application/sdp\r\n\r\na=fingerprint:sha-1 0F:0E\r\n";
        let with_another = keys(&[bytes, added].concat());
        let is_too_long = bytes.len() + 256 > MAX_MESSAGE;
        assert!(
            is_too_long || with_another.is_some(),
            "a key was overlooked"
        );
        let Some(found) = found else { continue };
        let another = Fingerprint::new("sha-1", "0F0E").ok();
        let is_new = found.iter().all(|one| Some(one) != another.as_ref());
        if is_new && !found.is_untold() && !is_too_long {
            assert_ne!(with_another.as_ref(), Some(&found), "a key was overlooked");
        }
        let written: String = found.iter().map(sdp_line).collect();
        if !found.is_untold() {
            assert_eq!(keys(written.as_bytes()), Some(found));
        }
    }
}

fn sdp_line(key: &Fingerprint) -> String {
    let bytes = key.digest().as_bytes().chunks(2);
    let pairs: Vec<_> = bytes.map(String::from_utf8_lossy).collect();
    format!("a=fingerprint:{} {}\r\n", key.algorithm(), pairs.join(":"))
}

/// A URI is read or refused; its headers are never more bytes than it has.
pub(super) fn uri(bytes: &[u8]) {
    if let Ok(Uri::Sip(uri)) = Uri::parse(bytes) {
        let fields = uri.header_fields();
        let read: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
        assert!(read <= uri.headers.map_or(0, <[u8]>::len));
    }
}

/// A date that is read is the one that the calendar writes.
pub(super) fn date(bytes: &[u8]) {
    if let Some(time) = sip_date(bytes) {
        let civil = countersign::time::CivilTime::from(time);
        let clock = format!(
            " {:02}:{:02}:{:02} GMT",
            civil.hour, civil.minute, civil.second
        );
        assert!(bytes.ends_with(clock.as_bytes()));
    }
}
