//! Nothing that is not signed passes, and everything ends.
//!
//! ```text
//!    any mutation of a good header ──► Bob's provider ──► never passed
//!    any answers in any order, or none ──► a report
//! ```
//!
//! This test verifies two properties over arbitrary input.

use countersign::passport::Presented;
use countersign::verification::policy::{Order, Thoroughness};
use countersign::verification::{
    Answer, Fault, Malformed, NeedKind, Poll, Source, Unavailable, Verdict,
};
use countersign_testkit::scene::{Forgery, Scene, X5U, call, now};
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
    let bad = || Ok(Forgery::new().sign(&*countersign_testkit::lab::new_key()));
    let one = prop_oneof![
        Just(()).prop_map(move |()| good()),
        Just(()).prop_map(move |()| elsewhere()),
        Just(()).prop_map(move |()| bad()),
        Just(Err(Malformed::Token)),
        Just(Ok(Presented::bare(""))),
    ];
    prop::collection::vec(one, 0..12)
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
                NeedKind::NumberAuthority { .. } | NeedKind::TnAuthList { .. } => false,
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
}
