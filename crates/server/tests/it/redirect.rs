//! A switch asks before it sends a call on, and is answered with 302.
//!
//! ```text
//!     SIPp ──INVITE──► serve, signs          the call is sent on by SIPp's own means
//!          ◄── 302 ──  (redirect)
//!
//!     SIPp ──INVITE + Identity──► serve, verifies
//!          ◄── 302 + verstat ───  (redirect)
//! ```
//!
//! This test verifies that every dialect of 302 reaches a switch over real sockets with a proof that holds: what one server gives
//! back, the other believes.

use crate::peers::{Caller, Sipp, Trace};
use crate::provider::{Provider, Server, now};
use countersign_sip::uri::Uri;

const NOWHERE: &str = "udp:127.0.0.1:9";

fn signs(provider: &Provider, dialect: &str) -> Server {
    provider.signs(NOWHERE).redirects(dialect).start()
}

/// The answer that a call got.
#[track_caller]
fn asked(server: &Server) -> Trace {
    Sipp::call(Caller::Redirected, server.sip()).place()
}

/// What a verifier says to the Identity that a signer gave.
#[track_caller]
fn is_believed(provider: &Provider, identity: &str) {
    let mut verifies = provider.is_verified(NOWHERE).redirects("header").start();
    let call = Sipp::call(Caller::Redirected, verifies.sip());
    let trace = call.header("Identity", identity).place();
    assert_eq!(trace.response(302).verstat(), "TN-Validation-Passed");
    let verified = verifies.call();
    assert_eq!(verified["verdict"], "passed");
    assert_eq!(verified["verstat"], "TN-Validation-Passed");
    assert_eq!(verified["status"], 302);
}

#[test]
fn a_signature_comes_back_in_headers() {
    let provider = Provider::new();
    let mut signs = signs(&provider, "header");

    let trace = asked(&signs);

    let answer = trace.response(302);
    let invite = trace.sent("INVITE")[0];
    let uri = invite.start_line().split(' ').nth(1).unwrap();
    assert_eq!(answer.header("Contact"), format!("<{uri}>"));
    assert_eq!(answer.headers("Date").len(), 1);
    assert_eq!(trace.statuses(), [100, 302]);
    let signed = signs.call();
    assert_eq!(
        (&signed["verdict"], &signed["status"]),
        (&"signed".into(), &302.into())
    );
    is_believed(&provider, answer.header("Identity"));
}

#[test]
fn a_signature_comes_back_inside_contact() {
    let provider = Provider::new();
    let signs = signs(&provider, "contact");

    let trace = asked(&signs);

    let answer = trace.response(302);
    assert!(answer.headers("Identity").is_empty(), "{}", answer.text);
    let contact = answer.header("Contact");
    let uri = contact
        .strip_prefix('<')
        .unwrap()
        .strip_suffix('>')
        .unwrap();
    let Ok(Uri::Sip(uri)) = Uri::parse(uri.as_bytes()) else {
        panic!("{contact}")
    };
    let headers: Vec<_> = uri.header_fields().collect();
    let names: Vec<_> = headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, [b"Date".as_slice(), b"Identity"]);
    is_believed(&provider, std::str::from_utf8(&headers[1].1).unwrap());
}

#[test]
fn a_signature_comes_back_under_other_names() {
    let provider = Provider::new();
    let signs = signs(&provider, "x-headers");

    let trace = asked(&signs);

    let answer = trace.response(302);
    assert!(answer.headers("Identity").is_empty(), "{}", answer.text);
    assert!(answer.header("X-Date").ends_with(" GMT"));
    is_believed(&provider, answer.header("X-Identity"));
}

#[test]
fn a_bad_proof_is_told_too() {
    let provider = Provider::new();
    let _publishes = provider.signs(NOWHERE).redirects("header").start();
    let verifies = provider.is_verified(NOWHERE).redirects("header").start();
    let identity = provider.identity(now());

    let call = Sipp::call(Caller::Redirected, verifies.sip()).from("12025550119");
    let trace = call.header("Identity", &identity).place();

    assert_eq!(trace.response(302).verstat(), "TN-Validation-Failed");
}

#[test]
fn what_is_not_signed_takes_the_next_route() {
    let provider = Provider::new();
    for (code, caller) in [(404, Caller::Refused(404)), (503, Caller::Refused(503))] {
        let setup = provider.signs(NOWHERE).redirects("header");
        let setup = setup.trunk(&format!("redirect_nothing_added = {code}"));
        let signs = setup.trunk("unlisted = \"unsigned\"").start();
        Sipp::call(caller, signs.sip()).from("12025550177").place();
    }
}
