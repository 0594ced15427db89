//! Who calls whom, as the command line says: `--from`, `--to`, and how numbers without a country code are completed.
//!
//! What a SIP message says is read by `countersign_sip::call`; what the command line says comes before it.

use clap::{Args, ValueEnum};
use countersign::call::{Call, DateHeader, DestSource, OrigSource};
use countersign::identity::{Identity, IdentityPolicy, NotAnIdentity, Role};
use countersign::number::{NotATelephoneNumber, NumberingPlan};
use countersign_sip::call::{CallPolicy, TrustPai};
use std::fmt;

/// The flags about the parties of a call.
#[derive(Debug, Args)]
pub(super) struct Parties {
    /// Who calls: a telephone number, or a sip:, sips: or tel: URI
    #[arg(long, value_name = "TN")]
    pub(super) from: Option<String>,
    /// Who is called; may be given several times
    #[arg(long, value_name = "TN")]
    pub(super) to: Vec<String>,
    /// How numbers are completed: international adds nothing, north-american puts 1 before ten digits
    #[arg(long, value_name = "PLAN", value_enum, default_value_t)]
    numbering: Numbering,
    /// Let the message's P-Asserted-Identity speak for the caller, before From
    #[arg(long)]
    trust_pai: bool,
}

/// The plans of [`NumberingPlan`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Numbering {
    // Doc comments on the values would make the help of every flag two lines longer.
    #[default]
    International,
    NorthAmerican,
}

/// What the flags said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) orig: Option<Identity>,
    pub(super) dest: Vec<Identity>,
}

impl Parties {
    /// Reads the flags.
    ///
    /// # Errors
    /// [`BadParty`] names the flag.
    pub(super) fn read(&self) -> Result<Given, BadParty> {
        let orig = self.from.as_deref();
        let dest = self
            .to
            .iter()
            .map(|text| self.party("--to", text, Role::Dest));
        Ok(Given {
            orig: orig
                .map(|text| self.party("--from", text, Role::Orig))
                .transpose()?,
            dest: dest.collect::<Result<_, _>>()?,
        })
    }

    /// How the calls of messages are to be read.
    pub(super) fn call_policy(&self) -> CallPolicy {
        CallPolicy {
            identity: self.identity_policy(),
            trust_pai: match self.trust_pai {
                true => TrustPai::Trusted,
                false => TrustPai::Ignored,
            },
        }
    }

    fn identity_policy(&self) -> IdentityPolicy {
        IdentityPolicy {
            plan: match self.numbering {
                Numbering::International => NumberingPlan::International,
                Numbering::NorthAmerican => NumberingPlan::NorthAmerican,
            },
            ..IdentityPolicy::default()
        }
    }

    /// The called party that another flag names.
    ///
    /// # Errors
    /// [`BadParty`] names the flag.
    pub(super) fn called(&self, flag: &'static str, text: &str) -> Result<Identity, BadParty> {
        self.party(flag, text, Role::Dest)
    }

    fn party(&self, flag: &'static str, text: &str, role: Role) -> Result<Identity, BadParty> {
        let bad = |cause| BadParty {
            flag,
            text: text.into(),
            cause,
        };
        let policy = self.identity_policy();
        if text.contains(':') {
            return Identity::from_uri(text, role, policy)
                .map_err(|cause| bad(BadPartyCause::Uri(cause)));
        }
        let number = policy.plan.canonical(text);
        number
            .map(Identity::Number)
            .map_err(|cause| bad(BadPartyCause::Number(cause)))
    }
}

impl Given {
    /// The call that the flags alone describe.
    pub(super) fn call(&self) -> Call {
        let call = Call {
            orig: None,
            orig_from: OrigSource::Given,
            dest: Vec::new(),
            date: DateHeader::Absent,
            presentation: Default::default(),
            priority: Default::default(),
            media_keys: None,
            reference: None,
        };
        self.over(call)
    }

    /// `call` with what the flags say instead of what it says.
    pub(super) fn over(&self, mut call: Call) -> Call {
        if let Some(orig) = &self.orig {
            call.orig = Some(orig.clone());
            call.orig_from = OrigSource::Given;
        }
        if !self.dest.is_empty() {
            let given = self.dest.iter().cloned();
            call.dest = given.map(|dest| (dest, DestSource::Given)).collect();
        }
        call
    }
}

/// A flag that names nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadParty {
    flag: &'static str,
    text: Box<str>,
    cause: BadPartyCause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BadPartyCause {
    Number(NotATelephoneNumber),
    Uri(NotAnIdentity),
}

impl fmt::Display for BadParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: ", self.flag, self.text)?;
        match &self.cause {
            BadPartyCause::Number(cause) => {
                write!(f, "{cause}; give a number such as 12025550100")
            }
            BadPartyCause::Uri(cause) => {
                write!(f, "{cause}; give a sip:, sips: or tel: URI, or a number")
            }
        }
    }
}

impl std::error::Error for BadParty {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parties(from: &str, numbering: Numbering) -> Parties {
        Parties {
            from: Some(from.to_owned()),
            to: vec!["911".to_owned(), "tel:+1-202-555-0101".to_owned()],
            numbering,
            trust_pai: false,
        }
    }

    #[test]
    fn numbers_are_completed_by_the_plan_that_was_named() {
        for (from, numbering, canonical) in [
            ("+1(202)555-0100", Numbering::International, "12025550100"),
            ("2025550100", Numbering::International, "2025550100"),
            ("2025550100", Numbering::NorthAmerican, "12025550100"),
            ("sip:2025550100@h", Numbering::NorthAmerican, "12025550100"),
            ("sip:Alice@H", Numbering::International, "sip:alice@h"),
        ] {
            let given = parties(from, numbering).read().unwrap();
            assert_eq!(given.orig.as_ref().unwrap().to_string(), canonical);
            let dest: Vec<_> = given.dest.iter().map(ToString::to_string).collect();
            assert_eq!(dest, ["911", "12025550101"]);
        }
    }

    #[test]
    fn what_names_nobody_is_told_with_its_flag() {
        let told = |from: &str| {
            let error = parties(from, Numbering::International).read().unwrap_err();
            error.to_string()
        };
        assert!(told("2025550l00").starts_with("--from \"2025550l00\": 'l' does not belong"));
        assert!(told("").contains("at least one digit"));
        assert!(told("mailto:a@h").contains("neither sip, sips nor tel"));
    }

    #[test]
    fn flags_come_before_the_message_one_by_one() {
        let message = Call {
            orig: Some(Identity::Number("12025550150".parse().unwrap())),
            orig_from: OrigSource::From,
            dest: vec![(
                Identity::Number("12025550151".parse().unwrap()),
                DestSource::To,
            )],
            date: DateHeader::Absent,
            presentation: Default::default(),
            priority: Default::default(),
            media_keys: None,
            reference: None,
        };
        let only_from = Given {
            orig: Some(Identity::Number("12025550100".parse().unwrap())),
            dest: Vec::new(),
        };
        let call = only_from.over(message.clone());
        assert_eq!(call.orig_from, OrigSource::Given);
        assert_eq!(call.dest, message.dest);
    }
}
