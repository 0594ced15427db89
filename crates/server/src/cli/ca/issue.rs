//! `countersign ca issue`: a certificate by hand, in the books of the authority.
//!
//! A certificate of an authority takes two people: the first is told a name under which the second approves exactly this one.

use super::super::Outcome;
use super::super::console::Console;
use super::super::moment::Moment;
use super::books::{self, ConfigFlag};
use super::names::{self, MAX_DAYS, ProfileChoice};
use super::record::{self, Form, hex};
use super::sign;
use super::trouble::CaTrouble;
use crate::authority::book::Decision;
use crate::authority::issuing::{self, NotIssued, Wanted};
use crate::clock::{Clock, SystemClock};
use crate::files;
use crate::office::{Office, Presence};
use clap::Args;
use countersign::certificate::Certificate;
use countersign::certificate::chain::pem;
use countersign::time::Validity;
use countersign_ca::register::approval::{self, ApprovalRefused};
use countersign_ca::register::preparation::{Asked, IssuanceRefused};
use countersign_ca::{Authority, IssuanceError};
use std::path::PathBuf;

/// Flags of `ca issue`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca issue provider.csr --profile end-entity --out provider.pem --config countersign.toml
  countersign ca issue enterprise.csr --profile delegate-ca --out enterprise.pem
    (it names an approval, which somebody else gives: countersign ca approve NAME; then the line that it prints)

The serial number and everything that is signed are in the journal before the key is used; a server that runs with the same \
journal takes notice within a second.

Exit codes: 0 done, 1 refused, or it waits for an approval, 2 wrong use or could not run.")]
pub(super) struct IssueArguments {
    /// The request, PEM or DER
    #[arg(value_name = "REQUEST")]
    request: PathBuf,
    #[command(flatten)]
    config: ConfigFlag,
    /// What it is for
    #[arg(long, value_enum)]
    profile: ProfileChoice,
    /// Most authorities below the new one
    #[arg(long, value_name = "N", default_value_t = 0)]
    path_length: u8,
    /// How long it is valid
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=MAX_DAYS))]
    days: i64,
    /// The approval that somebody else has given
    #[arg(long, value_name = "NAME", requires_all = ["from", "until"])]
    approval: Option<String>,
    /// When it begins, as it was approved
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// When it ends, as it was approved
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// Who asks [default: the user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The file for the certificate
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Issues, or asks for the approval that it needs.
pub(super) fn issue(
    arguments: &IssueArguments,
    console: &mut Console,
) -> Result<Outcome, CaTrouble> {
    names::is_new(&arguments.out)?;
    let office = arguments.config.office()?;
    let request = sign::wanted(
        &sign::read(&arguments.request)?,
        arguments.profile,
        arguments.path_length,
    )?;
    let rules = office.rules();
    let authority = office.authority()?;
    let wanted = Wanted {
        validity: validity(arguments, &authority),
        approval: arguments.approval.as_deref().map(Box::from),
        // Where it needs no approval nobody has to say who they are.
        by: books::whoever(arguments.by.as_deref()).ok(),
        request,
    };
    let mut book = books::open(&office, Presence::Made)?;
    let issued = match issuing::issue(&mut book, &authority, &rules, &wanted) {
        Err(NotIssued::Refused(IssuanceRefused::Approval(ApprovalRefused::Missing))) => {
            let asked = ask(arguments, &mut book, &authority, &wanted, console);
            books::checkpoint(&office, &book, console);
            return asked;
        }
        issued => issued.map_err(CaTrouble::NotIssued)?,
    };
    let ledger = book.ledger();
    let der = ledger
        .register
        .find(&issued)
        .and_then(|one| one.certificate());
    let der = der.ok_or(CaTrouble::NotIssued(NotIssued::Key))?;
    books::checkpoint(&office, &book, console);
    write(arguments, &office, der, console)
}

fn write(
    arguments: &IssueArguments,
    office: &Office,
    der: &[u8],
    console: &mut Console,
) -> Result<Outcome, CaTrouble> {
    let certificate = Certificate::parse(der).map_err(|_| IssuanceError::BadAuthority)?;
    let chain = pem(der) + &office.chain.to_pem();
    files::publish(&arguments.out, chain.as_bytes()).map_err(|error| {
        CaTrouble::IssuedNotKept(
            arguments.out.clone(),
            error,
            hex(certificate.serial()).into(),
        )
    })?;
    let form = Form::of(arguments.json);
    record::tell(&arguments.out, &certificate, None, form, console);
    Ok(Outcome::Done)
}

fn validity(arguments: &IssueArguments, authority: &Authority) -> Validity {
    let now = SystemClock::start().now().unix;
    let own = authority.certificate().validity();
    let usual = names::within(names::validity(now, arguments.days), own);
    Validity {
        not_before: arguments.from.map_or(usual.not_before, |from| from.0),
        not_after: arguments.until.map_or(usual.not_after, |until| until.0),
    }
}

/// Asks a second person for exactly this certificate.
fn ask(
    arguments: &IssueArguments,
    book: &mut crate::authority::book::Book,
    authority: &Authority,
    wanted: &Wanted,
    console: &mut Console,
) -> Result<Outcome, CaTrouble> {
    let by = books::whoever(arguments.by.as_deref())?;
    let asked = Asked {
        request: &wanted.request,
        validity: wanted.validity,
        order: None,
        approval: None,
        by: Some(&by),
    };
    let what = approval::subject(authority, &asked)?;
    let id = hex(names::serial()?.as_bytes().get(1..9).unwrap_or_default());
    let asked = book.command(|ledger, now, _| {
        let asked = ledger.register.ask_approval(&id, what.clone(), &by, now);
        match asked {
            Ok(event) => Decision {
                events: vec![event.into()],
                reply: Ok(()),
            },
            Err(refused) => Decision::nothing(Err(refused)),
        }
    });
    asked
        .map_err(CaTrouble::Undone)?
        .map_err(CaTrouble::Approval)?;
    let Validity {
        not_before,
        not_after,
    } = wanted.validity;
    match arguments.json {
        true => console.line(serde_json::json!({
            "approval": id,
            "not_before": not_before.to_string(),
            "not_after": not_after.to_string(),
        })),
        false => {
            console.line(format_args!(
                "somebody else has to approve this: countersign ca approve {id}"
            ));
            console.line(format_args!(
                "then the same once more, with --approval {id} --from {not_before} --until {not_after}"
            ));
        }
    }
    Ok(Outcome::Failed)
}
