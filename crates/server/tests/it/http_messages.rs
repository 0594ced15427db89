//! A whole SIP request over HTTP.
//!
//! ```text
//!   curl, 127.0.0.2 ── POST /stir/v1/signing, message/sip: INVITE ──► Switch
//!                   ◄── 200, message/sip: the same INVITE with Date and Identity
//!   curl, 127.0.0.3 ── POST /stir/v1/verification, message/sip: that INVITE ──► Switch ──► Repository
//!                   ◄── 200, message/sip: the same INVITE with verstat
//! ```
//!
//! This test verifies that what is signed here passes here, that what a request may not say is taken out, and that nothing else
//! changes.

use crate::http_signing::{LISTENS, at, http_trunk, opened};
use crate::peers::{Answer, Curl};
use crate::repository::Repository;
use crate::switch::{House, Switch, TENANT, fetching_from, line_of};
use serde_json::json;

pub(crate) const INVITE: &str = "INVITE sip:12025550101@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    Max-Forwards: 70\r\nFrom: \"A\" <sip:12025550100@a.example>;tag=1\r\nTo: <sip:12025550101@b.example>\r\n\
    Call-ID: http-message\r\nCSeq: 1 INVITE\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

pub(crate) async fn post(switch: &Switch, last: u8, service: &str, body: &str) -> Answer {
    let url = format!("http://{}/stir/v1/{service}", at(switch));
    let curl = Curl::from(last, url)
        .header("Content-Type: message/sip")
        .body(body);
    curl.ask().await
}

/// The values of a header.
pub(crate) fn values<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    let prefix = format!("{name}: ");
    message
        .split("\r\n")
        .filter_map(|line| line.strip_prefix(&*prefix))
        .collect()
}

async fn switch(house: &House, repository: &Repository) -> Switch {
    let origin = repository.origin();
    let tenant = TENANT.replace(
        "https://cert.example.com/provider.pem",
        &format!("{origin}/p.pem"),
    );
    let tenant = tenant.replace("[fetch]\nweb_ca_file = \"web.pem\"\n", "");
    let trunks = http_trunk(
        2,
        "sign",
        "tenant = \"provider\"\ntrust_pai = true\nemergency_numbers = [\"911\"]",
    ) + &http_trunk(
        3,
        "verify",
        "trust_pai = true\nverstat_suffix = \"attestation\"",
    ) + &http_trunk(4, "verify", "");
    let rest = "[verification]\ndeadline_ms = 30000\n";
    house
        .start(
            "",
            &(trunks + &tenant + LISTENS + rest + &fetching_from(repository)),
        )
        .await
}

/// This test verifies that a request comes back signed and otherwise as it was, and then passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_signed_and_passes() {
    let house = House::new();
    let repository = Repository::saying(house.chain()).await;
    let switch = switch(&house, &repository).await;
    let signed = post(&switch, 2, "signing", INVITE).await;
    assert_eq!(signed.status, 200, "{signed:?}");
    assert_eq!(signed.header("Content-Type"), Some("message/sip"));
    let [identity] = values(&signed.body, "Identity")[..] else {
        panic!("{signed:?}")
    };
    let [date] = values(&signed.body, "Date")[..] else {
        panic!("{signed:?}")
    };
    assert_eq!(opened(identity).1["attest"], "A");
    let without = signed
        .body
        .replace(&format!("Date: {date}\r\nIdentity: {identity}\r\n"), "");
    assert_eq!(without, INVITE);
    let judged = post(&switch, 3, "verification", &signed.body).await;
    let [asserted] = values(&judged.body, "P-Asserted-Identity")[..] else {
        panic!("{judged:?}")
    };
    assert!(
        asserted.contains("verstat=TN-Validation-Passed-A"),
        "{asserted}"
    );
    let again = post(&switch, 2, "signing", &signed.body).await;
    assert_eq!(
        again.body, signed.body,
        "an Identity that is there stays alone"
    );
    switch.stop().await;
}

/// This test verifies case 16: a verdict that an untrusted side has written is taken out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case16_a_strangers_verdict_goes() {
    let house = House::new();
    let repository = Repository::saying(house.chain()).await;
    let switch = switch(&house, &repository).await;
    let claimed = INVITE.replace(
        "Call-ID",
        "P-Asserted-Identity: <sip:+12025550100;verstat=TN-Validation-Passed@a.example>\r\nCall-ID",
    );
    for (last, asserted) in [(3, 1), (4, 1)] {
        let judged = post(&switch, last, "verification", &claimed).await;
        assert_eq!(judged.status, 200, "{judged:?}");
        assert!(!judged.body.contains("Passed"), "{judged:?}");
        assert_eq!(
            judged.body.matches("verstat=No-TN-Validation").count(),
            1,
            "{judged:?}"
        );
        assert_eq!(values(&judged.body, "P-Asserted-Identity").len(), asserted);
    }
    switch.stop().await;
}

/// This test verifies case 20: of an anonymous caller the asserted identity is signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case20_an_anonymous_caller_with_an_asserted_identity() {
    let house = House::new();
    let repository = Repository::saying(house.chain()).await;
    let switch = switch(&house, &repository).await;
    let anonymous = INVITE
        .replace(
            "\"A\" <sip:12025550100@a.example>",
            "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
        )
        .replace(
            "Call-ID",
            "P-Asserted-Identity: <sip:+12025550111@a.example>\r\nPrivacy: id\r\nCall-ID",
        );
    let signed = post(&switch, 2, "signing", &anonymous).await;
    let [identity] = values(&signed.body, "Identity")[..] else {
        panic!("{signed:?}")
    };
    assert_eq!(opened(identity).1["orig"], json!({"tn": "12025550111"}));
    let nobody = anonymous.replace("P-Asserted-Identity", "X");
    let refused = post(&switch, 2, "signing", &nobody).await;
    assert_eq!(
        (refused.status, &*refused.message_id()),
        (400, "SVC4001"),
        "{refused:?}"
    );
    switch.stop().await;
}

/// This test verifies that what begins no call passes, that an emergency call is not held up, and what is no request at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_neither_signed_nor_judged() {
    let house = House::new();
    let repository = Repository::saying(house.chain()).await;
    let switch = switch(&house, &repository).await;
    let urgent = |request: &str| {
        request.replace("Content-Type", "Resource-Priority: esnet.1\r\nContent-Type")
    };
    let for_help = urgent(INVITE).replace("INVITE sip:12025550101@", "INVITE sip:911@");
    let passed = post(&switch, 2, "signing", &for_help).await;
    assert_eq!((passed.status, &passed.body), (200, &for_help));
    let inside = INVITE.replace("b.example>\r", "b.example>;tag=2\r");
    let emergency = INVITE.replace("INVITE sip:12025550101@", "INVITE sip:911@");
    for request in [&inside, &emergency] {
        let passed = post(&switch, 2, "signing", request).await;
        assert_eq!((passed.status, &passed.body), (200, request));
    }
    for (body, why) in [
        ("hello", "SVC4006"),
        ("SIP/2.0 200 OK\r\n\r\n", "SVC4006"),
        // Digest 11, case 22: nothing but an INVITE is signed, for whatever it asks.
        (&*urgent(INVITE).replace("INVITE", "OPTIONS"), "SVC4006"),
        (&*INVITE.replace("Call-ID: http-message\r\n", ""), "SVC4006"),
        (&*INVITE.replace("\r\n", "\n"), "SVC4006"),
    ] {
        let answer = post(&switch, 2, "signing", body).await;
        assert_eq!(
            (answer.status, &*answer.message_id()),
            (400, why),
            "{answer:?}"
        );
    }
    let url = format!("http://{}/stir/v1/signing", at(&switch));
    let json_wanted = Curl::from(2, url)
        .header("Content-Type: message/sip")
        .header("Accept: application/json");
    assert_eq!(json_wanted.body(INVITE).ask().await.status, 406);
    let id = "http-message-line";
    let url = format!("http://{}/stir/v1/signing", at(&switch));
    let curl = Curl::from(2, url)
        .header("Content-Type: message/sip")
        .header(&format!("X-RequestID: {id}"));
    curl.body(INVITE).ask().await;
    assert_eq!(line_of(id).await["signing"], "signed");
    switch.stop().await;
}
