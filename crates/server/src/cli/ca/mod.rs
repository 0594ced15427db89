//! `countersign ca`: a certification authority for telephone numbers, by hand.
//!
//! ```text
//!     a machine without a network                     the machine that issues
//!     init ── root.pem, root.key
//!                       ca.csr ◄── by any carrier ──  csr ── ca.key made where it lives
//!     sign ── ca.pem ───────────── by any carrier ──► install
//! ```
//!
//! And where it issues, in the books that `[ca]` of a configuration names: `issue`, `approve`, `revoke`, `status`, `list`, `audit`,
//! `backup`, `restore`, `account`. They write beside a server that runs: whoever is second decides again.
//!
//! `enroll` is the other side: it orders a certificate from an authority, this one or another, over ACME.
//!
//! What they share: [`books`] opens the books, [`names`] has the flags that say who and for which numbers, [`issuance`] what is settled before
//! a key is used. The rules are those of `countersign-ca`.

mod trouble;
mod names;
mod record;
mod issuance;
mod books;
mod init;
mod csr;
mod sign;
mod install;
mod enroll;
mod issue;
mod approve;
mod list;
mod revoke;
mod audit;
mod account;

use super::Outcome;
use super::console::Console;
use clap::{Args, Subcommand};

/// Flags of `ca`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Example: countersign ca init --key root.key --certificate root.pem --organization Example --name 'Example SHAKEN ROOT'\n\n\
    Exit codes: 0 done, 1 refused, 2 wrong use or could not run."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a root: a key, and the certificate that it signs for itself
    Init(init::Arguments),
    /// Ask for the certificate of an authority: a key, and a request for it
    Csr(csr::Arguments),
    /// Sign a request with a key at hand
    Sign(sign::Arguments),
    /// Put a signed certificate in its place
    Install(install::Arguments),
    /// Order a certificate from an authority, over ACME: account, token, order, chain
    Enroll(Box<enroll::Arguments>),
    /// How the authority stands
    Status(list::StatusArguments),
    /// Every certificate that it has issued
    List(list::ListArguments),
    /// Issue a certificate for a request
    Issue(Box<issue::IssueArguments>),
    /// Approve a certificate that somebody else has asked for, or see what waits
    Approve(approve::Arguments),
    /// Revoke a certificate
    Revoke(revoke::Arguments),
    /// Prove the journal from its first record to its last
    Audit(audit::AuditArguments),
    /// Copy the journal, also while a server runs
    Backup(audit::BackupArguments),
    /// Put a copy in the place of a lost journal
    Restore(audit::RestoreArguments),
    /// Who may ask for authority tokens, and for which numbers
    Account(account::Arguments),
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Outcome {
    let done = match &arguments.verb {
        Verb::Init(arguments) => init::run(arguments, console),
        Verb::Csr(arguments) => csr::run(arguments, console),
        Verb::Sign(arguments) => sign::run(arguments, console),
        Verb::Install(arguments) => install::run(arguments, console),
        Verb::Enroll(arguments) => enroll::run(arguments, console),
        Verb::Status(arguments) => list::status(arguments, console),
        Verb::List(arguments) => list::list(arguments, console),
        Verb::Issue(arguments) => issue::issue(arguments, console),
        Verb::Approve(arguments) => approve::run(arguments, console),
        Verb::Revoke(arguments) => revoke::run(arguments, console),
        Verb::Audit(arguments) => audit::audit(arguments, console),
        Verb::Backup(arguments) => audit::backup(arguments, console),
        Verb::Restore(arguments) => audit::restore(arguments, console),
        Verb::Account(arguments) => account::run(arguments, console),
    };
    done.unwrap_or_else(|trouble| {
        let outcome = trouble.outcome();
        console.error(trouble);
        outcome
    })
}
