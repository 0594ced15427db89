//! Whether a certificate is still good, and for a number: asked, answered, and judged.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Issuing CA ──▶ the leaf, 12155551000 to ...1099
//!                             │
//!                             ├── answers itself, or
//!                             └──▶ a responder that it has certified for that
//! ```
//!
//! This test verifies what an answer is worth, that whatever is not exactly right is worth nothing, and that OpenSSL reads our answers
//! and asks questions that we read.

use crate::openssl::{Files, openssl};
use countersign::certificate::crl::Reason;
use countersign::certificate::encode::{ENUMERATED, element, sequence};
use countersign::certificate::ocsp::judge::{Question, judge};
use countersign::certificate::ocsp::{
    Asked, CertId, CertStatus, HashForm, Nonce, OcspRequest, OcspResponse, Responders, Standing,
};
use countersign::certificate::rules::{AuthorityAlgorithms, MAX_AHEAD};
use countersign::certificate::{Certificate, CertificateChain, TnAuthList};
use countersign::crypto::AwsLc;
use countersign::number::TelephoneNumber;
use countersign::time::{UnixTime, Validity};
use countersign_ca::ocsp::{NotAResponder, Responder, Status, Statuses};
use countersign_ca::{Profile, Request};
use countersign_testkit::lab::{Lab, NOW, new_key, numbers, subject};

/// Seconds for which an answer counts.
const LIFETIME: u32 = 3_600;

const FORMS: [HashForm; 3] = [HashForm::Sha1, HashForm::Sha256, HashForm::Sha256Cut];

/// What the authority of this test knows.
#[derive(Clone, Copy)]
struct Known(Status);

impl Statuses for Known {
    fn status(&self, _serial: &[u8]) -> Status {
        self.0
    }

    fn speaks_for(&self, _serial: &[u8], asked: TelephoneNumber) -> bool {
        leaf_scope().authorizes(asked)
    }
}

fn leaf_scope() -> TnAuthList {
    TnAuthList::new(vec![numbers("12155551000", 100)]).unwrap()
}

const GOOD: Known = Known(Status::Good);

struct World {
    lab: Lab,
    leaf: Certificate,
    responder: Responder,
}

fn number(digits: &str) -> TelephoneNumber {
    digits.parse().unwrap()
}

impl World {
    fn new() -> Self {
        let lab = Lab::new();
        let leaf = lab.numbers("12155551000", 100).chain.end_entity().clone();
        let issuer = lab.intermediate().certificate().clone();
        let responder =
            Responder::of_issuer(issuer, lab.intermediate().shared_key(), LIFETIME).unwrap();
        Self {
            lab,
            leaf,
            responder,
        }
    }

    fn issuer(&self) -> &Certificate {
        self.lab.intermediate().certificate()
    }

    fn ask(&self, form: HashForm, about: Option<&str>) -> OcspRequest {
        OcspRequest {
            asked: vec![Asked {
                certificate: CertId::of(form, &self.leaf, self.issuer()).unwrap(),
                number: about.map(number),
            }],
            nonce: None,
        }
    }

    fn question<'a>(&'a self, about: Option<&str>, responders: &'a Responders) -> Question<'a> {
        Question {
            certificate: &self.leaf,
            issuer: self.issuer(),
            number: about.map(number),
            nonce: None,
            now: NOW,
            responders,
            algorithms: AuthorityAlgorithms::P256,
        }
    }

    /// Asks about the leaf and this number, and judges the answer.
    fn standing(&self, known: Known, about: Option<&str>) -> Standing {
        let request = self.ask(HashForm::Sha256Cut, about).to_der();
        let answer = self.responder.answer(&request, &known, NOW);
        self.judge(&answer, self.question(about, &Responders::default()))
    }

    fn judge(&self, answer: &[u8], question: Question<'_>) -> Standing {
        judge(&OcspResponse::parse(answer).unwrap(), question, &AwsLc)
    }
}

#[test]
fn digest05_case02_good_for_the_number_that_was_asked_about() {
    let world = World::new();
    let Standing::Fresh(known) = world.standing(GOOD, Some("12155551024")) else {
        panic!("it is one of its numbers");
    };
    assert_eq!(known.delegate, None);
    assert_eq!(known.during.not_before, NOW.saturating_add(-MAX_AHEAD));
    let last = NOW.saturating_add(i64::from(LIFETIME) - 1);
    assert_eq!(known.during.not_after, last);
    assert!(matches!(world.standing(GOOD, None), Standing::Fresh(_)));
}

#[test]
fn digest05_case03_good_without_a_word_on_the_number() {
    let world = World::new();
    let standing = world.standing(GOOD, Some("12155551100"));
    assert!(matches!(standing, Standing::ScopeUnknown(_)), "{standing}");
}

#[test]
fn digest05_case04_good_for_another_number() {
    let world = World::new();
    let request = world.ask(HashForm::Sha256Cut, Some("12155551024"));
    let answer = world.responder.answer(&request.to_der(), &GOOD, NOW);
    let responders = Responders::default();
    let standing = world.judge(&answer, world.question(Some("12155551025"), &responders));
    assert_eq!(standing, Standing::OtherNumber);
}

/// This test verifies that of an answer about several numbers that one counts which was asked about.
#[test]
fn an_answer_about_several_numbers_is_one_about_each() {
    let world = World::new();
    let responders = Responders::default();
    let mut request = world.ask(HashForm::Sha256Cut, Some("12155551000"));
    for about in [Some("12155551001"), None] {
        let asked = world.ask(HashForm::Sha256Cut, about).asked;
        request.asked.extend(asked);
    }
    let answer = world.responder.answer(&request.to_der(), &GOOD, NOW);
    for about in [Some("12155551000"), Some("12155551001"), None] {
        let standing = world.judge(&answer, world.question(about, &responders));
        assert!(
            matches!(standing, Standing::Fresh(_)),
            "{about:?}: {standing}"
        );
    }
    let other = world.question(Some("12155551002"), &responders);
    assert_eq!(world.judge(&answer, other), Standing::OtherNumber);
    // That it is revoked goes before everything, wherever in the answer that stands.
    for revoked in 0..3 {
        let Ok(OcspResponse::Answered(mut said)) = OcspResponse::parse(&answer) else {
            panic!("an answer");
        };
        let (at, reason) = (NOW, Reason::KeyCompromise);
        said.singles[revoked].status = CertStatus::Revoked { at, reason };
        let said = OcspResponse::Answered(said);
        for about in [Some("12155551000"), Some("12155551001"), None] {
            let standing = judge(&said, world.question(about, &responders), &AwsLc);
            assert_eq!(
                standing,
                Standing::Revoked { at, reason },
                "{revoked} {about:?}"
            );
        }
    }
}

#[test]
fn digest05_case05_revoked_and_never_issued() {
    let world = World::new();
    let at = NOW.saturating_add(-100);
    let reason = Reason::KeyCompromise;
    let revoked = Known(Status::Revoked { at, reason });
    let about = Some("12155551024");
    assert_eq!(
        world.standing(revoked, about),
        Standing::Revoked { at, reason }
    );
    // RFC 6960 §2.2 and the draft: what was never issued is "not good", not "unknown".
    let never = world.standing(Known(Status::NotIssued), about);
    let (at, reason) = (UnixTime::from_secs(0), Reason::CertificateHold);
    assert_eq!(never, Standing::Revoked { at, reason });
}

#[test]
fn digest05_case06_a_staple_that_is_too_old_or_from_the_future() {
    let world = World::new();
    let staple = |at| {
        let asked = world.ask(HashForm::Sha256Cut, None).asked.remove(0);
        let staple = world.responder.staple(asked, &GOOD, at).unwrap();
        world.judge(&staple, world.question(None, &Responders::default()))
    };
    let old = i64::from(LIFETIME);
    let fresh = |at: i64| matches!(staple(NOW.saturating_add(at)), Standing::Fresh(_));
    assert!(fresh(0) && fresh(1 - old) && fresh(MAX_AHEAD));
    // RFC 6960 §3.2: nextUpdate "is greater than the current time".
    let since = NOW.saturating_add(-1);
    assert_eq!(staple(NOW.saturating_add(-old)), Standing::Stale { since });
    let this_update = NOW.saturating_add(MAX_AHEAD + 1);
    assert_eq!(staple(this_update), Standing::NotYet { this_update });
}

#[test]
fn digest05_case07_an_answer_about_another_certificate() {
    let world = World::new();
    let other = world.lab.numbers("12155551000", 100);
    let responders = Responders::default();
    let answer = |form| {
        let request = world.ask(form, None).to_der();
        world.responder.answer(&request, &GOOD, NOW)
    };
    for form in FORMS {
        let question = Question {
            certificate: other.chain.end_entity(),
            ..world.question(None, &responders)
        };
        assert_eq!(world.judge(&answer(form), question), Standing::NotForThis);
        // The same serial number of another issuer is another certificate.
        let question = Question {
            issuer: world.lab.root().certificate(),
            ..world.question(None, &responders)
        };
        assert_eq!(world.judge(&answer(form), question), Standing::NotForThis);
    }
}

/// A responder with a certificate of this profile from the intermediate or from the root.
fn delegate(world: &World, profile: Profile, from_root: bool) -> Result<Responder, NotAResponder> {
    let issuer = match from_root {
        true => world.lab.root(),
        false => world.lab.intermediate(),
    };
    let scope = (profile == Profile::EndEntity).then(leaf_scope);
    let issued = world.lab.issue(issuer, profile, "Responder", scope);
    let (key, certificate) = issued.unwrap();
    Responder::of_delegate(world.issuer().clone(), certificate, key, LIFETIME)
}

#[test]
fn digest05_case08_who_may_answer() {
    let world = World::new();
    let responders = Responders::default();
    let request = world.ask(HashForm::Sha256, None).to_der();

    // Certified for it by the issuer itself: its certificate comes along.
    let responder = delegate(&world, Profile::OcspResponder, false).unwrap();
    let answer = responder.answer(&request, &GOOD, NOW);
    let Standing::Fresh(known) = world.judge(&answer, world.question(None, &responders)) else {
        panic!("a delegate may answer");
    };
    let certificate = known.delegate.unwrap();
    let point = *certificate.public_key().p256().unwrap();
    assert!(certificate.has_extension(countersign::certificate::ocsp::NO_CHECK));

    // Its word counts no longer than its certificate, whether it says so itself or not.
    let ends = certificate.validity().not_after;
    let late = ends.saturating_add(-10);
    let answer = responder.answer(&request, &GOOD, late);
    let OcspResponse::Answered(said) = OcspResponse::parse(&answer).unwrap() else {
        panic!("it answers until the end");
    };
    assert_eq!(said.singles[0].next_update, Some(ends));
    let soon = NOW.saturating_add(60);
    let short = Request::new(Profile::OcspResponder, subject("Responder"), point);
    let validity = Validity {
        not_before: NOW,
        not_after: soon,
    };
    let short = world
        .lab
        .intermediate()
        .issue(&short, world.lab.next_serial(), validity);
    let answer = responder.answer(&request, &GOOD, NOW);
    let Ok(OcspResponse::Answered(mut said)) = OcspResponse::parse(&answer) else {
        panic!("an answer");
    };
    said.certificates = vec![short.unwrap()];
    let said = OcspResponse::Answered(said);
    let Standing::Fresh(known) = judge(&said, world.question(None, &responders), &AwsLc) else {
        panic!("it is the same key");
    };
    assert_eq!(known.during.not_after, soon);

    // Without id-kp-OCSPSigning, or certified by somebody else: it is not even made,
    let refused = delegate(&world, Profile::EndEntity, false).unwrap_err();
    assert_eq!(refused, NotAResponder::NotADelegate);
    let refused = delegate(&world, Profile::OcspResponder, true).unwrap_err();
    assert_eq!(refused, NotAResponder::NotADelegate);

    // and what somebody makes all the same, with the name or key of nobody we know, is worth nothing.
    let stranger = World::new();
    let question = Question {
        issuer: stranger.issuer(),
        ..world.question(None, &responders)
    };
    assert_eq!(world.judge(&answer, question), Standing::NotForThis);
    let forged = forged(&world, &answer);
    let standing = world.judge(&forged, world.question(None, &responders));
    assert!(matches!(standing, Standing::BadSignature(_)), "{standing}");

    // Unless whoever runs this takes its word.
    let impostor = self_made(&world);
    let answer = impostor.answer(&request, &GOOD, NOW);
    let standing = world.judge(&answer, world.question(None, &responders));
    assert_eq!(standing, Standing::NotAuthorised);
    let pinned = Responders(vec![impostor.certificate().clone()]);
    let standing = world.judge(&answer, world.question(None, &pinned));
    assert!(matches!(standing, Standing::Fresh(_)), "{standing}");
}

/// The answer with one bit of its signed part changed: it is produced a second later.
fn forged(world: &World, answer: &[u8]) -> Vec<u8> {
    let time = b"20261105000000Z";
    let at = answer.windows(time.len()).position(|one| one == time);
    let mut forged = answer.to_vec();
    forged[at.unwrap() + 13] += 1;
    assert!(
        OcspResponse::parse(&forged).is_ok(),
        "{}",
        world.leaf.subject()
    );
    forged
}

/// Somebody with a root of their own who answers for the intermediate of this world.
fn self_made(world: &World) -> Responder {
    let other = Lab::new();
    let issued = other.issue(
        other.intermediate(),
        Profile::OcspResponder,
        "Impostor",
        None,
    );
    let (key, certificate) = issued.unwrap();
    Responder::pinned(world.issuer().clone(), certificate, key, LIFETIME).unwrap()
}

#[test]
fn digest05_case10_every_form_of_hash_is_answered_in_its_own() {
    let world = World::new();
    let responders = Responders::default();
    for form in FORMS {
        let request = world.ask(form, Some("12155551024")).to_der();
        let answer = world.responder.answer(&request, &GOOD, NOW);
        let question = world.question(Some("12155551024"), &responders);
        let standing = world.judge(&answer, question);
        assert!(
            matches!(standing, Standing::Fresh(_)),
            "{form:?}: {standing}"
        );
    }
}

#[test]
fn digest05_case11_nonces_have_a_length() {
    let world = World::new();
    let responders = Responders::default();
    let ask = |length: usize| {
        let nonce: Nonce = vec![7; length].into();
        let request = OcspRequest {
            nonce: Some(nonce.clone()),
            ..world.ask(HashForm::Sha1, None)
        };
        let answer = world.responder.answer(&request.to_der(), &GOOD, NOW);
        let question = Question {
            nonce: Some(&nonce),
            ..world.question(None, &responders)
        };
        (world.judge(&answer, question), answer)
    };
    // RFC 9654 §2.1: "MUST accept Nonce lengths of at least 16 octets and up to and including 32 octets".
    for length in [1, 16, 32, 128] {
        let (standing, answer) = ask(length);
        assert!(
            matches!(standing, Standing::Fresh(_)),
            "{length}: {standing}"
        );
        let other = Question {
            nonce: Some(&[8; 32]),
            ..world.question(None, &responders)
        };
        assert_eq!(world.judge(&answer, other), Standing::OtherNonce);
    }
    let malformed = sequence(&[element(ENUMERATED, &[1])]);
    for length in [0, 129] {
        assert_eq!(ask(length).1, malformed, "{length}");
    }
}

#[test]
fn questions_that_are_not_ours_are_not_answered() {
    let world = World::new();
    let responders = Responders::default();
    let stranger = World::new();
    let request = stranger.ask(HashForm::Sha256, None);
    let answer = world.responder.answer(&request.to_der(), &GOOD, NOW);
    assert_eq!(
        answer,
        sequence(&[element(ENUMERATED, &[6])]),
        "unauthorized"
    );
    let standing = world.judge(&answer, world.question(None, &responders));
    assert!(matches!(standing, Standing::Refused(_)));
    // One of two is not ours: nothing is answered.
    let mut both = world.ask(HashForm::Sha256, None);
    both.asked.extend(request.asked);
    assert_eq!(world.responder.answer(&both.to_der(), &GOOD, NOW), answer);
    for garbage in [&b""[..], b"\x30\x00", b"GET / HTTP/1.1"] {
        let answer = world.responder.answer(garbage, &GOOD, NOW);
        assert_eq!(answer, sequence(&[element(ENUMERATED, &[1])]));
    }
}

#[test]
fn a_key_that_is_not_the_certificates_answers_nothing() {
    let world = World::new();
    let issuer = world.issuer().clone();
    let refused = Responder::of_issuer(issuer, new_key(), LIFETIME).unwrap_err();
    assert_eq!(refused, NotAResponder::KeyMismatch);
}

// draft-ietf-lamps-rfc5019bis-12 Appendix A.
#[test]
fn the_examples_of_the_lightweight_profile_are_read_and_believed() {
    let file = |name: &str| {
        let root = env!("CARGO_MANIFEST_DIR");
        std::fs::read(format!("{root}/../../test-data/ocsp/rfc5019bis-{name}")).unwrap()
    };
    let certificate = |name: &str| {
        let chain = CertificateChain::parse(&file(name)).unwrap();
        chain.end_entity().clone()
    };
    let (root, leaf) = (certificate("root.pem"), certificate("end-entity.pem"));
    let request = OcspRequest::parse(&file("request.der")).unwrap();
    assert!(request.asked[0].certificate.names(&leaf, &root));
    assert_eq!(request.to_der(), file("request.der"), "byte for byte");
    let response = OcspResponse::parse(&file("response.der")).unwrap();
    // 2024-04-04T00:00:00Z.
    let now = UnixTime::from_secs(1_712_188_800);
    let responders = Responders::default();
    let question = Question {
        certificate: &leaf,
        issuer: &root,
        number: None,
        nonce: None,
        now,
        responders: &responders,
        algorithms: AuthorityAlgorithms::Ecdsa,
    };
    let Standing::Fresh(known) = judge(&response, question, &AwsLc) else {
        panic!("{}", judge(&response, question, &AwsLc));
    };
    assert_eq!(
        known.delegate.as_deref(),
        Some(&certificate("responder.pem"))
    );
    let later = Question {
        now: now.saturating_add(7 * 86_400),
        ..question
    };
    let stale = judge(&response, later, &AwsLc);
    assert!(matches!(stale, Standing::Stale { .. }), "{stale}");
    let narrow = Question {
        algorithms: AuthorityAlgorithms::P256,
        ..question
    };
    assert_eq!(judge(&response, narrow, &AwsLc), Standing::NotAuthorised);
    // Nor is the answer itself, whoever's it is: the domain says by which algorithms.
    let pinned = Responders(vec![certificate("responder.pem")]);
    let of_pinned = Question {
        responders: &pinned,
        ..question
    };
    let standing = judge(&response, of_pinned, &AwsLc);
    assert!(matches!(standing, Standing::Fresh(_)), "{standing}");
    let narrow = Question {
        algorithms: AuthorityAlgorithms::P256,
        ..of_pinned
    };
    let standing = judge(&response, narrow, &AwsLc);
    assert!(matches!(standing, Standing::BadSignature(_)), "{standing}");
}

#[test]
fn openssl_asks_and_reads_what_is_answered() {
    let world = World::new();
    let files = Files::new();
    let leaf = files.certificates("leaf.pem", &[world.leaf.as_der()]);
    let issuer = files.certificates("issuer.pem", &[world.issuer().as_der()]);
    let roots = [
        world.lab.root().certificate().as_der(),
        world.issuer().as_der(),
    ];
    let roots = files.certificates("roots.pem", &roots);
    for hash in ["-sha1", "-sha256"] {
        let asked = files.bytes("asked.der", b"");
        let arguments = ["ocsp", "-reqout", asked.to_str().unwrap(), hash, "-issuer"];
        let (content, said) = openssl(&arguments, &[&issuer, "-cert".as_ref(), &leaf]);
        assert!(content, "{said}");
        let asked = std::fs::read(asked).unwrap();
        assert!(OcspRequest::parse(&asked).unwrap().nonce.is_some());
        for responder in [
            world.responder.clone(),
            delegate(&world, Profile::OcspResponder, false).unwrap(),
        ] {
            for (known, word) in [(GOOD, "good"), (Known(Status::NotIssued), "revoked")] {
                let at = NOW;
                let answer = files.bytes("answer.der", &responder.answer(&asked, &known, at));
                let now = at.as_secs().to_string();
                // Its clock is not ours: signatures are judged at our time, the age of answers is not.
                let period = "1000000000";
                let arguments = [
                    "ocsp",
                    "-no_nonce",
                    "-attime",
                    &now,
                    "-validity_period",
                    period,
                    hash,
                    "-respin",
                ];
                let (_, said) = openssl(
                    &arguments,
                    &[
                        &answer,
                        "-CAfile".as_ref(),
                        &roots,
                        "-issuer".as_ref(),
                        &issuer,
                        "-cert".as_ref(),
                        &leaf,
                    ],
                );
                assert!(said.contains("Response verify OK"), "{said}");
                assert!(said.contains(&format!("leaf.pem: {word}")), "{said}");
            }
        }
    }
}

#[test]
fn the_certificate_of_a_responder_is_for_nothing_else() {
    let world = World::new();
    let lab = &world.lab;
    let issued = lab.issue(
        lab.intermediate(),
        Profile::OcspResponder,
        "Responder",
        None,
    );
    let (_, certificate) = issued.unwrap();
    assert!(!certificate.is_ca() && !certificate.has_scope());
    assert!(certificate.key_usage().unwrap().digital_signature());
    let purposes = certificate.extended_key_usage();
    assert_eq!(purposes, [countersign::certificate::ocsp::OCSP_SIGNING]);
}
