//! The digests and the claims of [RFC 9795](https://www.rfc-editor.org/rfc/rfc9795). Those of pictures cannot be made again: the pictures
//! are nowhere. Two samples are against their own document: §6 points to `/jcl/1/2/3`, which is the name of a card, and §8.3 has an
//! icon without a digest of it.

use countersign::jcard::JCard;
use countersign::jose::base64url::encode;
use countersign::jose::json::parse_str;
use countersign::jose::pointer::Pointer;
use countersign::passport::rcd::digest::{Algorithm, Digest};
use countersign::passport::rcd::references::{CARD_INLINE, of_card};
use countersign::passport::{Card, Claim, Extension, PassportError, SignedPassport};

/// The card of §6.1.3, indented as it is printed.
const QUARTERMASTER: &str = r#"["vcard",
    [ ["version",{},"text","4.0"],
      ["fn",{},"text","Q Branch"],
      ["org",{},"text","MI6;Q Branch Spy Gadgets"],
      ["photo",{},"uri",
        "https://example.com/photos/quartermaster-256x256.png"],
      ["logo",{},"uri",
        "https://example.com/logos/mi6-256x256.jpg"],
      ["logo",{},"uri",
        "https://example.com/logos/mi6-64x64.jpg"]
    ]
  ]"#;

/// The token of these claims, under the header of §8, with no signature of anybody's.
fn token(payload: &str) -> Result<SignedPassport, PassportError> {
    let header = r#"{ "typ":"passport", "ppt":"rcd", "alg":"ES256", "x5u":"https://www.example.com/cert.cer" }"#;
    let parts = [header.as_bytes(), payload.as_bytes(), &[0; 64]].map(encode);
    SignedPassport::parse(&parts.join("."))
}

/// The claims of §8.3 with these beside those of the call.
fn claims(rich: &str) -> String {
    format!(
        r#"{{"orig":{{"tn":"12025551000"}},"dest":{{"tn":["12155551001"]}},"iat":1443208345,{rich}}}"#
    )
}

fn digest_of(json: &str) -> String {
    let value = parse_str(json).unwrap().value;
    Digest::of_json(Algorithm::Sha256, &value).to_string()
}

#[test]
fn digest10_case01_the_digests_of_sections_6_1_and_8_3() {
    let photos_of_8_3 = QUARTERMASTER.replace("photos/quartermaster", "photos/q");
    let cases = [
        (
            QUARTERMASTER,
            "sha256-7kdCBZqH0nqMSPsmABvsKlHPhZEStgjojhdSJGRr3rk",
        ),
        (
            &*photos_of_8_3,
            "sha256-qCn4pEH6BJu7zXndLFuAP6DwlTv5fRmJ1AFkqftwnCs",
        ),
        (
            r#""Q Branch Spy Gadgets""#,
            "sha256-sM275lTgzCte+LHOKHtU4SxG8shlOo6OS4ot8IJQImY",
        ),
    ];
    for (json, printed) in cases {
        assert_eq!(digest_of(json), printed);
        let padded: Digest = format!("{printed}=").parse().unwrap();
        assert_eq!(printed.parse(), Ok(padded));
    }
    // The bytes as printed have another one: what is hashed is the JSON without white space.
    let printed: Digest = cases[0].1.parse().unwrap();
    assert!(!printed.fits(QUARTERMASTER.as_bytes()));
}

#[test]
fn the_pointers_of_section_6_1_3_are_the_references_of_its_card() {
    let card = JCard::parse(QUARTERMASTER.as_bytes()).unwrap();
    let pointers: Vec<_> = of_card(&card, CARD_INLINE)
        .map(|one| one.pointer.into_string())
        .collect();
    assert_eq!(pointers, ["/jcd/1/3/3", "/jcd/1/4/3", "/jcd/1/5/3"]);
    // §6: "/jcl/1/2/3" is no URI of the card.
    let value = parse_str(QUARTERMASTER).unwrap().value;
    let found = Pointer::parse("/1/2/3")
        .unwrap()
        .find(&value)
        .and_then(|text| text.as_str());
    assert_eq!(found, Some("MI6;Q Branch Spy Gadgets"));
}

#[test]
fn digest10_case19_an_element_that_moved_is_another_digest() {
    let moved = QUARTERMASTER
        .replace("mi6-256x256", "x")
        .replace("mi6-64x64", "mi6-256x256")
        .replace("logos/x", "logos/mi6-64x64");
    assert_ne!(digest_of(&moved), digest_of(QUARTERMASTER));
}

#[test]
fn the_claims_of_section_8_3_are_read() {
    let bond = token(&claims(r#""rcd":{"nam":"James Bond"}"#)).unwrap();
    assert_eq!(bond.claims().extension, Extension::Rcd);
    let data = bond.claims().rich.as_ref().unwrap().data.as_ref().unwrap();
    assert_eq!(data.name.as_deref(), Some("James Bond"));
    assert_eq!(data.alternate, None);

    let icon = token(&claims(
        r#""rcd":{ "apn":"12025559990", "icn":"https://example.com/photos/quartermaster-256x256.png", "nam":"Her Majesty's Secret Service" }"#,
    ))
    .unwrap();
    let data = icon.claims().rich.as_ref().unwrap().data.as_ref().unwrap();
    assert_eq!(data.alternate.unwrap().as_str(), "12025559990");
    assert_eq!(
        data.icon.as_deref(),
        Some("https://example.com/photos/quartermaster-256x256.png")
    );

    let inline = token(&claims(&format!(
        r#""crn": "Rendezvous for Little Nellie","rcd":{{"jcd":{QUARTERMASTER},"nam":"Q Branch Spy Gadgets"}},"rcdi":{{"/jcd/1/3/3":"sha256-RojgWwU6xUtI4q82+kHPyHm1JKbm7+663bMvzymhkl4"}}"#
    )))
    .unwrap();
    let rich = inline.claims().rich.as_ref().unwrap();
    assert_eq!(rich.reason.as_deref(), Some("Rendezvous for Little Nellie"));
    let Some(Card::Inline(card)) = &rich.data.as_ref().unwrap().card else {
        panic!("{rich:?}");
    };
    assert_eq!(digest_of(card), digest_of(QUARTERMASTER));
    let (_, digest) = &rich.integrity.as_ref().unwrap().digests[0];
    assert!(digest.parse::<Digest>().is_ok());
}

/// §10.1.
#[test]
fn the_claims_of_a_third_party_are_read() {
    let zorin = token(&claims(
        r#""iss":"Zorin Industries","rcd":{"nam":"James St. John Smythe"}"#,
    ))
    .unwrap();
    assert_eq!(zorin.claims().issuer(), Some("Zorin Industries"));
}

#[test]
fn digest10_case06_and_case09_and_case22_claims_that_the_document_forbids() {
    let read = |rich: &str| token(&claims(rich)).map(|_| ());
    let missing = Err(PassportError::ClaimMissing(Claim::Rcd));
    assert_eq!(read(r#""x":1"#), missing, "neither rcd nor crn: §8");
    assert_eq!(read(r#""crn":"For your ears only""#), Ok(()));
    assert_eq!(
        read(r#""crn":"x","rcdi":{}"#),
        missing,
        "rcdi without rcd: §6"
    );
    let both = format!(
        r#""rcd":{{"nam":"","jcd":{QUARTERMASTER},"jcl":"https://example.com/qbranch.json"}}"#
    );
    assert_eq!(
        read(&both),
        Err(PassportError::ClaimShape(Claim::Rcd)),
        "§5.1.5"
    );
    // §8: "The value of "rcd" is an array of JSON objects" contradicts §5.1 and every sample.
    assert_eq!(
        read(r#""rcd":[{"nam":"x"}]"#),
        Err(PassportError::ClaimShape(Claim::Rcd))
    );
}
