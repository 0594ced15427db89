//! Extensions of certificates and revocation lists, one function each: [RFC 5280 §4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2),
//! [RFC 5280 §5.2](https://www.rfc-editor.org/rfc/rfc5280#section-5.2), [RFC 5280 §5.3](https://www.rfc-editor.org/rfc/rfc5280#section-5.3) and
//! [RFC 8226 §9](https://www.rfc-editor.org/rfc/rfc8226#section-9).
//!
//! Which certificate gets which is decided in [`crate::issuance`].

use const_oid::ObjectIdentifier;
use countersign::certificate::encode::{self, constructed, element, primitive, sequence};
use countersign::certificate::extensions::oid;
use countersign::certificate::ocsp::{NO_CHECK, OCSP_SIGNING};
use countersign::certificate::{DistinguishedName, TnAuthList};
use countersign::crypto::{Point, sha1_name};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

const CERTIFICATE_POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const CRL_REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// One extension: what it is, whether it must be understood, and the DER of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// What it is.
    pub kind: ObjectIdentifier,
    /// Whether who does not understand it must refuse the whole.
    pub criticality: Criticality,
    /// The DER inside its OCTET STRING.
    pub value: Vec<u8>,
}

/// Whether who does not understand an extension must refuse the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criticality {
    /// Must refuse.
    Critical,
    /// May read over it.
    NonCritical,
}

impl Extension {
    /// A critical extension.
    pub fn critical(kind: ObjectIdentifier, value: Vec<u8>) -> Self {
        Self {
            kind,
            criticality: Criticality::Critical,
            value,
        }
    }

    /// An extension that may be read over.
    pub fn non_critical(kind: ObjectIdentifier, value: Vec<u8>) -> Self {
        Self {
            kind,
            criticality: Criticality::NonCritical,
            value,
        }
    }

    /// `Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }`
    pub fn to_der(&self) -> Vec<u8> {
        let critical = match self.criticality {
            Criticality::Critical => encode::yes(),
            Criticality::NonCritical => Vec::new(),
        };
        sequence(&[
            encode::oid(&self.kind),
            critical,
            encode::octet_string(&self.value),
        ])
    }
}

/// What follows in the path of a certificate that certifies others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathLength {
    /// At most so many intermediate certificates.
    AtMost(u8),
    /// No bound.
    Unbounded,
}

/// basicConstraints of a certification authority.
// RFC 5280 §4.2.1.9: "Conforming CAs MUST include this extension in all CA certificates that contain public keys used to
// validate digital signatures on certificates and MUST mark the extension as critical in such certificates."
pub fn authority_constraints(length: PathLength) -> Extension {
    let bound = match length {
        PathLength::AtMost(count) => encode::integer(&[count]),
        PathLength::Unbounded => Vec::new(),
    };
    Extension::critical(oid::BASIC_CONSTRAINTS, sequence(&[encode::yes(), bound]))
}

/// basicConstraints of an end entity: empty, critical as the SHAKEN profile wants it.
pub fn end_entity_constraints() -> Extension {
    Extension::critical(oid::BASIC_CONSTRAINTS, sequence(&[]))
}

/// Bits of keyUsage, RFC 5280 §4.2.1.3, as [`key_usage`] takes them.
pub mod usage {
    /// Sign PASSporTs.
    pub const DIGITAL_SIGNATURE: u16 = 1 << 15;
    /// Sign certificates.
    pub const KEY_CERT_SIGN: u16 = 1 << 10;
    /// Sign revocation lists.
    pub const CRL_SIGN: u16 = 1 << 9;
}

/// keyUsage of the given [`usage`] bits.
// RFC 5280 §4.2.1.3: "When present, conforming CAs SHOULD mark this extension as critical."
pub fn key_usage(bits: u16) -> Extension {
    Extension::critical(oid::KEY_USAGE, encode::named_bits(bits))
}

/// The identifier of a key: 160 bits.
// RFC 5280 §4.2.1.2: "(1) The keyIdentifier is composed of the 160-bit SHA-1 hash of the value of the BIT STRING
// subjectPublicKey (excluding the tag, length, and number of unused bits)."
pub fn key_identifier(key: &Point) -> Vec<u8> {
    sha1_name(key).to_vec()
}

/// subjectKeyIdentifier.
pub fn subject_key(key: &Point) -> Extension {
    let value = encode::octet_string(&key_identifier(key));
    Extension::non_critical(oid::SUBJECT_KEY_IDENTIFIER, value)
}

/// authorityKeyIdentifier, naming the issuer's key by `identifier`.
pub fn authority_key(identifier: &[u8]) -> Extension {
    let value = sequence(&[element(primitive(0), identifier)]);
    Extension::non_critical(oid::AUTHORITY_KEY_IDENTIFIER, value)
}

/// certificatePolicies of one policy, without qualifiers.
pub fn policy(policy: &ObjectIdentifier) -> Extension {
    let value = sequence(&[sequence(&[encode::oid(policy)])]);
    Extension::non_critical(CERTIFICATE_POLICIES, value)
}

/// Where revocations are published, and who signs the list.
#[derive(Clone, Debug)]
pub struct CrlPoint {
    /// The URL of the list.
    pub url: Box<str>,
    /// Its issuer.
    pub issuer: DistinguishedName,
}

/// cRLDistributionPoints of one point, in a certificate issued by `issuer`.
pub fn distribution_point(point: &CrlPoint, issuer: &DistinguishedName) -> Extension {
    // RFC 5280 §4.2.1.13: "If the certificate issuer is also the CRL issuer, then conforming CAs MUST omit the cRLIssuer field
    // and MUST include the distributionPoint field."
    let crl_issuer = if point.issuer.as_der() == issuer.as_der() {
        Vec::new()
    } else {
        element(constructed(2), &directory_name(&point.issuer))
    };
    let value = sequence(&[sequence(&[full_name(&point.url), crl_issuer])]);
    Extension::non_critical(oid::CRL_DISTRIBUTION_POINTS, value)
}

/// noRevAvail.
// RFC 9608 §2: "Conforming CAs MUST include this extension in certificates for which no revocation information will be published.
// When present, conforming CAs MUST mark this extension as non-critical."
pub fn no_rev_avail() -> Extension {
    Extension::non_critical(oid::NO_REV_AVAIL, encode::null())
}

/// subjectAltName of SIP domains: [RFC 5922 §6](https://www.rfc-editor.org/rfc/rfc5922#section-6) as `sip:` URIs.
pub fn sip_domains(domains: &[Box<str>]) -> Extension {
    let uris: Vec<_> = domains
        .iter()
        .map(|domain| element(primitive(6), format!("sip:{domain}").as_bytes()))
        .collect();
    Extension::non_critical(oid::SUBJECT_ALT_NAME, sequence(&uris))
}

/// subjectAltName of a web server: host names and addresses, as [RFC 9525 §6.3](https://www.rfc-editor.org/rfc/rfc9525#section-6.3)
/// looks for them. For the https of a lab's repository; no STI certificate has one.
pub fn web_names(hosts: &[&str], addresses: &[IpAddr]) -> Extension {
    let hosts = hosts
        .iter()
        .map(|host| element(primitive(2), host.as_bytes()));
    let addresses = addresses.iter().map(|address| match address {
        IpAddr::V4(v4) => element(primitive(7), &v4.octets()),
        IpAddr::V6(v6) => element(primitive(7), &v6.octets()),
    });
    Extension::non_critical(
        oid::SUBJECT_ALT_NAME,
        sequence(&hosts.chain(addresses).collect::<Vec<_>>()),
    )
}

/// extKeyUsage of a web server: id-kp-serverAuth, RFC 5280 §4.2.1.12.
pub fn server_authentication() -> Extension {
    Extension::non_critical(EXTENDED_KEY_USAGE, sequence(&[encode::oid(&SERVER_AUTH)]))
}

/// extKeyUsage of a responder: id-kp-OCSPSigning, RFC 6960 §4.2.2.2.
pub fn ocsp_signing() -> Extension {
    Extension::non_critical(EXTENDED_KEY_USAGE, sequence(&[encode::oid(&OCSP_SIGNING)]))
}

/// id-pkix-ocsp-nocheck.
// RFC 6960 §4.2.2.2.1: "A CA may specify that an OCSP client can trust a responder for the lifetime of the responder's certificate. The
// CA does so by including the extension id-pkix-ocsp-nocheck. This SHOULD be a non-critical extension. The value of the extension SHALL
// be NULL."
pub fn ocsp_no_check() -> Extension {
    Extension::non_critical(NO_CHECK, encode::null())
}

/// TNAuthList.
// RFC 8226 §9: "The non-critical TN Authorization List certificate extension is included in the certificate's extension field"
pub fn tn_auth_list(list: &TnAuthList) -> Extension {
    Extension::non_critical(oid::TN_AUTH_LIST, list.to_der())
}

/// authorityInfoAccess: methods, and the URL of each.
// RFC 5280 §4.2.2.1: "Conforming CAs MUST mark this extension as non-critical." RFC 8226 §10.1: "When the "id-ad-stirTNList" accessMethod
// is used, the accessLocation MUST be an HTTPS URI", as a TnListUrl is.
pub fn authority_access(methods: &[(ObjectIdentifier, &str)]) -> Extension {
    let descriptions: Vec<_> = methods
        .iter()
        .map(|(method, url)| {
            let location = element(primitive(6), url.as_bytes());
            sequence(&[encode::oid(method), location])
        })
        .collect();
    Extension::non_critical(oid::AUTHORITY_INFORMATION_ACCESS, sequence(&descriptions))
}

/// cRLNumber, RFC 5280 §5.2.3.
pub fn crl_number(number: u64) -> Extension {
    Extension::non_critical(CRL_NUMBER, encode::integer(&number.to_be_bytes()))
}

/// Whose certificates a revocation list speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlScope {
    /// Those of the authority that signs the list.
    Direct,
    /// Those of any authority; each entry says whose.
    Indirect,
}

/// issuingDistributionPoint; `None` where it would be empty.
// RFC 5280 §5.2.5: "Conforming CRLs issuers MUST NOT issue CRLs where the DER encoding of the issuing distribution point
// extension is an empty sequence."
pub fn issuing_distribution_point(url: Option<&str>, scope: CrlScope) -> Option<Extension> {
    let name = url.map(full_name).unwrap_or_default();
    let indirect = match scope {
        CrlScope::Direct => Vec::new(),
        CrlScope::Indirect => element(primitive(4), &[0xff]),
    };
    if name.is_empty() && indirect.is_empty() {
        return None;
    }
    let value = sequence(&[name, indirect]);
    Some(Extension::critical(ISSUING_DISTRIBUTION_POINT, value))
}

/// reasonCode of an entry, RFC 5280 §5.3.1.
pub fn reason(code: u8) -> Extension {
    Extension::non_critical(CRL_REASON, element(encode::ENUMERATED, &[code]))
}

/// certificateIssuer of an entry.
// RFC 5280 §5.3.3: "CRL issuers MUST mark this extension as critical since an implementation that ignored this extension could
// not correctly attribute CRL entries to certificates."
pub fn certificate_issuer(name: &DistinguishedName) -> Extension {
    Extension::critical(
        CERTIFICATE_ISSUER,
        element(encode::SEQUENCE, &directory_name(name)),
    )
}

/// `[0] DistributionPointName`, itself `[0] fullName` of one URI.
fn full_name(url: &str) -> Vec<u8> {
    let uri = element(primitive(6), url.as_bytes());
    element(constructed(0), &element(constructed(0), &uri))
}

/// `[4] directoryName` of a GeneralName: EXPLICIT, because Name is a CHOICE.
fn directory_name(name: &DistinguishedName) -> Vec<u8> {
    element(constructed(4), name.as_der())
}
