//! Ask, then call: who would answer is known before anybody's telephone rings.
//!
//! ```text
//!     countersign probe --call ────────────────┐
//!                                              ├── INVITE without media ──► serve, answers itself       SIPp: not called
//!     SIPp ──► serve, signs, checks: b2bua ────┘                               │
//!       and then:            ── INVITE ──────────────────────────────────────► serve ─────────────────► SIPp: rings, answers
//! ```
//!
//! This test verifies that who asks is told by proof, that the telephone behind is left alone, that the call that follows is answered by the
//! same, and that whoever asks about one number after the other does not get far.

use crate::peers::{Called, Caller, Sipp, free_address};
use crate::provider::{COUNTERSIGN, Provider, Server, Setup, now, udp};
use crate::who_picked_up::{answers, of_status, passports};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// What passes without being cut.
const WHOLE: &str = "oversize = \"fragment\"";
const B2BUA: &str = "mode = \"b2bua\"";
const REQUIRED: &str = "[trunks.connected]\ncheck = \"require\"";
const PROBES: &str = "[trunks.connected]\nprobes = \"authenticated\"";
/// How long a test waits for what must come; two busy cores are slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// The called side's server, which answers questions of calling providers.
pub(crate) fn may_be_asked(answering: &Provider, calling: &Provider, called: &Sipp) -> Setup {
    let setup = answering.answers(&[calling], &udp(called.address()));
    setup.trunk(WHOLE).trunk(PROBES)
}

/// What became of the questions, as the server counts them.
pub(crate) fn counted(outcome: &str) -> String {
    format!("countersign_inquiries_total{{trunk=\"answers\",outcome=\"{outcome}\"}}")
}

/// `countersign probe` about 12025550101 by 12025550100 and this provider: its exit code, and its JSON.
fn probe(
    calling: &Provider,
    answering: &Provider,
    server: &Server,
    more: &[&str],
) -> (Option<i32>, Value) {
    let from = ["--from", "12025550100", "--json"];
    let more = [&from[..], more].concat();
    let output = asked((calling, answering), server.sip(), &more);
    let told = serde_json::from_slice(&output.stdout);
    let told = told.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), told)
}

/// `countersign probe` about 12025550101 at this address, by the first of these providers, who believes the second.
pub(crate) fn asked(
    (calling, answering): (&Provider, &Provider),
    at: SocketAddr,
    more: &[&str],
) -> Output {
    let files = calling.files();
    let [anchor, web_anchor] = answering.anchor_files();
    let x5u = answering.x5u();
    let (origin, _) = x5u.split_once("/certificates").unwrap();
    Command::new(COUNTERSIGN)
        .arg("probe")
        .arg(format!("sip:+12025550101@{at}"))
        .args(["--wait", "20"])
        .args(["--x5u", &calling.x5u(), "--allow-origin", origin])
        .args([OsStr::new("--key"), files[0].as_os_str()])
        .args([OsStr::new("--certificate"), files[1].as_os_str()])
        .args([OsStr::new("--trust"), anchor.as_os_str()])
        .args([OsStr::new("--web-ca"), web_anchor.as_os_str()])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The command line asks, and nobody is called; it asks and calls, and whoever answers is the same.
#[test]
fn digest01_case11_the_command_line_asks_and_then_calls() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let _publishes = calling.signs(&udp(free_address())).start();
    let called = Sipp::called(Called::Answers);
    let mut server = may_be_asked(&answering, &calling, &called).start();

    let (code, told) = probe(&calling, &answering, &server, &[]);
    assert_eq!(code, Some(0), "{told:#}");
    assert_eq!(told["outcome"], "proven");
    assert_eq!(told["probe"]["ended"], "cancelled");
    let answer = &told["probe"]["answers"][0];
    assert_eq!(
        (&answer["status"], &answer["standing"]),
        (&json!(183), &json!("matching"))
    );
    assert_eq!(answer["reached"], "12025550101");
    server.until_metric(&counted("answered"), 1);
    called.is_quiet();

    let (code, told) = probe(&calling, &answering, &server, &["--call"]);
    assert_eq!(code, Some(0), "{told:#}");
    assert_eq!(told["outcome"], "proven");
    let answers = told["call"]["answers"].as_array().unwrap();
    let answer = answers.iter().find(|one| one["status"] == 200).unwrap();
    assert_eq!(
        (&answer["standing"], &answer["reached"]),
        (&json!("matching"), &json!("12025550101"))
    );
    let called = called.finish();
    assert_eq!(called.received("BYE").len(), 1, "it was hung up on");
    assert!(
        !called.invite().text.contains("Require: 100rel"),
        "{}",
        called.invite().text
    );
    server.until_metric(&counted("answered"), 2);
}

/// A caller behind a provider that knows nothing of questions but how to sign, to carry and to check them.
#[test]
fn digest01_case11_a_caller_asks_through_its_provider_and_then_calls() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let called = Sipp::called(Called::Answers);
    let mut server = may_be_asked(&answering, &calling, &called).start();
    let setup = calling.asks(&[&answering], &udp(server.sip()));
    let mut asks = setup.trunk(WHOLE).trunk(B2BUA).trunk(REQUIRED).start();

    let seen = Sipp::call(Caller::Asks, asks.sip()).place();

    let answer = seen.response(183);
    let [(header, claims)] = &passports(&answer.headers("Identity"))[..] else {
        panic!("{}", answer.text)
    };
    assert_eq!(header["ppt"], "rsp");
    assert_eq!(claims["dest"], json!({"tn": ["12025550101"]}));
    assert!(!answer.text.contains("\r\nm="), "{}", answer.text);
    assert!(!seen.statuses().contains(&180), "{:?}", seen.statuses());
    let lines = answers(&mut asks, 1);
    assert_eq!(
        of_status(&lines, 183)[0]["standing"],
        "matching",
        "{lines:#?}"
    );
    server.until_metric(&counted("answered"), 1);
    called.is_quiet();

    let seen = Sipp::call(Caller::Answered, asks.sip()).place();

    assert_eq!(
        passports(&seen.response(200).headers("Identity"))[0].1["dest"],
        claims["dest"]
    );
    assert_eq!(called.finish().received("BYE").len(), 1);
}

/// RFC 9970 §8 leaves it to those who are asked: by default nobody is told anything, and nobody's telephone rings for it.
#[test]
fn digest01_case12_who_answers_no_questions_does_not_ring_either() {
    let (calling, answering) = (Provider::new(), Provider::new());
    let _publishes = calling.signs(&udp(free_address())).start();
    let called = Sipp::called(Called::Answers);
    let setup = answering.answers(&[&calling], &udp(called.address()));
    let mut server = setup.trunk(WHOLE).start();

    let (code, told) = probe(&calling, &answering, &server, &[]);

    assert_eq!(code, Some(4), "{told:#}");
    assert_eq!(
        (&told["probe"]["ended"], &told["probe"]["status"]),
        (&json!("refused"), &json!(420))
    );
    server.until_metric(&counted("not-here"), 1);
    called.was_not_called();
}

/// Somebody who wants to know who answers a whole range, by honest questions of a trusted provider, from one address.
#[test]
fn a_range_is_not_dialled_through() {
    const ASKED: usize = 50;
    let (calling, answering) = (Provider::new(), Provider::new());
    let _publishes = calling.signs(&udp(free_address())).start();
    let called = Sipp::called(Called::Answers);
    let mut server = may_be_asked(&answering, &calling, &called).start();
    let questions = (1..=ASKED).map(|number| {
        let to = format!("120255501{number:02}");
        let identity = calling.identity_between(("12025550100", &to), now());
        (to, identity)
    });
    let questions: Vec<_> = questions.collect();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let us = socket.local_addr().unwrap();

    for (to, identity) in &questions {
        let invite = format!(
            "INVITE sip:+{to}@answering.example;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP {us};branch=z9hG4bKasks{to};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+12025550100@calling.example;user=phone>;tag=asks{to}\r\n\
             To: <sip:+{to}@answering.example;user=phone>\r\nCall-ID: asks-{to}\r\nCSeq: 1 INVITE\r\nContact: <sip:asks@{us}>\r\n\
             Supported: 100rel\r\nRequire: 100rel\r\nIdentity: {identity}\r\nContent-Length: 0\r\n\r\n"
        );
        socket.send_to(invite.as_bytes(), server.sip()).unwrap();
    }

    let mut told = HashMap::new();
    let mut heard = vec![0; 65_535];
    while told.len() < ASKED {
        let length = socket.recv(&mut heard).unwrap();
        let text = String::from_utf8_lossy(&heard[..length]);
        let status = text.strip_prefix("SIP/2.0 ").unwrap()[..3]
            .parse::<u16>()
            .unwrap();
        let mut lines = text.split("\r\n");
        let call_id = lines
            .find_map(|line| line.strip_prefix("Call-ID: "))
            .unwrap();
        // The first word counts: whoever answers has their response acknowledged by nobody here.
        if status > 100 {
            told.entry(call_id.to_owned()).or_insert(status);
        }
    }
    let of = |wanted: u16| told.values().filter(|status| **status == wanted).count();
    let (answered, refused) = (of(183), of(480));
    assert_eq!(answered + refused, ASKED, "{told:?}");
    // Thirty at once, and one more every two seconds.
    assert!((30..=40).contains(&answered), "{answered}");
    server.until_metric(&counted("too-many"), refused as u64);
    called.was_not_called();
}
