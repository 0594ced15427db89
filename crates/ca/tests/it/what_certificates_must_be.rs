//! What each certificate of a path must be by itself, or the fault is named.
//!
//! ```text
//!     authority: cA, keyCertSign ──▶ end entity: not cA, digitalSignature
//!                    both: nothing critical that is unknown, nothing unreadable, keys and signatures of P-256
//! ```

use const_oid::ObjectIdentifier;
use countersign::certificate::constraints::ConstraintList;
use countersign::certificate::encode::{element, sequence};
use countersign::certificate::extensions::oid;
use countersign::certificate::{
    Certificate, CertificateChain, CertificateError, Coverage, DistinguishedName, TnAuthList,
    Version,
};
use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey};
use countersign::identity::Identity;
use countersign::path::{KeyPurpose, PathFault, Step, inspect, verify};
use countersign::trust::{Anchor, AnchorError, Standing, Trust};
use countersign_ca::extension::{self, Criticality, Extension, PathLength, usage};
use countersign_ca::{Authority, Draft};
use countersign_testkit::lab::{Lab, NOW, chain, new_key, numbers, subject, validity};

use crate::spoilt::{
    CA, EE, intermediate, judge, leaf, refused, replaced, with_intermediate, with_leaf, without,
};

/// This test verifies that only authorities certify: basicConstraints with cA, and keyCertSign.
#[test]
fn digest04_case11_only_authorities_certify() {
    let lab = Lab::new();
    let no_authority = PathFault::NotAnAuthority { step: CA };
    let draft = without(intermediate(&lab), oid::BASIC_CONSTRAINTS);
    refused(&lab, &with_intermediate(&lab, &draft), no_authority.clone());
    let draft = replaced(intermediate(&lab), extension::end_entity_constraints());
    refused(&lab, &with_intermediate(&lab, &draft), no_authority);

    let no_usage = PathFault::KeyUsage {
        step: CA,
        needed: KeyPurpose::CertificateSigning,
    };
    let draft = replaced(
        intermediate(&lab),
        extension::key_usage(usage::DIGITAL_SIGNATURE | usage::CRL_SIGN),
    );
    refused(&lab, &with_intermediate(&lab, &draft), no_usage.clone());
    let draft = without(intermediate(&lab), oid::KEY_USAGE);
    refused(&lab, &with_intermediate(&lab, &draft), no_usage);
}

/// This test verifies that a certificate without issuer leads nowhere, even to an authority without a name.
#[test]
fn who_does_not_say_its_issuer_has_no_path() {
    let lab = Lab::new();
    let nobody = DistinguishedName::new(&[0x30, 0]).unwrap();
    let mut above = intermediate(&lab);
    above.subject = nobody.clone();
    let above = Certificate::parse(&above.sign(lab.root().key()).unwrap()).unwrap();
    let mut draft = leaf(&lab);
    draft.issuer = nobody;
    let signed = draft.sign(lab.intermediate().key()).unwrap();
    let list = chain(&[&Certificate::parse(&signed).unwrap(), &above]);
    refused(&lab, &list, PathFault::EmptyIssuer { step: EE });
}

/// This test verifies that a path leads only through certificates of version 3, whatever extensions the others carry.
#[test]
fn a_version_without_extensions_has_no_path() {
    let lab = Lab::new();
    let mut der = leaf(&lab).sign(lab.intermediate().key()).unwrap();
    let version = der.windows(5).position(|bytes| bytes == [0xa0, 3, 2, 1, 2]);
    der[version.unwrap() + 4] = 1;
    let spoilt = Certificate::parse(&der).unwrap();
    let fault = PathFault::Version {
        step: EE,
        version: Version::V2,
    };
    let list = chain(&[&spoilt, lab.intermediate().certificate()]);
    refused(&lab, &list, fault);
}

/// This test verifies what no certificate may be, whoever signed it.
#[test]
fn what_is_no_certificate() {
    let lab = Lab::new();
    let parse =
        |draft: &Draft| Certificate::parse(&draft.sign(lab.root().key()).unwrap()).unwrap_err();
    let mut draft = leaf(&lab);
    draft.extensions.push(extension::tn_auth_list(
        &TnAuthList::new(vec![numbers("12025550100", 1)]).unwrap(),
    ));
    assert_eq!(
        parse(&draft),
        CertificateError::DuplicateExtension(oid::TN_AUTH_LIST)
    );
    let mut draft = leaf(&lab);
    draft.serial = vec![1; 22];
    assert_eq!(parse(&draft), CertificateError::SerialTooLong);
    let mut draft = leaf(&lab);
    draft.extensions = Vec::new();
    assert_eq!(parse(&draft), CertificateError::Malformed);
    let arc = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.37476.9000.64");
    draft.extensions = (0..65)
        .map(|n| Extension::non_critical(arc.push_arc(n).unwrap(), Vec::new()))
        .collect();
    assert_eq!(parse(&draft), CertificateError::TooManyExtensions);
}

/// This test verifies that authorities and self-issued end entities do not sign calls.
#[test]
fn digest04_case12_only_end_entities_sign_calls() {
    let lab = Lab::new();
    let draft = replaced(
        leaf(&lab),
        extension::authority_constraints(PathLength::AtMost(0)),
    );
    refused(
        &lab,
        &with_leaf(&lab, &draft),
        PathFault::EndEntityIsAuthority,
    );

    let key = new_key();
    let mut draft = leaf(&lab);
    draft.issuer = draft.subject.clone();
    draft.public_key = key.public_key();
    let own = Certificate::parse(&draft.sign(key.as_ref()).unwrap()).unwrap();
    refused(&lab, &chain(&[&own]), PathFault::EndEntitySelfIssued);
    // It cannot be made an anchor either, and the root itself signs no call.
    assert_eq!(
        Anchor::new(own, Standing::Lab),
        Err(AnchorError::NotAnAuthority)
    );
    refused(
        &lab,
        &chain(&[lab.root().certificate()]),
        PathFault::EndEntityIsAuthority,
    );
}

/// This test verifies that a signer's key must be for signatures if the certificate says what it is for.
#[test]
fn a_key_for_something_else_signs_no_call() {
    let lab = Lab::new();
    let needed = KeyPurpose::DigitalSignature;
    let draft = replaced(leaf(&lab), extension::key_usage(usage::CRL_SIGN));
    refused(
        &lab,
        &with_leaf(&lab, &draft),
        PathFault::KeyUsage { step: EE, needed },
    );
    judge(&lab, &with_leaf(&lab, &without(leaf(&lab), oid::KEY_USAGE))).unwrap();
}

/// This test verifies that a key which may bind its holder to what it signs signs calls all the same: to want no more than
/// digitalSignature is the profile's, and so a lint's.
#[test]
fn digest12_case18_a_key_that_also_binds_signs_calls() {
    const NON_REPUDIATION: u16 = 0x4000;
    let lab = Lab::new();
    let bits = usage::DIGITAL_SIGNATURE | NON_REPUDIATION;
    let draft = replaced(leaf(&lab), extension::key_usage(bits));
    judge(&lab, &with_leaf(&lab, &draft)).unwrap();
}

/// This test verifies that a certificate for other purposes signs no calls, and what is said about an authority's own key.
#[test]
fn a_certificate_for_web_servers_signs_no_call() {
    let purposes = |last_arcs: &[u8]| {
        let purpose = |arc: &u8| element(6, &[0x2b, 6, 1, 5, 5, 7, 3, *arc]);
        let list = sequence(&last_arcs.iter().map(purpose).collect::<Vec<_>>());
        Extension::critical(oid::EXTENDED_KEY_USAGE, list)
    };
    let (server_auth, sip_domain) = (1, 20);
    let lab = Lab::new();
    let with = |extension| with_leaf(&lab, &replaced(leaf(&lab), extension));
    refused(
        &lab,
        &with(purposes(&[server_auth])),
        PathFault::ExtendedKeyUsage,
    );
    judge(&lab, &with(purposes(&[server_auth, sip_domain]))).unwrap();
    let any = Extension::critical(
        oid::EXTENDED_KEY_USAGE,
        vec![0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0],
    );
    judge(&lab, &with(any)).unwrap();
    let draft = replaced(intermediate(&lab), purposes(&[server_auth]));
    judge(&lab, &with_intermediate(&lab, &draft)).unwrap();
}

/// This test verifies what is done about extensions that are critical, unknown, unreadable or meant to constrain.
#[test]
fn what_is_critical_must_be_understood() {
    let lab = Lab::new();
    let unknown = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.37476.9000.64.1");
    let read_over = replaced(leaf(&lab), Extension::non_critical(unknown, vec![5, 0]));
    judge(&lab, &with_leaf(&lab, &read_over)).unwrap();
    let critical = Extension::critical(unknown, vec![5, 0]);
    let fault = |step| PathFault::UnknownCriticalExtension {
        step,
        extension: unknown,
    };
    refused(
        &lab,
        &with_leaf(&lab, &replaced(leaf(&lab), critical.clone())),
        fault(EE),
    );
    refused(
        &lab,
        &with_intermediate(&lab, &replaced(intermediate(&lab), critical)),
        fault(CA),
    );

    // A critical TN Authorization List is understood.
    let mut draft = leaf(&lab);
    for extension in &mut draft.extensions {
        extension.criticality = Criticality::Critical;
    }
    judge(&lab, &with_leaf(&lab, &draft)).unwrap();

    let broken = Extension::critical(oid::TN_AUTH_LIST, vec![0x30, 0]);
    let fault = PathFault::MalformedExtension {
        step: EE,
        extension: oid::TN_AUTH_LIST,
    };
    refused(&lab, &with_leaf(&lab, &replaced(leaf(&lab), broken)), fault);
    for constraints in [
        oid::NAME_CONSTRAINTS,
        oid::POLICY_CONSTRAINTS,
        oid::POLICY_MAPPINGS,
    ] {
        let empty = Extension::non_critical(constraints, vec![0x30, 0]);
        let fault = PathFault::MalformedExtension {
            step: CA,
            extension: constraints,
        };
        refused(
            &lab,
            &with_intermediate(&lab, &replaced(intermediate(&lab), empty)),
            fault,
        );
    }
}

/// This test verifies that key identifiers must agree where they are, with the anchor's too.
#[test]
fn digest04_case09_key_identifiers_link_the_list() {
    let lab = Lab::new();
    let draft = replaced(leaf(&lab), extension::authority_key(&[1; 20]));
    refused(
        &lab,
        &with_leaf(&lab, &draft),
        PathFault::KeyIdentifierMismatch { step: EE },
    );
    judge(
        &lab,
        &with_leaf(&lab, &without(leaf(&lab), oid::AUTHORITY_KEY_IDENTIFIER)),
    )
    .unwrap();
    let draft = replaced(intermediate(&lab), extension::authority_key(&[1; 20]));
    let issuer = draft.issuer.to_string().into();
    refused(
        &lab,
        &with_intermediate(&lab, &draft),
        PathFault::Untrusted { issuer },
    );
}

/// This test verifies that every key of the curve works, and bytes off the curve are a fault.
#[test]
fn a_point_off_the_curve_is_a_fault() {
    let lab = Lab::new();
    let mut draft = leaf(&lab);
    draft.public_key[64] ^= 1;
    refused(
        &lab,
        &with_leaf(&lab, &draft),
        PathFault::UnusableKey { step: EE },
    );
    let mut draft = leaf(&lab);
    draft.public_key[0] = 5;
    refused(
        &lab,
        &with_leaf(&lab, &draft),
        PathFault::UnusableKey { step: EE },
    );
    let key = EcdsaP256Key::generate().unwrap();
    draft.public_key = key.public_key();
    judge(&lab, &with_leaf(&lab, &draft)).unwrap();
}

/// This test verifies that constraints on claims are the end entity's own, and that those above it are told apart, the anchor's
/// included.
#[test]
fn claim_constraints_are_told_by_where_they_stand() {
    let lab = Lab::new();
    let list = ConstraintList {
        must_include: ["attest".into()].into(),
        ..ConstraintList::default()
    };
    let constraints = || Extension::non_critical(oid::JWT_CLAIM_CONSTRAINTS, list.to_der());
    let good = lab.provider("1234").chain;
    let found = |list: &CertificateChain, trust: &Trust| {
        let path = verify(list, trust, NOW, &AwsLc).unwrap();
        let own = path.claim_constraints().is_some();
        (own, path.inherited_constraints().len())
    };
    let trust = lab.trust(1);
    assert_eq!(found(&good, &trust), (false, 0));
    let own = with_leaf(&lab, &replaced(leaf(&lab), constraints()));
    assert_eq!(found(&own, &trust), (true, 0));
    let above = with_intermediate(&lab, &replaced(intermediate(&lab), constraints()));
    assert_eq!(found(&above, &trust), (false, 1));
    let name = subject("Lab SHAKEN ROOT");
    let draft = Authority::root_draft(&name, lab.root().key(), lab.next_serial(), validity());
    let root = replaced(draft, constraints())
        .sign(lab.root().key())
        .unwrap();
    let root = Anchor::new(Certificate::parse(&root).unwrap(), Standing::Lab).unwrap();
    let trust = Trust::new("lab", 1, vec![root]);
    assert_eq!(found(&good, &trust), (false, 1));
}

/// This test verifies that an end entity whose list cannot be read may say nothing, and its path stands; an authority with such a
/// list might limit what is below it, and refuses the path.
#[test]
fn an_unreadable_list_of_an_end_entity_is_no_list() {
    let lab = Lab::new();
    // An empty list, a list cut off, a number with a sign, text: nothing that RFC 8226 §9 has.
    for value in [
        &[0x30, 0][..],
        &[0x30, 8, 0xa0],
        &[0x30, 5, 0xa2, 3, 0x16, 1, b'+'],
        b"1234",
    ] {
        let broken = Extension::non_critical(oid::TN_AUTH_LIST, value.to_vec());
        let list = with_leaf(&lab, &replaced(leaf(&lab), broken.clone()));
        let path = judge(&lab, &list).unwrap();
        let number = Identity::Number("12025550100".parse().unwrap());
        assert_eq!(path.authority().covers(&number), Coverage::NotCovered);
        assert!(path.providers().is_empty());
        let fault = |step| PathFault::MalformedExtension {
            step,
            extension: oid::TN_AUTH_LIST,
        };
        let published = inspect(&list).unwrap_err();
        assert_eq!(published, fault(EE), "nobody should publish such a thing");
        let mut above = intermediate(&lab);
        above.extensions.push(broken);
        refused(&lab, &with_intermediate(&lab, &above), fault(CA));
    }
}

/// This test verifies that an authority's certificate with constraints that it calls critical is refused: they mean nothing there.
#[test]
fn critical_claim_constraints_of_an_authority_refuse_the_path() {
    let lab = Lab::new();
    let list = ConstraintList {
        must_include: ["attest".into()].into(),
        ..ConstraintList::default()
    };
    for extension in [
        oid::JWT_CLAIM_CONSTRAINTS,
        oid::ENHANCED_JWT_CLAIM_CONSTRAINTS,
    ] {
        let critical = || Extension::critical(extension, list.to_der());
        let step = Step::Issuer(1);
        refused(
            &lab,
            &with_intermediate(&lab, &replaced(intermediate(&lab), critical())),
            PathFault::UnknownCriticalExtension { step, extension },
        );
        let own = with_leaf(&lab, &replaced(leaf(&lab), critical()));
        judge(&lab, &own).unwrap();
    }
}

/// This test verifies that constraints that cannot be read refuse the path: nobody knows what they forbid.
#[test]
fn unreadable_claim_constraints_refuse_the_path() {
    let lab = Lab::new();
    for extension in [
        oid::JWT_CLAIM_CONSTRAINTS,
        oid::ENHANCED_JWT_CLAIM_CONSTRAINTS,
    ] {
        let empty = Extension::non_critical(extension, vec![0x30, 0]);
        let step = EE;
        refused(
            &lab,
            &with_leaf(&lab, &replaced(leaf(&lab), empty)),
            PathFault::MalformedExtension { step, extension },
        );
    }
}
