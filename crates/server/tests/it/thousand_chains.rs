//! A country's worth of signers, and everything read again while they call.
//!
//! ```text
//!                                       ┌──────────── countersign serve ───────────┐
//!   127.0.0.3 ── INVITE, Identity ─────►│ verifies: 1,100 providers, all of them    │───► called
//!   127.0.0.2 ── INVITE ───────────────►│ known; signs for 1,100 tenants            │
//!                                       └───▲──────────────────▲───────────────────┘
//!                                           │ https            │ countersign reload: another certificate for every tenant,
//!                                       Repository             │ another name of the trust domain, so that no verdict counts
//! ```
//!
//! This test verifies by the real binary, with the deadline that calls have by default, that two reloads cost no call its
//! deadline and that each call gets its own verdict; and it prints what the process keeps in memory and holds it to 64 MiB.

use crate::passports;
use crate::peers::{Process, Workspace, free_address};
use crate::provider::{COUNTERSIGN, get, now};
use crate::repository::{Pki, Reaction, Repository, answer};
use crate::switch::{Heard, Invite, Party};

use countersign::certificate::chain::pem;
use countersign::certificate::{CertificateChain, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::time::Validity;
use countersign_ca::extension::PathLength;
use countersign_ca::{Authority, Practice, Profile, Request, Serial};
use countersign_testkit::lab::{chain, new_key, subject};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// About as many providers sign calls in the country that has the most.
const CHAINS: usize = 1_100;

/// The bound on what the process may hold with all providers known, in KiB.
const MEMORY: u64 = 64 * 1024;

/// The same after reloads: a configuration goes when the next one is there, and old certificates are served for an hour.
const MEMORY_AFTER: u64 = 96 * 1024;

/// How long the test waits for what must come.
const LIMIT: Duration = Duration::from_secs(120);

/// Callers at a time.
const AT_ONCE: usize = 8;

/// How long each waits after a call: what is remembered of calls for half a minute is not what is measured here, however long a busy
/// machine takes for the reloads.
const PAUSE: Duration = Duration::from_millis(400);

struct Signer {
    key: Arc<EcdsaP256Key>,
    chain: CertificateChain,
}

/// An authority of today, and the providers that it has certified.
struct Country {
    root: Authority,
    intermediate: Authority,
    serial: AtomicUsize,
    validity: Validity,
}

impl Country {
    fn new() -> Self {
        let validity = Validity {
            not_before: now().saturating_add(-3_600),
            not_after: now().saturating_add(30 * 86_400),
        };
        let key = new_key();
        let name = subject("Country ROOT");
        let serial = |number: u128| Serial::from_random(number.to_be_bytes());
        let root = Authority::root(&name, new_key(), Practice::default(), serial(1), validity);
        let root = root.unwrap();
        let profile = Profile::Intermediate(PathLength::Unbounded);
        let request = Request::new(profile, subject("Country CA"), key.public_key());
        let issued = root.issue(&request, serial(2), validity).unwrap();
        Self {
            intermediate: Authority::new(issued, key, Practice::default()).unwrap(),
            root,
            serial: AtomicUsize::new(1_000),
            validity,
        }
    }

    fn signer(&self, number: usize) -> Signer {
        let key = new_key();
        let code = TnEntry::Spc(format!("{number:04}").parse().unwrap());
        let scope = TnAuthList::new(vec![code]).unwrap();
        let name = subject(&format!("SHAKEN {number:04}"));
        let request = Request::new(Profile::EndEntity, name, key.public_key()).with_scope(scope);
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) as u128;
        let serial = Serial::from_random(serial.to_be_bytes());
        let issuer = &self.intermediate;
        let issued = issuer.issue(&request, serial, self.validity).unwrap();
        Signer {
            key,
            chain: chain(&[&issued, issuer.certificate()]),
        }
    }
}

/// The server's folder: the tenants' files and a configuration that names all of them.
struct Folder {
    country: Country,
    sip: SocketAddr,
    admin: SocketAddr,
    called: SocketAddr,
    origin: String,
}

impl Folder {
    /// Another certificate for every tenant, and a configuration that names them.
    fn write(&self, workspace: &Workspace, edition: usize, domain: &str) {
        let Self {
            sip,
            admin,
            called,
            origin,
            country,
        } = self;
        let mut text = format!(
            "[sip]\nudp = [\"{sip}\"]\ntcp = []\n[http.admin]\nlisten = [\"{admin}\"]\n[log]\nlevel = \"warn\"\n\
             [trust]\ndomain = \"{domain}\"\nanchor_files = [\"anchor.pem\"]\n\
             [verification]\nknown_signers_file = \"known\"\n\
             [fetch]\nweb_ca_file = \"web.pem\"\n[[fetch.exceptions]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1\"]\n\
             [[trunks]]\nname = \"verifies\"\naddresses = [\"127.0.0.3\"]\nrole = \"verify\"\n{trunk}\
             verstat_profile = \"field\"\n\
             [[trunks]]\nname = \"signs\"\naddresses = [\"127.0.0.2\"]\nrole = \"sign\"\ntenant = \"0550\"\n{trunk}",
            trunk = format_args!(
                "numbering = \"north-american\"\noversize = \"fragment\"\nnext_hops = [\"udp:{called}\"]\n"
            )
        );
        for number in 0..CHAINS {
            let file = format!("{number:04}-{edition}");
            let signer = country.signer(number);
            workspace.write(&format!("{file}.pem"), signer.chain.to_pem());
            let key = signer.key.to_pkcs8().unwrap();
            let key = workspace.write(&format!("{file}.key"), key);
            std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
            write!(
                text,
                "[[tenants]]\nname = \"{number:04}\"\ncertificate_file = \"{file}.pem\"\nkey_file = \"{file}.key\"\n\
                 x5u = \"https://cert.example.com/certificates/{file}.pem\"\n"
            )
            .unwrap();
        }
        workspace.write("countersign.toml", text);
    }
}

/// The chains of all providers, at one URL each.
async fn repository(signers: &Arc<Vec<Signer>>) -> Repository {
    let signers = signers.clone();
    Repository::start(move |head| {
        let (_, path) = head.split_once("/p/").unwrap();
        let number: usize = path[..4].parse().unwrap();
        Reaction::Bytes(answer(&signers[number].chain.to_pem(), &[]))
    })
    .await
}

fn url(repository: &Repository, number: usize) -> String {
    format!("{}/p/{number:04}.pem", repository.origin())
}

/// What the called side has heard, by Call-ID.
type HeardCalls = Arc<Mutex<HashMap<String, Heard>>>;

/// Calls without end, until told.
struct Traffic {
    server: SocketAddr,
    signers: Arc<Vec<Signer>>,
    repository: Arc<Repository>,
    heard: HeardCalls,
    placed: AtomicUsize,
    stop: AtomicBool,
}

impl Traffic {
    /// Who is called takes every call.
    async fn answer(self: Arc<Self>, called: Party) {
        loop {
            let heard = called.hears_for_ever().await;
            if heard.text.starts_with("INVITE ") {
                let call_id = heard.values("Call-ID")[0].to_owned();
                self.heard.lock().unwrap().insert(call_id, heard.clone());
                called.answers(&heard, "200 OK").await;
            }
        }
    }

    /// One caller: one call after the other. The slowest answer.
    async fn call(self: Arc<Self>) -> Duration {
        let (tenant, provider) = (Party::at(2).await, Party::at(3).await);
        let mut slowest = Duration::ZERO;
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.placed.fetch_add(1, Ordering::Relaxed);
            let call_id = format!("thousand-{number}");
            let begun = Instant::now();
            let caller = if number.is_multiple_of(4) {
                &tenant
            } else {
                &provider
            };
            caller
                .says(self.invite(number, &call_id).text(caller), self.server)
                .await;
            assert_eq!(caller.hears_final().await.status(), Some(200));
            slowest = slowest.max(begun.elapsed());
            let heard = self.heard.lock().unwrap().remove(&call_id).unwrap();
            self.judge(number, &heard);
            tokio::time::sleep(PAUSE).await;
        }
        slowest
    }

    /// Every fourth call is to be signed; of the others every third comes from a number that was not signed for.
    fn invite(&self, number: usize, call_id: &str) -> Invite {
        let call = Invite::new(call_id);
        if number.is_multiple_of(4) {
            return call;
        }
        let signer = number % CHAINS;
        let x5u = url(&self.repository, signer);
        let call = match number % 4 {
            3 => call.from("<sip:12025550102@a.example>"),
            _ => call,
        };
        let identity = passports::identity(&*self.signers[signer].key, &x5u, now());
        call.header("Identity", &identity)
    }

    fn judge(&self, number: usize, heard: &Heard) {
        match number % 4 {
            0 => assert!(heard.text.contains("/certificates/0550-"), "{}", heard.text),
            3 => assert_eq!(heard.verstat(), Some("TN-Validation-Failed"), "{number}"),
            _ => assert_eq!(heard.verstat(), Some("TN-Validation-Passed"), "{number}"),
        }
    }
}

/// A number that the server tells.
fn metric(admin: SocketAddr, series: &str) -> u64 {
    let (_, body) = get(admin, "/metrics").unwrap_or_default();
    let mut lines = body.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

async fn until_metric(admin: SocketAddr, series: &str, wanted: u64) {
    let limit = Instant::now() + LIMIT;
    while metric(admin, series) < wanted {
        let now = metric(admin, series);
        assert!(Instant::now() < limit, "{series}: {now} of {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the process holds, in KiB: its own (`RssAnon`), and with what is only mapped from files (`VmRSS`: our own code is in it).
fn memory(process: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let value = |name: &str| {
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    (value("RssAnon:"), value("VmRSS:"))
}

fn reload(admin: SocketAddr) {
    let output = Command::new(COUNTERSIGN)
        .args(["reload", "--admin", &admin.to_string()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Prints what is held, and holds the process to it.
fn hold(process: u32, when: &str, bound: u64) {
    let (own, all) = memory(process);
    eprintln!("memory {when}: {own} KiB its own, {all} KiB with mapped files (bound {bound})");
    assert!(own <= bound, "{when}: {own} KiB");
    // The code of a debug build is several times as large, and none of it is kept for providers.
    assert!(cfg!(debug_assertions) || all <= bound, "{when}: {all} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_of_a_whole_country_costs_no_call_its_deadline() {
    let country = Country::new();
    let signers: Arc<Vec<_>> = Arc::new((0..CHAINS).map(|n| country.signer(n)).collect());
    let repository = Arc::new(repository(&signers).await);
    let called = Party::at(1).await;
    let workspace = Workspace::new("country");
    workspace.write("anchor.pem", pem(country.root.certificate().as_der()));
    workspace.write("web.pem", Pki::get().read("root.pem"));
    let today = now().as_secs();
    let known = (0..CHAINS).map(|number| format!("{today} {}\n", url(&repository, number)));
    workspace.write("known", known.collect::<String>());
    let (sip, admin) = (free_address(), free_address());
    let folder = Folder {
        country,
        sip,
        admin,
        called: called.address,
        origin: repository.origin(),
    };
    folder.write(&workspace, 1, "country");
    let process = Process::start(COUNTERSIGN, workspace, |countersign| {
        countersign.args(["serve", "--config", "countersign.toml"]);
    });
    let verified = "countersign_prewarmed_total{outcome=\"verified\"}";
    until_metric(admin, verified, CHAINS as u64).await;
    assert_eq!(
        metric(admin, "countersign_certificate_cache_chains"),
        CHAINS as u64
    );
    hold(process.id(), "with all chains known", MEMORY);

    let traffic = Arc::new(Traffic {
        server: sip,
        signers,
        repository,
        heard: HeardCalls::default(),
        placed: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
    });
    let answering = tokio::spawn(traffic.clone().answer(called));
    let callers: Vec<_> = (0..AT_ONCE)
        .map(|_| tokio::spawn(traffic.clone().call()))
        .collect();
    for (edition, domain) in [(2, "country"), (3, "another")] {
        let reloading = || {
            folder.write(process.workspace(), edition, domain);
            reload(admin);
        };
        tokio::task::block_in_place(reloading);
    }
    until_metric(admin, "countersign_config_generation", 3).await;
    until_metric(admin, verified, 2 * CHAINS as u64).await;
    traffic.stop.store(true, Ordering::Relaxed);
    let mut slowest = Duration::ZERO;
    for caller in callers {
        slowest = slowest.max(caller.await.unwrap());
    }
    answering.abort();
    let placed = traffic.placed.load(Ordering::Relaxed);
    eprintln!("{placed} calls, the slowest answered after {slowest:?}");
    let (_, metrics) = get(admin, "/metrics").unwrap();
    for late in ["deadline-expired", "signed-too-late"] {
        assert!(!metrics.contains(late), "{metrics}");
    }
    hold(process.id(), "after two reloads", MEMORY_AFTER);
}
