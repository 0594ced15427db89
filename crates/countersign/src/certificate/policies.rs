//! What certificates say about policies: [RFC 5280 §4.2.1.4](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.4), §4.2.1.5,
//! §4.2.1.11 and §4.2.1.14. What a whole path makes of it is computed in [`crate::path`].

use super::walk::{Malformed, Walk, only, primitive, unsigned};
use const_oid::ObjectIdentifier;
use der::Tag;

/// Most policies in one certificate; SHAKEN has one.
pub const MAX_POLICIES: usize = 64;

/// Most pairs in one policyMappings extension: as many as there can be policies to map.
pub const MAX_MAPPINGS: usize = MAX_POLICIES;

/// RFC 5280 §4.2.1.4: "anyPolicy OBJECT IDENTIFIER ::= { id-ce-certificatePolicies 0 }".
pub const ANY_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32.0");

/// id-qt-cps and id-qt-unotice of RFC 5280 §4.2.1.4: they point people to texts and change nothing for us.
const UNDERSTOOD_QUALIFIERS: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.2.1"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.2.2"),
];

/// What policyMappings, policyConstraints and inhibitAnyPolicy of one certificate ask of the path below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyLimits {
    /// Pairs of a policy of the issuer and one of the subject that is as good.
    pub mappings: Box<[(ObjectIdentifier, ObjectIdentifier)]>,
    /// requireExplicitPolicy: after how many more certificates a policy must hold for the path.
    pub require_explicit: Option<u64>,
    /// inhibitPolicyMapping: after how many more certificates nothing is mapped any more.
    pub inhibit_mapping: Option<u64>,
    /// inhibitAnyPolicy: after how many more certificates anyPolicy stands for no other any more.
    pub inhibit_any: Option<u64>,
}

/// `CertificatePolicies`, read.
pub(super) struct Policies {
    pub(super) found: Vec<ObjectIdentifier>,
    pub(super) qualifiers: Qualifiers,
}

/// Whether everything that qualifies a policy is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Qualifiers {
    Understood,
    Unknown,
}

/// `CertificatePolicies ::= SEQUENCE SIZE (1..MAX) OF PolicyInformation`: each a policy and what qualifies it.
pub(super) fn policies(value: &[u8]) -> Result<Policies, Malformed> {
    let mut list = Walk::over(only(value, Tag::Sequence)?)?;
    let (mut found, mut qualifiers) = (Vec::new(), Qualifiers::Understood);
    while !list.at_end() {
        let mut information = list.enter(Tag::Sequence)?;
        let policy = information.oid()?;
        // RFC 5280 §4.2.1.4: "A certificate policy OID MUST NOT appear more than once in a certificate policies extension."
        if found.contains(&policy) || found.len() == MAX_POLICIES {
            return Err(Malformed);
        }
        found.push(policy);
        if let Some(content) = information.content_if(Tag::Sequence)? {
            let mut walk = Walk::over(content)?;
            while !walk.at_end() {
                let mut qualifier = walk.enter(Tag::Sequence)?;
                if !UNDERSTOOD_QUALIFIERS.contains(&qualifier.oid()?) {
                    qualifiers = Qualifiers::Unknown;
                }
                qualifier.any()?;
                qualifier.finish()?;
            }
        }
        information.finish()?;
    }
    match found.as_slice() {
        [] => Err(Malformed),
        _ => Ok(Policies { found, qualifiers }),
    }
}

/// `PolicyMappings ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { issuerDomainPolicy, subjectDomainPolicy }`
pub(super) fn mappings(
    value: &[u8],
) -> Result<Box<[(ObjectIdentifier, ObjectIdentifier)]>, Malformed> {
    let mut list = Walk::over(only(value, Tag::Sequence)?)?;
    let mut found = Vec::new();
    while !list.at_end() {
        let mut pair = list.enter(Tag::Sequence)?;
        let (issuer, subject) = (pair.oid()?, pair.oid()?);
        pair.finish()?;
        // RFC 5280 §4.2.1.5: "Policies MUST NOT be mapped either to or from the special value anyPolicy", and §6.1.4 (a) ends the
        // path where they are.
        if [issuer, subject].contains(&ANY_POLICY) || found.len() == MAX_MAPPINGS {
            return Err(Malformed);
        }
        found.push((issuer, subject));
    }
    match found.as_slice() {
        [] => Err(Malformed),
        _ => Ok(found.into()),
    }
}

/// `PolicyConstraints ::= SEQUENCE { requireExplicitPolicy [0] SkipCerts OPTIONAL, inhibitPolicyMapping [1] SkipCerts OPTIONAL }`
pub(super) fn constraints(value: &[u8]) -> Result<(Option<u64>, Option<u64>), Malformed> {
    let mut fields = Walk::over(only(value, Tag::Sequence)?)?;
    let mut skip = |number| -> Result<Option<u64>, Malformed> {
        fields
            .content_if(primitive(number))?
            .map(unsigned)
            .transpose()
    };
    let (explicit, mapping) = (skip(0)?, skip(1)?);
    fields.finish()?;
    // RFC 5280 §4.2.1.11: "Conforming CAs MUST NOT issue certificates where policy constraints is an empty sequence."
    match (explicit, mapping) {
        (None, None) => Err(Malformed),
        both => Ok(both),
    }
}

/// `InhibitAnyPolicy ::= SkipCerts`, `SkipCerts ::= INTEGER (0..MAX)`
pub(super) fn inhibit_any(value: &[u8]) -> Result<u64, Malformed> {
    unsigned(only(value, Tag::Integer)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::encode::{self, element, sequence};

    fn policy(last: u32) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.2.1.48")
            .push_arc(last)
            .unwrap()
    }

    #[test]
    fn constraints_in_every_form() {
        let skip = |tag: u8, certificates: u8| element(encode::primitive(tag), &[certificates]);
        let read = |parts: &[Vec<u8>]| constraints(&sequence(parts));
        assert_eq!(read(&[skip(0, 3)]), Ok((Some(3), None)));
        assert_eq!(read(&[skip(1, 0)]), Ok((None, Some(0))));
        assert_eq!(read(&[skip(0, 1), skip(1, 2)]), Ok((Some(1), Some(2))));
        for bad in [
            &[][..],
            &[skip(1, 2), skip(0, 1)],
            &[skip(0, 1), skip(0, 1)],
            &[skip(0, 0x80)],
            &[skip(2, 1)],
        ] {
            assert_eq!(read(bad), Err(Malformed), "{bad:02x?}");
        }
        assert_eq!(inhibit_any(&encode::integer(&[2])), Ok(2));
        assert_eq!(inhibit_any(&[2, 1, 0x80]), Err(Malformed));
    }

    #[test]
    fn mappings_never_speak_of_any_policy() {
        let pair = |from: ObjectIdentifier, to: ObjectIdentifier| {
            sequence(&[encode::oid(&from), encode::oid(&to)])
        };
        let read = |pairs: &[Vec<u8>]| mappings(&sequence(pairs));
        assert_eq!(
            read(&[pair(policy(1), policy(2)), pair(policy(1), policy(3))]).as_deref(),
            Ok(&[(policy(1), policy(2)), (policy(1), policy(3))][..])
        );
        let many = vec![pair(policy(1), policy(2)); MAX_MAPPINGS + 1];
        for bad in [
            &[][..],
            &[pair(policy(1), ANY_POLICY)],
            &[pair(ANY_POLICY, policy(1))],
            &many,
        ] {
            assert_eq!(read(bad), Err(Malformed));
        }
        assert!(read(&many[1..]).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = (policies(&bytes).is_ok(), mappings(&bytes), constraints(&bytes), inhibit_any(&bytes));
        }
    }
}
