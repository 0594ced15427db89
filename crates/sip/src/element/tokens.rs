//! Branches, tags and the loop check: RFC 3261 §16.6 step 8 as RFC 5393 §4.2 corrects it.
//!
//! A branch of ours is `z9hG4bK`, sixteen hexadecimal digits that nobody else has, a dot, and sixteen that say what the request
//! looked like when it came. If a request comes back with a Via of ours whose second part is what we would write again, then
//! nothing that matters has changed on its way round: it loops.

use super::Options;
use crate::header::Branch;
use crate::message::{Message, Name};
use countersign::crypto::sha256;

const MAGIC_COOKIE: &str = "z9hG4bK";
/// Bytes of a digest that are kept: 64 bits are beyond guessing and beyond chance.
const KEPT: usize = 8;

/// Sixteen hexadecimal digits.
type Digits = [u8; 2 * KEPT];

/// Makes what must be unique, and what must be the same again.
pub(super) struct Tokens {
    secret: [u8; 16],
    shard: u32,
    count: u64,
}

/// The second part of a branch: a digest of what the decisions about a request depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape(Digits);

/// The tag that our answers to one request have; the same for its CANCEL and whenever it is computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalTag(Digits);

impl LocalTag {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Tokens {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            secret: options.secret,
            shard: options.shard,
            count: 0,
        }
    }

    /// A branch that was never used.
    // RFC 3261 §16.6: "Thus, the branch parameter provided with the Via header field inserted in step 8 MUST be different for each
    // attempt."
    pub(super) fn branch(&mut self, shape: Shape) -> String {
        self.count += 1;
        let mut digest = self.digest("branch");
        digest.put(&self.shard.to_be_bytes());
        digest.put(&self.count.to_be_bytes());
        written(digest.finish(), shape)
    }

    /// The branch of a request that is forwarded without state: the same whenever it comes.
    // RFC 3261 §16.11: "for a stateless proxy, the branch parameter MUST be computed as a combinatoric function of message
    // parameters which are invariant on retransmission."
    pub(super) fn stateless_branch(&self, request: &Message, shape: Shape) -> String {
        let mut digest = self.digest("stateless");
        digest.put(request.top_via().map_or(&[], |via| via.raw));
        digest.put(request.header(Name::To).unwrap_or_default());
        digest.put(request.header(Name::From).unwrap_or_default());
        digest.put(request.header(Name::CallId).unwrap_or_default());
        digest.put(request.header(Name::CSeq).unwrap_or_default());
        written(digest.finish(), shape)
    }

    /// What the decisions about `request` depend on, if it comes by the trunk of this name.
    // RFC 5393 §4.2.1: "This second part MUST vary with any field used by the location service logic in determining where to
    // retarget or forward this request. [...] the second part MUST depend at least on the received Request-URI and any Route
    // header field values used when processing the received request."; "This second part MUST NOT vary with the request method."
    // RFC 5393 §4.2.4: "implementations SHOULD include at least one field in the input to the hash that varies between different
    // transactions attempting to reach the same destination"
    pub(super) fn shape(&self, request: &Message, trunk: &str) -> Shape {
        let mut digest = self.digest("shape");
        digest.put(trunk.as_bytes());
        digest.put(request.request_uri().unwrap_or_default());
        digest.put(request.header(Name::CallId).unwrap_or_default());
        digest.put(tag(request, Name::From));
        digest.put(tag(request, Name::To));
        let sequence = request.cseq().map_or(0, |cseq| cseq.sequence);
        digest.put(&sequence.to_be_bytes());
        for name in [Name::Route, Name::ProxyRequire, Name::ProxyAuthorization] {
            for line in request.headers(name) {
                digest.put(line.value);
            }
        }
        Shape(digest.finish())
    }

    /// Whether `request` has been here before, looking the same.
    // RFC 5393 §4.2.2: "Each Via header field value in the request whose sent-by value matches a value placed into previous
    // requests by this proxy MUST be inspected for the "second part" [...] If these values are equal, the request has looped".
    // Our second part is of our secret; whose sent-by stands beside it makes no difference.
    pub(super) fn has_looped(&self, request: &Message, shape: Shape) -> bool {
        request.vias().flatten().any(|via| match via.branch() {
            Branch::Unique(branch) => branch
                .strip_suffix(&shape.0)
                .is_some_and(|rest| rest.ends_with(b".")),
            Branch::Rfc2543 => false,
        })
    }

    /// The tag of our own answers.
    // RFC 3261 §9.2: "the To tag of the response to the CANCEL and the To tag in the response to the original request SHOULD be
    // the same."
    pub(super) fn local_tag(&self, request: &Message) -> LocalTag {
        let mut digest = self.digest("tag");
        digest.put(request.header(Name::CallId).unwrap_or_default());
        digest.put(tag(request, Name::From));
        let sequence = request.cseq().map_or(0, |cseq| cseq.sequence);
        digest.put(&sequence.to_be_bytes());
        LocalTag(digest.finish())
    }

    fn digest(&self, purpose: &str) -> Digest {
        let mut digest = Digest(Vec::with_capacity(USUAL_INPUT));
        digest.0.extend_from_slice(&self.secret);
        digest.put(purpose.as_bytes());
        digest
    }
}

/// Room for the usual fields of one digest.
const USUAL_INPUT: usize = 256;

/// Fields, each with its length, so that none runs into the next.
struct Digest(Vec<u8>);

impl Digest {
    fn put(&mut self, field: &[u8]) {
        self.0.extend_from_slice(&field.len().to_be_bytes());
        self.0.extend_from_slice(field);
    }

    fn finish(self) -> Digits {
        const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
        let digest = sha256(&self.0);
        let mut digits = [b'0'; 2 * KEPT];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(digest) {
            let nibbles = [byte >> 4, byte & 0x0f];
            for (digit, nibble) in pair.iter_mut().zip(nibbles) {
                *digit = HEXADECIMAL
                    .get(usize::from(nibble))
                    .copied()
                    .unwrap_or(b'0');
            }
        }
        digits
    }
}

fn written(unique: Digits, shape: Shape) -> String {
    let text = |digits: Digits| digits.map(char::from).into_iter().collect::<String>();
    format!("{MAGIC_COOKIE}{}.{}", text(unique), text(shape.0))
}

fn tag(request: &Message, name: Name) -> &[u8] {
    let address = match name {
        Name::To => request.to(),
        _ => request.from(),
    };
    address
        .ok()
        .and_then(|address| address.tag())
        .unwrap_or_default()
}
