//! A list of anchors that a policy administrator has signed: who signed it, what is in it, and what may follow it.
//!
//! ```text
//!     STI-PA ──signs──▶ {"version":"1","sequence":41,"exp":…,"trustList":[root A, root B]} ──▶ anchors of a trust domain
//! ```

use countersign::certificate::{Certificate, CertificateError, chain};
use countersign::crypto::{AwsLc, EcdsaP256Key, SigningKey};
use countersign::jose::base64url;
use countersign::jose::jws::JwsFault;
use countersign::path::verify;
use countersign::time::UnixTime;
use countersign::trust::ca_list::{
    Administrator, Backwards, CaListFault, ListClaim, MAX_CA_LIST_BYTES, SkippedCause,
};
use countersign::trust::{AnchorError, CaList, MAX_ANCHORS, Standing, Trust, VerifiedCaList};
use countersign_ca::Profile;
use countersign_testkit::lab::{Lab, NOW, new_key};
use std::sync::Arc;

const HEADER: &str = r#"{"alg":"ES256","typ":"JWT","x5u":"https://attacker.example/key.pem"}"#;
const TOMORROW: i64 = NOW.as_secs() + 86_400;

/// The policy administrator: a key that is pinned.
struct StiPa {
    key: Arc<EcdsaP256Key>,
}

impl StiPa {
    fn new() -> Self {
        Self { key: new_key() }
    }

    fn pinned(&self) -> Administrator {
        Administrator::Key(Box::new(self.key.public_key()))
    }

    fn sign(&self, payload: &str) -> String {
        signed_by(&self.key, HEADER, payload)
    }

    fn verify(&self, payload: &str) -> Result<VerifiedCaList, CaListFault> {
        verify_with(&self.pinned(), &self.sign(payload), NOW)
    }

    fn list(&self, sequence: u64, exp: i64, roots: &[&Certificate]) -> VerifiedCaList {
        let entries: Vec<_> = roots.iter().map(|root| in_pem(root)).collect();
        self.verify(&payload(&sequence.to_string(), exp, &entries))
            .unwrap()
    }
}

fn signed_by(key: &EcdsaP256Key, header: &str, payload: &str) -> String {
    let input = format!(
        "{}.{}",
        base64url::encode(header.as_bytes()),
        base64url::encode(payload.as_bytes())
    );
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(&signature))
}

fn verify_with(
    administrator: &Administrator,
    token: &str,
    at: UnixTime,
) -> Result<VerifiedCaList, CaListFault> {
    CaList::parse(token)?.verify(administrator, Standing::Public, at, &AwsLc)
}

fn in_pem(certificate: &Certificate) -> String {
    let pem = chain::pem(certificate.as_der());
    format!("\"{}\"", pem.replace('\n', "\\n"))
}

/// Base64 of DER, as the other half of the field writes it.
fn in_base64(certificate: &Certificate) -> String {
    let pem = chain::pem(certificate.as_der());
    let lines: Vec<_> = pem.lines().filter(|line| !line.contains('-')).collect();
    format!("\"{}\"", lines.concat())
}

fn payload(sequence: &str, exp: i64, entries: &[String]) -> String {
    let list = entries.join(",");
    format!(r#"{{"version":"1.0","sequence":{sequence},"exp":{exp},"trustList":[{list}]}}"#)
}

#[test]
fn anchors_come_from_a_list_in_either_form() {
    let (pa, one, other) = (StiPa::new(), Lab::new(), Lab::new());
    let roots = [&one, &other].map(|lab| lab.root().certificate());
    let entries = [in_pem(roots[0]), in_base64(roots[1]), in_pem(roots[1])];
    for sequence in ["41", "\"41\""] {
        let list = pa.verify(&payload(sequence, TOMORROW, &entries)).unwrap();
        assert_eq!((list.sequence(), list.version()), (41, "1.0"));
        assert_eq!(list.anchors().len(), 2, "none twice");
        let trust = Trust::new("us", 1, list.anchors().to_vec());
        for lab in [&one, &other] {
            let chain = lab.provider("1234").chain;
            let path = verify(&chain, &trust, NOW, &AwsLc).unwrap();
            assert_eq!(path.standing(), Standing::Public);
        }
    }
}

/// This test verifies that a list is believed by the pinned key only, whatever it says about its own.
#[test]
fn the_key_is_pinned_and_nothing_the_list_says_changes_it() {
    let (pa, lab) = (StiPa::new(), Lab::new());
    let payload = payload("1", TOMORROW, &[in_pem(lab.root().certificate())]);
    let by = |key: &EcdsaP256Key, header| {
        verify_with(&pa.pinned(), &signed_by(key, header, &payload), NOW).err()
    };
    let refused = |fault| Some(CaListFault::Jws(fault));
    assert_eq!(by(&pa.key, HEADER), None);
    assert_eq!(by(&new_key(), HEADER), refused(JwsFault::BadSignature));
    let none = r#"{"alg":"none"}"#;
    assert_eq!(by(&pa.key, none), refused(JwsFault::Algorithm));
    let crit = r#"{"alg":"ES256","crit":["b64"],"b64":false}"#;
    assert_eq!(by(&pa.key, crit), refused(JwsFault::Crit));
}

/// This test verifies that a pinned certificate counts while it is valid and if its key may sign such things.
#[test]
fn a_pinned_certificate_has_a_validity_and_a_purpose() {
    let lab = Lab::new();
    let provider = lab.provider("1234");
    let certificate = provider.chain.end_entity().clone();
    let not_after = certificate.validity().not_after;
    let pinned = Administrator::Certificate(Box::new(certificate));
    let payload = payload("1", TOMORROW, &[in_pem(lab.root().certificate())]);
    let token = signed_by(&provider.key, HEADER, &payload);
    assert!(verify_with(&pinned, &token, not_after).is_ok());
    let late = verify_with(&pinned, &token, not_after.saturating_add(1));
    assert_eq!(late.err(), Some(CaListFault::AdministratorNotValid));

    let (key, list_signer) = lab
        .issue(lab.root(), Profile::CrlIssuer, "STI-PA CRL", None)
        .unwrap();
    let pinned = Administrator::Certificate(Box::new(list_signer));
    let token = signed_by(&key, HEADER, &payload);
    let refused = verify_with(&pinned, &token, NOW).err();
    assert_eq!(refused, Some(CaListFault::AdministratorKey));
}

#[test]
fn digest12_case14_a_lower_sequence_number_is_rejected() {
    let (pa, lab, other) = (StiPa::new(), Lab::new(), Lab::new());
    let root = lab.root().certificate();
    let list = |sequence, exp| pa.list(sequence, exp, &[root]);
    let current = list(41, TOMORROW);
    assert_eq!(
        list(40, TOMORROW).succeeds(&current),
        Err(Backwards::Sequence {
            sequence: 40,
            previous: 41,
        })
    );
    assert_eq!(list(42, TOMORROW).succeeds(&current), Ok(()));
    assert_eq!(
        list(41, TOMORROW).succeeds(&current),
        Ok(()),
        "the same again"
    );
    assert_eq!(list(41, TOMORROW + 1).succeeds(&current), Ok(()), "renewed");
    let same = Err(Backwards::SameSequence(41));
    assert_eq!(list(41, TOMORROW - 1).succeeds(&current), same);
    let others = pa.list(41, TOMORROW, &[root, other.root().certificate()]);
    assert_eq!(
        others.succeeds(&current),
        same,
        "another list under its number"
    );
}

/// This test verifies that a list out of date keeps its anchors, and says that it is.
#[test]
fn a_list_out_of_date_is_kept_and_tells() {
    let (pa, lab) = (StiPa::new(), Lab::new());
    let list = pa.list(1, NOW.as_secs(), &[lab.root().certificate()]);
    assert!(!list.is_expired(NOW));
    assert!(list.is_expired(NOW.saturating_add(1)));
    assert_eq!(list.anchors().len(), 1);
    assert_eq!(list.expires(), NOW);
}

/// This test verifies that what cannot be an anchor costs the others nothing, and is told.
#[test]
fn a_bad_certificate_costs_no_other() {
    let (pa, lab) = (StiPa::new(), Lab::new());
    let leaf = lab.provider("1234").chain.end_entity().clone();
    let key = "\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n\"";
    let entries = [
        in_pem(&leaf),
        "\"MAA=\"".to_owned(),
        in_pem(lab.root().certificate()),
        "\"?\"".to_owned(),
        key.to_owned(),
    ];
    let list = pa.verify(&payload("1", TOMORROW, &entries)).unwrap();
    assert_eq!(list.anchors().len(), 1);
    let told: Vec<_> = list
        .skipped()
        .iter()
        .map(|one| (one.index, one.cause))
        .collect();
    assert_eq!(
        told,
        [
            (0, SkippedCause::Anchor(AnchorError::NotAnAuthority)),
            (1, SkippedCause::Certificate(CertificateError::Malformed)),
            (3, SkippedCause::Encoding),
            (4, SkippedCause::Encoding),
        ]
    );
    let nothing = pa.verify(&payload("1", TOMORROW, &entries[..2]));
    assert_eq!(nothing.err(), Some(CaListFault::NoAnchors));
}

#[test]
fn what_is_no_list_is_refused() {
    let (pa, lab) = (StiPa::new(), Lab::new());
    let root = in_pem(lab.root().certificate());
    let refused = |payload: &str| pa.verify(payload).err();
    let claim = |claim| Some(CaListFault::Claim(claim));
    let without = |name: &str| {
        let whole = payload("1", TOMORROW, std::slice::from_ref(&root));
        whole.replace(&format!("\"{name}\""), "\"other\"")
    };
    assert_eq!(refused(&without("version")), claim(ListClaim::Version));
    assert_eq!(refused(&without("sequence")), claim(ListClaim::Sequence));
    assert_eq!(refused(&without("exp")), claim(ListClaim::Exp));
    assert_eq!(refused(&without("trustList")), claim(ListClaim::TrustList));
    for sequence in ["-1", "\"one\"", "1.5", "null"] {
        let payload = payload(sequence, TOMORROW, std::slice::from_ref(&root));
        assert_eq!(refused(&payload), claim(ListClaim::Sequence), "{sequence}");
    }
    assert_eq!(refused("[]"), Some(CaListFault::NotAnObject));
    assert!(matches!(refused("{"), Some(CaListFault::Json(_))));
    let many = vec!["\"\"".to_owned(); MAX_ANCHORS + 1];
    let many = refused(&payload("1", TOMORROW, &many));
    assert_eq!(many, Some(CaListFault::TooManyAnchors));
    assert_eq!(CaList::parse("a.b").err(), Some(CaListFault::Malformed));
    let large = "a".repeat(MAX_CA_LIST_BYTES + 1);
    assert_eq!(CaList::parse(&large).err(), Some(CaListFault::TooLarge));
}

/// This test verifies that a list cut off anywhere is refused.
#[test]
fn a_list_cut_off_is_refused() {
    let (pa, lab) = (StiPa::new(), Lab::new());
    let token = pa.sign(&payload("1", TOMORROW, &[in_pem(lab.root().certificate())]));
    for end in 0..token.len() {
        assert!(
            verify_with(&pa.pinned(), &token[..end], NOW).is_err(),
            "{end}"
        );
    }
}
