//! Opens what `[trust]` names: anchors, signers of lists, the lists that lie on this machine.

use super::{Opening, connected};
use crate::config::Config;
use crate::config::place::{Cause, Concern, Placed, TrustConcern};
use crate::config::trunk::TrunkSettings;
use crate::config::trust::{DomainSettings, TrustSettings};
use crate::fetch::PlainHttp;
use crate::trust::{About, CaListPlan, DomainPlan, Note, Opened, Place, Plan, Refusal, Upkeep};
use countersign::certificate::ocsp::Responders;
use countersign::certificate::rules::PathRules;
use countersign::certificate::{Certificate, NumberScope, chain, pem};
use countersign::crypto::Point;
use countersign::path::CrlIssuer;
use countersign::time::UnixTime;
use countersign::trust::ca_list::Administrator;
use countersign::trust::{
    Anchor, FreshnessMode, FreshnessRule, MAX_ANCHORS, MissingStatus, RevocationRule, Standing,
    TrunkScope,
};
use countersign_sip::trunk::Role;
use std::path::PathBuf;

/// What stands before the point in the DER of a P-256 public key (RFC 5480 §2): the algorithm, the curve, and a bit string.
const P256_KEY_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The label of a public key in PEM (RFC 7468 §13).
const PUBLIC_KEY: &str = "PUBLIC KEY";

impl Opening {
    pub(super) fn trust(
        &mut self,
        settings: &TrustSettings,
        version: u64,
        now: UnixTime,
    ) -> Opened {
        let domains = settings.domains.iter();
        let plan = Plan {
            domains: domains.map(|domain| self.domain(domain)).collect(),
            upkeep: Upkeep {
                state_folder: settings.state_folder.as_ref().map(|at| at.value.clone()),
                refresh: settings.refresh,
                plain: settings.plain.value,
            },
        };
        let (opened, notes) = Opened::open(plan, version, now);
        for note in &notes {
            let domain = settings.domains.iter();
            let domain = domain.filter(|domain| domain.name.value == note.domain);
            for domain in domain {
                self.told(note, domain);
            }
        }
        self.think_of_trust(settings);
        opened
    }

    fn domain(&mut self, settings: &DomainSettings) -> DomainPlan {
        let mut anchors = Vec::new();
        for file in &settings.anchor_files {
            anchors.extend(self.anchors(file, Standing::Public));
        }
        for file in &settings.lab_anchor_files {
            if settings.allow_lab.value {
                self.warnings.push(file.warning(Concern::LabAnchors));
                anchors.extend(self.anchors(file, Standing::Lab));
            } else {
                let allow = settings.allow_lab.key.clone();
                self.mistakes
                    .push(file.mistake(Cause::LabNotAllowed(allow)));
            }
        }
        let administrators = settings.ca_list_signer_files.iter();
        let administrators: Vec<_> = administrators
            .flat_map(|file| self.administrators(file))
            .collect();
        let issuers = settings.crl_issuer_files.iter();
        let crl_issuers = issuers.flat_map(|file| self.crl_issuers(file)).collect();
        let responders = settings.responder_files.iter();
        let responders = responders
            .flat_map(|file| self.certificates(file))
            .collect();
        let trunks: Vec<_> = settings.trunks.iter().map(|name| &*name.value).collect();
        let numbers: Vec<_> = settings.numbers.iter().map(|name| &*name.value).collect();
        DomainPlan {
            name: settings.name.value.clone(),
            trunks: match trunks.is_empty() {
                true => TrunkScope::all(),
                false => TrunkScope::of(&trunks),
            },
            numbers: match numbers.is_empty() {
                true => NumberScope::all(),
                // Each was judged when it was read.
                false => NumberScope::of(&numbers).unwrap_or_else(|_| NumberScope::all()),
            },
            anchors,
            ca_list: settings.ca_list.as_ref().map(|list| CaListPlan {
                place: list.value.clone(),
                administrators,
            }),
            crls: settings
                .crls
                .iter()
                .map(|list| list.value.clone())
                .collect(),
            crl_issuers,
            revocation: settings.rule(),
            list_signers: settings.crl_signers,
            rules: PathRules {
                authority_algorithms: settings.authority_algorithms,
                ..PathRules::default()
            },
            freshness: FreshnessRule {
                mode: settings.freshness.value,
                scope_unknown: settings.scope_unknown,
                missing: settings.missing_status.value,
                responders: Responders(responders),
            },
        }
    }

    fn anchors(&mut self, file: &Placed<PathBuf>, standing: Standing) -> Vec<Anchor> {
        let Some(bytes) = self.read(file) else {
            return Vec::new();
        };
        let anchors = Anchor::from_pem(&bytes, standing)
            .map_err(|error| file.mistake(Cause::Anchors(file.value.clone(), error)));
        self.note(anchors).unwrap_or_default()
    }

    fn administrators(&mut self, file: &Placed<PathBuf>) -> Vec<Administrator> {
        let Some(bytes) = self.read(file) else {
            return Vec::new();
        };
        let mut found: Vec<_> = pem::blocks(&bytes)
            .filter_map(|block| match block.label() {
                pem::CERTIFICATE => {
                    let certificate = Certificate::parse(&block.der().ok()?).ok()?;
                    Some(Administrator::Certificate(Box::new(certificate)))
                }
                PUBLIC_KEY => p256_point(&block.der().ok()?).map(Administrator::Key),
                _ => None,
            })
            .collect();
        if let Ok(certificate) = Certificate::parse(&bytes) {
            found.push(Administrator::Certificate(Box::new(certificate)));
        }
        if found.is_empty() {
            self.mistakes
                .push(file.mistake(Cause::Administrator(file.value.clone())));
        }
        found
    }

    fn certificates(&mut self, file: &Placed<PathBuf>) -> Vec<Certificate> {
        let Some(bytes) = self.read(file) else {
            return Vec::new();
        };
        let certificates = chain::read_all(&bytes, MAX_ANCHORS)
            .map_err(|error| file.mistake(Cause::Certificates(file.value.clone(), error)));
        self.note(certificates).unwrap_or_default()
    }

    fn crl_issuers(&mut self, file: &Placed<PathBuf>) -> Vec<CrlIssuer> {
        let certificates = self.certificates(file).into_iter();
        certificates
            .map(|certificate| CrlIssuer::Pinned(Box::new(certificate)))
            .collect()
    }

    /// A file that cannot be used is a mistake; what the last run kept is not the operator's doing.
    fn told(&mut self, note: &Note, domain: &DomainSettings) {
        let lists = domain.ca_list.iter().chain(&domain.crls);
        let Some(placed) = lists.into_iter().find(|list| list.value == note.place) else {
            return;
        };
        match (&note.about, &note.place) {
            (About::Stale(at), _) => {
                self.warnings
                    .push(placed.warning(TrustConcern::ListStale(*at)));
            }
            (About::Refused(refusal), Place::File(path))
                if !(refusal.is_backwards() || may_be_proven_later(refusal, domain)) =>
            {
                let cause = Cause::List(path.clone(), refusal.clone());
                self.mistakes.push(placed.mistake(cause));
            }
            (About::Refused(refusal), place) => {
                let concern = TrustConcern::ListRefused(place.to_string().into(), refusal.clone());
                self.warnings.push(placed.warning(concern));
            }
        }
    }

    /// What works but deserves a thought.
    fn think_of_trust(&mut self, settings: &TrustSettings) {
        if settings.plain.value == PlainHttp::Allow {
            self.warnings
                .push(settings.plain.warning(TrustConcern::PlainHttpCrls));
        }
        let mut everything: Option<&DomainSettings> = None;
        for domain in &settings.domains {
            if let Some(earlier) = everything {
                let concern = TrustConcern::NothingLeft(earlier.name.value.clone());
                self.warnings.push(domain.name.warning(concern));
            }
            if domain.trunks.is_empty() && domain.numbers.is_empty() {
                everything = everything.or(Some(domain));
            }
            // If nobody has any, the trunk that verifies is told.
            if !domain.has_anchors() && settings.domains.iter().any(DomainSettings::has_anchors) {
                self.warnings.push(domain.name.warning(Concern::NoAnchors));
            }
            self.think_of_lists(domain, settings.state_folder.is_some());
            self.think_of_freshness(domain);
        }
    }

    fn think_of_freshness(&mut self, domain: &DomainSettings) {
        let (mode, missing) = (&domain.freshness, &domain.missing_status);
        match (mode.value, missing.value) {
            (FreshnessMode::Live | FreshnessMode::StapleOrLive, _) => {
                self.warnings
                    .push(mode.warning(TrustConcern::RespondersAreTold));
            }
            (FreshnessMode::StapleOnly, MissingStatus::Hard) => {
                self.warnings
                    .push(missing.warning(TrustConcern::StaplesDemanded));
            }
            _ => {}
        }
    }

    fn think_of_lists(&mut self, domain: &DomainSettings, is_kept: bool) {
        let asked = domain.revocation.as_ref();
        match (domain.rule(), asked, domain.crls.first()) {
            (RevocationRule::Off, Some(written), Some(_)) => {
                self.warnings
                    .push(written.warning(TrustConcern::CrlsNotUsed));
            }
            (RevocationRule::Hard { .. }, Some(written), None) => {
                self.warnings
                    .push(written.warning(TrustConcern::HardWithoutCrls));
            }
            (RevocationRule::Soft { .. }, Some(written), None) => {
                self.warnings
                    .push(written.warning(TrustConcern::SoftWithoutCrls));
            }
            _ => {}
        }
        let mut lists = domain.ca_list.iter().chain(&domain.crls);
        let pulled = lists.find(|list| matches!(list.value, Place::Url(_)));
        if let (Some(pulled), false) = (pulled, is_kept) {
            self.warnings.push(pulled.warning(TrustConcern::NotKept));
        }
    }

    /// A trunk whose calls are to be verified needs somebody to believe.
    pub(super) fn think_of_anchors(&mut self, config: &Config) {
        let verifies = |trunk: &&TrunkSettings| {
            let judges = matches!(trunk.trunk.role, Role::Verify | Role::Both);
            judges || connected::checks(&trunk.trunk)
        };
        let nobody = !config.trust.domains.iter().any(DomainSettings::has_anchors);
        let first = config.trunks.iter().find(verifies);
        if let (Some(trunk), true) = (first, nobody) {
            self.warnings.push(trunk.name.warning(Concern::NoAnchors));
        }
    }
}

/// Whether anchors that are still to come may prove the list.
fn may_be_proven_later(refusal: &Refusal, domain: &DomainSettings) -> bool {
    matches!(refusal, Refusal::CrlNotProven(_)) && domain.ca_list.is_some()
}

fn p256_point(der: &[u8]) -> Option<Box<Point>> {
    let point = der.strip_prefix(&P256_KEY_HEAD)?;
    Some(Box::new(point.try_into().ok()?))
}
