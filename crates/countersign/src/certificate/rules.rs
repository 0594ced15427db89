//! What a trust domain lets its paths be, where the standards leave a choice.
//!
//! Every choice has a name and a default; a [`crate::trust::Trust`] carries them, and the path walker obeys them. Limits that are
//! nobody's choice are constants where they are enforced.

use super::SignatureAlgorithm;
use const_oid::ObjectIdentifier;

/// Seconds by which the word of an authority about a certificate may be from the future and still count: clocks differ, and a list
/// that is fetched in the moment in which it was made must not stop calls. RFC 8224 §6.2 Step 4 recommends as much for the Date of a
/// request.
pub const MAX_AHEAD: i64 = 60;

/// The choices of one trust domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathRules {
    /// What certificates and CRLs may be signed with.
    pub authority_algorithms: AuthorityAlgorithms,
    /// Which certificate policies a path must be valid for.
    pub policies: PolicyRules,
}

impl PathRules {
    /// Bytes that tell these rules from any others, for fingerprints.
    pub fn described(&self) -> Vec<u8> {
        let PolicyRules {
            acceptable,
            any_policy,
            explicit_policy,
            mapping,
        } = &self.policies;
        let mut described = vec![
            match self.authority_algorithms {
                AuthorityAlgorithms::Ecdsa => 0,
                AuthorityAlgorithms::EcdsaAndRsa => 1,
                AuthorityAlgorithms::P256 => 2,
            },
            u8::from(*any_policy == Initially::Inhibited),
            u8::from(*explicit_policy == ExplicitPolicy::Required),
            u8::from(*mapping == Initially::Inhibited),
        ];
        for policy in acceptable {
            described.extend_from_slice(&(policy.as_bytes().len() as u64).to_be_bytes());
            described.extend_from_slice(policy.as_bytes());
        }
        described
    }
}

/// What certificates and CRLs may be signed with. PASSporTs are signed with ES256 and nothing else, whatever stands here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorityAlgorithms {
    /// ECDSA: P-256 with SHA-256, P-384 with SHA-384, P-521 with SHA-512.
    Ecdsa,
    /// These, and RSA PKCS #1 v1.5 with SHA-256, SHA-384 or SHA-512, from 2,048 bits on.
    // RFC 8226 §4: "This specification REQUIRES that implementations support both the Elliptic Curve Digital Signature Algorithm
    // (ECDSA) with the P-256 curve (see [DSS]) and RSA PKCS #1 v1.5"
    #[default]
    EcdsaAndRsa,
    /// ECDSA with P-256 and SHA-256, as SHAKEN wants it.
    P256,
}

impl AuthorityAlgorithms {
    /// Whether signatures of `algorithm` count.
    pub fn accepts(self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm as A;
        match algorithm {
            A::EcdsaWithSha256 => true,
            A::EcdsaWithSha384 | A::EcdsaWithSha512 => self != Self::P256,
            A::RsaWithSha256 | A::RsaWithSha384 | A::RsaWithSha512 => self == Self::EcdsaAndRsa,
            A::Other(_) => false,
        }
    }
}

/// The policy inputs of [RFC 5280 §6.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1.1). By default any policy will do,
/// and none is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyRules {
    /// user-initial-policy-set: the policies of which one must hold for the path; empty stands for any-policy.
    pub acceptable: Vec<ObjectIdentifier>,
    /// initial-any-policy-inhibit: whether anyPolicy in a certificate counts.
    pub any_policy: Initially,
    /// initial-explicit-policy.
    pub explicit_policy: ExplicitPolicy,
    /// initial-policy-mapping-inhibit: whether policies may be mapped.
    pub mapping: Initially,
}

/// Whether something is allowed before a certificate says that it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Initially {
    /// It is.
    #[default]
    Allowed,
    /// It is not.
    Inhibited,
}

/// Whether a path must be valid for one of the acceptable policies before a certificate demands it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExplicitPolicy {
    /// A path without policies is as good as one with.
    #[default]
    NotRequired,
    /// It must.
    Required,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_admits_less() {
        use SignatureAlgorithm as A;
        let all = [
            A::EcdsaWithSha256,
            A::EcdsaWithSha384,
            A::EcdsaWithSha512,
            A::RsaWithSha256,
            A::RsaWithSha384,
            A::RsaWithSha512,
            A::Other(ObjectIdentifier::new_unwrap("1.2.3")),
        ];
        let admitted = |by: AuthorityAlgorithms| all.map(|one| by.accepts(one));
        let (t, f) = (true, false);
        assert_eq!(
            admitted(AuthorityAlgorithms::default()),
            [t, t, t, t, t, t, f]
        );
        assert_eq!(admitted(AuthorityAlgorithms::Ecdsa), [t, t, t, f, f, f, f]);
        assert_eq!(admitted(AuthorityAlgorithms::P256), [t, f, f, f, f, f, f]);
    }

    #[test]
    fn no_two_rules_are_described_alike() {
        let rules = |change: fn(&mut PathRules)| {
            let mut rules = PathRules::default();
            change(&mut rules);
            rules.described()
        };
        let described = [
            rules(|_| {}),
            rules(|rules| rules.authority_algorithms = AuthorityAlgorithms::Ecdsa),
            rules(|rules| rules.authority_algorithms = AuthorityAlgorithms::P256),
            rules(|rules| rules.policies.any_policy = Initially::Inhibited),
            rules(|rules| rules.policies.mapping = Initially::Inhibited),
            rules(|rules| rules.policies.explicit_policy = ExplicitPolicy::Required),
            rules(|rules| rules.policies.acceptable = vec![ObjectIdentifier::new_unwrap("1.2.3")]),
        ];
        for (index, one) in described.iter().enumerate() {
            assert!(!described[..index].contains(one), "{index}");
        }
    }
}
