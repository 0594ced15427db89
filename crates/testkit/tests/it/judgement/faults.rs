//! Every fault of the glossary that a token can have, by the number under which the interoperability lists know it.
//!
//! ```text
//!    a forger with the right key ── spoilt token ──► Bob's provider: failed, with the right code
//! ```
//!
//! This test verifies that each defect is told by its own name and code, under both thoroughness levels, and that nothing that
//! is wrong in the token itself buys a fetch.

use super::told;
use countersign::call::DestSource;
use countersign::passport::{MAX_DESTINATIONS, MAX_TOKEN, Presented};
use countersign::verification::policy::{
    BasePassport, InfoRequirement, Serialization, StringIat, Thoroughness, UnsupportedPpt,
};
use countersign::verification::{Check, Fault, Malformed, Outcome, Unavailable, Verdict};
use countersign_testkit::scene::{ALICE, BOB, Forgery, MALLORY, ORIGID, Scene, X5U, call, number};

/// Number in the list, fault, code, and what is replaced by what in the text that is signed.
type Edit = (&'static str, Fault, u16, &'static str, &'static str);

/// What is wrong with the header of the token.
const HEADERS: &[Edit] = &[
    ("header is not JSON", Fault::HeaderMalformed, 438, "{", ""),
    (
        "018 alg wrong (E12)",
        Fault::AlgUnsupported,
        437,
        "ES256",
        "HS256",
    ),
    ("alg none", Fault::AlgUnsupported, 437, "ES256", "none"),
    (
        "digest 12 case 21",
        Fault::AlgUnsupported,
        437,
        "ES256",
        "ES384",
    ),
    (
        "E9 alg missing",
        Fault::AlgMissing,
        436,
        r#""alg":"ES256","#,
        "",
    ),
    ("E13 ppt wrong", Fault::PptMismatch, 438, "shaken", "div"),
    (
        "E9 typ missing",
        Fault::TypMissing,
        436,
        r#""typ":"passport","#,
        "",
    ),
    (
        "digest 12 case 21 (E11)",
        Fault::TypInvalid,
        437,
        "passport",
        "JWT",
    ),
    (
        "typ is a number",
        Fault::HeaderMalformed,
        438,
        r#""passport""#,
        "7",
    ),
    (
        "crit",
        Fault::CritUnsupported,
        438,
        "{",
        r#"{"crit":["exp"],"exp":1,"#,
    ),
    (
        "digest 12 case 24",
        Fault::DuplicateMember,
        438,
        "{",
        r#"{"alg":"ES256","#,
    ),
    (
        "E9 x5u absent",
        Fault::X5uMissing,
        436,
        r#","x5u":"https://cert.example.org/alice.pem""#,
        "",
    ),
];

/// What is wrong with the claims.
const CLAIMS: &[Edit] = &[
    (
        "015 payload is not JSON",
        Fault::ClaimsMalformed,
        438,
        "{",
        "",
    ),
    ("100 iat 0", Fault::IatStale, 403, IAT, r#""iat":0"#),
    (
        "101 iat missing",
        Fault::IatMissing,
        438,
        r#""iat":1793836800,"#,
        "",
    ),
    (
        "102 iat past (E15)",
        Fault::IatStale,
        403,
        IAT,
        r#""iat":1793836739"#,
    ),
    (
        "104 iat far future",
        Fault::IatInFuture,
        403,
        IAT,
        r#""iat":1793923200"#,
    ),
    (
        "105 iat text",
        Fault::IatInvalid,
        438,
        IAT,
        r#""iat":"1793836800""#,
    ),
    ("iat fraction", Fault::IatInvalid, 438, IAT, r#""iat":1.5"#),
    ("106 iat negative", Fault::IatStale, 403, IAT, r#""iat":-5"#),
    (
        "end of time",
        Fault::IatInFuture,
        403,
        IAT,
        r#""iat":9223372036854775807"#,
    ),
    (
        "before all time",
        Fault::IatStale,
        403,
        IAT,
        r#""iat":-9223372036854775808"#,
    ),
    ("301 orig missing", Fault::OrigMissing, 438, ORIG, ""),
    ("302 dest missing (E14)", Fault::DestMissing, 438, DEST, ""),
    (
        "303 orig differs (E16)",
        Fault::OrigMismatch,
        438,
        ALICE,
        MALLORY,
    ),
    (
        "304 dest differs (E16)",
        Fault::DestMismatch,
        438,
        BOB,
        MALLORY,
    ),
    (
        "305 orig empty",
        Fault::OrigInvalid,
        438,
        ORIG,
        r#""orig":{},"#,
    ),
    ("305 orig.tn empty", Fault::OrigInvalid, 438, ALICE, ""),
    (
        "306 dest empty",
        Fault::DestInvalid,
        438,
        DEST,
        r#""dest":{},"#,
    ),
    (
        "306 dest.tn empty",
        Fault::DestInvalid,
        438,
        r#"["12025550101"]"#,
        "[]",
    ),
    ("308 dest garbage", Fault::DestInvalid, 438, BOB, "garbage"),
    (
        "dest.tn a string",
        Fault::DestInvalid,
        438,
        r#"["12025550101"]"#,
        r#""12025550101""#,
    ),
    (
        "orig with plus",
        Fault::OrigInvalid,
        438,
        ALICE,
        "+12025550100",
    ),
    (
        "orig twice over",
        Fault::OrigInvalid,
        438,
        r#""tn":"1202"#,
        r#""uri":"sip:a@b","tn":"1202"#,
    ),
    (
        "400 attest missing (E14)",
        Fault::AttestMissing,
        438,
        r#""attest":"A","#,
        "",
    ),
    (
        "401 attest empty (E19)",
        Fault::AttestInvalid,
        438,
        r#""A""#,
        r#""""#,
    ),
    (
        "402 attest X",
        Fault::AttestInvalid,
        438,
        r#""A""#,
        r#""X""#,
    ),
    (
        "403 attest garbage",
        Fault::AttestInvalid,
        438,
        r#""A""#,
        "[7]",
    ),
    (
        "73 origid is no UUID",
        Fault::OrigidInvalid,
        438,
        ORIGID,
        "42",
    ),
    (
        "E14 origid missing",
        Fault::OrigidMissing,
        438,
        r#","origid":"de305d54-75b4-431b-adb2-eb6b9e546014""#,
        "",
    ),
    (
        "digest 12 case 24",
        Fault::DuplicateMember,
        438,
        "{",
        r#"{"iat":1,"#,
    ),
    (
        "nested duplicate",
        Fault::DuplicateMember,
        438,
        r#"{"tn":["#,
        r#"{"tn":[],"tn":["#,
    ),
];

const IAT: &str = r#""iat":1793836800"#;
const ORIG: &str = r#""orig":{"tn":"12025550100"},"#;
const DEST: &str = r#""dest":{"tn":["12025550101"]},"#;

/// URLs that nothing is fetched from.
const URLS: &[(&str, &str)] = &[
    ("501 x5u empty", ""),
    ("502 x5u garbage", "garbage"),
    ("208 port", "https://cert.example.org:8080/alice.pem"),
    ("55 http", "http://cert.example.org/alice.pem"),
    ("54 query", "https://cert.example.org/alice.pem?a=b"),
    ("54 userinfo", "https://user@cert.example.org/alice.pem"),
];

/// Number in the list, fault, code, and the spoilt header.
type Case = (&'static str, Fault, u16, Presented);

fn header(scene: &Scene, from: &str, to: &str) -> Presented {
    scene.forge(&Forgery::new().header(from, to))
}

fn payload(scene: &Scene, from: &str, to: &str) -> Presented {
    scene.forge(&Forgery::new().payload(from, to))
}

fn token(text: &str) -> Presented {
    Presented {
        info: Some(X5U.into()),
        ..Presented::bare(text)
    }
}

/// What is wrong with the token's form.
fn forms(scene: &Scene) -> Vec<Case> {
    let good = scene.forge(&Forgery::new());
    let (input, signature) = good.token.rsplit_once('.').unwrap();
    let short = signature.get(2..).unwrap();
    vec![
        (
            "010 garbage",
            Fault::PassportMalformed,
            438,
            token("garbage"),
        ),
        (
            "69 padding inside",
            Fault::PassportMalformed,
            438,
            token(&good.token.replacen('.', "=.", 2).replacen("=.", ".", 1)),
        ),
        (
            "011 invalid JWT",
            Fault::PassportMalformed,
            438,
            token("a!.b.c"),
        ),
        (
            "E4 compact form",
            Fault::CompactForm,
            438,
            Presented {
                ppt: Some("shaken".into()),
                ..token(&format!("..{signature}"))
            },
        ),
        (
            "68 63 bytes",
            Fault::SignatureMalformed,
            438,
            token(&format!("{input}.{short}")),
        ),
        (
            "69 padding",
            Fault::SignatureMalformed,
            438,
            token(&format!("{input}.{signature}=")),
        ),
    ]
}

/// What is wrong with the parameters beside a good token.
fn parameters(scene: &Scene) -> Vec<Case> {
    let good = || scene.forge(&Forgery::new());
    let elsewhere = Some("https://cert.example.org/bob.pem".into());
    vec![
        (
            "016 info missing (E6)",
            Fault::InfoMissing,
            436,
            Presented {
                info: None,
                ..good()
            },
        ),
        (
            "E10 x5u is not info",
            Fault::InfoMismatch,
            436,
            Presented {
                info: elsewhere,
                ..good()
            },
        ),
        (
            "018 alg",
            Fault::AlgMismatch,
            438,
            Presented {
                alg: Some("ES384".into()),
                ..good()
            },
        ),
        (
            "020 ppt wrong (E5)",
            Fault::PptMismatch,
            438,
            Presented {
                ppt: Some("div".into()),
                ..good()
            },
        ),
    ]
}

fn cases(scene: &Scene) -> Vec<Case> {
    let headers = HEADERS
        .iter()
        .map(|(case, fault, code, from, to)| (*case, *fault, *code, header(scene, from, to)));
    let claims = CLAIMS
        .iter()
        .map(|(case, fault, code, from, to)| (*case, *fault, *code, payload(scene, from, to)));
    let urls = URLS.iter().map(|(case, url)| {
        let presented = Presented {
            info: Some((*url).into()),
            ..header(scene, X5U, url)
        };
        (*case, Fault::X5uInvalid, 436, presented)
    });
    let both_missing = Forgery::new().payload(DEST, "").payload(ORIG, "");
    let array = Forgery {
        payload: "[]".into(),
        ..Forgery::new()
    };
    let long = "1".repeat(4096);
    let mut cases = vec![
        (
            "300 orig and dest missing",
            Fault::DestMissing,
            438,
            scene.forge(&both_missing),
        ),
        (
            "307 orig 4 kB",
            Fault::OrigInvalid,
            438,
            payload(scene, ALICE, &long),
        ),
        (
            "payload is an array",
            Fault::ClaimsMalformed,
            438,
            scene.forge(&array),
        ),
    ];
    cases.extend(headers.chain(claims).chain(urls));
    cases.extend(forms(scene));
    cases.extend(parameters(scene));
    cases
}

#[test]
fn users_cases_003_to_040_and_digest12_e4_to_e19() {
    let scene = Scene::new();
    for (case, fault, code, presented) in cases(&scene) {
        let report = scene.verify(&call(), presented);
        assert_eq!(
            told(&report),
            (Verdict::Failed(fault), Some(code)),
            "{case}: {:?}",
            report.detail()
        );
        assert!(report.detail().is_some(), "{case}");
        assert!(report.passports[0].token.proven().is_none(), "{case}");
    }
    assert!(
        scene.repository.requests().is_empty(),
        "nothing of this buys a fetch"
    );
}

/// With every check made, the verdict is the same kind and the fault is still among those found.
#[test]
fn the_same_cases_with_every_check_made() {
    let scene = Scene::new().with_policy(|policy| policy.thoroughness = Thoroughness::EveryCheck);
    for (case, fault, _, presented) in cases(&scene) {
        let report = scene.verify(&call(), presented);
        assert!(matches!(report.verdict, Verdict::Failed(_)), "{case}");
        let passport = &report.passports[0];
        assert_eq!(passport.checks.iter().count(), Check::ALL.len(), "{case}");
        assert!(
            passport.check_of(fault).is_some(),
            "{case}: {:?}",
            passport.checks
        );
    }
}

#[test]
fn every_check_finds_the_good_signature_of_a_stale_token_and_the_bad_one() {
    let scene = Scene::new().with_policy(|policy| policy.thoroughness = Thoroughness::EveryCheck);
    let outcome = |report: &countersign::verification::Report, check| {
        report.passports[0].check(check).outcome
    };
    let report = scene.verify_at(3600, &call(), vec![Ok(scene.present(&call()))]);
    assert_eq!(told(&report), (Verdict::Failed(Fault::IatStale), Some(403)));
    assert_eq!(outcome(&report, Check::Signature), Outcome::Passed);
    assert_eq!(outcome(&report, Check::Authority), Outcome::Passed);
    let forged = Forgery::new().sign(&*countersign_testkit::lab::new_key());
    let report = scene.verify(&call(), forged);
    assert_eq!(
        outcome(&report, Check::Signature),
        Outcome::Failed(Fault::SignatureInvalid)
    );
}

#[test]
fn an_identity_header_that_is_none() {
    let scene = Scene::new();
    for (malformed, fault, code) in [
        (Malformed::Info, Fault::InfoInvalid, 436),
        (Malformed::Obsolete, Fault::IdentityMalformed, 438),
        (Malformed::Parameter, Fault::IdentityMalformed, 438),
        (Malformed::Token, Fault::IdentityMalformed, 438),
    ] {
        let report = scene.verify_at(0, &call(), vec![Err(malformed)]);
        assert_eq!(told(&report), (Verdict::Failed(fault), Some(code)));
    }
}

/// RFC 8225 has no limits. What is beyond ours was not looked at, so nobody may say that it is bad.
#[test]
fn what_is_larger_than_we_read_is_not_validated() {
    let scene = Scene::new();
    let many: Vec<_> = (0..=MAX_DESTINATIONS)
        .map(|number| format!("\"12025{number:06}\""))
        .collect();
    let list = format!("[\"{BOB}\"]");
    let beyond = [
        token(&"a".repeat(MAX_TOKEN + 1)),
        payload(&scene, &list, &format!("[{}]", many.join(","))),
        payload(
            &scene,
            "{",
            &format!("{{\"abc\":{}{},", "[".repeat(40), "]".repeat(40)),
        ),
        header(
            &scene,
            "{",
            &format!("{{\"abc\":{}{},", "[".repeat(40), "]".repeat(40)),
        ),
    ];
    let not_validated = (Verdict::NotValidated(Fault::BeyondLimits), Some(438));
    for presented in beyond {
        let report = scene.verify(&call(), presented);
        assert_eq!(told(&report), not_validated, "{:?}", report.detail());
    }
    let report = scene.verify_at(0, &call(), vec![Err(Malformed::TooLong)]);
    assert_eq!(told(&report), not_validated);
}

/// RFC 8224 knows the compact form of a token without extension, and a 438 asks for the full one (§6.1.1); shaken has none.
#[test]
fn users_case_72_the_compact_form_is_wrong_for_shaken_and_not_rebuilt_for_others() {
    let compact = |ppt: Option<&str>| Presented {
        ppt: ppt.map(Box::from),
        ..token(&format!("..{}", "A".repeat(86)))
    };
    let scene = Scene::new();
    let told_of = |scene: &Scene, ppt| told(&scene.verify(&call(), compact(ppt)));
    let failed = (Verdict::Failed(Fault::CompactForm), Some(438));
    let not_rebuilt = Verdict::NotValidated(Fault::CompactNotRebuilt);
    assert_eq!(told_of(&scene, Some("shaken")), failed);
    assert_eq!(told_of(&scene, None), (not_rebuilt, Some(438)));
    let only_shaken = scene.with_policy(|policy| policy.base_passport = BasePassport::Refuse);
    assert_eq!(told_of(&only_shaken, None), failed);
}

#[test]
fn users_cases_002_009_019_103_what_is_accepted() {
    let scene = Scene::new();
    let good = || scene.forge(&Forgery::new());
    for (case, presented) in [
        (
            "017 alg parameter missing",
            Presented {
                alg: None,
                ..good()
            },
        ),
        (
            "019 ppt parameter missing",
            Presented {
                ppt: None,
                ..good()
            },
        ),
        (
            "alg in small letters",
            Presented {
                alg: Some("es256".into()),
                ..good()
            },
        ),
        (
            "ppt in capitals",
            Presented {
                ppt: Some("SHAKEN".into()),
                ..good()
            },
        ),
        (
            "103 iat slightly ahead",
            payload(&scene, IAT, r#""iat":1793836805"#),
        ),
        (
            "case 70 blanks and another order",
            header(&scene, "{", "{ "),
        ),
        (
            "50 several dest",
            payload(
                &scene,
                &format!("\"{BOB}\""),
                &format!("\"12025550150\",\"{BOB}\""),
            ),
        ),
        ("an unknown claim", payload(&scene, "{", "{\"abc\":[1,{}],")),
    ] {
        let report = scene.verify(&call(), presented);
        assert_eq!(
            told(&report),
            (Verdict::Passed, None),
            "{case}: {:?}",
            report.detail()
        );
    }
}

#[test]
fn users_cases_022_023_025_a_certificate_that_cannot_be_had_is_not_validated() {
    for cause in [
        Unavailable::BadChain,
        Unavailable::BadStatus(404),
        Unavailable::ForbiddenAddress,
        Unavailable::Redirect,
        Unavailable::TimedOut,
        Unavailable::TooLarge,
    ] {
        let scene = Scene::new();
        scene.repository.fail(cause);
        let report = scene.verify(&call(), scene.present(&call()));
        let verdict = Verdict::NotValidated(Fault::CertificateUnavailable);
        assert_eq!(told(&report), (verdict, Some(436)), "{cause:?}");
        assert!(report.detail().unwrap().ends_with(&cause.to_string()));
    }
}

#[test]
fn a_type_that_is_not_supported_is_as_if_it_were_not_there() {
    let scene = Scene::new();
    let foo = || {
        let presented = header(&scene, "\"shaken\"", "\"foo\"");
        Presented {
            ppt: Some("foo".into()),
            ..presented
        }
    };
    for presented in [
        foo(),
        Presented { ppt: None, ..foo() },
        Presented {
            ppt: Some("foo".into()),
            ..token("..c2ln")
        },
    ] {
        let report = scene.verify(&call(), presented);
        assert_eq!(told(&report), (Verdict::Unsigned, None));
        assert_eq!(
            report.passports[0].check(Check::Ppt).outcome,
            Outcome::Failed(Fault::PptUnsupported)
        );
    }
    let asked_for_shaken_only =
        Scene::new().with_policy(|policy| policy.unsupported_ppt = UnsupportedPpt::Refuse);
    let report = asked_for_shaken_only.verify(&call(), foo());
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::PptUnsupported), Some(438))
    );
}

#[test]
fn policies_each_in_both_positions() {
    let scene = Scene::new();
    let base = {
        let forgery = Forgery::new().header("\"ppt\":\"shaken\",", "");
        Presented {
            ppt: None,
            ..scene.forge(&forgery)
        }
    };
    let text_iat = payload(&scene, IAT, r#""iat":"1793836800""#);
    let blanks = header(&scene, "{", "{ ");
    let presented = Presented {
        info: None,
        ..scene.forge(&Forgery::new())
    };
    assert_eq!(scene.verify(&call(), base.clone()).verdict, Verdict::Passed);
    let scene = scene.with_policy(|policy| policy.base_passport = BasePassport::Refuse);
    let report = scene.verify(&call(), base.clone());
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::PptMissing), Some(436))
    );
    let scene = scene.with_policy(|policy| policy.string_iat = StringIat::Lenient);
    assert_eq!(scene.verify(&call(), text_iat).verdict, Verdict::Passed);
    let scene = scene.with_policy(|policy| policy.serialization = Serialization::Strict);
    let report = scene.verify(&call(), blanks);
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::SerializationNotCanonical), Some(438))
    );
    let scene = scene.with_policy(|policy| policy.info = InfoRequirement::Optional);
    assert_eq!(scene.verify(&call(), presented).verdict, Verdict::Passed);
}

#[test]
fn a_call_that_names_nobody_is_not_validated_whatever_the_token_says() {
    let scene = Scene::new();
    let mut nobody_called = call();
    nobody_called.dest.clear();
    let report = scene.verify(&nobody_called, scene.present(&call()));
    assert_eq!(
        told(&report),
        (Verdict::NotValidated(Fault::CalledPartyUnknown), Some(438))
    );
    // A bad signature still weighs more.
    let forged = Forgery::new().sign(&*countersign_testkit::lab::new_key());
    assert_eq!(
        scene.verify(&nobody_called, forged).verdict,
        Verdict::Failed(Fault::SignatureInvalid)
    );
    let mut other = call();
    other.dest = vec![
        (number(MALLORY), DestSource::To),
        (number("911"), DestSource::RequestUri),
    ];
    let detail = scene
        .verify(&other, scene.present(&call()))
        .detail()
        .unwrap();
    assert_eq!(
        detail,
        "The token was made for a call to somebody else: the token says 12025550101, the call 12025550199 911"
    );
}

#[test]
fn digest02_case01_an_x5u_that_answers_404() {
    let scene = Scene::new();
    let nowhere = "https://cert.example.org/nowhere.pem";
    let presented = Presented {
        info: Some(nowhere.into()),
        ..header(&scene, X5U, nowhere)
    };
    let report = scene.verify(&call(), presented);
    let verdict = Verdict::NotValidated(Fault::CertificateUnavailable);
    assert_eq!(told(&report), (verdict, Some(436)));
    assert!(report.detail().unwrap().ends_with("the HTTP status is 404"));
}

#[test]
fn digest02_case14_dest_is_not_to() {
    let scene = Scene::new();
    let report = scene.verify(&call(), payload(&scene, BOB, MALLORY));
    assert_eq!(
        told(&report),
        (Verdict::Failed(Fault::DestMismatch), Some(438))
    );
}

#[test]
fn digest12_case21_alg_typ_and_x5u() {
    let scene = Scene::new();
    let without_x5u = format!(",\"x5u\":\"{X5U}\"");
    for (from, to, code) in [
        ("ES256", "ES384", 437),
        ("passport", "JWT", 437),
        (without_x5u.as_str(), "", 436),
    ] {
        let report = scene.verify(&call(), header(&scene, from, to));
        assert_eq!(told(&report).1, Some(code), "{from} {to}");
        assert_eq!(report.verdict.name(), "failed");
    }
}

#[test]
fn digest12_case24_two_members_of_one_name() {
    let scene = Scene::new();
    for presented in [
        payload(&scene, "{", "{\"attest\":\"A\","),
        header(&scene, "{", "{\"typ\":\"passport\","),
    ] {
        let report = scene.verify(&call(), presented);
        assert_eq!(
            told(&report),
            (Verdict::Failed(Fault::DuplicateMember), Some(438))
        );
    }
}
