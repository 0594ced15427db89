//! A diverted call to which somebody on the way added what they liked, and one that came to somebody twice.
//!
//! ```text
//!    Alice ──► Bob's provider ──► Mallory ──────────────► Carol's provider
//!              shaken, div: from Bob to Carol
//!                             and a div that nobody signed who may
//! ```
//!
//! This test verifies that nobody's good chain is broken by a header that proves nothing, and that such a header proves nothing either.

use super::*;

/// A PASSporT that says what it likes, and that nobody has signed who may.
fn junk(presented: &Presented) -> Presented {
    let at = presented.token.len() - 10;
    let flipped = match &presented.token[at..=at] {
        "A" => "B",
        _ => "A",
    };
    let token = &presented.token;
    Presented {
        token: format!("{}{flipped}{}", &token[..at], &token[at + 1..]).into(),
        ..presented.clone()
    }
}

/// RFC 8946 §4.2: "a verification service needs to inspect all of the valid Identity header field values". What is not valid anybody
/// on the way can add.
#[test]
fn what_a_stranger_adds_breaks_no_whole_chain() {
    let way = Way::new();
    for (what, added) in [
        ("a circle", junk(&way.div(CAROL, BOB))),
        ("a fork", junk(&way.div(BOB, DAVE))),
        ("the same once more", junk(&way.div(BOB, CAROL))),
        ("a longer way", junk(&way.div(CAROL, DAVE))),
        ("no way at all", junk(&way.div(BOB, BOB))),
        (
            "a circle without authority",
            way.diverted(MALLORY, claims(CAROL, BOB)),
        ),
        (
            "a fork of somebody else's call",
            way.diverted(
                BOB,
                Claims {
                    orig: number(MALLORY),
                    ..claims(BOB, DAVE)
                },
            ),
        ),
        (
            "a fork that is long over",
            way.diverted(
                BOB,
                Claims {
                    iat: UnixTime::from_secs(NOW.as_secs() - 3_000),
                    ..claims(BOB, DAVE)
                },
            ),
        ),
        (
            "one that cannot be read",
            Presented {
                token: "e30.e30.e30".into(),
                ..way.div(BOB, DAVE)
            },
        ),
        (
            "a fork around an original",
            junk(&way.div_o(BOB, DAVE, &way.original())),
        ),
    ] {
        for at in 0..3 {
            let mut presented = vec![way.original(), way.div(BOB, CAROL)];
            presented.insert(at, added.clone());
            let report = way.verify(&call_for(CAROL), presented);
            assert_eq!(told(&report), (Verdict::Passed, None), "{what} at {at}");
            let verdict = report.passports[at].verdict;
            assert!(matches!(verdict, Verdict::Failed(_)), "{what}: {verdict:?}");
            let original = report.deciding().unwrap();
            let diverted = format!("diverted: {BOB} to {CAROL}");
            assert_eq!(original.check(Check::Dest).detail().unwrap(), diverted);
            let complaints = report.consequences().unwrap().complaints;
            assert_eq!(complaints.len(), 1, "{what}");
        }
    }
}

/// The certificate of who diverts back cannot be had: nobody knows whether that is a circle.
#[test]
fn what_could_not_be_judged_breaks_no_whole_chain_and_fails_none() {
    let way = Way::new();
    let nowhere = |from: &str, to: &str| {
        let key = countersign_testkit::lab::new_key();
        let url = "https://cert.example.org/nowhere.pem";
        let passport = Passport::new(claims(from, to)).unwrap();
        let signed = passport
            .sign(&HeaderCache::new(url).unwrap(), &*key)
            .unwrap();
        Presented {
            info: Some(url.into()),
            ppt: Some("div".into()),
            ..Presented::bare(signed.token())
        }
    };
    let unread = Verdict::NotValidated(Fault::CertificateUnavailable);
    let unproven = Verdict::NotValidated(Fault::ChainUnproven);
    let extra = vec![way.original(), way.div(BOB, CAROL), nowhere(CAROL, BOB)];
    let report = way.verify(&call_for(CAROL), extra);
    assert_eq!(
        verdicts(&report),
        [Verdict::Passed, Verdict::Passed, unread]
    );
    // The only way leads over it, and a stranger adds a circle.
    let needed = vec![
        way.original(),
        nowhere(BOB, CAROL),
        way.div(CAROL, DAVE),
        junk(&way.div(DAVE, BOB)),
    ];
    let report = way.verify(&call_for(DAVE), needed);
    assert_eq!(
        verdicts(&report),
        [
            unproven,
            unread,
            unproven,
            Verdict::Failed(Fault::SignatureInvalid)
        ]
    );
}

/// What was good by itself may not be as old as it was where it stood.
#[test]
fn without_a_strangers_diversion_the_one_before_is_the_outermost() {
    let way = Way::with(Scene::new().with_policy(|policy| policy.diverted_freshness = 3 * 3_600));
    let longer = Claims {
        iat: UnixTime::from_secs(NOW.as_secs() + 3_000),
        ..claims(CAROL, DAVE)
    };
    let longer = way.diverted(CAROL, longer);
    let presented = vec![way.original(), way.div(BOB, CAROL), longer];
    let report = way.verify_at(3_000, &call_for(DAVE), presented.clone());
    assert_eq!(told(&report), (Verdict::Passed, None));
    let [original, div, longer] = &presented[..] else {
        unreachable!("three");
    };
    let presented = vec![original.clone(), div.clone(), junk(longer)];
    for target in [CAROL, DAVE] {
        let report = way.verify_at(3_000, &call_for(target), presented.clone());
        assert!(matches!(report.verdict, Verdict::Failed(_)), "{target}");
    }
}

/// A diversion that nobody can read says that the call was diverted, and proves nothing.
#[test]
fn an_original_is_not_failed_by_a_diversion_that_cannot_be_read() {
    let way = Way::new();
    let unreadable = |token: &str| Presented {
        token: token.into(),
        ..way.div(BOB, CAROL)
    };
    let header = way.div(BOB, CAROL);
    let (header, _) = header.token.split_once('.').unwrap();
    for garbage in [
        unreadable("not a token"),
        unreadable(&format!("..{}", "A".repeat(86))),
        unreadable(&format!("{header}.e30.{}", "A".repeat(86))),
    ] {
        for to in [BOB, CAROL] {
            let report = way.verify(&call_for(to), vec![way.original(), garbage.clone()]);
            let original = report.passports[0].verdict;
            let expected = match to {
                BOB => Verdict::Passed,
                _ => Verdict::NotValidated(Fault::ChainIncomplete),
            };
            assert_eq!(original, expected);
            assert_eq!(report.verdict, expected);
            assert_eq!(report.consequences().unwrap().complaints.len(), 1);
        }
        let to_nobody = Call {
            dest: vec![
                (number(CAROL), DestSource::To),
                (number(CAROL), DestSource::RequestUri),
            ],
            ..call()
        };
        let report = way.verify(&to_nobody, vec![way.original(), garbage]);
        let original = report.passports[0].verdict;
        let expected = Verdict::Failed(Fault::DestMismatch);
        assert_eq!(original, expected, "not even To names Bob");
    }
}

/// Bob's calls go to Carol, hers to Bob, and Bob, who is busy now, sends this one to Dave.
#[test]
fn there_and_back_and_on_is_not_validated_and_never_failed() {
    let way = Way::new();
    let there_and_back = || vec![way.original(), way.div(BOB, CAROL), way.div(CAROL, BOB)];
    let mut on = there_and_back();
    on.push(way.div(BOB, DAVE));
    let unclear = Verdict::NotValidated(Fault::ChainUnclear);
    let report = way.verify(&call_for(DAVE), on.clone());
    assert_eq!(verdicts(&report), [unclear; 4]);
    assert_eq!(told(&report), (unclear, Some(438)));
    // It never came to Carol again.
    let report = way.verify(&call_for(CAROL), on.clone());
    assert_eq!(report.verdict.name(), "failed");
    // Back at Bob, it is for whom it was signed.
    let report = way.verify(&call_for(BOB), there_and_back());
    assert_eq!(
        verdicts(&report),
        [Verdict::Passed, unclear, unclear],
        "the original names him"
    );
    // Who has not diverted the call does not make its way unclear.
    on[2] = junk(&on[2]);
    let report = way.verify(&call_for(DAVE), on);
    assert_eq!(report.verdict.name(), "failed", "a fork");
    // Nor is there a way that takes one diversion twice.
    let mut twice = there_and_back();
    twice.extend([way.div(BOB, CAROL), way.div(CAROL, DAVE)]);
    let report = way.verify(&call_for(DAVE), twice);
    assert_eq!(report.verdict.name(), "failed");
}

/// Whoever signed what is inside is judged by what we could get; who signed around it hears of that only if it is bad.
#[test]
fn who_signed_around_another_is_not_blamed_for_what_we_did_not_fetch() {
    for (cause, blamed) in [
        (Unavailable::Overloaded, 0),
        (Unavailable::BadStatus(404), 1),
    ] {
        let way = Way::new();
        let around = way.div_o(BOB, CAROL, &way.original());
        let known = way.verify(&call_for(CAROL), vec![way.div(BOB, CAROL)]);
        assert_eq!(told(&known), failed(Fault::ChainIncomplete));
        way.scene.repository.fail(cause);
        let report = way.verify(&call_for(CAROL), vec![around]);
        assert_eq!(
            verdicts(&report),
            [
                Verdict::NotValidated(Fault::ChainUnproven),
                Verdict::NotValidated(Fault::CertificateUnavailable)
            ]
        );
        assert_eq!(report.complaints().len(), blamed, "{cause}");
    }
}
