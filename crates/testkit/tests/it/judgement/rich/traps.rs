//! Rich call data that was made to hurt: cards that are bombs, and pointers that are traps.
//!
//! ```text
//!    [[[[…]]]]   64 KB of commas   "/jcd/01"   "nam"   "/a/a/a/a/a/a/a/a/a" ──► Bob's provider ──► the call, and what is whole
//! ```
//!
//! This test verifies that none of them changes the verdict of a call, is shown, or buys a fetch; and that what stands beside them is.

use super::super::told;
use super::*;
use countersign::jcard::BadCard;
use countersign::jose::json::MAX_JSON_BYTES;
use countersign::jose::pointer::{BadPointer, MAX_POINTER_BYTES, MAX_POINTER_STEPS};
use countersign::passport::rcd::{MAX_DIGESTS, MAX_RICH_URL, MAX_TEXT};
use countersign::verification::{Fault, Unexamined, Verdict};

/// Cards that are small enough to arrive in a token, and what is wrong with each.
fn small_bombs() -> Vec<(String, BadCard)> {
    let many = |what: &str, count: usize| vec![what; count].join(",");
    vec![
        (
            card(&vec![r#"["n",{},"text","x"]"#; 65][..]),
            BadCard::TooManyProperties,
        ),
        (
            card(&[&format!(r#"["org",{{}},"text",{}]"#, many("0", 17))]),
            BadCard::TooManyValues,
        ),
        (format!("[{}]", many(r#""vcard",[]"#, 100)), BadCard::Form),
        (
            format!(r#"["vcard",[{}]]"#, many("[]", 60)),
            BadCard::Property,
        ),
        (
            format!(r#"["vcard",{}{}]"#, "[".repeat(20), "]".repeat(20)),
            BadCard::Property,
        ),
    ]
}

/// The PASSporT is judged so, and proves and shows nothing.
fn refused(report: &Report, verdict: Verdict) {
    assert_eq!(report.passports[0].verdict, verdict);
    assert_ne!(report.verdict, Verdict::Passed);
    assert_eq!(shown(report), None);
}

/// How many were asked for something beside the chain.
fn fetched(scene: &Scene) -> usize {
    let requests = scene.repository.requests();
    let mut urls: Vec<_> = requests.iter().map(|(url, _)| url.clone()).collect();
    urls.retain(|url| **url != *countersign_testkit::scene::X5U);
    urls.len()
}

#[test]
fn bombs_in_the_claims_do_not_go_off() {
    for (bomb, bad) in small_bombs() {
        let scene = showing();
        let report = verify(
            &scene,
            &rcd(&format!(r#""rcd":{{"jcd":{bomb},"nam":"x"}}"#)),
        );
        assert_eq!(told(&report), (Verdict::Passed, None), "{bomb}");
        let content = Content::NotExamined(Unexamined::Card(bad));
        assert_eq!(known(&report).card, content, "{bomb}");
        let shown = shown(&report).unwrap();
        assert_eq!((shown.card, shown.name.as_deref()), (None, Some("x")));
        assert_eq!(fetched(&scene), 0);
    }
}

/// What was not read is not shown to be bad.
const BEYOND: Verdict = Verdict::NotValidated(Fault::BeyondLimits);

#[test]
fn what_is_too_deep_is_not_read() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let report = verify(
        &showing(),
        &rcd(&format!(r#""rcd":{{"jcd":{deep},"nam":"x"}}"#)),
    );
    refused(&report, BEYOND);
}

#[test]
fn bombs_elsewhere_do_not_go_off() {
    let huge = card(&[&format!(
        r#"["note",{{}},"text","{}"]"#,
        "x".repeat(MAX_JSON_BYTES)
    )]);
    let wide = format!("[{}]", vec!["[]"; 200_000].join(","));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let blank = format!("{}{}", " ".repeat(MAX_JSON_BYTES), card(&[]));
    let small = small_bombs().into_iter().map(|(bomb, _)| bomb);
    for bomb in [huge, wide, deep, blank].into_iter().chain(small) {
        let scene = showing();
        scene
            .repository
            .publish_resource(CARD, "application/json", bomb.as_bytes());
        let digest = sha256(bomb.as_bytes());
        let report = verify(
            &scene,
            &rcd(&format!(
                r#""rcd":{{"jcl":"{CARD}","nam":"x"}},"rcdi":{{"/jcl":"{digest}"}}"#
            )),
        );
        let name = &bomb[..20];
        assert_eq!(told(&report), (Verdict::Passed, None), "{name}");
        let card = known(&report).card;
        assert!(
            matches!(card, Content::NotExamined(Unexamined::Card(_))),
            "{name}: {card:?}"
        );
        let shown = shown(&report).unwrap();
        assert_eq!((shown.card, shown.name.as_deref()), (None, Some("x")));
        assert_eq!(fetched(&scene), 1, "the card and nothing else");
    }
}

/// The claims of a name and a card, and one digest under this pointer.
fn pointing(pointer: &str, digest: &str) -> Forgery {
    let inline = card(&[r#"["org",{},"text","MI6"]"#]);
    rcd(&format!(
        r#""rcd":{{"jcd":{inline},"nam":"x"}},"rcdi":{{"{pointer}":"{digest}"}}"#
    ))
}

#[test]
fn pointers_that_lead_astray_prove_nothing() {
    let (nowhere, bad) = (Unexamined::Nowhere, Unexamined::Pointer);
    let steps = "/a".repeat(MAX_POINTER_STEPS + 1);
    let long = format!("/{}", "a".repeat(MAX_POINTER_BYTES));
    for (pointer, why, hides_name, hides_card) in [
        ("/", nowhere, false, false),
        ("/Nam", nowhere, false, false),
        ("/%6eam", nowhere, false, false),
        ("/~1nam", nowhere, false, false),
        ("/__proto__", nowhere, false, false),
        ("//nam", nowhere, false, false),
        ("/nam/", nowhere, true, false),
        ("/nam/0", nowhere, true, false),
        ("/nam/length", nowhere, true, false),
        ("/jcd/-", nowhere, false, true),
        ("/jcd/01/2/3", nowhere, false, true),
        ("/jcd/1/+2/3", nowhere, false, true),
        ("/jcd/1/2/4", nowhere, false, true),
        ("/jcd/18446744073709551617", nowhere, false, true),
        ("/jcl/1/2/3", Unexamined::NotFetched, false, false),
        ("nam", bad(BadPointer::NoSlash), false, false),
        ("#/nam", bad(BadPointer::NoSlash), false, false),
        ("/nam~", bad(BadPointer::Escape), false, false),
        ("/~2nam", bad(BadPointer::Escape), false, false),
        (&steps, bad(BadPointer::TooManySteps), false, false),
        (&long, bad(BadPointer::TooLong), false, false),
    ] {
        let scene = showing();
        // The digest is right for what a generous reader would find there.
        let report = verify(&scene, &pointing(pointer, &json_digest(r#""x""#)));
        assert_eq!(told(&report), (Verdict::Passed, None), "{pointer}");
        assert_eq!(entry(&report, pointer), Content::NotExamined(why));
        let shown = shown(&report).unwrap();
        assert_eq!(shown.name.is_none(), hides_name, "{pointer}");
        assert_eq!(shown.card.is_none(), hides_card, "{pointer}");
        assert_eq!(fetched(&scene), 0, "{pointer}");
    }
}

/// Two spellings of one member are one member, which is there twice.
#[test]
fn no_pointer_is_there_twice() {
    let good = json_digest(r#""x""#);
    for second in ["/nam", r"\u002fnam", r"\/nam"] {
        let pointer = format!(r#"/nam":"{good}","{second}"#);
        let report = verify(&Scene::new(), &pointing(&pointer, &good));
        refused(&report, Verdict::Failed(Fault::DuplicateMember));
    }
}

/// So many digests that each costs little and all cost much.
#[test]
fn no_more_digests_are_made_than_a_claim_may_have() {
    let digest = json_digest(r#""x""#);
    let pointing = |count: usize| {
        let more: Vec<_> = (0..count).map(|n| format!("/{n}")).collect();
        let pointer = more.join(r#"":"sha256-x",""#);
        verify(&Scene::new(), &pointing(&pointer, &digest))
    };
    assert_eq!(pointing(MAX_DIGESTS).verdict, Verdict::Passed);
    refused(&pointing(MAX_DIGESTS + 1), BEYOND);
}

/// Names, reasons and URLs longer than are read here.
#[test]
fn what_is_too_long_is_not_read() {
    let long = "x".repeat(MAX_TEXT + 1);
    let url = format!("https://brand.example/{}", "x".repeat(MAX_RICH_URL));
    for claims in [
        format!(r#""rcd":{{"nam":"{long}"}}"#),
        format!(r#""crn":"{long}","rcd":{{"nam":"x"}}"#),
        format!(r#""iss":"{long}","rcd":{{"nam":"x"}}"#),
        format!(r#""rcd":{{"icn":"{url}","nam":"x"}}"#),
        format!(r#""rcd":{{"jcl":"{url}","nam":"x"}}"#),
    ] {
        refused(&verify(&showing(), &rcd(&claims)), BEYOND);
    }
    // Inside `shaken`, the caller is not shown to be somebody else by a name that is too long for us.
    let report = verify(
        &showing(),
        &shaken_and(&format!(r#""rcd":{{"nam":"{long}"}}"#)),
    );
    assert_eq!(told(&report), (BEYOND, Some(438)));
}
