//! Revocation judged by two: OpenSSL and we, over the same certificates and lists.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Issuing CA ──▶ the leaf          a direct list of the Issuing CA,
//!            └──────────▶ STI-PA CRL                       or the one indirect list
//! ```
//!
//! This test verifies that both come to the same verdict on every case, but for those in [`EXCEPTIONS`]; a case of these on which
//! both agree fails, too.

use crate::openssl::{Files, openssl};
use const_oid::ObjectIdentifier;
use countersign::certificate::encode::{element, integer, primitive, sequence};
use countersign::certificate::pem::{X509_CRL, armoured};
use countersign::certificate::{CertificateChain, Crl, TnAuthList};
use countersign::crypto::AwsLc;
use countersign::path::{CrlIssuer, verify};
use countersign::trust::RevocationRule;
use countersign_ca::crl::{CrlDraft, Reason, Revoked};
use countersign_ca::extension::{CrlPoint, Extension, authority_key};
use countersign_ca::{Authority, Practice, Profile};
use countersign_testkit::administrator::{LIST_PERIOD, LIST_URL, PolicyAdministrator, revoked};
use countersign_testkit::lab::{Lab, NOW, chain, numbers};
use std::sync::Arc;

/// Cases on which OpenSSL says the opposite, with the reason.
const EXCEPTIONS: [(&str, &str); 4] = [
    (
        "direct, from the next second",
        "clocks differ by seconds, and we let them",
    ),
    (
        "direct, last second",
        "RFC 5280 §6.3.3 (a) looks for another list after nextUpdate, OpenSSL in its second already",
    ),
    (
        "direct, number missing",
        "RFC 5280 §5.2.3 asks issuers for it, and without it nothing keeps an old list from coming back",
    ),
    (
        "indirect, place without signer",
        "we hear a signer that is pinned, OpenSSL wants cRLIssuer as RFC 5280 §6.3.3 (b) (1) has it",
    ),
];

const INDIRECT: Kind = Kind::Indirect(Names::Signer);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Direct,
    Indirect(Names),
}

/// What the certificate says of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    PlaceOnly,
    Signer,
}

/// One authority with one list, and a certificate that the list may speak of.
struct Parties {
    lab: Lab,
    pa: PolicyAdministrator,
    kind: Kind,
    chain: CertificateChain,
}

impl Parties {
    fn new(kind: Kind) -> Self {
        let lab = Lab::new();
        let pa = PolicyAdministrator::of(&lab);
        let own = lab.intermediate();
        let signer = match kind {
            Kind::Indirect(Names::Signer) => pa.certificate(),
            _ => own.certificate(),
        };
        let point = CrlPoint {
            url: LIST_URL.into(),
            issuer: signer.subject().clone(),
        };
        let ca = own.clone().with_practice(Practice {
            crl: Some(point),
            ..Practice::default()
        });
        let scope = TnAuthList::new(vec![numbers("12025550100", 1)]).unwrap();
        let issued = lab.issue(&ca, Profile::EndEntity, "SHAKEN judged", Some(scope));
        let chain = chain(&[&issued.unwrap().1, ca.certificate()]);
        Self {
            lab,
            pa,
            kind,
            chain,
        }
    }

    fn ca(&self) -> &Authority {
        self.lab.intermediate()
    }

    /// The entry about the certificate.
    fn entry(&self, reason: Reason) -> Revoked {
        revoked(self.chain.end_entity(), reason)
    }

    /// The list of its kind, before it is signed.
    fn draft(&self, entries: Vec<Revoked>) -> CrlDraft {
        let mut draft = self.pa.draft(entries);
        if self.kind == Kind::Direct {
            draft.issuer = self.ca().certificate().subject().clone();
            draft.extensions.retain(|one| one.kind == CRL_NUMBER);
            draft
                .extensions
                .push(authority_key(self.ca().certificate().ski().unwrap()));
            let extensions = draft.entries.iter_mut().map(|entry| &mut entry.extensions);
            extensions.for_each(|all| all.retain(|one| one.kind != CERTIFICATE_ISSUER));
        }
        draft
    }

    fn sign(&self, draft: &CrlDraft) -> Vec<u8> {
        match self.kind {
            Kind::Direct => draft.sign(self.ca().key()).unwrap(),
            Kind::Indirect(_) => self.pa.sign(draft),
        }
    }

    /// Whether we let the certificate pass `seconds` after [`NOW`].
    fn ours(&self, list: &[u8], seconds: i64) -> bool {
        let at = NOW.saturating_add(seconds);
        let issuer = match self.kind {
            Kind::Direct => CrlIssuer::Chain(chain(&[self.ca().certificate()])),
            Kind::Indirect(Names::PlaceOnly) => self.pa.pinned(),
            Kind::Indirect(Names::Signer) => self.pa.anchored(),
        };
        let trust = self.lab.trust(1);
        let proven = Crl::parse(list)
            .ok()
            .and_then(|list| list.verify(&[issuer], &trust, at, &AwsLc).ok());
        let lists = proven.map(Arc::new).into_iter().collect();
        let trust = trust.with_crls(RevocationRule::Hard { grace: 0 }, lists);
        verify(&self.chain, &trust, at, &AwsLc).is_ok()
    }

    /// Whether OpenSSL does.
    fn theirs(&self, list: &[u8], seconds: i64) -> bool {
        let files = Files::new();
        let root = files.certificates("root.pem", &[self.lab.root().certificate().as_der()]);
        let others = [self.ca().certificate(), self.pa.certificate()].map(|one| one.as_der());
        let others = files.certificates("others.pem", &others);
        let leaf = files.certificates("leaf.pem", &[self.chain.end_entity().as_der()]);
        let list = files.bytes("list.pem", armoured(X509_CRL, list).as_bytes());
        let at = (NOW.as_secs() + seconds).to_string();
        let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        let (root, others, list) = (path(&root), path(&others), path(&list));
        let arguments = [
            ["-attime", &at],
            ["-CAfile", &root],
            ["-untrusted", &others],
            ["-CRLfile", &list],
        ];
        let switches = ["verify", "-x509_strict", "-crl_check", "-extended_crl"];
        openssl(&[&switches[..], &arguments.concat()].concat(), &[&leaf]).0
    }
}

const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");

/// What makes a list of the parties, and when it is looked at.
type Make = fn(&Parties) -> CrlDraft;

fn nobody(parties: &Parties) -> CrlDraft {
    parties.draft(Vec::new())
}

fn listed(parties: &Parties) -> CrlDraft {
    parties.draft(vec![parties.entry(Reason::KeyCompromise)])
}

/// Somebody else of the same authority, and then the certificate.
fn inherits(parties: &Parties) -> CrlDraft {
    let mut other = parties.entry(Reason::Superseded);
    other.serial = vec![0x55; 16];
    parties.draft(vec![other, parties.entry(Reason::Unspecified)])
}

fn other_issuer(parties: &Parties) -> CrlDraft {
    let issuer = parties.lab.root().certificate().subject().clone();
    let other = Revoked {
        issuer,
        ..parties.entry(Reason::KeyCompromise)
    };
    parties.draft(vec![other])
}

fn unknown_extension() -> Extension {
    let kind = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
    Extension::critical(kind, vec![5, 0])
}

/// An issuingDistributionPoint of these fields.
fn scoped(mut draft: CrlDraft, fields: &[Vec<u8>]) -> CrlDraft {
    draft
        .extensions
        .retain(|one| one.kind != ISSUING_DISTRIBUTION_POINT);
    let scope = Extension::critical(ISSUING_DISTRIBUTION_POINT, sequence(fields));
    draft.extensions.push(scope);
    draft
}

fn mark(number: u8) -> Vec<u8> {
    element(primitive(number), &[0xff])
}

/// Every case: its name, the kind of list, the list, and when.
const CASES: &[(&str, Kind, Make, i64)] = &[
    ("direct, nobody", Kind::Direct, nobody, 0),
    ("direct, revoked", Kind::Direct, listed, 0),
    ("direct, last second", Kind::Direct, nobody, LIST_PERIOD),
    ("direct, stale", Kind::Direct, nobody, LIST_PERIOD + 1),
    (
        "direct, stale and revoked",
        Kind::Direct,
        listed,
        LIST_PERIOD + 1,
    ),
    ("direct, from the next second", Kind::Direct, nobody, -1),
    ("direct, from the future", Kind::Direct, nobody, -61),
    (
        "direct, held",
        Kind::Direct,
        |it| it.draft(vec![it.entry(Reason::CertificateHold)]),
        0,
    ),
    (
        "direct, removed",
        Kind::Direct,
        |it| {
            let mut draft = listed(it);
            let reason = Extension::non_critical(REASON, vec![10, 1, 8]);
            draft.entries[0].extensions = vec![reason];
            draft
        },
        0,
    ),
    (
        "direct, revoked and then removed",
        Kind::Direct,
        |it| {
            let mut draft = it.draft(vec![
                it.entry(Reason::CertificateHold),
                it.entry(Reason::Superseded),
            ]);
            let reason = Extension::non_critical(REASON, vec![10, 1, 8]);
            draft.entries[1].extensions = vec![reason];
            draft
        },
        0,
    ),
    (
        "direct, unknown critical extension of an entry",
        Kind::Direct,
        |it| {
            let mut draft = inherits(it);
            draft.entries.truncate(1);
            draft.entries[0].extensions.push(unknown_extension());
            draft
        },
        0,
    ),
    (
        "direct, unknown critical extension",
        Kind::Direct,
        |it| {
            let mut draft = nobody(it);
            draft.extensions.push(unknown_extension());
            draft
        },
        0,
    ),
    (
        "direct, number missing",
        Kind::Direct,
        |it| {
            let mut draft = nobody(it);
            draft.extensions.retain(|one| one.kind != CRL_NUMBER);
            draft
        },
        0,
    ),
    (
        "direct, number critical",
        Kind::Direct,
        |it| {
            let mut draft = nobody(it);
            draft.extensions.retain(|one| one.kind != CRL_NUMBER);
            draft
                .extensions
                .push(Extension::critical(CRL_NUMBER, integer(&[7])));
            draft
        },
        0,
    ),
    (
        "direct, users only",
        Kind::Direct,
        |it| scoped(nobody(it), &[mark(1)]),
        0,
    ),
    (
        "direct, authorities only",
        Kind::Direct,
        |it| scoped(nobody(it), &[mark(2)]),
        0,
    ),
    (
        "direct, attribute certificates only",
        Kind::Direct,
        |it| scoped(nobody(it), &[mark(5)]),
        0,
    ),
    (
        "direct, some reasons",
        Kind::Direct,
        |it| scoped(nobody(it), &[element(primitive(3), &[5, 0x60])]),
        0,
    ),
    (
        "direct, another's name",
        Kind::Direct,
        |it| {
            let mut draft = nobody(it);
            draft.issuer = it.lab.root().certificate().subject().clone();
            draft
        },
        0,
    ),
    ("indirect, nobody", INDIRECT, nobody, 0),
    ("indirect, revoked", INDIRECT, listed, 0),
    ("indirect, issuer inherited", INDIRECT, inherits, 0),
    (
        "indirect, serial of another issuer",
        INDIRECT,
        other_issuer,
        0,
    ),
    ("indirect, stale", INDIRECT, nobody, LIST_PERIOD + 1),
    (
        "indirect, not marked so",
        INDIRECT,
        |it| scoped(nobody(it), &[mark(1)]),
        0,
    ),
    (
        "indirect, no place",
        INDIRECT,
        |it| scoped(nobody(it), &[mark(4)]),
        0,
    ),
    (
        "indirect, another place",
        INDIRECT,
        |it| {
            let uri = element(primitive(6), b"https://sti-pa.example/other");
            scoped(nobody(it), &[element(0xa0, &element(0xa0, &uri)), mark(4)])
        },
        0,
    ),
    (
        "indirect, place without signer",
        Kind::Indirect(Names::PlaceOnly),
        nobody,
        0,
    ),
];

#[test]
fn openssl_judges_alike() {
    let mut wrong = Vec::new();
    for (name, kind, make, seconds) in CASES {
        let parties = Parties::new(*kind);
        let list = parties.sign(&make(&parties));
        let (ours, theirs) = (
            parties.ours(&list, *seconds),
            parties.theirs(&list, *seconds),
        );
        let excepted = EXCEPTIONS.iter().any(|(exception, _)| exception == name);
        if (ours != theirs) != excepted {
            wrong.push(format!(
                "{name}: ours {ours}, theirs {theirs}, exception {excepted}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    for (exception, _) in EXCEPTIONS {
        assert!(
            CASES.iter().any(|(name, ..)| *name == exception),
            "{exception}"
        );
    }
}

/// `openssl crl -verify` is content with the signatures that we are content with.
#[test]
fn openssl_verifies_the_signature_on_a_list() {
    for kind in [Kind::Direct, INDIRECT] {
        let parties = Parties::new(kind);
        let good = parties.sign(&listed(&parties));
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        let signer = match kind {
            Kind::Direct => parties.ca().certificate(),
            Kind::Indirect(_) => parties.pa.certificate(),
        };
        for (list, expected) in [(good, true), (bad, false)] {
            let files = Files::new();
            let signer_file = files.certificates("signer.pem", &[signer.as_der()]);
            let file = files.bytes("list.pem", armoured(X509_CRL, &list).as_bytes());
            let signer_file = signer_file.to_str().unwrap();
            let arguments = ["crl", "-noout", "-verify", "-CAfile", signer_file, "-in"];
            let (_, said) = openssl(&arguments, &[&file]);
            assert_eq!(said.contains("verify OK"), expected, "{said}");
            let pinned = CrlIssuer::Pinned(Box::new(signer.clone()));
            let trust = parties.lab.trust(1);
            let ours = Crl::parse(&list)
                .unwrap()
                .verify(&[pinned], &trust, NOW, &AwsLc);
            assert_eq!(ours.is_ok(), expected, "{ours:?}");
        }
    }
}
