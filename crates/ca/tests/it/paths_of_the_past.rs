//! Paths as of an earlier time, by what is known now.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ SHAKEN 1234      their list: signed by STI-PA CRL, who is pinned
//!     ─────────┼──────────────────────┼──────────────────────┼──────────────────────────►
//!              then: signed           something is revoked    now: judged
//! ```
//!
//! This test verifies that a path counts as of then if all of it was valid then, if its anchor is trusted now, and if nothing that is known now
//! tells against it.

use countersign::certificate::{CertificateChain, TnAuthList};
use countersign::crypto::{AwsLc, SigningKey};
use countersign::path::{PathFault, RevocationEvidence, Step, verify, verify_past};
use countersign::time::{UnixTime, Validity};
use countersign::trust::revocation::Gap;
use countersign::trust::{RevocationRule, Trust};
use countersign_ca::crl::{Reason, Revoked};
use countersign_ca::{Profile, Request};
use countersign_testkit::administrator::{PolicyAdministrator, revoked};
use countersign_testkit::lab::{
    HALF_VALIDITY, Lab, NOW, chain, new_key, numbers, subject, validity,
};
use std::sync::Arc;

const HARD: RevocationRule = RevocationRule::Hard { grace: 0 };
const DAY: i64 = 86_400;

fn after(seconds: i64) -> UnixTime {
    NOW.saturating_add(seconds)
}

fn as_of(
    chain: &CertificateChain,
    trust: &Trust,
    then: UnixTime,
    now: UnixTime,
) -> Result<RevocationEvidence, PathFault> {
    verify_past(chain, trust, then, now, &AwsLc).map(|path| path.revocation())
}

/// All of the lab's certificates end at once, the anchor's too.
#[test]
fn all_of_it_was_valid_then() {
    let lab = Lab::new();
    let (chain, trust) = (lab.provider("1234").chain, lab.trust(1));
    let late = after(HALF_VALIDITY + DAY);
    assert!(matches!(
        verify(&chain, &trust, late, &AwsLc),
        Err(PathFault::Expired { .. })
    ));
    for then in [validity().not_before, NOW, validity().not_after] {
        assert!(as_of(&chain, &trust, then, late).is_ok(), "{then}");
    }
    let ended = as_of(&chain, &trust, after(HALF_VALIDITY + 1), late);
    assert!(matches!(ended, Err(PathFault::Expired { .. })), "{ended:?}");
    let early = as_of(&chain, &trust, after(-HALF_VALIDITY - 1), late);
    assert!(
        matches!(early, Err(PathFault::NotYetValid { .. })),
        "{early:?}"
    );
    let elsewhere = as_of(&chain, &Lab::new().trust(1), NOW, late);
    assert!(
        matches!(elsewhere, Err(PathFault::Untrusted { .. })),
        "{elsewhere:?}"
    );
}

/// The authority's certificate weighs as the signer's does, and a later revocation for a good reason does not cover up a worse one below.
#[test]
fn what_is_known_now_tells_against_then_at_every_step() {
    let lab = Lab::new();
    let pa = PolicyAdministrator::of(&lab);
    let chain = pa.provider(&lab, "1234").chain;
    let [signer, authority] = chain.certificates() else {
        unreachable!("a certificate and its issuer");
    };
    let judged = |entries: Vec<Revoked>| {
        let trust = lab.trust(1);
        let draft = pa.draft_at(after(DAY), 7, entries);
        let list = pa.verified(&draft, pa.pinned(), &trust).unwrap();
        let trust = trust.with_crls(HARD, vec![Arc::clone(&list)]);
        as_of(&chain, &trust, NOW, after(DAY))
    };
    let of = |certificate, at, reason| Revoked {
        at: after(at),
        ..revoked(certificate, reason)
    };
    let above = Step::Issuer(1);
    let since = |step, at, reason| RevocationEvidence::RevokedSince {
        step,
        at: after(at),
        reason,
    };
    assert_eq!(
        judged(vec![of(authority, 1, Reason::Superseded)]),
        Ok(since(above, 1, Reason::Superseded))
    );
    assert_eq!(
        judged(vec![
            of(authority, 1, Reason::Superseded),
            of(signer, 2, Reason::KeyCompromise)
        ]),
        Err(PathFault::Revoked {
            step: Step::EndEntity,
            at: after(2),
            reason: Reason::KeyCompromise
        })
    );
    for (at, reason) in [(0, Reason::Superseded), (1, Reason::CaCompromise)] {
        assert_eq!(
            judged(vec![of(authority, at, reason)]),
            Err(PathFault::Revoked {
                step: above,
                at: after(at),
                reason
            })
        );
    }
}

/// A list that was made when the signer's certificate had ended may have lost its entry.
#[test]
fn the_silence_of_a_list_of_after_the_end() {
    let lab = Lab::new();
    let pa = PolicyAdministrator::of(&lab);
    let key = new_key();
    let scope = TnAuthList::new(vec![numbers("12025550100", 1)]).unwrap();
    let request = Request::new(
        Profile::EndEntity,
        subject("SHAKEN short"),
        key.public_key(),
    );
    let lasting = Validity {
        not_before: after(-DAY),
        not_after: after(DAY),
    };
    let request = request.with_scope(scope);
    let signer = pa.issuing().issue(&request, lab.next_serial(), lasting);
    let chain = chain(&[&signer.unwrap(), pa.issuing().certificate()]);
    let judged = |made: i64| {
        let trust = lab.trust(1);
        let draft = pa.draft_at(after(made), 7, Vec::new());
        let list = pa.verified(&draft, pa.pinned(), &trust).unwrap();
        let trust = trust.with_crls(HARD, vec![list]);
        as_of(&chain, &trust, NOW, after(made + 1))
    };
    assert!(matches!(judged(DAY), Ok(RevocationEvidence::Good(_))));
    let not_after = after(DAY);
    let unknown = PathFault::RevocationUnknown {
        step: Step::EndEntity,
        gap: Gap::Ended { not_after },
    };
    assert_eq!(judged(DAY + 1), Err(unknown));
}
