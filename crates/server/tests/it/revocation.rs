//! Revocation while calls run: lists are pulled, believed, kept over a restart, and calls are judged by them.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Issuing CA ──▶ SHAKEN 1234, SHAKEN 1235 (their certificates name the administrator's list)
//!            └──────────▶ STI-PA CRL ──▶ one indirect list for all
//!
//!   caller ── INVITE ──► Switch ── INVITE, verstat ──► called
//!                          └── GET /1234.pem, /1235.pem, /list.crl ──► Repository
//! ```

use crate::passports;
use crate::repository::{Reaction, Repository, answer};
use crate::switch::{House, Invite, LabClock, Party, Switch, fetching_from, line_of, trunk, until};
use countersign::certificate::chain::pem;
use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign::crypto::EcdsaP256Key;
use countersign::time::UnixTime;
use countersign_ca::crl::{Crl, Reason, Revoked, issue};
use countersign_ca::extension::{CrlPoint, CrlScope};
use countersign_ca::{Authority, Practice, Profile};
use countersign_server::clock::Clock;
use countersign_testkit::lab::{Signer, chain};
use std::sync::Arc;

/// What the certificates name; nobody fetches from there.
const NAMED: &str = "https://sti-pa.example/crl";
const DAY: i64 = 86_400;

/// A house whose providers' certificates name the list of a policy administrator.
pub(crate) struct Administration {
    pub(crate) house: House,
    ca: Authority,
    list_key: Arc<EcdsaP256Key>,
    list_signer: Certificate,
}

impl Administration {
    pub(crate) fn new() -> Self {
        let house = House::new();
        let lab = &house.lab;
        let (list_key, list_signer) = lab
            .issue(lab.root(), Profile::CrlIssuer, "STI-PA CRL", None)
            .unwrap();
        let practice = Practice {
            policy: None,
            crl: Some(CrlPoint {
                url: NAMED.into(),
                issuer: list_signer.subject().clone(),
            }),
            ocsp: None,
        };
        let ca = lab.intermediate().clone().with_practice(practice);
        house.write("list-signer.pem", pem(list_signer.as_der()));
        Self {
            house,
            ca,
            list_key,
            list_signer,
        }
    }

    /// Another key of the administrator takes over, under the same name.
    fn change_list_key(&mut self) {
        let lab = &self.house.lab;
        let (list_key, list_signer) = lab
            .issue(lab.root(), Profile::CrlIssuer, "STI-PA CRL", None)
            .unwrap();
        self.house
            .write("list-signer.pem", pem(list_signer.as_der()));
        (self.list_key, self.list_signer) = (list_key, list_signer);
    }

    /// Who issues what names the list.
    pub(crate) fn ca(&self) -> &Authority {
        &self.ca
    }

    /// A provider with this code.
    pub(crate) fn provider(&self, code: &str) -> Signer {
        let scope = TnAuthList::new(vec![TnEntry::Spc(code.parse().unwrap())]).unwrap();
        let name = format!("SHAKEN {code}");
        let lab = &self.house.lab;
        let (key, certificate) = lab
            .issue(&self.ca, Profile::EndEntity, &name, Some(scope))
            .unwrap();
        Signer {
            key,
            chain: chain(&[&certificate, self.ca.certificate()]),
        }
    }

    /// The administrator's list of now, in DER: those of these providers are revoked.
    pub(crate) fn list(&self, number: u64, revoked: &[&Signer]) -> Vec<u8> {
        let now = self.house.clock.now().unix;
        self.list_with(NAMED, number, revoked, now)
    }

    /// The list that the administrator will make tomorrow.
    pub(crate) fn list_of_tomorrow(&self, number: u64) -> Vec<u8> {
        let tomorrow = self.house.clock.now().unix.saturating_add(DAY);
        self.list_with(NAMED, number, &[], tomorrow)
    }

    /// Another list of the administrator's.
    pub(crate) fn list_at(&self, url: &str, number: u64) -> Vec<u8> {
        let now = self.house.clock.now().unix;
        self.list_with(url, number, &[], now)
    }

    fn list_with(&self, url: &str, number: u64, revoked: &[&Signer], at: UnixTime) -> Vec<u8> {
        let entry = |signer: &&Signer| Revoked {
            issuer: signer.chain.end_entity().issuer().clone(),
            serial: signer.chain.end_entity().serial().to_vec(),
            at,
            reason: Reason::KeyCompromise,
        };
        let list = Crl {
            this_update: at,
            next_update: at.saturating_add(DAY),
            number,
            scope: CrlScope::Indirect,
            url: Some(url.into()),
            revoked: revoked.iter().map(entry).collect(),
        };
        issue(&list, &self.list_signer, self.list_key.as_ref()).unwrap()
    }

    /// A repository's script: the chains of these signers by their code, and this answer for everything else.
    pub(crate) fn serving(
        &self,
        signers: &[&Signer],
        list: Vec<u8>,
    ) -> impl Fn(&str) -> Reaction + Send + Sync + use<> {
        let chains: Vec<_> = signers
            .iter()
            .map(|signer| (path_of(signer), answer(&signer.chain.to_pem(), &[])))
            .collect();
        move |request: &str| {
            let path = request.split(' ').nth(1).unwrap();
            let chain = chains.iter().find(|(known, _)| known == path);
            Reaction::Bytes(chain.map_or(&list, |(_, chain)| chain).clone())
        }
    }

    /// The trunk of callers, whose calls are verified.
    pub(crate) fn trunk(&self, called: &Party) -> String {
        trunk(2, "verify", called, "")
    }

    /// That lists come from this repository, once a minute.
    pub(crate) fn settings(&self, repository: &Repository, more: &str) -> String {
        format!(
            "{}[trust]\nanchor_files = [\"anchor.pem\"]\ncrl_urls = [\"{}/list.crl\"]\nrefresh_s = 60\n\
             crl_issuer_files = [\"list-signer.pem\"]\n{more}\n",
            fetching_from(repository),
            repository.origin()
        )
    }

    /// Calls through this server, with certificates from this repository.
    pub(crate) fn calls<'a>(
        &'a self,
        switch: &'a Switch,
        called: &'a Party,
        repository: &'a Repository,
    ) -> Calls<'a> {
        Calls::at(&self.house, switch, called, repository)
    }
}

/// Calls from 127.0.0.2 through one server.
pub(crate) struct Calls<'a> {
    clock: &'a LabClock,
    switch: &'a Switch,
    called: &'a Party,
    repository: &'a Repository,
}

impl<'a> Calls<'a> {
    /// Calls through this server, with certificates from this repository.
    pub(crate) fn at(
        house: &'a House,
        switch: &'a Switch,
        called: &'a Party,
        repository: &'a Repository,
    ) -> Self {
        Self {
            clock: &house.clock,
            switch,
            called,
            repository,
        }
    }

    /// A call signed by this provider passes.
    pub(crate) async fn pass(&self, call_id: &str, signer: &Signer) {
        let verstat = self.place(call_id, signer).await;
        let line = line_of(call_id).await;
        assert_eq!(line["verdict"], "passed", "{line:#}");
        assert_eq!(verstat.as_deref(), Some("TN-Validation-Passed"));
    }

    /// A call signed by this provider has this fault.
    pub(crate) async fn fail(&self, call_id: &str, signer: &Signer, fault: &str) {
        let verstat = self.place(call_id, signer).await;
        let line = line_of(call_id).await;
        assert_eq!(line["fault"], fault, "{line:#}");
        let expected = match fault {
            "revoked" | "path-untrusted" | "not-covered" => "TN-Validation-Failed",
            _ => "No-TN-Validation",
        };
        assert_eq!(verstat.as_deref(), Some(expected), "{line:#}");
    }

    /// Places a call: the verstat that the called side hears.
    async fn place(&self, call_id: &str, signer: &Signer) -> Option<String> {
        let caller = Party::at(2).await;
        let x5u = format!("{}{}", self.repository.origin(), path_of(signer));
        let identity = passports::identity(&*signer.key, &x5u, self.clock.now().unix);
        let call = Invite::new(call_id).header("Identity", &identity);
        let heard = caller.calls(&call, self.switch, self.called).await;
        heard.verstat().map(str::to_owned)
    }
}

/// Where its chain lies: by its code, if it has one.
fn path_of(signer: &Signer) -> String {
    let list = signer.chain.end_entity().tn_auth_list();
    match list.and_then(|list| list.providers().first()) {
        Some(code) => format!("/{code}.pem"),
        None => "/numbers.pem".into(),
    }
}

/// An answer of status 200.
pub(crate) fn body(bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nETag: \"list\"\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    [head.as_bytes(), bytes].concat()
}

/// An answer without a body.
pub(crate) fn status(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// Waits until as many lists of this kind came to this outcome.
pub(crate) async fn refreshed(
    switch: &Switch,
    kind: &'static str,
    outcome: &'static str,
    count: u64,
) {
    let metrics = switch.metrics.clone();
    let what = format!("{kind} {outcome} {count}");
    until(&what, || {
        metrics.trust_refreshes.count([kind, outcome]) == count
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case08_a_provider_is_revoked_in_mid_traffic() {
    let world = Administration::new();
    let (good, bad) = (world.provider("1234"), world.provider("1235"));
    let both = [&good, &bad];
    let repository = Repository::start(world.serving(&both, body(&world.list(1, &[])))).await;
    let called = Party::at(1).await;
    let settings = world.trunk(&called) + &world.settings(&repository, "revocation = \"hard\"\n");
    let switch = world.house.start("", &settings).await;
    let calls = world.calls(&switch, &called, &repository);
    refreshed(&switch, "crl", "ok", 1).await;
    calls.pass("mid-1", &bad).await;
    let place = format!("{}/list.crl", repository.origin());
    let labels = ["default", &*place];
    assert_eq!(switch.metrics.trust.crl_entries.get(labels), Some(0));
    let version = switch.metrics.trust.versions.get(["default"]).unwrap();

    world.house.clock.advance(61);
    // The entry of the second inherits the issuer from the first.
    let list = world.list(2, &[&world.provider("1236"), &bad]);
    repository.change(world.serving(&both, body(&list)));
    refreshed(&switch, "crl", "ok", 2).await;
    calls.fail("mid-2", &bad, "revoked").await;
    calls.pass("mid-3", &good).await;
    assert_eq!(line_of("mid-2").await["code"], 437);
    assert_eq!(switch.metrics.trust.crl_entries.get(labels), Some(2));
    let now = world.house.clock.now().unix.as_secs();
    let ends = switch.metrics.trust.crl_ends.get(labels).unwrap();
    assert!((now + DAY - 120..=now + DAY).contains(&ends), "{ends}");
    assert!(switch.metrics.trust.versions.get(["default"]).unwrap() > version);
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_knows_the_list_is_unchanged_is_asked_for_no_more_than_that() {
    let world = Administration::new();
    let bad = world.provider("1235");
    let list = body(&world.list(1, &[&bad]));
    let chains = world.serving(&[&bad], list);
    let script = move |request: &str| match request.contains("if-none-match: \"list\"") {
        true => Reaction::Bytes(b"HTTP/1.1 304 Not Modified\r\nETag: \"list\"\r\n\r\n".to_vec()),
        false => chains(request),
    };
    let repository = Repository::start(script).await;
    let called = Party::at(1).await;
    let settings = world.trunk(&called) + &world.settings(&repository, "");
    let switch = world.house.start("", &settings).await;
    let calls = world.calls(&switch, &called, &repository);
    refreshed(&switch, "crl", "ok", 1).await;
    for count in 1..=3 {
        world.house.clock.advance(61);
        refreshed(&switch, "crl", "unchanged", count).await;
    }
    calls.fail("unchanged-list", &bad, "revoked").await;
    assert_eq!(
        switch.metrics.trust.versions.get(["default"]),
        Some(2),
        "one list, one new version"
    );
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_begins_with_the_last_good_list_and_goes_back_behind_none() {
    let world = Administration::new();
    let (good, bad) = (world.provider("1234"), world.provider("1235"));
    let both = [&good, &bad];
    let older = body(&world.list(4, &[]));
    let repository = Repository::start(world.serving(&both, body(&world.list(5, &[&bad])))).await;
    let called = Party::at(1).await;
    let kept = "revocation = \"hard\"\nstate_dir = \"kept\"\n";
    let settings = world.trunk(&called) + &world.settings(&repository, kept);
    let first = world.house.start("", &settings).await;
    let first_calls = world.calls(&first, &called, &repository);
    refreshed(&first, "crl", "ok", 1).await;
    first_calls.fail("begins-1", &bad, "revoked").await;
    first.stop().await;

    repository.change(world.serving(&both, status("404 Not Found")));
    let second = world.house.start("", &settings).await;
    let second_calls = world.calls(&second, &called, &repository);
    second_calls.fail("begins-2", &bad, "revoked").await;
    second_calls.pass("begins-3", &good).await;
    refreshed(&second, "crl", "bad-status", 1).await;
    repository.change(world.serving(&both, older));
    world.house.clock.advance(61);
    refreshed(&second, "crl", "backwards", 1).await;
    second_calls.fail("begins-4", &bad, "revoked").await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_list_hard_validates_nothing_and_soft_goes_on() {
    let world = Administration::new();
    let good = world.provider("1234");
    let nothing = status("503 Service Unavailable");
    let repository = Repository::start(world.serving(&[&good], nothing)).await;
    let called = Party::at(1).await;
    let settings = |rule| {
        let rule = format!("revocation = \"{rule}\"\n");
        world.trunk(&called) + &world.settings(&repository, &rule)
    };
    let soft = world.house.start("", &settings("soft")).await;
    let soft_calls = world.calls(&soft, &called, &repository);
    refreshed(&soft, "crl", "bad-status", 1).await;
    soft_calls.pass("soft", &good).await;
    soft.stop().await;
    let hard = world.house.start("", &settings("hard")).await;
    let hard_calls = world.calls(&hard, &called, &repository);
    refreshed(&hard, "crl", "bad-status", 1).await;
    let unknown = "revocation-unknown";
    hard_calls.fail("hard-1", &good, unknown).await;
    repository.change(world.serving(&[&good], body(&world.list(1, &[]))));
    world.house.clock.advance(61);
    refreshed(&hard, "crl", "ok", 1).await;
    hard_calls.pass("hard-2", &good).await;
    // A day later nobody has brought another one.
    repository.change(world.serving(&[&good], status("404 Not Found")));
    world.house.clock.advance(86_500);
    refreshed(&hard, "crl", "bad-status", 2).await;
    hard_calls.fail("hard-3", &good, unknown).await;
    hard.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_somebody_replaces_is_read_again() {
    let world = Administration::new();
    let bad = world.provider("1235");
    let repository = Repository::start(world.serving(&[&bad], Vec::new())).await;
    let called = Party::at(1).await;
    world.house.write("list.crl", world.list(1, &[]));
    let settings = world.trunk(&called)
        + &fetching_from(&repository)
        + "[trust]\nanchor_files = [\"anchor.pem\"]\ncrl_files = [\"list.crl\"]\ncrl_issuer_files = [\"list-signer.pem\"]\n";
    let switch = world.house.start("", &settings).await;
    let calls = world.calls(&switch, &called, &repository);
    calls.pass("file-1", &bad).await;
    world.house.write("list.crl", b"half a li");
    world.house.clock.advance(31);
    refreshed(&switch, "crl", "unreadable", 1).await;
    calls.pass("file-2", &bad).await;
    world.house.write("list.crl", world.list(2, &[&bad]));
    world.house.clock.advance(31);
    refreshed(&switch, "crl", "ok", 1).await;
    calls.fail("file-3", &bad, "revoked").await;
    // A lower number made later: neither leads on from the other, and a reload takes nothing back.
    world.house.clock.advance(31);
    world.house.write("list.crl", world.list(1, &[]));
    switch.reload().await;
    calls.fail("file-4", &bad, "revoked").await;
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_an_older_list_takes_no_restart_back() {
    let world = Administration::new();
    let bad = world.provider("1235");
    let repository = Repository::start(world.serving(&[&bad], Vec::new())).await;
    let called = Party::at(1).await;
    let settings = world.trunk(&called)
        + &fetching_from(&repository)
        + "[trust]\nanchor_files = [\"anchor.pem\"]\ncrl_files = [\"list.crl\"]\ncrl_issuer_files = [\"list-signer.pem\"]\n\
           state_dir = \"kept\"\n";
    world.house.write("list.crl", world.list(5, &[&bad]));
    let first = world.house.start("", &settings).await;
    refreshed(&first, "crl", "ok", 1).await;
    first.stop().await;
    world.house.write("list.crl", world.list(4, &[]));
    let second = world.house.start("", &settings).await;
    let calls = world.calls(&second, &called, &repository);
    calls.fail("older-file-1", &bad, "revoked").await;
    refreshed(&second, "crl", "backwards", 1).await;
    calls.fail("older-file-2", &bad, "revoked").await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_keeps_what_was_pulled() {
    let world = Administration::new();
    let bad = world.provider("1235");
    let repository = Repository::start(world.serving(&[&bad], body(&world.list(5, &[&bad])))).await;
    let called = Party::at(1).await;
    let settings = world.trunk(&called) + &world.settings(&repository, "");
    let switch = world.house.start("", &settings).await;
    let calls = world.calls(&switch, &called, &repository);
    refreshed(&switch, "crl", "ok", 1).await;
    let version = switch.metrics.trust.versions.get(["default"]);
    repository.change(world.serving(&[&bad], body(&world.list(4, &[]))));
    switch.reload().await;
    assert_eq!(
        switch.metrics.trust.versions.get(["default"]),
        version,
        "nothing is different"
    );
    calls.fail("kept-1", &bad, "revoked").await;
    // Asked at once after a reload, and refused.
    refreshed(&switch, "crl", "backwards", 1).await;
    calls.fail("kept-2", &bad, "revoked").await;
    // Without the word that its signer may sign lists, the list is not believed any more.
    let settings = settings.replace("crl_issuer_files = [\"list-signer.pem\"]\n", "");
    world.house.configure("", &settings);
    switch.reload().await;
    calls.pass("kept-3", &bad).await;
    switch.stop().await;
}

/// This test verifies that a list goes with the certificate that was pinned for it: who has stolen the key of a signer can write a
/// list of any number that lasts for years, and the operator must be able to get rid of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_a_key_that_was_replaced_is_forgotten() {
    let mut world = Administration::new();
    let bad = world.provider("1235");
    let forged = body(&world.list(99, &[]));
    let repository = Repository::start(world.serving(&[&bad], forged)).await;
    let called = Party::at(1).await;
    let settings = world.trunk(&called) + &world.settings(&repository, "revocation = \"hard\"\n");
    let switch = world.house.start("", &settings).await;
    refreshed(&switch, "crl", "ok", 1).await;
    let calls = world.calls(&switch, &called, &repository);
    calls.pass("stolen-1", &bad).await;
    world.change_list_key();
    repository.change(world.serving(&[&bad], body(&world.list(5, &[&bad]))));
    switch.reload().await;
    refreshed(&switch, "crl", "ok", 2).await;
    let calls = world.calls(&switch, &called, &repository);
    calls.fail("stolen-2", &bad, "revoked").await;
    switch.stop().await;
}

/// A list over plain http, where the operator says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_may_come_over_plain_http_if_the_operator_says_so() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = Administration::new();
    let bad = world.provider("1235");
    let repository = Repository::start(world.serving(&[&bad], Vec::new())).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    let list = body(&world.list(1, &[&bad]));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ = stream.write_all(&list).await;
        }
    });
    let called = Party::at(1).await;
    let settings = format!(
        "{}{}[[fetch.exceptions]]\norigin = \"https://{plain}\"\naddresses = [\"127.0.0.1\"]\n\
         [trust]\nanchor_files = [\"anchor.pem\"]\ncrl_issuer_files = [\"list-signer.pem\"]\ncrl_urls = [\"http://{plain}/list.crl\"]\n",
        world.trunk(&called),
        fetching_from(&repository)
    );
    let path = world.house.configure("", &settings);
    let refused = countersign_server::config::load(&path, [], &[])
        .err()
        .unwrap();
    assert!(
        refused[0]
            .to_string()
            .contains("it needs trust.allow_http_crls = true"),
        "{}",
        refused[0]
    );
    let allowed = settings.replace("[trust]\n", "[trust]\nallow_http_crls = true\n");
    let switch = world.house.start("", &allowed).await;
    let calls = world.calls(&switch, &called, &repository);
    refreshed(&switch, "crl", "ok", 1).await;
    calls.fail("plain", &bad, "revoked").await;
    switch.stop().await;
}
