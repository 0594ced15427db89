//! What several rules of the SHAKEN profile and policy ask of the subject's name.

use super::field::{self, of_subject, oid};
use super::rule::{Answer, Breach, Check, keep};
use super::source::Source;
use crate::certificate::Certificate;
use crate::certificate::name::Attribute;
use const_oid::ObjectIdentifier;

/// The officially assigned codes of ISO 3166-1 alpha-2.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM \
    FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO \
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT \
    MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA \
    SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US \
    UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// One country, of ISO 3166-1.
pub(super) fn country(certificate: &Certificate) -> Check {
    let country = one(certificate, oid::COUNTRY, "C")?;
    keep(COUNTRIES.split(' ').any(|known| known == country), || {
        format!("C={country:?} is no country of ISO 3166-1")
    })
}

/// Under the policy 1.4: the country is the United States.
pub(super) fn united_states(certificate: &Certificate) -> Check {
    if !field::is_under(certificate, oid::SHAKEN_POLICY_14) {
        return Ok(Answer::NotThere);
    }
    let country = one(certificate, oid::COUNTRY, "C")?;
    keep(country == "US", || format!("the subject has C={country:?}"))
}

/// One organization.
pub(super) fn organization(certificate: &Certificate) -> Check {
    one(certificate, oid::ORGANIZATION, "O").map(|_| Answer::Kept)
}

/// The text of the one attribute `kind`.
fn one<'a>(
    certificate: &'a Certificate,
    kind: ObjectIdentifier,
    name: &str,
) -> Result<&'a str, Breach> {
    let found = of_subject(certificate, kind);
    match found.as_slice() {
        [attribute] => attribute
            .text()
            .ok_or_else(|| Breach::new(format!("the {name} of the subject is no text"))),
        _ => Err(Breach::new(format!(
            "the subject has {} {name} attributes",
            found.len()
        ))),
    }
}

/// There are C and CN.
pub(super) fn country_and_name(certificate: &Certificate) -> Check {
    for (kind, name) in [(oid::COUNTRY, "C"), (oid::COMMON_NAME, "CN")] {
        if of_subject(certificate, kind).is_empty() {
            return Err(Breach::new(format!("the subject has no {name} attribute")));
        }
    }
    Ok(Answer::Kept)
}

/// The common name has the word SHAKEN.
pub(super) fn shaken(certificate: &Certificate) -> Check {
    let name = field::common_name(certificate);
    keep(has_words(name, "SHAKEN"), || {
        format!("SHAKEN does not stand in the common name {name:?}")
    })
}

/// Whether `words` stand in `text`, with neither a letter nor a digit beside them.
pub(super) fn has_words(text: &str, words: &str) -> bool {
    let is_outside = |beside: Option<char>| !beside.is_some_and(|it| it.is_ascii_alphanumeric());
    text.match_indices(words).any(|(start, found)| {
        let (before, rest) = text.split_at(start);
        let after = rest.get(found.len()..).unwrap_or_default();
        is_outside(before.chars().next_back()) && is_outside(after.chars().next())
    })
}

/// Under the policy 1.4: at most one serialNumber.
pub(super) fn serial_number_may_be(certificate: &Certificate) -> Check {
    if !field::is_under(certificate, oid::SHAKEN_POLICY_14) {
        return Ok(Answer::NotThere);
    }
    not_two_serial_numbers(certificate)
}

/// Under the policy 1.3: a serialNumber.
pub(super) fn serial_number_must_be(certificate: &Certificate) -> Check {
    // The public rule does not even speak of a certificate that is older than itself.
    let old = certificate.validity().not_before < Source::UsCp13.since_for_end_entities();
    if old || !field::is_under(certificate, oid::SHAKEN_POLICY_13) {
        return Ok(Answer::NotThere);
    }
    let found: Vec<Attribute<'_>> = of_subject(certificate, oid::SERIAL_NUMBER);
    keep(!found.is_empty(), || {
        "the subject has no serialNumber attribute".to_owned()
    })
}

/// Under the policy 1.3, of an authority: not two serialNumbers.
pub(super) fn serial_number_of_authority(certificate: &Certificate) -> Check {
    if !field::is_under(certificate, oid::SHAKEN_POLICY_13) {
        return Ok(Answer::NotThere);
    }
    not_two_serial_numbers(certificate)
}

fn not_two_serial_numbers(certificate: &Certificate) -> Check {
    let count = of_subject(certificate, oid::SERIAL_NUMBER).len();
    keep(count <= 1, || {
        format!("the subject has {count} serialNumber attributes")
    })
}
