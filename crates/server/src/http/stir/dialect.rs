//! The two JSON dialects, and everything that goes wrong in each: one list of causes, one row of each table for every cause.

use axum::http::StatusCode;
use countersign::authentication::Refusal;
use countersign::jose::json::{JsonError, write_string};
use std::borrow::Cow;

/// How requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// ATIS-1000082: `identity`, `verstat`, errors by `SVC` and `POL` numbers.
    Atis,
    /// 3GPP TS 24.229 Annex V: `identityHeader`, `verstatValue`, errors in words.
    Threegpp,
}

/// Most characters of a request that an error repeats.
const MAX_REPEATED: usize = 64;

/// Why a request is not done. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// A length was promised that is more than this many bytes, or the message was longer than it.
    BodyTooLarge(usize),
    /// The body did not come in time, or not as long as promised.
    BodyUnread,
    /// The parameter of this name has a value that it cannot have, for this reason.
    Invalid(&'static str, &'static str),
    /// The body is not JSON.
    Json(JsonError),
    /// There is no Content-Length.
    LengthRequired,
    /// The body is of another type.
    MediaType,
    /// Another method than these.
    Method(&'static str),
    /// There is no body.
    NoBody,
    /// The parameter of this name is not there.
    Missing(&'static str),
    /// The answer would be of a type that the client does not take: this one.
    NotAcceptable(Box<str>),
    /// There is nothing at this path.
    NotFound,
    /// No trunk is known by this source, or its trunk may not ask this. Which of the two is nobody's business.
    NotPermitted,
    /// The tenant does not speak for the call.
    NotSigned(Refusal),
    /// A fault of ours.
    Ours,
    /// The body is no SIP request, or no form.
    Unreadable(Cow<'static, str>),
}

/// One row of the ATIS table: the number, the text with its places, and what is put there.
struct Row {
    id: &'static str,
    text: &'static str,
    variables: Vec<Cow<'static, str>>,
}

impl Row {
    fn new(id: &'static str, text: &'static str) -> Self {
        Self {
            id,
            text,
            variables: Vec::new(),
        }
    }

    fn with(mut self, variable: impl Into<Cow<'static, str>>) -> Self {
        self.variables.push(variable.into());
        self
    }
}

impl Defect {
    /// What a refusal to sign means to whoever asked: a parameter that cannot be, policy, or a fault of ours.
    pub(super) fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CalledPartyUnknown => Self::Missing("dest"),
            Refusal::CallerUnknown => Self::Missing("orig"),
            Refusal::StaleDate => Self::Invalid("iat", "more than a minute from now"),
            Refusal::TooLarge => Self::Invalid("dest", "too many, or too long"),
            Refusal::UnusableDate => Self::Invalid("iat", "tells no time"),
            Refusal::UnusableUri => Self::Invalid("dest.uri", "not a usable URI"),
            Refusal::SigningFailed => Self::Ours,
            Refusal::CallerNotANumber
            | Refusal::CertificateExpired
            | Refusal::CertificateNotYetValid
            | Refusal::ConstraintsViolated
            | Refusal::DiversionLoops
            | Refusal::DiversionUnproven
            | Refusal::DiversionWithheld
            | Refusal::IssuerNotOurs
            | Refusal::NoMediaKeys
            | Refusal::NoRichData
            | Refusal::NotCovered
            | Refusal::NothingToAnswer
            | Refusal::NothingToDivert
            | Refusal::PriorityMisused
            | Refusal::PriorityNotRequested
            | Refusal::RichDataIncomplete
            | Refusal::Unlisted => Self::NotSigned(refusal),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyUnread
            | Self::Invalid(..)
            | Self::Json(_)
            | Self::NoBody
            | Self::Missing(_)
            | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable(_) => StatusCode::NOT_ACCEPTABLE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotPermitted | Self::NotSigned(_) => StatusCode::FORBIDDEN,
            Self::Ours => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body, as this dialect writes it.
    pub fn body(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Atis => self.row().body(),
            Dialect::Threegpp => {
                let mut body = String::from("{\"error\":");
                write_string(&self.words(), &mut body);
                body.push('}');
                body
            }
        }
    }

    /// The row of the table of ATIS-1000082. That table has no numbers for 403 and 413: those ending in 30 and 31 are ours
    /// (`docs/divergences.md`).
    fn row(&self) -> Row {
        const UNPARSED: &str = "Failed to parse received message body: %1";
        match self {
            Self::NoBody => Row::new("SVC4000", "Missing message body"),
            Self::Missing(name) => {
                Row::new("SVC4001", "Missing mandatory parameter '%1'").with(*name)
            }
            Self::NotAcceptable(kind) => {
                let kind: String = kind.chars().take(MAX_REPEATED).collect();
                Row::new(
                    "SVC4002",
                    "Requested response body type '%1' is not supported",
                )
                .with(kind)
            }
            Self::NotFound => Row::new("SVC4003", "Requested resource was not found"),
            Self::MediaType => Row::new("SVC4004", "Unsupported message body type, expected '%1'")
                .with("application/json"),
            Self::Invalid(name, why) => Row::new("SVC4005", "Invalid '%1' parameter value: %2")
                .with(*name)
                .with(*why),
            Self::Json(error) => Row::new("SVC4006", UNPARSED).with(error.to_string()),
            Self::Unreadable(why) => Row::new("SVC4006", UNPARSED).with(why.clone()),
            Self::BodyUnread => Row::new("SVC4006", UNPARSED).with("it did not come whole"),
            Self::LengthRequired => Row::new("SVC4007", "Missing mandatory Content-Length header"),
            Self::NotPermitted => Row::new("POL4030", "Not permitted"),
            Self::NotSigned(refusal) => {
                Row::new("POL4031", "The call is not signed: %1").with(refusal.name())
            }
            Self::Method(_) => Row::new("POL4050", "Method not allowed"),
            Self::BodyTooLarge(limit) => {
                Row::new("POL4130", "Message body is larger than %1 bytes").with(limit.to_string())
            }
            Self::Ours => Row::new("POL5000", "Internal server error"),
        }
    }

    /// The words of the 3GPP dialect.
    fn words(&self) -> Cow<'static, str> {
        match self {
            Self::BodyTooLarge(limit) => format!("Message Body Larger Than {limit} Bytes").into(),
            Self::BodyUnread => "Incomplete Message Body".into(),
            Self::Invalid(name, why) => format!("Invalid Parameter Value: {name}: {why}").into(),
            Self::Json(error) => format!("Malformed Message Body: {error}").into(),
            Self::LengthRequired => "Content-Length Required".into(),
            Self::MediaType => "Unsupported Media Type".into(),
            Self::Method(_) => "Method Not Allowed".into(),
            Self::NoBody => "Missing Message Body".into(),
            Self::Missing(name) => format!("Missing Mandatory Parameter: {name}").into(),
            Self::NotAcceptable(_) => "Not Acceptable".into(),
            Self::NotFound => "Resource Not Found".into(),
            Self::NotPermitted => "Not Permitted".into(),
            Self::NotSigned(refusal) => format!("Call Not Signed: {}", refusal.name()).into(),
            Self::Ours => "Internal Server Error".into(),
            Self::Unreadable(why) => format!("Malformed Message Body: {why}").into(),
        }
    }

    /// One of each.
    #[cfg(test)]
    pub(crate) fn examples() -> Vec<Self> {
        let error = countersign::jose::json::parse(b"{").unwrap_err();
        vec![
            Self::BodyTooLarge(1),
            Self::BodyUnread,
            Self::Invalid("iat", "no"),
            Self::Json(error),
            Self::LengthRequired,
            Self::MediaType,
            Self::Method("POST"),
            Self::NoBody,
            Self::Missing("iat"),
            Self::NotAcceptable("x".into()),
            Self::NotFound,
            Self::NotPermitted,
            Self::NotSigned(Refusal::Unlisted),
            Self::Ours,
            Self::Unreadable("no".into()),
        ]
    }

    /// The name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::BodyTooLarge(_) => "too-large",
            Self::BodyUnread | Self::Json(_) | Self::NoBody | Self::Unreadable(_) => "malformed",
            Self::Invalid(..) | Self::Missing(_) => "bad-parameter",
            Self::LengthRequired | Self::MediaType | Self::Method(_) | Self::NotAcceptable(_) => {
                "bad-exchange"
            }
            Self::NotFound => "not-found",
            Self::NotPermitted => "not-permitted",
            Self::NotSigned(_) => "not-signed",
            Self::Ours => "own-fault",
        }
    }
}

impl Row {
    fn body(&self) -> String {
        let kind = match self.id.starts_with("POL") {
            true => "policyException",
            false => "serviceException",
        };
        let mut body = format!(
            "{{\"requestError\":{{\"{kind}\":{{\"messageId\":\"{}\",\"text\":\"{}\",\"variables\":[",
            self.id, self.text
        );
        for (place, variable) in self.variables.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            write_string(variable, &mut body);
        }
        body.push_str("]}}}");
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_both_dialects() {
        let missing = Defect::Missing("iat");
        assert_eq!(
            missing.body(Dialect::Atis),
            r#"{"requestError":{"serviceException":{"messageId":"SVC4001","text":"Missing mandatory parameter '%1'","variables":["iat"]}}}"#
        );
        assert_eq!(
            missing.body(Dialect::Threegpp),
            r#"{"error":"Missing Mandatory Parameter: iat"}"#
        );
        let method = Defect::Method("POST").body(Dialect::Atis);
        assert_eq!(
            method,
            r#"{"requestError":{"policyException":{"messageId":"POL4050","text":"Method not allowed","variables":[]}}}"#
        );
    }

    #[test]
    fn an_error_repeats_little_and_escapes_it() {
        let kind = format!("text/\"{}", "x".repeat(5_000));
        let body = Defect::NotAcceptable(kind.into()).body(Dialect::Atis);
        assert!(body.len() < 300, "{body}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&body).is_ok(),
            "{body}"
        );
    }
}
