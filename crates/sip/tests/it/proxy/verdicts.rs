//! Calls that are judged on their way in: tagged, rejected, or let through when nobody can wait any longer.
//!
//! ```text
//!   caller            proxy             callee
//!     │ INVITE+Identity▶│                 │
//!     │◀──────────── 100│ ⇄ host: judge   │
//!     │                 │ INVITE+verstat ▶│      or ◀── 438
//! ```

use super::{Table, ack, invite, trunk};
use countersign::passport::Attestation;
use countersign::verification::{Code, Fault, Verdict, VerstatProfile};
use countersign_sip::call::TrustPai;
use countersign_sip::element::{Handling, Input, Judgement, SignatureFate};
use countersign_sip::trunk::{
    AttestationSuffix, ExistingIdentity, Leniency, Role, Treatment, Trunk,
};

const IDENTITY: &str = "Identity: a.b.c;info=<https://x.example/c.pem>;ppt=shaken\r\n";

fn verifying() -> Trunk {
    let mut trunk = trunk();
    trunk.role = Role::Verify;
    trunk
}

fn rejecting(not_validated: Leniency, unsigned: Leniency) -> Trunk {
    Trunk {
        treatment: Treatment::Reject {
            not_validated,
            unsigned,
        },
        ..verifying()
    }
}

/// What is asserted in the INVITE that follows a verdict.
fn asserted(trunk: Trunk, headers: &str, verdict: Verdict) -> Vec<String> {
    let mut table = Table::new(trunk);
    table.caller(&invite(headers));
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 100 Trying"]);
    table.judged(verdict);
    let outgoing = table.one();
    assert!(outgoing.first_line().starts_with("INVITE"));
    let asserted = outgoing.values("P-Asserted-Identity");
    asserted.into_iter().map(Into::into).collect()
}

/// This test verifies that the verdict is written on an assertion of ours, by profile, and never on From.
#[test]
fn every_verdict_is_told_by_verstat() {
    for (verdict, profile, text) in [
        (
            Verdict::Passed,
            VerstatProfile::Atis1000082,
            "TN-Validation-Passed",
        ),
        (
            Verdict::Failed(Fault::SignatureInvalid),
            VerstatProfile::Atis1000082,
            "TN-Validation-Failed",
        ),
        (
            Verdict::Failed(Fault::DestMismatch),
            VerstatProfile::Atis1000082,
            "No-TN-Validation",
        ),
        (
            Verdict::Failed(Fault::DestMismatch),
            VerstatProfile::Field,
            "TN-Validation-Failed",
        ),
        (
            Verdict::NotValidated(Fault::CertificateUnavailable),
            VerstatProfile::Field,
            "No-TN-Validation",
        ),
        (Verdict::Unsigned, VerstatProfile::Field, "No-TN-Validation"),
    ] {
        let mut trunk = verifying();
        trunk.verstat.profile = profile;
        assert_eq!(
            asserted(trunk, IDENTITY, verdict),
            [format!("<sip:+12025550100;verstat={text}@a.example>")]
        );
    }
}

/// This test verifies that a caller cannot bring a verdict along.
#[test]
fn a_forged_verstat_is_taken_out() {
    let forged =
        "P-Asserted-Identity: <sip:+12025550199;verstat=TN-Validation-Passed@evil.example>\r\n";
    let mut table = Table::new(verifying());
    table.caller(&invite(forged).replace(
        "<sip:+12025550100@a.example>",
        "<sip:+12025550100;verstat=TN-Validation-Passed@a.example>",
    ));
    table.judged(Verdict::Unsigned);
    let outgoing = table.sent().pop().unwrap();
    assert!(
        !outgoing.text.contains("TN-Validation-Passed") && !outgoing.text.contains("12025550199"),
        "{}",
        outgoing.text
    );
    let mut trusting = verifying();
    trusting.call.trust_pai = TrustPai::Trusted;
    assert_eq!(
        asserted(trusting, forged, Verdict::Unsigned),
        ["<sip:+12025550199;verstat=No-TN-Validation@evil.example>"],
        "believed as to the number, never as to the verdict"
    );
}

/// This test verifies that the attestation is told where the trunk wants it, of calls that passed.
#[test]
fn the_attestation_may_be_told() {
    let mut trunk = verifying();
    trunk.verstat.suffix = AttestationSuffix::Appended;
    let mut table = Table::new(trunk);
    table.caller(&invite(IDENTITY));
    let id = table.judge[0].id;
    table.handle(Input::Judged {
        id,
        judgement: Judgement {
            verdict: Verdict::Passed,
            code: None,
            attestation: Some(Attestation::B),
            consequences: None,
            key: None,
            provider: None,
            msec: None,
        },
    });
    assert!(
        table.sent()[1]
            .text
            .contains(";verstat=TN-Validation-Passed-B@")
    );
}

/// This test verifies that what is presented reaches the host, in order, with the call.
#[test]
fn the_host_gets_the_call_and_all_it_presents() {
    let mut table = Table::new(verifying());
    table.caller(&invite(&format!(
        "{IDENTITY}y: d.e.f;info=<https://y.example/c.pem>\r\n"
    )));
    let judge = &table.judge[0];
    let tokens: Vec<_> = judge
        .presented
        .iter()
        .map(|one| one.as_ref().unwrap().token.to_string())
        .collect();
    assert_eq!(tokens, ["a.b.c", "d.e.f"]);
    assert_eq!(judge.call.orig.as_ref().unwrap().to_string(), "12025550100");
    let reference = judge.call.reference.as_ref().unwrap();
    assert_eq!(
        (&*reference.call_id, &*reference.from_tag),
        (b"call-1@a.example".as_slice(), b"caller".as_slice())
    );
}

/// This test verifies that a rejection has the code and phrase of its fault, is repeated until acknowledged, and calls nobody.
#[test]
fn a_failed_call_is_rejected() {
    for (fault, line) in [
        (
            Fault::SignatureInvalid,
            "SIP/2.0 438 Invalid Identity Header",
        ),
        (Fault::IatStale, "SIP/2.0 403 Stale Date"),
        (Fault::X5uInvalid, "SIP/2.0 436 Bad Identity Info"),
        (Fault::PathUntrusted, "SIP/2.0 437 Unsupported Credential"),
    ] {
        let mut table = Table::new(rejecting(Leniency::Forward, Leniency::Forward));
        table.caller(&invite(IDENTITY));
        table.judged(Verdict::Failed(fault));
        let rejection = table.sent().pop().unwrap();
        assert_eq!(rejection.first_line(), line);
        table.wait(500);
        assert_eq!(table.one().text, rejection.text);
        table.caller(&invite(IDENTITY));
        assert_eq!(table.one().text, rejection.text);
        assert_eq!(table.judge.len(), 1, "not judged again");
        table.caller(&ack(&rejection));
        table.wait(31_000);
        assert_eq!(table.lines(), [""; 0]);
        let finished = table.finished();
        assert_eq!(
            (finished.verdict, finished.forwarded),
            (Some(Verdict::Failed(fault)), None)
        );
        table.ends_clean();
    }
}

/// This test verifies that a code for the whole call overrides that of its fault: several Identity headers, RFC 8224 §6.2.2.
#[test]
fn the_code_of_the_call_counts() {
    let mut table = Table::new(rejecting(Leniency::Forward, Leniency::Forward));
    table.caller(&invite(IDENTITY));
    let id = table.judge[0].id;
    table.handle(Input::Judged {
        id,
        judgement: Judgement {
            verdict: Verdict::Failed(Fault::PathUntrusted),
            code: Some(Code::InvalidIdentityHeader),
            attestation: None,
            consequences: None,
            key: None,
            provider: None,
            msec: None,
        },
    });
    assert_eq!(
        table.lines()[1],
        "caller/udp SIP/2.0 438 Invalid Identity Header"
    );
}

/// This test verifies that what merely could not be validated, or is not signed, is rejected only where the trunk says so.
#[test]
fn only_what_the_trunk_says_is_rejected() {
    use Leniency::{Forward, Reject};
    let unavailable = Verdict::NotValidated(Fault::CertificateUnavailable);
    for (not_validated, unsigned, verdict, expected) in [
        (Forward, Forward, unavailable, "callee/udp INVITE"),
        (
            Reject,
            Forward,
            unavailable,
            "caller/udp SIP/2.0 436 Bad Identity Info",
        ),
        (Reject, Forward, Verdict::Unsigned, "callee/udp INVITE"),
        (
            Forward,
            Reject,
            Verdict::Unsigned,
            "caller/udp SIP/2.0 428 Use Identity Header",
        ),
        (Forward, Reject, unavailable, "callee/udp INVITE"),
        (Reject, Reject, Verdict::Passed, "callee/udp INVITE"),
    ] {
        let mut table = Table::new(rejecting(not_validated, unsigned));
        table.caller(&invite(""));
        table.judged(verdict);
        let last = table.lines().pop().unwrap();
        assert!(last.starts_with(expected), "{verdict:?}: {last}");
    }
}

/// This test verifies that nobody waits beyond the deadline: the host may judge with what it knows, and if it does not, we do.
#[test]
fn the_deadline_ends_the_wait() {
    let mut answered = Table::new(verifying());
    answered.caller(&invite(IDENTITY));
    answered.wait(499);
    assert!(answered.expired.is_empty());
    answered.wait(1);
    assert_eq!(answered.expired.len(), 1);
    answered.judged(Verdict::NotValidated(Fault::DeadlineExpired));
    assert!(answered.sent()[1].text.contains("verstat=No-TN-Validation"));
    answered.wait(1_000);
    assert_eq!(answered.forgotten, []);

    let mut stalled = Table::new(rejecting(Leniency::Forward, Leniency::Reject));
    stalled.caller(&invite(IDENTITY));
    let awaits = |(_, id): &(_, _)| stalled.element.awaits(*id);
    assert!(stalled.timers.iter().all(awaits));
    stalled.sent();
    stalled.wait(519);
    assert_eq!(stalled.lines(), [""; 0]);
    stalled.wait(1);
    let outgoing = stalled.one();
    assert!(outgoing.text.contains("verstat=No-TN-Validation"));
    assert_eq!(stalled.forgotten.len(), 1);
    stalled.judged(Verdict::Failed(Fault::SignatureInvalid));
    assert_eq!(stalled.lines(), [""; 0], "too late");
    stalled.answer(&outgoing, "200 OK");
    assert_eq!(
        stalled.finished().verdict,
        Some(Verdict::NotValidated(Fault::DeadlineExpired))
    );
    stalled.ends_clean();
}

/// This test verifies that emergency calls are not judged, and that an emergency only in To, which anybody can write, is none.
#[test]
fn emergency_calls_are_not_judged() {
    let mut table = Table::new(rejecting(Leniency::Reject, Leniency::Reject));
    table.caller(&invite(IDENTITY).replacen("sip:+12025550101@b.example", "urn:service:sos", 1));
    let outgoing = table.sent().remove(1);
    assert!(table.judge.is_empty());
    assert_eq!(outgoing.first_line(), "INVITE urn:service:sos SIP/2.0");
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.finished().handling, Handling::Emergency);
    let pretended = invite(IDENTITY)
        .replace("To: <sip:+12025550101@b.example>", "To: <urn:service:sos>")
        .replace("z9hG4bKone", "z9hG4bKtwo");
    table.caller(&pretended);
    assert_eq!(table.judge.len(), 1);
}

/// This test verifies that nobody gets around a judgement by calling for help and having a Route lead somewhere else: one without `lr`
/// takes the place of the Request-URI.
#[test]
fn a_route_that_leads_elsewhere_is_no_emergency() {
    let help = |route: &str| {
        let text = invite(&format!("Route: {route}\r\n{IDENTITY}"));
        text.replacen("sip:+12025550101@b.example", "urn:service:sos", 1)
    };
    for (route, judged) in [
        ("<sip:proxy.example;lr>, <sip:psap.example;lr>", 0),
        ("<sip:+12025550101@b.example>", 1),
        ("<sip:proxy.example;lr>, <sip:+12025550101@b.example>", 1),
    ] {
        let mut table = Table::new(rejecting(Leniency::Reject, Leniency::Reject));
        table.caller(&help(route));
        assert_eq!(table.judge.len(), judged, "{route}");
    }
}

const TO: &str = "To: <sip:+12025550101@b.example>";
const PASSED: &str =
    "P-Asserted-Identity: <sip:+12025550199;verstat=TN-Validation-Passed@evil.example>\r\n";

fn with_to_tag(invite: &str) -> String {
    invite.replace(TO, &format!("{TO};tag=invented"))
}

/// This test verifies that nobody brings a verdict along by pretending to be inside a dialog, or to call for help: whether the
/// asserted number is believed or not, no verdict on a verifying trunk is anybody's but ours.
#[test]
fn what_is_not_judged_carries_no_verdict() {
    let emergency =
        |text: String| text.replacen("sip:+12025550101@b.example", "urn:service:sos", 1);
    for role in [Role::Both, Role::Verify] {
        for trust in [TrustPai::Ignored, TrustPai::Trusted] {
            for treatment in [
                Treatment::Tag,
                rejecting(Leniency::Reject, Leniency::Forward).treatment,
            ] {
                let mut trunk = Trunk {
                    role,
                    treatment,
                    ..verifying()
                };
                trunk.call.trust_pai = trust;
                let mut table = Table::new(trunk);
                let forged = invite(&format!("{PASSED}{IDENTITY}")).replace(
                    "<sip:+12025550100@a.example>",
                    "<sip:+12025550100;verstat=TN-Validation-Passed@a.example>",
                );
                let help = emergency(forged.replace("z9hG4bKone", "z9hG4bKtwo"));
                for text in [with_to_tag(&forged), help] {
                    table.caller(&text);
                    let outgoing = table.sent().remove(1);
                    assert!(outgoing.first_line().starts_with("INVITE"));
                    assert!(!outgoing.text.contains("verstat"), "{}", outgoing.text);
                    let believed = trust == TrustPai::Trusted;
                    assert_eq!(outgoing.text.contains("12025550199"), believed);
                }
                assert!(table.judge.is_empty());
            }
        }
    }
}

/// This test verifies that a trunk which requires proof of every call requires it of those with a To tag, too: else a tag would be
/// all it takes.
#[test]
fn an_invented_dialog_does_not_replace_a_required_proof() {
    use Leniency::{Forward, Reject};
    for (unsigned, headers, verdict, expected) in [
        (Reject, "", Verdict::Unsigned, "caller/udp SIP/2.0 428"),
        (Reject, IDENTITY, Verdict::Passed, "callee/udp INVITE"),
        (
            Reject,
            IDENTITY,
            Verdict::Failed(Fault::SignatureInvalid),
            "caller/udp SIP/2.0 438",
        ),
    ] {
        let mut table = Table::new(rejecting(Forward, unsigned));
        table.caller(&with_to_tag(&invite(headers)));
        table.judged(verdict);
        let last = table.lines().pop().unwrap();
        assert!(last.starts_with(expected), "{verdict:?}: {last}");
    }
    let mut lenient = Table::new(rejecting(Reject, Forward));
    lenient.caller(&with_to_tag(&invite(IDENTITY)));
    assert!(
        lenient.judge.is_empty(),
        "leaving the Identity away would do as well"
    );
    let outgoing = lenient.sent().remove(1);
    lenient.answer(&outgoing, "200 OK");
    assert_eq!(lenient.finished().handling, Handling::Passed);
}

/// This test verifies a trunk that does both: signed is judged, unsigned is signed, and what passed may be signed again.
#[test]
fn a_trunk_of_both_roles() {
    let both = |existing| Trunk {
        role: Role::Both,
        existing_identity: existing,
        ..trunk()
    };
    let mut table = Table::new(both(ExistingIdentity::Keep));
    table.caller(&invite(""));
    assert_eq!(
        (table.judge.len(), table.sign.len()),
        (0, 1),
        "unsigned: it is signed"
    );
    table.caller(&invite(IDENTITY).replace("z9hG4bKone", "z9hG4bKtwo"));
    assert_eq!(
        (table.judge.len(), table.sign.len()),
        (1, 1),
        "signed: it is judged"
    );
    table.judged(Verdict::Passed);
    assert_eq!(table.sign.len(), 1, "and kept");

    let mut table = Table::new(both(ExistingIdentity::Add));
    table.caller(&invite(IDENTITY));
    table.judged(Verdict::Passed);
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 100 Trying"]);
    table.signed(Some("our.own.token"));
    let outgoing = table.one();
    assert_eq!(outgoing.values("Identity").len(), 2);
    assert!(outgoing.text.contains("verstat=TN-Validation-Passed"));
    table.answer(&outgoing, "200 OK");
    let finished = table.finished();
    assert_eq!(
        (finished.verdict, finished.signature),
        (Some(Verdict::Passed), SignatureFate::Added)
    );

    let mut strict = Table::new(Trunk {
        treatment: Treatment::Reject {
            not_validated: Leniency::Forward,
            unsigned: Leniency::Reject,
        },
        ..both(ExistingIdentity::Keep)
    });
    strict.caller(&invite(""));
    strict.judged(Verdict::Unsigned);
    assert_eq!(
        strict.lines()[1],
        "caller/udp SIP/2.0 428 Use Identity Header"
    );
}

/// This test verifies that a verdict told twice is followed once, and that a signature asked for after the deadline has its own
/// moment to come.
#[test]
fn each_question_is_answered_once() {
    let mut table = Table::new(Trunk {
        role: Role::Both,
        existing_identity: ExistingIdentity::Add,
        ..trunk()
    });
    table.caller(&invite(IDENTITY));
    table.sent();
    table.wait(510);
    table.judged(Verdict::Passed);
    table.judged(Verdict::Failed(Fault::SignatureInvalid));
    assert_eq!(table.sign.len(), 1);
    table.wait(15);
    assert_eq!(
        table.lines(),
        [""; 0],
        "the timer of the judgement ends nothing else"
    );
    table.signed(Some("our.own.token"));
    let outgoing = table.one();
    assert_eq!(outgoing.values("Identity").len(), 2);
    assert!(outgoing.text.contains("verstat=TN-Validation-Passed"));
}
