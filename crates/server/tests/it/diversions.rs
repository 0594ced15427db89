//! Calls that go to another number than their PASSporTs name, through a running server.
//!
//! ```text
//!   Switch of a customer                     Countersign                                  called
//!     INVITE 110, To 101, Identity 100→101 ──► trunk "sign-2"  ──► Identity 100→101
//!                                                                  Identity div 101, 100→110
//!     INVITE 101, To 101, Identity 100→101 ──► the table: 101,110 ──► the same, to 110
//! ```
//!
//! These tests verify that a diversion is signed where the number that diverts is the tenant's, that what was there stays byte for
//! byte, that To is not touched, and that no call waits or is lost where nothing can be signed.

use crate::passports::identity_between;
use crate::switch::{CALL, Heard, House, Invite, Party, Switch, TENANT, line_of, trunk};
use countersign::jose::base64url;
use serde_json::{Value, json};

const X5U: &str = "https://cert.example.com/provider.pem";
const SIGNS: &str = "tenant = \"provider\"\nsign_diversions = true\n";
const FORWARDS: &str =
    "tenant = \"provider\"\nsign_diversions = true\nforwards_file = \"forwards.csv\"\n";
const TABLE: &str = "12025550101,12025550110\n";

/// One caller, one called side, and a server with one trunk between them.
struct Scene {
    house: House,
    caller: Party,
    called: Party,
    switch: Switch,
}

impl Scene {
    async fn new(role: &str, settings: &str) -> Self {
        let house = House::new();
        house.write("forwards.csv", TABLE);
        let (caller, called) = (Party::at(2).await, Party::at(3).await);
        let trunk = trunk(2, role, &called, settings);
        let switch = house.start("", &format!("{trunk}{TENANT}")).await;
        Self {
            house,
            caller,
            called,
            switch,
        }
    }

    async fn calls(&self, call: Invite) -> Heard {
        self.caller.calls(&call, &self.switch, &self.called).await
    }
}

/// The claims of an Identity header, read without any judgement.
fn claims(identity: &str) -> Value {
    let payload = identity.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}

#[track_caller]
fn is_diverted(heard: &Heard, original: &str, to: &str) {
    let identities = heard.values("Identity");
    assert_eq!(identities.len(), 2, "{}", heard.text);
    assert_eq!(identities[0], original);
    assert!(identities[1].ends_with(&format!(";info=<{X5U}>;alg=ES256;ppt=div")));
    let claims = claims(identities[1]);
    assert_eq!(claims["div"], json!({"tn": CALL.1}));
    assert_eq!(claims["dest"], json!({"tn": [to]}));
    assert_eq!(claims["orig"], json!({"tn": CALL.0}));
    assert_eq!(claims["iat"], self::claims(original)["iat"]);
}

#[tokio::test]
async fn a_switch_that_already_changed_the_request_uri_gets_its_diversion_signed() {
    let scene = Scene::new("sign", SIGNS).await;
    let identity = scene.house.identity(X5U);
    let call = Invite::new("diverted-by-switch").header("Identity", &identity);
    let heard = scene
        .calls(call.uri("sip:12025550110@b.example;user=phone"))
        .await;
    is_diverted(&heard, &identity, "12025550110");
    assert!(
        heard
            .text
            .starts_with("INVITE sip:12025550110@b.example;user=phone SIP/2.0\r\n")
    );
    assert_eq!(heard.values("To"), ["<sip:12025550101@b.example>"]);
    let line = line_of("diverted-by-switch").await;
    assert_eq!(line["diversion"], "signed", "{line}");
    assert_eq!(line["signing"], "kept", "{line}");
}

#[tokio::test]
async fn a_call_that_goes_where_its_passport_says_is_left_alone() {
    let scene = Scene::new("sign", SIGNS).await;
    let identity = scene.house.identity(X5U);
    let call = Invite::new("not-diverted").header("Identity", &identity);
    // Another way to write the number is no other number: RFC 8946 §3.
    let heard = scene.calls(call.uri("sip:+1-202-555-0101@b.example")).await;
    assert_eq!(heard.values("Identity"), [&*identity]);
    let line = line_of("not-diverted").await;
    assert_eq!(line["diversion"], Value::Null, "{line}");
}

#[tokio::test]
async fn a_trunk_that_does_not_ask_for_it_gets_no_diversion() {
    let scene = Scene::new("sign", "tenant = \"provider\"\n").await;
    let identity = scene.house.identity(X5U);
    let call = Invite::new("diversion-not-asked").header("Identity", &identity);
    let heard = scene.calls(call.uri("sip:12025550110@b.example")).await;
    assert_eq!(heard.values("Identity"), [&*identity]);
}

#[tokio::test]
async fn what_cannot_be_signed_goes_on_as_it_is_and_the_log_says_why() {
    let scene = Scene::new("sign", SIGNS).await;
    // A PASSporT for a number of somebody else, pasted into a call of ours.
    let (key, now) = (&*scene.house.signer.key, scene.house.identity_time());
    let pasted = identity_between((CALL.0, "12025550199"), key, X5U, now);
    let call = Invite::new("diverted-by-a-stranger").header("Identity", &pasted);
    let heard = scene.calls(call.uri("sip:12025550110@b.example")).await;
    assert_eq!(heard.values("Identity"), [&*pasted]);
    let line = line_of("diverted-by-a-stranger").await;
    assert_eq!(line["diversion"], "unlisted", "{line}");
    // One that nobody can read.
    let call =
        Invite::new("diverted-unreadable").header("Identity", "..c2ln;info=<https://c.example/c>");
    let heard = scene.calls(call.uri("sip:12025550110@b.example")).await;
    assert_eq!(heard.values("Identity").len(), 1);
}

#[tokio::test]
async fn the_table_sends_a_call_to_another_number() {
    for role in ["none", "sign", "verify"] {
        let scene = Scene::new(role, FORWARDS).await;
        let identity = scene.house.identity(X5U);
        let call_id = format!("forwarded-{role}");
        let call = Invite::new(&*call_id).header("Identity", &identity);
        let heard = scene
            .calls(call.uri("sip:+12025550101;npdi@b.example;user=phone"))
            .await;
        is_diverted(&heard, &identity, "12025550110");
        let start = "INVITE sip:+12025550110@b.example;user=phone SIP/2.0\r\n";
        assert!(heard.text.starts_with(start), "{}", heard.text);
        assert_eq!(heard.values("To"), ["<sip:12025550101@b.example>"]);
        let line = line_of(&call_id).await;
        assert_eq!(line["diversion"], "signed", "{line}");
    }
}

#[tokio::test]
async fn a_call_without_identity_is_signed_first_where_that_is_wanted() {
    let scene = Scene::new("sign", FORWARDS).await;
    let heard = scene.calls(Invite::new("forwarded-unsigned-sign")).await;
    let identities = heard.values("Identity");
    let [own, div] = identities[..] else {
        panic!("{}", heard.text)
    };
    assert_eq!(claims(own)["dest"], json!({"tn": [CALL.1]}));
    assert_eq!(claims(div)["div"], json!({"tn": CALL.1}));
    assert_eq!(claims(div)["dest"], json!({"tn": ["12025550110"]}));
    // Elsewhere there is nothing to refer to: RFC 8946 §4.1.
    let scene = Scene::new("none", FORWARDS).await;
    let heard = scene.calls(Invite::new("forwarded-unsigned-none")).await;
    assert!(heard.values("Identity").is_empty());
    assert!(heard.text.starts_with("INVITE sip:+12025550110@b.example "));
}
