//! What is told of a certificate that was made: to people, and to programs.

use super::super::console::Console;
use countersign::certificate::Certificate;
use serde::Serialize;
use std::path::Path;

/// A certificate, as programs are told; its shape is what other people's scripts rely on.
#[derive(Debug, Serialize)]
struct Record<'a> {
    certificate: &'a Path,
    subject: String,
    issuer: String,
    serial: String,
    not_before: String,
    not_after: String,
    sha256: String,
    key: Option<String>,
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl Form {
    /// As the flag says.
    pub(super) fn of(json: bool) -> Self {
        match json {
            true => Self::Json,
            false => Self::Text,
        }
    }
}

/// Tells of a certificate in the file at `path`, whose key is at `key` if it is ours.
pub(super) fn tell(
    path: &Path,
    certificate: &Certificate,
    key: Option<String>,
    form: Form,
    console: &mut Console,
) {
    let validity = certificate.validity();
    let record = Record {
        certificate: path,
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial: hex(certificate.serial()),
        not_before: validity.not_before.to_string(),
        not_after: validity.not_after.to_string(),
        sha256: hex(&certificate.sha256()),
        key,
    };
    match form {
        // Texts: nothing that JSON could not hold.
        Form::Json => console.line(serde_json::to_string(&record).unwrap_or_default()),
        Form::Text => {
            console.line(format_args!("certificate  {}", path.display()));
            if let Some(key) = &record.key {
                console.line(format_args!("key          {key}"));
            }
            console.line(format_args!("subject      {}", record.subject));
            console.line(format_args!("serial       {}", record.serial));
            console.line(format_args!("valid until  {}", record.not_after));
        }
    }
}
