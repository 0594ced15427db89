//! Opens what TLS is to prove itself with, and whom it is to believe.

use super::{ENDS_SOON, Opening};
use crate::config::Config;
use crate::config::listeners::{ClientCertificate, SecureSettings, TlsSettings};
use crate::config::place::{Cause, Concern, Place, Placed};
use crate::files::{self, FileFault};
use crate::tls::server::{Clients, Protocol};
use crate::tls::{self, Credential, TlsFault, identity};
use countersign::time::{UnixTime, Validity};
use countersign_sip::trunk::Mode;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::PathBuf;
use std::sync::Arc;

/// What TLS goes by for SIP.
#[derive(Clone, Debug, Default)]
pub struct SipTls {
    /// For those who connect to us; `None`: nobody does.
    pub listeners: Option<Arc<ServerConfig>>,
    /// For next hops.
    pub hops: Option<Arc<ClientConfig>>,
    /// How long our own certificate is valid.
    pub validity: Option<Validity>,
}

impl Opening {
    /// TLS of an HTTP listener. Who has a certificate of these authorities is known by it; who has none may be known by address.
    pub(super) fn web(
        &mut self,
        settings: &Option<TlsSettings>,
        client_ca_file: Option<&Placed<PathBuf>>,
        now: UnixTime,
    ) -> Option<Arc<ServerConfig>> {
        let clients = match client_ca_file {
            None => Clients::NotAsked,
            Some(file) => {
                if settings.is_none() {
                    let cause = Cause::Requires("certificate_file and key_file");
                    self.mistakes.push(file.mistake(cause));
                }
                self.read(file)?;
                Clients::Optional(self.note(file.value_of(files::read_web_roots))?)
            }
        };
        let settings = settings.as_ref()?;
        let credential = self.credential(settings)?;
        let life = credential.validity();
        let end = life.map(|validity| validity.not_after);
        let section = settings.certificate_file.key.rsplit_once('.');
        let section = section.map_or("http", |(section, _)| section);
        self.web_lives
            .extend(life.map(|life| (section.into(), life)));
        // Whoever connects judges it. A repository that some still believe is better than none.
        if let Some(end) = end.filter(|end| now.saturating_add(ENDS_SOON) > *end) {
            let concern = Concern::EndsSoon(end);
            let file = &settings.certificate_file;
            self.warnings.push(file.warning(concern));
        }
        let config = tls::server::config(&credential, &clients, Protocol::Http);
        self.note(config.map_err(|error| no_tls(&settings.key_file, error)))
    }

    /// TLS of SIP, on both sides.
    pub(super) fn sip(&mut self, config: &Config, now: UnixTime) -> SipTls {
        let settings = &config.sip.secure;
        let credential = settings.credential.as_ref();
        let credential = credential.map(|one| (one, self.sip_domain(one, now)));
        if let (Some(address), None) = (config.sip.tls.first(), &credential) {
            let cause = Cause::Requires("sip.certificate_file and sip.key_file");
            self.mistakes.push(address.mistake(cause));
        }
        self.think_of_peers(config);
        let clients = self.clients(settings);
        let ours = match &credential {
            Some((_, None)) => return SipTls::default(),
            Some((settings, Some(credential))) => Some((*settings, credential)),
            None => None,
        };
        if let Some((settings, credential)) = ours {
            self.think_of_names(config, settings, credential);
        }
        SipTls {
            listeners: ours
                .zip(clients)
                .and_then(|((settings, credential), clients)| {
                    let config = tls::server::config(credential, &clients, Protocol::Sip);
                    self.note(config.map_err(|error| no_tls(&settings.key_file, error)))
                }),
            hops: self.hops(config, ours.map(|(_, credential)| credential)),
            validity: ours.and_then(|(_, credential)| credential.validity()),
        }
    }

    fn hops(
        &mut self,
        config: &Config,
        credential: Option<&Credential>,
    ) -> Option<Arc<ClientConfig>> {
        let file = &config.sip.secure.ca_file;
        let roots = match file.value_of(files::read_web_roots) {
            Ok(roots) => roots,
            // A machine without the usual file may have next hops without TLS. The others prove nothing then.
            Err(_) if file.place == Place::Default => Arc::new(RootCertStore::empty()),
            Err(mistake) => {
                self.mistakes.push(mistake);
                return None;
            }
        };
        let made = tls::client::config(roots, credential);
        self.note(made.map_err(|error| no_tls(file, error)))
    }

    fn clients(&mut self, settings: &SecureSettings) -> Option<Clients> {
        let Some(file) = &settings.client_ca_file else {
            return Some(Clients::NotAsked);
        };
        self.read(file)?;
        let roots = self.note(file.value_of(files::read_web_roots))?;
        Some(match settings.client_certificate {
            ClientCertificate::Optional => Clients::Optional(roots),
            ClientCertificate::Required => Clients::Required(roots),
        })
    }

    /// What proves a SIP domain, valid now: a peer that is shown another certificate refuses every call.
    fn sip_domain(&mut self, settings: &TlsSettings, now: UnixTime) -> Option<Credential> {
        let credential = self.credential(settings)?;
        if let Some(validity) = credential.validity() {
            self.think_of_time(&settings.certificate_file, validity, now);
        }
        Some(credential)
    }

    /// A chain and the key that belongs to it.
    fn credential(&mut self, settings: &TlsSettings) -> Option<Credential> {
        let TlsSettings {
            certificate_file,
            key_file,
        } = settings;
        self.read(certificate_file)?;
        let read = Credential::read(&certificate_file.value, &key_file.value);
        let read = read.map_err(|fault| {
            let (file, fault) = match fault {
                TlsFault::Certificate(fault) => (certificate_file, fault),
                TlsFault::Key(fault) => (key_file, fault),
            };
            file.mistake(Cause::File(file.value.clone(), fault))
        });
        self.note(read)
    }

    /// Whether a certificate is valid now, and for a while.
    pub(super) fn think_of_time(
        &mut self,
        file: &Placed<PathBuf>,
        validity: Validity,
        now: UnixTime,
    ) {
        let path = || file.value.clone();
        if now > validity.not_after {
            let cause = Cause::Expired(path(), validity.not_after);
            self.mistakes.push(file.mistake(cause));
        } else if now < validity.not_before {
            let cause = Cause::NotYetValid(path(), validity.not_before);
            self.mistakes.push(file.mistake(cause));
        } else if now.saturating_add(ENDS_SOON) > validity.not_after {
            let concern = Concern::EndsSoon(validity.not_after);
            self.warnings.push(file.warning(concern));
        }
    }

    /// Whether peers that compare names will believe us.
    fn think_of_names(&mut self, config: &Config, settings: &TlsSettings, credential: &Credential) {
        let names = credential.identities();
        let file = &settings.certificate_file;
        if names.is_empty() {
            self.warnings.push(file.warning(Concern::NoSipDomain));
        }
        let Some(advertised) = &config.sip.advertise else {
            return;
        };
        let host = match advertised.value.rsplit_once(':') {
            Some((host, _)) if !host.contains(':') => host,
            _ => &advertised.value,
        };
        let is_name = !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_err();
        if is_name && !names.is_empty() && !identity::proves(&names, host) {
            let concern = Concern::NotNamed(host.into());
            self.warnings.push(file.warning(concern));
        }
    }

    /// Names that nobody could prove.
    fn think_of_peers(&mut self, config: &Config) {
        for trunk in &config.trunks {
            let (file, needed) = match trunk.trunk.mode {
                Mode::Http => (&config.door.client_ca_file, "http.trunk.client_ca_file"),
                _ => (&config.sip.secure.client_ca_file, "sip.client_ca_file"),
            };
            if let (None, Some(identity)) = (file, &trunk.tls_identity) {
                self.mistakes
                    .push(identity.mistake(Cause::Requires(needed)));
            }
        }
    }
}

fn no_tls(file: &Placed<PathBuf>, error: rustls::Error) -> crate::config::Mistake {
    let fault = FileFault::NoTls(error);
    file.mistake(Cause::File(file.value.clone(), fault))
}
