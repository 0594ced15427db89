//! The policy administrator of a lab: one indirect revocation list for the certificates of every authority.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ SHAKEN 1234 (CRL distribution point: URL, signed by STI-PA CRL)
//!            └──────────▶ STI-PA CRL ──▶ the list
//! ```

use crate::lab::{Lab, NOW, Signer, chain};
use countersign::certificate::{Certificate, Crl, TnAuthList, TnEntry};
use countersign::crypto::{AwsLc, EcdsaP256Key};
use countersign::path::{CrlFault, CrlIssuer};
use countersign::time::UnixTime;
use countersign::trust::{Trust, VerifiedCrl};
use countersign_ca::crl::{self, CrlDraft, Reason, Revoked};
use countersign_ca::extension::{CrlPoint, CrlScope};
use countersign_ca::{Authority, Practice, Profile};
use std::sync::Arc;

/// Where the list is published.
pub const LIST_URL: &str = "https://sti-pa.example/crl";
/// Seconds from one list to the next.
pub const LIST_PERIOD: i64 = 86_400;

/// Whoever signs the one list of a lab.
pub struct PolicyAdministrator {
    key: Arc<EcdsaP256Key>,
    certificate: Certificate,
    issuing: Authority,
}

#[allow(
    clippy::expect_used,
    reason = "a test that cannot make its lab has nothing to test"
)]
impl PolicyAdministrator {
    /// The administrator of `lab`, certified by its root.
    pub fn of(lab: &Lab) -> Self {
        let issued = lab.issue(lab.root(), Profile::CrlIssuer, "STI-PA CRL", None);
        let (key, certificate) = issued.expect("signer of lists");
        let practice = Practice {
            crl: Some(CrlPoint {
                url: LIST_URL.into(),
                issuer: certificate.subject().clone(),
            }),
            ..Practice::default()
        };
        Self {
            key,
            certificate,
            issuing: lab.intermediate().clone().with_practice(practice),
        }
    }

    /// The certificate that lists are signed under.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The lab's intermediate, naming the list in whatever it issues.
    pub fn issuing(&self) -> &Authority {
        &self.issuing
    }

    /// A service provider whose certificate names the list.
    pub fn provider(&self, lab: &Lab, code: &str) -> Signer {
        self.signer(lab, TnEntry::Spc(code.parse().expect("code")))
    }

    /// Somebody with this entry, whose certificate names the list.
    pub fn signer(&self, lab: &Lab, entry: TnEntry) -> Signer {
        let scope = TnAuthList::new(vec![entry]).expect("TNAuthList");
        let profile = Profile::EndEntity;
        let issued = lab.issue(&self.issuing, profile, "SHAKEN listed", Some(scope));
        let (key, certificate) = issued.expect("end entity");
        Signer {
            key,
            chain: chain(&[&certificate, self.issuing.certificate()]),
        }
    }

    /// The list of [`NOW`] with these entries, before it is signed.
    pub fn draft(&self, revoked: Vec<Revoked>) -> CrlDraft {
        self.draft_at(NOW, 7, revoked)
    }

    /// The list number `number` of `this_update`, before it is signed.
    pub fn draft_at(&self, this_update: UnixTime, number: u64, revoked: Vec<Revoked>) -> CrlDraft {
        let list = crl::Crl {
            this_update,
            next_update: this_update.saturating_add(LIST_PERIOD),
            number,
            scope: CrlScope::Indirect,
            url: Some(LIST_URL.into()),
            revoked,
        };
        crl::draft(&list, &self.certificate).expect("list")
    }

    /// Signs a list.
    pub fn sign(&self, draft: &CrlDraft) -> Vec<u8> {
        draft.sign(self.key.as_ref()).expect("signed list")
    }

    /// The administrator as somebody who is believed by decree.
    pub fn pinned(&self) -> CrlIssuer {
        CrlIssuer::Pinned(Box::new(self.certificate.clone()))
    }

    /// The administrator as somebody whose certificate leads to the root.
    pub fn anchored(&self) -> CrlIssuer {
        CrlIssuer::Chain(chain(&[&self.certificate]))
    }

    /// Signs a list and has it verified under `trust`.
    ///
    /// # Errors
    /// [`CrlFault`] if it is not believed.
    pub fn verified(
        &self,
        draft: &CrlDraft,
        issuer: CrlIssuer,
        trust: &Trust,
    ) -> Result<Arc<VerifiedCrl>, CrlFault> {
        let list = Crl::parse(&self.sign(draft)).expect("readable list");
        list.verify(&[issuer], trust, draft.this_update, &AwsLc)
            .map(Arc::new)
    }
}

/// An entry about a certificate, revoked at [`NOW`].
pub fn revoked(certificate: &Certificate, reason: Reason) -> Revoked {
    Revoked {
        issuer: certificate.issuer().clone(),
        serial: certificate.serial().to_vec(),
        at: NOW,
        reason,
    }
}
