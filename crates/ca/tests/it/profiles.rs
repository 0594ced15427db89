//! What each profile issues, as OpenSSL sees it.
//!
//! ```text
//!     Authority ──▶ certificate ──▶ openssl x509 -text      every field where the profile wants it
//!                               └─▶ openssl verify          the path, with -x509_strict
//! ```

use crate::openssl::{text, verifies};
use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign::crypto::SigningKey;
use countersign::time::{UnixTime, Validity};
use countersign_ca::extension::{Extension, PathLength};
use countersign_ca::issuance::SHAKEN_POLICY;
use countersign_ca::{
    Authority, CrlPoint, IssuanceError, Practice, Profile, Request, Serial, Subject,
};
use countersign_testkit::lab::{Lab, NOW, new_key, numbers, subject, validity};

/// A hierarchy with the whole of the SHAKEN practice: a policy, and one list for all revocations.
struct Shaken {
    root: Authority,
    intermediate: Authority,
}

fn practice() -> Practice {
    Practice {
        policy: Some(SHAKEN_POLICY),
        crl: Some(CrlPoint {
            url: "https://sti-pa.example/crl".into(),
            issuer: subject("STI-PA CRL").name().clone(),
        }),
        ocsp: None,
    }
}

fn serial(number: u8) -> Serial {
    Serial::from_random([number; 16])
}

fn shaken() -> Shaken {
    let root = Authority::root(
        &subject("Lab SHAKEN ROOT"),
        new_key(),
        practice(),
        serial(1),
        validity(),
    )
    .unwrap();
    let key = new_key();
    let profile = Profile::Intermediate(PathLength::AtMost(0));
    let request = Request::new(profile, subject("Lab SHAKEN Issuing CA"), key.public_key());
    let certificate = root.issue(&request, serial(2), validity()).unwrap();
    let intermediate = Authority::new(certificate, key, practice()).unwrap();
    Shaken { root, intermediate }
}

fn provider(shaken: &Shaken) -> Certificate {
    let code = "1234".parse().unwrap();
    let subject = Subject::shaken("US", "Example Telco", &code).unwrap();
    let request = Request::new(Profile::EndEntity, subject, new_key().public_key());
    let request = request.with_scope(TnAuthList::new(vec![TnEntry::Spc(code)]).unwrap());
    shaken
        .intermediate
        .issue(&request, serial(3), validity())
        .unwrap()
}

#[track_caller]
fn says(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn a_root_as_openssl_sees_it() {
    let text = text(shaken().root.certificate().as_der());
    says(
        &text,
        &[
            "Version: 3 (0x2)",
            "Serial Number: 41:01:01:01:01:01:01:01:01:01:01:01:01:01:01:01",
            "Signature Algorithm: ecdsa-with-SHA256",
            "Issuer: C=US, O=Countersign Lab, CN=Lab SHAKEN ROOT",
            "Subject: C=US, O=Countersign Lab, CN=Lab SHAKEN ROOT",
            "Not Before: Oct 6 00:00:00 2026 GMT",
            "Not After : Dec 5 00:00:00 2026 GMT",
            "ASN1 OID: prime256v1",
            "X509v3 Basic Constraints: critical CA:TRUE",
            "X509v3 Key Usage: critical Certificate Sign, CRL Sign",
        ],
    );
    assert!(
        !text.contains("Policies") && !text.contains("CRL Distribution"),
        "{text}"
    );
}

#[test]
fn an_intermediate_and_a_provider_as_openssl_sees_them() {
    let shaken = shaken();
    let common = [
        "X509v3 Certificate Policies: Policy: 2.16.840.1.114569.1.1.4",
        "Full Name: URI:https://sti-pa.example/crl CRL Issuer: DirName:C=US, O=Countersign Lab, CN=STI-PA CRL",
    ];
    let intermediate = text(shaken.intermediate.certificate().as_der());
    says(&intermediate, &common);
    says(
        &intermediate,
        &["X509v3 Basic Constraints: critical CA:TRUE, pathlen:0"],
    );

    let leaf = provider(&shaken);
    let text = text(leaf.as_der());
    says(&text, &common);
    says(
        &text,
        &[
            "Subject: C=US, O=Example Telco, CN=SHAKEN 1234",
            "X509v3 Basic Constraints: critical CA:FALSE",
            "X509v3 Key Usage: critical Digital Signature X509v3",
            "1.3.6.1.5.5.7.1.26: 0.....1234",
        ],
    );
    assert_eq!(leaf.ski().map(<[u8]>::len), Some(20));
    assert_eq!(leaf.aki(), shaken.intermediate.certificate().ski());
    assert_eq!(leaf.extensions().len(), 7, "and no others");
}

/// This test verifies that OpenSSL, at its strictest, finds the path, and finds none at another time or over another root.
#[test]
fn openssl_finds_the_path() {
    let shaken = shaken();
    let leaf = provider(&shaken);
    let between = [shaken.intermediate.certificate().as_der()];
    let judge = |root: &Authority, at: UnixTime| {
        verifies(
            root.certificate().as_der(),
            &between,
            leaf.as_der(),
            at.as_secs(),
        )
    };
    let (content, said) = judge(&shaken.root, NOW);
    assert!(content, "{said}");
    assert!(!judge(&shaken.root, validity().not_after.saturating_add(1)).0);
    assert!(!judge(&self::shaken().root, NOW).0);
}

/// This test verifies that OpenSSL finds the path of a delegate, too, whose numbers it does not understand.
#[test]
fn openssl_finds_the_path_of_a_delegate() {
    let lab = Lab::new();
    let scope = |entry| Some(TnAuthList::new(vec![entry]).unwrap());
    let profile = Profile::DelegateCa(PathLength::AtMost(0));
    let (key, certificate) = lab
        .issue(
            lab.intermediate(),
            profile,
            "Provider CA",
            scope(numbers("12025550100", 100)),
        )
        .unwrap();
    let provider = Authority::new(certificate, key, Practice::default()).unwrap();
    let (_, customer) = lab
        .issue(
            &provider,
            Profile::Delegate,
            "Customer",
            scope(numbers("12025550124", 1)),
        )
        .unwrap();
    let between = [
        provider.certificate().as_der(),
        lab.intermediate().certificate().as_der(),
    ];
    let (content, said) = verifies(
        lab.root().certificate().as_der(),
        &between,
        customer.as_der(),
        NOW.as_secs(),
    );
    assert!(content, "{said}");
}

/// This test verifies that what an authority must not issue is not issued.
#[test]
fn what_would_break_the_profile_is_refused() {
    let shaken = shaken();
    let issue = |profile: Profile, scope: Option<&str>, validity: Validity| {
        let list =
            scope.map(|code| TnAuthList::new(vec![TnEntry::Spc(code.parse().unwrap())]).unwrap());
        let request = Request {
            scope: list,
            ..Request::new(profile, subject("SHAKEN 1234"), new_key().public_key())
        };
        shaken
            .intermediate
            .issue(&request, serial(9), validity)
            .err()
    };
    let code = Some("1234");
    assert_eq!(issue(Profile::EndEntity, code, validity()), None);
    assert_eq!(
        issue(Profile::EndEntity, None, validity()),
        Some(IssuanceError::ScopeMissing)
    );
    assert_eq!(
        issue(Profile::Delegate, code, validity()),
        Some(IssuanceError::NothingToDelegate),
        "no list above it"
    );
    let below = Profile::Intermediate(PathLength::AtMost(0));
    assert_eq!(
        issue(below, None, validity()),
        Some(IssuanceError::PathLength)
    );
    assert_eq!(
        issue(Profile::DelegateCa(PathLength::Unbounded), code, validity()),
        Some(IssuanceError::PathLength)
    );
    assert_eq!(
        issue(Profile::CrlIssuer, code, validity()),
        Some(IssuanceError::ScopeForbidden)
    );
    let longer = Validity {
        not_after: validity().not_after.saturating_add(1),
        ..validity()
    };
    assert_eq!(
        issue(Profile::EndEntity, code, longer),
        Some(IssuanceError::NotWithin {
            asked: longer,
            issuer: validity()
        })
    );
    let backwards = Validity {
        not_before: validity().not_after,
        not_after: validity().not_before,
    };
    assert_eq!(
        issue(Profile::EndEntity, code, backwards),
        Some(IssuanceError::Validity)
    );
}

#[test]
fn an_authority_is_a_certificate_and_its_own_key() {
    let shaken = shaken();
    let certificate = shaken.root.certificate().clone();
    let other = Authority::new(certificate, new_key(), Practice::default());
    assert_eq!(other.err(), Some(IssuanceError::KeyMismatch));
    let leaf = Authority::new(provider(&shaken), new_key(), Practice::default());
    assert_eq!(leaf.err(), Some(IssuanceError::BadAuthority));
}

#[test]
fn names_that_no_certificate_can_have() {
    assert!(Subject::new("us", "O", "CN").is_err());
    assert!(Subject::new("USA", "O", "CN").is_err());
    assert!(Subject::new("US", "", "CN").is_err());
    assert!(Subject::new("US", "O", &"x".repeat(65)).is_err());
    assert!(Subject::new("US", "O", &"ü".repeat(64)).is_ok());
}

/// This test verifies that years on both sides of 2050 are written as RFC 5280 has them, and read again.
#[test]
fn validity_before_and_after_2050() {
    let key = new_key();
    let span = |first: i64, last: i64| Validity {
        not_before: UnixTime::from_secs(first),
        not_after: UnixTime::from_secs(last),
    };
    // 2049-12-31T23:59:59Z is followed by 2050-01-01T00:00:00Z.
    for validity in [span(0, 2_524_607_999), span(2_524_608_000, 253_402_300_799)] {
        let root = Authority::root(
            &subject("Lab SHAKEN ROOT"),
            key.clone(),
            Practice::default(),
            serial(1),
            validity,
        )
        .unwrap();
        assert_eq!(root.certificate().validity(), validity);
        says(
            &text(root.certificate().as_der()),
            &["Not Before: Jan 1 00:00:00"],
        );
    }
    let never = span(0, 253_402_300_800);
    let refused = Authority::root(
        &subject("Lab SHAKEN ROOT"),
        key,
        Practice::default(),
        serial(1),
        never,
    );
    assert_eq!(refused.err(), Some(IssuanceError::Time(never.not_after)));
}

/// This test verifies that the same arguments make the same certificate but for the signature, whose nonce the library draws.
#[test]
fn nothing_is_drawn_here() {
    let key = new_key();
    let name = subject("Lab SHAKEN ROOT");
    let make = || Authority::root(&name, key.clone(), practice(), serial(7), validity()).unwrap();
    assert_eq!(make().certificate().tbs(), make().certificate().tbs());
}

/// Extensions of a draft are data: what a test puts in is what is signed.
#[test]
fn a_draft_is_signed_as_it_is() {
    let lab = Lab::new();
    let kind = const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.37476.9000.64.1");
    let mut draft = Authority::root_draft(
        &subject("Lab SHAKEN ROOT"),
        lab.root().key(),
        serial(1),
        validity(),
    );
    draft.extensions.push(Extension::critical(kind, vec![5, 0]));
    let certificate = Certificate::parse(&draft.sign(lab.root().key()).unwrap()).unwrap();
    assert_eq!(certificate.unknown_critical(), [kind]);
}
