//! Trust domains side by side: each judges the calls of its trunks and numbers, and no others.
//!
//! ```text
//!     US ROOT ──▶ provider 1234          Canadian ROOT ──▶ provider 5678
//!
//!   127.0.0.2 (both countries, by the calling number) ──┐
//!   127.0.0.3 (Canada, by the trunk)                   ─┼─► Switch ──► called
//!   127.0.0.4 (nobody's)                               ─┘
//! ```

use crate::passports;
use crate::repository::{Reaction, Repository, answer};
use crate::switch::{House, Invite, Party, Switch, fetching_from, line_of, trunk};
use countersign::certificate::chain::pem;
use countersign_server::clock::Clock;
use countersign_testkit::lab::{Lab, Signer};
use serde_json::Value;

const US: &str = "12025550100";
const CANADA: &str = "16135550100";
const FRANCE: &str = "33199000000";

struct World {
    house: House,
    us: Signer,
    canada: Signer,
    repository: Repository,
    called: Party,
}

impl World {
    async fn new() -> Self {
        let house = House::new();
        let canadian = Lab::new();
        house.write("canada.pem", pem(canadian.root().certificate().as_der()));
        let (us, canada) = (house.lab.provider("1234"), canadian.provider("5678"));
        let chains = [&us, &canada].map(|signer| answer(&signer.chain.to_pem(), &[]));
        let repository = Repository::start(move |request| {
            let [us, canada] = &chains;
            let chain = if request.contains("/us.pem") {
                us
            } else {
                canada
            };
            Reaction::Bytes(chain.clone())
        })
        .await;
        Self {
            house,
            us,
            canada,
            repository,
            called: Party::at(1).await,
        }
    }

    async fn start(&self, trust: &str) -> Switch {
        let trunks: String = [2, 3, 4]
            .map(|last| trunk(last, "verify", &self.called, ""))
            .concat();
        let settings = trunks + &fetching_from(&self.repository) + trust;
        self.house.start("", &settings).await
    }

    /// A call by 127.0.0.`last` from this number, signed by the provider of this country: its line in the log.
    async fn call(
        &self,
        switch: &Switch,
        name: &str,
        last: u8,
        orig: &str,
        country: &str,
    ) -> Value {
        let signer = match country {
            "us" => &self.us,
            _ => &self.canada,
        };
        let x5u = format!("{}/{country}.pem", self.repository.origin());
        let now = self.house.clock.now().unix;
        let identity = passports::identity_of(orig, &*signer.key, &x5u, now);
        let call = Invite::new(name)
            .from(&format!("<sip:+{orig}@a.example;user=phone>"))
            .header("Identity", &identity);
        Party::at(last)
            .await
            .calls(&call, switch, &self.called)
            .await;
        line_of(name).await
    }
}

const BY_NUMBER_AND_TRUNK: &str = "[trust]\n\
    [[trust.domains]]\nname = \"canada-only\"\ntrunks = [\"verify-3\"]\nanchor_files = [\"canada.pem\"]\n\
    [[trust.domains]]\nname = \"canada\"\ntrunks = [\"verify-2\"]\nnumbers = [\"canada\"]\nanchor_files = [\"canada.pem\"]\n\
    [[trust.domains]]\nname = \"us\"\ntrunks = [\"verify-2\"]\nnumbers = [\"us\"]\nanchor_files = [\"anchor.pem\"]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_domain_judges_its_trunks_and_numbers_and_no_others() {
    let world = World::new().await;
    let switch = world.start(BY_NUMBER_AND_TRUNK).await;
    for (last, orig, country, verdict, fault) in [
        (2, US, "us", "passed", None),
        (2, CANADA, "canada", "passed", None),
        (2, US, "canada", "failed", Some("wrong-trust-domain")),
        (2, CANADA, "us", "failed", Some("wrong-trust-domain")),
        // By this trunk Canada judges every number.
        (3, US, "canada", "passed", None),
        (3, US, "us", "failed", Some("wrong-trust-domain")),
        (2, FRANCE, "us", "not-validated", Some("no-trust-domain")),
        (4, US, "us", "not-validated", Some("no-trust-domain")),
    ] {
        let name = format!("domain-{last}-{orig}-{country}");
        let line = world.call(&switch, &name, last, orig, country).await;
        assert_eq!(line["verdict"], verdict, "{name}: {line:#}");
        assert_eq!(line["fault"].as_str(), fault, "{name}: {line:#}");
        let verstat = match (verdict, fault) {
            ("passed", _) => "TN-Validation-Passed",
            ("failed", _) => "TN-Validation-Failed",
            _ => "No-TN-Validation",
        };
        assert_eq!(line["verstat"], verstat, "{name}: {line:#}");
    }
    switch.stop().await;
}

/// A call without proof is unsigned wherever it comes from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_proof_needs_no_domain() {
    let world = World::new().await;
    let switch = world.start(BY_NUMBER_AND_TRUNK).await;
    let caller = Party::at(4).await;
    caller
        .calls(&Invite::new("bare-domain"), &switch, &world.called)
        .await;
    assert_eq!(line_of("bare-domain").await["verdict"], "unsigned");
    switch.stop().await;
}

/// The keys of `[trust]` itself judge what no other domain does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_domain_comes_last() {
    let world = World::new().await;
    let trust = "[trust]\nanchor_files = [\"anchor.pem\"]\n\
        [[trust.domains]]\nname = \"canada\"\nnumbers = [\"canada\"]\nanchor_files = [\"canada.pem\"]\n";
    let switch = world.start(trust).await;
    let line = world.call(&switch, "last-1", 2, US, "us").await;
    assert_eq!(line["verdict"], "passed", "{line:#}");
    let line = world.call(&switch, "last-2", 4, CANADA, "canada").await;
    assert_eq!(line["verdict"], "passed", "{line:#}");
    let line = world.call(&switch, "last-3", 4, CANADA, "us").await;
    assert_eq!(line["fault"], "wrong-trust-domain", "{line:#}");
    switch.stop().await;
}
