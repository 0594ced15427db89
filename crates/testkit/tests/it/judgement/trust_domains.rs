//! Trust domains side by side: the United States, Canada and the lab.
//!
//! ```text
//!    trunk "north"  ─┐                 ┌─► domain "ca": root of Canada,            numbers of Canada
//!    trunk "south"  ─┼─ trunk, caller ─┼─► domain "us": root of the United States, numbers of North America
//!    trunk "trials" ─┘                 └─► domain "lab": root of the lab,          every number, one trunk
//! ```
//!
//! This test verifies that a call is judged by the domain of its trunk and its caller, and that a certificate of another domain is
//! told as that: failed, 437.

use super::told;
use countersign::certificate::NumberScope;
use countersign::crypto::AwsLc;
use countersign::identity::Identity;
use countersign::path::{PathFault, verify};
use countersign::trust::{Anchor, Standing, TrunkScope, Trust, TrustDomain, TrustDomains};
use countersign::verification::{Fault, Refresh, Verdict, Verstat, VerstatProfile};
use countersign_testkit::lab::{Lab, NOW, chain};
use countersign_testkit::scene::{ALICE, Scene, X5U, call};
use std::sync::Arc;

fn domain(name: &str, lab: &Lab, trunks: TrunkScope, numbers: NumberScope) -> TrustDomain {
    let anchor = Anchor::new(lab.root().certificate().clone(), Standing::Public).unwrap();
    TrustDomain {
        trust: Arc::new(Trust::new(name, 1, vec![anchor])),
        trunks,
        numbers,
    }
}

fn three(ca: &Lab, us: &Lab, trials: &Lab) -> TrustDomains {
    let of = |names: &[&str]| NumberScope::of(names).unwrap();
    let both = || TrunkScope::of(&["north", "south"]);
    TrustDomains::new(vec![
        domain("ca", ca, both(), of(&["canada"])),
        domain("us", us, both(), of(&["north-america"])),
        domain(
            "lab",
            trials,
            TrunkScope::of(&["trials"]),
            NumberScope::all(),
        ),
    ])
}

fn number(text: &str) -> Identity {
    Identity::Number(text.parse().unwrap())
}

#[test]
fn trunk_and_caller_choose_the_domain() {
    let labs = [Lab::new(), Lab::new(), Lab::new()];
    let domains = three(&labs[0], &labs[1], &labs[2]);
    let chosen = |trunk: &str, orig: Option<&str>| {
        let orig = orig.map(number);
        let trust = domains.select(trunk, orig.as_ref());
        trust.map(|trust| trust.domain().to_owned())
    };
    for (trunk, orig, expected) in [
        ("north", Some("16135550100"), Some("ca")),
        ("north", Some("12025550100"), Some("us")),
        ("south", Some("18005550100"), Some("ca")),
        ("north", Some("33199000000"), None),
        ("trials", Some("33199000000"), Some("lab")),
        ("trials", Some("16135550100"), Some("lab")),
        ("north", None, Some("ca")),
        ("elsewhere", Some("12025550100"), None),
    ] {
        assert_eq!(chosen(trunk, orig).as_deref(), expected, "{trunk} {orig:?}");
    }
    let uri = Identity::Uri("sip:alice@example.com".into());
    assert!(domains.select("north", Some(&uri)).is_none());
    assert!(domains.select("trials", Some(&uri)).is_some());
    assert_eq!(domains.iter().count(), 3);
}

#[test]
fn an_anchor_of_another_domain_is_told_by_its_name() {
    let (us, ca) = (Lab::new(), Lab::new());
    let domains = three(&ca, &us, &Lab::new());
    let by = |orig: &str| domains.select("north", Some(&number(orig))).unwrap();
    let american = us.provider("1234").chain;
    let judge = |chain, orig| verify(chain, &by(orig), NOW, &AwsLc).err();
    assert_eq!(judge(&american, "12025550100"), None);
    let other = PathFault::WrongTrustDomain {
        domain: "us".into(),
    };
    assert_eq!(judge(&american, "16135550100"), Some(other));
    // A name is no proof: nobody in the other domain has signed this one.
    let foreign = Lab::new();
    let leaf = foreign.provider("1234").chain.end_entity().clone();
    let stolen = chain(&[&leaf, us.intermediate().certificate()]);
    let refused = judge(&stolen, "16135550100");
    assert!(
        !matches!(refused, Some(PathFault::WrongTrustDomain { .. })),
        "{refused:?}"
    );
    let nobody = judge(&foreign.provider("1234").chain, "16135550100");
    assert!(
        matches!(nobody, Some(PathFault::Untrusted { .. })),
        "{nobody:?}"
    );
}

#[test]
fn a_call_signed_in_another_domain_fails_with_437() {
    let mut scene = Scene::new();
    let ca = Lab::new();
    let domains = three(&ca, &scene.lab, &Lab::new());
    let canadian = number("16135550100");
    scene.trust = domains.select("north", Some(&canadian)).unwrap();
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::WrongTrustDomain), Some(437))
    );
    let verstat = report.verdict.verstat(VerstatProfile::Atis1000082);
    assert_eq!(verstat, Verstat::Failed);
}

/// The cache holds a chain of the wrong domain; its provider has mended that under the same URL.
#[test]
fn a_cached_chain_of_another_domain_is_asked_for_again() {
    let mut scene = Scene::new();
    let ca = Lab::new();
    let domains = three(&ca, &scene.lab, &Lab::new());
    let canadian = number("16135550100");
    scene.trust = domains.select("north", Some(&canadian)).unwrap();
    scene.verify(&call(), scene.present(&call()));
    scene.signer = ca.numbers(ALICE, 50);
    scene.repository.publish(X5U, &scene.signer.chain);
    let report = scene.verify(&call(), scene.present(&call()));
    assert_eq!(told(&report), (Verdict::Passed, None));
    let requests = scene.repository.requests().into_iter();
    let asked: Vec<_> = requests.map(|(_, refresh)| refresh).collect();
    let expected = [Refresh::No, Refresh::No, Refresh::Conditional];
    assert_eq!(asked, expected);
}
