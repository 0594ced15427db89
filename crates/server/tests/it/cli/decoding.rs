//! What `decode` shows of what it is given, believed or not.

use super::{INVITE, Lab, run_with};
use serde_json::Value;

const RFC: &str = include_str!("../../../../../test-data/passports/rfc.jsonl");

fn tokens() -> Vec<(String, String)> {
    let row = |line| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    };
    RFC.lines().map(row).collect()
}

/// This test verifies that the tokens that RFCs print come apart, and that what is wrong with them is said.
#[test]
fn the_tokens_of_the_rfcs_come_apart() {
    let tokens = tokens();
    let input: String = tokens
        .iter()
        .map(|(_, token)| format!("{token}\n"))
        .collect();
    let decoded = run_with(&["decode", "--json"], input);
    assert_eq!(decoded.err, "");
    let apart: Vec<Value> = decoded
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(apart.len(), tokens.len());
    for ((id, token), apart) in tokens.iter().zip(&apart) {
        let passport = &apart["passports"][0];
        assert_eq!(apart["input"], "token", "{id}");
        assert_eq!(
            (&passport["token"], &passport["form"]),
            (&token.as_str().into(), &"full".into())
        );
        assert_eq!(passport["header"]["alg"], "ES256", "{id}");
        assert_eq!(passport["header"]["typ"], "passport", "{id}");
        assert_eq!(passport["signature"], 64, "{id}");
        if passport["error"].is_null() {
            assert!(passport["claims"]["orig"]["tn"].is_string(), "{id}");
            assert!(passport["canonical"].is_boolean(), "{id}");
        }
    }
    let faults: Vec<_> = tokens
        .iter()
        .zip(&apart)
        .filter(|(_, apart)| apart["passports"][0]["error"].is_string())
        .map(|((id, _), _)| id.as_str())
        .collect();
    assert_eq!(decoded.code, i32::from(!faults.is_empty()));
    assert!(
        faults.contains(&"rfc8946-5"),
        "its dest.tn is no array: {faults:?}"
    );
    assert!(
        !faults.contains(&"rfc8225-7.1"),
        "a string iat can be read: {faults:?}"
    );
}

/// This test verifies what people see of the token of RFC 8225 §7.1, its iat in quotes included.
#[test]
fn people_see_what_is_there() {
    let tokens = tokens();
    let (_, token) = tokens.iter().find(|(id, _)| id == "rfc8225-7.1").unwrap();
    let decoded = run_with(&["decode"], token);
    assert_eq!(decoded.code, 0);
    for shown in [
        "PASSporT 1 of 1, full form",
        "x5u       https://cert.example.org/passport.cer",
        "iat       \"1443208345\", in quotes",
        r#"dest      {"uri":["sip:alice@example.com"]}"#,
        "signature   64 bytes",
        "nothing of this was verified",
    ] {
        assert!(decoded.out.contains(shown), "{shown:?} in {}", decoded.out);
    }
    // Members stand in the order received, not in another.
    let header = countersign::jose::base64url::encode(br#"{"typ":"passport","alg":"ES256"}"#);
    let unsorted = run_with(&["decode"], format!("{header}.e30.c2ln"));
    let at = |word: &str| unsorted.out.find(word).unwrap();
    assert!(at("typ ") < at("alg "), "{}", unsorted.out);
}

#[test]
fn what_cannot_be_read_is_shown_as_far_as_it_can_be() {
    for (input, shown) in [
        ("a.b", "error"),
        ("..c2ln", "compact form"),
        ("!!!.e30.c2ln", "not base64url"),
        ("e30.bm90IGpzb24.c2ln", "not json"),
        ("e30.eyJhIjoxLCJhIjoyfQ.c2ln", r#"{"a":1,"a":2}"#),
        ("e30.W10.c2ln", "not a JSON object"),
        ("Identity: a.b.c;info=x", "holds no URI"),
        (
            "INVITE sip:h SIP/2.0\r\nbroken\r\n\r\n",
            "not a SIP message",
        ),
    ] {
        let decoded = run_with(&["decode"], input);
        assert_eq!((decoded.code, decoded.err.as_str()), (1, ""), "{input}");
        assert!(decoded.out.contains(shown), "{shown:?} in {}", decoded.out);
        let json = run_with(&["decode", "--json"], input);
        assert_eq!((json.code, json.out.lines().count()), (1, 1), "{input}");
        let _ = json.json();
    }
    for nothing in ["", " \n\n"] {
        let decoded = run_with(&["decode"], nothing);
        assert_eq!((decoded.code, decoded.out.as_str()), (2, ""));
        assert!(decoded.err.contains("nothing in it"));
    }
}

/// This test verifies that a request shows whom it names, and what was signed into it.
#[test]
fn a_request_shows_its_call_and_its_passport() {
    let lab = Lab::new();
    let signed = run_with(&["sign", "--data", &lab.data()], INVITE);
    let json = run_with(&["decode", "--json"], &signed.out).json();
    assert_eq!(
        (&json["input"], &json["orig_from"]),
        (&"message".into(), &"From".into())
    );
    assert_eq!(json["orig"], super::CALLER);
    assert_eq!(json["dest"][0]["from"], "To");
    assert_eq!(json["dest"][1]["from"], "Request-URI");
    assert!(json["date"].as_str().unwrap().ends_with('Z'));
    assert_eq!(json["passports"][0]["parameters"]["info"], super::X5U);
    assert_eq!(json["passports"][0]["canonical"], true);
    let told = run_with(&["decode"], INVITE);
    assert_eq!(told.code, 0);
    assert!(told.out.contains("identity    none"), "{}", told.out);
}
