//! A certification hierarchy for tests: a root, an intermediate, and whatever hangs below.
//!
//! ```text
//!     Lab SHAKEN ROOT ──▶ Lab SHAKEN Issuing CA ──▶ SHAKEN 1234   (end entities, by provider code or by numbers)
//! ```
//!
//! Everything is valid around [`NOW`]; serial numbers are counted, so one lab issues the same fields twice over (keys and
//! signatures are drawn by the library).

use countersign::certificate::{Certificate, CertificateChain, TnAuthList, TnEntry};
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::number::TelephoneNumberRange;
use countersign::time::{UnixTime, Validity};
use countersign::trust::{Anchor, Standing, Trust};
use countersign_ca::extension::PathLength;
use countersign_ca::{Authority, IssuanceError, Practice, Profile, Request, Serial, Subject};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What time it is in the lab: 2026-11-05T00:00:00Z.
pub const NOW: UnixTime = UnixTime::from_secs(1_793_836_800);
/// Half the validity of what the lab issues, in seconds: 30 days to each side of [`NOW`].
pub const HALF_VALIDITY: i64 = 30 * 86_400;

/// A key and the certificates that stand behind it.
#[derive(Clone)]
pub struct Signer {
    /// The private key.
    pub key: Arc<EcdsaP256Key>,
    /// Its certificates, end entity first, without the root.
    pub chain: CertificateChain,
}

/// A root and an intermediate that issue whatever a test needs.
pub struct Lab {
    root: Authority,
    intermediate: Authority,
    serial: AtomicU64,
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(
    clippy::expect_used,
    reason = "a test that cannot make its lab has nothing to test"
)]
impl Lab {
    /// A new hierarchy with new keys.
    pub fn new() -> Self {
        let serial = AtomicU64::new(1);
        let subject = subject("Lab SHAKEN ROOT");
        let root = Authority::root(
            &subject,
            new_key(),
            Practice::default(),
            next(&serial),
            validity(),
        )
        .expect("root");
        let request = |key: &EcdsaP256Key| {
            let profile = Profile::Intermediate(PathLength::Unbounded);
            Request::new(
                profile,
                self::subject("Lab SHAKEN Issuing CA"),
                key.public_key(),
            )
        };
        let key = new_key();
        let certificate = root
            .issue(&request(&key), next(&serial), validity())
            .expect("intermediate");
        let intermediate =
            Authority::new(certificate, key, Practice::default()).expect("intermediate");
        Self {
            root,
            intermediate,
            serial,
        }
    }

    /// The root.
    pub fn root(&self) -> &Authority {
        &self.root
    }

    /// The authority below the root.
    pub fn intermediate(&self) -> &Authority {
        &self.intermediate
    }

    /// A serial number that this lab has not used.
    pub fn next_serial(&self) -> Serial {
        next(&self.serial)
    }

    /// Whoever trusts this lab, in `version`.
    pub fn trust(&self, version: u64) -> Trust {
        let anchor = Anchor::new(self.root.certificate().clone(), Standing::Lab).expect("anchor");
        Trust::new("lab", version, vec![anchor])
    }

    /// A service provider with a code.
    pub fn provider(&self, code: &str) -> Signer {
        let entry = TnEntry::Spc(code.parse().expect("service provider code"));
        self.end_entity(&format!("SHAKEN {code}"), vec![entry])
    }

    /// Somebody with the `count` numbers from `start` on.
    pub fn numbers(&self, start: &str, count: u64) -> Signer {
        self.end_entity("SHAKEN numbers", vec![numbers(start, count)])
    }

    /// An end entity with these entries in its TN Authorization List.
    pub fn end_entity(&self, common_name: &str, entries: Vec<TnEntry>) -> Signer {
        let list = TnAuthList::new(entries).expect("TNAuthList");
        let issued = self.issue(
            &self.intermediate,
            Profile::EndEntity,
            common_name,
            Some(list),
        );
        let (key, certificate) = issued.expect("end entity");
        Signer {
            key,
            chain: chain(&[&certificate, self.intermediate.certificate()]),
        }
    }

    /// A certificate and its new key, issued by `by`.
    ///
    /// # Errors
    /// As [`Authority::issue`].
    pub fn issue(
        &self,
        by: &Authority,
        profile: Profile,
        common_name: &str,
        scope: Option<TnAuthList>,
    ) -> Result<(Arc<EcdsaP256Key>, Certificate), IssuanceError> {
        let key = new_key();
        let request = Request {
            scope,
            ..Request::new(profile, subject(common_name), key.public_key())
        };
        let certificate = by.issue(&request, self.next_serial(), validity())?;
        Ok((key, certificate))
    }
}

/// A subject of the lab.
#[allow(
    clippy::expect_used,
    reason = "a test that cannot make its lab has nothing to test"
)]
pub fn subject(common_name: &str) -> Subject {
    Subject::new("US", "Countersign Lab", common_name).expect("subject")
}

/// A new key.
#[allow(
    clippy::expect_used,
    reason = "a test that cannot make its lab has nothing to test"
)]
pub fn new_key() -> Arc<EcdsaP256Key> {
    Arc::new(EcdsaP256Key::generate().expect("key"))
}

/// An entry of `count` numbers: a single one if `count` is 1.
#[allow(
    clippy::expect_used,
    reason = "a test that cannot make its lab has nothing to test"
)]
pub fn numbers(start: &str, count: u64) -> TnEntry {
    let start = start.parse().expect("telephone number");
    match count {
        1 => TnEntry::One(start),
        count => TnEntry::Range(TelephoneNumberRange::new(start, count).expect("range")),
    }
}

/// A list of certificates as given.
#[allow(
    clippy::expect_used,
    reason = "a test that cannot make its lab has nothing to test"
)]
pub fn chain(certificates: &[&Certificate]) -> CertificateChain {
    CertificateChain::from_der(certificates.iter().map(|one| one.as_der())).expect("chain")
}

/// [`HALF_VALIDITY`] to each side of [`NOW`].
pub fn validity() -> Validity {
    Validity {
        not_before: NOW.saturating_add(-HALF_VALIDITY),
        not_after: NOW.saturating_add(HALF_VALIDITY),
    }
}

fn next(serial: &AtomicU64) -> Serial {
    let number = u128::from(serial.fetch_add(1, Ordering::Relaxed));
    Serial::from_random(number.to_be_bytes())
}
