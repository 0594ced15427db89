//! `countersign ca revoke`: a certificate that is good no more. The next revocation list says so. The key of the authority
//! signs nothing but the checkpoint: without it the certificate is revoked all the same.

use super::super::Outcome;
use super::super::console::Console;
use super::books::{self, ConfigFlag};
use super::names;
use super::trouble::CaTrouble;
use crate::authority::book::Decision;
use crate::office::{Office, Presence};
use clap::{Args, ValueEnum};
use countersign::certificate::DistinguishedName;
use countersign::certificate::crl::Reason;
use countersign_ca::register::CertificateName;
use countersign_ca::register::revocation::RevocationRefused;
use std::path::PathBuf;

/// Flags of `ca revoke`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign ca revoke 516a375b24e52739fbeab90dd824761a --reason superseded --config countersign.toml
  countersign ca revoke --certificate provider.pem --reason key-compromise

What was made with `countersign ca sign` stands in no journal and cannot be revoked here: the certificate of who signed it can be, where \
that was issued.

With key-compromise every certificate of the same key is revoked, and none is issued for it any more. A server that runs with the \
same journal publishes it within seconds.

Exit codes: 0 done, 1 refused, 2 wrong use or could not run.")]
pub(super) struct Arguments {
    /// Its serial number, hexadecimal, as `ca list` or OpenSSL prints it
    #[arg(value_name = "SERIAL", required_unless_present = "certificate")]
    serial: Option<String>,
    /// The certificate itself, PEM or DER
    #[arg(long, value_name = "FILE", conflicts_with = "serial")]
    certificate: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFlag,
    /// Why
    #[arg(long, value_enum, default_value_t)]
    reason: ReasonChoice,
    /// Who revokes it [default: the user]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What may be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ReasonChoice {
    AffiliationChanged,
    CaCompromise,
    CessationOfOperation,
    KeyCompromise,
    PrivilegeWithdrawn,
    Superseded,
    #[default]
    Unspecified,
}

impl From<ReasonChoice> for Reason {
    fn from(choice: ReasonChoice) -> Self {
        match choice {
            ReasonChoice::AffiliationChanged => Self::AffiliationChanged,
            ReasonChoice::CaCompromise => Self::CaCompromise,
            ReasonChoice::CessationOfOperation => Self::CessationOfOperation,
            ReasonChoice::KeyCompromise => Self::KeyCompromise,
            ReasonChoice::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
            ReasonChoice::Superseded => Self::Superseded,
            ReasonChoice::Unspecified => Self::Unspecified,
        }
    }
}

/// A serial number as the journal has it: OpenSSL prints capitals, and colons between octets.
fn spelled(text: &str) -> String {
    let digits = text.chars().filter(|digit| *digit != ':');
    digits.map(|digit| digit.to_ascii_lowercase()).collect()
}

/// Whether the authority has, or had, this name.
fn is_ours(office: &Office, issuer: &DistinguishedName) -> bool {
    let ours = office.issuers();
    ours.iter().any(|one| one.subject() == issuer)
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Outcome, CaTrouble> {
    let office = arguments.config.office()?;
    let by = books::whoever(arguments.by.as_deref())?;
    let mut issuer = None;
    let name = match (&arguments.certificate, &arguments.serial) {
        (Some(path), _) => {
            let chain = names::chain(path)?;
            issuer = Some(chain.end_entity().issuer().clone());
            CertificateName::of(chain.end_entity())
        }
        (None, serial) => {
            let text = serial.as_deref().unwrap_or_default();
            let serial = countersign_ca::notation::from_hexadecimal(&spelled(text));
            let serial = serial.map_err(|_| CaTrouble::Serial(text.into()))?;
            CertificateName::new(office.certificate().subject(), &serial)
        }
    };
    let mut book = books::open(&office, Presence::Required)?;
    let reason = Reason::from(arguments.reason);
    let revoked =
        book.command(
            |ledger, now, _| match ledger.register.revoke(&name, reason, &by, now) {
                Ok(events) => Decision {
                    reply: Ok(events.len()),
                    events: events.into_iter().map(Into::into).collect(),
                },
                Err(refused) => Decision::nothing(Err(refused)),
            },
        );
    revoked
        .map_err(CaTrouble::Undone)?
        .map_err(|refused| match (refused, issuer) {
            (RevocationRefused::Unknown, Some(issuer)) if !is_ours(&office, &issuer) => {
                CaTrouble::Elsewhere(issuer.to_string().into())
            }
            _ => CaTrouble::Revocation(refused),
        })?;
    books::checkpoint(&office, &book, console);
    books::doubt_lists(&office, console);
    let serial = super::record::hex(name.serial.as_bytes());
    match arguments.json {
        true => console.line(serde_json::json!({
            "serial": serial,
            "reason": reason.to_string(),
            "by": by,
        })),
        false => console.line(format_args!("{serial}: revoked ({reason})")),
    }
    Ok(Outcome::Done)
}
