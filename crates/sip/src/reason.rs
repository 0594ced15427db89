//! Reason, [RFC 3326](https://www.rfc-editor.org/rfc/rfc3326), and what it says of PASSporTs,
//! [RFC 9410](https://www.rfc-editor.org/rfc/rfc9410): which Identity header had which error.
//!
//! [`values`] reads, [`stir`] and [`sip`] write, [`strip`] takes values out. There may be several values of `STIR` in one message
//! (RFC 9366 §3). Whatever is of another protocol, Q.850 above all, stays byte for byte.
//!
//! Not here: what is wrong with a PASSporT, which is `countersign::verification`; when somebody is told, which is `crate::element`.

use crate::grammar::{
    List, Parameters, is_lws, is_token, number, push_quoted, quoted_content, quoted_text,
    split_outside, trim_end,
};
use crate::message::{Message, Name};
use crate::patch::Patch;
use countersign::verification::Code;

/// Longest `ppi` that is written, in bytes. A PASSporT with a card in it is longer than what a response over UDP can hold; such a one
/// is named in compact form.
pub const MAX_WRITTEN_PPI: usize = 1024;

/// One value of Reason.
#[derive(Clone, Debug)]
pub struct Reason<'a> {
    /// Whose causes it speaks of, as written.
    pub protocol: &'a [u8],
    /// The parameters, from their first `;`; empty if there are none.
    parameters: &'a [u8],
}

impl<'a> Reason<'a> {
    /// Reads one value; `None` if it is malformed.
    // RFC 3326 §2: reason-value = protocol *(SEMI reason-params), protocol = "SIP" / "Q.850" / token
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        let end = split_outside(raw, b';').map_or(raw.len(), |(protocol, _)| protocol.len());
        let (protocol, parameters) = raw.split_at_checked(end)?;
        let protocol = trim_end(protocol);
        let fits = is_token(protocol) && Parameters::of(parameters).are_well_formed();
        fits.then_some(Self {
            protocol,
            parameters,
        })
    }

    /// Whether it is about a PASSporT.
    // RFC 3261 §7.3.1: "Unless otherwise stated in the definition of a particular header field, field values, parameter names, and
    // parameter values are case-insensitive."
    pub fn is_stir(&self) -> bool {
        self.protocol.eq_ignore_ascii_case(b"STIR")
    }

    /// The cause, whatever it means in its protocol; `None` if there is none, or it is no number.
    // RFC 3326 §2: protocol-cause = "cause" EQUAL cause, cause = 1*DIGIT
    pub fn cause(&self) -> Option<u32> {
        number(Parameters::of(self.parameters).value("cause")?)
    }

    /// The cause in words.
    // RFC 3326 §2: reason-text = "text" EQUAL quoted-string. A bare word is read, too.
    pub fn text(&self) -> Option<String> {
        let value = Parameters::of(self.parameters).value("text")?;
        Some(quoted_text(quoted_content(value).unwrap_or(value)))
    }

    /// The PASSporT that it is about, as the sender names it; without the folds that break a long one.
    pub fn ppi(&self) -> Option<String> {
        let value = Parameters::of(self.parameters).value("ppi")?;
        let text = quoted_text(quoted_content(value).unwrap_or(value));
        Some(text.split_ascii_whitespace().collect())
    }

    /// Which PASSporT that is.
    pub fn subject(&self) -> Subject {
        match self.ppi() {
            None => Subject::Unnamed,
            Some(ppi) => signature_of(&ppi).map_or(Subject::Unreadable, Subject::signed),
        }
    }
}

/// Which PASSporT a Reason is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The one with this signature, in base64url.
    Signature(Box<str>),
    /// It names one, and nobody knows which.
    Unreadable,
    /// It names none.
    Unnamed,
}

impl Subject {
    fn signed(signature: &str) -> Self {
        Self::Signature(signature.into())
    }
}

/// The signature of a PASSporT, in full or in compact form; `None` if it is neither.
// RFC 9410 §5: "The associated PASSporT object can be included either in full form or in compact form, where only the signature of the
// PASSporT is included with two periods as a prefix, as defined in Section 7 of [RFC8225], to identify the reported Identity header
// field with an error."
pub fn signature_of(passport: &str) -> Option<&str> {
    let mut segments = passport.split('.');
    let (header, claims, signature) = (segments.next()?, segments.next()?, segments.next()?);
    let is_whole = header.is_empty() == claims.is_empty() && segments.next().is_none();
    (is_whole && !signature.is_empty()).then_some(signature)
}

/// The values of the Reason headers of a message, in order; `None` for each that is malformed.
pub fn values(message: &Message) -> impl Iterator<Item = Option<Reason<'_>>> {
    let elements = message.elements(Name::Reason);
    elements.filter(|one| !one.is_empty()).map(Reason::parse)
}

/// A value about what verification found. `ppi` names the PASSporT; what is longer than [`MAX_WRITTEN_PPI`] is named in compact form,
/// or not at all.
// RFC 9410 §4: "it should include the error response code and reason phrase in a Reason header field in the next provisional or final
// response it sends to the authentication service."
pub fn stir(code: Code, ppi: Option<&str>) -> Vec<u8> {
    let (cause, text) = (code.number(), code.phrase());
    let mut value = format!("STIR;cause={cause};text=\"{text}\"").into_bytes();
    let ppi = ppi.and_then(|ppi| match ppi.len() {
        0..=MAX_WRITTEN_PPI => Some(ppi.to_owned()),
        _ => compact(ppi),
    });
    if let Some(ppi) = ppi {
        value.extend_from_slice(b";ppi=");
        push_quoted(&mut value, &ppi);
    }
    value
}

fn compact(passport: &str) -> Option<String> {
    let compact = format!("..{}", signature_of(passport)?);
    (compact.len() <= MAX_WRITTEN_PPI).then_some(compact)
}

/// A value about an answer of our own: RFC 3326 §2.
pub fn sip(status: u16, text: &str) -> Vec<u8> {
    let mut value = format!("SIP;cause={status};text=").into_bytes();
    push_quoted(&mut value, text);
    value
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept,
    /// It goes.
    Removed,
}

/// Takes out of the Reason headers the values about PASSporTs that `fate` does not keep. A malformed value that nobody can tell from
/// one of `STIR` goes if it has one of `signatures` in it: whoever reads it in another way must not find there what was not found here.
pub fn strip(
    message: &Message,
    patch: &mut Patch,
    signatures: &[&str],
    mut fate: impl FnMut(&Reason<'_>) -> Fate,
) {
    for line in message.headers(Name::Reason) {
        let (mut staying, mut is_touched) = (Vec::new(), false);
        for raw in List::of(line.value).filter(|raw| !raw.is_empty()) {
            let goes = match Reason::parse(raw) {
                Some(reason) => reason.is_stir() && fate(&reason) == Fate::Removed,
                None => mentions(raw, signatures),
            };
            match goes {
                true => is_touched = true,
                false => staying.push(raw),
            }
        }
        match staying.is_empty() {
            _ if !is_touched => {}
            true => patch.remove_header(message, line.index),
            false => patch.replace_value(message, line.index, &staying.join(&b", "[..])),
        }
    }
}

/// Whether a text has one of these signatures in it, however it is folded and escaped.
fn mentions(text: &[u8], signatures: &[&str]) -> bool {
    let plain: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !is_lws(*byte) && *byte != b'\\')
        .collect();
    let mut signatures = signatures.iter().filter(|one| !one.is_empty());
    signatures.any(|one| memchr::memmem::find(&plain, one.as_bytes()).is_some())
}

#[cfg(test)]
mod tests;
