//! Pictures inside a URL: the part of [RFC 2397](https://www.rfc-editor.org/rfc/rfc2397) that rich call data has.
//!
//! Only base64 is read, as in the samples; that a picture can be decoded is not looked at here, only how it begins.

use super::references::is_data;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// The first bytes of a PNG: RFC 2083 §3.1.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The first bytes of a JPEG: SOI, and the first byte of the next marker (ITU-T T.81 §B.1.1.2).
const JPEG: &[u8] = b"\xff\xd8\xff";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The media type and the bytes of a `data:` URL in base64.
// RFC 2397 §2: "dataurl := "data:" [ mediatype ] [ ";base64" ] "," data"
pub fn content(url: &str) -> Option<(&str, Vec<u8>)> {
    let rest = url.get(5..).filter(|_| is_data(url))?;
    let (media_type, encoded) = rest.split_once(',')?;
    let (media_type, parameters) = media_type.split_once(';')?;
    let is_base64 = parameters
        .rsplit(';')
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case("base64"));
    let bytes = BASE64.decode(encoded).ok().filter(|_| is_base64)?;
    Some((media_type, bytes))
}

/// A URL that holds these bytes.
pub fn url(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", BASE64.encode(bytes))
}

/// Whether a `data:` URL holds what says that it is a PNG or a JPEG, and begins like one.
// RFC 9796 §10.2: "the default image formats SHOULD be PNG [ISOPNG] or JPEG [ITUJPEG]". SVG never.
pub fn is_picture(url: &str) -> bool {
    content(url).is_some_and(|(media_type, bytes)| begins_like(media_type, &bytes))
}

/// Whether these bytes begin as this media type does, and it is one of a picture.
pub fn begins_like(media_type: &str, bytes: &[u8]) -> bool {
    let magic = match media_type {
        png if png.eq_ignore_ascii_case("image/png") => PNG,
        jpeg if jpeg.eq_ignore_ascii_case("image/jpeg") => JPEG,
        _ => return false,
    };
    bytes.starts_with(magic)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The icon of RFC 9795 §8.3.
    const ICON: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==";

    #[test]
    fn digest10_case18_the_icon_of_rfc_9795_is_a_picture() {
        let (media_type, bytes) = content(ICON).unwrap();
        assert_eq!((media_type, bytes.len()), ("image/png", 85));
        assert!(is_picture(ICON));
        assert_eq!(url(media_type, &bytes), ICON);
        assert!(is_picture(ICON.trim_end_matches('=')));
    }

    #[test]
    fn what_lies_about_its_type_is_none() {
        for lie in [
            ICON.replace("png", "jpeg"),
            ICON.replace("png", "svg+xml"),
            ICON.replace(";base64", ""),
            ICON.replace("iVBOR", "iVBOQ"),
            "data:image/svg+xml;base64,PHN2Zy8+".to_owned(),
            "data:image/png;base64,".to_owned(),
            "data:,".to_owned(),
            "data:".to_owned(),
            "https://example.com/q.png".to_owned(),
        ] {
            assert!(!is_picture(&lie), "{lie}");
        }
    }
}
