//! jCard, [RFC 7095](https://www.rfc-editor.org/rfc/rfc7095): a business card as a JSON array, in the profile that
//! [RFC 9796 §10](https://www.rfc-editor.org/rfc/rfc9796#section-10) has for telephone calls.
//!
//! Read here: whether an array is a card, what a phone would show of it, and where in it other content is referred to
//! ([`JCard::references`]). Not here: who may send it, whether what it refers to is whole, and fetching; a card never causes any.

mod property;
mod read;

pub use property::{Kind, Property};
pub use read::{MAX_PROPERTIES, MAX_VALUES};

use crate::jose::json::{JsonError, Value, parse};
use std::fmt;

/// A jCard.
///
/// # Example
/// ```
/// use countersign::jcard::{JCard, Kind};
/// let card = JCard::parse(br#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"]]]"#)?;
/// assert_eq!(card.name(), "Q Branch");
/// assert_eq!(card.texts(Kind::Org).next(), None);
/// # Ok::<(), countersign::jcard::BadCard>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JCard {
    properties: Box<[Property]>,
}

/// Something that a card refers to by a URL and whose content is elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardReference<'a> {
    /// What the property is.
    pub kind: Kind,
    /// Which property, counted from 0.
    pub property: usize,
    /// Which element of the property, counted from 0; the first value is element 3.
    pub element: usize,
    /// The URL, http or https.
    pub url: &'a str,
}

impl JCard {
    /// Reads a card from JSON text of at most [`MAX_JSON_BYTES`](crate::jose::json::MAX_JSON_BYTES).
    ///
    /// # Errors
    /// [`BadCard`] with the first defect found.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadCard> {
        Self::read(&parse(bytes).map_err(BadCard::Json)?)
    }

    /// Reads a card from a JSON value.
    ///
    /// # Errors
    /// [`BadCard`] with the first defect found.
    pub fn read(value: &Value<'_>) -> Result<Self, BadCard> {
        read::properties(value).map(|properties| Self { properties })
    }

    /// The properties in the order of the card, those that no phone knows among them.
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// The name of whom the card is of: the first `fn`.
    pub fn name(&self) -> &str {
        // A card without one is not read.
        self.texts(Kind::Fn).next().unwrap_or_default()
    }

    /// The values of all properties of this kind that are text or URIs; components of structured values are left out.
    pub fn texts(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let of_kind = self
            .properties
            .iter()
            .filter(move |property| property.kind == kind);
        of_kind.flat_map(|property| property.values.iter().filter_map(|value| value.as_deref()))
    }

    /// Everything that it refers to and whose content is elsewhere, in the order of the card. A `url` is not among them: it is
    /// shown and never followed. Nor are numbers, addresses of mail, places and `data:`, which have no body of their own.
    // RFC 9796 §10.9.5: "The end client receiving a jCard with a "url" property MUST only display the URL and not automatically
    // follow the URL or provide an automatic preview of the URL."
    pub fn references(&self) -> impl Iterator<Item = CardReference<'_>> {
        let all = self.properties.iter().enumerate();
        all.flat_map(|(position, property)| {
            let values = property.values.iter().enumerate();
            values.filter_map(move |(value, text)| {
                Some(CardReference {
                    kind: property.kind,
                    property: position,
                    element: value + read::FIXED_ELEMENTS,
                    url: property.referred(text.as_deref()?)?,
                })
            })
        })
    }
}

/// Why a JSON value is no card for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCard {
    /// Not an array of `"vcard"` and an array.
    Form,
    /// Not JSON.
    Json(JsonError),
    /// No `fn`, or one without text.
    NoName,
    /// The first property is not `version`.
    NoVersion,
    /// A property is not an array of a lowercase name, an object, a type, and values.
    Property,
    /// More properties than [`MAX_PROPERTIES`].
    TooManyProperties,
    /// A property has more values than [`MAX_VALUES`].
    TooManyValues,
    /// A property is there twice that may be there once.
    Twice(Kind),
    /// A value of type `uri` is none, or a picture or sound is neither in its URL nor behind http or https.
    Uri,
    /// A version other than 4.0.
    Version,
}

impl fmt::Display for BadCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("not an array of \"vcard\" and an array"),
            Self::Json(error) => error.fmt(f),
            Self::NoName => f.write_str("a card without fn"),
            Self::NoVersion => f.write_str("a card that does not start with its version"),
            Self::Property => f.write_str("a property that is none"),
            Self::TooManyProperties => write!(f, "more than {MAX_PROPERTIES} properties"),
            Self::TooManyValues => write!(f, "a property with more than {MAX_VALUES} values"),
            Self::Twice(kind) => write!(f, "{} is there twice", kind.name()),
            Self::Uri => f.write_str("a reference that is no usable URI"),
            Self::Version => f.write_str("a version other than 4.0"),
        }
    }
}

impl std::error::Error for BadCard {}

#[cfg(test)]
mod tests;
