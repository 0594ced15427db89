//! A certificate repository that does whatever a test tells it to, over real TLS on the loopback.
//!
//! ```text
//!   test ── Fetcher ── resolver of the test ──► 127.0.0.1:port ── TLS ── script: bytes, silence, or both
//! ```
//!
//! Certificates are made by `openssl`, so that what we read was never written by ourselves.

use countersign::certificate::repository_url::Origin;
use countersign::time::{Now, Ticks, UnixTime};
use countersign_server::clock::Clock;
use countersign_server::fetch::connect::Resolution;
use countersign_server::fetch::{Exception, FetchPolicy, Fetcher, Resolve};
use countersign_server::metrics::Metrics;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The name under which the repository is reached; only the tests' resolver knows it.
pub const HOST: &str = "repository.example";

/// What the repository does with one request.
pub enum Reaction {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends the first, then the second byte by byte with this pause between, then closes.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Sends the first, then the second again and again.
    Flood(Vec<u8>, Vec<u8>),
    /// Sends these bytes, then nothing, and stays.
    Hang(Vec<u8>),
    /// Sends these bytes as soon as it is told to, and closes.
    Held(watch::Receiver<bool>, Vec<u8>),
    /// Sends these bytes after this time and closes.
    Late(Duration, Vec<u8>),
}

type Script = dyn Fn(&str) -> Reaction + Send + Sync;

/// A running repository.
pub struct Repository {
    pub port: u16,
    requests: Arc<AtomicUsize>,
    script: Arc<Mutex<Arc<Script>>>,
}

impl Repository {
    /// Listens on the loopback and answers by `script`, which gets the head of the request.
    pub async fn start(script: impl Fn(&str) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let script: Arc<Mutex<Arc<Script>>> = Arc::new(Mutex::new(Arc::new(script)));
        let acceptor = TlsAcceptor::from(Arc::new(server_config()));
        let (count, shared) = (requests.clone(), script.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, count) = (acceptor.clone(), count.clone());
                let script = shared.lock().unwrap().clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &count, &*script).await;
                    }
                });
            }
        });
        Self {
            port,
            requests,
            script,
        }
    }

    /// Answers every request with these bytes.
    pub async fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |_| Reaction::Bytes(bytes.clone())).await
    }

    /// From now on answers by another script.
    pub fn change(&self, script: impl Fn(&str) -> Reaction + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// Requests that arrived.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// A URL of the repository.
    pub fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.port)
    }

    /// Where it is to those who have no resolver of ours.
    pub fn origin(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The exception that lets a fetcher reach it.
    pub fn exception(&self) -> Exception {
        Exception {
            origin: Origin::parse(&format!("https://{HOST}:{}", self.port)).unwrap(),
            addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            web_roots: None,
        }
    }
}

async fn serve<S>(mut stream: S, count: &AtomicUsize, script: &Script)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    count.fetch_add(1, Ordering::SeqCst);
    // A peer that has heard enough hangs up; that is no failure of the test.
    let _ = react(&mut stream, script(&String::from_utf8_lossy(&head))).await;
    let _ = stream.shutdown().await;
}

async fn react<S: tokio::io::AsyncWrite + Unpin>(
    stream: &mut S,
    reaction: Reaction,
) -> std::io::Result<()> {
    match reaction {
        Reaction::Bytes(bytes) => stream.write_all(&bytes).await,
        Reaction::Drip(first, rest, pause) => {
            stream.write_all(&first).await?;
            for byte in rest {
                stream.write_u8(byte).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
        Reaction::Flood(first, again) => {
            stream.write_all(&first).await?;
            loop {
                stream.write_all(&again).await?;
            }
        }
        Reaction::Held(mut let_go, bytes) => {
            // Whoever holds it may also be gone.
            let _ = let_go.wait_for(|let_go| *let_go).await;
            stream.write_all(&bytes).await
        }
        Reaction::Late(time, bytes) => {
            tokio::time::sleep(time).await;
            stream.write_all(&bytes).await
        }
        Reaction::Hang(bytes) => {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            std::future::pending().await
        }
    }
}

/// An answer of status 200 with this chain and these extra header lines.
pub fn answer(chain: &str, lines: &[&str]) -> Vec<u8> {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/pem-certificate-chain\r\nContent-Length: {}\r\n{lines}\r\n{chain}",
        chain.len()
    )
    .into_bytes()
}

/// A fetcher with the tests' resolver, clock and web trust anchor.
pub struct Bench {
    pub fetcher: Arc<Fetcher>,
    pub clock: Arc<ManualClock>,
    pub metrics: Arc<Metrics>,
}

impl Bench {
    /// A fetcher that may reach these repositories and resolves [`HOST`] to the loopback.
    pub fn reaching(repositories: &[&Repository]) -> Self {
        let exceptions = repositories.iter().map(|r| r.exception()).collect();
        Self::with(&[(HOST, &["127.0.0.1"])], |policy| {
            policy.exceptions = exceptions
        })
    }

    /// A fetcher with these names and this policy.
    pub fn with(names: &[(&str, &[&str])], adjust: impl FnOnce(&mut FetchPolicy)) -> Self {
        let mut policy = FetchPolicy::with_web_roots(web_roots());
        // What is not about time does not fail for want of it on a busy machine.
        policy.timeout = Duration::from_secs(30);
        adjust(&mut policy);
        let (clock, metrics) = (
            Arc::new(ManualClock::default()),
            Arc::new(Metrics::default()),
        );
        let fetcher = Fetcher::new(
            policy,
            Arc::new(Names::new(names)),
            clock.clone(),
            metrics.clone(),
            tokio::runtime::Handle::current(),
        )
        .unwrap();
        Self {
            fetcher,
            clock,
            metrics,
        }
    }
}

/// Knows the names it was told.
pub struct Names(HashMap<String, Vec<IpAddr>>);

impl Names {
    fn new(names: &[(&str, &[&str])]) -> Self {
        let parse = |addresses: &[&str]| addresses.iter().map(|a| a.parse().unwrap()).collect();
        Self(
            names
                .iter()
                .map(|(name, a)| ((*name).into(), parse(a)))
                .collect(),
        )
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolution<'a> {
        Box::pin(async move {
            let name = name.strip_suffix('.').unwrap_or(name);
            let found = self.0.get(name).cloned();
            found.ok_or_else(|| std::io::Error::other("no such name"))
        })
    }
}

/// Stands still until told. The wall clock starts now, because the certificates of the tests are from now.
#[derive(Default)]
pub struct ManualClock {
    seconds: AtomicU64,
}

impl ManualClock {
    /// Moves both clocks.
    pub fn advance(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        static START: OnceLock<UnixTime> = OnceLock::new();
        let start =
            START.get_or_init(|| countersign_server::clock::SystemClock::start().now().unix);
        let passed = self.seconds.load(Ordering::SeqCst);
        Now {
            unix: start.saturating_add(passed as i64),
            ticks: Ticks::from_millis(3_600_000 + passed * 1_000),
        }
    }
}

/// Files that `openssl` made for this run.
pub struct Pki {
    pub directory: PathBuf,
}

impl Pki {
    /// The one of this process.
    pub fn get() -> &'static Self {
        static PKI: OnceLock<Pki> = OnceLock::new();
        PKI.get_or_init(Self::make)
    }

    fn make() -> Self {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("repository-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let pki = Self { directory };
        let root = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
                    -subj /CN=web-root -keyout root.key -out root.pem";
        let leaf = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
                    -subj /CN=web-leaf -CA root.pem -CAkey root.key -keyout leaf.key -out leaf.pem \
                    -addext subjectAltName=DNS:repository.example,DNS:other.example,IP:127.0.0.1 \
                    -addext basicConstraints=critical,CA:FALSE";
        for (name, days) in [("first", "30"), ("second", "30"), ("short", "2")] {
            pki.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days {days} \
                 -subj /CN={name} -keyout {name}.key -out {name}.pem"
            ));
        }
        pki.openssl(root);
        pki.openssl(leaf);
        pki
    }

    fn openssl(&self, arguments: &str) {
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        crate::peers::openssl(&self.directory, &arguments);
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.join(name)).unwrap()
    }
}

/// The anchor of the tests' web certificates.
pub fn web_roots() -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let root = Pki::get().directory.join("root.pem");
    roots
        .add(CertificateDer::from_pem_file(root).unwrap())
        .unwrap();
    Arc::new(roots)
}

/// The TLS side of a listener named [`HOST`].
pub fn web_server_config() -> Arc<rustls::ServerConfig> {
    Arc::new(server_config())
}

fn server_config() -> rustls::ServerConfig {
    let directory = &Pki::get().directory;
    let chain = vec![CertificateDer::from_pem_file(directory.join("leaf.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(directory.join("leaf.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}
