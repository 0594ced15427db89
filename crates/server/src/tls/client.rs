//! How we connect to a next hop: whom we believe, and that it is the host we mean.

use super::belief::{Belief, signatures_by_belief};
use super::identity::{identities, proves};
use super::{Credential, provider};
use rustls::client::Resumption;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use std::net::IpAddr;
use std::sync::Arc;

/// Connections to hosts that must lead to one of these anchors. With `credential` we prove ourselves to whoever asks.
///
/// # Errors
/// If TLS cannot be set up, which no configuration causes.
pub fn config(
    roots: Arc<RootCertStore>,
    credential: Option<&Credential>,
) -> Result<Arc<ClientConfig>, Error> {
    let belief = Belief::in_anchors(roots);
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Hosts { belief }));
    let mut config = match credential {
        None => builder.with_no_client_auth(),
        Some(credential) => builder.with_client_cert_resolver(credential.resolver()),
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Who a next hop must prove to be: the host of this name, or of this address if it has none.
///
/// # Errors
/// If the name is none that a certificate could hold.
pub fn host(
    name: Option<&str>,
    address: IpAddr,
) -> Result<ServerName<'static>, InvalidDnsNameError> {
    match name {
        None => Ok(ServerName::IpAddress(address.to_canonical().into())),
        Some(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()),
    }
}

/// Believes hosts that show a certificate of their own name.
#[derive(Debug)]
struct Hosts {
    belief: Belief,
}

impl ServerCertVerifier for Hosts {
    // RFC 5922 §7.3: "the client MUST compare the original domain portion of the SIP AUS used as input to the RFC 3263 [8] server
    // location procedures to the SIP domain identities obtained from the certificate."
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.belief.judge(end_entity, intermediates, now)?;
        let names = identities(std::slice::from_ref(end_entity));
        let is_meant = match server_name {
            ServerName::DnsName(name) => proves(&names, name.as_ref()),
            // RFC 5922 speaks of domains only. An address is found where RFC 5280 §4.2.1.6 puts it, or as the host of a sip URI.
            address => {
                let certificate = ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&certificate, address).is_ok()
                    || proves(&names, &address.to_str())
            }
        };
        match is_meant {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    signatures_by_belief!();
}
