//! What `sign` says of a caller beside the number: rich call data out of flags and files.
//!
//! The digests are made by `countersign::authentication::brand`, of files; nothing is fetched to be signed.

use super::super::trouble::Trouble;
use crate::fetch::picture;
use crate::files;
use countersign::authentication::{Brand, BrandFault};
use countersign::number::TelephoneNumber;
use countersign::passport::rcd::{MAX_RICH_URL, data_url};
use countersign::passport::{Card, RichClaims};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Flags about rich call data.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rich call data (kinds shaken, rcd and rsp)")]
pub(super) struct BrandArguments {
    /// The name to show
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// The number to show instead of the caller's
    #[arg(long, value_name = "TN")]
    show_number: Option<TelephoneNumber>,
    /// A picture: its https URL (give its bytes with --resource), or a file (PNG or JPEG) that is small enough to be signed whole
    #[arg(long, value_name = "URL|FILE")]
    icon: Option<String>,
    /// A jCard: its https URL (give its bytes with --resource), or a file that is signed whole
    #[arg(long, value_name = "URL|FILE")]
    card: Option<String>,
    /// Why they call
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who says so, if it is a third party: the subject of the certificate (kind rcd)
    #[arg(long, value_name = "TEXT")]
    issuer: Option<String>,
    /// What is at a URL of the picture, the card, or what the card refers to: its digest is signed; may be given several times
    #[arg(long, value_name = "URL=FILE")]
    resource: Vec<String>,
}

impl BrandArguments {
    /// Whether any flag says anything.
    pub(super) fn is_given(&self) -> bool {
        let texts = [
            &self.name,
            &self.icon,
            &self.card,
            &self.reason,
            &self.issuer,
        ];
        texts.iter().any(|text| text.is_some())
            || self.show_number.is_some()
            || !self.resource.is_empty()
    }

    /// The claims; `None` if no flag says anything.
    ///
    /// # Errors
    /// [`Trouble`] names the file, or says what is missing.
    pub(super) fn claims(&self) -> Result<Option<RichClaims>, Trouble> {
        let reason: Option<Box<str>> = self.reason.as_deref().map(Box::from);
        let has_data = self.name.is_some()
            || self.show_number.is_some()
            || self.icon.is_some()
            || self.card.is_some();
        if !has_data {
            let claims = RichClaims {
                reason,
                issuer: self.issuer.as_deref().map(Box::from),
                ..RichClaims::default()
            };
            return Ok((claims != RichClaims::default()).then_some(claims));
        }
        let brand = Brand {
            name: self.name.as_deref().unwrap_or_default().into(),
            alternate: self.show_number,
            icon: self.icon.as_deref().map(icon).transpose()?,
            card: self.card.as_deref().map(card).transpose()?,
            reasons: reason.iter().cloned().collect(),
        };
        let resources = self.resources()?;
        let content = |url: &str| resources.get(url).map(Vec::as_slice);
        let claims = brand.claims(reason.as_deref(), content);
        let mut claims = claims.map_err(Trouble::Brand)?;
        claims.issuer = self.issuer.as_deref().map(Box::from);
        Ok(Some(claims))
    }

    fn resources(&self) -> Result<BTreeMap<&str, Vec<u8>>, Trouble> {
        let mut resources = BTreeMap::new();
        for text in &self.resource {
            // A URL may have "=" in it, a file seldom has.
            let (url, file) = text
                .rsplit_once('=')
                .ok_or_else(|| Trouble::Resource(text.as_str().into()))?;
            resources.insert(url, read(Path::new(file))?);
        }
        Ok(resources)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    files::read(path).map_err(|fault| Trouble::File(path.into(), fault))
}

fn is_url(text: &str) -> bool {
    text.contains("://") || text.starts_with("data:")
}

fn icon(text: &str) -> Result<Box<str>, Trouble> {
    if is_url(text) {
        return Ok(text.into());
    }
    let bytes = read(Path::new(text))?;
    let format = picture::inspect(&bytes).map_err(|_| Trouble::NotAPicture(PathBuf::from(text)))?;
    let url = data_url::url(format.media_type(), &bytes);
    match url.len() <= MAX_RICH_URL {
        true => Ok(url.into()),
        false => Err(Trouble::LargePicture(PathBuf::from(text))),
    }
}

fn card(text: &str) -> Result<Card, Trouble> {
    if is_url(text) {
        return Ok(Card::At(text.into()));
    }
    let bytes = read(Path::new(text))?;
    let parsed = countersign::jose::json::parse(&bytes);
    let parsed = parsed.map_err(|error| {
        Trouble::Brand(BrandFault::Card(countersign::jcard::BadCard::Json(error)))
    })?;
    let mut json = String::new();
    parsed.write(&mut json);
    Ok(Card::Inline(json.into()))
}
