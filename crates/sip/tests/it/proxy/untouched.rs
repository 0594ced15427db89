//! What is none of our business passes untouched, byte for byte: other methods, challenges, and answers that nobody has heard of.
//!
//! ```text
//!   phone ── REGISTER, SUBSCRIBE, NOTIFY, X-NEW ──▶ proxy ──▶ registrar
//!         ◀── 401, 407, 423, 699 ──
//! ```

use super::{Table, answer_to, request, trunk};
use countersign_sip::trunk::{Role, Trunk};

/// Headers in an order, a spelling and with spaces that nobody would choose, and some that nobody knows.
const ODD: &str = "Contact : \"A\" <sip:a@192.0.2.10;ob>;+sip.instance=\"<urn:uuid:0>\" ;expires=60\r\n\
    Expires:  3600\r\nAuthorization: Digest username=\"a\",realm=\"b.example\",\r\n nonce=\"n\", response=\"r\"\r\n\
    Event: presence;id=7\r\nx-Odd:   v  a  l\r\nX-ODD:\r\nSupported: path,outbound , gruu\r\n\
    Subscription-State: active;expires=1\r\nP-Preferred-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel\r\n";

fn without(text: &str, names: &[&str]) -> String {
    let is_one = |line: &&str| names.iter().any(|name| line.starts_with(name));
    text.split_inclusive("\r\n")
        .filter(|line| !is_one(line))
        .collect()
}

/// This test verifies of every method that is no INVITE, on trunks of every role: nothing of the request changes but Via and
/// Max-Forwards.
#[test]
fn other_methods_pass_byte_for_byte() {
    for role in [Role::None, Role::Sign, Role::Verify, Role::Both] {
        for method in [
            "REGISTER",
            "SUBSCRIBE",
            "NOTIFY",
            "PUBLISH",
            "MESSAGE",
            "REFER",
            "INFO",
            "UPDATE",
            "PRACK",
            "BYE",
            "X-NEW",
            "x-new",
        ] {
            let trunk = Trunk { role, ..trunk() };
            let mut table = Table::new(trunk);
            let body = "\u{0}anything\r\n\r\nat all\u{7}";
            let text = request(method, "z9hG4bKone", ODD).replace(
                "Content-Length: 0\r\n\r\n",
                &format!("Content-Length: {}\r\n\r\n{body}", body.len()),
            );
            table.caller(&text);
            let sent = table.sent().remove(0);
            assert_eq!(sent.to(), "callee/udp", "{method}");
            let ours = ["Via:", "Max-Forwards:"];
            assert_eq!(
                without(&sent.text, &ours),
                without(&text, &ours),
                "{method} {role:?}"
            );
            assert_eq!(sent.values("Max-Forwards"), ["69"]);
            assert_eq!(sent.values("Via").len(), 2);
        }
    }
}

/// This test verifies that challenges and rejections go back as they came but for our Via, and that what answers them passes again.
#[test]
fn challenges_and_rejections_go_back_byte_for_byte() {
    for status in [
        "401 Unauthorized",
        "407 Proxy Authentication Required",
        "423 Interval Too Brief",
        "489 Bad Event",
        "299 Something",
        "302 Moved Temporarily",
        "604 Does Not Exist Anywhere",
        "699 \u{e4}",
    ] {
        for method in ["REGISTER", "SUBSCRIBE", "INVITE"] {
            let mut table = Table::new(trunk());
            table.caller(&request(method, "z9hG4bKone", ""));
            let outgoing = table.sent().pop().unwrap();
            let headers = "WWW-Authenticate: Digest realm=\"b\",  nonce=\"n\"\r\nProxy-Authenticate:Digest realm=\"c\"\r\n\
                Min-Expires: 7\r\nContact: <sip:c@c.example>;q=0.5\r\nX-Odd :  1\r\n";
            let answer = answer_to(&outgoing, status)
                .replace("Content-Length", &format!("{headers}Content-Length"));
            table.callee(&answer);
            let back = table.sent();
            let back = back.iter().find(|sent| sent.to() == "caller/udp").unwrap();
            let top = format!("Via: {}\r\n", outgoing.values("Via")[0]);
            assert_eq!(back.text, answer.replacen(&top, "", 1), "{method} {status}");
            table.ends_clean();
        }
    }
}

/// This test verifies that a request with credentials after a challenge is a request of its own.
#[test]
fn what_answers_a_challenge_passes() {
    let mut table = Table::new(trunk());
    let first = request("REGISTER", "z9hG4bKone", "");
    table.caller(&first);
    let outgoing = table.sent().remove(0);
    table.answer(&outgoing, "401 Unauthorized");
    table.sent();
    let again = request(
        "REGISTER",
        "z9hG4bKtwo",
        "Authorization: Digest username=\"a\"\r\n",
    );
    table.caller(&again.replace("CSeq: 1", "CSeq: 2"));
    let outgoing = table.one();
    assert_eq!(outgoing.values("Authorization"), ["Digest username=\"a\""]);
    table.answer(&outgoing, "200 OK");
    assert_eq!(table.lines(), ["caller/udp SIP/2.0 200 OK"]);
    table.ends_clean();
}
