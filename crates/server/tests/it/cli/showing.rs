//! What `decode` says that a telephone would show of rich call data, and the picture that it writes.

use super::run_with;
use crate::peers::Workspace;
use countersign::jose::base64url;
use serde_json::{Value, json};

/// The icon of RFC 9795 §8.3.
pub(super) const ICON: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==";

/// A token with these claims beside those that every token has; nobody signed it.
fn token(ppt: &str, more: &Value) -> String {
    let mut claims = json!({
        "dest": {"tn": ["12025550101"]},
        "iat": 1_443_208_345,
        "orig": {"tn": "12025550100"},
    });
    let object = claims.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        object.insert(name.clone(), value.clone());
    }
    let header = json!({"alg": "ES256", "ppt": ppt, "typ": "passport", "x5u": "https://cert.example.org/a.pem"});
    let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
    let signature = base64url::encode(&[1; 64]);
    format!("{}.{}.{signature}", part(&header), part(&claims))
}

/// This test verifies that people and programs see what a telephone would show, and that the picture of RFC 9795 §8.3 is written whole.
#[test]
fn a_telephone_would_show_this_and_the_picture_is_a_file() {
    let workspace = Workspace::new("showing");
    let file = workspace.path().join("logo.png");
    let card = json!([
        "vcard",
        [
            ["version", {}, "text", "4.0"],
            ["fn", {}, "text", "Q Branch"],
            ["url", {}, "uri", "https://example.com/q"],
            ["logo", {}, "uri", "https://example.com/logos/mi6-64x64.jpg"],
            ["x-secret", {}, "text", "not for phones"]
        ]
    ]);
    let token = token(
        "rcd",
        &json!({
            "crn": "Rendezvous for Little Nellie",
            "iss": "Zorin Industries",
            "rcd": {"apn": "12025550199", "icn": ICON, "jcd": card, "nam": "Q Branch \u{1b}[2J"},
            "rcdi": {"/jcd/1/3/3": "sha256-RojgWwU6xUtI4q82+kHPyHm1JKbm7+663bMvzymhkl4"},
        }),
    );
    let picture = file.display().to_string();
    let shown = run_with(&["decode", "--picture", &picture], &token);
    assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{}", shown.out);
    for text in [
        "phone shows name",
        "Q Branch \u{fffd}[2J",
        "12025550199",
        "Rendezvous for Little Nellie",
        "Zorin Industries",
        "in the token, image/png, 85 bytes",
        "at https://example.com/logos/mi6-64x64.jpg,",
        "sha256-RojgWwU6xUtI4q82+kHPyHm1JKbm7+663bMvzymhkl4\n              card",
        "url: https://example.com/q",
    ] {
        assert!(shown.out.contains(text), "{text:?} in {}", shown.out);
    }
    assert!(!shown.out.contains("x-secret: "), "{}", shown.out);
    let written = std::fs::read(&file).unwrap();
    assert_eq!(written.len(), 85);
    assert!(written.starts_with(b"\x89PNG\r\n\x1a\n"));

    let display = run_with(&["decode", "--json"], &token).json()["passports"][0]["display"].clone();
    assert_eq!(display["number"], "12025550199");
    assert_eq!(display["pictures"][0]["pointer"], "/icn");
    assert_eq!(display["pictures"][0]["media_type"], "image/png");
    assert_eq!(display["pictures"][1]["pointer"], "/jcd/1/3/3");
    assert_eq!(
        display["card"]["fields"][0],
        json!({"property": "fn", "value": "Q Branch"})
    );
}

/// This test verifies that a picture that lies about itself, is elsewhere, or is not there becomes no file, and that it is said why.
#[test]
fn what_is_no_picture_becomes_no_file() {
    let workspace = Workspace::new("showing");
    let file = workspace.path().join("logo.png");
    let picture = file.display().to_string();
    // Cut in the middle of its pixels, padded so that it is base64.
    let cut = format!("{}AAAA", &ICON[..ICON.len() - 60]);
    for (rcd, told) in [
        (json!({"icn": cut, "nam": ""}), "no PNG or JPEG"),
        (
            json!({"icn": "data:image/svg+xml;base64,PHN2Zy8+", "nam": ""}),
            "no PNG or JPEG",
        ),
        (
            json!({"icn": "https://example.com/a.png", "nam": ""}),
            "elsewhere, and nothing is fetched here: https://example.com/a.png",
        ),
        (json!({"nam": ""}), "no PASSporT has one"),
    ] {
        let shown = run_with(
            &["decode", "--picture", &picture],
            token("rcd", &json!({"rcd": rcd})),
        );
        assert_eq!(shown.code, 1, "{}", shown.out);
        assert!(shown.err.contains(told), "{told:?} in {}", shown.err);
        assert!(!file.exists());
    }
}

/// This test verifies that a PASSporT inside of another one is taken apart as well, and that a card which is none is said to be none.
#[test]
fn what_is_inside_is_taken_apart() {
    let original = token(
        "shaken",
        &json!({"attest": "A", "origid": "123e4567-e89b-12d3-a456-426655440000", "rcd": {"jcd": ["vcard", []], "nam": "x"}}),
    );
    let outer = token(
        "div-o",
        &json!({"div": {"tn": "12025550101"}, "opt": original}),
    );
    let inside = run_with(&["decode", "--json"], &outer).json()["passports"][0]["inside"].clone();
    assert_eq!(inside["token"], original);
    assert_eq!(inside["claims"]["attest"], "A");
    assert!(inside["display"]["card"]["error"].is_string(), "{inside}");
    let shown = run_with(&["decode"], &outer);
    assert!(
        shown.out.contains("PASSporT inside of it, full form"),
        "{}",
        shown.out
    );
    let broken = token(
        "div-o",
        &json!({"div": {"tn": "12025550101"}, "opt": "a.b.c"}),
    );
    assert_eq!(run_with(&["decode"], &broken).code, 1);
}
