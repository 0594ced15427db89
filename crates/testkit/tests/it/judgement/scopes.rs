//! What a proven path lets its signer say, where the path alone does not tell.
//!
//! ```text
//!    Issuing CA ─► parent: a provider's code, or numbers ─► delegate: some of them ── signs ──► Bob's provider
//!                     └── by reference: list A                  └── by reference: list B          │ needs
//!                              └──────────────► Repository ◄────────────┴─────────────────────────┤
//!                                 number authority: whose number is it, as of when? ◄─────────────┘
//! ```
//!
//! This test verifies that a list by reference counts like one by value, that nobody is believed or refused for want of a list or
//! of a word, and that what is needed is asked for at once, and no more than is bearable.

use super::told;
use countersign::certificate::access::STIR_TN_LIST;
use countersign::certificate::extensions::oid;
use countersign::certificate::{Certificate, Coverage, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::path::{PathFault, Step};
use countersign::time::UnixTime;
use countersign::verification::policy::{
    DEFAULT_DEADLINE_MILLIS, DEFAULT_NUMBER_AUTHORITY_MAX_AGE_SECONDS, ProviderNumbersPolicy,
};
use countersign::verification::{
    Check, Evidence, Fault, Holds, Need, NeedKind, NumberAuthority, Poll, Refresh, Report, Source,
    Unavailable, Verdict, Verification,
};
use countersign_ca::extension::{Extension, PathLength, authority_access};
use countersign_ca::{Authority, Practice, Profile, Request};
use countersign_testkit::lab::{self, NOW, Signer};
use countersign_testkit::scene::{ALICE, Forgery, MALLORY, Scene, X5U, call, now, number};
use std::sync::Arc;

/// Where the list of the parent is.
pub(super) const LIST_A: &str = "https://lists.example.org/a";
/// Where the list of the delegate is.
pub(super) const LIST_B: &str = "https://lists.example.org/b";
/// What a failed proof of authority is.
const NOT_COVERED: (Verdict, Option<u16>) = (Verdict::Failed(Fault::NotCovered), Some(437));
/// How many providers are asked about at most.
const ASKED: usize = 8;

/// What one certificate says: by value, by reference, or both.
#[derive(Clone, Copy, Default)]
pub(super) struct Says<'a> {
    entries: &'a [TnEntry],
    at: Option<&'a str>,
}

pub(super) fn by_value(entries: &[TnEntry]) -> Says<'_> {
    Says { entries, at: None }
}

pub(super) fn by_reference(at: &str) -> Says<'_> {
    Says {
        entries: &[],
        at: Some(at),
    }
}

pub(super) fn code(text: &str) -> TnEntry {
    TnEntry::Spc(text.parse().unwrap())
}

/// Alice's own range.
pub(super) fn alice() -> TnEntry {
    lab::numbers(ALICE, 50)
}

pub(super) fn list(entries: &[TnEntry]) -> TnAuthList {
    TnAuthList::new(entries.to_vec()).unwrap()
}

/// A certificate as nobody checks it before it is signed.
fn certificate(
    scene: &Scene,
    issuer: &Authority,
    profile: Profile,
    says: Says<'_>,
) -> (Arc<EcdsaP256Key>, Certificate) {
    let key = lab::new_key();
    let name = lab::subject(match profile {
        Profile::DelegateCa(_) => "SHAKEN parent",
        _ => "SHAKEN delegate",
    });
    let request = Request::new(profile, name, key.public_key());
    let request = match says.entries {
        [] => request,
        entries => request.with_scope(list(entries)),
    };
    let mut draft = issuer.draft(&request, scene.lab.next_serial(), lab::validity());
    let access = says.at.map(|url| authority_access(&[(STIR_TN_LIST, url)]));
    draft.extensions.extend(access);
    let der = draft.sign(issuer.key()).unwrap();
    (key, Certificate::parse(&der).unwrap())
}

/// A scene in which Alice's provider is a delegate who says this, below a parent who says that.
pub(super) fn scene(parent: Says<'_>, delegate: Says<'_>) -> Scene {
    let mut scene = Scene::new();
    let issuing = scene.lab.intermediate();
    let profile = Profile::DelegateCa(PathLength::AtMost(0));
    let (key, above) = certificate(&scene, issuing, profile, parent);
    let authority = Authority::new(above.clone(), key, Practice::default()).unwrap();
    let (key, below) = certificate(&scene, &authority, Profile::Delegate, delegate);
    let chain = lab::chain(&[&below, &above, issuing.certificate()]);
    scene.signer = Signer { key, chain };
    scene.repository.publish(X5U, &scene.signer.chain);
    scene
}

/// A scene without a parent: the signer hangs below the issuing CA.
pub(super) fn scene_of(signer: Says<'_>) -> Scene {
    let mut scene = Scene::new();
    let issuing = scene.lab.intermediate();
    let (key, below) = certificate(&scene, issuing, Profile::EndEntity, signer);
    let chain = lab::chain(&[&below, issuing.certificate()]);
    scene.signer = Signer { key, chain };
    scene.repository.publish(X5U, &scene.signer.chain);
    scene
}

fn verify(scene: &Scene) -> Report {
    scene.verify(&call(), scene.forge(&Forgery::new()))
}

/// The verification after the certificate was answered, and what it needs then.
fn with_certificate(scene: &Scene) -> (Verification, Vec<Need>) {
    let token = vec![Ok(scene.forge(&Forgery::new()))];
    let mut verification = scene
        .verification()
        .begin(&call(), token, &scene.trust, now(0));
    let first = needs(&mut verification);
    assert!(matches!(first[0].kind, NeedKind::Certificate { .. }));
    let answer = scene.repository.answer_to(&first[0].kind);
    verification.answer(first[0].id, answer);
    let next = needs(&mut verification);
    (verification, next)
}

fn needs(verification: &mut Verification) -> Vec<Need> {
    match verification.poll(now(0)) {
        Poll::Needs(needs) => needs.to_vec(),
        Poll::Done(report) => unreachable!("{report:?}"),
    }
}

fn asked_for(scene: &Scene, url: &str) -> Vec<Refresh> {
    let requests = scene.repository.requests().into_iter();
    let matching = requests.filter(|(asked, _)| **asked == *url);
    matching.map(|(_, refresh)| refresh).collect()
}

pub(super) fn said(holds: Holds, age: i64) -> NumberAuthority {
    NumberAuthority {
        holds,
        as_of: NOW.saturating_add(-age),
    }
}

fn authority_detail(report: &Report) -> Option<String> {
    report.passports[0].checks.get(Check::Authority).detail()
}

/// Both kinds of certificate that rest on a provider's code: the provider's own, and a delegate's below it.
fn by_provider() -> [Scene; 2] {
    let (spc, own) = ([code("709J")], [alice()]);
    [
        scene_of(by_value(&spc)),
        scene(by_value(&spc), by_value(&own)),
    ]
}

pub(super) fn asking_the_authority(scene: Scene) -> Scene {
    scene.with_policy(|policy| policy.provider_numbers = ProviderNumbersPolicy::RequireOracle)
}

#[test]
fn digest04_case06_who_holds_a_number_of_a_provider_is_the_authoritys_word() {
    let oldest = i64::from(DEFAULT_NUMBER_AUTHORITY_MAX_AGE_SECONDS);
    let not_validated = |fault| (Verdict::NotValidated(fault), Some(437));
    let passed = (Verdict::Passed, None);
    let stale = not_validated(Fault::NumberAuthorityStale);
    let unknown = not_validated(Fault::NumberAuthorityUnknown);
    for (word, expected) in [
        (said(Holds::Yes, 0), passed),
        (said(Holds::Yes, oldest), passed),
        (said(Holds::Yes, oldest + 1), stale),
        (said(Holds::No, oldest), NOT_COVERED),
        // Yesterday's no may be today's yes: a number was ported.
        (said(Holds::No, oldest + 1), stale),
        (said(Holds::Unknown, 0), unknown),
    ] {
        for scene in by_provider().map(asking_the_authority) {
            scene.repository.say("709J".parse().unwrap(), word);
            let report = verify(&scene);
            assert_eq!(told(&report), expected, "{word:?}");
            let is_theirs = expected == NOT_COVERED;
            assert_eq!(!report.complaints().is_empty(), is_theirs, "{word:?}");
            let signer = report.passports[0].signer.as_ref().unwrap();
            let shown = signer.number_authority.as_ref().unwrap();
            assert_eq!((shown.provider.as_str(), shown.word), ("709J", word));
            assert!(authority_detail(&report).unwrap().contains("709J"));
        }
    }
    for scene in by_provider().map(asking_the_authority) {
        let report = verify(&scene);
        let unavailable = not_validated(Fault::NumberAuthorityUnavailable);
        assert_eq!(told(&report), unavailable, "nobody answers");
        assert!(report.complaints().is_empty());
    }
}

#[test]
fn digest04_case06_whether_the_authority_is_asked_is_policy() {
    for scene in by_provider() {
        let report = verify(&scene);
        assert_eq!(told(&report), (Verdict::Passed, None), "by default");
        let result = report.passports[0].checks.get(Check::Authority);
        assert_eq!(*result.evidence, Evidence::ByProvider);
    }
    for scene in by_provider() {
        let rejecting =
            scene.with_policy(|policy| policy.provider_numbers = ProviderNumbersPolicy::Reject);
        assert_eq!(told(&verify(&rejecting)), NOT_COVERED);
    }
    // A number that the certificate lists needs nobody's word.
    let own = [alice()];
    let listed = asking_the_authority(scene_of(by_value(&own)));
    assert_eq!(told(&verify(&listed)), (Verdict::Passed, None));
}

/// A certificate names a thousand providers: eight are asked about, all at once, and who was not asked is not said to have said
/// no.
#[test]
fn who_names_many_providers_does_not_make_us_ask_many_times() {
    let codes: Vec<_> = (1000..2000)
        .map(|spc: u16| code(&spc.to_string()))
        .collect();
    let answers = |holds: &dyn Fn(usize) -> Holds| {
        let scene = asking_the_authority(scene_of(by_value(&codes)));
        let (_, open) = with_certificate(&scene);
        assert_eq!(open.len(), ASKED);
        for (place, need) in open.iter().enumerate() {
            let NeedKind::NumberAuthority { provider, number } = &need.kind else {
                panic!("{need:?}");
            };
            assert_eq!(number.as_str(), ALICE);
            let word = said(holds(place), 0);
            scene.repository.say(provider.clone(), word);
        }
        told(&verify(&scene))
    };
    let last_says_yes = |place| match place == ASKED - 1 {
        true => Holds::Yes,
        false => Holds::No,
    };
    assert_eq!(answers(&last_says_yes), (Verdict::Passed, None));
    let unknown = Verdict::NotValidated(Fault::NumberAuthorityUnknown);
    assert_eq!(answers(&|_| Holds::No), (unknown, Some(437)));
}

#[test]
fn digest04_case18_a_list_by_reference_is_as_good_as_by_value() {
    let scene = scene_of(by_reference(LIST_B));
    scene.repository.publish_list(LIST_B, list(&[alice()]));
    let report = verify(&scene);
    assert_eq!(told(&report), (Verdict::Passed, None));
    let result = report.passports[0].checks.get(Check::Authority);
    assert_eq!(*result.evidence, Evidence::ByReference(Source::Fetched));
    assert_eq!(
        report.passports[0].signer.as_ref().unwrap().coverage,
        Some(Coverage::Covered)
    );
    let again = verify(&scene);
    let result = again.passports[0].checks.get(Check::Authority);
    assert_eq!(*result.evidence, Evidence::ByReference(Source::Cache));
    assert_eq!(asked_for(&scene, LIST_B), [Refresh::No, Refresh::No]);
}

/// RFC 8226 §10.1: "the accessLocation MUST be an HTTPS URI."
#[test]
fn digest04_case18_a_list_over_http_refuses_the_path() {
    let url = "http://lists.example.org/b";
    let scene = scene_of(by_reference(url));
    scene.repository.publish_list(url, list(&[alice()]));
    let report = verify(&scene);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::PathInvalid), Some(437))
    );
    let result = report.passports[0].checks.get(Check::Path);
    let Evidence::Path(fault) = result.evidence else {
        panic!("{result:?}");
    };
    assert!(
        matches!(&**fault, PathFault::MalformedExtension { step, .. } if *step == Step::EndEntity),
        "{fault:?}"
    );
    assert_eq!(asked_for(&scene, url), [], "nothing is fetched from there");
}

#[test]
fn digest04_case18_a_list_that_cannot_be_had_is_nobodys_proof() {
    let not_validated = (
        Verdict::NotValidated(Fault::TnAuthListUnavailable),
        Some(436),
    );
    for cause in [
        Unavailable::BadList,
        Unavailable::TimedOut,
        Unavailable::BadStatus(404),
    ] {
        let scene = scene_of(by_reference(LIST_B));
        // The chain is cached, the list never was.
        verify(&scene);
        scene.repository.fail(cause);
        let report = verify(&scene);
        assert_eq!(told(&report), not_validated);
        let detail = authority_detail(&report).unwrap();
        assert!(detail.contains(LIST_B), "{detail}");
    }
}

/// Nothing passes because its forger made a list slow, and nothing fails because it is slow.
#[test]
fn the_deadline_ends_the_wait_for_a_list() {
    let scene = scene_of(by_reference(LIST_B));
    let (mut verification, open) = with_certificate(&scene);
    assert_eq!(open.len(), 1);
    let mut late = now(0);
    late.ticks = late.ticks.after(std::time::Duration::from_millis(
        DEFAULT_DEADLINE_MILLIS.into(),
    ));
    let Poll::Done(report) = verification.poll(late) else {
        panic!("it waits on");
    };
    assert_eq!(
        told(&report),
        (Verdict::NotValidated(Fault::DeadlineExpired), Some(436))
    );
    let check = report.passports[0].check_of(Fault::DeadlineExpired);
    assert_eq!(check.map(|check| check.check), Some(Check::Authority));
    assert_eq!(
        report.passports[0].check(Check::Signature).outcome.fault(),
        None
    );
}

/// A forged token buys no fetch of a list.
#[test]
fn a_bad_signature_needs_no_list() {
    let scene = scene_of(by_reference(LIST_B));
    let report = scene.verify(&call(), Forgery::new().sign(&*lab::new_key()));
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::SignatureInvalid), Some(438))
    );
    assert_eq!(asked_for(&scene, LIST_B), []);
}

#[test]
fn several_lists_on_one_path_are_asked_for_at_once() {
    let scene = scene(by_reference(LIST_A), by_reference(LIST_B));
    let (_, open) = with_certificate(&scene);
    let mut urls: Vec<_> = open
        .iter()
        .map(|need| match &need.kind {
            NeedKind::TnAuthList { url, .. } => &**url,
            other => panic!("{other:?}"),
        })
        .collect();
    urls.sort_unstable();
    assert_eq!(urls, [LIST_A, LIST_B]);
    // The scope is the intersection: what one of them does not list is not covered.
    scene.repository.publish_list(LIST_A, list(&[alice()]));
    scene.repository.publish_list(LIST_B, list(&[alice()]));
    assert_eq!(told(&verify(&scene)), (Verdict::Passed, None));
    let other = list(&[lab::numbers(MALLORY, 1)]);
    scene.repository.publish_list(LIST_A, other);
    scene.repository.expire_lists();
    assert_eq!(told(&verify(&scene)), NOT_COVERED);
    // One of two is not enough to know.
    scene.repository.expire_lists();
    scene.repository.fail(Unavailable::Connect);
    let not_validated = Verdict::NotValidated(Fault::TnAuthListUnavailable);
    assert_eq!(verify(&scene).verdict, not_validated);
}

/// The end entity has a list that nobody can read: its path stands, its signature fits, and it may speak for nobody.
#[test]
fn who_has_an_unreadable_list_speaks_for_nobody() {
    let broken = || Extension::non_critical(oid::TN_AUTH_LIST, vec![0x30, 0]);
    let signed = |parent: Option<Says<'_>>| {
        let mut scene = Scene::new();
        let issuing = scene.lab.intermediate().clone();
        let profile = Profile::DelegateCa(PathLength::AtMost(0));
        let above = parent.map(|says| certificate(&scene, &issuing, profile, says));
        let issuer = match &above {
            None => issuing.clone(),
            Some((key, above)) => {
                Authority::new(above.clone(), key.clone(), Practice::default()).unwrap()
            }
        };
        let key = lab::new_key();
        let name = lab::subject("SHAKEN unreadable");
        let request = Request::new(Profile::Delegate, name, key.public_key());
        let mut draft = issuer.draft(&request, scene.lab.next_serial(), lab::validity());
        draft.extensions.push(broken());
        let below = Certificate::parse(&draft.sign(issuer.key()).unwrap()).unwrap();
        let above = above.as_ref().map(|(_, above)| above);
        let all = [Some(&below), above, Some(issuing.certificate())];
        let all: Vec<_> = all.into_iter().flatten().collect();
        let chain = lab::chain(&all);
        scene.signer = Signer { key, chain };
        scene.repository.publish(X5U, &scene.signer.chain);
        verify(&scene)
    };
    let report = signed(None);
    assert_eq!(told(&report), NOT_COVERED);
    for check in [Check::Path, Check::Signature] {
        assert_eq!(
            report.passports[0].checks.get(check).outcome.name(),
            "passed"
        );
    }
    let parent = [alice()];
    let report = signed(Some(by_value(&parent)));
    let gap = (Verdict::Failed(Fault::DelegationGap), Some(437));
    assert_eq!(told(&report), gap, "below a list everybody has one");
}

/// By value and by reference together: RFC 9060 §4.1 makes the scope their union.
#[test]
fn what_stands_in_the_certificate_and_what_stands_elsewhere_add_up() {
    let own = [lab::numbers(MALLORY, 1)];
    let scene = scene_of(Says {
        entries: &own,
        at: Some(LIST_B),
    });
    scene.repository.publish_list(LIST_B, list(&[alice()]));
    assert_eq!(told(&verify(&scene)), (Verdict::Passed, None));
}

/// The list names a provider, whose numbers the authority knows: one need after the other.
#[test]
fn a_provider_code_in_a_list_by_reference_is_asked_about() {
    let scene = asking_the_authority(scene_of(by_reference(LIST_B)));
    scene.repository.publish_list(LIST_B, list(&[code("709J")]));
    let provider = "709J".parse().unwrap();
    scene.repository.say(provider, said(Holds::Yes, 60));
    let report = verify(&scene);
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert!(authority_detail(&report).unwrap().contains("60 s ago"));
}

#[test]
fn digest04_case19_a_caller_outside_the_scope_is_437() {
    let (all, some) = ([alice()], [lab::numbers("12025550110", 10)]);
    // Outside the delegate, although inside its parent.
    let inside_parent = scene(by_value(&all), by_value(&some));
    assert_eq!(told(&verify(&inside_parent)), NOT_COVERED);
    // Outside the parent, although the delegate claims it.
    let beyond_parent = scene(by_value(&some), by_value(&all));
    assert_eq!(told(&verify(&beyond_parent)), NOT_COVERED);
    let inside_both = scene(by_value(&all), by_value(&all));
    assert_eq!(told(&verify(&inside_both)), (Verdict::Passed, None));
    let mut mallory = call();
    mallory.orig = Some(number(MALLORY));
    let claims = Forgery::new().payload(ALICE, MALLORY);
    let report = inside_both.verify(&mallory, inside_both.forge(&claims));
    assert_eq!(told(&report), NOT_COVERED);
}

#[test]
fn digest04_case23_a_list_that_shrinks_between_two_calls() {
    let scene = scene_of(by_reference(LIST_B));
    scene.repository.publish_list(LIST_B, list(&[alice()]));
    assert_eq!(told(&verify(&scene)), (Verdict::Passed, None));
    let shrunk = list(&[lab::numbers(MALLORY, 1)]);
    scene.repository.publish_list(LIST_B, shrunk);
    scene.repository.expire_lists();
    assert_eq!(told(&verify(&scene)), NOT_COVERED);
    assert_eq!(asked_for(&scene, LIST_B), [Refresh::No, Refresh::No]);
}

/// The cache holds yesterday's list; the number was added since. And where the origin says the same, it is asked once.
#[test]
fn digest04_case23_a_cached_list_that_does_not_name_the_number_is_asked_for_again_once() {
    let scene = scene_of(by_reference(LIST_B));
    let without = list(&[lab::numbers(MALLORY, 1)]);
    scene.repository.publish_list(LIST_B, without);
    assert_eq!(told(&verify(&scene)), NOT_COVERED);
    assert_eq!(asked_for(&scene, LIST_B), [Refresh::No], "it was fetched");
    assert_eq!(told(&verify(&scene)), NOT_COVERED);
    let conditional = [Refresh::No, Refresh::No, Refresh::Conditional];
    assert_eq!(asked_for(&scene, LIST_B), conditional);
    scene.repository.publish_list(LIST_B, list(&[alice()]));
    assert_eq!(told(&verify(&scene)), (Verdict::Passed, None));
    assert_eq!(asked_for(&scene, LIST_B)[3..], conditional[1..]);
    // If the origin cannot be asked, nobody knows.
    scene.repository.publish_list(LIST_B, list(&[alice()]));
    let without = list(&[lab::numbers(MALLORY, 1)]);
    scene.repository.publish_list(LIST_B, without);
    scene.repository.expire_lists();
    verify(&scene);
    scene.repository.fail(Unavailable::TimedOut);
    let unavailable = Verdict::NotValidated(Fault::TnAuthListUnavailable);
    assert_eq!(verify(&scene).verdict, unavailable);
}

/// What a certificate names by value needs no list from elsewhere: a repository that is down takes nothing away.
#[test]
fn a_number_that_is_there_by_value_waits_for_no_list() {
    let own = [alice()];
    let scene = scene_of(Says {
        entries: &own,
        at: Some(LIST_B),
    });
    let report = verify(&scene);
    assert_eq!(report.verdict, Verdict::Passed);
    let mut requests = scene.repository.requests().into_iter();
    assert!(requests.all(|(url, _)| *url == *X5U), "no list was fetched");
}

/// Data without a plausible date, whichever way, is worth nothing, and nothing overflows; clocks may differ by a minute.
#[test]
fn the_age_of_what_an_authority_knows_has_no_edge() {
    let stale = Verdict::NotValidated(Fault::NumberAuthorityStale);
    let now = NOW.as_secs();
    for (as_of, expected) in [
        (i64::MIN, stale),
        (now + 60, Verdict::Passed),
        (now + 61, stale),
        (i64::MAX, stale),
    ] {
        let [scene, _] = by_provider().map(asking_the_authority);
        let word = NumberAuthority {
            holds: Holds::Yes,
            as_of: UnixTime::from_secs(as_of),
        };
        scene.repository.say("709J".parse().unwrap(), word);
        let report = verify(&scene);
        assert_eq!(report.verdict, expected);
        assert!(authority_detail(&report).is_some());
    }
}
