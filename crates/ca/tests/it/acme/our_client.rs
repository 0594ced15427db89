//! Our own client: what it makes of a server that is lost, busy, wrong or right.

use super::site::BASE;
use super::world::{TOKENS, Weather, World, authority, key};
use countersign::certificate::crl::Reason;
use countersign::crypto::SigningKey;
use countersign_ca::acme::practice::{BindingNeed, ExternalAccounts, Reuse};
use countersign_ca::acme::{Dialect, Unfetched};
use countersign_ca::enrolment::{
    Enrolment, Errand, ExternalAccount, Failure, HttpRequest, HttpResponse, Lost, Method, Opening,
    Proof, ResponseField, RevokedBy, Stage, Step, Task, Terms, TokenAuthority, TokenMismatch,
    TokenSource, Wrapping,
};
use countersign_ca::token::validation::TokenIssuer;
use countersign_ca::token::{Fingerprint, FingerprintRule};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn is_refused(failure: &Failure, stage: Stage, kind: &str) {
    match failure {
        Failure::Refused(at, problem) => assert_eq!((*at, &*problem.kind), (stage, kind)),
        other => panic!("{other:?}"),
    }
}

/// This test verifies the whole way: an account, a token from the token authority, an order, its certificate, and where it is published.
#[test]
fn from_a_key_to_a_certificate() {
    let mut world = World::new(0, Weather::default());
    let (account, own) = (key(), key());
    let mut enrolment = Enrolment::new(world.wish(&own), account.clone());
    let enrolled = world.enrol(&mut enrolment).unwrap();
    let leaf = enrolled.chain.end_entity();
    assert_eq!(leaf.public_key().p256(), Some(&own.public_key()));
    assert_eq!(enrolled.chain.certificates().len(), 2);
    let x5u = enrolled.x5u.unwrap();
    assert!(x5u.starts_with("https://ca.example/certificates/"), "{x5u}");
    assert_eq!(world.certificates(), 1);
    // The same key again is the same account, and another certificate.
    let mut again = Enrolment::new(world.wish(&key()), account);
    let second = world.enrol(&mut again).unwrap();
    assert_eq!(second.account, enrolled.account);
    assert_eq!((world.certificates(), world.waits.as_slice()), (2, &[][..]));
}

/// This test verifies that every way to say it leads there: a token at hand, a flat request, the words of deployed SHAKEN.
#[test]
fn a_token_at_hand_and_the_words_of_others() {
    let mut world = World::new(0, Weather::default());
    let account = key();
    let mut wish = world.wish(&key());
    let given = {
        let request = authority().clone();
        let fetched = HttpRequest {
            body: format!(
                r#"{{"tktype":"TNAuthList","tkvalue":"MAigBhYEMTIzNA","ca":false,"fingerprint":"{}"}}"#,
                Fingerprint::thumbprint_of(&account.public_key())
            )
            .into_bytes(),
            method: Method::Post,
            url: TOKENS.into(),
            content_type: None,
            authorization: request.authorization,
        };
        let answer: Value = serde_json::from_slice(&world.token(&fetched).body).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    };
    wish.proof = Proof::Token {
        source: TokenSource::Given(given.as_str().into()),
        field: ResponseField::Tkauth,
    };
    world
        .enrol(&mut Enrolment::new(wish.clone(), account))
        .unwrap();
    // The token is for another account: it is not even sent.
    let stranger = world.enrol(&mut Enrolment::new(wish, key()));
    assert_eq!(
        stranger.unwrap_err(),
        Failure::Token(TokenMismatch::OtherAccount)
    );
    world.site.practice.dialect = Dialect::Shaken;
    world.site.practice.token_reuse = Reuse::Once;
    world.site.practice.fingerprint = FingerprintRule::Spki;
    let mut wish = world.wish(&key());
    wish.proof = Proof::Token {
        source: TokenSource::Authority(TokenAuthority {
            wrapping: Wrapping::Flat,
            fingerprint: FingerprintRule::Spki,
            ..authority()
        }),
        field: ResponseField::Atc,
    };
    world.enrol(&mut Enrolment::new(wish, key())).unwrap();
    assert_eq!(world.certificates(), 2);
}

/// This test verifies that in a net that loses one message in five and doubles as many, with a server that is killed in one request of
/// ten, everybody has one certificate in the end, and nobody has two.
#[test]
fn one_certificate_each_in_the_worst_of_nets() {
    let weather = Weather {
        lost: 48,
        doubled: 48,
        killed: 25,
    };
    for seed in 0..60 {
        let mut world = World::new(seed, weather);
        for _ in 0..2 {
            let mut enrolment = Enrolment::new(world.wish(&key()), key());
            let done = world.enrol(&mut enrolment);
            assert!(done.is_ok(), "seed {seed}: {done:?}");
        }
        let register = &world.site.ledger.register;
        let orders: BTreeSet<_> = register.certificates().map(|(_, one)| &one.order).collect();
        assert_eq!((world.certificates(), orders.len()), (2, 2), "seed {seed}");
    }
}

/// This test verifies that a client that was stopped after its certificate was asked for has it from the same order later; and that
/// nothing is ordered in the place of an order that there is not.
#[test]
fn a_client_that_was_stopped_goes_on_with_its_order() {
    let mut world = World::new(0, Weather::default());
    let (account, own) = (key(), key());
    let mut stopped = Enrolment::new(world.wish(&own), account.clone());
    while stopped.stage() != Stage::Download {
        let now = world.site.now;
        let Step::Ask(request) = stopped.next(now) else {
            panic!("{stopped:?}")
        };
        let answer = world.deliver(&request).unwrap();
        stopped.heard(Ok(&answer), now);
    }
    let order: Box<str> = stopped.order().unwrap().into();
    let mut wish = world.wish(&own);
    wish.order = Some(order.clone());
    let enrolled = world
        .enrol(&mut Enrolment::new(wish.clone(), account.clone()))
        .unwrap();
    assert_eq!((enrolled.order, world.certificates()), (order, 1));
    for gone in ["AAAAAAAAAAAAAAAAAAAAAA", "nothing"] {
        let mut wish = world.wish(&key());
        wish.order = Some(format!("{BASE}/order/{gone}").into());
        let failure = world.enrol(&mut Enrolment::new(wish, account.clone()));
        let failure = failure.unwrap_err();
        assert!(
            matches!(failure, Failure::Refused(Stage::Order, _)),
            "{failure}"
        );
    }
    let mut wish = world.wish(&key());
    wish.order = Some("blah".into());
    let failure = world.enrol(&mut Enrolment::new(wish, account));
    assert_eq!(failure.unwrap_err(), Failure::NotHttps("blah".into()));
    assert_eq!(world.certificates(), 1);
}

/// This test verifies that a server which works on an order until our time is over is told of as one, and as no server that is silent.
#[test]
fn an_order_that_waits_for_somebody_is_told_of() {
    let mut world = World::new(0, Weather::default());
    world.tamper = Box::new(|_, answer| {
        let body = String::from_utf8(answer.body.clone()).ok()?;
        let is_order = body.contains("\"finalize\"") && body.contains("\"valid\"");
        is_order.then(|| HttpResponse {
            body: body
                .replacen("\"status\":\"valid\"", "\"status\":\"processing\"", 1)
                .into(),
            ..answer.clone()
        })
    });
    let mut wish = world.wish(&key());
    wish.deadline = world.site.now.saturating_add(60);
    let mut enrolment = Enrolment::new(wish, key());
    assert_eq!(
        world.enrol(&mut enrolment).unwrap_err(),
        Failure::Processing
    );
    assert!(enrolment.is_processing() && enrolment.order().is_some());
}

/// This test verifies that a nonce that is refused is replaced by the one that comes with the refusal, at once, and that a server that
/// refuses all of them is not asked without end.
#[test]
fn nonces_are_refused_and_replaced() {
    let mut world = World::new(0, Weather::default());
    let mut refused = 0;
    let bad = |request: &HttpRequest, count: &mut usize, limit: usize| {
        (request.method == Method::Post && &*request.url != TOKENS && *count < limit).then(|| {
            *count += 1;
            HttpResponse {
                status: 400,
                headers: vec![("replay-nonce".into(), "c3RhbGU".into())],
                body: br#"{"type":"urn:ietf:params:acme:error:badNonce"}"#.to_vec(),
            }
        })
    };
    world.tamper = Box::new(move |request, _| bad(request, &mut refused, 3));
    world
        .enrol(&mut Enrolment::new(world.wish(&key()), key()))
        .unwrap();
    assert_eq!(world.waits, [0_i64; 0], "a nonce is no reason to wait");
    let mut refused = 0;
    world.tamper = Box::new(move |request, _| bad(request, &mut refused, usize::MAX));
    let asked = world.asked.len();
    let failure = world.enrol(&mut Enrolment::new(world.wish(&key()), key()));
    let Failure::TimedOut(Some(last)) = failure.unwrap_err() else {
        panic!("it should have been given up")
    };
    assert_eq!(&*last.kind, "badNonce");
    let asked = world.asked.len() - asked;
    assert!(asked < 86_400 / 64 * 8 * 2, "{asked} requests in a day");
}

/// This test verifies that bad luck is counted in a row only: a server that refuses two nonces of three, or that is busy every other time, is
/// asked on without longer and longer pauses.
#[test]
fn what_went_well_ends_the_bad_luck() {
    let mut world = World::new(0, Weather::default());
    let mut posts = 0_u32;
    world.tamper = Box::new(move |request, answer| {
        let is_acme = request.method == Method::Post && &*request.url != TOKENS;
        let is_refused = is_acme && !request.url.ends_with("finalize");
        posts += u32::from(is_refused);
        (is_refused && !posts.is_multiple_of(3)).then(|| HttpResponse {
            status: 400,
            headers: answer.headers.clone(),
            body: br#"{"type":"urn:ietf:params:acme:error:badNonce"}"#.to_vec(),
        })
    });
    let enrolled = world.enrol(&mut Enrolment::new(world.wish(&key()), key()));
    assert!(enrolled.is_ok(), "{enrolled:?}");
    assert_eq!(world.waits, [0_i64; 0]);
    let mut posts = 0_u32;
    world.tamper = Box::new(move |request, _| {
        posts += u32::from(request.method == Method::Post);
        let is_busy = request.method == Method::Post && !posts.is_multiple_of(2);
        is_busy.then(|| HttpResponse {
            status: 503,
            ..HttpResponse::default()
        })
    });
    let enrolled = world.enrol(&mut Enrolment::new(world.wish(&key()), key()));
    assert!(enrolled.is_ok(), "{enrolled:?}");
    assert!(world.waits.len() > 4, "{:?}", world.waits);
    assert!(
        world.waits.iter().all(|wait| *wait == 1),
        "{:?}",
        world.waits
    );
}

/// This test verifies that what is no nonce is not used as one: the next one is asked for.
// RFC 8555 §6.5.1: "Clients MUST ignore invalid Replay-Nonce values."
#[test]
fn what_is_no_nonce_is_not_used() {
    for invalid in ["two words", "a+b/c=", ""] {
        let mut world = World::new(0, Weather::default());
        let mut enrolment = Enrolment::new(world.wish(&key()), key());
        let now = world.site.now;
        let mut methods = Vec::new();
        while methods.len() < 4 {
            let Step::Ask(request) = enrolment.next(now) else {
                panic!("{enrolment:?}")
            };
            methods.push(request.method);
            let mut answer = world.deliver(&request).unwrap();
            if request.method == Method::Post {
                answer
                    .headers
                    .retain(|(name, _)| !name.eq_ignore_ascii_case("Replay-Nonce"));
                answer.headers.push(("Replay-Nonce".into(), invalid.into()));
            }
            enrolment.heard(Ok(&answer), now);
        }
        let expected = [Method::Get, Method::Post, Method::Head, Method::Post];
        assert_eq!(methods, expected, "{invalid:?}");
    }
}

/// This test verifies that a certificate is asked for once: where the answer to that was lost, the order says what became of it.
#[test]
fn a_certificate_is_never_asked_for_twice_into_the_dark() {
    let mut world = World::new(0, Weather::default());
    let mut enrolment = Enrolment::new(world.wish(&key()), key());
    let mut asked_for = 0;
    for _ in 0..100 {
        match enrolment.next(world.site.now) {
            Step::Ask(request) => {
                let answer = world.deliver(&request);
                let is_for_it = request.url.ends_with("finalize");
                asked_for += usize::from(is_for_it);
                let heard = answer.as_ref().map_err(|lost| *lost);
                let heard = if is_for_it { Err(Lost) } else { heard };
                enrolment.heard(heard, world.site.now);
            }
            Step::Wait(until) => world.wait(until),
            Step::Done(_) => break,
            Step::Failed(failure) => panic!("{failure}"),
        }
    }
    assert_eq!((asked_for, world.certificates()), (1, 1));
}

/// This test verifies that a server that is busy is asked again when it says, or later and later, and that a day later it is given up.
#[test]
fn retry_after_is_heard() {
    let mut world = World::new(0, Weather::default());
    let mut busy = 0_u32;
    world.tamper = Box::new(move |request, _| {
        busy += 1;
        (request.method == Method::Post && busy < 8).then(|| HttpResponse {
            status: if busy.is_multiple_of(2) { 429 } else { 503 },
            headers: vec![("Retry-After".into(), "300".into())],
            body: br#"{"type":"urn:ietf:params:acme:error:rateLimited"}"#.to_vec(),
        })
    });
    world
        .enrol(&mut Enrolment::new(world.wish(&key()), key()))
        .unwrap();
    assert!(
        !world.waits.is_empty() && world.waits.iter().all(|wait| *wait == 300),
        "{:?}",
        world.waits
    );
    world.waits.clear();
    world.weather.lost = 255;
    let failure = world.enrol(&mut Enrolment::new(world.wish(&key()), key()));
    assert!(failure.as_ref().unwrap_err().may_pass(), "{failure:?}");
    assert_eq!(world.waits[..7], [1, 2, 4, 8, 16, 32, 64]);
    assert!(world.waits.iter().sum::<i64>() <= 86_400);
}

/// This test verifies that what a server works on is asked about again: soon, or when the server says.
#[test]
fn what_is_worked_on_is_looked_at_again() {
    for (said, pause) in [(None, 2), (Some("7"), 7)] {
        looked_at_again(said, pause);
    }
}

/// The same for one value of Retry-After.
fn looked_at_again(said: Option<&'static str>, pause: i64) {
    let mut world = World::new(0, Weather::default());
    let mut looks = 0;
    world.tamper = Box::new(move |request, answer| {
        let order = request.url.contains("/order/") && !request.url.ends_with("finalize");
        let mut document: Value = serde_json::from_slice(&answer.body).ok()?;
        looks += usize::from(
            order && document["status"] == "valid" || request.url.ends_with("finalize"),
        );
        let working = (1..=3).contains(&looks) && document["status"] == "valid";
        working.then(|| {
            document["status"] = json!("processing");
            let mut answer = answer.clone();
            let field = said.map(|said| ("Retry-After".into(), said.into()));
            answer.headers.extend(field);
            HttpResponse {
                body: document.to_string().into(),
                ..answer
            }
        })
    });
    world
        .enrol(&mut Enrolment::new(world.wish(&key()), key()))
        .unwrap();
    assert_eq!(
        (world.waits.as_slice(), world.certificates()),
        (&[pause; 3][..], 1)
    );
}

/// This test verifies that an account elsewhere is named where one is wanted, and that without one nothing is even asked.
#[test]
fn an_account_elsewhere_is_bound() {
    let mut world = World::new(0, Weather::default());
    let keys = [("kid-1".into(), b"secret of both".to_vec())];
    world.site.practice.external = ExternalAccounts::new(BindingNeed::Required, keys);
    let account = key();
    let mut wish = world.wish(&key());
    let nobody = world.enrol(&mut Enrolment::new(wish.clone(), account.clone()));
    assert_eq!(nobody.unwrap_err(), Failure::BindingNeeded);
    assert_eq!(world.asked.len(), 1, "the directory has said it");
    let external = |key: &[u8]| ExternalAccount {
        kid: "kid-1".into(),
        key: key.into(),
    };
    wish.opening.binding = Some(external(b"another"));
    let wrong = world.enrol(&mut Enrolment::new(wish.clone(), account.clone()));
    is_refused(&wrong.unwrap_err(), Stage::Account, "unauthorized");
    wish.opening.binding = Some(external(b"secret of both"));
    world
        .enrol(&mut Enrolment::new(wish.clone(), account))
        .unwrap();
    world.site.practice.terms = Some("https://ca.example/terms".into());
    let terms = world.enrol(&mut Enrolment::new(wish.clone(), key()));
    assert_eq!(
        terms.unwrap_err(),
        Failure::Terms("https://ca.example/terms".into())
    );
    wish.opening = Opening {
        contact: vec!["mailto:pki@example.com".into()],
        terms: Terms::Agreed,
        binding: None,
    };
    world.site.practice.external = ExternalAccounts::default();
    world.enrol(&mut Enrolment::new(wish, key())).unwrap();
}

/// This test verifies that what a server says no to is told in its words, and asked once.
#[test]
fn a_no_is_told_in_the_words_of_the_server() {
    let mut world = World::new(0, Weather::default());
    let mut wish = world.wish(&key());
    wish.not_after = Some(world.site.now.saturating_add(10 * 365 * 86_400));
    let long = world.enrol(&mut Enrolment::new(wish, key())).unwrap_err();
    is_refused(&long, Stage::Order, "malformed");
    assert!(!long.may_pass());
    // The token authority does not know us.
    let mut wish = world.wish(&key());
    wish.proof = Proof::Token {
        source: TokenSource::Authority(TokenAuthority {
            authorization: None,
            ..authority()
        }),
        field: ResponseField::Tkauth,
    };
    let unknown = world.enrol(&mut Enrolment::new(wish, key())).unwrap_err();
    assert_eq!(unknown.to_string(), "the token was refused: status 403");
    // The key of the account is no key for a certificate.
    let account = key();
    let same = world.enrol(&mut Enrolment::new(world.wish(&account), account.clone()));
    is_refused(&same.unwrap_err(), Stage::Finalization, "badCSR");
    // Tokens of nobody count.
    world.site.practice.token_issuers = Box::default();
    let distrusted = world.enrol(&mut Enrolment::new(world.wish(&key()), key()));
    let Failure::Authorization(Some(problem)) = distrusted.unwrap_err() else {
        panic!("the token should have been refused")
    };
    assert_eq!(&*problem.kind, "unauthorized");
    assert_eq!(world.certificates(), 0);
    let mut wish = world.wish(&key());
    wish.directory = "http://ca.example/acme/directory".into();
    let plain = world.enrol(&mut Enrolment::new(wish, key())).unwrap_err();
    assert!(matches!(plain, Failure::NotHttps(_)), "{plain}");
}

/// This test verifies that a chain that is not ours is not taken: another's key, or garbage.
#[test]
fn a_chain_that_is_not_ours_is_not_taken() {
    let mut world = World::new(0, Weather::default());
    let first = world
        .enrol(&mut Enrolment::new(world.wish(&key()), key()))
        .unwrap();
    for (body, said) in [
        (
            first.chain.to_pem().into_bytes(),
            "the certificate is for another key",
        ),
        (b"-----".to_vec(), "the certificate cannot be read"),
    ] {
        world.tamper = Box::new(move |request, answer| {
            request.url.contains("/cert/").then(|| HttpResponse {
                body: body.clone(),
                ..answer.clone()
            })
        });
        let failure = world
            .enrol(&mut Enrolment::new(world.wish(&key()), key()))
            .unwrap_err();
        assert!(failure.to_string().starts_with(said), "{failure}");
    }
}

/// This test verifies that whatever a server says, the client comes to an end: every answer spoilt in turn, by another status, by no body,
/// by a body that is cut.
#[test]
fn a_server_that_talks_nonsense_is_survived() {
    for spoilt in 0..12 {
        for how in 0..5 {
            let mut world = World::new(0, Weather::default());
            let mut count = 0;
            world.tamper =
                Box::new(move |_, answer| {
                    count += 1;
                    if count - 1 != spoilt {
                        return None;
                    }
                    let mut answer = answer.clone();
                    match how {
                        0 => answer.body.clear(),
                        1 => answer.body.truncate(answer.body.len() / 2),
                        2 => answer.headers.clear(),
                        3 => answer.status = 418,
                        _ => answer.body =
                            br#"{"status":"surprised","finalize":"https://x","authorizations":[]}"#
                                .to_vec(),
                    }
                    Some(answer)
                });
            let mut wish = world.wish(&key());
            wish.deadline = world.site.now.saturating_add(600);
            // Whether it comes to something or not: it ends, and issues once at most.
            let _ = world.enrol(&mut Enrolment::new(wish, key()));
            assert!(world.certificates() <= 1);
        }
    }
}

/// This test verifies that an account gets another key, also when the answer that says so is lost; and that the old one counts no more.
#[test]
fn an_account_gets_another_key() {
    for seed in 0..40 {
        let weather = Weather {
            lost: 64,
            doubled: 32,
            killed: 16,
        };
        let mut world = World::new(seed, Weather::default());
        let (old, new) = (key(), key());
        let before = world
            .enrol(&mut Enrolment::new(world.wish(&key()), old.clone()))
            .unwrap();
        world.weather = weather;
        let directory = format!("{BASE}/directory");
        let deadline = world.site.now.saturating_add(86_400);
        let mut errand = Errand::new(
            &directory,
            old.clone(),
            Task::KeyChange(new.clone()),
            deadline,
        );
        let done = world.run(&mut errand);
        assert!(done.is_ok(), "seed {seed}: {done:?}");
        world.weather = Weather::default();
        let after = world
            .enrol(&mut Enrolment::new(world.wish(&key()), new.clone()))
            .unwrap();
        assert_eq!(after.account, before.account, "seed {seed}");
        // Asked for again, it is done already.
        let deadline = world.site.now.saturating_add(86_400);
        let mut again = Errand::new(&directory, old, Task::KeyChange(new), deadline);
        assert!(world.run(&mut again).is_ok());
        assert_eq!(world.site.ledger.acme.accounts().count(), 1);
    }
}

/// This test verifies that a certificate is revoked by the account that ordered it or by its own key, once, however often it is said; and
/// by nobody else.
#[test]
fn a_certificate_is_revoked() {
    let directory = format!("{BASE}/directory");
    for seed in 0..20 {
        let mut world = World::new(seed, Weather::default());
        let (account, own) = (key(), key());
        let enrolled = world
            .enrol(&mut Enrolment::new(world.wish(&own), account.clone()))
            .unwrap();
        world
            .enrol(&mut Enrolment::new(world.wish(&key()), key()))
            .unwrap();
        let revocation = |by: RevokedBy| Task::Revocation {
            certificate: enrolled.chain.end_entity().as_der().into(),
            reason: Reason::Superseded,
            by,
        };
        let deadline = world.site.now.saturating_add(86_400);
        let stranger = key();
        let task = revocation(RevokedBy::Key(stranger.clone()));
        let refused = world.run(&mut Errand::new(&directory, stranger, task, deadline));
        is_refused(&refused.unwrap_err(), Stage::Revocation, "unauthorized");
        world.weather.lost = 80;
        let by = match seed % 2 {
            0 => RevokedBy::Account,
            _ => RevokedBy::Key(own),
        };
        let mut errand = Errand::new(&directory, account, revocation(by), deadline);
        let done = world.run(&mut errand);
        assert!(done.is_ok(), "seed {seed}: {done:?}");
        assert_eq!(world.site.ledger.register.revocations().count(), 1);
    }
}

/// This test verifies that a token whose certificate the server cannot have is told as such, and may be tried again.
#[test]
fn a_token_whose_certificate_cannot_be_had() {
    let mut world = World::new(0, Weather::default());
    let authority = world.site.lab.intermediate().certificate().clone();
    let below = TokenIssuer::below(authority, "SHAKEN TA01").unwrap();
    world.site.practice.token_issuers = [below].into();
    let mut enrolment = Enrolment::new(world.wish(&key()), key());
    let failure = loop {
        match enrolment.next(world.site.now) {
            Step::Ask(request) if &*request.url != TOKENS => {
                let path = request.url.strip_prefix(BASE).unwrap().to_owned();
                let reply = world.site.ask(
                    request.method.name(),
                    &path,
                    request.content_type,
                    &request.body,
                );
                if !world.site.fetches.is_empty() {
                    world.site.fetched(Err(Unfetched));
                }
                let headers = reply
                    .headers
                    .iter()
                    .map(|(name, value)| ((*name).into(), value.as_str().into()));
                let answer = HttpResponse {
                    status: reply.status,
                    headers: headers.collect(),
                    body: reply.body,
                };
                enrolment.heard(Ok(&answer), world.site.now);
            }
            Step::Ask(request) => {
                let answer = world.token(&request);
                enrolment.heard(Ok(&answer), world.site.now);
            }
            Step::Wait(until) => world.wait(until),
            Step::Failed(failure) => break failure,
            Step::Done(enrolled) => panic!("{enrolled:?}"),
        }
    };
    assert!(failure.may_pass(), "{failure}");
    assert!(failure.to_string().contains("connection"), "{failure}");
}
