//! The names of authorities and their subjects: country, organization, common name.
//!
//! The profile of SHAKEN wants exactly these three, one each. How names are compared is the verifier's matter
//! ([`countersign::certificate::name`]).

use const_oid::ObjectIdentifier;
use countersign::certificate::encode::{
    self, PRINTABLE_STRING, SET, UTF8_STRING, element, sequence,
};
use countersign::certificate::{DistinguishedName, ServiceProviderCode};
use std::fmt;

/// Longest organization or common name, in characters: ub-organization-name and ub-common-name of RFC 5280 Appendix A.
pub const MAX_NAME: usize = 64;

const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const LOCALITY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.7");
const STATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.8");
const UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

/// Who a certificate speaks of.
///
/// # Example
/// ```
/// use countersign_ca::Subject;
/// let root = Subject::new("US", "Example", "Example SHAKEN ROOT")?;
/// assert_eq!(root.name().to_string(), "CN=Example SHAKEN ROOT,O=Example,C=US");
/// let provider = Subject::shaken("US", "Example Telco", &"1234".parse().unwrap())?;
/// assert_eq!(provider.name().common_name().as_deref(), Some("SHAKEN 1234"));
/// # Ok::<(), countersign_ca::subject::NotASubject>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(DistinguishedName);

impl Subject {
    /// A subject of an ISO 3166 country code, an organization and a common name. The common name of a SHAKEN certificate
    /// contains "SHAKEN", that of a root also "ROOT".
    ///
    /// # Errors
    /// [`NotASubject`] if the country is not two capital letters, or another part is empty or longer than [`MAX_NAME`].
    pub fn new(country: &str, organization: &str, common_name: &str) -> Result<Self, NotASubject> {
        let country_fits =
            country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        if !country_fits || !fits(organization) || !fits(common_name) {
            return Err(NotASubject);
        }
        let parts = [
            attribute(&COUNTRY, PRINTABLE_STRING, country),
            attribute(&ORGANIZATION, UTF8_STRING, organization),
            attribute(&COMMON_NAME, UTF8_STRING, common_name),
        ];
        DistinguishedName::new(&sequence(&parts))
            .map(Self)
            .ok_or(NotASubject)
    }

    /// The subject of a service provider's end entity certificate: its common name is `SHAKEN` and the code.
    ///
    /// # Errors
    /// [`NotASubject`], as [`Subject::new`].
    pub fn shaken(
        country: &str,
        organization: &str,
        code: &ServiceProviderCode,
    ) -> Result<Self, NotASubject> {
        Self::new(country, organization, &format!("SHAKEN {code}"))
    }

    /// The subject of a certification request, as it stands there: one country, one organization and one common name, and at most
    /// one state, one locality and one unit between them.
    ///
    /// # Errors
    /// [`NotASubject`] if an attribute is missing, there twice or of another kind, or does not fit as in [`Subject::new`].
    pub fn requested(name: &DistinguishedName) -> Result<Self, NotASubject> {
        let parts = name.parts();
        let of = |kind: ObjectIdentifier| parts.iter().filter(move |part| part.kind == kind);
        let known = [COUNTRY, STATE, LOCALITY, ORGANIZATION, UNIT, COMMON_NAME];
        let foreign = parts.iter().any(|part| !known.contains(&part.kind));
        if foreign || known.iter().any(|kind| of(*kind).count() > 1) {
            return Err(NotASubject);
        }
        let text = |kind| of(kind).next().and_then(|part| part.text());
        let (country, organization) = (text(COUNTRY), text(ORGANIZATION));
        Self::new(
            country.ok_or(NotASubject)?,
            organization.ok_or(NotASubject)?,
            text(COMMON_NAME).ok_or(NotASubject)?,
        )?;
        let others = [STATE, LOCALITY, UNIT].into_iter().flat_map(of);
        match others
            .map(|part| part.text())
            .all(|text| text.is_some_and(fits))
        {
            true => Ok(Self(name.clone())),
            false => Err(NotASubject),
        }
    }

    /// The name.
    pub fn name(&self) -> &DistinguishedName {
        &self.0
    }
}

/// Neither empty nor long, and nothing that a terminal or a log would obey.
fn fits(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// A set of one attribute: `AttributeTypeAndValue` of RFC 5280 §4.1.2.4.
fn attribute(kind: &ObjectIdentifier, tag: u8, text: &str) -> Vec<u8> {
    let pair = sequence(&[encode::oid(kind), element(tag, text.as_bytes())]);
    element(SET, &pair)
}

/// The parts make no subject: a country code that is not two capital letters, a part that is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotASubject;

impl fmt::Display for NotASubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a subject has a country of two capitals and names of 1 to {MAX_NAME} characters"
        )
    }
}

impl std::error::Error for NotASubject {}
