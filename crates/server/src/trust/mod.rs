//! Trust, kept up while calls run: anchors and revocation lists of each trust domain, pulled outside of calls and never rolled back.
//!
//! ```text
//!   plan ──► Opened ──► Keeper ──► Current ◄── select(trunk, caller) ── every call, without a lock
//!  (config)  (files,      │  ▲
//!          last run's)    │  └── a list that is proven and not older: a new snapshot, as a whole
//!                         └─ when due ─► file or URL ─► parse, prove, compare (on threads that carry no call)
//! ```
//!
//! - [`plan`]: what the operator wants; [`domain`]: one domain and what its sources have brought.
//! - [`list`]: from bytes to a list that is believed, or why not. What is refused changes nothing, and is told.
//! - [`schedule`]: when a source is asked again; [`store`]: where the last good lists lie between two runs.
//! - [`Keeper`] does all of it; [`Current`] is all that calls see.
//!
//! What does not live here: what a list says of a certificate (`countersign::trust`), the guard of fetches ([`crate::fetch`]).

pub mod schedule;
pub mod plan;
pub mod list;
pub mod store;
pub mod domain;
mod figures;
mod upkeep;

pub use domain::{About, Domain, Note};
pub use list::{Kind, Refusal};
pub use plan::{CaListPlan, DomainPlan, Place, Plan, Upkeep};
pub use upkeep::{Keeper, StateFault};

use self::store::Store;
use arc_swap::ArcSwap;
use countersign::certificate::NumberScope;
use countersign::identity::Identity;
use countersign::time::UnixTime;
use countersign::trust::{TrunkScope, Trust, TrustDomain, TrustDomains};
use std::sync::Arc;

/// The trust that calls are judged by. Cheap to clone; all clones see the newest snapshot.
#[derive(Clone, Debug, Default)]
pub struct Current(Arc<ArcSwap<TrustDomains>>);

impl Current {
    /// One domain for every trunk and every caller, which nobody keeps up.
    pub fn everywhere(trust: Arc<Trust>) -> Self {
        let domains = TrustDomains::new(vec![TrustDomain {
            trust,
            trunks: TrunkScope::all(),
            numbers: NumberScope::all(),
        }]);
        Self(Arc::new(ArcSwap::from_pointee(domains)))
    }

    /// The domains as they are now.
    pub fn domains(&self) -> Arc<TrustDomains> {
        self.0.load_full()
    }

    /// The trust of the domain that judges calls from this trunk and this caller; `None` if no domain does. Never waits.
    pub fn select(&self, trunk: &str, orig: Option<&Identity>) -> Option<Arc<Trust>> {
        self.0.load().select(trunk, orig)
    }

    fn replace(&self, domains: TrustDomains) {
        self.0.store(Arc::new(domains));
    }
}

/// A plan with everything read that lies on this machine.
#[derive(Clone, Debug)]
pub struct Opened {
    domains: Vec<Domain>,
    upkeep: Upkeep,
}

impl Opened {
    /// Reads what the plan names, and what the last run kept; nothing is fetched, nothing is written. The notes say what could
    /// not be used.
    pub fn open(plan: Plan, version: u64, at: UnixTime) -> (Self, Vec<Note>) {
        let mut notes = Vec::new();
        let open = |domain| Domain::open(domain, &plan.upkeep, version, at, &mut notes);
        let domains = plan.domains.into_iter().map(open).collect();
        let upkeep = plan.upkeep;
        (Self { domains, upkeep }, notes)
    }

    /// The domains.
    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// Makes the folder for what must outlive the process, if there is to be one.
    ///
    /// # Errors
    /// [`StateFault`] if that cannot be.
    pub fn prepare(&self) -> Result<(), StateFault> {
        let Some(folder) = &self.upkeep.state_folder else {
            return Ok(());
        };
        let made = Store::at(folder).make();
        made.map_err(|error| StateFault(folder.clone(), error))
    }

    /// What calls would be judged by if nobody kept it up.
    pub fn snapshot(&self) -> TrustDomains {
        TrustDomains::new(self.domains.iter().map(Domain::published).collect())
    }
}
