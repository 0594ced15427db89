//! `[verification]` and `[fetch]`: what a proof is worth, and how certificates are fetched.

use super::place::Placed;
use super::reader::Reader;
use super::trust::TrustSettings;
use crate::fetch::{self, Bounds, MediaTypes};
use countersign::certificate::repository_url::Origin;
use countersign::verification::VerificationPolicy;
use countersign::verification::policy::{
    BasePassport, DivertedTo, InheritedConstraints, MAX_DIVERTED_FRESHNESS_SECONDS, MissingDigest,
    MissingMediaKeys, NameRequirement, Order, ProviderNumbersPolicy, Replay, RichFetch, RichPolicy,
    Serialization, StaleDate, StringIat, Thoroughness, X5c, X5cWithoutX5u,
};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where Debian and its relatives keep the certificates that the web trusts.
pub const DEFAULT_WEB_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// `[fetch]`.
#[derive(Clone, Debug)]
pub struct FetchSettings {
    /// Whom TLS trusts.
    pub web_ca_file: Placed<PathBuf>,
    /// Longest fetch.
    pub timeout: Duration,
    /// Largest body, in bytes.
    pub max_bytes: usize,
    /// Which media types are taken for a chain.
    pub media_types: MediaTypes,
    /// How long a failure is remembered.
    pub negative_lifetime: Duration,
    /// How much is kept.
    pub cache: Bounds,
    /// Hosts that may be fetched from although the rules say otherwise.
    pub exceptions: Vec<ExceptionSettings>,
}

/// One of `[[fetch.exceptions]]`.
#[derive(Clone, Debug)]
pub struct ExceptionSettings {
    /// Host and port.
    pub origin: Placed<Origin>,
    /// Addresses that are allowed besides public ones.
    pub addresses: Vec<IpAddr>,
    /// Whom TLS to it trusts.
    pub web_ca_file: Option<Placed<PathBuf>>,
}

/// What of `[verification]` is about certificates that no call needs yet.
#[derive(Clone, Debug)]
pub struct PrewarmSettings {
    /// Whether they are fetched.
    pub enabled: bool,
    /// Where the known signers outlive a restart.
    pub known_signers_file: Option<PathBuf>,
}

/// The number authority of `[verification]`.
#[derive(Clone, Debug)]
pub struct AuthoritySettings {
    /// What a number is that a path covers by provider code only.
    pub provider_numbers: Placed<ProviderNumbersPolicy>,
    /// The file of its records.
    pub file: Option<Placed<PathBuf>>,
}

/// The file of known signers in the folder for what must outlive the process.
const KNOWN_SIGNERS: &str = "known-signers";

impl PrewarmSettings {
    /// With the file where the lists of trust lie, if it is to lie nowhere else.
    pub(super) fn beside(self, trust: &TrustSettings) -> Self {
        let folder = trust.state_folder.as_ref();
        let beside = || folder.map(|folder| folder.value.join(KNOWN_SIGNERS));
        Self {
            known_signers_file: self.known_signers_file.or_else(beside),
            ..self
        }
    }
}

/// A number that is written, or what it is otherwise.
fn whole(value: Option<i64>, default: u32) -> u32 {
    let written = value.and_then(|value| u32::try_from(value).ok());
    written.unwrap_or(default)
}

/// Reads `[verification]`; `excepted` are the origins of `fetch.exceptions`.
pub(super) fn verification(
    mut reader: Reader<'_>,
    directory: &Path,
    excepted: Arc<[Origin]>,
) -> (VerificationPolicy, PrewarmSettings, AuthoritySettings) {
    let defaults = VerificationPolicy::default();
    let policy = VerificationPolicy {
        // An hour is far beyond any clock; a second would refuse the network's own delay.
        freshness: whole(reader.integer("freshness_s", 1..=3_600), defaults.freshness),
        diverted_freshness: whole(
            reader.integer(
                "diverted_freshness_s",
                1..=i64::from(MAX_DIVERTED_FRESHNESS_SECONDS),
            ),
            defaults.diverted_freshness,
        ),
        diverted_to: reader
            .choice("diverted_to", &DIVERTED_TO)
            .unwrap_or_default(),
        // Above 32 s (64*T1, RFC 3261 §17.1.1.2) no caller waits any more.
        deadline: whole(
            reader.integer("deadline_ms", 10..=32_000),
            defaults.deadline,
        ),
        order: reader.choice("order", &ORDERS).unwrap_or_default(),
        thoroughness: reader
            .choice("thoroughness", &THOROUGHNESS)
            .unwrap_or_default(),
        string_iat: reader.choice("string_iat", &STRING_IAT).unwrap_or_default(),
        serialization: reader
            .choice("serialization", &SERIALIZATION)
            .unwrap_or_default(),
        stale_date: reader.choice("stale_date", &STALE_DATE).unwrap_or_default(),
        base_passport: reader
            .choice("base_passport", &BASE_PASSPORT)
            .unwrap_or_default(),
        replay: reader.choice("replay", &REPLAY).unwrap_or_default(),
        max_identity_headers: reader
            .integer("max_identity_headers", 1..=64)
            .and_then(|value| usize::try_from(value).ok())
            .unwrap_or(defaults.max_identity_headers),
        port_exceptions: excepted,
        provider_numbers: reader
            .choice("provider_numbers", &PROVIDER_NUMBERS)
            .unwrap_or_default(),
        provider_answers: reader.choice("provider_answers", &PROVIDER_NUMBERS),
        // A month old, it is nobody's data any more.
        number_authority_max_age: whole(
            reader.integer("number_authority_max_age_s", 60..=2_678_400),
            defaults.number_authority_max_age,
        ),
        x5c: reader.choice("x5c", &X5C).unwrap_or_default(),
        x5c_without_x5u: reader
            .choice("x5c_without_x5u", &X5C_WITHOUT_X5U)
            .unwrap_or_default(),
        rich: rich(&mut reader),
        inherited_constraints: reader
            .choice("inherited_constraints", &INHERITED_CONSTRAINTS)
            .unwrap_or_default(),
        media_keys_missing: reader
            .choice("media_keys_missing", &MEDIA_KEYS_MISSING)
            .unwrap_or_default(),
        ..defaults
    };
    let authority = authority(&mut reader, directory, &policy);
    // Whoever has the records wants to know by them who answers.
    let known = authority.file.as_ref();
    let known = known.map(|_| ProviderNumbersPolicy::RequireOracle);
    let policy = VerificationPolicy {
        provider_answers: policy.provider_answers.or(known),
        ..policy
    };
    let prewarm = prewarm(&mut reader, directory);
    reader.finish();
    (policy, prewarm, authority)
}

/// Reads who says which provider may sign for which number.
fn authority(
    reader: &mut Reader<'_>,
    directory: &Path,
    policy: &VerificationPolicy,
) -> AuthoritySettings {
    AuthoritySettings {
        provider_numbers: match reader.text("provider_numbers") {
            Some(written) => written.map(|_| policy.provider_numbers),
            None => reader.default("provider_numbers", policy.provider_numbers),
        },
        file: reader
            .text("number_authority_file")
            .map(|name| name.map(|name| directory.join(name))),
    }
}

/// Reads whose certificates are fetched before their calls come.
fn prewarm(reader: &mut Reader<'_>, directory: &Path) -> PrewarmSettings {
    let known_signers_file = reader.text("known_signers_file");
    PrewarmSettings {
        enabled: reader.boolean("prewarm", true).value,
        known_signers_file: known_signers_file.map(|name| directory.join(name.value)),
    }
}

/// Reads what `[verification]` says about rich call data.
fn rich(reader: &mut Reader<'_>) -> RichPolicy {
    let signers = reader.list("rich_signers", "a name", |text| {
        (!text.is_empty()).then(|| Box::from(text))
    });
    let signers = signers.unwrap_or_default().into_iter();
    RichPolicy {
        fetch: reader.choice("rich_fetch", &RICH_FETCH).unwrap_or_default(),
        digests: reader
            .choice("rich_digests", &RICH_DIGESTS)
            .unwrap_or_default(),
        name: reader.choice("rich_name", &RICH_NAME).unwrap_or_default(),
        signers: signers.map(|name| name.value).collect(),
    }
}

const RICH_FETCH: [(&str, RichFetch); 2] =
    [("never", RichFetch::Never), ("shown", RichFetch::Shown)];
const RICH_DIGESTS: [(&str, MissingDigest); 2] = [
    ("refuse", MissingDigest::Refuse),
    ("not-shown", MissingDigest::NotShown),
];
const RICH_NAME: [(&str, NameRequirement); 2] = [
    ("required", NameRequirement::Required),
    ("optional", NameRequirement::Optional),
];
const PROVIDER_NUMBERS: [(&str, ProviderNumbersPolicy); 3] = [
    ("accept", ProviderNumbersPolicy::AcceptIfIssuedByTrustedCa),
    ("require-authority", ProviderNumbersPolicy::RequireOracle),
    ("reject", ProviderNumbersPolicy::Reject),
];
const X5C: [(&str, X5c); 2] = [("auto", X5c::Auto), ("never", X5c::Never)];
const X5C_WITHOUT_X5U: [(&str, X5cWithoutX5u); 2] = [
    ("refuse", X5cWithoutX5u::Refuse),
    ("accept", X5cWithoutX5u::Accept),
];
const INHERITED_CONSTRAINTS: [(&str, InheritedConstraints); 2] = [
    ("ignored", InheritedConstraints::IgnoredInAuthorities),
    ("intersect", InheritedConstraints::Intersect),
];
const MEDIA_KEYS_MISSING: [(&str, MissingMediaKeys); 2] = [
    ("accept", MissingMediaKeys::Accept),
    ("fail", MissingMediaKeys::Fail),
];
const ORDERS: [(&str, Order); 2] = [("rfc8224", Order::Rfc8224), ("atis", Order::Atis)];
const THOROUGHNESS: [(&str, Thoroughness); 2] = [
    ("first-fault", Thoroughness::FirstFault),
    ("every-check", Thoroughness::EveryCheck),
];
const DIVERTED_TO: [(&str, DivertedTo); 2] = [
    ("request-uri", DivertedTo::RequestUri),
    ("any-called", DivertedTo::AnyCalled),
];
const STRING_IAT: [(&str, StringIat); 2] = [
    ("refuse", StringIat::Refuse),
    ("lenient", StringIat::Lenient),
];
const SERIALIZATION: [(&str, Serialization); 2] = [
    ("as-received", Serialization::AsReceived),
    ("strict", Serialization::Strict),
];
const STALE_DATE: [(&str, StaleDate); 2] = [
    ("trust-iat", StaleDate::TrustIat),
    ("refuse", StaleDate::Refuse),
];
const BASE_PASSPORT: [(&str, BasePassport); 2] = [
    ("accept", BasePassport::Accept),
    ("refuse", BasePassport::Refuse),
];
const REPLAY: [(&str, Replay); 3] = [
    ("off", Replay::Off),
    ("observe", Replay::Observe),
    ("enforce", Replay::Enforce),
];

pub(super) fn fetch(mut reader: Reader<'_>, directory: &Path) -> FetchSettings {
    let size = |value: Option<i64>, default: usize| {
        value
            .and_then(|value| usize::try_from(value).ok())
            .unwrap_or(default)
    };
    let duration = |value: Option<i64>, unit: u64, default: Duration| {
        value.map_or(default, |value| {
            Duration::from_millis(value.unsigned_abs() * unit)
        })
    };
    let web_ca_file = reader
        .text("web_ca_file")
        .unwrap_or_else(|| reader.default("web_ca_file", DEFAULT_WEB_CA_FILE));
    let settings = FetchSettings {
        web_ca_file: web_ca_file.map(|name| directory.join(name)),
        timeout: duration(
            reader.integer("timeout_ms", 100..=30_000),
            1,
            fetch::DEFAULT_TIMEOUT,
        ),
        max_bytes: size(
            reader.integer("max_bytes", 1_024..=262_144),
            fetch::DEFAULT_MAX_BYTES,
        ),
        media_types: reader
            .choice("media_types", &MEDIA_TYPES)
            .unwrap_or_default(),
        negative_lifetime: duration(
            reader.integer("negative_s", 1..=300),
            1_000,
            fetch::DEFAULT_NEGATIVE_LIFETIME,
        ),
        cache: Bounds {
            entries: size(
                reader.integer("cache_entries", 16..=1_000_000),
                fetch::DEFAULT_CACHE.entries,
            ),
            bytes: reader
                .integer("cache_mib", 1..=16_384)
                .and_then(|mib| usize::try_from(mib).ok())
                .map_or(fetch::DEFAULT_CACHE.bytes, |mib| mib * 1024 * 1024),
        },
        exceptions: reader
            .tables("exceptions")
            .into_iter()
            .filter_map(|reader| exception(reader, directory))
            .collect(),
    };
    reader.finish();
    settings
}

const MEDIA_TYPES: [(&str, MediaTypes); 2] = [
    ("lenient", MediaTypes::Lenient),
    ("strict", MediaTypes::Strict),
];

fn exception(mut reader: Reader<'_>, directory: &Path) -> Option<ExceptionSettings> {
    reader.required("origin", "which host it is about");
    let form = "https://HOST or https://HOST:PORT";
    let origin = reader.parsed("origin", form, |text| Origin::parse(text).ok());
    let addresses = reader.list("addresses", "an IP address", |text| text.parse().ok());
    let web_ca_file = reader.text("web_ca_file");
    reader.finish();
    Some(ExceptionSettings {
        origin: origin?,
        addresses: addresses
            .unwrap_or_default()
            .into_iter()
            .map(|a| a.value)
            .collect(),
        web_ca_file: web_ca_file.map(|name| name.map(|name| directory.join(name))),
    })
}
