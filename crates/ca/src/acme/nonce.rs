//! Nonces against replay: [RFC 8555 §6.5](https://www.rfc-editor.org/rfc/rfc8555#section-6.5).
//!
//! A nonce is a counter and a MAC over it, so that nothing has to be kept of those that nobody uses: a flood of requests for
//! nonces takes no memory and pushes nobody else's nonce out before [`OUTSTANDING`] newer ones. Which of these have been used is
//! one bit each. The key is drawn when the server starts: nonces of a process before this one are not ours, and clients try
//! again (RFC 8555 §6.5).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use countersign::jose::base64url;
use std::fmt;

/// How many nonces can be out at once. Own decision: 128 KiB of bits, and at a thousand requests a second a quarter of an hour.
pub const OUTSTANDING: u64 = 1 << 20;

const COUNTER: usize = 8;
/// Half of the MAC is enough: 128 bits, of which nobody can try many.
const TAG: usize = 16;
const WORD_BITS: u64 = 64;

/// Every nonce that has been given out, and which of them have been used.
pub struct Nonces {
    key: hmac::Key,
    /// How many have been given out; the next one's counter.
    issued: u64,
    /// One bit for each of the last [`OUTSTANDING`] counters: set when used.
    used: Box<[u64]>,
}

/// What became of the nonce in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceStanding {
    /// There is none.
    Absent,
    /// It is ours, and has not been used before. It is now.
    Fresh,
    /// It is not base64url.
    NotBase64Url,
    /// It is not ours, too old, or has been used.
    Unacceptable,
}

impl Nonces {
    /// No nonce has been given out yet; `key` is 32 random octets that nobody else knows.
    pub fn new(key: [u8; 32]) -> Self {
        let words = usize::try_from(OUTSTANDING / WORD_BITS).unwrap_or(1);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            issued: 0,
            used: vec![0; words].into(),
        }
    }

    /// A new nonce.
    // RFC 8555 §6.5.1: "The server MUST generate the values provided in Replay-Nonce header fields in such a way that they are
    // unique to each message, with high probability, and unpredictable to anyone besides the server."
    pub fn issue(&mut self) -> String {
        let counter = self.issued;
        self.issued = self.issued.wrapping_add(1);
        if let Some((word, bit)) = self.place(counter) {
            *word &= !bit;
        }
        let mut octets = [0; COUNTER + TAG];
        let (front, back) = octets.split_at_mut(COUNTER);
        front.copy_from_slice(&counter.to_be_bytes());
        back.copy_from_slice(&self.tag(counter));
        base64url::encode(&octets)
    }

    /// Takes a nonce back: whatever comes of the request, it cannot be used again.
    // RFC 8555 §6.5: "Once a nonce value has appeared in an ACME request, the server MUST consider it invalid, in the same way as a
    // value it had never issued."
    pub fn strike(&mut self, nonce: Option<&str>) -> NonceStanding {
        let Some(nonce) = nonce else {
            return NonceStanding::Absent;
        };
        // RFC 8555 §6.5.2: "If the value of a "nonce" header parameter is not valid according to this encoding, then the verifier
        // MUST reject the JWS as malformed."
        let Ok(octets) = base64url::decode(nonce) else {
            return NonceStanding::NotBase64Url;
        };
        match self.take(&octets) {
            Some(()) => NonceStanding::Fresh,
            None => NonceStanding::Unacceptable,
        }
    }

    fn take(&mut self, octets: &[u8]) -> Option<()> {
        let (front, tag) = octets.split_first_chunk::<COUNTER>()?;
        let counter = u64::from_be_bytes(*front);
        // How much of a tag is right must not show in how long this takes.
        if verify_slices_are_equal(tag, &self.tag(counter)).is_err() || counter >= self.issued {
            return None;
        }
        if self.issued - counter > OUTSTANDING {
            return None;
        }
        let (word, bit) = self.place(counter)?;
        if *word & bit != 0 {
            return None;
        }
        *word |= bit;
        Some(())
    }

    fn tag(&self, counter: u64) -> [u8; TAG] {
        let whole = hmac::sign(&self.key, &counter.to_be_bytes());
        whole.as_ref().first_chunk().copied().unwrap_or_default()
    }

    fn place(&mut self, counter: u64) -> Option<(&mut u64, u64)> {
        let slot = counter % OUTSTANDING;
        let word = usize::try_from(slot / WORD_BITS).ok()?;
        Some((self.used.get_mut(word)?, 1 << (slot % WORD_BITS)))
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonces({} issued)", self.issued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once() {
        let mut nonces = Nonces::new([7; 32]);
        let nonce = nonces.issue();
        assert_eq!(nonces.strike(Some(&nonce)), NonceStanding::Fresh);
        assert_eq!(nonces.strike(Some(&nonce)), NonceStanding::Unacceptable);
        assert_eq!(nonces.strike(None), NonceStanding::Absent);
    }

    #[test]
    fn nonces_of_another_server_and_made_up_ones_are_not_ours() {
        let (mut nonces, mut other) = (Nonces::new([7; 32]), Nonces::new([8; 32]));
        let foreign = other.issue();
        nonces.issue();
        for nonce in [foreign.as_str(), "", "AAAA", &base64url::encode(&[0; 24])] {
            assert_eq!(
                nonces.strike(Some(nonce)),
                NonceStanding::Unacceptable,
                "{nonce}"
            );
        }
        for nonce in ["A", "AAAA=", "nonce value", "+/"] {
            assert_eq!(
                nonces.strike(Some(nonce)),
                NonceStanding::NotBase64Url,
                "{nonce}"
            );
        }
    }

    #[test]
    fn an_old_nonce_is_forgotten_and_stays_so() {
        let mut nonces = Nonces::new([7; 32]);
        let old = nonces.issue();
        let young = nonces.issue();
        for _ in 0..OUTSTANDING - 1 {
            nonces.issue();
        }
        assert_eq!(nonces.strike(Some(&old)), NonceStanding::Unacceptable);
        assert_eq!(nonces.strike(Some(&young)), NonceStanding::Fresh);
        // The place of a used one is taken over by a new one, which has not been used.
        let newest = nonces.issue();
        assert_eq!(nonces.strike(Some(&young)), NonceStanding::Unacceptable);
        assert_eq!(nonces.strike(Some(&newest)), NonceStanding::Fresh);
    }
}
