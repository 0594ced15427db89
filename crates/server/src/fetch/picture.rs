//! Whether bytes from somewhere are a picture that may be shown: PNG or JPEG, of a bounded size, whole.
//!
//! A phone would decode what a stranger made. Here it is decoded first, by decoders without unsafe code of ours to fall over, within limits
//! of pixels, memory and passes; what came out is thrown away. SVG, which may hold programs and references, is no picture here.
//!
//! Not here: what a picture shows, and whether it is square.

use countersign::jcard::{JCard, Kind};
use countersign::passport::rcd::data_url;
use countersign::passport::rcd::references::is_data;
use countersign::verification::{Consequences, ProvenCard, Unavailable};
use png::{Decoder, Limits};
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Longest edge, in pixels. RFC 9796 §10.2 recommends squares whose edge is a power of two, and names up to 512; the largest that issuers of
/// brands ask for is 1,024.
pub const MAX_EDGE: u32 = 1_024;

/// Most memory for decoding a PNG, in bytes: the largest picture at 16 bits for each of four channels, and as much for what lies beside it.
const MAX_DECODED: usize = 2 * 8 * (MAX_EDGE as usize) * (MAX_EDGE as usize);

/// Most passes over a progressive JPEG: encoders make ten; each costs as much as the whole picture.
const MAX_SCANS: usize = 32;

/// What a picture is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
}

impl Format {
    /// The format whose first bytes these are.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            _ => None,
        }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }

    /// The end of a file name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }
}

/// Decodes a picture and says what it is.
///
/// # Errors
/// [`Unavailable::BadPicture`] if it is none, larger than [`MAX_EDGE`], or broken.
pub fn inspect(bytes: &[u8]) -> Result<Format, Unavailable> {
    let format = Format::of(bytes).ok_or(Unavailable::BadPicture)?;
    let decoded = match format {
        Format::Jpeg => jpeg(bytes),
        Format::Png => png(bytes),
    };
    decoded.map(|()| format).ok_or(Unavailable::BadPicture)
}

/// What follows from a verification, without a picture in its own URL that is none: such a one is never fetched, so nobody has looked yet.
pub fn whole(mut consequences: Box<Consequences>) -> Box<Consequences> {
    if let Some(caller) = &mut consequences.caller {
        caller.icon = caller.icon.take().filter(|icon| is_whole(&icon.url));
        caller.card = caller.card.take().filter(is_whole_card);
    }
    consequences
}

/// Whether the pictures inside a card are pictures. What it refers to elsewhere is not looked at.
fn is_whole_card(card: &ProvenCard) -> bool {
    let ProvenCard::Inline(json) = card else {
        return true;
    };
    JCard::parse(json.as_bytes()).is_ok_and(|card| {
        let mut pictures = [Kind::Logo, Kind::Photo]
            .into_iter()
            .flat_map(|kind| card.texts(kind));
        pictures.all(is_whole)
    })
}

/// Whether a URL is no `data:` URL, or one of a picture.
pub fn is_whole(url: &str) -> bool {
    let content = data_url::content(url);
    let fits = |(media_type, bytes): (&str, Vec<u8>)| {
        inspect(&bytes).is_ok_and(|format| format.media_type().eq_ignore_ascii_case(media_type))
    };
    !is_data(url) || content.is_some_and(fits)
}

fn png(bytes: &[u8]) -> Option<()> {
    let limits = Limits { bytes: MAX_DECODED };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    // Texts and colour profiles are compressed, and nobody asks for them.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height) = decoder.read_header_info().ok()?.size();
    if width > MAX_EDGE || height > MAX_EDGE {
        return None;
    }
    let mut reader = decoder.read_info().ok()?;
    let size = reader
        .output_buffer_size()
        .filter(|size| *size <= MAX_DECODED)?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).ok()?;
    reader.finish().ok()
}

fn jpeg(bytes: &[u8]) -> Option<()> {
    let edge = MAX_EDGE as usize;
    let options = DecoderOptions::new_safe()
        .set_max_width(edge)
        .set_max_height(edge)
        .set_strict_mode(true)
        .jpeg_set_max_scans(MAX_SCANS);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode().ok().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::verification::{ProvenCaller, Reference};
    use proptest::prelude::*;

    fn drawn(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        let pixels = vec![0x7f; (width * height * 4) as usize];
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        bytes
    }

    /// A grey JPEG of 8x8 pixels: one block, and one table of each kind with a single code in it.
    fn grey() -> Vec<u8> {
        let quantization = [&[0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat();
        let frame = [0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0];
        let codes = |class: u8| [&[0xff, 0xc4, 0, 20, class, 1][..], &[0; 16]].concat();
        let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x3f];
        let (start, end) = ([0xff, 0xd8], [0xff, 0xd9]);
        let parts = [
            &start[..],
            &quantization,
            &frame,
            &codes(0),
            &codes(0x10),
            &scan,
            &end,
        ];
        parts.concat()
    }

    #[test]
    fn pictures_are_pictures() {
        assert_eq!(inspect(&drawn(256, 256)), Ok(Format::Png));
        assert_eq!(inspect(&drawn(MAX_EDGE, 1)), Ok(Format::Png));
        assert_eq!(inspect(&grey()), Ok(Format::Jpeg));
    }

    #[test]
    fn what_lies_about_its_size_or_is_cut_is_none() {
        let whole = drawn(64, 64);
        // The header says more rows than there are.
        let mut taller = whole.clone();
        taller[23] = 128;
        let crc = crc32(&taller[12..29]).to_be_bytes();
        taller[29..33].copy_from_slice(&crc);
        for (what, bytes) in [
            ("taller", taller.as_slice()),
            ("cut", &whole[..whole.len() / 2]),
            ("too large", &drawn(MAX_EDGE + 1, 1)),
            ("a JPEG that is cut", &grey()[..100]),
            ("nothing", b""),
            ("SVG", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
            ("GIF", b"GIF89a\x01\0\x01\0\0\0\0;"),
            ("PNG in name", b"\x89PNG\r\n\x1a\n"),
        ] {
            assert_eq!(inspect(bytes), Err(Unavailable::BadPicture), "{what}");
        }
    }

    #[test]
    fn digest10_case18_a_picture_in_its_url_is_decoded_before_it_is_shown() {
        // RFC 9795 §8.3.
        const ICON: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==";
        let shown = |url: &str| {
            let icon = Reference {
                url: url.into(),
                integrity: None,
            };
            let caller = ProvenCaller {
                icon: Some(icon),
                ..ProvenCaller::default()
            };
            let consequences = Consequences {
                caller: Some(Box::new(caller)),
                ..Consequences::default()
            };
            whole(Box::new(consequences)).caller.unwrap().icon.is_some()
        };
        let card = |url: &str| {
            let json = format!(
                r#"["vcard",[["version",{{}},"text","4.0"],["fn",{{}},"text","Q"],["photo",{{}},"uri","{url}"]]]"#
            );
            is_whole_card(&ProvenCard::Inline(json.into()))
        };
        assert!(card(ICON));
        assert!(card("https://example.com/q.png"));
        assert!(!card(&ICON.replace("image/png", "image/jpeg")));
        assert!(!card(&ICON.replace("AAAFCAYAAACN", "AAAFCAYAAACM")));
        assert!(shown(ICON));
        assert!(shown("https://example.com/q.png"));
        for none in [
            ICON.replace("AAAFCAYAAACN", "AAAFCAYAAACM"),
            ICON.replace("image/png", "image/jpeg"),
            ICON.replace("base64,", ","),
        ] {
            assert!(!shown(&none), "{none}");
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & (!(crc & 1)).wrapping_add(1))
            })
        })
    }

    proptest! {
        #[test]
        fn spoilt_pictures_never_do_harm(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
            for whole in [drawn(16, 16), grey()] {
                let mut bytes = whole.clone();
                bytes[at.index(whole.len())] = byte;
                let _ = inspect(&bytes);
                bytes.truncate(cut.index(whole.len()));
                let _ = inspect(&bytes);
            }
        }
    }
}
