//! Why a verb of `ca` did not do its work. What was asked and is refused is exit code 1, what could not be tried is 2.

use super::super::Outcome;
use super::super::trouble::Trouble;
use crate::authority::book::Undone;
use crate::authority::issuing::NotIssued;
use crate::config::Mistake;
use crate::files::FileFault;
use crate::keys::uri::BadTokenUri;
use crate::keys::{KeyFault, KeyPlace};
use crate::office::OfficeFault;
use countersign::certificate::ChainError;
use countersign::certificate::lint::LINTS;
use countersign::path::PathFault;
use countersign_ca::IssuanceError;
use countersign_ca::csr::CsrFault;
use countersign_ca::enrolment::{Failure, Stage};
use countersign_ca::register::approval::ApprovalRefused;
use countersign_ca::register::preparation::IssuanceRefused;
use countersign_ca::register::revocation::RevocationRefused;
use countersign_ca::subject::NotASubject;
use countersign_ca::token_authority::AccountFault;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a verb did not do its work. Alphabetical.
#[derive(Debug)]
pub(super) enum CaTrouble {
    /// The account is not opened or changed.
    Account(AccountFault),
    /// The certificate in its place is of another key, and it is not said where that is kept.
    AnotherKey(PathBuf),
    /// Not approved, or not asked for.
    Approval(ApprovalRefused),
    /// A range of numbers ends before it begins.
    Backwards(Box<str>),
    /// A file of certificates holds something else.
    Chain(PathBuf, ChainError),
    /// A chain was had and cannot be written: the order that has it.
    ChainNotKept(PathBuf, std::io::Error, Box<str>),
    /// The configuration has mistakes.
    Config(Vec<Mistake>),
    /// The certificate to be revoked was issued by somebody else.
    Elsewhere(Box<str>),
    /// No certificate was ordered and got: why, and the order, if one was placed.
    Enrolment(Failure, Option<Box<str>>),
    /// There is a file already where a new one is to be made.
    Exists(PathBuf),
    /// A file cannot be used.
    File(PathBuf, FileFault),
    /// The authority does not issue that.
    Issuance(IssuanceError),
    /// A certificate was issued and cannot be written: its serial number.
    IssuedNotKept(PathBuf, std::io::Error, Box<str>),
    /// There is a journal already where a copy is to be put.
    JournalThere(PathBuf),
    /// The key cannot be used.
    Key(KeyPlace, KeyFault),
    /// What names a key is no place of one.
    KeyPlace(Box<str>, BadTokenUri),
    /// The certificate would break these rules.
    Lint(Vec<&'static str>),
    /// The configuration describes no authority.
    NoAuthority(PathBuf),
    /// Nobody knows who is at the keyboard.
    Nobody,
    /// Neither provider codes nor numbers.
    NoNumbers,
    /// Neither a token nor where tokens are had.
    NoProof,
    /// The system gives no randomness.
    NoRandomness,
    /// The certificate is for another key.
    NotForKey(PathBuf, KeyPlace),
    /// An account that would hold nothing.
    NothingHeld,
    /// No certificate was issued.
    NotIssued(NotIssued),
    /// What is in the place of a chain is no certificate of this key.
    NotReplaced(PathBuf),
    /// The certificate is not one of an authority.
    NotOfAuthority(PathBuf),
    /// A copy of the journal is not put back; where the checkpoints are, if there are any.
    NotRestored(Option<PathBuf>),
    /// The key did not sign.
    NotSigned(KeyPlace),
    /// What the configuration names cannot be used.
    Office(OfficeFault),
    /// The certificates do not lead from the first to the last.
    Path(PathBuf, PathFault),
    /// A file holds no request that can be met.
    Request(PathBuf, CsrFault),
    /// Not revoked.
    Revocation(RevocationRefused),
    /// A key and something else would be one file.
    SamePlace(PathBuf),
    /// What should be a provider code or numbers is not.
    Scope(Box<str>),
    /// What should be a serial number is not.
    Serial(Box<str>),
    /// The names make no subject.
    Subject(NotASubject),
    /// It could not be kept.
    Undone(Undone),
    /// A file cannot be written.
    Unwritable(PathBuf, std::io::Error),
    /// Nothing can be asked over the web.
    Web(Box<Trouble>),
}

impl CaTrouble {
    /// What it makes of the run.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Enrolment(Failure::Processing | Failure::TimedOut(_), _) => Outcome::NotValidated,
            Self::Account(_)
            | Self::Approval(_)
            | Self::Elsewhere(_)
            | Self::Enrolment(..)
            | Self::Issuance(_)
            | Self::Lint(_)
            | Self::NotForKey(..)
            | Self::NotIssued(NotIssued::Refused(_))
            | Self::NotOfAuthority(_)
            | Self::NotRestored(_)
            | Self::Path(..)
            | Self::Request(..)
            | Self::Revocation(_) => Outcome::Failed,
            Self::AnotherKey(_)
            | Self::Backwards(_)
            | Self::Chain(..)
            | Self::ChainNotKept(..)
            | Self::Config(_)
            | Self::Exists(_)
            | Self::File(..)
            | Self::IssuedNotKept(..)
            | Self::JournalThere(_)
            | Self::Key(..)
            | Self::KeyPlace(..)
            | Self::NoAuthority(_)
            | Self::Nobody
            | Self::NoNumbers
            | Self::NoProof
            | Self::NoRandomness
            | Self::NothingHeld
            | Self::NotIssued(_)
            | Self::NotReplaced(_)
            | Self::NotSigned(_)
            | Self::Office(_)
            | Self::SamePlace(_)
            | Self::Scope(_)
            | Self::Serial(_)
            | Self::Subject(_)
            | Self::Undone(_)
            | Self::Unwritable(..)
            | Self::Web(_) => Outcome::Unable,
        }
    }
}

impl CaTrouble {
    /// What becomes of a certificate that was issued and is nowhere.
    fn issued(&self) -> String {
        let issued = "the certificate is issued all the same";
        match self {
            Self::ChainNotKept(_, _, order) => {
                format!("{issued}: for another file, add --existing-key --order {order}")
            }
            Self::IssuedNotKept(_, _, serial) => {
                format!(
                    "{issued}: {serial} of `countersign ca list`, to be revoked if nobody is to have it"
                )
            }
            _ => String::new(),
        }
    }

    /// What is the matter with a file that is there, or is not.
    fn in_the_way(&self) -> &'static str {
        match self {
            Self::AnotherKey(_) => {
                "the certificate there is of another key, whose certificates live on; say where it is kept (--former FILE)"
            }
            Self::Exists(_) => {
                "it is there already, and nothing is written over; name another file"
            }
            Self::JournalThere(_) => {
                "there is a journal already, and nothing is written over; if it is no good, move it away first, and what is beside it (-wal, -shm)"
            }
            Self::NoAuthority(_) => "there is no [ca] with a certificate_file in it",
            Self::NotOfAuthority(_) => "not installed: it is no certificate of an authority",
            Self::NotReplaced(_) => {
                "what is there is no certificate of this key, and is not written over; name another file"
            }
            Self::SamePlace(_) => {
                "this is the file of a key, and what else is put there would be all that is left; name another file"
            }
            _ => "",
        }
    }
}

impl fmt::Display for CaTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(fault) => fault.fmt(f),
            Self::AnotherKey(path)
            | Self::Exists(path)
            | Self::JournalThere(path)
            | Self::NoAuthority(path)
            | Self::NotOfAuthority(path)
            | Self::NotReplaced(path)
            | Self::SamePlace(path) => {
                write!(f, "{}: {}", path.display(), self.in_the_way())
            }
            Self::Approval(refused) => refused.fmt(f),
            Self::Backwards(text) => write!(f, "{text}: backwards; give the lower number first"),
            Self::Chain(path, cause) => {
                write!(f, "{}: {cause}; give certificates in PEM", path.display())
            }
            Self::ChainNotKept(path, error, _) | Self::IssuedNotKept(path, error, _) => {
                write!(f, "{}: {error}; {}", path.display(), self.issued())
            }
            Self::Config(mistakes) => {
                let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Elsewhere(issuer) => elsewhere(issuer, f),
            Self::Enrolment(why, order) => unenrolled(why, order.as_deref(), f),
            Self::File(path, fault) => write!(f, "{}: {fault}; {}", path.display(), fault.fix()),
            Self::Issuance(cause) => not_issued(cause, f),
            Self::Key(place, fault) => write!(f, "{place}: {fault}; {}", fault.fix()),
            Self::KeyPlace(text, fault) => write!(f, "{text}: {fault}"),
            Self::Lint(names) => broken(names, "ca sign --ignore-lint NAME breaks a rule", f),
            Self::NoNumbers => {
                f.write_str("for which numbers? give --spc CODE, --numbers FIRST-LAST")
            }
            Self::NoProof => f.write_str("give --token-file FILE or --token-authority URL"),
            Self::Nobody => {
                f.write_str("nobody knows who does this: USER is not set; give --by NAME")
            }
            Self::NothingHeld => {
                f.write_str("give what the account holds: --spc CODE, --numbers FIRST-LAST")
            }
            Self::NotForKey(path, place) => not_for_key(path, place, f),
            Self::NotRestored(checkpoints) => not_restored(checkpoints.as_deref(), f),
            Self::NotIssued(NotIssued::Refused(IssuanceRefused::Lints(names))) => {
                broken(names, "ca.ignored_lints names rules that may be broken", f)
            }
            Self::NotIssued(why) => write!(f, "not issued: {why}"),
            Self::NoRandomness => f.write_str("the system gives no randomness"),
            Self::NotSigned(place) => write!(f, "{place}: the key did not sign"),
            Self::Office(fault) => fault.fmt(f),
            Self::Path(path, cause) => write!(
                f,
                "{}: {cause}; give the new certificate first and each one's issuer after it",
                path.display()
            ),
            Self::Request(path, cause) => write!(f, "{}: {cause}", path.display()),
            Self::Revocation(refused) => write!(f, "not revoked: {refused}"),
            Self::Serial(text) => write!(f, "{text}: not a serial number in hexadecimal digits"),
            Self::Scope(text) => write!(
                f,
                "{text}: give a provider code, a number such as 12025550100, or 12025550100-12025550149"
            ),
            Self::Subject(cause) => cause.fmt(f),
            Self::Undone(why) => why.fmt(f),
            Self::Unwritable(path, error) => write!(
                f,
                "{}: it cannot be written: {error}; name another file",
                path.display()
            ),
            Self::Web(trouble) => trouble.fmt(f),
        }
    }
}

fn elsewhere(issuer: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "not revoked: {issuer} has issued it, and not this authority. It is revoked where its issuer keeps its books; what was \
                 made with `ca sign` stands in none, and is good until it ends, or until the certificate of its issuer is revoked"
    )
}

fn not_for_key(path: &Path, place: &KeyPlace, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "{}: not installed: it is for another key than {place}; give the certificate that was made for this key, first in its file",
        path.display()
    )
}

fn not_restored(checkpoints: Option<&Path>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("not restored: give a copy that has all that was signed for")?;
    match checkpoints {
        Some(file) => write!(
            f,
            "; or, to begin again from this one, in the knowledge that what was issued since is forgotten, move {} away",
            file.display()
        ),
        None => Ok(()),
    }
}

/// The rules that a certificate would break, what they say, and what can be done.
fn broken(names: &[&str], way: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("not issued: the certificate would break")?;
    for name in names {
        let rule = LINTS.iter().find(|rule| rule.name == *name);
        let meaning = rule.map(|rule| rule.meaning).unwrap_or_default();
        let remedy = match *name {
            "e_atis_ext_crl_distribution" | "e_atis_ext_crl_distribution_ca" => {
                " Give --crl-url URL and --crl-issuer FILE."
            }
            "e_atis_ext_crl_distribution_struct" | "e_atis_ext_crl_distribution_struct_ca" => {
                " Give --crl-issuer FILE, or [ca.crl]: somebody else than the authority that issues."
            }
            _ => "",
        };
        write!(f, "\n  {name}: {meaning}{remedy}")?;
    }
    write!(f, "\n({way})")
}

/// Why something is not issued, and what fits.
fn not_issued(cause: &IssuanceError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "not issued: {cause}")?;
    match cause {
        IssuanceError::NotWithin { .. } => f.write_str("; give --days or --hours that end with it"),
        _ => Ok(()),
    }
}

/// What can be done about a certificate that was not had.
fn unenrolled(why: &Failure, order: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "no certificate: {why}; to ")?;
    // What an order asks for stays: of one that was refused for it, is not known or has failed, nothing comes any more.
    let is_over = match why {
        Failure::Authorization(_)
        | Failure::Certificate(_)
        | Failure::NotHttps(_)
        | Failure::Order(_)
        | Failure::Refused(Stage::Order, _) => true,
        Failure::Refused(Stage::Finalization, problem) => &*problem.kind == "unauthorized",
        _ => false,
    };
    match order {
        Some(_) if is_over => {
            f.write_str("order anew with the same key, add --existing-key and no --order")
        }
        None => f.write_str("try again with the same key, add --existing-key"),
        Some(order) => write!(
            f,
            "go on with this order, add --existing-key --order {order}"
        ),
    }
}

impl std::error::Error for CaTrouble {}

impl From<Trouble> for CaTrouble {
    fn from(trouble: Trouble) -> Self {
        Self::Web(Box::new(trouble))
    }
}

impl From<OfficeFault> for CaTrouble {
    fn from(fault: OfficeFault) -> Self {
        Self::Office(fault)
    }
}

impl From<IssuanceError> for CaTrouble {
    fn from(cause: IssuanceError) -> Self {
        Self::Issuance(cause)
    }
}
