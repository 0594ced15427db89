//! What a certificate says, for programs: the JSON of `certificate inspect --json`, whose shape other people's scripts rely on.

use super::super::names::{hex, named};
use countersign::certificate::access::Description;
use countersign::certificate::distribution::{DistributionPoint, GeneralName, PointName};
use countersign::certificate::extensions::{Criticality, oid};
use countersign::certificate::{BasicConstraints, Certificate, TnEntry, Version};
use serde::Serialize;

/// One certificate.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    pub(super) file: &'a str,
    /// Which of the file, counted from 1.
    pub(super) index: usize,
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) validity: Validity,
    pub(super) key: String,
    /// Hexadecimal.
    pub(super) serial: String,
    pub(super) version: u8,
    pub(super) signature: String,
    pub(super) ca: bool,
    pub(super) path_length: Option<u64>,
    pub(super) key_usage: Option<Vec<&'static str>>,
    /// `null` if there is none, or none that can be read: then `malformed` names it.
    pub(super) tnauthlist: Option<Vec<Entry>>,
    /// Where the list is that is not in the certificate.
    pub(super) tnauthlist_url: Option<String>,
    /// What the claims of tokens are held to.
    pub(super) constraints: Vec<Constraints>,
    pub(super) policies: Vec<String>,
    pub(super) crl: Vec<Point>,
    pub(super) no_revocation: bool,
    pub(super) access: Vec<Access>,
    pub(super) aki: Option<String>,
    pub(super) ski: Option<String>,
    pub(super) names: Vec<String>,
    pub(super) extensions: Vec<Extension>,
    /// Extensions that we know and cannot read.
    pub(super) malformed: Vec<String>,
    pub(super) sha256: String,
}

/// From when to when, both included.
#[derive(Debug, Serialize)]
pub(super) struct Validity {
    pub(super) not_before: String,
    pub(super) not_after: String,
}

/// One entry of a TN Authorization List.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    One(String),
    Range { start: String, count: u64 },
    Spc(String),
}

/// JWTClaimConstraints or EnhancedJWTClaimConstraints.
#[derive(Debug, Serialize)]
pub(super) struct Constraints {
    /// `jwt` for RFC 8226's, `enhanced` for RFC 9118's.
    pub(super) kind: &'static str,
    pub(super) must_include: Vec<String>,
    pub(super) permitted_values: Vec<Permitted>,
    pub(super) must_exclude: Vec<String>,
}

/// The values that a claim may have.
#[derive(Debug, Serialize)]
pub(super) struct Permitted {
    pub(super) claim: String,
    pub(super) values: Vec<String>,
}

/// Where revocations are published.
#[derive(Debug, Serialize)]
pub(super) struct Point {
    pub(super) urls: Vec<String>,
    /// Who signs the list, where that is not the issuer of the certificate.
    pub(super) issuer: Option<String>,
}

/// Where more can be had.
#[derive(Debug, Serialize)]
pub(super) struct Access {
    pub(super) method: String,
    pub(super) url: Option<String>,
}

/// That an extension is there.
#[derive(Debug, Serialize)]
pub(super) struct Extension {
    pub(super) oid: String,
    pub(super) name: Option<&'static str>,
    pub(super) critical: bool,
}

/// What cannot be read.
#[derive(Debug, Serialize)]
pub(super) struct Unread<'a> {
    pub(super) file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<usize>,
    pub(super) error: &'a str,
}

impl Unread<'_> {
    /// One line.
    pub(super) fn to_json(&self) -> String {
        // Strings and numbers: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl<'a> Record<'a> {
    /// Of certificate `index` of a file.
    pub(super) fn of(file: &'a str, index: usize, certificate: &Certificate) -> Self {
        let validity = certificate.validity();
        let basic = certificate.basic_constraints();
        let list = certificate.tn_auth_list();
        Self {
            file,
            index,
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            validity: Validity {
                not_before: validity.not_before.to_string(),
                not_after: validity.not_after.to_string(),
            },
            key: named(&certificate.public_key().kind()),
            serial: hex(certificate.serial()),
            version: match certificate.version() {
                Version::V1 => 1,
                Version::V2 => 2,
                Version::V3 => 3,
            },
            signature: named(&certificate.signature_algorithm().oid()),
            ca: certificate.is_ca(),
            path_length: basic.and_then(|BasicConstraints { path_len, .. }| path_len),
            key_usage: certificate
                .extension(oid::KEY_USAGE)
                .filter(|_| certificate.key_usage().is_some())
                .map(|usage| uses(usage.value)),
            tnauthlist: list.map(|list| list.entries().iter().map(entry).collect()),
            tnauthlist_url: certificate.tn_list_url().map(ToString::to_string),
            constraints: constraints(certificate),
            policies: certificate
                .policies()
                .iter()
                .map(ToString::to_string)
                .collect(),
            crl: certificate
                .distribution_points()
                .iter()
                .map(point)
                .collect(),
            no_revocation: certificate.has_no_rev_avail(),
            access: access(certificate),
            aki: certificate.aki().map(hex),
            ski: certificate.ski().map(hex),
            names: names(certificate),
            extensions: certificate
                .raw_extensions()
                .map(|one| Extension {
                    oid: one.kind.to_string(),
                    name: super::super::names::word(&one.kind),
                    critical: one.criticality == Criticality::Critical,
                })
                .collect(),
            malformed: certificate
                .malformed_extensions()
                .iter()
                .map(named)
                .collect(),
            sha256: hex(&certificate.sha256()),
        }
    }

    /// One line.
    pub(super) fn to_json(&self) -> String {
        // Strings, numbers and lists: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The bits of a key usage that is known to be well formed.
fn uses(bit_string: &[u8]) -> Vec<&'static str> {
    // RFC 5280 §4.2.1.3: the names of the bits, in their order.
    const NAMES: [&str; 9] = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];
    // Behind tag, length and the count of unused bits.
    let octets = bit_string.get(3..).unwrap_or_default();
    let has = |bit: usize| {
        let octet = octets.get(bit / 8).copied().unwrap_or_default();
        octet << (bit % 8) & 0x80 != 0
    };
    let bits = NAMES.iter().enumerate();
    bits.filter(|(bit, _)| has(*bit))
        .map(|(_, name)| *name)
        .collect()
}

fn constraints(certificate: &Certificate) -> Vec<Constraints> {
    let Some(both) = certificate.claim_constraints() else {
        return Vec::new();
    };
    let told = [("jwt", &both.plain), ("enhanced", &both.enhanced)];
    let told = told
        .into_iter()
        .filter_map(|(kind, list)| Some((kind, list.as_ref()?)));
    told.map(|(kind, list)| Constraints {
        kind,
        must_include: owned(&list.must_include),
        permitted_values: list
            .permitted_values
            .iter()
            .map(|permitted| Permitted {
                claim: permitted.claim.to_string(),
                values: owned(&permitted.values),
            })
            .collect(),
        must_exclude: owned(&list.must_exclude),
    })
    .collect()
}

fn owned(texts: &[Box<str>]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn point(point: &DistributionPoint) -> Point {
    let issuer = point.crl_issuer.iter().find_map(GeneralName::directory);
    Point {
        urls: point
            .name
            .iter()
            .flat_map(PointName::uris)
            .map(str::to_owned)
            .collect(),
        issuer: issuer.map(ToString::to_string),
    }
}

fn access(certificate: &Certificate) -> Vec<Access> {
    let descriptions = certificate.access().map(|access| access.descriptions());
    let descriptions = descriptions.unwrap_or_default().iter();
    let describe = |one: &Description| Access {
        method: named(&one.method),
        url: one.uri.as_deref().map(str::to_owned),
    };
    descriptions.map(describe).collect()
}

fn entry(entry: &TnEntry) -> Entry {
    match entry {
        TnEntry::Spc(code) => Entry::Spc(code.to_string()),
        TnEntry::Range(range) => Entry::Range {
            start: range.start().to_string(),
            count: range.count(),
        },
        TnEntry::One(number) => Entry::One(number.to_string()),
    }
}

/// The names beside the subject.
fn names(certificate: &Certificate) -> Vec<String> {
    let Some(names) = certificate.subject_alt_name() else {
        return Vec::new();
    };
    let dns = names.dns.iter().map(|name| format!("DNS:{name}"));
    let uris = names.uris.iter().map(|uri| format!("URI:{uri}"));
    dns.chain(uris).collect()
}

/// Whether everything that is in an extension is told by a field of its own.
pub(super) fn is_told(extension: &Extension) -> bool {
    const TOLD: [const_oid::ObjectIdentifier; 12] = [
        oid::AUTHORITY_INFORMATION_ACCESS,
        oid::AUTHORITY_KEY_IDENTIFIER,
        oid::BASIC_CONSTRAINTS,
        oid::CERTIFICATE_POLICIES,
        oid::JWT_CLAIM_CONSTRAINTS,
        oid::ENHANCED_JWT_CLAIM_CONSTRAINTS,
        oid::CRL_DISTRIBUTION_POINTS,
        oid::KEY_USAGE,
        oid::NO_REV_AVAIL,
        oid::SUBJECT_ALT_NAME,
        oid::SUBJECT_KEY_IDENTIFIER,
        oid::TN_AUTH_LIST,
    ];
    TOLD.iter().any(|kind| kind.to_string() == extension.oid)
}
