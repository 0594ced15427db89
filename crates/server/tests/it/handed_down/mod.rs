//! Numbers handed down over running servers: each authority has its certificate from the one above it, by token and ACME, with the
//! approval of a second person.
//!
//! ```text
//!     root (no network) ─► STI-CA ──► STI-SCA of provider 1234 ──► reseller: a range ──► customer: some of them ──► one number
//!                          serve       serve                        serve                 ca sign                    serve, signs
//!                            ▲ token(ca), order   ▲ token(ca), order   ▲ token(ca), order
//!                            └── ca enroll ───────┴── ca enroll ───────┴── ca enroll
//! ```

mod calls;
mod keyring;
mod levels;

use crate::peers::{Process, Workspace, free_address, openssl, told};
use crate::provider::{COUNTERSIGN, get, now};
use countersign::certificate::CertificateChain;
use countersign_server::lab::directory::Directory;
use serde_json::Value;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a server's configuration is called in its folder.
const CONFIG: &str = "countersign.toml";
/// Longest wait for an authority above to approve and issue; two busy cores are slow.
const ORDER_LIMIT: Duration = Duration::from_secs(60);

/// Rules of SHAKEN's providers that do not hold where an authority signs its own revocation list.
const OWN_LIST: [&str; 4] = [
    "--ignore-lint",
    "e_atis_ext_crl_distribution_struct",
    "--ignore-lint",
    "e_atis_ext_crl_distribution_struct_ca",
];

/// Runs the binary in a folder.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    told(
        command(folder, arguments)
            .output()
            .expect("the binary starts"),
    )
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(COUNTERSIGN);
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::null());
    command
}

/// The same, which must do what it is told.
#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = run(folder, arguments);
    assert_eq!(code, 0, "{arguments:?}: {out}{err}");
    out
}

/// A request and the certificate for it, by a key at hand in the same folder: `NAME.key`, `NAME.pem`.
#[track_caller]
fn certified(folder: &Path, by: &str, name: &str, common_name: &str, what: &[&str], how: &[&str]) {
    let (key, request, pem) = (
        format!("{name}.key"),
        format!("{name}.csr"),
        format!("{name}.pem"),
    );
    let names = ["--organization", "Example", "--name", common_name];
    let csr = ["ca", "csr", "--key", &key, "--out", &request];
    done(folder, &[&csr[..], &names, what].concat());
    let (issuer_key, issuer) = (format!("{by}.key"), format!("{by}.pem"));
    let sign = [
        "ca",
        "sign",
        &request,
        "--key",
        &issuer_key,
        "--certificate",
        &issuer,
    ];
    done(
        folder,
        &[&sign[..], &["--out", &pem], &OWN_LIST, how].concat(),
    );
}

/// What everybody here shares: the web's certificates, and the anchor.
struct Ground {
    folder: Workspace,
    web: Directory,
}

impl Ground {
    fn new() -> Self {
        let folder = Workspace::new("ground");
        let web = Directory::new(folder.path().join("web"));
        web.ensure(now()).unwrap();
        Self { folder, web }
    }

    /// Where the anchor of everything here lies.
    fn anchor(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    fn web_ca(&self) -> String {
        self.web.web_anchor().display().to_string()
    }

    /// `[http.public]` of somebody here.
    fn listener(&self, address: SocketAddr) -> String {
        format!(
            "[http.public]\nlisten = [\"{address}\"]\ncertificate_file = {:?}\nkey_file = {:?}\n",
            self.web.web_certificate(),
            self.web.web_key(),
        )
    }

    /// That somebody here may be fetched from.
    fn exception(&self, origin: &str) -> String {
        format!(
            "[[fetch.exceptions]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1\", \"::1\"]\nweb_ca_file = {:?}\n",
            self.web.web_anchor(),
        )
    }
}

/// An authority that serves.
struct Authority {
    process: Process,
    origin: String,
}

/// `[ca]` of an authority at `origin`, and who signs its tokens.
fn configuration(origin: &str) -> String {
    format!(
        "[ca]\ncertificate_file = \"ca.pem\"\nkey = \"ca.key\"\nbase_url = \"{origin}\"\nstore_file = \"ca.sqlite\"\n\
         checkpoint_file = \"checkpoints\"\noutlive_token = true\n\
         ignored_lints = [\"e_atis_ext_crl_distribution_struct\", \"e_atis_ext_crl_distribution_struct_ca\"]\n\
         [[ca.token_issuers]]\nname = \"ours\"\ncertificate_file = \"tokens.pem\"\n\
         [ca.token_authority]\ncertificate_file = \"tokens.pem\"\nkey = \"tokens.key\"\n"
    )
}

impl Authority {
    /// The authority at the top: its certificate is by a root without a network.
    #[track_caller]
    fn top(ground: &Ground) -> Self {
        let folder = Workspace::new("sti-ca");
        let at = folder.path();
        let root = ["--organization", "Example", "--name", "Example SHAKEN ROOT"];
        let init = [
            "ca",
            "init",
            "--key",
            "root.key",
            "--certificate",
            "root.pem",
        ];
        done(at, &[&init[..], &root].concat());
        std::fs::copy(at.join("root.pem"), ground.anchor()).unwrap();
        let public = free_address();
        let origin = format!("https://localhost:{}", public.port());
        let list = format!("{origin}/crl/ca.crl");
        let length = ["--path-length", "3"];
        let how = [&length[..], &["--crl-url", &list, "--days", "90"]].concat();
        certified(at, "root", "ca", "Example SHAKEN CA", &length, &how);
        let how = [
            "--profile",
            "end-entity",
            "--crl-url",
            &list,
            "--days",
            "60",
        ];
        certified(at, "ca", "tokens", "SHAKEN 0001", &["--spc", "0001"], &how);
        Self::start(ground, folder, public, &origin)
    }

    /// The authority of a folder with its key and certificate.
    #[track_caller]
    fn below(ground: &Ground, folder: Workspace, code: &str) -> Self {
        let public = free_address();
        let origin = format!("https://localhost:{}", public.port());
        let list = format!("{origin}/crl/ca.crl");
        let how = ["--profile", "delegate", "--crl-url", &list, "--days", "1"];
        let name = format!("SHAKEN {code} tokens");
        // Who signs tokens is certified by the authority, too; it signs no calls, and nobody asks what it lists.
        let what: &[&str] = match code.len() {
            4 => &["--spc", code],
            _ => &["--numbers", code],
        };
        certified(folder.path(), "ca", "tokens", &name, what, &how);
        Self::start(ground, folder, public, &origin)
    }

    #[track_caller]
    fn start(ground: &Ground, folder: Workspace, public: SocketAddr, origin: &str) -> Self {
        let (sip, admin) = (free_address(), free_address());
        let text = format!(
            "[sip]\nudp = [\"{sip}\"]\ntcp = []\ndrain_s = 0\n[http.admin]\nlisten = [\"{admin}\"]\n{}{}",
            ground.listener(public),
            configuration(origin),
        );
        folder.write(CONFIG, text);
        let mut process = Process::start(COUNTERSIGN, folder, |countersign| {
            countersign.args(["serve", "--config", CONFIG]);
        });
        process.until("ready", |_| {
            get(admin, "/ready").is_some_and(|(status, _)| status == 200)
        });
        Self {
            process,
            origin: origin.to_owned(),
        }
    }

    fn folder(&self) -> &Path {
        self.process.workspace().path()
    }

    /// Opens an account of the token authority, and puts its secret into `folder`.
    #[track_caller]
    fn account(&self, name: &str, holds: &[&str], folder: &Workspace) {
        let open = ["ca", "account", "open", name, "--holder", name, "--json"];
        let config = ["--config", CONFIG];
        let opened = done(self.folder(), &[&open[..], holds, &config].concat());
        let opened: Value = serde_json::from_str(&opened).unwrap();
        let secret = folder.write(
            &format!("{name}.secret"),
            opened["secret"].as_str().unwrap(),
        );
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
        // The server notices within a second what the command line has put into the journal.
        std::thread::sleep(Duration::from_millis(1_500));
    }

    /// The arguments of `ca enroll` at this authority by that account, into `NAME.key` and `NAME.pem`.
    fn enrolling(&self, ground: &Ground, account: &str, name: &str) -> Vec<String> {
        let mut arguments = vec!["ca".to_owned(), "enroll".to_owned()];
        arguments.push(format!("{}/acme/directory", self.origin));
        for (flag, value) in [
            ("--account-key", "account.key".to_owned()),
            ("--key", format!("{name}.key")),
            ("--certificate", format!("{name}.pem")),
            ("--organization", "Example".to_owned()),
            (
                "--token-authority",
                format!("{}/at/account/{account}/token", self.origin),
            ),
            ("--secret-file", format!("{account}.secret")),
            ("--web-ca", ground.web_ca()),
            ("--allow-origin", self.origin.clone()),
            ("--timeout", "60".to_owned()),
        ] {
            arguments.extend([flag.to_owned(), value]);
        }
        arguments.push("--json".to_owned());
        arguments
    }

    /// An order that needs nobody else.
    fn enrolled(
        &self,
        ground: &Ground,
        folder: &Workspace,
        (account, name): (&str, &str),
        what: &[&str],
    ) -> (i32, String, String) {
        let arguments = self.enrolling(ground, account, name);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        run(folder.path(), &[&arguments[..], what].concat())
    }

    /// The same for the certificate of an authority, which somebody here approves while the order waits.
    #[track_caller]
    fn enrolled_with_approval(
        &self,
        ground: &Ground,
        folder: &Workspace,
        (account, name): (&str, &str),
        what: &[&str],
    ) -> Value {
        let arguments = self.enrolling(ground, account, name);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let arguments = [&arguments[..], &["--authority"], what].concat();
        let mut ordering = command(folder.path(), &arguments);
        ordering.stdout(Stdio::piped()).stderr(Stdio::piped());
        let ordering = ordering.spawn().unwrap();
        self.approve();
        let (code, out, err) = told(ordering.wait_with_output().unwrap());
        assert_eq!(code, 0, "{arguments:?}: {out}{err}");
        serde_json::from_str(&out).unwrap()
    }

    /// Somebody else approves what waits.
    #[track_caller]
    fn approve(&self) -> Value {
        let limit = Instant::now() + ORDER_LIMIT;
        loop {
            let waiting = done(
                self.folder(),
                &["ca", "approve", "--config", CONFIG, "--json"],
            );
            if let Some(one) = waiting.lines().next() {
                let one: Value = serde_json::from_str(one).unwrap();
                let name = one["approval"].as_str().unwrap();
                let approve = ["ca", "approve", name, "--by", "bob", "--config", CONFIG];
                done(self.folder(), &approve);
                return one;
            }
            assert!(Instant::now() < limit, "nothing waits");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The certificates of a file.
#[track_caller]
fn chain(folder: &Path, name: &str) -> CertificateChain {
    CertificateChain::parse(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}
