//! The torture messages of RFC 4475 and RFC 5118 against a running server, by each transport.
//!
//! ```text
//!     each message ── UDP, TCP or TLS ──► serve ── UDP ──► next hop, which says nothing
//!                  ◄── an answer, or none
//! ```
//!
//! This test verifies for all 61 messages, as they stand in the documents, what becomes of them: that they go on, what they are
//! answered, or that they are not; that it is the same over TCP and TLS; and that the server answers the next request as if
//! nothing had been.

use crate::peers::Domains;
use crate::provider::{Server, Setup, udp};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it looks where nothing must come.
const A_WHILE: Duration = Duration::from_millis(300);
/// The ports that the messages want their answers at, besides 5060.
const PORTS: [u16; 4] = [5050, 5070, 6050, 19823];

/// Messages with the branch of one before them, and in which round they are played: the same server would take them for that one, sent
/// again.
const SAME_BRANCH: &[(&str, usize)] = &[
    ("cparam02", 1),
    ("port-ambiguous", 1),
    ("port-unambiguous", 2),
    ("regescrt", 1),
];
/// How many rounds there are.
const ROUNDS: usize = 3;

/// Each message, what becomes of it as a datagram, and what in a stream. *on*: it goes to the next hop; a number: that is answered;
/// *none*: neither; *waits*: the stream waits for the rest of it; *ends*: the stream is closed.
const FATES: &[(&str, &str, &str)] = &[
    // Space inside the angle brackets of To.
    ("badaspec", "400", "400"),
    // Matched as RFC 2543 has it.
    ("badbranch", "200", "200"),
    ("baddate", "on", "on"),
    // The archive lacks the empty line: in a stream, what follows becomes part of it.
    ("baddn", "400", "400 waits"),
    // Its Via names nobody who could be answered.
    ("badinv01", "none", "none"),
    ("badvers", "505", "505"),
    // A response that we have asked nobody for; so are those below.
    ("bcast", "none", "none"),
    // Proxy-Require that we do not know.
    ("bext01", "420", "420"),
    // A status of ten digits: where the next message begins is not believed either.
    ("bigcode", "none", "ends"),
    // Content-Length says more than there is.
    ("clerr", "400", "waits"),
    ("cparam01", "on", "on"),
    ("cparam02", "on", "on"),
    // A datagram ends with its message (RFC 3261 §18.3). In a stream the INVITE behind it goes on, too, and its body is garbage.
    ("dblreq", "on", "on ends"),
    ("esc01", "on", "on"),
    ("esc02", "on", "on"),
    ("escnull", "on", "on"),
    ("escruri", "400", "400"),
    ("insuf", "400", "400"),
    ("intmeth", "on", "on"),
    // Without Content-Length nobody knows where it ends in a stream.
    ("inv2543", "on", "400 ends"),
    ("invut", "on", "on"),
    // The bodies are longer than Content-Length says; in a stream the rest is garbage.
    ("ipv4-mapped-ipv6", "on", "on ends"),
    ("ipv6-bad", "400", "400"),
    ("ipv6-bug-abnf-3-colons", "400", "400"),
    ("ipv6-correct-abnf-2-colons", "200", "200"),
    ("ipv6-good", "on", "on"),
    // Content-Length says 17 octets more than the page has.
    ("ipv6-in-sdp", "400", "on ends"),
    ("longreq", "on", "on"),
    ("ltgtruri", "400", "400"),
    ("lwsdisp", "200", "200"),
    ("lwsruri", "400", "400"),
    ("lwsstart", "400", "400"),
    // Two lengths.
    ("mcl01", "400", "400 ends"),
    ("mismatch01", "400", "400"),
    ("mismatch02", "400", "400"),
    ("mpart01", "on", "on"),
    ("mult-ip-in-header", "on", "on"),
    ("mult-ip-in-sdp", "on", "on ends"),
    ("multi01", "400", "400"),
    // A negative length.
    ("ncl", "400", "400 ends"),
    ("noreason", "none", "none"),
    ("novelsc", "416", "416"),
    ("port-ambiguous", "on", "on"),
    ("port-unambiguous", "on", "on"),
    ("quotbal", "400", "400"),
    ("regaut01", "on", "on"),
    ("regbadct", "400", "400"),
    ("regescrt", "on", "on"),
    ("scalar02", "400", "400"),
    ("scalarlg", "none", "none"),
    ("sdp01", "on", "on"),
    ("semiuri", "200", "200"),
    ("transports", "200", "200"),
    ("trws", "400", "400"),
    ("unkscm", "416", "416"),
    ("unksm2", "on", "on"),
    ("unreason", "none", "none"),
    ("via-received-param-no-delim", "200", "200"),
    ("via-received-param-with-delim", "on", "on"),
    ("wsinv", "on", "on"),
    // An OPTIONS that can go no further is for us (RFC 3261 §11).
    ("zeromf", "200", "200"),
];

/// The messages by name.
fn messages() -> BTreeMap<String, Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/sip");
    let files = ["rfc4475", "rfc5118"].map(|name| std::fs::read_dir(directory.join(name)).unwrap());
    let paths = files
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(path).unwrap();
        // RFC 5118 prints its messages: lines end with CRLF, and the empty line is there where the page leaves it out.
        let bytes = match String::from_utf8(bytes) {
            Ok(printed) if !printed.contains('\r') => {
                let text = printed.replace('\n', "\r\n");
                let has_end = text.contains("\r\n\r\n");
                (text + if has_end { "" } else { "\r\n" }).into_bytes()
            }
            Ok(text) => text.into_bytes(),
            Err(error) => error.into_bytes(),
        };
        (name, bytes)
    };
    paths.map(read).collect()
}

/// The server, its next hop, and where answers to datagrams go.
struct Wire {
    server: Server,
    hop: UdpSocket,
    ends: Vec<UdpSocket>,
    transport: &'static str,
    asked: u32,
}

impl Wire {
    fn new(domains: &Domains, transport: &'static str) -> Self {
        let hop = UdpSocket::bind("127.0.0.1:0").unwrap();
        let setup = Setup::passes(&udp(hop.local_addr().unwrap())).sip("shards = 1");
        let server = match transport {
            "tls" => setup.secured(&domains.domain("us.example"), domains),
            _ => setup,
        };
        // An address that nobody else on this machine has.
        let [high, low] = (std::process::id() as u16).to_be_bytes();
        let here = |port| SocketAddr::from(([127, 77, high, low.max(1)], port));
        let ports = [5060].into_iter().chain(PORTS);
        let ends = match transport {
            "udp" => ports
                .map(|port| UdpSocket::bind(here(port)).unwrap())
                .collect(),
            _ => Vec::new(),
        };
        for socket in ends.iter().chain([&hop]) {
            socket.set_nonblocking(true).unwrap();
        }
        Self {
            server: server.start(),
            hop,
            ends,
            transport,
            asked: 0,
        }
    }

    /// A request that is answered in any case, at the port of its sender.
    fn question(&mut self) -> (String, String) {
        self.asked += 1;
        let (us, number) = (self.server.sip(), self.asked);
        let transport = self.transport.to_ascii_uppercase();
        let text = format!(
            "OPTIONS sip:{us} SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:5060;branch=z9hG4bKquestion{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a.example>;tag=1\r\nTo: <sip:{us}>\r\nCall-ID: torture-question-{number}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        (text, format!("torture-question-{number}"))
    }

    /// Whether something with this Call-ID has gone on.
    fn went_on(&self, call_id: &[u8]) -> bool {
        let mut went = false;
        let mut buffer = [0; 65_535];
        while let Ok(length) = self.hop.recv(&mut buffer) {
            went |= holds(&buffer[..length], call_id);
        }
        went
    }

    /// What becomes of a datagram, once it is what is wanted and what follows it is answered.
    ///
    /// What follows may be answered first: where requests wait too long for their turn, the newest has it.
    fn datagram(&mut self, message: &[u8], wanted: &str) -> String {
        let (text, call_id) = self.question();
        let us = self.server.sip();
        self.ends[0].send_to(message, us).unwrap();
        self.ends[0].send_to(text.as_bytes(), us).unwrap();
        let mut watch = Watch::new(message, &call_id, wanted);
        while !watch.is_over() {
            let mut buffer = [0; 65_535];
            for socket in &self.ends {
                while let Ok(length) = socket.recv(&mut buffer) {
                    watch.heard.extend_from_slice(&buffer[..length]);
                }
            }
            watch.look(self);
            std::thread::sleep(Duration::from_millis(1));
        }
        watch.fate()
    }

    /// What becomes of it in a stream.
    fn streamed(
        &mut self,
        stream: &mut (impl Read + Write),
        message: &[u8],
        wanted: &str,
    ) -> String {
        let (text, call_id) = self.question();
        // We may be hung up on in the middle.
        let _ = stream
            .write_all(message)
            .and_then(|()| stream.write_all(text.as_bytes()));
        let mut watch = Watch::new(message, &call_id, wanted);
        while !watch.is_over() {
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer) {
                Ok(0) => watch.has_ended = true,
                Ok(length) => watch.heard.extend_from_slice(&buffer[..length]),
                Err(error)
                    if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
                Err(_) => watch.has_ended = true,
            }
            watch.look(self);
        }
        watch.fate()
    }

    /// The server answers, and no shard had to begin anew.
    fn stands(&self) {
        let panicked = "countersign_sip_events_total{event=\"shard-panicked\"}";
        assert_eq!(self.server.metric(panicked), 0);
    }
}

/// What is seen of a message and of the question behind it.
struct Watch<'a> {
    call_id: Vec<u8>,
    question: &'a str,
    wanted: &'a str,
    begun: Instant,
    went_on: bool,
    heard: Vec<u8>,
    has_ended: bool,
}

impl<'a> Watch<'a> {
    fn new(message: &[u8], question: &'a str, wanted: &'a str) -> Self {
        Self {
            call_id: call_id_of(message),
            question,
            wanted,
            begun: Instant::now(),
            went_on: false,
            heard: Vec::new(),
            has_ended: false,
        }
    }

    /// Looks at the next hop.
    fn look(&mut self, wire: &Wire) {
        self.went_on |= wire.went_on(&self.call_id);
    }

    /// Whether there is nothing more to wait for: what is wanted has come, or too much time has passed. Where nothing must come, that is
    /// looked at for a while.
    fn is_over(&self) -> bool {
        let awaits_nothing = self.wanted == "none" || self.wanted.ends_with("waits");
        let has_come = self.fate() == self.wanted;
        let is_known = has_come && (!awaits_nothing || self.begun.elapsed() >= A_WHILE);
        is_known || self.begun.elapsed() >= PATIENCE
    }

    fn fate(&self) -> String {
        let is_answered = holds(&self.heard, self.question.as_bytes());
        let end = match self.has_ended {
            true => "ends",
            false if is_answered => "",
            false => "waits",
        };
        fate(self.went_on, &self.heard, &self.call_id, end)
    }
}

/// In words: whether it went on, its first final answer, what became of the stream. Answers to the messages before it may come once
/// more.
fn fate(went_on: bool, answers: &[u8], call_id: &[u8], end: &str) -> String {
    let answers = String::from_utf8_lossy(answers);
    let call_id = String::from_utf8_lossy(call_id);
    let own = answers
        .split("SIP/2.0 ")
        .skip(1)
        .filter(|one| !one.contains("torture-question") && one.contains(&*call_id));
    let status = own
        .filter_map(|one| one.get(..3))
        .find(|status| status.starts_with(|digit: char| ('2'..='6').contains(&digit)));
    let words = [
        went_on.then_some("on"),
        status,
        Some(end).filter(|end| !end.is_empty()),
    ];
    let words: Vec<_> = words.into_iter().flatten().collect();
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(" "),
    }
}

fn holds(bytes: &[u8], piece: &[u8]) -> bool {
    !piece.is_empty() && bytes.windows(piece.len()).any(|window| window == piece)
}

/// The value of Call-ID, as far as it can be found by simple means.
fn call_id_of(message: &[u8]) -> Vec<u8> {
    let text = message.to_ascii_lowercase();
    let names = ["\ncall-id", "\ni:", "\ni "].iter();
    let places = names.filter_map(|name| {
        let mut windows = text.windows(name.len());
        windows.position(|window| window == name.as_bytes())
    });
    let found = places.min().and_then(|at| {
        let colon = at + text[at..].iter().position(|byte| *byte == b':')?;
        let rest = message[colon + 1..].trim_ascii_start();
        let end = rest.iter().position(|byte| byte.is_ascii_whitespace())?;
        Some(rest[..end].to_vec())
    });
    found.unwrap_or_default()
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    stream
}

/// Plays all messages to a server, and compares all fates at once. What was played before does not matter.
#[track_caller]
fn all(transport: &'static str, mut play: impl FnMut(&mut Wire, &Domains, &str, &[u8]) -> String) {
    let wanted = |fate: &(&str, &'static str, &'static str)| match transport {
        "udp" => fate.1,
        _ => fate.2,
    };
    let domains = Domains::new();
    let messages = messages();
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        let mut wire = Wire::new(&domains, transport);
        for (name, message) in messages.iter().filter(|(name, _)| round_of(name) == round) {
            let wanted = FATES.iter().find(|fate| fate.0 == name).map(wanted);
            let fate = play(&mut wire, &domains, wanted.unwrap_or_default(), message);
            told.push(format!("{name}: {fate}"));
        }
        wire.stands();
    }
    told.sort();
    let wanted = FATES
        .iter()
        .map(|fate| format!("{}: {}", fate.0, wanted(fate)));
    let wanted: Vec<_> = wanted.collect();
    let different: Vec<_> = told.iter().filter(|line| !wanted.contains(line)).collect();
    assert!(told == wanted, "{transport}: {different:#?}");
}

fn round_of(name: &str) -> usize {
    let mut same = SAME_BRANCH.iter();
    same.find(|(one, _)| *one == name)
        .map_or(0, |(_, round)| *round)
}

#[test]
fn each_datagram_has_its_fate() {
    all("udp", |wire, _, wanted, message| {
        wire.datagram(message, wanted)
    });
}

#[test]
fn each_message_has_the_same_fate_over_tcp() {
    all("tcp", |wire, _, wanted, message| {
        let mut stream = connect(wire.server.sip());
        wire.streamed(&mut stream, message, wanted)
    });
}

#[test]
fn each_message_has_the_same_fate_over_tls() {
    let mut us = None;
    all("tls", |wire, domains, wanted, message| {
        let config = us.get_or_insert_with(|| domains.domain("a.example").connects(domains));
        let host = ServerName::try_from("us.example").unwrap();
        let session = ClientConnection::new(config.clone(), host).unwrap();
        let mut stream = StreamOwned::new(session, connect(wire.server.sip()));
        wire.streamed(&mut stream, message, wanted)
    });
}
