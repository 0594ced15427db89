//! Opens what the configuration names, and holds it against each other: nothing listens before this is content.
//!
//! A key that others may read, a key that is not the certificate's, a certificate that has ended, an inventory with a
//! mistake, anchors that are none: each stops the start, all of them are told at once. What works but deserves a thought is a
//! [`Warning`].

mod connected;
mod tls;
mod trust;

pub use tls::SipTls;

use super::Config;
use super::brand::BrandSettings;
use super::hep::HepSettings;
use super::judgement::{ExceptionSettings, FetchSettings};
use super::listeners::{HttpSettings, SipSettings};
use super::place::{Cause, Concern, Expected, Mistake, Place, Placed, TrustConcern, Warning};
use super::tenant::TenantSettings;
use super::trunk::TrunkSettings;
use crate::brands::Rule;
use crate::fetch::{Exception, FetchPolicy, picture};
use crate::files;
use crate::hep;
use crate::routes::Local;
use crate::staples::Shelf;
use crate::trust::Opened;
use countersign::authentication::{AuthenticationService, Inventory, Signer, SignerError};
use countersign::certificate::delegation::{self, Delegation};
use countersign::certificate::number_records::NumberRecords;
use countersign::certificate::{Authority, CertificateChain};
use countersign::crypto::{EcdsaP256Key, sha256};
use countersign::passport::Card;
use countersign::time::{UnixTime, Validity};
use countersign::verification::policy::ProviderNumbersPolicy;
use countersign_sip::trunk::{Bypass, Diversions, Forwards, Mode, Role, UdpSource};
use rustls::{RootCertStore, ServerConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// How long before its end a certificate is warned about, in seconds: a week, the least that a renewal by hand takes.
pub const ENDS_SOON: i64 = 7 * 24 * 3600;

/// Everything that the configuration names, opened.
pub struct Checked {
    /// The tenants, in the order of the configuration.
    pub tenants: Vec<Tenant>,
    /// What is said of their numbers.
    pub brands: Vec<Rule>,
    /// What is put on calls that our service failed, by the name of the trunk.
    pub bypasses: BTreeMap<Box<str>, Arc<Bypass>>,
    /// Whose diversions are signed, and what we divert, by the name of the trunk.
    pub diversions: BTreeMap<Box<str>, Arc<Diversions>>,
    /// Whose numbers are whose, if anybody says.
    pub records: Option<Arc<NumberRecords>>,
    /// Whom we believe.
    pub trust: Opened,
    /// How certificates are fetched.
    pub fetch: FetchPolicy,
    /// TLS of the public listener; `None`: plain HTTP.
    pub public: Option<Arc<ServerConfig>>,
    /// TLS of the trunk listener.
    pub trunk: Option<Arc<ServerConfig>>,
    /// TLS of the admin listener.
    pub admin: Option<Arc<ServerConfig>>,
    /// Where copies of messages go.
    pub hep: Option<hep::Settings>,
    /// TLS of SIP.
    pub sip: SipTls,
    /// When the certificates of HTTP listeners end, by the section that names them: `http.public`.
    pub web_lives: BTreeMap<Box<str>, Validity>,
    /// What deserves a thought.
    pub warnings: Vec<Warning>,
    /// SHA-256 of the files that were read, without keys: a key that changes does so with its certificate.
    pub files: BTreeMap<PathBuf, [u8; 32]>,
}

/// A tenant whose key is its certificate's.
pub struct Tenant {
    /// Its name.
    pub name: Box<str>,
    /// Signs its calls, with its key and by its inventory; without one no number is listed, and nothing is attested A.
    pub service: AuthenticationService,
    /// The name under which our own repository publishes the chain, if x5u leads to it.
    pub published_name: Option<Box<str>>,
    /// What it sends along, if it does.
    pub staples: Option<Arc<Shelf>>,
    /// Its further certificates, which are in the ring of the service.
    pub others: Vec<Tenant>,
}

impl Tenant {
    /// Its own certificate and the further ones.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }
}

/// Opens and checks everything. `trust_version` grows whenever the anchors may have changed.
///
/// # Errors
/// Every [`Mistake`].
pub fn check(config: &Config, now: UnixTime, trust_version: u64) -> Result<Checked, Vec<Mistake>> {
    let mut opening = Opening::default();
    let tenants: Vec<_> = config
        .tenants
        .iter()
        .filter_map(|settings| opening.whole_tenant(settings, now))
        .collect();
    let brands = config.brands.iter();
    let brands = brands.filter_map(|settings| opening.brand(settings));
    let brands = brands.collect();
    let bypasses = opening.bypasses(&config.trunks);
    let diversions = opening.diversions(&config.trunks);
    let records = opening.records(config, now);
    let trust = opening.trust(&config.trust, trust_version, now);
    let fetch = opening.fetch(&config.fetch);
    let clients = config.public_client_ca_file.as_ref();
    let public = opening.web(&config.public.tls, clients, now);
    let clients = config.door.client_ca_file.as_ref();
    let trunk = opening.web(&config.trunk.tls, clients, now);
    let admin = opening.web(&config.admin.tls, None, now);
    let sip = opening.sip(config, now);
    let hep = opening.hep(&config.hep);
    opening.takeover(config);
    opening.think(config);
    if !opening.mistakes.is_empty() {
        return Err(opening.mistakes);
    }
    Ok(Checked {
        tenants,
        brands,
        bypasses,
        diversions,
        records,
        trust,
        fetch,
        public,
        trunk,
        admin,
        hep,
        sip,
        web_lives: opening.web_lives,
        warnings: opening.warnings,
        files: opening.files,
    })
}

#[derive(Default)]
struct Opening {
    web_lives: BTreeMap<Box<str>, Validity>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Warning>,
    files: BTreeMap<PathBuf, [u8; 32]>,
}

impl Opening {
    fn takeover(&mut self, config: &Config) {
        let Some(path) = &config.sip.takeover_socket else {
            return;
        };
        let Some(folder) = path.value.parent() else {
            return;
        };
        if let Err(fault) = files::refuse_folder_of_all(folder) {
            let cause = Cause::File(folder.into(), fault);
            self.mistakes.push(path.mistake(cause));
        }
    }

    /// A tenant with all its certificates.
    fn whole_tenant(&mut self, settings: &TenantSettings, now: UnixTime) -> Option<Tenant> {
        let own = self.tenant(settings, now);
        let others = settings.credentials.iter();
        let others: Vec<_> = others.map(|one| self.tenant(one, now)).collect();
        let others: Option<Vec<_>> = others.into_iter().collect();
        let (own, others) = (own?, others?);
        let ring = others.iter().map(|one| one.service.clone());
        Some(Tenant {
            service: own.service.with_ring(ring),
            others,
            ..own
        })
    }

    fn tenant(&mut self, settings: &TenantSettings, now: UnixTime) -> Option<Tenant> {
        let chain = self.chain(&settings.certificate_file, now);
        let key = self.note(settings.key_file.value_of(files::read_signing_key));
        let inventory = settings.inventory_file.as_ref();
        let inventory = inventory.map(|file| self.inventory(file));
        let signer = self.signer(settings, chain?, key?)?;
        let signer = self.with_chain(settings, signer);
        let concern = delegation_concern(signer.authority());
        let file = &settings.certificate_file;
        self.warnings
            .extend(concern.map(|concern| file.warning(concern)));
        // Without an inventory no number is listed; one with a mistake has been noted.
        let inventory = match inventory {
            Some(inventory) => inventory?,
            None => Inventory::default(),
        };
        let staples = self.staples(settings, &signer);
        let service = AuthenticationService::new(Arc::new(signer), Arc::new(inventory));
        Some(Tenant {
            name: settings.name.value.clone(),
            service: match &staples {
                Some(staples) => service.with_staples(staples.clone()),
                None => service,
            },
            published_name: settings.published_name().map(Box::from),
            staples,
            others: Vec::new(),
        })
    }

    fn with_chain(&mut self, settings: &TenantSettings, signer: Signer) -> Signer {
        if !settings.x5c.value {
            return signer;
        }
        let signer = signer.with_chain_along();
        if !signer.sends_chain() {
            let concern = settings.x5c.warning(Concern::ChainTooLong);
            self.warnings.push(concern);
        }
        signer
    }

    fn staples(&mut self, settings: &TenantSettings, signer: &Signer) -> Option<Arc<Shelf>> {
        if !settings.staples.value {
            return None;
        }
        let shelf = Shelf::of(&settings.name.value, signer);
        if shelf.is_none() {
            let concern = settings.staples.warning(Concern::NoResponder);
            self.warnings.push(concern);
        }
        shelf.map(Arc::new)
    }

    fn brand(&mut self, settings: &BrandSettings) -> Option<Rule> {
        let mut brand = settings.brand.clone();
        if let Some(file) = &settings.card_file {
            let text = self.note(file.value_of(files::read_text))?;
            self.files
                .insert(file.value.clone(), sha256(text.as_bytes()));
            brand.card = Some(Card::Inline(text.into()));
        }
        if brand
            .icon
            .as_deref()
            .is_some_and(|icon| !picture::is_whole(icon))
        {
            let expected = Expected::Text("a PNG or JPEG in its data: URL");
            self.mistakes
                .push(settings.name.mistake(Cause::Value(expected)));
        }
        let sound = brand.references(|_| None);
        let sound = sound.map_err(|fault| settings.name.mistake(Cause::Brand(fault)));
        self.note(sound)?;
        let warnings = brand.warnings().into_iter();
        let warnings = warnings.map(|warning| settings.name.warning(Concern::Brand(warning)));
        self.warnings.extend(warnings);
        Some(Rule {
            name: settings.name.value.clone(),
            tenant: settings.tenant.value.clone(),
            numbers: settings.numbers.clone(),
            brand,
            carried: settings.carried,
            backwards: settings.backwards,
        })
    }

    fn bypasses(&mut self, trunks: &[TrunkSettings]) -> BTreeMap<Box<str>, Arc<Bypass>> {
        let mut bypasses = BTreeMap::new();
        for trunk in trunks {
            let Some(settings) = &trunk.bypass else {
                continue;
            };
            if let Some(token) = self.note(settings.token_file.value_of(files::read_token)) {
                let bypass = Bypass {
                    header: settings.header.clone(),
                    token: (&*token).into(),
                    on: settings.on.clone(),
                };
                bypasses.insert(trunk.name.value.clone(), Arc::new(bypass));
            }
        }
        bypasses
    }

    fn diversions(&mut self, trunks: &[TrunkSettings]) -> BTreeMap<Box<str>, Arc<Diversions>> {
        let mut diversions = BTreeMap::new();
        for trunk in trunks {
            let Some(settings) = &trunk.diversions else {
                continue;
            };
            let forwards = match &settings.forwards_file {
                Some(file) => self.forwards(file),
                None => Some(Forwards::default()),
            };
            if let Some(forwards) = forwards {
                let all = Diversions { forwards };
                diversions.insert(trunk.name.value.clone(), Arc::new(all));
            }
        }
        diversions
    }

    fn forwards(&mut self, file: &Placed<PathBuf>) -> Option<Forwards> {
        let text = self.note(file.value_of(files::read_text))?;
        self.files
            .insert(file.value.clone(), sha256(text.as_bytes()));
        let parsed = Forwards::parse(&text)
            .map_err(|error| file.mistake(Cause::Forwards(file.value.clone(), error)));
        self.note(parsed)
    }

    fn signer(
        &mut self,
        settings: &TenantSettings,
        chain: CertificateChain,
        key: EcdsaP256Key,
    ) -> Option<Signer> {
        let signer = Signer::new(&settings.x5u.value, Arc::new(key), chain);
        let signer = signer.map_err(|error| {
            let (certificate, key) = (&settings.certificate_file, &settings.key_file);
            match error {
                SignerError::KeyMismatch => key.mistake(Cause::KeyMismatch(key.value.clone())),
                SignerError::NotP256 | SignerError::Path(_) => {
                    certificate.mistake(Cause::Signer(certificate.value.clone(), error))
                }
                SignerError::Url(_) => settings
                    .x5u
                    .mistake(Cause::Signer(PathBuf::from(&*settings.x5u.value), error)),
            }
        });
        self.note(signer)
    }

    fn chain(&mut self, file: &Placed<PathBuf>, now: UnixTime) -> Option<CertificateChain> {
        let bytes = self.read(file)?;
        let parsed = CertificateChain::parse(&bytes)
            .map_err(|error| file.mistake(Cause::Chain(file.value.clone(), error)));
        let chain = self.note(parsed)?;
        let validity = chain.end_entity().validity();
        self.think_of_time(file, validity, now);
        if !chain.end_entity().has_scope() {
            self.warnings.push(file.warning(Concern::NoTnAuthList));
        }
        Some(chain)
    }

    fn inventory(&mut self, file: &Placed<PathBuf>) -> Option<Inventory> {
        let text = self.note(file.value_of(files::read_text))?;
        self.files
            .insert(file.value.clone(), sha256(text.as_bytes()));
        let parsed = Inventory::parse(&text)
            .map_err(|error| file.mistake(Cause::Inventory(file.value.clone(), error)));
        self.note(parsed)
    }

    /// The records of a number authority, if they can be used.
    fn records(&mut self, config: &Config, now: UnixTime) -> Option<Arc<NumberRecords>> {
        let required = ProviderNumbersPolicy::RequireOracle;
        let mut trunks = config.trunks.iter();
        let is_asked = config.verification.provider_numbers == required
            || config.verification.provider_answers == Some(required)
                && trunks.any(|trunk| connected::checks(&trunk.trunk));
        let Some(file) = &config.authority.file else {
            if is_asked {
                let asked = &config.authority.provider_numbers;
                self.warnings.push(asked.warning(TrustConcern::NoRecords));
            }
            return None;
        };
        let text = self.note(file.value_of(files::read_text))?;
        self.files
            .insert(file.value.clone(), sha256(text.as_bytes()));
        let parsed = NumberRecords::parse(&text)
            .map_err(|error| file.mistake(Cause::Records(file.value.clone(), error)));
        let records = self.note(parsed)?;
        let oldest = now.saturating_add(-i64::from(config.verification.number_authority_max_age));
        if !is_asked {
            self.warnings
                .push(file.warning(TrustConcern::RecordsNotAsked));
        } else if records.as_of() < oldest {
            let concern = TrustConcern::RecordsTooOld(records.as_of());
            self.warnings.push(file.warning(concern));
        }
        Some(Arc::new(records))
    }

    fn fetch(&mut self, settings: &FetchSettings) -> FetchPolicy {
        let web_roots = self.general_web_roots(&settings.web_ca_file);
        let exceptions = settings
            .exceptions
            .iter()
            .map(|e| self.exception(e))
            .collect();
        FetchPolicy {
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
            media_types: settings.media_types,
            negative_lifetime: settings.negative_lifetime,
            cache: settings.cache,
            web_roots,
            exceptions,
        }
    }

    fn general_web_roots(&mut self, file: &Placed<PathBuf>) -> Arc<RootCertStore> {
        match file.value_of(files::read_web_roots) {
            Ok(roots) => roots,
            // A machine without the usual file can still fetch from exceptions, and that is all that a lab does.
            Err(_) if file.place == Place::Default => {
                self.warnings.push(file.warning(Concern::NoWebRoots));
                Arc::new(RootCertStore::empty())
            }
            Err(mistake) => {
                self.mistakes.push(mistake);
                Arc::new(RootCertStore::empty())
            }
        }
    }

    fn exception(&mut self, settings: &ExceptionSettings) -> Exception {
        let origin = settings.origin.value.to_string();
        let concern = Concern::FetchException(origin.into());
        self.warnings.push(settings.origin.warning(concern));
        let web_roots = settings.web_ca_file.as_ref();
        Exception {
            origin: settings.origin.value.clone(),
            addresses: settings.addresses.clone(),
            web_roots: web_roots.and_then(|file| self.note(file.value_of(files::read_web_roots))),
        }
    }

    fn hep(&mut self, settings: &HepSettings) -> Option<hep::Settings> {
        let collector = settings.collector.as_ref()?;
        self.warnings
            .push(collector.warning(Concern::WholeMessagesLeave));
        let password = match &settings.password_file {
            Some(file) => Some(self.note(file.value_of(files::read_password))?),
            None => None,
        };
        Some(hep::Settings {
            collector: collector.value,
            capture_id: settings.capture_id,
            password,
        })
    }

    /// What works but deserves a thought.
    fn think(&mut self, config: &Config) {
        let over_udp = !config.sip.udp.is_empty();
        for trunk in config
            .trunks
            .iter()
            .filter(|trunk| over_udp && signs(trunk) && trunk.trunk.mode != Mode::Http)
        {
            let concern = match trunk.udp_source.value {
                UdpSource::Trusted => Concern::UdpSourceTrusted,
                UdpSource::Weak => Concern::UdpSourceWeak,
            };
            // The default was written nowhere: the trunk's name is.
            let warning = match trunk.udp_source.place {
                Place::Default => trunk.name.warning(concern),
                _ => trunk.udp_source.warning(concern),
            };
            self.warnings.push(warning);
        }
        let named = config
            .trunks
            .iter()
            .filter_map(|trunk| trunk.tenant.as_ref());
        let used: BTreeSet<_> = named.map(|name| &name.value).collect();
        let unused = |tenant: &&TenantSettings| !used.contains(&tenant.name.value);
        for tenant in config.tenants.iter().filter(unused) {
            self.warnings.push(tenant.name.warning(Concern::NotUsed));
        }
        let idle = config
            .trunks
            .iter()
            .filter(|trunk| redirects_nothing(trunk));
        let idle = idle.map(|trunk| trunk.name.warning(Concern::RedirectsNothing));
        self.warnings.extend(idle);
        let lost = config.trunks.iter().filter(|trunk| {
            let local = trunk.route.local;
            local.is_some_and(|local| !has_listener(&config.sip, local))
        });
        let lost = lost.map(|trunk| trunk.name.warning(Concern::NoSuchListener));
        self.warnings.extend(lost);
        let trunks = config.trunks.iter();
        let answers = trunks.flat_map(|trunk| connected::concerns(trunk, &config.verification));
        self.warnings.extend(answers);
        let unreached = config.ca.iter().filter(|_| config.public.listen.is_empty());
        let unreached = unreached.map(|ca| ca.certificate_file.warning(Concern::NobodyReaches));
        self.warnings.extend(unreached);
        self.think_of_anchors(config);
        self.think_of_order(&config.trunks);
        self.think_of_listeners(&config.public, &config.admin);
    }

    /// The first trunk that fits a message is its trunk.
    fn think_of_order(&mut self, trunks: &[TrunkSettings]) {
        for (place, trunk) in trunks.iter().enumerate() {
            let covers = |earlier: &&TrunkSettings| earlier.recognition.covers(&trunk.recognition);
            if let Some(earlier) = trunks.iter().take(place).find(covers) {
                let concern = Concern::Overshadowed(earlier.name.value.clone());
                self.warnings.push(trunk.name.warning(concern));
            }
        }
    }

    fn think_of_listeners(&mut self, public: &HttpSettings, admin: &HttpSettings) {
        let elsewhere = admin
            .listen
            .iter()
            .filter(|address| !address.value.ip().is_loopback());
        let open = elsewhere.map(|address| address.warning(Concern::AdminIsOpen));
        self.warnings.extend(open);
        if let (Some(address), None) = (public.listen.first(), &public.tls) {
            self.warnings.push(address.warning(Concern::PublicIsPlain));
        }
    }

    fn read(&mut self, file: &Placed<PathBuf>) -> Option<Vec<u8>> {
        let bytes = self.note(file.value_of(files::read))?;
        self.files.insert(file.value.clone(), sha256(&bytes));
        Some(bytes)
    }

    fn note<T>(&mut self, result: Result<T, Mistake>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(mistake) => {
                self.mistakes.push(mistake);
                None
            }
        }
    }
}

fn signs(trunk: &TrunkSettings) -> bool {
    matches!(trunk.trunk.role, Role::Sign | Role::Both)
}

/// Whether a listener is meant; one with port 0 may be.
fn has_listener(sip: &SipSettings, local: Local) -> bool {
    let mut listeners = [&sip.udp, &sip.tcp, &sip.tls].into_iter().flatten();
    listeners.any(|at| local.is(at.value) || (at.value.port() == 0 && local.ip == at.value.ip()))
}

fn redirects_nothing(trunk: &TrunkSettings) -> bool {
    matches!(trunk.trunk.mode, Mode::Redirect(_)) && trunk.trunk.role == Role::None
}

impl Placed<PathBuf> {
    fn value_of<T>(
        &self,
        read: impl FnOnce(&std::path::Path) -> Result<T, files::FileFault>,
    ) -> Result<T, Mistake> {
        read(&self.value).map_err(|fault| self.mistake(Cause::File(self.value.clone(), fault)))
    }
}

/// RFC 9060 §5: "Authentication services SHOULD NOT use a delegate certificate without validating that its scope of authority is
/// encompassed by that of its parent certificate". What goes beyond is never signed for; others may refuse the rest with it.
fn delegation_concern(authority: &Authority) -> Option<Concern> {
    if !authority.references().is_empty() {
        return Some(Concern::ListByReference);
    }
    match authority.judge_delegations(&delegation::Unknown) {
        Delegation::NotEncompassed(residue) => {
            Some(Concern::BeyondParent(residue.to_string().into()))
        }
        Delegation::Encompassed | Delegation::Unknown(_) => None,
    }
}
