//! One snapshot of everything that a reload replaces: who signs, who judges, whom we believe, which trunks there are.
//!
//! It is made as a whole and never changed. A call is found a trunk, signed, judged and logged by the snapshot it came in with,
//! so a reload while it waits for a certificate changes nothing about it.

use crate::brands::{Backwards, Branded, Brands, Carried};
use crate::config::listeners::MissingIdentity;
use crate::config::listeners::Patience;
use crate::log::CallLog;
use crate::routes::{Places, Routes};
use crate::staples::Shelf;
use crate::trust::Current;
use countersign::authentication::attestation::attest;
use countersign::authentication::{
    AuthenticationService, Credential, Origination, Refusal, Signed, Unlisted,
};
use countersign::call::Call;
use countersign::certificate::number_records::NumberRecords;
use countersign::crypto::system_random;
use countersign::identity::Identity;
use countersign::passport::{Attestation, OrigId, RichClaims};
use countersign::time::{Ticks, UnixTime};
use countersign::verification::VerificationService;
use countersign_sip::element::UnknownSource;
use countersign_sip::flow::Transport;
use countersign_sip::message::Message;
use countersign_sip::probe::Probing;
use countersign_sip::trunk::{
    Mode, NextHop, OrigIdMode, Recognition, RichBackwards, SentBy, Source, Trunk, Trunks, UdpSource,
};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Everything that a reload replaces.
#[derive(Clone)]
pub struct State {
    /// Which configuration this is: 1 at the start, one more after each reload.
    pub generation: u64,
    /// Which state this is: one more also when a next hop was found somewhere else.
    pub revision: u64,
    /// Where calls are told of.
    pub calls: CallLog,
    /// Who judges.
    pub verification: VerificationService,
    /// Whom it believes, about which calls. What a list brings shows here at once; which lists there are is of this snapshot.
    pub trust: Current,
    /// Whose numbers are whose, if anybody says.
    pub records: Option<Arc<NumberRecords>>,
    /// The trunks there are.
    pub trunks: Trunks,
    /// Where their next hops are looked for.
    pub routes: Arc<Routes>,
    /// Trunks that were removed a while ago: what they began they may end.
    pub retired: Vec<Retired>,
    /// What is said of callers beside their numbers.
    pub brands: Arc<Brands>,
    /// Answers about our own certificates, of every tenant that staples.
    pub staples: Arc<[Arc<Shelf>]>,
    /// Who signs, by the name of the trunk.
    pub signers: HashMap<Box<str>, TrunkSigner>,
    /// What happens to requests that come by no trunk.
    pub unknown_source: UnknownSource,
    /// What a verification over HTTP without any Identity is.
    pub missing_identity: MissingIdentity,
    /// How long we let others wait.
    pub patience: Patience,
    /// What others call us.
    pub names: Vec<SentBy>,
}

impl State {
    /// The trunk of a request; without the request, one that it might be.
    pub fn trunk(&self, source: &Source<'_>, request: Option<&Message>) -> Option<&Arc<Trunk>> {
        self.trunks.find(source, request)
    }

    /// The trunk that a message would have come by before it was removed.
    pub fn retired(&self, source: &Source<'_>, now: Ticks) -> Option<&Arc<Trunk>> {
        let fits = |one: &&Retired| now < one.until && one.recognition.fits(source);
        self.retired.iter().find(fits).map(|one| &one.trunk)
    }

    /// Whether this trunk was removed.
    pub fn is_retired(&self, trunk: &Arc<Trunk>) -> bool {
        let mut retired = self.retired.iter();
        retired.any(|one| Arc::ptr_eq(&one.trunk, trunk))
    }

    /// The trunks that are retired when `next` takes the place of this.
    pub fn retired_by(&self, next: &Self, now: Ticks) -> Vec<Retired> {
        let until = now.after(RETIRED_FOR);
        let retire = |(recognition, trunk): &(Recognition, Arc<Trunk>)| Retired {
            recognition: recognition.clone(),
            trunk: trunk.clone(),
            until,
        };
        let known = self.trunks.known().iter();
        let current = known
            .filter(|(_, trunk)| trunk.mode != Mode::Http)
            .map(retire);
        let earlier = self.retired.iter().filter(|one| now < one.until).cloned();
        let is_gone = |one: &Retired| {
            // One that is asked over HTTP now takes nothing that comes by SIP.
            let mut known = next.trunks.known().iter();
            !known.any(|(recognition, trunk)| {
                trunk.mode != Mode::Http && recognition.covers(&one.recognition)
            })
        };
        let all = current.chain(earlier).filter(is_gone);
        all.take(MAX_RETIRED).collect()
    }

    /// The next hops that are asked whether they live, and how.
    pub fn probed(&self) -> impl Iterator<Item = (NextHop, Probing)> {
        self.trunks.iter().flat_map(|trunk| {
            let route = self.routes.by_trunk.get(&trunk.name);
            let probing = route.and_then(|route| route.probing);
            let hops = trunk.next_hops.iter().cloned();
            hops.filter_map(move |hop| Some((hop, probing?)))
        })
    }

    /// This state with next hops where they are now; `None` if nothing moved.
    pub fn relocated(&self, places: &Places) -> Option<Self> {
        let trunks = self.routes.relocated(&self.trunks, places)?;
        let hops = trunks.iter().flat_map(|trunk| &trunk.next_hops);
        let names = self.routes.ground.names(hops);
        Some(Self {
            revision: self.revision + 1,
            trunks,
            names,
            ..self.clone()
        })
    }

    /// Whether requests go on to this address, or did: then responses come from there.
    pub fn has_next_hop(&self, address: IpAddr) -> bool {
        let retired = self.retired.iter().map(|one| &one.trunk);
        let trunks = self.trunks.iter().chain(retired);
        let mut hops = trunks.flat_map(|trunk| &trunk.next_hops);
        hops.any(|hop| hop.address.ip().to_canonical() == address.to_canonical())
    }
}

/// How long a trunk that was removed may end what it began: nobody talks for longer than a day.
pub const RETIRED_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Most trunks that are remembered after they were removed; each is looked at for every stranger's message.
pub const MAX_RETIRED: usize = 256;

/// A trunk that was removed.
#[derive(Clone)]
pub struct Retired {
    recognition: Recognition,
    trunk: Arc<Trunk>,
    until: Ticks,
}

/// Who signs for one trunk.
#[derive(Clone)]
pub struct TrunkSigner {
    /// The tenant's service.
    pub service: AuthenticationService,
    /// What numbers deserve that its inventory does not list.
    pub unlisted: Unlisted,
    /// The trunk's own origid, where calls do not have one each.
    pub origid: OrigId,
    /// What is said of the tenant's numbers.
    pub brands: Arc<[Arc<Branded>]>,
    /// Whose word counts if a request names another one.
    pub origid_of_request: OrigIdOfRequest,
}

/// What becomes of an origid that a request over HTTP names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrigIdOfRequest {
    /// The operator has written one down: it counts.
    Ignored,
    /// It is signed.
    #[default]
    Used,
}

impl TrunkSigner {
    /// What the door knows about where the call comes from. An origid per call is drawn here; if the system has no randomness
    /// the trunk's is used, which says less and lies about nothing.
    pub fn origination(&self, trunk: &Trunk, transport: Transport) -> Origination {
        Origination {
            asked: trunk.attestation_asked,
            credential: credential(transport, trunk.udp_source),
            unlisted: self.unlisted,
            origid: match trunk.origid {
                OrigIdMode::Trunk => self.origid,
                OrigIdMode::Call => fresh_origid().unwrap_or(self.origid),
            },
            rich: None,
        }
    }

    /// Has the PASSporT of a call say what its brand says, if it is to be said there. Call it when nothing else changes any more.
    pub fn dress(&self, origination: &mut Origination, call: &Call) {
        origination.rich = self.brand(origination, call, Carried::InShaken);
    }

    /// The PASSporT beside that of a call, if its brand has one of its own; `None` if it has not, or it cannot be signed.
    pub fn beside(&self, origination: &Origination, call: &Call, now: UnixTime) -> Option<Signed> {
        let refused = |refusal: &Refusal| tracing::warn!(?refusal, "rich call data not signed");
        let signed = self.enriched(origination, call, now)?;
        signed.inspect_err(refused).ok()
    }

    /// The same, with the reason why it cannot be signed; `None` if there is nothing to say in a PASSporT of its own.
    pub fn enriched(
        &self,
        origination: &Origination,
        call: &Call,
        now: UnixTime,
    ) -> Option<Result<Signed, Refusal>> {
        let rich = self.brand(origination, call, Carried::Beside)?;
        Some(self.service.enrich(call, &rich, now))
    }

    /// What is said of the caller. Only of one that is attested A: whoever is not known to have the number does not get its face.
    fn brand(
        &self,
        origination: &Origination,
        call: &Call,
        carried: Carried,
    ) -> Option<Arc<RichClaims>> {
        if self.brands.is_empty() {
            return None;
        }
        let number = call.orig.as_ref()?.number()?;
        let mut brands = self.brands.iter();
        let branded = brands.find(|branded| branded.is_of(number))?;
        let basis = self.service.inventory().basis(number);
        let &Origination {
            asked,
            credential,
            unlisted,
            ..
        } = origination;
        let attested = attest(asked, basis, credential, unlisted)?;
        let is_said = attested.signed == Attestation::A && branded.rule().carried == carried;
        let reason = call.presentation.reason.as_deref();
        is_said.then(|| branded.claims(reason)).flatten()
    }

    /// What a caller is told of whom it reached, beside the number: what the number's brand says of callers, where the trunk and those
    /// whose brand it is want that. Only of a number that the inventory lists, as of callers.
    pub fn backwards(&self, reached: &Identity, rich: RichBackwards) -> Option<Arc<RichClaims>> {
        if rich == RichBackwards::Never || self.brands.is_empty() {
            return None;
        }
        let number = reached.number()?;
        self.service.inventory().basis(number)?;
        let mut brands = self.brands.iter();
        let branded = brands.find(|branded| branded.is_of(number))?;
        let is_told = match rich {
            RichBackwards::Institutions => true,
            RichBackwards::Never => false,
            RichBackwards::OptIn => branded.rule().backwards == Backwards::OptedIn,
        };
        is_told.then(|| branded.claims(None)).flatten()
    }

    /// The origid that a request asks for, if its word counts.
    pub fn asked_origid(&self, asked: Option<OrigId>) -> Option<OrigId> {
        match self.origid_of_request {
            OrigIdOfRequest::Ignored => None,
            OrigIdOfRequest::Used => asked,
        }
    }
}

/// Anybody on the way can write a source address into a datagram; a connection proves that it answers there.
fn credential(transport: Transport, udp_source: UdpSource) -> Credential {
    match (transport, udp_source) {
        (Transport::Udp, UdpSource::Weak) => Credential::Weak,
        (Transport::Tcp | Transport::Tls, _) | (Transport::Udp, UdpSource::Trusted) => {
            Credential::Strong
        }
    }
}

fn fresh_origid() -> Option<OrigId> {
    let mut random = [0; 16];
    system_random(&mut random).ok()?;
    Some(OrigId::from_random(random))
}

#[cfg(test)]
mod tests {
    use crate::sip::stage::Stage;
    use countersign::time::Ticks;
    use countersign_sip::trunk::{Mode, Role, Trunk, Trunks};
    use std::sync::Arc;

    #[test]
    fn a_trunk_that_goes_over_to_http_ends_what_it_began_by_sip() {
        let stage = Stage::new(Role::Sign, |_| {});
        let before = stage.services.state();
        let after = |mode| {
            let mut next = before.clone();
            let mut trunks = Trunks::default();
            for (recognition, trunk) in before.trunks.known() {
                let mut trunk = Trunk::clone(trunk);
                trunk.mode = mode;
                trunks.add(recognition.clone(), Arc::new(trunk));
            }
            Arc::make_mut(&mut next).trunks = trunks;
            next
        };
        let retired = |mode| before.retired_by(&after(mode), Ticks::from_millis(0));
        assert!(retired(Mode::Proxy).is_empty());
        assert!(Arc::ptr_eq(&retired(Mode::Http)[0].trunk, &stage.trunk));
    }
}
