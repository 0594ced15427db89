//! Callers who want to stay private, at the border of a trust domain and inside it.
//!
//! ```text
//!   caller ──▶ proxy ──▶ next hop inside the trust domain: gets P-Asserted-Identity
//!                 └────▶ next hop outside: gets none that the caller wants withheld
//! ```

use super::{Sent, Table, invite, trunk};
use countersign::call::OrigSource;
use countersign::verification::Verdict;
use countersign_sip::call::TrustPai;
use countersign_sip::trunk::{Mode, NextHopTrust, RedirectDialect, Role, Trunk};

const ASSERTED: &str = "P-Asserted-Identity: <sip:+12025550100@a.example>, <tel:+12025550100>\r\n";
const IDENTITY: &str = "a.b.c;info=<https://cert.example/c.pem>";

fn believed(role: Role, next_hop_trust: NextHopTrust) -> Trunk {
    let mut trunk = trunk();
    trunk.role = role;
    trunk.call.trust_pai = TrustPai::Trusted;
    trunk.next_hop_trust = next_hop_trust;
    trunk
}

/// A call of a caller who is anonymous in From.
fn anonymous(headers: &str) -> String {
    let call = invite(headers);
    let from = "<sip:+12025550100@a.example>;tag=caller";
    assert!(call.contains(from));
    let nobody = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=caller";
    call.replacen(from, nobody, 1)
}

fn last(table: &mut Table) -> Sent {
    table.sent().pop().unwrap()
}

/// This test verifies that `Privacy: id` withholds the asserted identity from whom nobody trusts, verdict or not, and that `none` and
/// silence do not; and that the header itself and the proof of the call are passed.
#[test]
fn privacy_at_the_border() {
    use NextHopTrust::{Inside, Outside};
    for role in [Role::None, Role::Verify] {
        for (trust, privacy, passed) in [
            (Inside, "Privacy: id\r\n", true),
            (Inside, "", true),
            (Outside, "Privacy: id\r\n", false),
            (Outside, "Privacy: user;id;critical\r\n", false),
            (Outside, "Privacy: none\r\n", true),
            (Outside, "Privacy: user\r\n", true),
            (Outside, "", true),
        ] {
            let mut table = Table::new(believed(role, trust));
            table.caller(&invite(&format!(
                "{ASSERTED}{privacy}Identity: {IDENTITY}\r\n"
            )));
            if role == Role::Verify {
                table.judged(Verdict::Passed);
            }
            let sent = last(&mut table);
            let count = sent.values("P-Asserted-Identity").len();
            assert_eq!(count, usize::from(passed), "{role:?} {trust:?} {privacy}");
            // Nobody but us removes anything else.
            assert_eq!(sent.values("Identity"), [IDENTITY]);
            let kept = sent.values("Privacy").len();
            assert_eq!(kept, usize::from(!privacy.is_empty()));
            let verdict = sent.text.contains("verstat=");
            assert_eq!(verdict, passed && role == Role::Verify);
        }
    }
}

/// This test verifies that emergency services learn who calls, by whichever method and as whatever their number is configured, and that
/// writing them into To is not enough.
#[test]
fn emergency_services_learn_who_calls() {
    let called = "sip:+12025550101@b.example SIP/2.0";
    for (uri, method, is_seen) in [
        ("urn:service:sos", "INVITE", true),
        ("urn:service:sos.fire", "MESSAGE", true),
        ("sip:911@b.example", "INVITE", true),
        ("sip:912@b.example", "INVITE", false),
    ] {
        let mut trunk = believed(Role::Verify, NextHopTrust::Outside);
        trunk.emergency_numbers = vec!["911".parse().unwrap()];
        let mut table = Table::new(trunk);
        let call = anonymous(&format!("{ASSERTED}Privacy: id\r\n"));
        let call = call.replacen(called, &format!("{uri} SIP/2.0"), 1);
        let call = call.replacen(
            "To: <sip:+12025550101@b.example>",
            "To: <urn:service:sos>",
            1,
        );
        table.caller(&call.replace("INVITE", method));
        if !is_seen {
            table.judged(Verdict::Unsigned);
        }
        let sent = last(&mut table);
        let asserted = sent.values("P-Asserted-Identity");
        assert_eq!(!asserted.is_empty(), is_seen, "{method} {uri}");
        assert_eq!(sent.values("Privacy"), ["id"]);
    }
}

/// This test verifies that an anonymous caller with an asserted number is signed with it, and the number stays where the trust domain
/// ends; the Identity, which has it, is not removed (cases 46 and 47; RFC 8224 §11 leaves it to the signer).
#[test]
fn case47_an_anonymous_caller_with_an_asserted_number_is_signed() {
    let mut table = Table::new(believed(Role::Sign, NextHopTrust::Outside));
    table.caller(&anonymous(&format!("{ASSERTED}Privacy: id\r\n")));
    let call = &table.sign[0].call;
    assert_eq!(call.orig.as_ref().unwrap().to_string(), "12025550100");
    assert_eq!(call.orig_from, OrigSource::PAssertedIdentity);
    table.signed(Some(IDENTITY));
    let sent = last(&mut table);
    assert!(sent.values("P-Asserted-Identity").is_empty());
    assert_eq!(sent.values("Identity"), [IDENTITY]);
    let from = sent.values("From");
    assert_eq!(
        from,
        ["\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=caller"]
    );
}

/// This test verifies that what is judged is the asserted number, in every way an anonymous From is written, and that without one nobody
/// is judged as if somebody had lied.
#[test]
fn digest12_case20_an_anonymous_from_with_an_asserted_number() {
    for (nobody, alone) in [
        ("sip:anonymous@anonymous.invalid", None),
        ("sip:Anonymous@192.0.2.10", Some("sip:anonymous@192.0.2.10")),
        ("sip:restricted@unknown.invalid", None),
        ("sip:+12025550199@anonymous.invalid", None),
    ] {
        for (asserted, orig) in [(ASSERTED, Some("12025550100")), ("", alone)] {
            let mut table = Table::new(believed(Role::Verify, NextHopTrust::Inside));
            let call = anonymous(&format!("{asserted}Identity: {IDENTITY}\r\n"));
            table.caller(&call.replacen("sip:anonymous@anonymous.invalid", nobody, 1));
            let found = table.judge[0].call.orig.as_ref();
            assert_eq!(found.map(ToString::to_string).as_deref(), orig, "{nobody}");
        }
    }
}

/// This test verifies that an anonymous caller without an asserted number is not an error on any way: it goes on unsigned.
#[test]
fn an_anonymous_caller_goes_on_unsigned() {
    let mut table = Table::new(believed(Role::Sign, NextHopTrust::Outside));
    table.caller(&anonymous("Privacy: id\r\n"));
    assert_eq!(table.sign[0].call.orig, None);
    table.signed(None);
    let sent = last(&mut table);
    assert!(sent.first_line().starts_with("INVITE "));
    assert!(sent.values("Identity").is_empty());
}

/// This test verifies that a switch that asks is told about the identity that it asserted, and that one whose assertions nobody believes
/// gets back what is in From already.
#[test]
fn a_redirected_caller_is_told_to_nobody_else() {
    for (trust_pai, expected) in [
        (TrustPai::Trusted, "12025550100"),
        (TrustPai::Ignored, "anonymous@anonymous.invalid"),
    ] {
        let mut trunk = believed(Role::Verify, NextHopTrust::Outside);
        trunk.call.trust_pai = trust_pai;
        trunk.next_hops.clear();
        trunk.mode = Mode::Redirect(RedirectDialect::default());
        let mut table = Table::new(trunk);
        table.caller(&anonymous(&format!(
            "{ASSERTED}Privacy: id\r\nIdentity: {IDENTITY}\r\n"
        )));
        table.judged(Verdict::Passed);
        let sent = last(&mut table);
        let asserted = sent.values("P-Asserted-Identity").join(" ");
        assert!(asserted.contains(expected), "{asserted}");
        let other = asserted.contains("12025550100") == (trust_pai == TrustPai::Trusted);
        assert!(other, "{asserted}");
    }
}
