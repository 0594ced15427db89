//! What a switch says beside its call: which attestation it asks for, and whether it wants a signature or a verdict.

use super::{Table, invite, trunk};
use countersign::passport::Attestation;
use countersign::verification::{Fault, Verdict};
use countersign_sip::trunk::{
    Mode, RedirectDialect, Rejection, RejectionStatus, Role, Treatment, Trunk,
};

fn asking(role: Role) -> Trunk {
    let mut trunk = trunk();
    trunk.role = role;
    trunk.attestation_header = Some("Attestation".into());
    trunk
}

fn redirected(role: Role) -> Trunk {
    let mut trunk = trunk();
    trunk.next_hops.clear();
    trunk.mode = Mode::Redirect(RedirectDialect::default());
    trunk.role = role;
    trunk
}

/// This test verifies that a request may ask for less than its trunk may have, never for more, and only on a trunk that says so.
#[test]
fn the_lower_attestation_is_asked_for() {
    use Attestation::{A, B, C};
    for (ceiling, header, asked) in [
        (None, "", None),
        (None, "Attestation: B\r\n", Some(B)),
        (Some(B), "Attestation: A\r\n", Some(B)),
        (Some(B), "attestation: c\r\n", Some(C)),
        (Some(A), "Attestation: what?\r\n", Some(C)),
        (Some(A), "", Some(A)),
    ] {
        let mut trunk = asking(Role::Sign);
        trunk.attestation_asked = ceiling;
        let mut table = Table::new(trunk);
        table.caller(&invite(header));
        assert_eq!(table.sign[0].asked, asked, "{ceiling:?} {header}");
    }
    let mut trunk = asking(Role::Sign);
    trunk.attestation_header = None;
    let mut table = Table::new(trunk);
    table.caller(&invite("Attestation: C\r\n"));
    assert_eq!(table.sign[0].asked, None);
}

/// This test verifies that what was asked of us is not asked of the next element.
#[test]
fn the_question_goes_no_further() {
    let mut table = Table::new(asking(Role::Sign));
    table.caller(&invite("Attestation: B\r\nX-Kept: 1\r\n"));
    table.signed(Some("a.b.c;info=<https://x.example/c>"));
    let sent = table.sent();
    let outgoing = sent.last().unwrap();
    assert!(outgoing.values("Attestation").is_empty());
    assert_eq!(outgoing.values("X-Kept"), ["1"]);
}

fn with_qtype(qtype: &str, headers: &str) -> String {
    let call = invite(headers);
    let from = call
        .lines()
        .find(|line| line.starts_with("From: "))
        .unwrap();
    call.replace(from, &format!("{from};qtype={qtype};otg=000200"))
}

const IDENTITY: &str = "Identity: a.b.c;info=<https://x.example/c>\r\n";

/// This test verifies that on a trunk of both roles the switch decides what it wants, with an Identity that asks (an empty one) and
/// without; and that a trunk of one role does what that says.
#[test]
fn the_type_of_the_query_decides() {
    for (role, qtype, headers, signs) in [
        (Role::Both, "sti-as", "", true),
        (Role::Both, "sti-as", "Identity:\r\n", true),
        (Role::Both, "sti-vs", IDENTITY, false),
        (Role::Both, "sti-vs", "", false),
        (Role::Both, "else", IDENTITY, false),
        (Role::Both, "else", "", true),
        (Role::Sign, "sti-vs", "", true),
        (Role::Verify, "sti-as", "", false),
    ] {
        let mut table = Table::new(redirected(role));
        table.caller(&with_qtype(qtype, headers));
        let asked = (table.sign.len(), table.judge.len());
        let expected = if signs { (1, 0) } else { (0, 1) };
        assert_eq!(asked, expected, "{role:?} {qtype} {headers}");
    }
    // Whoever only passes calls on cannot choose to have them signed instead of judged.
    let mut table = Table::new(asking(Role::Both));
    table.caller(&with_qtype("sti-as", IDENTITY));
    assert_eq!((table.sign.len(), table.judge.len()), (0, 1));
}

/// This test verifies that an empty Identity asks for one, and does not come back.
#[test]
fn case42_an_empty_identity_asks_for_one() {
    let mut table = Table::new(redirected(Role::Sign));
    table.caller(&invite("Identity: \r\n"));
    table.signed(Some("a.b.c;info=<https://x.example/c>"));
    let sent = table.sent();
    assert_eq!(
        sent[1].values("Identity"),
        ["a.b.c;info=<https://x.example/c>"]
    );
}

/// This test verifies that a rejection is told in the words of the trunk, and what it was for in those of RFC 9410.
#[test]
fn a_rejection_in_the_words_of_the_trunk() {
    let rejecting = |status, text: Option<&str>| {
        let mut trunk = asking(Role::Verify);
        trunk.treatment = Treatment::Reject {
            not_validated: Default::default(),
            unsigned: Default::default(),
        };
        let text = text.map(Box::from);
        trunk.rejection = Rejection { status, text };
        let mut table = Table::new(trunk);
        table.caller(&invite(IDENTITY));
        table.judged(Verdict::Failed(Fault::SignatureInvalid));
        let sent = table.sent().pop().unwrap();
        let reasons = sent.values("Reason").into_iter().map(str::to_owned);
        (sent.first_line().to_owned(), reasons.collect::<Vec<_>>())
    };
    let stir = "STIR;cause=438;text=\"Invalid Identity Header\"".to_owned();
    let blocked = |status| format!("SIP;cause={status};text=\"sti-blocked\"");
    let (line, reasons) = rejecting(Some(RejectionStatus::Decline), Some("sti-blocked"));
    assert_eq!(line, "SIP/2.0 603 Decline");
    assert_eq!(reasons, [blocked(603), stir.clone()]);
    let (line, reasons) = rejecting(None, Some("sti-blocked"));
    assert_eq!(line, "SIP/2.0 438 Invalid Identity Header");
    assert_eq!(reasons, [blocked(438)]);
    let (line, reasons) = rejecting(Some(RejectionStatus::Unwanted), None);
    assert_eq!(line, "SIP/2.0 607 Unwanted");
    assert_eq!(reasons, [stir]);
    let (_, reasons) = rejecting(None, None);
    assert!(reasons.is_empty());
}

/// This test verifies that a call that goes back although it failed tells why, and one that passed or was unsigned has nothing to tell.
#[test]
fn a_302_tells_what_is_wrong() {
    for (verdict, reason) in [
        (Verdict::Passed, None),
        (Verdict::Unsigned, None),
        (
            Verdict::NotValidated(Fault::CertificateUnavailable),
            Some("STIR;cause=436;text=\"Bad Identity Info\""),
        ),
    ] {
        let mut table = Table::new(redirected(Role::Verify));
        table.caller(&invite(IDENTITY));
        table.judged(verdict);
        let answer = table.sent().pop().unwrap();
        assert_eq!(answer.first_line(), "SIP/2.0 302 Moved Temporarily");
        assert_eq!(answer.values("Reason").first().copied(), reason);
    }
}
