//! The bare operations that everything is told of: a P-256 signature made and checked by the library of cryptography, nothing else.

use crate::rows::Anchor;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, ParsedPublicKey,
};
use countersign_testkit::stopwatch::cpu_nanos;
use countersign_testkit::workload::{CALLS, Workload};
use std::hint::black_box;

/// Operations of each kind in one look of a meter: about a millisecond.
const LOOK: usize = 20;
/// Operations before those that count: a look comes after a sleep.
const WARMING: usize = 4;

/// What is signed and verified: the same as the library's rows.
pub(crate) struct Raw {
    inputs: Vec<(Vec<u8>, [u8; 64])>,
    random: SystemRandom,
    pair: EcdsaKeyPair,
    key: ParsedPublicKey,
}

impl Raw {
    pub(crate) fn new(workload: &Workload) -> Self {
        Self {
            inputs: (0..CALLS).map(|index| workload.raw(index)).collect(),
            random: SystemRandom::new(),
            pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"),
            key: ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, workload.public_key())
                .expect("a key"),
        }
    }

    pub(crate) fn sign(&self, index: usize) {
        let (message, _) = &self.inputs[index % CALLS];
        let _signature = black_box(self.pair.sign(&self.random, message).expect("a signature"));
    }

    pub(crate) fn verify(&self, index: usize) {
        let (message, signature) = &self.inputs[index % CALLS];
        self.key
            .verify_sig(message, signature)
            .expect("a good signature");
    }
}

/// Measures the bare operations again and again between the blocks of something else: a machine that is slow for a while is slow for
/// both, and the ratio stays.
pub(crate) struct Meter<'a> {
    raw: &'a Raw,
    looks: usize,
    sign: f64,
    verify: f64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(raw: &'a Raw) -> Self {
        Self {
            raw,
            looks: 0,
            sign: 0.0,
            verify: 0.0,
        }
    }

    pub(crate) fn look(&mut self) {
        self.sign += timed(|index| self.raw.sign(index));
        self.verify += timed(|index| self.raw.verify(index));
        self.looks += 1;
    }

    /// What an operation took in all looks, in nanoseconds.
    pub(crate) fn anchor(&self) -> Anchor {
        let all = (self.looks * LOOK) as f64;
        Anchor {
            sign: self.sign / all,
            verify: self.verify / all,
        }
    }
}

/// CPU time of a look, in nanoseconds.
fn timed(operation: impl Fn(usize)) -> f64 {
    (0..WARMING).for_each(&operation);
    let before = cpu_nanos();
    (0..LOOK).for_each(operation);
    cpu_nanos() - before
}
