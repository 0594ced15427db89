//! What a trunk is: who is on the other side, and what we do with their requests. Data, no behaviour.
//!
//! A [`Trunk`] is the arrangement with whoever sends us requests; where they go on is its [`NextHop`]s. [`Trunks`] finds the one
//! that a message came by. Keys, certificates and numbers of the tenant that signs here are the host's, found by
//! [`Trunk::name`].

mod b2bua;
mod bypass;
mod connected;
mod diversion;
mod next_hop;
mod recognition;
mod redirect;
mod reporting;

use crate::call::{CallPolicy, TrustPai};
use crate::call_info::Passage;
use crate::caller_name::CallerName;
use crate::verstat::Asserted;
use countersign::number::TelephoneNumber;
use countersign::passport::Attestation;
use countersign::priority::ResourceValue;
use countersign::verification::VerstatProfile;
use countersign::verification::policy::DEFAULT_DEADLINE_MILLIS;
use std::sync::Arc;
use std::time::Duration;

pub use b2bua::{Answers, B2buaMode, LONGEST_CALL, Names};
pub use bypass::{Bypass, BypassCause, DEFAULT_BYPASS_HEADER};
pub use connected::{
    AnswerChecking, AnswerSigning, Connected, DEFAULT_REFUSAL, DivertedAnswers, MediaSecurity,
    MidDialog, Pinning, Probes, Reflecting, Required, RichBackwards,
};
pub use diversion::{Diversions, Forwards, ForwardsError, ForwardsFault, MAX_FORWARDS};
pub use next_hop::{HopId, Listener, NextHop, NotAHost, OurNames, Oversize, SentBy, Share};
pub use recognition::{Network, Recognition, Source, Trunks};
pub use redirect::{NothingAdded, RedirectDialect, RedirectForm, Rejection, RejectionStatus};
pub use reporting::{Named, OnError, OthersReports, Reaction, Reporting, ToldIn};

/// Longest wait of a call for its signature or its judgement.
pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(DEFAULT_DEADLINE_MILLIS as u64);

/// Most next hops that one request is tried at, and most that are configured. A call that has to try them all takes 64*T1 for each that
/// is silent; who sends calls gives up long before the third.
pub const MAX_NEXT_HOPS: usize = 8;

/// Most addresses that the names of a trunk's next hops may lead to.
pub const MAX_LOCATED: usize = 32;

/// The arrangement with one peer.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name in configuration, logs and metrics; unique.
    pub name: Box<str>,
    /// What we are to its requests.
    pub mode: Mode,
    /// What is done with its calls.
    pub role: Role,
    /// What becomes of calls that do not pass verification.
    pub treatment: Treatment,
    /// How those that are rejected are told.
    pub rejection: Rejection,
    /// How errors of PASSporTs are reported.
    pub reporting: Reporting,
    /// How callers and called are read from its requests, and whether its assertions are believed.
    pub call: CallPolicy,
    /// Whether its Call-Info about how the caller is shown is passed on.
    pub call_info_trust: CallInfoTrust,
    /// What becomes of a display name that is not the one that was proven.
    pub caller_name: CallerName,
    /// What becomes of Identity headers that are there already when we sign.
    pub existing_identity: ExistingIdentity,
    /// What kind of PASSporT its calls are signed with.
    pub passport: PassportForm,
    /// Which of its calls go somewhere else than their PASSporTs say, and are signed as such; none is looked at if there is none.
    pub diversions: Option<Arc<Diversions>>,
    /// The values of Resource-Priority that it may have signed. None by default: whoever may say that a call is urgent is known by name.
    pub signed_priority: Vec<ResourceValue>,
    /// What becomes of priority that nobody signed for, if it is said. If not, it goes where priority is judged, and stays
    /// elsewhere.
    pub unsigned_priority: Option<UnsignedPriority>,
    /// The numbers of emergency answering points whose call-backs may come by it: the white list of RFC 7090 §5.3.
    pub psap_numbers: Vec<TelephoneNumber>,
    /// The most that is attested for its calls; the lower of this and what is deserved is signed.
    pub attestation_asked: Option<Attestation>,
    /// The header in which the sender may ask for less, such as `Attestation`; none is looked at if there is none.
    pub attestation_header: Option<Box<str>>,
    /// What is put on calls that our service failed; nothing if there is none.
    pub bypass: Option<Arc<Bypass>>,
    /// Whether those it goes on to are in its trust domain.
    pub next_hop_trust: NextHopTrust,
    /// What goes into origid.
    pub origid: OrigIdMode,
    /// What a source address over UDP is worth.
    pub udp_source: UdpSource,
    /// How the verdict is written.
    pub verstat: VerstatStyle,
    /// Connected identity: whether the answers to its calls are signed and checked. Neither, and nothing is looked at, if there is none.
    pub connected: Option<Arc<Connected>>,
    /// Longest wait for a signature or a judgement.
    pub deadline: Duration,
    /// Numbers besides `urn:service:sos` whose calls are emergency calls, as they are dialled.
    pub emergency_numbers: Vec<TelephoneNumber>,
    /// Whether we stay on the path of the dialogs that its requests begin.
    pub record_route: RecordRoute,
    /// Where its requests go on, in the order they are tried, those last that were silent a moment ago ([`crate::element::HOP_REST`]);
    /// at most [`MAX_LOCATED`] are looked at, and [`MAX_NEXT_HOPS`] tried. All of them must be loose routers, RFC 3261 §16.6.
    pub next_hops: Vec<NextHop>,
}

impl Trunk {
    /// A trunk that does nothing but pass on, with every default.
    pub fn new(name: impl Into<Box<str>>, next_hops: Vec<NextHop>) -> Self {
        Self {
            name: name.into(),
            mode: Mode::default(),
            role: Role::default(),
            treatment: Treatment::default(),
            rejection: Rejection::default(),
            reporting: Reporting::default(),
            call: CallPolicy::default(),
            call_info_trust: CallInfoTrust::default(),
            caller_name: CallerName::default(),
            existing_identity: ExistingIdentity::default(),
            passport: PassportForm::default(),
            diversions: None,
            signed_priority: Vec::new(),
            unsigned_priority: None,
            psap_numbers: Vec::new(),
            attestation_asked: None,
            attestation_header: None,
            bypass: None,
            next_hop_trust: NextHopTrust::default(),
            origid: OrigIdMode::default(),
            udp_source: UdpSource::default(),
            verstat: VerstatStyle::default(),
            connected: None,
            deadline: DEFAULT_DEADLINE,
            emergency_numbers: Vec::new(),
            record_route: RecordRoute::default(),
            next_hops,
        }
    }

    /// How its calls are carried, if their two sides are two dialogs.
    pub(crate) fn b2bua(&self) -> Option<B2buaMode> {
        match self.mode {
            Mode::B2bua(mode) => Some(mode),
            _ => None,
        }
    }

    /// Whether its calls are judged: then no verdict on its requests is anybody's but ours.
    pub(crate) fn verifies(&self) -> bool {
        matches!(self.role, Role::Both | Role::Verify)
    }

    /// Whether its calls are signed.
    pub(crate) fn signs(&self) -> bool {
        matches!(self.role, Role::Both | Role::Sign)
    }

    /// What becomes of its Call-Info about how the caller is shown, where we have nothing proven to put in its place.
    pub(crate) fn call_info(&self) -> Passage {
        match (self.call_info_trust, self.next_hop_trust) {
            (CallInfoTrust::Ignored, _) | (_, NextHopTrust::Outside) => Passage::Removed,
            (CallInfoTrust::Trusted, _) if self.verifies() => Passage::Unverified,
            (CallInfoTrust::Trusted, NextHopTrust::Inside) => Passage::Kept,
        }
    }

    /// What becomes of that of the other side, in requests that come back.
    pub(crate) fn call_info_returned(&self) -> Passage {
        match (self.call_info_trust, self.next_hop_trust) {
            (CallInfoTrust::Trusted, NextHopTrust::Inside) => Passage::Kept,
            _ => Passage::Removed,
        }
    }

    /// What becomes of priority that nobody signed for: where nothing is said it is taken out only by who judges priority, because its
    /// calls are verified, or because it is known what they may ask for.
    pub(crate) fn priority_unsigned(&self) -> UnsignedPriority {
        let knows = self.signs() && !self.signed_priority.is_empty();
        let judges = self.verifies() || knows || !self.psap_numbers.is_empty();
        self.unsigned_priority.unwrap_or(match judges {
            true => UnsignedPriority::Strip,
            false => UnsignedPriority::TrustPeer,
        })
    }

    /// What becomes of its P-Asserted-Identity: what is not believed is not passed on either.
    pub(crate) fn asserted(&self) -> Asserted {
        match self.call.trust_pai {
            TrustPai::Ignored => Asserted::Removed,
            TrustPai::Trusted => Asserted::Kept,
        }
    }
}

/// Whether a trunk's peer may say how its callers are shown: by a picture, a card, a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallInfoTrust {
    /// It may not: such Call-Info is removed.
    #[default]
    Ignored,
    /// It may: it is a network like ours, or a customer of ours whose brand we know.
    Trusted,
}

/// What becomes of priority that nobody signed for: values of Resource-Priority, and the mark of a call-back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsignedPriority {
    /// It is taken out, and the call is an ordinary one.
    Strip,
    /// It stays: the peer answers for it. What somebody signed for badly is taken out all the same.
    TrustPeer,
}

/// What we are to the requests of a trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Two ends of two dialogs: the only one that may end a call.
    B2bua(B2buaMode),
    /// They come by HTTP and are answered there; SIP does not know it.
    Http,
    /// They go on as they are.
    #[default]
    Proxy,
    /// They are answered with where to go, signed or judged. Nothing goes on from here: there are no next hops.
    Redirect(RedirectDialect),
}

/// Whether next hops are in the trust domain of RFC 3325 that the trunk's calls come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NextHopTrust {
    /// They are, and get every P-Asserted-Identity that is passed on at all.
    #[default]
    Inside,
    /// They are not: what the caller wants withheld (`Privacy: id`) they do not get. What nobody wants withheld they do, as RFC 3325 §7
    /// recommends; and emergency services get everything, RFC 7852 §10.
    Outside,
}

/// Whether we stay on the path of a dialog: RFC 3261 §16.6 step 4. Of [`Mode::Proxy`] only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordRoute {
    /// We write ourselves into Record-Route.
    Added,
    /// The parties talk past us, if they can.
    #[default]
    None,
}

/// What is done with the calls of a trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Those with an Identity are verified, and signed as [`ExistingIdentity`] says; those without are signed.
    Both,
    /// They pass.
    #[default]
    None,
    /// They are signed.
    Sign,
    /// They are verified.
    Verify,
}

/// What kind of PASSporT the calls of a trunk are signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassportForm {
    /// Without extension, whole: [RFC 8224 §4.1](https://www.rfc-editor.org/rfc/rfc8224#section-4.1).
    Base,
    /// Without extension, and only the signature of it where the other side can rebuild the rest; whole, once, after 438.
    BaseCompact,
    /// With the extension `shaken`, whole.
    #[default]
    Shaken,
}

/// What becomes of calls that do not pass verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    /// Those whose proof failed are rejected; the others that did not pass, as it says here.
    Reject {
        /// Calls whose proof could not be validated.
        not_validated: Leniency,
        /// Calls without proof.
        unsigned: Leniency,
    },
    /// All go on, with the verdict written on them.
    #[default]
    Tag,
}

/// Whether a call that did not pass goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leniency {
    /// It goes on, with the verdict written on it.
    #[default]
    Forward,
    /// It is rejected.
    Reject,
}

/// What becomes of Identity headers that are there already when we sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingIdentity {
    /// They stay and ours is added.
    Add,
    /// They stay and we do not sign.
    #[default]
    Keep,
    /// They go and ours takes their place.
    Replace,
}

/// What goes into origid. The UUIDs themselves are the host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrigIdMode {
    /// Another one for each call.
    Call,
    /// One for the trunk, as long as it exists.
    #[default]
    Trunk,
}

/// What a source address over UDP is worth: anybody on the way can write one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UdpSource {
    /// As much as a connection: nobody can forge it in this network.
    Trusted,
    /// A weak credential, which caps attestation.
    #[default]
    Weak,
}

/// How a verdict is written into `verstat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerstatStyle {
    /// Whose reading of "failed".
    pub profile: VerstatProfile,
    /// Whether the attestation of a call that passed is told, too.
    pub suffix: AttestationSuffix,
}

/// Whether the attestation follows `TN-Validation-Passed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttestationSuffix {
    /// `TN-Validation-Passed-A`.
    Appended,
    /// `TN-Validation-Passed`.
    #[default]
    None,
}
