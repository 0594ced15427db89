//! `countersign token`: authority tokens, RFC 9447 and 9448: asked for, taken apart, validated.
//!
//! One file per verb; [`scope`] has the flags that say for which numbers, [`account`] those that say for whose account. No rule
//! lives here: what a token must be is said in `countersign_ca::token`.

mod account;
mod decode;
mod request;
mod scope;
mod verify;

use super::Outcome;
use super::console::Console;
use super::input::{self, Input, InputError};
use super::trouble::Trouble;
use clap::{Args, Subcommand};
use std::fmt;
use std::path::{Path, PathBuf};

/// Flags of `token`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Example: countersign token decode token.txt\n\n\
    Exit codes: 0 passed or done, 1 failed, 4 not validated, 2 wrong use or could not run."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Ask a token authority for a token
    Request(Box<request::Arguments>),
    /// Show what a token says; nothing is believed
    Decode(decode::Arguments),
    /// Validate a token as an ACME server does: the nine steps of RFC 9448, each with its verdict
    Verify(Box<verify::Arguments>),
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let outcome = match &arguments.verb {
        Verb::Request(arguments) => request::run(arguments, console),
        Verb::Decode(arguments) => decode::run(arguments, console),
        Verb::Verify(arguments) => verify::run(arguments, console),
    };
    outcome.unwrap_or_else(|trouble| {
        console.error(trouble);
        Outcome::Unable
    })
}

/// The tokens of a file or of standard input, one a line.
fn read_tokens(source: Option<&Path>) -> Result<Vec<String>, Trouble> {
    let tokens: Vec<_> = input::read(source)?
        .into_iter()
        .filter_map(|input| match input {
            Input::Token(token) => Some(token),
            Input::Identity(_) | Input::Message(_) => None,
        })
        .collect();
    match tokens.is_empty() {
        true => Err(InputError::Nothing(input::shown(source)).into()),
        false => Ok(tokens),
    }
}

/// What cannot be used of what was said about a token. Alphabetical.
#[derive(Debug)]
pub(super) enum TokenTrouble {
    /// A file has neither a private key nor a JWK.
    AccountKey(PathBuf),
    /// A file has no certification request.
    Csr(PathBuf),
    /// What should be a fingerprint is none.
    Fingerprint(Box<str>),
    /// A file has no certificate that tokens could be issued with.
    Issuer(PathBuf),
    /// What should be a provider code, a number or a block of numbers is none.
    Scope(Box<str>),
    /// Neither numbers nor codes.
    ScopeMissing,
    /// What should be the value of an identifier is none.
    Value(Box<str>),
}

impl From<TokenTrouble> for Trouble {
    fn from(cause: TokenTrouble) -> Self {
        Self::Token(cause)
    }
}

impl fmt::Display for TokenTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountKey(path) => write!(
                f,
                "--account-key {}: neither a P-256 private key nor a public one as JWK; give the key of the ACME account",
                path.display()
            ),
            Self::Csr(path) => write!(
                f,
                "--csr {}: not a certification request for a P-256 key; give one in PEM or DER",
                path.display()
            ),
            Self::Fingerprint(text) => write!(
                f,
                "--fingerprint {text:?}: give \"SHA256 56:3E:…\", or the key with --account-key FILE"
            ),
            Self::Issuer(path) => write!(
                f,
                "--issuer {}: nobody who issues tokens; give the certificate that signs them, or an authority's with --issuer-name",
                path.display()
            ),
            Self::Scope(text) => write!(
                f,
                "{text:?}: give --spc 1234, --number 12025550100 or --range 12025550100+50"
            ),
            Self::ScopeMissing => {
                f.write_str("for which numbers? give --spc, --number, --range or --value")
            }
            Self::Value(text) => write!(
                f,
                "--value {text:?}: not a TN Authorization List in base64url without padding"
            ),
        }
    }
}
