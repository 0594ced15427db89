//! A tenant with several certificates, and one that sends its chain along.
//!
//! ```text
//!     SIPp ──► customer: serve ── caller ...0112 ──► signed with `one`, the chain in the token ──► somebody: serve, fetches nothing
//!                              └─ caller ...0113 ──► signed with `two`, ordered by ACME         ──► fetches it where the order said
//! ```

use super::levels::{Levels, ONE, TWO};
use crate::peers::{Called, Caller, Sipp, free_address};
use crate::provider::{Setup, udp};
use serde_json::Value;

/// This test verifies that who calls decides which certificate signs, that a chain that travels along is fetched by nobody, and that the URL
/// that an order has told is as good as one of our own.
#[test]
fn rfc9060_d15_each_number_by_its_own_certificate() {
    let levels = Levels::new();
    let wish = ["--name", "SHAKEN two", "--numbers", TWO, "--days", "5"];
    let account = ("customer", "two");
    let ordered = levels
        .reseller
        .enrolled(&levels.ground, &levels.customer, account, &wish);
    assert_eq!(ordered.0, 0, "{}", ordered.2);
    let told: Value = serde_json::from_str(&ordered.1).unwrap();
    let ordered = told["x5u"].as_str().unwrap();
    let public = free_address();
    let (tenant, x5u) = levels.tenant(public);
    let file = |name: &str| levels.customer.path().join(name);
    let more = format!(
        "x5c = true\n[[tenants.credentials]]\ncertificate_file = {:?}\nkey_file = {:?}\nx5u = \"{ordered}\"\n{}[http.public]",
        file("two.pem"),
        file("two.key"),
        levels.ground.exception(&levels.reseller.origin),
    );
    let tenant = tenant.replacen("[http.public]", &more, 1);
    let believed = levels.believed(public) + &levels.ground.exception(&levels.reseller.origin);

    let called = Sipp::called(Called::Answers);
    let at = called.address();
    let trunk = "oversize = \"fragment\"";
    let verifies = Setup::believes(&udp(at), &believed).trunk(trunk).start();
    let signs = Setup::signs_as(&udp(verifies.sip()), &tenant);
    let signs = signs.trunk(trunk).start();
    let fetches = "countersign_certificate_fetches_total{outcome=\"ok\"}";
    let mut called = Some(called);
    for (number, leads_to, fetched) in [(ONE, &*x5u, 0), (TWO, ordered, 1)] {
        let waiting = called.take();
        let waiting = waiting.unwrap_or_else(|| Sipp::called_at(Called::Answers, at));
        Sipp::call(Caller::Answered, signs.sip())
            .from(number)
            .place();
        let seen = waiting.finish();
        assert_eq!(seen.invite().verstat(), "TN-Validation-Passed", "{number}");
        assert!(
            seen.invite().header("Identity").contains(leads_to),
            "{number}"
        );
        assert_eq!(verifies.metric(fetches), fetched, "{number}");
    }
}
