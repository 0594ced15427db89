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

/// The trunk of a switch that sends on what it is answered with.
const REDIRECTS: &str = "[[trunks]]\nname = \"asks\"\naddresses = [\"127.0.0.2\"]\nrole = \"none\"\nmode = \"redirect\"\nnumbering = \"north-american\"\n";

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
async fn digest12_case25_a_call_that_goes_where_its_passport_says_gets_no_div() {
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

/// What is false stays false: nobody here vouches for the way that it went (RFC 8946 §4.1).
#[tokio::test]
async fn a_call_whose_proof_failed_goes_to_the_other_number_without_a_div() {
    let scene = Scene::new("verify", FORWARDS).await;
    let old = scene.house.identity_time().saturating_add(-600);
    let key = &*scene.house.signer.key;
    let stale = identity_between((CALL.0, "12025550101"), key, X5U, old);
    let heard = scene
        .calls(Invite::new("forwarded-stale").header("Identity", &stale))
        .await;
    let line = line_of("forwarded-stale").await;
    assert_eq!(line["verdict"], "failed", "{line}");
    assert_eq!(line["diversion"], Value::Null, "{line}");
    assert_eq!(heard.values("Identity"), [&*stale]);
    assert!(heard.text.starts_with("INVITE sip:+12025550110@b.example "));
}

/// RFC 8946 §7: the PASSporT of a diversion goes back with the 302.
#[tokio::test]
async fn a_redirected_call_gets_the_new_contact_and_its_div() {
    let house = House::new();
    house.write("forwards.csv", TABLE);
    let caller = Party::at(2).await;
    let switch = house
        .start("", &format!("{REDIRECTS}{FORWARDS}{TENANT}"))
        .await;
    let identity = house.identity(X5U);
    let call = Invite::new("diverted-by-302").header("Identity", &identity);
    caller.says(call.text(&caller), switch.udp).await;
    let answer = caller.hears_final().await;
    assert_eq!(answer.status(), Some(302), "{}", answer.text);
    assert_eq!(answer.values("Contact"), ["<sip:+12025550110@b.example>"]);
    let claims = answer.claims();
    assert_eq!(claims["div"], json!({"tn": CALL.1}));
    assert_eq!(claims["dest"], json!({"tn": ["12025550110"]}));
    // Without any PASSporT there is nothing to refer to; that it goes elsewhere is told all the same.
    let call = Invite::new("forwarded-by-302");
    caller.says(call.text(&caller), switch.udp).await;
    let answer = caller.hears_final().await;
    assert_eq!(answer.values("Contact"), ["<sip:+12025550110@b.example>"]);
    assert!(answer.values("Identity").is_empty());
}

/// RFC 8946 §7 lets whoever answers with 302 send PASSporTs back with it, and leaves it to who gets it which of them go where. Such an
/// answer passes as it is; a call to one of its Contacts that comes by us has its own diversion, and only that.
#[tokio::test]
async fn several_contacts_of_a_302_pass_and_whichever_is_called_gets_its_own_div() {
    let scene = Scene::new("sign", SIGNS).await;
    let identity = scene.house.identity(X5U);
    let call = Invite::new("answered-by-302").header("Identity", &identity);
    let invite = call.text(&scene.caller);
    scene.caller.says(&invite, scene.switch.udp).await;
    let heard = scene.called.hears().await;
    assert_eq!(heard.values("Identity"), [&*identity], "nobody diverted it");
    let contacts = ["sip:12025550110@b.example", "sip:12025550120@b.example"];
    let theirs = [
        "e30.e30.AA;info=<https://c.example/1>;ppt=div",
        "e30.e30.AA;info=<https://c.example/2>;ppt=div",
    ];
    let answer = format!(
        "302 Moved Temporarily\r\nContact: <{}>;q=0.7, <{}>;q=0.3\r\nIdentity: {}\r\nIdentity: {}",
        contacts[0], contacts[1], theirs[0], theirs[1]
    );
    scene.called.answers(&heard, &answer).await;
    let answer = scene.caller.hears_final().await;
    assert_eq!(answer.status(), Some(302), "{}", answer.text);
    let contact = format!("<{}>;q=0.7, <{}>;q=0.3", contacts[0], contacts[1]);
    assert_eq!(answer.values("Contact"), [&*contact]);
    assert_eq!(answer.values("Identity"), theirs);
    let ack = invite.replacen("INVITE ", "ACK ", 1);
    let ack = ack.replacen("1 INVITE", "1 ACK", 1);
    scene.caller.says(&ack, scene.switch.udp).await;
    assert!(scene.called.hears().await.text.starts_with("ACK "));

    for (place, target) in ["12025550110", "12025550120"].into_iter().enumerate() {
        let call = Invite::new(format!("contact-of-302-{place}"));
        let call = call.header("Identity", &identity).uri(contacts[place]);
        is_diverted(&scene.calls(call).await, &identity, target);
    }
}

#[tokio::test]
async fn the_far_dialog_of_a_back_to_back_call_is_to_the_other_number() {
    let scene = Scene::new("none", &format!("{FORWARDS}mode = \"b2bua\"\n")).await;
    let identity = scene.house.identity(X5U);
    let call = Invite::new("forwarded-b2bua").header("Identity", &identity);
    let call = call.header("Contact", "<sip:caller@127.0.0.2>");
    scene
        .caller
        .says(call.text(&scene.caller), scene.switch.udp)
        .await;
    let heard = scene.called.hears().await;
    is_diverted(&heard, &identity, "12025550110");
    assert!(heard.text.starts_with("INVITE sip:+12025550110@b.example "));
    assert_eq!(heard.values("To"), ["<sip:12025550101@b.example>"]);
    scene.called.answers(&heard, "486 Busy Here").await;
    assert_eq!(scene.caller.hears_final().await.status(), Some(486));
}

#[tokio::test]
async fn the_table_is_read_again() {
    let scene = Scene::new("none", FORWARDS).await;
    let heard = scene.calls(Invite::new("forwarded-before")).await;
    assert!(heard.text.starts_with("INVITE sip:+12025550110@b.example "));
    scene
        .house
        .write("forwards.csv", "12025550101,12025550120\n");
    scene.switch.reload().await;
    let heard = scene.calls(Invite::new("forwarded-after")).await;
    assert!(heard.text.starts_with("INVITE sip:+12025550120@b.example "));
    // A table with a mistake changes nothing.
    scene.house.write("forwards.csv", "12025550101\n");
    scene.switch.reload().await;
    let heard = scene.calls(Invite::new("forwarded-still")).await;
    assert!(heard.text.starts_with("INVITE sip:+12025550120@b.example "));
}

/// Digest 02, case 18, with sockets: 438 after the compact form is followed by one INVITE with all of it.
#[tokio::test]
async fn digest02_case18_a_next_hop_that_cannot_rebuild_gets_all_of_it() {
    let settings =
        "tenant = \"provider\"\npassport = \"base-compact\"\nudp_source_is_trusted = true\n";
    let scene = Scene::new("sign", settings).await;
    let call = Invite::new("compact-then-full");
    scene
        .caller
        .says(call.text(&scene.caller), scene.switch.udp)
        .await;
    let first = scene.called.hears().await;
    let compact = first.values("Identity")[0].to_owned();
    assert!(compact.starts_with(".."), "{compact}");
    scene
        .called
        .answers(&first, "438 Invalid Identity Header")
        .await;
    let second = loop {
        let heard = scene.called.hears().await;
        if heard.text.starts_with("INVITE ") && heard.values("Via") != first.values("Via") {
            break heard;
        }
    };
    let full = second.values("Identity")[0].to_owned();
    let signature = compact.strip_prefix("..").unwrap();
    assert!(full.ends_with(signature), "the same signature: {full}");
    assert_eq!(second.claims()["orig"], json!({"tn": CALL.0}));
    assert_eq!(second.values("Date"), first.values("Date"));
    scene.called.answers(&second, "200 OK").await;
    assert_eq!(scene.caller.hears_final().await.status(), Some(200));
}

/// What deserves less than an A says so: `shaken` can, a PASSporT without extension cannot.
#[tokio::test]
async fn what_deserves_less_than_an_a_is_signed_with_its_attestation() {
    let settings = "tenant = \"provider\"\npassport = \"base\"\n";
    let scene = Scene::new("sign", settings).await;
    let heard = scene.calls(Invite::new("base-from-a-weak-source")).await;
    assert_eq!(heard.claims()["attest"], "C");
    let settings = format!("{settings}udp_source_is_trusted = true\n");
    let scene = Scene::new("sign", &settings).await;
    let heard = scene.calls(Invite::new("base-from-a-known-source")).await;
    assert_eq!(heard.claims()["attest"], Value::Null);
    assert!(!heard.text.contains("ppt="), "{}", heard.text);
}
