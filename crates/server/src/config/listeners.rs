//! `[sip]`, `[http.*]`, `[log]` and `[metrics]`: where we listen, and what we tell of it.

use super::judgement::DEFAULT_WEB_CA_FILE;
use super::place::{Cause, Placed};
use super::reader::Reader;
use crate::log::{self, Format, Numbers};
use countersign_sip::trunk::SentBy;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `[sip]`.
#[derive(Clone, Debug)]
pub struct SipSettings {
    /// Where SIP is received over UDP.
    pub udp: Vec<Placed<SocketAddr>>,
    /// Where SIP is received over TCP.
    pub tcp: Vec<Placed<SocketAddr>>,
    /// Where SIP is received over TLS.
    pub tls: Vec<Placed<SocketAddr>>,
    /// What TLS goes by, on both sides.
    pub secure: SecureSettings,
    /// What we call ourselves in Via, `host` or `host:port`; `None`: the listener's address.
    pub advertise: Option<Placed<Box<str>>>,
    /// What those are told that requests go to from these listeners.
    pub advertise_for: Vec<(SocketAddr, SentBy)>,
    /// Name servers for next hops; those of the system if there are none.
    pub dns_servers: Vec<SocketAddr>,
    /// Threads that carry calls; `None`: one per core.
    pub shards: Option<usize>,
    /// What becomes of requests of no trunk.
    pub unknown_source: UnknownSource,
    /// How long others wait.
    pub patience: Patience,
    /// Where another process asks for our sockets, to go on in our place.
    pub takeover_socket: Option<Placed<PathBuf>>,
}

/// How long we let others wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// A new request for its turn: while all wait longer, some are turned away. `None`: none is.
    pub turn: Option<Duration>,
    /// The process for what it has begun, when it is asked to end.
    pub drain: Duration,
}

/// What of `[sip]` is about TLS.
#[derive(Clone, Debug)]
pub struct SecureSettings {
    /// Our chain and key, for those who connect to us and for next hops that ask.
    pub credential: Option<TlsSettings>,
    /// The authorities of those who connect to us; nobody is asked for a certificate if there is none.
    pub client_ca_file: Option<Placed<PathBuf>>,
    /// Whether they must have one.
    pub client_certificate: ClientCertificate,
    /// The authorities of next hops.
    pub ca_file: Placed<PathBuf>,
}

/// Whether those who connect to us must have a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificate {
    /// Who has none is known by address or port.
    Optional,
    /// Who has none is not talked to. The default.
    #[default]
    Required,
}

/// What becomes of requests that come by no trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownSource {
    /// No answer: whoever tries addresses learns nothing. The default.
    #[default]
    Drop,
    /// 403.
    Reject,
}

/// `[http.public]`, `[http.trunk]` or `[http.admin]`.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Where it listens; nowhere if there is none.
    pub listen: Vec<Placed<SocketAddr>>,
    /// Its chain and key; plain HTTP if there are none.
    pub tls: Option<TlsSettings>,
}

/// The files of a TLS identity.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The chain.
    pub certificate_file: Placed<PathBuf>,
    /// The key.
    pub key_file: Placed<PathBuf>,
}

/// What of `[http.trunk]` is about signing and verification.
#[derive(Clone, Debug)]
pub struct DoorSettings {
    /// What stands before `/signing` and `/verification` in the 3GPP dialect.
    pub base: Box<str>,
    /// Authorities of those who prove themselves by certificate; nobody is asked for one if there are none.
    pub client_ca_file: Option<Placed<PathBuf>>,
    /// What a verification without any Identity is.
    pub missing_identity: MissingIdentity,
}

/// What a verification over HTTP without any Identity is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingIdentity {
    /// A mistake: `identity` is mandatory in ATIS-1000082.
    Refused,
    /// A call without proof, or a heartbeat: `No-TN-Validation`. The default.
    #[default]
    Unsigned,
}

/// `[log]`.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// How lines are written.
    pub format: Format,
    /// What is logged.
    pub level: Box<str>,
    /// How much of a number is shown.
    pub numbers: Numbers,
}

/// Where SIP listens if nobody says otherwise: RFC 3261 §18.1.1 names the port.
const DEFAULT_SIP: &str = "0.0.0.0:5060";
/// Where the admin listener listens if nobody says otherwise: where nobody else can reach it.
const DEFAULT_ADMIN: &str = "127.0.0.1:8080";
/// Where the 3GPP dialect is spoken if nobody says otherwise.
const DEFAULT_BASE: &str = "/3gpp/v1";
/// Where the other one is.
const ATIS_BASE: &str = "/stir/v1";
/// Longest path before `/signing`, in characters.
const MAX_BASE: usize = 128;
/// What is logged if nobody says otherwise.
const DEFAULT_LEVEL: &str = "info";
/// Most threads that carry calls.
const MAX_SHARDS: i64 = 256;

/// How long the process waits for what it has begun if nobody says otherwise: a transaction over UDP ends 32 s after its answer
/// (RFC 3261 §17.2, Timers H and J), and most calls are answered in less.
const DEFAULT_DRAIN_S: u64 = 60;
/// The longest: an hour.
const MAX_DRAIN_S: i64 = 3_600;
/// How long a new request may wait for its turn if nobody says otherwise: RFC 8289 finds 5 ms to be right for queues of very
/// different speeds.
pub const DEFAULT_TURN: Duration = Duration::from_millis(5);
/// The longest wait that may be called no overload: T1 of RFC 3261 §17.1.1.1, after which senders repeat themselves.
const MAX_TURN_MS: i64 = 500;

pub(super) fn sip(mut reader: Reader<'_>, directory: &Path) -> SipSettings {
    let settings = SipSettings {
        tls: addresses(&mut reader, "tls", None),
        secure: secure(&mut reader, directory),
        udp: addresses(&mut reader, "udp", Some(DEFAULT_SIP)),
        tcp: addresses(&mut reader, "tcp", Some(DEFAULT_SIP)),
        advertise: reader.parsed("advertise", "a host, or host:port", host_and_port),
        advertise_for: advertise_for(&mut reader),
        dns_servers: addresses(&mut reader, "dns_servers", None)
            .into_iter()
            .map(|address| address.value)
            .collect(),
        shards: reader
            .integer("shards", 0..=MAX_SHARDS)
            .and_then(|shards| usize::try_from(shards).ok())
            .filter(|shards| *shards > 0),
        unknown_source: reader
            .choice(
                "unknown_source",
                &[
                    ("drop", UnknownSource::Drop),
                    ("reject", UnknownSource::Reject),
                ],
            )
            .unwrap_or_default(),
        patience: patience(&mut reader),
        takeover_socket: reader
            .text("takeover_socket")
            .map(|name| name.map(|name| directory.join(name))),
    };
    let (udp, _) = reader.written_items("udp");
    let (tcp, place) = reader.written_items("tcp");
    let (tls, _) = reader.written_items("tls");
    if udp + tcp + tls == 0 && settings.udp.is_empty() && settings.tcp.is_empty() {
        reader.note(
            "tcp",
            &place,
            Cause::Missing(
                "an address to receive SIP at (one of loopback if nobody is to call here)",
            ),
        );
    }
    reader.finish();
    settings
}

fn patience(reader: &mut Reader<'_>) -> Patience {
    let written = |value: i64| u64::try_from(value).unwrap_or_default();
    let turn = reader.integer("overload_delay_ms", 0..=MAX_TURN_MS);
    let turn = turn.map_or(DEFAULT_TURN, |turn| Duration::from_millis(written(turn)));
    let drain = reader.integer("drain_s", 0..=MAX_DRAIN_S);
    Patience {
        turn: (!turn.is_zero()).then_some(turn),
        drain: Duration::from_secs(drain.map_or(DEFAULT_DRAIN_S, written)),
    }
}

fn secure(reader: &mut Reader<'_>, directory: &Path) -> SecureSettings {
    let file = |name: Placed<&str>| name.map(|name| directory.join(name));
    let kinds = [
        ("required", ClientCertificate::Required),
        ("optional", ClientCertificate::Optional),
    ];
    SecureSettings {
        credential: credential(reader, directory),
        client_ca_file: reader.text("client_ca_file").map(file),
        client_certificate: reader
            .choice("client_certificate", &kinds)
            .unwrap_or_default(),
        ca_file: match reader.text("ca_file") {
            Some(name) => file(name),
            None => reader.default("ca_file", PathBuf::from(DEFAULT_WEB_CA_FILE)),
        },
    }
}

fn advertise_for(reader: &mut Reader<'_>) -> Vec<(SocketAddr, SentBy)> {
    let form = "LISTENER=HOST:PORT, such as 10.0.0.1:5060=sip.example.com:5060";
    let pair = |text: &str| {
        let (listener, name) = text.split_once('=')?;
        Some((listener.trim().parse().ok()?, sent_by(name.trim())?))
    };
    let pairs = reader.list("advertise_for", form, pair).unwrap_or_default();
    pairs.into_iter().map(|pair| pair.value).collect()
}

/// A host with or without port, as a Via has it.
pub(super) fn sent_by(text: &str) -> Option<SentBy> {
    host_and_port(text)?;
    let (host, port) = match text.rsplit_once(':') {
        // The last colon of a bare IPv6 reference is inside its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (text, None),
    };
    SentBy::new(host, port).ok()
}

fn host_and_port(text: &str) -> Option<Box<str>> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_is_one = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        // RFC 3261 §25.1, hostname: letters, digits, hyphens and dots.
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        }
    };
    let port_is_one = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    (host_is_one && port_is_one).then(|| text.into())
}

/// The three HTTP listeners, and what is asked of one of them.
pub(super) struct Http {
    pub(super) public: HttpSettings,
    pub(super) public_client_ca_file: Option<Placed<PathBuf>>,
    pub(super) trunk: HttpSettings,
    pub(super) door: DoorSettings,
    pub(super) admin: HttpSettings,
}

pub(super) fn http(mut reader: Reader<'_>, directory: &Path) -> Http {
    let mut public = reader.table("public");
    let public_client_ca_file = client_ca_file(&mut public, directory);
    let public = whole(public, None, directory);
    let mut trunk = reader.table("trunk");
    let door = door(&mut trunk, directory);
    let trunk = whole(trunk, None, directory);
    let admin = whole(reader.table("admin"), Some(DEFAULT_ADMIN), directory);
    reader.finish();
    Http {
        public,
        public_client_ca_file,
        trunk,
        door,
        admin,
    }
}

/// Authorities of clients that prove who they are.
fn client_ca_file(reader: &mut Reader<'_>, directory: &Path) -> Option<Placed<PathBuf>> {
    let file = reader.text("client_ca_file");
    file.map(|file| file.map(|name| directory.join(name)))
}

fn door(reader: &mut Reader<'_>, directory: &Path) -> DoorSettings {
    let client_ca_file = client_ca_file(reader, directory);
    let base = reader.parsed("base", "a path such as \"/3gpp/v1\"", base);
    let required = reader.boolean("identity_required", false).value;
    DoorSettings {
        base: base.map_or_else(|| DEFAULT_BASE.into(), |base| base.value),
        client_ca_file,
        missing_identity: match required {
            true => MissingIdentity::Refused,
            false => MissingIdentity::Unsigned,
        },
    }
}

/// Segments of letters, digits, hyphens, dots and underscores, each after a slash, and not those of the other dialect.
fn base(text: &str) -> Option<Box<str>> {
    let is_segment = |segment: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !segment.is_empty() && segment.bytes().all(fits)
    };
    let segments = text.strip_prefix('/')?;
    let fits = segments.split('/').all(is_segment) && text.len() <= MAX_BASE && text != ATIS_BASE;
    fits.then(|| text.into())
}

fn whole(mut reader: Reader<'_>, default: Option<&str>, directory: &Path) -> HttpSettings {
    let listen = addresses(&mut reader, "listen", default);
    let tls = credential(&mut reader, directory);
    reader.finish();
    HttpSettings { listen, tls }
}

/// A chain and its key: both or none.
fn credential(reader: &mut Reader<'_>, directory: &Path) -> Option<TlsSettings> {
    let file = |name: Placed<&str>| name.map(|name| directory.join(name));
    let certificate_file = reader.text("certificate_file").map(file);
    let key_file = reader.text("key_file").map(file);
    match (certificate_file, key_file) {
        (Some(certificate_file), Some(key_file)) => Some(TlsSettings {
            certificate_file,
            key_file,
        }),
        (Some(alone), None) => {
            reader.note(
                "certificate_file",
                &alone.place,
                Cause::Requires("key_file"),
            );
            None
        }
        (None, Some(alone)) => {
            reader.note(
                "key_file",
                &alone.place,
                Cause::Requires("certificate_file"),
            );
            None
        }
        (None, None) => None,
    }
}

fn addresses<'a>(
    reader: &mut Reader<'a>,
    key: &'a str,
    default: Option<&str>,
) -> Vec<Placed<SocketAddr>> {
    let form = "ADDRESS:PORT, such as 0.0.0.0:5060 or [::]:5060";
    let written = reader.list(key, form, |text| text.parse().ok());
    written.unwrap_or_else(|| {
        let default = default.and_then(|address| address.parse().ok());
        let default = default.map(|address| reader.default(key, address));
        default.into_iter().collect()
    })
}

pub(super) fn log(mut reader: Reader<'_>) -> LogSettings {
    let level = reader.parsed(
        "level",
        "error, warn, info, debug, trace or target=level",
        |text| log::parse_level(text).is_ok().then(|| Box::from(text)),
    );
    let settings = LogSettings {
        format: reader
            .choice("format", &[("text", Format::Text), ("json", Format::Json)])
            .unwrap_or_default(),
        level: level.map_or_else(|| DEFAULT_LEVEL.into(), |level| level.value),
        numbers: reader
            .choice(
                "numbers",
                &[
                    ("redacted", Numbers::Redacted),
                    ("full", Numbers::Full),
                    ("hidden", Numbers::Hidden),
                ],
            )
            .unwrap_or_default(),
    };
    reader.finish();
    settings
}

/// Whether `/metrics` answers.
pub(super) fn metrics(mut reader: Reader<'_>) -> bool {
    let enabled = reader.boolean("enabled", true).value;
    reader.finish();
    enabled
}
