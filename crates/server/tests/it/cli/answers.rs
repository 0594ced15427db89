//! Answers and media keys on the command line.
//!
//! ```text
//!   sign ──► INVITE, signed ──► sign --kind rsp ──► Identity headers of the response ──► decode
//!   INVITE with a=fingerprint ──► sign --kind … ──► "mky" ──► decode, beside what the SDP has
//! ```

use super::{CALLED, CALLER, INVITE, Lab, Run, run_with};
use serde_json::{Value, json};

/// To whom the call is forwarded.
const FORWARDED: &str = "12025550102";

const FINGERPRINT: &str = "sha-256 4A:AD:B9:B1:3F:82";

fn sign(lab: &Lab, input: &str, more: &[&str]) -> Run {
    run_with(&[&["sign", "--data", &lab.data()], more].concat(), input)
}

#[track_caller]
fn signed(lab: &Lab, input: &str, more: &[&str]) -> String {
    let run = sign(lab, input, more);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    run.out
}

/// The request with these lines in its SDP.
fn with_sdp(fingerprints: &[&str]) -> String {
    let lines = fingerprints.iter();
    let lines: String = lines
        .map(|one| format!("a=fingerprint:{one}\r\n"))
        .collect();
    let body = format!("v=0\r\n{lines}m=audio 9 UDP/TLS/RTP/SAVP 0\r\n");
    let head = INVITE.split("Content-Type").next().unwrap();
    let length = body.len();
    format!("{head}Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn decoded(input: &str) -> Value {
    run_with(&["decode", "--json"], input).json()
}

/// This test verifies that the answer to a signed request is one line, for the response and not for the request, and that it says in
/// words who was reached.
#[test]
fn the_answer_to_a_signed_request() {
    let lab = Lab::new();
    let request = signed(&lab, INVITE, &[]);
    let answer = signed(&lab, &request, &["--kind", "rsp"]);
    assert_eq!(answer.lines().count(), 1, "{answer}");
    assert!(
        answer.trim_end().ends_with(";alg=ES256;ppt=rsp"),
        "{answer}"
    );
    let apart = decoded(&answer);
    let passport = &apart["passports"][0];
    assert_eq!(passport["claims"]["orig"], json!({"tn": CALLER}));
    assert_eq!(passport["claims"]["dest"], json!({"tn": [CALLED]}));
    assert_eq!(passport["canonical"], true);
    let says = format!("{CALLED} was reached by the call of {CALLER}");
    assert_eq!(passport["meaning"], says);
    let words = run_with(&["decode"], &answer).out;
    assert!(words.contains(&says), "{words}");
    let as_json = signed(&lab, &request, &["--kind", "rsp", "--json"]);
    let as_json: Value = serde_json::from_str(&as_json).unwrap();
    assert_eq!(as_json["request"], Value::Null);
    assert_eq!(as_json["passport"]["header"]["ppt"], "rsp");
}

/// This test verifies that diversions follow the answer byte for byte, be they in a request or in a file of tokens.
#[test]
fn the_answer_of_somebody_else_has_the_diversion_with_it() {
    let lab = Lab::new();
    let request = signed(&lab, INVITE, &[]);
    let forwarded = signed(&lab, &request, &["--kind", "div", "--to", FORWARDED]);
    let div = forwarded.split("\r\nIdentity: ").nth(2).unwrap();
    let div = div.split("\r\n").next().unwrap();
    assert!(div.ends_with(";ppt=div"), "{div}");
    let reached = ["--kind", "rsp", "--reached", FORWARDED];
    let answer = signed(&lab, &forwarded, &reached);
    let lines: Vec<_> = answer.lines().collect();
    assert!(lines.len() == 2 && lines[1] == div, "{answer}");
    assert_eq!(
        decoded(answer.lines().next().unwrap())["passports"][0]["claims"]["dest"]["tn"][0],
        FORWARDED
    );

    let tokens: String = decoded(&forwarded)["passports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}\n", one["token"].as_str().unwrap()))
        .collect();
    let file = lab.workspace.path().join("tokens.txt");
    std::fs::write(&file, tokens).unwrap();
    let original = ["--original", file.to_str().unwrap()];
    let answer = signed(&lab, "", &[&reached[..], &original].concat());
    assert_eq!(answer.lines().nth(1), Some(div), "as its header would be");
}

/// This test verifies that nothing is signed that must not be, and that the error says what to do.
#[test]
fn what_is_not_answered_is_told() {
    let lab = Lab::new();
    let request = signed(&lab, INVITE, &[]);
    for (input, more, code, told) in [
        (
            &*request,
            &["--reached", FORWARDED][..],
            1,
            "give the div PASSporTs",
        ),
        (INVITE, &[], 1, "give a signed request"),
        (&request, &["--reached", "nobody"], 2, "--reached"),
        (&request, &["--div", FORWARDED], 2, "--div does not go with"),
        (&request, &["--compact"], 2, "--compact does not go with"),
    ] {
        let run = sign(&lab, input, &[&["--kind", "rsp"], more].concat());
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{run:?}");
        assert!(run.err.contains(told), "{told:?} in {}", run.err);
    }
    let misplaced = sign(&lab, &request, &["--reached", FORWARDED]);
    assert_eq!(misplaced.code, 2);
    assert!(misplaced.err.contains("--reached does not go with"));
}

/// This test verifies that an answer has the media keys and the name that are given, and not those of the request.
#[test]
fn an_answer_has_keys_and_a_name_of_its_own() {
    let lab = Lab::new();
    let request = signed(&lab, &with_sdp(&[FINGERPRINT]), &[]);
    let bare = decoded(&signed(&lab, &request, &["--kind", "rsp"]));
    assert_eq!(bare["passports"][0]["claims"]["mky"], Value::Null);
    let given = [
        "--kind",
        "rsp",
        "--fingerprint",
        "SHA-1:02:1a:cc",
        "--fingerprint",
        "sha-1:021ACC",
        "--name",
        "Bob's Bank",
    ];
    let apart = decoded(&signed(&lab, &request, &given));
    let passport = &apart["passports"][0];
    let mky = json!([{"alg": "sha-1", "dig": "021ACC"}]);
    assert_eq!(passport["claims"]["mky"], mky);
    assert_eq!(passport["media_keys"], json!(["sha-1 02:1A:CC"]));
    assert_eq!(passport["display"]["name"], "Bob's Bank");
}

/// This test verifies that the media keys of a request are signed in whatever kind speaks for the call, that a call without any is not
/// secured, and that people see what was signed beside what is in the SDP.
#[test]
fn the_media_keys_of_a_request_are_signed() {
    let lab = Lab::new();
    let request = with_sdp(&["sha-384 02:1A:CC", FINGERPRINT, FINGERPRINT]);
    let expected = json!([FINGERPRINT, "sha-384 02:1A:CC"]);
    for kind in ["base", "msec", "shaken"] {
        let out = signed(&lab, &request, &["--kind", kind]);
        let apart = decoded(&out);
        assert_eq!(apart["media_keys"], expected, "{kind}");
        assert_eq!(apart["passports"][0]["media_keys"], expected, "{kind}");
        let words = run_with(&["decode"], &out).out;
        assert_eq!(words.matches(FINGERPRINT).count(), 2, "{words}");
    }
    let secured = decoded(&signed(&lab, &request, &["--kind", "msec"]));
    let passport = &secured["passports"][0];
    assert_eq!(passport["header"]["ppt"], "msec");
    let says = passport["meaning"].as_str().unwrap();
    assert!(says.contains("asks for media keys"), "{says}");
    let without = sign(&lab, INVITE, &["--kind", "msec"]);
    assert_eq!((without.code, without.out.as_str()), (1, ""));
    assert!(
        without.err.contains("give --fingerprint"),
        "{}",
        without.err
    );
    let parties = ["--kind", "msec", "--from", CALLER, "--to", CALLED];
    let given = signed(
        &lab,
        "",
        &[&parties[..], &["--fingerprint", FINGERPRINT]].concat(),
    );
    let apart = decoded(&given);
    assert_eq!(apart["passports"][0]["media_keys"], json!([FINGERPRINT]));
}

/// This test verifies that fingerprints which are none are refused on the command line, and told where they are in the SDP.
#[test]
fn fingerprints_that_are_none() {
    let lab = Lab::new();
    let parties = ["--from", CALLER, "--to", CALLED];
    for (fingerprint, told) in [
        ("sha-256", "an algorithm and a digest"),
        ("sha-256:4AA", "hexadecimal digits"),
        ("sha/256:4AAD", "no token"),
    ] {
        let run = sign(
            &lab,
            "",
            &[&parties[..], &["--fingerprint", fingerprint]].concat(),
        );
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains(told), "{}", run.err);
    }
    let many: Vec<_> = (0..17).map(|n| format!("sha-1:{n:02}")).collect();
    let many = many.iter().flat_map(|one| ["--fingerprint", one]);
    let many = sign(
        &lab,
        "",
        &parties.into_iter().chain(many).collect::<Vec<_>>(),
    );
    assert_eq!(many.code, 2);
    assert!(
        many.err.contains("more than 16 fingerprints"),
        "{}",
        many.err
    );
    let diverted = ["--kind", "div", "--fingerprint", FINGERPRINT];
    let diverted = sign(&lab, INVITE, &diverted);
    assert!(diverted.err.contains("--fingerprint does not go with"));

    let untold = sign(&lab, &with_sdp(&[FINGERPRINT, "sha-256 4A:A"]), &[]);
    assert_eq!(untold.code, 0, "{untold:?}");
    assert!(untold.err.contains("cannot be told"), "{}", untold.err);
    let apart = decoded(&untold.out);
    assert_eq!(apart["passports"][0]["claims"]["mky"], Value::Null);
    assert_eq!(apart["media_keys"], json!([]));
}

/// A response with these Identity headers and the SDP of [`with_sdp`].
fn response(identities: &str, fingerprints: &[&str]) -> String {
    let request = with_sdp(fingerprints);
    let (_, rest) = request.split_once("\r\n").unwrap();
    let headers = identities.lines();
    let headers: String = headers.map(|one| format!("Identity: {one}\r\n")).collect();
    format!("SIP/2.0 200 OK\r\n{headers}{rest}")
}

/// A call from [`CALLER`] that was sent, signed, to [`CALLED`] and forwarded to [`FORWARDED`].
struct Sent {
    lab: Lab,
    request: String,
    forwarded: String,
}

impl Sent {
    fn new() -> Self {
        let lab = Lab::new();
        let request = signed(&lab, INVITE, &[]);
        let forwarded = signed(&lab, &request, &["--kind", "div", "--to", FORWARDED]);
        Self {
            lab,
            request,
            forwarded,
        }
    }

    /// The answer of the one who was called.
    fn own(&self, more: &[&str]) -> String {
        signed(
            &self.lab,
            &self.request,
            &[&["--kind", "rsp"], more].concat(),
        )
    }

    /// The answer of the one whom the call was forwarded to.
    fn diverted(&self) -> String {
        let reached = ["--kind", "rsp", "--reached", FORWARDED];
        signed(&self.lab, &self.forwarded, &reached)
    }

    /// Judges an answer to `request`.
    fn judge(&self, request: &str, answer: &str, more: &[&str]) -> Run {
        let file = self.lab.workspace.path().join("sent.sip");
        std::fs::write(&file, request).unwrap();
        let about = ["--answer-to", file.to_str().unwrap(), "--offline"];
        self.lab.verify(answer, &[&about, more].concat())
    }
}

/// This test verifies that an answer is judged against the request that it answers: who was reached, how the call came there, and whether
/// the media keys are those that were signed.
#[test]
fn who_picked_up_is_verified() {
    let sent = Sent::new();
    let (own, diverted) = (sent.own(&[]), sent.diverted());
    let bound = sent.own(&["--fingerprint", FINGERPRINT]);
    let secured = |identities: &str| response(identities, &[FINGERPRINT]);
    let changed = response(&bound, &["sha-256 02:1A"]);
    let (called, forwarded) = (Some(CALLED), Some(FORWARDED));
    for (answer, code, standing, reached, media) in [
        (own.as_str(), 0, "matching", called, "no-keys"),
        (&secured(&bound), 0, "matching", called, "bound"),
        (&diverted, 0, "diverted", forwarded, "no-keys"),
        (&secured(&diverted), 0, "diverted", forwarded, "not-signed"),
        (&response("", &[]), 3, "absent", None, "no-keys"),
        (&changed, 1, "unexpected", None, "mismatch"),
    ] {
        let run = sent.judge(&sent.request, answer, &["--json"]);
        let json = run.json();
        let expected = json!({"standing": standing, "reached": reached, "media_keys": media});
        assert_eq!((run.code, &json["answer"]), (code, &expected), "{json:#}");
    }
    let words = sent.judge(&sent.request, &diverted, &[]).out;
    let shown = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = format!("passed answer diverted reached {FORWARDED} media keys no-keys");
    assert!(shown.starts_with(&expected), "{words}");
    let hint = sent.judge(&sent.request, &bound, &[]).out;
    assert!(hint.contains("have no media keys"), "{hint}");
}

/// This test verifies that half a chain and a PASSporT that is no answer prove nobody, and that a request in which nobody speaks for the
/// caller has no answer.
#[test]
fn what_is_no_answer_proves_nobody() {
    let sent = Sent::new();
    let (own, diverted) = (sent.own(&[]), sent.diverted());
    let half = diverted.lines().next().unwrap();
    for answer in [half, &sent.lab.identity(&[])] {
        let json = sent.judge(&sent.request, answer, &["--json"]).json();
        assert_ne!(json["verdict"], "passed", "{json:#}");
        assert_eq!(json["answer"]["reached"], Value::Null, "{json:#}");
    }
    let nobody = sent.judge(INVITE, &own, &[]);
    assert_eq!((nobody.code, nobody.out.as_str()), (2, ""));
    let told = "nobody can have answered";
    assert!(nobody.err.contains(told), "{}", nobody.err);
}
