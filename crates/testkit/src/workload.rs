//! The work that is measured: sign a call, verify a call, take an INVITE apart. One definition for the stopwatch (`crates/server/benches/ratios`) and for
//! the counting of instructions (`bin/instructions.rs`).
//!
//! [`Crypto`] says who answers at the key traits: the library, or a constant, when only our own instructions count. Everything random or
//! slow happens in [`Workload::new`]; the work itself reads no clock and draws no number of its own (the library draws the ECDSA nonce).

use crate::lab::{Lab, NOW, numbers};
use bytes::Bytes;
use countersign::authentication::{
    AuthenticationService, Credential, Inventory, Origination, Signer, Unlisted,
};
use countersign::call::Call;
use countersign::certificate::{Authority, CertificateChain, Coverage};
use countersign::crypto::{
    AwsLc, BadSignature, Point, SIGNATURE_LEN, Signature, SigningFailed, SigningKey, UnusableKey,
    VerifyingKey, VerifyingKeys,
};
use countersign::identity::Identity;
use countersign::passport::{Attestation, OrigId};
use countersign::path::{self, PathCache};
use countersign::time::{Now, Ticks};
use countersign::trust::Trust;
use countersign::verification::{
    Answer, MemoryReplay, Poll, ReplayMemory, Report, Source, Verdict, VerificationPolicy,
    VerificationService,
};
use countersign_sip::call::{CallPolicy, from_request};
use countersign_sip::identity_header;
use countersign_sip::message::{Framing, Message, Name};
use countersign_sip::uri::Uri;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

mod answers;
mod kinds;
mod tokens;

pub use answers::Answers;
pub use kinds::{Branded, DIVERSIONS, Forwarded};
pub use tokens::Tokens;

/// Different calls that take turns, so that no branch predictor learns one by heart.
pub const CALLS: usize = 64;

/// Where the certificate is said to be.
const X5U: &str = "https://certificates.example.com/shaken/4711.pem";

/// Length of the INVITE, in bytes: what a call through two networks brings along. The header that pads it is one that nobody asks for.
pub const INVITE_LEN: usize = 1300;

/// Who answers at the key traits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crypto {
    /// A constant: every signature is made at once and every one is good.
    Constant,
    /// The library.
    Library,
}

impl Crypto {
    fn signing_key(self, key: Arc<dyn SigningKey>) -> Arc<dyn SigningKey> {
        match self {
            Self::Library => key,
            Self::Constant => Arc::new(ConstantKey::new(key.public_key())),
        }
    }

    fn verifying_keys(self) -> Arc<dyn VerifyingKeys> {
        match self {
            Self::Library => Arc::new(AwsLc),
            Self::Constant => Arc::new(ConstantKeys),
        }
    }
}

/// Calls with everything that signing and verifying them needs.
pub struct Workload {
    crypto: Crypto,
    signing: AuthenticationService,
    origination: Origination,
    verifying: VerificationService,
    replay: Arc<MemoryReplay>,
    trust: Arc<Trust>,
    chain: Arc<CertificateChain>,
    calls: Vec<Call>,
    identities: Vec<Bytes>,
    invites: Vec<Bytes>,
}

#[allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]
impl Workload {
    /// Makes the keys, certificates and calls, and goes once through all of it: whatever is cached is warm.
    pub fn new(crypto: Crypto) -> Self {
        let lab = Lab::new();
        let signer = lab.provider("4711");
        let chain = signer.chain;
        let (key, keys) = (crypto.signing_key(signer.key), crypto.verifying_keys());
        let signer = Signer::new(X5U, key, chain.clone()).expect("signer");
        let inventory = Inventory::parse("12025550100-12025550199,assigned").expect("inventory");
        let replay = Arc::new(MemoryReplay::default());
        let verifying = VerificationService::new(
            VerificationPolicy::default(),
            keys,
            Arc::new(PathCache::new()),
            Arc::clone(&replay) as Arc<dyn ReplayMemory>,
        );
        let mut workload = Self {
            crypto,
            signing: AuthenticationService::new(Arc::new(signer), Arc::new(inventory)),
            origination: origination(),
            verifying,
            replay,
            trust: Arc::new(lab.trust(1)),
            chain: Arc::new(chain),
            calls: Vec::new(),
            identities: Vec::new(),
            invites: Vec::new(),
        };
        for index in 0..CALLS {
            workload.add(index);
        }
        for index in 0..CALLS {
            assert_eq!(workload.verify(index).verdict, Verdict::Passed);
            assert!(
                workload.parse(index) >= 9,
                "something was not found in the INVITE"
            );
        }
        workload
    }

    /// Makes a call, signs it, and writes the INVITE with its Identity.
    fn add(&mut self, index: usize) {
        let unsigned = invite(index, "");
        let message = Message::parse(unsigned, Framing::Datagram).expect("INVITE");
        self.calls
            .push(from_request(&message, &CallPolicy::default()));
        let identity = self.sign(index);
        let invite = invite(index, &format!("Identity: {identity}\r\n"));
        assert_eq!(invite.len(), INVITE_LEN);
        self.identities.push(identity.into());
        self.invites.push(invite);
    }

    /// Signs a whole call: attestation, PASSporT, Identity value.
    pub fn sign(&self, index: usize) -> String {
        let call = &self.calls[index % CALLS];
        let signed = self.signing.authenticate(call, &self.origination, NOW);
        signed.expect("the call is signed").identity
    }

    /// Verifies a whole Identity value against its call, with the chain at hand and its path known.
    pub fn verify(&self, index: usize) -> Report {
        self.verify_with(&self.verifying, &self.chain, index)
    }

    /// The same for a signer never seen before: the chain is read from DER, its path judged, nothing remembered.
    pub fn verify_full_chain(&self, index: usize) -> Report {
        let ders = self.chain.certificates().iter().map(|one| one.as_der());
        let chain = CertificateChain::from_der(ders).expect("chain");
        let verifying = VerificationService::new(
            self.verifying.policy().clone(),
            Arc::new(AwsLc),
            Arc::new(PathCache::new()),
            Arc::clone(&self.replay) as Arc<dyn ReplayMemory>,
        );
        self.verify_with(&verifying, &Arc::new(chain), index)
    }

    fn verify_with(
        &self,
        verifying: &VerificationService,
        chain: &Arc<CertificateChain>,
        index: usize,
    ) -> Report {
        let index = index % CALLS;
        let presented = identity_header::parse(&self.identities[index]);
        let now = Now {
            unix: NOW,
            ticks: Ticks::default(),
        };
        let mut verification =
            verifying.begin(&self.calls[index], vec![presented], &self.trust, now);
        loop {
            let need = match verification.poll(now) {
                Poll::Done(report) => return report,
                Poll::Needs(needs) => needs.first().map(|need| need.id).expect("a need"),
            };
            let answer = Answer::Certificate(Arc::clone(chain), Source::Cache);
            verification.answer(need, answer);
        }
    }

    /// Frames an INVITE and reads what a verifying proxy reads of it: Request-URI, From, To, P-Asserted-Identity, top Via, Call-ID, CSeq,
    /// Date and every Identity. Returns how many of these were there.
    pub fn parse(&self, index: usize) -> usize {
        let bytes = self.invites[index % CALLS].clone();
        let message = Message::parse(bytes, Framing::Datagram).expect("INVITE");
        let uri = message.request_uri().map(Uri::parse);
        let from = message.from().map(|from| (from.uri(), from.tag()));
        let to = message.to().map(|to| (to.uri(), to.tag()));
        let asserted = message.addresses(Name::PAssertedIdentity).flatten();
        let asserted = asserted
            .filter(|address| black_box(address.uri()).is_ok())
            .count();
        let via = message.top_via().map(|via| (via.branch(), via.rport()));
        let identities = identity_header::presented(&message);
        let found = [
            black_box(uri).is_some_and(|uri| uri.is_ok()),
            black_box(from).is_ok(),
            black_box(to).is_ok(),
            black_box(via).is_ok(),
            black_box(message.call_id()).is_ok(),
            black_box(message.cseq()).is_ok(),
            black_box(message.date()) != countersign::call::DateHeader::Absent,
        ];
        let identities = black_box(identities)
            .iter()
            .filter(|one| one.is_ok())
            .count();
        found.into_iter().filter(|there| *there).count() + asserted + identities
    }

    /// The bytes that were signed in call `index`, and the signature: what the raw library is measured with.
    pub fn raw(&self, index: usize) -> (Vec<u8>, Signature) {
        let presented = identity_header::parse(&self.identities[index % CALLS]).expect("Identity");
        let passport =
            countersign::passport::SignedPassport::parse(&presented.token).expect("PASSporT");
        (
            passport.signing_input().as_bytes().to_vec(),
            *passport.signature(),
        )
    }

    /// The public key that the signatures verify with.
    pub fn public_key(&self) -> Point {
        self.signing.signer().key().public_key()
    }
}

/// Entries in [`TenThousand`].
const ENTRIES: u64 = 10_000;

/// A path whose end entity has ten thousand numbers, no two of them neighbours, and what it is asked.
pub struct TenThousand {
    authority: Authority,
    asked: Vec<Identity>,
}

#[allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]
impl TenThousand {
    /// Issues the certificate and asks each question once.
    pub fn new() -> Self {
        let lab = Lab::new();
        // No network has these: country code 999 is not assigned.
        let number = |value: u64| format!("999{value:08}");
        let entries = (0..ENTRIES).map(|index| numbers(&number(index * 2), 1));
        let signer = lab.end_entity("SHAKEN ten thousand numbers", entries.collect());
        let authority = path::verify(&signer.chain, &lab.trust(1), NOW, &AwsLc);
        let authority = authority.expect("path").authority().clone();
        // Half of them are in the list, half between two that are.
        let asked = (0..CALLS as u64).map(|index| {
            let number = number(index * 312 + index % 2);
            Identity::Number(number.parse().expect("number"))
        });
        let workload = Self {
            authority,
            asked: asked.collect(),
        };
        let covered = (0..CALLS).filter(|index| workload.covers(*index) == Coverage::Covered);
        assert_eq!(covered.count(), CALLS / 2);
        workload
    }

    /// Asks whether one number is covered.
    pub fn covers(&self, index: usize) -> Coverage {
        self.authority.covers(&self.asked[index % CALLS])
    }
}

impl Default for TenThousand {
    fn default() -> Self {
        Self::new()
    }
}

/// A customer whom the provider knows.
fn origination() -> Origination {
    Origination {
        asked: Some(Attestation::A),
        credential: Credential::Strong,
        unlisted: Unlisted::C,
        origid: OrigId::from_random([7; 16]),
        rich: None,
    }
}

/// An INVITE as one carrier hands it to another, padded to [`INVITE_LEN`] if it has an Identity.
fn invite(index: usize, identity: &str) -> Bytes {
    let (from, to) = (100 + index % 100, 100 + (index + 1) % 100);
    let sdp = "v=0\r\no=- 1793836800 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8 101\r\n\
        a=rtpmap:101 telephone-event/8000\r\n";
    let head = format!(
        "INVITE sip:+12025550{to}@carrier.example.net;user=phone SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds{index:02};rport\r\n\
        Max-Forwards: 69\r\n\
        From: \"Alice\" <sip:+12025550{from}@example.com;user=phone>;tag=19283017{index:02}\r\n\
        To: <sip:+12025550{to}@carrier.example.net;user=phone>\r\n\
        Call-ID: a84b4c76e667{index:02}@192.0.2.10\r\n\
        CSeq: 314159 INVITE\r\n\
        Contact: <sip:alice@192.0.2.10:5060>\r\n\
        Date: Thu, 05 Nov 2026 00:00:00 GMT\r\n\
        P-Asserted-Identity: <sip:+12025550{from}@example.com;user=phone>\r\n\
        {identity}\
        Content-Type: application/sdp\r\n\
        Content-Length: {}\r\n",
        sdp.len()
    );
    let padding = "X-Pad: \r\n".len();
    let missing = INVITE_LEN.saturating_sub(head.len() + padding + "\r\n".len() + sdp.len());
    let missing = if identity.is_empty() { 0 } else { missing };
    format!("{head}X-Pad: {}\r\n\r\n{sdp}", "x".repeat(missing)).into()
}

/// A key pair that answers at once.
struct ConstantKey {
    point: Point,
    made: AtomicU64,
}

impl ConstantKey {
    fn new(point: Point) -> Self {
        Self {
            point,
            made: AtomicU64::new(0),
        }
    }
}

impl SigningKey for ConstantKey {
    fn sign(&self, _message: &[u8]) -> Result<Signature, SigningFailed> {
        let mut signature = [7; SIGNATURE_LEN];
        // No two alike, so that the memory of replays has as much to hold as with real ones.
        let number = self.made.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (place, byte) in signature.iter_mut().zip(number) {
            *place = byte;
        }
        Ok(signature)
    }

    fn public_key(&self) -> Point {
        self.point
    }
}

impl VerifyingKey for ConstantKey {
    fn verify(&self, _message: &[u8], _signature: &Signature) -> Result<(), BadSignature> {
        Ok(())
    }
}

struct ConstantKeys;

impl VerifyingKeys for ConstantKeys {
    fn p256(&self, point: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey> {
        let point = point.try_into().map_err(|_| UnusableKey)?;
        Ok(Arc::new(ConstantKey::new(point)))
    }
}
