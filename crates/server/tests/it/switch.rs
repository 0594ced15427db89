//! A server of ours in this process, between parties that are plain sockets.
//!
//! ```text
//!   Party 127.0.0.2 ──┐                                    (each party has an address of its own,
//!   Party 127.0.0.3 ──┼─ UDP, TCP ─► Switch ─ UDP ─► Party  and each trunk is known by one)
//!   Party …           ┘                │
//!                                      └─ https ─► Repository of the test's making
//! ```
//!
//! [`House`] has the keys, certificates and numbers, and writes configurations; what a call left behind in the log is told by
//! [`line_of`]. The wall clock stands in the lab's year and can be moved.

use crate::passports;
use crate::peers::Workspace;
use crate::repository::{Pki, Repository, answer};
use countersign::certificate::chain::pem;
use countersign::crypto::SigningKey;
use countersign::time::{Now, Ticks, UnixTime};
use countersign_server::clock::Clock;
use countersign_server::config;
use countersign_server::http::Listener;
use countersign_server::metrics::Metrics;
use countersign_server::reload::Outcome;
use countersign_server::run::{self, Running};
use countersign_sip::flow::Transport;
use countersign_testkit::lab::{Lab, NOW, Signer};
use serde_json::Value;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tracing_subscriber::layer::SubscriberExt;

/// How long a test waits for what must come; two busy cores are slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(5);
/// Who calls, and who is called: the call that [`passports::identity`] speaks of.
pub(crate) const CALL: (&str, &str) = ("12025550100", "12025550101");

/// The lab's time, which goes on as time does, and can be moved ahead.
pub(crate) struct LabClock {
    start: Instant,
    ahead: AtomicU64,
}

impl LabClock {
    /// Moves both clocks.
    pub(crate) fn advance(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for LabClock {
    fn now(&self) -> Now {
        let ahead = Duration::from_secs(self.ahead.load(Ordering::SeqCst));
        let passed = self.start.elapsed() + ahead;
        Now {
            unix: NOW.saturating_add(passed.as_secs() as i64),
            ticks: Ticks::from_millis(3_600_000).after(passed),
        }
    }
}

/// Keys, certificates and numbers of a provider, and the folder they lie in.
pub(crate) struct House {
    pub(crate) lab: Lab,
    /// The provider's own: code 709J, and 12025550100 to 12025550149 assigned.
    pub(crate) signer: Signer,
    pub(crate) clock: Arc<LabClock>,
    folder: Workspace,
}

impl House {
    pub(crate) fn new() -> Self {
        let lab = Lab::new();
        let signer = lab.provider("709J");
        let folder = Workspace::new("switch");
        folder.write("anchor.pem", pem(lab.root().certificate().as_der()));
        folder.write("web.pem", Pki::get().read("root.pem"));
        folder.write("chain.pem", signer.chain.to_pem());
        folder.write("numbers.csv", "12025550100-12025550149,assigned\n");
        let clock = LabClock {
            start: Instant::now(),
            ahead: AtomicU64::new(0),
        };
        let house = Self {
            lab,
            signer,
            clock: Arc::new(clock),
            folder,
        };
        house.write("key.der", house.signer.key.to_pkcs8().unwrap());
        house
    }

    /// The provider's chain, as a repository answers it.
    pub(crate) fn chain(&self) -> Vec<u8> {
        answer(&self.signer.chain.to_pem(), &["ETag: \"provider\""])
    }

    /// A call of now, signed with this key.
    pub(crate) fn identity_by(&self, key: &dyn SigningKey, x5u: &str) -> String {
        passports::identity(key, x5u, self.clock.now().unix)
    }

    /// What time it is there.
    pub(crate) fn identity_time(&self) -> UnixTime {
        self.clock.now().unix
    }

    /// A call of now, signed by the provider.
    pub(crate) fn identity(&self, x5u: &str) -> String {
        self.identity_by(&*self.signer.key, x5u)
    }

    /// Writes a file beside the configuration; nobody else may read it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.write(name, bytes);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Where a file lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration: these trunks and other settings; whom it believes unless they say.
    pub(crate) fn configure(&self, sip: &str, rest: &str) -> PathBuf {
        let trust = match rest.contains("[trust]") {
            true => "",
            false => "[trust]\nanchor_files = [\"anchor.pem\"]\n",
        };
        let admin = match rest.contains("[http.admin]") {
            true => "",
            false => "[http.admin]\nlisten = []\n",
        };
        let udp = match sip.starts_with("udp = ") {
            true => "",
            false => "udp = [\"127.0.0.1:0\"]\n",
        };
        let text = format!(
            "[sip]\n{udp}tcp = [\"127.0.0.1:0\"]\nshards = 2\n{sip}\n{rest}\n{trust}\
             {admin}[log]\nnumbers = \"full\"\n"
        );
        self.folder.write("countersign.toml", text)
    }

    /// Starts a server with these trunks and other settings.
    pub(crate) async fn start(&self, sip: &str, rest: &str) -> Switch {
        log_is_kept();
        let path = self.configure(sip, rest);
        let config =
            config::load(&path, [], &[]).unwrap_or_else(|told| panic!("{told:#?}\n{rest}"));
        let checked = config::check(&config, self.clock.now().unix, 1);
        let checked = checked.unwrap_or_else(|told| panic!("{told:#?}\n{rest}"));
        let running = run::start(&config, checked, self.clock.clone())
            .await
            .unwrap();
        let at = |wanted| {
            let mut listeners = running.listeners.iter();
            listeners
                .find(|(transport, _)| *transport == wanted)
                .unwrap()
                .1
        };
        Switch {
            udp: at(Transport::Udp),
            tcp: at(Transport::Tcp),
            metrics: running.metrics.clone(),
            running,
        }
    }
}

/// A trunk of 127.0.0.`last` whose calls go to `called`.
pub(crate) fn trunk(last: u8, role: &str, called: &Party, settings: &str) -> String {
    format!(
        "[[trunks]]\nname = \"{role}-{last}\"\naddresses = [\"127.0.0.{last}\"]\nrole = \"{role}\"\n\
         numbering = \"north-american\"\nnext_hops = [\"udp:{}\"]\noversize = \"fragment\"\n{settings}\n",
        called.address
    )
}

/// The provider as a tenant, for trunks that say `tenant = "provider"`.
pub(crate) const TENANT: &str = "[[tenants]]\nname = \"provider\"\ncertificate_file = \"chain.pem\"\nkey_file = \"key.der\"\n\
     x5u = \"https://cert.example.com/provider.pem\"\ninventory_file = \"numbers.csv\"\n[fetch]\nweb_ca_file = \"web.pem\"\n";

/// That this repository may be fetched from although it is here.
pub(crate) fn fetching_from(repository: &Repository) -> String {
    format!(
        "[fetch]\nweb_ca_file = \"web.pem\"\n[[fetch.exceptions]]\norigin = \"{}\"\naddresses = [\"127.0.0.1\"]\n",
        repository.origin()
    )
}

/// A running server.
pub(crate) struct Switch {
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    running: Running,
}

impl Switch {
    /// Where HTTP listens.
    pub(crate) fn web(&self, listener: Listener) -> SocketAddr {
        let mut web = self.running.web.iter();
        web.find(|(one, _)| *one == listener).unwrap().1
    }

    /// Where SIP listens.
    pub(crate) fn listeners(&self) -> &[(Transport, SocketAddr)] {
        &self.running.listeners
    }

    /// Reads its configuration again.
    pub(crate) async fn reload(&self) -> Arc<Outcome> {
        self.running.reloads.ask().await.unwrap()
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

/// Somebody at an address of their own.
pub(crate) struct Party {
    socket: UdpSocket,
    pub(crate) address: SocketAddr,
}

impl Party {
    /// Somebody at 127.0.0.`last`.
    pub(crate) async fn at(last: u8) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, last], 0)))
            .await
            .unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    /// Somebody at ::1.
    pub(crate) async fn on_six() -> Self {
        let socket = UdpSocket::bind("[::1]:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    /// Sends a datagram.
    pub(crate) async fn says(&self, text: impl AsRef<[u8]>, to: SocketAddr) {
        self.socket.send_to(text.as_ref(), to).await.unwrap();
    }

    /// The next datagram.
    pub(crate) async fn hears(&self) -> Heard {
        let heard = tokio::time::timeout(PATIENCE, self.hears_for_ever()).await;
        heard.unwrap_or_else(|_| panic!("{} hears nothing", self.address))
    }

    /// The next datagram, whenever it comes.
    pub(crate) async fn hears_for_ever(&self) -> Heard {
        let mut buffer = vec![0; 65_535];
        let (length, from) = self.socket.recv_from(&mut buffer).await.unwrap();
        Heard {
            text: String::from_utf8_lossy(&buffer[..length]).into_owned(),
            from,
            at: Instant::now(),
        }
    }

    /// The next datagram that is no provisional response.
    pub(crate) async fn hears_final(&self) -> Heard {
        loop {
            let heard = self.hears().await;
            if !heard.text.starts_with("SIP/2.0 1") {
                return heard;
            }
        }
    }

    /// Whether nothing has come. What was on its way must have been waited for by other means.
    pub(crate) fn is_silent(&self) -> bool {
        self.socket.try_recv_from(&mut [0; 16]).is_err()
    }

    /// Answers a request that it heard.
    pub(crate) async fn answers(&self, request: &Heard, status: &str) {
        let copied: String = request
            .text
            .split_inclusive("\r\n")
            .filter(|line| {
                let names = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
                names.iter().any(|name| line.starts_with(name))
            })
            .collect();
        let text = format!("SIP/2.0 {status}\r\n{copied}Content-Length: 0\r\n\r\n");
        self.says(text, request.from).await;
    }

    /// Places a call and lets `called` take it: what `called` heard.
    pub(crate) async fn calls(&self, call: &Invite, switch: &Switch, called: &Self) -> Heard {
        self.says(call.text(self), switch.udp).await;
        let heard = called.hears().await;
        called.answers(&heard, "200 OK").await;
        assert_eq!(self.hears_final().await.status(), Some(200));
        heard
    }
}

/// A datagram that came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) at: Instant,
    from: SocketAddr,
}

impl Heard {
    /// Where it came from.
    pub(crate) fn from(&self) -> SocketAddr {
        self.from
    }

    /// The status, if it is a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The values of all header lines of this name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}: ");
        let lines = self.text.split("\r\n");
        lines
            .filter_map(|line| line.strip_prefix(&*prefix))
            .collect()
    }

    /// The one `verstat` that it carries, wherever that stands; `None` if there is none.
    pub(crate) fn verstat(&self) -> Option<&str> {
        let mut found = self.text.split("verstat=").skip(1);
        let one = found.next()?;
        assert!(found.next().is_none(), "{}", self.text);
        one.split([';', '@', '>', '\r']).next()
    }

    /// The claims of its only Identity header, read without any judgement.
    pub(crate) fn claims(&self) -> Value {
        let [identity] = self.values("Identity")[..] else {
            panic!("{}", self.text)
        };
        let payload = identity.split('.').nth(1).unwrap();
        let bytes = countersign::jose::base64url::decode(payload).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }
}

/// An INVITE about to be placed.
#[derive(Clone)]
pub(crate) struct Invite {
    call_id: String,
    uri: String,
    from: String,
    to: String,
    headers: String,
}

impl Invite {
    /// From 12025550100 to 12025550101; the Call-ID must be nobody else's.
    pub(crate) fn new(call_id: impl Into<String>) -> Self {
        Self {
            call_id: call_id.into(),
            uri: format!("sip:{}@b.example", CALL.1),
            from: format!("<sip:{}@a.example>", CALL.0),
            to: format!("<sip:{}@b.example>", CALL.1),
            headers: String::new(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    pub(crate) fn uri(mut self, uri: &str) -> Self {
        self.uri = uri.to_owned();
        self
    }

    pub(crate) fn from(mut self, from: &str) -> Self {
        self.from = from.to_owned();
        self
    }

    pub(crate) fn to(mut self, to: &str) -> Self {
        self.to = to.to_owned();
        self
    }

    /// As `caller` sends it by UDP.
    pub(crate) fn text(&self, caller: &Party) -> String {
        self.text_by("UDP", caller.address)
    }

    /// As it is sent by this transport from this address.
    pub(crate) fn text_by(&self, transport: &str, caller: SocketAddr) -> String {
        let Self {
            call_id,
            uri,
            from,
            to,
            headers,
        } = self;
        format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {caller};branch=z9hG4bK{call_id};rport\r\nMax-Forwards: 70\r\n\
             From: {from};tag=caller\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
        )
    }
}

/// A connection from 127.0.0.`last`.
pub(crate) async fn connection(last: u8, to: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Says something on a connection and reads what comes back, until it ends with `end`.
pub(crate) async fn converse(stream: &mut TcpStream, text: &str, end: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    hears(stream, |heard| heard.ends_with(end)).await
}

/// Reads what comes on a connection until it is enough.
pub(crate) async fn hears(stream: &mut TcpStream, is_enough: impl Fn(&str) -> bool) -> String {
    let mut heard = String::new();
    let reading = async {
        while !is_enough(&heard) {
            let mut buffer = [0; 4_096];
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the connection ended: {heard}");
            heard += &String::from_utf8_lossy(&buffer[..length]);
        }
    };
    let waited = tokio::time::timeout(PATIENCE, reading).await;
    waited.unwrap_or_else(|_| panic!("nothing more than {heard:?}"));
    heard
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < limit, "it is not so: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

static LINES: Mutex<Vec<Value>> = Mutex::new(Vec::new());

/// Keeps the lines of all calls of this process.
fn log_is_kept() {
    static START: Once = Once::new();
    START.call_once(|| {
        let only_calls = tracing_subscriber::filter::Targets::new()
            .with_target("countersign::call", tracing::Level::INFO);
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(|| Keeper);
        let subscriber = tracing_subscriber::registry().with(lines).with(only_calls);
        tracing::subscriber::set_global_default(subscriber).expect("nobody else keeps the log");
    });
}

struct Keeper;

impl std::io::Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = serde_json::from_slice(bytes).unwrap();
        LINES.lock().unwrap().push(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines that a call has left in the log of every server of this process so far.
pub(crate) fn lines_of(call_id: &str) -> Vec<Value> {
    let lines = LINES.lock().unwrap();
    lines
        .iter()
        .filter(|line| line["call_id"] == call_id)
        .cloned()
        .collect()
}

/// The one line that a call left in the log, as soon as it has.
pub(crate) async fn line_of(call_id: &str) -> Value {
    until("logged", || !lines_of(call_id).is_empty()).await;
    let mut lines = lines_of(call_id);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.remove(0)
}
