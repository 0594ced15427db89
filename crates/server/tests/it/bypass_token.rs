//! What it takes to check a proof cannot be had, and whoever comes next is told that it was us.
//!
//! ```text
//!     SIPp ──INVITE + Identity──► serve, verifies ──INVITE + P-Identity-Bypass──► SIPp
//!                                      │             (proxy, b2bua; in redirect the 302 has it)
//!                                      └──✗ the repository, where nobody is
//! ```
//!
//! This test verifies that in every mode a call whose certificate cannot be had goes on with the token of the file, that a forged one does
//! not, and that a call that could be checked has none.

use crate::peers::{Called, Caller, Sipp, Workspace};
use crate::provider::{Provider, now, udp};
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

const TOKEN: &str = "between-the-two-of-us";
const HEADER: &str = "P-Identity-Bypass";
const COUNTED: &str = "countersign_sip_events_total{event=\"bypass-token\"}";

/// The setting, and the file that it names.
fn token() -> (Workspace, String) {
    let workspace = Workspace::new("token");
    let file = workspace.write("token", format!("{TOKEN}\n"));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let setting = format!("bypass_token_file = {:?}", file.to_str().unwrap());
    (workspace, setting)
}

/// What the called side hears of a call through a verifier in this mode, and how often the token was put on.
fn called_by_way_of(mode: &str, provider: &Provider) -> (Vec<String>, u64) {
    let (_file, setting) = token();
    let called = Sipp::called(Called::Answers);
    let setup = provider.is_verified(&udp(called.address()));
    let setup = setup.trunk(&format!("mode = {mode:?}")).trunk(&setting);
    let verifies = setup.trunk("oversize = \"fragment\"").start();

    let call = Sipp::call(Caller::Answered, verifies.sip());
    let call = call.header("Identity", &provider.identity(now()));
    call.header("p-identity-bypass", "forged").place();

    let called = called.finish();
    let values = called.invite().headers(HEADER);
    let values = values.into_iter().map(str::to_owned).collect();
    (values, verifies.metric(COUNTED))
}

#[test]
fn case79_the_next_element_is_told_by_a_proxy() {
    let nobody_publishes = Provider::new();
    let heard = called_by_way_of("proxy", &nobody_publishes);
    assert_eq!(heard, (vec![TOKEN.to_owned()], 1));
}

#[test]
fn case79_the_next_element_is_told_by_a_b2bua() {
    let nobody_publishes = Provider::new();
    let heard = called_by_way_of("b2bua", &nobody_publishes);
    assert_eq!(heard, (vec![TOKEN.to_owned()], 1));
}

#[test]
fn a_call_that_could_be_checked_has_no_token() {
    let provider = Provider::new();
    let nowhere: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let _publishes = provider.signs(&udp(nowhere)).start();
    assert_eq!(called_by_way_of("proxy", &provider), (Vec::new(), 0));
}

#[test]
fn case79_a_switch_that_asked_is_told() {
    let nobody_publishes = Provider::new();
    let (_file, setting) = token();
    let setup = nobody_publishes.is_verified("udp:127.0.0.1:9");
    let mut verifies = setup.redirects("header").trunk(&setting).start();

    let identity = nobody_publishes.identity(now());
    let call = Sipp::call(Caller::Redirected, verifies.sip());
    let call = call.header("Identity", &identity);
    let trace = call.place();

    let answer = trace.response(302);
    assert_eq!(answer.header(HEADER), TOKEN);
    assert_eq!(answer.verstat(), "No-TN-Validation");
    let token = identity.split(';').next().unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(
        answer.header("Reason"),
        format!("STIR;cause=436;text=\"Bad Identity Info\";ppi=\"..{signature}\"")
    );
    assert_eq!(verifies.call()["fault"], "certificate-unavailable");
}
