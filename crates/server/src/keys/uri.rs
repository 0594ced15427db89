//! `pkcs11:` URIs: which key of which token of which module, and where its PIN is written
//! ([RFC 7512](https://www.rfc-editor.org/rfc/rfc7512)).
//!
//! ```text
//!   pkcs11:token=countersign;object=ca?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/countersign/pin
//!          └── which token, which key ┘└── how to get there ─────────────────────────────────────────────────────┘
//! ```
//!
//! Of the attributes of RFC 7512 §2.3 those are read that find a private key. An attribute that is not known here, or is there twice, is
//! a mistake and not passed over: whoever wrote it meant something by it. A PIN is never in the URI itself, which is shown in logs.

use std::fmt;
use std::path::{Path, PathBuf};

/// What such a URI begins with.
const SCHEME: &str = "pkcs11:";

/// Longest URI, in bytes: ours to choose; labels have 32 bytes, paths 4,096.
pub const MAX_TOKEN_URI: usize = 8 * 1024;

/// Which key of which token of which module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUri {
    /// The module's library: `module-path`.
    pub module: PathBuf,
    /// The token's label.
    pub token: Option<Box<str>>,
    /// The token's serial number.
    pub serial: Option<Box<str>>,
    /// The token's manufacturer.
    pub manufacturer: Option<Box<str>>,
    /// The token's model.
    pub model: Option<Box<str>>,
    /// The key's label.
    pub object: Option<Box<str>>,
    /// The key's identifier.
    pub id: Option<Box<[u8]>>,
    /// The file with the PIN: `pin-source`.
    pub pin_file: Option<PathBuf>,
}

impl TokenUri {
    /// Whether it begins as such a URI.
    pub fn is_one(text: &str) -> bool {
        text.get(..SCHEME.len())
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    /// A text that should be a URI, as it may be shown: what stands in the place of a PIN is left out.
    pub fn shown(text: &str) -> String {
        let shown = text.split_inclusive(['?', '&', ';']).map(|part| {
            let name = part.get(.."pin-value=".len()).unwrap_or_default();
            let end = part.get(part.len().saturating_sub(1)..).unwrap_or_default();
            match (name.eq_ignore_ascii_case("pin-value="), end) {
                (true, "?" | "&" | ";") => format!("{name}…{end}"),
                (true, _) => format!("{name}…"),
                (false, _) => part.to_owned(),
            }
        });
        shown.collect()
    }

    /// Reads a URI. A relative path of the PIN begins at `directory`.
    ///
    /// # Errors
    /// [`BadTokenUri`].
    pub fn parse(text: &str, directory: &Path) -> Result<Self, BadTokenUri> {
        if text.len() > MAX_TOKEN_URI {
            return Err(BadTokenUri::TooLong);
        }
        if !Self::is_one(text) {
            return Err(BadTokenUri::Scheme);
        }
        let rest = text.get(SCHEME.len()..).unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut read = Attributes::default();
        for attribute in path.split(';').filter(|one| !one.is_empty()) {
            read.path(attribute)?;
        }
        for attribute in query.split('&').filter(|one| !one.is_empty()) {
            read.query(attribute, directory)?;
        }
        read.finish()
    }
}

#[derive(Default)]
struct Attributes {
    module: Option<PathBuf>,
    token: Option<Box<str>>,
    serial: Option<Box<str>>,
    manufacturer: Option<Box<str>>,
    model: Option<Box<str>>,
    object: Option<Box<str>>,
    id: Option<Box<[u8]>>,
    pin_file: Option<PathBuf>,
    kind: Option<()>,
}

impl Attributes {
    fn path(&mut self, attribute: &str) -> Result<(), BadTokenUri> {
        let (name, value) = attribute.split_once('=').ok_or(BadTokenUri::Attribute)?;
        let value = decoded(value)?;
        match name {
            "token" => once(&mut self.token, text(value)?),
            "serial" => once(&mut self.serial, text(value)?),
            "manufacturer" => once(&mut self.manufacturer, text(value)?),
            "model" => once(&mut self.model, text(value)?),
            "object" => once(&mut self.object, text(value)?),
            "id" => once(&mut self.id, value.into()),
            "type" if value == b"private" => once(&mut self.kind, ()),
            "type" => Err(BadTokenUri::NotPrivate),
            _ => Err(BadTokenUri::Unknown(name.into())),
        }
    }

    fn query(&mut self, attribute: &str, directory: &Path) -> Result<(), BadTokenUri> {
        let (name, value) = attribute.split_once('=').ok_or(BadTokenUri::Attribute)?;
        let value = text(decoded(value)?)?;
        match name {
            "module-path" => once(&mut self.module, PathBuf::from(&*value)),
            "pin-source" => {
                let path = value.strip_prefix("file:").unwrap_or(&value);
                let path = path.strip_prefix("//").unwrap_or(path);
                // RFC 7512 lets it name a program to run as well. Not here.
                if path.is_empty() || path.starts_with('|') {
                    return Err(BadTokenUri::PinSource);
                }
                once(&mut self.pin_file, directory.join(path))
            }
            "pin-value" => Err(BadTokenUri::PinValue),
            _ => Err(BadTokenUri::Unknown(name.into())),
        }
    }

    fn finish(self) -> Result<TokenUri, BadTokenUri> {
        if self.token.is_none() && self.serial.is_none() {
            return Err(BadTokenUri::NoToken);
        }
        if self.object.is_none() && self.id.is_none() {
            return Err(BadTokenUri::NoObject);
        }
        Ok(TokenUri {
            module: self.module.ok_or(BadTokenUri::NoModule)?,
            token: self.token,
            serial: self.serial,
            manufacturer: self.manufacturer,
            model: self.model,
            object: self.object,
            id: self.id,
            pin_file: self.pin_file,
        })
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), BadTokenUri> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(BadTokenUri::Twice),
    }
}

fn text(bytes: Vec<u8>) -> Result<Box<str>, BadTokenUri> {
    let text = String::from_utf8(bytes).map_err(|_| BadTokenUri::Encoding)?;
    match text.contains('\0') {
        true => Err(BadTokenUri::Encoding),
        false => Ok(text.into()),
    }
}

/// Undoes percent-encoding.
fn decoded(value: &str) -> Result<Vec<u8>, BadTokenUri> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = char::from(rest.next()?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.push(high << 4 | low),
            _ => return Err(BadTokenUri::Encoding),
        }
    }
    Ok(bytes)
}

impl fmt::Display for TokenUri {
    /// What tells the key from others; not where its PIN is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        let mut separator = "";
        for (name, value) in [
            ("token", &self.token),
            ("serial", &self.serial),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("object", &self.object),
        ] {
            if let Some(value) = value {
                write!(f, "{separator}{name}=")?;
                encode(value.as_bytes(), f)?;
                separator = ";";
            }
        }
        if let Some(id) = &self.id {
            write!(f, "{separator}id=")?;
            id.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))?;
        }
        Ok(())
    }
}

fn encode(value: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in value {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                write!(f, "{}", char::from(*byte))?;
            }
            _ => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

/// Why a text is no URI of a key. Alphabetical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadTokenUri {
    /// An attribute without a value.
    Attribute,
    /// Percent-encoding that is none, or text that is not UTF-8.
    Encoding,
    /// Nobody knows which library to load.
    NoModule,
    /// Nobody knows which key is meant.
    NoObject,
    /// Nobody knows which token is meant.
    NoToken,
    /// It speaks of something that is no private key.
    NotPrivate,
    /// The PIN's source is no file.
    PinSource,
    /// The PIN is in the URI.
    PinValue,
    /// It does not begin with `pkcs11:`.
    Scheme,
    /// Longer than [`MAX_TOKEN_URI`].
    TooLong,
    /// An attribute is there twice.
    Twice,
    /// An attribute that is not known here.
    Unknown(Box<str>),
}

impl fmt::Display for BadTokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute => f.write_str("an attribute has no value"),
            Self::Encoding => f.write_str("its percent-encoding is broken"),
            Self::NoModule => f.write_str("it names no module: add ?module-path=/path/of/library.so"),
            Self::NoObject => f.write_str("it names no key: add object=LABEL or id=%01"),
            Self::NoToken => f.write_str("it names no token: add token=LABEL"),
            Self::NotPrivate => f.write_str("its type is not private"),
            Self::PinSource => f.write_str("pin-source names no file"),
            Self::PinValue => {
                f.write_str("the PIN is in it, where others can read it: write it into a file and give pin-source=FILE")
            }
            Self::Scheme => f.write_str("it does not begin with pkcs11:"),
            Self::TooLong => write!(f, "it is longer than {MAX_TOKEN_URI} bytes"),
            Self::Twice => f.write_str("an attribute is there twice"),
            Self::Unknown(name) => write!(f, "the attribute {name:?} is not known here"),
        }
    }
}

impl std::error::Error for BadTokenUri {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TokenUri, BadTokenUri> {
        TokenUri::parse(text, Path::new("/etc"))
    }

    #[test]
    fn a_uri_says_which_key_and_how_to_get_there() {
        let uri = parse(
            "PKCS11:token=The%20token;serial=0a%3b;object=ca;id=%01%FF;type=private?module-path=/m.so&pin-source=file:///run/pin",
        )
        .unwrap();
        assert_eq!(uri.token.as_deref(), Some("The token"));
        assert_eq!(uri.serial.as_deref(), Some("0a;"));
        assert_eq!(uri.id.as_deref(), Some([1, 0xff].as_slice()));
        assert_eq!(uri.module, Path::new("/m.so"));
        assert_eq!(uri.pin_file.as_deref(), Some(Path::new("/run/pin")));
        assert_eq!(
            uri.to_string(),
            "pkcs11:token=The%20token;serial=0a%3B;object=ca;id=%01%FF",
            "it is shown without the place of the PIN"
        );
    }

    #[test]
    fn a_pin_is_not_shown() {
        for (text, shown) in [
            (
                "pkcs11:token=t?pin-value=1234&module-path=m",
                "pkcs11:token=t?pin-value=…&module-path=m",
            ),
            (
                "pkcs11:token=t;PIN-VALUE=1234",
                "pkcs11:token=t;PIN-VALUE=…",
            ),
            (
                "pkcs11:token=t?pin-source=pin",
                "pkcs11:token=t?pin-source=pin",
            ),
        ] {
            assert_eq!(TokenUri::shown(text), shown);
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_a_mistake() {
        use BadTokenUri as B;
        for (text, fault) in [
            ("http:token=t", B::Scheme),
            ("pkcs11:object=o?module-path=m", B::NoToken),
            ("pkcs11:token=t?module-path=m", B::NoObject),
            ("pkcs11:token=t;object=o", B::NoModule),
            (
                "pkcs11:token=t;object=o;type=cert?module-path=m",
                B::NotPrivate,
            ),
            ("pkcs11:token=t;object=o;object=p?module-path=m", B::Twice),
            ("pkcs11:token=t;object=o%2?module-path=m", B::Encoding),
            ("pkcs11:token=t;object=%ff?module-path=m", B::Encoding),
            ("pkcs11:token=t;object?module-path=m", B::Attribute),
            (
                "pkcs11:token=t;object=o?module-path=m&pin-value=1",
                B::PinValue,
            ),
            (
                "pkcs11:token=t;object=o?module-path=m&pin-source=|cat",
                B::PinSource,
            ),
            (
                "pkcs11:token=t;objekt=o?module-path=m",
                B::Unknown("objekt".into()),
            ),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}|pkcs11:[a-z=;?&%0-9-]{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_shown_is_read_again(token in "\\PC{1,20}", object in "\\PC{1,20}") {
            proptest::prop_assume!(!token.contains('\0') && !object.contains('\0'));
            let mut uri = parse("pkcs11:token=t;object=o?module-path=m").unwrap();
            uri.token = Some(token.into());
            uri.object = Some(object.into());
            proptest::prop_assert_eq!(parse(&format!("{uri}?module-path=m")), Ok(uri));
        }
    }
}
