//! One PASSporT as a request presents it, before anybody took it apart.
//!
//! Made by whoever reads the request: the Identity header field of SIP
//! ([RFC 8224 §4](https://www.rfc-editor.org/rfc/rfc8224#section-4)), the body of the HTTP interface, the command line.

/// A token and what stood beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The token, full or compact form.
    pub token: Box<str>,
    /// The `info` parameter: where the certificate is said to be, without angle brackets.
    pub info: Option<Box<str>>,
    /// The `alg` parameter, without quotes.
    pub alg: Option<Box<str>>,
    /// The `ppt` parameter, without quotes.
    pub ppt: Option<Box<str>>,
}

impl Presented {
    /// A token with nothing beside it.
    pub fn bare(token: impl Into<Box<str>>) -> Self {
        Self {
            token: token.into(),
            info: None,
            alg: None,
            ppt: None,
        }
    }
}
