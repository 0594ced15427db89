//! What a listener proves itself with, and whom it asks who they are.

use super::belief::{Belief, signatures_by_belief};
use super::{Credential, provider};
use arc_swap::ArcSwapOption;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{DistinguishedName, Error, RootCertStore, ServerConfig};
use std::sync::Arc;

/// What a listener proves itself with; with nothing it speaks without TLS. Can be replaced: new connections get the new one.
#[derive(Default)]
pub struct Tls(ArcSwapOption<ServerConfig>);

impl Tls {
    /// Proves itself with this from now on.
    pub fn replace(&self, config: Option<Arc<ServerConfig>>) {
        self.0.store(config);
    }

    /// What it proves itself with now.
    pub fn current(&self) -> Option<Arc<ServerConfig>> {
        self.0.load_full()
    }
}

impl From<Option<Arc<ServerConfig>>> for Tls {
    fn from(config: Option<Arc<ServerConfig>>) -> Self {
        Self(config.into())
    }
}

/// Whom a listener asks for a certificate. One that is shown and leads to no anchor ends the handshake in any case.
#[derive(Clone, Debug, Default)]
pub enum Clients {
    /// Nobody: they prove nothing.
    #[default]
    NotAsked,
    /// Everybody; who has none proves nothing. With these anchors.
    Optional(Arc<RootCertStore>),
    /// Everybody, and who has none is not talked to. With these anchors.
    Required(Arc<RootCertStore>),
}

/// What is spoken inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1. A client's certificate must be meant for TLS clients, if it says what it is meant for.
    Http,
    /// SIP. A client's certificate is that of a domain: RFC 5922.
    Sip,
}

/// A listener that proves itself with `credential`, for [`Tls::replace`].
///
/// # Errors
/// If there is no anchor although clients are asked for certificates.
pub fn config(
    credential: &Credential,
    clients: &Clients,
    protocol: Protocol,
) -> Result<Arc<ServerConfig>, Error> {
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = match asked(clients) {
        None => builder.with_no_client_auth(),
        Some((roots, need)) => builder.with_client_cert_verifier(verifier(roots, need, protocol)?),
    };
    let mut config = builder.with_cert_resolver(credential.resolver());
    if protocol == Protocol::Http {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
    }
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Whether a client must have a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Optional,
    Required,
}

fn asked(clients: &Clients) -> Option<(&Arc<RootCertStore>, Need)> {
    match clients {
        Clients::NotAsked => None,
        Clients::Optional(roots) => Some((roots, Need::Optional)),
        Clients::Required(roots) => Some((roots, Need::Required)),
    }
}

fn verifier(
    roots: &Arc<RootCertStore>,
    need: Need,
    protocol: Protocol,
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    // Builds for SIP, too: it refuses to be without an anchor.
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider());
    if need == Need::Optional {
        builder = builder.allow_unauthenticated();
    }
    let for_http = builder
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    Ok(match protocol {
        Protocol::Http => for_http,
        Protocol::Sip => Arc::new(Domains {
            subjects: roots.subjects(),
            belief: Belief::in_anchors(roots.clone()),
            need,
        }),
    })
}

/// Believes the domain certificates of SIP peers that connect to us.
#[derive(Debug)]
struct Domains {
    belief: Belief,
    subjects: Vec<DistinguishedName>,
    need: Need,
}

impl ClientCertVerifier for Domains {
    fn client_auth_mandatory(&self) -> bool {
        self.need == Need::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.belief.judge(end_entity, intermediates, now)?;
        Ok(ClientCertVerified::assertion())
    }

    signatures_by_belief!();
}
