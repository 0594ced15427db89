//! What revocation lists do to paths: direct lists, indirect ones, lists that are late, and lists that nobody should hear.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ SHAKEN 1234, SHAKEN 1235     (their list: signed by STI-PA CRL)
//!            └──────────▶ STI-PA CRL ──▶ one list: certificates of the Issuing CA, then of others
//! ```

use countersign::certificate::crl::Reason as Why;
use countersign::certificate::{Certificate, CertificateChain, Crl, TnAuthList, TnEntry};
use countersign::crypto::{AwsLc, EcdsaP256Key};
use countersign::path::{CrlIssuer, PathFault, RevocationEvidence, Step, verify};
use countersign::time::UnixTime;
use countersign::trust::revocation::Gap;
use countersign::trust::{RevocationRule, Trust, VerifiedCrl};
use countersign_ca::crl::{self, Reason, Revoked, issue};
use countersign_ca::extension::{CrlPoint, CrlScope};
use countersign_ca::{Authority, Practice, Profile};
use countersign_testkit::lab::{Lab, NOW, chain};
use std::sync::Arc;

const URL: &str = "https://sti-pa.example/crl";
const DAY: i64 = 86_400;
const HARD: RevocationRule = RevocationRule::Hard { grace: 0 };
const SOFT: RevocationRule = RevocationRule::Soft { grace: 0 };

/// A lab whose intermediate names the policy administrator's list.
struct World {
    lab: Lab,
    ca: Authority,
    list_key: Arc<EcdsaP256Key>,
    list_signer: Certificate,
}

impl World {
    fn new() -> Self {
        let lab = Lab::new();
        let (list_key, list_signer) = lab
            .issue(lab.root(), Profile::CrlIssuer, "STI-PA CRL", None)
            .unwrap();
        let practice = Practice {
            policy: None,
            crl: Some(CrlPoint {
                url: URL.into(),
                issuer: list_signer.subject().clone(),
            }),
        };
        let ca = lab.intermediate().clone().with_practice(practice);
        Self {
            lab,
            ca,
            list_key,
            list_signer,
        }
    }

    /// A provider below the intermediate, whose own certificate names no list.
    fn provider(&self, code: &str) -> CertificateChain {
        let scope = TnAuthList::new(vec![TnEntry::Spc(code.parse().unwrap())]).unwrap();
        let name = format!("SHAKEN {code}");
        let issued = self
            .lab
            .issue(&self.ca, Profile::EndEntity, &name, Some(scope));
        chain(&[&issued.unwrap().1, self.ca.certificate()])
    }

    /// The policy administrator's list, in DER.
    fn list(&self, revoked: Vec<Revoked>) -> Vec<u8> {
        let list = crl::Crl {
            this_update: NOW,
            next_update: NOW.saturating_add(DAY),
            number: 7,
            scope: CrlScope::Indirect,
            url: Some(URL.into()),
            revoked,
        };
        issue(&list, &self.list_signer, self.list_key.as_ref()).unwrap()
    }

    fn pinned(&self) -> [CrlIssuer; 1] {
        [CrlIssuer::Pinned(Box::new(self.list_signer.clone()))]
    }

    fn proven(&self, der: &[u8]) -> Arc<VerifiedCrl> {
        let crl = Crl::parse(der).unwrap();
        let proven = crl.verify(&self.pinned(), &self.lab.trust(1), NOW, &AwsLc);
        Arc::new(proven.unwrap())
    }

    fn trust(&self, rule: RevocationRule, revoked: Vec<Revoked>) -> Trust {
        let list = self.proven(&self.list(revoked));
        self.lab.trust(1).with_crls(rule, vec![list])
    }
}

fn entry(certificate: &Certificate, reason: Reason) -> Revoked {
    Revoked {
        issuer: certificate.issuer().clone(),
        serial: certificate.serial().to_vec(),
        at: NOW,
        reason,
    }
}

fn judge(
    chain: &CertificateChain,
    trust: &Trust,
    at: UnixTime,
) -> Result<RevocationEvidence, PathFault> {
    verify(chain, trust, at, &AwsLc).map(|path| path.revocation())
}

/// The revoked certificate's entry says nothing of its issuer: the one before it did.
#[test]
fn digest12_case08_an_entry_inherits_the_issuer_of_the_one_before() {
    let world = World::new();
    let (first, second, third) = (
        world.provider("1234"),
        world.provider("1235"),
        world.provider("1236"),
    );
    let revoked = vec![
        entry(first.end_entity(), Reason::Superseded),
        entry(second.end_entity(), Reason::KeyCompromise),
    ];
    let trust = world.trust(HARD, revoked);
    assert_eq!(
        judge(&second, &trust, NOW),
        Err(PathFault::Revoked {
            step: Step::EndEntity,
            at: NOW,
            reason: Why::KeyCompromise,
        })
    );
    let fresh = judge(&third, &trust, NOW).unwrap();
    assert!(matches!(fresh, RevocationEvidence::Good(_)), "{fresh:?}");
}

#[test]
fn digest12_case09_the_same_serial_number_of_another_issuer_is_not_revoked() {
    let world = World::new();
    let chain = world.provider("1234");
    let other = Revoked {
        issuer: world.lab.root().certificate().subject().clone(),
        ..entry(chain.end_entity(), Reason::KeyCompromise)
    };
    let trust = world.trust(HARD, vec![other]);
    assert!(judge(&chain, &trust, NOW).is_ok());
}

/// A list out of date, or none at all: the rule decides.
#[test]
fn what_nobody_knows_is_not_validated_or_passes_by_rule() {
    let world = World::new();
    let chain = world.provider("1234");
    let late = NOW.saturating_add(DAY + 1);
    let next_update = NOW.saturating_add(DAY);
    let stale = |rule| judge(&chain, &world.trust(rule, Vec::new()), late);
    let unknown = Gap::Stale { next_update };
    assert_eq!(
        stale(HARD),
        Err(PathFault::RevocationUnknown {
            step: Step::EndEntity,
            gap: unknown,
        })
    );
    assert_eq!(
        stale(SOFT),
        Ok(RevocationEvidence::Unknown {
            step: Step::EndEntity,
            gap: unknown,
        })
    );
    assert_eq!(stale(RevocationRule::Off), Ok(RevocationEvidence::NotAsked));
    let grace = RevocationRule::Hard { grace: 1 };
    assert!(matches!(stale(grace), Ok(RevocationEvidence::Good(_))));
    let none = world.lab.trust(1).with_crls(HARD, Vec::new());
    assert_eq!(
        judge(&chain, &none, NOW),
        Err(PathFault::RevocationUnknown {
            step: Step::EndEntity,
            gap: Gap::NoList,
        })
    );
}
