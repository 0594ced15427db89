//! Calls that are answered with where to go, instead of being sent on.
//!
//! ```text
//!   switch            element
//!     │ INVITE ────────▶│
//!     │◀──────────── 100│ ⇄ host: sign, or judge
//!     │◀── 302+Identity │
//!     │ ACK ───────────▶│   nothing else goes anywhere
//! ```

use super::{Table, invite, trunk};
use countersign::verification::{Fault, Verdict};
use countersign_sip::element::{Event, Handling, SignatureFate};
use countersign_sip::trunk::{
    Mode, NothingAdded, RedirectDialect, RedirectForm, Role, Treatment, Trunk,
};

const OURS: &str = "our.own.token;info=<https://cert.example/c.pem>;alg=ES256;ppt=shaken";

fn redirecting(role: Role) -> Trunk {
    let mut trunk = trunk();
    trunk.next_hops.clear();
    trunk.mode = Mode::Redirect(RedirectDialect::default());
    trunk.role = role;
    trunk
}

fn ack_for(answer: &str) -> String {
    let to = answer.lines().find(|line| line.starts_with("To: "));
    let ack = invite("").replace("INVITE", "ACK");
    let theirs = ack.lines().find(|line| line.starts_with("To: ")).unwrap();
    ack.replace(theirs, to.unwrap())
}

/// This test verifies that a call is answered with its signature, that a repeated INVITE gets the very same answer (case 80: the same
/// origid), and that its ACK ends here.
#[test]
fn case80_a_call_is_signed_and_sent_back() {
    let mut table = Table::new(redirecting(Role::Sign));
    table.caller(&invite(""));
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 100 Trying"]);
    table.signed(Some(OURS));
    let answer = table.one();
    assert_eq!(answer.first_line(), "SIP/2.0 302 Moved Temporarily");
    assert_eq!(answer.values("Identity"), [OURS]);
    assert_eq!(answer.values("Date"), ["Fri, 25 Sep 2015 19:12:25 GMT"]);
    let uri = invite("").split(' ').nth(1).unwrap().to_owned();
    assert_eq!(answer.values("Contact"), [format!("<{uri}>")]);

    table.caller(&invite(""));
    assert_eq!(table.one().text, answer.text);
    table.caller(&ack_for(&answer.text));
    table.caller(&invite(""));
    table.caller(&ack_for(&answer.text));
    assert!(table.sent().is_empty(), "the ACK went nowhere");
    assert_eq!(table.sign.len(), 1);
    let finished = table.finished();
    assert_eq!(
        (finished.handling, finished.signature, finished.status),
        (Handling::Call, SignatureFate::Added, Some(302))
    );
    table.ends_clean();
}

/// This test verifies that the verdict comes back on P-Asserted-Identity, and that the one the switch brought does not.
#[test]
fn a_call_is_judged_and_sent_back() {
    let mut table = Table::new(redirecting(Role::Verify));
    table.caller(&invite(
        "P-Asserted-Identity: <sip:+12025550199;verstat=TN-Validation-Passed@x>\r\nIdentity: a.b.c;info=<https://x.example/c>\r\n",
    ));
    table.judged(Verdict::Passed);
    let sent = table.sent();
    let answer = sent.last().unwrap();
    assert_eq!(answer.first_line(), "SIP/2.0 302 Moved Temporarily");
    let [asserted] = answer.values("P-Asserted-Identity")[..] else {
        panic!("{}", answer.text)
    };
    assert!(asserted.contains("12025550100;verstat=TN-Validation-Passed@"));
    assert!(answer.values("Identity").is_empty());
    table.ends_clean();
}

/// This test verifies that the other dialects reach the wire, and that what was not signed is answered as the trunk says.
#[test]
fn dialects() {
    for (form, name) in [
        (RedirectForm::XHeaders, "\r\nX-Identity: "),
        (
            RedirectForm::Contact,
            "&Identity=our.own.token%3Binfo%3D%3C",
        ),
    ] {
        let mut trunk = redirecting(Role::Sign);
        let nothing_added = NothingAdded::ServiceUnavailable;
        trunk.mode = Mode::Redirect(RedirectDialect {
            form,
            nothing_added,
        });
        let mut table = Table::new(trunk);
        table.caller(&invite(""));
        table.signed(Some(OURS));
        let sent = table.sent();
        assert!(sent[1].text.contains(name), "{}", sent[1].text);
        table.ends_clean();
        table.caller(&invite(""));
        table.signed(None);
        assert_eq!(
            table.sent()[1].first_line(),
            "SIP/2.0 503 Service Unavailable"
        );
        table.ends_clean();
    }
}

/// This test verifies that a trunk that rejects does so here, too.
#[test]
fn what_fails_is_refused() {
    let mut trunk = redirecting(Role::Verify);
    trunk.treatment = Treatment::Reject {
        not_validated: Default::default(),
        unsigned: Default::default(),
    };
    let mut table = Table::new(trunk);
    table.caller(&invite("Identity: a.b.c;info=<https://x.example/c>\r\n"));
    table.judged(Verdict::Failed(Fault::SignatureInvalid));
    let sent = table.sent();
    assert_eq!(sent[1].first_line(), "SIP/2.0 438 Invalid Identity Header");
    table.ends_clean();
}

/// This test verifies that nothing but a call is taken: no dialog is here, and no other method is redirected.
#[test]
fn nothing_but_calls() {
    let mut table = Table::new(redirecting(Role::Sign));
    let mut first_line = |text: &str| {
        table.caller(text);
        let sent = table.sent();
        sent.last().map(|sent| sent.first_line().to_owned())
    };
    let call = invite("");
    let answer = |status: &str| Some(format!("SIP/2.0 {status}"));
    let in_dialog = call.replace(
        "To: <sip:+12025550101@b.example>",
        "To: <sip:+12025550101@b.example>;tag=9",
    );
    assert_ne!(in_dialog, call);
    let no_dialog = answer("481 Call/Transaction Does Not Exist");
    assert_eq!(first_line(&in_dialog), no_dialog);
    assert_eq!(first_line(&in_dialog.replace("INVITE", "BYE")), no_dialog);
    assert_eq!(first_line(&call.replace("INVITE", "ACK")), None);
    assert_eq!(
        first_line(&call.replace("INVITE", "MESSAGE")),
        answer("405 Method Not Allowed")
    );
    assert_eq!(
        first_line(&call.replace("INVITE", "OPTIONS")),
        answer("200 OK")
    );
    let last_hop = call.replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(
        first_line(&last_hop.replace("branch=z9hG4bK", "branch=z9hG4bKx")),
        answer("100 Trying")
    );
}

/// This test verifies that a CANCEL finds its call, before the answer and after it.
#[test]
fn a_cancel_is_answered() {
    let mut table = Table::new(redirecting(Role::Sign));
    table.caller(&invite(""));
    table.caller(&invite("").replace("INVITE", "CANCEL"));
    let lines = table.lines();
    assert!(
        lines.contains(&"caller/udp SIP/2.0 200 OK".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"caller/udp SIP/2.0 487 Request Terminated".to_owned()),
        "{lines:?}"
    );
    table.signed(Some(OURS));
    assert!(table.sent().is_empty(), "nobody waits for it");
    table.ends_clean();
    assert!(
        !table
            .events()
            .iter()
            .any(|event| matches!(event, Event::Dropped(_)))
    );
}

/// This test verifies that an emergency call is sent back at once, unsigned, with a code that nobody takes for a refusal.
#[test]
fn an_emergency_call_is_never_told_no() {
    let mut trunk = redirecting(Role::Both);
    trunk.mode = Mode::Redirect(RedirectDialect {
        nothing_added: NothingAdded::ServiceUnavailable,
        ..RedirectDialect::default()
    });
    let mut table = Table::new(trunk);
    table.caller(&invite("").replace(
        "INVITE sip:+12025550101@b.example",
        "INVITE urn:service:sos",
    ));
    let sent = table.sent();
    assert_eq!(sent[1].first_line(), "SIP/2.0 302 Moved Temporarily");
    assert_eq!(sent[1].values("Contact"), ["<urn:service:sos>"]);
    assert!(table.sign.is_empty());
    assert_eq!(table.finished().handling, Handling::Emergency);
    table.ends_clean();
}
