//! From a checked configuration to the state that shards read.

use super::next_hops::KnownPlaces;
use super::sent_by;
use crate::brands::Brands;
use crate::config::check::Tenant;
use crate::config::listeners::UnknownSource;
use crate::config::trunk::{OrigIdChoice, TrunkSettings};
use crate::config::{Checked, Config};
use crate::hep::Hep;
use crate::log::CallLog;
use crate::metrics::Metrics;
use crate::routes::{Ground, Places, Routes};
use crate::sip::state::{OrigIdOfRequest, State, TrunkSigner};
use crate::staples::Shelf;
use crate::trust::Keeper;
use countersign::crypto::{AwsLc, sha256};
use countersign::passport::OrigId;
use countersign::path::PathCache;
use countersign::time::Validity;
use countersign::verification::replay::DEFAULT_REPLAY_CAPACITY;
use countersign::verification::{MemoryReplay, MemorySupporters, VerificationService};
use countersign_sip::element;
use countersign_sip::flow::Transport;
use countersign_sip::location::HopSpec;
use countersign_sip::trunk::{Trunk, Trunks};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

/// What is the same for every configuration: where we listen, and what verification remembers.
pub(super) struct Foundation {
    pub(super) listeners: Vec<(Transport, SocketAddr)>,
    keeper: Keeper,
    hep: Arc<Hep>,
    metrics: Arc<Metrics>,
    /// Where next hops were found, whatever configuration asked.
    pub(super) places: Arc<KnownPlaces>,
    pub(super) paths: Arc<PathCache>,
    replay: Arc<MemoryReplay>,
    supporters: Arc<MemorySupporters>,
}

impl Foundation {
    pub(super) fn new(
        listeners: Vec<(Transport, SocketAddr)>,
        keeper: Keeper,
        hep: Arc<Hep>,
        metrics: Arc<Metrics>,
        places: Arc<KnownPlaces>,
        supporters: Arc<MemorySupporters>,
    ) -> Self {
        Self {
            listeners,
            keeper,
            hep,
            metrics,
            places,
            paths: Arc::default(),
            replay: Arc::new(MemoryReplay::new(DEFAULT_REPLAY_CAPACITY)),
            supporters,
        }
    }

    /// The names of next hops in a configuration.
    pub(super) fn names(&self, config: &Config) -> BTreeSet<HopSpec> {
        routes(config, &self.listeners).names()
    }

    /// The state that this configuration describes; from now on its lists are kept up, and no others.
    pub(super) fn state(
        &self,
        config: &Config,
        checked: &Checked,
        (generation, revision): (u64, u64),
        before: &Brands,
    ) -> State {
        let brands = Arc::new(Brands::of(&checked.brands, before));
        let policy = config.verification.clone();
        let as_of = checked.records.as_ref().map(|records| records.as_of());
        self.metrics.trust.show_number_authority(as_of);
        self.show_ends(checked);
        self.hep.replace(checked.hep.as_ref());
        let (paths, replay) = (self.paths.clone(), self.replay.clone());
        let routes = Arc::new(routes(config, &self.listeners));
        let verification = VerificationService::new(policy, Arc::new(AwsLc), paths, replay)
            .with_supporters(self.supporters.clone());
        let trunks = trunks(config, checked, &routes, &self.places.known());
        let hops = trunks.iter().flat_map(|trunk| &trunk.next_hops);
        let names = routes.ground.names(hops);
        State {
            generation,
            revision,
            calls: CallLog {
                numbers: config.log.numbers,
            },
            verification,
            trust: self.keeper.replace(checked.trust.clone()),
            records: checked.records.clone(),
            trunks,
            routes,
            retired: Vec::new(),
            staples: staples(checked),
            signers: signers(config, checked, &brands),
            brands,
            unknown_source: match config.sip.unknown_source {
                UnknownSource::Drop => element::UnknownSource::Drop,
                UnknownSource::Reject => element::UnknownSource::Forbid,
            },
            missing_identity: config.door.missing_identity,
            patience: config.sip.patience,
            names,
        }
    }
}

impl Foundation {
    /// Tells when our certificates begin, and when they or the first of those above them end.
    fn show_ends(&self, checked: &Checked) {
        let metrics = &self.metrics;
        let (begins, ends) = (&metrics.own_certificates_begin, &metrics.own_certificates);
        begins.clear();
        ends.clear();
        let show = |whose: [&str; 2], life: Validity| {
            begins.set(whose, life.not_before.as_secs());
            ends.set(whose, life.not_after.as_secs());
        };
        if let Some(validity) = checked.sip.validity {
            show(["tls", "sip"], validity);
        }
        for (section, validity) in &checked.web_lives {
            show(["tls", section], *validity);
        }
        for tenant in &checked.tenants {
            // Of several the one that ends first.
            let lives = tenant.all().map(|one| {
                let chain = one.service.signer().chain();
                let all = chain.certificates().iter();
                let end = all.map(|certificate| certificate.validity().not_after);
                let own = chain.end_entity().validity();
                let not_after = end.min().unwrap_or(own.not_after);
                Validity { not_after, ..own }
            });
            if let Some(life) = lives.min_by_key(|life| life.not_after) {
                show(["tenant", &tenant.name], life);
            }
        }
    }
}

/// The shelves of every tenant that staples.
fn staples(checked: &Checked) -> Arc<[Arc<Shelf>]> {
    let tenants = checked.tenants.iter().flat_map(Tenant::all);
    tenants
        .filter_map(|tenant| tenant.staples.clone())
        .collect()
}

/// The trunks, with next hops as far as they are known.
fn trunks(config: &Config, checked: &Checked, routes: &Routes, places: &Places) -> Trunks {
    let mut trunks = Trunks::default();
    for settings in &config.trunks {
        let next_hops = routes.next_hops(&settings.name.value, places);
        let trunk = Trunk {
            next_hops,
            bypass: checked.bypasses.get(&settings.name.value).cloned(),
            diversions: checked.diversions.get(&settings.name.value).cloned(),
            ..settings.trunk.clone()
        };
        trunks.add(settings.recognition.clone(), Arc::new(trunk));
    }
    trunks
}

fn routes(config: &Config, listeners: &[(Transport, SocketAddr)]) -> Routes {
    let route = |trunk: &TrunkSettings| (trunk.name.value.clone(), trunk.route.clone());
    let advertised = config.sip.advertise.as_ref();
    Routes {
        by_trunk: config.trunks.iter().map(route).collect(),
        ground: Ground {
            listeners: listeners.to_vec(),
            advertise: advertised.and_then(|name| sent_by(&name.value).ok()),
            advertise_for: config.sip.advertise_for.clone(),
        },
    }
}

fn signers(config: &Config, checked: &Checked, brands: &Brands) -> HashMap<Box<str>, TrunkSigner> {
    let tenants = checked.tenants.iter();
    let tenants: HashMap<_, _> = tenants.map(|tenant| (&tenant.name, tenant)).collect();
    let signer = |trunk: &TrunkSettings| {
        let tenant = tenants.get(&trunk.tenant.as_ref()?.value)?;
        let signer = TrunkSigner {
            service: tenant.service.clone(),
            unlisted: trunk.unlisted,
            brands: brands.of_tenant(&tenant.name),
            origid: origid(trunk, &tenant.name),
            origid_of_request: match trunk.origid {
                OrigIdChoice::Fixed(_) => OrigIdOfRequest::Ignored,
                OrigIdChoice::Call | OrigIdChoice::Trunk => OrigIdOfRequest::Used,
            },
        };
        Some((trunk.name.value.clone(), signer))
    };
    config.trunks.iter().filter_map(signer).collect()
}

/// The origid of a trunk: the same at every start, so that a traceback a year later still finds the trunk. A version 8 UUID
/// (RFC 9562 §5.8) made of the names.
fn origid(trunk: &TrunkSettings, tenant: &str) -> OrigId {
    if let OrigIdChoice::Fixed(origid) = trunk.origid {
        return origid;
    }
    let digest = sha256(format!("countersign origid\0{tenant}\0{}", trunk.name.value).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.first_chunk::<16>().unwrap_or(&[0; 16]));
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    OrigId::from_bytes(bytes)
}
