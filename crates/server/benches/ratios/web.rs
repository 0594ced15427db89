//! What signing and verifying over HTTP cost beyond an empty 200 of the same server.
//!
//! One connection that stays open, one request after another, in alternating blocks; of each block the CPU time of all threads of the server.
//! The bare operations are measured between the blocks, too.

use crate::machine::{Ground, Machine, free_address};
use crate::raw::{Meter, Raw};
use crate::rows::{Promise, Row};
use countersign_testkit::traffic::numbers;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

/// Blocks of each kind.
const ROUNDS: usize = 60;
/// Requests of a block.
const REQUESTS: usize = 200;
/// Requests a second.
const RATE: f64 = 1_000.0;

/// One connection to a listener.
struct Client {
    stream: TcpStream,
    host: SocketAddr,
    answer: Vec<u8>,
}

impl Client {
    fn new(host: SocketAddr) -> Self {
        let stream = TcpStream::connect(host).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .expect("a socket");
        let answer = Vec::new();
        Self {
            stream,
            host,
            answer,
        }
    }

    /// One request and the body of its answer, which must be a 200.
    fn ask(&mut self, first: &str, body: &str) -> &[u8] {
        let request = format!(
            "{first} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream
            .write_all(request.as_bytes())
            .expect("a request");
        self.answer.clear();
        let mut piece = [0; 4096];
        loop {
            let length = self.stream.read(&mut piece).expect("an answer");
            assert!(length > 0, "the connection ended");
            self.answer.extend_from_slice(&piece[..length]);
            if let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.answer[..end]).to_ascii_lowercase();
                let mut lines = head.lines();
                let status = lines.next().unwrap_or_default().to_owned();
                assert!(
                    status.starts_with("http/1.1 200"),
                    "{}",
                    String::from_utf8_lossy(&self.answer)
                );
                let length = lines.find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length
                    .and_then(|text| text.trim().parse().ok())
                    .expect("a length");
                if self.answer.len() >= end + 4 + length {
                    return &self.answer[end + 4..];
                }
            }
        }
    }
}

/// The rows of HTTP.
pub(crate) fn measure(raw: &Raw) -> Vec<Row> {
    let ground = Ground::new();
    let (signing, verifying) = (free_address(), free_address());
    let listens = |address| format!("[http.trunk]\nlisten = [\"{address}\"]\n");
    let trunk = "mode = \"http\"\nnumbering = \"north-american\"\n";
    let signs = ground.server(
        "http-sign",
        &format!("{trunk}role = \"sign\"\ntenant = \"provider\"\n"),
        &format!(
            "{}{}{}",
            ground.signs(),
            ground.publishes(),
            listens(signing)
        ),
    );
    let verifies = ground.server(
        "http-verify",
        &format!("{trunk}role = \"verify\"\nverstat_profile = \"field\"\n"),
        &format!("{}{}", ground.verifies(), listens(verifying)),
    );
    // The first round warms everything up, the certificate of the signer included.
    let _first = round(&signs, signing, &verifies, verifying, Warmth::Cold);
    let mut meter = Meter::new(raw);
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            meter.look();
            round(&signs, signing, &verifies, verifying, Warmth::Warm)
        })
        .collect();
    let anchor = meter.anchor();
    let mean = |of: fn(&Extra) -> f64| rounds.iter().map(of).sum::<f64>() / ROUNDS as f64;
    let row = |name, nanos, of: &'static str, of_nanos, most| Row {
        name,
        nanos,
        of: of.into(),
        of_nanos,
        promise: Promise::CostAtMost(most),
    };
    let most = anchor.verify + 0.6 * anchor.sign;
    let (answering, ocsp_anchor) = ocsp(&ground, raw);
    vec![
        row(
            "http-sign",
            mean(|extra| extra.sign),
            "raw-sign",
            anchor.sign,
            1.6,
        ),
        row(
            "http-verify",
            mean(|extra| extra.verify),
            "raw-verify + 0.6 raw-sign",
            most,
            1.0,
        ),
        row("http-ocsp", answering, "raw-sign", ocsp_anchor, 2.5),
    ]
}

/// What an answer of OCSP costs beyond an empty one, and a bare signature meanwhile, in CPU nanoseconds.
fn ocsp(ground: &Ground, raw: &Raw) -> (f64, f64) {
    let public = free_address();
    let (config, path) = ground.certifies(public);
    let trunk = "mode = \"http\"\nnumbering = \"north-american\"\nrole = \"verify\"\n";
    let listens = format!("[http.trunk]\nlisten = [\"{}\"]\n", free_address());
    let rest = format!("{}{listens}{config}", ground.verifies());
    let answers = ground.server("http-ocsp", trunk, &rest);
    let first = format!("GET {path}");
    let one = || {
        let empty = empty(&answers);
        let asked = block(&answers, public, |client, _| {
            client.ask(&first, "");
        });
        asked - empty
    };
    let _first = one();
    let mut meter = Meter::new(raw);
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            meter.look();
            one()
        })
        .collect();
    let mean = rounds.iter().sum::<f64>() / ROUNDS as f64;
    (mean, meter.anchor().sign)
}

/// What a request costs beyond an empty answer, in CPU nanoseconds.
struct Extra {
    sign: f64,
    verify: f64,
}

/// Whether the verifier knows the certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Warmth {
    /// It may have to fetch it, and a call may not wait for that.
    Cold,
    Warm,
}

/// One block of each kind; what was signed is verified.
fn round(
    signs: &Machine,
    signing: SocketAddr,
    verifies: &Machine,
    verifying: SocketAddr,
    warmth: Warmth,
) -> Extra {
    let mut identities = Vec::with_capacity(REQUESTS);
    let empty_of_signer = empty(signs);
    let sign = block(signs, signing, |client, index| {
        let answer = client.ask("POST /stir/v1/signing", &signing_request(index));
        let answer: Value = serde_json::from_slice(answer).expect("JSON");
        let identity = answer["signingResponse"]["identity"].as_str();
        identities.push(identity.expect("an identity").to_owned());
    });
    let empty_of_verifier = empty(verifies);
    let verify = block(verifies, verifying, |client, index| {
        let request = verification_request(index, &identities[index]);
        let answer = client.ask("POST /stir/v1/verification", &request);
        let passed = answer
            .windows(20)
            .any(|part| part == b"TN-Validation-Passed");
        assert!(
            passed || warmth == Warmth::Cold,
            "{}",
            String::from_utf8_lossy(answer)
        );
    });
    Extra {
        sign: sign - empty_of_signer,
        verify: verify - empty_of_verifier,
    }
}

fn empty(machine: &Machine) -> f64 {
    block(machine, machine.admin, |client, _| {
        client.ask("GET /health", "");
    })
}

/// CPU nanoseconds of one request.
fn block(machine: &Machine, address: SocketAddr, mut ask: impl FnMut(&mut Client, usize)) -> f64 {
    let mut client = Client::new(address);
    let before = machine.cpu();
    let start = Instant::now();
    for index in 0..REQUESTS {
        let due = Duration::from_secs_f64(index as f64 / RATE);
        if let Some(early) = due.checked_sub(start.elapsed()) {
            std::thread::sleep(early);
        }
        ask(&mut client, index);
    }
    machine.cpu().since(&before) as f64 / REQUESTS as f64
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map(|since| since.as_secs())
        .unwrap_or_default()
}

fn signing_request(index: usize) -> String {
    let (from, to) = numbers(index);
    json!({"signingRequest": {
        "attest": "A", "orig": {"tn": from}, "dest": {"tn": [to]}, "iat": now(), "origid": "de305d54-75b4-431b-adb2-eb6b9e546014",
    }})
    .to_string()
}

fn verification_request(index: usize, identity: &str) -> String {
    let (from, to) = numbers(index);
    json!({"verificationRequest": {"from": {"tn": from}, "to": {"tn": [to]}, "time": now(), "identity": identity}}).to_string()
}
