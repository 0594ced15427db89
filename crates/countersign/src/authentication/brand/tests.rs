//! What is made of a brand, against the samples of RFC 9795 §8.3, and what cannot be made.

use super::*;

/// The jCard of RFC 9795 §8.3, as it is served.
const CARD: &str = r#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"],["org",{},"text","MI6;Q Branch Spy Gadgets"],["photo",{},"uri","https://example.com/photos/q-256x256.png"],["logo",{},"uri","https://example.com/logos/mi6-256x256.jpg"],["logo",{},"uri","https://example.com/logos/mi6-64x64.jpg"]]]"#;
const CARD_URL: &str = "https://example.com/qbranch.json";
const NELLIE: &str = "Rendezvous for Little Nellie";

fn q_branch(card: Card) -> Brand {
    Brand {
        name: "Q Branch Spy Gadgets".into(),
        card: Some(card),
        reasons: [NELLIE.into()].into(),
        ..Brand::default()
    }
}

/// The card where it is, and some picture everywhere else.
fn everything(url: &str) -> Option<&'static [u8]> {
    Some(match url {
        CARD_URL => CARD.as_bytes(),
        _ => b"PNG",
    })
}

fn nothing(_: &str) -> Option<&'static [u8]> {
    None
}

fn pointers(claims: &RichClaims) -> Vec<&str> {
    let digests = claims.integrity.iter().flat_map(|one| one.digests.iter());
    digests.map(|(pointer, _)| &**pointer).collect()
}

/// This test verifies that a card elsewhere is signed with its digest, equal to the one that RFC 9795 §8.3 prints, and those of its
/// pictures, whose pointers are as printed there.
#[test]
fn rfc9795_section_8_3_a_card_elsewhere() {
    let brand = q_branch(Card::At(CARD_URL.into()));
    assert_eq!(brand.references(nothing).unwrap().len(), 1, "the card");
    assert_eq!(brand.references(everything).unwrap().len(), 4);
    let claims = brand.claims(Some(NELLIE), everything).unwrap();
    assert_eq!(claims.reason.as_deref(), Some(NELLIE));
    let expected = ["/jcl", "/jcl/1/3/3", "/jcl/1/4/3", "/jcl/1/5/3"];
    assert_eq!(pointers(&claims), expected);
    let (_, digest) = &claims.integrity.as_ref().unwrap().digests[0];
    assert_eq!(
        **digest,
        *"sha256-qCn4pEH6BJu7zXndLFuAP6DwlTv5fRmJ1AFkqftwnCs"
    );
    assert!(is_complete(&claims));
}

#[test]
fn rfc9795_section_8_3_a_card_in_the_claim() {
    let claims = q_branch(Card::Inline(CARD.into())).claims(None, everything);
    let claims = claims.unwrap();
    assert_eq!(
        pointers(&claims),
        ["/jcd/1/3/3", "/jcd/1/4/3", "/jcd/1/5/3"]
    );
    assert!(is_complete(&claims));
}

/// This test verifies that nothing is signed while the content of one of its URLs is unknown, or its digest is left out.
#[test]
fn digest10_case10_a_missing_digest_is_not_signed() {
    let logo = "https://example.com/logos/mi6-256x256.jpg";
    let without_the_logo = |url: &str| everything(url).filter(|_| url != logo);
    for card in [Card::At(CARD_URL.into()), Card::Inline(CARD.into())] {
        let claims = q_branch(card).claims(None, without_the_logo);
        assert_eq!(claims, Err(BrandFault::Missing(logo.into())));
    }
    let mut claims = q_branch(Card::Inline(CARD.into()))
        .claims(None, everything)
        .unwrap();
    let digests = &mut claims.integrity.as_mut().unwrap().digests;
    *digests = digests
        .iter()
        .filter(|(at, _)| **at != *"/jcd/1/4/3")
        .cloned()
        .collect();
    assert!(!is_complete(&claims));
}

#[test]
fn digest10_case18_a_picture_in_its_url_needs_no_digest() {
    let brand = Brand {
        icon: Some("data:image/png;base64,iVBORw0KGgo=".into()),
        ..Brand::default()
    };
    let claims = brand.claims(None, nothing).unwrap();
    assert_eq!(claims.integrity, None);
    assert!(is_complete(&claims));
}

/// This test verifies that a long reason is told, and signed all the same.
#[test]
fn digest10_case20_a_long_reason_is_a_warning() {
    let reasons = [
        "x".repeat(64),
        "x".repeat(65),
        "see www.example.com".to_owned(),
    ];
    let brand = Brand {
        reasons: reasons.iter().map(|one| one.as_str().into()).collect(),
        ..Brand::default()
    };
    let [_, long, clickable]: [Box<str>; 3] = reasons.map(Box::from);
    let expected = [
        BrandWarning::ReasonTooLong(long.clone()),
        BrandWarning::ReasonClickable(clickable),
    ];
    assert_eq!(brand.warnings(), expected);
    assert!(brand.claims(Some(&long), nothing).is_ok());
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let fault = |change: fn(&mut Brand)| {
        let mut brand = q_branch(Card::Inline(CARD.into()));
        change(&mut brand);
        brand.claims(None, everything).unwrap_err()
    };
    let plain = "http://example.com/q.png";
    assert_eq!(
        fault(|brand| brand.icon = Some("http://example.com/q.png".into())),
        BrandFault::Insecure(plain.into())
    );
    assert_eq!(
        fault(|brand| brand.name = "Q\r\nBranch".into()),
        BrandFault::Name
    );
    let no_card = fault(|brand| brand.card = Some(Card::Inline("[]".into())));
    assert!(matches!(no_card, BrandFault::Card(_)), "{no_card:?}");
    let no_url = fault(|brand| brand.icon = Some("nowhere".into()));
    assert!(matches!(no_url, BrandFault::Claim(_)), "{no_url:?}");
    let other = q_branch(Card::Inline(CARD.into())).claims(Some("Tea"), everything);
    assert_eq!(other, Err(BrandFault::OtherReason("Tea".into())));
}
