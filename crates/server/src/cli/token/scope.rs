//! For which providers and numbers: the flags that make a TN Authorization List.

use super::super::trouble::Trouble;
use super::TokenTrouble;
use clap::Args;
use countersign::certificate::{TnAuthList, TnEntry};
use countersign::jose::base64url;
use countersign::number::TelephoneNumberRange;

/// Flags about the list.
#[derive(Debug, Args)]
pub(super) struct ScopeFlags {
    /// For a service provider code; may be given again
    #[arg(long, value_name = "CODE")]
    spc: Vec<String>,
    /// For a telephone number; may be given again
    #[arg(long, value_name = "TN")]
    number: Vec<String>,
    /// For a block of numbers: the first, and how many; may be given again
    #[arg(long, value_name = "TN+COUNT")]
    range: Vec<String>,
    /// For exactly this list, as an ACME identifier has it
    #[arg(long, value_name = "BASE64URL", conflicts_with_all = ["spc", "number", "range"])]
    value: Option<String>,
}

impl ScopeFlags {
    /// The list, in DER.
    ///
    /// # Errors
    /// [`Trouble::Token`] names what is no part of a list, or says that nothing was named.
    pub(super) fn der(&self) -> Result<Vec<u8>, Trouble> {
        if let Some(value) = &self.value {
            let der = base64url::decode(value).ok();
            let der = der.filter(|der| TnAuthList::from_der(der).is_ok());
            return Ok(der.ok_or_else(|| TokenTrouble::Value(value.as_str().into()))?);
        }
        let codes = self.spc.iter().map(|text| (text, spc(text)));
        let ranges = self.range.iter().map(|text| (text, range(text)));
        let numbers = self.number.iter().map(|text| (text, number(text)));
        let entries = codes.chain(ranges).chain(numbers);
        let entries: Result<Vec<_>, _> = entries
            .map(|(text, entry)| entry.ok_or_else(|| TokenTrouble::Scope(text.as_str().into())))
            .collect();
        let list = TnAuthList::new(entries?).map_err(|_| TokenTrouble::ScopeMissing)?;
        Ok(list.to_der())
    }
}

fn spc(text: &str) -> Option<TnEntry> {
    text.parse().ok().map(TnEntry::Spc)
}

fn number(text: &str) -> Option<TnEntry> {
    text.parse().ok().map(TnEntry::One)
}

fn range(text: &str) -> Option<TnEntry> {
    let (start, count) = text.rsplit_once('+')?;
    let (start, count) = (start.parse().ok()?, count.parse().ok()?);
    match TelephoneNumberRange::new(start, count) {
        Ok(_) if count == 1 => Some(TnEntry::One(start)),
        Ok(range) => Some(TnEntry::Range(range)),
        Err(_) => None,
    }
}
