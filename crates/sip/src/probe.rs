//! Asking next hops whether they live: OPTIONS ([RFC 3261 §11](https://www.rfc-editor.org/rfc/rfc3261#section-11)) at intervals,
//! without sockets and clock.
//!
//! [`Prober::follow`] says which hops are asked, [`Prober::fire`] and [`Prober::receive`] say what is to be done. One that does not
//! answer so many times in a row is down; one good answer brings it back. What is down is told as a [`Standing`], which
//! [`crate::element::Input::Standing`] hands to an element: there a hop that is down is tried last, never left out.
//!
//! Any response means that somebody is there and reads, a refusal as well as a challenge, but for 408 and 503: with the one it
//! says that whoever is behind it is silent, with the other that it has no room for calls.

use crate::flow::{Target, Transport};
use crate::message::{Message, Method};
use crate::own_call_id::OwnCallIds;
use crate::transaction::{Reliability, StatusClass, T1, T2};
use crate::trunk::{HopId, NextHop, SentBy};
use bytes::Bytes;
use countersign::crypto::sha256;
use countersign::time::Ticks;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

/// How long after the one before it the first probe of a hop leaves: a thousand hops are no burst.
const STAGGER: Duration = Duration::from_millis(10);

/// How a next hop is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probing {
    /// From the end of one probe to the next.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// After so many failures in a row it is down; one at least.
    pub failures: u8,
}

impl Default for Probing {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(2),
            failures: 3,
        }
    }
}

/// Which next hops are down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    down: HashSet<HopId>,
}

impl Standing {
    /// Whether this one is.
    pub fn is_down(&self, hop: HopId) -> bool {
        !self.down.is_empty() && self.down.contains(&hop)
    }
}

impl FromIterator<HopId> for Standing {
    fn from_iter<I: IntoIterator<Item = HopId>>(down: I) -> Self {
        let down = down.into_iter().collect();
        Self { down }
    }
}

/// What a prober wants done, in this order.
#[derive(Clone, Debug)]
pub enum Step {
    /// A probe has ended.
    Ended(HopId, Outcome),
    /// A hop went down or came back: [`Prober::standing`] is another.
    Moved(HopId, Health),
    /// Send a probe.
    Send(Target, Bytes),
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody is there.
    Answered,
    /// 408 or 503.
    Refused,
    /// Nothing came in time.
    Silent,
}

/// What is thought of a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It failed as often as it may.
    Down,
    /// It answered, or nothing is known yet.
    Up,
}

/// Asks next hops.
pub struct Prober {
    sent_by: SentBy,
    secret: [u8; 16],
    shard: u32,
    call_ids: OwnCallIds,
    count: u64,
    hops: BTreeMap<HopId, Probed>,
    /// Which hop a branch of ours was sent to.
    branches: HashMap<Box<[u8]>, HopId>,
    due: BTreeSet<(Ticks, HopId)>,
}

struct Probed {
    hop: NextHop,
    probing: Probing,
    stage: Stage,
    failed: u8,
    health: Health,
}

enum Stage {
    Asking(Asking),
    /// The next probe is due then.
    Resting(Ticks),
}

/// A probe is on its way.
struct Asking {
    branch: Box<[u8]>,
    bytes: Bytes,
    until: Ticks,
    /// When it is sent once more, and the interval after that, where the transport may lose it.
    again: Option<(Ticks, Duration)>,
}

impl Probed {
    fn due(&self) -> Ticks {
        match &self.stage {
            Stage::Asking(asking) => asking
                .again
                .map_or(asking.until, |(at, _)| at.min(asking.until)),
            Stage::Resting(until) => *until,
        }
    }
}

impl Prober {
    /// A prober that asks nobody. `sent_by`, `secret` and `shard` are those of the element beside it, so that answers come back to
    /// its shard; the number must be another each time a shard begins anew.
    pub fn new(sent_by: SentBy, secret: [u8; 16], shard: u32) -> Self {
        Self {
            sent_by,
            secret,
            shard,
            call_ids: OwnCallIds::new(&secret),
            count: 0,
            hops: BTreeMap::new(),
            branches: HashMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// From now on these are asked, each once however often it is named; the first that names it says how.
    pub fn follow(&mut self, hops: impl IntoIterator<Item = (NextHop, Probing)>, now: Ticks) {
        let mut wanted = BTreeMap::new();
        for (hop, probing) in hops {
            wanted.entry(hop.id()).or_insert((hop, probing));
        }
        let gone = |id: &&HopId| !wanted.contains_key(id);
        let gone: Vec<_> = self.hops.keys().filter(gone).copied().collect();
        for id in gone {
            self.take(id);
        }
        let mut first = now;
        for (id, (hop, probing)) in wanted {
            match self.hops.get_mut(&id) {
                Some(known) => (known.hop, known.probing) = (hop, probing),
                None => {
                    let probed = Probed {
                        hop,
                        probing,
                        stage: Stage::Resting(first),
                        failed: 0,
                        health: Health::Up,
                    };
                    self.put(probed);
                    first = first.after(STAGGER);
                }
            }
        }
    }

    /// When [`Prober::fire`] has something to do.
    pub fn next(&self) -> Option<Ticks> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Who is down.
    pub fn standing(&self) -> Standing {
        let down = self.hops.iter();
        let down = down.filter(|(_, probed)| probed.health == Health::Down);
        down.map(|(id, _)| *id).collect()
    }

    /// Every hop that is asked, and what is thought of it.
    pub fn health(&self) -> impl Iterator<Item = (HopId, Health)> {
        self.hops.iter().map(|(id, probed)| (*id, probed.health))
    }

    /// Does what is due.
    pub fn fire(&mut self, now: Ticks, out: &mut Vec<Step>) {
        while let Some((at, id)) = self.due.first().copied()
            && at <= now
        {
            let Some(mut probed) = self.take(id) else {
                return;
            };
            match &mut probed.stage {
                Stage::Resting(_) => self.ask(&mut probed, now, out),
                Stage::Asking(asking) if now >= asking.until => {
                    end(&mut probed, Outcome::Silent, now, out);
                }
                Stage::Asking(asking) => {
                    out.push(Step::Send(target(&probed.hop), asking.bytes.clone()));
                    // RFC 3261 §17.1.2.2: "the timer is reset, but this time with a value of MIN(2*T1, T2)."
                    asking.again = asking.again.map(|(_, interval)| {
                        let interval = interval.saturating_mul(2).min(T2);
                        (now.after(interval), interval)
                    });
                }
            }
            self.put(probed);
        }
    }

    /// Whether this response belongs to a probe; then it needs nobody else.
    pub fn receive(&mut self, response: &Message, now: Ticks, out: &mut Vec<Step>) -> bool {
        use crate::header::Branch;
        // An element has far more responses than a prober has branches.
        if self.branches.is_empty() {
            return false;
        }
        let is_options = response
            .cseq()
            .is_ok_and(|cseq| cseq.method == Method::Options);
        let via = response.top_via().ok().filter(|_| is_options);
        let Some(Branch::Unique(branch)) = via.as_ref().map(|via| via.branch()) else {
            return false;
        };
        let Some(id) = self.branches.get(branch).copied() else {
            return false;
        };
        let status = response.status().unwrap_or_default();
        let class = StatusClass::of(status);
        if matches!(class, None | Some(StatusClass::Provisional)) {
            return true;
        }
        if let Some(mut probed) = self.take(id) {
            let outcome = match status {
                408 | 503 => Outcome::Refused,
                _ => Outcome::Answered,
            };
            end(&mut probed, outcome, now, out);
            self.put(probed);
        }
        true
    }

    fn ask(&mut self, probed: &mut Probed, now: Ticks, out: &mut Vec<Step>) {
        self.count += 1;
        let branch = self.token("branch");
        let unique = self.token("call");
        let bytes = Bytes::from(self.request(&probed.hop, &branch, &unique));
        let again = match probed.hop.transport.reliability() {
            Reliability::Reliable => None,
            Reliability::Unreliable => Some((now.after(T1), T1)),
        };
        out.push(Step::Send(target(&probed.hop), bytes.clone()));
        probed.stage = Stage::Asking(Asking {
            branch: branch.into_bytes().into(),
            bytes,
            until: now.after(probed.probing.timeout),
            again,
        });
    }

    // RFC 3261 §11.1: "An OPTIONS request is constructed using the standard rules for a SIP request as discussed in Section 8.1.1."; "An
    // Accept header field SHOULD be included to indicate the type of message body the UAC wishes to receive in the response."
    fn request(&self, hop: &NextHop, branch: &str, unique: &str) -> String {
        let sent_by = hop.sent_by.as_ref().unwrap_or(&self.sent_by);
        let transport = hop.transport.as_str();
        let (scheme, rport, parameter) = match hop.transport {
            Transport::Udp => ("sip", ";rport", ""),
            Transport::Tcp => ("sip", "", ";transport=tcp"),
            Transport::Tls => ("sips", "", ""),
        };
        let uri = match &hop.name {
            Some(name) => format!("{scheme}:{name}:{}{parameter}", hop.address.port()),
            None => format!("{scheme}:{}{parameter}", SentBy::from(hop.address)),
        };
        let call_id = self.call_ids.make(self.shard, unique);
        format!(
            "OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {sent_by}{rport};branch={branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:{sent_by}>;tag={unique}\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n\
             Accept: application/sdp\r\nContent-Length: 0\r\n\r\n"
        )
    }

    /// Never the same twice, and nobody can guess it.
    fn token(&self, purpose: &str) -> String {
        let (shard, count) = (self.shard.to_be_bytes(), self.count.to_be_bytes());
        let input = [
            &self.secret[..],
            b"probe",
            &shard,
            &count,
            purpose.as_bytes(),
        ];
        let digest = sha256(&input.concat());
        let digits: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        match purpose {
            "branch" => format!("z9hG4bK{digits}"),
            _ => digits,
        }
    }

    fn put(&mut self, probed: Probed) {
        let id = probed.hop.id();
        if let Stage::Asking(asking) = &probed.stage {
            self.branches.insert(asking.branch.clone(), id);
        }
        self.due.insert((probed.due(), id));
        self.hops.insert(id, probed);
    }

    fn take(&mut self, id: HopId) -> Option<Probed> {
        let probed = self.hops.remove(&id)?;
        if let Stage::Asking(asking) = &probed.stage {
            self.branches.remove(&asking.branch);
        }
        self.due.remove(&(probed.due(), id));
        Some(probed)
    }
}

fn end(probed: &mut Probed, outcome: Outcome, now: Ticks, out: &mut Vec<Step>) {
    let id = probed.hop.id();
    probed.stage = Stage::Resting(now.after(probed.probing.interval));
    probed.failed = match outcome {
        Outcome::Answered => 0,
        Outcome::Refused | Outcome::Silent => probed.failed.saturating_add(1),
    };
    let health = match probed.failed {
        0 => Health::Up,
        failed if failed >= probed.probing.failures => Health::Down,
        _ => probed.health,
    };
    out.push(Step::Ended(id, outcome));
    if health != probed.health {
        probed.health = health;
        out.push(Step::Moved(id, health));
    }
}

fn target(hop: &NextHop) -> Target {
    Target {
        transport: hop.transport,
        remote: hop.address,
        name: hop.name.clone(),
        local: hop.local,
        connection: None,
    }
}

#[cfg(test)]
mod tests;
