//! A certification hierarchy on disk, for the verbs that look at certificates.
//!
//! ```text
//!     Root ──► Issuing CA ──► SHAKEN 1234                         one provider, by its code
//!                        └──► Numbers CA (1202555000-0199) ──► delegates
//!     Root ──► List Issuer                                       signs revocation lists for all of them
//! ```
//!
//! Everything is valid from 2020 to the end of 2049, so that no test depends on its day.

use crate::peers::Workspace;
use countersign::certificate::chain::pem;
use countersign::certificate::{Certificate, TnAuthList, TnEntry, TnListUrl};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::number::TelephoneNumberRange;
use countersign::time::{UnixTime, Validity};
use countersign_ca::crl::{self, Crl, Reason, Revoked};
use countersign_ca::extension::{self, CrlPoint, CrlScope, PathLength};
use countersign_ca::issuance::ScopeReference;
use countersign_ca::{Authority, Draft, Practice, Profile, Request, Serial, Subject};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// 2020-01-01 to 2049-12-31.
pub const VALIDITY: Validity = Validity {
    not_before: UnixTime::from_secs(1_577_836_800),
    not_after: UnixTime::from_secs(2_524_521_600),
};

/// Where the revocation list would be.
pub const CRL_URL: &str = "https://crl.example.org/all.crl";

/// The hierarchy, and a folder.
pub struct Hierarchy {
    pub root: Authority,
    pub issuing: Authority,
    pub list_issuer: Certificate,
    pub list_key: Arc<EcdsaP256Key>,
    serial: AtomicU64,
    workspace: Workspace,
}

impl Hierarchy {
    pub fn new() -> Self {
        let serial = AtomicU64::new(1);
        let (root_key, list_key, key) = (new_key(), new_key(), new_key());
        let root = Authority::root(
            &subject("Root"),
            root_key.clone(),
            Practice::default(),
            next(&serial),
            VALIDITY,
        );
        let root = root.unwrap();
        let request = Request::new(
            Profile::CrlIssuer,
            subject("List Issuer"),
            list_key.public_key(),
        );
        let list_issuer = root.issue(&request, next(&serial), VALIDITY).unwrap();
        let practice = Practice {
            policy: Some(countersign_ca::issuance::SHAKEN_POLICY),
            crl: Some(CrlPoint {
                url: CRL_URL.into(),
                issuer: list_issuer.subject().clone(),
            }),
            ocsp: None,
        };
        let root = Authority::new(root.certificate().clone(), root_key, practice.clone()).unwrap();
        let profile = Profile::Intermediate(PathLength::Unbounded);
        let request = Request::new(profile, subject("Issuing CA"), key.public_key());
        let certificate = root.issue(&request, next(&serial), VALIDITY).unwrap();
        Self {
            root,
            issuing: Authority::new(certificate, key, practice).unwrap(),
            list_issuer,
            list_key,
            serial,
            workspace: Workspace::new("certificates"),
        }
    }

    /// A certificate for a new key, below `by`.
    pub fn issue(
        &self,
        by: &Authority,
        profile: Profile,
        name: &str,
        scope: Option<TnAuthList>,
    ) -> (Arc<EcdsaP256Key>, Certificate) {
        let key = new_key();
        let request = Request {
            scope,
            ..Request::new(profile, subject(name), key.public_key())
        };
        let certificate = by.issue(&request, next(&self.serial), VALIDITY).unwrap();
        (key, certificate)
    }

    /// A certificate for this key whose numbers are listed at a URL.
    pub fn by_reference(&self, key: &EcdsaP256Key, url: &str, list: TnAuthList) -> Certificate {
        let url = TnListUrl::new(url).unwrap();
        let subject = subject("SHAKEN by reference");
        let request = Request::new(Profile::EndEntity, subject, key.public_key())
            .with_reference(ScopeReference { url, list });
        let serial = next(&self.serial);
        self.issuing.issue(&request, serial, VALIDITY).unwrap()
    }

    /// The same without the checks before it: what a careless authority would issue.
    pub fn draft(
        &self,
        by: &Authority,
        profile: Profile,
        name: &str,
        scope: Option<TnAuthList>,
    ) -> Certificate {
        self.certify(by, profile, name, &new_key(), scope)
    }

    /// The same for a key that is there.
    pub fn certify(
        &self,
        by: &Authority,
        profile: Profile,
        name: &str,
        key: &EcdsaP256Key,
        scope: Option<TnAuthList>,
    ) -> Certificate {
        let request = Request {
            scope,
            ..Request::new(profile, subject(name), key.public_key())
        };
        let draft = by.draft(&request, next(&self.serial), VALIDITY);
        Certificate::parse(&draft.sign(by.key()).unwrap()).unwrap()
    }

    /// A certificate like this one, signed by somebody who may not certify.
    pub fn forge(&self, like: &Certificate, by: &Certificate, key: &EcdsaP256Key) -> Certificate {
        let mut extensions = vec![extension::authority_key(by.ski().unwrap())];
        let list = like.tn_auth_list().unwrap();
        extensions.push(extension::tn_auth_list(list));
        let draft = Draft {
            serial: next(&self.serial).as_bytes().to_vec(),
            issuer: by.subject().clone(),
            validity: VALIDITY,
            subject: like.subject().clone(),
            public_key: *like.public_key().p256().unwrap(),
            extensions,
        };
        Certificate::parse(&draft.sign(key).unwrap()).unwrap()
    }

    /// The provider with code 1234.
    pub fn provider(&self) -> Certificate {
        let scope = TnAuthList::new(vec![TnEntry::Spc("1234".parse().unwrap())]).unwrap();
        let profile = Profile::EndEntity;
        self.issue(&self.issuing, profile, "SHAKEN 1234", Some(scope))
            .1
    }

    /// An indirect list that names these certificates as revoked, in a file.
    pub fn list(&self, name: &str, revoked: &[&Certificate], next_update: UnixTime) -> String {
        let revoked = revoked.iter().map(|certificate| Revoked {
            issuer: certificate.issuer().clone(),
            serial: certificate.serial().to_vec(),
            at: UnixTime::from_secs(1_793_836_800),
            reason: Reason::KeyCompromise,
        });
        let list = Crl {
            this_update: VALIDITY.not_before,
            next_update,
            number: 1,
            scope: CrlScope::Indirect,
            url: Some(CRL_URL.into()),
            revoked: revoked.collect(),
        };
        let der = crl::issue(&list, &self.list_issuer, self.list_key.as_ref()).unwrap();
        self.write_bytes(name, der)
    }

    /// Where a file of this folder is.
    pub fn path(&self, name: &str) -> String {
        self.workspace.path().join(name).display().to_string()
    }

    /// Writes these certificates into one file, in this order.
    pub fn write(&self, name: &str, certificates: &[&Certificate]) -> String {
        let text: String = certificates.iter().map(|one| pem(one.as_der())).collect();
        self.write_bytes(name, text)
    }

    /// Writes a file.
    pub fn write_bytes(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        self.workspace.write(name, bytes).display().to_string()
    }
}

/// `count` numbers from `start` on; one number if `count` is 1.
pub fn numbers(start: &str, count: u64) -> TnEntry {
    let start = start.parse().unwrap();
    match count {
        1 => TnEntry::One(start),
        count => TnEntry::Range(TelephoneNumberRange::new(start, count).unwrap()),
    }
}

pub fn new_key() -> Arc<EcdsaP256Key> {
    Arc::new(EcdsaP256Key::generate().unwrap())
}

pub fn subject(common_name: &str) -> Subject {
    Subject::new("US", "Countersign Lab", common_name).unwrap()
}

fn next(serial: &AtomicU64) -> Serial {
    let number = u128::from(serial.fetch_add(1, Ordering::Relaxed));
    Serial::from_random(number.to_be_bytes())
}
