//! `countersign ca enroll`: a certificate from an authority, over ACME ([RFC 8555](https://www.rfc-editor.org/rfc/rfc8555)), by an
//! authority token ([RFC 9448](https://www.rfc-editor.org/rfc/rfc9448)).

use super::super::Outcome;
use super::super::console::Console;
use super::super::trouble::Trouble;
use super::super::web::{Web, WebFlags};
use super::names::{self, KeyFlags, NameFlags, ScopeFlags};
use super::record::hex;
use super::trouble::CaTrouble;
use crate::clock::{Clock, SystemClock};
use crate::enrolling::{self, News, Words};
use crate::files::{self, FileFault};
use crate::keys::{KeyFault, KeyPlace};
use clap::{ArgGroup, Args, ValueEnum};
use countersign::certificate::TnAuthList;
use countersign::crypto::SigningKey;
use countersign::jose::base64url;
use countersign::time::UnixTime;
use countersign::verification::Unavailable;
use countersign_ca::Subject;
use countersign_ca::csr::{self, CertificationRequest};
use countersign_ca::enrolment::{
    Enrolled, Enrolment, ExternalAccount, Failure, Opening, Proof, Terms, TokenAuthority,
    TokenSource, Wish,
};
use countersign_ca::extension::{self, PathLength, usage};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Flags of `ca enroll`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("proof").required(true)))]
#[command(after_help = "\
Examples:
  countersign ca enroll https://ca.example.org/acme/directory --account-key account.key --key provider.key \\
    --certificate provider.pem --organization Example --name 'SHAKEN 1234' --spc 1234 \\
    --token-authority https://authority.example.org/at/account/acme/token --secret-file secret.txt
  countersign token request https://… --account-key account.key --spc 1234 --secret-file secret.txt > token.txt
  countersign ca enroll https://… … --spc 1234 --token-file token.txt --json
  countersign ca enroll https://… … --numbers 12025550100-12025550149 --numbers 12025550160 --token-authority https://… …
  countersign ca enroll https://… … --numbers 12025550100-12025550149 --authority --path-length 1 --token-authority https://… …

Both keys are made where they are named and stay there; the account key is used again if it is there already. The chain is put \
at --certificate as a whole, and what it was asked for is checked first: our key, our numbers.

Exit codes: 0 here is the certificate, 1 the authority refused (it says why), 4 nobody answered in time, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// The directory of the authority: https://…/directory
    directory: String,
    /// The key of the account: a file, or a pkcs11: URI; made if it is not there
    #[arg(long, value_name = "FILE|URI")]
    account_key: String,
    #[command(flatten)]
    key: KeyFlags,
    /// Where the chain is put
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    #[command(flatten)]
    names: NameFlags,
    #[command(flatten)]
    scope: ScopeFlags,
    /// Ask for the certificate of an authority that may delegate these numbers (RFC 9060)
    #[arg(long)]
    authority: bool,
    /// Most authorities below that one
    #[arg(long, value_name = "N", default_value_t = 0, requires = "authority")]
    path_length: u8,
    /// A file with the authority token
    #[arg(long, value_name = "FILE", group = "proof")]
    token_file: Option<PathBuf>,
    /// Where tokens are had: https://…/at/account/ID/token
    #[arg(long, value_name = "URL", group = "proof")]
    token_authority: Option<String>,
    /// A file with the secret of the account there, which only its owner may read
    #[arg(long, value_name = "FILE", requires = "token_authority")]
    secret_file: Option<PathBuf>,
    /// Which words the authorities understand
    #[arg(long, value_enum, default_value = "rfc")]
    dialect: DialectFlag,
    /// Agree to the terms of the authority
    #[arg(long)]
    agree_to_terms: bool,
    /// Whom the authority may write to: mailto:…; may be given again
    #[arg(long, value_name = "URL")]
    contact: Vec<String>,
    /// The key identifier of an account elsewhere (RFC 8555 §7.3.4)
    #[arg(long, value_name = "TEXT", requires = "external_key_file")]
    external_account: Option<String>,
    /// A file with the MAC key of it, base64url, which only its owner may read
    #[arg(long, value_name = "FILE", requires = "external_account")]
    external_key_file: Option<PathBuf>,
    /// How long the certificate is to live; the authority decides if nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=names::MAX_DAYS))]
    days: Option<i64>,
    /// The same in hours: no longer than the token counts, where the authority holds to that
    #[arg(long, value_name = "N", conflicts_with = "days", value_parser = clap::value_parser!(i64).range(1..=names::MAX_HOURS))]
    hours: Option<i64>,
    /// Go on with an order that was placed before for the same key
    #[arg(long, value_name = "URL")]
    order: Option<String>,
    /// How long it is tried
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    timeout: i64,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    web: WebFlags,
}

/// Which words the authorities understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DialectFlag {
    /// RFC 9447 and 9448
    Rfc,
    /// Deployed SHAKEN: the token as "atc", its request flat, the fingerprint of the key in DER
    Shaken,
}

impl From<DialectFlag> for Words {
    fn from(flag: DialectFlag) -> Self {
        match flag {
            DialectFlag::Rfc => Self::Rfc,
            DialectFlag::Shaken => Self::Shaken,
        }
    }
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    let clock = SystemClock::start();
    let mut web = Web::new(&arguments.web, clock)?;
    let opening = arguments.opening()?;
    let proof = arguments.proof()?;
    // Nothing is made for what cannot be asked.
    let wanted = (arguments.names.subject()?, arguments.list()?);
    arguments.places()?;
    let account = account_key(&arguments.account_key)?;
    let (place, key) = arguments.key.make()?;
    let now = clock.now().unix;
    let wish = Wish {
        directory: arguments.directory.as_str().into(),
        opening,
        request: arguments.request(&wanted, &place, &*key)?,
        proof,
        not_after: arguments.not_after(now),
        order: arguments.order.as_deref().map(Box::from),
        deadline: now.saturating_add(arguments.timeout),
    };
    let mut enrolment = Enrolment::new(wish, account);
    let (runtime, fetcher) = web.fetcher()?;
    let mut said = String::new();
    let told = |news: News<'_>| tell_news(news, &mut said, console);
    let done = runtime.block_on(enrolling::run(&mut enrolment, fetcher, &clock, told));
    let enrolled = done.map_err(|why| {
        if let Failure::Forbidden(url, _) = &why {
            console.remark(format_args!("{url}: {}", web.hint(url)));
        }
        let order = enrolment.order().map(Box::from);
        CaTrouble::Enrolment(why, order)
    })?;
    let path = &arguments.certificate;
    files::publish(path, enrolled.chain.to_pem().as_bytes())
        .map_err(|error| CaTrouble::ChainNotKept(path.clone(), error, enrolled.order.clone()))?;
    arguments.tell(&enrolled, &place, console);
    Ok(Outcome::Done)
}

impl Arguments {
    /// That keys and chain each have a place of their own, which can be written, and that nothing but an older chain is lost.
    fn places(&self) -> Result<(), CaTrouble> {
        let account = names::key_place(&self.account_key)?;
        names::apart(&account, &self.certificate)?;
        self.key.is_apart(&self.certificate)?;
        let key = self.key.there()?.map(|key| key.public_key());
        names::is_replaceable(&self.certificate, key.as_ref())?;
        names::can_be_put(&self.certificate)
    }

    fn opening(&self) -> Result<Opening, CaTrouble> {
        let binding = match (&self.external_account, &self.external_key_file) {
            (Some(kid), Some(path)) => Some(ExternalAccount {
                kid: kid.as_str().into(),
                key: mac_key(path)?,
            }),
            _ => None,
        };
        Ok(Opening {
            contact: self.contact.iter().map(|url| url.as_str().into()).collect(),
            terms: match self.agree_to_terms {
                true => Terms::Agreed,
                false => Terms::NotAgreed,
            },
            binding,
        })
    }

    fn proof(&self) -> Result<Proof, CaTrouble> {
        let secret = self.secret_file.as_deref().map(read_secret).transpose()?;
        let (wrapping, fingerprint, field) = Words::from(self.dialect).spelling();
        let source = match (&self.token_authority, &self.token_file) {
            (Some(url), _) => TokenSource::Authority(TokenAuthority {
                url: url.as_str().into(),
                authorization: secret.map(|secret| format!("Bearer {secret}").into()),
                wrapping,
                fingerprint,
            }),
            (None, Some(path)) => {
                let token = files::read_text(path);
                let token = token.map_err(|fault| CaTrouble::File(path.clone(), fault))?;
                TokenSource::Given(token.trim().into())
            }
            // One of both is there: clap has seen to it.
            (None, None) => return Err(CaTrouble::NoProof),
        };
        Ok(Proof::Token { source, field })
    }

    /// For which numbers.
    fn list(&self) -> Result<TnAuthList, CaTrouble> {
        self.scope.list()?.ok_or(CaTrouble::NoNumbers)
    }

    /// What the authority is asked to sign.
    fn request(
        &self,
        (subject, list): &(Subject, TnAuthList),
        place: &KeyPlace,
        key: &dyn SigningKey,
    ) -> Result<CertificationRequest, CaTrouble> {
        let mut extensions = match self.authority {
            true => vec![
                extension::authority_constraints(PathLength::AtMost(self.path_length)),
                extension::key_usage(usage::KEY_CERT_SIGN | usage::CRL_SIGN),
            ],
            false => vec![
                extension::end_entity_constraints(),
                extension::key_usage(usage::DIGITAL_SIGNATURE),
            ],
        };
        extensions.push(extension::tn_auth_list(list));
        let der = csr::write(subject.name(), &extensions, key);
        let der = der.map_err(|_| CaTrouble::NotSigned(place.clone()))?;
        CertificationRequest::parse(&der)
            .map_err(|fault| CaTrouble::Request(self.certificate.clone(), fault))
    }

    fn not_after(&self, now: UnixTime) -> Option<UnixTime> {
        let hours = self.hours.map(|hours| hours.saturating_mul(names::HOUR));
        let seconds = hours.or_else(|| Some(self.days?.saturating_mul(86_400)))?;
        Some(now.saturating_add(seconds))
    }

    fn tell(&self, enrolled: &Enrolled, place: &KeyPlace, console: &mut Console) {
        let own = enrolled.chain.end_entity();
        let validity = own.validity();
        let list = own.tn_auth_list();
        let scope = list.map(|list| list.entries().iter().map(ToString::to_string).collect());
        let scope: Vec<String> = scope.unwrap_or_default();
        if self.json {
            console.line(serde_json::json!({
                "certificate": self.certificate,
                "key": place.to_string(),
                "subject": own.subject().to_string(),
                "issuer": own.issuer().to_string(),
                "serial": hex(own.serial()),
                "not_before": validity.not_before.to_string(),
                "not_after": validity.not_after.to_string(),
                "tnauthlist": scope,
                "x5u": enrolled.x5u,
                "order": enrolled.order,
                "account": enrolled.account,
            }));
            return;
        }
        console.line(format_args!("certificate  {}", self.certificate.display()));
        console.line(format_args!("key          {place}"));
        console.line(format_args!("subject      {}", own.subject()));
        console.line(format_args!("for          {}", scope.join(", ")));
        console.line(format_args!("valid until  {}", validity.not_after));
        if let Some(x5u) = &enrolled.x5u {
            console.line(format_args!("x5u          {x5u}"));
        }
    }
}

/// Tells what is in the way, once each: a wait of ten minutes in silence helps nobody.
fn tell_news(news: News<'_>, said: &mut String, console: &mut Console) {
    let text = match news {
        News::Asking(stage) => return console.progress(format_args!("asking for {stage}")),
        News::Nothing(url, Unavailable::Tls) => format!(
            "{url}: {}; --web-ca FILE names whom TLS trusts instead of the system's anchors; it is tried again",
            Unavailable::Tls
        ),
        News::Nothing(url, why) => format!("{url}: {why}; it is tried again"),
        News::Processing(order) => {
            format!(
                "{order}: the authority works on it; somebody there may have to approve it first"
            )
        }
    };
    if *said != text {
        console.remark(&text);
        *said = text;
    }
}

/// The key of the account, made if it is not there.
fn account_key(text: &str) -> Result<Arc<dyn SigningKey>, CaTrouble> {
    let place = names::key_place(text)?;
    let key = match place.open() {
        Err(KeyFault::File(fault)) if fault.is_missing() => place.generate(),
        Err(KeyFault::NoKey) => place.generate(),
        opened => opened,
    };
    key.map_err(|fault| CaTrouble::Key(place, fault))
}

fn read_secret(path: &Path) -> Result<Arc<str>, CaTrouble> {
    files::read_token(path).map_err(|fault| CaTrouble::File(path.into(), fault))
}

fn mac_key(path: &Path) -> Result<Box<[u8]>, CaTrouble> {
    let text = read_secret(path)?;
    let key = base64url::decode(text.trim_end_matches('='));
    match key {
        Ok(key) if !key.is_empty() => Ok(key.into()),
        _ => Err(CaTrouble::from(Trouble::File(
            path.into(),
            FileFault::NoKey,
        ))),
    }
}
