//! What a phone would show of a PASSporT's rich call data, if all of it were proven: name, number, reason, picture, card.
//!
//! Nothing is fetched: what is elsewhere is told by its URL. A picture that is in the token is decoded before it is written to a file,
//! as it is before anybody shows it. Whether any of it is true is asked of `verify`.

use super::super::columns::lines;
use super::super::console::{Console, Tone};
use super::WORD;
use crate::fetch::picture;
use countersign::identity::Identity;
use countersign::jcard::{JCard, Kind, Property};
use countersign::passport::rcd::references::{self, ICON, Referent, is_data};
use countersign::passport::rcd::{Card, RichCallData, RichClaims, data_url};
use countersign::passport::{Claims, Extension, MAX_TOKEN};
use serde::Serialize;

/// Longest value of a card that is printed, in characters; JSON has all of it.
const MAX_SHOWN: usize = 200;

/// What there is to show.
#[derive(Debug, Serialize)]
pub(super) struct Display {
    /// Empty or absent: none.
    name: Option<Box<str>>,
    /// The number to show: `apn`, else the caller's.
    number: String,
    reason: Option<Box<str>>,
    /// Who says so, if it is a third party.
    issuer: Option<Box<str>>,
    pictures: Vec<Picture>,
    card: Option<Shown>,
}

/// A picture, in the token or elsewhere.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    /// The JSON pointer to it in `rcd`.
    pointer: String,
    /// Where it is, if it is elsewhere.
    url: Option<Box<str>>,
    /// What it is, if it is in the token and could be decoded.
    media_type: Option<&'static str>,
    /// How many bytes it has then.
    size: Option<usize>,
    /// The digest that `rcdi` has for it.
    digest: Option<Box<str>>,
    /// Why nobody would show it.
    error: Option<String>,
    #[serde(skip)]
    content: Option<Box<[u8]>>,
}

/// A card: where it is, or what is on it.
#[derive(Debug, Default, Serialize)]
struct Shown {
    url: Option<Box<str>>,
    digest: Option<Box<str>>,
    fields: Vec<Field>,
    error: Option<String>,
}

/// One line of a card.
#[derive(Debug, Serialize)]
struct Field {
    property: Box<str>,
    value: String,
}

impl Display {
    /// What these claims would have a phone show; `None` if they say nothing beyond numbers.
    pub(super) fn of(claims: &Claims) -> Option<Self> {
        let rich = claims.rich.as_deref()?;
        let data = rich.data.as_ref();
        let alternate = data.and_then(|data| data.alternate);
        let mut display = Self {
            name: data.and_then(|data| data.name.clone()),
            number: match alternate {
                Some(number) => Identity::Number(number).to_string(),
                None => claims.orig.to_string(),
            },
            reason: rich.reason.clone(),
            issuer: rich.issuer.clone(),
            pictures: Vec::new(),
            card: None,
        };
        if let Some(data) = data {
            display.add_icon(data, rich);
            display.add_card(data, rich);
        }
        Some(display)
    }

    fn add_icon(&mut self, data: &RichCallData, rich: &RichClaims) {
        if let Some(url) = &data.icon {
            self.pictures.push(Picture::at(ICON, url, rich));
        }
    }

    fn add_card(&mut self, data: &RichCallData, rich: &RichClaims) {
        let card = match &data.card {
            None => return,
            Some(Card::At(url)) => {
                self.card = Some(Shown {
                    url: Some(url.clone()),
                    digest: digest(references::CARD_ELSEWHERE, rich),
                    ..Shown::default()
                });
                return;
            }
            Some(Card::Inline(card)) => card,
        };
        let mut shown = Shown {
            digest: digest(references::CARD_INLINE, rich),
            ..Shown::default()
        };
        match JCard::parse(card.as_bytes()) {
            Ok(card) => {
                shown.fields = card.properties().iter().flat_map(fields).collect();
                self.pictures.extend(pictures(&card, rich));
            }
            Err(error) => shown.error = Some(error.to_string()),
        }
        self.card = Some(shown);
    }

    /// The first picture that is in the token and could be decoded.
    pub(super) fn picture(&self) -> Option<&[u8]> {
        self.pictures
            .iter()
            .find_map(|picture| picture.content.as_deref())
    }

    /// Why there is no picture for a file, if there are any.
    pub(super) fn without_picture(&self) -> Option<String> {
        let picture = self.pictures.first()?;
        Some(match (&picture.url, &picture.error) {
            (Some(url), _) => {
                format!("it is elsewhere, and nothing is fetched here: {url}")
            }
            (None, error) => error.clone().unwrap_or_default(),
        })
    }

    /// For people.
    pub(super) fn print(&self, console: &mut Console) {
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        let mut title = "phone shows";
        let mut row = |what: &str, text: &str| {
            let words = [(title, WORD, Tone::Faint), (what, WORD - 2, Tone::Faint)];
            lines(console, &words, text, Tone::Plain);
            title = "";
        };
        row("name", name.unwrap_or("none"));
        row("number", &self.number);
        for (what, text) in [("reason", &self.reason), ("says", &self.issuer)] {
            if let Some(text) = text {
                row(what, text);
            }
        }
        for picture in &self.pictures {
            row("picture", &picture.to_text());
        }
        let Some(card) = &self.card else { return };
        if let Some(url) = &card.url {
            row("card", &format!("at {url}{}", with(&card.digest)));
        }
        if let Some(error) = &card.error {
            row("card", &format!("not shown: {error}"));
        }
        for field in &card.fields {
            let short: String = field.value.chars().take(MAX_SHOWN).collect();
            row("card", &format!("{}: {short}", field.property));
        }
    }
}

impl Picture {
    fn at(pointer: &str, url: &str, rich: &RichClaims) -> Self {
        let mut picture = Self {
            pointer: pointer.to_owned(),
            url: None,
            media_type: None,
            size: None,
            digest: digest(pointer, rich),
            error: None,
            content: None,
        };
        if !is_data(url) {
            picture.url = Some(url.into());
            return picture;
        }
        let content = data_url::content(url)
            .filter(|(media_type, bytes)| data_url::begins_like(media_type, bytes));
        let decoded = content.and_then(|(_, bytes)| {
            let format = picture::inspect(&bytes).ok()?;
            Some((format, bytes))
        });
        match decoded {
            Some((format, bytes)) => {
                picture.media_type = Some(format.media_type());
                picture.size = Some(bytes.len());
                picture.content = Some(bytes.into());
            }
            None => picture.error = Some("no PNG or JPEG that can be decoded".to_owned()),
        }
        picture
    }

    fn to_text(&self) -> String {
        match (&self.url, self.media_type, self.size, &self.error) {
            (Some(url), ..) => format!("at {url}{}", with(&self.digest)),
            (None, Some(media_type), Some(size), _) => {
                format!("in the token, {media_type}, {size} bytes")
            }
            (.., error) => format!("not shown: {}", error.as_deref().unwrap_or_default()),
        }
    }
}

fn with(digest: &Option<Box<str>>) -> String {
    let digest = digest.as_ref();
    digest.map_or_else(
        || ", without a digest".to_owned(),
        |digest| format!(", {digest}"),
    )
}

fn digest(pointer: &str, rich: &RichClaims) -> Option<Box<str>> {
    let digests = &rich.integrity.as_ref()?.digests;
    let found = digests.iter().find(|(at, _)| **at == *pointer);
    found.map(|(_, digest)| digest.clone())
}

/// The pictures of a card in the claim: those elsewhere, and those in the card.
fn pictures(card: &JCard, rich: &RichClaims) -> Vec<Picture> {
    let elsewhere = references::of_card(card, references::CARD_INLINE)
        .filter(|reference| reference.what == Referent::Picture)
        .map(|reference| Picture::at(&reference.pointer, &reference.url, rich));
    let mut all: Vec<_> = elsewhere.collect();
    for (position, property) in card.properties().iter().enumerate() {
        if !property.kind.is_picture() {
            continue;
        }
        for (value, url) in property.values.iter().enumerate() {
            if let Some(url) = url.as_deref().filter(|url| is_data(url)) {
                // RFC 7095 §3.3: name, parameters and type come before the first value.
                let pointer = format!("{}/1/{position}/{}", references::CARD_INLINE, value + 3);
                all.push(Picture::at(&pointer, url, rich));
            }
        }
    }
    all
}

/// The lines that a phone has for a property: none for those that it does not know, and pictures have their own.
fn fields(property: &Property) -> impl Iterator<Item = Field> {
    let is_shown = !matches!(property.kind, Kind::Other | Kind::Version | Kind::Uid)
        && !property.kind.is_picture();
    let values = property.values.iter().flatten().filter(move |_| is_shown);
    values.map(|value| Field {
        property: property.name.clone(),
        value: value.to_string(),
    })
}

/// The PASSporT that this one has inside, if it is of a diversion that has.
pub(super) fn inside(claims: &Claims) -> Option<&str> {
    match &claims.extension {
        // A token of this length was read whole; what is in it is shorter.
        Extension::DivO(div_o) => Some(&*div_o.opt).filter(|opt| opt.len() <= MAX_TOKEN),
        _ => None,
    }
}
