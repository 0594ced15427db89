//! What calls are signed with over HTTP beside SHAKEN: nothing but the number, and what is said of the caller.
//!
//! ```text
//!   curl, 127.0.0.2 ── signing ──► Switch: trunk with passport = "base", brand with passport = "rcd"
//!                   ◄── identity: no ppt; with "ppt": "shaken" or "rcd" that; of a whole INVITE both
//! ```
//!
//! This test verifies that both dialects and whole requests get what the trunk and the brand say, that a `ppt` is what it names, and
//! that what cannot be is refused by name.

use crate::http_messages::{INVITE, post, values};
use crate::http_signing::{LISTENS, at, http_trunk, opened, request};
use crate::peers::{Answer, Curl};
use crate::switch::{House, Invite, Party, Switch, TENANT, line_of, trunk};
use countersign_server::clock::Clock;
use serde_json::{Value, json};

/// A brand that refers to nothing, so it is made at once.
const BRAND: &str = "[[brands]]\nname = \"q\"\ntenant = \"provider\"\nnumbers = [\"12025550100-12025550109\"]\n\
    caller_name = \"Q Branch\"\nreasons = [\"Your gadgets\"]\npassport = \"rcd\"\n";

/// Trunks: 127.0.0.2 is signed without extension, 127.0.0.3 the same in compact form, 127.0.0.4 as usual, and .5 has no brand.
async fn switch(house: &House) -> Switch {
    let of = |last, form: &str| {
        http_trunk(
            last,
            "sign",
            &format!("tenant = \"provider\"\npassport = \"{form}\""),
        )
    };
    let trunks = of(2, "base") + &of(3, "base-compact") + &of(4, "shaken");
    house.start("", &(trunks + TENANT + BRAND + LISTENS)).await
}

/// Asks at the path of a dialect.
async fn ask(switch: &Switch, last: u8, dialect: &str, body: &Value) -> Answer {
    let path = format!("/{dialect}/v1/signing");
    let curl = Curl::json(last, at(switch), &path, &body.to_string());
    curl.ask().await
}

/// The header and the claims of what was signed.
fn signed(answer: &Answer) -> (Value, Value, String) {
    let response = &answer.json()["signingResponse"];
    let identity = response["identity"].as_str();
    let identity = identity.or(response["identityHeader"].as_str());
    opened(identity.unwrap_or_else(|| panic!("{answer:?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_without_extension_over_http() {
    let house = House::new();
    let switch = switch(&house).await;
    let iat = Clock::now(&*house.clock).unix;
    for (last, dialect) in [(2, "stir"), (2, "3gpp"), (3, "stir"), (3, "3gpp")] {
        let (header, claims, parameters) =
            signed(&ask(&switch, last, dialect, &request(iat)).await);
        assert_eq!(header["ppt"], Value::Null, "{header}");
        // Compact is nothing for whoever cannot ask again after a 438.
        let expected = json!({"dest": {"tn": ["12025550101"]}, "iat": iat.as_secs(), "orig": {"tn": "12025550100"}});
        assert_eq!(claims, expected);
        assert!(parameters.ends_with(";alg=ES256"), "{parameters}");
    }
    // What deserves less, or is asked for by its name, is SHAKEN; so is a heartbeat.
    for (member, value, attest) in [
        ("attest", json!("B"), "B"),
        ("ppt", json!("shaken"), "A"),
        ("orig", json!({"tn": "12025550177"}), "B"),
        ("orig", json!({"tn": "9999999999"}), "C"),
    ] {
        let mut body = request(iat);
        body["signingRequest"][member] = value;
        if attest == "C" {
            body["signingRequest"]["dest"] = json!({"tn": ["7777777777"]});
        }
        let (header, claims, _) = signed(&ask(&switch, 2, "stir", &body).await);
        assert_eq!(
            (&header["ppt"], &claims["attest"]),
            (&json!("shaken"), &json!(attest)),
            "{body}"
        );
    }
    let none = switch.metrics.signings.count(["signed", ""]);
    assert_eq!(none, 4, "they are counted, without an attestation");
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_the_caller_is_asked_for_by_its_name() {
    let house = House::new();
    let switch = switch(&house).await;
    let iat = Clock::now(&*house.clock).unix;
    let rich = |orig: &str, attest: &str| {
        let mut body = request(iat);
        body["signingRequest"]["ppt"] = json!("rcd");
        body["signingRequest"]["orig"]["tn"] = json!(orig);
        body["signingRequest"]["attest"] = json!(attest);
        body
    };
    for (last, dialect) in [(2, "stir"), (2, "3gpp"), (4, "stir"), (4, "3gpp")] {
        let answer = ask(&switch, last, dialect, &rich("12025550100", "A")).await;
        let (header, claims, parameters) = signed(&answer);
        assert_eq!(header["ppt"], "rcd");
        assert_eq!(claims["rcd"], json!({"nam": "Q Branch"}));
        assert_eq!(claims["crn"], "Your gadgets");
        assert!(parameters.ends_with(";ppt=rcd"), "{parameters}");
    }
    // Nobody's brand; and one that its caller does not deserve.
    for body in [rich("12025550111", "A"), rich("12025550100", "B")] {
        let answer = ask(&switch, 4, "3gpp", &body).await;
        let error = json!({"error": "Call Not Signed: no-rich-data"});
        assert_eq!((answer.status, answer.json()), (403, error));
    }
    switch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_a_dialect_cannot_tell_is_refused_by_name() {
    let house = House::new();
    let switch = switch(&house).await;
    let iat = Clock::now(&*house.clock).unix;
    for (dialect, ppt, why) in [
        (
            "stir",
            "div",
            "signed in the 3GPP dialect, which has the members that it takes",
        ),
        ("stir", "base", "not shaken or rcd"),
        ("3gpp", "div-o", "not shaken, div, rph or rcd"),
    ] {
        let mut body = request(iat);
        body["signingRequest"]["ppt"] = json!(ppt);
        let answer = ask(&switch, 2, dialect, &body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(
            answer.body.contains("ppt") && answer.body.contains(why),
            "{answer:?}"
        );
    }
    switch.stop().await;
}

/// A whole request can have two headers, so it gets both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_request_comes_back_with_all_of_it() {
    let house = House::new();
    let switch = switch(&house).await;
    for (last, ppt) in [(2, Value::Null), (4, json!("shaken"))] {
        let answer = post(&switch, last, "signing", INVITE).await;
        let [number, rich] = values(&answer.body, "Identity")[..] else {
            panic!("{answer:?}")
        };
        assert_eq!(opened(number).0["ppt"], ppt);
        assert_eq!(opened(rich).1["rcd"], json!({"nam": "Q Branch"}));
    }
    switch.stop().await;
}

/// The same over SIP, where a compact form that has something beside it is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_sip_the_brand_stands_beside_it_too() {
    let house = House::new();
    let called = Party::at(1).await;
    let caller = Party::at(2).await;
    let settings = "tenant = \"provider\"\npassport = \"base-compact\"\nudp_source_is_trusted = true\n\
        sign_priority = [\"ets.0\"]\n";
    let trunk = trunk(2, "sign", &called, settings);
    let switch = house.start("", &(trunk + TENANT + BRAND)).await;
    let others = "<sip:12025550120@a.example>";
    for (id, from, priority, expected) in [
        (
            "base-and-brand",
            "<sip:12025550100@a.example>",
            "routine",
            &[None, Some("rcd")][..],
        ),
        ("base-and-priority", others, "ets.0", &[None, Some("rph")]),
        ("base-alone", others, "routine", &[]),
    ] {
        let call = Invite::new(id)
            .from(from)
            .header("Resource-Priority", priority);
        let heard = caller.calls(&call, &switch, &called).await;
        let identities = heard.values("Identity");
        if expected.is_empty() {
            assert!(
                identities.len() == 1 && identities[0].starts_with(".."),
                "{identities:?}"
            );
            continue;
        }
        let ppt: Vec<_> = identities
            .iter()
            .map(|one| opened(one).0["ppt"].clone())
            .collect();
        let expected: Vec<_> = expected.iter().map(|ppt| json!(ppt)).collect();
        assert_eq!(ppt, expected, "{id}");
    }
    assert_eq!(line_of("base-alone").await["signing"], "signed");
    switch.stop().await;
}
