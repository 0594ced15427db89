//! Revocation lists: numbered in the journal first, then signed.
//!
//! A list speaks of everything in the register that was revoked. It is due when half of its life is over, and when something was
//! revoked that the last one does not say. Two processes never give one number to two lists: the number is an event, and what stands
//! before it in the journal is what the list says, whoever signs it, however often.

use super::former::Former;
use super::keys::Use;
use super::{Office, OfficeFault};
use crate::authority::book::{Decision, Undone};
use crate::authority::issuing::Commands;
use countersign::certificate::Certificate;
use countersign::crypto::SigningKey;
use countersign::time::UnixTime;
use countersign_ca::crl::{self, Crl, Revoked};
use countersign_ca::extension::CrlScope;
use countersign_ca::ledger::Ledger;
use countersign_ca::register::{CrlNumbered, Event, LastCrl};
use std::path::Path;
use std::sync::Arc;

/// How far ahead of the clock the last list may be, in seconds: clocks of two machines differ. One that is further ahead was made by a
/// clock that was wrong, and nobody takes it yet.
const AHEAD: i64 = 60;

/// A revocation list.
#[derive(Clone, Debug)]
pub struct List {
    /// Its number.
    pub number: u64,
    /// DER.
    pub der: Vec<u8>,
}

/// Who signs revocation lists, and what is written into them.
#[derive(Clone)]
pub struct ListMaker {
    name: Box<str>,
    url: Box<str>,
    lifetime: i64,
    issuer: Certificate,
    key: Arc<dyn SigningKey>,
    scope: CrlScope,
}

impl ListMaker {
    /// Those of an office: its own, and one for each key before it that has signed its own.
    ///
    /// # Errors
    /// [`OfficeFault::Key`], [`OfficeFault::NotAListIssuer`].
    pub fn all(office: &Office) -> Result<Vec<Self>, OfficeFault> {
        let mut all = vec![Self::of(office)?];
        for former in &office.former {
            all.extend(Self::of_former(office, former)?);
        }
        Ok(all)
    }

    /// That of a key before this one, if it has signed its own.
    ///
    /// # Errors
    /// [`OfficeFault::Key`], [`OfficeFault::NotAListIssuer`].
    pub fn of_former(office: &Office, former: &Former) -> Result<Option<Self>, OfficeFault> {
        let Some(name) = &former.settings.crl_name else {
            return Ok(None);
        };
        let maker = Self {
            name: name.value.clone(),
            url: office.url_of_list(&name.value).into(),
            issuer: former.certificate().clone(),
            key: office.key(&former.settings.key.value, Use::Lists)?,
            scope: CrlScope::Direct,
            lifetime: lifetime(office),
        };
        maker
            .able(&former.settings.certificate_file.value)
            .map(Some)
    }

    /// That of an office, with its key.
    ///
    /// # Errors
    /// [`OfficeFault::Key`], [`OfficeFault::NotAListIssuer`].
    pub fn of(office: &Office) -> Result<Self, OfficeFault> {
        let settings = &office.settings;
        let own = (&settings.key.value, Use::Authority);
        let (issuer, file, (place, of), scope) = match (&office.list_issuer, &settings.crl.issuer) {
            (Some(issuer), Some((file, key))) => {
                let key = (&key.value, Use::Lists);
                (issuer, file, key, CrlScope::Indirect)
            }
            _ => {
                let file = &settings.certificate_file;
                (office.certificate(), file, own, CrlScope::Direct)
            }
        };
        let maker = Self {
            name: settings.crl.name.value.clone(),
            url: office.list_url().into(),
            lifetime: lifetime(office),
            issuer: issuer.clone(),
            key: office.key(place, of)?,
            scope,
        };
        maker.able(&file.value)
    }

    /// Who could never sign a list is told when it is opened, not when somebody has been revoked.
    fn able(self, certificate_file: &Path) -> Result<Self, OfficeFault> {
        crl::may_sign(&self.issuer, self.key.as_ref())
            .map_err(|cause| OfficeFault::NotAListIssuer(certificate_file.into(), cause))?;
        Ok(self)
    }

    /// The name in its URL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The list that got its number last, by whichever process.
    pub fn last(&self, ledger: &Ledger) -> Option<LastCrl> {
        ledger.register.last_crl(&self.name)
    }

    /// Whether a new list is due: there is none, half of its life is over, or something was revoked since.
    pub fn is_due(&self, ledger: &Ledger, now: UnixTime) -> bool {
        let Some(last) = self.last(ledger) else {
            return true;
        };
        let half = last.this_update.saturating_add(self.lifetime / 2);
        let is_from_the_future = now.saturating_add(AHEAD) < last.this_update;
        half <= now || is_from_the_future || ledger.register.has_untold(&self.name)
    }

    /// Makes the next list.
    ///
    /// # Errors
    /// [`NoList`].
    pub fn make(&self, commands: &mut impl Commands) -> Result<List, NoList> {
        let (name, lifetime) = (self.name.clone(), self.lifetime);
        let numbered = commands.command(move |ledger, now, _| {
            let last = ledger.register.last_crl(&name);
            let numbered = CrlNumbered {
                list: name.clone(),
                number: last.map_or(1, |last| last.number.saturating_add(1)),
                this_update: now,
                next_update: now.saturating_add(lifetime),
            };
            let revoked: Vec<_> = ledger.register.revocations().collect();
            Decision {
                events: vec![Event::CrlNumbered(numbered.clone()).into()],
                reply: (numbered, revoked),
            }
        });
        let (numbered, revoked) = numbered.map_err(NoList::Undone)?;
        self.sign(&numbered, revoked)
    }

    /// The last list once more, as it was numbered, from what was revoked by then: after a restart, where the key did not sign, and where
    /// another process gave the number.
    ///
    /// # Errors
    /// [`NoList`], if there is none yet, too.
    pub fn again(&self, ledger: &Ledger) -> Result<List, NoList> {
        let last = self.last(ledger).ok_or(NoList::None)?;
        let numbered = CrlNumbered {
            list: self.name.clone(),
            number: last.number,
            this_update: last.this_update,
            next_update: last.next_update,
        };
        let revoked = ledger.register.revocations_told(&self.name).collect();
        self.sign(&numbered, revoked)
    }

    /// Whether this list may name a certificate: a direct one has those of its own name. Of two keys of one name both lists have all: serial
    /// numbers are taken once.
    fn speaks_of(&self, revoked: &Revoked) -> bool {
        match self.scope {
            CrlScope::Direct => revoked.issuer.as_der() == self.issuer.subject().as_der(),
            CrlScope::Indirect => true,
        }
    }

    fn sign(&self, numbered: &CrlNumbered, revoked: Vec<Revoked>) -> Result<List, NoList> {
        let mut revoked = revoked;
        revoked.retain(|one| self.speaks_of(one));
        let list = Crl {
            this_update: numbered.this_update,
            next_update: numbered.next_update,
            number: numbered.number,
            scope: self.scope,
            url: Some(self.url.clone()),
            revoked,
        };
        let number = numbered.number;
        match crl::issue(&list, &self.issuer, self.key.as_ref()) {
            Ok(der) => Ok(List { number, der }),
            Err(cause) => Err(NoList::Fault(OfficeFault::List(cause))),
        }
    }
}

/// How long the lists of an office hold, in seconds.
fn lifetime(office: &Office) -> i64 {
    i64::try_from(office.settings.crl.lifetime.as_secs()).unwrap_or(i64::MAX)
}

/// Why there is no list.
#[derive(Debug)]
pub enum NoList {
    /// It was not signed.
    Fault(OfficeFault),
    /// None was made yet.
    None,
    /// Its number was not kept.
    Undone(Undone),
}

impl std::fmt::Display for NoList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::None => f.write_str("no revocation list was made yet"),
            Self::Undone(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for NoList {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::book::Book;
    use crate::clock::Clock;
    use crate::store::memory::MemoryStore;
    use countersign::certificate::Crl;
    use countersign::crypto::{Point, Signature, SigningFailed};
    use countersign::time::{Now, Ticks};
    use countersign_testkit::lab::{Lab, NOW};
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    /// A clock that somebody sets.
    #[derive(Default)]
    struct Set(AtomicI64);

    impl Clock for Set {
        fn now(&self) -> Now {
            Now {
                unix: NOW.saturating_add(self.0.load(Ordering::SeqCst)),
                ticks: Ticks::default(),
            }
        }
    }

    /// A key in a device that may be away.
    struct Device(Arc<dyn SigningKey>, AtomicBool);

    impl SigningKey for Device {
        fn sign(&self, message: &[u8]) -> Result<Signature, SigningFailed> {
            match self.1.load(Ordering::SeqCst) {
                true => Err(SigningFailed),
                false => self.0.sign(message),
            }
        }

        fn public_key(&self) -> Point {
            self.0.public_key()
        }
    }

    struct World {
        maker: ListMaker,
        device: Arc<Device>,
        clock: Arc<Set>,
        book: Book,
        issuer: Certificate,
    }

    impl World {
        fn new() -> Self {
            let lab = Lab::new();
            let issuer = lab.intermediate().certificate().clone();
            let key = lab.intermediate().shared_key();
            let device = Arc::new(Device(key, AtomicBool::new(false)));
            let maker = ListMaker {
                name: "ca".into(),
                url: "https://ca.example/crl/ca.crl".into(),
                lifetime: 3_600,
                issuer: issuer.clone(),
                key: device.clone(),
                scope: CrlScope::Direct,
            };
            let clock = Arc::new(Set::default());
            let store = Arc::new(MemoryStore::default());
            let book = Book::open(store, "ca", clock.clone(), &[]).unwrap();
            Self {
                maker,
                device,
                clock,
                book,
                issuer,
            }
        }

        /// A serial number that was taken, given up, and so counts as revoked.
        fn revoke(&mut self) {
            use countersign_ca::register::preparation::abandon;
            use countersign_ca::register::{Abandonment, CertificateName, Prepared};
            use countersign_ca::{Profile, notation};
            let issuer = self.issuer.subject().clone();
            let kept = self.book.command(|_, now, random| {
                let mut serial = [0; 16];
                random(&mut serial);
                let name = CertificateName::new(&issuer, &serial);
                let prepared = Prepared {
                    name: name.clone(),
                    tbs: notation::Octets::from(vec![0x30, 0]),
                    profile: Profile::EndEntity,
                    key: notation::Digest::of(&serial),
                    not_after: now.saturating_add(60),
                    order: None,
                    approval: None,
                    by: None,
                };
                let events = [
                    Event::Prepared(prepared),
                    abandon(&name, Abandonment::Operator, now),
                ];
                Decision {
                    events: events.into_iter().map(Into::into).collect(),
                    reply: (),
                }
            });
            kept.unwrap();
        }

        fn is_due(&self) -> bool {
            let now = self.clock.now().unix;
            self.maker.is_due(&self.book.ledger(), now)
        }

        fn set(&self, seconds: i64) {
            self.clock.0.store(seconds, Ordering::SeqCst);
        }
    }

    fn count(list: &List) -> usize {
        Crl::parse(&list.der).unwrap().entries().len()
    }

    /// This test verifies that what was revoked is told by the next list, whatever the clock said when it was.
    #[test]
    fn a_revocation_by_a_clock_that_is_late_is_due() {
        let mut world = World::new();
        assert!(world.is_due(), "there is none yet");
        let first = world.maker.make(&mut world.book).unwrap();
        assert!(!world.is_due() && first.number == 1);
        world.set(-30);
        world.revoke();
        assert!(world.is_due());
        let second = world.maker.make(&mut world.book).unwrap();
        assert_eq!((second.number, count(&second)), (2, 1));
        assert!(!world.is_due());
        world.set(-120);
        assert!(world.is_due(), "the last one is from the future");
        world.set(1_800);
        assert!(world.is_due(), "half of its life is over");
    }

    /// This test verifies that a list that got its number and no signature is signed as soon as the key is back, and that a list says
    /// the same whenever it is signed again.
    #[test]
    fn a_list_without_a_signature_is_signed_again() {
        let mut world = World::new();
        world.revoke();
        world.device.1.store(true, Ordering::SeqCst);
        assert!(world.maker.make(&mut world.book).is_err());
        world.device.1.store(false, Ordering::SeqCst);
        assert!(!world.is_due(), "it has its number");
        let last = world.maker.last(&world.book.ledger()).unwrap();
        world.revoke();
        let again = world.maker.again(&world.book.ledger()).unwrap();
        assert_eq!(
            (again.number, count(&again)),
            (last.number, 1),
            "of the same second, and no more than it said"
        );
    }
}
