//! Verification over HTTP.
//!
//! ```text
//!   curl, 127.0.0.2 ── POST /stir/v1/verification ──► Switch ── https ──► Repository (the signer's chain)
//!                   ◄── 200, verstat and why; or the error of the dialect
//! ```
//!
//! This test verifies the verdicts of ATIS-1000082 case by case, that all of them are answered with 200, and that a call which
//! waits for a certificate gets its verdict all the same.

use crate::http_signing::{LISTENS, at, http_trunk};
use crate::passports::flipped;
use crate::peers::{Answer, Curl};
use crate::repository::Repository;
use crate::switch::{House, Invite, Party, Switch, fetching_from, line_of, trunk};
use countersign_server::clock::Clock;
use countersign_testkit::lab::NOW;
use countersign_testkit::scene::{ALICE, BOB, Forgery, X5U};
use serde_json::{Value, json};

/// Long enough for a first fetch on a busy machine.
const UNHURRIED: &str = "[verification]\ndeadline_ms = 30000\n";

pub(crate) struct Play {
    pub(crate) house: House,
    pub(crate) repository: Repository,
    pub(crate) switch: Switch,
}

impl Play {
    async fn new() -> Self {
        Self::with("", UNHURRIED).await
    }

    /// A verifying trunk of 127.0.0.2 with these settings, and others for all.
    pub(crate) async fn with(settings: &str, rest: &str) -> Self {
        let house = House::new();
        let repository = Repository::saying(house.chain()).await;
        let trunk = http_trunk(2, "verify", settings);
        let listens = if rest.contains("[http.trunk]") {
            ""
        } else {
            LISTENS
        };
        let settings = trunk + rest + listens + &fetching_from(&repository);
        let switch = house.start("", &settings).await;
        Self {
            house,
            repository,
            switch,
        }
    }

    fn x5u(&self) -> String {
        format!("{}/p.pem", self.repository.origin())
    }

    /// An Identity for a call from Alice to Bob, with these changes, signed by the provider.
    fn identity(&self, change: impl FnOnce(Forgery) -> Forgery) -> String {
        let x5u = self.x5u();
        let presented = change(Forgery::new().header(X5U, &x5u)).sign(&*self.house.signer.key);
        format!("{};info=<{x5u}>;alg=ES256;ppt=shaken", presented.token)
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_from(2, path, body).await
    }

    async fn post_from(&self, last: u8, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        Curl::json(last, at(&self.switch), path, &body).ask().await
    }

    /// The verdict about a call from Alice to Bob with this Identity.
    pub(crate) async fn verdict(&self, identity: &str) -> Value {
        self.response(&self.request(identity)).await
    }

    async fn response(&self, request: &Value) -> Value {
        let answer = self.post("/stir/v1/verification", request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["verificationResponse"].clone()
    }

    fn request(&self, identity: &str) -> Value {
        json!({"verificationRequest": {
            "from": {"tn": ALICE},
            "to": {"tn": [BOB]},
            "time": self.house.clock.now().unix.as_secs(),
            "identity": identity,
        }})
    }

    async fn stop(self) {
        self.switch.stop().await;
    }
}

/// The verdict in short: verstat and code.
#[track_caller]
fn expect(verdict: &Value, verstat: &str, code: Option<u16>) {
    assert_eq!(verdict["verstat"], verstat, "{verdict:#}");
    assert_eq!(
        verdict["reasoncode"].as_u64(),
        code.map(u64::from),
        "{verdict:#}"
    );
    for text in ["reasontext", "reasondesc"] {
        assert_eq!(verdict[text].is_string(), code.is_some(), "{verdict:#}");
    }
}

const PASSED: &str = "TN-Validation-Passed";
const FAILED: &str = "TN-Validation-Failed";
const NONE: &str = "No-TN-Validation";

/// This test verifies case 6: the same token passes half a minute later, and is stale after a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case06_a_token_grows_old() {
    let play = Play::new().await;
    let identity = play.identity(|same| same);
    expect(&play.verdict(&identity).await, PASSED, None);
    play.house.clock.advance(30);
    expect(&play.verdict(&identity).await, PASSED, None);
    assert_eq!(
        play.repository.requests(),
        1,
        "the second time the chain is known"
    );
    play.house.clock.advance(31);
    let stale = play.verdict(&identity).await;
    expect(&stale, NONE, Some(403));
    assert_eq!(stale["reasontext"], "Stale Date");
    play.stop().await;
}

/// This test verifies case 7: another called number, and a spoilt signature.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case07_a_mismatch_is_no_failure_and_a_bad_signature_is_one() {
    let play = Play::new().await;
    let identity = play.identity(|same| same);
    let mut other = play.request(&identity);
    other["verificationRequest"]["to"]["tn"] = json!(["12155550177"]);
    expect(&play.response(&other).await, NONE, Some(438));
    expect(&play.verdict(&flipped(&identity)).await, FAILED, Some(438));
    let id = "digest12-case07";
    let body = play.request(&identity).to_string();
    let curl = Curl::json(2, at(&play.switch), "/stir/v1/verification", &body);
    curl.header(&format!("X-RequestID: {id}")).ask().await;
    let line = line_of(id).await;
    assert_eq!(
        (&line["verdict"], &line["spc"]),
        (&json!("passed"), &json!("709J"))
    );
    assert_eq!(
        (&line["verstat"], &line["replay"]),
        (&json!(PASSED), &Value::Null)
    );
    let counted = play
        .switch
        .metrics
        .calls
        .count(["verify", "passed", "", PASSED]);
    assert_eq!(counted, 1);
    play.stop().await;
}

/// This test verifies case 13: what is no place to fetch from is not fetched from, and a redirection is not followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case13_where_certificates_are_not_fetched() {
    let play = Play::new().await;
    for x5u in [
        "https://user@cert.example.com/c.pem",
        "https://cert.example.com/c.pem?a=b",
        "https://cert.example.com/c.pem#f",
        "https://cert.example.com/c.pem;p",
        "https://cert.example.com:8080/c.pem",
        "http://cert.example.com/c.pem",
    ] {
        let now = play.house.clock.now().unix;
        let key = &*play.house.signer.key;
        let identity = crate::passports::identity(key, x5u, now);
        let mut request = play.request(&identity);
        request["verificationRequest"]["from"]["tn"] = json!("12025550100");
        request["verificationRequest"]["to"]["tn"] = json!("12025550101");
        expect(&play.response(&request).await, NONE, Some(436));
    }
    assert_eq!(play.repository.requests(), 0);
    let elsewhere = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}/q.pem\r\nContent-Length: 0\r\n\r\n",
        play.repository.origin()
    );
    play.repository
        .change(move |_| crate::repository::Reaction::Bytes(elsewhere.clone().into()));
    expect(
        &play.verdict(&play.identity(|same| same)).await,
        NONE,
        Some(436),
    );
    assert_eq!(play.repository.requests(), 1);
    play.stop().await;
}

/// This test verifies case 21: an algorithm and a type that are not ours, and a token without x5u.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case21_headers_that_are_none() {
    let play = Play::new().await;
    let x5u = format!(",\"x5u\":\"{}\"", play.x5u());
    for (from, to, code) in [
        ("ES256", "ES384", 437),
        ("\"passport\"", "\"JWT\"", 437),
        (&*x5u, "", 436),
    ] {
        let identity = play.identity(|token| token.header(from, to));
        expect(&play.verdict(&identity).await, NONE, Some(code));
    }
    play.stop().await;
}

/// This test verifies case 22: a URI is compared without password, port and parameters, and without regard to case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case22_uris_are_compared_by_their_canonical_form() {
    let play = Play::new().await;
    let orig = format!("{{\"tn\":\"{ALICE}\"}}");
    let uri = "{\"uri\":\"sip:alice@example.com\"}";
    let identity = play.identity(|token| token.payload(&orig, uri));
    let mut request = play.request(&identity);
    for (from, code) in [
        // A provider's certificate does not speak for a domain: that is what is found, and no mismatch.
        ("sip:Alice:pw@Example.COM:5060;x=y", 437),
        ("sip:bob@example.com", 438),
    ] {
        request["verificationRequest"]["from"] = json!({"uri": from});
        let verdict = play.response(&request).await;
        assert_eq!(verdict["reasoncode"], code, "{from}: {verdict:#}");
    }
    play.stop().await;
}

/// This test verifies case 24: a claim that is there twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case24_a_claim_twice() {
    let play = Play::new().await;
    let identity = play
        .identity(|token| token.payload("{\"attest\":\"A\"", "{\"attest\":\"A\",\"attest\":\"B\""));
    expect(&play.verdict(&identity).await, NONE, Some(438));
    play.stop().await;
}

/// This test verifies case 27: without `identity` a request is answered, unless the operator wants the letter of the document.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case27_no_identity() {
    let required = format!("{LISTENS}identity_required = true\n");
    for (settings, strict) in [("", false), (&*required, true)] {
        let play = Play::with("", settings).await;
        let mut request = play.request("");
        request["verificationRequest"]
            .as_object_mut()
            .unwrap()
            .remove("identity");
        let answer = play.post("/stir/v1/verification", &request).await;
        if strict {
            assert_eq!((answer.status, &*answer.message_id()), (400, "SVC4001"));
        } else {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(
                answer.body,
                r#"{"verificationResponse":{"verstat":"No-TN-Validation"}}"#
            );
        }
        play.stop().await;
    }
}

/// This test verifies that heartbeats are answered and left out of what is counted and logged of calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_are_no_calls() {
    let play = Play::new().await;
    let request = json!({"verificationRequest": {
        "from": {"tn": "9999999999"}, "to": {"tn": ["7777777777"]}, "time": 1_443_208_345}});
    expect(&play.response(&request).await, NONE, None);
    let metrics = &play.switch.metrics;
    assert_eq!(
        metrics.stir_requests.count(["verification", "heartbeat"]),
        1
    );
    assert_eq!(metrics.calls.count(["verify", "unsigned", "", NONE]), 0);
    let mut call = request;
    call["verificationRequest"]["from"]["tn"] = json!(ALICE);
    expect(&play.response(&call).await, NONE, None);
    assert_eq!(metrics.calls.count(["verify", "unsigned", "", NONE]), 1);
    play.stop().await;
}

/// This test verifies that the 3GPP dialect tells of rich call data what was proven and may be shown, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dialect_of_3gpp_tells_proven_content_only() {
    let play = Play::new().await;
    let rich = r#""crn":"To sell you nothing","rcd":{"apn":"12025550110","nam":"Q Branch"}"#;
    let altered = r#""rcdi":{"/nam":"sha256-uDtvpG1xNw+MK0XEOh+2UNQ94MQJ5d2ftgmHxsjKeMw"}"#;
    let told = async |attest: &str, claims: &str| {
        let identity = play.identity(|forgery| {
            forgery
                .payload(r#""attest":"A""#, &format!(r#""attest":"{attest}""#))
                .payload(r#""origid":"#, &format!(r#"{claims},"origid":"#))
        });
        let request = json!({"verificationRequest": {
            "identityHeader": identity, "from": {"tn": ALICE}, "to": {"tn": BOB},
            "time": NOW.as_secs(), "displayName": "Somebody"}});
        let answer = play.post("/3gpp/v1/verification", &request).await;
        let response = answer.json()["verificationResponse"].clone();
        assert_eq!(response["verstatValue"], PASSED, "{answer:?}");
        let claims = response["verifyResults"][0]["verifyResult"]["validClaims"].clone();
        assert_eq!(
            (&claims["orig"]["tn"], &claims["attest"]),
            (&json!(ALICE), &json!(attest))
        );
        let content = ["crn", "rcd", "rcdi"].map(|name| claims[name].clone());
        (response["displayName"].clone(), content)
    };
    let (name, reason) = (json!("Q Branch"), json!("To sell you nothing"));
    let whole = json!({"apn": "12025550110", "nam": "Q Branch"});
    let proven = [reason.clone(), whole, Value::Null];
    assert_eq!(told("A", rich).await, (name, proven));
    let part = [reason, json!({"apn": "12025550110"}), Value::Null];
    let with_digest = format!("{rich},{altered}");
    assert_eq!(told("A", &with_digest).await, (Value::Null, part));
    // Nobody assures that the number is the caller's own.
    let nothing = [Value::Null, Value::Null, Value::Null];
    assert_eq!(told("B", rich).await, (Value::Null, nothing));
    play.stop().await;
}

/// This test verifies the 3GPP dialect, at its own path and where its members are seen: verdict, results, what is repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dialect_of_3gpp() {
    let play = Play::new().await;
    let (good, bad) = (
        play.identity(|same| same),
        flipped(&play.identity(|same| same)),
    );
    let request = |identity: &str, more: &[&str]| {
        json!({"verificationRequest": {
            "identityHeader": identity, "identityHeaders": more, "from": {"tn": ALICE}, "to": {"tn": BOB},
            "time": NOW.as_secs(), "requestId": "r \"1\"", "displayName": "Alice"}})
    };
    for path in ["/3gpp/v1/verification", "/stir/v1/verification"] {
        let answer = play.post(path, &request(&good, &[&bad])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let response = &answer.json()["verificationResponse"];
        assert_eq!(response["verstatValue"], PASSED);
        assert_eq!(
            (&response["requestId"], &response["displayName"]),
            (&json!("r \"1\""), &Value::Null),
            "a name that nobody signed is not told as verified"
        );
        let results = response["verifyResults"].as_array().unwrap();
        let [passed, failed] = &results[..] else {
            panic!("{results:#?}")
        };
        let passed = &passed["verifyResult"];
        assert_eq!(
            (&passed["ppt"], &passed["status"]),
            (&json!("shaken"), &json!("pass"))
        );
        assert_eq!(passed["validClaims"]["orig"]["tn"], ALICE);
        let failed = &failed["verifyResult"];
        assert_eq!(
            (&failed["status"], &failed["reasonCode"]),
            (&json!("fail"), &json!(438))
        );
        assert_eq!(failed["reasonText"], "Invalid Identity Header");
        assert_eq!(failed["passport"], bad.split(';').next().unwrap());
    }
    let mut missing = request(&good, &[]);
    missing["verificationRequest"]
        .as_object_mut()
        .unwrap()
        .remove("time");
    let answer = play.post("/3gpp/v1/verification", &missing).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json(),
        json!({"error": "Missing Mandatory Parameter: time"})
    );
    play.stop().await;
}

/// This test verifies that a certificate which does not come in time leaves the call not validated, and is there for the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_waits_no_longer_than_its_deadline() {
    let play = Play::with("", "[verification]\ndeadline_ms = 50\n").await;
    play.repository
        .change(|_| crate::repository::Reaction::Hang(Vec::new()));
    let verdict = play.verdict(&play.identity(|same| same)).await;
    expect(&verdict, NONE, Some(436));
    play.stop().await;
}

/// This test verifies that what Alice's provider signs about somebody else's number passes for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_is_whom_the_request_names() {
    let play = Play::new().await;
    let mut request = play.request(&play.identity(|same| same));
    request["verificationRequest"]["from"]["tn"] = json!("+1-202-555-0177");
    expect(&play.response(&request).await, NONE, Some(438));
    play.stop().await;
}

/// This test verifies that the trunk chooses the trust domain, as for its SIP calls: where none judges, nothing is fetched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trunk_chooses_the_trust_domain() {
    let domain = "[trust]\n[[trust.domains]]\nname = \"one\"\ntrunks = [\"verify-3\"]\nanchor_files = [\"anchor.pem\"]\n";
    let rest = http_trunk(3, "verify", "") + domain + UNHURRIED;
    let play = Play::with("", &rest).await;
    let request = play.request(&play.identity(|same| same));
    let undecided = play.response(&request).await;
    expect(&undecided, NONE, Some(437));
    assert_eq!(play.repository.requests(), 0);
    let path = "/stir/v1/verification";
    let judged = play.post_from(3, path, &request).await;
    expect(&judged.json()["verificationResponse"], PASSED, None);
    play.stop().await;
}

/// This test verifies that what a SIP call has fetched and proven serves a request over HTTP, and the other way round: one cache.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sip_and_http_share_what_they_know() {
    let called = Party::at(1).await;
    let sip = trunk(4, "verify", &called, "");
    let play = Play::with("", &(sip + UNHURRIED)).await;
    let identity = play.identity(|same| same);
    expect(&play.verdict(&identity).await, PASSED, None);
    let caller = Party::at(4).await;
    let call = Invite::new("http-shares-with-sip").header("Identity", &identity);
    let heard = caller.calls(&call, &play.switch, &called).await;
    assert_eq!(heard.verstat(), Some(PASSED));
    assert_eq!(play.repository.requests(), 1);
    let over_http = play
        .post_from(4, "/stir/v1/verification", &play.request(&identity))
        .await;
    assert_eq!(
        over_http.status, 200,
        "a trunk that speaks SIP may ask, too"
    );
    play.stop().await;
}

/// This test verifies cases 25 and 26, verification: of a forwarded call with its chain each diversion has its verdict, and a priority by
/// somebody who has no say about it does not pass, nor spoils the call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case26_diversions_and_priorities_have_verdicts_of_their_own() {
    const CAROL: &str = "12025550177";
    let play = Play::new().await;
    let of_type = |ppt: &str, from: &str, to: &str| {
        let header = format!("\"ppt\":\"{ppt}\"");
        let identity = play.identity(|forgery| {
            forgery
                .header("\"ppt\":\"shaken\"", &header)
                .payload(from, to)
        });
        identity.replace(";ppt=shaken", &format!(";ppt={ppt}"))
    };
    let shaken = play.identity(|same| same);
    let called = format!("\"dest\":{{\"tn\":[\"{BOB}\"]}}");
    let diverted =
        format!("\"dest\":{{\"tn\":[\"{CAROL}\"]}},\"div\":{{\"hi\":\"1.1\",\"tn\":\"{BOB}\"}}");
    let div = of_type("div", &called, &diverted);
    let rph = of_type(
        "rph",
        "\"origid\"",
        "\"rph\":{\"auth\":[\"ets.0\"]},\"origid\"",
    );
    let request = |to: &str, target: &str, more: &[&str]| {
        json!({"verificationRequest": {
            "identityHeader": shaken, "identityHeaders": more, "from": {"tn": ALICE}, "to": {"tn": to},
            "dest": {"tn": target}, "time": NOW.as_secs(),
            "protectedHeaders": ["Resource-Priority: ets.0, wps.1", "Diversion: <sip:a@example.com>"]}})
    };
    let path = "/3gpp/v1/verification";
    let answer = play.post(path, &request(BOB, CAROL, &[&div])).await;
    let response = &answer.json()["verificationResponse"];
    assert_eq!(response["verstatValue"], PASSED, "{response:#}");
    let result = json!([{"div": {"hi": "1.1", "tn": BOB}, "verstatValue": PASSED}]);
    assert_eq!(response["divResult"], result, "{response:#}");
    assert!(response["verstatPriority"].is_null());

    let answer = play.post(path, &request(BOB, BOB, &[&rph])).await;
    let response = &answer.json()["verificationResponse"];
    assert_eq!(response["verstatValue"], PASSED, "{response:#}");
    assert!(response["verstatPriority"].is_string(), "{response:#}");
    assert_ne!(response["verstatPriority"], "RPH-Validation-Passed");
    assert!(response["divResult"].is_null());

    let mut bad = request(BOB, BOB, &[]);
    bad["verificationRequest"]["protectedHeaders"] = json!(["no header"]);
    assert_eq!(play.post(path, &bad).await.status, 400);
    play.stop().await;
}

/// This test verifies case 26, the other half: a priority passes if its signer may sign for the namespace, and if all of what is asked
/// was signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digest12_case26_a_priority_of_who_may_sign_it_passes() {
    for (provider, asked, expected) in [
        ("709J", "ets.0", "RPH-Validation-Passed"),
        ("709J", "ETS.0", "RPH-Validation-Passed"),
        ("709J", "ets.0, wps.1", "No-RPH-Validation"),
        ("709J", "ets.1", "No-RPH-Validation"),
        ("709W", "ets.0", "RPH-Validation-Failed"),
    ] {
        let may = format!(
            "[[priority.authorities]]\nnamespace = \"ets\"\nproviders = [\"{provider}\"]\n"
        );
        let play = Play::with("", &format!("{UNHURRIED}{may}")).await;
        let shaken = play.identity(|same| same);
        let rph = play.identity(|forgery| {
            forgery
                .header("\"ppt\":\"shaken\"", "\"ppt\":\"rph\"")
                .payload("\"origid\"", "\"rph\":{\"auth\":[\"ets.0\"]},\"origid\"")
        });
        let rph = rph.replace(";ppt=shaken", ";ppt=rph");
        let request = json!({"verificationRequest": {
            "identityHeader": shaken, "identityHeaders": [rph], "from": {"tn": ALICE}, "to": {"tn": BOB},
            "dest": {"tn": BOB}, "time": NOW.as_secs(), "protectedHeaders": [format!("Resource-Priority: {asked}")]}});
        let answer = play.post("/3gpp/v1/verification", &request).await;
        let response = &answer.json()["verificationResponse"];
        assert_eq!(response["verstatValue"], PASSED, "{response:#}");
        let told = &response["verstatPriority"];
        assert_eq!(told, expected, "{provider} {asked}: {response:#}");
        play.stop().await;
    }
}
