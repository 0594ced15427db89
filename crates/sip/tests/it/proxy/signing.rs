//! Calls that are signed on their way out.
//!
//! ```text
//!   caller            proxy             callee
//!     │ INVITE ────────▶│                 │
//!     │◀──────────── 100│ ⇄ host: sign    │
//!     │                 │ INVITE+Identity▶│
//! ```

use super::{START, Table, hop, invite, request, trunk};
use countersign::call::DateHeader;
use countersign::time::UnixTime;
use countersign_sip::element::{Handling, SignatureFate};
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{ExistingIdentity, Role, Trunk};

const OURS: &str = "our.own.token;info=<https://cert.example/c.pem>;alg=ES256;ppt=shaken";
const THEIRS: &str = "Identity: their.own.token;info=<https://x.example/c.pem>\r\n";

fn signing() -> Trunk {
    let mut trunk = trunk();
    trunk.role = Role::Sign;
    trunk
}

/// This test verifies that 100 leaves before anything is signed, and that the Identity comes with the Date it speaks of.
#[test]
fn a_call_is_signed() {
    let mut table = Table::new(signing());
    table.caller(&invite(""));
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 100 Trying"]);
    let call = &table.sign[0].call;
    assert_eq!(call.orig.as_ref().unwrap().to_string(), "12025550100");
    assert_eq!(call.dest[0].0.to_string(), "12025550101");
    assert_eq!(call.date, DateHeader::At(UnixTime::from_secs(START)));
    table.signed(Some(OURS));
    let outgoing = table.one();
    assert_eq!(outgoing.values("Identity"), [OURS]);
    assert_eq!(outgoing.values("Date"), ["Fri, 25 Sep 2015 19:12:25 GMT"]);
    table.answer(&outgoing, "200 OK");
    let finished = table.finished();
    assert_eq!(
        (finished.handling, finished.signature),
        (Handling::Call, SignatureFate::Added)
    );
    table.ends_clean();
}

/// This test verifies that a call is signed once, however often its INVITE comes and leaves (case 80).
#[test]
fn case80_no_retransmission_is_signed_again() {
    let mut trunk = signing();
    trunk.next_hops.push(hop(Transport::Udp, "192.0.2.21:5060"));
    let mut table = Table::new(trunk);
    table.caller(&invite(""));
    table.caller(&invite(""));
    table.signed(Some(OURS));
    table.signed(Some("another.one.now"));
    table.caller(&invite(""));
    table.wait(33_000);
    assert_eq!(table.sign.len(), 1);
    let invites: Vec<_> = table
        .sent()
        .into_iter()
        .filter(|sent| sent.first_line().starts_with("INVITE"))
        .collect();
    assert!(invites.len() > 7, "seven to the first hop, then the second");
    assert!(invites.iter().all(|sent| sent.values("Identity") == [OURS]));
}

/// This test verifies that a date that is there is left there.
#[test]
fn an_existing_date_stays() {
    let mut table = Table::new(signing());
    table.caller(&invite("Date: Fri, 25 Sep 2015 19:12:20 GMT\r\n"));
    assert_eq!(
        table.sign[0].call.date,
        DateHeader::At(UnixTime::from_secs(START - 5))
    );
    table.signed(Some(OURS));
    assert_eq!(
        table.sent()[1].values("Date"),
        ["Fri, 25 Sep 2015 19:12:20 GMT"]
    );
}

/// This test verifies that a refusal lets the call go on without, and says so.
#[test]
fn a_refused_call_goes_on_unsigned() {
    let mut table = Table::new(signing());
    table.caller(&invite(""));
    table.sent();
    table.signed(None);
    let outgoing = table.one();
    assert!(outgoing.values("Identity").is_empty() && outgoing.values("Date").is_empty());
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.finished().signature, SignatureFate::Refused);
}

/// This test verifies that a key that takes too long does not hold the call.
#[test]
fn a_signature_that_does_not_come_is_not_waited_for() {
    let mut table = Table::new(signing());
    table.caller(&invite(""));
    table.sent();
    table.wait(499);
    assert_eq!(table.lines(), [""; 0]);
    table.wait(1);
    let outgoing = table.one();
    assert!(outgoing.values("Identity").is_empty());
    assert_eq!(table.forgotten.len(), 1);
    table.signed(Some(OURS));
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    assert_eq!(table.finished().signature, SignatureFate::Late);
    table.ends_clean();
}

/// This test verifies what becomes of an Identity that is there already.
#[test]
fn an_existing_identity_is_kept_replaced_or_added_to() {
    let theirs = "their.own.token;info=<https://x.example/c.pem>";
    for (existing, expected) in [
        (ExistingIdentity::Keep, vec![theirs]),
        (ExistingIdentity::Replace, vec![OURS]),
        (ExistingIdentity::Add, vec![theirs, OURS]),
    ] {
        let mut trunk = signing();
        trunk.existing_identity = existing;
        let mut table = Table::new(trunk);
        table.caller(&invite(THEIRS));
        if existing == ExistingIdentity::Keep {
            assert!(table.sign.is_empty());
        } else {
            table.signed(Some(OURS));
        }
        assert_eq!(
            table.sent().pop().unwrap().values("Identity"),
            expected,
            "{existing:?}"
        );
    }
}

/// This test verifies that an empty Identity, which some switches write to ask for a signature, is none.
#[test]
fn an_empty_identity_is_none() {
    let mut table = Table::new(signing());
    table.caller(&invite("Identity:\r\ny: ,\r\n"));
    assert_eq!(table.sign.len(), 1);
    table.signed(Some(OURS));
    let outgoing = table.sent().pop().unwrap();
    assert_eq!(outgoing.values("Identity"), [OURS]);
    assert!(
        !outgoing.text.contains("Identity:\r\n") && outgoing.values("y").is_empty(),
        "one that has been served is gone"
    );
}

/// This test verifies that nothing but an INVITE is signed for its priority (RFC 8443 §7.1): of all others nobody asks for it.
#[test]
fn digest11_case22_priority_is_signed_for_calls_only() {
    let asks = "Resource-Priority: ets.0\r\n";
    for method in ["INVITE", "OPTIONS", "MESSAGE", "REGISTER", "SUBSCRIBE"] {
        let mut trunk = signing();
        trunk.signed_priority = vec!["ets.0".parse().unwrap()];
        let mut table = Table::new(trunk);
        table.caller(&request(method, "z9hG4bKone", asks));
        let asked = table.sign.iter().map(|sign| &sign.call.priority.values);
        let asked: Vec<_> = asked.map(|values| values[0].as_str()).collect();
        assert_eq!(asked.is_empty(), method != "INVITE", "{method} {asked:?}");
        let sent = table.sent();
        assert!(sent.iter().all(|sent| sent.values("Identity").is_empty()));
    }
}

/// This test verifies that emergency calls go on at once, unsigned: by service URN, or by a number of the trunk.
#[test]
fn emergency_calls_go_straight_through() {
    for uri in [
        "urn:service:sos",
        "urn:service:sos.fire",
        "sip:911@b.example",
    ] {
        let mut trunk = signing();
        trunk.emergency_numbers = vec!["911".parse().unwrap()];
        let mut table = Table::new(trunk);
        table.caller(&invite("").replacen("sip:+12025550101@b.example", uri, 1));
        assert_eq!(table.lines()[1], format!("callee/udp INVITE {uri} SIP/2.0"));
        assert!(table.sign.is_empty());
    }
}
