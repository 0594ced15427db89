//! Whether the certificate of a caller is still good, end to end: an authority that serves, a provider whose certificate it has issued, and
//! somebody who verifies, each a process of its own.
//!
//! ```text
//!     Authority ◄── every connection is counted ──┬── staples, beside the calls ── signs ◄── SIPp
//!       │  ▲                                      │                                  │ Identity: …stpl…
//!       │  └ countersign ca revoke                └── questions, during the call ─ verifies ──► SIPp
//!       └── /ocsp: good, and for this number ─► revoked
//! ```

use super::run_in;
use super::served::{configuration, folder};
use crate::peers::{Called, Caller, Message, Process, Sipp, Workspace, free_address};
use crate::provider::{COUNTERSIGN, Provider, Setup, get, now, udp};
use countersign_server::lab::directory::Directory;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(super) const CONFIG: [&str; 2] = ["--config", "countersign.toml"];

/// Counts who connects to what is behind it.
pub(super) struct Turnstile {
    pub(super) port: u16,
    passed: Arc<AtomicUsize>,
}

impl Turnstile {
    pub(super) fn before(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let passed = Arc::new(AtomicUsize::new(0));
        let count = passed.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let Ok(far) = TcpStream::connect(behind) else {
                    continue;
                };
                let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
                std::thread::spawn(move || carry(near, far));
                std::thread::spawn(move || carry(back.0, back.1));
            }
        });
        Self { port, passed }
    }

    pub(super) fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    // However it ends, the other side hears that it has.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
}

/// End entities right below it may have numbers, which SHAKEN's profile does not know.
const BEYOND_SHAKEN: &str = "[ca]\nignored_lints = [\"e_atis_subject_cn_spc\", \"e_atis_tn_auth_list\", \"e_atis_tn_auth_list_spc_format\"]\n";

/// An authority that serves as a process, and somebody who has an account with it.
pub(super) struct Authority {
    process: Process,
    turnstile: Turnstile,
    pub(super) origin: String,
    web_ca: String,
}

impl Authority {
    /// One whose certificates name its responder.
    pub(super) fn start() -> Self {
        Self::naming_its_responder("true")
    }

    /// One whose certificates name its responder, or not.
    pub(super) fn naming_its_responder(names: &str) -> Self {
        let folder = folder();
        let (public, admin) = (free_address(), free_address());
        let turnstile = Turnstile::before(public);
        let origin = format!("https://localhost:{}", turnstile.port);
        let web = Directory::new(folder.path().join("web"));
        web.ensure(now()).unwrap();
        let web_ca = web.web_anchor().display().to_string();
        let tls = format!(
            "certificate_file = {:?}\nkey_file = {:?}\n",
            web.web_certificate(),
            web.web_key()
        );
        let settings = format!(
            "{}[ca.ocsp]\nin_certificates = {names}\n[sip]\nudp = [\"127.0.0.1:0\"]\ntcp = [\"127.0.0.1:0\"]\n[http.public]\nlisten = [\"{public}\"]\n{tls}\
             [http.admin]\nlisten = [\"{admin}\"]\n",
            configuration(&origin).replacen("[ca]\n", BEYOND_SHAKEN, 1)
        );
        folder.write("countersign.toml", settings);
        open_account(&folder);
        let process = Process::start(COUNTERSIGN, folder, |countersign| {
            countersign.arg("serve").args(CONFIG);
        });
        let mut authority = Self {
            process,
            turnstile,
            origin,
            web_ca,
        };
        authority.process.until("ready", |_| {
            get(admin, "/ready").is_some_and(|(status, _)| status == 200)
        });
        authority
    }

    pub(super) fn folder(&self) -> &Workspace {
        self.process.workspace()
    }

    /// The command line beside it.
    pub(super) fn run(&self, arguments: &[&str]) -> String {
        let (code, out, err) = run_in(self.folder().path(), &[], arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        out
    }

    /// `ca enroll`: a certificate for these numbers, as `NAME.key` and `NAME.pem`.
    pub(super) fn enroll(&self, name: &str, scope: [&str; 2]) -> Value {
        let (directory, tokens) = (
            format!("{}/acme/directory", self.origin),
            format!("{}/at/account/acme/token", self.origin),
        );
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let usual = [
            "ca",
            "enroll",
            &directory,
            "--account-key",
            "account.key",
            "--key",
            &key,
            "--certificate",
            &certificate,
            "--organization",
            "Acme",
            "--name",
            "SHAKEN 1234",
            "--json",
            "--token-authority",
            &tokens,
            "--secret-file",
            "secret.txt",
        ];
        let told = self.run(&[&usual[..], &self.flags(), &scope[..]].concat());
        serde_json::from_str(&told).unwrap()
    }

    /// How it is found by the command line.
    pub(super) fn flags(&self) -> [&str; 4] {
        ["--web-ca", &self.web_ca, "--allow-origin", &self.origin]
    }

    /// Whoever signs with what was enrolled under this name, and publishes the chain at home.
    pub(super) fn provider(&self, name: &str) -> Provider {
        let provider = Provider::new();
        let [key, chain] = provider.files();
        let copy = |from: &str, to: &Path| {
            std::fs::write(to, self.folder().read(from)).unwrap();
        };
        copy(&format!("{name}.key"), &key);
        copy(&format!("{name}.pem"), &chain);
        copy("root.pem", &provider.anchor_files()[0]);
        provider
    }

    /// That it may be asked although it is on this machine.
    pub(super) fn exception(&self) -> String {
        let (origin, web_ca) = (&self.origin, &self.web_ca);
        format!(
            "[[fetch.exceptions]]\norigin = {origin:?}\naddresses = [\"127.0.0.1\", \"::1\"]\nweb_ca_file = {web_ca:?}\n"
        )
    }

    /// Revokes, and waits until the responder says so.
    fn revoke(&self, name: &str) {
        let file = format!("{name}.pem");
        let revoke = [
            "ca",
            "revoke",
            "--certificate",
            &file,
            "--reason",
            "key-compromise",
            "--by",
            "alice",
        ];
        self.run(&[&revoke[..], &CONFIG[..]].concat());
        let url = format!("{}/ocsp", self.origin);
        for _ in 0..100 {
            let ask = [
                "ocsp", "-issuer", "ca.pem", "-cert", &file, "-url", &url, "-CAfile", "root.pem",
            ];
            if super::openssl(self.folder().path(), &ask).contains("revoked") {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the responder never says so");
    }
}

/// Before it serves, so that nobody waits until it has noticed.
pub(super) fn open_account(folder: &Workspace) {
    let open = [
        "ca",
        "account",
        "open",
        "acme",
        "--holder",
        "Acme",
        "--spc",
        "1234",
        "--numbers",
        "12025550100-12025550149",
        "--json",
    ];
    let (code, out, err) = run_in(folder.path(), &[], &[&open[..], &CONFIG[..]].concat());
    assert_eq!(code, 0, "{out}{err}");
    let opened: Value = serde_json::from_str(&out).unwrap();
    let path = folder.write("secret.txt", opened["secret"].as_str().unwrap());
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
}

/// The numbers of the account that are listed in a certificate.
const NUMBERS: [&str; 2] = ["--numbers", "12025550100-12025550149"];

/// Somebody who verifies by these settings of trust.
struct Verifier<'a> {
    authority: &'a Authority,
    provider: &'a Provider,
}

impl Verifier<'_> {
    fn setup(&self, trust: &str, next_hop: SocketAddr) -> Setup {
        let setup = self.provider.is_verified(&udp(next_hop)).trust(trust);
        setup.settings(&self.authority.exception())
    }

    /// A call with this Identity passes, and the authority is connected to so many times.
    #[track_caller]
    fn passes(&self, trust: &str, identity: &str, connections: usize) {
        let before = self.authority.turnstile.passed();
        let called = Sipp::called(Called::Answers);
        let verifies = self.setup(trust, called.address()).start();
        let call = Sipp::call(Caller::Answered, verifies.sip());
        call.header("Identity", identity).place();
        let heard = called.finish();
        assert_eq!(heard.invite().verstat(), "TN-Validation-Passed", "{trust}");
        let asked = self.authority.turnstile.passed() - before;
        assert_eq!(asked, connections, "{trust}");
    }

    /// A call with this Identity is refused with 437 because its certificate is revoked.
    #[track_caller]
    fn refuses(&self, trust: &str, identity: &str) {
        let called = Sipp::called(Called::Answers);
        let setup = self.setup(trust, called.address());
        let mut verifies = setup.trunk("treatment = \"reject\"").start();
        let call = Sipp::call(Caller::Refused(437), verifies.sip());
        call.header("Identity", identity).place();
        called.was_not_called();
        assert_eq!(verifies.call()["fault"], "revoked", "{trust}");
    }
}

const STAPLE_ONLY: &str = "freshness = \"staple-only\"\nmissing_status = \"hard\"\n";
const STAPLE_OR_LIVE: &str = "freshness = \"staple-or-live\"\nmissing_status = \"hard\"\n";
const LIVE: &str = "freshness = \"live\"\nmissing_status = \"hard\"\n";
const OFF: &str = "freshness = \"off\"\n";

/// Two calls of a provider whose tenant staples: the first has nothing at hand, the second brings the word of the authority, for the
/// number that calls; whoever verifies connects to nobody but the provider's repository. The Identity header of the second.
fn brings_its_staple(authority: &Authority, provider: &Provider) -> String {
    let called = free_address();
    let verifier = Verifier {
        authority,
        provider,
    };
    let mut verifies = verifier.setup(STAPLE_ONLY, called).start();
    let signs = provider.signs(&udp(verifies.sip()));
    let signs = signs.tenant_says("staples = true");
    let mut signs = signs.settings(&authority.exception()).start();
    let call = || {
        let called = Sipp::called_at(Called::Answers, called);
        Sipp::call(Caller::Answered, signs.sip()).place();
        called.finish()
    };
    let first = call();
    assert_eq!(first.invite().verstat(), "No-TN-Validation");
    assert_eq!(verifies.call()["fault"], "status-unavailable");
    signs.until_metric("countersign_staple_fetches_total{outcome=\"ok\"}", 1);
    let before = authority.turnstile.passed();
    let call = || {
        let called = Sipp::called_at(Called::Answers, called);
        Sipp::call(Caller::Answered, signs.sip()).place();
        called.finish()
    };
    let second = call();
    assert_eq!(second.invite().verstat(), "TN-Validation-Passed");
    assert_eq!(authority.turnstile.passed(), before, "nobody is asked");
    assert_eq!(verifies.metric("countersign_status_fetches_total"), 0);
    identity_of(second.invite())
}

fn identity_of(invite: &Message) -> String {
    invite.header("Identity").to_owned()
}

/// One server, two trust domains: whose number is 12025550100 is asked about, and nobody else.
fn each_domain_has_its_mode(verifier: &Verifier<'_>) {
    let [anchor, _] = verifier.provider.anchor_files();
    let domain = format!(
        "[[trust.domains]]\nname = \"asks\"\nnumbers = [\"12025550100\"]\nlab_anchor_files = [{anchor:?}]\nallow_lab = true\n{LIVE}"
    );
    let called = Sipp::called(Called::Answers);
    let setup = verifier.setup(OFF, called.address()).settings(&domain);
    let mut verifies = setup.trunk("treatment = \"reject\"").start();
    let (asked, unasked) = ("12025550100", "12025550102");
    let identity = |from| {
        let between = (from, "12025550101");
        verifier.provider.identity_between(between, now())
    };
    let call = |caller, from| {
        let call = Sipp::call(caller, verifies.sip()).from(from);
        call.header("Identity", &identity(from)).place();
    };
    call(Caller::Refused(437), asked);
    call(Caller::Answered, unasked);
    assert_eq!(called.finish().invite().verstat(), "TN-Validation-Passed");
    verifies.until_some_calls(2);
}

/// This test verifies that a certificate that lists numbers is good for the number that calls by the word that comes along, that each mode
/// asks as often as it says, and that a revoked certificate is 437 wherever somebody asks, and only there.
#[test]
fn a_staple_from_the_authority_to_the_far_side() {
    let authority = Authority::start();
    authority.enroll("provider", NUMBERS);
    let provider = authority.provider("provider");
    let stapled = brings_its_staple(&authority, &provider);
    let plain = provider.identity(now());
    // The chain is fetched from here.
    let _repository = provider.signs(&udp(free_address())).start();
    let verifier = Verifier {
        authority: &authority,
        provider: &provider,
    };
    verifier.passes(OFF, &plain, 0);
    verifier.passes("freshness = \"staple-only\"\n", &plain, 0);
    verifier.passes(STAPLE_OR_LIVE, &stapled, 0);
    verifier.passes(STAPLE_OR_LIVE, &plain, 1);
    verifier.passes(LIVE, &stapled, 1);

    authority.revoke("provider");
    let (plain, stapled) = (provider.identity(now()), stapled);
    verifier.refuses(LIVE, &stapled);
    verifier.refuses(LIVE, &plain);
    verifier.refuses(STAPLE_OR_LIVE, &plain);
    verifier.passes(OFF, &plain, 0);
    // What was said is believed until it says it ends: this is what staples cost.
    verifier.passes(STAPLE_ONLY, &stapled, 0);
    verifier.passes(STAPLE_OR_LIVE, &stapled, 0);
    each_domain_has_its_mode(&verifier);
}
