//! Certificates that live for a quarter of an hour, renewed while calls go on: an authority, a provider and somebody who verifies, each a process of
//! its own, by one clock that the test moves.
//!
//! ```text
//!     Authority ◄── every connection is counted ── token, order: at two thirds of each life ── signs ◄── caller
//!         ▲                                                                                     │ Identity: …x5c…
//!         │ nobody                                                                              ▼
//!         └───── status? ───── none of four trust domains: off, staple-only, staple-or-live, live: verifies ──► called
//!                                                                                               │
//!     the chain at x5u ◄── every connection is counted ────────── nobody ───────────────────────┘
//! ```
//!
//! The trust domains tell each other's calls by who calls, and each has `missing_status = "hard"`.

use super::served::{configuration, folder};
use super::still_good::{Turnstile, open_account};
use crate::moved_clock::MovedClock;
use crate::peers::{Process, Workspace, free_address};
use crate::provider::{Server, Setup, get, now};
use crate::switch::{Heard, Invite, PATIENCE, Party};
use countersign::certificate::chain::pem;
use countersign::certificate::{Certificate, CertificateChain, TnAuthList, TnEntry};
use countersign::jose::base64url;
use countersign::time::{UnixTime, Validity};
use countersign_ca::issuance::Revocation;
use countersign_ca::{Practice, Profile, Request, Serial, Subject};
use countersign_server::files;
use countersign_server::keys::KeyPlace;
use countersign_server::lab::directory::Directory;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long they live, in seconds.
const LIFE: i64 = 900;
/// So many seconds before the end the next one is due at the latest: a third is left.
const DUE: i64 = LIFE / 3;
/// And so many at the earliest: it may be a twelfth of the life earlier.
const EARLIEST: i64 = DUE + LIFE / 12;
/// A try may take so long, and after it there is a pause of as much at most.
const TRY: i64 = 30;
/// How long a try may take here; two busy cores are slow.
const RENEWED: Duration = Duration::from_secs(60);
/// How often a call is placed at most until somebody has time for it.
const MOST_AGAIN: usize = 8;
/// Who calls, and what is asked about certificates where that one does.
const DOMAINS: [(&str, &str); 4] = [
    ("12025550100", "off"),
    ("12025550101", "staple-only"),
    ("12025550102", "staple-or-live"),
    ("12025550103", "live"),
];

/// An authority whose certificates are never revoked, because they live for an hour at most.
struct Authority {
    folder: Workspace,
    web: Directory,
    turnstile: Turnstile,
    admin: SocketAddr,
    process: Process,
}

impl Authority {
    fn start(clock: &MovedClock) -> Self {
        let folder = folder();
        let (public, admin) = (free_address(), free_address());
        let turnstile = Turnstile::before(public);
        let web = Directory::new(folder.path().join("web"));
        web.ensure(now()).unwrap();
        let plain = configuration(&format!("https://localhost:{}", turnstile.port));
        let settings = plain.replacen("[ca]\n", "[ca]\nshort_lived_hours = 1\n", 1);
        let listener = listener(public, &web);
        let text = format!(
            "{settings}{listener}[http.admin]\nlisten = [\"{admin}\"]\n[sip]\nudp = [\"127.0.0.1:0\"]\ntcp = [\"127.0.0.1:0\"]\n"
        );
        folder.write("countersign.toml", text);
        open_account(&folder);
        let process = Self::process(&folder, admin, clock);
        Self {
            folder,
            web,
            turnstile,
            admin,
            process,
        }
    }

    fn process(folder: &Workspace, admin: SocketAddr, clock: &MovedClock) -> Process {
        let configuration = folder.path().join("countersign.toml");
        let mut process = clock.starts(Workspace::new("authority-runs"), &configuration);
        process.until("ready", |_| {
            get(admin, "/ready").is_some_and(|(status, _)| status == 200)
        });
        process
    }

    /// Ends in the middle of whatever it does.
    fn goes_away(&mut self) {
        self.process.tell("KILL");
        self.process.end(PATIENCE);
    }

    fn comes_back(&mut self, clock: &MovedClock) {
        self.process = Self::process(&self.folder, self.admin, clock);
    }

    /// Where it is found, and that it may be asked although it is on this machine.
    fn exception(&self) -> String {
        exception(self.turnstile.port, &self.web)
    }

    /// `[tenants.enroll]` of its customer.
    fn enroll(&self) -> String {
        let origin = format!("https://localhost:{}", self.turnstile.port);
        let file = |name| self.folder.path().join(name);
        format!(
            "[tenants.enroll]\ndirectory = \"{origin}/acme/directory\"\naccount_key = {:?}\ntoken_authority = \"{origin}/at/account/acme/token\"\n\
             secret_file = {:?}\nlife_minutes = {}\n",
            file("account.key"),
            file("secret.txt"),
            LIFE / 60
        )
    }

    /// The first certificate of its customer, of this moment.
    fn certifies(&self, from: UnixTime) {
        let file = |name: &str| self.folder.path().join(name);
        let ca_key = files::read_signing_key(&file("ca.key")).unwrap();
        let ca = CertificateChain::parse(&std::fs::read(file("ca.pem")).unwrap()).unwrap();
        let ca = ca.end_entity();
        let authority =
            countersign_ca::Authority::new(ca.clone(), Arc::new(ca_key), Practice::default());
        KeyPlace::File(file("account.key")).generate().unwrap();
        let key = KeyPlace::File(file("own.key")).generate().unwrap();
        let subject = Subject::new("US", "Acme", "SHAKEN 1234").unwrap();
        let list = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
        let request = Request::new(Profile::EndEntity, subject, key.public_key());
        let request = request.with_scope(list).with_revocation(Revocation::Never);
        let life = Validity {
            not_before: from,
            not_after: from.saturating_add(LIFE),
        };
        let issued = authority.unwrap();
        let issued = issued.issue(&request, Serial::from_random([9; 16]), life);
        let chain = pem(issued.unwrap().as_der()) + &pem(ca.as_der());
        self.folder.write("own.pem", chain);
    }
}

/// `[http.public]` at an address.
fn listener(public: SocketAddr, web: &Directory) -> String {
    let (certificate, key) = (web.web_certificate(), web.web_key());
    format!(
        "[http.public]\nlisten = [\"{public}\"]\ncertificate_file = {certificate:?}\nkey_file = {key:?}\n"
    )
}

fn exception(port: u16, web: &Directory) -> String {
    let anchor = web.web_anchor();
    format!(
        "[[fetch.exceptions]]\norigin = \"https://localhost:{port}\"\naddresses = [\"127.0.0.1\", \"::1\"]\nweb_ca_file = {anchor:?}\n"
    )
}

/// Everybody, and what calls have shown so far.
struct World {
    clock: MovedClock,
    authority: Authority,
    /// Before the chain of who signs.
    repository: Turnstile,
    signs: Server,
    verifies: Server,
    caller: Party,
    called: Party,
    placed: usize,
    /// Of the certificates that came along.
    serials: BTreeSet<Box<[u8]>>,
}

impl World {
    async fn new() -> Self {
        let clock = MovedClock::new();
        let authority = Authority::start(&clock);
        let public = free_address();
        let repository = Turnstile::before(public);
        let exceptions = authority.exception() + &exception(repository.port, &authority.web);
        let (caller, called) = (Party::at(1).await, Party::at(1).await);

        let anchor = authority.folder.path().join("root.pem");
        let domains = DOMAINS.map(|(number, mode)| {
            format!(
                "[[trust.domains]]\nname = \"{mode}\"\nnumbers = [\"{number}\"]\nlab_anchor_files = [{anchor:?}]\nallow_lab = true\n\
                 freshness = \"{mode}\"\nmissing_status = \"hard\"\n"
            )
        });
        let believed = domains.concat() + &exceptions;
        let verifies = Setup::believes(&format!("udp:{}", called.address), &believed);
        // Whoever does not pass does not get through.
        let verifies = verifies.trunk("oversize = \"fragment\"\ntreatment = \"reject\"");
        let verifies = verifies.start_on(&clock);

        authority.certifies(clock.now());
        let file = |name| authority.folder.path().join(name);
        authority
            .folder
            .write("numbers.csv", "12025550100-12025550149,assigned\n");
        let tenant = format!(
            "[[tenants]]\nname = \"provider\"\ncertificate_file = {:?}\nkey_file = {:?}\ninventory_file = {:?}\nx5c = true\n\
             x5u = \"https://localhost:{}/certificates/own.pem\"\n{}{}{exceptions}",
            file("own.pem"),
            file("own.key"),
            file("numbers.csv"),
            repository.port,
            authority.enroll(),
            listener(public, &authority.web),
        );
        let signs = Setup::signs_as(&format!("tcp:{}", verifies.sip()), &tenant).start_on(&clock);
        Self {
            clock,
            authority,
            repository,
            signs,
            verifies,
            caller,
            called,
            placed: 0,
            serials: BTreeSet::new(),
        }
    }

    /// A call, as the called party hears it, who answers it. On a machine with too much to do it is placed again.
    async fn call(&mut self, number: &str) -> Heard {
        for _ in 0..MOST_AGAIN {
            if let Some(heard) = self.placed(number).await {
                return heard;
            }
        }
        unreachable!("nobody has time")
    }

    /// The same once; nothing if that is not the moment (503).
    async fn placed(&mut self, number: &str) -> Option<Heard> {
        self.placed += 1;
        let call_id = format!("short-lived-{}-{}", self.placed, std::process::id());
        let invite = Invite::new(&*call_id).from(&format!("<sip:{number}@a.example>"));
        let text = invite.text(&self.caller);
        self.caller.says(text, self.signs.sip()).await;
        // What comes again is of a call before.
        let ours = |heard: &Heard| heard.values("Call-ID") == [&*call_id];
        let mut told = None;
        loop {
            tokio::select! {
                heard = self.called.hears_for_ever() => if ours(&heard) {
                    self.called.answers(&heard, "200 OK").await;
                    told = Some(heard);
                },
                answer = self.caller.hears_final() => if ours(&answer) {
                    let wanted = if told.is_some() { 200 } else { 503 };
                    assert_eq!(answer.status(), Some(wanted), "{}", answer.text);
                    return told;
                },
            }
        }
    }

    /// A call from each of the four: all are signed, and pass. The certificate of the last one.
    async fn calls(&mut self) -> Certificate {
        let mut last = None;
        for (number, mode) in DOMAINS {
            let heard = self.call(number).await;
            assert_eq!(heard.verstat(), Some("TN-Validation-Passed"), "{mode}");
            let certificate = sent_along(&heard);
            assert!(certificate.has_no_rev_avail());
            let iat = UnixTime::from_secs(heard.claims()["iat"].as_i64().unwrap());
            let life = certificate.validity();
            assert!(life.contains(iat), "{iat}: {life:?}");
            assert!(self.clock.now() <= life.not_after, "{life:?}");
            self.serials.insert(certificate.serial().into());
            last = Some(certificate);
        }
        last.unwrap()
    }

    /// A call from each of the four: none is signed, and who verifies says so.
    async fn calls_that_are_not_signed(&mut self) {
        for (number, mode) in DOMAINS {
            let heard = self.call(number).await;
            assert_eq!(heard.values("Identity"), [""; 0], "{mode}");
            assert_eq!(heard.verstat(), Some("No-TN-Validation"), "{mode}");
        }
    }

    /// Calls, and time that passes, until so many seconds before the end of a certificate.
    async fn calls_until(&mut self, left: i64, of: &Certificate, step: i64) {
        let until = of.validity().not_after.as_secs() - left;
        while self.clock.now().as_secs() < until {
            self.calls().await;
            let more = until - self.clock.now().as_secs();
            self.clock.advance(more.clamp(0, step));
        }
    }

    /// Calls until one comes with another certificate: that one. The clock goes on as time does.
    async fn calls_until_renewed(&mut self, old: &Certificate) -> Certificate {
        let limit = Instant::now() + RENEWED;
        loop {
            let now = self.calls().await;
            if now.serial() != old.serial() {
                assert!(now.validity().not_after > old.validity().not_after);
                assert_eq!(now.public_key().p256(), old.public_key().p256());
                return now;
            }
            assert!(Instant::now() < limit, "{:#?}", self.complaints());
        }
    }

    /// Calls while the life of `old` goes by, and after it was renewed. Until it was due nobody has asked the authority for anything.
    async fn a_life(&mut self, old: &Certificate) -> Certificate {
        let before = self.authority.turnstile.passed();
        self.calls_until(EARLIEST + 1, old, 20).await;
        assert_eq!(self.authority.turnstile.passed(), before, "nobody is asked");
        // At once, so that no step of the clock falls into a try.
        let left = old.validity().not_after.as_secs() - self.clock.now().as_secs();
        self.clock.advance(left - DUE + 1);
        self.calls_until_renewed(old).await
    }

    fn renewals(&self, outcome: &str) -> u64 {
        let series = format!("countersign_certificate_renewals_total{{outcome=\"{outcome}\"}}");
        self.signs.metric(&series)
    }

    /// Calls until another try to renew has failed, and time that passes.
    async fn calls_until_failed(&mut self) {
        let tries = self.renewals("failed") + 1;
        while self.renewals("failed") < tries {
            self.calls().await;
            self.clock.advance(1);
        }
    }

    /// Calls until the signer has said this of its certificate, and time that passes.
    async fn calls_until_told(&mut self, level: &str, message: &str) {
        while self.told(level, message) == 0 {
            self.calls().await;
            self.clock.advance(1);
        }
    }

    /// What the signer has complained about, a line each.
    fn complaints(&mut self) -> Vec<Value> {
        let output = self.signs.process().output();
        let lines = output.lines();
        let lines = lines.filter_map(|line| serde_json::from_str(line).ok());
        lines
            .filter(|line: &Value| line["level"] != "INFO")
            .collect()
    }

    /// How often it has said this at that level.
    fn told(&mut self, level: &str, message: &str) -> usize {
        let lines = self.complaints().into_iter();
        let told = lines.filter(|line| {
            let said = line["message"].as_str().unwrap_or_default();
            line["level"] == level && said.contains(message)
        });
        told.count()
    }

    /// Who verifies has asked nobody for anything, whatever has come.
    fn nobody_was_asked(&self) {
        assert_eq!(self.repository.passed(), 0, "nobody follows x5u");
        for series in [
            "countersign_certificate_fetches_total",
            "countersign_status_fetches_total",
            "countersign_staple_fetches_total",
        ] {
            assert_eq!(self.verifies.metric(series), 0, "{series}");
        }
    }
}

/// The certificate in the token of a call.
fn sent_along(heard: &Heard) -> Certificate {
    let [identity] = heard.values("Identity")[..] else {
        unreachable!("{}", heard.text)
    };
    let header = identity.split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&base64url::decode(header).unwrap()).unwrap();
    let base64 = header["x5c"][0].as_str().unwrap();
    let base64url = base64.trim_end_matches('=').replace('+', "-");
    let der = base64url::decode(&base64url.replace('/', "_")).unwrap();
    Certificate::parse(&der).unwrap()
}

/// This test verifies that calls go on over the renewals of a certificate that lives for a quarter of an hour: each is signed with one that is
/// valid, and passes wherever it is verified; the certificate comes along with it, and nobody is asked for it or about it.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_waits_for_a_renewal() {
    const RENEWALS: usize = 2;
    let mut world = World::new().await;
    let mut certificate = world.calls().await;
    for _ in 0..RENEWALS {
        certificate = world.a_life(&certificate).await;
    }
    assert_eq!(world.serials.len(), 1 + RENEWALS);
    let renewed = u64::try_from(RENEWALS).unwrap();
    assert_eq!(
        (world.renewals("renewed"), world.renewals("failed")),
        (renewed, 0)
    );
    world.nobody_was_asked();
}

/// This test verifies that calls are signed while the authority is away, that the signer cries and tries again, and renews as soon as
/// the authority is back.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_killed_and_comes_back_in_time() {
    let mut world = World::new().await;
    let first = world.calls().await;
    world.authority.goes_away();
    world.calls_until(DUE - 1, &first, 20).await;
    let late = "should have been renewed";
    world.calls_until_told("WARN", late).await;
    world.calls_until_failed().await;
    assert!(world.renewals("failed") > 1);
    world.authority.comes_back(&world.clock);
    // The pause after a try.
    world.clock.advance(TRY);
    world.calls_until_renewed(&first).await;
    assert_eq!(world.renewals("renewed"), 1);
    assert_eq!(world.told("WARN", late), 1);
    world.nobody_was_asked();
}

/// This test verifies that calls are signed until the end of a certificate that cannot be renewed, which is cried about before, and none
/// with it after that: they go on without a signature, as is said then and not before; and that they are signed again when the authority is back.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_comes_back_too_late() {
    let mut world = World::new().await;
    let first = world.calls().await;
    world.authority.goes_away();
    world.calls_until(DUE - 1, &first, 20).await;
    let [ending, ended] = [
        "ends soon and is not renewed",
        "has ended: calls are not signed",
    ];
    world.calls_until_told("ERROR", ending).await;
    let (_, ready) = get(world.signs.admin(), "/ready").unwrap();
    assert!(ready.contains("certificate-ending"), "{ready}");
    world.calls_until(10, &first, 5).await;
    assert_eq!(world.told("ERROR", ended), 0);

    world.clock.advance(11);
    while world.told("ERROR", ended) == 0 {
        world.calls_that_are_not_signed().await;
        world.clock.advance(1);
    }
    assert_eq!(world.told("ERROR", ending), 1);
    let tries = world.renewals("failed") + 1;
    while world.renewals("failed") < tries {
        world.calls_that_are_not_signed().await;
        world.clock.advance(1);
    }
    world.authority.comes_back(&world.clock);
    world.calls_that_are_not_signed().await;
    // The pause after a try.
    world.clock.advance(TRY);
    let limit = Instant::now() + RENEWED;
    while world.call(DOMAINS[0].0).await.values("Identity").is_empty() {
        assert!(Instant::now() < limit, "{:#?}", world.complaints());
    }
    let second = world.calls().await;
    assert_ne!(second.serial(), first.serial());
    world.nobody_was_asked();
}
