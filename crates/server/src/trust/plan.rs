//! What the operator wants believed: trust domains, their anchors, and where their lists come from.
//!
//! A [`Plan`] is what the configuration says, with the files of anchors, signers and administrators read. The lists themselves are
//! [`super::list`]'s.

use super::schedule::DEFAULT_REFRESH;
use crate::fetch::PlainHttp;
use countersign::certificate::NumberScope;
use countersign::certificate::rules::PathRules;
use countersign::path::CrlIssuer;
use countersign::trust::ca_list::Administrator;
use countersign::trust::{Anchor, FreshnessRule, ListSigners, RevocationRule, TrunkScope};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Every trust domain, and how all of them are kept.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The domains, in the order in which they are asked.
    pub domains: Vec<DomainPlan>,
    /// How lists are kept.
    pub upkeep: Upkeep,
}

/// How lists are kept.
#[derive(Clone, Debug)]
pub struct Upkeep {
    /// Where the last good lists lie when the process does not run; `None`: nowhere.
    pub state_folder: Option<PathBuf>,
    /// How often a list is pulled.
    pub refresh: Duration,
    /// Whether revocation lists may be pulled over plain http.
    pub plain: PlainHttp,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            state_folder: None,
            refresh: DEFAULT_REFRESH,
            plain: PlainHttp::default(),
        }
    }
}

/// One trust domain.
#[derive(Clone, Debug)]
pub struct DomainPlan {
    /// Its name.
    pub name: Box<str>,
    /// The trunks whose calls it judges.
    pub trunks: TrunkScope,
    /// The calling numbers it judges.
    pub numbers: NumberScope,
    /// Anchors from files.
    pub anchors: Vec<Anchor>,
    /// Where more anchors come from.
    pub ca_list: Option<CaListPlan>,
    /// Where its revocation lists come from.
    pub crls: Vec<Place>,
    /// Who else may sign them, by the operator's word.
    pub crl_issuers: Vec<CrlIssuer>,
    /// What follows when no list answers.
    pub revocation: RevocationRule,
    /// Whose lists are heard.
    pub list_signers: ListSigners,
    /// What its paths may be.
    pub rules: PathRules,
    /// What becomes of the word of a responder, or of none.
    pub freshness: FreshnessRule,
}

/// A signed list of anchors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaListPlan {
    /// Where it comes from.
    pub place: Place,
    /// Who signs it. Several while one takes over from another.
    pub administrators: Vec<Administrator>,
}

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A file, which somebody else replaces.
    File(PathBuf),
    /// A URL.
    Url(Box<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(url),
        }
    }
}
