//! `countersign token request`: a token from a token authority, RFC 9448 §5.5.

use super::super::Outcome;
use super::super::console::{Console, visible};
use super::super::trouble::Trouble;
use super::super::web::{Web, WebFlags};
use super::TokenTrouble;
use super::account::{RuleFlag, public_key};
use super::decode::Record;
use super::scope::ScopeFlags;
use crate::clock::SystemClock;
use crate::fetch::Post;
use crate::files;
use clap::{Args, ValueEnum};
use countersign::jose::json::{self, Value};
use countersign::verification::Unavailable;
use countersign_ca::token::{Atc, AuthorityToken, Fingerprint, Permission, Spelling, TN_AUTH_LIST};
use serde::Serialize;
use std::path::PathBuf;

/// Largest answer: a token, and what an authority says beside it.
const MAX_ANSWER: usize = 128 * 1024;

/// Flags of `token request`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign token request https://authority.example.org/at/account/1234/token \\
    --secret-file secret.txt --spc 1234 --account-key account.pem > token.txt
  countersign token request https://… --secret-file secret.txt --range 12025550100+50 --ca \\
    --fingerprint \"SHA256 56:3E:CF:…\"

The token is printed alone, one line. --fingerprint-rule spki is what deployed SHAKEN uses.

Exit codes: 0 here is the token, 1 the authority refused (it says why), 4 it could not be reached, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// The URL of the account's tokens: https://…/at/account/ID/token
    url: String,
    #[command(flatten)]
    scope: ScopeFlags,
    /// Ask for a token for the certificate of a certification authority
    #[arg(long)]
    ca: bool,
    /// The key of the ACME account that the token is tied to: a private key, or a JWK
    #[arg(long, value_name = "FILE", required_unless_present = "fingerprint")]
    account_key: Option<PathBuf>,
    /// The fingerprint of that key instead
    #[arg(long, value_name = "TEXT", conflicts_with = "account_key")]
    fingerprint: Option<String>,
    /// How the fingerprint of the key is made
    #[arg(long, value_enum, default_value = "jwk")]
    fingerprint_rule: RuleFlag,
    /// A file with the secret of the account, which only its owner may read
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// How the elements of the request are wrapped
    #[arg(long, value_enum, default_value = "wrapped")]
    body: BodyFlag,
    /// One JSON object: the token, and what it says
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    web: WebFlags,
}

/// How the elements of the request are wrapped.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum BodyFlag {
    /// As they are (RFC 9448 §5.5)
    Flat,
    /// In "atc" (RFC 9447 §5.1)
    Wrapped,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, Trouble> {
    let body = arguments.request_body()?;
    let authorization = match &arguments.secret_file {
        Some(path) => {
            let secret = files::read_token(path);
            let secret = secret.map_err(|fault| Trouble::File(path.clone(), fault))?;
            Some(format!("Bearer {secret}"))
        }
        None => None,
    };
    let post = Post {
        url: &arguments.url,
        content_type: "application/json",
        authorization: authorization.as_deref(),
        body: body.into(),
        max_bytes: MAX_ANSWER,
    };
    let mut web = Web::new(&arguments.web, SystemClock::start())?;
    let (runtime, fetcher) = web.fetcher()?;
    let answer = match runtime.block_on(fetcher.post(&post)) {
        Ok(answer) => answer,
        Err(why) => {
            console.error(format_args!("{}: {why}", arguments.url));
            if matches!(why, Unavailable::BadUrl | Unavailable::ForbiddenAddress) {
                console.remark(web.hint(&arguments.url));
            }
            return Ok(Outcome::NotValidated);
        }
    };
    let Some(token) = answer
        .status
        .is_success()
        .then(|| token(&answer.body))
        .flatten()
    else {
        let said = String::from_utf8_lossy(&answer.body);
        let (url, status) = (&arguments.url, answer.status);
        console.error(format_args!("{url}: {status}: {}", visible(said.trim())));
        return Ok(Outcome::Failed);
    };
    Ok(arguments.tell(&token, console))
}

/// The `token` of an answer.
// RFC 9448 §5.5: "a JSON body that contains, at a minimum, the TNAuthList Authority Token as a JSON object with a key of "token""
fn token(body: &[u8]) -> Option<String> {
    let value = json::parse(body).ok()?;
    let token = value.as_object()?.get("token").and_then(Value::as_str)?;
    Some(token.to_owned())
}

/// What programs are told.
#[derive(Serialize)]
struct Told<'a> {
    token: &'a str,
    #[serde(flatten)]
    record: Record,
}

impl Arguments {
    fn request_body(&self) -> Result<String, Trouble> {
        let atc = Atc {
            tk_type: TN_AUTH_LIST.into(),
            tk_value: self.scope.der()?.into(),
            spelling: Spelling::Exact,
            permission: Permission::of_ca(self.ca),
            fingerprint: self.account_fingerprint()?,
        };
        let mut text = String::new();
        atc.write(&mut text);
        Ok(match self.body {
            BodyFlag::Flat => text,
            BodyFlag::Wrapped => format!(r#"{{"atc":{text}}}"#),
        })
    }

    fn account_fingerprint(&self) -> Result<Fingerprint, Trouble> {
        if let Some(path) = &self.account_key {
            let key = public_key(path)?;
            return Ok(match self.fingerprint_rule {
                RuleFlag::Either | RuleFlag::Jwk => Fingerprint::thumbprint_of(&key),
                RuleFlag::Spki => Fingerprint::spki_of(&key),
            });
        }
        let text = self.fingerprint.as_deref().unwrap_or_default();
        let wrong = |_| TokenTrouble::Fingerprint(text.into()).into();
        text.parse().map_err(wrong)
    }

    fn tell(&self, text: &str, console: &mut Console) -> Outcome {
        let token = match AuthorityToken::parse(text) {
            Ok(token) => token,
            Err(why) => {
                console.error(format_args!("{}: {why}", self.url));
                return Outcome::Failed;
            }
        };
        if self.json {
            let record = Record::of(&token);
            let told = Told {
                token: text,
                record,
            };
            console.line(serde_json::to_string(&told).unwrap_or_default());
        } else {
            console.line(text);
        }
        Outcome::Done
    }
}
