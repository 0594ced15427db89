//! Media security between two providers: fingerprints of the SDP are signed in both directions (RFC 8862, RFC 9970).
//!
//! ```text
//!     caller ── a=fingerprint ──► serve, signs ── shaken, msec: mky ──► serve, verifies ──► called
//!        ◄─── only with keys ──── serve, judges ◄──────── rsp: mky ──── serve, signs ◄── a=fingerprint, or none
//!                                      └─── Kamailio, which may put in another fingerprint ───┘
//! ```
//!
//! This test verifies that a running server signs the keys of a call and asks for those of its answer, that an answer with keys of its own is
//! passed, and that the caller is not connected to one without, nor to one whose keys somebody between the two has replaced.

use crate::peers::{Change, Kamailio};
use crate::provider::{Provider, Server, udp};
use crate::who_speaks::{Phone, accepts, lines, value};
use countersign::jose::base64url;
use serde_json::{Value, json};

const ASKS: &str =
    "mode = \"b2bua\"\noversize = \"fragment\"\n[trunks.connected]\nmedia_security = \"required\"";
const GIVES: &str =
    "oversize = \"fragment\"\n[trunks.connected]\nmedia_security = \"opportunistic\"";

const OURS: &str = "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1";
const THEIRS: &str = "02:1A:CC:54:27:AB:EB:9C:53:3F:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1:7A:03:A2:7D:F9:B0:7F:46:19:B2";

fn description(fingerprint: Option<&str>) -> String {
    let keys = fingerprint.map(|one| format!("a=fingerprint:sha-256 {one}\r\n"));
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 16384 UDP/TLS/RTP/SAVPF 0\r\n{}",
        keys.unwrap_or_default()
    )
}

fn with_body(message: &str, body: &str) -> String {
    let length = format!(
        "Content-Type: application/sdp\r\nContent-Length: {}\r\n",
        body.len()
    );
    message.replace("Content-Length: 0\r\n", &length) + body
}

/// The `ppt` and the `mky` of each PASSporT in a message.
fn keys(message: &str) -> Vec<(Value, Value)> {
    let part = |value: &str, number| {
        let part = value.split('.').nth(number).unwrap();
        let part: Value = serde_json::from_slice(&base64url::decode(part).unwrap()).unwrap();
        part
    };
    let values = lines(message, &["Identity: "]);
    let values = values
        .lines()
        .map(|line| line.trim_start_matches("Identity: "));
    values
        .map(|one| (part(one, 0)["ppt"].clone(), part(one, 1)["mky"].clone()))
        .collect()
}

fn mky(fingerprint: &str) -> Value {
    json!([{"alg": "sha-256", "dig": fingerprint.replace(':', "")}])
}

/// A caller and a called with their providers, and what may stand between those.
struct Scene {
    caller: Phone,
    called: Phone,
    asks: Server,
    _others: (Provider, Provider, Server, Option<Kamailio>),
}

impl Scene {
    fn new(between: Option<Change>) -> Self {
        let (calling, answering) = (Provider::new(), Provider::new());
        let (caller, called) = (Phone::new(), Phone::new());
        let setup = answering.answers(&[&calling], &udp(called.address));
        let answers = setup.trunk(GIVES).start();
        let between = between.map(|change| Kamailio::changes(answers.sip(), change));
        let next = between.as_ref().map_or(answers.sip(), Kamailio::address);
        let asks = calling.asks(&[&answering], &udp(next)).trunk(ASKS).start();
        Self {
            caller,
            called,
            asks,
            _others: (calling, answering, answers, between),
        }
    }

    /// The caller calls, with media keys.
    fn call(&self, number: u8) {
        let (at, here) = (self.asks.sip(), self.caller.address);
        let invite = format!(
            "INVITE sip:12025550101@{at} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKsecured-{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:12025550100@caller.example>;tag=caller\r\nTo: <sip:12025550101@called.example>\r\n\
             Call-ID: secured-media-{number}@caller.example\r\nCSeq: 1 INVITE\r\nContact: <sip:12025550100@{here}>\r\nContent-Length: 0\r\n\r\n"
        );
        self.caller
            .send(at, &with_body(&invite, &description(Some(OURS))));
    }

    /// The called answers with this description; the call that it got.
    fn answer(&self, with: Option<&str>) -> String {
        let (there, from) = self.called.hears("INVITE ");
        let accepted = accepts(&there, &self.called, "called");
        self.called
            .send(from, &with_body(&accepted, &description(with)));
        there
    }

    /// The final response that the caller gets.
    fn heard(&self) -> String {
        let (mut heard, _) = self.caller.hears("SIP/2.0 ");
        while heard.starts_with("SIP/2.0 1") {
            heard = self.caller.hears("SIP/2.0 ").0;
        }
        heard
    }
}

/// A call that is answered with this description: what the called got, and what the caller.
fn call(number: u8, answered_with: Option<&str>, between: Option<Change>) -> (String, String) {
    let scene = Scene::new(between);
    scene.call(number);
    let there = scene.answer(answered_with);
    let heard = scene.heard();
    if !heard.starts_with("SIP/2.0 200 ") {
        let (bye, _) = scene.called.hears("BYE ");
        assert!(value(&bye, "Reason").contains("403"), "{bye}");
    }
    (there, heard)
}

#[test]
fn digest11_case05_keys_are_signed_both_ways() {
    let (there, answer) = call(1, Some(THEIRS), None);
    assert_eq!(
        keys(&there),
        [(json!("shaken"), mky(OURS)), (json!("msec"), mky(OURS))]
    );
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert_eq!(keys(&answer), [(json!("rsp"), mky(THEIRS))]);
}

#[test]
fn digest11_case04_an_answer_without_keys_is_not_heard() {
    let (_, answer) = call(2, None, None);
    assert!(answer.starts_with("SIP/2.0 403 "), "{answer}");
    assert!(!answer.contains("m=audio"), "{answer}");
}

/// The control of the two below: a foreign proxy that relays is no harm.
#[test]
fn a_foreign_proxy_leaves_the_keys_proven() {
    let (there, answer) = call(3, Some(THEIRS), Some(Change::Nothing));
    assert!(there.contains(OURS), "{there}");
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert!(answer.contains(THEIRS), "{answer}");
}

/// Somebody between the providers wants the media: other keys than those that were signed are brought to nobody.
#[test]
fn digest11_case06_keys_that_were_replaced_on_the_way_back_bring_no_media() {
    let (_, answer) = call(4, Some(THEIRS), Some(Change::KeysAnswered));
    assert!(answer.starts_with("SIP/2.0 403 "), "{answer}");
    assert!(!answer.contains("a=fingerprint"), "{answer}");
}

#[test]
fn digest11_case03_keys_that_were_replaced_on_the_way_there_ring_nobody() {
    let scene = Scene::new(Some(Change::KeysAsked));
    scene.call(5);
    let heard = scene.heard();
    assert!(heard.starts_with("SIP/2.0 438 "), "{heard}");
    scene.called.is_left_alone();
}
