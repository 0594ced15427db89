//! Whole verifications, and the URLs they may lead to.

use crate::scene::{Scene, call};
use countersign::certificate::repository_url::{MAX_REPOSITORY_URL, RepositoryUrl};
use countersign::passport::Presented;
use countersign::verification::policy::{StringIat, Thoroughness};
use countersign::verification::{
    AnswerReport, Check, Dialled, Malformed, MediaStanding, PassportReport, Verdict,
};
use countersign_sip::identity_header;
use std::sync::LazyLock;

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    Scene::new().with_policy(|policy| {
        policy.thoroughness = Thoroughness::EveryCheck;
        policy.string_iat = StringIat::Lenient;
    })
});

static DIALLED: LazyLock<Dialled> = LazyLock::new(|| SCENE.dialled());

/// Whatever an Identity header says: nothing passes that nobody signed, nobody is shown whom nobody proved, every check is told, and every fault has its words.
pub(super) fn verification(bytes: &[u8]) {
    let presented: Vec<_> = identity_header::values(bytes)
        .map(identity_header::parse)
        .collect();
    answer(presented.clone());
    let report = SCENE.verify_at(0, &call(), presented);
    assert_ne!(report.verdict, Verdict::Passed);
    assert_eq!(
        report.verdict.fault().is_some(),
        report.detail().is_some(),
        "{:?}",
        report.verdict
    );
    let caller = report.consequences().and_then(|what| what.caller);
    assert_eq!(caller, None, "a caller that nobody proved is shown");
    for passport in &report.passports {
        assert_eq!(passport.checks.iter().count(), Check::ALL.len());
        assert!(passport.token.proven().is_none());
        for result in passport.checks.iter() {
            assert!(result.outcome.fault().is_none() || result.detail().is_some());
        }
    }
}

/// The same as an answer: nobody is reached who has not signed, and what stands in it is never more than what was presented.
fn answer(presented: Vec<Result<Presented, Malformed>>) {
    let headers = presented.len();
    let report = SCENE.verify_answer(0, &DIALLED, presented, None);
    let is_nobodys = |answer: &AnswerReport| {
        let is_unproven = !answer.standing.is_proven() && answer.media != MediaStanding::Bound;
        is_unproven && answer.reached.is_none() && answer.pin.is_none()
    };
    let answer = report.answer.as_deref();
    assert!(answer.is_some_and(is_nobodys), "{report:?}");
    let inside =
        |one: &&PassportReport| one.chain.as_ref().is_some_and(|it| it.nested_in.is_some());
    let nested = report.passports.iter().filter(inside).count();
    assert!(report.passports.len() - nested <= headers);
    assert!(
        report
            .passports
            .iter()
            .all(|one| one.token.proven().is_none())
    );
}

/// A URL that is followed keeps every rule, however it is looked at.
pub(super) fn repository_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(url) = RepositoryUrl::judge(text, &[]) else {
        return;
    };
    assert!(text.len() <= MAX_REPOSITORY_URL && text.is_ascii());
    assert!(matches!(url.port(), 443 | 8443));
    assert!(!text.contains(['?', '#', ';', ' ', '\\', '\r', '\n']));
    let rest = text.split_at("https://".len()).1;
    assert!(rest.starts_with(url.host()) && rest.ends_with(url.path()));
    assert!(!url.host().is_empty() && !url.host().contains(['@', '/', '%']));
    let again = format!("https://{}:{}{}", url.host(), url.port(), url.path());
    assert!(
        again.len() > MAX_REPOSITORY_URL || RepositoryUrl::judge(&again, &[]) == Ok(url),
        "{again}"
    );
}
