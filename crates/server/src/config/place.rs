//! Where a setting was written, and what is wrong with it there.
//!
//! Every value of the configuration carries its [`Place`], so that a mistake found late (a key that does not fit its
//! certificate) is told with the same file, line and key as one found while parsing. A [`Mistake`] stops the start, a
//! [`Warning`] does not.

mod answers;
mod trust;

pub use answers::AnswerConcern;
pub use trust::TrustConcern;

use crate::files::FileFault;
use crate::trust::Refusal;
use countersign::authentication::brand::{BrandFault, BrandWarning};
use countersign::authentication::{InventoryError, SignerError};
use countersign::certificate::chain::ChainError;
use countersign::certificate::number_records::RecordsError;
use countersign::time::UnixTime;
use countersign::trust::AnchorError;
use countersign_sip::trunk::ForwardsError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nobody wrote it.
    Default,
    /// An environment variable of this name.
    Environment(Box<str>),
    /// This line of the file, the first being 1.
    File {
        /// The file as it was named.
        path: Arc<Path>,
        /// The line.
        line: usize,
    },
    /// A flag on the command line.
    Flag(Box<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Place,
    /// Its key, from the root: `trunks[0].next_hops`.
    pub key: Box<str>,
}

impl<T> Placed<T> {
    /// A mistake about this value.
    pub fn mistake(&self, cause: Cause) -> Mistake {
        Mistake {
            place: self.place.clone(),
            key: self.key.clone(),
            cause: cause.into(),
        }
    }

    /// A warning about this value.
    pub fn warning(&self, concern: impl Into<Concern>) -> Warning {
        Warning {
            place: self.place.clone(),
            key: self.key.clone(),
            concern: concern.into(),
        }
    }

    /// Another value, written at the same place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Placed<U> {
        Placed {
            value: change(self.value),
            place: self.place,
            key: self.key,
        }
    }
}

/// A mistake in the configuration: `file:line: key: what is wrong; what to do`.
#[derive(Debug)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// Which key.
    pub key: Box<str>,
    /// What is wrong.
    pub cause: Box<Cause>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.cause)?;
        match self.cause.fix() {
            Some(fix) => write!(f, "; {fix}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}

/// What is wrong with a setting.
#[derive(Debug)]
pub enum Cause {
    /// There is neither a certificate nor a P-256 public key in this file.
    Administrator(PathBuf),
    /// The anchors in this file cannot be used.
    Anchors(PathBuf, AnchorError),
    /// What a brand says cannot be signed.
    Brand(BrandFault),
    /// The certificates in this file cannot be used.
    Certificates(PathBuf, ChainError),
    /// The file holds no certificate chain.
    Chain(PathBuf, ChainError),
    /// Another entry has this name or address already.
    Duplicate,
    /// The end-entity certificate has ended.
    Expired(PathBuf, UnixTime),
    /// A file cannot be used.
    File(PathBuf, FileFault),
    /// The table of forwards has a mistake.
    Forwards(PathBuf, ForwardsError),
    /// The tenant's inventory has a mistake.
    Inventory(PathBuf, InventoryError),
    /// The private key is not that of the certificate.
    KeyMismatch(PathBuf),
    /// Lab anchors without the word that allows them: this key.
    LabNotAllowed(Box<str>),
    /// The list in this file cannot be used.
    List(PathBuf, Refusal),
    /// A required key is not there.
    Missing(&'static str),
    /// It is written in this file, and is not part of this release.
    NotYet(&'static str),
    /// The certificate is of the future.
    NotYetValid(PathBuf, UnixTime),
    /// Nothing of this name is configured.
    NotFound(Box<str>),
    /// The records of the number authority have a mistake.
    Records(PathBuf, RecordsError),
    /// One key needs another: the second.
    Requires(&'static str),
    /// Nobody could verify what is signed with this.
    Signer(PathBuf, SignerError),
    /// The text is not TOML.
    Syntax(Box<str>),
    /// There is no such key; perhaps this one was meant.
    UnknownKey(Option<&'static str>),
    /// The configuration itself cannot be read.
    Unreadable(FileFault),
    /// Not one of the values that this key takes.
    Value(Expected),
}

/// What a key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// `true` or `false`.
    Boolean,
    /// Whole numbers of this range.
    Integer(i64, i64),
    /// A list.
    List,
    /// A list with something in it.
    ListOfSome,
    /// A list of tables: `[[name]]`.
    ListOfTables,
    /// One of these words.
    OneOf(Vec<&'static str>),
    /// One of these numbers.
    OneOfNumbers(&'static [i64]),
    /// A table: `[name]`.
    Table,
    /// A text; of this form.
    Text(&'static str),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator(path) => write!(
                f,
                "{}: there is neither a certificate nor a P-256 public key in it",
                path.display()
            ),
            Self::Anchors(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Brand(fault) => write!(f, "nobody could verify what it says: {fault}"),
            Self::Certificates(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Chain(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Duplicate => f.write_str("there is another one of the same name"),
            Self::Expired(path, at) => {
                write!(f, "{}: the certificate ended at {at}", path.display())
            }
            Self::File(path, fault) => write!(f, "{}: {fault}", path.display()),
            Self::Forwards(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Inventory(path, error) => write!(f, "{}: {error}", path.display()),
            Self::KeyMismatch(path) => write!(
                f,
                "{}: the private key is not that of the certificate",
                path.display()
            ),
            Self::LabNotAllowed(_) => {
                f.write_str("lab anchors prove nothing about anybody's numbers")
            }
            Self::List(path, refusal) => write!(f, "{}: {refusal}", path.display()),
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::NotYet(what) => write!(f, "{what} is not available in this release"),
            Self::NotYetValid(path, at) => {
                write!(f, "{}: the certificate begins at {at}", path.display())
            }
            Self::NotFound(name) => write!(f, "there is no \"{name}\""),
            Self::Records(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Requires(other) => write!(f, "it needs {other}"),
            Self::Signer(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Syntax(message) => write!(f, "not TOML: {message}"),
            Self::UnknownKey(_) => f.write_str("there is no such key"),
            Self::Unreadable(fault) => write!(f, "{fault}"),
            Self::Value(expected) => write!(f, "it takes {expected}"),
        }
    }
}

impl Cause {
    /// What the operator may do about it.
    pub fn fix(&self) -> Option<String> {
        let fix = match self {
            Self::Administrator(_) => {
                "give the certificate or public key of who signs the list, in PEM"
            }
            Self::Anchors(..) => "give the CA certificates that calls are to be traced to, in PEM",
            Self::Brand(_) => {
                "correct it: a text of a line, https URLs, a jCard with version and fn"
            }
            Self::Certificates(..) => "give certificates, in PEM",
            Self::Chain(..) => "give the signer's certificate and its intermediates, in PEM",
            Self::Duplicate => "give it a name of its own",
            Self::Expired(..) => "renew it",
            Self::File(_, fault) | Self::Unreadable(fault) => fault.fix(),
            Self::Forwards(..) => {
                "write the called number and the one it goes to a line: 12025550101,12025550110"
            }
            Self::Inventory(..) => "write one number or range a line: 12025550100,assigned",
            Self::KeyMismatch(_) => "give the key that the certificate was made for",
            Self::LabNotAllowed(key) => return Some(format!("set {key} = true if this is a lab")),
            Self::List(_, Refusal::CrlNotProven(_)) => {
                "give a list that an anchor signs, or its signer in crl_issuer_files"
            }
            Self::List(..) => "give the right file",
            Self::Missing(_) | Self::Requires(_) => "add it",
            Self::NotYet(_) => "leave it out",
            Self::NotYetValid(..) => "check the clock of this machine",
            Self::NotFound(_) => "add it, or correct the name",
            Self::Records(..) => {
                "write a provider and its numbers a line: 1234,12025550100-12025550199"
            }
            Self::Signer(..) => "give the certificate of a signer, for the URL that leads to it",
            Self::UnknownKey(Some(near)) => return Some(format!("did you mean {near}?")),
            Self::UnknownKey(None) => "see etc/countersign.toml.example for the keys there are",
            Self::Syntax(_) | Self::Value(_) => return None,
        };
        Some(fix.to_owned())
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("true or false"),
            Self::Integer(least, most) => write!(f, "a whole number from {least} to {most}"),
            Self::List => f.write_str("a list: [\"…\", \"…\"]"),
            Self::ListOfSome => {
                f.write_str("a list with something in it; without this line it is for all")
            }
            Self::ListOfTables => f.write_str("tables, each with its own [[heading]]"),
            Self::OneOf(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                write!(f, "one of {}", words.join(", "))
            }
            Self::OneOfNumbers(numbers) => {
                let numbers: Vec<_> = numbers.iter().map(i64::to_string).collect();
                write!(f, "one of {}", numbers.join(", "))
            }
            Self::Table => f.write_str("a table with a [heading]"),
            Self::Text(form) => write!(f, "{form}, in quotes"),
        }
    }
}

/// Something to think about; the configuration works.
#[derive(Debug)]
pub struct Warning {
    /// Where.
    pub place: Place,
    /// Which key.
    pub key: Box<str>,
    /// What.
    pub concern: Concern,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.key, self.concern)
    }
}

/// What there is to think about.
#[derive(Clone, Debug)]
pub enum Concern {
    /// The admin listener can be reached from elsewhere, and asks nobody who they are.
    AdminIsOpen,
    /// About who picks up.
    Answers(AnswerConcern),
    /// The certificate lists these numbers or providers, and the one above it does not.
    BeyondParent(Box<str>),
    /// What others may not like about a brand.
    Brand(BrandWarning),
    /// The chain leaves no room in a token, so it is not sent along.
    ChainTooLong,
    /// The certificate ends soon.
    EndsSoon(UnixTime),
    /// A host that the fetch rules would refuse may be fetched from.
    FetchException(Box<str>),
    /// Lab anchors are believed.
    LabAnchors,
    /// A list of numbers is not in the certificate but at a URL, which nobody fetches before signing.
    ListByReference,
    /// Nothing verifies against no anchor.
    NoAnchors,
    /// An authority, and no listener that leads to it.
    NobodyReaches,
    /// The certificate names no responder, so there is nothing to send along.
    NoResponder,
    /// The certificate for TLS names no SIP domain.
    NoSipDomain,
    /// The trunk's `local` is none of our listeners.
    NoSuchListener,
    /// The certificate says for which numbers it speaks nowhere.
    NoTnAuthList,
    /// The usual file of web trust anchors is not there.
    NoWebRoots,
    /// The certificate for TLS does not name the host that we advertise.
    NotNamed(Box<str>),
    /// A tenant without a trunk that uses it.
    NotUsed,
    /// Everything that fits this trunk fits one before it, of this name.
    Overshadowed(Box<str>),
    /// The public listener speaks plain HTTP: x5u must be https.
    PublicIsPlain,
    /// A trunk that is asked by SIP, and has nothing to say.
    RedirectsNothing,
    /// The key of a tenant is another one, and x5u is not.
    SameUrl,
    /// About whom we believe.
    Trust(TrustConcern),
    /// A source address over UDP is taken for a proof of who sends.
    UdpSourceTrusted,
    /// A source address over UDP is a weak credential.
    UdpSourceWeak,
    /// A copy of every message goes to a collector.
    WholeMessagesLeave,
}

impl From<TrustConcern> for Concern {
    fn from(concern: TrustConcern) -> Self {
        Self::Trust(concern)
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers(concern) => concern.fmt(f),
            Self::BeyondParent(residue) => write!(
                f,
                "the certificate lists what the one above it does not: {residue}; no call is signed for it, and others may refuse every call"
            ),
            Self::Brand(warning) => warning.fmt(f),
            Self::EndsSoon(at) => write!(f, "the certificate ends at {at}: renew it"),
            Self::FetchException(origin) => write!(
                f,
                "certificates are fetched from {origin} although the rules for fetching may refuse it"
            ),
            Self::NotNamed(host) => write!(
                f,
                "the certificate does not name {host}, which is advertised: peers that compare names refuse it"
            ),
            Self::Overshadowed(earlier) => write!(
                f,
                "no message ever comes by it: all that could are taken by \"{earlier}\" before it"
            ),
            Self::Trust(concern) => concern.fmt(f),
            other => f.write_str(other.sentence()),
        }
    }
}

impl Concern {
    /// What is said of those that name nothing.
    fn sentence(&self) -> &'static str {
        match self {
            Self::AdminIsOpen => {
                "the admin listener can be reached from other machines and has no sign-in"
            }
            Self::LabAnchors => {
                "lab anchors are believed: a verdict says nothing about anybody's numbers"
            }
            Self::ListByReference => {
                "the list of its numbers is at a URL, and nobody fetches it for signing: no call is signed for a number that is only there"
            }
            Self::ChainTooLong => {
                "the chain leaves no room for a call in a token of 8 KiB: it is not sent along, x5u has to do"
            }
            Self::NobodyReaches => {
                "nobody reaches the authority: its paths are on the public listener, and http.public.listen is empty"
            }
            Self::NoAnchors => "there is no trust anchor: no call can pass",
            Self::NoResponder => {
                "the certificate names no OCSP responder by https, or the file lacks the one above it: no staples"
            }
            Self::NoSipDomain => {
                "the certificate names no SIP domain (a sip URI or DNS name in subjectAltName): peers that look for one refuse it"
            }
            Self::NoTnAuthList => {
                "the certificate has no TN Authorization List: whoever verifies will refuse what it signs"
            }
            Self::NoWebRoots => {
                "this file is not there: certificates can be fetched from fetch.exceptions only"
            }
            Self::NoSuchListener => {
                "its local is none of our listeners: requests leave from the best one"
            }
            Self::NotUsed => "no trunk uses it",
            Self::PublicIsPlain => {
                "the public listener has no certificate and speaks plain HTTP; x5u must lead to https, so something must stand before it"
            }
            Self::SameUrl => {
                "the key is a new one and the URL is not: whoever still holds the old certificate refuses these calls; give each new certificate a URL of its own"
            }
            Self::UdpSourceTrusted => {
                "anybody can write this source address into a datagram; only a network that drops such datagrams makes it a proof"
            }
            Self::WholeMessagesLeave => {
                "a copy of every SIP message leaves this machine, in plain text: numbers, names, addresses, keys of media streams, and the password"
            }
            Self::RedirectsNothing => {
                "its calls are answered with 302 and nothing is added to them: give it a role"
            }
            Self::UdpSourceWeak => {
                "a source address over UDP is a weak credential: calls that come so are attested C at most (udp_source_is_trusted)"
            }
            Self::Answers(_)
            | Self::BeyondParent(_)
            | Self::Brand(_)
            | Self::EndsSoon(_)
            | Self::FetchException(_)
            | Self::NotNamed(_)
            | Self::Overshadowed(_)
            | Self::Trust(_) => "",
        }
    }
}
