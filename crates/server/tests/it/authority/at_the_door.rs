//! Who comes to the authority, how often, and what that costs everybody else.
//!
//! ```text
//!     curl, with a client certificate ──► /at/account/acme/token          no secret
//!     anybody ───────────────────────────► /api/v1/ca-list ──► our own [trust]
//!     whoever comes too often ───────────► 429, Retry-After
//!     forty at once ─────────────────────► /at ──► journal, which does not move
//!     caller ── INVITE ──► Switch ── INVITE ──► called, and POST /stir/v1/signing: as if nothing was
//! ```

use super::run_in;
use super::served::{
    Answer, BASE, Customer, ask, configuration, folder, serve, serve_on, text, until,
};
use crate::http_signing::{self, LISTENS, http_trunk};
use crate::peers::{Curl, Domains, Workspace};
use crate::switch::{House, Invite, Party, Switch, TENANT, trunk};
use countersign::certificate::chain::pem;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::crypto::AwsLc;
use countersign::jose::base64url;
use countersign::trust::ca_list::Administrator;
use countersign::trust::{CaList, Standing};
use countersign_ca::token::Fingerprint;
use countersign_server::clock::{Clock, SystemClock};
use countersign_server::config;
use countersign_server::http::{Listener, Tls};
use countersign_server::office::anchors::AnchorList;
use countersign_server::office::{Office, practice};
use countersign_testkit::lab::Lab;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// A wish for a token for provider 1234, for some ACME account.
fn wish() -> String {
    let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
    let fingerprint = Fingerprint::new([7; 32]).to_string();
    let value = base64url::encode(&list.to_der());
    json!({"tktype": "TNAuthList", "tkvalue": value, "ca": false, "fingerprint": fingerprint})
        .to_string()
}

/// Runs a verb on the books of a folder.
fn verb(folder: &Workspace, arguments: &[&str]) -> String {
    let config = ["--config", "countersign.toml"];
    let arguments = [arguments, &config[..]].concat();
    let (code, out, err) = tokio::task::block_in_place(|| run_in(folder.path(), &[], &arguments));
    assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    out
}

const OPEN: [&str; 9] = [
    "ca", "account", "open", "acme", "--holder", "Acme", "--spc", "1234", "--json",
];

/// This test verifies that the certificate which a client has shown in TLS is as good as a secret: its own account's tokens, and no
/// other's; that without one there is a challenge, that an account can go from one to the other, and that a certificate of an authority
/// that nobody named ends the connection. The listener is made by the configuration, as a server makes it.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_certificate_of_an_account_gets_its_tokens() {
    let (folder, domains, others) = (folder(), Domains::new(), Domains::new());
    let server = domains.domain("localhost");
    let more = format!(
        "[http.public]\nlisten = [\"127.0.0.1:0\"]\nclient_ca_file = {:?}\n{}",
        domains.anchor(),
        server.settings()
    );
    folder.write("countersign.toml", configuration(BASE) + &more);
    let config = config::load(&folder.path().join("countersign.toml"), [], &[]).unwrap();
    let checked = config::check(&config, SystemClock::start().now().unix, 1).unwrap();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let _stop = serve_on(&folder, socket, Arc::new(Tls::from(checked.public))).await;

    let (acme, other) = (
        domains.domain("acme.example"),
        domains.domain("other.example"),
    );
    for (name, domain) in [("acme", &acme), ("other", &other)] {
        let file = domain.certificate.display().to_string();
        let open = [
            "ca", "account", "open", name, "--holder", name, "--spc", "1234",
        ];
        verb(
            &folder,
            &[&open[..], &["--client-certificate", &file]].concat(),
        );
    }
    let ask = |account: &str| {
        let url = format!("https://localhost:{port}/at/account/{account}/token");
        let curl = Curl::from(1, url).header("Content-Type: application/json");
        let curl = curl.body(wish());
        curl.with(&["--cacert", domains.anchor().to_str().unwrap()])
    };
    let token = until(async || {
        let answer = ask("acme").showing(&acme).ask().await;
        (answer.status == 200).then(|| answer.json()["token"].as_str().unwrap().to_owned())
    });
    assert_eq!(token.await.split('.').count(), 3);
    for (curl, status) in [
        (ask("other").showing(&other), 200),
        (ask("acme").showing(&other), 403),
        (ask("acme"), 401),
        // Whoever says who they are is taken at their word.
        (
            ask("acme")
                .showing(&acme)
                .header("Authorization: Bearer nothing"),
            403,
        ),
    ] {
        assert_eq!(curl.ask().await.status, status);
    }
    let stranger = others.domain("acme.example");
    assert!(ask("acme").showing(&stranger).try_to_ask().await.is_none());
    // From now on it is a secret.
    let told: Value = serde_json::from_str(&verb(
        &folder,
        &["ca", "account", "credential", "acme", "--json"],
    ))
    .unwrap();
    let bearer = format!("Authorization: Bearer {}", told["secret"].as_str().unwrap());
    until(async || {
        let answer = ask("acme").header(&bearer).ask().await;
        (answer.status == 200).then_some(())
    })
    .await;
    assert_eq!(ask("acme").showing(&acme).ask().await.status, 403);
}

/// This test verifies that the list of authorities is what our own `[trust]` believes, by the certificate of the token authority alone;
/// and that without a file there is no list.
#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_authorities_is_what_our_own_trust_believes() {
    let folder = folder();
    let (address, _stop) = serve(&folder).await;
    assert_eq!(
        ask(address, "GET", "/api/v1/ca-list", "", "").await.status,
        "404"
    );
    let more = "ca_list_file = \"anchors.pem\"\nca_list_hours = 2\n";
    folder.write("countersign.toml", configuration(BASE) + more);
    folder.write("anchors.pem", folder.read("root.pem"));
    let (address, _stop) = serve(&folder).await;
    let list = ask(address, "GET", "/api/v1/ca-list", "", "").await;
    assert_eq!(
        (list.status.as_str(), &list.json()["status"]),
        ("200", &json!("success"))
    );
    assert_eq!(list.header("content-type"), "application/json");
    folder.write("list.json", &list.body);
    let believed = |signer: &str| {
        let trust =
            format!("[trust]\nca_list = \"list.json\"\nca_list_signer_files = [\"{signer}\"]\n");
        let path = folder.write("believing.toml", trust);
        let config = config::load(&path, [], &[]).unwrap();
        let checked = config::check(&config, SystemClock::start().now().unix, 1).ok()?;
        let domains = checked.trust.domains().to_vec();
        Some(domains[0].trust().anchors().len())
    };
    assert_eq!(believed("tokens.pem"), Some(1));
    assert_ne!(
        believed("root.pem"),
        Some(1),
        "another key has not signed it"
    );
}

/// This test verifies that a new file makes a new list with a higher number, that one which cannot be used changes nothing, and that a list is
/// signed again at half of its life.
#[test]
fn a_list_of_authorities_follows_its_file() {
    let folder = folder();
    let more = "ca_list_file = \"anchors.pem\"\nca_list_hours = 2\n";
    folder.write("countersign.toml", configuration(BASE) + more);
    folder.write("anchors.pem", folder.read("root.pem"));
    let config = config::load(&folder.path().join("countersign.toml"), [], &[]).unwrap();
    let office = Office::open(&config.ca.unwrap()).unwrap();
    let (desk, now) = (
        practice::tokens(&office).unwrap(),
        SystemClock::start().now().unix,
    );
    let list = AnchorList::open(&office, desk.as_ref(), now)
        .unwrap()
        .unwrap();
    let signer = desk.unwrap().certificate;
    let read = || {
        let told: Value = serde_json::from_str(&list.reply().unwrap().body).unwrap();
        let read = CaList::parse(told["caList"].as_str().unwrap()).unwrap();
        let by = Administrator::Certificate(Box::new(signer.clone()));
        read.verify(&by, Standing::Public, now, &AwsLc).unwrap()
    };
    let first = read();
    assert_eq!(
        (first.anchors().len(), first.expires()),
        (1, now.saturating_add(7_200))
    );
    list.look(now).unwrap();
    assert_eq!(read().sequence(), first.sequence(), "nothing is new");
    let other = Lab::new().root().certificate().as_der().to_vec();
    folder.write("anchors.pem", folder.read("root.pem") + &pem(&other));
    list.look(now).unwrap();
    let second = read();
    assert_eq!(second.anchors().len(), 2);
    assert!(second.succeeds(&first).is_ok() && second.sequence() > first.sequence());
    for useless in ["nothing".to_owned(), folder.read("tokens.pem")] {
        folder.write("anchors.pem", useless);
        assert!(list.look(now).is_err());
        assert_eq!(read().sequence(), second.sequence());
    }
    folder.write("anchors.pem", folder.read("root.pem") + &pem(&other));
    list.look(now.saturating_add(3_500)).unwrap();
    assert_eq!(read().sequence(), second.sequence());
    list.look(now.saturating_add(3_700)).unwrap();
    assert!(read().sequence() > second.sequence());
}

fn problem(answer: &Answer) -> (&str, String) {
    let problem = answer.json();
    let kind = problem["type"].as_str().unwrap_or_default();
    (
        &answer.status,
        kind.rsplit(':').next().unwrap_or_default().to_owned(),
    )
}

/// This test verifies each limit and what is said to whoever meets it: requests and logins of a host, tokens of an account, ACME accounts in
/// an hour and orders of one. All of them are 429 with Retry-After; at the ACME server the problem is `rateLimited`, with a nonce for the
/// next try, and nothing has happened.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_too_often_hears_when_to_come_again() {
    let folder = folder();
    let limits = "[ca.limits]\naccounts_per_hour = 2\norders_per_hour = 3\ntokens_per_hour = 2\nrequests_per_minute = 20\n\
                  logins_per_minute = 30\n";
    folder.write("countersign.toml", configuration(BASE) + limits);
    let opened: Value = serde_json::from_str(&verb(&folder, &OPEN)).unwrap();
    let secret = opened["secret"].as_str().unwrap();
    let (address, _stop) = serve(&folder).await;
    let directory = ask(address, "GET", "/acme/directory", "", "").await.json();

    // Tokens of one account.
    let bearer = format!("Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n");
    let token =
        async |wish: &str| ask(address, "POST", "/at/account/acme/token", &bearer, wish).await;
    assert_eq!(token(&wish()).await.status, "200");
    assert_eq!(
        token("{}").await.status,
        "400",
        "what is refused is not counted"
    );
    assert_eq!(token(&wish()).await.status, "200");
    let refused = token(&wish()).await;
    assert_eq!(refused.status, "429", "{}", text(&refused));
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((3_000..=3_600).contains(&wait), "{wait}");
    assert_eq!(refused.header("content-type"), "application/problem+json");

    // Orders of one ACME account, and ACME accounts.
    let mut customer = Customer::open(address, &directory).await;
    let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
    let value = base64url::encode(&list.to_der());
    let identifiers = json!({"identifiers": [{"type": "TNAuthList", "value": value}]});
    let (new_order, new_account) = ("newOrder", "newAccount").map_urls(&directory);
    for _ in 0..3 {
        assert_eq!(
            customer
                .post(&new_order, Some(identifiers.clone()))
                .await
                .status,
            "201"
        );
    }
    let refused = customer.post(&new_order, Some(identifiers.clone())).await;
    assert_eq!(problem(&refused), ("429", "rateLimited".to_owned()));
    assert!(!refused.header("retry-after").is_empty());
    assert!(!refused.header("replay-nonce").is_empty());
    Customer::open(address, &directory).await;
    let mut third = Customer::stranger(address).await;
    let refused = third.post(&new_account, Some(json!({}))).await;
    assert_eq!(problem(&refused), ("429", "rateLimited".to_owned()));
    one_host_has_its_share(address, &mut customer, &new_order, &identifiers).await;
}

/// Requests and logins of one host, which has limits for both.
async fn one_host_has_its_share(
    address: SocketAddr,
    customer: &mut Customer,
    new_order: &str,
    identifiers: &Value,
) {
    // Requests of one host: of twenty, seven are spent.
    let mut statuses = Vec::new();
    let last = loop {
        let answer = customer.post(new_order, Some(identifiers.clone())).await;
        if text(&answer).contains("too many requests from there") {
            break answer;
        }
        statuses.push(answer.status.clone());
        assert!(statuses.len() < 100, "no limit: {statuses:?}");
    };
    assert_eq!(problem(&last), ("429", "rateLimited".to_owned()));
    assert!(!last.header("replay-nonce").is_empty());
    let wait: u32 = last.header("retry-after").parse().unwrap();
    assert!((1..=3).contains(&wait), "{wait}");
    assert_eq!(
        ask(address, "GET", "/acme/directory", "", "").await.status,
        "200"
    );

    // Logins of one host.
    let login = json!({"userId": "acme", "password": "guessed"}).to_string();
    let kind = "Content-Type: application/json\r\n";
    let mut guesses = 0;
    let refused = loop {
        let answer = ask(address, "POST", "/api/v1/auth/login", kind, &login).await;
        match answer.status.as_str() {
            "403" => guesses += 1,
            _ => break answer,
        }
        assert!(guesses < 100, "no limit");
    };
    assert_eq!(refused.status, "429", "{}", text(&refused));
    assert!(!refused.header("retry-after").is_empty());
}

/// Two URLs of a directory.
trait Urls {
    fn map_urls(self, directory: &Value) -> (String, String);
}

impl Urls for (&str, &str) {
    fn map_urls(self, directory: &Value) -> (String, String) {
        let url = |name: &str| directory[name].as_str().unwrap().to_owned();
        (url(self.0), url(self.1))
    }
}

/// How many are worked on at a time in the test below.
const AT_ONCE: usize = 8;
/// How many come at once.
const ALL: usize = 40;

/// This test verifies that nobody else waits for the authority, by counting: its journal does not move (another process holds it), forty
/// requests for tokens come at once, eight of them wait and thirty-two hear at once that they are too many; meanwhile a call goes through,
/// another is signed over HTTP, and what the authority has published is there. When the journal moves again, the eight are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_waits_for_the_authority() {
    let (folder, house, called) = (folder(), House::new(), Party::at(1).await);
    let opened: Value = serde_json::from_str(&verb(&folder, &OPEN)).unwrap();
    std::fs::create_dir(folder.path().join("proofs")).unwrap();
    let (switch, public) = with_the_authority(&house, &folder, &called).await;
    until(async || {
        let list = ask(public, "GET", "/crl/ca.crl", "", "").await;
        (list.status == "200").then_some(())
    })
    .await;

    let secret = opened["secret"].as_str().unwrap();
    let more = format!("Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n");
    let other = rusqlite::Connection::open(folder.path().join("ca.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (tell, mut told) = tokio::sync::mpsc::channel(ALL);
    for _ in 0..ALL {
        let (tell, more) = (tell.clone(), more.clone());
        tokio::spawn(async move {
            let answer = ask(public, "POST", "/at/account/acme/token", &more, &wish()).await;
            tell.send(answer).await.unwrap();
        });
    }
    for _ in 0..ALL - AT_ONCE {
        let answer = told.recv().await.unwrap();
        let wait = answer.header("retry-after");
        assert_eq!(
            (answer.status.as_str(), wait.as_str()),
            ("503", "1"),
            "{}",
            text(&answer)
        );
    }
    // Those are all that are turned away: the others wait for the journal.
    let caller = Party::at(3).await;
    caller
        .calls(&Invite::new("beside-the-authority"), &switch, &called)
        .await;
    let body = http_signing::request(Clock::now(&*house.clock).unix).to_string();
    let signed = Curl::json(2, http_signing::at(&switch), "/stir/v1/signing", &body);
    assert_eq!(signed.ask().await.status, 200);
    for path in ["/acme/directory", "/acme/new-nonce", "/crl/ca.crl"] {
        let answer = ask(public, "GET", path, "", "").await;
        assert!(answer.status.starts_with('2'), "{path}: {}", answer.status);
    }
    assert!(told.try_recv().is_err(), "eight still wait");
    other.execute_batch("ROLLBACK").unwrap();
    for _ in 0..AT_ONCE {
        let answer = told.recv().await.unwrap();
        assert_eq!(answer.status, "200", "{}", text(&answer));
    }
    switch.stop().await;
}

/// This test verifies that `/ready` and `/metrics` say which part of the authority does not work, as long as it does not: first the
/// checkpoints, whose folder is not there, then the journal, whose table somebody has taken away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_work_is_told() {
    let (folder, house, called) = (folder(), House::new(), Party::at(1).await);
    verb(&folder, &OPEN);
    let proofs = folder.path().join("proofs");
    let (switch, public) = with_the_authority(&house, &folder, &called).await;
    let admin = switch.web(Listener::Admin);
    let concerns = async |wanted: &[&str]| {
        let ready = ask(admin, "GET", "/ready", "", "").await;
        assert_eq!(ready.status, "200");
        let told = ready.json()["concerns"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let told = told.iter().filter_map(|one| one.as_str());
        let told: Vec<_> = told
            .filter(|one| one.starts_with("authority-"))
            .map(str::to_owned)
            .collect();
        (told == wanted).then_some(())
    };
    let shown = async |part: &str, value: i64| {
        let works = switch.metrics.authority.works.get([part]);
        (works == Some(value)).then_some(())
    };
    until(async || concerns(&["authority-checkpoints"]).await).await;
    until(async || shown("checkpoints", 0).await).await;
    std::fs::create_dir(&proofs).unwrap();
    until(async || concerns(&[]).await).await;
    until(async || shown("checkpoints", 1).await).await;
    assert!(proofs.join("checkpoints").exists());
    let other = rusqlite::Connection::open(folder.path().join("ca.sqlite")).unwrap();
    other
        .execute_batch("ALTER TABLE record RENAME TO taken")
        .unwrap();
    until(async || concerns(&["authority-journal"]).await).await;
    until(async || shown("journal", 0).await).await;
    assert_eq!(
        ask(public, "GET", "/crl/ca.crl", "", "").await.status,
        "200"
    );
    other
        .execute_batch("ALTER TABLE taken RENAME TO record")
        .unwrap();
    until(async || concerns(&[]).await).await;
    until(async || shown("journal", 1).await).await;
    let page = ask(admin, "GET", "/metrics", "", "").await;
    let page = text(&page);
    for row in [
        "countersign_authority_works{part=\"list\"} 1",
        "countersign_authority_works{part=\"keys\"} 1",
        "countersign_authority_certificates{state=\"valid\"} 0",
        "countersign_authority_journal_records{} 2",
        "countersign_authority_signatures_total{key=\"lists\",outcome=\"signed\"} 1",
        "countersign_authority_certificate_expires_timestamp_seconds{use=\"tokens\"} ",
    ] {
        assert!(
            page.lines().any(|line| line.starts_with(row)),
            "{row}\n{page}"
        );
    }
    switch.stop().await;
}

/// A provider that is an authority, too: where its public listener is.
async fn with_the_authority(
    house: &House,
    folder: &Workspace,
    called: &Party,
) -> (Switch, SocketAddr) {
    let mut ca = configuration(BASE);
    for name in [
        "ca.pem",
        "ca.key",
        "ca.sqlite",
        "checkpoints",
        "crl.pem",
        "crl.key",
        "tokens.pem",
        "tokens.key",
    ] {
        let path = folder.path().join(name).display().to_string();
        ca = ca.replace(&format!("\"{name}\""), &format!("\"{path}\""));
    }
    let limits = format!("[ca.limits]\nat_once = {AT_ONCE}\n");
    let trunks = trunk(3, "none", called, "") + &http_trunk(2, "sign", "tenant = \"provider\"");
    let public =
        "[http.public]\nlisten = [\"127.0.0.1:0\"]\n[http.admin]\nlisten = [\"127.0.0.1:0\"]\n";
    ca = ca.replace("/checkpoints\"", "/proofs/checkpoints\"");
    let rest = trunks + TENANT + LISTENS + public + &ca + &limits;
    let switch = house.start("", &rest).await;
    let public = switch.web(Listener::Public);
    (switch, public)
}
