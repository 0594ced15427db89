//! What the operator has decided, in the words of the deciders: ACME and tokens.

use super::keys::Use;
use super::{Office, OfficeFault, chain};
use crate::config::ca::{
    Bindings, CaDialect, CaSettings, Fingerprints, TokenIssuerSettings, TokenReuse,
};
use crate::files;
use countersign::certificate::Certificate;
use countersign::crypto::SigningKey;
use countersign::jose::base64url;
use countersign_ca::acme::practice::{
    BindingNeed, ExternalAccounts, Former, Lifetimes, Outliving, Reuse,
};
use countersign_ca::acme::{Dialect, Practice};
use countersign_ca::token::validation::TokenIssuer;
use countersign_ca::token::{FingerprintRule, Header, Spelling};
use countersign_ca::{Authority, token_authority};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

const DAY: i64 = 86_400;

/// The practice of the ACME server.
///
/// # Errors
/// [`OfficeFault`] if a file that it needs cannot be used.
pub fn acme(office: &Office, authority: Authority) -> Result<Practice, OfficeFault> {
    let settings = &office.settings;
    let base = &settings.base_url.value;
    let issuers = settings.token_issuers.iter().map(token_issuer);
    let mut practice = Practice::new(&format!("{base}/acme"), authority);
    practice.rules = office.rules();
    practice.chain = below_the_anchor(office.chain.certificates()).into();
    let former = office.former.iter().map(|former| Former {
        certificate: former.certificate().clone(),
        chain: below_the_anchor(former.chain.certificates()).into(),
    });
    practice.former = former.collect();
    practice.repository = Some(format!("{base}/certificates").into());
    practice.dialect = match settings.dialect {
        CaDialect::Rfc => Dialect::Rfc,
        CaDialect::Shaken => Dialect::Shaken,
    };
    practice.token_issuers = issuers.collect::<Result<_, _>>()?;
    practice.fingerprint = match settings.fingerprint {
        Fingerprints::Either => FingerprintRule::Either,
        Fingerprints::JwkThumbprint => FingerprintRule::JwkThumbprint,
        Fingerprints::Spki => FingerprintRule::Spki,
    };
    practice.token_reuse = match settings.token_reuse {
        TokenReuse::Once => Reuse::Once,
        TokenReuse::UntilExpiry => Reuse::UntilExpiry,
    };
    practice.outliving = match settings.outlive_token {
        true => Outliving::Allowed,
        false => Outliving::Forbidden,
    };
    practice.token_authority = settings.token_authority.as_ref().map(|_| base.clone());
    practice.external = external(settings)?;
    practice.rates = settings.limits.rates;
    practice.lifetimes = Lifetimes {
        usual: settings.usual_days.saturating_mul(DAY),
        longest: settings.longest_days.saturating_mul(DAY),
        never_revoked: settings.short_lived_hours.saturating_mul(3_600),
        ..Lifetimes::default()
    };
    Ok(practice)
}

/// What a client gets after its certificate: all but the anchor, which it must have from elsewhere.
fn below_the_anchor(chain: &[Certificate]) -> Vec<Certificate> {
    let is_anchor = |one: &Certificate| one.issuer().as_der() == one.subject().as_der();
    let below = chain.iter().filter(|one| !is_anchor(one)).cloned();
    below.collect()
}

/// Who issues tokens that are taken.
pub(super) fn token_issuer(settings: &TokenIssuerSettings) -> Result<TokenIssuer, OfficeFault> {
    let path = &settings.certificate_file.value;
    let certificate = chain(path)?.end_entity().clone();
    let issuer = match &settings.common_name {
        Some(name) => TokenIssuer::below(certificate, &name.value),
        None => TokenIssuer::holder_of(certificate),
    };
    let issuer = issuer.map_err(|_| OfficeFault::NotAnIssuer(path.clone()))?;
    let mut issuer = issuer.with_name(&settings.name.value);
    issuer.iss.clone_from(&settings.iss);
    issuer.x5u.clone_from(&settings.x5u);
    Ok(issuer)
}

/// The accounts elsewhere that new ones are bound to.
pub(super) fn external(settings: &CaSettings) -> Result<ExternalAccounts, OfficeFault> {
    let need = match settings.external_accounts.value {
        Bindings::Offered => BindingNeed::Offered,
        Bindings::Required => BindingNeed::Required,
    };
    let keys = match &settings.external_accounts_file {
        Some(file) => external_accounts(&file.value)?,
        None => Vec::new(),
    };
    Ok(ExternalAccounts::new(need, keys))
}

/// A key identifier and its MAC key.
type ExternalAccount = (Box<str>, Vec<u8>);

/// Key identifiers and MAC keys: `KEY-ID,KEY` a line, the key in base64url.
fn external_accounts(path: &Path) -> Result<Vec<ExternalAccount>, OfficeFault> {
    let text = files::read_secret_text(path);
    let text = text.map_err(|fault| OfficeFault::File(path.into(), fault))?;
    let mut accounts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let account = line.split_once(',').and_then(|(kid, key)| {
            let key = base64url::decode(key.trim()).ok()?;
            (!kid.is_empty() && !key.is_empty()).then(|| (kid.trim().into(), key))
        });
        let bad = || OfficeFault::ExternalAccount(path.into(), index + 1);
        accounts.push(account.ok_or_else(bad)?);
    }
    Ok(accounts)
}

/// What our own tokens are made with.
#[derive(Clone)]
pub struct TokenDesk {
    /// What is written into them.
    pub practice: token_authority::Practice,
    /// What signs them.
    pub key: Arc<dyn SigningKey>,
    /// Who signs them.
    pub certificate: Certificate,
}

impl fmt::Debug for TokenDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDesk({})", self.certificate.subject())
    }
}

/// The token authority, if this server is one.
///
/// # Errors
/// [`OfficeFault`].
pub fn tokens(office: &Office) -> Result<Option<TokenDesk>, OfficeFault> {
    let Some(settings) = &office.settings.token_authority else {
        return Ok(None);
    };
    let chain = chain(&settings.certificate_file.value)?;
    let key = office.key(&settings.key.value, Use::Tokens)?;
    let certificate = chain.end_entity().clone();
    if certificate.public_key().p256() != Some(&key.public_key()) {
        let path = settings.certificate_file.value.clone();
        return Err(OfficeFault::NotAnIssuer(path));
    }
    let header = match settings.x5u.clone() {
        Some(x5u) => Header {
            x5c: None,
            x5u: Some(x5u),
        },
        // The certificate travels in the token: whoever judges it fetches nothing.
        None => Header {
            x5c: Some(
                chain
                    .certificates()
                    .iter()
                    .map(|one| one.as_der().into())
                    .collect(),
            ),
            x5u: None,
        },
    };
    let lifetime = u32::try_from(settings.lifetime.as_secs()).unwrap_or(u32::MAX);
    let mut practice = token_authority::Practice::new(header, lifetime);
    practice.iss.clone_from(&settings.iss);
    practice.spelling = match office.settings.dialect {
        CaDialect::Rfc => Spelling::Exact,
        CaDialect::Shaken => Spelling::Loose,
    };
    practice.crl = Some(office.list_url().into());
    practice.tokens_per_hour = office.settings.limits.tokens_per_hour;
    // What is not known of an account's provider code is refused whatever `unknown_numbers` says: our token is what others go by.
    if let Some(numbers) = office.numbers() {
        practice.providers = numbers;
    }
    Ok(Some(TokenDesk {
        practice,
        key,
        certificate,
    }))
}
