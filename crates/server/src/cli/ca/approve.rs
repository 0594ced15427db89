//! `countersign ca approve`: the second person, who sees what waits and says yes to one of it.

use super::super::Outcome;
use super::super::console::Console;
use super::books::{self, ConfigFlag};
use super::record::Form;
use super::trouble::CaTrouble;
use crate::authority::book::Decision;
use crate::office::Presence;
use clap::Args;
use countersign_ca::register::Approval;
use serde_json::json;

/// Flags of `ca approve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca approve --config countersign.toml
    (what waits: each certificate of an authority that was asked for, as it would be)
  countersign ca approve 3f0a9c1e --by bob --config countersign.toml

Who asked may not approve. An approval is good for one certificate, exactly as it was asked for. An order over ACME goes on by \
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
        let ledger = book.ledger();
        for (id, approval) in ledger.register.approvals() {
            if approval.is_waiting() {
                tell(id, approval, Form::of(arguments.json), console);
            }
        }
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

/// What would be certified: everything that somebody has to think about before saying yes.
fn tell(id: &str, approval: &Approval, form: Form, console: &mut Console) {
    let certificate = approval.certificate();
    let own = certificate.as_ref();
    let subject = own.map(|own| own.subject().to_string()).unwrap_or_default();
    let entries = own.and_then(|own| own.tn_auth_list());
    let entries = entries.map(|list| list.entries().iter().map(ToString::to_string).collect());
    let scope: Vec<String> = entries.unwrap_or_default();
    let length = own.and_then(|own| own.basic_constraints()?.path_len);
    let until = own.map(|own| own.validity().not_after.to_string());
    let until = until.unwrap_or_default();
    let by = &approval.asked_by;
    if form == Form::Json {
        console.line(json!({
            "approval": id,
            "asked_by": by,
            "subject": subject,
            "tnauthlist": scope,
            "path_length": length,
            "not_after": until,
        }));
        return;
    }
    console.line(format_args!("{id}  asked for by {by}"));
    console.line(format_args!("  subject            {subject}"));
    if !scope.is_empty() {
        console.line(format_args!("  for                {}", scope.join(", ")));
    }
    match length {
        Some(length) => console.line(format_args!("  authorities below  {length}")),
        None => console.line("  authorities below  any number"),
    }
    console.line(format_args!("  valid until        {until}"));
}
