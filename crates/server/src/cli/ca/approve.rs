//! `countersign ca approve`: the second person, who sees what waits and says yes to one of it.

use super::super::Outcome;
use super::super::console::Console;
use super::books::{self, ConfigFlag};
use super::record::Form;
use super::trouble::CaTrouble;
use crate::authority::book::Decision;
use crate::office::Presence;
use clap::Args;
use countersign_ca::acme::Name;
use countersign_ca::ledger::Ledger;
use countersign_ca::register::{Approval, key_digest};
use countersign_ca::token::Fingerprint;
use countersign_ca::token_authority::Account;
use serde_json::json;
use std::str::FromStr as _;

/// Flags of `ca approve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca approve --config countersign.toml
    (what waits: each certificate of an authority that was asked for, as it would be)
  countersign ca approve 3f0a9c1e --by bob --config countersign.toml

Who asked may not approve; but names are what is typed. Whoever can write the journal can be two people: give that to nobody who \
should not issue authorities alone. Ask the holder, by another way, for the SHA-256 of the key. An approval is good for one certificate, exactly as it was asked for. An order over ACME goes on by \
itself then.

Exit codes: 0 done, 1 refused, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// The name that `countersign ca issue` has told, or an order; without it, what waits is told
    // An order may begin with a hyphen: it is base64url.
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    approval: Option<String>,
    #[command(flatten)]
    config: ConfigFlag,
    /// Who approves [default: the user]
    #[arg(long, value_name = "NAME", requires = "approval")]
    by: Option<String>,
    /// One JSON object for each that waits, one a line
    #[arg(long, conflicts_with = "approval")]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    let office = arguments.config.office()?;
    let mut book = books::open(&office, Presence::Required)?;
    let Some(id) = &arguments.approval else {
        waiting(&book.ledger(), Form::of(arguments.json), console);
        return Ok(Outcome::Done);
    };
    let by = books::whoever(arguments.by.as_deref())?;
    let approved = book.command(
        |ledger, now, _| match ledger.register.approve(id, &by, now) {
            Ok(event) => Decision {
                events: vec![event.into()],
                reply: Ok(()),
            },
            Err(refused) => Decision::nothing(Err(refused)),
        },
    );
    approved
        .map_err(CaTrouble::Undone)?
        .map_err(CaTrouble::Approval)?;
    books::checkpoint(&office, &book, console);
    console.line(format_args!("{id}: approved by {by}"));
    Ok(Outcome::Done)
}

/// Everything that waits.
fn waiting(ledger: &Ledger, form: Form, console: &mut Console) {
    let all = ledger.register.approvals();
    let mut waits = all.filter(|(_, one)| one.is_waiting()).peekable();
    if waits.peek().is_none() && form == Form::Text {
        console.remark("nothing waits for an approval");
    }
    for (id, approval) in waits {
        tell(id, approval, &holders(ledger, id), form, console);
    }
}

/// The accounts of the token authority that have got tokens for the ACME account of this order: whom it is for. There is none where the token
/// was somebody else's, or the request was made by hand.
fn holders(ledger: &Ledger, order: &str) -> Vec<String> {
    let order = Name::from_str(order).ok();
    let order = order.and_then(|name| ledger.acme.order(&name));
    let account = order.and_then(|order| ledger.acme.account(&order.asked.account));
    let Some(account) = account else {
        return Vec::new();
    };
    let key = &account.key;
    let prints = [Fingerprint::thumbprint_of(key), Fingerprint::spki_of(key)];
    let bound = |one: &Account| prints.iter().any(|print| one.got_token_for(print));
    let accounts = ledger.tokens.iter().filter(|(_, one)| bound(one));
    let named = accounts.map(|(id, one)| format!("{id} ({})", one.name));
    named.collect()
}

/// What would be certified: everything that somebody has to think about before saying yes.
fn tell(id: &str, approval: &Approval, holders: &[String], form: Form, console: &mut Console) {
    let certificate = approval.certificate();
    let own = certificate.as_ref();
    let subject = own.map(|own| own.subject().to_string()).unwrap_or_default();
    let entries = own.and_then(|own| own.tn_auth_list());
    let entries = entries.map(|list| list.entries().iter().map(ToString::to_string).collect());
    let scope: Vec<String> = entries.unwrap_or_default();
    let length = own.and_then(|own| own.basic_constraints()?.path_len);
    let until = own.map(|own| own.validity().not_after.to_string());
    let until = until.unwrap_or_default();
    let key = own.and_then(|own| own.public_key().p256());
    let key = key.map(|point| key_digest(point).to_string());
    let (by, at) = (&approval.asked_by, approval.asked_at);
    if form == Form::Json {
        console.line(json!({
            "approval": id,
            "asked_by": by,
            "asked_at": at.to_string(),
            "token_accounts": holders,
            "subject": subject,
            "tnauthlist": scope,
            "path_length": length,
            "not_after": until,
            "key_sha256": key,
        }));
        return;
    }
    console.line(format_args!("{id}  asked for by {by}, {at}"));
    if !holders.is_empty() {
        console.line(format_args!("  token account      {}", holders.join(", ")));
    }
    console.line(format_args!("  subject            {subject}"));
    if !scope.is_empty() {
        console.line(format_args!("  for                {}", scope.join(", ")));
    }
    match length {
        Some(length) => console.line(format_args!("  authorities below  {length}")),
        None => console.line("  authorities below  any number"),
    }
    console.line(format_args!("  valid until        {until}"));
    if let Some(key) = key {
        console.line(format_args!("  key                {key}  (SHA-256)"));
    }
}
