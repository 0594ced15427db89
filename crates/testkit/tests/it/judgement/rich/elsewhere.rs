//! What the claims refer to: pictures and cards on the web, which change, vanish, lie and lead on.

use super::super::told;
use super::*;
use countersign::certificate::repository_url::UrlFault;
use countersign::verification::need::MAX_PICTURE;
use countersign::verification::policy::MissingDigest;
use countersign::verification::rich::MAX_RESOURCES;
use countersign::verification::{
    Answer, Fault, NeedKind, Poll, ProvenCard, Unavailable, Unexamined, Verdict,
};
use countersign_testkit::scene::now;
use proptest::prelude::*;
use std::sync::Arc;

/// An icon elsewhere with the digest of this.
fn icon(content: &[u8]) -> Forgery {
    let digest = sha256(content);
    rcd(&format!(
        r#""rcd":{{"icn":"{ICON}","nam":"x"}},"rcdi":{{"/icn":"{digest}"}}"#
    ))
}

/// What was asked for beside the certificate.
fn resources(scene: &Scene) -> Vec<Box<str>> {
    let requests = scene.repository.requests().into_iter().map(|(url, _)| url);
    requests.filter(|url| url.contains("brand")).collect()
}

const fn not_fetched(why: Unavailable) -> Content {
    Content::NotExamined(Unexamined::Fetch(why))
}

#[test]
fn a_picture_that_is_whole_is_shown_with_its_digest() {
    let scene = showing();
    scene.repository.publish_resource(ICON, "image/png", PNG);
    let report = verify(&scene, &icon(PNG));
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(known(&report).icon, Content::Proven);
    assert_eq!(&*known(&report).picture.as_ref().unwrap().bytes, PNG);
    let icon = shown(&report).unwrap().icon.unwrap();
    assert_eq!(
        (&*icon.url, icon.integrity.as_deref()),
        (ICON, Some(&*sha256(PNG)))
    );
}

#[test]
fn a_picture_that_changed_since_is_not_shown_and_the_call_passes() {
    let scene = showing();
    scene
        .repository
        .publish_resource(ICON, "image/png", b"\x89PNG\r\n\x1a\n changed");
    let report = verify(&scene, &icon(PNG));
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(known(&report).icon, Content::Altered);
    let shown = shown(&report).unwrap();
    assert_eq!((shown.icon, shown.name.as_deref()), (None, Some("x")));
}

#[test]
fn digest10_case03_a_picture_that_is_gone_is_dropped() {
    let scene = showing();
    let report = verify(&scene, &icon(PNG));
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(
        known(&report).icon,
        not_fetched(Unavailable::BadStatus(404))
    );
    let shown = shown(&report).unwrap();
    assert_eq!((shown.icon, shown.name.as_deref()), (None, Some("x")));
}

/// The digest of the icon holds, and that of the whole claim, which is about it, too, does not.
#[test]
fn a_picture_in_a_claim_that_was_altered_is_no_picture_to_show() {
    let scene = showing();
    scene.repository.publish_resource(ICON, "image/png", PNG);
    for (whole, is_shown) in [
        (format!(r#"{{"icn":"{ICON}","nam":"x"}}"#), true),
        ("{}".to_owned(), false),
    ] {
        let (whole, icon) = (json_digest(&whole), sha256(PNG));
        let digests = format!(r#""rcdi":{{"":"{whole}","/icn":"{icon}"}}"#);
        let claims = format!(r#""rcd":{{"icn":"{ICON}","nam":"x"}},{digests}"#);
        let report = verify(&scene, &rcd(&claims));
        assert_eq!(entry(&report, "/icn"), Content::Proven);
        assert_eq!(known(&report).icon.is_proven(), is_shown);
        assert_eq!(known(&report).picture.is_some(), is_shown);
    }
}

#[test]
fn nothing_is_fetched_unless_policy_shows_it() {
    let scene = Scene::new();
    scene.repository.publish_resource(ICON, "image/png", PNG);
    let report = verify(&scene, &icon(PNG));
    assert_eq!(
        known(&report).icon,
        Content::NotExamined(Unexamined::NotFetched)
    );
    assert!(resources(&scene).is_empty() && shown(&report).unwrap().icon.is_none());
}

/// What is forged buys no fetch, and neither does what was replayed.
#[test]
fn only_what_is_proven_asks_for_pictures() {
    let scene = showing();
    scene.repository.publish_resource(ICON, "image/png", PNG);
    let forged = Presented {
        ppt: Some("rcd".into()),
        ..icon(PNG).sign(&*countersign_testkit::lab::new_key())
    };
    let report = scene.verify(&call(), forged);
    assert_eq!(report.verdict, Verdict::Failed(Fault::SignatureInvalid));
    let unproven = Content::NotExamined(Unexamined::NotProven);
    assert_eq!(known(&report).icon, unproven);
    assert!(resources(&scene).is_empty());
}

#[test]
fn pictures_that_lie_are_not_shown() {
    let svg = b"<svg/>";
    for (media_type, bytes) in [
        ("image/svg+xml", &svg[..]),
        ("text/html", PNG),
        ("application/json", PNG),
    ] {
        let scene = showing();
        scene.repository.publish_resource(ICON, media_type, bytes);
        let report = verify(&scene, &icon(bytes));
        assert_eq!(known(&report).icon, not_fetched(Unavailable::MediaType));
        assert_eq!(shown(&report).unwrap().icon, None);
    }
    for url in [
        "http://brand.example/q.png",
        "https://brand.example:22/q.png",
        "ftp://brand.example/",
    ] {
        let scene = showing();
        let forgery = icon(PNG).payload(ICON, url);
        let report = verify(&scene, &forgery);
        assert!(
            matches!(
                known(&report).icon,
                Content::NotExamined(Unexamined::Url(_))
            ),
            "{url}"
        );
        assert!(resources(&scene).is_empty());
    }
}

#[test]
fn digest10_case18_a_picture_in_its_url_needs_no_digest() {
    const DATA: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==";
    let scene = Scene::new();
    let claims = |url: &str| format!(r#""rcd":{{"icn":"{url}","nam":"x"}}"#);
    let report = verify(&scene, &rcd(&claims(DATA)));
    assert_eq!(known(&report).icon, Content::Proven);
    let icon = shown(&report).unwrap().icon.unwrap();
    assert_eq!((&*icon.url, icon.integrity), (DATA, None));
    // What is drawn by a program is none.
    let svg = claims("data:image/svg+xml;base64,PHN2Zy8+");
    let report = verify(&scene, &rcd(&svg));
    assert_eq!(
        known(&report).icon,
        Content::NotExamined(Unexamined::Picture)
    );
    assert_eq!(shown(&report).unwrap().icon, None);
}

/// RFC 9795 §8.3 has a sample of it: "there is no integrity protection over the "icn" element".
#[test]
fn a_picture_without_any_digest_is_valid_and_not_shown() {
    let scene = showing();
    scene.repository.publish_resource(ICON, "image/png", PNG);
    let report = verify(
        &scene,
        &rcd(&format!(r#""rcd":{{"icn":"{ICON}","nam":"x"}}"#)),
    );
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(
        known(&report).icon,
        Content::NotExamined(Unexamined::NoDigest)
    );
    assert!(resources(&scene).is_empty());
}

/// The claims of a card elsewhere, its photo and its logo; what `drop` names is left out of `rcdi`.
fn elsewhere(drop: &str) -> Forgery {
    let entries = [
        ("/jcl", json_digest(&q_branch())),
        ("/jcl/1/2/3", sha256(PNG)),
        ("/jcl/1/3/3", sha256(PNG)),
    ];
    let kept = entries.iter().filter(|(pointer, _)| *pointer != drop);
    let digests: Vec<_> = kept
        .map(|(pointer, digest)| format!(r#""{pointer}":"{digest}""#))
        .collect();
    let digests = digests.join(",");
    rcd(&format!(
        r#""rcd":{{"jcl":"{CARD}","nam":"x"}},"rcdi":{{{digests}}}"#
    ))
}

fn published(card: &str) -> Scene {
    let scene = showing();
    scene
        .repository
        .publish_resource(CARD, "application/json", card.as_bytes());
    scene.repository.publish_resource(PHOTO, "image/png", PNG);
    scene.repository.publish_resource(LOGO, "image/jpeg", PNG);
    scene
}

#[test]
fn digest10_case01_a_card_elsewhere_is_whole_with_line_breaks_and_without() {
    let indented = q_branch().replace("],[", "],\n    [");
    for body in [q_branch(), indented] {
        let scene = published(&body);
        let report = verify(&scene, &elsewhere(""));
        assert_eq!(told(&report), (Verdict::Passed, None));
        assert_eq!(known(&report).card, Content::Proven);
        assert_eq!(known(&report).jcard.as_ref().unwrap().name(), "Q Branch");
        assert!(
            matches!(shown(&report).unwrap().card, Some(ProvenCard::At(at)) if *at.url == *CARD)
        );
    }
    let scene = published(&q_branch().replace("Q Branch", "Quarry"));
    let report = verify(&scene, &elsewhere(""));
    assert_eq!(known(&report).card, Content::Altered);
    assert!(known(&report).jcard.is_none());
    assert_eq!(
        resources(&scene),
        [CARD.into()],
        "what is in it is of nobody"
    );
}

#[test]
fn a_logo_of_a_card_that_changed_since_takes_the_card_with_it() {
    let scene = published(&q_branch());
    scene
        .repository
        .publish_resource(LOGO, "image/jpeg", b"changed");
    let report = verify(&scene, &elsewhere(""));
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(entry(&report, "/jcl/1/2/3"), Content::Proven);
    assert_eq!(entry(&report, "/jcl/1/3/3"), Content::Altered);
    assert!(known(&report).jcard.is_none());
    let shown = shown(&report).unwrap();
    assert_eq!((shown.card, shown.name.as_deref()), (None, Some("x")));
}

#[test]
fn digest10_case10_what_is_referred_to_must_have_a_digest() {
    // A card elsewhere is known when it came: the verdict stands by then, and the card is not shown.
    let scene = published(&q_branch());
    let report = verify(&scene, &elsewhere("/jcl/1/3/3"));
    assert_eq!(told(&report), (Verdict::Passed, None));
    let no_digest = Content::NotExamined(Unexamined::NoDigest);
    assert_eq!(entry(&report, "/jcl/1/3/3"), no_digest);
    assert_eq!(shown(&report).unwrap().card, None);
    assert_eq!(resources(&scene).len(), 2, "the logo is not asked for");
    // What the claims themselves refer to is known at once.
    let photo = format!(r#"["photo",{{}},"uri","{PHOTO}"]"#);
    let inline = format!(r#""rcd":{{"jcd":{},"nam":"x"}}"#, card(&[&photo]));
    for invalid in [
        elsewhere("/jcl"),
        rcd(&inline),
        rcd(&format!(r#""rcd":{{"jcl":"{CARD}","nam":"x"}}"#)),
    ] {
        let report = verify(&published(&q_branch()), &invalid);
        assert_eq!(report.verdict, Verdict::Failed(Fault::RichDataInvalid));
        let lenient = published(&q_branch())
            .with_policy(|policy| policy.rich.digests = MissingDigest::NotShown);
        let report = verify(&lenient, &invalid);
        assert_eq!(report.verdict, Verdict::Passed);
        let mut entries = known(&report).entries.iter();
        assert!(entries.any(|entry| entry.content == no_digest));
        assert_eq!(shown(&report).unwrap().card, None);
    }
}

#[test]
fn digest10_case24_a_url_of_a_card_is_never_followed() {
    let url = r#"["url",{},"uri","https://brand.example/visit"]"#;
    let text = card(&[url]);
    let digest = sha256(b"a page");
    let forgery = rcd(&format!(
        r#""rcd":{{"jcd":{text},"nam":"x"}},"rcdi":{{"/jcd/1/2/3":"{digest}"}}"#
    ));
    let scene = showing();
    let report = verify(&scene, &forgery);
    assert_eq!(
        entry(&report, "/jcd/1/2/3"),
        Content::NotExamined(Unexamined::NeverFollowed)
    );
    assert_eq!(known(&report).card, Content::Proven);
    assert!(resources(&scene).is_empty());
}

/// RFC 9795 §5.1.5: "that URI-referenced content MUST NOT further reference URIs".
#[test]
fn references_that_nest_or_loop_end_at_the_first_step() {
    let itself = format!(r#"["logo",{{}},"uri","{CARD}"]"#);
    let text = card(&[&itself]);
    let (whole, inner) = (json_digest(&text), sha256(text.as_bytes()));
    let forgery = rcd(&format!(
        r#""rcd":{{"jcl":"{CARD}","nam":"x"}},"rcdi":{{"/jcl":"{whole}","/jcl/1/2/3":"{inner}","/jcl/1/2/3/1/2/3":"{inner}"}}"#
    ));
    let scene = showing();
    scene
        .repository
        .publish_resource(CARD, "application/json", text.as_bytes());
    let report = verify(&scene, &forgery);
    assert_eq!(
        entry(&report, "/jcl/1/2/3"),
        not_fetched(Unavailable::MediaType)
    );
    assert_eq!(
        entry(&report, "/jcl/1/2/3/1/2/3"),
        Content::NotExamined(Unexamined::Nowhere)
    );
    assert_eq!(resources(&scene).len(), 2);
    assert_eq!(shown(&report).unwrap().card, None);
}

#[test]
fn a_card_that_refers_to_hundreds_of_pictures_buys_few_fetches() {
    let urls: Vec<_> = (0..40)
        .map(|n| format!("https://brand.example/{n}.png"))
        .collect();
    let logos: Vec<_> = urls
        .iter()
        .map(|url| format!(r#"["logo",{{}},"uri","{url}"]"#))
        .collect();
    let logos: Vec<_> = logos.iter().map(|logo| &**logo).collect();
    let text = card(&logos);
    let digests: Vec<_> = (2..42)
        .map(|at| format!(r#""/jcl/1/{at}/3":"{}""#, sha256(PNG)))
        .collect();
    let (whole, digests) = (json_digest(&text), digests.join(","));
    let forgery = rcd(&format!(
        r#""rcd":{{"jcl":"{CARD}","nam":"x"}},"rcdi":{{"/jcl":"{whole}",{digests}}}"#
    ));
    let scene = showing();
    scene
        .repository
        .publish_resource(CARD, "application/json", text.as_bytes());
    for url in &urls {
        scene.repository.publish_resource(url, "image/png", PNG);
    }
    let report = verify(&scene, &forgery);
    assert_eq!(resources(&scene).len(), MAX_RESOURCES);
    assert_eq!(
        known(&report).card,
        Content::NotExamined(Unexamined::TooMany)
    );
    assert_eq!(report.verdict, Verdict::Passed);
}

/// The host is told how much it may read, and whoever is slow takes no call with them.
#[test]
fn a_slow_picture_costs_a_call_its_picture_only() {
    let scene = showing();
    let mut verification = scene.verification().begin(
        &call(),
        vec![Ok(presented(&scene, &icon(PNG)))],
        &scene.trust,
        now(0),
    );
    let needs = |poll: Poll<'_>| match poll {
        Poll::Needs(needs) => needs.to_vec(),
        Poll::Done(_) => Vec::new(),
    };
    for need in needs(verification.poll(now(0))) {
        verification.answer(need.id, scene.repository.answer_to(&need.kind));
    }
    let open = needs(verification.poll(now(0)));
    assert!(matches!(&open[..], [need] if matches!(need.kind, NeedKind::Resource { .. })));
    assert_eq!(open[0].limit.bytes, MAX_PICTURE);
    let report = verification.expire(now(1));
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(known(&report).icon, not_fetched(Unavailable::TimedOut));
    assert_eq!(shown(&report).unwrap().name.as_deref(), Some("x"));
}

#[test]
fn an_answer_to_something_else_is_none() {
    let scene = showing();
    let header = vec![Ok(presented(&scene, &icon(PNG)))];
    let mut verification = scene
        .verification()
        .begin(&call(), header, &scene.trust, now(0));
    let report = loop {
        let needs = match verification.poll(now(0)) {
            Poll::Done(report) => break report,
            Poll::Needs(needs) => needs.to_vec(),
        };
        for need in needs {
            let chain = Arc::new(scene.signer.chain.clone());
            let chain = Answer::Certificate(chain, countersign::verification::Source::Fetched);
            verification.answer(need.id, chain);
        }
    };
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(known(&report).icon, not_fetched(Unavailable::BadResponse));
    let fault = Content::NotExamined(Unexamined::Url(UrlFault::Scheme));
    assert_eq!(
        fault.to_string(),
        format!("not examined: {}", UrlFault::Scheme)
    );
}

/// What the web says to one question.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// What was signed.
    Whole,
    /// Something else.
    Other,
    /// Nothing in time.
    Late,
    /// That there is nothing.
    Gone,
    /// An answer to another question.
    Astray,
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        4 => Just(Word::Whole),
        1 => Just(Word::Other),
        1 => Just(Word::Late),
        1 => Just(Word::Gone),
        1 => Just(Word::Astray),
    ]
}

fn answer(word: Word, url: &str) -> Option<Answer> {
    let resource = |media_type: &str, bytes: &[u8]| {
        let resource = countersign::verification::Resource::new(media_type, bytes);
        Some(Answer::Resource(Arc::new(resource)))
    };
    match (word, url) {
        (Word::Whole, CARD) => resource("application/json", q_branch().as_bytes()),
        (Word::Whole, _) => resource("image/png", PNG),
        (Word::Other, _) => resource("image/png", b"another"),
        (Word::Late, _) => None,
        (Word::Gone, _) => Some(Answer::Unavailable(Unavailable::BadStatus(410))),
        (Word::Astray, _) => {
            let nobody = countersign::verification::Holds::Yes;
            let word = super::super::scopes::said(nobody, 0);
            Some(Answer::NumberAuthority(word))
        }
    }
}

proptest! {
    /// Whatever the web says, the call passes in time; and what is shown is what was signed, whole.
    #[test]
    fn whatever_the_web_says_the_call_passes(words in prop::collection::vec(word(), 3)) {
        let scene = showing();
        let header = vec![Ok(presented(&scene, &elsewhere("")))];
        let mut verification = scene.verification().begin(&call(), header, &scene.trust, now(0));
        let mut left = words.iter();
        let mut late = Vec::new();
        let report = loop {
            let needs: Vec<_> = match verification.poll(now(0)) {
                Poll::Done(report) => break report,
                Poll::Needs(needs) => needs.iter().filter(|need| !late.contains(&need.id)).cloned().collect(),
            };
            if needs.is_empty() {
                break verification.expire(now(1));
            }
            for need in needs {
                let answer = match &need.kind {
                    NeedKind::Resource { url, .. } => answer(*left.next().unwrap_or(&Word::Late), url),
                    other => Some(scene.repository.answer_to(other)),
                };
                match answer {
                    Some(answer) => verification.answer(need.id, answer),
                    None => late.push(need.id),
                }
            }
        };
        prop_assert_eq!(told(&report), (Verdict::Passed, None));
        let shown = shown(&report).unwrap();
        let all_whole = words.iter().all(|word| matches!(word, Word::Whole));
        prop_assert_eq!(shown.card.is_some(), all_whole);
    }
}
