//! Which lints refuse which kind of certificate: SHAKEN's own all of them, others those that speak of them.
//!
//! ```text
//!     root ─▶ intermediate ─▶ provider                  every lint binds
//!                          ├▶ signer of lists, responder
//!                          └▶ delegate authority ─▶ delegate       numbers, and no provider's name
//! ```

use countersign::certificate::{Certificate, TnAuthList, TnEntry, TnListUrl};
use countersign::crypto::{EcdsaP256Key, Point, SigningKey};
use countersign_ca::conformity::{breaches, exempt};
use countersign_ca::extension::PathLength;
use countersign_ca::issuance::SHAKEN_POLICY;
use countersign_ca::register::Register;
use countersign_ca::register::preparation::{Asked, IssuanceRefused, Rules, SecondApproval};
use countersign_ca::{
    Authority, CrlPoint, Practice, Profile, Request, ScopeReference, Serial, Subject,
};
use countersign_testkit::lab::{self, NOW, new_key, subject, validity};
use std::collections::BTreeSet;

const ONE: PathLength = PathLength::AtMost(1);
const NONE: PathLength = PathLength::AtMost(0);

fn practice(ocsp: Option<&str>) -> Practice {
    Practice {
        policy: Some(SHAKEN_POLICY),
        crl: Some(CrlPoint {
            url: "https://sti-pa.example/crl".into(),
            issuer: subject("STI-PA CRL").name().clone(),
        }),
        ocsp: ocsp.map(Box::from),
    }
}

fn serial(number: u8) -> Serial {
    Serial::from_random([number; 16])
}

fn new_point() -> Point {
    EcdsaP256Key::generate().unwrap().public_key()
}

fn code() -> TnAuthList {
    TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap()
}

fn range(start: &str, count: u64) -> TnAuthList {
    TnAuthList::new(vec![lab::numbers(start, count)]).unwrap()
}

fn root() -> Authority {
    let name = subject("Lab SHAKEN ROOT");
    let root = Authority::root(&name, new_key(), practice(None), serial(1), validity());
    root.unwrap()
}

/// An authority below `above`, whose practice names a responder or does not.
fn below(above: &Authority, request: Request, ocsp: Option<&str>) -> Authority {
    let key = new_key();
    let public_key = key.public_key();
    let request = Request {
        public_key,
        ..request
    };
    let certificate = above.issue(&request, serial(2), validity()).unwrap();
    Authority::new(certificate, key, practice(ocsp)).unwrap()
}

fn provider() -> Request {
    let name = Subject::shaken("US", "Example Telco", &"1234".parse().unwrap()).unwrap();
    Request::new(Profile::EndEntity, name, new_point()).with_scope(code())
}

fn of(profile: Profile, name: &str) -> Request {
    Request::new(profile, subject(name), new_point())
}

/// Every kind of certificate, with who issues it.
fn kinds(ocsp: Option<&str>) -> Vec<(Authority, Request)> {
    let root = root();
    let intermediate = of(Profile::Intermediate(ONE), "Lab SHAKEN Issuing CA");
    let authority = below(&root, intermediate.clone(), ocsp);
    let delegate_ca =
        of(Profile::DelegateCa(NONE), "SHAKEN delegates").with_scope(range("12025550100", 10));
    let delegate = of(Profile::Delegate, "SHAKEN somebody");
    let delegate = delegate.with_scope(range("12025550100", 1));
    let delegates = below(&authority, delegate_ca.clone(), ocsp);
    let reference = |request: &Request| {
        let url = TnListUrl::new("https://lists.example/1").unwrap();
        let list = request.scope.clone().unwrap();
        request.clone().with_reference(ScopeReference { url, list })
    };
    let root = root.with_practice(practice(ocsp));
    vec![
        (root, intermediate),
        (authority.clone(), provider()),
        (authority.clone(), reference(&provider())),
        (authority.clone(), reference(&delegate_ca)),
        (authority.clone(), delegate_ca),
        (authority.clone(), of(Profile::CrlIssuer, "Example Lists")),
        (
            authority.clone().with_practice(Practice {
                crl: None,
                ..practice(ocsp)
            }),
            of(Profile::OcspResponder, "Example OCSP"),
        ),
        (delegates.clone(), reference(&delegate)),
        (delegates, delegate),
    ]
}

/// The same by authorities that issue under no policy; and who signs the first list of one that has none yet.
fn kinds_without() -> Vec<(Authority, Request)> {
    let with = |authority: &Authority, practice| authority.clone().with_practice(practice);
    let no_policy = |(authority, request): (Authority, Request)| {
        let practice = Practice {
            policy: None,
            ..authority.practice().clone()
        };
        (with(&authority, practice), request)
    };
    let mut kinds: Vec<_> = kinds(None).into_iter().map(no_policy).collect();
    let lists = of(Profile::CrlIssuer, "Example Lists");
    let root = root();
    let own = root.certificate().subject().clone();
    let named = practice(None).crl.map(|point| CrlPoint {
        issuer: own,
        ..point
    });
    for policy in [Some(SHAKEN_POLICY), None] {
        for crl in [None, named.clone()] {
            let practice = Practice {
                policy,
                crl,
                ocsp: None,
            };
            kinds.push((with(&root, practice), lists.clone()));
        }
    }
    kinds
}

/// This test verifies that each kind is exempt from exactly those lints that it breaks: one that is not needed would hide a fault one day.
#[test]
fn each_kind_is_exempt_from_what_it_cannot_keep() {
    let ocsp = Some("http://ca.example/ocsp");
    for kinds in [kinds(None), kinds(ocsp), kinds_without()] {
        for (authority, request) in kinds {
            let issued: Certificate = authority.issue(&request, serial(9), validity()).unwrap();
            let broken: BTreeSet<_> = breaches(&issued, |_| false).into_iter().collect();
            let exempt: BTreeSet<_> = exempt(
                &request,
                authority.practice(),
                authority.certificate().subject(),
            )
            .collect();
            let practice = authority.practice();
            assert_eq!(broken, exempt, "{:?}, {practice:?}", request.profile);
        }
    }
}

fn prepare(authority: &Authority, request: &Request) -> Result<(), IssuanceRefused> {
    let rules = Rules {
        second_approval: SecondApproval::NotNeeded,
        ..Rules::default()
    };
    let asked = Asked {
        request,
        validity: validity(),
        order: None,
        approval: None,
        by: None,
    };
    let prepared = Register::default().prepare(authority, &rules, &asked, NOW, [9; 16]);
    prepared.map(|_| ())
}

/// This test verifies that a provider's certificate keeps what a delegate's need not, where nobody ignores anything.
#[test]
fn a_provider_keeps_every_lint_and_a_delegate_its_own() {
    for (authority, request) in kinds(None) {
        assert_eq!(prepare(&authority, &request), Ok(()), "{request:?}");
    }
    let authority = &kinds(None)[1].0;
    let lints = |request| match prepare(authority, &request) {
        Err(IssuanceRefused::Lints(names)) => names.into_vec(),
        other => panic!("{other:?}"),
    };
    let other_name = Request {
        subject: subject("SHAKEN 4321"),
        ..provider()
    };
    assert_eq!(lints(other_name), ["e_atis_subject_cn_spc"]);
    let of_numbers = provider().with_scope(range("12025550100", 1));
    let of_delegates = [
        "e_atis_subject_cn_spc",
        "e_atis_tn_auth_list",
        "e_atis_tn_auth_list_spc_format",
    ];
    assert_eq!(lints(of_numbers), of_delegates);
    let nameless = of(Profile::DelegateCa(NONE), "delegates");
    let nameless = nameless.with_scope(range("12025550100", 10));
    assert_eq!(lints(nameless), ["e_atis_subject_cn_ca"]);
}
