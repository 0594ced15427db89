//! `[ca]`: the certification authority and the token authority of this server, if it is one.
//!
//! What the settings name is opened by [`crate::authority`]; keys are files or `pkcs11:` URIs everywhere.

pub mod limits;

use self::limits::CaLimits;
use super::place::{Cause, Expected, Placed};
use super::reader::{Reader, placed_choice};
use crate::keys::KeyPlace;
use const_oid::ObjectIdentifier;
use countersign_ca::issuance::SHAKEN_POLICY;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `[ca]`.
#[derive(Clone, Debug)]
pub struct CaSettings {
    /// The authority's certificate and those above it.
    pub certificate_file: Placed<PathBuf>,
    /// Its key.
    pub key: Placed<KeyPlace>,
    /// The https URL of the public listener, as others know it: no slash at its end.
    pub base_url: Placed<Box<str>>,
    /// Where the journal is kept.
    pub store_file: Placed<PathBuf>,
    /// Where checkpoints of the journal are kept, outside of it.
    pub checkpoint_file: Option<Placed<PathBuf>>,
    /// The policy that certificates are issued under.
    pub policy: Option<ObjectIdentifier>,
    /// Whether what deployed clients do is taken, too.
    pub dialect: CaDialect,
    /// Which digest of an account's key tokens name.
    pub fingerprint: Fingerprints,
    /// How often a token counts.
    pub token_reuse: TokenReuse,
    /// Whether a certificate may outlive its token.
    pub outlive_token: bool,
    /// How long certificates live where the order says nothing, in days.
    pub usual_days: i64,
    /// How long they live at most, in days.
    pub longest_days: i64,
    /// What lives no longer than this is never revoked, in hours.
    pub short_lived_hours: i64,
    /// MAC keys of accounts elsewhere.
    pub external_accounts_file: Option<Placed<PathBuf>>,
    /// Whether new accounts must be bound to one.
    pub external_accounts: Placed<Bindings>,
    /// Whether a second person approves certificates of authorities.
    pub second_approval: bool,
    /// Lints that do not refuse a certificate.
    pub ignored_lints: Vec<Box<str>>,
    /// Whose number is whose.
    pub number_authority_file: Option<Placed<PathBuf>>,
    /// How old that may be before it is not known any more.
    pub number_authority_max_age: Duration,
    /// What becomes of requests for numbers of which nobody knows whose they are.
    pub unknown_numbers: Placed<UnknownNumbersRule>,
    /// `[ca.limits]`.
    pub limits: CaLimits,
    /// `[ca.crl]`.
    pub crl: CrlSettings,
    /// `[ca.ocsp]`.
    pub ocsp: OcspSettings,
    /// `[[ca.former]]`.
    pub former: Vec<FormerSettings>,
    /// `[[ca.token_issuers]]`.
    pub token_issuers: Vec<TokenIssuerSettings>,
    /// `[ca.token_authority]`.
    pub token_authority: Option<TokenAuthoritySettings>,
}

/// Whether what deployed clients do is taken, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaDialect {
    /// What the RFCs say. The default.
    #[default]
    Rfc,
    /// What SHAKEN clients in the field do besides.
    Shaken,
}

/// Which digest of an account's key tokens name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fingerprints {
    /// Either of them.
    Either,
    /// The thumbprint of RFC 7638. The default.
    #[default]
    JwkThumbprint,
    /// The digest of the SubjectPublicKeyInfo.
    Spki,
}

/// How often a token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenReuse {
    /// Once.
    Once,
    /// Until it expires. The default.
    #[default]
    UntilExpiry,
}

/// Whether new accounts must be bound to accounts elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bindings {
    /// They may. The default.
    #[default]
    Offered,
    /// They must.
    Required,
}

/// What becomes of requests for numbers of which nobody knows whose they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownNumbersRule {
    /// They are issued. The default.
    #[default]
    Issue,
    /// They are refused.
    Refuse,
}

/// `[ca.crl]`.
#[derive(Clone, Debug)]
pub struct CrlSettings {
    /// The name of the list in `/crl/NAME.crl`.
    pub name: Placed<Box<str>>,
    /// How long a list holds.
    pub lifetime: Duration,
    /// Who signs it, if it is not the authority.
    pub issuer: Option<(Placed<PathBuf>, Placed<KeyPlace>)>,
}

/// `[ca.ocsp]`.
#[derive(Clone, Debug)]
pub struct OcspSettings {
    /// Whether certificates name the responder.
    pub in_certificates: bool,
    /// Who answers, if it is not the authority.
    pub responder: Option<(Placed<PathBuf>, Placed<KeyPlace>)>,
}

/// One of `[[ca.former]]`: the authority with a key that it had before.
#[derive(Clone, Debug)]
pub struct FormerSettings {
    /// Its certificate and those above it.
    pub certificate_file: Placed<PathBuf>,
    /// The key.
    pub key: Placed<KeyPlace>,
    /// The name of the revocation list that its certificates name, if it signed that itself.
    pub crl_name: Option<Placed<Box<str>>>,
}

/// One of `[[ca.token_issuers]]`.
#[derive(Clone, Debug)]
pub struct TokenIssuerSettings {
    /// Its name in logs.
    pub name: Placed<Box<str>>,
    /// Its certificate, or with `common_name` that of the authority above it.
    pub certificate_file: Placed<PathBuf>,
    /// The common name that its certificate has.
    pub common_name: Option<Placed<Box<str>>>,
    /// The `iss` of its tokens.
    pub iss: Option<Box<str>>,
    /// Where its certificate is known to be.
    pub x5u: Option<Box<str>>,
}

/// `[ca.token_authority]`.
#[derive(Clone, Debug)]
pub struct TokenAuthoritySettings {
    /// The certificate that tokens are signed with, and those above it.
    pub certificate_file: Placed<PathBuf>,
    /// Its key.
    pub key: Placed<KeyPlace>,
    /// The `iss` of its tokens.
    pub iss: Option<Box<str>>,
    /// Where its certificate is published; without it the certificate travels in the token.
    pub x5u: Option<Box<str>>,
    /// How long a token counts.
    pub lifetime: Duration,
    /// Authorities that are trusted, for whoever asks for the list of them.
    pub ca_list_file: Option<Placed<PathBuf>>,
    /// How long a list of them holds.
    pub ca_list_lifetime: Duration,
}

/// How long a revocation list holds if nobody says otherwise, in hours. Own decision: a day, as SHAKEN's list.
const DEFAULT_CRL_HOURS: i64 = 24;
/// How old a number authority's file may be if nobody says otherwise, in hours. Own decision: the two days of `verification`, as numbers move daily.
const DEFAULT_NUMBERS_AGE_HOURS: i64 = 48;
/// How long a token counts if nobody says otherwise, in hours. Own decision: a working day's order can be finished with it.
const DEFAULT_TOKEN_HOURS: i64 = 24;
/// How long a list of authorities holds if nobody says otherwise, in hours. Own decision: a day, as the revocation list.
const DEFAULT_CA_LIST_HOURS: i64 = 24;
/// Longest of these: thirty days.
const MAX_HOURS: i64 = 720;
/// How long a certificate lives if nobody says otherwise, in days: the example of RFC 9448 §3.
const DEFAULT_USUAL_DAYS: i64 = 7;
/// Longest, if nobody says otherwise, in days.
const DEFAULT_LONGEST_DAYS: i64 = 365;
/// Longest that can be said: ten years.
const MAX_DAYS: i64 = 3_653;
/// Longest life that can be called short: a week, in hours. Own decision: a revocation list is as old as that at most.
const MAX_SHORT_HOURS: i64 = 168;
/// The revocation list's name if nobody says otherwise.
const DEFAULT_CRL_NAME: &str = "ca";
/// Where tokens are asked for an account.
const KEY_FORM: &str = "a path, or a pkcs11: URI with token, object, module-path and pin-source";

/// Reads `[ca]`; nothing, if no certificate is named there.
pub(super) fn read(mut reader: Reader<'_>, directory: &Path) -> Option<CaSettings> {
    let file = |name: Placed<&str>| name.map(|name| directory.join(name));
    let (written, _) = reader.written_items("certificate_file");
    let certificate_file = reader.text("certificate_file").map(file);
    let key = key(&mut reader, directory);
    let base_url = reader.parsed("base_url", "an https URL without a path", origin);
    let store_file = reader.text("store_file").map(file);
    if written > 0 {
        for (missing, name, what) in [
            (key.is_none(), "key", "the key of the authority"),
            (base_url.is_none(), "base_url", "the URL that others know"),
            (
                store_file.is_none(),
                "store_file",
                "the file of the journal",
            ),
        ] {
            let (there, place) = reader.written_items(name);
            if missing && there == 0 {
                reader.note(name, &place, Cause::Missing(what));
            }
        }
    }
    let settings = Rest::read(&mut reader, directory);
    if written == 0 {
        // Nobody may believe that the rest of it does anything.
        for (name, there) in settings.written(&reader) {
            reader.note(name, &there, Cause::Requires("certificate_file"));
        }
    }
    reader.finish();
    settings.whole(certificate_file?, key?, base_url?, store_file?)
}

/// What has defaults.
struct Rest {
    checkpoint_file: Option<Placed<PathBuf>>,
    policy: Option<ObjectIdentifier>,
    dialect: CaDialect,
    fingerprint: Fingerprints,
    token_reuse: TokenReuse,
    outlive_token: bool,
    usual_days: i64,
    longest_days: i64,
    short_lived_hours: i64,
    external_accounts_file: Option<Placed<PathBuf>>,
    external_accounts: Placed<Bindings>,
    second_approval: bool,
    ignored_lints: Vec<Box<str>>,
    number_authority_file: Option<Placed<PathBuf>>,
    number_authority_max_age: Duration,
    unknown_numbers: Placed<UnknownNumbersRule>,
    limits: CaLimits,
    crl: CrlSettings,
    ocsp: OcspSettings,
    former: Vec<FormerSettings>,
    token_issuers: Vec<TokenIssuerSettings>,
    token_authority: Option<TokenAuthoritySettings>,
}

impl Rest {
    fn read(reader: &mut Reader<'_>, directory: &Path) -> Self {
        let file = |name: Placed<&str>| name.map(|name| directory.join(name));
        let policy = reader.parsed("policy", "an object identifier, or none", policy);
        let bindings = [
            ("offered", Bindings::Offered),
            ("required", Bindings::Required),
        ];
        let unknown = [
            ("issue", UnknownNumbersRule::Issue),
            ("refuse", UnknownNumbersRule::Refuse),
        ];
        let external_accounts_file = reader.text("external_accounts_file").map(file);
        let external_accounts = placed_choice(reader, "external_accounts", &bindings);
        if external_accounts.value == Bindings::Required && external_accounts_file.is_none() {
            let cause = Cause::Requires("external_accounts_file");
            reader.note("external_accounts", &external_accounts.place, cause);
        }
        let number_authority_file = reader.text("number_authority_file").map(file);
        let max_age_h = reader
            .integer("number_authority_max_age_h", 1..=MAX_HOURS)
            .unwrap_or(DEFAULT_NUMBERS_AGE_HOURS);
        let unknown_numbers = placed_choice(reader, "unknown_numbers", &unknown);
        if unknown_numbers.value == UnknownNumbersRule::Refuse && number_authority_file.is_none() {
            let cause = Cause::Requires("number_authority_file");
            reader.note("unknown_numbers", &unknown_numbers.place, cause);
        }
        let lists = crl(reader.table("crl"), directory);
        let (usual_days, longest_days) = lives(reader);
        Self {
            checkpoint_file: reader.text("checkpoint_file").map(file),
            policy: policy.map_or(Some(SHAKEN_POLICY), |policy| policy.value),
            dialect: reader
                .choice(
                    "dialect",
                    &[("rfc", CaDialect::Rfc), ("shaken", CaDialect::Shaken)],
                )
                .unwrap_or_default(),
            fingerprint: reader
                .choice("fingerprint", &FINGERPRINTS)
                .unwrap_or_default(),
            token_reuse: reader.choice("token_reuse", &REUSE).unwrap_or_default(),
            outlive_token: reader.boolean("outlive_token", false).value,
            usual_days,
            longest_days,
            short_lived_hours: reader
                .integer("short_lived_hours", 0..=MAX_SHORT_HOURS)
                .unwrap_or_default(),
            external_accounts_file,
            external_accounts,
            ignored_lints: ignored_lints(reader),
            second_approval: reader.boolean("second_approval", true).value,
            number_authority_file,
            number_authority_max_age: hours_long(max_age_h),
            unknown_numbers,
            limits: limits::read(reader.table("limits")),
            former: former(reader, directory, &lists),
            crl: lists,
            ocsp: ocsp(reader.table("ocsp"), directory),
            token_issuers: reader
                .tables("token_issuers")
                .into_iter()
                .filter_map(|reader| token_issuer(reader, directory))
                .collect(),
            token_authority: token_authority(reader.table("token_authority"), directory),
        }
    }

    /// What somebody has written of it.
    fn written(&self, reader: &Reader<'_>) -> Vec<(&'static str, super::Place)> {
        let names = ["key", "base_url", "store_file", "token_issuers"];
        let places = names
            .into_iter()
            .map(|name| (name, reader.written_items(name)));
        let there = places.filter(|(_, (count, _))| *count > 0);
        there.map(|(name, (_, place))| (name, place)).collect()
    }

    fn whole(
        self,
        certificate_file: Placed<PathBuf>,
        key: Placed<KeyPlace>,
        base_url: Placed<Box<str>>,
        store_file: Placed<PathBuf>,
    ) -> Option<CaSettings> {
        Some(CaSettings {
            certificate_file,
            key,
            base_url,
            store_file,
            checkpoint_file: self.checkpoint_file,
            policy: self.policy,
            dialect: self.dialect,
            fingerprint: self.fingerprint,
            token_reuse: self.token_reuse,
            outlive_token: self.outlive_token,
            usual_days: self.usual_days,
            longest_days: self.longest_days,
            short_lived_hours: self.short_lived_hours,
            external_accounts_file: self.external_accounts_file,
            external_accounts: self.external_accounts,
            ignored_lints: self.ignored_lints,
            second_approval: self.second_approval,
            number_authority_file: self.number_authority_file,
            number_authority_max_age: self.number_authority_max_age,
            unknown_numbers: self.unknown_numbers,
            limits: self.limits,
            crl: self.crl,
            ocsp: self.ocsp,
            former: self.former,
            token_issuers: self.token_issuers,
            token_authority: self.token_authority,
        })
    }
}

/// How long certificates live where the order says nothing, and at most, in days.
fn lives(reader: &mut Reader<'_>) -> (i64, i64) {
    let usual = reader.integer("usual_days", 1..=MAX_DAYS);
    let longest = reader
        .integer("longest_days", 1..=MAX_DAYS)
        .unwrap_or(DEFAULT_LONGEST_DAYS);
    if usual.is_some_and(|usual| usual > longest) {
        let (_, place) = reader.written_items("usual_days");
        let expected = Expected::Text("no more days than longest_days");
        reader.note("usual_days", &place, Cause::Value(expected));
    }
    (usual.unwrap_or(DEFAULT_USUAL_DAYS.min(longest)), longest)
}

fn ignored_lints(reader: &mut Reader<'_>) -> Vec<Box<str>> {
    let name = |name: &str| Some(Box::from(name));
    let names = reader.list("ignored_lints", "the name of a lint", name);
    let names = names.into_iter().flatten();
    names.map(|name| name.value).collect()
}

const FINGERPRINTS: [(&str, Fingerprints); 3] = [
    ("jwk-thumbprint", Fingerprints::JwkThumbprint),
    ("spki", Fingerprints::Spki),
    ("either", Fingerprints::Either),
];
const REUSE: [(&str, TokenReuse); 2] = [
    ("until-expiry", TokenReuse::UntilExpiry),
    ("once", TokenReuse::Once),
];

fn crl(mut reader: Reader<'_>, directory: &Path) -> CrlSettings {
    let name = reader.parsed("name", "letters, digits, - and _", name);
    let name = name.unwrap_or_else(|| reader.default("name", DEFAULT_CRL_NAME.into()));
    let hours = reader.integer("hours", 1..=MAX_HOURS);
    let issuer = delegate(
        &mut reader,
        directory,
        "the other half of who signs the list",
    );
    reader.finish();
    CrlSettings {
        name,
        lifetime: hours_long(hours.unwrap_or(DEFAULT_CRL_HOURS)),
        issuer,
    }
}

/// What the authority was before. Two keys sign no list of one name.
fn former(reader: &mut Reader<'_>, directory: &Path, present: &CrlSettings) -> Vec<FormerSettings> {
    let mut taken = vec![present.name.value.clone()];
    let mut all = Vec::new();
    for mut reader in reader.tables("former") {
        let certificate = reader.required("certificate_file", "its certificate");
        let key = key(&mut reader, directory);
        let crl_name = reader.parsed("crl_name", "letters, digits, - and _", name);
        for (is_missing, name, what) in [
            (key.is_none(), "key", "its key"),
            (
                crl_name.is_none() && present.issuer.is_none(),
                "crl_name",
                "the name of the list that it signed itself",
            ),
        ] {
            let (there, place) = reader.written_items(name);
            if is_missing && there == 0 {
                reader.note(name, &place, Cause::Missing(what));
            }
        }
        if let Some(name) = &crl_name {
            if taken.contains(&name.value) {
                reader.note("crl_name", &name.place, Cause::Duplicate);
            }
            taken.push(name.value.clone());
        }
        reader.finish();
        let certificate_file = certificate.map(|name| name.map(|name| directory.join(name)));
        all.extend(
            certificate_file
                .zip(key)
                .map(|(certificate_file, key)| FormerSettings {
                    certificate_file,
                    key,
                    crl_name,
                }),
        );
    }
    all
}

fn ocsp(mut reader: Reader<'_>, directory: &Path) -> OcspSettings {
    let responder = delegate(&mut reader, directory, "the other half of who answers");
    let in_certificates = reader.boolean("in_certificates", false).value;
    reader.finish();
    OcspSettings {
        in_certificates,
        responder,
    }
}

/// Who signs something in the place of the authority: both its certificate and its key, or neither.
fn delegate(
    reader: &mut Reader<'_>,
    directory: &Path,
    other_half: &'static str,
) -> Option<(Placed<PathBuf>, Placed<KeyPlace>)> {
    let file = |name: Placed<&str>| name.map(|name| directory.join(name));
    let certificate_file = reader.text("certificate_file").map(file);
    let key = key(reader, directory);
    for (one, other, key) in [
        (certificate_file.is_some(), key.is_none(), "key"),
        (
            key.is_some(),
            certificate_file.is_none(),
            "certificate_file",
        ),
    ] {
        let (there, place) = reader.written_items(key);
        if one && other && there == 0 {
            reader.note(key, &place, Cause::Missing(other_half));
        }
    }
    certificate_file.zip(key)
}

fn token_issuer(mut reader: Reader<'_>, directory: &Path) -> Option<TokenIssuerSettings> {
    let file = |name: Placed<&str>| name.map(|name| directory.join(name));
    let issuer_name = reader.required("name", "its name");
    let certificate = reader.required("certificate_file", "its certificate");
    let common_name = reader.text("common_name").map(|name| name.map(Box::from));
    let iss = reader.text("iss").map(|iss| iss.value.into());
    let x5u = reader
        .parsed("x5u", "an https URL", https)
        .map(|url| url.value);
    reader.finish();
    Some(TokenIssuerSettings {
        name: issuer_name?.map(Box::from),
        certificate_file: certificate.map(file)?,
        common_name,
        iss,
        x5u,
    })
}

fn token_authority(mut reader: Reader<'_>, directory: &Path) -> Option<TokenAuthoritySettings> {
    let file = |name: Placed<&str>| name.map(|name| directory.join(name));
    let certificate_file = reader.text("certificate_file").map(file);
    let key = key(&mut reader, directory);
    let iss = reader.text("iss").map(|iss| iss.value.into());
    let x5u = reader
        .parsed("x5u", "an https URL", https)
        .map(|url| url.value);
    let hours = reader.integer("hours", 1..=MAX_HOURS);
    let ca_list_file = reader.text("ca_list_file").map(file);
    let ca_list_hours = reader.integer("ca_list_hours", 1..=MAX_HOURS);
    for (one, other, key) in [
        (certificate_file.is_some(), key.is_none(), "key"),
        (
            key.is_some() || iss.is_some() || x5u.is_some() || ca_list_file.is_some(),
            certificate_file.is_none(),
            "certificate_file",
        ),
    ] {
        let (there, place) = reader.written_items(key);
        if one && other && there == 0 {
            reader.note(key, &place, Cause::Missing("what signs tokens"));
        }
    }
    reader.finish();
    Some(TokenAuthoritySettings {
        certificate_file: certificate_file?,
        key: key?,
        iss,
        x5u,
        lifetime: hours_long(hours.unwrap_or(DEFAULT_TOKEN_HOURS)),
        ca_list_file,
        ca_list_lifetime: hours_long(ca_list_hours.unwrap_or(DEFAULT_CA_LIST_HOURS)),
    })
}

fn hours_long(hours: i64) -> Duration {
    Duration::from_secs(hours.unsigned_abs() * 3_600)
}

/// The key that a table names.
fn key(reader: &mut Reader<'_>, directory: &Path) -> Option<Placed<KeyPlace>> {
    let written = reader.text("key")?;
    match KeyPlace::parse(written.value, directory) {
        Ok(place) => Some(written.map(|_| place)),
        Err(fault) => {
            tracing::debug!(%fault, "not the place of a key");
            reader.note(
                "key",
                &written.place,
                Cause::Value(Expected::Text(KEY_FORM)),
            );
            None
        }
    }
}

/// An https URL that only names a host, without the slash at its end.
fn origin(text: &str) -> Option<Box<str>> {
    let url = url::Url::parse(text).ok()?;
    let plain = url.scheme() == "https"
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let text = text.strip_suffix('/').unwrap_or(text);
    plain.then(|| text.into())
}

fn https(text: &str) -> Option<Box<str>> {
    let url = url::Url::parse(text).ok()?;
    (url.scheme() == "https").then(|| text.into())
}

fn policy(text: &str) -> Option<Option<ObjectIdentifier>> {
    match text {
        "none" => Some(None),
        text => ObjectIdentifier::new(text).ok().map(Some),
    }
}

/// A name that needs no encoding in a URL.
fn name(text: &str) -> Option<Box<str>> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
    fits.then(|| text.into())
}
