//! Answers, signed: RFC 9970 §4 and §5.
//!
//! ```text
//!    ALICE ── shaken ──► BOB ─ ─ div ─ ─► CAROL ─ ─ div ─ ─► DAVE
//!      ◄── rsp of BOB ────┘                 │                  │
//!      ◄── rsp of CAROL, div ───────────────┘                  │
//!      ◄── rsp of DAVE, div of CAROL, div of BOB ──────────────┘
//! ```

use countersign::authentication::respond::MAX_ASKED;
use countersign::authentication::{
    Answered, Answering, AnswersFor, Asked, AuthenticationService, Reflection, Refusal,
    may_stand_in,
};
use countersign::identity::{Dest, Identity};
use countersign::media_keys::MediaKeys;
use countersign::passport::{
    Claims, Div, Extension, HeaderCache, Passport, RichCallData, RichClaims, SignedPassport,
};
use countersign::time::UnixTime;
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, MALLORY, Scene, X5U, call, number};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whom Bob's calls go to.
const CAROL: &str = "12025550102";
/// Whom hers go to.
const DAVE: &str = "12025550103";
/// Covered by our certificate, and not in the inventory.
const UNLISTED: &str = "12025550149";

/// A token that somebody signed, and its header: who, is not asked when a call is answered.
fn token(orig: &str, dest: &[&str], extension: Extension) -> (SignedPassport, String) {
    let mut called = Dest::default();
    dest.iter().for_each(|one| called.push(number(one)));
    let rich = (extension == Extension::Rcd).then(|| Box::new(rich()));
    let claims = Claims {
        orig: number(orig),
        dest: called,
        iat: NOW,
        extension,
        rich,
        media_keys: None,
        staple: None,
    };
    let headers = HeaderCache::new("https://cert.example.org/somebody.pem").unwrap();
    let key = Scene::new().signer.key;
    let passport = Passport::new(claims).unwrap().sign(&headers, &*key);
    let passport = passport.unwrap();
    // Nobody's way of writing it but theirs.
    let value = format!(
        "{} ; alg=ES256;info=<https://cert.example.org/somebody.pem>",
        passport.token()
    );
    (passport, value)
}

fn base(orig: &str, dest: &[&str]) -> (SignedPassport, String) {
    token(orig, dest, Extension::Base)
}

fn div(orig: &str, from: &str, to: &str) -> (SignedPassport, String) {
    let div = Div::new(number(from), None);
    token(orig, &[to], Extension::Div(Box::new(div)))
}

fn rich() -> RichClaims {
    RichClaims {
        data: Some(RichCallData::new("Bob's Bank", None, None, None).unwrap()),
        integrity: None,
        reason: None,
        issuer: None,
    }
}

/// An answer of whoever was reached, as it is by default.
struct Scenery {
    service: AuthenticationService,
    reflection: Reflection,
    numbers: AnswersFor,
}

impl Scenery {
    fn new() -> Self {
        Self {
            service: Scene::new().authentication(),
            reflection: Reflection::Reflected,
            numbers: AnswersFor::Inventory,
        }
    }

    fn respond(
        &self,
        asked: &[(SignedPassport, String)],
        reached: &str,
    ) -> Result<Answered, Refusal> {
        self.respond_at(asked, &number(reached), NOW)
    }

    fn respond_at(
        &self,
        asked: &[(SignedPassport, String)],
        reached: &Identity,
        now: UnixTime,
    ) -> Result<Answered, Refusal> {
        let asked = asked
            .iter()
            .map(|(passport, value)| Asked { passport, value });
        let answering = Answering {
            asked: &asked.collect::<Vec<_>>(),
            reached,
            media_keys: None,
            rich: None,
            reflection: self.reflection,
            numbers: self.numbers,
        };
        self.service.respond(&answering, now)
    }
}

fn payload(reached: &str, orig: &str) -> String {
    let iat = NOW.as_secs();
    format!(r#"{{"dest":{{"tn":["{reached}"]}},"iat":{iat},"orig":{{"tn":"{orig}"}}}}"#)
}

/// RFC 9970 §4, §9: this test verifies that an answer has the caller of the request, who was reached and the time of the answer, and that
/// it stands alone, in full form, with the parameters of its signer.
#[test]
fn rfc9970_section_4_an_answer_without_diversion() {
    let scene = Scene::new();
    let signed = scene.sign(&call());
    let asked = [(signed.passport, signed.identity)];
    let later = NOW.saturating_add(25);
    let answered = Scenery::new()
        .respond_at(&asked, &number(BOB), later)
        .unwrap();
    let claims = answered.passport.claims();
    assert_eq!(claims.extension, Extension::Rsp);
    assert_eq!(claims.iat, later);
    assert_eq!(claims.orig, number(ALICE));
    assert_eq!(claims.dest, Dest::one(number(BOB)));
    let token = answered.passport.token();
    let expected = format!("{token};info=<{X5U}>;alg=ES256;ppt=rsp");
    assert_eq!(answered.identities, [Box::from(expected)]);
}

/// RFC 9970 §5: this test verifies that the diversions are sent back byte for byte, the latest first, in whichever order they came, and
/// that what has nothing to do with them is not.
#[test]
fn rfc9970_section_5_diversions_are_reflected_as_received() {
    let original = base(ALICE, &[BOB]);
    let (first, second) = (div(ALICE, BOB, CAROL), div(ALICE, CAROL, DAVE));
    let elsewhere = div(ALICE, BOB, MALLORY);
    let others = div(MALLORY, BOB, DAVE);
    let expected = [&second, &first].map(|(_, value)| Box::from(value.as_str()));
    for asked in [
        [&original, &first, &second, &elsewhere, &others],
        [&others, &elsewhere, &second, &first, &original],
    ] {
        let answered = Scenery::new()
            .respond(&asked.map(Clone::clone), DAVE)
            .unwrap();
        assert_eq!(answered.passport.payload(), payload(DAVE, ALICE));
        assert_eq!(answered.identities[1..], expected);
    }
}

/// R8, R9: this test verifies that nobody is answered for whom the call was not diverted to, be it by no diversion or by half a chain.
#[test]
fn digest01_case06_retargeted_without_div_is_not_signed() {
    let original = || base(ALICE, &[BOB]);
    for asked in [
        vec![original()],
        vec![original(), div(ALICE, CAROL, DAVE)],
        vec![original(), div(ALICE, BOB, CAROL)],
        vec![original(), div(MALLORY, BOB, DAVE)],
        vec![
            original(),
            div(ALICE, BOB, CAROL),
            div(MALLORY, CAROL, DAVE),
        ],
        // A circle that leads nowhere.
        vec![original(), div(ALICE, BOB, CAROL), div(ALICE, CAROL, BOB)],
    ] {
        let refusal = Scenery::new().respond(&asked, DAVE).unwrap_err();
        assert_eq!(refusal, Refusal::DiversionUnproven);
    }
}

/// R2: this test verifies that we answer for nobody whom our certificate does not cover, nor, where only our own customers are answered
/// for, for a number that the inventory does not list.
#[test]
fn digest01_case07_no_certificate_for_the_one_reached() {
    let mut scenery = Scenery::new();
    let asked = |dest| [base(ALICE, &[dest])];
    let refusal = |scenery: &Scenery, dest| scenery.respond(&asked(dest), dest).unwrap_err();
    assert_eq!(refusal(&scenery, MALLORY), Refusal::NotCovered);
    assert_eq!(refusal(&scenery, UNLISTED), Refusal::Unlisted);
    scenery.numbers = AnswersFor::Covered;
    assert_eq!(refusal(&scenery, MALLORY), Refusal::NotCovered);
    assert!(scenery.respond(&asked(UNLISTED), UNLISTED).is_ok());
    // One who was called by an address is not one of our numbers either.
    let address = Identity::Uri("sip:bob@example.com".into());
    let mut claims = base(ALICE, &[BOB]).0.claims().clone();
    claims.dest = Dest::one(address.clone());
    let headers = HeaderCache::new(X5U).unwrap();
    let passport = Passport::new(claims).unwrap();
    let passport = passport.sign(&headers, &*Scene::new().signer.key).unwrap();
    let asked = [(passport, String::new())];
    let refusal = scenery.respond_at(&asked, &address, NOW).unwrap_err();
    assert_eq!(refusal, Refusal::NotCovered);
}

/// R2, RFC 9970 §4: this test verifies that a certificate with a provider code, which covers every number, answers for those only that the
/// inventory lists: whoever else is reached through us may have a provider of their own.
#[test]
fn a_provider_code_answers_for_nobody_elses_numbers() {
    let mut scene = Scene::new();
    scene.signer = scene.lab.provider("1234");
    let mut scenery = Scenery::new();
    scenery.service = scene.authentication();
    for numbers in [AnswersFor::Covered, AnswersFor::Inventory] {
        scenery.numbers = numbers;
        let asked = |dest| [base(ALICE, &[dest])];
        assert!(scenery.respond(&asked(BOB), BOB).is_ok());
        for others in [UNLISTED, MALLORY] {
            let refusal = scenery.respond(&asked(others), others).unwrap_err();
            assert_eq!(refusal, Refusal::Unlisted);
        }
    }
}

/// R3, the half of the service: this test verifies in which responses an answer may stand, and that whoever redirects signs a diversion
/// and no answer.
#[test]
fn digest01_case09_no_answer_in_a_refusal_or_a_redirection() {
    let may: Vec<u16> = (0..=999).filter(|status| may_stand_in(*status)).collect();
    assert_eq!(may, (101..=299).collect::<Vec<_>>());
    let existing = [base(ALICE, &[BOB]).0];
    let service = Scene::new().authentication();
    let redirected = service
        .divert(&existing, &number(CAROL), None, NOW)
        .unwrap();
    let ppts = redirected
        .iter()
        .map(|one| one.passport.claims().extension.ppt());
    assert_eq!(ppts.collect::<Vec<_>>(), [Some("div")]);
}

/// R21, R22: this test verifies that a request without a PASSporT that speaks for its caller is not answered: none at all, an answer, a
/// diversion, a third party's.
#[test]
fn digest01_case10_without_a_passport_of_the_caller_there_is_no_answer() {
    let third_party = {
        let (passport, value) = token(ALICE, &[BOB], Extension::Rcd);
        let mut claims = passport.claims().clone();
        claims.rich.as_mut().unwrap().issuer = Some("Somebody".into());
        let headers = HeaderCache::new(X5U).unwrap();
        let key = Scene::new().signer.key;
        (
            Passport::new(claims)
                .unwrap()
                .sign(&headers, &*key)
                .unwrap(),
            value,
        )
    };
    for asked in [
        vec![],
        vec![token(ALICE, &[BOB], Extension::Rsp)],
        vec![div(ALICE, CAROL, BOB)],
        vec![third_party],
    ] {
        let refusal = Scenery::new().respond(&asked, BOB).unwrap_err();
        assert_eq!(refusal, Refusal::NothingToAnswer);
    }
    for extension in [Extension::Base, Extension::Msec, Extension::Rcd] {
        let asked = [token(ALICE, &[BOB], extension)];
        assert!(Scenery::new().respond(&asked, BOB).is_ok());
    }
}

/// R11: this test verifies that a diverted call is not answered where diversions are not told, and that others are.
#[test]
fn rfc9970_section_5_diversions_that_are_not_told() {
    let mut scenery = Scenery::new();
    scenery.reflection = Reflection::Withheld;
    let asked = [base(ALICE, &[BOB]), div(ALICE, BOB, CAROL)];
    let refusal = scenery.respond(&asked, CAROL).unwrap_err();
    assert_eq!(refusal, Refusal::DiversionWithheld);
    let answered = scenery.respond(&asked, BOB).unwrap();
    assert_eq!(answered.identities.len(), 1);
}

/// This test verifies that of several destinations the one is named who was reached, and that of several callers the one is answered
/// whose call led there.
#[test]
fn the_one_reached_decides_whom_is_answered() {
    let asked = [base(ALICE, &[BOB, CAROL])];
    let answered = Scenery::new().respond(&asked, CAROL).unwrap();
    assert_eq!(answered.passport.payload(), payload(CAROL, ALICE));
    let asked = [base(MALLORY, &[DAVE]), base(ALICE, &[BOB])];
    let answered = Scenery::new().respond(&asked, BOB).unwrap();
    assert_eq!(answered.passport.payload(), payload(BOB, ALICE));
    let asked = [
        base(MALLORY, &[DAVE]),
        base(ALICE, &[BOB]),
        div(ALICE, BOB, CAROL),
    ];
    let answered = Scenery::new().respond(&asked, CAROL).unwrap();
    assert_eq!(answered.passport.payload(), payload(CAROL, ALICE));
}

/// R23: this test verifies that nothing is told of the one reached unless it is given, and then in the same PASSporT; so, too, the media
/// keys of the answer.
#[test]
fn digest01_case18_rich_data_goes_back_only_if_it_is_given() {
    let (passport, value) = base(ALICE, &[BOB]);
    let asked = [Asked {
        passport: &passport,
        value: &value,
    }];
    let reached = number(BOB);
    let rich = Arc::new(rich());
    let media_keys = MediaKeys::new(["sha-256:4AADB9".parse().unwrap()]).unwrap();
    let nothing = Answering {
        asked: &asked,
        reached: &reached,
        media_keys: None,
        rich: None,
        reflection: Reflection::Reflected,
        numbers: AnswersFor::Inventory,
    };
    let everything = Answering {
        media_keys: Some(&media_keys),
        rich: Some(&rich),
        ..nothing
    };
    let service = Scene::new().authentication();
    let payload_of = |answering| {
        let answered = service.respond(answering, NOW).unwrap();
        answered.passport.payload().to_owned()
    };
    assert_eq!(payload_of(&nothing), payload(BOB, ALICE));
    let (iat, expected) = (NOW.as_secs(), r#""rcd":{"nam":"Bob's Bank"}"#);
    assert_eq!(
        payload_of(&everything),
        format!(
            r#"{{"dest":{{"tn":["{BOB}"]}},"iat":{iat},"mky":[{{"alg":"sha-256","dig":"4AADB9"}}],"orig":{{"tn":"{ALICE}"}},{expected}}}"#
        )
    );
}

/// This test verifies that a number that is only written otherwise is diverted nowhere, and that its answer needs no diversion.
#[test]
fn digest01_case21_an_unchanged_canonical_number_is_no_diversion() {
    use countersign::identity::{IdentityPolicy, Role};
    let original = base(ALICE, &[BOB]);
    let service = Scene::new().authentication();
    for uri in [
        "sip:+12025550101@carol.example.org;user=phone",
        "tel:+1-202-555-0101",
        "sip:+1(202)555-0101;npdi@10.0.0.1;user=phone",
    ] {
        let target = Identity::from_uri(uri, Role::Dest, IdentityPolicy::default()).unwrap();
        let existing = [original.0.clone()];
        let diverted = service.divert(&existing, &target, None, NOW).unwrap();
        assert!(diverted.is_empty(), "{uri}");
        let asked = [original.clone()];
        let answered = Scenery::new().respond_at(&asked, &target, NOW).unwrap();
        assert_eq!(answered.identities.len(), 1, "{uri}");
    }
}

/// This test verifies that nothing is signed with a certificate that is not valid when the call is answered.
#[test]
fn an_answer_after_the_certificate_has_expired_is_not_signed() {
    let asked = [base(ALICE, &[BOB])];
    let validity = Scene::new().authentication().signer().validity();
    let scenery = Scenery::new();
    for (now, refusal) in [
        (
            validity.not_after.saturating_add(1),
            Refusal::CertificateExpired,
        ),
        (
            validity.not_before.saturating_add(-1),
            Refusal::CertificateNotYetValid,
        ),
    ] {
        let found = scenery.respond_at(&asked, &number(BOB), now).unwrap_err();
        assert_eq!(found, refusal);
    }
}

/// This test verifies that a request with PASSporTs beyond number is not worth a search.
#[test]
fn a_request_with_too_many_passports_is_not_answered() {
    let mut asked = vec![base(ALICE, &[BOB]); MAX_ASKED];
    assert!(Scenery::new().respond(&asked, BOB).is_ok());
    asked.push(div(ALICE, BOB, CAROL));
    let refusal = Scenery::new().respond(&asked, BOB).unwrap_err();
    assert_eq!(refusal, Refusal::TooLarge);
}

/// Where the call may have gone by diversions of this caller: everywhere that can be reached, found without looking for a way.
fn reachable(diversions: &[(usize, usize)]) -> BTreeSet<usize> {
    let mut there = BTreeSet::from([0]);
    for _ in diversions {
        let next = diversions.iter().filter(|(from, _)| there.contains(from));
        let next: Vec<_> = next.map(|(_, to)| *to).collect();
        there.extend(next);
    }
    there
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever diversions a request has, in whichever order: it is answered for exactly those whom they lead to, and what is sent back
    /// is a whole chain of them.
    #[test]
    fn an_answer_is_signed_if_and_only_if_a_chain_leads_there(diversions in prop::collection::vec((0..5_usize, 0..5_usize), 0..7), at: prop::sample::Index) {
        let party = |one: usize| format!("1202555010{}", one + 1);
        let mut asked: Vec<_> = diversions.iter().map(|(from, to)| div(ALICE, &party(*from), &party(*to))).collect();
        asked.insert(at.index(asked.len() + 1), base(ALICE, &[BOB]));
        let reachable = reachable(&diversions);
        for reached in 0..5 {
            let answered = Scenery::new().respond(&asked, &party(reached));
            prop_assert_eq!(answered.is_ok(), reachable.contains(&reached));
            let Ok(answered) = answered else { continue };
            let mut at = number(&party(reached));
            for value in &answered.identities[1..] {
                let (passport, _) = asked.iter().find(|(_, sent)| **sent == **value).unwrap();
                prop_assert!(passport.claims().dest.contains(&at));
                let Extension::Div(div) = &passport.claims().extension else { panic!("no div") };
                at = div.from.clone();
            }
            prop_assert_eq!(at, number(BOB));
            let distinct: BTreeSet<_> = answered.identities.iter().collect();
            prop_assert_eq!(distinct.len(), answered.identities.len(), "none twice");
        }
    }
}
