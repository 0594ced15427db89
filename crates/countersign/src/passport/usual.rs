//! The tokens that nearly every signer writes, read at a glance.
//!
//! [RFC 8225 §9](https://www.rfc-editor.org/rfc/rfc8225#section-9) leaves one text for the header of `shaken` and one for the
//! claims of a call from a number to a number, and so for `div`, of which a call may have several. That text is taken apart at its
//! fixed words, without a tree of values; it saves a third of what reading a token costs. Anything else, be it a blank, another order, an escape, one more claim or a defect, is
//! not for this file: the strict reader of [`jose::json`](crate::jose::json) has the last word about everything, and what is
//! read here it reads the same.

use super::claims::{Claims, Extension};
use super::div::{DIV, Div};
use super::envelope::{Header, PASSPORT};
use super::shaken::{SHAKEN, Shaken};
use crate::identity::{Dest, Identity};
use crate::jose::jws::ES256;
use crate::number::TelephoneNumber;
use crate::time::UnixTime;
use memchr::memchr;

/// The header, if it is a usual one.
pub(super) fn header(text: &str) -> Option<Header> {
    header_of(
        text,
        SHAKEN,
        r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":""#,
    )
    .or_else(|| {
        header_of(
            text,
            DIV,
            r#"{"alg":"ES256","ppt":"div","typ":"passport","x5u":""#,
        )
    })
}

fn header_of(text: &str, ppt: &str, words: &str) -> Option<Header> {
    let mut rest = text;
    let x5u = quoted(&mut rest, words)?;
    // An escape or a control character needs the strict reader.
    // All of it is looked at, whatever is found: many bytes at once.
    let is_odd = |found, byte| found | (byte < b' ') | (byte == b'\\');
    let is_odd = x5u.bytes().fold(false, is_odd);
    (!is_odd && rest == "\"}").then(|| Header {
        alg: ES256.into(),
        typ: PASSPORT.into(),
        ppt: Some(ppt.into()),
        x5u: Some(x5u.into()),
        x5c: None,
    })
}

/// The claims under this `ppt`, if they are the usual ones.
pub(super) fn claims(text: &str, ppt: Option<&str>) -> Option<Claims> {
    match ppt {
        Some(SHAKEN) => shaken(text),
        Some(DIV) => div(text),
        _ => None,
    }
}

fn shaken(text: &str) -> Option<Claims> {
    let mut rest = text;
    let attest = quoted(&mut rest, r#"{"attest":""#)?;
    let called = quoted(&mut rest, r#"","dest":{"tn":[""#)?;
    let iat = integer(&mut rest, r#""]},"iat":"#)?;
    let caller = quoted(&mut rest, r#","orig":{"tn":""#)?;
    let origid = quoted(&mut rest, r#""},"origid":""#)?;
    if rest != "\"}" {
        return None;
    }
    let extension = Extension::Shaken(Shaken {
        attest: attest.parse().ok()?,
        origid: origid.parse().ok()?,
    });
    from_to(caller, called, iat, extension)
}

fn div(text: &str) -> Option<Claims> {
    let mut rest = text;
    let called = quoted(&mut rest, r#"{"dest":{"tn":[""#)?;
    let from = quoted(&mut rest, r#""]},"div":{"tn":""#)?;
    let iat = integer(&mut rest, r#""},"iat":"#)?;
    let caller = quoted(&mut rest, r#","orig":{"tn":""#)?;
    if rest != "\"}}" {
        return None;
    }
    let from = Identity::Number(number(from)?);
    let history = None;
    let extension = Extension::Div(Box::new(Div { from, history }));
    from_to(caller, called, iat, extension)
}

/// None of what is read here knows a character that JSON would have to escape.
fn from_to(caller: &str, called: &str, iat: i64, extension: Extension) -> Option<Claims> {
    Some(Claims {
        orig: Identity::Number(number(caller)?),
        dest: Dest {
            numbers: vec![number(called)?],
            uris: Vec::new(),
        },
        iat: UnixTime::from_secs(iat),
        extension,
        rich: None,
        media_keys: None,
        staple: None,
    })
}

fn number(text: &str) -> Option<TelephoneNumber> {
    TelephoneNumber::from_canonical(text.as_bytes()).ok()
}

/// Steps over `words`, which open a string, and up to the next quote.
fn quoted<'a>(rest: &mut &'a str, words: &str) -> Option<&'a str> {
    let inside = rest.strip_prefix(words)?;
    let end = memchr(b'"', inside.as_bytes())?;
    let (text, after) = inside.split_at_checked(end)?;
    *rest = after;
    Some(text)
}

/// Steps over `words` and a positive integer.
fn integer(rest: &mut &str, words: &str) -> Option<i64> {
    let written = rest.strip_prefix(words)?;
    let end = written.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (digits, after) = written.split_at_checked(end)?;
    *rest = after;
    // A leading zero is no JSON.
    let fits = !digits.starts_with('0');
    fits.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::super::claims::IatForm;
    use super::super::envelope::read_header;
    use super::*;
    use crate::jose::json::{Form, parse_str};
    use proptest::prelude::*;

    /// What the strict reader makes of it.
    fn strictly(text: &str, ppt: &str) -> Option<(Claims, Form)> {
        let parsed = parse_str(text).ok()?;
        let claims = Claims::read(parsed.value.as_object()?, Some(ppt), IatForm::Integer);
        Some((claims.ok()?, parsed.form))
    }

    const CLAIMS: &str = r#"{"attest":"A","dest":{"tn":["12025550101"]},"iat":1443208345,"orig":{"tn":"12025550100"},"origid":"123e4567-e89b-12d3-a456-426655440000"}"#;
    const DIVERTED: &str = r#"{"dest":{"tn":["12025550102"]},"div":{"tn":"12025550101"},"iat":1443208345,"orig":{"tn":"12025550100"}}"#;
    const HEADER: &str =
        r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/p.cer"}"#;

    /// The same for a diversion.
    fn header_of_div() -> String {
        HEADER.replacen(SHAKEN, DIV, 1)
    }

    #[test]
    fn the_usual_token_is_read_here() {
        for (text, ppt) in [(CLAIMS, SHAKEN), (DIVERTED, DIV)] {
            let strictly = strictly(text, ppt).map(|(claims, _)| claims);
            assert_eq!(claims(text, Some(ppt)), strictly);
            assert!(strictly.is_some());
            assert_eq!(claims(text, None), None);
        }
        assert_eq!(claims(CLAIMS, Some(DIV)), None);
        assert_eq!(claims(DIVERTED, Some(SHAKEN)), None);
        for text in [HEADER, &header_of_div()] {
            assert_eq!(header(text), read_header(text).ok().map(|read| read.0));
            assert!(header(text).is_some());
        }
    }

    #[test]
    fn anything_else_is_left_to_the_strict_reader() {
        for (usual, other) in [
            ("{\"a", "{ \"a"),
            ("\"A\"", "\"\\u0041\""),
            ("\"A\"", "\"D\""),
            ("1443208345", "01443208345"),
            ("1443208345", "1443208345.0"),
            ("1443208345", "-1443208345"),
            ("1443208345", "14432083451443208345"),
            ("1443208345", "\"1443208345\""),
            ("1443208345", ""),
            ("[\"12025550101\"]", "[\"12025550101\",\"12025550102\"]"),
            ("12025550100", "+12025550100"),
            ("12025550100", ""),
            ("4266", "426g"),
            ("0000\"}", "0000\",\"z\":1}"),
            ("0000\"}", "0000\"} "),
        ] {
            let text = CLAIMS.replacen(usual, other, 1);
            assert_eq!(claims(&text, Some(SHAKEN)), None, "{other}");
        }
        for (usual, other) in [
            ("\"div\":{", "\"div\":{\"hi\":\"1.1\","),
            ("12025550101\"}", "12025550101\",\"z\":1}"),
            ("12025550101", "+12025550101"),
            ("0\"}}", "0\"},\"z\":1}"),
            ("0\"}}", "0\"}} "),
        ] {
            let text = DIVERTED.replacen(usual, other, 1);
            assert_eq!(claims(&text, Some(DIV)), None, "{other}");
        }
        for (usual, other) in [
            (".cer", ".\\u0063er"),
            (".cer", ".\u{1f}cer"),
            ("ES256", "ES384"),
            ("\"}", "\",\"z\":1}"),
            ("\"}", "\"}\n"),
        ] {
            for text in [HEADER, &header_of_div()] {
                assert_eq!(header(&text.replacen(usual, other, 1)), None, "{other}");
            }
        }
    }

    proptest! {
        // Whatever is read here the strict reader reads, too, and the same, and finds it deterministic.
        #[test]
        fn both_readers_agree_on_claims(at in 0..CLAIMS.len(), len in 0..3_usize, with in "[ -~]{0,3}|\\PC") {
            for (whole, ppt) in [(CLAIMS, SHAKEN), (DIVERTED, DIV)] {
                let at = at.min(whole.len());
                let end = (at + len).min(whole.len());
                let text = [&whole[..at], &with, &whole[end..]].concat();
                if let Some(claims) = claims(&text, Some(ppt)) {
                    prop_assert_eq!(strictly(&text, ppt), Some((claims, Form::Deterministic)));
                }
            }
        }

        #[test]
        fn both_readers_agree_on_headers(at in 0..HEADER.len(), len in 0..3_usize, with in "[ -~]{0,3}|\\PC|[\\x00-\\x7f]") {
            for whole in [HEADER, &header_of_div()] {
                let at = at.min(whole.len());
                let end = (at + len).min(whole.len());
                let text = [&whole[..at], &with, &whole[end..]].concat();
                if let Some(header) = header(&text) {
                    let strictly = read_header(&text).ok();
                    prop_assert_eq!(strictly, Some((header, Form::Deterministic)));
                }
            }
        }
    }
}
