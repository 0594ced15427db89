//! The processes that are measured: our own binary with one trunk, and Kamailio as a stateful relay; and what they use of the processor.

use countersign::certificate::chain::{armoured, pem};
use countersign::certificate::ocsp::request::question_url;
use countersign::certificate::ocsp::{Asked, CertId, HashForm, OcspRequest};
use countersign::crypto::EcdsaP256Key;
use countersign::time::{UnixTime, Validity};
use countersign_ca::{Authority, Practice, Serial, Subject};
use countersign_server::lab::directory::{Directory, HOST};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{sched_getaffinity, sched_setaffinity};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Longest start of a process.
const START: Duration = Duration::from_secs(20);

/// Longest end of a process that is asked to end.
const END: Duration = Duration::from_secs(3);
/// A line of `[sip]`: one thread carries all calls.
const ONE_SHARD: &str = "shards = 1\n";
/// The file with the provider's numbers.
const NUMBERS: &str = "numbers.csv";
/// The core of a server that has one.
const FIRST_CORE: usize = 0;

/// A folder with keys and certificates, gone at the end.
pub(crate) struct Ground {
    folder: PathBuf,
    lab: Directory,
    repository: SocketAddr,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("countersign-bench-{}", std::process::id()));
        let lab = Directory::new(folder.join("lab"));
        fs::create_dir_all(&folder).expect("a folder");
        let since = SystemTime::UNIX_EPOCH.elapsed().expect("a clock");
        lab.ensure(UnixTime::from_secs(since.as_secs() as i64))
            .expect("a lab");
        // Callers and called alike: who answers is signed for, too.
        fs::write(folder.join(NUMBERS), "12025550100-12025550199,assigned\n").expect("a file");
        Self {
            folder,
            lab,
            repository: free_address(),
        }
    }

    /// A folder of its own in it.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// The keys and certificates of the web.
    pub(crate) fn lab(&self) -> &Directory {
        &self.lab
    }

    fn x5u(&self) -> String {
        format!("{}/certificates/provider.pem", self.origin())
    }

    fn origin(&self) -> String {
        format!("https://{HOST}:{}", self.repository.port())
    }

    /// What a server needs that signs for the lab's provider and publishes its chain.
    pub(crate) fn signs(&self) -> String {
        let lab = &self.lab;
        format!(
            "[[tenants]]\nname = \"provider\"\ncertificate_file = {}\nkey_file = {}\ninventory_file = {}\nx5u = \"{}\"\n{}",
            quoted(&lab.chain()),
            quoted(&lab.key()),
            quoted(&self.folder.join(NUMBERS)),
            self.x5u(),
            self.exception(),
        )
    }

    /// That the repository is on this machine, and at no port of the rules, is known to who signs and to who verifies.
    fn exception(&self) -> String {
        format!(
            "[[fetch.exceptions]]\norigin = \"{}\"\naddresses = [\"127.0.0.1\", \"::1\"]\nweb_ca_file = {}\n",
            self.origin(),
            quoted(&self.lab.web_anchor()),
        )
    }

    /// What it needs besides to publish it.
    pub(crate) fn publishes(&self) -> String {
        self.listens(self.repository)
    }

    /// A public listener with TLS at this address.
    pub(crate) fn listens(&self, public: SocketAddr) -> String {
        let lab = &self.lab;
        format!(
            "[http.public]\nlisten = [\"{public}\"]\ncertificate_file = {}\nkey_file = {}\n",
            quoted(&lab.web_certificate()),
            quoted(&lab.web_key()),
        )
    }

    /// What a server needs that is an authority, at this address, and a path of its responder that asks about a number.
    pub(crate) fn certifies(&self, public: SocketAddr) -> (String, String) {
        let since = SystemTime::UNIX_EPOCH.elapsed().expect("a clock");
        let now = UnixTime::from_secs(since.as_secs() as i64);
        let key = EcdsaP256Key::generate().expect("a key");
        let pkcs8 = key.to_pkcs8().expect("a key");
        let subject = Subject::new("US", "Bench", "Bench ROOT").expect("a name");
        let validity = Validity {
            not_before: now.saturating_add(-3_600),
            not_after: now.saturating_add(86_400),
        };
        let serial = Serial::from_random([7; 16]);
        let practice = Practice::default();
        let root = Authority::root(&subject, Arc::new(key), practice, serial, validity);
        let root = root.expect("a root");
        let certificate = root.certificate();
        let (file, key) = (self.folder.join("ca.pem"), self.folder.join("ca.key"));
        fs::write(&file, pem(certificate.as_der())).expect("a file");
        fs::write(&key, armoured("PRIVATE KEY", &pkcs8)).expect("a file");
        fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).expect("a file");
        // Nothing was issued: the answer is looked up and signed all the same.
        let named = CertId::of(HashForm::Sha256Cut, certificate, certificate);
        let asked = vec![Asked {
            certificate: named.expect("a key of P-256"),
            number: Some("12025550100".parse().expect("a number")),
        }];
        let question = OcspRequest { asked, nonce: None }.to_der();
        let config = format!(
            "[http.public]\nlisten = [\"{public}\"]\n[ca]\ncertificate_file = {}\nkey = {}\nbase_url = \"https://ca.example\"\nstore_file = {}\npolicy = \"none\"\n",
            quoted(&file),
            quoted(&key),
            quoted(&self.folder.join("ca.sqlite")),
        );
        (config, question_url("/ocsp", &question))
    }

    /// What a server needs that verifies what it signs.
    pub(crate) fn verifies(&self) -> String {
        format!("{}{}", self.trusts(), self.exception())
    }

    /// What a server needs that does both.
    pub(crate) fn signs_and_verifies(&self) -> String {
        format!("{}{}", self.signs(), self.trusts())
    }

    fn trusts(&self) -> String {
        let anchor = quoted(&self.lab.anchor());
        format!("[trust]\nlab_anchor_files = [{anchor}]\nallow_lab = true\n")
    }

    /// Asks who would answer at this URI, for a number of the lab's provider.
    pub(crate) fn probe(&self, uri: &str, from: &str) -> Output {
        let lab = &self.lab;
        Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["probe", uri, "--json", "--from", from])
            .args(["--x5u", &self.x5u(), "--allow-origin", &self.origin()])
            .arg("--key")
            .arg(lab.key())
            .arg("--certificate")
            .arg(lab.chain())
            .arg("--trust")
            .arg(lab.anchor())
            .arg("--web-ca")
            .arg(lab.web_anchor())
            .output()
            .expect("our binary")
    }

    /// Starts our binary: one trunk with these settings, and the rest of a configuration.
    pub(crate) fn server(&self, name: &str, trunk: &str, rest: &str) -> Machine {
        let command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        self.start(command, name, "", trunk, rest)
    }

    /// The same with one shard, as Kamailio has one process.
    pub(crate) fn server_with_one_shard(&self, name: &str, trunk: &str, rest: &str) -> Machine {
        let command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        self.start(command, name, ONE_SHARD, trunk, rest)
    }

    /// The same on one core: the traffic has the others.
    pub(crate) fn server_on_one_core(&self, name: &str, trunk: &str, rest: &str) -> Machine {
        let mut taskset = Command::new("taskset");
        taskset.args([
            "-c",
            &FIRST_CORE.to_string(),
            env!("CARGO_BIN_EXE_countersign"),
        ]);
        self.start(taskset, name, ONE_SHARD, trunk, rest)
    }

    fn start(
        &self,
        mut command: Command,
        name: &str,
        sip: &str,
        trunk: &str,
        rest: &str,
    ) -> Machine {
        let (address, admin) = (free_address(), free_address());
        let config = self.folder.join(format!("{name}.toml"));
        let text = format!(
            "[sip]\nudp = [\"{address}\"]\ntcp = [\"{address}\"]\n{sip}[[trunks]]\nname = \"{name}\"\naddresses = [\"127.0.0.1\"]\n{trunk}{rest}\
             [http.admin]\nlisten = [\"{admin}\"]\n[log]\nlevel = \"warn\"\n"
        );
        fs::write(&config, text).expect("a configuration");
        let path = self.folder.join(format!("{name}.log"));
        let log = fs::File::create(&path).expect("a log");
        let child = command
            .args([
                OsStr::new("serve"),
                OsStr::new("--config"),
                config.as_os_str(),
            ])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("our binary, and taskset of util-linux");
        let machine = Machine {
            name: name.to_owned(),
            child,
            log: path,
            sip: address,
            admin,
        };
        machine.until("ready", || get(admin, "/ready").starts_with("HTTP/1.1 200"));
        machine
    }

    /// Starts Kamailio as a stateful relay to `next`; `None` if it is not installed.
    pub(crate) fn kamailio(&self, next: SocketAddr) -> Option<Machine> {
        let sip = free_address();
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/ratios/relay.cfg");
        let child = Command::new("kamailio")
            .args([
                "-DD",
                "-E",
                "-m",
                "256",
                "-M",
                "16",
                "-f",
                config,
                "-l",
                &format!("udp:{sip}"),
            ])
            .args(["-A", &format!("NEXT_HOP=\"sip:{next}\""), "-Y"])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let machine = Machine {
            name: "kamailio".to_owned(),
            child,
            log: PathBuf::new(),
            sip,
            admin: sip,
        };
        machine.until("answering", || answers_options(sip));
        Some(machine)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A process that is measured.
pub(crate) struct Machine {
    name: String,
    child: Child,
    log: PathBuf,
    pub(crate) sip: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Machine {
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let patience = Instant::now() + START;
        while !is_so() {
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(
                Instant::now() < patience,
                "not {what} at {}: {}",
                self.sip,
                log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// CPU time of all threads of the process, and of its children.
    pub(crate) fn cpu(&self) -> CpuTimes {
        let own = self.child.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        CpuTimes::of(std::iter::once(own).chain(children))
    }

    /// Whether a request was ever refused because of everything that is under way.
    pub(crate) fn was_full(&self) -> bool {
        let refused = self.metric("countersign_sip_refused_total{reason=\"overloaded\"}");
        refused.expect("a metric") != 0
    }

    /// How many answers it has signed, and how many it has found proven.
    pub(crate) fn answers(&self) -> (u64, u64) {
        let name = &self.name;
        let signed =
            format!("countersign_signed_answers_total{{trunk=\"{name}\",outcome=\"signed\"}}");
        let matching = format!(
            "countersign_answers_total{{trunk=\"{name}\",standing=\"matching\",fault=\"\"}}"
        );
        let count = |name: &str| self.metric(name).unwrap_or_default();
        (count(&signed), count(&matching))
    }

    /// What is counted under this name, labels included.
    fn metric(&self, name: &str) -> Option<u64> {
        let metrics = get(self.admin, "/metrics");
        let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        metrics.lines().find_map(value)
    }

    /// Memory of the process that is its own, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Kamailio's other processes end with the first one only if that one is asked to; whoever does not listen is killed.
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(process, Signal::TERM);
        }
        let patience = Instant::now() + END;
        while Instant::now() < patience && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What each thread has spent on the processor so far, in nanoseconds.
#[derive(Default)]
pub(crate) struct CpuTimes(BTreeMap<PathBuf, u64>);

impl CpuTimes {
    /// Of the threads of these processes: the first field of schedstat.
    pub(crate) fn of(processes: impl IntoIterator<Item = u32>) -> Self {
        let folders = processes
            .into_iter()
            .map(|process| fs::read_dir(format!("/proc/{process}/task")));
        let tasks = folders.flatten().flatten().flatten();
        let times = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            let nanos = text.split_whitespace().next()?.parse().ok()?;
            Some((task.path(), nanos))
        });
        Self(times.collect())
    }

    /// What was spent since then. A thread that has ended meanwhile counts with nothing: it ends because it had nothing to do.
    pub(crate) fn since(&self, before: &Self) -> u64 {
        let spent = self.0.iter().map(|(thread, nanos)| {
            let before = before.0.get(thread).copied().unwrap_or_default();
            nanos.saturating_sub(before)
        });
        spent.sum()
    }
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_str().expect("a path in UTF-8"))
}

/// This thread, and those that it starts, run on all cores but the first; on a machine with one core, there.
pub(crate) fn leave_the_first_core() {
    let Ok(mut cores) = sched_getaffinity(None) else {
        return;
    };
    cores.unset(FIRST_CORE);
    // A set of none is refused.
    let _ = sched_setaffinity(None, &cores);
}

/// An address that nobody has now.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("an address")
}

/// The answer to a GET; nothing if nobody answers.
fn get(address: SocketAddr, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.read_to_string(&mut answer);
    }
    answer
}

fn answers_options(address: SocketAddr) -> bool {
    let Ok(socket) = UdpSocket::bind("127.0.0.1:0") else {
        return false;
    };
    let (Ok(local), Ok(())) = (
        socket.local_addr(),
        socket.set_read_timeout(Some(Duration::from_millis(200))),
    ) else {
        return false;
    };
    let request = format!(
        "OPTIONS sip:{address} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKprobe\r\nMax-Forwards: 1\r\nFrom: <sip:probe@{local}>;tag=1\r\n\
         To: <sip:{address}>\r\nCall-ID: probe@{local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    let _ = socket.send_to(request.as_bytes(), address);
    socket.recv_from(&mut [0; 4096]).is_ok()
}
