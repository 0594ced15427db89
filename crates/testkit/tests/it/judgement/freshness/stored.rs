//! Messages that were stored and are judged later than they were sent.
//!
//! ```text
//!    Alice's provider ── message, Identity ──► the store: message and certificate ── days later ──► Bob reads, and it is judged
//!            └── its certificate ends in the meantime
//! ```
//!
//! This test verifies that what was stored is judged by the certificate as of iat and flagged, that it is so only where somebody has switched
//! it on and for nothing but what was stored, and that nothing that was learned since is forgotten: revocations, anchors, duplicates.

use super::super::chains::{CAROL, Way, call_for};
use super::*;
use countersign::call::CallReference;
use countersign::time::Validity;
use countersign::verification::policy::{Replay, StaleDate};
use countersign::verification::{
    Archive, ArchiveRefused, Flag, Malformed, MemoryReplay, Sighting, VerificationService,
};
use countersign_testkit::administrator::LIST_PERIOD;
use countersign_testkit::scene::{BOB, reference};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Seconds from now until the certificates of the lab end.
const END: i64 = lab::HALF_VALIDITY;

/// What the tests' archives take: three days.
const LONGEST: u32 = 3 * 86_400;

/// A service that judges what was stored, with an empty inbox.
fn archive(scene: &Scene) -> VerificationService {
    let archive = Archive::new(LONGEST, Arc::new(MemoryReplay::default())).unwrap();
    scene.verification().with_archive(archive).unwrap()
}

/// What becomes of a message that is read `seconds` from now.
fn read_by(
    service: &VerificationService,
    scene: &Scene,
    seconds: i64,
    message: &Call,
    presented: Vec<Presented>,
) -> Report {
    let now = now(seconds);
    let presented: Vec<Result<_, Malformed>> = presented.into_iter().map(Ok).collect();
    let verification = service.begin_stored(message, presented, &scene.trust, now);
    scene.drive(verification, now)
}

fn read(scene: &Scene, seconds: i64, presented: Presented) -> Report {
    read_by(&archive(scene), scene, seconds, &call(), vec![presented])
}

/// What Alice's provider signs `seconds` from now.
fn sent(scene: &Scene, seconds: i64) -> Presented {
    let (then, at) = (NOW.as_secs(), NOW.as_secs() + seconds);
    scene.forge(&Forgery::new().payload(&then.to_string(), &at.to_string()))
}

fn flag(report: &Report) -> Option<Flag> {
    report.passports[0].flag
}

const FLAGGED: Option<Flag> = Some(Flag::ArchivedCert);

/// A certificate for Alice's numbers that counts from `begins` to `ends` seconds from now.
fn lasting(scene: &Scene, issuing: &Authority, begins: i64, ends: i64) -> Signer {
    let key = new_key();
    let list = TnAuthList::new(vec![numbers(ALICE, 50)]).unwrap();
    let name = subject("SHAKEN short");
    let request = Request::new(Profile::EndEntity, name, key.public_key()).with_scope(list);
    let validity = Validity {
        not_before: NOW.saturating_add(begins),
        not_after: NOW.saturating_add(ends),
    };
    let certificate = issuing.issue(&request, scene.lab.next_serial(), validity);
    signer((key, certificate.unwrap()), issuing)
}

/// A scene in which Alice's certificate counts from `begins` to `ends`.
fn scene_of(begins: i64, ends: i64) -> Scene {
    let mut scene = Scene::new();
    scene.signer = lasting(&scene, scene.lab.intermediate(), begins, ends);
    scene.repository.publish(X5U, &scene.signer.chain);
    scene
}

#[test]
fn digest05_case12_iat_after_the_certificate_is_437_and_an_archived_message_passes_flagged() {
    // Signed a second after the certificate has ended: in a call and out of an archive.
    let scene = Scene::new();
    let late = sent(&scene, END + 1);
    let report = scene.verify_at(END, &call(), vec![Ok(late.clone())]);
    assert_eq!(told(&report), of(Fault::IatOutsideValidity));
    for seconds in [END, END + 1, END + 2 * DAY] {
        let report = read(&scene, seconds, late.clone());
        assert_eq!(told(&report), of(Fault::IatOutsideValidity), "{seconds}");
        assert_eq!(flag(&report), None);
    }
    // Signed an hour before, and read two days later: the certificate has ended.
    let message = sent(&scene, END - HOUR);
    let report = read(&scene, END - HOUR + 2 * DAY, message.clone());
    assert_eq!(told(&report), PASSED);
    assert_eq!(flag(&report), FLAGGED);
    let passport = &report.passports[0];
    assert!(passport.token.proven().is_some());
    let age = passport.check(Check::Iat).detail().unwrap();
    assert!(age.contains("is 172800 s behind"), "{age}");
    // The same, of a certificate that still counts.
    let report = read(&scene, 2 * DAY, sent(&scene, 0));
    assert_eq!((told(&report), flag(&report)), (PASSED, FLAGGED));
    // As a call it is stale, whatever the service may judge besides.
    let stale = (Verdict::Failed(Fault::IatStale), Some(403));
    let (service, at) = (archive(&scene), now(END - HOUR + 2 * DAY));
    let begun = service.begin(&call(), vec![Ok(message.clone())], &scene.trust, at);
    assert_eq!(told(&scene.drive(begun, at)), stale);
    // So it is where nobody has switched an archive on.
    let plain = scene.verification();
    let report = read_by(&plain, &scene, END - HOUR + 2 * DAY, &call(), vec![message]);
    assert_eq!(told(&report), stale);
    assert_eq!(flag(&report), None);
}

#[test]
fn digest03_case14_two_hours_old_and_the_certificate_ended_an_hour_ago() {
    let scene = scene_of(-HOUR, HOUR);
    let day = |scene: &Scene| {
        let archive = Archive::new(86_400, Arc::new(MemoryReplay::default())).unwrap();
        scene.verification().with_archive(archive)
    };
    let message = scene.present(&call());
    let service = day(&scene).unwrap();
    assert_eq!(service.archive().unwrap().longest_age(), 86_400);
    let report = read_by(&service, &scene, 2 * HOUR, &call(), vec![message]);
    assert_eq!(told(&report), PASSED);
    assert_eq!(flag(&report), FLAGGED);
    assert_eq!(Flag::ArchivedCert.name(), "archived-cert");
    // Where duplicates are not looked for, nothing is relaxed: refused before anything is judged.
    let blind = scene.with_policy(|policy| policy.replay = Replay::Off);
    let refused = day(&blind).err();
    assert_eq!(refused, Some(ArchiveRefused::DuplicatesUnseen));
}

/// A certificate that ended between signing and reading, moments apart: short lives do that to messages that nobody has stored for long.
#[test]
fn a_certificate_that_ended_moments_ago() {
    let scene = scene_of(-HOUR, 10);
    let report = scene.verify_at(20, &call(), vec![Ok(scene.present(&call()))]);
    assert_eq!(told(&report), of(Fault::CertificateExpired));
    let report = read(&scene, 20, scene.present(&call()));
    assert_eq!((told(&report), flag(&report)), (PASSED, FLAGGED));
    // What would pass as a call is not flagged.
    let report = read(&scene, 10, scene.present(&call()));
    assert_eq!((told(&report), flag(&report)), (PASSED, None));
}

#[test]
fn no_older_than_the_archive_takes_and_not_from_the_future() {
    let scene = Scene::new();
    let longest = i64::from(LONGEST);
    let message = sent(&scene, 0);
    assert_eq!(told(&read(&scene, longest, message.clone())), PASSED);
    let stale = read(&scene, longest + 1, message.clone());
    assert_eq!(told(&stale), (Verdict::Failed(Fault::IatStale), Some(403)));
    let detail = stale.detail().unwrap();
    assert!(detail.contains("is 259201 s behind"), "{detail}");
    assert_eq!(told(&read(&scene, -60, message.clone())), PASSED);
    let early = read(&scene, -61, message);
    let in_future = Verdict::Failed(Fault::IatInFuture);
    assert_eq!(told(&early), (in_future, Some(403)));
}

/// The certificate counts when the message is read, and did not when it was signed.
#[test]
fn a_certificate_that_did_not_count_yet_is_437() {
    let scene = scene_of(HOUR, 2 * DAY);
    let report = read(&scene, DAY, sent(&scene, HOUR - 1));
    assert_eq!(told(&report), of(Fault::IatOutsideValidity));
    assert_eq!(flag(&report), None);
    assert!(report.passports[0].token.proven().is_none());
    assert_eq!(told(&read(&scene, DAY, sent(&scene, HOUR))), PASSED);
}

/// The same signature again is a duplicate, with whatever Call-ID it comes, or with none.
#[test]
fn digest03_case15_the_same_signature_again_is_a_duplicate() {
    let replayed = (Verdict::Failed(Fault::Replayed), Some(438));
    for (replay, expected) in [(Replay::Observe, PASSED), (Replay::Enforce, replayed)] {
        let scene = Scene::new().with_policy(|policy| policy.replay = replay);
        let of_call = |reference: Option<CallReference>| Call {
            reference,
            ..call()
        };
        let service = archive(&scene);
        let message = scene.present(&call());
        let read =
            |seconds, call: &Call| read_by(&service, &scene, seconds, call, vec![message.clone()]);
        let first = read(DAY, &call());
        assert_eq!(told(&first), PASSED);
        assert_eq!(first.passports[0].sighting, Some(Sighting::First));
        let (same, other) = (Sighting::Again, Sighting::OtherCall);
        for (reference, sighting) in [
            (call().reference, same),
            (Some(reference("other@h", "1")), other),
            (None, other),
        ] {
            // As long as it may be old it is remembered.
            let report = read(i64::from(LONGEST), &of_call(reference));
            assert_eq!(told(&report), expected, "{replay:?}");
            let passport = &report.passports[0];
            assert_eq!(passport.sighting, Some(sighting));
            let detail = passport.check(Check::Replay).detail().unwrap();
            assert!(detail.ends_with("seen before"), "{detail}");
        }
        // Nobody has to bring a Call-ID for a duplicate to be seen.
        let service = archive(&scene);
        let nameless = of_call(None);
        let twice = [0, 1].map(|seconds| {
            told(&read_by(
                &service,
                &scene,
                seconds,
                &nameless,
                vec![message.clone()],
            ))
        });
        assert_eq!(twice, [PASSED, expected]);
    }
}

/// Who is not believed any more was not believed then.
#[test]
fn anchors_that_are_gone_vouch_for_nothing_that_was_stored() {
    let mut scene = Scene::new();
    let message = sent(&scene, 0);
    assert_eq!(told(&read(&scene, DAY, message.clone())), PASSED);
    scene.trust = Arc::new(Lab::new().trust(2));
    let report = read(&scene, DAY, message);
    assert_eq!(told(&report), of(Fault::PathUntrusted));
}

/// A message that was signed now and is read two hours later, when Alice's certificate has ended.
fn with_list(rule: RevocationRule, made: i64, revoked: Option<(i64, Reason)>) -> Report {
    let scene = listed(rule, made, revoked);
    read(&scene, made.max(2 * HOUR), scene.present(&call()))
}

/// Alice's certificate, which ends in an hour, and the list of the administrator, which is made `made` seconds from now and may name it.
fn listed(rule: RevocationRule, made: i64, revoked: Option<(i64, Reason)>) -> Scene {
    let mut scene = Scene::new();
    let pa = PolicyAdministrator::of(&scene.lab);
    scene.signer = lasting(&scene, pa.issuing(), -HOUR, HOUR);
    scene.repository.publish(X5U, &scene.signer.chain);
    let entries = revoked.map(|(at, reason)| countersign_ca::crl::Revoked {
        at: NOW.saturating_add(at),
        ..entry(scene.signer.chain.end_entity(), reason)
    });
    let draft = pa.draft_at(NOW.saturating_add(made), 7, entries.into_iter().collect());
    let trust = scene.lab.trust(2);
    let list = pa.verified(&draft, pa.pinned(), &trust).unwrap();
    scene.trust = Arc::new(trust.with_crls(rule, vec![list]));
    scene
}

/// Revoked moments after it was used, because there is a new one: a call would fail by that, what was stored does not, and that is said.
#[test]
fn a_certificate_that_was_revoked_moments_ago() {
    let superseded = Some((1, Reason::Superseded));
    let scene = listed(RevocationRule::Hard { grace: 0 }, 2, superseded);
    let report = scene.verify_at(30, &call(), vec![Ok(scene.present(&call()))]);
    assert_eq!(told(&report), of(Fault::Revoked));
    let report = read(&scene, 30, scene.present(&call()));
    assert_eq!((told(&report), flag(&report)), (PASSED, FLAGGED));
}

#[test]
fn what_was_revoked_by_then_is_437_and_what_was_revoked_later_if_its_key_may_be_another_s() {
    for rule in [
        RevocationRule::Hard { grace: 0 },
        RevocationRule::Soft { grace: 0 },
    ] {
        for (at, reason, expected) in [
            (-1, Reason::Superseded, of(Fault::Revoked)),
            (0, Reason::Superseded, of(Fault::Revoked)),
            (1, Reason::Superseded, PASSED),
            (1, Reason::CessationOfOperation, PASSED),
            (-1, Reason::KeyCompromise, of(Fault::Revoked)),
            (1, Reason::KeyCompromise, of(Fault::Revoked)),
            (1, Reason::CaCompromise, of(Fault::Revoked)),
            (1, Reason::Unspecified, of(Fault::Revoked)),
        ] {
            let report = with_list(rule, 2 * HOUR, Some((at, reason)));
            assert_eq!(told(&report), expected, "{rule:?} {at} {reason:?}");
            if expected == PASSED {
                assert_eq!(flag(&report), FLAGGED);
                let told = report.passports[0].check(Check::Revocation).detail();
                let detail = told.unwrap();
                assert!(detail.contains("2026-11-05T00:00:01Z"), "{detail}");
            }
        }
    }
}

/// Entries about certificates that have ended may be taken off a list: a list that was made later says nothing by its silence.
#[test]
fn a_list_of_after_the_end_is_no_word() {
    let revocation = |report: &Report| report.passports[0].check(Check::Revocation).outcome;
    let unknown = Fault::RevocationUnknown;
    let hard = RevocationRule::Hard { grace: 0 };
    let soft = RevocationRule::Soft { grace: 0 };
    let report = with_list(hard, HOUR + 1, None);
    assert_eq!(told(&report), (Verdict::NotValidated(unknown), Some(437)));
    let report = with_list(soft, HOUR + 1, None);
    assert_eq!(told(&report), PASSED);
    assert_eq!(revocation(&report), Outcome::Skipped);
    // One that was made before it and is not out of date yet.
    let report = with_list(hard, HOUR, None);
    assert_eq!(told(&report), PASSED);
    assert_eq!(revocation(&report), Outcome::Passed);
    // That it was in date when the message was signed is not enough: what has become known since is what is asked for.
    let report = with_list(hard, -LIST_PERIOD + HOUR, None);
    assert_eq!(told(&report), (Verdict::NotValidated(unknown), Some(437)));
}

/// A staple is as old as the token that has it; whom nobody can be asked about any more, nobody is asked about.
#[test]
fn staples_are_judged_as_of_iat_and_responders_as_of_now() {
    let of_mode = |mode, ends| {
        let rule = FreshnessRule {
            mode,
            missing: HARD,
            ..FreshnessRule::default()
        };
        World::of(rule, |scene, issuing| lasting(scene, issuing, -DAY, ends))
    };
    let unavailable = of(Fault::StatusUnavailable);
    let mut world = of_mode(FreshnessMode::StapleOnly, HOUR);
    for (made, expected) in [(0, PASSED), (-i64::from(LIFETIME), unavailable)] {
        let staple = world.answer(GOOD, Some(ALICE), made);
        let message = world.stapled(staple);
        assert_eq!(told(&read(&world.scene, DAY, message)), expected, "{made}");
    }
    let revoked = world.answer(REVOKED, Some(ALICE), 0);
    let message = world.stapled(revoked);
    assert_eq!(told(&read(&world.scene, DAY, message)), of(Fault::Revoked));
    let ended = of_mode(FreshnessMode::Live, HOUR);
    ended.respond(GOOD);
    let report = read(&ended.scene, DAY, ended.scene.present(&call()));
    assert_eq!(told(&report), unavailable);
    assert_eq!(freshness(&report).1, Some(FreshnessEvidence::Ended));
    assert!(!ended.has_asked());
    let since = |reason| Known {
        status: Status::Revoked {
            at: NOW.saturating_add(1),
            reason,
        },
        count: 50,
    };
    for (known, expected) in [
        (GOOD, PASSED),
        (REVOKED, of(Fault::Revoked)),
        (since(Reason::KeyCompromise), of(Fault::Revoked)),
        // It was not revoked then; but who says so has not said that it was good.
        (since(Reason::Superseded), unavailable),
    ] {
        let world = of_mode(FreshnessMode::Live, 2 * DAY);
        let responder = world.responder.clone();
        let later = NOW.saturating_add(DAY);
        let answering = move |request: &[u8]| responder.answer(request, &known, later);
        world.scene.repository.respond(OCSP, answering);
        let report = read(&world.scene, DAY, world.scene.present(&call()));
        assert_eq!(told(&report), expected, "{known:?}");
        assert!(world.has_asked());
    }
}

/// A Date that was right when the message was sent is right; one of another day was changed.
#[test]
fn the_date_of_a_message_is_as_old_as_the_message() {
    let scene = Scene::new().with_policy(|policy| policy.stale_date = StaleDate::Refuse);
    for (seconds, expected) in [
        (0, PASSED),
        (60, PASSED),
        (-61, (Verdict::Failed(Fault::DateStale), Some(403))),
        (DAY, (Verdict::Failed(Fault::DateStale), Some(403))),
    ] {
        let message = Call {
            date: DateHeader::At(NOW.saturating_add(seconds)),
            ..call()
        };
        let presented = vec![sent(&scene, 0)];
        let report = read_by(&archive(&scene), &scene, DAY, &message, presented);
        assert_eq!(told(&report), expected, "{seconds}");
    }
}

/// The certificate that was kept is the one in the token.
#[test]
fn a_chain_in_the_token_needs_nobody_to_keep_it() {
    let scene = scene_of(-HOUR, HOUR);
    let encoded = |one: &Certificate| {
        let der = countersign::passport::X5c::encoded(one.as_der());
        format!("\"{der}\"")
    };
    let certificates = scene.signer.chain.certificates().iter().map(encoded);
    let x5c = certificates.collect::<Vec<_>>().join(",");
    let member = format!(r#""typ":"passport","x5c":[{x5c}]"#);
    let message = Forgery::new().header(r#""typ":"passport""#, &member);
    let report = read(&scene, DAY, scene.forge(&message));
    assert_eq!((told(&report), flag(&report)), (PASSED, FLAGGED));
    assert_eq!(scene.repository.requests(), []);
}

/// What is found under the URL by now is another certificate: it proves nothing of the message.
#[test]
fn a_certificate_that_was_not_kept_is_no_proof() {
    let scene = Scene::new();
    let message = sent(&scene, 0);
    let next = scene.lab.numbers(ALICE, 50);
    scene.repository.publish(X5U, &next.chain);
    let report = read(&scene, DAY, message);
    let fault = Verdict::Failed(Fault::SignatureInvalid);
    assert_eq!(told(&report), (fault, Some(438)));
    let scene = Scene::new();
    scene.repository.fail(Unavailable::Offline);
    let report = read(&scene, DAY, sent(&scene, 0));
    assert_eq!(
        report.verdict,
        Verdict::NotValidated(Fault::CertificateUnavailable)
    );
}

/// A message that was sent on to somebody else, each PASSporT with its own time.
#[test]
fn a_message_that_was_diverted() {
    let way = Way::new();
    let presented = || vec![way.original(), way.div(BOB, CAROL)];
    let message = call_for(CAROL);
    let service = archive(&way.scene);
    let report = read_by(&service, &way.scene, DAY, &message, presented());
    assert_eq!(told(&report), PASSED);
    for passport in &report.passports {
        assert_eq!(passport.verdict, Verdict::Passed);
        assert_eq!(passport.flag, FLAGGED);
    }
    let late = i64::from(LONGEST) + 1;
    let report = read_by(
        &archive(&way.scene),
        &way.scene,
        late,
        &message,
        presented(),
    );
    assert_eq!(report.code.map(Code::number), Some(403));
    let plain = way.scene.verification();
    let report = read_by(&plain, &way.scene, DAY, &message, presented());
    assert_eq!(report.code.map(Code::number), Some(403));
}
