//! What a rule is, and what comes of asking it: [`Lint`], [`Outcome`], [`Finding`].
//!
//! A rule is a name, a clause, an audience and a function over the certificate as received. Whether it binds follows from the
//! audience and the date of its [`Source`], the same way for all.

use super::source::Source;
use crate::certificate::Certificate;
use crate::time::UnixTime;
use std::fmt;

/// One rule about one certificate.
#[derive(Clone, Copy)]
pub struct Lint {
    /// Its public name: `e_` for errors, `w_` for warnings, `n_` for notices.
    pub name: &'static str,
    /// The document it comes from.
    pub source: Source,
    /// Where in that document: a section number, or its title where the number is not public.
    pub clause: &'static str,
    /// Which certificates it speaks of.
    pub audience: Audience,
    /// What it asks, in a sentence.
    pub meaning: &'static str,
    /// Asks it. Only certificates of the audience get here.
    pub(super) check: fn(&Certificate) -> Check,
}

/// What a rule says of a certificate of its audience.
pub(super) type Check = Result<Answer, Breach>;

/// A certificate that breaks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It keeps the rule.
    Kept,
    /// What the rule speaks of is not there.
    NotThere,
}

/// A rule is broken: how, for people.
pub(super) struct Breach {
    detail: String,
    severity: Option<Severity>,
}

impl Breach {
    /// With the severity that the rule's name says.
    pub(super) fn new(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            severity: None,
        }
    }

    /// With a severity of its own.
    pub(super) fn with(severity: Severity, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            severity: Some(severity),
        }
    }
}

/// `Kept`, or the breach that `detail` tells.
pub(super) fn keep(kept: bool, detail: impl FnOnce() -> String) -> Check {
    match kept {
        true => Ok(Answer::Kept),
        false => Err(Breach::new(detail())),
    }
}

/// Which certificates a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every certificate; authorities' date.
    Any,
    /// Certificates whose basic constraints say cA, roots among them.
    Authority,
    /// All others.
    EndEntity,
    /// Authorities with another name than their issuer.
    Intermediate,
    /// Authorities with the same name as their issuer.
    Root,
}

impl Audience {
    /// Whether `certificate` is one of them.
    pub fn holds(self, certificate: &Certificate) -> bool {
        let own_issuer = is_own_issuer(certificate);
        match (self, certificate.is_ca()) {
            (Self::Any, _) | (Self::Authority, true) | (Self::EndEntity, false) => true,
            (Self::Intermediate, true) => !own_issuer,
            (Self::Root, true) => own_issuer,
            (Self::EndEntity, true)
            | (Self::Authority | Self::Intermediate | Self::Root, false) => false,
        }
    }
}

/// Whether a certificate names its subject as its issuer, byte by byte: without keys the best guess at who signed itself. Two
/// empty names are nobody's.
pub(super) fn is_own_issuer(certificate: &Certificate) -> bool {
    certificate.issuer() == certificate.subject() && !certificate.subject().is_empty()
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "all",
            Self::Authority => "authorities",
            Self::EndEntity => "end entities",
            Self::Intermediate => "intermediates",
            Self::Root => "roots",
        })
    }
}

impl Lint {
    /// Certificates issued before this moment are not bound.
    pub fn effective(&self) -> UnixTime {
        match self.audience {
            Audience::EndEntity => self.source.since_for_end_entities(),
            Audience::Any | Audience::Authority | Audience::Intermediate | Audience::Root => {
                self.source.since()
            }
        }
    }

    /// What a breach of it is, unless it says otherwise.
    pub fn severity(&self) -> Severity {
        match self.name.as_bytes() {
            [b'n', b'_', ..] => Severity::Notice,
            [b'w', b'_', ..] => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Asks the rule about one certificate.
    pub fn judge(&self, certificate: &Certificate) -> Outcome {
        if !self.audience.holds(certificate) {
            return Outcome::NotApplicable;
        }
        let answer = (self.check)(certificate);
        if matches!(answer, Ok(Answer::NotThere)) {
            return Outcome::NotApplicable;
        }
        if certificate.validity().not_before < self.effective() {
            return Outcome::NotEffective;
        }
        match answer {
            Ok(_) => Outcome::Pass,
            Err(breach) => Outcome::Found(Finding {
                name: self.name,
                severity: breach.severity.unwrap_or_else(|| self.severity()),
                detail: breach.detail,
            }),
        }
    }
}

impl fmt::Debug for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lint({})", self.name)
    }
}

/// What came of asking one rule about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The rule is broken.
    Found(Finding),
    /// The rule speaks of other certificates, or of something that is not in this one.
    NotApplicable,
    /// The rule speaks of this certificate, which was issued before it bound anybody.
    NotEffective,
    /// The rule is kept.
    Pass,
}

/// A rule that a certificate breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the rule.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, for people; text out of the certificate stands in it escaped.
    pub detail: String,
}

/// How bad a breach is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// A SHOULD is not followed, or something strange.
    Warning,
    /// A MUST or SHALL is broken.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Notice => "notice",
            Self::Warning => "warning",
        })
    }
}
