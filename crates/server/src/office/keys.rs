//! The keys of the authority, watched: each signature is counted, and a key that did not sign is known until it signs again.

use crate::metrics::Metrics;
use countersign::crypto::{Point, Signature, SigningFailed, SigningKey, Whereabouts};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What a key is for. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Certificates, and checkpoints of the journal.
    Authority,
    /// Revocation lists.
    Lists,
    /// Answers about certificates.
    Responder,
    /// Authority tokens.
    Tokens,
}

impl Use {
    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Lists => "lists",
            Self::Responder => "responder",
            Self::Tokens => "tokens",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Which keys did not sign when they were asked last, and how often each did.
#[derive(Debug, Default)]
pub struct KeyWatch {
    failing: AtomicU8,
    metrics: Arc<Metrics>,
}

impl KeyWatch {
    /// A watch that counts here.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            failing: AtomicU8::default(),
            metrics,
        }
    }

    /// Whether every key has signed when it was asked last.
    pub fn all_sign(&self) -> bool {
        self.failing.load(Ordering::Relaxed) == 0
    }

    /// The same key, watched.
    pub fn over(self: &Arc<Self>, key: Arc<dyn SigningKey>, of: Use) -> Arc<dyn SigningKey> {
        Arc::new(Watched {
            key,
            of,
            watch: self.clone(),
        })
    }

    fn note(&self, of: Use, signed: bool) {
        let outcome = match signed {
            true => {
                self.failing.fetch_and(!of.bit(), Ordering::Relaxed);
                "signed"
            }
            false => {
                self.failing.fetch_or(of.bit(), Ordering::Relaxed);
                "failed"
            }
        };
        let signatures = &self.metrics.authority.signatures;
        signatures.increment([of.name(), outcome]);
    }
}

struct Watched {
    key: Arc<dyn SigningKey>,
    of: Use,
    watch: Arc<KeyWatch>,
}

impl SigningKey for Watched {
    fn sign(&self, message: &[u8]) -> Result<Signature, SigningFailed> {
        let signed = self.key.sign(message);
        self.watch.note(self.of, signed.is_ok());
        signed
    }

    fn public_key(&self) -> Point {
        self.key.public_key()
    }

    fn whereabouts(&self) -> Whereabouts {
        self.key.whereabouts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign::crypto::EcdsaP256Key;
    use std::sync::atomic::AtomicBool;

    /// A key in a device that comes and goes.
    #[derive(Default)]
    struct Device(AtomicBool);

    impl SigningKey for Device {
        fn sign(&self, _: &[u8]) -> Result<Signature, SigningFailed> {
            match self.0.load(Ordering::Relaxed) {
                true => Err(SigningFailed),
                false => Ok([0; 64]),
            }
        }

        fn public_key(&self) -> Point {
            [4; 65]
        }
    }

    /// This test verifies that a key in memory is known as one when it is watched, and that one of which nobody says where it is may be
    /// anywhere: who signs decides by that whether others wait.
    #[test]
    fn a_watched_key_is_where_it_was() {
        let watch = Arc::new(KeyWatch::default());
        let in_memory = Arc::new(EcdsaP256Key::generate().unwrap());
        let watched = watch.over(in_memory, Use::Responder);
        assert_eq!(watched.whereabouts(), Whereabouts::Memory);
        let watched = watch.over(Arc::new(Device::default()), Use::Responder);
        assert_eq!(watched.whereabouts(), Whereabouts::Elsewhere);
    }

    /// This test verifies that a key which does not sign is known until that key signs again, whatever others do meanwhile.
    #[test]
    fn a_key_that_does_not_sign_is_known_until_it_does() {
        let metrics = Arc::new(Metrics::default());
        let watch = Arc::new(KeyWatch::new(metrics.clone()));
        let device = Arc::new(Device::default());
        let tokens = watch.over(device.clone(), Use::Tokens);
        let lists = watch.over(Arc::new(Device::default()), Use::Lists);
        assert!(watch.all_sign() && tokens.sign(b"").is_ok());
        device.0.store(true, Ordering::Relaxed);
        assert!(tokens.sign(b"").is_err());
        assert!(!watch.all_sign());
        assert!(lists.sign(b"").is_ok());
        assert!(!watch.all_sign());
        device.0.store(false, Ordering::Relaxed);
        assert!(tokens.sign(b"").is_ok());
        assert!(watch.all_sign());
        let signatures = &metrics.authority.signatures;
        assert_eq!(signatures.count(["tokens", "signed"]), 2);
        assert_eq!(signatures.count(["tokens", "failed"]), 1);
        assert_eq!(signatures.count(["lists", "signed"]), 1);
    }
}
