//! `certificate inspect`: what certificates say, from files, folders, standard input and repositories.
//!
//! ```text
//!     file, folder, URL, - ──► certificate inspect ──► one block, or one JSON object, per certificate
//! ```

use super::hierarchy::{CRL_URL, Hierarchy, numbers};
use super::{Run, run, run_with};
use countersign::certificate::TnAuthList;
use countersign::certificate::chain::{armoured, pem};
use countersign_ca::Profile;
use countersign_ca::extension::PathLength;
use serde_json::{Value, json};

/// The text with everything that differs from key to key taken out.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for (index, word) in text.split(' ').enumerate() {
        let is_hex =
            |line: &str| line.len() >= 32 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        let lines: Vec<_> = word
            .split('\n')
            .map(|line| if is_hex(line) { "<hex>" } else { line })
            .collect();
        masked += if index > 0 { " " } else { "" };
        masked += &lines.join("\n");
    }
    masked
}

fn lines(run: &Run) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    run.out.lines().map(parse).collect()
}

/// This test verifies the layout for people, word for word: a chain of three, shown in its order.
#[test]
fn a_chain_is_shown_in_its_order() {
    let lab = Hierarchy::new();
    let file = lab.write(
        "chain.pem",
        &[
            &lab.provider(),
            lab.issuing.certificate(),
            lab.root.certificate(),
        ],
    );
    let shown = run(&["certificate", "inspect", &file]);
    assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{shown:?}");
    assert_eq!(
        masked(&shown.out.replace(&file, "chain.pem")),
        include_str!("certificate_inspect.txt")
    );
}

/// This test verifies the JSON that scripts rely on: names, types, and every kind of TNAuthList entry.
#[test]
fn programs_get_an_object_per_certificate() {
    let lab = Hierarchy::new();
    let provider = lab.provider();
    let scope = vec![numbers("12025550100", 50), numbers("12025550190", 1)];
    let profile = Profile::DelegateCa(PathLength::AtMost(0));
    let scope = TnAuthList::new(scope).unwrap();
    let (_, delegating) = lab.issue(&lab.issuing, profile, "Numbers CA", Some(scope));
    let file = lab.write("two.pem", &[&provider, &delegating]);
    let shown = run(&["certificate", "inspect", "--json", &file]);
    assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{shown:?}");
    let [provider, delegating] = &lines(&shown)[..] else {
        panic!("{shown:?}");
    };
    assert_eq!(provider["tnauthlist"], json!([{"spc": "1234"}]));
    let range = json!({"range": {"start": "12025550100", "count": 50}});
    assert_eq!(
        delegating["tnauthlist"],
        json!([range, {"one": "12025550190"}])
    );
    assert_eq!(provider["index"], 1);
    assert_eq!(provider["file"], file.as_str());
    assert_eq!(provider["subject"], "CN=SHAKEN 1234,O=Countersign Lab,C=US");
    assert_eq!(provider["issuer"], delegating["issuer"]);
    let validity =
        json!({"not_before": "2020-01-01T00:00:00Z", "not_after": "2049-12-31T00:00:00Z"});
    assert_eq!(provider["validity"], validity);
    assert_eq!(provider["key"], "P-256");
    assert_eq!(provider["serial"], "40000000000000000000000000000004");
    assert_eq!(provider["policies"], json!(["2.16.840.1.114569.1.1.4"]));
    assert_eq!(provider["ca"], false);
    let issuer = "CN=List Issuer,O=Countersign Lab,C=US";
    assert_eq!(
        provider["crl"],
        json!([{"urls": [CRL_URL], "issuer": issuer}])
    );
    assert_eq!(provider["no_revocation"], false);
    assert_eq!(provider["version"], 3);
    assert_eq!(provider["aki"], delegating["aki"]);
    assert_eq!(delegating["path_length"], 0);
    assert_eq!(delegating["key_usage"], json!(["keyCertSign", "cRLSign"]));
}

/// This test verifies that claim constraints are told: those of the certificate that RFC 9118 prints.
#[test]
fn claim_constraints_are_told() {
    let lab = Hierarchy::new();
    let figure = include_str!("../../../../../test-data/x509/rfc9118-figure1.pem");
    let file = lab.write_bytes("figure1.pem", figure);
    let shown = run(&["certificate", "inspect", "--json", &file]);
    let permitted = json!([{"claim": "confidence", "values": ["high", "medium"]}]);
    assert_eq!(
        shown.json()["constraints"],
        json!([{
            "kind": "enhanced",
            "must_include": ["confidence"],
            "permitted_values": permitted,
            "must_exclude": ["priority"],
        }])
    );
    let people = run(&["certificate", "inspect", &file]);
    for line in [
        "must have confidence",
        "confidence only as high, medium",
        "must not have priority",
    ] {
        assert!(people.out.contains(line), "{people:?}");
    }
}

/// This test verifies that a folder is looked at as a whole: what is broken is named, what is none of our business passed over,
/// and the good ones are shown.
#[test]
fn a_mixed_folder_hides_nothing() {
    let lab = Hierarchy::new();
    let good = lab.provider();
    std::fs::create_dir_all(lab.path("sub/.hidden")).unwrap();
    lab.write("sub/.hidden/unseen.pem", &[&good]);
    lab.write_bytes("sub/good.der", good.as_der());
    lab.write_bytes("no-ending", pem(good.as_der()));
    lab.write_bytes("key.pem", armoured("PRIVATE KEY", &[0x30, 0]));
    lab.write_bytes("notes.txt", "nothing here");
    lab.write_bytes("broken.pem", &pem(good.as_der())[..300]);
    lab.write_bytes("empty.crt", "");
    lab.write_bytes("wrong.der", [0x30, 0x03, 1, 1, 0]);
    let shown = run(&["certificate", "inspect", "--json", &lab.path("")]);
    assert_eq!(shown.code, 1, "{shown:?}");
    assert!(
        shown
            .err
            .contains("2 files without certificates passed over"),
        "{shown:?}"
    );
    let told: Vec<_> = lines(&shown)
        .iter()
        .map(|one| {
            let file = one["file"].as_str().unwrap();
            let name = file.strip_prefix(&lab.path("")).unwrap().to_owned();
            (name, one["error"].as_str().map(str::to_owned))
        })
        .collect();
    let error = |name: &str, error: &str| (name.to_owned(), Some(error.to_owned()));
    let fine = |name: &str| (name.to_owned(), None);
    assert_eq!(
        told,
        [
            error("broken.pem", "broken PEM"),
            error("empty.crt", "no certificate in it"),
            fine("no-ending"),
            fine("sub/good.der"),
            error("wrong.der", "not a certificate in DER"),
        ]
    );
}

/// This test verifies that a folder with nothing to look at is told and no success: whoever misspells one must not be told that
/// nothing is wrong.
#[test]
fn a_folder_without_certificates_is_no_success() {
    let lab = Hierarchy::new();
    let anchor = lab.write("anchor.pem", &[lab.root.certificate()]);
    std::fs::create_dir(lab.path("nothing")).unwrap();
    lab.write_bytes("nothing/notes.txt", "nothing here");
    for verb in ["inspect", "lint", "verify", "audit"] {
        let folder = lab.path("nothing");
        let trust: &[&str] = match verb {
            "verify" => &["--trust", &anchor],
            _ => &[],
        };
        let told = run(&[&["certificate", verb, "--json", &folder], trust].concat());
        assert_eq!(told.code, 1, "{verb}: {told:?}");
        assert!(
            told.out.contains("no certificate in this folder"),
            "{told:?}"
        );
        assert!(told.err.contains("1 file without certificates"), "{told:?}");
    }
}

/// This test verifies what becomes of what cannot be had, and that it costs nobody else.
#[test]
fn what_cannot_be_had_is_told_and_the_rest_is_shown() {
    let lab = Hierarchy::new();
    let good = lab.write("good.pem", &[&lab.provider()]);
    let key = lab.write_bytes("key.pem", armoured("EC PRIVATE KEY", &[0x30, 0]));
    let table: [(&str, i32, &str); 5] = [
        ("/nonexistent.pem", 2, "no such file or folder"),
        (&key, 1, "a private key, and no certificate"),
        (
            "https://127.0.0.1/c.pem",
            4,
            "the host is at a forbidden address",
        ),
        ("http://example.org/c.pem", 1, "the URL is not https"),
        (
            "https://example.org:5/c.pem",
            1,
            "the port is neither 443 nor 8443",
        ),
    ];
    for (input, code, error) in table {
        let shown = run(&["certificate", "inspect", "--json", input, &good]);
        assert_eq!(shown.code, code, "{shown:?}");
        let has_hint =
            shown.err.contains("hint: ") && shown.err.contains("--allow-origin https://");
        assert_eq!(
            has_hint,
            error.contains("address") || error.contains("port"),
            "{shown:?}"
        );
        let [bad, fine] = &lines(&shown)[..] else {
            panic!("{shown:?}");
        };
        assert_eq!(
            (&bad["file"], &bad["error"]),
            (&json!(input), &json!(error))
        );
        assert_eq!(fine["file"], good.as_str());
    }
}

/// This test verifies that standard input is read, as PEM and as DER, and that a key beside a certificate is mentioned.
#[test]
fn standard_input_is_a_file() {
    let lab = Hierarchy::new();
    let good = lab.provider();
    let der = run_with(&["certificate", "inspect", "--json", "-"], good.as_der());
    let both = pem(good.as_der()) + &armoured("PRIVATE KEY", &[0x30, 0]);
    let text = run_with(&["certificate", "inspect", "--json", "-"], both);
    assert_eq!((der.code, text.code), (0, 0), "{der:?} {text:?}");
    assert_eq!(der.out, text.out);
    assert_eq!(der.json()["file"], "-");
    assert_eq!(der.err, "");
    assert!(
        text.err
            .contains("a private key stands among the certificates")
    );
}
