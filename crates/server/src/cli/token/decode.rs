//! `countersign token decode`: what a token says. Nothing is fetched, nothing is believed.

use super::super::columns::lines;
use super::super::console::{Console, Tone};
use super::super::trouble::Trouble;
use super::super::{Outcome, input};
use clap::Args;
use countersign::certificate::{Certificate, TnAuthList};
use countersign::jose::base64url;
use countersign_ca::token::AuthorityToken;
use serde::Serialize;
use std::path::PathBuf;

/// Columns of a word in front of its line.
const WORD: usize = 13;

/// Flags of `token decode`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign token decode token.txt
  countersign token request https://… --spc 1234 … | countersign token decode --json

Nothing is fetched and nothing is believed; `countersign token verify` validates.

Exit codes: 0 every token could be read, 1 one could not (it says why), 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// A file with tokens, one a line; `-` or nothing: standard input
    file: Option<PathBuf>,
    /// One JSON object per token, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, Trouble> {
    input::announce(arguments.file.as_deref(), console);
    let tokens = super::read_tokens(arguments.file.as_deref())?;
    let mut outcome = Outcome::Done;
    for (index, token) in tokens.iter().enumerate() {
        let record = match AuthorityToken::parse(token) {
            Ok(token) => Record::of(&token),
            Err(why) => {
                outcome = Outcome::Failed;
                Record {
                    error: Some(why.to_string()),
                    ..Record::default()
                }
            }
        };
        if arguments.json {
            // Strings, numbers and lists: nothing that JSON could not hold.
            console.line(serde_json::to_string(&record).unwrap_or_default());
        } else {
            input::title((index + 1, tokens.len()), console);
            record.print(console);
        }
    }
    Ok(outcome)
}

/// What a token says.
#[derive(Debug, Default, Serialize)]
pub(super) struct Record {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tktype: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tkvalue: Option<String>,
    /// What the value lists; absent if it is no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    tnauthlist: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5u: Option<String>,
    /// The subjects of the certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<Vec<String>>,
}

impl Record {
    pub(super) fn of(token: &AuthorityToken) -> Self {
        let (claims, header) = (&token.claims, &token.header);
        let list = TnAuthList::from_der(&claims.atc.tk_value).ok();
        let subject = |der: &[u8]| match Certificate::parse(der) {
            Ok(certificate) => certificate.subject().to_string(),
            Err(error) => error.to_string(),
        };
        let x5c = header.x5c.as_ref();
        Self {
            error: None,
            iss: claims.iss.as_deref().map(str::to_owned),
            jti: Some(claims.jti.to_string()),
            exp: Some(claims.exp.as_secs()),
            expires: Some(claims.exp.to_string()),
            tktype: Some(claims.atc.tk_type.to_string()),
            tkvalue: Some(base64url::encode(&claims.atc.tk_value)),
            tnauthlist: list.map(|list| list.entries().iter().map(ToString::to_string).collect()),
            ca: Some(claims.atc.permission.ca()),
            fingerprint: Some(claims.atc.fingerprint.to_string()),
            x5u: header.x5u.as_deref().map(str::to_owned),
            x5c: x5c.map(|all| all.iter().map(|der| subject(der)).collect()),
        }
    }

    pub(super) fn print(&self, console: &mut Console) {
        let list = self.tnauthlist.as_ref().map(|entries| entries.join(", "));
        let ca = self.ca.map(|ca| match ca {
            true => "a certification authority's, and no other",
            false => "an end entity's, and no other",
        });
        let x5c = self.x5c.as_ref().map(|subjects| subjects.join("; "));
        let tone = if self.error.is_some() {
            Tone::Bad
        } else {
            Tone::Plain
        };
        for (word, text) in [
            ("error", self.error.as_deref()),
            ("type", self.tktype.as_deref()),
            ("for", list.as_deref().or(self.tkvalue.as_deref())),
            ("certificate", ca),
            ("account", self.fingerprint.as_deref()),
            ("expires", self.expires.as_deref()),
            ("identifier", self.jti.as_deref()),
            ("issuer", self.iss.as_deref()),
            ("x5u", self.x5u.as_deref()),
            ("x5c", x5c.as_deref()),
        ] {
            if let Some(text) = text {
                lines(console, &[(word, WORD, Tone::Faint)], text, tone);
            }
        }
    }
}
