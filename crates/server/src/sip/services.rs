//! Who signs and who judges for which trunk: everything a shard asks about a call.

use crate::clock::Clock;
use crate::fetch::Fetcher;
use crate::log::CallLog;
use crate::metrics::Metrics;
use countersign::authentication::{AuthenticationService, Credential, Origination, Unlisted};
use countersign::crypto::system_random;
use countersign::passport::OrigId;
use countersign::trust::Trust;
use countersign::verification::VerificationService;
use countersign_sip::flow::Transport;
use countersign_sip::proxy::Sign;
use countersign_sip::trunk::{OrigIdMode, Trunks, UdpSource};
use std::collections::HashMap;
use std::sync::Arc;

/// What all shards share.
pub struct Services {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where calls are told of.
    pub calls: CallLog,
    /// Where certificates come from.
    pub fetcher: Arc<Fetcher>,
    /// Who judges.
    pub verification: VerificationService,
    /// Whom it believes.
    pub trust: Arc<Trust>,
    /// The trunks there are.
    pub trunks: Trunks,
    /// Who signs, by the name of the trunk.
    pub signers: HashMap<Box<str>, TrunkSigner>,
    /// Where fetches run.
    pub runtime: tokio::runtime::Handle,
}

/// Who signs for one trunk.
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
