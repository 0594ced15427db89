//! How firmly we attest, and why: the rule, written once.
//!
//! - A number that the tenant's inventory lists deserves A, with the basis that the inventory names; any other deserves what
//!   the trunk says of unlisted ones: B, C, or no signature at all.
//! - A trunk that proves weakly who it is (a source address over UDP) deserves C at most.
//! - What the request asks for is a ceiling: the lower of asked and deserved is signed.
//!
//! The levels are those of [RFC 8588 §4](https://www.rfc-editor.org/rfc/rfc8588#section-4). The evidence is kept, because the
//! question that follows is always why.

use super::inventory::Basis;
use crate::passport::Attestation;

/// How well we know who sends the request: RFC 8224 §6.1 Step 2, "the authentication service MUST authenticate the originator
/// of the message".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// By a key, or by an address that cannot be forged.
    Strong,
    /// By something that anybody on the way could have written.
    Weak,
}

/// What a number deserves that the inventory does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// Partial attestation: the customer is known.
    B,
    /// Gateway attestation.
    C,
    /// No signature.
    Unsigned,
}

/// What decided the attestation. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The request asked for less than it deserved.
    Asked,
    /// The inventory lists the number.
    Listed,
    /// The inventory does not list the number.
    Unlisted,
    /// The trunk proves too weakly who it is.
    WeakCredential,
}

impl Reason {
    /// The name in logs and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Listed => "listed",
            Self::Unlisted => "unlisted",
            Self::WeakCredential => "weak-credential",
        }
    }
}

/// What was signed, and why no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttestationEvidence {
    /// What was signed.
    pub signed: Attestation,
    /// What the request asked for, if it did.
    pub asked: Option<Attestation>,
    /// What the number and the trunk deserved.
    pub deserved: Attestation,
    /// The ground on which the inventory lists the number; without one there is no A.
    pub basis: Option<Basis>,
    /// What decided.
    pub reason: Reason,
}

/// Decides; `None` if the call is not to be signed.
pub fn attest(
    asked: Option<Attestation>,
    basis: Option<Basis>,
    credential: Credential,
    unlisted: Unlisted,
) -> Option<AttestationEvidence> {
    let (listed, reason) = match (basis, unlisted) {
        (Some(_), _) => (Attestation::A, Reason::Listed),
        (None, Unlisted::B) => (Attestation::B, Reason::Unlisted),
        (None, Unlisted::C) => (Attestation::C, Reason::Unlisted),
        (None, Unlisted::Unsigned) => return None,
    };
    let (deserved, reason) = match credential {
        Credential::Weak if listed > Attestation::C => (Attestation::C, Reason::WeakCredential),
        Credential::Strong | Credential::Weak => (listed, reason),
    };
    let (signed, reason) = match asked {
        Some(asked) if asked < deserved => (asked, Reason::Asked),
        _ => (deserved, reason),
    };
    Some(AttestationEvidence {
        signed,
        asked,
        deserved,
        basis,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Attestation::{A, B, C};

    const ASKED: [Option<Attestation>; 4] = [None, Some(A), Some(B), Some(C)];
    const BASES: [Option<Basis>; 4] = [
        None,
        Some(Basis::Assigned),
        Some(Basis::ForeignWithProof),
        Some(Basis::TollFree),
    ];

    #[test]
    fn the_rule_case_by_case() {
        use Credential::{Strong, Weak};
        let listed = Some(Basis::Assigned);
        for (asked, basis, credential, unlisted, expected) in [
            (None, listed, Strong, Unlisted::C, Some((A, Reason::Listed))),
            (
                Some(A),
                listed,
                Strong,
                Unlisted::C,
                Some((A, Reason::Listed)),
            ),
            (
                Some(B),
                listed,
                Strong,
                Unlisted::C,
                Some((B, Reason::Asked)),
            ),
            (
                Some(C),
                listed,
                Strong,
                Unlisted::C,
                Some((C, Reason::Asked)),
            ),
            (
                Some(A),
                listed,
                Weak,
                Unlisted::B,
                Some((C, Reason::WeakCredential)),
            ),
            (
                Some(A),
                None,
                Strong,
                Unlisted::B,
                Some((B, Reason::Unlisted)),
            ),
            (Some(C), None, Strong, Unlisted::B, Some((C, Reason::Asked))),
            (
                Some(B),
                None,
                Strong,
                Unlisted::C,
                Some((C, Reason::Unlisted)),
            ),
            (
                None,
                None,
                Weak,
                Unlisted::B,
                Some((C, Reason::WeakCredential)),
            ),
            (None, None, Weak, Unlisted::C, Some((C, Reason::Unlisted))),
            (Some(A), None, Strong, Unlisted::Unsigned, None),
        ] {
            let found = attest(asked, basis, credential, unlisted);
            assert_eq!(found.map(|one| (one.signed, one.reason)), expected);
        }
    }

    /// The whole table, held to what it must never do.
    #[test]
    fn a_is_never_signed_without_a_basis_and_nothing_above_asked_or_deserved() {
        for asked in ASKED {
            for basis in BASES {
                for credential in [Credential::Strong, Credential::Weak] {
                    for unlisted in [Unlisted::B, Unlisted::C, Unlisted::Unsigned] {
                        let Some(found) = attest(asked, basis, credential, unlisted) else {
                            assert_eq!((basis, unlisted), (None, Unlisted::Unsigned));
                            continue;
                        };
                        assert!(found.signed <= found.deserved);
                        assert!(asked.is_none_or(|asked| found.signed <= asked));
                        assert!(found.signed < A || basis.is_some());
                        assert!(credential == Credential::Strong || found.signed == C);
                        assert_eq!(
                            found.signed,
                            asked.map_or(found.deserved, |one| one.min(found.deserved))
                        );
                    }
                }
            }
        }
    }
}
