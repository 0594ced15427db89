//! The headers of a SIP URI, RFC 3261 §19.1.1: `?Identity=…&Date=…`, read and written.

use super::SipUri;

/// Most headers of one URI that are read: the message that carries it has no more lines.
const MAX_URI_HEADERS: usize = crate::message::MAX_HEADERS;

impl<'a> SipUri<'a> {
    /// The headers of the URI, names and values decoded, in order; what has no `=` or no name is left out, and so is what stands
    /// beyond as many as a message may have. What is escaped wrongly stays as it is.
    ///
    /// # Example
    /// ```
    /// use countersign_sip::uri::Uri;
    /// let Ok(Uri::Sip(uri)) = Uri::parse(b"sip:a@h?Subject=a%20b&x=") else { panic!() };
    /// let headers: Vec<_> = uri.header_fields().collect();
    /// assert_eq!(headers[0], (b"Subject".to_vec(), b"a b".to_vec()));
    /// assert_eq!(headers[1], (b"x".to_vec(), Vec::new()));
    /// ```
    // RFC 3261 §25.1: headers = "?" header *( "&" header ), header = hname "=" hvalue
    pub fn header_fields(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + use<'a> {
        let fields = self
            .headers
            .unwrap_or_default()
            .split(|byte| *byte == b'&')
            .take(MAX_URI_HEADERS);
        fields.filter_map(|field| {
            let equal = memchr::memchr(b'=', field)?;
            let (name, value) = (field.get(..equal)?, field.get(equal + 1..)?);
            (!name.is_empty()).then(|| (unescaped(name), unescaped(value)))
        })
    }
}

/// Writes a header name or value as it stands in a URI.
// RFC 3261 §19.1.2: "Expanding the hname and hvalue tokens in Section 25 show that all URI reserved characters in header field names and
// values MUST be escaped." hnv-unreserved ("[" "]" "/" "?" ":" "+" "$") need not be; they are all the same, because "+" is a space to
// whoever reads forms, and "?" and ":" confuse whoever splits URIs by hand.
pub(crate) fn push_escaped(text: &mut Vec<u8>, part: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    for byte in part {
        if is_unreserved(*byte) {
            text.push(*byte);
        } else {
            text.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

// RFC 3261 §25.1: unreserved = alphanum / mark, mark = "-" / "_" / "." / "!" / "~" / "*" / "'" / "(" / ")"
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte)
}

pub(crate) fn unescaped(part: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(part.len());
    let mut at = 0;
    while let Some(byte) = part.get(at) {
        let escaped = match part.get(at..at + 3) {
            Some([b'%', high, low]) => value(*high, *low),
            _ => None,
        };
        text.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    text
}

fn value(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uri::Uri;
    use proptest::prelude::*;

    fn fields(uri: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        match Uri::parse(uri) {
            Ok(Uri::Sip(uri)) => uri.header_fields().collect(),
            _ => panic!("no SIP URI: {}", String::from_utf8_lossy(uri)),
        }
    }

    proptest! {
        /// This test verifies that any name and value stand in a URI that is one, and are read back as they were.
        #[test]
        fn what_is_escaped_is_read_back(
            headers in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..20), prop::collection::vec(any::<u8>(), 0..200)), 1..5)
        ) {
            let mut uri = b"sip:12025550101@b.example;user=phone".to_vec();
            for (place, (name, value)) in headers.iter().enumerate() {
                uri.push(if place == 0 { b'?' } else { b'&' });
                push_escaped(&mut uri, name);
                uri.push(b'=');
                push_escaped(&mut uri, value);
            }
            prop_assert_eq!(fields(&uri), headers);
        }
    }

    #[test]
    fn headers_of_others_are_read_generously() {
        let of = |text: &str| fields(text.as_bytes());
        assert!(of("sip:a@h").is_empty());
        assert!(of("sip:a@h?").is_empty());
        assert!(of("sip:a@h?novalue&=x").is_empty());
        assert_eq!(of("sip:a@h?a=b=c"), [(b"a".to_vec(), b"b=c".to_vec())]);
        let kept = (b"a".to_vec(), b"%zz%4".to_vec());
        assert_eq!(of("sip:a@h?a=%zz%4"), [kept]);
        // RFC 3261 §19.1.3
        let subject = (b"subject".to_vec(), b"project x".to_vec());
        let priority = (b"priority".to_vec(), b"urgent".to_vec());
        assert_eq!(
            of("sips:alice@atlanta.com?subject=project%20x&priority=urgent"),
            [subject, priority]
        );
    }
}
