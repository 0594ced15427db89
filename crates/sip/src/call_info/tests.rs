//! What Call-Info says, what of it may pass, and what is written of what was proven.

use super::*;
use crate::message::Framing;
use proptest::prelude::*;

fn request(lines: &str) -> Message {
    let text = format!("INVITE sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\n{lines}\r\n");
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

fn stripped(lines: &str, passage: Passage) -> String {
    let message = request(lines);
    let mut patch = Patch::default();
    strip(&message, &mut patch, passage);
    let text = String::from_utf8(patch.apply(&message).unwrap().to_vec()).unwrap();
    let start = text.find("tag=1\r\n").unwrap() + "tag=1\r\n".len();
    text[start..text.len() - 2].to_owned()
}

fn icon(url: &str, digest: Option<&str>) -> ProvenCaller {
    ProvenCaller {
        icon: Some(Reference {
            url: url.into(),
            integrity: digest.map(Box::from),
        }),
        ..ProvenCaller::default()
    }
}

fn written(caller: &ProvenCaller, name: DisplayName) -> Vec<String> {
    let values = proven(caller, name).into_iter();
    values
        .map(|value| String::from_utf8(value).unwrap())
        .collect()
}

#[test]
fn digest10_case15_what_was_proven_leaves_as_the_sample_of_rfc9796_has_it() {
    // RFC 9796 §8.
    let caller = ProvenCaller {
        name: Some("Q Branch Spy Gadgets".into()),
        reason: Some("Rendezvous for Little Nellie".into()),
        ..icon(
            "https://example.com/photos/q-256x256.png",
            Some("sha256-RojgWwU6xUtI4q82+kHPyHm1JKbm7+663bMvzymhkl4"),
        )
    };
    assert_eq!(
        written(&caller, DisplayName::Proven),
        [
            "<https://example.com/photos/q-256x256.png>;purpose=icon;verified=\"true\";\
             integrity=\"sha256-RojgWwU6xUtI4q82+kHPyHm1JKbm7+663bMvzymhkl4\"",
            "<data:>;purpose=jcard;call-reason=\"Rendezvous for Little Nellie\";verified=\"true\"",
            "<data:>;purpose=jcard;verified=\"true\"",
        ]
    );
    assert_eq!(written(&caller, DisplayName::Other).len(), 2);
}

#[test]
fn cards_leave_by_reference_or_escaped_in_a_data_url() {
    let at = |url: &str| ProvenCaller {
        card: Some(ProvenCard::At(Reference {
            url: url.into(),
            integrity: Some("sha256-x".into()),
        })),
        ..ProvenCaller::default()
    };
    assert_eq!(
        written(&at("https://example.com/qbranch.json"), DisplayName::Other),
        [
            "<https://example.com/qbranch.json>;purpose=jcard;verified=\"true\";integrity=\"sha256-x\""
        ]
    );
    let inline = ProvenCaller {
        card: Some(ProvenCard::Inline(
            r#"["vcard",[["fn",{},"text","Q >;\"<ü"]]]"#.into(),
        )),
        ..ProvenCaller::default()
    };
    let values = written(&inline, DisplayName::Other);
    assert_eq!(
        values,
        [
            "<data:application/json,%5B%22vcard%22%2C%5B%5B%22fn%22%2C%7B%7D%2C%22text%22%2C%22Q%20%3E%3B%5C%22%3C%C3%BC%22%5D%5D%5D>\
          ;purpose=jcard;verified=\"true\""
        ]
    );
    let read = CallInfo::parse(values[0].as_bytes()).unwrap();
    assert_eq!(read.purpose(), Purpose::JCard);
    assert!(read.is_verified() && read.integrity().is_none());
}

#[test]
fn what_is_too_long_or_would_end_its_place_does_not_get_there() {
    let long = format!("https://h.example/{}", "x".repeat(MAX_WRITTEN_URL));
    assert!(written(&icon(&long, None), DisplayName::Other).is_empty());
    let values = written(
        &icon(
            "data:image/png;base64,A>;purpose=x\r\nX: y",
            Some("s\"\r\nX: y"),
        ),
        DisplayName::Other,
    );
    assert_eq!(
        values,
        [
            "<data:image/png;base64,A%3E;purpose=x%0D%0AX:%20y>;purpose=icon;verified=\"true\";integrity=\"s\\\"  X: y\""
        ]
    );
}

#[test]
fn digest10_case20_a_long_reason_leaves_whole() {
    let reason = "x".repeat(200);
    let caller = ProvenCaller {
        reason: Some(reason.as_str().into()),
        ..ProvenCaller::default()
    };
    let values = proven(&caller, DisplayName::Other);
    let read = CallInfo::parse(&values[0]).unwrap();
    assert_eq!(read.reason().as_deref(), Some(reason.as_str()));
}

#[test]
fn values_are_read_quoted_and_bare() {
    // RFC 9796 §5 to §9, folds and the stray backslash of §5 included.
    let message = request(
        "Call-Info: <data:application/json,[\"vcard\",[[\"fn\",{},\"text\",\"Q\r\n Branch\"]]]\\>;purpose=jcard;call-reason=\"Rendezvous for\r\n\
         \x20      Little Nellie\"\r\nCall-Info: <https://example.com/jbond.png>;purpose=icon;verified=true;integrity=\"sha256-R\",\r\n \
         <https://h.example/>;PURPOSE=\"Info\"\r\nCall-Info: <data:>;purpose=jcard;verified=\"true\"\r\n",
    );
    let all: Vec<_> = values(&message).map(Option::unwrap).collect();
    assert_eq!(
        all.iter().map(CallInfo::purpose).collect::<Vec<_>>(),
        [
            Purpose::JCard,
            Purpose::Icon,
            Purpose::Other(b"Info"),
            Purpose::JCard
        ]
    );
    assert_eq!(
        all[0].reason().as_deref(),
        Some("Rendezvous for Little Nellie")
    );
    assert_eq!(
        all.iter().map(CallInfo::is_verified).collect::<Vec<_>>(),
        [false, true, false, true]
    );
    assert_eq!(all[1].integrity(), Some(b"sha256-R".as_slice()));
    assert_eq!(all[3].uri, b"data:");
    assert_eq!(
        reason(&message).as_deref(),
        Some("Rendezvous for Little Nellie")
    );
    for malformed in [
        "https://h.example/;purpose=icon",
        "<https://h.example",
        "<u>x",
        "<u>;;",
        "\"n\" <u>",
    ] {
        assert!(
            CallInfo::parse(malformed.as_bytes()).is_none(),
            "{malformed}"
        );
    }
}

#[test]
fn two_reasons_are_none() {
    let line =
        |reason: &str| format!("Call-Info: <data:>;purpose=jcard;call-reason=\"{reason}\"\r\n");
    assert_eq!(reason(&request(&line("a"))).as_deref(), Some("a"));
    assert_eq!(
        reason(&request(&(line("a") + &line("a")))).as_deref(),
        Some("a")
    );
    assert_eq!(reason(&request(&(line("a") + &line("b")))), None);
}

#[test]
fn digest10_case16_what_nobody_verified_does_not_pass() {
    for line in [
        "Call-Info: <https://h.example/a.png>;purpose=icon\r\n",
        "call-info:<https://h.example/a.json> ; PURPOSE = \"JCard\"\r\n",
        "Call-Info: <data:>;purpose=info;call-reason=\"now\"\r\n",
        "Call-Info: <https://h.example/>;purpose=info;verified=\"true\"\r\n",
        "Call-Info: <https://h.example/>;integrity=x\r\n",
        "Call-Info: <https://h.example/a.vcf>;purpose=card\r\n",
        "Call-Info: <https://h.example/>;purpose=info;purpose=icon\r\n",
        "Call-Info: <https://h.example/>;purpose=\"i\\con\"\r\n",
        // For readers who split elsewhere.
        "Call-Info: <https://h.example/>;purpose=info;x=\", <data:>;purpose=jcard;call-reason=\\\"y\\\"\"\r\n",
        "Call-Info: <https://h.example/,<data:>;purpose=jcard\r\n",
        "Call-Info: <https://h.example/;purpose=icon;x=>;purpose=info\r\n",
        "Call-Info: https://h.example/a.png;purpose=icon\r\n",
        "Call-Info: <https://h.example/a.png\r\n",
        "Call-Info: \"x, <https://h.example/a.png>;purpose=icon\r\n",
    ] {
        assert_eq!(stripped(line, Passage::Removed), "", "{line}");
    }
}

#[test]
fn other_call_info_stays_byte_for_byte() {
    let lines = "Call-Info: <https://h.example/icon.html>;purpose=info ,<sip:conf@h>;purpose=conference\r\n\
                 CALL-INFO:  <cid:1@h>;purpose=EmergencyCallData.ProviderInfo\r\nX: y\r\n";
    assert_eq!(stripped(lines, Passage::Removed), lines);
    assert_eq!(
        stripped(
            "Call-Info: <https://h.example/a.png>;purpose=icon, <sip:c@h>;purpose=conference,<https://h.example/>;purpose=info\r\n",
            Passage::Removed
        ),
        "Call-Info: <sip:c@h>;purpose=conference, <https://h.example/>;purpose=info\r\n"
    );
}

#[test]
fn data_for_emergency_services_stays_beside_whatever_goes() {
    // RFC 7852 §6, Figure 13, and what a careless device makes of it.
    let theirs = "<cid:1@h>;purpose=EmergencyCallData.ProviderInfo, <cid:2@h>;purpose=\"emergencycalldata.DeviceInfo\"";
    for others in [
        "<http://h.example/photo.jpg>;purpose=icon",
        "http://h.example/photo.jpg;purpose=icon",
        "<http://h.example/>;;purpose=info",
    ] {
        let line = format!("Call-Info: {others},{theirs}\r\n");
        let left = format!("Call-Info: {theirs}\r\n");
        assert_eq!(stripped(&line, Passage::Removed), left, "{others}");
    }
    let hidden = "Call-Info: <cid:1@h>;purpose=EmergencyCallData.ProviderInfo;purpose=icon, <x\r\n";
    assert_eq!(stripped(hidden, Passage::Removed), "");
    let another = "Call-Info: <cid:1@h>;purpose=EmergencyCallDataX, <x\r\n";
    assert_eq!(stripped(another, Passage::Removed), "");
}

#[test]
fn digest10_case17_of_two_cards_none_is_kept() {
    let one = "Call-Info: <https://h.example/a.json>;purpose=jcard\r\n";
    let others = "Call-Info: <data:>;purpose=jcard;call-reason=\"x\"\r\nCall-Info: <https://h.example/a.png>;purpose=icon\r\n";
    let both = format!("{one}{others}");
    assert_eq!(stripped(&both, Passage::Kept), both);
    assert_eq!(stripped(&both, Passage::Unverified), both);
    assert_eq!(stripped(&format!("{one}{both}"), Passage::Kept), others);
    assert_eq!(
        stripped(&format!("{one}{both}"), Passage::Unverified),
        others
    );
    let second = "Call-Info: <cid:1@h>;purpose=jcard, <data:>;purpose=jcard\r\n";
    assert_eq!(
        stripped(&format!("{one}{second}"), Passage::Kept),
        "Call-Info: <data:>;purpose=jcard\r\n"
    );
}

#[test]
fn what_others_call_verified_is_not_ours() {
    let claims = "Call-Info: <data:>;purpose=jcard;verified=\"true\"\r\n";
    assert_eq!(stripped(claims, Passage::Kept), claims);
    assert_eq!(stripped(claims, Passage::Unverified), "");
}

proptest! {
    #[test]
    fn nothing_about_the_caller_is_left_whatever_came(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<", ">", ";", "=", "\"", "\\", ",", " ", "\r\n ", "purpose", "icon", "jcard", "call-reason", "verified", "data:", "https://h", "x",
        ]), 0..24)
    ) {
        let line = format!("Call-Info: {}\r\n", parts.concat());
        let message = request(&line);
        let mut patch = Patch::default();
        strip(&message, &mut patch, Passage::Removed);
        let left = Message::parse(patch.apply(&message).unwrap(), Framing::Datagram).unwrap();
        for value in values(&left) {
            let value = value.expect("what is malformed goes");
            prop_assert!(matches!(value.purpose(), Purpose::Other(_)) && value.reason().is_none() && !value.is_verified());
        }
        let text = left.header(Name::CallInfo).unwrap_or_default().to_ascii_lowercase();
        prop_assert!(memchr::memmem::find(&text, b">;purpose=icon").is_none());
    }

    #[test]
    fn a_reason_that_is_written_is_read_again(reason in "[^\\x00-\\x1f\\x7f]{1,80}") {
        let caller = ProvenCaller { reason: Some(reason.as_str().into()), ..ProvenCaller::default() };
        let values = proven(&caller, DisplayName::Other);
        let read = CallInfo::parse(&values[0]).unwrap();
        let again = read.reason();
        prop_assert_eq!(again.as_deref(), Some(reason.as_str()));
    }
}

#[test]
fn the_card_that_a_message_has_itself() {
    let json = r#"["vcard",[["fn",{},"text","Q, or so"]]]"#;
    let escaped = "%5B%22vcard%22,%5B%5B%22fn%22,%7B%7D,%22text%22,%22Q%2C%20or%20so%22%5D%5D%5D";
    let inline = format!("Call-Info: <data:application/json,{escaped}>;purpose=jcard\r\n");
    let base64 = data_url::url("application/json", json.as_bytes());
    let base64 = format!("Call-Info: <{base64}>;purpose=\"jcard\"\r\n");
    let bare = format!("Call-Info: <data:application/json;charset=utf-8,{json}>;purpose=jcard\r\n");
    let card_of = |lines: &str| card(&request(lines)).map(String::from);
    for one in [&inline, &base64, &bare] {
        assert_eq!(card_of(one).as_deref(), Some(json), "{one}");
        let beside = format!("{one}Call-Info: <data:>;purpose=jcard;call-reason=\"r\"\r\n");
        assert_eq!(card_of(&beside).as_deref(), Some(json), "{beside}");
    }
    let elsewhere = "Call-Info: <https://example.com/q.json>;purpose=jcard\r\n";
    for none in [
        &format!("{inline}{base64}"),
        &format!("{inline}{elsewhere}"),
        elsewhere,
        "Call-Info: <data:text/plain,%5B%5D>;purpose=jcard\r\n",
        "Call-Info: <data:application/json>;purpose=jcard\r\n",
        "Call-Info: <data:application/json,%FF>;purpose=jcard\r\n",
        "Call-Info: <data:application/json,%5B%5D>;purpose=icon\r\n",
        "",
    ] {
        assert_eq!(card_of(none), None, "{none}");
    }
}
