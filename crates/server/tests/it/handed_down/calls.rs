//! Calls signed with what was handed down.
//!
//! ```text
//!     SIPp ──► customer: serve, signs with the certificate for one number ──► somebody: serve, verifies ──► SIPp
//!                  └── /certificates/one.pem: the path, signer first ◄──── x5u ──┘
//! ```

use super::levels::{Levels, ONE, TWO};
use crate::peers::{Called, Caller, Sipp, free_address};
use crate::provider::{Setup, now, udp};
use countersign::identity::{Dest, Identity};
use countersign::passport::{
    Attestation, Claims, Extension, HeaderCache, OrigId, Passport, Shaken,
};
use countersign_server::files;
use std::net::SocketAddr;

impl Levels {
    /// The tenant of the customer's server.
    pub(super) fn tenant(&self, public: SocketAddr) -> (String, String) {
        let origin = format!("https://localhost:{}", public.port());
        let x5u = format!("{origin}/certificates/one.pem");
        let file = |name: &str| self.customer.path().join(name);
        let (pem, key) = (file("one.pem"), file("one.key"));
        let settings = format!(
            "[[tenants]]\nname = \"provider\"\ncertificate_file = {pem:?}\nkey_file = {key:?}\nx5u = \"{x5u}\"\n{}{}",
            self.ground.listener(public),
            self.ground.exception(&origin),
        );
        (settings, x5u)
    }

    /// What somebody believes who has never heard of the customer: the anchor.
    pub(super) fn believed(&self, public: SocketAddr) -> String {
        let origin = format!("https://localhost:{}", public.port());
        let anchor = self.ground.anchor();
        let exception = self.ground.exception(&origin);
        format!("[trust]\nlab_anchor_files = [{anchor:?}]\nallow_lab = true\n{exception}")
    }

    /// The Identity header of a call from `number`, signed with the key for one number whether it may or not.
    fn forced(&self, number: &str, x5u: &str) -> String {
        let key = files::read_signing_key(&self.customer.path().join("one.key")).unwrap();
        let passport = Passport::new(Claims {
            orig: Identity::Number(number.parse().unwrap()),
            dest: Dest::one(Identity::Number("12025550101".parse().unwrap())),
            iat: now(),
            extension: Extension::Shaken(Shaken {
                attest: Attestation::A,
                origid: OrigId::from_random([7; 16]),
            }),
            rich: None,
            media_keys: None,
            staple: None,
        });
        let header = HeaderCache::new(x5u).unwrap();
        let token = passport.unwrap().sign(&header, &key).unwrap();
        format!("{};info=<{x5u}>;alg=ES256;ppt=shaken", token.token())
    }
}

/// This test verifies that the certificate for one number signs calls from it that pass at the far side, which fetches the path in its order;
/// that nothing else is signed with it; and that what is signed with it all the same is no proof there: 437.
#[test]
fn rfc9060_d08_d09_d10_a_call_from_the_one_number() {
    let levels = Levels::new();
    let public = free_address();
    let (tenant, x5u) = levels.tenant(public);
    let called = Sipp::called(Called::Answers);
    let at = called.address();
    let trunk = "treatment = \"reject\"";
    let believes = Setup::believes(&udp(at), &levels.believed(public));
    let verifies = believes.trunk(trunk).start();
    let mut signs = Setup::signs_as(&udp(verifies.sip()), &tenant).start();

    let forced = levels.forced(TWO, &x5u);
    let refused = Sipp::call(Caller::Refused(437), verifies.sip());
    refused.from(TWO).header("Identity", &forced).place();
    called.is_quiet();

    Sipp::call(Caller::Answered, signs.sip()).from(ONE).place();
    let called = called.finish();
    assert_eq!(called.invite().verstat(), "TN-Validation-Passed");
    assert!(called.invite().header("Identity").contains(&x5u));
    let fetches = "countersign_certificate_fetches_total{outcome=\"ok\"}";
    assert_eq!(verifies.metric(fetches), 1);
    assert_eq!(signs.call()["verdict"], "signed");

    // The number beside it: the call goes on without proof.
    let called = Sipp::called_at(Called::Answers, at);
    Sipp::call(Caller::Answered, signs.sip()).from(TWO).place();
    let called = called.finish();
    assert!(called.invite().headers("Identity").is_empty());
    let told = "\"verdict\":\"not-signed\",\"signing\":\"not-signed\",\"fault\":\"not-covered\"";
    signs
        .process()
        .until(told, |process| process.output().contains(told));
}
