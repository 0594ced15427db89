//! Two hundred calls over a line that loses, doubles and reorders a fifth of all datagrams, on both sides of the server.
//!
//! ```text
//!   caller ──► Relay ~~~► Switch ~~~► Relay ──► called         (~~~ 20 % lost, 20 % doubled, up to 150 ms late)
//!                            │
//!                            └─ https ─► Repository
//! ```
//!
//! This test verifies that over real sockets every call gets through in the end, once, with the right verdict: what is repeated is one
//! call, and what is lost is repeated. The luck of the line is seeded; of one call it loses at most [`MOST_IN_A_ROW`] datagrams in a
//! row on one way, so that no call is lost to it for good.

use crate::passports::flipped;
use crate::repository::Repository;
use crate::switch::{
    Heard, House, Invite, Party, Switch, TENANT, fetching_from, lines_of, trunk, until,
};
use countersign_sip::transaction::T1;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// Calls, as many of each [`Kind`].
const CALLS: usize = 200;
/// Calls at a time.
const AT_ONCE: usize = 200;
/// Of a hundred datagrams, this many are lost, and of those that are not, this many come twice.
const LOSS: u64 = 20;
const DOUBLING: u64 = 20;
/// Most milliseconds of delay.
const SLOWEST: u64 = 150;
/// Most datagrams of one call that are lost in a row on one way.
const MOST_IN_A_ROW: u32 = 3;
/// How long a call may take: 64*T1 of every client, and time for a slow machine.
const CALL_LIMIT: Duration = Duration::from_secs(90);

/// SplitMix64.
struct Luck(u64);

impl Luck {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// One way of a relay.
struct Way {
    luck: Luck,
    in_a_row: HashMap<String, u32>,
}

impl Way {
    /// After how many milliseconds a datagram of this call arrives; twice, or never.
    fn fate(&mut self, call: &str) -> Vec<u64> {
        let lost = self.in_a_row.entry(call.to_owned()).or_default();
        if *lost < MOST_IN_A_ROW && self.luck.below(100) < LOSS {
            *lost += 1;
            return Vec::new();
        }
        *lost = 0;
        let copies = 1 + u64::from(self.luck.below(100) < DOUBLING);
        (0..copies).map(|_| self.luck.below(SLOWEST)).collect()
    }
}

/// Carries datagrams between anybody at its near side and one address at its far side, badly.
struct Relay {
    near: SocketAddr,
}

impl Relay {
    /// Whatever comes to its near side leaves from 127.0.0.`last` to `to`; what comes back goes to whoever began the call.
    async fn from(last: u8, to: SocketAddr, seed: u64) -> Self {
        let bind = |last: u8| UdpSocket::bind(SocketAddr::from(([127, 0, 0, last], 0)));
        let (near, far) = (bind(1).await.unwrap(), bind(last).await.unwrap());
        let address = near.local_addr().unwrap();
        let (near, far) = (Arc::new(near), Arc::new(far));
        let peers = Arc::new(Mutex::new(HashMap::new()));
        let known = Arc::clone(&peers);
        let there = move |call: &str, from| {
            known.lock().unwrap().insert(call.to_owned(), from);
            Some(to)
        };
        let back = move |call: &str, _| peers.lock().unwrap().get(call).copied();
        tokio::spawn(carry(Arc::clone(&near), Arc::clone(&far), seed, there));
        tokio::spawn(carry(far, near, seed + 1, back));
        Self { near: address }
    }
}

async fn carry(
    from: Arc<UdpSocket>,
    by: Arc<UdpSocket>,
    seed: u64,
    to: impl Fn(&str, SocketAddr) -> Option<SocketAddr>,
) {
    let mut way = Way {
        luck: Luck(seed),
        in_a_row: HashMap::new(),
    };
    let mut buffer = vec![0; 65_535];
    while let Ok((length, sender)) = from.recv_from(&mut buffer).await {
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let call = value(&text, "Call-ID").to_owned();
        let Some(to) = to(&call, sender) else {
            continue;
        };
        for delay in way.fate(&call) {
            let (by, text) = (Arc::clone(&by), text.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                let _ = by.send_to(text.as_bytes(), to).await;
            });
        }
    }
}

fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default()
}

/// What a call is, and what the called side must hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// By the trunk that has two dialogs.
    Crossed,
    Forged,
    Proven,
    /// By the trunk that signs.
    Signed,
    Unsigned,
}

const KINDS: [Kind; 5] = [
    Kind::Crossed,
    Kind::Forged,
    Kind::Proven,
    Kind::Signed,
    Kind::Unsigned,
];

impl Kind {
    fn verstat(self) -> Option<&'static str> {
        match self {
            Self::Forged => Some("TN-Validation-Failed"),
            Self::Crossed | Self::Proven => Some("TN-Validation-Passed"),
            Self::Signed => None,
            Self::Unsigned => Some("No-TN-Validation"),
        }
    }
}

/// The called side, which takes every call. RFC 3261 §13.3.1.4: its 200 comes until it is acknowledged, for 64*T1. It comes every [`T1`]
/// instead of ever more seldom: eleven of them, each with four chances to be lost on the way there and back, now and then all are.
#[derive(Default)]
struct Taken {
    /// The different INVITEs of each call, which must be one.
    invites: BTreeMap<String, Vec<Heard>>,
    acknowledged: BTreeMap<String, u32>,
}

async fn takes_calls(called: Arc<Party>, taken: Arc<Mutex<Taken>>) {
    loop {
        let heard = called.hears_for_ever().await;
        let call = value(&heard.text, "Call-ID").to_owned();
        if heard.text.starts_with("ACK ") {
            *taken.lock().unwrap().acknowledged.entry(call).or_default() += 1;
        } else if heard.text.starts_with("INVITE ") {
            let is_new = {
                let mut taken = taken.lock().unwrap();
                let invites = taken.invites.entry(call.clone()).or_default();
                let is_new = !invites.iter().any(|known| known.text == heard.text);
                if is_new {
                    invites.push(heard.clone());
                }
                is_new
            };
            if is_new {
                let (called, taken) = (Arc::clone(&called), Arc::clone(&taken));
                tokio::spawn(accepts(called, taken, call, heard));
            } else {
                called.answers(&tagged(heard), "180 Ringing").await;
            }
        }
    }
}

/// With the tag of the called side, which its answers copy.
fn tagged(mut invite: Heard) -> Heard {
    let to = value(&invite.text, "To").to_owned();
    invite.text = invite.text.replace(&to, &format!("{to};tag=called"));
    invite
}

async fn accepts(called: Arc<Party>, taken: Arc<Mutex<Taken>>, call: String, invite: Heard) {
    let invite = tagged(invite);
    called.answers(&invite, "180 Ringing").await;
    for _ in 0..64 {
        if taken.lock().unwrap().acknowledged.contains_key(&call) {
            break;
        }
        called.answers(&invite, "200 OK").await;
        tokio::time::sleep(T1).await;
    }
}

/// Places a call as RFC 3261 §17.1.1 has it: repeats the INVITE until something is heard, acknowledges every 200.
async fn places(invite: Invite, by: SocketAddr, taken: Arc<Mutex<Taken>>) {
    let caller = Party::at(1).await;
    let text = invite.text(&caller);
    let (mut pause, mut is_heard) = (T1, false);
    loop {
        if !is_heard {
            caller.says(&text, by).await;
        }
        let Ok(heard) = tokio::time::timeout(pause, caller.hears_for_ever()).await else {
            pause *= 2;
            continue;
        };
        is_heard = true;
        match heard.status() {
            Some(100..=199) => {}
            Some(200) => break acknowledges(&caller, &text, &heard, by, &taken).await,
            other => panic!("{other:?}: {}", heard.text),
        }
    }
}

/// Acknowledges every 200 until the called side has heard of it.
async fn acknowledges(
    caller: &Party,
    invite: &str,
    accepted: &Heard,
    by: SocketAddr,
    taken: &Mutex<Taken>,
) {
    let to = format!("To: {}", value(&accepted.text, "To"));
    let ack = invite
        .replace("INVITE sip", "ACK sip")
        .replace("1 INVITE", "1 ACK")
        .replace("branch=z9hG4bK", "branch=z9hG4bKack-")
        .replace(&format!("To: {}", value(invite, "To")), &to);
    let call = value(invite, "Call-ID");
    let is_content = || taken.lock().unwrap().acknowledged.contains_key(call);
    caller.says(&ack, by).await;
    while !is_content() {
        let heard = tokio::time::timeout(T1 / 2, caller.hears_for_ever()).await;
        if heard.is_ok_and(|heard| heard.status() == Some(200)) {
            caller.says(&ack, by).await;
        }
    }
}

struct Line {
    house: House,
    repository: Repository,
    taken: Arc<Mutex<Taken>>,
    switch: Switch,
    verifies: Relay,
    signs: Relay,
    crosses: Relay,
}

impl Line {
    async fn new() -> Self {
        let (house, called) = (House::new(), Arc::new(Party::at(1).await));
        let repository = Repository::saying(house.chain()).await;
        let taken = Arc::new(Mutex::new(Taken::default()));
        tokio::spawn(takes_calls(Arc::clone(&called), Arc::clone(&taken)));
        // The switch knows next hops by where its trunks say they are: the near side of a relay.
        let beyond = Relay::from(1, called.address, 1).await;
        let to_beyond = |settings: String| {
            settings.replace(
                &format!("udp:{}", called.address),
                &format!("udp:{}", beyond.near),
            )
        };
        let verifies = trunk(2, "verify", &called, "verstat_profile = \"field\"");
        let signs = trunk(
            3,
            "sign",
            &called,
            "tenant = \"provider\"\nudp_source_is_trusted = true",
        );
        let two_dialogs = "verstat_profile = \"field\"\nmode = \"b2bua\"\ndialog_names = \"kept\"";
        let crosses = trunk(4, "verify", &called, two_dialogs);
        let tenant = TENANT.replace("[fetch]\nweb_ca_file = \"web.pem\"\n", "");
        let patience = "[verification]\ndeadline_ms = 20000\n";
        let rest = to_beyond(verifies + &signs + &crosses)
            + &tenant
            + patience
            + &fetching_from(&repository);
        // What a machine has to do besides is not what is bad about this line.
        let switch = house.start("overload_delay_ms = 0\n", &rest).await;
        Self {
            verifies: Relay::from(2, switch.udp, 3).await,
            signs: Relay::from(3, switch.udp, 5).await,
            crosses: Relay::from(4, switch.udp, 7).await,
            house,
            repository,
            taken,
            switch,
        }
    }

    fn call(&self, number: usize) -> (Invite, SocketAddr) {
        let kind = KINDS[number % KINDS.len()];
        let invite = Invite::new(format!("bad-wire-{number}"));
        let identity = || {
            let x5u = format!("{}/p.pem", self.repository.origin());
            self.house.identity(&x5u)
        };
        let (invite, by) = match kind {
            Kind::Forged => (
                invite.header("Identity", &flipped(&identity())),
                &self.verifies,
            ),
            Kind::Crossed => {
                let invite = invite.header("Contact", "<sip:caller@127.0.0.4>");
                (invite.header("Identity", &identity()), &self.crosses)
            }
            Kind::Proven => (invite.header("Identity", &identity()), &self.verifies),
            Kind::Signed => (invite, &self.signs),
            Kind::Unsigned => (invite, &self.verifies),
        };
        (invite, by.near)
    }

    /// No call is lost for good.
    fn has_ended(&self, (number, is_in_time): (usize, bool)) {
        let name = format!("bad-wire-{number}");
        let taken = self.taken.lock().unwrap();
        let (invites, acknowledged) = (taken.invites.get(&name), taken.acknowledged.get(&name));
        let kind = KINDS[number % KINDS.len()];
        assert!(
            is_in_time,
            "{name} {kind:?} is lost: {invites:#?} {acknowledged:?} {:#?}",
            lines_of(&name)
        );
    }

    fn judges(&self, number: usize) {
        let name = format!("bad-wire-{number}");
        let kind = KINDS[number % KINDS.len()];
        let taken = self.taken.lock().unwrap();
        let invites = &taken.invites[&name];
        assert_eq!(invites.len(), 1, "{name}: one call: {invites:#?}");
        assert_eq!(invites[0].verstat(), kind.verstat(), "{name} {kind:?}");
        if kind == Kind::Signed {
            assert_eq!(invites[0].claims()["attest"], "A", "{name}");
        }
        assert!(taken.acknowledged.contains_key(&name), "{name}");
        let lines = lines_of(&name);
        assert_eq!(lines.len(), 1, "{name}: {lines:#?}");
        assert_eq!(lines[0]["status"], 200, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_calls_get_through_a_bad_line() {
    let line = Line::new().await;
    let (mut calls, mut next) = (JoinSet::new(), 0..CALLS);
    loop {
        while calls.len() < AT_ONCE
            && let Some(number) = next.next()
        {
            let (invite, by) = line.call(number);
            let taken = Arc::clone(&line.taken);
            calls.spawn(async move {
                let ended = tokio::time::timeout(CALL_LIMIT, places(invite, by, taken)).await;
                (number, ended.is_ok())
            });
        }
        match calls.join_next().await {
            Some(ended) => line.has_ended(ended.expect("no panic")),
            None => break,
        }
    }
    for number in 0..CALLS {
        let name = format!("bad-wire-{number}");
        until("logged", || !lines_of(&name).is_empty()).await;
        line.judges(number);
    }
    // The line was as bad as promised.
    let repeated = line.switch.metrics.sip_events.count(["retransmission"]);
    assert!(repeated > 0, "nothing was ever repeated");
    line.switch.stop().await;
}
