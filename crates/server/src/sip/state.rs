//! One snapshot of everything that a reload replaces: who signs, who judges, whom we believe, which trunks there are.
//!
//! It is made as a whole and never changed. A call is found a trunk, signed, judged and logged by the snapshot it came in with,
//! so a reload while it waits for a certificate changes nothing about it.

use crate::log::CallLog;
use countersign::authentication::{AuthenticationService, Credential, Origination, Unlisted};
use countersign::crypto::system_random;
use countersign::passport::OrigId;
use countersign::trust::Trust;
use countersign::verification::VerificationService;
use countersign_sip::flow::{Flow, Transport};
use countersign_sip::proxy::{Sign, UnknownSource};
use countersign_sip::trunk::{OrigIdMode, SentBy, Trunk, Trunks, UdpSource};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Everything that a reload replaces.
#[derive(Clone)]
pub struct State {
    /// Which one this is: 1 at the start, one more after each reload.
    pub generation: u64,
    /// Where calls are told of.
    pub calls: CallLog,
    /// Who judges.
    pub verification: VerificationService,
    /// Whom it believes.
    pub trust: Arc<Trust>,
    /// The trunks there are.
    pub trunks: Trunks,
    /// Who signs, by the name of the trunk.
    pub signers: HashMap<Box<str>, TrunkSigner>,
    /// What happens to requests that come by no trunk.
    pub unknown_source: UnknownSource,
    /// What others call us.
    pub names: Vec<SentBy>,
}

impl State {
    /// The trunk of a message.
    pub fn trunk(&self, flow: &Flow) -> Option<&Arc<Trunk>> {
        self.trunks.find(flow, None)
    }

    /// Whether requests go on to this address: then responses come from there.
    pub fn has_next_hop(&self, address: IpAddr) -> bool {
        let mut hops = self.trunks.iter().flat_map(|trunk| &trunk.next_hops);
        hops.any(|hop| hop.address.ip().to_canonical() == address.to_canonical())
    }
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
}

impl TrunkSigner {
    /// What the door knows about where the call comes from. An origid per call is drawn here; if the system has no randomness
    /// the trunk's is used, which says less and lies about nothing.
    pub fn origination(&self, sign: &Sign) -> Origination {
        Origination {
            asked: sign.trunk.attestation_asked,
            credential: credential(sign.transport, sign.trunk.udp_source),
            unlisted: self.unlisted,
            origid: match sign.trunk.origid {
                OrigIdMode::Trunk => self.origid,
                OrigIdMode::Call => fresh_origid().unwrap_or(self.origid),
            },
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
