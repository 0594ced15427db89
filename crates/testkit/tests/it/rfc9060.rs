//! RFC 9060, requirement by requirement: numbers handed down, signed with and judged.
//!
//! ```text
//!    ROOT ─► Issuing CA ─► provider's CA ─► customer's CA ─► one number        the path at x5u, in this order from the right
//!            (no list)      (SPC or range)   (a part of it)   signs
//! ```
//!
//! The same over running servers, with tokens (§8.1) and orders: `crates/server/tests/it/handed_down`.

use countersign::authentication::{
    AuthenticationService, Inventory, Refusal, Signer as Signing, Staples,
};
use countersign::certificate::delegation::{self, Delegation};
use countersign::certificate::{Certificate, Coverage, TnAuthList, TnEntry, TnListUrl};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::number::TelephoneNumber;
use countersign::time::UnixTime;
use countersign::verification::{Report, Verdict};
use countersign_ca::extension::PathLength;
use countersign_ca::{
    Authority, IssuanceError, Practice, Profile, Request, ScopeReference, UnknownNumbers,
};
use countersign_testkit::lab::{self, Lab, NOW, numbers};
use countersign_testkit::scene::{ALICE, BOB, Forgery, Scene, X5U, call, number, origination};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn list(entries: &[TnEntry]) -> TnAuthList {
    TnAuthList::new(entries.to_vec()).unwrap()
}

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.parse().unwrap())
}

/// An authority for these, below `by`.
fn authority(lab: &Lab, by: &Authority, entries: &[TnEntry]) -> Authority {
    let profile = Profile::DelegateCa(PathLength::Unbounded);
    let issued = lab.issue(by, profile, "Delegate CA", Some(list(entries)));
    let (key, certificate) = issued.unwrap();
    Authority::new(certificate, key, Practice::default()).unwrap()
}

/// A certificate that signs for these, whether `by` may hand them down or not.
fn forced(lab: &Lab, by: &Authority, entries: &[TnEntry]) -> (Arc<EcdsaP256Key>, Certificate) {
    let key = lab::new_key();
    let request = Request::new(Profile::Delegate, lab::subject("One"), key.public_key());
    let request = request.with_scope(list(entries));
    let draft = by.draft(&request, lab.next_serial(), lab::validity());
    let der = draft.sign(by.key()).unwrap();
    (key, Certificate::parse(&der).unwrap())
}

/// A provider's range, a part of it, and one number.
struct Way {
    scene: Scene,
    provider: Authority,
    customer: Authority,
    key: Arc<EcdsaP256Key>,
    one: Certificate,
    lists: AtomicU32,
}

impl Way {
    fn new() -> Self {
        let scene = Scene::new();
        let lab = &scene.lab;
        let provider = authority(lab, lab.intermediate(), &[numbers(ALICE, 50)]);
        let customer = authority(lab, &provider, &[numbers(ALICE, 10)]);
        let one = Some(list(&[numbers(ALICE, 1)]));
        let (key, one) = lab.issue(&customer, Profile::Delegate, "One", one).unwrap();
        Self {
            scene,
            provider,
            customer,
            key,
            one,
            lists: AtomicU32::new(0),
        }
    }

    fn path(&self) -> [&Certificate; 4] {
        let above = self.scene.lab.intermediate().certificate();
        let (customer, provider) = (self.customer.certificate(), self.provider.certificate());
        [&self.one, customer, provider, above]
    }

    /// What becomes of Alice's call if this list is at x5u.
    fn judged(&self, path: &[&Certificate]) -> Report {
        self.judged_by(path, &*self.key, &Forgery::new())
    }

    /// Each list at a URL of its own: what was fetched once is known.
    fn judged_by(&self, path: &[&Certificate], key: &dyn SigningKey, said: &Forgery) -> Report {
        let lists = self.lists.fetch_add(1, Ordering::Relaxed);
        let url = format!("https://cert.example.org/{lists}.pem");
        self.scene.repository.publish(&url, &lab::chain(path));
        let mut presented = said.clone().header(X5U, &url).sign(key);
        presented.info = Some(url.into());
        self.scene.verify(&call(), presented)
    }
}

#[track_caller]
fn is_437(report: &Report) {
    assert!(matches!(report.verdict, Verdict::Failed(_)), "{report:?}");
    assert_eq!(report.code.map(|code| code.number()), Some(437));
}

#[track_caller]
fn passes(report: &Report) {
    assert_eq!(report.verdict, Verdict::Passed, "{report:?}");
}

/// A service that signs with this.
fn service(key: Arc<EcdsaP256Key>, path: &[&Certificate], url: &str) -> AuthenticationService {
    let signer = Signing::new(url, key, lab::chain(path)).unwrap();
    let inventory = Inventory::parse("12025550100+50,assigned").unwrap();
    AuthenticationService::new(Arc::new(signer), Arc::new(inventory))
}

// §4: "the parent certificate ... MUST contain a basic constraints extension with the cA boolean set to true".
#[test]
fn rfc9060_d01_a_parent_has_a_list_certifies_and_is_named_by_its_key() {
    let way = Way::new();
    for [below, above] in way.path().array_windows() {
        assert!(above.is_ca());
        assert!(below.aki().is_some());
        assert_eq!(below.aki(), above.ski());
    }
    assert!(way.customer.certificate().has_scope());
    passes(&way.judged(&way.path()));
    // A parent that certifies nobody.
    let (key, no_authority) = forced(&way.scene.lab, &way.provider, &[numbers(ALICE, 10)]);
    let request = Request::new(Profile::Delegate, lab::subject("One"), way.key.public_key());
    let request = request.with_scope(list(&[numbers(ALICE, 1)]));
    let mut draft = way
        .customer
        .draft(&request, way.scene.lab.next_serial(), lab::validity());
    draft.issuer = no_authority.subject().clone();
    let child = Certificate::parse(&draft.sign(&*key).unwrap()).unwrap();
    let [_, _, provider, above] = way.path();
    is_437(&way.judged(&[&child, &no_authority, provider, above]));
}

#[test]
fn rfc9060_d02_the_scope_is_that_of_the_parent_or_a_part_of_it() {
    let way = Way::new();
    let lab = &way.scene.lab;
    let asked = |entry| {
        let scope = Some(list(&[entry]));
        let issued = lab.issue(&way.customer, Profile::Delegate, "One", scope);
        issued.map(drop)
    };
    assert_eq!(asked(numbers(ALICE, 10)), Ok(()), "all of it");
    assert_eq!(asked(numbers("12025550109", 1)), Ok(()));
    let beyond = Err(IssuanceError::ScopeTooWide);
    assert_eq!(asked(numbers(ALICE, 11)), beyond);
    assert_eq!(asked(numbers("12025550110", 1)), beyond);
    assert_eq!(asked(spc("709J")), beyond, "numbers encompass no provider");
}

#[test]
fn rfc9060_d03_only_end_entities_sign_and_an_authority_makes_itself_one() {
    let way = Way::new();
    let [_, customer, provider, above] = way.path();
    let key = way.customer.shared_key();
    let said = Forgery::new();
    is_437(&way.judged_by(&[customer, provider, above], &*key, &said));
    let own = Some(list(&[numbers(ALICE, 10)]));
    let lab = &way.scene.lab;
    let (key, own) = lab
        .issue(&way.customer, Profile::Delegate, "Itself", own)
        .unwrap();
    passes(&way.judged_by(&[&own, customer, provider, above], &*key, &said));
}

#[test]
fn rfc9060_d04_a_parent_with_a_code_only_hands_numbers_down() {
    let scene = Scene::new();
    let lab = &scene.lab;
    let provider = authority(lab, lab.intermediate(), &[spc("709J")]);
    let scope = Some(list(&[numbers(ALICE, 5)]));
    let (key, one) = lab
        .issue(&provider, Profile::Delegate, "One", scope)
        .unwrap();
    let above = lab.intermediate().certificate();
    let path = [&one, provider.certificate(), above];
    scene.repository.publish(X5U, &lab::chain(&path));
    passes(&scene.verify(&call(), Forgery::new().sign(&*key)));
}

#[test]
fn rfc9060_d05_a_list_by_reference_counts_as_one_by_value() {
    let scene = Scene::new();
    let lab = &scene.lab;
    let url = "https://lists.example.org/provider";
    let (key, had) = (lab::new_key(), list(&[numbers(ALICE, 10)]));
    let profile = Profile::DelegateCa(PathLength::Unbounded);
    let request = Request::new(profile, lab::subject("Provider CA"), key.public_key());
    let request = request.with_reference(ScopeReference {
        url: TnListUrl::new(url).unwrap(),
        list: had.clone(),
    });
    let issued = lab
        .intermediate()
        .issue(&request, lab.next_serial(), lab::validity());
    let provider = Authority::new(issued.unwrap(), key, Practice::default()).unwrap();
    let provider = provider.with_referenced_list(&had);
    let scope = Some(list(&[numbers(ALICE, 1)]));
    let (key, one) = lab
        .issue(&provider, Profile::Delegate, "One", scope)
        .unwrap();
    let path = [
        &one,
        provider.certificate(),
        lab.intermediate().certificate(),
    ];
    scene.repository.publish(X5U, &lab::chain(&path));
    scene.repository.publish_list(url, had);
    passes(&scene.verify(&call(), Forgery::new().sign(&*key)));
    // §12: it may change; what was handed down once is gone with it.
    scene.repository.publish_list(url, list(&[numbers(BOB, 1)]));
    scene.repository.expire_lists();
    is_437(&scene.verify_at(1, &call(), vec![Ok(Forgery::new().sign(&*key))]));
}

#[test]
fn rfc9060_d06_entries_add_up_and_saying_it_twice_harms_nobody() {
    let twice = [
        numbers(ALICE, 10),
        numbers("12025550105", 10),
        numbers(ALICE, 1),
    ];
    let parent = list(&twice);
    let across = list(&[numbers("12025550103", 9)]);
    let judged = delegation::judge(&parent, &across, &delegation::Unknown);
    assert_eq!(judged, Delegation::Encompassed);
    let way = Way::new();
    let (key, one) = forced(
        &way.scene.lab,
        &way.customer,
        &[numbers(ALICE, 2), numbers(ALICE, 1)],
    );
    let [_, customer, provider, above] = way.path();
    passes(&way.judged_by(&[&one, customer, provider, above], &*key, &Forgery::new()));
}

/// What slipped through at one end is found at the other.
#[test]
fn rfc9060_d07_scopes_are_checked_when_issued_and_when_verified() {
    let way = Way::new();
    let lab = &way.scene.lab;
    let outside = [numbers("12025550120", 5)];
    let scope = Some(list(&outside));
    let refused = lab.issue(&way.customer, Profile::Delegate, "One", scope);
    assert_eq!(refused.map(drop), Err(IssuanceError::ScopeTooWide));
    let (key, one) = forced(lab, &way.customer, &outside);
    let [_, customer, provider, above] = way.path();
    let said = Forgery::new().payload(ALICE, "12025550120");
    let path = [&one, customer, provider, above];
    way.scene.repository.publish(X5U, &lab::chain(&path));
    let mut call = call();
    call.orig = Some(number("12025550120"));
    is_437(&way.scene.verify(&call, said.sign(&*key)));
}

/// §5: who signs looks at the whole path, and not only at its own certificate.
#[test]
fn rfc9060_d08_who_signs_uses_no_certificate_beyond_its_parent() {
    let way = Way::new();
    let (key, wide) = forced(&way.scene.lab, &way.customer, &[numbers(ALICE, 50)]);
    let [_, customer, provider, above] = way.path();
    let service = service(key, &[&wide, customer, provider, above], X5U);
    let mut call = call();
    assert!(service.authenticate(&call, &origination(), NOW).is_ok());
    call.orig = Some(number("12025550110"));
    let refused = service.authenticate(&call, &origination(), NOW);
    assert_eq!(refused.err(), Some(Refusal::NotCovered));
}

#[test]
fn rfc9060_d09_x5u_leads_to_the_whole_path() {
    let way = Way::new();
    let service = service(way.key.clone(), &way.path(), X5U);
    let signed = service.authenticate(&call(), &origination(), NOW).unwrap();
    assert_eq!(signed.passport.header().x5u.as_deref(), Some(X5U));
    assert_eq!(service.signer().chain().certificates().len(), 4);
    // Without the one in the middle nothing is proven, though everybody knows it from elsewhere.
    let [one, _, provider, above] = way.path();
    let chain = lab::chain(&[one, provider, above]);
    assert!(Signing::new(X5U, way.key.clone(), chain).is_err());
}

#[test]
fn rfc9060_d10_every_certificate_of_the_list_is_judged_and_no_other_is_looked_for() {
    let way = Way::new();
    let [one, customer, provider, above] = way.path();
    is_437(&way.judged(&[one, provider, above]));
    let way = Way::new();
    let [_, _, provider, above] = way.path();
    is_437(&way.judged(&[one, customer, provider, above]));
}

#[test]
fn rfc9060_d11_a_path_to_an_unknown_anchor_is_that_of_any_stranger() {
    let (way, stranger) = (Way::new(), Way::new());
    let report = way.judged_by(&stranger.path(), &*stranger.key, &Forgery::new());
    is_437(&report);
    let scene = Scene::new();
    let unknown = Lab::new().numbers(ALICE, 50);
    scene.repository.publish(X5U, &unknown.chain);
    let usual = scene.verify(&call(), Forgery::new().sign(&*unknown.key));
    assert_eq!(report.verdict, usual.verdict);
}

#[test]
fn rfc9060_d12_the_list_is_in_order_from_the_signer_on() {
    let way = Way::new();
    let [one, customer, provider, above] = way.path();
    let root = way.scene.lab.root().certificate();
    passes(&way.judged(&[one, customer, provider, above, root]));
    for wrong in [
        [one, provider, customer, above],
        [above, provider, customer, one],
        [customer, one, provider, above],
    ] {
        is_437(&way.judged(&wrong));
    }
}

/// §8: the numbers below a code are looked up, or an authority token has said so before: the authority's own practice, told in
/// `docs/operations.md`.
#[test]
fn rfc9060_d13_whoever_issues_has_looked_whose_the_numbers_are() {
    let scene = Scene::new();
    let lab = &scene.lab;
    let provider = authority(lab, lab.intermediate(), &[spc("709J")]);
    let nobody_knows = Arc::new(delegation::Unknown);
    let strict = provider.with_provider_numbers(nobody_knows, UnknownNumbers::Refuse);
    let scope = Some(list(&[numbers(ALICE, 1)]));
    let refused = lab.issue(&strict, Profile::Delegate, "One", scope);
    assert_eq!(refused.map(drop), Err(IssuanceError::NumbersUnknown));
}

/// §8.2: several certificates of one enterprise, from several carriers; who calls decides which of them signs.
#[test]
fn rfc9060_d15_the_certificate_that_lists_the_caller_signs() {
    let way = Way::new();
    let lab = &way.scene.lab;
    let code = lab.provider("1234");
    let of_code = Signing::new("https://cert.example.org/1234.pem", code.key, code.chain).unwrap();
    let inventory = Inventory::parse("12025550100+50,assigned").unwrap();
    let own = AuthenticationService::new(Arc::new(of_code), Arc::new(inventory));
    let other = lab.numbers("12025550130", 5);
    let other_url = "https://cert.example.org/other.pem";
    let chain = other.chain.certificates();
    let chain: Vec<_> = chain.iter().collect();
    let ring = [
        service(other.key, &chain, other_url),
        service(way.key.clone(), &way.path(), X5U),
    ];
    let service = own.with_ring(ring);
    let signed_by = |caller: &str| {
        let mut call = call();
        call.orig = Some(number(caller));
        let signed = service.authenticate(&call, &origination(), NOW).unwrap();
        signed.passport.header().x5u.clone().unwrap()
    };
    assert_eq!(
        &*signed_by(ALICE),
        X5U,
        "it lists the number, the code does not"
    );
    assert_eq!(&*signed_by("12025550131"), other_url);
    assert_eq!(
        &*signed_by("12025550120"),
        "https://cert.example.org/1234.pem"
    );
    let acting = service.acting_for(&number(ALICE), NOW);
    let coverage = acting.signer().authority().covers(&number(ALICE));
    assert_eq!(coverage, Coverage::Covered);
    // Among equals the first in the order in which they were given, whoever has it by its code included.
    let (first, second) = (
        "https://cert.example.org/a.pem",
        "https://cert.example.org/b.pem",
    );
    let listing = |url: &str| self::service(way.key.clone(), &way.path(), url);
    for (given, expected) in [
        ([first, second, X5U], first),
        ([second, X5U, first], second),
        ([X5U, first, second], X5U),
    ] {
        let [own, ring @ ..] = given.map(listing);
        let own = own.with_ring(ring);
        assert_eq!(own.acting_for(&number(ALICE), NOW).signer().x5u(), expected);
    }
    // One that has ended is passed over, and stops nobody.
    let ended = {
        let key = lab::new_key();
        let point = key.public_key();
        let scope = list(&[numbers(ALICE, 1)]);
        let request = Request::new(Profile::EndEntity, lab::subject("SHAKEN ended"), point);
        let life = countersign::time::Validity {
            not_before: NOW.saturating_add(-100),
            not_after: NOW.saturating_add(-1),
        };
        let by = lab.intermediate();
        let one = by.issue(&request.with_scope(scope), lab.next_serial(), life);
        self::service(key, &[&one.unwrap(), by.certificate()], first)
    };
    let own = ended.with_ring([listing(second)]);
    assert_eq!(own.acting_for(&number(ALICE), NOW).signer().x5u(), second);
    let later = lab::validity().not_after.saturating_add(1);
    assert_eq!(
        service.acting_for(&number(ALICE), later).signer().x5u(),
        service.signer().x5u()
    );
    // The answer of somebody who is reached, and base PASSporTs, are signed by the same rule.
    let base = service.authenticate_base(&call(), countersign::authentication::Form::Full, NOW);
    assert_eq!(base.unwrap().passport.header().x5u.as_deref(), Some(X5U));
}

/// A long answer about whatever certificate.
#[derive(Debug)]
struct Long;

impl Staples for Long {
    fn at_hand(&self, _: Option<TelephoneNumber>, _: UnixTime) -> Option<Arc<[u8]>> {
        Some([7; 2_500].into())
    }
}

/// §7: the chain travels in the token, and nobody fetches anything; where there is no room, x5u has to do.
#[test]
fn rfc9060_d12_x5c_beside_x5u_where_it_is_wanted() {
    let way = Way::new();
    let signer = Signing::new(X5U, way.key.clone(), lab::chain(&way.path())).unwrap();
    let signer = signer.with_chain_along();
    assert!(signer.sends_chain());
    let inventory = Inventory::parse("12025550100+50,assigned").unwrap();
    let service = AuthenticationService::new(Arc::new(signer), Arc::new(inventory));
    let signed = service.authenticate(&call(), &origination(), NOW).unwrap();
    let header = signed.passport.header();
    assert_eq!(header.x5u.as_deref(), Some(X5U));
    let identity = signed.identity.as_bytes();
    let presented = countersign_sip::identity_header::parse(identity).unwrap();
    let report = way.scene.verify(&call(), presented);
    passes(&report);
    assert!(
        way.scene.repository.requests().is_empty(),
        "nothing is fetched"
    );
    // With a staple for which no token has room beside the chain the URL has to do, and the call is signed.
    let long = service.with_staples(Arc::new(Long));
    let signed = long.authenticate(&call(), &origination(), NOW).unwrap();
    let header = signed.passport.header();
    assert!(header.x5c.is_none());
    assert_eq!(header.x5u.as_deref(), Some(X5U));
    let presented = countersign_sip::identity_header::parse(signed.identity.as_bytes()).unwrap();
    assert!(presented.token.len() <= countersign::passport::MAX_TOKEN);
    // An authority for so many single numbers is too long for a token.
    let single = (0..300).map(|number| numbers(&format!("1202555{:04}", 1000 + number), 1));
    let mut many: Vec<_> = single.collect();
    many.push(numbers(ALICE, 10));
    let lab = &way.scene.lab;
    let wide = authority(lab, lab.intermediate(), &many);
    let scope = Some(list(&[numbers(ALICE, 1)]));
    let (key, one) = lab.issue(&wide, Profile::Delegate, "One", scope).unwrap();
    let path = [&one, wide.certificate(), lab.intermediate().certificate()];
    let signer = Signing::new(X5U, key, lab::chain(&path)).unwrap();
    assert!(!signer.with_chain_along().sends_chain());
}
