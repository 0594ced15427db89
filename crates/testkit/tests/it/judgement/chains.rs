//! A call that was diverted: RFC 8946.
//!
//! ```text
//!    Alice ──► Bob's provider ──► Carol's provider ──► Dave's provider
//!              shaken: Alice to Bob
//!                      div: from Bob to Carol, signed for Bob
//!                                      div: from Carol to Dave, signed for Carol
//! ```
//!
//! This test verifies that such a call passes in any order of its Identity headers if, and only if, the chain is whole and leads to
//! whom the call is for now, and that what is wrong is told of the header that is wrong.

mod replayed;
mod strangers;

use super::told;
use countersign::call::{Call, DestSource};
use countersign::identity::Dest;
use countersign::passport::{
    Attestation, Claims, Div, DivO, Extension, HeaderCache, Passport, Presented,
};
use countersign::time::UnixTime;
use countersign::verification::policy::{DivertedTo, IdentityRequirement};
use countersign::verification::{
    ChainBreak, Check, Evidence, Fault, Outcome, Purpose, Report, Unavailable, Verdict,
};
use countersign_testkit::lab::{NOW, Signer};
use countersign_testkit::scene::{ALICE, BOB, MALLORY, ORIGID, Scene, X5U, call, number};
use proptest::prelude::*;

pub(super) const CAROL: &str = "12025550152";
pub(super) const DAVE: &str = "12025550163";
pub(super) const ERIN: &str = "12025550174";

/// Everybody's provider.
pub(super) struct Way {
    pub(super) scene: Scene,
    divers: Vec<(String, Signer)>,
}

impl Way {
    pub(super) fn new() -> Self {
        Self::with(Scene::new())
    }

    fn with(scene: Scene) -> Self {
        let divers = Vec::new();
        let mut way = Self { scene, divers };
        for who in [BOB, CAROL, DAVE, ERIN, MALLORY] {
            way.meet(who);
        }
        way
    }

    /// One more provider, of this number.
    pub(super) fn meet(&mut self, who: &str) {
        let signer = self.scene.lab.numbers(who, 1);
        let url = format!("https://cert.example.org/{who}.pem");
        self.scene.repository.publish(&url, &signer.chain);
        self.divers.push((url, signer));
    }

    pub(super) fn provider_of(&self, who: &str) -> &(String, Signer) {
        let mut divers = self.divers.iter();
        divers.find(|(url, _)| url.contains(who)).unwrap()
    }

    pub(super) fn diverted(&self, by: &str, claims: Claims) -> Presented {
        let (url, signer) = self.provider_of(by);
        let ppt = claims.extension.ppt().map(Box::from);
        let passport = Passport::new(claims).unwrap();
        let signed = passport
            .sign(&HeaderCache::new(url).unwrap(), &*signer.key)
            .unwrap();
        Presented {
            token: signed.token().into(),
            info: Some(url.as_str().into()),
            alg: None,
            ppt,
        }
    }

    /// A diversion of Alice's call, signed by the provider of who was called before.
    pub(super) fn div(&self, from: &str, to: &str) -> Presented {
        self.diverted(from, claims(from, to))
    }

    /// The same with another inside.
    fn div_o(&self, from: &str, to: &str, inside: &Presented) -> Presented {
        let div = Div {
            from: number(from),
            history: None,
        };
        let opt = inside.token.clone();
        let extension = Extension::DivO(Box::new(DivO { div, opt }));
        let claims = Claims {
            extension,
            ..claims(from, to)
        };
        self.diverted(from, claims)
    }

    /// What Alice's provider signed.
    pub(super) fn original(&self) -> Presented {
        self.scene.present(&call())
    }

    pub(super) fn verify(&self, call: &Call, presented: Vec<Presented>) -> Report {
        self.verify_at(0, call, presented)
    }

    fn verify_at(&self, seconds: i64, call: &Call, presented: Vec<Presented>) -> Report {
        let presented = presented.into_iter().map(Ok).collect();
        self.scene.verify_at(seconds, call, presented)
    }
}

pub(super) fn claims(from: &str, to: &str) -> Claims {
    Claims {
        orig: number(ALICE),
        dest: Dest::one(number(to)),
        iat: NOW,
        extension: Extension::Div(Box::new(Div {
            from: number(from),
            history: None,
        })),
        rich: None,
        media_keys: None,
        staple: None,
    }
}

/// Alice's call to Bob that has come to somebody else: To is as it was.
pub(super) fn call_for(who: &str) -> Call {
    Call {
        dest: vec![
            (number(BOB), DestSource::To),
            (number(who), DestSource::RequestUri),
        ],
        ..call()
    }
}

fn verdicts(report: &Report) -> Vec<Verdict> {
    report.passports.iter().map(|one| one.verdict).collect()
}

fn failed(fault: Fault) -> (Verdict, Option<u16>) {
    (Verdict::of(fault), Some(fault.code().number()))
}

#[test]
fn digest12_case25_a_whole_chain_passes_in_any_order_of_its_headers() {
    let way = Way::new();
    let headers = [way.original(), way.div(BOB, CAROL), way.div(CAROL, DAVE)];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let presented = order.map(|at| headers[at].clone()).into();
        let report = way.verify(&call_for(DAVE), presented);
        assert_eq!(told(&report), (Verdict::Passed, None), "{order:?}");
        assert_eq!(verdicts(&report), [Verdict::Passed; 3]);
        assert!(report.consequences().is_none());
        let original = report.deciding().unwrap();
        assert_eq!(original.attest(), Some(Attestation::A));
        assert_eq!(
            original.check(Check::Dest).detail().unwrap(),
            format!("diverted: {BOB} to {CAROL} to {DAVE}")
        );
        let place = |at: usize| order.iter().position(|one| *one == at).unwrap();
        for (at, refers_to, referred_by) in [
            (0, vec![], vec![1]),
            (1, vec![0], vec![2]),
            (2, vec![1], vec![]),
        ] {
            let chain = report.passports[place(at)].chain.as_deref().unwrap();
            let places = |all: Vec<usize>| -> Vec<usize> { all.into_iter().map(place).collect() };
            assert_eq!(chain.refers_to, places(refers_to));
            assert_eq!(chain.referred_by, places(referred_by));
        }
    }
}

#[test]
fn digest12_case25_an_altered_orig_makes_the_chain_invalid() {
    let way = Way::new();
    let altered = Claims {
        orig: number(MALLORY),
        ..claims(BOB, CAROL)
    };
    let presented = vec![way.original(), way.diverted(BOB, altered)];
    let report = way.verify(&call_for(CAROL), presented);
    assert_eq!(
        told(&report),
        failed(Fault::ChainIncomplete),
        "nobody who could be believed says where the call went from Bob"
    );
    let div = report.passports[1].check(Check::Chain);
    assert_eq!(div.outcome, Outcome::Failed(Fault::ChainInvalid));
    assert_eq!(div.evidence, &Evidence::Diversion(ChainBreak::OrigChanged));
    assert_eq!(
        call_for(CAROL).dest[0].0,
        number(BOB),
        "To still names whom the original was made for, and does not count any more"
    );
}

#[test]
fn digest12_case25_a_diversion_in_compact_form_is_438() {
    let way = Way::new();
    let mut compact = way.div(BOB, CAROL);
    let signature = compact.token.rsplit('.').next().unwrap();
    compact.token = format!("..{signature}").into();
    let report = way.verify(&call_for(CAROL), vec![way.original(), compact.clone()]);
    assert_eq!(told(&report), failed(Fault::ChainIncomplete));
    let compact_form = Verdict::Failed(Fault::CompactForm);
    assert_eq!(report.passports[1].verdict, compact_form);
    let report = way.verify(&call_for(CAROL), vec![compact]);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::CompactForm), Some(438))
    );
}

#[test]
fn digest12_case25_a_diversion_to_the_same_number_is_none() {
    let way = Way::new();
    let report = way.verify(&call_for(BOB), vec![way.original(), way.div(BOB, BOB)]);
    assert_eq!(
        report.verdict,
        Verdict::Passed,
        "the original names whom the call is for"
    );
    broken_by(&report, 1, ChainBreak::Unchanged);
}

fn broken_by(report: &Report, at: usize, cause: ChainBreak) {
    let result = report.passports[at].check(Check::Chain);
    assert_eq!(result.outcome, Outcome::Failed(Fault::ChainInvalid), "{at}");
    assert_eq!(result.evidence, &Evidence::Diversion(cause), "{at}");
}

/// Users 43: two Identity headers, shaken and div, in either order; and what the call is without the second one.
#[test]
fn without_its_diversion_the_call_is_for_somebody_else() {
    let way = Way::new();
    let changed_to = Call {
        dest: vec![
            (number(CAROL), DestSource::To),
            (number(CAROL), DestSource::RequestUri),
        ],
        ..call()
    };
    for presented in [
        vec![way.original(), way.div(BOB, CAROL)],
        vec![way.div(BOB, CAROL), way.original()],
    ] {
        let report = way.verify(&changed_to, presented);
        assert_eq!(told(&report), (Verdict::Passed, None));
    }
    let report = way.verify(&changed_to, vec![way.original()]);
    assert_eq!(told(&report), failed(Fault::DestMismatch));
}

/// Users 44: the start is missing.
#[test]
fn a_chain_without_its_beginning_cannot_be_validated() {
    let way = Way::new();
    let alone = way.verify(&call_for(CAROL), vec![way.div(BOB, CAROL)]);
    assert_eq!(told(&alone), failed(Fault::ChainIncomplete));
    assert!(matches!(alone.verdict, Verdict::NotValidated(_)));
    let gap = way.verify(&call_for(DAVE), vec![way.original(), way.div(CAROL, DAVE)]);
    assert_eq!(told(&gap), failed(Fault::ChainIncomplete));
    assert_eq!(
        gap.passports[1].verdict,
        Verdict::NotValidated(Fault::ChainIncomplete)
    );
    let headless = vec![way.div(BOB, CAROL), way.div(CAROL, DAVE)];
    let headless = way.verify(&call_for(DAVE), headless);
    assert_eq!(
        verdicts(&headless),
        [
            Verdict::NotValidated(Fault::ChainIncomplete),
            Verdict::NotValidated(Fault::ChainUnproven)
        ]
    );
}

/// Users 44: the end is not whom the call is for.
#[test]
fn the_end_of_the_chain_is_whom_the_request_is_for() {
    let way = Way::new();
    let headers = || vec![way.original(), way.div(BOB, CAROL)];
    let report = way.verify(&call_for(MALLORY), headers());
    assert_eq!(told(&report), failed(Fault::ChainBroken));
    assert_eq!(
        verdicts(&report),
        [
            Verdict::Failed(Fault::ChainBroken),
            Verdict::Failed(Fault::DestMismatch)
        ]
    );
    let complaints = report.consequences().unwrap().complaints;
    let div = way.div(BOB, CAROL);
    assert_eq!(complaints.len(), 1, "only whoever is wrong hears of it");
    assert_ne!(complaints[0].ppi, report.passports[0].compact());
    assert_eq!(complaints[0].ppi, report.passports[1].compact());
    assert_ne!(complaints[0].ppi.as_deref(), Some(&*div.token));

    // A network that puts the new target into To and something else into the Request-URI.
    let odd = Call {
        dest: vec![
            (number(CAROL), DestSource::To),
            (number(ERIN), DestSource::RequestUri),
        ],
        ..call()
    };
    assert_eq!(
        told(&way.verify(&odd, headers())),
        failed(Fault::ChainBroken)
    );
    let lenient = Way::with(Scene::new().with_policy(|policy| {
        policy.diverted_to = DivertedTo::AnyCalled;
    }));
    let headers = vec![lenient.original(), lenient.div(BOB, CAROL)];
    assert_eq!(
        told(&lenient.verify(&odd, headers)),
        (Verdict::Passed, None)
    );

    let nobody = Call {
        dest: vec![(number(CAROL), DestSource::To)],
        ..call()
    };
    let headers = vec![way.original(), way.div(BOB, CAROL)];
    let report = way.verify(&nobody, headers);
    assert_eq!(told(&report), failed(Fault::ChainUnproven));
}

/// Users 44: a loop.
#[test]
fn a_loop_is_no_chain() {
    let way = Way::new();
    let presented = vec![
        way.original(),
        way.div(BOB, CAROL),
        way.div(CAROL, DAVE),
        way.div(DAVE, BOB),
    ];
    for (target, fetches) in [(MALLORY, 0), (DAVE, 4)] {
        let report = way.verify(&call_for(target), presented.clone());
        assert_eq!(told(&report), failed(Fault::ChainBroken));
        for at in 1..4 {
            broken_by(&report, at, ChainBreak::Loop);
        }
        let complaints = report.consequences().unwrap().complaints;
        assert_eq!(complaints.len(), 3, "the original is good");
        let bought = way.scene.repository.requests().len();
        assert_eq!(
            bought, fetches,
            "what leads nowhere buys nothing, whoever signed it"
        );
    }
}

/// Users 44 and 45: a duplicate.
#[test]
fn a_diversion_told_twice_is_no_chain() {
    let way = Way::new();
    let div = way.div(BOB, CAROL);
    for second in [div.clone(), way.div(BOB, CAROL)] {
        let presented = vec![way.original(), div.clone(), second];
        let report = way.verify(&call_for(CAROL), presented);
        assert_eq!(told(&report), failed(Fault::ChainBroken));
        broken_by(&report, 1, ChainBreak::Duplicate);
        broken_by(&report, 2, ChainBreak::Duplicate);
    }
    // The original twice is one original told twice.
    let original = way.original();
    let presented = vec![original.clone(), original, div];
    let report = way.verify(&call_for(CAROL), presented);
    assert_eq!(verdicts(&report), [Verdict::Passed; 3]);
}

#[test]
fn a_fork_is_no_chain() {
    let way = Way::new();
    let presented = vec![way.original(), way.div(BOB, CAROL), way.div(BOB, DAVE)];
    let report = way.verify(&call_for(DAVE), presented);
    assert_eq!(told(&report), failed(Fault::ChainBroken));
    broken_by(&report, 1, ChainBreak::Forked);
    broken_by(&report, 2, ChainBreak::Forked);
}

/// RFC 8946 §4.1: one diversion of all that share orig and dest, and one of each that does not.
#[test]
fn several_originals_have_one_diversion_or_each_its_own() {
    let way = Way::new();
    let base = |dest: Dest| Claims {
        dest,
        extension: Extension::Base,
        ..claims(BOB, BOB)
    };
    let sign = |claims: Claims| {
        let signed = Passport::new(claims)
            .unwrap()
            .sign(&HeaderCache::new(X5U).unwrap(), &*way.scene.signer.key);
        Presented {
            info: Some(X5U.into()),
            ..Presented::bare(signed.unwrap().token())
        }
    };
    let same = sign(base(Dest::one(number(BOB))));
    let presented = vec![same, way.div(BOB, CAROL), way.original()];
    let report = way.verify(&call_for(CAROL), presented);
    assert_eq!(verdicts(&report), [Verdict::Passed; 3]);

    let mut two = Dest::one(number(BOB));
    two.push(number(ERIN));
    let other = sign(base(two));
    let presented = vec![
        other,
        way.div(BOB, CAROL),
        way.div(BOB, CAROL),
        way.original(),
    ];
    let report = way.verify(&call_for(CAROL), presented);
    assert_eq!(verdicts(&report), [Verdict::Passed; 4]);
}

#[test]
fn whoever_diverts_must_have_authority_over_the_diverted_number() {
    let way = Way::new();
    let stolen = way.diverted(MALLORY, claims(BOB, CAROL));
    let report = way.verify(&call_for(CAROL), vec![way.original(), stolen]);
    assert_eq!(told(&report), failed(Fault::ChainBroken));
    assert_eq!(
        report.passports[1].verdict,
        Verdict::Failed(Fault::NotCovered)
    );
    assert_eq!(
        report.detail().unwrap(),
        format!("{}: {}", Fault::ChainBroken, Fault::NotCovered)
    );
    // And the caller's own provider is nobody here.
    let own = {
        let signed = Passport::new(claims(BOB, CAROL))
            .unwrap()
            .sign(&HeaderCache::new(X5U).unwrap(), &*way.scene.signer.key);
        Presented {
            info: Some(X5U.into()),
            ppt: Some("div".into()),
            ..Presented::bare(signed.unwrap().token())
        }
    };
    // The lab's first certificate has Bob's number, too; Carol's it has not.
    let report = way.verify(&call_for(CAROL), vec![way.original(), own]);
    assert_eq!(told(&report), (Verdict::Passed, None));
}

#[test]
fn one_bad_link_breaks_the_chain_and_one_unread_link_leaves_it_open() {
    let way = Way::new();
    let mut bad = way.div(BOB, CAROL);
    let at = bad.token.len() - 10;
    let flipped = if &bad.token[at..=at] == "A" { "B" } else { "A" };
    bad.token = format!("{}{flipped}{}", &bad.token[..at], &bad.token[at + 1..]).into();
    let presented = vec![way.original(), bad, way.div(CAROL, DAVE)];
    let report = way.verify(&call_for(DAVE), presented);
    assert_eq!(
        verdicts(&report),
        [
            Verdict::Failed(Fault::ChainBroken),
            Verdict::Failed(Fault::SignatureInvalid),
            Verdict::Failed(Fault::ChainBroken)
        ]
    );
    assert_eq!(report.consequences().unwrap().complaints.len(), 1);

    let way = Way::new();
    way.scene.repository.fail(Unavailable::Connect);
    let presented = vec![way.original(), way.div(BOB, CAROL)];
    let report = way.verify(&call_for(CAROL), presented);
    assert_eq!(
        told(&report),
        (
            Verdict::NotValidated(Fault::CertificateUnavailable),
            Some(436)
        )
    );
}

#[test]
fn a_diversion_of_a_bad_original_is_worth_nothing() {
    let way = Way::new();
    let stranger = countersign_testkit::lab::new_key();
    let forged = countersign_testkit::scene::Forgery::new().sign(&*stranger);
    let report = way.verify(&call_for(CAROL), vec![forged, way.div(BOB, CAROL)]);
    assert_eq!(told(&report), failed(Fault::SignatureInvalid));
    assert_eq!(
        report.passports[1].verdict,
        Verdict::Failed(Fault::ChainBroken)
    );
}

/// RFC 8946 §4.2 item 4.
#[test]
fn outermost_and_innermost_are_fresh_and_the_innermost_may_be_older_where_policy_says_so() {
    let late = |way: &Way| {
        let div = Claims {
            iat: UnixTime::from_secs(NOW.as_secs() + 3_000),
            ..claims(BOB, CAROL)
        };
        let presented = vec![way.original(), way.diverted(BOB, div)];
        way.verify_at(3_000, &call_for(CAROL), presented)
    };
    let report = late(&Way::new());
    assert_eq!(told(&report), failed(Fault::IatStale));
    let patient =
        || Way::with(Scene::new().with_policy(|policy| policy.diverted_freshness = 3 * 3_600));
    assert_eq!(told(&late(&patient())), (Verdict::Passed, None));
    // The outermost is never older than any other PASSporT.
    let way = patient();
    let presented = vec![way.original(), way.div(BOB, CAROL)];
    let report = way.verify_at(3_000, &call_for(CAROL), presented);
    assert_eq!(
        verdicts(&report),
        [
            Verdict::Failed(Fault::ChainBroken),
            Verdict::Failed(Fault::IatStale)
        ]
    );
    // Nor is one that is made for calls to come: patience is for the past.
    let early = way.verify_at(
        -3_000,
        &call_for(CAROL),
        vec![
            way.original(),
            way.diverted(
                BOB,
                Claims {
                    iat: UnixTime::from_secs(NOW.as_secs() - 3_000),
                    ..claims(BOB, CAROL)
                },
            ),
        ],
    );
    assert_eq!(
        verdicts(&early),
        [
            Verdict::Failed(Fault::IatInFuture),
            Verdict::Failed(Fault::ChainBroken)
        ]
    );
    // And one that was not diverted has no such privilege.
    let report = way.verify_at(3_000, &call(), vec![way.original()]);
    assert_eq!(told(&report), failed(Fault::IatStale));
}

/// RFC 8946 §4.2 item 5: "if the innermost PASSporT contains an unsupported "ppt", its chain MUST be ignored."
#[test]
fn the_chain_of_an_unsupported_original_is_ignored() {
    let way = Way::new();
    let forgery = countersign_testkit::scene::Forgery::new().header("shaken", "foo");
    let unsupported = Presented {
        ppt: Some("foo".into()),
        ..way.scene.forge(&forgery)
    };
    let presented = vec![
        unsupported.clone(),
        way.div(BOB, CAROL),
        way.div(CAROL, DAVE),
    ];
    let report = way.verify(&call_for(DAVE), presented);
    assert_eq!(told(&report), (Verdict::Unsigned, None));
    assert!(report.consequences().is_none());
    let presented = vec![unsupported, way.div(BOB, CAROL), way.original()];
    let report = way.verify(&call_for(CAROL), presented);
    assert_eq!(
        report.verdict,
        Verdict::Passed,
        "this one has two originals"
    );
}

/// RFC 8946 §5.1.
#[test]
fn a_diversion_with_its_original_inside_proves_the_caller_alone() {
    let way = Way::new();
    let inner = way.div_o(BOB, CAROL, &way.original());
    let outer = way.div_o(CAROL, DAVE, &inner);
    let report = way.verify(&call_for(DAVE), vec![outer]);
    assert_eq!(told(&report), (Verdict::Passed, None));
    assert_eq!(verdicts(&report), [Verdict::Passed; 3]);
    let purposes: Vec<_> = report.passports.iter().map(|one| one.purpose).collect();
    assert_eq!(
        purposes,
        [Purpose::Diversion, Purpose::Diversion, Purpose::Caller]
    );
    let nested: Vec<_> = report
        .passports
        .iter()
        .map(|one| one.chain.as_deref().unwrap().nested_in)
        .collect();
    assert_eq!(nested, [None, Some(0), Some(1)]);
}

#[test]
fn what_is_inside_must_fit_what_is_around_it() {
    let way = Way::new();
    let others = way.div_o(CAROL, DAVE, &way.original());
    let report = way.verify(&call_for(DAVE), vec![others]);
    broken_by(&report, 0, ChainBreak::NotTheOriginal);
    assert_eq!(report.verdict.name(), "failed");
    let altered = Claims {
        orig: number(MALLORY),
        extension: Extension::DivO(Box::new(DivO {
            div: Div {
                from: number(BOB),
                history: None,
            },
            opt: way.original().token,
        })),
        ..claims(BOB, CAROL)
    };
    let report = way.verify(&call_for(CAROL), vec![way.diverted(BOB, altered)]);
    broken_by(&report, 0, ChainBreak::OrigChanged);
    assert_ne!(report.verdict, Verdict::Passed);

    let broken_inside = Presented::bare("a.b.c");
    let report = way.verify(
        &call_for(CAROL),
        vec![way.div_o(BOB, CAROL, &broken_inside)],
    );
    assert_eq!(report.verdict.name(), "failed");
    let complaints = report.consequences().unwrap().complaints;
    assert_eq!(complaints.len(), 1, "whoever signed it with that inside");
    assert_eq!(complaints[0].ppi, report.passports[0].compact());
}

#[test]
fn no_more_is_looked_for_inside_than_headers_would_be_judged() {
    let way = Way::with(Scene::new().with_policy(|policy| policy.max_identity_headers = 3));
    let inner = way.div_o(BOB, CAROL, &way.original());
    let middle = way.div_o(CAROL, DAVE, &inner);
    assert_eq!(
        way.verify(&call_for(DAVE), vec![middle.clone()]).verdict,
        Verdict::Passed
    );
    let report = way.verify(&call_for(ERIN), vec![way.div_o(DAVE, ERIN, &middle)]);
    assert_ne!(report.verdict, Verdict::Passed);
    assert_eq!(report.passports.len(), 3);
    assert_eq!(
        report.passports[2].verdict,
        Verdict::NotValidated(Fault::BeyondLimits)
    );
}

#[test]
fn a_chain_that_does_not_end_in_time_is_not_validated() {
    let way = Way::new();
    let presented = vec![Ok(way.original()), Ok(way.div(BOB, CAROL))];
    let now = countersign_testkit::scene::now(0);
    let mut verification =
        way.scene
            .verification()
            .begin(&call_for(CAROL), presented, &way.scene.trust, now);
    let report = verification.expire(now);
    assert_eq!(told(&report), failed(Fault::DeadlineExpired));
    assert!(
        report
            .passports
            .iter()
            .all(|one| one.verdict.name() == "not-validated")
    );
}

#[test]
fn a_call_that_must_be_signed_and_has_nothing_but_another_purpose_is_428() {
    let way = Way::with(Scene::new().with_policy(|policy| {
        policy.identity = IdentityRequirement::Required;
    }));
    let forgery = countersign_testkit::scene::Forgery::new()
        .header("shaken", "rph")
        .payload(r#""attest":"A","#, "")
        .payload(
            &format!(r#","origid":"{ORIGID}""#),
            r#","rph":{"auth":["ets.0"]}"#,
        );
    let presented = Presented {
        ppt: Some("rph".into()),
        ..way.scene.forge(&forgery)
    };
    let report = way.verify(&call(), vec![presented]);
    assert_eq!(told(&report), (Verdict::Unsigned, Some(428)));
    assert_eq!(report.passports[0].purpose, Purpose::Priority);
}

/// One header more or less, or another order: whatever is taken away or added, a call passes only to the end of a whole chain.
#[derive(Clone, Debug)]
struct Deal {
    headers: Vec<usize>,
    target: usize,
}

const PEOPLE: [&str; 5] = [BOB, CAROL, DAVE, ERIN, MALLORY];

fn deals() -> impl Strategy<Value = Deal> {
    (proptest::collection::vec(0..8_usize, 1..7), 0..PEOPLE.len())
        .prop_map(|(headers, target)| Deal { headers, target })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_comes_a_call_passes_only_to_the_end_of_a_whole_chain(deal in deals()) {
        thread_local! {
            static DECK: (Way, Vec<Presented>) = {
                let way = Way::new();
                let edges = [
                    (BOB, CAROL), (CAROL, DAVE), (DAVE, ERIN), (ERIN, BOB), (BOB, DAVE), (CAROL, BOB), (DAVE, CAROL),
                ];
                let mut deck = vec![way.original()];
                deck.extend(edges.map(|(from, to)| way.div(from, to)));
                (way, deck)
            };
        }
        const EDGES: [(&str, &str); 7] = [
            (BOB, CAROL), (CAROL, DAVE), (DAVE, ERIN), (ERIN, BOB), (BOB, DAVE), (CAROL, BOB), (DAVE, CAROL),
        ];
        DECK.with(|(way, deck)| {
            let presented = deal.headers.iter().map(|at| deck[*at].clone()).collect();
            let target = PEOPLE[deal.target];
            let report = way.verify(&call_for(target), presented);
            // The same said simply: with the original there, walk from Bob while there is exactly one way on.
            let mut edges: Vec<_> = deal.headers.iter().filter(|at| **at > 0).map(|at| EDGES[*at - 1]).collect();
            let diversions = edges.len();
            let has_original = deal.headers.contains(&0);
            let mut called = vec![BOB];
            let mut is_whole = true;
            while let Some(at) = edges
                .iter()
                .position(|(from, _)| called.last() == Some(from))
            {
                let (from, to) = edges.swap_remove(at);
                is_whole &= !edges.iter().any(|(other, _)| *other == from) && !called.contains(&to);
                called.push(to);
            }
            let arrives = called.last() == Some(&target) && is_whole;
            // With To at Bob, a call without any diversion is his whatever the Request-URI says.
            let expected = has_original && (target == BOB || diversions == 0 || arrives);
            if report.verdict == Verdict::Passed {
                assert!(expected, "{deal:?} {report:#?}");
            } else if expected {
                // Only what is broken elsewhere in the component may refuse it.
                assert!(!edges.is_empty(), "{deal:?} {:?}", report.verdict);
            }
        });
    }
}
