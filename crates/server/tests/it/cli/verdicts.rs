//! What `verify` says of what `sign` made, and of what became of it on the way.
//!
//! ```text
//!     sign ──► Identity header, or a whole request ──► one thing is changed ──► verify ──► verdict, fault, exit code
//! ```

use super::{CALLED, CALLER, INVITE, Lab, Run, now, run_with};
use serde_json::Value;

const PARTIES: [&str; 4] = ["--from", CALLER, "--to", CALLED];

/// Exit code, verdict and fault, by `--json`.
#[track_caller]
fn verdict(run: &Run) -> (i32, String, String) {
    let json = run.json();
    let word = |name: &str| json[name].as_str().unwrap_or("-").to_owned();
    (run.code, word("verdict"), word("fault"))
}

#[track_caller]
fn expect(run: &Run, code: i32, verdict_word: &str, fault: &str) {
    let expected = (code, verdict_word.to_owned(), fault.to_owned());
    assert_eq!(verdict(run), expected, "{run:?}");
}

/// The verdict of one check.
fn check<'a>(json: &'a Value, name: &str) -> &'a str {
    let checks = json["passports"][0]["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["check"] == name).unwrap();
    found["verdict"].as_str().unwrap()
}

fn json_with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--json"], more].concat()
}

/// This test verifies that what was just signed passes, with every check told and in the shape that scripts rely on.
#[test]
fn what_was_signed_passes_and_every_check_is_told() {
    let lab = Lab::new();
    let verified = lab.verify(lab.identity(&[]), &json_with(&PARTIES));
    assert_eq!((verified.code, verified.err.as_str()), (0, ""));
    let json = verified.json();
    let names =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(
        names(&json),
        ["code", "detail", "fault", "passports", "verdict"]
    );
    assert_eq!(json["code"], Value::Null);
    let passport = &json["passports"][0];
    assert_eq!(
        names(passport),
        [
            "attest", "checks", "dest", "fault", "orig", "ppt", "purpose", "signer", "verdict"
        ]
    );
    assert_eq!(passport["orig"], CALLER);
    assert_eq!(passport["dest"][0], CALLED);
    assert_eq!(
        (&passport["ppt"], &passport["attest"]),
        (&"shaken".into(), &"A".into())
    );
    let signer = &passport["signer"];
    assert_eq!(names(signer), ["covers", "spc", "subject"]);
    assert_eq!(
        (&signer["spc"], &signer["covers"]),
        (&"LAB1".into(), &"by-provider".into())
    );
    let checks = passport["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 24);
    for check in checks {
        assert_eq!(names(check), ["check", "detail", "verdict"]);
        let unasked = [
            "date",
            "chain",
            "constraints",
            "freshness",
            "media",
            "replay",
            "revocation",
        ]
        .map(Value::from);
        let expected = match unasked.contains(&check["check"]) {
            true => "skipped",
            false => "passed",
        };
        assert_eq!(check["verdict"], expected, "{check}");
    }
}

/// This test verifies that people are told the same, check by check.
#[test]
fn people_are_told_every_check_in_80_columns() {
    let lab = Lab::new();
    let told = lab.verify(lab.identity(&[]), &PARTIES);
    assert!(told.out.starts_with("passed\n"), "{}", told.out);
    let json = lab.verify(lab.identity(&[]), &json_with(&PARTIES)).json();
    for check in json["passports"][0]["checks"].as_array().unwrap() {
        let (verdict, name) = (
            check["verdict"].as_str().unwrap(),
            check["check"].as_str().unwrap(),
        );
        let line = told.out.lines().find(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(verdict) && words.next() == Some(name)
        });
        assert!(line.is_some(), "{verdict} {name} in {}", told.out);
    }
    let longest = told.out.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{}", told.out);
    assert!(!told.out.contains('\x1b'), "no colours but on a terminal");
}

#[test]
fn one_digit_changed_in_the_call_fails() {
    let lab = Lab::new();
    let identity = lab.identity(&[]);
    let other_caller = ["--from", "12025550109", "--to", CALLED, "--json"];
    let failed = lab.verify(&identity, &other_caller);
    expect(&failed, 1, "failed", "orig-mismatch");
    assert_eq!(failed.json()["code"], 438);
    let other_called = ["--from", CALLER, "--to", "12025550109", "--json"];
    expect(
        &lab.verify(&identity, &other_called),
        1,
        "failed",
        "dest-mismatch",
    );
    let told = lab.verify(&identity, &["--from", "12025550109", "--to", CALLED]);
    assert!(
        told.out
            .starts_with("failed: orig-mismatch, 438 Invalid Identity Header\n"),
        "{}",
        told.out
    );
}

/// This test verifies that the signature covers the claims: a digit is changed in the token and in the call alike.
#[test]
fn one_digit_changed_in_the_token_fails() {
    let lab = Lab::new();
    let identity = lab.identity(&["--iat", &now().as_secs().to_string()]);
    let (header, rest) = identity.split_once('.').unwrap();
    let (claims, rest) = rest.split_once('.').unwrap();
    // base64url of "00" at the end of the caller's number, at every phase, becomes that of another digit.
    let plain = countersign::jose::base64url::decode(claims).unwrap();
    let forged = String::from_utf8(plain)
        .unwrap()
        .replace(CALLER, "12025550109");
    let forged = countersign::jose::base64url::encode(forged.as_bytes());
    let identity = format!("{header}.{forged}.{rest}");
    let failed = lab.verify(
        identity,
        &["--from", "12025550109", "--to", CALLED, "--json"],
    );
    expect(&failed, 1, "failed", "signature-invalid");
    assert_eq!(check(&failed.json(), "orig"), "passed");
}

#[test]
fn somebody_elses_key_fails_under_our_certificate() {
    let (lab, stranger) = (Lab::new(), Lab::new());
    let failed = lab.verify(stranger.identity(&[]), &json_with(&PARTIES));
    expect(&failed, 1, "failed", "signature-invalid");
    assert_eq!(check(&failed.json(), "path"), "passed");
}

/// This test verifies that only the anchors named are trusted, and any of several.
#[test]
fn an_anchor_that_was_not_named_is_not_trusted() {
    let (lab, stranger) = (Lab::new(), Lab::new());
    let (chain, ours, theirs) = (lab.chain(), lab.anchor(), stranger.anchor());
    let input = lab.identity(&[]);
    let verify = |trust: &[&str]| {
        let arguments = ["verify", "--json", "--certificate", &chain];
        run_with(&[&arguments, &PARTIES[..], trust].concat(), &input)
    };
    let failed = verify(&["--trust", &theirs]);
    expect(&failed, 1, "failed", "path-untrusted");
    assert_eq!(failed.json()["code"], 437);
    assert_eq!(
        check(&failed.json(), "signature"),
        "passed",
        "every check that can be made is"
    );
    expect(
        &verify(&["--trust", &theirs, "--trust", &ours]),
        0,
        "passed",
        "-",
    );
}

#[test]
fn without_anchors_nothing_is_judged() {
    let lab = Lab::new();
    let refused = run_with(&["verify"], lab.identity(&[]));
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("--trust"), "{}", refused.err);
}

/// This test verifies that time is what `--at` says, in both writings, for the token and for the certificate.
#[test]
fn time_is_what_it_is_said_to_be() {
    let lab = Lab::new();
    let signed = now();
    let identity = lab.identity(&["--iat", &signed.to_string()]);
    let at = |seconds: i64| {
        let at = signed.saturating_add(seconds).as_secs().to_string();
        lab.verify(
            &identity,
            &json_with(&[&PARTIES[..], &["--at", &at]].concat()),
        )
    };
    expect(&at(0), 0, "passed", "-");
    expect(&at(60), 0, "passed", "-");
    expect(&at(61), 1, "failed", "iat-stale");
    expect(&at(-61), 1, "failed", "iat-in-future");
    let stale = at(61).json();
    assert_eq!(stale["code"], 403);
    assert_eq!(check(&stale, "signature"), "passed");
    let years_later = at(3 * 366 * 86_400);
    expect(&years_later, 1, "failed", "certificate-expired");
    assert_eq!(check(&years_later.json(), "iat"), "failed");
    let written = signed.to_string();
    let rfc3339 = lab.verify(&identity, &[&PARTIES[..], &["--at", &written]].concat());
    assert_eq!(rfc3339.code, 0);
    let told = lab.verify(
        &identity,
        &[&PARTIES[..], &["--at", "2030-01-01T00:00:00+01:00"]].concat(),
    );
    assert!(
        told.out.contains(&format!("--at {written}")),
        "a hint: {}",
        told.out
    );
}

/// This test verifies that what was not compared with a call is at best not validated.
#[test]
fn without_a_call_nothing_passes() {
    let lab = Lab::new();
    let identity = lab.identity(&[]);
    let token = identity.split(';').next().unwrap();
    for input in [token, &identity] {
        let unsure = lab.verify(input, &["--json"]);
        expect(&unsure, 4, "not-validated", "caller-unknown");
        assert_eq!(check(&unsure.json(), "orig"), "unavailable");
        assert_eq!(check(&unsure.json(), "signature"), "passed");
        let half = lab.verify(input, &["--json", "--from", CALLER]);
        expect(&half, 4, "not-validated", "called-party-unknown");
        expect(&lab.verify(input, &json_with(&PARTIES)), 0, "passed", "-");
    }
    let bare = lab.verify(token, &json_with(&PARTIES)).json();
    assert_eq!(
        check(&bare, "info"),
        "skipped",
        "a bare token has no parameters"
    );
    let bad = lab.verify(token, &["--from", "12025550109", "--json"]);
    expect(&bad, 1, "failed", "orig-mismatch");
    let without_info = format!("{token};alg=ES256");
    let bad = lab.verify(without_info, &json_with(&PARTIES));
    expect(&bad, 1, "failed", "info-missing");
}

#[test]
fn what_cannot_be_fetched_is_not_validated() {
    let lab = Lab::new();
    let anchor = lab.anchor();
    let arguments = ["verify", "--json", "--offline", "--trust", &anchor];
    let unsure = run_with(&[&arguments, &PARTIES[..]].concat(), lab.identity(&[]));
    expect(&unsure, 4, "not-validated", "certificate-unavailable");
    assert_eq!(unsure.json()["code"], 436);
    assert_eq!(check(&unsure.json(), "certificate"), "unavailable");
    assert_eq!(check(&unsure.json(), "path"), "skipped");
    // What is known without the certificate is worse than that.
    let other = ["--from", "12025550109", "--to", CALLED];
    let failed = run_with(&[&arguments, &other[..]].concat(), lab.identity(&[]));
    expect(&failed, 1, "failed", "orig-mismatch");
}

/// This test verifies that a chain of our own replaces the fetch and not the rules for the URL.
#[test]
fn the_url_is_judged_although_nothing_is_fetched() {
    let lab = Lab::serving_at("https://localhost:18443/certificates/provider.pem");
    let identity = lab.identity(&[]);
    let failed = lab.verify(&identity, &json_with(&PARTIES));
    expect(&failed, 1, "failed", "x5u-invalid");
    let told = lab.verify(&identity, &PARTIES);
    let exception = "--allow-origin https://localhost:18443";
    assert!(told.out.contains(exception), "a hint: {}", told.out);
    let excepted = [&PARTIES[..], &["--allow-origin", "https://localhost:18443"]].concat();
    expect(
        &lab.verify(&identity, &json_with(&excepted)),
        0,
        "passed",
        "-",
    );
}

#[test]
fn where_there_is_no_proof_there_is_nothing_to_verify() {
    let lab = Lab::new();
    for input in [INVITE, "Identity:\n", "y: \r\n"] {
        let unsigned = lab.verify(input, &["--json"]);
        expect(&unsigned, 3, "unsigned", "-");
        assert_eq!(unsigned.json()["code"], Value::Null);
    }
    let foreign = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln;info=<https://cert.example.org/a.pem>;ppt=foreign";
    expect(
        &lab.verify(foreign, &json_with(&PARTIES)),
        3,
        "unsigned",
        "-",
    );
}

/// This test verifies the whole way of a request: signed on standard input, verified on standard input, its own call judged.
#[test]
fn a_request_is_signed_carried_and_verified() {
    let lab = Lab::new();
    let signed = run_with(&["sign", "--data", &lab.data()], INVITE);
    assert_eq!((signed.code, signed.err.as_str()), (0, ""));
    let verified = lab.verify(&signed.out, &["--json"]);
    expect(&verified, 0, "passed", "-");
    assert_eq!(check(&verified.json(), "date"), "passed");
    let digit_changed = signed.out.replace("sip:+12025550100@", "sip:+12025550109@");
    expect(
        &lab.verify(digit_changed, &["--json"]),
        1,
        "failed",
        "orig-mismatch",
    );
    // The operator's word comes before the message's.
    let other = lab.verify(&signed.out, &["--json", "--to", "12025550109"]);
    expect(&other, 1, "failed", "dest-mismatch");
    // Pasted: the line ends are lost.
    let pasted = signed.out.replace("\r\n", "\n");
    expect(&lab.verify(pasted, &["--json"]), 0, "passed", "-");
    let asserted = signed.out.replace(
        "From:  \"A\" <sip:+12025550100@example.com;user=phone>;tag=1",
        "From: <sip:anonymous@anonymous.invalid>;tag=1\r\nP-Asserted-Identity: <tel:+12025550100>",
    );
    expect(
        &lab.verify(&asserted, &["--json"]),
        4,
        "not-validated",
        "caller-unknown",
    );
    expect(
        &lab.verify(&asserted, &["--json", "--trust-pai"]),
        0,
        "passed",
        "-",
    );
}

/// This test verifies that each line is an input of its own, and that the worst verdict is the exit code.
#[test]
fn of_several_inputs_the_worst_counts() {
    let lab = Lab::new();
    let good = lab.identity(&[]);
    let bare = good.split(';').next().unwrap().to_owned();
    let other = lab.sign(&["--from", "12025550120", "--to", CALLED]).out;
    let lines = |input: &str, more: &[&str]| {
        let run = lab.verify(input, &json_with(more));
        let verdicts: Vec<String> = run
            .out
            .lines()
            .map(|line| {
                let json: Value = serde_json::from_str(line).unwrap();
                json["verdict"].as_str().unwrap().to_owned()
            })
            .collect();
        (run.code, verdicts.join(" "))
    };
    let both = format!("{good}{other}");
    assert_eq!(lines(&both, &PARTIES), (1, "passed failed".to_owned()));
    let named = format!("Identity: {good}\nIdentity:\n{bare}\n");
    assert_eq!(
        lines(&named, &PARTIES),
        (3, "passed unsigned passed".to_owned())
    );
    let unsure = format!("Identity:\n{bare}\n");
    assert_eq!(
        lines(&unsure, &[]),
        (4, "unsigned not-validated".to_owned())
    );
    let told = lab.verify(&both, &PARTIES);
    assert!(
        told.out.contains("input 2 of 2\nfailed: orig-mismatch"),
        "{}",
        told.out
    );
}

#[test]
fn numbers_are_completed_by_the_plan_that_is_named() {
    let lab = Lab::new();
    let identity = lab.identity(&[]);
    let national = ["--from", "202-555-0100", "--to", "2025550101"];
    expect(
        &lab.verify(&identity, &json_with(&national)),
        1,
        "failed",
        "orig-mismatch",
    );
    let planned = [&national[..], &["--numbering", "north-american"]].concat();
    expect(
        &lab.verify(&identity, &json_with(&planned)),
        0,
        "passed",
        "-",
    );
    let written = ["--from", "+1(202)555-0100", "--to", "tel:+1-202-555-0101"];
    expect(
        &lab.verify(&identity, &json_with(&written)),
        0,
        "passed",
        "-",
    );
}

/// This test verifies that a stranger's words do not steer the terminal.
#[test]
fn a_token_cannot_write_on_the_terminal() {
    let lab = Lab::new();
    let part = |text: &str| countersign::jose::base64url::encode(text.as_bytes());
    let header = part(r#"{"alg":"\u001b[2J\u202e","typ":"passport","x5u":"https://h/\u001b]0;x"}"#);
    let token = format!("{header}.{}.c2ln", part("{}"));
    for verb in ["verify", "decode"] {
        let run = match verb {
            "verify" => lab.verify(&token, &[]),
            _ => run_with(&["decode"], &token),
        };
        assert_eq!(run.code, 1);
        let obeyed = |character: char| character.is_control() && character != '\n';
        assert!(!run.out.contains(obeyed), "{:?}", run.out);
        assert!(!run.out.contains('\u{202e}'), "{:?}", run.out);
    }
}
