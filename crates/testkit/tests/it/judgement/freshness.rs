//! Whether a certificate is still good, and for the number: staples in tokens, responders that are asked.
//!
//! ```text
//!    Lab SHAKEN ROOT ─► Issuing CA ─► Alice's numbers, AIA: the responder ── signs, with a staple ──► Bob's provider
//!                           └───────► the responder ◄──────── asked only where policy says so ──────────────┘
//! ```
//!
//! This test verifies that a staple is judged without asking anybody, that revoked and unknown fail the call with 437, that what is stale
//! or missing is the trust domain's rule, and that nobody is asked where nobody is to be asked.

mod stored;
mod whose_word;

use super::told;
use countersign::authentication::{Form, Staples};
use countersign::call::{Call, DateHeader};
use countersign::certificate::ocsp::{Asked, CertId, HashForm, NO_CHECK, OcspRequest, Standing};
use countersign::certificate::{Certificate, TnAuthList};
use countersign::crypto::SigningKey;
use countersign::number::TelephoneNumber;
use countersign::passport::{Presented, SignedPassport, Staple};
use countersign::time::UnixTime;
use countersign::trust::{FreshnessMode, FreshnessRule, MissingStatus, ScopeUnknown, TrustDomain};
use countersign::trust::{RevocationRule, TrunkScope, TrustDomains};
use countersign::verification::policy::X5c;
use countersign::verification::{
    Check, Code, Evidence, Fault, FreshnessEvidence, NeedKind, Outcome, Poll, Refresh, Report,
    Told, Unavailable, Verdict,
};
use countersign_ca::crl::Reason;
use countersign_ca::extension::{self, Extension};
use countersign_ca::ocsp::{Responder, Status, Statuses};
use countersign_ca::{Authority, Practice, Profile, Request};
use countersign_sip::identity_header;
use countersign_testkit::administrator::{PolicyAdministrator, revoked as entry};
use countersign_testkit::lab::{self, Lab, NOW, Signer, chain, new_key, numbers, subject};
use countersign_testkit::scene::{ALICE, Forgery, MALLORY, ORIGID, Scene, X5U, call, now};
use std::sync::Arc;

/// Where the authority's responder answers.
const OCSP: &str = "https://ocsp.example.org/ocsp";

/// Seconds for which an answer counts.
const LIFETIME: u32 = 3_600;

const PASSED: (Verdict, Option<u16>) = (Verdict::Passed, None);

const HARD: MissingStatus = MissingStatus::Hard;
const SOFT: MissingStatus = MissingStatus::Soft;

/// What the authority knows of every certificate.
#[derive(Clone, Copy, Debug)]
struct Known {
    status: Status,
    /// The numbers that are still those of the certificate: so many from Alice's on.
    count: u64,
}

impl Statuses for Known {
    fn status(&self, _: &[u8]) -> Status {
        self.status
    }

    fn speaks_for(&self, _: &[u8], number: TelephoneNumber) -> bool {
        self.count > 0
            && TnAuthList::new(vec![numbers(ALICE, self.count)])
                .unwrap()
                .authorizes(number)
    }
}

const GOOD: Known = Known {
    status: Status::Good,
    count: 50,
};

/// The number was ported away.
const PORTED: Known = Known {
    status: Status::Good,
    count: 0,
};

const REVOKED: Known = Known {
    status: Status::Revoked {
        at: UnixTime::from_secs(1_793_000_000),
        reason: Reason::KeyCompromise,
    },
    count: 50,
};

/// What is at hand for whatever is signed.
#[derive(Debug)]
struct AtHand(Arc<[u8]>);

impl Staples for AtHand {
    fn at_hand(&self, _: Option<TelephoneNumber>, _: UnixTime) -> Option<Arc<[u8]>> {
        Some(Arc::clone(&self.0))
    }
}

struct World {
    scene: Scene,
    responder: Responder,
}

/// A world in which Alice's certificate names the responder.
fn world(mode: FreshnessMode, missing: MissingStatus) -> World {
    let rule = FreshnessRule {
        mode,
        missing,
        ..FreshnessRule::default()
    };
    World::of(rule, |scene, issuing| {
        let list = TnAuthList::new(vec![numbers(ALICE, 50)]).unwrap();
        let profile = Profile::EndEntity;
        let issued = scene
            .lab
            .issue(issuing, profile, "SHAKEN asked", Some(list));
        signer(issued.unwrap(), issuing)
    })
}

fn signer(
    (key, certificate): (Arc<countersign::crypto::EcdsaP256Key>, Certificate),
    issuing: &Authority,
) -> Signer {
    Signer {
        key,
        chain: chain(&[&certificate, issuing.certificate()]),
    }
}

impl World {
    fn of(rule: FreshnessRule, alice: impl FnOnce(&Scene, &Authority) -> Signer) -> Self {
        let mut scene = Scene::new();
        let issuing = scene.lab.intermediate().clone().with_practice(Practice {
            ocsp: Some(OCSP.into()),
            ..Practice::default()
        });
        scene.signer = alice(&scene, &issuing);
        scene.repository.publish(X5U, &scene.signer.chain);
        scene.trust = Arc::new(scene.lab.trust(2).with_freshness(rule));
        let certificate = issuing.certificate().clone();
        let responder = Responder::of_issuer(certificate, issuing.shared_key(), LIFETIME);
        let responder = responder.unwrap();
        Self { scene, responder }
    }

    fn asked(&self, signer: &Signer, number: Option<&str>) -> Asked {
        let [certificate, issuer] = signer.chain.certificates() else {
            unreachable!("a certificate and its issuer");
        };
        Asked {
            certificate: CertId::of(HashForm::Sha256Cut, certificate, issuer).unwrap(),
            number: number.map(|number| number.parse().unwrap()),
        }
    }

    /// The authority's answer about Alice's certificate and this number, made `seconds` from now.
    fn answer(&self, known: Known, number: Option<&str>, seconds: i64) -> Vec<u8> {
        let asked = self.asked(&self.scene.signer, number);
        let at = NOW.saturating_add(seconds);
        self.responder.staple(asked, &known, at).unwrap()
    }

    /// A call that Alice's provider signs with this staple.
    fn stapled(&mut self, staple: Vec<u8>) -> Presented {
        self.scene.staples = Some(Arc::new(AtHand(staple.into())));
        self.scene.present(&call())
    }

    /// What becomes of a call with this staple.
    fn judge(&mut self, staple: Vec<u8>) -> Report {
        let presented = self.stapled(staple);
        self.scene.verify(&call(), presented)
    }

    /// From now on the responder can be asked.
    fn respond(&self, known: Known) {
        let responder = self.responder.clone();
        let answering = move |request: &[u8]| responder.answer(request, &known, NOW);
        self.scene.repository.respond(OCSP, answering);
    }

    /// Whether anything but the certificate was fetched.
    fn has_asked(&self) -> bool {
        let requests = self.scene.repository.requests();
        requests.iter().any(|(url, _)| **url != *X5U)
    }
}

fn freshness(report: &Report) -> (Outcome, Option<FreshnessEvidence>) {
    let result = report.passports[0].checks.get(Check::Freshness);
    let evidence = match result.evidence {
        Evidence::Freshness(found) => Some((**found).clone()),
        _ => None,
    };
    (result.outcome, evidence)
}

fn standing(report: &Report) -> Standing {
    match freshness(report).1 {
        Some(FreshnessEvidence::Said(_, standing)) => standing,
        other => unreachable!("{other:?}"),
    }
}

fn of(fault: Fault) -> (Verdict, Option<u16>) {
    (Verdict::of(fault), Some(437))
}

#[test]
fn digest05_case02_good_and_for_the_number_is_fresh() {
    for missing in [SOFT, HARD] {
        let mut world = world(FreshnessMode::StapleOnly, missing);
        let staple = world.answer(GOOD, Some(ALICE), 0);
        let presented = world.stapled(staple.clone());
        let signed = SignedPassport::parse(&presented.token).unwrap();
        let expected = Staple::of(&staple);
        assert_eq!(signed.claims().staple.as_deref(), Some(&expected));
        assert!(signed.payload().ends_with("\"}") && signed.is_canonical());
        let report = world.scene.verify(&call(), presented);
        assert_eq!(told(&report), PASSED);
        assert_eq!(freshness(&report).0, Outcome::Passed);
        assert!(matches!(standing(&report), Standing::Fresh(_)));
        let detail = report.passports[0].checks.get(Check::Freshness).detail();
        let expected = "by the staple: good until 2026-11-05T00:59:59Z";
        assert_eq!(detail.as_deref(), Some(expected));
        assert!(!world.has_asked());
    }
}

#[test]
fn digest05_case03_good_without_a_word_on_the_number() {
    let mut world = world(FreshnessMode::StapleOnly, SOFT);
    let unsaid = world.answer(PORTED, Some(ALICE), 0);
    let report = world.judge(unsaid.clone());
    assert_eq!(told(&report), of(Fault::ScopeUnconfirmed));
    assert!(matches!(standing(&report), Standing::ScopeUnknown(_)));
    assert!(report.complaints().is_empty(), "their proof has no error");
    let rule = FreshnessRule {
        scope_unknown: ScopeUnknown::Accept,
        ..FreshnessRule::default()
    };
    world.scene.trust = Arc::new(world.scene.lab.trust(3).with_freshness(rule));
    let report = world.judge(unsaid);
    assert_eq!(told(&report), PASSED);
    assert!(matches!(standing(&report), Standing::ScopeUnknown(_)));
}

/// Whose number it is, the authority of a provider need not know.
#[test]
fn digest05_case03_is_no_matter_of_certificates_of_providers() {
    let rule = FreshnessRule::default();
    let mut world = World::of(rule, |scene, issuing| {
        let list = TnAuthList::new(vec![
            "1234"
                .parse()
                .map(countersign::certificate::TnEntry::Spc)
                .unwrap(),
        ]);
        let profile = Profile::EndEntity;
        let issued = scene
            .lab
            .issue(issuing, profile, "SHAKEN 1234", Some(list.unwrap()));
        signer(issued.unwrap(), issuing)
    });
    let unsaid = world.answer(PORTED, Some(ALICE), 0);
    assert_eq!(told(&world.judge(unsaid)), PASSED);
}

#[test]
fn digest05_case04_good_for_another_number() {
    let mut world = world(FreshnessMode::StapleOnly, SOFT);
    let other = world.answer(GOOD, Some("12025550102"), 0);
    let report = world.judge(other);
    assert_eq!(told(&report), of(Fault::StapleInvalid));
    assert_eq!(standing(&report), Standing::OtherNumber);
}

#[test]
fn digest05_case05_revoked_or_unknown_is_437() {
    for mode in [FreshnessMode::StapleOnly, FreshnessMode::StapleOrLive] {
        for missing in [SOFT, HARD] {
            let mut world = world(mode, missing);
            world.respond(GOOD);
            let revoked = world.answer(REVOKED, Some(ALICE), 0);
            let report = world.judge(revoked);
            assert_eq!(told(&report), of(Fault::Revoked));
            assert_eq!(report.code, Some(Code::UnsupportedCredential));
            let never = Known {
                status: Status::NotIssued,
                ..GOOD
            };
            // What was never issued our responder calls revoked: RFC 6960 §2.2.
            let never = world.answer(never, Some(ALICE), 0);
            assert_eq!(told(&world.judge(never)), of(Fault::Revoked));
            let unknown = unknown(&world);
            let report = world.judge(unknown);
            assert_eq!(told(&report), of(Fault::StatusUnknown));
            assert_eq!(standing(&report), Standing::Unknown);
            assert!(!world.has_asked(), "that is word enough");
        }
    }
}

/// An answer as a responder signs it that says unknown.
fn unknown(world: &World) -> Vec<u8> {
    use countersign::certificate::encode::{constructed, element, primitive, sequence};
    let asked = world.asked(&world.scene.signer, None);
    let time = |digits: &[u8]| element(0x18, digits);
    let single = sequence(&[
        asked.certificate.to_der(),
        element(primitive(2), &[]),
        time(b"20261105000000Z"),
        element(constructed(0), &time(b"20261105010000Z")),
    ]);
    let issuer = world.scene.lab.intermediate();
    let name = issuer.certificate().subject().as_der();
    let tbs = sequence(&[
        element(constructed(1), name),
        time(b"20261105000000Z"),
        sequence(&[single]),
    ]);
    basic(&tbs, &*issuer.shared_key())
}

/// A response of this signed part.
fn basic(tbs: &[u8], key: &dyn SigningKey) -> Vec<u8> {
    use countersign::certificate::encode::{self, constructed, element, octet_string, sequence};
    use countersign::certificate::ocsp::BASIC;
    use countersign::certificate::signature::der_from_fixed;
    let ecdsa = "1.2.840.10045.4.3.2".parse().unwrap();
    let algorithm = sequence(&[encode::oid(&ecdsa)]);
    let signature = der_from_fixed(&key.sign(tbs).unwrap());
    let basic = sequence(&[tbs.to_vec(), algorithm, encode::bit_string(&signature)]);
    let bytes = sequence(&[encode::oid(&BASIC), octet_string(&basic)]);
    sequence(&[
        element(encode::ENUMERATED, &[0]),
        element(constructed(0), &bytes),
    ])
}

#[test]
fn digest05_case06_a_stale_staple_is_the_rules() {
    let old = -i64::from(LIFETIME);
    for (missing, expected) in [(SOFT, PASSED), (HARD, of(Fault::StatusUnavailable))] {
        let mut world = world(FreshnessMode::StapleOnly, missing);
        for seconds in [old, 301] {
            let staple = world.answer(GOOD, Some(ALICE), seconds);
            let report = world.judge(staple);
            assert_eq!(told(&report), expected);
            assert!(matches!(
                standing(&report),
                Standing::Stale { .. } | Standing::NotYet { .. }
            ));
        }
        let last = world.answer(GOOD, Some(ALICE), old + 1);
        assert_eq!(freshness(&world.judge(last)).0, Outcome::Passed);
        assert!(!world.has_asked());
    }
    // Somebody may be asked for a newer one,
    for (known, expected) in [(GOOD, PASSED), (REVOKED, of(Fault::Revoked))] {
        let mut world = world(FreshnessMode::StapleOrLive, HARD);
        world.respond(known);
        let stale = world.answer(GOOD, Some(ALICE), old);
        let report = world.judge(stale);
        assert_eq!(told(&report), expected);
        let (_, evidence) = freshness(&report);
        assert!(matches!(
            evidence,
            Some(FreshnessEvidence::Said(Told::Asked, _))
        ));
        assert!(world.has_asked());
    }
    // and is not while the staple is good.
    let mut world = world(FreshnessMode::StapleOrLive, HARD);
    world.respond(REVOKED);
    let fresh = world.answer(GOOD, Some(ALICE), 0);
    assert_eq!(told(&world.judge(fresh)), PASSED);
    assert!(!world.has_asked());
}

#[test]
fn digest05_case07_a_staple_of_another_certificate() {
    let mut world = world(FreshnessMode::StapleOnly, SOFT);
    let other = world.scene.lab.numbers(ALICE, 50);
    let asked = world.asked(&other, Some(ALICE));
    let of_another = world.responder.staple(asked, &GOOD, NOW).unwrap();
    let report = world.judge(of_another);
    assert_eq!(told(&report), of(Fault::StapleInvalid));
    assert_eq!(standing(&report), Standing::NotForThis);
    // The same serial number of another issuer, who answers for it.
    let stranger = self::world(FreshnessMode::StapleOnly, SOFT);
    let of_another = stranger.answer(GOOD, Some(ALICE), 0);
    let report = world.judge(of_another);
    assert_eq!(standing(&report), Standing::NotForThis);
    for junk in [&b""[..], b"0\x00", b"junk"] {
        let report = world.judge(junk.to_vec());
        assert_eq!(told(&report), of(Fault::StapleInvalid));
    }
    assert!(!world.has_asked());
}

#[test]
fn digest05_case08_who_may_answer() {
    let mut world = world(FreshnessMode::StapleOnly, HARD);
    let staple = |world: &World, profile, by: &Authority, name: &str| {
        let scope = (profile == Profile::EndEntity)
            .then(|| TnAuthList::new(vec![numbers(ALICE, 50)]).unwrap());
        let issued = world.scene.lab.issue(by, profile, name, scope);
        let (key, certificate) = issued.unwrap();
        assert_eq!(
            certificate.has_extension(NO_CHECK),
            profile == Profile::OcspResponder
        );
        let issuer = world.scene.lab.intermediate().certificate().clone();
        let responder = Responder::pinned(issuer, certificate, key, LIFETIME).unwrap();
        let asked = world.asked(&world.scene.signer, Some(ALICE));
        responder.staple(asked, &GOOD, NOW).unwrap()
    };
    let issuing = world.scene.lab.intermediate().clone();
    let delegate = staple(&world, Profile::OcspResponder, &issuing, "Responder");
    assert_eq!(told(&world.judge(delegate)), PASSED);
    let root = world.scene.lab.root().clone();
    for (profile, by) in [
        (Profile::EndEntity, &issuing),
        (Profile::OcspResponder, &root),
    ] {
        let staple = staple(&world, profile, by, "Somebody");
        let report = world.judge(staple);
        assert_eq!(told(&report), of(Fault::StapleInvalid));
        assert_eq!(standing(&report), Standing::NotAuthorised);
    }
}

/// This test verifies that the word of a delegate whose certificate is on a list is no word, unless its issuer says that nobody is to look.
#[test]
fn digest05_case08_a_delegate_that_was_revoked() {
    for (no_check, revoked, expected) in [
        (true, false, PASSED),
        (true, true, PASSED),
        (false, false, PASSED),
        (false, true, of(Fault::StapleInvalid)),
    ] {
        let mut world = world(FreshnessMode::StapleOnly, HARD);
        let lab = &world.scene.lab;
        let issuing = lab.intermediate().clone();
        let key = new_key();
        let request = Request::new(
            Profile::OcspResponder,
            subject("Responder"),
            key.public_key(),
        );
        let mut draft = issuing.draft(&request, lab.next_serial(), lab::validity());
        if !no_check {
            draft.extensions.retain(|one| one.kind != NO_CHECK);
        }
        let der = draft.sign(issuing.key()).unwrap();
        let certificate = Certificate::parse(&der).unwrap();
        assert_eq!(certificate.has_extension(NO_CHECK), no_check);
        let pa = PolicyAdministrator::of(lab);
        let entries = revoked.then(|| entry(&certificate, Reason::KeyCompromise));
        let list = pa.draft(entries.into_iter().collect());
        let list = pa.verified(&list, pa.pinned(), &lab.trust(1)).unwrap();
        let rule = RevocationRule::Soft { grace: 0 };
        let trust = (*world.scene.trust).clone();
        world.scene.trust = Arc::new(trust.with_crls(rule, vec![list]));
        let issuer = issuing.certificate().clone();
        let responder = Responder::pinned(issuer, certificate, key, LIFETIME).unwrap();
        let asked = world.asked(&world.scene.signer, Some(ALICE));
        let staple = responder.staple(asked, &GOOD, NOW).unwrap();
        let report = world.judge(staple);
        assert_eq!(told(&report), expected, "{no_check} {revoked}");
        if expected != PASSED {
            assert_eq!(standing(&report), Standing::NotAuthorised);
        }
    }
}

#[test]
fn digest05_case09_staple_only_without_a_staple_asks_nobody() {
    let soft = world(FreshnessMode::StapleOnly, SOFT);
    soft.respond(REVOKED);
    let report = soft.scene.verify(&call(), soft.scene.present(&call()));
    assert_eq!(told(&report), PASSED);
    assert_eq!(
        freshness(&report),
        (Outcome::Skipped, None),
        "freshness=none"
    );
    assert!(!soft.has_asked());
    let hard = world(FreshnessMode::StapleOnly, HARD);
    hard.respond(GOOD);
    let report = hard.scene.verify(&call(), hard.scene.present(&call()));
    assert_eq!(told(&report), of(Fault::StatusUnavailable));
    assert_eq!(freshness(&report).1, Some(FreshnessEvidence::NoStaple));
    assert!(!hard.has_asked());
    assert_eq!(FreshnessMode::default(), FreshnessMode::StapleOnly);
    assert_eq!(MissingStatus::default(), SOFT);
}

#[test]
fn off_looks_at_nothing() {
    let mut world = world(FreshnessMode::Off, HARD);
    world.respond(REVOKED);
    let revoked = world.answer(REVOKED, Some(ALICE), 0);
    let report = world.judge(revoked);
    assert_eq!(told(&report), PASSED);
    assert_eq!(freshness(&report), (Outcome::Skipped, None));
    assert!(!world.has_asked());
}

/// The question names the certificate and the number, has no nonce, and comes when all else is known.
#[test]
fn live_asks_once_and_last() {
    let mut world = world(FreshnessMode::Live, SOFT);
    let stapled = world.answer(GOOD, Some(ALICE), 0);
    let presented = world.stapled(stapled);
    let (service, at) = (world.scene.verification(), now(0));
    let mut verification = service.begin(&call(), vec![Ok(presented)], &world.scene.trust, at);
    let Poll::Needs([need]) = verification.poll(at) else {
        panic!("the certificate");
    };
    let answer = world.scene.repository.answer(X5U, Refresh::No);
    let id = need.id;
    verification.answer(id, answer);
    let Poll::Needs([need]) = verification.poll(at) else {
        panic!("the responder is asked, staple or not");
    };
    let NeedKind::Status { url, request } = &need.kind else {
        panic!("{need:?}");
    };
    assert_eq!(**url, *OCSP);
    let request = OcspRequest::parse(request).unwrap();
    assert_eq!(request.nonce, None);
    assert_eq!(
        request.asked,
        [world.asked(&world.scene.signer, Some(ALICE))]
    );
    let rest = verification.expire(at);
    assert_eq!(
        told(&rest),
        PASSED,
        "soft: a responder that does not answer"
    );
    let (_, evidence) = freshness(&rest);
    let late = FreshnessEvidence::Unavailable(Unavailable::TimedOut);
    assert_eq!(evidence, Some(late));
    // A bad call is none of the responder's business.
    let forged = world.scene.forge(&Forgery::new().payload(ALICE, MALLORY));
    let report = world.scene.verify(&call(), forged);
    assert!(matches!(report.verdict, Verdict::Failed(_)));
    assert!(!world.has_asked());
}

#[test]
fn what_the_responder_says_is_heard() {
    for (known, expected) in [
        (GOOD, PASSED),
        (REVOKED, of(Fault::Revoked)),
        (PORTED, of(Fault::ScopeUnconfirmed)),
    ] {
        for mode in [FreshnessMode::Live, FreshnessMode::StapleOrLive] {
            let world = world(mode, SOFT);
            world.respond(known);
            let report = world.scene.verify(&call(), world.scene.present(&call()));
            assert_eq!(told(&report), expected, "{mode:?} {known:?}");
            assert!(world.has_asked());
        }
    }
}

/// A responder that is down, talks nonsense or answers for somebody else is not the caller's fault.
#[test]
fn a_responder_that_does_not_answer_is_the_rules() {
    for (missing, expected) in [(SOFT, PASSED), (HARD, of(Fault::StatusUnavailable))] {
        let world = world(FreshnessMode::Live, missing);
        let judged = || world.scene.verify(&call(), world.scene.present(&call()));
        assert_eq!(told(&judged()), expected, "nobody there");
        world
            .scene
            .repository
            .respond(OCSP, |_| b"nonsense".to_vec());
        assert_eq!(told(&judged()), expected);
        let try_later = vec![0x30, 3, 0x0a, 1, 3];
        let later = try_later.clone();
        world.scene.repository.respond(OCSP, move |_| later.clone());
        assert_eq!(told(&judged()), expected);
        let stranger = self::world(FreshnessMode::Live, missing);
        let of_another = stranger.answer(GOOD, Some(ALICE), 0);
        world
            .scene
            .repository
            .respond(OCSP, move |_| of_another.clone());
        assert_eq!(told(&judged()), expected);
    }
    // A certificate that names no responder.
    let rule = FreshnessRule {
        mode: FreshnessMode::Live,
        missing: HARD,
        ..FreshnessRule::default()
    };
    let nowhere = World::of(rule, |scene, _| scene.lab.numbers(ALICE, 50));
    let report = nowhere
        .scene
        .verify(&call(), nowhere.scene.present(&call()));
    assert_eq!(told(&report), of(Fault::StatusUnavailable));
    assert_eq!(freshness(&report).1, Some(FreshnessEvidence::NoResponder));
}

/// What cannot be rebuilt is not left out: a staple never makes a compact form, and a compact form has none.
#[test]
fn the_compact_form_has_no_staple() {
    let mut world = world(FreshnessMode::StapleOnly, SOFT);
    let staple = world.answer(GOOD, Some(ALICE), 0);
    world.scene.staples = Some(Arc::new(AtHand(staple.into())));
    let dated = Call {
        date: DateHeader::At(NOW),
        ..call()
    };
    let service = world.scene.authentication();
    let signed = service
        .authenticate_base(&dated, Form::Compact, NOW)
        .unwrap();
    assert_eq!(signed.form, Form::Compact);
    assert_eq!(signed.passport.claims().staple, None);
    let presented = identity_header::parse(signed.identity.as_bytes()).unwrap();
    assert_eq!(told(&world.scene.verify(&dated, presented)), PASSED);
    let full = service.authenticate_base(&dated, Form::Full, NOW).unwrap();
    assert!(full.passport.claims().staple.is_some());
}

/// Of several the one is heard that is about the certificate of the signer.
#[test]
fn an_array_of_staples() {
    let world = world(FreshnessMode::StapleOnly, HARD);
    let other = world.scene.lab.numbers(ALICE, 50);
    let of_another = world.asked(&other, Some(ALICE));
    let of_another = world.responder.staple(of_another, &REVOKED, NOW).unwrap();
    let own = world.answer(GOOD, Some(ALICE), 0);
    let several = Staple::Responses([of_another.into(), own.into()].into());
    let signed = world.scene.sign(&call()).passport;
    let claims = countersign::passport::Claims {
        staple: Some(Box::new(several)),
        ..signed.claims().clone()
    };
    let headers = countersign::passport::HeaderCache::new(X5U).unwrap();
    let passport = countersign::passport::Passport::new(claims).unwrap();
    let signed = passport.sign(&headers, &*world.scene.signer.key).unwrap();
    let presented = Presented {
        token: signed.token().into(),
        info: Some(X5U.into()),
        alg: Some("ES256".into()),
        ppt: Some("shaken".into()),
    };
    assert_eq!(told(&world.scene.verify(&call(), presented)), PASSED);
}

/// A claim under that name that is no staple is no defect of the token, and none where nobody looks at it.
#[test]
fn a_claim_that_is_no_staple() {
    for (mode, expected) in [
        (FreshnessMode::Off, PASSED),
        (FreshnessMode::StapleOnly, of(Fault::StapleInvalid)),
        (FreshnessMode::StapleOrLive, of(Fault::StapleInvalid)),
    ] {
        let world = world(mode, SOFT);
        for value in ["1", "[]", "\"*\"", "{\"a\":1}"] {
            let origid = format!("{ORIGID}\"");
            let forged = Forgery::new().payload(&origid, &format!("{origid},\"stpl\":{value}"));
            let report = world.scene.verify(&call(), world.scene.forge(&forged));
            assert_eq!(told(&report), expected, "{value}");
        }
    }
}

/// The rule is the trust domain's: two of them, one that asks and one that does not.
#[test]
fn each_trust_domain_has_its_own_rule() {
    let world = world(FreshnessMode::Live, SOFT);
    let live = Arc::clone(&world.scene.trust);
    let quiet = world
        .scene
        .lab
        .trust(2)
        .with_freshness(FreshnessRule::default());
    assert_ne!(live.fingerprint(), quiet.fingerprint());
    let of = |trust, trunk: &str| TrustDomain {
        trust,
        trunks: TrunkScope::of(&[trunk]),
        numbers: countersign::certificate::NumberScope::all(),
    };
    let domains = TrustDomains::new(vec![of(live, "asks"), of(Arc::new(quiet), "quiet")]);
    let mode = |trunk| domains.select(trunk, None).unwrap().freshness().mode;
    assert_eq!(mode("asks"), FreshnessMode::Live);
    assert_eq!(mode("quiet"), FreshnessMode::StapleOnly);
}

/// x5c and x5u: what the token brings along of the chain is what its staple is judged with; nothing is fetched at all.
#[test]
fn digest05_case13_and_14_a_chain_and_its_staple_in_one_token() {
    let mut world = world(FreshnessMode::StapleOnly, HARD);
    let staple = world.answer(GOOD, Some(ALICE), 0);
    let payload = world.stapled(staple);
    let payload = SignedPassport::parse(&payload.token)
        .unwrap()
        .payload()
        .to_owned();
    let certificates = world.scene.signer.chain.certificates().iter();
    let x5c: Vec<_> = certificates
        .map(|one| format!("\"{}\"", countersign::passport::X5c::encoded(one.as_der())))
        .collect();
    let member = format!(r#""typ":"passport","x5c":[{}]"#, x5c.join(","));
    let forged = Forgery {
        payload,
        ..Forgery::new().header(r#""typ":"passport""#, &member)
    };
    let token = world.scene.forge(&forged);
    world
        .scene
        .repository
        .publish(X5U, &Lab::new().numbers(ALICE, 50).chain);
    let report = world.scene.verify(&call(), token.clone());
    assert_eq!(told(&report), PASSED);
    assert_eq!(world.scene.repository.requests(), []);
    let never = world.scene.with_policy(|policy| policy.x5c = X5c::Never);
    let report = never.verify(&call(), token);
    assert_eq!(told(&report), of(Fault::PathUntrusted));
}

/// A certificate that is never revoked is asked about in no mode, staple or none; one that says so and names a responder is invalid.
#[test]
fn digest05_case15_no_rev_avail_asks_nobody_in_any_mode() {
    let modes = [
        FreshnessMode::Live,
        FreshnessMode::Off,
        FreshnessMode::StapleOnly,
        FreshnessMode::StapleOrLive,
    ];
    for mode in modes {
        for missing in [SOFT, HARD] {
            let rule = FreshnessRule {
                mode,
                missing,
                ..FreshnessRule::default()
            };
            let never = [extension::no_rev_avail()];
            let mut world = World::of(rule.clone(), |scene, _| with(scene, &never));
            world.respond(REVOKED);
            let report = world.scene.verify(&call(), world.scene.present(&call()));
            assert_eq!(told(&report), PASSED, "{mode:?} {missing:?}");
            assert!(!world.has_asked());
            let staple = world.answer(GOOD, Some(ALICE), 0);
            assert_eq!(told(&world.judge(staple)), PASSED);
            let ocsp = [(countersign::certificate::access::OCSP, OCSP)];
            let both = [
                extension::no_rev_avail(),
                extension::authority_access(&ocsp),
            ];
            let broken = World::of(rule, |scene, _| with(scene, &both));
            broken.respond(GOOD);
            let presented = broken.scene.forge(&Forgery::new());
            let report = broken.scene.verify(&call(), presented);
            assert_eq!(told(&report), of(Fault::PathInvalid));
            assert!(!broken.has_asked());
        }
    }
}

/// Alice's certificate with these extensions more.
fn with(scene: &Scene, extensions: &[Extension]) -> Signer {
    let key = new_key();
    let list = TnAuthList::new(vec![numbers(ALICE, 50)]).unwrap();
    let request = Request::new(
        Profile::EndEntity,
        subject("SHAKEN short"),
        key.public_key(),
    );
    let ca = scene.lab.intermediate();
    let mut draft = ca.draft(
        &request.with_scope(list),
        scene.lab.next_serial(),
        lab::validity(),
    );
    draft.extensions.extend_from_slice(extensions);
    let der = draft.sign(ca.key()).unwrap();
    signer((key, Certificate::parse(&der).unwrap()), ca)
}
