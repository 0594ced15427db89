//! What is told of errors of PASSporTs in the responses to a call, and what of such reports is taken out: RFC 9410.
//!
//! ```text
//!   authentication service       proxy             callee
//!     │ INVITE+Identity ────────▶│ ⇄ host: judge     │
//!     │                          │ INVITE ──────────▶│
//!     │◀──── 180, Reason: STIR ──│◀────────────── 180│   verification side: what was found
//!
//!   caller                     proxy             verification service
//!     │ INVITE ─────────────────▶│ ⇄ host: sign      │
//!     │                          │ INVITE+Identity ─▶│
//!     │◀──────────────────── 180 │◀─ 180, Reason: STIR   authentication side: what is ours ends here
//! ```

use super::{Sent, Table, answer_to, hop, invite, trunk};
use countersign::verification::{Code, Complaint, Consequences, Fault, Verdict};
use countersign_sip::element::{Event, Input, Judgement, Reported, ReportedOn};
use countersign_sip::flow::Transport;
use countersign_sip::trunk::{
    B2buaMode, ExistingIdentity, Leniency, Mode, Named, OthersReports, Reaction, RejectionStatus,
    Role, ToldIn, Treatment, Trunk,
};

/// Two PASSporTs that came, by their signatures.
const BASE: &str = "QUFB";
const RCD: &str = "QkJC";
const TWO: &str = "Identity: h.c.QUFB;info=<https://cert.example/c.pem>\r\n\
                   Identity: h.c.QkJC;info=<https://cert.example/c.pem>;ppt=rcd\r\n";
const ONE: &str = "Identity: h.c.QUFB;info=<https://cert.example/c.pem>\r\n";

fn verifying() -> Trunk {
    let mut trunk = trunk();
    trunk.role = Role::Verify;
    trunk
}

fn rejecting() -> Trunk {
    let mut trunk = verifying();
    trunk.treatment = Treatment::Reject {
        not_validated: Leniency::Reject,
        unsigned: Leniency::Reject,
    };
    trunk
}

fn signing() -> Trunk {
    let mut trunk = trunk();
    trunk.role = Role::Sign;
    trunk
}

fn complaint(code: Code, signature: &str) -> Complaint {
    Complaint {
        code,
        ppi: (!signature.is_empty()).then(|| format!("..{signature}").into()),
    }
}

/// The host has judged.
fn judged(table: &mut Table, verdict: Verdict, code: Option<Code>, complaints: Vec<Complaint>) {
    let consequences = Consequences {
        complaints,
        ..Consequences::default()
    };
    let id = table.judge[0].id;
    let judgement = Judgement {
        verdict,
        code,
        attestation: None,
        consequences: Some(Box::new(consequences)),
        key: None,
        provider: None,
        msec: None,
    };
    table.handle(Input::Judged { id, judgement });
}

/// A call of this trunk that goes on: the INVITE as the callee has it.
fn goes_on(
    trunk: Trunk,
    came: &str,
    verdict: Verdict,
    complaints: Vec<Complaint>,
) -> (Table, Sent) {
    let mut table = Table::new(trunk);
    table.caller(&invite(came));
    judged(&mut table, verdict, None, complaints);
    let sent = table.sent();
    assert!(sent[0].values("Reason").is_empty(), "a 100 tells nothing");
    (table, sent[1].clone())
}

/// What the caller gets of an answer of the callee.
fn answered(table: &mut Table, invite: &Sent, status: &str) -> Sent {
    table.sent();
    table.answer(invite, status);
    let sent = table.sent();
    let to_caller = sent.into_iter().find(|sent| sent.to() == "caller/udp");
    to_caller.expect("an answer for the caller")
}

const NO_CERTIFICATE: Verdict = Verdict::NotValidated(Fault::CertificateUnavailable);
const BAD_SIGNATURE: Verdict = Verdict::Failed(Fault::SignatureInvalid);

#[test]
fn digest02_case01_one_identity_without_certificate_is_rejected() {
    let mut table = Table::new(rejecting());
    table.caller(&invite(ONE));
    let complaints = vec![complaint(Code::BadIdentityInfo, BASE)];
    judged(
        &mut table,
        NO_CERTIFICATE,
        Some(Code::BadIdentityInfo),
        complaints,
    );
    let answer = &table.sent()[1];
    assert_eq!(answer.first_line(), "SIP/2.0 436 Bad Identity Info");
    assert!(answer.values("Reason").is_empty(), "the answer says it");
}

#[test]
fn digest02_case02_the_same_goes_on_and_the_next_response_says_why() {
    let complaints = || vec![complaint(Code::BadIdentityInfo, BASE)];
    let reason = format!("STIR;cause=436;text=\"Bad Identity Info\";ppi=\"..{BASE}\"");
    for next in ["183 Session Progress", "200 OK", "486 Busy Here"] {
        let (mut table, outgoing) = goes_on(verifying(), ONE, NO_CERTIFICATE, complaints());
        let answer = answered(&mut table, &outgoing, next);
        assert_eq!(answer.first_line(), format!("SIP/2.0 {next}"));
        assert_eq!(answer.values("Reason"), [reason.as_str()]);
        table.ends_clean();
    }
}

/// This test verifies that an error is told once, and that a 2xx which the callee repeats says each time the same.
#[test]
fn an_error_is_told_in_the_next_response_only() {
    let complaints = || vec![complaint(Code::BadIdentityInfo, BASE)];
    let (mut table, outgoing) = goes_on(verifying(), ONE, NO_CERTIFICATE, complaints());
    let told = ["180 Ringing", "183 Session Progress", "200 OK"]
        .map(|next| answered(&mut table, &outgoing, next).values("Reason").len());
    assert_eq!(told, [1, 0, 0]);
    let (mut table, outgoing) = goes_on(verifying(), ONE, NO_CERTIFICATE, complaints());
    let told = ["200 OK", "200 OK"]
        .map(|next| answered(&mut table, &outgoing, next).values("Reason").len());
    assert_eq!(told, [1, 1]);
    for (told_in, expected) in [
        (ToldIn::Both, [1, 1, 1]),
        (ToldIn::Final, [0, 0, 1]),
        (ToldIn::Provisional, [1, 1, 0]),
    ] {
        let mut trunk = verifying();
        trunk.reporting.told = told_in;
        let (mut table, outgoing) = goes_on(trunk, ONE, NO_CERTIFICATE, complaints());
        let told = ["180 Ringing", "183 Session Progress", "200 OK"]
            .map(|next| answered(&mut table, &outgoing, next).values("Reason").len());
        assert_eq!(told, expected, "{told_in:?}");
    }
}

/// This test verifies that an answer of ours is a response, too: nobody was there to answer.
#[test]
fn an_answer_of_our_own_tells_it() {
    let complaints = vec![complaint(Code::BadIdentityInfo, BASE)];
    let (mut table, _) = goes_on(verifying(), ONE, NO_CERTIFICATE, complaints);
    table.wait(40_000);
    let sent = table.sent();
    let timeout = sent.iter().find(|sent| sent.first_line().contains(" 408 "));
    assert_eq!(timeout.unwrap().values("Reason").len(), 1);
}

#[test]
fn digest02_case03_and_case21_one_good_and_one_bad() {
    let complaints = vec![complaint(Code::InvalidIdentityHeader, RCD)];
    let (mut table, outgoing) = goes_on(rejecting(), TWO, Verdict::Passed, complaints);
    assert!(outgoing.text.contains("TN-Validation-Passed"));
    let ringing = answered(&mut table, &outgoing, "180 Ringing");
    assert_eq!(
        ringing.values("Reason"),
        [format!(
            "STIR;cause=438;text=\"Invalid Identity Header\";ppi=\"..{RCD}\""
        )]
    );
}

fn two_errors() -> Vec<Complaint> {
    vec![
        complaint(Code::BadIdentityInfo, BASE),
        complaint(Code::InvalidIdentityHeader, RCD),
    ]
}

#[test]
fn digest02_case04_two_errors_are_two_values_or_one_answer() {
    let both = [
        format!("STIR;cause=436;text=\"Bad Identity Info\";ppi=\"..{BASE}\""),
        format!("STIR;cause=438;text=\"Invalid Identity Header\";ppi=\"..{RCD}\""),
    ];
    let (mut table, outgoing) = goes_on(verifying(), TWO, BAD_SIGNATURE, two_errors());
    let ringing = answered(&mut table, &outgoing, "180 Ringing");
    assert_eq!(ringing.values("Reason"), both);
    let mut table = Table::new(rejecting());
    table.caller(&invite(TWO));
    let code = Some(Code::InvalidIdentityHeader);
    judged(&mut table, BAD_SIGNATURE, code, two_errors());
    let answer = &table.sent()[1];
    assert_eq!(answer.first_line(), "SIP/2.0 438 Invalid Identity Header");
    assert_eq!(answer.values("Reason"), both);
}

#[test]
fn digest02_case05_a_100_tells_nothing() {
    let complaints = vec![complaint(Code::BadIdentityInfo, BASE)];
    let (mut table, outgoing) = goes_on(verifying(), ONE, NO_CERTIFICATE, complaints);
    table.answer(&outgoing, "100 Trying");
    assert!(table.sent().is_empty());
    table.caller(&invite(ONE));
    assert!(table.one().values("Reason").is_empty(), "the 100 once more");
    let ringing = answered(&mut table, &outgoing, "180 Ringing");
    assert_eq!(ringing.values("Reason").len(), 1);
}

#[test]
fn digest02_case10_without_identity() {
    let mut table = Table::new(rejecting());
    table.caller(&invite(""));
    table.judged(Verdict::Unsigned);
    let answer = table.sent()[1].first_line().to_owned();
    assert_eq!(answer, "SIP/2.0 428 Use Identity Header");
    let (mut table, outgoing) = goes_on(verifying(), "", Verdict::Unsigned, Vec::new());
    let ringing = answered(&mut table, &outgoing, "180 Ringing");
    assert!(ringing.values("Reason").is_empty(), "nothing is wrong");
}

#[test]
fn digest02_case17_an_identity_in_a_response_is_not_judged() {
    let (mut table, outgoing) = goes_on(verifying(), ONE, Verdict::Passed, Vec::new());
    let bad = "Identity: a.b.c;info=<https://x.example/>;ppt=rsp\r\nContent-Length";
    let answer = answer_to(&outgoing, "200 OK").replacen("Content-Length", bad, 1);
    table.callee(&answer);
    let passed = table.one();
    assert_eq!(passed.values("Identity").len(), 1);
    assert!(passed.values("Reason").is_empty());
}

/// This test verifies that what is said of a code comes before what is said of all.
#[test]
fn each_code_has_a_policy_of_its_own() {
    let complaints = || vec![complaint(Code::BadIdentityInfo, BASE)];
    let with = |mut trunk: Trunk, reaction| {
        trunk
            .reporting
            .on_error
            .set(Code::BadIdentityInfo, reaction);
        trunk
    };
    for (trunk, rejected, told) in [
        (with(verifying(), Reaction::Reject), true, 0),
        (with(rejecting(), Reaction::ContinueWithReason), false, 1),
        (with(rejecting(), Reaction::ContinueSilently), false, 0),
        (with(verifying(), Reaction::ContinueSilently), false, 0),
    ] {
        let mut table = Table::new(trunk);
        table.caller(&invite(ONE));
        judged(
            &mut table,
            NO_CERTIFICATE,
            Some(Code::BadIdentityInfo),
            complaints(),
        );
        let sent = table.sent();
        assert_eq!(sent[1].first_line().contains(" 436 "), rejected);
        if !rejected {
            let ringing = answered(&mut table, &sent[1], "180 Ringing");
            assert_eq!(ringing.values("Reason").len(), told);
        }
    }
    // What proves the caller is not undone by another that does not.
    let trunk = with(verifying(), Reaction::Reject);
    let (mut table, outgoing) = goes_on(trunk, TWO, Verdict::Passed, complaints());
    let ringing = answered(&mut table, &outgoing, "180 Ringing");
    assert_eq!(ringing.values("Reason").len(), 1);
    // A call without Identity is refused where 428 is.
    let mut trunk = verifying();
    trunk
        .reporting
        .on_error
        .set(Code::UseIdentityHeader, Reaction::Reject);
    let mut table = Table::new(trunk);
    table.caller(&invite(""));
    table.judged(Verdict::Unsigned);
    assert!(table.sent()[1].first_line().contains(" 428 "));
}

#[test]
fn a_passport_is_named_as_the_trunk_wants_it() {
    for (named, came, expected) in [
        (Named::Compact, ONE, format!(";ppi=\"..{BASE}\"")),
        (Named::Full, ONE, format!(";ppi=\"h.c.{BASE}\"")),
        (Named::None, ONE, String::new()),
        (Named::None, TWO, format!(";ppi=\"..{BASE}\"")),
    ] {
        let mut trunk = verifying();
        trunk.reporting.named = named;
        let complaints = vec![complaint(Code::StaleDate, BASE)];
        let verdict = Verdict::Failed(Fault::IatStale);
        let (mut table, outgoing) = goes_on(trunk, came, verdict, complaints);
        let ringing = answered(&mut table, &outgoing, "180 Ringing");
        let reason = format!("STIR;cause=403;text=\"Stale Date\"{expected}");
        assert_eq!(ringing.values("Reason"), [reason], "{named:?}");
    }
}

/// This test verifies that a hundred Identity headers are told as one error, which nobody's PASSporT is named for.
#[test]
fn a_hundred_identity_headers_are_one_error() {
    let verdict = Verdict::NotValidated(Fault::TooManyIdentityHeaders);
    let (mut table, outgoing) = goes_on(verifying(), &ONE.repeat(100), verdict, Vec::new());
    let ringing = answered(&mut table, &outgoing, "180 Ringing");
    let reason = "STIR;cause=438;text=\"Invalid Identity Header\"";
    assert_eq!(ringing.values("Reason"), [reason]);
    let many = vec![complaint(Code::StaleDate, BASE); 100];
    let (mut table, outgoing) = goes_on(verifying(), ONE, verdict, many);
    let ringing = answered(&mut table, &outgoing, "180 Ringing");
    assert_eq!(ringing.values("Reason").len(), 16);
}

/// This test verifies that the code of RFC 8224 is told beside another that calls are rejected with.
#[test]
fn another_code_has_its_reason_beside_it() {
    let mut trunk = rejecting();
    trunk.rejection.status = Some(RejectionStatus::Decline);
    let mut table = Table::new(trunk);
    table.caller(&invite(ONE));
    table.judged(BAD_SIGNATURE);
    let answer = &table.sent()[1];
    assert_eq!(answer.first_line(), "SIP/2.0 603 Decline");
    let reason = "STIR;cause=438;text=\"Invalid Identity Header\"";
    assert_eq!(answer.values("Reason"), [reason]);
}

const OURS: &str = "aGVhZA.Y2xhaW1z.b3Vycw;info=<https://cert.example/c.pem>;alg=ES256;ppt=shaken";
const OURS_TOO: &str = "aGVhZA.ZGl2.dHdvZm9sZA;info=<https://cert.example/c.pem>;ppt=div";

/// What the caller gets of a 180 with these Reason lines, on a call that we signed so, and what is told to the host.
fn reported(
    trunk: Trunk,
    came: &str,
    signed: &[&str],
    reasons: &str,
) -> (Vec<String>, Vec<Reported>) {
    let mut table = Table::new(trunk);
    table.caller(&invite(came));
    let id = table.sign[0].id;
    let identities = signed.iter().map(|one| Box::from(*one)).collect();
    table.handle(Input::Signed { id, identities });
    let outgoing = table.sent().remove(1);
    let ringing = answer_to(&outgoing, "180 Ringing");
    table.callee(&ringing.replacen("Content-Length", &format!("{reasons}Content-Length"), 1));
    let ringing = table.one();
    let left = ringing.values("Reason").into_iter().map(str::to_owned);
    let events = table.events().into_iter().filter_map(|event| match event {
        Event::Reported(reported) => Some(*reported),
        _ => None,
    });
    (left.collect(), events.collect())
}

fn on(reported: &[Reported]) -> Vec<(ReportedOn, Option<u32>)> {
    reported.iter().map(|one| (one.on, one.cause)).collect()
}

#[test]
fn digest02_case06_what_is_reported_of_ours_is_noted_and_goes_no_further() {
    let reasons = "Reason: Q.850 ;cause=16, STIR;cause=438;ppi=\"..b3Vycw\"\r\n";
    let (left, noted) = reported(signing(), "", &[OURS], reasons);
    assert_eq!(left, ["Q.850 ;cause=16"]);
    assert_eq!(on(&noted), [(ReportedOn::Ours, Some(438))]);
    assert_eq!(&*noted[0].call_id, b"call-1@a.example");
}

#[test]
fn digest02_case07_what_is_reported_of_another_is_left_for_it_or_ends_at_the_border() {
    let theirs = "STIR;cause=436;ppi=\"..Zm9yZWlnbg\"";
    let reasons = format!("Reason: {theirs}\r\nReason: Q.850;cause=16\r\n");
    let (left, noted) = reported(signing(), "", &[OURS], &reasons);
    assert_eq!(left, [theirs, "Q.850;cause=16"]);
    assert_eq!(on(&noted), [(ReportedOn::Others, Some(436))]);
    let mut border = signing();
    border.reporting.others = OthersReports::Removed;
    assert_eq!(
        reported(border, "", &[OURS], &reasons).0,
        ["Q.850;cause=16"]
    );
}

#[test]
fn digest02_case08_without_ppi_it_is_ours_if_ours_is_the_only_one() {
    let reason = "Reason: STIR;cause=403\r\n";
    let (left, noted) = reported(signing(), "", &[OURS], reason);
    assert!(left.is_empty());
    assert_eq!(on(&noted), [(ReportedOn::Ours, Some(403))]);
    let (left, noted) = reported(signing(), "", &[OURS, OURS_TOO], reason);
    assert_eq!(left, ["STIR;cause=403"]);
    assert_eq!(on(&noted), [(ReportedOn::Nobody, Some(403))]);
    let mut adding = signing();
    adding.existing_identity = ExistingIdentity::Add;
    assert_eq!(reported(adding, ONE, &[OURS], reason).0.len(), 1);
    let mut replacing = signing();
    replacing.existing_identity = ExistingIdentity::Replace;
    assert!(reported(replacing, ONE, &[OURS], reason).0.is_empty());
}

#[test]
fn digest02_case09_a_ppi_in_full_is_known_by_its_signature() {
    let reason = "Reason: STIR;cause=438;ppi=\"b3RoZXI.Y2xhaW1z.b3Vycw\"\r\n";
    assert!(reported(signing(), "", &[OURS], reason).0.is_empty());
    let second = "Reason: STIR;cause=438;ppi=\"..dHdvZm9sZA\"\r\n";
    assert!(
        reported(signing(), "", &[OURS, OURS_TOO], second)
            .0
            .is_empty()
    );
}

#[test]
fn digest02_case15_other_values_of_one_line_are_not_touched() {
    let reasons = "Reason: SIP;cause=200;text=\"x\", STIR;cause=437;text=\"Unsupported Credential\";ppi=\"..abc\"\r\n";
    let (left, noted) = reported(signing(), "", &[OURS], reasons);
    assert_eq!(
        left.concat(),
        reasons.strip_prefix("Reason: ").unwrap().trim_end()
    );
    assert_eq!(on(&noted), [(ReportedOn::Others, Some(437))]);
}

#[test]
fn digest02_case16_a_cause_that_nobody_knows_is_noted() {
    let (left, noted) = reported(
        signing(),
        "",
        &[OURS],
        "Reason: STIR;cause=999;ppi=\"..x\"\r\n",
    );
    assert_eq!(left, ["STIR;cause=999;ppi=\"..x\""]);
    assert_eq!(on(&noted), [(ReportedOn::Others, Some(999))]);
}

/// This test verifies that a flood of reports is taken out and noted only so often, and that forged ones win nothing.
#[test]
fn forged_reports_are_nobodys() {
    let many = "Reason: STIR;cause=438;ppi=\"..b3Vycw\"\r\n".repeat(40);
    let (left, noted) = reported(signing(), "", &[OURS], &many);
    assert_eq!((left.len(), noted.len()), (0, 8));
    let forged = "Reason: STIR;cause=438;ppi=\"b3Vycw\"\r\n";
    let (left, noted) = reported(signing(), "", &[OURS], forged);
    assert_eq!(left.len(), 1);
    assert_eq!(on(&noted), [(ReportedOn::Nobody, Some(438))]);
}

/// This test verifies that a trunk whose calls we neither sign nor judge has its responses as they were.
#[test]
fn elsewhere_reports_pass_untouched() {
    let mut trunk = trunk();
    trunk.next_hops = vec![hop(Transport::Udp, "192.0.2.20:5060")];
    let mut table = Table::new(trunk);
    table.caller(&invite(ONE));
    let outgoing = table.sent().remove(1);
    let reasons = "Reason:  STIR ;cause=438\r\nReason: Q.850;cause=16\r\nContent-Length";
    let answer = answer_to(&outgoing, "180 Ringing").replacen("Content-Length", reasons, 1);
    table.callee(&answer);
    assert!(table.one().text.contains(reasons));
    assert!(
        table
            .events()
            .iter()
            .all(|event| !matches!(event, Event::Reported(_)))
    );
}

/// This test verifies that both sides do the same where a call goes on in a dialog of ours.
#[test]
fn the_two_dialogs_of_a_call_are_no_border_for_reports() {
    let back_to_back = |mut trunk: Trunk| {
        trunk.mode = Mode::B2bua(B2buaMode::default());
        trunk
    };
    for status in ["180 Ringing", "486 Busy Here"] {
        let complaints = vec![complaint(Code::InvalidIdentityHeader, RCD)];
        let trunk = back_to_back(verifying());
        let (mut table, outgoing) = goes_on(trunk, TWO, Verdict::Passed, complaints);
        let answer = answered(&mut table, &outgoing, status);
        assert_eq!(answer.values("Call-ID"), ["call-1@a.example"]);
        assert_eq!(answer.values("Reason").len(), 1, "{status}");
    }
    let reasons = "Reason: Q.850 ;cause=16, STIR;cause=438;ppi=\"..b3Vycw\"\r\n";
    let (left, noted) = reported(back_to_back(signing()), "", &[OURS], reasons);
    assert_eq!(left, ["Q.850 ;cause=16"]);
    assert_eq!(on(&noted), [(ReportedOn::Ours, Some(438))]);
}
