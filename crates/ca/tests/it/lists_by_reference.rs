//! TN Authorization Lists that are not in the certificate but at a URL in it: RFC 8226 §10.1.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ provider's CA ──▶ customer
//!                                                        │ AIA            │ AIA
//!                                                        ▼                ▼
//!                                        https://provider.example/list   https://customer.example/list
//! ```
//!
//! These tests verify that such a list counts like one in the certificate: when a delegate is issued, and in the path.

use countersign::certificate::access::{OCSP, STIR_TN_LIST};
use countersign::certificate::extensions::oid;
use countersign::certificate::{Certificate, Coverage, TnAuthList, TnEntry, TnListUrl};
use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey};
use countersign::identity::Identity;
use countersign::path::{PathFault, Step, VerifiedPath, verify};
use countersign_ca::extension::{PathLength, authority_access};
use countersign_ca::{Authority, IssuanceError, Practice, Profile, Request, ScopeReference};
use countersign_testkit::lab::{Lab, NOW, chain, new_key, numbers, subject, validity};
use std::sync::Arc;

const PROVIDER: &str = "https://provider.example/list";
const CUSTOMER: &str = "https://customer.example/list";

fn list(entries: &[TnEntry]) -> TnAuthList {
    TnAuthList::new(entries.to_vec()).unwrap()
}

fn reference(url: &str, entries: &[TnEntry]) -> ScopeReference {
    ScopeReference {
        url: TnListUrl::new(url).unwrap(),
        list: list(entries),
    }
}

fn request(profile: Profile, key: &EcdsaP256Key) -> Request {
    let name = match profile {
        Profile::DelegateCa(_) => "Provider CA",
        _ => "Customer",
    };
    Request::new(profile, subject(name), key.public_key())
}

fn issue(lab: &Lab, by: &Authority, request: &Request) -> Result<Certificate, IssuanceError> {
    by.issue(request, lab.next_serial(), validity())
}

/// The provider's authority, whose list is at [`PROVIDER`].
fn provider(lab: &Lab, entries: &[TnEntry]) -> Authority {
    let key = new_key();
    let request = request(Profile::DelegateCa(PathLength::Unbounded), &key);
    let request = request.with_reference(reference(PROVIDER, entries));
    let certificate = issue(lab, lab.intermediate(), &request).unwrap();
    Authority::new(certificate, key, Practice::default()).unwrap()
}

fn judge(lab: &Lab, customer: &Certificate, by: &Authority) -> Result<VerifiedPath, PathFault> {
    let list = chain(&[customer, by.certificate(), lab.intermediate().certificate()]);
    verify(&list, &lab.trust(1), NOW, &AwsLc)
}

fn fetched(url: &str, entries: &[TnEntry]) -> (Box<str>, Arc<TnAuthList>) {
    (url.into(), Arc::new(list(entries)))
}

fn number(text: &str) -> Identity {
    Identity::Number(text.parse().unwrap())
}

/// Digest 04 case 18: the same as by value, once the lists are here.
#[test]
fn digest04_case18_a_path_of_lists_by_reference() {
    let lab = Lab::new();
    let had = [numbers("12125551000", 1000)];
    let provider = provider(&lab, &had).with_referenced_list(&list(&had));
    let key = new_key();
    let request = request(Profile::Delegate, &key)
        .with_scope(list(&[numbers("12125551000", 1)]))
        .with_reference(reference(CUSTOMER, &[numbers("12125551500", 100)]));
    let customer = issue(&lab, &provider, &request).unwrap();
    assert_eq!(
        customer.tn_list_url().map(TnListUrl::as_str),
        Some(CUSTOMER)
    );

    let path = judge(&lab, &customer, &provider).unwrap();
    let authority = path.authority();
    assert_eq!(
        authority.references(),
        [Box::from(PROVIDER), Box::from(CUSTOMER)]
    );
    assert_eq!(
        authority.covers(&number("12125551000")),
        Coverage::NotCovered
    );
    let authority = authority.with_lists(&[
        fetched(CUSTOMER, &[numbers("12125551500", 1000)]),
        fetched(PROVIDER, &had),
    ]);
    assert!(authority.references().is_empty());
    assert_eq!(authority.covers(&number("12125551000")), Coverage::Covered);
    assert_eq!(authority.covers(&number("12125551599")), Coverage::Covered);
    assert_eq!(
        authority.covers(&number("12125552000")),
        Coverage::NotCovered,
        "a list that grew since is still limited by the one above it"
    );
}

/// An authority that does not know its own list hands nothing down, and one that does is held to it.
#[test]
fn delegates_of_a_list_by_reference_are_within_it() {
    let lab = Lab::new();
    let had = [numbers("12125551000", 1000)];
    let unaware = provider(&lab, &had);
    let key = new_key();
    let wanting = |start: &str| {
        request(Profile::Delegate, &key).with_reference(reference(CUSTOMER, &[numbers(start, 10)]))
    };
    let refused = issue(&lab, &unaware, &wanting("12125551000"));
    assert_eq!(refused.map(drop), Err(IssuanceError::OwnListMissing));
    let aware = unaware.with_referenced_list(&list(&had));
    assert!(issue(&lab, &aware, &wanting("12125551990")).is_ok());
    let refused = issue(&lab, &aware, &wanting("12125551991"));
    assert_eq!(refused.map(drop), Err(IssuanceError::ScopeTooWide));
}

/// Digest 04 case 18: what leads to anything but https refuses the path.
#[test]
fn digest04_case18_a_reference_by_http_refuses_the_path() {
    let lab = Lab::new();
    let key = new_key();
    let request = request(Profile::EndEntity, &key).with_scope(list(&[numbers("12125551000", 1)]));
    let mut draft = lab
        .intermediate()
        .draft(&request, lab.next_serial(), validity());
    let methods = [
        (OCSP, "http://ocsp.example"),
        (STIR_TN_LIST, "http://provider.example/list"),
    ];
    draft.extensions.push(authority_access(&methods[1..]));
    let customer = Certificate::parse(&draft.sign(lab.intermediate().key()).unwrap()).unwrap();
    let list = chain(&[&customer, lab.intermediate().certificate()]);
    assert_eq!(
        verify(&list, &lab.trust(1), NOW, &AwsLc).unwrap_err(),
        PathFault::MalformedExtension {
            step: Step::EndEntity,
            extension: oid::AUTHORITY_INFORMATION_ACCESS,
        }
    );
    // Other methods may lead wherever they like.
    draft.extensions.pop();
    draft.extensions.push(authority_access(&methods[..1]));
    let customer = Certificate::parse(&draft.sign(lab.intermediate().key()).unwrap()).unwrap();
    assert!(customer.access().is_some_and(|access| access.names_ocsp()));
    let list = chain(&[&customer, lab.intermediate().certificate()]);
    assert!(verify(&list, &lab.trust(1), NOW, &AwsLc).is_ok());
}

/// A certificate with nothing at all below one with a list by reference is a gap like any other.
#[test]
fn a_gap_below_a_reference_is_a_gap() {
    let lab = Lab::new();
    let provider = provider(&lab, &[numbers("12125551000", 1000)]);
    let key = new_key();
    let bare = request(Profile::Delegate, &key);
    let draft = provider.draft(&bare, lab.next_serial(), validity());
    let customer = Certificate::parse(&draft.sign(provider.key()).unwrap()).unwrap();
    assert_eq!(
        judge(&lab, &customer, &provider).unwrap_err(),
        PathFault::DelegationGap {
            step: Step::EndEntity
        }
    );
}

/// RFC 9060 §7: a delegate names its parent by key identifier, also where the parent's list is by reference.
#[test]
fn a_delegate_below_a_reference_names_its_parent() {
    let lab = Lab::new();
    let had = [numbers("12125551000", 1000)];
    let provider = provider(&lab, &had);
    let key = new_key();
    let request = request(Profile::Delegate, &key).with_scope(list(&had));
    let mut draft = provider.draft(&request, lab.next_serial(), validity());
    draft
        .extensions
        .retain(|extension| extension.kind != oid::AUTHORITY_KEY_IDENTIFIER);
    let customer = Certificate::parse(&draft.sign(provider.key()).unwrap()).unwrap();
    assert_eq!(
        judge(&lab, &customer, &provider).unwrap_err(),
        PathFault::KeyIdentifierMissing {
            step: Step::EndEntity
        }
    );
}
