//! Maps by context: their keys are our own counter.

use super::ContextId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What there is of each context.
pub(super) type ByContext<V> = HashMap<ContextId, V, BuildHasherDefault<CounterHash>>;

/// One multiplication. Nobody outside can choose a context's number, so nobody can aim many of them at one bucket, and a keyed hash
/// would guard nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CounterHash(u64);

impl Hasher for CounterHash {
    /// A context's number is hashed as a number.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    /// Both halves of a product with an odd constant (2^64 over the golden ratio): neighbours end up far apart at both ends of the hash.
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
