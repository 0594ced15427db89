//! What stands in the claims themselves: names, reasons, cards, and digests of them.

use super::super::told;
use super::*;
use countersign::authentication::Form;
use countersign::call::{Call, DateHeader};
use countersign::jcard::BadCard;
use countersign::passport::rcd::digest::BadDigest;
use countersign::passport::{RichCallData, RichClaims};
use countersign::verification::policy::NameRequirement;
use countersign::verification::rich::Display;
use countersign::verification::{Fault, ProvenCard, Unexamined, Verdict};
use countersign_sip::identity_header;
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, MALLORY};

const NAME: &str = "Q Branch Spy Gadgets";

#[test]
fn digest10_case01_a_digest_with_padding_is_the_same_digest() {
    let scene = Scene::new();
    for padding in ["", "="] {
        let forgery = rcd(&format!(
            r#""rcd":{{"nam":"{NAME}"}},"rcdi":{{"/nam":"sha256-sM275lTgzCte+LHOKHtU4SxG8shlOo6OS4ot8IJQImY{padding}"}}"#
        ));
        let report = verify(&scene, &forgery);
        assert_eq!(told(&report), (Verdict::Passed, None));
        assert_eq!(known(&report).name, Content::Proven);
        assert_eq!(shown(&report).unwrap().name.as_deref(), Some(NAME));
    }
}

#[test]
fn digest10_case02_a_wrong_digest_is_the_failure_of_that_content_only() {
    let scene = Scene::new();
    let wrong = json_digest(r#""Somebody Else""#);
    let forgery = rcd(&format!(
        r#""crn":"For your ears only","rcd":{{"apn":"12025550110","nam":"{NAME}"}},"rcdi":{{"/nam":"{wrong}"}}"#
    ));
    let separate = vec![Ok(scene.present(&call())), Ok(presented(&scene, &forgery))];
    let report = scene.verify_at(0, &call(), separate);
    assert_eq!(told(&report), (Verdict::Passed, None));
    let rich = report.passports[1].rich.as_deref().unwrap();
    assert_eq!(
        (rich.name, rich.alternate),
        (Content::Altered, Content::Proven)
    );
    let shown = shown(&report).unwrap();
    assert_eq!(shown.name, None);
    assert_eq!(shown.reason.as_deref(), Some("For your ears only"));
    assert!(
        report
            .passports
            .iter()
            .all(|one| one.verdict == Verdict::Passed)
    );
}

#[test]
fn digest10_case06_a_token_of_rich_data_has_data_or_a_reason() {
    let scene = Scene::new();
    let missing = (Verdict::Failed(Fault::RichDataMissing), Some(438));
    let neither = verify(&scene, &rcd(r#""x":1"#));
    assert_eq!(neither.passports[0].verdict, missing.0);
    let reason = verify(&scene, &rcd(r#""crn":"For your ears only""#));
    assert_eq!(told(&reason), (Verdict::Passed, None));
    assert_eq!(known(&reason).name, Content::Absent);
    let shown = shown(&reason).unwrap();
    assert_eq!(
        (shown.name, shown.reason.as_deref()),
        (None, Some("For your ears only"))
    );
}

/// RFC 9795 §9.1: "The reconstruction of the "nam" claim, if using the SIP protocol, should use the display-name string in the From
/// header field."
#[test]
fn digest10_case07_the_compact_form_has_its_name_from_the_call() {
    let scene = Scene::new();
    let mut call = call();
    call.date = DateHeader::At(NOW);
    call.presentation.name = Some(NAME.into());
    let compact = |call: &Call, reason: Option<&str>| {
        let rich = RichClaims {
            data: Some(RichCallData::new(NAME, None, None, None).unwrap()),
            reason: reason.map(Box::from),
            ..RichClaims::default()
        };
        let signed = scene
            .authentication()
            .enrich_in(call, &rich, Form::Compact, NOW);
        let signed = signed.unwrap();
        assert_eq!(signed.form, Form::Compact);
        identity_header::parse(signed.identity.as_bytes()).unwrap()
    };
    let header = compact(&call, None);
    assert!(header.token.starts_with(".."));
    let report = scene.verify(&call, header.clone());
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(shown(&report).unwrap().name.as_deref(), Some(NAME));
    let mut renamed = call.clone();
    renamed.presentation.name = Some("Somebody Else".into());
    let report = scene.verify(&renamed, header);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::SignatureInvalid), Some(438))
    );
    assert_eq!(shown(&report), None);
    // §9.3: the reason is that of Call-Info.
    call.presentation.reason = Some("Rendezvous".into());
    let report = scene.verify(&call, compact(&call, Some("Rendezvous")));
    assert_eq!(
        shown(&report).unwrap().reason.as_deref(),
        Some("Rendezvous")
    );
}

/// A reason alone cannot be rebuilt: what is rebuilt has a name, if only an empty one.
#[test]
fn a_reason_alone_is_signed_in_full() {
    let scene = Scene::new();
    let mut call = call();
    call.date = DateHeader::At(NOW);
    call.presentation.reason = Some("Rendezvous".into());
    let rich = RichClaims {
        reason: Some("Rendezvous".into()),
        ..RichClaims::default()
    };
    let signed = scene
        .authentication()
        .enrich_in(&call, &rich, Form::Compact, NOW)
        .unwrap();
    let header = identity_header::parse(signed.identity.as_bytes()).unwrap();
    let report = scene.verify(&call, header);
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(signed.form, Form::Full);
}

#[test]
fn digest10_case08_another_name_than_the_call_shows_is_told() {
    let scene = Scene::new();
    let forgery = rcd(&format!(r#""rcd":{{"nam":"{NAME}"}}"#));
    for (from, display) in [
        (Some("Q Branch"), Display::Differs),
        (Some(NAME), Display::Same),
        (None, Display::NotCompared),
    ] {
        let mut call = call();
        call.presentation.name = from.map(Box::from);
        let report = scene.verify(&call, presented(&scene, &forgery));
        // It is never a fault: whoever shows the name shows the one that was signed.
        assert_eq!(told(&report), (Verdict::Passed, None));
        assert_eq!(known(&report).display, display, "{from:?}");
        assert_eq!(shown(&report).unwrap().name.as_deref(), Some(NAME));
    }
}

#[test]
fn digest10_case09_and_case22_claims_that_contradict_each_other() {
    let scene = Scene::new();
    let both = format!(r#""rcd":{{"jcd":{},"jcl":"{CARD}","nam":""}}"#, card(&[]));
    let report = verify(&scene, &rcd(&both));
    assert_eq!(
        report.passports[0].verdict,
        Verdict::Failed(Fault::RichDataInvalid)
    );
    let alone = verify(&scene, &rcd(r#""crn":"x","rcdi":{"/nam":"sha256-x"}"#));
    assert_eq!(
        alone.passports[0].verdict,
        Verdict::Failed(Fault::RichDataMissing)
    );
    assert_eq!((shown(&report), shown(&alone)), (None, None));
}

#[test]
fn digest10_case11_a_digest_of_an_unknown_algorithm_is_the_failure_of_that_content() {
    let scene = Scene::new();
    let sha512 = Digest::of(Algorithm::Sha512, format!("\"{NAME}\"").as_bytes()).to_string();
    let good = "sM275lTgzCte+LHOKHtU4SxG8shlOo6OS4ot8IJQImY";
    let unknown = Content::NotExamined(Unexamined::Digest(BadDigest::Algorithm));
    let short = Content::NotExamined(Unexamined::Digest(BadDigest::Length));
    for (digest, content) in [
        (sha512, Content::Proven),
        (format!("md5-{good}"), unknown),
        (format!("sha-256-{good}"), unknown),
        (format!("sha384-{good}"), short),
    ] {
        let forgery = rcd(&format!(
            r#""rcd":{{"nam":"{NAME}"}},"rcdi":{{"/nam":"{digest}"}}"#
        ));
        let report = verify(&scene, &forgery);
        assert_eq!(told(&report), (Verdict::Passed, None));
        assert_eq!(known(&report).name, content, "{digest}");
        assert_eq!(shown(&report).is_some(), content == Content::Proven);
    }
}

#[test]
fn digest10_case13_rich_data_of_another_caller_is_refused() {
    let scene = Scene::new();
    let pasted = rcd(&format!(r#""rcd":{{"nam":"{NAME}"}}"#));
    let pasted = pasted.payload(ALICE, "12025550120");
    let both = vec![Ok(scene.present(&call())), Ok(presented(&scene, &pasted))];
    let report = scene.verify_at(0, &call(), both);
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(
        report.passports[1].verdict,
        Verdict::Failed(Fault::OrigMismatch)
    );
    assert_eq!(shown(&report), None);
    // Nor does a call pass by the name of a caller whose number nobody covers.
    let mut mallory = call();
    mallory.orig = Some(countersign_testkit::scene::number(MALLORY));
    let uncovered = rcd(r#""rcd":{"nam":"x"}"#).payload(ALICE, MALLORY);
    let report = scene.verify(&mallory, presented(&scene, &uncovered));
    assert_eq!(report.verdict, Verdict::Failed(Fault::NotCovered));
    assert_eq!(shown(&report), None);
}

#[test]
fn digest10_case14_rich_claims_inside_shaken() {
    let scene = Scene::new();
    let inside = shaken_and(&format!(r#""crn":"Rendezvous","rcd":{{"nam":"{NAME}"}}"#));
    let report = verify(&scene, &inside);
    assert_eq!(told(&report), (Verdict::Passed, None));
    let shown_inside = shown(&report).unwrap();
    assert_eq!(shown_inside.name.as_deref(), Some(NAME));
    assert_eq!(shown_inside.reason.as_deref(), Some("Rendezvous"));
    // The usual call has nothing of it.
    let usual = verify(&scene, &Forgery::new());
    assert!(usual.passports[0].rich.is_none() && shown(&usual).is_none());
}

#[test]
fn digest10_case19_another_order_of_a_card_is_another_card() {
    let scene = Scene::new();
    let (one, other) = (r#"["org",{},"text","MI6"]"#, r#"["note",{},"text","x"]"#);
    let signed = card(&[one, other]);
    let with = |jcd: &str| {
        let digest = json_digest(&signed);
        let claims = format!(r#""rcd":{{"jcd":{jcd},"nam":"x"}},"rcdi":{{"/jcd":"{digest}"}}"#);
        verify(&scene, &rcd(&claims))
    };
    let same = with(&signed);
    assert_eq!(known(&same).card, Content::Proven);
    assert_eq!(known(&same).jcard.as_ref().unwrap().name(), "Q Branch");
    let inline = ProvenCard::Inline(signed.clone().into());
    assert_eq!(shown(&same).unwrap().card, Some(inline));
    let changed = with(&card(&[other, one]));
    assert_eq!(told(&changed), (Verdict::Passed, None));
    assert_eq!(known(&changed).card, Content::Altered);
    assert!(
        known(&changed).jcard.is_none(),
        "what was altered is nobody's"
    );
    assert_eq!(shown(&changed).unwrap().card, None);
}

#[test]
fn digest10_case23_a_card_without_version_or_name_is_not_shown() {
    let scene = Scene::new();
    for (jcd, bad) in [
        (r#"["vcard",[["fn",{},"text","x"]]]"#, BadCard::NoVersion),
        (
            r#"["vcard",[["version",{},"text","4.0"]]]"#,
            BadCard::NoName,
        ),
    ] {
        let report = verify(&scene, &rcd(&format!(r#""rcd":{{"jcd":{jcd},"nam":"x"}}"#)));
        assert_eq!(told(&report), (Verdict::Passed, None));
        let content = Content::NotExamined(Unexamined::Card(bad));
        assert_eq!(known(&report).card, content);
        assert_eq!(shown(&report).unwrap().card, None);
    }
}

#[test]
fn a_name_is_wanted_unless_policy_does_without() {
    let forgery = rcd(&format!(r#""rcd":{{"jcd":{}}}"#, card(&[])));
    let report = verify(&Scene::new(), &forgery);
    assert_eq!(report.verdict, Verdict::Failed(Fault::RichDataMissing));
    let lenient = Scene::new().with_policy(|policy| policy.rich.name = NameRequirement::Optional);
    let report = verify(&lenient, &forgery);
    assert_eq!(report.verdict, Verdict::Passed);
    assert!(shown(&report).unwrap().card.is_some());
}

/// What becomes a header must not become two.
#[test]
fn control_characters_make_no_name_and_no_reason() {
    let scene = Scene::new();
    for claims in [
        r#""rcd":{"nam":"x\r\nVia: y"}"#,
        r#""crn":"x\u0000""#,
        r#""rcd":{"nam":"\u0085"}"#,
    ] {
        let report = verify(&scene, &rcd(claims));
        assert_eq!(
            report.verdict,
            Verdict::Failed(Fault::RichDataInvalid),
            "{claims}"
        );
        assert_eq!(shown(&report), None);
    }
}

#[test]
fn a_pointer_that_leads_nowhere_is_told_and_spoils_nothing_else() {
    let scene = Scene::new();
    let digest = json_digest("1");
    let forgery = rcd(&format!(
        r#""rcd":{{"apn":"12025550110","nam":"x"}},"rcdi":{{"/nam/0":"{digest}","/x~":"{digest}","/y":"{digest}"}}"#
    ));
    let report = verify(&scene, &forgery);
    let nowhere = Content::NotExamined(Unexamined::Nowhere);
    assert_eq!(entry(&report, "/y"), nowhere);
    assert!(matches!(
        entry(&report, "/x~"),
        Content::NotExamined(Unexamined::Pointer(_))
    ));
    // It claims to lie in the name.
    assert_eq!(known(&report).name, nowhere);
    assert_eq!(known(&report).alternate, Content::Proven);
}

#[test]
fn a_digest_of_the_whole_claim_stands_for_every_part() {
    let scene = Scene::new();
    let data = format!(r#"{{"apn":"12025550110","nam":"{NAME}"}}"#);
    for (of, content) in [(&*data, Content::Proven), ("{}", Content::Altered)] {
        let digest = json_digest(of);
        let report = verify(
            &scene,
            &rcd(&format!(r#""rcd":{data},"rcdi":{{"":"{digest}"}}"#)),
        );
        assert_eq!(
            (known(&report).name, known(&report).alternate),
            (content, content)
        );
    }
}
