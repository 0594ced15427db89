//! Signing over HTTP.
//!
//! ```text
//!   curl, 127.0.0.n ── POST /stir/v1/signing ──► Switch, the tenant of the trunk at 127.0.0.n
//!                   ◄── 200, identity; or the error of the dialect
//! ```
//!
//! This test verifies what is signed, what is refused and in which words, for trunks that speak SIP, too, and for those that do not.

use crate::peers::{Answer, Curl};
use crate::switch::{House, Switch, TENANT, line_of};
use countersign::time::UnixTime;
use countersign_server::http::Listener;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Where a trunk listens for HTTP, whatever the port.
pub(crate) const LISTENS: &str = "[http.trunk]\nlisten = [\"127.0.0.1:0\"]\n";

/// A trunk of 127.0.0.`last` that speaks no SIP.
pub(crate) fn http_trunk(last: u8, role: &str, settings: &str) -> String {
    format!(
        "[[trunks]]\nname = \"{role}-{last}\"\naddresses = [\"127.0.0.{last}\"]\nrole = \"{role}\"\nmode = \"http\"\n\
         {settings}\n"
    )
}

/// The request of ATIS-1000082, for a listed number.
pub(crate) fn request(iat: UnixTime) -> Value {
    json!({"signingRequest": {
        "attest": "A",
        "orig": {"tn": "12025550100"},
        "dest": {"tn": ["12025550101"]},
        "iat": iat.as_secs(),
        "origid": "de305d54-75b4-431b-adb2-eb6b9e546014",
    }})
}

/// The claims of an Identity header value, and what stands behind its token.
pub(crate) fn opened(identity: &str) -> (Value, Value, String) {
    let (token, parameters) = identity.split_once(';').unwrap();
    let part = |place| {
        let text = token.split('.').nth(place).unwrap();
        countersign::jose::base64url::decode(text).unwrap()
    };
    let object = |place| serde_json::from_slice(&part(place)).unwrap();
    (object(0), object(1), parameters.to_owned())
}

pub(crate) fn at(switch: &Switch) -> SocketAddr {
    switch.web(Listener::Trunk)
}

async fn ask(switch: &Switch, last: u8, body: &Value) -> Answer {
    let curl = Curl::json(last, at(switch), "/stir/v1/signing", &body.to_string());
    curl.ask().await
}

async fn signer(house: &House, settings: &str) -> Switch {
    let trunk = http_trunk(2, "sign", &format!("tenant = \"provider\"\n{settings}"));
    house.start("", &(trunk + TENANT + LISTENS)).await
}

/// This test verifies case 1: what is signed, in which order, and how the Identity ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case01_a_call_is_signed() {
    let house = House::new();
    let switch = signer(&house, "").await;
    let now = countersign_server::clock::Clock::now(&*house.clock).unix;
    let body = request(now).to_string();
    let curl = Curl::json(2, at(&switch), "/stir/v1/signing", &body);
    let answer = curl.header("X-RequestID: digest12-case01").ask().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("X-RequestID"), Some("digest12-case01"));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    let identity = answer.json()["signingResponse"]["identity"]
        .as_str()
        .unwrap()
        .to_owned();
    let (header, claims, parameters) = opened(&identity);
    let x5u = "https://cert.example.com/provider.pem";
    assert_eq!(
        header,
        json!({"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": x5u})
    );
    assert_eq!(
        claims,
        json!({"attest": "A", "dest": {"tn": ["12025550101"]}, "iat": now.as_secs(), "orig": {"tn": "12025550100"},
            "origid": "de305d54-75b4-431b-adb2-eb6b9e546014"})
    );
    assert_eq!(parameters, format!("info=<{x5u}>;alg=ES256;ppt=shaken"));
    let line = line_of("digest12-case01").await;
    assert_eq!(
        (&line["verdict"], &line["attest"]),
        (&json!("signed"), &json!("A"))
    );
    assert_eq!(
        (&line["basis"], &line["trunk"]),
        (&json!("assigned"), &json!("sign-2"))
    );
    assert_eq!(switch.metrics.signings.count(["signed", "A"]), 1);
    switch.stop().await;
}

/// This test verifies case 2 and the other parameters that must be there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case02_a_parameter_is_missing() {
    let house = House::new();
    let switch = signer(&house, "").await;
    let now = countersign_server::clock::Clock::now(&*house.clock).unix;
    for name in ["attest", "orig", "dest", "iat", "origid"] {
        let mut body = request(now);
        body["signingRequest"].as_object_mut().unwrap().remove(name);
        let answer = ask(&switch, 2, &body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let expected = json!({"requestError": {"serviceException": {
            "messageId": "SVC4001", "text": "Missing mandatory parameter '%1'", "variables": [name]}}});
        assert_eq!(answer.json(), expected);
        assert!(
            answer
                .header("X-RequestID")
                .is_some_and(|id| id.len() == 36),
            "{answer:?}"
        );
    }
    switch.stop().await;
}
