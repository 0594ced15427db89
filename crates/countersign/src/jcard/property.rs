//! One property of a card: [RFC 7095 §3.3](https://www.rfc-editor.org/rfc/rfc7095#section-3.3).

use crate::identity::is_uri;
use crate::jose::json::MAX_JSON_BYTES;

/// What a property tells; [RFC 9796 §10](https://www.rfc-editor.org/rfc/rfc9796#section-10) names those that phones know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `adr`
    Adr,
    /// `categories`
    Categories,
    /// `email`
    Email,
    /// `fn`: the name.
    Fn,
    /// `geo`
    Geo,
    /// `lang`
    Lang,
    /// `logo`: a picture.
    Logo,
    /// `n`
    N,
    /// `nickname`
    Nickname,
    /// `note`
    Note,
    /// `org`
    Org,
    /// Any other. It is kept and not shown.
    Other,
    /// `photo`: a picture.
    Photo,
    /// `role`
    Role,
    /// `sound`
    Sound,
    /// `tel`. It is never compared with the caller's number.
    Tel,
    /// `title`
    Title,
    /// `tz`
    Tz,
    /// `uid`
    Uid,
    /// `url`: shown, never followed.
    Url,
    /// `version`
    Version,
}

impl Kind {
    /// Every kind that has a name, by its name.
    const NAMED: [(&'static str, Self); 20] = [
        ("adr", Self::Adr),
        ("categories", Self::Categories),
        ("email", Self::Email),
        ("fn", Self::Fn),
        ("geo", Self::Geo),
        ("lang", Self::Lang),
        ("logo", Self::Logo),
        ("n", Self::N),
        ("nickname", Self::Nickname),
        ("note", Self::Note),
        ("org", Self::Org),
        ("photo", Self::Photo),
        ("role", Self::Role),
        ("sound", Self::Sound),
        ("tel", Self::Tel),
        ("title", Self::Title),
        ("tz", Self::Tz),
        ("uid", Self::Uid),
        ("url", Self::Url),
        ("version", Self::Version),
    ];

    /// The kind of a property with this name.
    pub fn of(name: &str) -> Self {
        let named = Self::NAMED.iter().find(|(known, _)| *known == name);
        named.map_or(Self::Other, |(_, kind)| *kind)
    }

    /// The name of such a property; `other` of those that have none here.
    pub fn name(self) -> &'static str {
        let named = Self::NAMED.iter().find(|(_, kind)| *kind == self);
        named.map_or("other", |(name, _)| *name)
    }

    /// Whether a phone would show it as a picture.
    pub const fn is_picture(self) -> bool {
        matches!(self, Self::Logo | Self::Photo)
    }

    /// Whether its value is a picture or a sound, or refers to one.
    pub(super) const fn is_media(self) -> bool {
        matches!(self, Self::Logo | Self::Photo | Self::Sound)
    }

    /// Those that a card has once at most.
    // RFC 9796 §10.4.2 and §10.9.4 have the cardinality *1, "Exactly one instance per jCard MAY be present.", §10.9.6 has 1.
    pub(super) const SINGLE: [Self; 3] = [Self::N, Self::Uid, Self::Version];
}

/// One property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// What it tells.
    pub kind: Kind,
    /// Its name, in lowercase.
    pub name: Box<str>,
    /// The type of its values, as the card has it: `text`, `uri`.
    pub value_type: Box<str>,
    /// Its values in order; `None` where one is no string.
    pub values: Box<[Option<Box<str>>]>,
}

impl Property {
    /// The URL that this value of it refers to, if there is a body behind it that could be had and shown.
    pub(super) fn referred<'v>(&self, value: &'v str) -> Option<&'v str> {
        // RFC 7095 §3.3 has the type in lowercase. A picture is one whatever type somebody claims for it.
        let by_type = self.value_type.eq_ignore_ascii_case("uri");
        let refers = (by_type || self.kind.is_media()) && self.kind != Kind::Url;
        (refers && has_body(value)).then_some(value)
    }
}

/// Whether a value is a URI, and for pictures and sounds one that is followed under a digest or has the content in itself.
pub(super) fn is_uri_of(kind: Kind, value: &str) -> bool {
    let is_data = |(scheme, _): (&str, &str)| scheme.eq_ignore_ascii_case("data");
    is_uri(value, MAX_JSON_BYTES)
        && (!kind.is_media() || has_body(value) || value.split_once(':').is_some_and(is_data))
}

/// Whether a URL leads to the body of an HTTP response.
// RFC 9795 §6.1: "For any URI-referenced content, the bytes of the body of the HTTP response are the input for the hash function."
fn has_body(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
    })
}
