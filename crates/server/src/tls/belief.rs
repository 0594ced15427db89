//! Whether a certificate that a SIP peer shows leads to an anchor of ours, and may speak for a SIP domain.

use super::provider;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use webpki::{EndEntityCert, KeyUsage};

/// id-kp-sipDomain, 1.3.6.1.5.5.7.3.20, of RFC 5924 §4: the content of its OBJECT IDENTIFIER.
const SIP_DOMAIN: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 20];

/// Anchors, and what may be signed with.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Belief {
    pub(super) fn in_anchors(roots: Arc<RootCertStore>) -> Self {
        let algorithms = provider().signature_verification_algorithms;
        Self { roots, algorithms }
    }

    /// Whether the chain leads to an anchor, is valid now, and is meant for a SIP domain, a TLS server or a TLS client.
    ///
    /// A domain certificate speaks for its domain in both directions: RFC 5922 knows one, and public authorities write `serverAuth`
    /// only into theirs (`docs/divergences.md`).
    // RFC 5922 §7.1: "As specified by RFC 5280 [6], Section 4.2.1.12, implementations MUST check for restrictions on certificate
    // usage declared by any extendedKeyUsage extensions in the certificate."
    pub(super) fn judge(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let for_sip = KeyUsage::required_if_present(SIP_DOMAIN);
        let usages = [for_sip, KeyUsage::client_auth()];
        let leads_to_an_anchor = |certificate: &EndEntityCert<'_>, usage: KeyUsage| {
            let (all, roots) = (self.algorithms.all, &self.roots.roots);
            certificate
                .verify_for_usage(all, roots, intermediates, now, usage, None, None)
                .is_ok()
        };
        if let Ok(certificate) = EndEntityCert::try_from(own)
            && usages
                .into_iter()
                .any(|usage| leads_to_an_anchor(&certificate, usage))
        {
            return Ok(());
        }
        // The third usage, and the words for what is wrong.
        let certificate = ParsedCertificate::try_from(own)?;
        rustls::client::verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )
    }

    pub(super) fn tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    pub(super) fn tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    pub(super) fn schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What both verifiers of rustls ask of the signatures of a handshake, answered by the field `belief`.
macro_rules! signatures_by_belief {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signed: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            self.belief.tls12_signature(message, certificate, signed)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signed: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            self.belief.tls13_signature(message, certificate, signed)
        }

        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            self.belief.schemes()
        }
    };
}
pub(super) use signatures_by_belief;
