//! What there is to think about whom we believe: anchors, lists, domains, records.

use crate::trust::Refusal;
use countersign::time::UnixTime;
use std::fmt;

/// What there is to think about whom we believe.
#[derive(Clone, Debug)]
pub enum TrustConcern {
    /// Revocation lists that nobody asks.
    CrlsNotUsed,
    /// Without a list nothing is validated, and there is none.
    HardWithoutCrls,
    /// What lies there from the last run, or is not proven yet, is not used.
    ListRefused(Box<str>, Refusal),
    /// The list is past its end.
    ListStale(UnixTime),
    /// Somebody is to say whose a number is, and nobody is named.
    NoRecords,
    /// What is pulled is forgotten at a restart.
    NotKept,
    /// Everything is judged by a domain before it, of this name.
    NothingLeft(Box<str>),
    /// Revocation lists may come over plain http.
    PlainHttpCrls,
    /// Nobody asks whose a number is.
    RecordsNotAsked,
    /// What is said of numbers is so old that nobody believes it.
    RecordsTooOld(UnixTime),
    /// Responders are asked during calls.
    RespondersAreTold,
    /// Lists are asked, and there is none.
    SoftWithoutCrls,
    /// Nobody is asked, and a call without a staple is not validated.
    StaplesDemanded,
}

impl fmt::Display for TrustConcern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CrlsNotUsed => "revocation is off: nobody asks the revocation lists",
            Self::HardWithoutCrls => {
                "there is no revocation list (crl_files, crl_urls): no call whose certificate names one is validated"
            }
            Self::ListRefused(place, refusal) => {
                return write!(f, "what is here of {place} is not used: {refusal}");
            }
            Self::ListStale(at) => return write!(f, "the list is past its end since {at}"),
            Self::NoRecords => {
                "there is no number_authority_file: no number that a certificate has by provider code only is validated"
            }
            Self::NotKept => {
                "a restart begins without this list: trust.state_dir names a folder in which it is kept"
            }
            Self::NothingLeft(earlier) => {
                return write!(f, "it judges no call: \"{earlier}\" before it judges all");
            }
            Self::PlainHttpCrls => {
                "revocation lists may come over plain http: they are signed, but who listens knows when we have none"
            }
            Self::RecordsNotAsked => "nobody asks: provider_numbers is not \"require-authority\"",
            Self::RecordsTooOld(at) => {
                return write!(f, "its data is of {at}, older than number_authority_max_age_s allows: no number is validated by it");
            }
            Self::RespondersAreTold => {
                "responders are asked during calls: each is told who calls, and when"
            }
            Self::SoftWithoutCrls => {
                "there is no revocation list (crl_files, crl_urls): nothing is ever found revoked"
            }
            Self::StaplesDemanded => {
                "no call is validated that brings no staple along, and hardly any does"
            }
        })
    }
}
