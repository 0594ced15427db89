//! Whose word counts, and when nobody is asked: responders that are pinned, an issuer that is the anchor itself, calls that are bad anyway.

use super::*;
use countersign::certificate::ocsp::Responders;
use countersign::identity::Identity;

/// This test verifies that a call that has failed already is none of the responder's business, although its token and path are good.
#[test]
fn a_call_of_somebody_else_asks_nobody() {
    let world = world(FreshnessMode::Live, SOFT);
    world.respond(GOOD);
    let presented = world.scene.present(&call());
    let other = Call {
        orig: Some(Identity::Number(MALLORY.parse().unwrap())),
        ..call()
    };
    let report = world.scene.verify(&other, presented);
    assert_ne!(told(&report), PASSED);
    assert!(!world.has_asked());
}

/// Somebody whom the authority has not certified, and whom whoever runs this believes.
#[test]
fn a_pinned_responder_is_believed() {
    let mut world = world(FreshnessMode::StapleOnly, HARD);
    let root = world.scene.lab.root().clone();
    let issued = world
        .scene
        .lab
        .issue(&root, Profile::OcspResponder, "Somebody", None);
    let (key, certificate) = issued.unwrap();
    let issuer = world.scene.lab.intermediate().certificate().clone();
    let responder = Responder::pinned(issuer, certificate.clone(), key, LIFETIME).unwrap();
    let asked = world.asked(&world.scene.signer, Some(ALICE));
    let staple = responder.staple(asked, &GOOD, NOW).unwrap();
    assert_eq!(told(&world.judge(staple.clone())), of(Fault::StapleInvalid));
    let rule = FreshnessRule {
        missing: HARD,
        responders: Responders(vec![certificate]),
        ..FreshnessRule::default()
    };
    world.scene.trust = Arc::new(world.scene.lab.trust(3).with_freshness(rule));
    assert_eq!(told(&world.judge(staple)), PASSED);
}

/// A chain of one certificate: who has issued it is the anchor, which nobody sends along.
#[test]
fn the_issuer_may_be_the_anchor() {
    let rule = FreshnessRule {
        missing: HARD,
        ..FreshnessRule::default()
    };
    let mut world = World::of(rule, |scene, _| {
        let root = scene.lab.root().clone().with_practice(Practice {
            ocsp: Some(OCSP.into()),
            ..Practice::default()
        });
        let list = TnAuthList::new(vec![numbers(ALICE, 50)]).unwrap();
        let issued = scene
            .lab
            .issue(&root, Profile::EndEntity, "SHAKEN asked", Some(list));
        let (key, certificate) = issued.unwrap();
        Signer {
            key,
            chain: chain(&[&certificate]),
        }
    });
    let root = world.scene.lab.root();
    let certificate = world.scene.signer.chain.end_entity();
    let asked = Asked {
        certificate: CertId::of(HashForm::Sha256Cut, certificate, root.certificate()).unwrap(),
        number: Some(ALICE.parse().unwrap()),
    };
    let responder = Responder::of_issuer(root.certificate().clone(), root.shared_key(), LIFETIME);
    let staple = responder.unwrap().staple(asked, &GOOD, NOW).unwrap();
    assert_eq!(told(&world.judge(staple)), PASSED);
}

/// What tells nothing is no word: a staple of a responder that was busy, and one that says not how long it counts.
#[test]
fn a_staple_that_tells_nothing_is_none() {
    for mode in [FreshnessMode::StapleOnly, FreshnessMode::StapleOrLive] {
        let mut world = world(mode, SOFT);
        world.respond(REVOKED);
        let try_later = vec![0x30, 3, 0x0a, 1, 3];
        let undated = undated(&world);
        for (staple, expected) in [(try_later, "busy"), (undated, "undated")] {
            let report = world.judge(staple);
            match mode {
                FreshnessMode::StapleOnly => {
                    assert_eq!(told(&report), PASSED, "{expected}");
                    assert_eq!(freshness(&report).0, Outcome::Skipped);
                    assert!(!world.has_asked());
                }
                _ => assert_eq!(told(&report), of(Fault::Revoked), "{expected}"),
            }
        }
    }
}

/// Good, and no word on until when.
fn undated(world: &World) -> Vec<u8> {
    use countersign::certificate::encode::{constructed, element, primitive, sequence};
    let asked = world.asked(&world.scene.signer, None);
    let time = element(0x18, b"20261105000000Z");
    let single = sequence(&[
        asked.certificate.to_der(),
        element(primitive(0), &[]),
        time.clone(),
    ]);
    let issuer = world.scene.lab.intermediate();
    let name = issuer.certificate().subject().as_der();
    let tbs = sequence(&[element(constructed(1), name), time, sequence(&[single])]);
    basic(&tbs, &*issuer.shared_key())
}

/// Whatever changes a rule changes what verdicts are remembered under.
#[test]
fn every_part_of_the_rule_is_part_of_the_trust() {
    let world = world(FreshnessMode::StapleOnly, SOFT);
    let fingerprint = |rule: FreshnessRule| {
        let trust = world.scene.lab.trust(2).with_freshness(rule);
        trust.fingerprint()
    };
    let usual = FreshnessRule::default;
    let root = world.scene.lab.root().certificate().clone();
    let all = [
        usual(),
        FreshnessRule {
            mode: FreshnessMode::Off,
            ..usual()
        },
        FreshnessRule {
            mode: FreshnessMode::StapleOrLive,
            ..usual()
        },
        FreshnessRule {
            scope_unknown: ScopeUnknown::Accept,
            ..usual()
        },
        FreshnessRule {
            missing: HARD,
            ..usual()
        },
        FreshnessRule {
            responders: Responders(vec![root]),
            ..usual()
        },
    ];
    let all: Vec<_> = all.into_iter().map(fingerprint).collect();
    for (index, one) in all.iter().enumerate() {
        assert!(!all[index + 1..].contains(one), "{index}");
    }
}
