//! How a trunk is answered by us: which of the field's dialects of 302 it speaks, and how its calls are rejected.
//!
//! Data only; the answers themselves are written by `crate::redirect` and by `crate::element`.

/// The dialect of one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedirectDialect {
    /// Where the answer carries what was added.
    pub form: RedirectForm,
    /// What is answered if nothing was added.
    pub nothing_added: NothingAdded,
}

/// Where a 302 carries what signing and judging added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedirectForm {
    /// As headers inside the URI of Contact, percent-encoded: RFC 3261 §19.1.1. A Request-URI that can have none, such as `tel:`, is
    /// answered as [`RedirectForm::Header`] has it.
    Contact,
    /// As headers of the response, under their own names.
    #[default]
    Header,
    /// As `X-Identity` and `X-Date`, for a switch that copies unknown headers only. The verdict stays in P-Asserted-Identity.
    XHeaders,
}

/// What is answered to a call that leaves as it came: neither signed nor judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NothingAdded {
    /// 302 with the Request-URI in Contact, and nothing else.
    #[default]
    MovedTemporarily,
    /// 404: the switch takes its next route.
    NotFound,
    /// 503: the switch takes its next route. One that counts failures of its servers would better be told 404.
    ServiceUnavailable,
}

/// How a call is rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// Instead of the code that RFC 8224 has for its fault; that stands in a Reason header then (RFC 9410).
    pub status: Option<RejectionStatus>,
    /// The text of a Reason header (RFC 3326), such as `sti-blocked`; none if there is none.
    pub text: Option<Box<str>>,
}

/// A code that calls are rejected with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionStatus {
    /// 603: the call is not wanted, nowhere.
    Decline,
    /// 403.
    Forbidden,
    /// 404: the switch takes its next route.
    NotFound,
    /// 608: an intermediary did it ([RFC 8688](https://www.rfc-editor.org/rfc/rfc8688)).
    Rejected,
    /// 503: the switch takes its next route.
    ServiceUnavailable,
    /// 480.
    TemporarilyUnavailable,
    /// 607: the called side does not want it ([RFC 8197](https://www.rfc-editor.org/rfc/rfc8197)).
    Unwanted,
}

impl RejectionStatus {
    /// Code and reason phrase.
    pub const fn line(self) -> (u16, &'static str) {
        match self {
            Self::Decline => (603, "Decline"),
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::Rejected => (608, "Rejected"),
            Self::ServiceUnavailable => (503, "Service Unavailable"),
            Self::TemporarilyUnavailable => (480, "Temporarily Unavailable"),
            Self::Unwanted => (607, "Unwanted"),
        }
    }
}

impl NothingAdded {
    /// Code and reason phrase.
    pub const fn status(self) -> (u16, &'static str) {
        match self {
            Self::MovedTemporarily => (302, "Moved Temporarily"),
            Self::NotFound => (404, "Not Found"),
            Self::ServiceUnavailable => (503, "Service Unavailable"),
        }
    }
}
