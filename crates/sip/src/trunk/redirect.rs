//! How a trunk is answered in redirect mode: which of the field's dialects of 302 it speaks.
//!
//! Data only; the answer itself is written by `crate::redirect`.

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
