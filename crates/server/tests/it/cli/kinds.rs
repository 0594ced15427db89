//! Every kind of PASSporT, signed and verified on the command line.
//!
//! ```text
//!   sign --kind … ──► Identity headers ──► verify --together ──► passed, and what follows from it
//! ```

use super::{CALLED, CALLER, INVITE, Lab, Run, run_with};
use serde_json::Value;

/// To whom the call is forwarded.
const FORWARDED: &str = "12025550102";

fn signed(lab: &Lab, input: &str, more: &[&str]) -> String {
    let run = run_with(&[&["sign", "--data", &lab.data()], more].concat(), input);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    run.out
}

fn judged(lab: &Lab, headers: &str, to: &str, more: &[&str]) -> Run {
    let parties = [
        "--together",
        "--json",
        "--offline",
        "--from",
        CALLER,
        "--to",
        to,
    ];
    lab.verify(headers, &[&parties, more].concat())
}

/// In words, the certificate of who diverted speaks for somebody else than that of the caller.
fn speaks_of_each_as_what_it_is(lab: &Lab, headers: &str) {
    let parties = [
        "--together",
        "--offline",
        "--from",
        CALLER,
        "--to",
        FORWARDED,
    ];
    let words = lab.verify(headers, &parties).out;
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let (diverter, caller) = words.split_once("PASSporT 2 of 2").unwrap();
    let says = |words: &str, claim: &str| {
        let named = words.contains(&format!("certificate names {claim}"));
        named || words.contains(&format!("speaks for {claim} as"))
    };
    assert!(says(diverter, "div") && !says(diverter, "orig"), "{words}");
    assert!(says(caller, "orig") && !says(caller, "div"), "{words}");
}

/// This test verifies that a forwarded call passes with its chain, whichever way the diversion was signed, and fails to whom the chain does not lead.
#[test]
fn digest12_case25_a_forwarded_call_is_signed_and_judged_together() {
    let lab = Lab::new();
    let original = lab.identity(&[]);
    let known = [
        "--kind", "div", "--from", CALLER, "--div", CALLED, "--to", FORWARDED,
    ];
    let file = lab.workspace.path().join("original.txt");
    std::fs::write(&file, &original).unwrap();
    let path = file.display().to_string();
    let drawn = [
        "--kind",
        "div",
        "--original",
        &path,
        "--to",
        FORWARDED,
        "--history",
        "1.1",
    ];
    for div in [signed(&lab, "", &known), signed(&lab, "", &drawn)] {
        assert!(div.trim().ends_with(";ppt=div"), "{div}");
        let passed = judged(&lab, &format!("{div}{original}"), FORWARDED, &[]);
        let json = passed.json();
        assert_eq!(passed.code, 0, "{json:#}");
        assert_eq!(json["passports"][0]["purpose"], "diversion");
        assert_eq!(json["passports"][0]["chain"]["refers_to"][0], 1);
        assert_eq!(json["passports"][1]["purpose"], "caller");
        speaks_of_each_as_what_it_is(&lab, &format!("{div}{original}"));
        assert_ne!(
            judged(&lab, &format!("{div}{original}"), "12025550103", &[]).code,
            0
        );
        assert_ne!(
            judged(&lab, &div, FORWARDED, &[]).code,
            0,
            "a chain without its beginning"
        );
    }
    let unchanged = run_with(
        &[
            "sign",
            "--data",
            &lab.data(),
            "--kind",
            "div",
            "--from",
            CALLER,
            "--div",
            CALLED,
            "--to",
            CALLED,
        ],
        "",
    );
    assert_eq!(
        (unchanged.code, unchanged.out.as_str()),
        (1, ""),
        "{unchanged:?}"
    );
}

/// This test verifies that a request which is forwarded keeps its Identity and gets another, and that the type with the original inside does without.
#[test]
fn a_request_is_forwarded_with_its_identity() {
    let lab = Lab::new();
    let request = signed(&lab, INVITE, &[]);
    let forwarded = signed(&lab, &request, &["--kind", "div", "--to", FORWARDED]);
    assert_eq!(forwarded.matches("\r\nIdentity: ").count(), 2);
    assert!(forwarded.contains(";ppt=div\r\n"));
    let nested = signed(
        &lab,
        &request,
        &["--kind", "div-o", "--to", FORWARDED, "--json"],
    );
    let nested: Value = serde_json::from_str(&nested).unwrap();
    let opt = nested["passport"]["claims"]["opt"].as_str().unwrap();
    assert!(request.contains(opt));
    let alone = judged(&lab, nested["identity"].as_str().unwrap(), FORWARDED, &[]);
    assert_eq!(alone.code, 0, "{}", alone.out);
}

/// This test verifies that what is said of the caller is proven by the picture at hand, and not by another one.
#[test]
fn a_branded_call_is_proven_by_its_picture() {
    let lab = Lab::new();
    let folder = lab.workspace.path().to_owned();
    let (good, bad, out) = (
        folder.join("q.png"),
        folder.join("z.png"),
        folder.join("out.png"),
    );
    std::fs::write(
        &good,
        countersign::passport::rcd::data_url::content(super::showing::ICON)
            .unwrap()
            .1,
    )
    .unwrap();
    let url = "https://example.com/q.png";
    let resource = format!("{url}={}", good.display());
    let brand = [
        "--name",
        "Q Branch",
        "--reason",
        "Your order",
        "--icon",
        url,
        "--resource",
        &resource,
    ];
    let parties = ["--from", CALLER, "--to", CALLED];
    let out_path = out.display().to_string();
    for kind in ["shaken", "rcd"] {
        let token = signed(
            &lab,
            "",
            &[&parties[..], &brand, &["--kind", kind]].concat(),
        );
        let passed = judged(
            &lab,
            &token,
            CALLED,
            &["--resource", &resource, "--picture", &out_path],
        );
        let json = passed.json();
        assert_eq!(
            (passed.code, passed.err.as_str()),
            (0, ""),
            "{kind}: {json:#}"
        );
        let caller = &json["consequences"]["caller"];
        assert_eq!(caller["name"], "Q Branch", "{kind}");
        assert_eq!(caller["reason"], "Your order", "{kind}");
        assert_eq!(caller["icon"], url, "{kind}");
        assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(&good).unwrap());
        std::fs::remove_file(&out).unwrap();

        let mut other = std::fs::read(&good).unwrap();
        // Bytes behind the end: the same to whoever looks, another to whoever has the digest.
        other.push(0);
        std::fs::write(&bad, other).unwrap();
        let swapped = format!("{url}={}", bad.display());
        let told = judged(
            &lab,
            &token,
            CALLED,
            &["--resource", &swapped, "--picture", &out_path],
        );
        assert_no_picture(&told, kind);
        assert!(!out.exists());
    }
}

/// The call passed, and its picture is not shown.
fn assert_no_picture(told: &Run, kind: &str) {
    let json = told.json();
    assert_eq!(
        (told.code, &json["verdict"]),
        (1, &"passed".into()),
        "{json:#}"
    );
    assert!(told.err.contains("none is proven"), "{}", told.err);
    let caller = &json["consequences"]["caller"];
    assert_eq!(caller["icon"], Value::Null, "{kind}");
    assert_eq!(caller["name"], "Q Branch", "{kind}");
}

/// This test verifies that a priority is honoured if its signer stands for the namespace, and only what the call asks for.
#[test]
fn a_priority_is_honoured_of_whom_it_may_come_from() {
    let lab = Lab::new();
    let parties = ["--from", CALLER, "--to", CALLED];
    let original = lab.identity(&[]);
    let rph = signed(
        &lab,
        "",
        &[&parties[..], &["--kind", "rph", "--rph", "ets.0"]].concat(),
    );
    let both = format!("{rph}{original}");
    let decoded = run_with(&["decode", "--json"], &rph).json();
    assert_eq!(decoded["passports"][0]["claims"]["rph"]["auth"][0], "ets.0");
    let asking = judged(&lab, &both, CALLED, &["--rph", "ets.0"]).json();
    let subject = asking["passports"][1]["signer"]["spc"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(asking["verdict"], "passed", "{asking:#}");
    assert_ne!(asking["consequences"]["honoured"][0], "ets.0");
    let authority = format!("ets={subject}");
    let honoured = judged(
        &lab,
        &both,
        CALLED,
        &["--rph", "ets.0", "--priority-authority", &authority],
    )
    .json();
    assert_eq!(
        honoured["consequences"]["honoured"][0], "ets.0",
        "{honoured:#}"
    );
    let refused = run_with(
        &[
            &["sign", "--data", &lab.data(), "--kind", "rph"],
            &parties[..],
            &["--rph", "ets.0", "--sph"],
        ]
        .concat(),
        "",
    );
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.err.contains("must not have that priority"),
        "{}",
        refused.err
    );
}

/// This test verifies that a PASSporT without extension is signed in both forms, and that the compact one is only a signature.
#[test]
fn without_extension_in_both_forms() {
    let lab = Lab::new();
    let base = signed(
        &lab,
        "",
        &["--kind", "base", "--from", CALLER, "--to", CALLED],
    );
    assert!(!base.contains("ppt="), "{base}");
    assert_eq!(
        judged(&lab, &base, CALLED, &[]).json()["passports"][0]["purpose"],
        "caller"
    );
    let compact = signed(
        &lab,
        "",
        &[
            "--kind",
            "base",
            "--compact",
            "--from",
            CALLER,
            "--to",
            CALLED,
        ],
    );
    assert!(compact.starts_with(".."), "{compact}");
    let full = run_with(&["sign", "--data", &lab.data(), "--compact"], INVITE);
    assert_eq!(full.code, 2);
    assert!(full.err.contains("--compact"), "{}", full.err);
}
