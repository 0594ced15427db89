//! Providers: their keys and certificates, and their servers, which are our own binary as guarded processes.
//!
//! ```text
//!     Provider      a folder made as `countersign up` makes it: anchor, chain, key, numbers, web certificate
//!     Server        `countersign serve` with a configuration of its own: signs for a provider, or verifies and trusts one
//! ```
//!
//! The server that signs publishes the provider's chain on its public https listener; whoever verifies fetches it there.

use crate::moved_clock::MovedClock;
use crate::peers::{Domain, Domains, Process, Workspace, free_address};
use countersign::time::UnixTime;
use countersign_server::lab::directory::{Directory, HOST};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// The binary that everything here is about.
pub(crate) const COUNTERSIGN: &str = env!("CARGO_BIN_EXE_countersign");
/// Limits at their maximum: on a busy machine the first fetch may take longer than a call may wait by default.
const UNHURRIED: &str = "[verification]\ndeadline_ms = 30000\n[fetch]\ntimeout_ms = 30000\n";
/// What a server's configuration is called in its folder.
const CONFIG: &str = "countersign.toml";
/// Longest wait for one answer of an HTTP listener.
const HTTP_LIMIT: Duration = Duration::from_secs(20);

/// What time it is.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    UnixTime::from_secs(i64::try_from(since.as_secs()).unwrap())
}

/// Somebody who signs calls: provider code LAB1, with 12025550100 to 12025550149 assigned to customers.
pub(crate) struct Provider {
    workspace: Workspace,
    directory: Directory,
    repository: SocketAddr,
}

impl Provider {
    /// A provider with fresh keys, certified by an anchor that nobody else has.
    pub(crate) fn new() -> Self {
        let workspace = Workspace::new("provider");
        let directory = Directory::new(workspace.path());
        directory.ensure(now()).unwrap();
        Self {
            workspace,
            directory,
            repository: free_address(),
        }
    }

    /// Where its chain is published while its server runs.
    pub(crate) fn x5u(&self) -> String {
        format!("{}/certificates/provider.pem", self.origin())
    }

    /// The address of its public listener.
    pub(crate) fn repository(&self) -> SocketAddr {
        self.repository
    }

    /// The anchor of its certificates, PEM.
    pub(crate) fn anchor(&self) -> String {
        self.workspace.read("anchor.pem")
    }

    /// The anchor of its https certificate, PEM.
    pub(crate) fn web_anchor(&self) -> String {
        self.workspace.read("web-ca.pem")
    }

    /// Where its signing key lies.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.directory.key()
    }

    /// Its signing key, PEM.
    pub(crate) fn key_pem(&self) -> String {
        self.workspace.read("provider.key")
    }

    /// Where its signing key and its chain lie.
    pub(crate) fn files(&self) -> [PathBuf; 2] {
        [self.directory.key(), self.directory.chain()]
    }

    /// Where the anchors lie of its certificates, and of its https certificate.
    pub(crate) fn anchor_files(&self) -> [PathBuf; 2] {
        [self.directory.anchor(), self.directory.web_anchor()]
    }

    fn origin(&self) -> String {
        format!("https://{HOST}:{}", self.repository.port())
    }

    /// An Identity header value from its command line, for the call that SIPp places, as if it were made at `iat`.
    #[track_caller]
    pub(crate) fn identity(&self, iat: UnixTime) -> String {
        self.identity_between(("12025550100", "12025550101"), iat)
    }

    /// The same for a call between these two.
    #[track_caller]
    pub(crate) fn identity_between(&self, (from, to): (&str, &str), iat: UnixTime) -> String {
        let iat = iat.as_secs().to_string();
        self.signed(&["--from", from, "--to", to, "--iat", &iat])
    }

    /// The same for the answer to such a call, which this number gives now.
    #[track_caller]
    pub(crate) fn answer(&self, between: (&str, &str), reached: &str) -> String {
        let asked = self.identity_between(between, now());
        let token = asked.split(';').next().unwrap_or_default();
        let original = self.workspace.write("original", token);
        let original = original.to_str().expect("a path in UTF-8");
        let signed = self.signed(&[
            "--kind",
            "rsp",
            "--original",
            original,
            "--reached",
            reached,
        ]);
        signed.lines().next().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn signed(&self, what: &[&str]) -> String {
        let d = &self.directory;
        let output = Command::new(COUNTERSIGN)
            .arg("sign")
            .args(what)
            .args(["--x5u", &self.x5u()])
            .args([OsStr::new("--key"), d.key().as_os_str()])
            .args([OsStr::new("--certificate"), d.chain().as_os_str()])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// That its repository is on this machine, and at no port of the rules, is known to who signs and to who verifies.
    fn exception(&self) -> String {
        format!(
            "[[fetch.exceptions]]\norigin = \"{}\"\naddresses = [\"127.0.0.1\", \"::1\"]\nweb_ca_file = {}\n",
            self.origin(),
            quoted(&self.directory.web_anchor()),
        )
    }

    /// Its own server: what comes is signed and goes to `next_hop` (`udp:ADDRESS:PORT`).
    pub(crate) fn signs(&self, next_hop: &str) -> Setup {
        Setup::new("signs", next_hop, SIGNS, &self.tenant())
    }

    /// The same of somebody who checks the answers, by these providers.
    pub(crate) fn asks(&self, answering: &[&Self], next_hop: &str) -> Setup {
        let rest = format!("{}{}", self.tenant(), trusting(answering));
        Setup::new("asks", next_hop, SIGNS, &rest).trunk("connected_identity = \"on\"")
    }

    /// Its own server at the other end: what comes from these providers is verified and goes to `next_hop`, and answers are signed.
    pub(crate) fn answers(&self, calling: &[&Self], next_hop: &str) -> Setup {
        let rest = format!("{}{}", self.tenant(), trusting(calling));
        Setup::new("answers", next_hop, VERIFIES, &rest)
            .trunk("tenant = \"provider\"\nconnected_identity = \"on\"")
    }

    /// Itself as a tenant, and its repository.
    fn tenant(&self) -> String {
        let d = &self.directory;
        format!(
            "[[tenants]]\nname = \"provider\"\ncertificate_file = {}\nkey_file = {}\ninventory_file = {}\nx5u = \"{}\"\n\
                 [http.public]\nlisten = [\"{}\"]\ncertificate_file = {}\nkey_file = {}\n{}",
            quoted(&d.chain()),
            quoted(&d.key()),
            quoted(&d.inventory()),
            self.x5u(),
            self.repository,
            quoted(&d.web_certificate()),
            quoted(&d.web_key()),
            self.exception(),
        )
    }

    /// Somebody else's server, who trusts this provider's anchor and may fetch from its repository: what comes is verified and
    /// goes to `next_hop`.
    pub(crate) fn is_verified(&self, next_hop: &str) -> Setup {
        self.are_verified(&[], next_hop)
    }

    /// The same of somebody who trusts these providers, too, and may fetch from them.
    pub(crate) fn are_verified(&self, others: &[&Self], next_hop: &str) -> Setup {
        let all: Vec<_> = std::iter::once(self)
            .chain(others.iter().copied())
            .collect();
        Setup::new("verifies", next_hop, VERIFIES, &trusting(&all))
    }
}

/// What its own trunk says of whoever signs.
const SIGNS: &str = "role = \"sign\"\ntenant = \"provider\"\nudp_source_is_trusted = true\n";
/// The same of whoever verifies.
const VERIFIES: &str = "role = \"verify\"\nverstat_profile = \"field\"\n";

/// These providers are trusted, and may be fetched from.
fn trusting(providers: &[&Provider]) -> String {
    let anchors = providers.iter();
    let anchors: Vec<_> = anchors.map(|one| quoted(&one.directory.anchor())).collect();
    let exceptions: String = providers.iter().map(|one| one.exception()).collect();
    format!(
        "[trust]\nlab_anchor_files = [{}]\nallow_lab = true\n{exceptions}{UNHURRIED}",
        anchors.join(", "),
    )
}

/// A path as TOML writes a string.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_str().expect("a path in UTF-8"))
}

/// A next hop over UDP, as a configuration names it.
pub(crate) fn udp(address: SocketAddr) -> String {
    format!("udp:{address}")
}

/// A next hop over TLS.
pub(crate) fn tls(address: SocketAddr) -> String {
    format!("tls:{address}")
}

/// A next hop over TCP.
pub(crate) fn tcp(address: SocketAddr) -> String {
    format!("tcp:{address}")
}

/// A server that is about to start: one trunk, recognised by the port.
pub(crate) struct Setup {
    name: &'static str,
    /// Where calls go on, or that they do not.
    way: String,
    trunk: String,
    /// Trunks that are looked at before.
    before: String,
    /// Other settings of `[sip]`.
    sip: String,
    /// What it listens for besides UDP.
    stream: &'static str,
    rest: String,
    drain_s: u32,
    environment: Vec<(&'static str, String)>,
}

impl Setup {
    /// Whatever comes goes to `next_hop`, as it is.
    pub(crate) fn passes(next_hop: &str) -> Self {
        Self::new(
            "passes",
            next_hop,
            "role = \"none\"\noversize = \"fragment\"\n",
            "",
        )
    }

    /// Somebody who signs for its tenant `provider`, which `rest` describes.
    pub(crate) fn signs_as(next_hop: &str, rest: &str) -> Self {
        Self::new("signs", next_hop, SIGNS, rest)
    }

    /// Somebody who verifies, and believes whom `rest` says.
    pub(crate) fn believes(next_hop: &str, rest: &str) -> Self {
        Self::new(
            "verifies",
            next_hop,
            VERIFIES,
            &format!("{rest}{UNHURRIED}"),
        )
    }

    fn new(name: &'static str, next_hop: &str, trunk: &str, rest: &str) -> Self {
        Self {
            name,
            way: format!("next_hops = [\"{next_hop}\"]\n"),
            trunk: format!("name = \"{name}\"\nnumbering = \"north-american\"\n{trunk}"),
            before: String::new(),
            sip: String::new(),
            stream: "tcp",
            rest: rest.to_owned(),
            // A test that is over waits for nobody.
            drain_s: 0,
            environment: Vec::new(),
        }
    }

    /// It listens for TLS instead of TCP, and proves itself as this domain, also to next hops; both sides are believed by this
    /// authority.
    pub(crate) fn secured(mut self, domain: &Domain, domains: &Domains) -> Self {
        self.stream = "tls";
        let anchor = domains.anchor();
        self.sip(&format!("{}ca_file = {anchor:?}", domain.settings()))
    }

    /// One more setting of SIP, a line of TOML.
    pub(crate) fn sip(mut self, setting: &str) -> Self {
        self.sip += setting;
        self.sip.push('\n');
        self
    }

    /// Calls do not go on from here: they are answered in this dialect of 302.
    pub(crate) fn redirects(mut self, dialect: &str) -> Self {
        self.way = format!("mode = \"redirect\"\nredirect = \"{dialect}\"\n");
        self
    }

    /// One more setting of the trunk, a line of TOML.
    pub(crate) fn trunk(mut self, setting: &str) -> Self {
        self.trunk += setting;
        self.trunk.push('\n');
        self
    }

    /// A variable in its environment.
    pub(crate) fn environment(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// SIGTERM waits so many seconds for what has begun.
    pub(crate) fn drains(mut self, seconds: u32) -> Self {
        self.drain_s = seconds;
        self
    }

    /// More settings, beside those of the trunk: tables of TOML.
    pub(crate) fn settings(mut self, tables: &str) -> Self {
        self.rest += tables;
        self
    }

    /// One more setting of whom it trusts, lines of TOML.
    #[track_caller]
    pub(crate) fn trust(self, settings: &str) -> Self {
        self.table("[trust]\n", settings)
    }

    /// One more setting of its tenant, a line of TOML.
    #[track_caller]
    pub(crate) fn tenant_says(self, setting: &str) -> Self {
        self.table("[[tenants]]\n", &format!("{setting}\n"))
    }

    #[track_caller]
    fn table(mut self, head: &str, settings: &str) -> Self {
        assert!(self.rest.contains(head), "{}", self.rest);
        self.rest = self.rest.replacen(head, &format!("{head}{settings}"), 1);
        self
    }

    /// It waits no longer than this for what a verdict needs.
    #[track_caller]
    pub(crate) fn decides_within(mut self, millis: u32) -> Self {
        let unhurried = "deadline_ms = 30000";
        assert!(self.rest.contains(unhurried), "{}", self.rest);
        let hurried = format!("deadline_ms = {millis}");
        self.rest = self.rest.replace(unhurried, &hurried);
        self
    }

    /// Another trunk before this one, with settings of its own.
    pub(crate) fn behind(mut self, trunk: &str) -> Self {
        self.before += &format!("[[trunks]]\n{trunk}\n");
        self
    }

    /// This provider's repository may be fetched from, too.
    pub(crate) fn fetches_from(mut self, provider: &Provider) -> Self {
        self.rest += &provider.exception();
        self
    }

    /// Starts the server and waits until it carries calls.
    #[track_caller]
    pub(crate) fn start(self) -> Server {
        self.start_by(|workspace, environment| {
            Process::start(COUNTERSIGN, workspace, |countersign| {
                countersign.args(["serve", "--config", CONFIG]);
                countersign.envs(environment);
            })
        })
    }

    /// The same by a clock that can be moved.
    #[track_caller]
    pub(crate) fn start_on(self, clock: &MovedClock) -> Server {
        self.start_by(|workspace, environment| {
            assert!(environment.is_empty(), "it takes none");
            let configuration = workspace.path().join(CONFIG);
            clock.starts(workspace, &configuration)
        })
    }

    #[track_caller]
    fn start_by(
        self,
        process: impl FnOnce(Workspace, Vec<(&'static str, String)>) -> Process,
    ) -> Server {
        let (sip, admin) = (free_address(), free_address());
        let Self {
            name,
            way,
            trunk,
            before,
            sip: settings,
            stream,
            rest,
            drain_s,
            environment,
        } = self;
        let workspace = Workspace::new(name);
        let port = sip.port();
        let streams = match stream {
            "tls" => format!("tcp = []\ntls = [\"{sip}\"]\n"),
            _ => format!("tcp = [\"{sip}\"]\n"),
        };
        workspace.write(
            CONFIG,
            format!(
                "[sip]\nudp = [\"{sip}\"]\n{streams}drain_s = {drain_s}\n{settings}{before}[[trunks]]\nlocal_port = {port}\n{way}{trunk}{rest}\
                 [http.admin]\nlisten = [\"{admin}\"]\n[log]\nformat = \"json\"\nnumbers = \"full\"\n"
            ),
        );
        let mut process = process(workspace, environment);
        process.until("ready", |_| {
            get(admin, "/ready").is_some_and(|(status, _)| status == 200)
        });
        Server {
            process,
            sip,
            admin,
        }
    }
}

/// A running `countersign serve`.
pub(crate) struct Server {
    process: Process,
    sip: SocketAddr,
    admin: SocketAddr,
}

impl Server {
    /// Where it takes calls, UDP and TCP.
    pub(crate) fn sip(&self) -> SocketAddr {
        self.sip
    }

    /// Where its operator looks.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Its process.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.process.workspace().path().join(CONFIG)
    }

    /// Writes its configuration anew.
    pub(crate) fn rewrite(&self, old: &str, new: &str) {
        let text = self.process.workspace().read(CONFIG);
        assert!(text.contains(old), "{text}");
        let text = text.replacen(old, new, 1);
        self.process.workspace().write(CONFIG, text);
    }

    /// The log line of the only call, as soon as it is written.
    #[track_caller]
    pub(crate) fn call(&mut self) -> Value {
        self.process.until("done with a call", |process| {
            !call_lines(&process.output()).is_empty()
        });
        let mut lines = call_lines(&self.process.output());
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines.swap_remove(0)
    }

    /// A counter of `/metrics`: the sum of all series that begin so; 0 if nothing was counted.
    #[track_caller]
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let (status, body) = get(self.admin, "/metrics").expect("an answer of /metrics");
        assert_eq!(status, 200, "{body}");
        let values = body.lines().filter(|line| line.starts_with(series));
        values
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    /// Waits until so many calls were signed or judged.
    #[track_caller]
    pub(crate) fn until_some_calls(&mut self, calls: usize) {
        self.process.until("busy", |process| {
            call_lines(&process.output()).len() >= calls
        });
    }

    /// Waits until a counter has reached `value`.
    #[track_caller]
    pub(crate) fn until_metric(&mut self, series: &str, value: u64) {
        let (admin, wanted) = (self.admin, format!("{series} {value}"));
        self.process.until(&wanted, |_| {
            get(admin, "/metrics").is_some_and(|(_, body)| body.lines().any(|line| line == wanted))
        });
    }
}

/// The lines about calls in a log of JSON lines.
fn call_lines(log: &str) -> Vec<Value> {
    // The last line may be half written.
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .filter(|line: &Value| line["target"] == "countersign::call")
        .collect()
}

/// GET over plain HTTP: the status and the body; `None` if nobody answers.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, HTTP_LIMIT).ok()?;
    stream.set_read_timeout(Some(HTTP_LIMIT)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.get(9..12)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}
