//! The cache of verdicts over paths.
//!
//! ```text
//!     call ──▶ list of certificates ──▶ PathCache ──▶ verify (three signatures)
//!                                          │  good: until the first certificate ends
//!                                          └  bad: for seconds
//! ```
//!
//! These tests verify that a remembered verdict is the one that would be made now, that nobody can plant one for another's list,
//! and that neither memory nor lifetime grows.

use countersign::certificate::CertificateChain;
use countersign::crypto::{AwsLc, UnusableKey, VerifyingKey, VerifyingKeys};
use countersign::path::cache::{MAX_REFUSED, MAX_VERIFIED, REFUSAL_LIFETIME};
use countersign::path::{PathCache, PathFault, Step};
use countersign::time::UnixTime;
use countersign::trust::{Anchor, RevocationRule, Standing, Trust};
use countersign_ca::crl::Reason;
use countersign_testkit::administrator::{LIST_PERIOD, PolicyAdministrator, revoked};
use countersign_testkit::lab::{HALF_VALIDITY, Lab, NOW, Signer, chain, validity};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how many keys are asked for: each full verification of a list asks for some.
#[derive(Default)]
struct Counting(AtomicUsize);

impl VerifyingKeys for Counting {
    fn p256(&self, point: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey> {
        self.0.fetch_add(1, Ordering::Relaxed);
        AwsLc.p256(point)
    }
}

struct Bench {
    lab: Lab,
    cache: PathCache,
    keys: Counting,
}

impl Bench {
    fn new() -> Self {
        Self {
            lab: Lab::new(),
            cache: PathCache::new(),
            keys: Counting::default(),
        }
    }

    /// Judges at `NOW + seconds`; whether keys were needed, and the fault.
    fn judge(
        &self,
        chain: &CertificateChain,
        trust: &Trust,
        seconds: i64,
    ) -> (Made, Option<PathFault>) {
        let before = self.keys.0.load(Ordering::Relaxed);
        let fault = self
            .cache
            .verify(chain, trust, NOW.saturating_add(seconds), &self.keys)
            .err();
        let made = if self.keys.0.load(Ordering::Relaxed) == before {
            Made::Remembered
        } else {
            Made::Anew
        };
        (made, fault)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Made {
    Anew,
    Remembered,
}

#[test]
fn a_good_verdict_is_made_once() {
    let bench = Bench::new();
    let trust = bench.lab.trust(1);
    let Signer { chain, .. } = bench.lab.provider("1234");
    assert_eq!(bench.judge(&chain, &trust, 0), (Made::Anew, None));
    let again = CertificateChain::parse(chain.to_pem().replace('\n', "\r\n").as_bytes()).unwrap();
    assert_eq!(bench.judge(&again, &trust, 1), (Made::Remembered, None));
    assert_eq!(
        bench.judge(&again, &bench.lab.trust(1), HALF_VALIDITY),
        (Made::Remembered, None),
        "an equal snapshot"
    );
    assert_eq!(bench.cache.verified(), 1);
}

/// The verdict ends with the certificate that ends first, to the second.
#[test]
fn a_good_verdict_ends_with_the_first_certificate() {
    let bench = Bench::new();
    let trust = bench.lab.trust(1);
    let Signer { chain, .. } = bench.lab.provider("1234");
    assert_eq!(bench.judge(&chain, &trust, 0).1, None);
    let not_after = validity().not_after;
    let expired = PathFault::Expired {
        step: Step::EndEntity,
        not_after,
    };
    assert_eq!(
        bench.judge(&chain, &trust, HALF_VALIDITY + 1).1,
        Some(expired)
    );
    let not_before = validity().not_before;
    let early = PathFault::NotYetValid {
        step: Step::EndEntity,
        not_before,
    };
    assert_eq!(
        bench.judge(&chain, &trust, -HALF_VALIDITY - 1).1,
        Some(early)
    );
}

/// A new version of the same anchors, other anchors in the same version, another domain: each starts from nothing.
#[test]
fn another_snapshot_of_trust_starts_from_nothing() {
    let bench = Bench::new();
    let Signer { chain, .. } = bench.lab.provider("1234");
    let anchor =
        || vec![Anchor::new(bench.lab.root().certificate().clone(), Standing::Lab).unwrap()];
    assert_eq!(
        bench.judge(&chain, &bench.lab.trust(1), 0),
        (Made::Anew, None)
    );
    assert_eq!(
        bench.judge(&chain, &bench.lab.trust(2), 0),
        (Made::Anew, None)
    );
    assert_eq!(
        bench.judge(&chain, &Trust::new("other", 1, anchor()), 0),
        (Made::Anew, None)
    );
    let (_, fault) = bench.judge(&chain, &Trust::new("lab", 1, Vec::new()), 0);
    assert!(
        matches!(fault, Some(PathFault::Untrusted { .. })),
        "trust withdrawn under an old version: {fault:?}"
    );
}

/// Somebody who serves a spoilt list of another's certificates hurts that list only, and somebody who may sign for one number
/// gets no verdict for another's list.
#[test]
fn nobody_plants_a_verdict_for_another_s_list() {
    let bench = Bench::new();
    let trust = bench.lab.trust(1);
    let victim = bench.lab.provider("1234").chain;
    let [ee, ca] = victim.certificates() else {
        panic!("two certificates")
    };
    let other = Lab::new();
    let spoilt = [
        chain(&[ee]),
        chain(&[ee, other.intermediate().certificate()]),
        chain(&[ee, ca, other.intermediate().certificate()]),
        chain(&[ca, ee]),
    ];
    for list in &spoilt {
        assert!(bench.judge(list, &trust, 0).1.is_some());
    }
    assert_eq!(
        bench.judge(&victim, &trust, 0),
        (Made::Anew, None),
        "the refusals are not its own"
    );
    for list in &spoilt {
        assert!(
            bench.judge(list, &trust, 0).1.is_some(),
            "and its verdict is not theirs"
        );
    }
    let stranger = other.provider("1234").chain;
    assert!(bench.judge(&stranger, &trust, 0).1.is_some());
}

#[test]
fn a_refusal_is_remembered_for_seconds() {
    let bench = Bench::new();
    let trust = bench.lab.trust(1);
    let good = bench.lab.provider("1234").chain;
    let mut der = good.end_entity().as_der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let bad = CertificateChain::from_der([&der[..], good.certificates()[1].as_der()]).unwrap();
    let fault = || {
        Some(PathFault::BadSignature {
            step: Step::EndEntity,
        })
    };
    assert_eq!(bench.judge(&bad, &trust, 0), (Made::Anew, fault()));
    assert_eq!(
        bench.judge(&bad, &trust, REFUSAL_LIFETIME - 1),
        (Made::Remembered, fault())
    );
    assert_eq!(
        bench.judge(&bad, &trust, REFUSAL_LIFETIME),
        (Made::Anew, fault())
    );
    assert_eq!(
        bench.judge(&bad, &trust, 0),
        (Made::Anew, fault()),
        "a clock set back is no reason to believe it longer"
    );
    assert_eq!((bench.cache.verified(), bench.cache.refused()), (0, 1));
}

/// An anchor that comes to be trusted makes the list good at once, whatever was refused before.
#[test]
fn a_refusal_does_not_outlive_its_snapshot() {
    let bench = Bench::new();
    let Signer { chain, .. } = bench.lab.provider("1234");
    assert!(
        bench
            .judge(&chain, &Trust::new("lab", 1, Vec::new()), 0)
            .1
            .is_some()
    );
    assert_eq!(bench.judge(&chain, &bench.lab.trust(2), 0).1, None);
}

/// Junk without end neither grows the cache nor pushes out a good verdict.
#[test]
fn junk_is_bounded_and_pushes_out_nothing() {
    let bench = Bench::new();
    let trust = bench.lab.trust(1);
    let good = bench.lab.provider("1234").chain;
    assert_eq!(bench.judge(&good, &trust, 0).1, None);
    let stranger = Lab::new().provider("1234").chain;
    let der = stranger.end_entity().as_der();
    let mut refused = 0;
    for n in 0..(2 * MAX_REFUSED) as u64 {
        let mut der = der.to_vec();
        // The signature differs, so each is another list.
        let end = der.len();
        der[end - 8..].copy_from_slice(&n.to_be_bytes());
        if let Ok(junk) = CertificateChain::parse(&der) {
            refused += usize::from(bench.judge(&junk, &trust, 0).1.is_some());
        }
    }
    assert_eq!(refused, 2 * MAX_REFUSED);
    assert!(bench.cache.refused() <= MAX_REFUSED);
    assert_eq!(bench.judge(&good, &trust, 0), (Made::Remembered, None));
}

/// Good verdicts are bounded, too: many snapshots stand in for many lists, and the one in use stays.
#[test]
fn good_verdicts_are_bounded() {
    let bench = Bench::new();
    let Signer { chain, .. } = bench.lab.provider("1234");
    // One list lies in one shard; more snapshots than a shard can hold.
    let room = MAX_VERIFIED / 32;
    let at = |n: usize| UnixTime::from_secs(NOW.as_secs() + n as i64);
    for version in 0..room + 20 {
        let trust = bench.lab.trust(version as u64);
        bench
            .cache
            .verify(&chain, &trust, at(version), &bench.keys)
            .unwrap();
        bench
            .cache
            .verify(&chain, &bench.lab.trust(0), at(version), &bench.keys)
            .unwrap();
    }
    assert_eq!(bench.cache.verified(), room);
    assert_eq!(
        bench.judge(&chain, &bench.lab.trust(0), 0),
        (Made::Remembered, None),
        "asked for all the time"
    );
    assert_eq!(
        bench.judge(&chain, &bench.lab.trust(1), 0),
        (Made::Anew, None),
        "not asked for the longest"
    );
}

/// Threads that ask at once get the same answer.
#[test]
fn many_threads_one_verdict() {
    let bench = Bench::new();
    let trust = bench.lab.trust(1);
    let Signer { chain, .. } = bench.lab.provider("1234");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(bench.judge(&chain, &trust, 0).1, None);
                }
            });
        }
    });
    assert_eq!(bench.cache.verified(), 1);
}

/// This test verifies that a good verdict is forgotten when the list it rests on is out of date, and that a new list is heard at
/// once.
#[test]
fn a_verdict_is_remembered_while_its_lists_are_fresh() {
    let bench = Bench::new();
    let pa = PolicyAdministrator::of(&bench.lab);
    let chain = pa.provider(&bench.lab, "1234").chain;
    let trust = |revoked| {
        let trust = bench.lab.trust(1);
        let list = pa.verified(&pa.draft(revoked), pa.pinned(), &trust);
        let rule = RevocationRule::Hard { grace: 0 };
        trust.with_crls(rule, vec![list.unwrap()])
    };
    let before = trust(Vec::new());
    assert_eq!(bench.judge(&chain, &before, 0), (Made::Anew, None));
    let remembered = (Made::Remembered, None);
    assert_eq!(bench.judge(&chain, &before, LIST_PERIOD), remembered);
    let (made, fault) = bench.judge(&chain, &before, LIST_PERIOD + 1);
    assert_eq!(made, Made::Anew);
    assert!(matches!(fault, Some(PathFault::RevocationUnknown { .. })));
    // Refusals live for seconds, under the snapshot that made them.
    let now = trust(vec![revoked(chain.end_entity(), Reason::Superseded)]);
    let (made, fault) = bench.judge(&chain, &now, LIST_PERIOD);
    assert_eq!(made, Made::Anew);
    assert!(matches!(fault, Some(PathFault::Revoked { .. })));
    assert_eq!(bench.judge(&chain, &now, LIST_PERIOD).0, Made::Remembered);
}
