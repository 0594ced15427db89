//! `countersign ca account`: who may ask the token authority for tokens, and for which numbers.

use super::super::Outcome;
use super::super::console::Console;
use super::books::{self, ConfigFlag};
use super::names::{self, ScopeFlags};
use super::record::hex;
use super::trouble::CaTrouble;
use crate::authority::book::Decision;
use crate::office::Presence;
use clap::{Args, Subcommand};
use countersign::certificate::{Certificate, TnAuthList, TnEntry};
use countersign::crypto::system_random;
use countersign_ca::token::Permission;
use countersign_ca::token_authority::{
    Account, AccountFault, Credential, CredentialKind, Event, Secret, State, TokenAccounts,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Flags of `ca account`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  countersign ca account open acme --holder 'Example Enterprise' --numbers 12025550100-12025550149 --config countersign.toml
  countersign ca account change acme --numbers 12025550100-12025550149     the numbers; provider codes stay
  countersign ca account change acme --spc 1234 --no-numbers --may-certify
  countersign ca account credential acme --client-certificate acme-client.pem
  countersign ca account list --json

Exit codes: 0 done, 1 refused, 2 wrong use or could not run."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Open an account; its secret is printed, once
    Open(OpenArguments),
    /// Change what an account holds
    Change(ChangeArguments),
    /// Change what its holder shows: a new secret is printed, once
    Credential(CredentialArguments),
    /// Close an account: its tokens are good until they expire
    Close(CloseArguments),
    /// Every account and what it holds
    List(ListArguments),
}

#[derive(Debug, Args)]
struct OpenArguments {
    /// The name of the account in URLs: /at/account/NAME/token
    #[arg(value_name = "NAME")]
    account: String,
    /// Whose it is, for people
    #[arg(long, value_name = "TEXT")]
    holder: String,
    #[command(flatten)]
    scope: ScopeFlags,
    /// It may ask for tokens that allow the certificate of an authority
    #[arg(long)]
    may_certify: bool,
    #[command(flatten)]
    credential: CredentialFlag,
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What the holder of an account shows.
#[derive(Debug, Args)]
struct CredentialFlag {
    /// The certificate that its holder shows in TLS, PEM or DER [default: a secret is made, and printed once]
    #[arg(long, value_name = "FILE")]
    client_certificate: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct CredentialArguments {
    /// The account
    #[arg(value_name = "NAME")]
    account: String,
    #[command(flatten)]
    credential: CredentialFlag,
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What is not named stays as it is.
#[derive(Debug, Args)]
struct ChangeArguments {
    /// The account
    #[arg(value_name = "NAME")]
    account: String,
    #[command(flatten)]
    scope: ScopeFlags,
    /// It holds no provider code any more
    #[arg(long, conflicts_with = "spc")]
    no_spc: bool,
    /// It holds no numbers any more
    #[arg(long, conflicts_with = "numbers")]
    no_numbers: bool,
    /// It may ask for tokens that allow the certificate of an authority
    #[arg(long, conflicts_with = "may_not_certify")]
    may_certify: bool,
    /// It may not ask for such tokens any more
    #[arg(long)]
    may_not_certify: bool,
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CloseArguments {
    /// The account
    #[arg(value_name = "NAME")]
    account: String,
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ListArguments {
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object per account, one a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    match &arguments.verb {
        Verb::Open(arguments) => open(arguments, console)?,
        Verb::Change(arguments) => change(arguments, console)?,
        Verb::Credential(arguments) => credential(arguments, console)?,
        Verb::Close(arguments) => close(arguments, console)?,
        Verb::List(arguments) => list(arguments, console)?,
    }
    Ok(Outcome::Done)
}

fn permission(may_certify: bool) -> Permission {
    match may_certify {
        true => Permission::Authority,
        false => Permission::EndEntity,
    }
}

/// Writes down what was decided: the account before, if there was one, and after.
fn decide(
    account: &str,
    config: &ConfigFlag,
    console: &mut Console,
    decide: impl Fn(&TokenAccounts) -> Result<Event, AccountFault>,
) -> Result<(Option<Account>, Option<Account>), CaTrouble> {
    let office = config.office()?;
    let mut book = books::open(&office, Presence::Made)?;
    let changed = book.command(|ledger, _, _| match decide(&ledger.tokens) {
        Ok(event) => Decision {
            events: vec![event.into()],
            reply: Ok(ledger.tokens.get(account).cloned()),
        },
        Err(fault) => Decision::nothing(Err(fault)),
    });
    let before = changed
        .map_err(CaTrouble::Undone)?
        .map_err(CaTrouble::Account)?;
    books::checkpoint(&office, &book, console);
    Ok((before, book.ledger().tokens.get(account).cloned()))
}

fn change(arguments: &ChangeArguments, console: &mut Console) -> Result<(), CaTrouble> {
    let named = arguments.scope.list()?;
    arguments
        .scope
        .doubts()
        .for_each(|doubt| console.warning(doubt));
    let named = named.as_ref().map_or(&[][..], TnAuthList::entries);
    let is_code = |entry: &TnEntry| matches!(entry, TnEntry::Spc(_));
    let codes = arguments.no_spc || named.iter().any(is_code);
    let numbers = arguments.no_numbers || named.iter().any(|one| !is_code(one));
    let other = arguments.may_certify || arguments.may_not_certify;
    if !(codes || numbers || other) {
        return Err(CaTrouble::NothingHeld);
    }
    let account = &arguments.account;
    let changed = decide(account, &arguments.config, console, |accounts| {
        let now = accounts.get(account).ok_or(AccountFault::Unknown)?;
        let goes = |entry: &TnEntry| if is_code(entry) { codes } else { numbers };
        let stays = now.resources.entries().iter().filter(|one| !goes(one));
        let holds: Vec<_> = stays.chain(named).cloned().collect();
        let holds = TnAuthList::new(holds).map_err(|_| AccountFault::HoldsNothing)?;
        let may = match other {
            true => permission(arguments.may_certify),
            false => now.may_ask,
        };
        accounts.set_resources(account, holds, may)
    })?;
    let [before, after] = [changed.0, changed.1].map(|one| one.as_ref().map(held));
    match arguments.json {
        true => console.line(json!({"account": account, "before": before, "after": after})),
        false => {
            console.line(format_args!("{account}: changed"));
            for (when, held) in [("before", &before), ("now", &after)] {
                let held = held.as_ref().map(words).unwrap_or_default();
                console.line(format_args!("  {when:<7}{held}"));
            }
        }
    }
    Ok(())
}

fn close(arguments: &CloseArguments, console: &mut Console) -> Result<(), CaTrouble> {
    let account = &arguments.account;
    decide(account, &arguments.config, console, |accounts| {
        accounts.close(account)
    })?;
    match arguments.json {
        true => console.line(json!({"account": account, "state": "closed"})),
        false => console.line(format_args!("{account}: closed")),
    }
    Ok(())
}

/// What an account holds, as programs are told.
fn held(account: &Account) -> Value {
    let entries = account.resources.entries().iter();
    let entries: Vec<_> = entries.map(ToString::to_string).collect();
    json!({"holds": entries, "may_certify": account.may_ask == Permission::Authority})
}

/// The same in words.
fn words(held: &Value) -> String {
    let entries = held["holds"].as_array().into_iter().flatten();
    let entries: Vec<_> = entries.filter_map(Value::as_str).collect();
    let may = match held["may_certify"].as_bool() {
        Some(true) => "; may certify",
        _ => "",
    };
    entries.join(", ") + may
}

fn open(arguments: &OpenArguments, console: &mut Console) -> Result<(), CaTrouble> {
    let list = arguments.scope.list()?.ok_or(CaTrouble::NothingHeld)?;
    arguments
        .scope
        .doubts()
        .for_each(|doubt| console.warning(doubt));
    let shown = arguments.credential.made()?;
    let (account, may) = (&arguments.account, permission(arguments.may_certify));
    decide(account, &arguments.config, console, |accounts| {
        let (list, credential) = (list.clone(), shown.credential());
        accounts.open(account, &arguments.holder, list, may, credential)
    })?;
    tell(account, &shown, arguments.json, console);
    Ok(())
}

fn credential(arguments: &CredentialArguments, console: &mut Console) -> Result<(), CaTrouble> {
    let (account, shown) = (&arguments.account, arguments.credential.made()?);
    decide(account, &arguments.config, console, |accounts| {
        accounts.set_credential(account, shown.credential())
    })?;
    tell(account, &shown, arguments.json, console);
    Ok(())
}

/// What the holder of an account shows from now on.
enum Shown {
    Certificate(Box<Certificate>),
    Secret(Secret),
}

impl CredentialFlag {
    fn made(&self) -> Result<Shown, CaTrouble> {
        if let Some(path) = &self.client_certificate {
            let chain = names::chain(path)?;
            return Ok(Shown::Certificate(Box::new(chain.end_entity().clone())));
        }
        let mut random = [0; 32];
        system_random(&mut random).map_err(|_| CaTrouble::NoRandomness)?;
        Ok(Shown::Secret(Secret::from_random(&random)))
    }
}

impl Shown {
    fn credential(&self) -> Credential {
        match self {
            Self::Certificate(certificate) => Credential::of_certificate(certificate.as_der()),
            Self::Secret(secret) => secret.credential(),
        }
    }
}

/// Says how the holder gets in.
fn tell(account: &str, shown: &Shown, json: bool, console: &mut Console) {
    let path = format!("/at/account/{account}/token");
    let (name, value) = match shown {
        Shown::Certificate(certificate) => ("certificate", hex(&certificate.sha256())),
        Shown::Secret(secret) => ("secret", secret.as_str().to_owned()),
    };
    if json {
        return console.line(json!({"account": account, "path": path, name: value}));
    }
    console.line(format_args!("account  {account}  ({path})"));
    match shown {
        Shown::Certificate(_) => {
            console.line(format_args!("certificate  {value}  (SHA-256)"));
            console.remark(
                "It is asked for in TLS where http.public.client_ca_file names who has issued it.",
            );
        }
        Shown::Secret(_) => {
            console.line(format_args!("secret   {value}"));
            console.remark(
                "The secret is kept nowhere: only its digest is. Authorization: Bearer SECRET",
            );
        }
    }
}

fn list(arguments: &ListArguments, console: &mut Console) -> Result<(), CaTrouble> {
    let office = arguments.config.office()?;
    let ledger = books::open(&office, Presence::Required)?.ledger();
    for (id, account) in ledger.tokens.iter() {
        let held = held(account);
        let state = match account.state {
            State::Closed => "closed",
            State::Open => "open",
        };
        let shows = account.shows().map(CredentialKind::name);
        match arguments.json {
            true => console.line(json!({
                "account": id,
                "holder": account.name,
                "state": state,
                "holds": held["holds"],
                "may_certify": held["may_certify"],
                "shows": shows,
            })),
            false => {
                let shows = shows.map(|shows| format!("; shows a {shows}"));
                let shows = shows.unwrap_or_default();
                let held = words(&held);
                console.line(format_args!(
                    "{id}  {state}  {}  {held}{shows}",
                    account.name
                ));
            }
        }
    }
    Ok(())
}
