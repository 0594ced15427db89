//! What the host is asked, and what it answers: signatures, judgements, answers that are held, calls that it ends. Data, no behaviour; of
//! answers that are signed and judged `connected` has the same.

use super::ContextId;
use crate::flow::Transport;
use crate::message::Message;
use crate::retarget::Diversion;
use crate::trunk::Trunk;
use countersign::call::Call;
use countersign::certificate::ServiceProviderCode;
use countersign::passport::{Attestation, Presented};
use countersign::time::Ticks;
use countersign::verification::{Code, Consequences, Malformed, Verdict};
use std::net::SocketAddr;
use std::sync::Arc;

/// An answer that is held.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Which call: the context of its INVITE.
    pub id: ContextId,
    /// The 2xx as it came.
    pub response: Message,
    /// How the call came.
    pub trunk: Arc<Trunk>,
    /// When it passes by itself.
    pub deadline: Ticks,
}

/// What both sides of a call are told that the host ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The answer to an INVITE that has none yet: 300 to 699; anything else is 603.
    pub status: u16,
    /// Its reason phrase.
    pub phrase: Box<str>,
    /// The value of Reason (RFC 3326) in BYE, CANCEL and that answer.
    pub reason: Option<Box<str>>,
}

/// A call to judge: what `VerificationService::begin` takes.
#[derive(Clone, Debug)]
pub struct Judge {
    /// Which call.
    pub id: ContextId,
    /// What the signalling claims.
    pub call: Call,
    /// Every PASSporT it presents, in order.
    pub presented: Vec<Result<Presented, Malformed>>,
    /// Where it came from, if it is no call but asks who would answer ([`crate::inquiry`]).
    pub inquirer: Option<SocketAddr>,
    /// Whose trust and policy apply.
    pub trunk: Arc<Trunk>,
    /// When [`super::Output::Expire`] will come.
    pub deadline: Ticks,
}

/// What came of a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict over the whole call.
    pub verdict: Verdict,
    /// The code to reject it with; that of the verdict's fault if there is none.
    pub code: Option<Code>,
    /// What the signer attested, of a call that passed.
    pub attestation: Option<Attestation>,
    /// What follows beyond the verdict, if anything does.
    pub consequences: Option<Box<Consequences>>,
    /// SHA-256 of the SubjectPublicKeyInfo of who signed for the caller, of a call that passed; needed where keys are pinned
    /// ([`crate::trunk::Pinning::Key`]).
    pub key: Option<[u8; 32]>,
    /// The provider code by which they sign, of a call that passed; needed where who speaks is pinned.
    pub provider: Option<ServiceProviderCode>,
    /// What the PASSporT is worth that asks for media security, if there is one: RFC 8862.
    pub msec: Option<Verdict>,
}

/// A call to sign: what `AuthenticationService::authenticate` and its `divert` take.
#[derive(Clone, Debug)]
pub struct Sign {
    /// Which call.
    pub id: ContextId,
    /// What is to be signed.
    pub subject: Subject,
    /// Where the call goes instead of to whom its PASSporTs name, if it does: to be signed after what `subject` says.
    pub diversion: Option<Box<Diversion>>,
    /// What the signalling claims. Its date is the Date header that will be sent: where there was none, the time of asking.
    pub call: Call,
    /// The most that may be attested: the lower of what the trunk and what the request says.
    pub asked: Option<Attestation>,
    /// Whose tenant signs, and under which policy.
    pub trunk: Arc<Trunk>,
    /// How the call came: see [`crate::trunk::UdpSource`].
    pub transport: Transport,
}

/// What a signature is to speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// Who calls; if the call is diverted, then that, too.
    #[default]
    Caller,
    /// That the call is diverted. Who calls others have signed.
    Diversion,
    /// Who sends a request inside a dialog, to whom: always in full form. No call begins with it, and nothing but its signature is wanted.
    Speaker,
}
