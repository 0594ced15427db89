//! Kamailio asks us by 302 whether it may send a call on, and copies what it is told.
//!
//! ```text
//!     SIPp ──► Kamailio asks ───────────────► Kamailio asks ─────────────► SIPp
//!                 │   ▲                           │   ▲
//!          INVITE ▼   │ 302 + Identity     INVITE ▼   │ 302 + verstat
//!               serve, signs                    serve, verifies
//! ```
//!
//! This test verifies that a foreign switch that never heard of STIR carries the proof of a call from end to end, by what it copies out
//! of our answers, and that it goes on where we have nothing to add and stops where we say so.

use crate::peers::{Called, Caller, Kamailio, Sipp};
use crate::provider::{Provider, Setup};

const NOWHERE: &str = "udp:127.0.0.1:9";

fn signs(provider: &Provider) -> Setup {
    provider.signs(NOWHERE).redirects("header")
}

fn verifies(provider: &Provider) -> Setup {
    provider.is_verified(NOWHERE).redirects("header")
}

#[test]
fn a_switch_that_copies_carries_the_proof() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = verifies(&provider).start();
    let mut signs = signs(&provider).start();
    let arrives = Kamailio::asks(verifies.sip(), called.address());
    let leaves = Kamailio::asks(signs.sip(), arrives.address());

    Sipp::call(Caller::Answered, leaves.address()).place();

    let called = called.finish();
    let invite = called.invite();
    assert_eq!(invite.verstat(), "TN-Validation-Passed");
    let info = format!(";info=<{}>;alg=ES256;ppt=shaken", provider.x5u());
    assert!(invite.header("Identity").ends_with(&info));
    assert_eq!(invite.headers("Date").len(), 1);
    let (signed, verified) = (signs.call(), verifies.call());
    assert_eq!(
        (&signed["verdict"], &signed["status"]),
        (&"signed".into(), &302.into())
    );
    assert_eq!(
        (&verified["verdict"], &verified["status"]),
        (&"passed".into(), &302.into())
    );
    assert_eq!(verified["origid"], signed["origid"]);
}

/// This test verifies that a call for which there is nothing to add takes the next route of the switch.
#[test]
fn a_switch_goes_on_without_us() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let setup = signs(&provider).trunk("redirect_nothing_added = 404");
    let signs = setup.trunk("unlisted = \"unsigned\"").start();
    let leaves = Kamailio::asks(signs.sip(), called.address());

    let call = Sipp::call(Caller::Answered, leaves.address());
    call.from("12025550177").place();

    let called = called.finish();
    assert!(called.invite().headers("Identity").is_empty());
}

/// This test verifies that a call that is blocked stays at the switch.
#[test]
fn a_switch_stops_where_we_say_so() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let setup = verifies(&provider).trunk("treatment = \"reject\"\nrequire_identity = true");
    let verifies = setup.trunk("reject_code = 603").start();
    let arrives = Kamailio::asks(verifies.sip(), called.address());

    Sipp::call(Caller::Refused(603), arrives.address()).place();

    called.was_not_called();
}
