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
use countersign_server::clock::Clock;
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
    let now = Clock::now(&*house.clock).unix;
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
    let now = Clock::now(&*house.clock).unix;
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

/// This test verifies cases 3 and 17: parameters that cannot be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case03_17_what_is_wrong_with_a_parameter() {
    let house = House::new();
    let switch = signer(&house, "").await;
    let now = Clock::now(&*house.clock).unix;
    let bad = |path: &str, value: Value| {
        let mut body = request(now);
        *body
            .pointer_mut(&format!("/signingRequest/{path}"))
            .unwrap() = value;
        body.to_string()
    };
    let post = |body: &str| Curl::json(2, at(&switch), "/stir/v1/signing", body);
    for (curl, status, id) in [
        (post(&bad("attest", json!("D"))), 400, "SVC4005"),
        (post(&bad("origid", json!("1234"))), 400, "SVC4005"),
        (post(&bad("iat", json!("1443208345"))), 400, "SVC4005"),
        (post(&bad("iat", json!(-1))), 400, "SVC4005"),
        (post(&bad("iat", json!(now.as_secs() - 61))), 400, "SVC4005"),
        (
            post(&bad("orig/tn", json!("+1 2155 551 212"))),
            400,
            "SVC4005",
        ),
        (post(&bad("dest/tn", json!("12025550101"))), 400, "SVC4005"),
        (post(&bad("dest/tn", json!([]))), 400, "SVC4005"),
        (post(&bad("dest/tn", json!([7]))), 400, "SVC4005"),
        (post(&bad("dest", json!({}))), 400, "SVC4001"),
    ] {
        let answer = curl.ask().await;
        assert_eq!(
            (answer.status, &*answer.message_id()),
            (status, id),
            "{answer:?}"
        );
        assert!(answer.header("X-RequestID").is_some(), "{answer:?}");
    }
    let written = bad("orig/tn", json!("+1-202-555-0100"));
    let answer = post(&written).ask().await;
    let identity = answer.json()["signingResponse"]["identity"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(opened(&identity).1["orig"]["tn"], "12025550100");
    switch.stop().await;
}

/// This test verifies what is wrong with a request before its parameters are looked at: its body, and what HTTP says of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case04_05_17_what_is_wrong_with_an_exchange() {
    let house = House::new();
    let switch = signer(&house, "").await;
    let post = |body: &str| Curl::json(2, at(&switch), "/stir/v1/signing", body);
    let good = request(Clock::now(&*house.clock).unix).to_string();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(140_000));
    for (curl, status, id) in [
        (post("{\"signingRequest\":"), 400, "SVC4006"),
        (post("[]"), 400, "SVC4006"),
        (
            post(&good.replacen("\"attest\"", "\"attest\":\"A\",\"attest\"", 1)),
            400,
            "SVC4006",
        ),
        (post("{}"), 400, "SVC4001"),
        (post(""), 400, "SVC4000"),
        (post(&long), 413, "POL4130"),
        (post(&good).with(&["--request", "PUT"]), 405, "POL4050"),
        (post(&good).header("Accept: text/xml"), 406, "SVC4002"),
        (
            post(&good).header("Content-Type: text/plain"),
            415,
            "SVC4004",
        ),
        (
            post(&good).header("Transfer-Encoding: chunked"),
            411,
            "SVC4007",
        ),
        (
            Curl::json(2, at(&switch), "/stir/v1/sing", &good),
            404,
            "SVC4003",
        ),
    ] {
        let answer = curl.ask().await;
        assert_eq!(
            (answer.status, &*answer.message_id()),
            (status, id),
            "{answer:?}"
        );
        assert!(answer.header("X-RequestID").is_some(), "{answer:?}");
    }
    switch.stop().await;
}

/// This test verifies case 23: the called URIs are signed in order, and in their canonical form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case23_called_uris_are_sorted() {
    let house = House::new();
    let switch = signer(&house, "").await;
    let mut body = request(Clock::now(&*house.clock).unix);
    body["signingRequest"]["dest"] =
        json!({"uri": ["sip:zoe@example.com", "sip:Bob:pw@Example.com:5060"]});
    let answer = ask(&switch, 2, &body).await;
    let identity = answer.json()["signingResponse"]["identity"]
        .as_str()
        .unwrap()
        .to_owned();
    let dest = &opened(&identity).1["dest"];
    assert_eq!(
        *dest,
        json!({"uri": ["sip:bob@example.com", "sip:zoe@example.com"]})
    );
    switch.stop().await;
}

/// This test verifies that the attestation asked for is a ceiling, that the inventory decides, and that what is not signed says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_signed_than_deserved() {
    let house = House::new();
    let trunks = http_trunk(2, "sign", "tenant = \"provider\"")
        + &http_trunk(3, "sign", "tenant = \"provider\"\nunlisted = \"unsigned\"")
        + &http_trunk(4, "sign", "tenant = \"provider\"\nattestation = \"B\"");
    let switch = house.start("", &(trunks + TENANT + LISTENS)).await;
    for (last, orig, asked, signed) in [
        (2, "12025550100", "A", Ok("A")),
        (2, "12025550100", "C", Ok("C")),
        (2, "12025550177", "A", Ok("B")),
        (4, "12025550100", "A", Ok("B")),
        (3, "12025550100", "A", Ok("A")),
        (3, "12025550177", "A", Err("unlisted")),
        (3, "9999999999", "A", Ok("C")),
        (2, "911", "A", Err("caller-not-a-number")),
    ] {
        let mut body = request(Clock::now(&*house.clock).unix);
        body["signingRequest"]["orig"]["tn"] = json!(orig);
        body["signingRequest"]["attest"] = json!(asked);
        if orig == "9999999999" {
            body["signingRequest"]["dest"]["tn"] = json!(["7777777777"]);
        }
        let answer = ask(&switch, last, &body).await;
        match signed {
            Ok(attest) => {
                let identity = answer.json()["signingResponse"]["identity"].clone();
                assert_eq!(
                    opened(identity.as_str().unwrap()).1["attest"],
                    attest,
                    "{orig} {asked}"
                );
            }
            Err(why) => {
                assert_eq!(
                    (answer.status, &*answer.message_id()),
                    (403, "POL4031"),
                    "{answer:?}"
                );
                let exception = &answer.json()["requestError"]["policyException"];
                assert_eq!(exception["variables"], json!([why]));
            }
        }
    }
    assert_eq!(
        switch.metrics.signings.count(["signed", "C"]),
        1,
        "the heartbeat is not counted"
    );
    switch.stop().await;
}

/// This test verifies that whoever is no trunk, or a trunk for something else, is told nothing but that, whatever it asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_learn_nothing() {
    let house = House::new();
    let trunks = http_trunk(2, "sign", "tenant = \"provider\"") + &http_trunk(3, "verify", "");
    let switch = house.start("", &(trunks + TENANT + LISTENS)).await;
    let body = request(Clock::now(&*house.clock).unix).to_string();
    let post = |last, path: &str| Curl::json(last, at(&switch), path, &body);
    let hint = r#"{"requestError":{"policyException":{"messageId":"POL4030","text":"Not permitted","variables":[]}}}"#;
    for curl in [
        post(3, "/stir/v1/signing").with(&["--request", "GET"]),
        post(3, "/stir/v1/signing").body("{"),
        // A web page that somebody at the trunk's address looks at.
        post(2, "/stir/v1/signing").header("Origin: https://evil.example"),
        post(3, "/stir/v1/signing"),
        post(2, "/stir/v1/verification"),
    ] {
        let answer = curl.ask().await;
        assert_eq!((answer.status, &*answer.body), (403, hint), "{answer:?}");
    }
    let closed = post(9, "/stir/v1/signing").try_to_ask().await;
    assert!(closed.is_none(), "an address of no trunk takes no place");
    let threegpp = post(3, "/3gpp/v1/signing").ask().await;
    assert_eq!(
        (threegpp.status, &*threegpp.body),
        (403, r#"{"error":"Not Permitted"}"#)
    );
    switch.stop().await;
}

/// This test verifies the 3GPP dialect, at its own path and where its members are seen; and the same request as a form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dialect_of_3gpp_and_forms() {
    let house = House::new();
    let switch = signer(&house, "origid = \"9b7a2c3e-0d1f-4a55-8a6b-0123456789ab\"").await;
    let now = Clock::now(&*house.clock).unix.as_secs();
    let call = json!({"orig": {"tn": "12025550100"}, "dest": {"tn": ["12025550101"]}, "iat": now});
    let mut body = json!({"signingRequest": call});
    let own = Curl::json(2, at(&switch), "/3gpp/v1/signing", &body.to_string());
    body["signingRequest"]["requestId"] = json!("r1");
    let seen = Curl::json(2, at(&switch), "/stir/v1/signing", &body.to_string());
    for (curl, id) in [(own, None), (seen, Some("r1"))] {
        let answer = curl.ask().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let response = &answer.json()["signingResponse"];
        let (_, claims, _) = opened(response["identityHeader"].as_str().unwrap());
        assert_eq!(
            (&claims["attest"], response["requestId"].as_str()),
            (&json!("A"), id)
        );
        assert_eq!(claims["origid"], "9b7a2c3e-0d1f-4a55-8a6b-0123456789ab");
    }
    let form = format!(
        "signingRequest[attest]=B&signingRequest[orig][tn]=%2B12025550100&signingRequest[dest][tn]=12025550101&\
         signingRequest[iat]={now}&signingRequest[origid]=de305d54-75b4-431b-adb2-eb6b9e546014"
    );
    let curl = Curl::from(2, format!("http://{}/stir/v1/signing", at(&switch))).body(form);
    let answer = curl
        .header("Content-Type: application/x-www-form-urlencoded")
        .ask()
        .await;
    let identity = answer.json()["signingResponse"]["identity"]
        .as_str()
        .unwrap()
        .to_owned();
    let claims = opened(&identity).1;
    assert_eq!(claims["attest"], "B");
    assert_eq!(
        claims["origid"], "9b7a2c3e-0d1f-4a55-8a6b-0123456789ab",
        "what the operator wrote comes before what the client asks for"
    );
    switch.stop().await;
}

/// This test verifies case 26, signing: a priority and a diversion are signed for a trunk that may have them, and for no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case26_priority_and_diversion_are_signed_if_permitted() {
    let house = House::new();
    let may = "sign_priority = [\"esnet.0\"]\nsign_diversions = true\n";
    let trunks = http_trunk(2, "sign", &format!("tenant = \"provider\"\n{may}"))
        + &http_trunk(3, "sign", "tenant = \"provider\"\n");
    let switch = house.start("", &(trunks + TENANT + LISTENS)).await;
    let iat = Clock::now(&*house.clock).unix.as_secs();
    let priority = json!({"signingRequest": {
        "ppt": "rph", "orig": {"tn": "12025550100"}, "dest": {"tn": ["12025550101"]}, "iat": iat,
        "rph": {"auth": ["esnet.0"]}, "sph": "psap-callback",
    }});
    let diversion = json!({"signingRequest": {
        "ppt": "div", "orig": {"tn": "12025550199"}, "dest": {"tn": ["12025550101"]}, "iat": iat,
        "div": {"tn": "12025550100", "hi": "1.1"},
    }});
    let claims = |answer: &Answer| {
        let identity = answer.json()["signingResponse"]["identityHeader"].clone();
        let (_, claims, parameters) = opened(identity.as_str().unwrap());
        (claims, parameters)
    };
    let signed = ask(&switch, 2, &priority).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    let (said, parameters) = claims(&signed);
    assert!(parameters.ends_with(";ppt=rph"), "{parameters}");
    assert_eq!(said["rph"], json!({"auth": ["esnet.0"]}));
    assert_eq!(said["sph"], "psap-callback");
    let signed = ask(&switch, 2, &diversion).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    let (said, parameters) = claims(&signed);
    assert!(parameters.ends_with(";ppt=div"), "{parameters}");
    assert_eq!(said["div"], json!({"hi": "1.1", "tn": "12025550100"}));
    for body in [&priority, &diversion] {
        assert_eq!(ask(&switch, 3, body).await.status, 403);
    }
    let mut higher = priority.clone();
    higher["signingRequest"]["rph"]["auth"] = json!(["esnet.4"]);
    assert_eq!(ask(&switch, 2, &higher).await.status, 403);
    for (member, value) in [
        ("rph", json!({"auth": []})),
        ("rph", json!({"auth": ["esnet"]})),
        ("sph", json!("emergency")),
        ("ppt", json!("msec")),
    ] {
        let mut bad = priority.clone();
        bad["signingRequest"][member] = value;
        assert_eq!(ask(&switch, 2, &bad).await.status, 400, "{bad}");
    }
    switch.stop().await;
}
