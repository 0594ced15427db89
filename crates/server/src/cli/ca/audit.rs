//! `countersign ca audit`, `backup` and `restore`: the journal proven, copied and put back.

use super::super::Outcome;
use super::super::console::Console;
use super::books::ConfigFlag;
use super::trouble::CaTrouble;
use crate::authority::audit;
use crate::office::{OfficeFault, Presence, STREAM};
use crate::store::EventStore;
use crate::store::sqlite::SqliteStore;
use clap::Args;
use countersign_ca::journal::Checkpoint;
use std::path::{Path, PathBuf};

/// Flags of `ca audit`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca audit --config countersign.toml
  countersign ca audit --store backup.sqlite --json | jq .findings

Every record must follow the one before it, every checkpoint must agree with the journal (a cut end is found by them), no two \
events may contradict each other, and every certificate must be signed by the authority. Nothing is repaired.

Exit codes: 0 all is proven, 1 something is wrong, 2 wrong use or could not run.")]
pub(super) struct AuditArguments {
    #[command(flatten)]
    config: ConfigFlag,
    /// Another copy of the journal
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Flags of `ca backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign ca backup /backup/ca-2026-11-21.sqlite --config countersign.toml

The copy is of one moment, also while a server runs. Keys are not in it; keep the checkpoints with it.

Exit codes: 0 done, 2 wrong use or could not run.")]
pub(super) struct BackupArguments {
    /// The file for the copy
    #[arg(value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    config: ConfigFlag,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Flags of `ca restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign ca restore /backup/ca-2026-11-21.sqlite --config countersign.toml

The copy is audited first, against the checkpoints, too: one that is older than the last checkpoint would forget what was issued \
since, and is refused. To go on with such a copy all the same, move the checkpoints away first: certificates are forgotten then. There \
must be no journal where it is put.

Exit codes: 0 done, 1 the copy is damaged or too old, 2 wrong use or could not run.")]
pub(super) struct RestoreArguments {
    /// The copy
    #[arg(value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    config: ConfigFlag,
}

/// Proves the journal.
pub(super) fn audit(
    arguments: &AuditArguments,
    console: &mut Console,
) -> Result<Outcome, CaTrouble> {
    let office = arguments.config.office()?;
    let store = match &arguments.store {
        Some(path) => existing(path)?,
        None => office.store(Presence::Required)?,
    };
    let checkpoints = office.read_checkpoints()?;
    let path = arguments.store.as_ref();
    let path = path.unwrap_or(&office.settings.store_file.value);
    let audit = prove(&store, path, &checkpoints, &office.issuers())?;
    let findings: Vec<_> = audit.findings.iter().map(ToString::to_string).collect();
    let certificates = audit.ledger.register.certificates().count();
    let unfinished = audit.ledger.register.unfinished().count();
    match arguments.json {
        true => console.line(serde_json::json!({
            "journal": path,
            "records": audit.head.position,
            "checkpoints": audit.checkpoints,
            "certificates": certificates,
            "unfinished": unfinished,
            "findings": findings,
        })),
        false => {
            for finding in &findings {
                console.line(format_args!("wrong  {finding}"));
            }
            console.line(format_args!(
                "{}: {} records, {} checkpoints, {certificates} certificates ({unfinished} unfinished): {}",
                path.display(),
                audit.head.position,
                audit.checkpoints,
                match findings.is_empty() {
                    true => "proven",
                    false => "not proven",
                }
            ));
        }
    }
    Ok(match findings.is_empty() {
        true => Outcome::Done,
        false => Outcome::Failed,
    })
}

fn prove(
    store: &dyn EventStore,
    path: &Path,
    checkpoints: &[Checkpoint],
    authorities: &[countersign::certificate::Certificate],
) -> Result<audit::Audit, CaTrouble> {
    let proven = audit::audit(store, STREAM, checkpoints, authorities);
    Ok(proven.map_err(|why| OfficeFault::Store(path.into(), why))?)
}

fn existing(path: &Path) -> Result<SqliteStore, CaTrouble> {
    let store = SqliteStore::open_existing(path);
    Ok(store.map_err(|why| OfficeFault::Store(path.into(), why))?)
}

/// Copies the journal.
pub(super) fn backup(
    arguments: &BackupArguments,
    console: &mut Console,
) -> Result<Outcome, CaTrouble> {
    let office = arguments.config.office()?;
    super::names::is_new(&arguments.to)?;
    let store = office.store(Presence::Required)?;
    let copied = store.backup(&arguments.to);
    copied.map_err(|why| OfficeFault::Store(arguments.to.clone(), why))?;
    match arguments.json {
        true => console.line(serde_json::json!({
            "journal": &office.settings.store_file.value,
            "copy": &arguments.to,
        })),
        false => console.line(format_args!("{}: copied", arguments.to.display())),
    }
    Ok(Outcome::Done)
}

/// Puts a copy in the place of the journal.
pub(super) fn restore(
    arguments: &RestoreArguments,
    console: &mut Console,
) -> Result<Outcome, CaTrouble> {
    let office = arguments.config.office()?;
    let to = &office.settings.store_file.value;
    if to.exists() {
        return Err(CaTrouble::JournalThere(to.clone()));
    }
    let copy = existing(&arguments.from)?;
    let checkpoints = office.read_checkpoints()?;
    let authorities = &office.issuers();
    let audit = prove(&copy, &arguments.from, &checkpoints, authorities)?;
    if !audit.findings.is_empty() {
        for finding in &audit.findings {
            console.line(format_args!("wrong  {finding}"));
        }
        let checkpoints = office.settings.checkpoint_file.as_ref();
        let checkpoints = checkpoints.filter(|_| audit.checkpoints > 0);
        return Err(CaTrouble::NotRestored(
            checkpoints.map(|file| file.value.clone()),
        ));
    }
    let copied = copy.backup(to);
    copied.map_err(|why| OfficeFault::Store(to.clone(), why))?;
    let records = audit.head.position;
    console.line(format_args!("{}: {records} records, proven", to.display()));
    Ok(Outcome::Done)
}
