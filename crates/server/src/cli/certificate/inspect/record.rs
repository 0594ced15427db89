//! What a certificate says, for programs: the JSON of `certificate inspect --json`, whose shape other people's scripts rely on.

use super::super::names::{hex, named};
use countersign::certificate::extensions::{Criticality, oid};
use countersign::certificate::{
    BasicConstraints, Certificate, KeyUsage, PublicKey, SignatureAlgorithm, TnEntry,
};
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
    pub(super) signature: String,
    pub(super) ca: bool,
    pub(super) path_length: Option<u64>,
    pub(super) key_usage: Option<Vec<&'static str>>,
    /// `null` if there is none, or none that can be read: then `malformed` names it.
    pub(super) tnauthlist: Option<Vec<Entry>>,
    pub(super) policies: Vec<String>,
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
        let constraints = certificate.basic_constraints();
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
            key: key(certificate.public_key()),
            serial: hex(certificate.serial()),
            signature: signature(certificate.signature_algorithm()),
            ca: certificate.is_ca(),
            path_length: constraints.and_then(|BasicConstraints { path_len, .. }| path_len),
            key_usage: certificate.key_usage().map(uses),
            tnauthlist: list.map(|list| list.entries().iter().map(entry).collect()),
            policies: certificate
                .policies()
                .iter()
                .map(ToString::to_string)
                .collect(),
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

fn key(key: &PublicKey) -> String {
    match key {
        PublicKey::P256(_) => "P-256".to_owned(),
        PublicKey::P384(_) => "P-384".to_owned(),
        PublicKey::P521(_) => "P-521".to_owned(),
        PublicKey::Rsa(_) => "RSA".to_owned(),
        PublicKey::Other { .. } => named(&key.kind()),
    }
}

fn signature(algorithm: SignatureAlgorithm) -> String {
    let name = match algorithm {
        SignatureAlgorithm::EcdsaWithSha256 => "ecdsa-with-SHA256",
        SignatureAlgorithm::EcdsaWithSha384 => "ecdsa-with-SHA384",
        SignatureAlgorithm::EcdsaWithSha512 => "ecdsa-with-SHA512",
        SignatureAlgorithm::RsaWithSha256 => "sha256WithRSAEncryption",
        SignatureAlgorithm::RsaWithSha384 => "sha384WithRSAEncryption",
        SignatureAlgorithm::RsaWithSha512 => "sha512WithRSAEncryption",
        SignatureAlgorithm::Other(algorithm) => return named(&algorithm),
    };
    name.to_owned()
}

fn uses(usage: KeyUsage) -> Vec<&'static str> {
    [
        (usage.digital_signature(), "digitalSignature"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
    ]
    .into_iter()
    .filter_map(|(has, name)| has.then_some(name))
    .collect()
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
    const TOLD: [const_oid::ObjectIdentifier; 7] = [
        oid::AUTHORITY_KEY_IDENTIFIER,
        oid::BASIC_CONSTRAINTS,
        oid::CERTIFICATE_POLICIES,
        oid::KEY_USAGE,
        oid::SUBJECT_ALT_NAME,
        oid::SUBJECT_KEY_IDENTIFIER,
        oid::TN_AUTH_LIST,
    ];
    TOLD.iter().any(|kind| kind.to_string() == extension.oid)
}
