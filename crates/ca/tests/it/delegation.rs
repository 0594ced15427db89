//! Numbers handed down from a provider to its customers, RFC 9060.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ provider's CA ──▶ customer's certificate
//!                                                    (TNAuthList)      (a part of it)
//! ```
//!
//! These tests verify what the customer may say, and that the authority issues nothing that goes beyond its own list.

use countersign::certificate::extensions::oid;
use countersign::certificate::{Certificate, Coverage, TnAuthList, TnEntry};
use countersign::crypto::{AwsLc, SigningKey};
use countersign::identity::Identity;
use countersign::path::{PathFault, Step, VerifiedPath, verify};
use countersign_ca::extension::PathLength;
use countersign_ca::{Authority, IssuanceError, Practice, Profile, Request};
use countersign_testkit::lab::{Lab, NOW, chain, new_key, numbers, subject, validity};

fn list(entries: Vec<TnEntry>) -> Option<TnAuthList> {
    Some(TnAuthList::new(entries).unwrap())
}

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.parse().unwrap())
}

/// The provider's own authority, with this list.
fn provider(lab: &Lab, entries: Vec<TnEntry>) -> Authority {
    let profile = Profile::DelegateCa(PathLength::Unbounded);
    let (key, certificate) = lab
        .issue(lab.intermediate(), profile, "Provider CA", list(entries))
        .unwrap();
    Authority::new(certificate, key, Practice::default()).unwrap()
}

/// The path of a certificate under the provider's.
fn judge(
    lab: &Lab,
    customer: &Certificate,
    provider: &Authority,
) -> Result<VerifiedPath, PathFault> {
    let list = chain(&[
        customer,
        provider.certificate(),
        lab.intermediate().certificate(),
    ]);
    verify(&list, &lab.trust(1), NOW, &AwsLc)
}

fn covers(path: &VerifiedPath, number: &str) -> Coverage {
    path.authority()
        .covers(&Identity::Number(number.parse().unwrap()))
}

#[test]
fn a_customer_speaks_for_the_numbers_it_was_given() {
    let lab = Lab::new();
    let provider = provider(&lab, vec![numbers("12025550100", 100)]);
    let scope = list(vec![numbers("12025550150", 10), numbers("12025550124", 1)]);
    let (_, customer) = lab
        .issue(&provider, Profile::Delegate, "Customer", scope)
        .unwrap();
    let path = judge(&lab, &customer, &provider).unwrap();
    assert_eq!(covers(&path, "12025550159"), Coverage::Covered);
    assert_eq!(covers(&path, "12025550124"), Coverage::Covered);
    assert_eq!(covers(&path, "12025550160"), Coverage::NotCovered);
}

/// RFC 9060 §4.1 permits numbers under a provider code; whose they are is not in the path, and the verdict says so.
#[test]
fn digest04_case06_numbers_under_a_code_are_by_provider() {
    let lab = Lab::new();
    let provider = provider(&lab, vec![spc("709J")]);
    let scope = list(vec![numbers("12025550100", 10)]);
    let (_, customer) = lab
        .issue(&provider, Profile::Delegate, "Customer", scope)
        .unwrap();
    let path = judge(&lab, &customer, &provider).unwrap();
    assert_eq!(
        covers(&path, "12025550109"),
        Coverage::ByProvider("709J".parse().unwrap())
    );
    assert_eq!(covers(&path, "12025550110"), Coverage::NotCovered);
}

/// The authority refuses what its own list does not encompass; were it issued all the same, it would cover nothing.
#[test]
fn digest04_case03_case05_and_case07_beyond_the_parent() {
    let lab = Lab::new();
    let provider = provider(&lab, vec![numbers("12025550100", 50)]);
    for (entry, number) in [
        (numbers("12025550140", 20), "12025550150"),
        (spc("709J"), "12025550150"),
    ] {
        let scope = list(vec![entry]);
        let refused = lab.issue(&provider, Profile::Delegate, "Customer", scope.clone());
        assert_eq!(refused.err(), Some(IssuanceError::ScopeTooWide));
        let request = Request {
            scope,
            ..Request::new(
                Profile::Delegate,
                subject("Customer"),
                new_key().public_key(),
            )
        };
        let draft = provider.draft(&request, lab.next_serial(), validity());
        let customer = Certificate::parse(&draft.sign(provider.key()).unwrap()).unwrap();
        assert_eq!(
            covers(&judge(&lab, &customer, &provider).unwrap(), number),
            Coverage::NotCovered
        );
    }
}

/// Below the first certificate with a list every one has a list.
#[test]
fn a_delegate_without_a_list_is_a_gap() {
    let lab = Lab::new();
    let provider = provider(&lab, vec![spc("709J")]);
    assert_eq!(
        lab.issue(&provider, Profile::Delegate, "Customer", None)
            .err(),
        Some(IssuanceError::ScopeMissing)
    );
    let request = Request::new(
        Profile::Delegate,
        subject("Customer"),
        new_key().public_key(),
    );
    let draft = provider.draft(&request, lab.next_serial(), validity());
    let customer = Certificate::parse(&draft.sign(provider.key()).unwrap()).unwrap();
    let fault = judge(&lab, &customer, &provider).unwrap_err();
    assert_eq!(
        fault,
        PathFault::DelegationGap {
            step: Step::EndEntity
        }
    );
}

/// A gap in the middle: the customer has a list again, but nobody gave it to its parent.
#[test]
fn a_gap_in_the_middle_is_a_gap() {
    let lab = Lab::new();
    let provider = provider(&lab, vec![spc("709J")]);
    let key = new_key();
    let profile = Profile::Intermediate(PathLength::Unbounded);
    let request = Request::new(profile, subject("Middle CA"), key.public_key());
    let middle = provider
        .draft(&request, lab.next_serial(), validity())
        .sign(provider.key())
        .unwrap();
    let middle = Authority::new(
        Certificate::parse(&middle).unwrap(),
        key,
        Practice::default(),
    )
    .unwrap();
    let (_, customer) = lab
        .issue(
            &middle,
            Profile::EndEntity,
            "Customer",
            list(vec![spc("709J")]),
        )
        .unwrap();
    let list = chain(&[
        &customer,
        middle.certificate(),
        provider.certificate(),
        lab.intermediate().certificate(),
    ]);
    let fault = verify(&list, &lab.trust(1), NOW, &AwsLc).unwrap_err();
    assert_eq!(
        fault,
        PathFault::DelegationGap {
            step: Step::Issuer(1)
        }
    );
}

/// A delegate names its parent by key identifier: RFC 9060 §7.
#[test]
fn digest04_case09_a_delegate_without_key_identifier() {
    let lab = Lab::new();
    let provider = provider(&lab, vec![spc("709J")]);
    let scope = list(vec![spc("709J")]);
    let request = Request {
        scope,
        ..Request::new(
            Profile::Delegate,
            subject("Customer"),
            new_key().public_key(),
        )
    };
    let mut draft = provider.draft(&request, lab.next_serial(), validity());
    draft
        .extensions
        .retain(|extension| extension.kind != oid::AUTHORITY_KEY_IDENTIFIER);
    let customer = Certificate::parse(&draft.sign(provider.key()).unwrap()).unwrap();
    let fault = judge(&lab, &customer, &provider).unwrap_err();
    assert_eq!(
        fault,
        PathFault::KeyIdentifierMissing {
            step: Step::EndEntity
        }
    );
}

/// An end entity for a domain speaks for its addresses, and for no number.
#[test]
fn an_end_entity_for_a_domain() {
    let lab = Lab::new();
    let key = new_key();
    let request = Request::new(Profile::EndEntity, subject("example.com"), key.public_key());
    let request = request.with_domains(vec!["example.com".into()]);
    let issued = lab
        .intermediate()
        .issue(&request, lab.next_serial(), validity())
        .unwrap();
    let list = chain(&[&issued, lab.intermediate().certificate()]);
    let path = verify(&list, &lab.trust(1), NOW, &AwsLc).unwrap();
    let alice = Identity::Uri("sip:alice@example.com".into());
    assert_eq!(path.authority().covers(&alice), Coverage::Covered);
    assert_eq!(covers(&path, "12025550100"), Coverage::NotCovered);
}
