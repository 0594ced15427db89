//! Kamailio asks over HTTP for a signature, we verify.
//!
//! ```text
//!     SIPp ──► Kamailio, http_client ──► serve, verifies ──► SIPp
//!                    │     ▲                   │
//!                    │     └─ identity         │
//!                    └─ POST /stir/v1/signing ─┼──► serve, signs and publishes
//!                                              └─ https: the chain ─┘
//! ```
//!
//! This test verifies that a script of a foreign proxy, which writes its own JSON, gets a proof that passes.

use crate::peers::{Called, Caller, Kamailio, Sipp, free_address};
use crate::provider::{Provider, udp};

#[test]
fn what_kamailio_gets_over_http_passes() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let mut verifies = provider.is_verified(&udp(called.address())).start();
    let door = free_address();
    let tables = format!(
        "[[trunks]]\nname = \"kamailio\"\nmode = \"http\"\naddresses = [\"127.0.0.1\"]\nrole = \"sign\"\n\
         tenant = \"provider\"\n[http.trunk]\nlisten = [\"{door}\"]\n"
    );
    let signs = provider.signs(&udp(verifies.sip()));
    let _signs = signs.settings(&tables).start();
    let asks = Kamailio::asks_over_http(verifies.sip(), &format!("http://{door}/stir/v1/signing"));

    Sipp::call(Caller::Answered, asks.address()).place();

    assert_eq!(called.finish().invite().verstat(), "TN-Validation-Passed");
    let verified = verifies.call();
    assert_eq!(verified["verdict"], "passed", "{}", asks.log());
    assert_eq!(verified["attest"], "A");
    assert_eq!(verified["origid"], "de305d54-75b4-431b-adb2-eb6b9e546014");
}
