//! The token authority: accounts, what they hold, and the tokens they get.
//!
//! ```text
//!     customer ── POST /at/account/{id}/token ──▶ decide ──▶ event (durable) ──▶ Grant signs ──▶ {"token": …}
//!        ▲                                          │
//!        └────────── 400, 401, 403 ◀── Refused ◀────┘
//! ```

use countersign::certificate::delegation::{ProviderTable, Unknown};
use countersign::certificate::numbers::NumberSet;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign::time::UnixTime;
use countersign::trust::ca_list::Administrator;
use countersign::trust::{CaList, Standing};
use countersign_ca::UnknownNumbers;
use countersign_ca::token::{
    AuthorityToken, Fingerprint, Header, MalformedToken, Permission, Spelling,
};
use countersign_ca::token_authority::sti_pa::{MAX_SESSIONS, SESSION, Sessions, ca_list};
use countersign_ca::token_authority::{
    AccountFault, Asked, Credential, Decided, Dialect, Event, Practice, Proof, Refusal, Refused,
    Reply, Secret, TokenAccounts, decide,
};
use countersign_testkit::lab::{Lab, NOW, new_key, numbers};
use std::sync::Arc;

fn list(entries: Vec<TnEntry>) -> TnAuthList {
    TnAuthList::new(entries).unwrap()
}

fn spc(code: &str) -> TnEntry {
    TnEntry::Spc(code.parse().unwrap())
}

fn secret(seed: u8) -> Secret {
    Secret::from_random(&[seed; 32])
}

/// Two customers: 1234 with a block of numbers, who may ask for authorities; 5678 with its code alone.
fn accounts() -> TokenAccounts {
    let mut accounts = TokenAccounts::new();
    let first = list(vec![spc("1234"), numbers("12025550100", 50)]);
    let opened = [
        accounts.open(
            "1234",
            "First",
            first,
            Permission::Authority,
            secret(1).credential(),
        ),
        accounts.open(
            "5678",
            "Second",
            list(vec![spc("5678")]),
            Permission::EndEntity,
            secret(2).credential(),
        ),
    ];
    for event in opened {
        accounts.apply(&event.unwrap());
    }
    accounts
}

fn practice() -> Practice {
    let header = Header {
        x5c: None,
        x5u: Some("https://authority.example.org/cert".into()),
    };
    Practice {
        iss: Some("https://authority.example.org".into()),
        ..Practice::new(header, 3_600)
    }
}

fn fingerprint() -> Fingerprint {
    Fingerprint::new([7; 32])
}

fn flat(asked: &TnAuthList, ca: &str) -> String {
    let value = base64url::encode(&asked.to_der());
    format!(
        r#"{{"tktype":"TNAuthList","tkvalue":"{value}"{ca},"fingerprint":"{}"}}"#,
        fingerprint()
    )
}

fn ask(account: &str, bearer: &str, body: &str, practice: &Practice) -> Result<Decided, Refused> {
    let header = format!("Bearer {bearer}");
    let asked = Asked {
        account,
        proof: Proof::Authorization(&header),
        body: body.as_bytes(),
        dialect: Dialect::Rfc,
    };
    decide(&accounts(), practice, asked, NOW, [9; 16])
}

fn token(decided: &Decided, key: &EcdsaP256Key) -> AuthorityToken {
    AuthorityToken::parse(&decided.grant.token(key).unwrap()).unwrap()
}

fn why(outcome: Result<Decided, Refused>) -> Refusal {
    outcome.unwrap_err().why
}

#[test]
fn digest06_case10_numbers_the_account_does_not_hold() {
    for beyond in [
        list(vec![numbers("12025550150", 1)]),
        list(vec![numbers("12025550149", 2)]),
        list(vec![spc("5678")]),
        list(vec![spc("1234"), spc("5678")]),
    ] {
        let refused = ask("1234", secret(1).as_str(), &flat(&beyond, ""), &known()).unwrap_err();
        assert_eq!(refused.why, Refusal::NotHeld, "{beyond}");
        assert_eq!(refused.reply().status, 403);
        assert_eq!(refused.reply().content_type, "application/problem+json");
    }
}

/// Everybody knows that 1234 has no numbers but those in its account.
fn known() -> Practice {
    let table = ["1234", "5678"].map(|code| (code.parse().unwrap(), NumberSet::default()));
    Practice {
        providers: Arc::new(ProviderTable::new(NOW, table.into())),
        ..practice()
    }
}

#[test]
fn digest06_case11_who_is_asking() {
    let body = flat(&list(vec![spc("1234")]), "");
    let status = |account: &str, proof: Proof<'_>| {
        let asked = Asked {
            account,
            proof,
            body: body.as_bytes(),
            dialect: Dialect::Rfc,
        };
        match decide(&accounts(), &practice(), asked, NOW, [9; 16]) {
            Ok(_) => 200,
            Err(refused) => refused.reply().status,
        }
    };
    let (one, two) = (secret(1), secret(2));
    let basic = |user: &str, secret: &str| {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}"));
        format!("Basic {pair}")
    };
    let by = |text: &str| format!("bearer  {text}");
    for (account, header, expected) in [
        ("1234", Some(by(one.as_str())), 200),
        ("1234", Some(basic("1234", one.as_str())), 200),
        ("1234", Some(basic("5678", one.as_str())), 403),
        ("1234", Some(by(two.as_str())), 403),
        ("1234", Some(by("")), 403),
        ("1234", Some("Digest x".into()), 403),
        ("1234", Some("Basic *".into()), 403),
        ("9999", Some(by(one.as_str())), 403),
        ("9999", None, 401),
        ("1234", None, 401),
    ] {
        let proof = header
            .as_deref()
            .map_or(Proof::Nothing, Proof::Authorization);
        assert_eq!(status(account, proof), expected, "{account} {header:?}");
    }
    assert_eq!(status("1234", Proof::Session("1234")), 200);
    assert_eq!(status("1234", Proof::Session("5678")), 403);
    assert_eq!(status("9999", Proof::Session("9999")), 403);
    assert_eq!(
        status("1234", Proof::Certificate(b"another certificate")),
        403
    );
    let challenged = Refused {
        why: Refusal::NoCredentials,
        dialect: Dialect::Rfc,
    };
    assert!(challenged.reply().www_authenticate.is_some());
}

#[test]
fn a_client_certificate_is_a_credential_too() {
    let mut accounts = accounts();
    let event = accounts
        .set_credential("1234", Credential::of(b"certificate"))
        .unwrap();
    accounts.apply(&event);
    let body = flat(&list(vec![spc("1234")]), "");
    let ask = |proof| {
        let asked = Asked {
            account: "1234",
            proof,
            body: body.as_bytes(),
            dialect: Dialect::Rfc,
        };
        decide(&accounts, &practice(), asked, NOW, [9; 16]).is_ok()
    };
    assert!(ask(Proof::Certificate(b"certificate")));
    let old = format!("Bearer {}", secret(1).as_str());
    assert!(!ask(Proof::Authorization(&old)));
}

#[test]
fn digest06_case12_flat_and_wrapped_bodies() {
    let key = new_key();
    let asked = list(vec![spc("1234")]);
    let flat = flat(&asked, r#","ca":false"#);
    let wrapped = format!(r#"{{"atc":{flat}}}"#);
    for body in [&flat, &wrapped] {
        let decided = ask("1234", secret(1).as_str(), body, &practice()).unwrap();
        let reply = decided.grant.reply(&*key).unwrap();
        assert_eq!(
            (reply.status, reply.content_type),
            (200, "application/json")
        );
        let read: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        let token = AuthorityToken::parse(read["token"].as_str().unwrap()).unwrap();
        // RFC 9447 §3.1: identifier type, value and binding "MUST be reflected in the Authority Token."
        assert_eq!(&*token.claims.atc.tk_type, "TNAuthList");
        assert_eq!(&*token.claims.atc.tk_value, asked.to_der());
        assert_eq!(token.claims.atc.fingerprint, fingerprint());
        assert_eq!(token.claims.atc.permission, Permission::EndEntity);
        assert_eq!(token.claims.exp, NOW.saturating_add(3_600));
        assert_eq!(*token.claims.jti, *base64url::encode(&[9; 16]));
        assert_eq!(
            token.claims.iss.as_deref(),
            Some("https://authority.example.org")
        );
    }
}

#[test]
fn digest06_case13_the_holder_of_a_code_asks_for_a_range() {
    let key = new_key();
    let asked = list(vec![numbers("12025550110", 10)]);
    let table = [(
        "5678".parse().unwrap(),
        list(vec![numbers("12025550100", 50)]).numbers().clone(),
    )];
    let known = Practice {
        providers: Arc::new(ProviderTable::new(NOW, table.into())),
        ..practice()
    };
    let decided = ask("5678", secret(2).as_str(), &flat(&asked, ""), &known).unwrap();
    assert_eq!(&*token(&decided, &key).claims.atc.tk_value, asked.to_der());
    let beyond = flat(&list(vec![numbers("12025550145", 10)]), "");
    assert_eq!(
        why(ask("5678", secret(2).as_str(), &beyond, &known)),
        Refusal::NotHeld
    );
    // Whose numbers nobody knows, nobody gets, unless the operator says so.
    let nobody = Practice {
        providers: Arc::new(Unknown),
        ..practice()
    };
    let refused = ask("5678", secret(2).as_str(), &flat(&asked, ""), &nobody);
    assert_eq!(why(refused), Refusal::NotKnown);
    let trusting = Practice {
        unknown: UnknownNumbers::Issue,
        ..nobody
    };
    assert!(ask("5678", secret(2).as_str(), &flat(&asked, ""), &trusting).is_ok());
}

#[test]
fn a_subset_of_what_is_held_can_be_asked_for() {
    for part in [
        list(vec![spc("1234")]),
        list(vec![numbers("12025550100", 50)]),
        list(vec![numbers("12025550149", 1)]),
        list(vec![
            numbers("12025550120", 2),
            numbers("12025550110", 5),
            spc("1234"),
        ]),
    ] {
        assert!(
            ask("1234", secret(1).as_str(), &flat(&part, ""), &practice()).is_ok(),
            "{part}"
        );
    }
}

#[test]
fn tokens_for_authorities_are_for_who_may_ask() {
    let key = new_key();
    let own = |code| list(vec![spc(code)]);
    let body = flat(&own("1234"), r#","ca":true"#);
    let decided = ask("1234", secret(1).as_str(), &body, &practice()).unwrap();
    assert_eq!(
        token(&decided, &key).claims.atc.permission,
        Permission::Authority
    );
    let body = flat(&own("5678"), r#","ca":true"#);
    assert_eq!(
        why(ask("5678", secret(2).as_str(), &body, &practice())),
        Refusal::NoAuthority
    );
}

#[test]
fn malformed_requests_are_named() {
    let good = flat(&list(vec![spc("1234")]), r#","ca":false"#);
    let bad_range = TnAuthList::new(vec![numbers("12025550100", 50)]).unwrap();
    let bad_range = flat(&bad_range, "");
    assert!(ask("1234", secret(1).as_str(), &bad_range, &practice()).is_ok());
    use MalformedToken as M;
    for (from, to, expected) in [
        ("TNAuthList", "TnAuthList", Refusal::TokenType),
        ("MAigBhYEMTIzNA", "MAigBhYEMTIz", Refusal::NotAList),
        (
            "MAigBhYEMTIzNA",
            "MAigBhYEMTIzNA==",
            Refusal::Malformed(M::Value),
        ),
        ("MAigBhYEMTIzNA", "", Refusal::NotAList),
        (r#""ca":false"#, r#""ca":0"#, Refusal::Malformed(M::Atc)),
        ("SHA256 ", "", Refusal::Malformed(M::Fingerprint)),
        (r#""tktype""#, r#""type""#, Refusal::Malformed(M::Atc)),
        ("{", "[", Refusal::NotJson),
        ("{", r#"{"atc":1,"#, Refusal::Malformed(M::Atc)),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let refused = ask("1234", secret(1).as_str(), &bad, &practice()).unwrap_err();
        assert_eq!(refused.why, expected, "{bad}");
        assert_eq!(refused.reply().status, 400);
        let body: serde_json::Value = serde_json::from_str(&refused.reply().body).unwrap();
        assert_eq!(body["status"], 400);
    }
    let loose = Practice {
        spelling: Spelling::Loose,
        ..practice()
    };
    let padded = good.replace("MAigBhYEMTIzNA", "MAigBhYEMTIzNA==");
    let decided = ask("1234", secret(1).as_str(), &padded, &loose).unwrap();
    // Who asks so compares the text of the token with what it has asked for.
    let token = decided.grant.token(&*new_key()).unwrap();
    let payload = base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    let payload = String::from_utf8(payload).unwrap();
    assert!(
        payload.contains(r#""tkvalue":"MAigBhYEMTIzNA==""#),
        "{payload}"
    );
}

#[test]
fn a_closed_account_gets_nothing_and_its_name_nobody() {
    let mut accounts = accounts();
    let closed = accounts.close("1234").unwrap();
    accounts.apply(&closed);
    assert_eq!(accounts.close("1234"), Err(AccountFault::Unknown));
    let open = |id: &str| {
        let list = list(vec![spc("1234")]);
        accounts.open(id, "x", list, Permission::EndEntity, secret(3).credential())
    };
    assert_eq!(open("1234"), Err(AccountFault::Taken));
    for bad in ["", "a/b", "..", ".a", "a b", "é", &"x".repeat(65)] {
        assert_eq!(open(bad), Err(AccountFault::Identifier), "{bad}");
    }
    let header = format!("Bearer {}", secret(1).as_str());
    let body = flat(&list(vec![spc("1234")]), "");
    let asked = Asked {
        account: "1234",
        proof: Proof::Authorization(&header),
        body: body.as_bytes(),
        dialect: Dialect::Rfc,
    };
    assert_eq!(
        why(decide(&accounts, &practice(), asked, NOW, [9; 16])),
        Refusal::NotTheHolder
    );
}

/// The journal is the truth: whoever replays it has the same accounts, and it has no secret in it.
#[test]
fn accounts_are_what_the_journal_says() {
    let mut accounts = TokenAccounts::new();
    let mut journal = Vec::new();
    let mut happen = |event: Event, accounts: &mut TokenAccounts| {
        accounts.apply(&event);
        journal.push(serde_json::to_string(&event).unwrap());
    };
    let first = list(vec![spc("1234"), numbers("12025550100", 50)]);
    let opened = accounts.open(
        "1234",
        "First",
        first,
        Permission::Authority,
        secret(1).credential(),
    );
    happen(opened.unwrap(), &mut accounts);
    let body = flat(&list(vec![spc("1234")]), "");
    let asked = Asked {
        account: "1234",
        proof: Proof::Session("1234"),
        body: body.as_bytes(),
        dialect: Dialect::Rfc,
    };
    let issued = decide(&accounts, &practice(), asked, NOW, [9; 16])
        .unwrap()
        .event;
    happen(issued, &mut accounts);
    let changed = accounts.set_resources("1234", list(vec![spc("1234")]), Permission::EndEntity);
    happen(changed.unwrap(), &mut accounts);
    let changed = accounts.set_credential("1234", secret(4).credential());
    happen(changed.unwrap(), &mut accounts);
    let closed = accounts.close("1234").unwrap();
    happen(closed, &mut accounts);
    let mut again = TokenAccounts::new();
    for line in &journal {
        assert!(!line.contains(secret(1).as_str()), "{line}");
        again.apply(&serde_json::from_str(line).unwrap());
    }
    assert_eq!(again, accounts);
    assert_eq!(again.get("1234").unwrap().tokens, 1);
    let issued = r#"{"token-issued":{"account":"1234""#;
    assert!(journal[1].starts_with(issued), "{}", journal[1]);
}

#[test]
fn what_is_shown_is_not_written_into_logs() {
    let asked = Asked {
        account: "1234",
        proof: Proof::Authorization("Bearer 5EcReT"),
        body: b"{}",
        dialect: Dialect::Rfc,
    };
    assert!(!format!("{asked:?}").contains("5EcReT"));
}

/// What a client of SHAKEN's policy administrator does: log in, ask with the access token, read status, token and crl.
#[test]
fn a_client_of_the_policy_administrator_gets_its_token() {
    let accounts = accounts();
    let mut sessions = Sessions::new();
    let login = format!(r#"{{"userId":"1234","password":"{}"}}"#, secret(1).as_str());
    let reply = sessions
        .login(&accounts, login.as_bytes(), NOW, &[5; 32])
        .unwrap();
    let access = member(&reply, "accessToken");
    assert_eq!(member(&reply, "status"), "success");
    assert_eq!(sessions.account(&accounts, &access, NOW), Some("1234"));
    assert_eq!(
        sessions.account(&accounts, &format!("Bearer {access}"), NOW),
        Some("1234")
    );
    let later = NOW.saturating_add(SESSION);
    assert_eq!(sessions.account(&accounts, &access, later), None);
    assert_eq!(sessions.account(&accounts, "x", NOW), None);
    // Who has lost its secret, or its account, is logged out at once.
    for change in [
        accounts.set_credential("1234", secret(7).credential()),
        accounts.close("1234"),
    ] {
        let mut changed = accounts.clone();
        changed.apply(&change.unwrap());
        assert_eq!(sessions.account(&changed, &access, NOW), None);
    }
    let practice = Practice {
        crl: Some("https://authority.example.org/crl".into()),
        ..practice()
    };
    let body = format!(
        r#"{{"atc":{}}}"#,
        flat(&list(vec![spc("1234")]), r#","ca":false"#)
    );
    let asked = Asked {
        account: "1234",
        proof: Proof::Session("1234"),
        body: body.as_bytes(),
        dialect: Dialect::StiPa,
    };
    let decided = decide(&accounts, &practice, asked, NOW, [9; 16]).unwrap();
    let reply = decided.grant.reply(&*new_key()).unwrap();
    assert_eq!(member(&reply, "status"), "success");
    assert_eq!(member(&reply, "crl"), "https://authority.example.org/crl");
    assert!(AuthorityToken::parse(&member(&reply, "token")).is_ok());
    for (body, status) in [
        (login.replace("1234", "5678"), 403),
        (login.replace("userId", "user"), 401),
        ("[".into(), 400),
    ] {
        let refused = sessions
            .login(&accounts, body.as_bytes(), NOW, &[6; 32])
            .unwrap_err();
        assert_eq!(refused.reply().status, status, "{body}");
        assert_eq!(member(&refused.reply(), "status"), "error");
    }
}

fn member(reply: &Reply, name: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    body[name].as_str().unwrap().into()
}

#[test]
fn logins_are_bounded() {
    let accounts = accounts();
    let mut sessions = Sessions::new();
    let login = format!(r#"{{"userId":"1234","password":"{}"}}"#, secret(1).as_str());
    let mut log_in = |number: usize| {
        let mut random = [0; 32];
        random[..8].copy_from_slice(&number.to_be_bytes());
        let now = NOW.saturating_add(i64::from(number > 0));
        sessions
            .login(&accounts, login.as_bytes(), now, &random)
            .unwrap();
    };
    (0..=MAX_SESSIONS).for_each(&mut log_in);
    let token = |number: usize| {
        let mut random = [0; 32];
        random[..8].copy_from_slice(&number.to_be_bytes());
        base64url::encode(&random)
    };
    assert_eq!(
        sessions.account(&accounts, &token(0), NOW),
        None,
        "the oldest went"
    );
    assert_eq!(
        sessions.account(&accounts, &token(MAX_SESSIONS), NOW),
        Some("1234")
    );
}

/// The signed list of authorities is one that our own verifier takes.
#[test]
fn the_list_of_authorities_is_read_by_our_own_verifier() {
    let (lab, key) = (Lab::new(), new_key());
    let authorities = [
        lab.root().certificate().clone(),
        lab.intermediate().certificate().clone(),
    ];
    let expires = NOW.saturating_add(86_400);
    let text = ca_list(
        &authorities,
        7,
        expires,
        Some("https://authority.example.org/cert"),
        &*key,
    )
    .unwrap();
    let administrator = Administrator::Key(Box::new(key.public_key()));
    let read = CaList::parse(&text).unwrap();
    let verified = read
        .verify(&administrator, Standing::Lab, NOW, &AwsLc)
        .unwrap();
    assert_eq!((verified.sequence(), verified.expires()), (7, expires));
    let listed: Vec<_> = verified
        .anchors()
        .iter()
        .map(|one| one.certificate().clone())
        .collect();
    assert_eq!(listed, authorities);
}

/// This test verifies that an account gets so many tokens in an hour and no more, that it hears when it gets the next, and gets it then; that
/// what was refused is not counted, and that a journal which does not say when its tokens were issued counts none of them.
#[test]
fn an_account_gets_so_many_tokens_in_an_hour() {
    let mut accounts = accounts();
    let practice = Practice {
        tokens_per_hour: 3,
        ..practice()
    };
    let body = flat(&list(vec![spc("1234")]), "");
    let header = format!("Bearer {}", secret(1).as_str());
    let ask = |accounts: &mut TokenAccounts, account: &str, body: &str, now: UnixTime| {
        let asked = Asked {
            account,
            proof: Proof::Authorization(&header),
            body: body.as_bytes(),
            dialect: Dialect::Rfc,
        };
        let decided = decide(accounts, &practice, asked, now, [9; 16])?;
        accounts.apply(&decided.event);
        Ok::<_, Refused>(decided.event)
    };
    let at = |seconds| NOW.saturating_add(seconds);
    for seconds in [0, 600, 600] {
        assert!(ask(&mut accounts, "1234", &body, at(seconds)).is_ok());
        assert!(ask(&mut accounts, "1234", "{}", at(seconds)).is_err());
    }
    let refused = ask(&mut accounts, "1234", &body, at(700)).unwrap_err();
    assert_eq!(refused.why, Refusal::TooMany(2_900));
    let reply = refused.reply();
    assert_eq!((reply.status, reply.retry_after), (429, Some(2_900)));
    assert!(ask(&mut accounts, "1234", &body, at(3_599)).is_err());
    let event = ask(&mut accounts, "1234", &body, at(3_600)).unwrap();
    let refused = ask(&mut accounts, "1234", &body, at(3_601)).unwrap_err();
    assert_eq!(refused.why, Refusal::TooMany(599));
    // As an older journal has it.
    let mut older = self::accounts();
    let Event::TokenIssued {
        account,
        jti,
        exp,
        resources,
        permission,
        fingerprint,
        ..
    } = event
    else {
        panic!("{event:?}");
    };
    let event = Event::TokenIssued {
        account,
        jti,
        exp,
        resources,
        permission,
        fingerprint,
        at: None,
    };
    for _ in 0..5 {
        older.apply(&event);
    }
    assert_eq!(older.get("1234").unwrap().tokens, 5);
    assert!(ask(&mut older, "1234", &body, NOW).is_ok());
}
