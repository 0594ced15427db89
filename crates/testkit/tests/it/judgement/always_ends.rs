//! Nothing that is not signed passes, and everything ends.
//!
//! ```text
//!    any mutation of a good header ──► Bob's provider ──► never passed
//!    any answers in any order, or none ──► a report
//! ```
//!
//! This test verifies these properties over arbitrary input, and that neither a pass nor a failure comes of answers that do not
//! carry it.

use super::scopes::{self, LIST_A, LIST_B};
use countersign::certificate::TnAuthList;
use countersign::passport::Presented;
use countersign::verification::policy::{Order, Thoroughness};
use countersign::verification::{
    Answer, Fault, Holds, Malformed, Need, NeedKind, Poll, Source, Unavailable, Verdict,
};
use countersign_testkit::lab;
use countersign_testkit::scene::{Forgery, MALLORY, Scene, X5U, call, now};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);
static GOOD: LazyLock<Presented> = LazyLock::new(|| SCENE.present(&call()));

#[derive(Clone, Debug)]
enum Mutation {
    Replace { at: prop::sample::Index, with: u8 },
    Delete(prop::sample::Index),
    Insert { at: prop::sample::Index, with: u8 },
    Swap(prop::sample::Index, prop::sample::Index),
    Truncate(prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    let character = || prop::sample::select(b"ABCabc019-_.=+/".to_vec());
    prop_oneof![
        (index(), character()).prop_map(|(at, with)| Mutation::Replace { at, with }),
        index().prop_map(Mutation::Delete),
        (index(), character()).prop_map(|(at, with)| Mutation::Insert { at, with }),
        (index(), index()).prop_map(|(one, other)| Mutation::Swap(one, other)),
        index().prop_map(Mutation::Truncate),
    ]
}

fn mutate(token: &str, mutation: &Mutation) -> String {
    let mut bytes = token.as_bytes().to_vec();
    match mutation {
        Mutation::Replace { at, with } => {
            let at = at.index(bytes.len());
            bytes[at] = *with;
        }
        Mutation::Delete(at) => {
            bytes.remove(at.index(bytes.len()));
        }
        Mutation::Insert { at, with } => bytes.insert(at.index(bytes.len()), *with),
        Mutation::Swap(one, other) => {
            let (one, other) = (one.index(bytes.len()), other.index(bytes.len()));
            bytes.swap(one, other);
        }
        Mutation::Truncate(at) => bytes.truncate(at.index(bytes.len())),
    }
    String::from_utf8(bytes).unwrap()
}

/// One answer, or what happens instead of one.
#[derive(Clone, Debug)]
enum Event {
    Cached,
    Fetched,
    Unavailable,
    WrongChain,
    WrongNeed,
    Poll,
    Later(u16),
    Expire,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Cached),
        Just(Event::Fetched),
        Just(Event::Unavailable),
        Just(Event::WrongChain),
        Just(Event::WrongNeed),
        Just(Event::Poll),
        (0_u16..700).prop_map(Event::Later),
        Just(Event::Expire),
    ]
}

fn headers() -> impl Strategy<Value = Vec<Result<Presented, Malformed>>> {
    let good = || Ok(GOOD.clone());
    let elsewhere = || {
        let url = "https://cert.example.net/other.pem";
        let presented = SCENE.forge(&Forgery::new().header(X5U, url));
        Ok(Presented {
            info: Some(url.into()),
            ..presented
        })
    };
    let bad = || Ok(Forgery::new().sign(&*lab::new_key()));
    let one = prop_oneof![
        Just(()).prop_map(move |()| good()),
        Just(()).prop_map(move |()| elsewhere()),
        Just(()).prop_map(move |()| bad()),
        Just(Err(Malformed::Token)),
        Just(Ok(Presented::bare(""))),
    ];
    prop::collection::vec(one, 0..12)
}

/// Two lists on one path, one of which names a provider only.
static BY_REFERENCE: LazyLock<Scene> = LazyLock::new(|| {
    let both = (scopes::by_reference(LIST_A), scopes::by_reference(LIST_B));
    scopes::asking_the_authority(scopes::scene(both.0, both.1))
});

/// One answer to a question of scope, or what happens instead of one.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// What carries the call.
    Good(Source),
    /// What speaks against it: another number's list, a no.
    Against(Source),
    /// What does not tell.
    Neither,
    /// An answer to something else.
    Astray,
    Unavailable,
    Later(u16),
}

fn word() -> impl Strategy<Value = Word> {
    let source = || prop_oneof![Just(Source::Cache), Just(Source::Fetched)];
    prop_oneof![
        6 => source().prop_map(Word::Good),
        2 => source().prop_map(Word::Against),
        1 => Just(Word::Neither),
        1 => Just(Word::Astray),
        1 => Just(Word::Unavailable),
        1 => (0_u16..200).prop_map(Word::Later),
    ]
}

/// What a word is, said in answer to a need; `None` if nothing is said.
fn answer(word: Word, need: &Need) -> Option<Answer> {
    let list = |list: TnAuthList, source| Answer::TnAuthList(Arc::new(list), source);
    let said = |holds| Answer::NumberAuthority(scopes::said(holds, 0));
    let chain = || Arc::new(BY_REFERENCE.signer.chain.clone());
    let astray = match &need.kind {
        NeedKind::TnAuthList { .. } => said(Holds::Yes),
        _ => list(scopes::list(&[scopes::alice()]), Source::Fetched),
    };
    Some(match (word, &need.kind) {
        (Word::Later(_), _) => return None,
        (Word::Unavailable, _) => Answer::Unavailable(Unavailable::Connect),
        (Word::Astray, _) => astray,
        (Word::Good(source) | Word::Against(source), NeedKind::Certificate { .. }) => {
            Answer::Certificate(chain(), source)
        }
        (Word::Neither, NeedKind::Certificate { .. } | NeedKind::TnAuthList { .. }) => {
            Answer::Unavailable(Unavailable::Offline)
        }
        (Word::Good(source), NeedKind::TnAuthList { url, .. }) => match **url == *LIST_A {
            true => list(scopes::list(&[scopes::code("709J")]), source),
            false => list(scopes::list(&[scopes::alice()]), source),
        },
        (Word::Against(source), NeedKind::TnAuthList { .. }) => {
            list(scopes::list(&[lab::numbers(MALLORY, 1)]), source)
        }
        (Word::Good(_), NeedKind::NumberAuthority { .. }) => said(Holds::Yes),
        (Word::Against(_), NeedKind::NumberAuthority { .. }) => said(Holds::No),
        (Word::Neither, NeedKind::NumberAuthority { .. }) => said(Holds::Unknown),
        (_, NeedKind::Resource { .. } | NeedKind::Status { .. }) => {
            Answer::Unavailable(Unavailable::Offline)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_mutation_of_a_good_token_passes(mutation in mutation(), thorough: bool) {
        let mutated = mutate(&GOOD.token, &mutation);
        prop_assume!(*mutated != *GOOD.token);
        let mut policy = SCENE.policy.clone();
        if thorough {
            policy.thoroughness = Thoroughness::EveryCheck;
        }
        let report = SCENE.verify(&call(), Presented { token: mutated.into(), ..GOOD.clone() });
        prop_assert!(
            matches!(report.verdict, Verdict::Failed(_) | Verdict::Unsigned),
            "{:?} {:?}", report.verdict, report.detail()
        );
    }

    #[test]
    fn no_token_passes_that_nobody_signed(token in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{86}|\\PC{0,60}") {
        let report = SCENE.verify(&call(), Presented { token: token.clone().into(), ..GOOD.clone() });
        prop_assert!(report.verdict != Verdict::Passed);
        prop_assert!(token.is_empty() || report.verdict != Verdict::Unsigned || report.passports.len() == 1);
    }

    /// The token is good, what stands beside it is not: then it passes only if nothing contradicts it.
    #[test]
    fn parameters_that_contradict_the_token_never_pass(info in "\\PC{0,20}", alg in "[A-Za-z0-9]{0,6}", ppt in "[a-z]{0,7}") {
        let spoilt = Presented {
            info: Some(info.into()),
            alg: Some(alg.into()),
            ppt: Some(ppt.into()),
            ..GOOD.clone()
        };
        let contradicts = spoilt.info != GOOD.info
            || !spoilt.alg.as_deref().unwrap().eq_ignore_ascii_case("ES256")
            || !spoilt.ppt.as_deref().unwrap().eq_ignore_ascii_case("shaken");
        let report = SCENE.verify(&call(), spoilt);
        prop_assert_eq!(report.verdict != Verdict::Passed, contradicts);
    }

    #[test]
    fn any_answers_in_any_order_end(
        headers in headers(),
        events in prop::collection::vec((event(), any::<prop::sample::Index>()), 0..20),
        every_check: bool,
        atis: bool,
    ) {
        let mut scene_policy = SCENE.policy.clone();
        if every_check {
            scene_policy.thoroughness = Thoroughness::EveryCheck;
        }
        if atis {
            scene_policy.order = Order::Atis;
        }
        let service = countersign::verification::VerificationService::new(
            scene_policy,
            Arc::new(countersign::crypto::AwsLc),
            Arc::default(),
            Arc::new(countersign::verification::MemoryReplay::new(16)),
        );
        let mut time = now(0);
        let mut verification = service.begin(&call(), headers, &SCENE.trust, time);
        let right = Arc::new(SCENE.signer.chain.clone());
        let wrong = Arc::new(SCENE.lab.provider("9999").chain);
        for (event, index) in events {
            let needs = match verification.poll(time) {
                Poll::Done(_) => break,
                Poll::Needs(needs) => needs.to_vec(),
            };
            prop_assert!(!needs.is_empty(), "waits for nothing");
            let need = &needs[index.index(needs.len())];
            let is_web = match &need.kind {
                NeedKind::Certificate { url, .. } => url.starts_with("https://"),
                _ => false,
            };
            prop_assert!(is_web);
            match event {
                Event::Cached => verification.answer(need.id, Answer::Certificate(Arc::clone(&right), Source::Cache)),
                Event::Fetched => verification.answer(need.id, Answer::Certificate(Arc::clone(&right), Source::Fetched)),
                Event::Unavailable => verification.answer(need.id, Answer::Unavailable(Unavailable::Connect)),
                Event::WrongChain => verification.answer(need.id, Answer::Certificate(Arc::clone(&wrong), Source::Fetched)),
                Event::WrongNeed => {
                    verification.answer(need.id, Answer::Unavailable(Unavailable::Tls));
                    verification.answer(need.id, Answer::Certificate(Arc::clone(&right), Source::Fetched));
                }
                Event::Poll => {}
                Event::Later(millis) => {
                    time.ticks = time.ticks.after(std::time::Duration::from_millis(millis.into()));
                }
                Event::Expire => {
                    verification.expire(time);
                }
            }
        }
        let first = verification.expire(time);
        let second = verification.expire(time);
        prop_assert_eq!(first.verdict, second.verdict);
        prop_assert_eq!(first.code, second.code);
        prop_assert!(first.verdict.fault() != Some(Fault::NotExamined), "{:?}", first);
        prop_assert!(matches!(verification.poll(time), Poll::Done(_)));
    }

    /// The certificate, two lists, both of them again, one word: there is no more to ask for, whatever is answered.
    #[test]
    fn any_answers_about_lists_and_numbers_end(
        headers in 1_usize..4,
        words in prop::collection::vec((word(), any::<prop::sample::Index>()), 0..12),
    ) {
        let scene = &*BY_REFERENCE;
        let mut time = now(0);
        let token = scene.forge(&Forgery::new());
        // A memory of their own: the token of one run is not the replay of another.
        let service = countersign::verification::VerificationService::new(
            scene.policy.clone(),
            Arc::new(countersign::crypto::AwsLc),
            Arc::default(),
            Arc::new(countersign::verification::MemoryReplay::new(16)),
        );
        let mut verification = service.begin(&call(), vec![Ok(token); headers], &scene.trust, time);
        let (mut asked, mut against, mut yes) = (std::collections::HashSet::new(), false, false);
        for (word, index) in words {
            let Poll::Needs(needs) = verification.poll(time) else {
                break;
            };
            prop_assert!(!needs.is_empty(), "waits for nothing");
            asked.extend(needs.iter().map(|need| need.id));
            let need = needs[index.index(needs.len())].clone();
            match (word, answer(word, &need)) {
                (Word::Later(millis), _) => {
                    time.ticks = time.ticks.after(std::time::Duration::from_millis(millis.into()));
                }
                (_, Some(answer)) => {
                    against |= matches!(word, Word::Against(_)) && !matches!(need.kind, NeedKind::Certificate { .. });
                    yes |= matches!((word, &need.kind), (Word::Good(_), NeedKind::NumberAuthority { .. }));
                    verification.answer(need.id, answer);
                }
                (_, None) => {}
            }
        }
        if let Poll::Needs(needs) = verification.poll(time) {
            asked.extend(needs.iter().map(|need| need.id));
        }
        prop_assert!(asked.len() <= 6, "{} needs", asked.len());
        let report = verification.expire(time);
        prop_assert!(report.verdict != Verdict::Unsigned);
        prop_assert!(report.verdict.fault() != Some(Fault::NotExamined), "{report:?}");
        prop_assert!(against || !matches!(report.verdict, Verdict::Failed(_)), "{report:?}");
        prop_assert!(yes || report.verdict != Verdict::Passed, "{report:?}");
    }
}
