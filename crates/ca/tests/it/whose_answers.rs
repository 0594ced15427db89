//! Whose answers of OCSP are believed: delegates whose certificate has one thing wrong with it are not, and no signature is taken on trust.
//!
//! ```text
//!     Issuing CA ──▶ the leaf                          ◄── asked about
//!         └────────▶ a delegate, one thing changed ──── answers
//! ```

use countersign::certificate::ocsp::judge::{Question, judge};
use countersign::certificate::ocsp::{
    Asked, CertId, HashForm, OcspResponse, ResponderId, Responders, Standing,
};
use countersign::certificate::rules::AuthorityAlgorithms;
use countersign::certificate::{Certificate, encode};
use countersign::crypto::{AwsLc, SigningKey};
use countersign::number::TelephoneNumber;
use countersign::time::Validity;
use countersign_ca::draft::Draft;
use countersign_ca::extension::{self, Extension, usage};
use countersign_ca::ocsp::{Responder, Status, Statuses};
use countersign_ca::{Profile, Request};
use countersign_testkit::lab::{self, Lab, NOW, new_key};

struct Good;

impl Statuses for Good {
    fn status(&self, _: &[u8]) -> Status {
        Status::Good
    }

    fn speaks_for(&self, _: &[u8], _: TelephoneNumber) -> bool {
        true
    }
}

struct World {
    lab: Lab,
    leaf: Certificate,
}

impl World {
    fn new() -> Self {
        let lab = Lab::new();
        let leaf = lab.numbers("12155551000", 100).chain.end_entity().clone();
        Self { lab, leaf }
    }

    fn asked(&self) -> Asked {
        let issuer = self.lab.intermediate().certificate();
        let certificate = CertId::of(HashForm::Sha256, &self.leaf, issuer).unwrap();
        Asked {
            certificate,
            number: None,
        }
    }

    /// What an answer is worth, with these responders pinned.
    fn worth(&self, answer: &[u8], pinned: &[Certificate]) -> Standing {
        let question = Question {
            certificate: &self.leaf,
            issuer: self.lab.intermediate().certificate(),
            number: None,
            nonce: None,
            now: NOW,
            responders: &Responders(pinned.to_vec()),
            algorithms: AuthorityAlgorithms::P256,
        };
        judge(&OcspResponse::parse(answer).unwrap(), question, &AwsLc)
    }

    /// The answer of a delegate whose certificate was changed before it was signed.
    fn delegate(&self, change: impl FnOnce(&mut Draft)) -> (Vec<u8>, Certificate) {
        let issuing = self.lab.intermediate();
        let key = new_key();
        let subject = lab::subject("Responder");
        let request = Request::new(Profile::OcspResponder, subject, key.public_key());
        let mut draft = issuing.draft(&request, self.lab.next_serial(), lab::validity());
        change(&mut draft);
        let der = draft.sign(&*issuing.shared_key()).unwrap();
        let certificate = Certificate::parse(&der).unwrap();
        let issuer = issuing.certificate().clone();
        let responder = Responder::pinned(issuer, certificate.clone(), key, 3_600).unwrap();
        let answer = responder.staple(self.asked(), &Good, NOW).unwrap();
        (answer, certificate)
    }
}

/// Puts this extension in the place of the one of its kind, or at the end.
fn with(draft: &mut Draft, new: Extension) {
    draft.extensions.retain(|one| one.kind != new.kind);
    draft.extensions.push(new);
}

/// What is changed of a certificate before it is signed.
type Change = Box<dyn FnOnce(&mut Draft)>;

/// This test verifies that a delegate is one as it is made, and not with any of these changes.
#[test]
fn a_delegate_with_one_thing_wrong_speaks_for_nobody() {
    let world = World::new();
    let (answer, _) = world.delegate(|_| {});
    assert!(matches!(world.worth(&answer, &[]), Standing::Fresh(_)));
    let unknown = "1.3.6.1.4.1.99999.1".parse().unwrap();
    let ended = Validity {
        not_before: NOW.saturating_add(-7_200),
        not_after: NOW.saturating_add(-1),
    };
    let other = lab::subject("Somebody else").name().clone();
    let wrong: [(&str, Change); 5] = [
        (
            "its key signs lists, and nothing else",
            Box::new(|draft| with(draft, extension::key_usage(usage::CRL_SIGN))),
        ),
        (
            "something critical that nobody knows",
            Box::new(move |draft| with(draft, Extension::critical(unknown, encode::null()))),
        ),
        (
            "it has ended",
            Box::new(move |draft| draft.validity = ended),
        ),
        (
            "it names another issuer, whose key it has all the same",
            Box::new(move |draft| draft.issuer = other),
        ),
        (
            "it is not for answering",
            Box::new(|draft| {
                let kind = extension::ocsp_signing().kind;
                draft.extensions.retain(|one| one.kind != kind);
            }),
        ),
    ];
    for (why, change) in wrong {
        let (answer, certificate) = world.delegate(change);
        let standing = world.worth(&answer, &[]);
        assert_eq!(standing, Standing::NotAuthorised, "{why}");
        // Whoever runs this may believe it by name, as long as it lives.
        let has_ended = certificate.validity() == ended;
        match world.worth(&answer, &[certificate]) {
            Standing::Fresh(_) => assert!(!has_ended, "{why}"),
            standing => assert!(has_ended && standing == Standing::NotAuthorised, "{why}"),
        }
    }
}

/// The answer with one bit of its signed part changed: it is produced a second later.
fn forged(answer: &[u8]) -> Vec<u8> {
    let time = b"20261105000000Z";
    let at = answer.windows(time.len()).position(|one| one == time);
    let mut forged = answer.to_vec();
    forged[at.unwrap() + 13] += 1;
    forged
}

/// This test verifies that the signature counts whoever has signed: the issuer itself, somebody pinned, a delegate.
#[test]
fn an_answer_that_was_changed_is_worth_nothing_whoever_signed_it() {
    let world = World::new();
    let issuing = world.lab.intermediate();
    let issuer = issuing.certificate().clone();
    let own = Responder::of_issuer(issuer, issuing.shared_key(), 3_600).unwrap();
    let own = own.staple(world.asked(), &Good, NOW).unwrap();
    let (delegate, certificate) = world.delegate(|_| {});
    for (answer, pinned) in [
        (&own, vec![]),
        (&delegate, vec![]),
        (&delegate, vec![certificate]),
    ] {
        assert!(matches!(world.worth(answer, &pinned), Standing::Fresh(_)));
        let standing = world.worth(&forged(answer), &pinned);
        assert!(matches!(standing, Standing::BadSignature(_)), "{standing}");
    }
}

/// This test verifies that of several certificates of one name, sent along or pinned, that one has answered whose key has signed, in whatever
/// order they stand, and that the name alone is nobody's word.
#[test]
fn of_two_certificates_of_one_name_the_signature_picks() {
    let world = World::new();
    let (answer, signed) = world.delegate(|_| {});
    let (_, before) = world.delegate(|_| {});
    assert_eq!(signed.subject().as_der(), before.subject().as_der());
    let worth = |sent: &[&Certificate], pinned: &[&Certificate]| {
        let Ok(OcspResponse::Answered(mut said)) = OcspResponse::parse(&answer) else {
            panic!("an answer");
        };
        said.responder = ResponderId::Name(signed.subject().clone());
        said.certificates = sent.iter().copied().cloned().collect();
        let pinned = pinned.iter().copied().cloned().collect();
        let responders = Responders(pinned);
        let question = Question {
            certificate: &world.leaf,
            issuer: world.lab.intermediate().certificate(),
            number: None,
            nonce: None,
            now: NOW,
            responders: &responders,
            algorithms: AuthorityAlgorithms::P256,
        };
        judge(&OcspResponse::Answered(said), question, &AwsLc)
    };
    for sent in [[&before, &signed], [&signed, &before]] {
        let Standing::Fresh(known) = worth(&sent, &[]) else {
            panic!("{}", worth(&sent, &[]));
        };
        assert_eq!(known.delegate.as_deref(), Some(&signed));
    }
    let pinned = worth(&[], &[&before, &signed]);
    assert!(matches!(pinned, Standing::Fresh(_)), "{pinned}");
    let beside = worth(&[&signed], &[&before]);
    assert!(matches!(beside, Standing::Fresh(_)), "{beside}");
    for (sent, pinned) in [(vec![&before], vec![]), (vec![], vec![&before])] {
        let standing = worth(&sent, &pinned);
        assert!(matches!(standing, Standing::BadSignature(_)), "{standing}");
    }
}
