//! What the tests of these rooms stand on: a clock wound by hand, services over a lab, a sink that keeps what it gets.

use super::post::Post;
use super::secure::Secure;
use super::services::Services;
use super::state::{State, TrunkSigner};
use super::tcp::{Limits, Tcp};
use super::udp::UdpListener;
use super::{Admission, Peer, Receipt, Refusal, Sink, Taken, Unsent, Waiting};
use crate::clock::Clock;
use crate::config::listeners::Patience;
use crate::fetch::connect::Resolution;
use crate::fetch::{FetchPolicy, Fetcher, Resolve};
use crate::hep::Hep;
use crate::log::CallLog;
use crate::metrics::Metrics;
use arc_swap::ArcSwap;
use bytes::Bytes;
use countersign::authentication::Unlisted;
use countersign::time::{Now, Ticks};
use countersign_sip::element::{Element, Input, Options, Output, Sender, UnknownSource};
use countersign_sip::flow::{Flow, Transport};
use countersign_sip::message::{Framing, Message};
use countersign_sip::stream::Piece;
use countersign_sip::trunk::{NextHop, Recognition, Role, SentBy, Trunk, Trunks};
use countersign_testkit::lab;
use countersign_testkit::scene::{ORIGID, Scene};
use rustls::RootCertStore;
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long a test waits for what must come; two busy cores are slow.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Stands still until told. The wall clock begins at the lab's moment.
#[derive(Default)]
pub(super) struct HandClock {
    millis: AtomicU64,
    broken: AtomicBool,
}

impl HandClock {
    pub(super) fn advance(&self, millis: u64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Whoever asks next is in for a surprise.
    pub(super) fn break_once(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Now {
        assert!(
            !self.broken.swap(false, Ordering::SeqCst),
            "the clock is broken, as the test wants it"
        );
        let millis = self.millis.load(Ordering::SeqCst);
        Now {
            unix: lab::NOW.saturating_add((millis / 1_000) as i64),
            ticks: Ticks::from_millis(3_600_000 + millis),
        }
    }
}

/// Looks up names for ever.
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolution<'a> {
        Box::pin(std::future::pending())
    }
}

/// Services over a lab whose repository cannot be found, and a trunk named `carrier` for 127.0.0.1.
pub(crate) struct Stage {
    pub(super) scene: Scene,
    pub(super) clock: Arc<HandClock>,
    pub(super) runtime: Runtime,
    pub(crate) services: Arc<Services>,
    pub(super) trunk: Arc<Trunk>,
    pub(super) called: UdpSocket,
}

impl Stage {
    pub(crate) fn new(role: Role, change: impl FnOnce(&mut Trunk)) -> Self {
        let scene = Scene::new();
        let clock = Arc::<HandClock>::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let called = socket();
        let mut trunk = Trunk::new(
            "carrier",
            vec![NextHop::new(Transport::Udp, address(&called))],
        );
        trunk.role = role;
        change(&mut trunk);
        let trunk = Arc::new(trunk);
        let mut trunks = Trunks::default();
        let loopback = Recognition {
            networks: vec![countersign_sip::trunk::Network {
                address: [127, 0, 0, 1].into(),
                prefix: 32,
            }],
            ..Recognition::default()
        };
        trunks.add(loopback, trunk.clone());
        let metrics = Arc::<Metrics>::default();
        let fetcher = Fetcher::new(
            FetchPolicy::with_web_roots(Arc::new(RootCertStore::empty())),
            Arc::new(Silent),
            clock.clone(),
            metrics.clone(),
            runtime.handle().clone(),
        );
        let state = state(&scene, trunks);
        let services = Arc::new(Services {
            clock: clock.clone(),
            hep: Arc::new(Hep::new(clock.clone(), metrics.clone())),
            metrics,
            lists: fetcher.as_ref().unwrap().for_lists(),
            cards: fetcher.as_ref().unwrap().for_cards(),
            pictures: fetcher.as_ref().unwrap().for_pictures(),
            statuses: fetcher.as_ref().unwrap().for_statuses(),
            fetcher: fetcher.unwrap(),
            runtime: runtime.handle().clone(),
            secure: secure(),
            standing: Default::default(),
            inquiries: Default::default(),
            state: ArcSwap::from_pointee(state),
        });
        Self {
            scene,
            clock,
            runtime,
            services,
            trunk,
            called,
        }
    }

    /// The next state: the last one, changed.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = State::clone(&self.services.state());
        state.generation += 1;
        change(&mut state);
        self.services.state.store(Arc::new(state));
    }

    /// A post with one UDP socket.
    pub(super) fn post(&self, sink: Arc<dyn Sink>) -> Post {
        let tcp = Tcp::new(
            sink.clone(),
            self.runtime.handle().clone(),
            Limits::default(),
            secure(),
        );
        Post::new([loopback_listener()].into(), tcp, sink)
    }
}

/// The first state, in which the scene's provider signs for the trunk `carrier`.
fn state(scene: &Scene, trunks: Trunks) -> State {
    let signer = TrunkSigner {
        service: scene.authentication(),
        unlisted: Unlisted::B,
        brands: Arc::from([]),
        origid: ORIGID.parse().unwrap(),
        origid_of_request: Default::default(),
    };
    State {
        generation: 1,
        revision: 1,
        calls: CallLog::default(),
        verification: scene.verification(),
        trust: crate::trust::Current::everywhere(scene.trust.clone()),
        trunks,
        routes: Default::default(),
        records: None,
        retired: Vec::new(),
        brands: Arc::default(),
        staples: Arc::from([]),
        signers: HashMap::from([("carrier".into(), signer)]),
        unknown_source: UnknownSource::default(),
        missing_identity: Default::default(),
        patience: Patience::default(),
        names: Vec::new(),
    }
}

/// TLS without anything to prove or to believe.
pub(super) fn secure() -> Arc<Secure> {
    Arc::new(Secure::new(Arc::<HandClock>::default()))
}

pub(super) fn loopback_listener() -> UdpListener {
    UdpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap()
}

/// A socket of some party.
pub(super) fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub(super) fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().unwrap()
}

/// The next datagram.
pub(super) fn heard(socket: &UdpSocket) -> String {
    let mut buffer = [0; 65_535];
    let (length, _) = socket.recv_from(&mut buffer).expect("a datagram");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// Whether nothing is there to be read.
pub(super) fn is_silent(socket: &UdpSocket) -> bool {
    socket.set_nonblocking(true).unwrap();
    let got = socket.recv_from(&mut [0; 16]);
    socket.set_nonblocking(false).unwrap();
    got.is_err()
}

/// A call from Alice to Bob; `headers` are lines with their CRLF.
pub(super) fn invite(caller: SocketAddr, call_id: &str, headers: &str) -> String {
    format!(
        "INVITE sip:12025550101@b.example SIP/2.0\r\nVia: SIP/2.0/UDP {caller};branch=z9hG4bK{call_id};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:12025550100@a.example>;tag=1\r\nTo: <sip:12025550101@b.example>\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
    )
}

pub(super) fn message(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes()), Framing::Datagram).unwrap()
}

/// The way of a datagram from somebody.
pub(super) fn flow(transport: Transport, remote: SocketAddr) -> Flow {
    Flow {
        transport,
        local: "127.0.0.1:5060".parse().unwrap(),
        remote,
        connection: None,
    }
}

/// What a proxy calls itself when it sends a request: only it can make one.
pub(super) fn sender() -> Sender {
    let us = SentBy::new("proxy.example", None).unwrap();
    let somewhere = "127.0.0.1:9".parse().unwrap();
    let mut out = Vec::new();
    let input = Input::Received {
        flow: flow(Transport::Udp, somewhere),
        message: message(&invite(somewhere, "sender", "")),
        trunk: Some(Arc::new(Trunk::new(
            "t",
            vec![NextHop::new(Transport::Udp, somewhere)],
        ))),
    };
    Element::new(Options::new(us, [7; 16])).handle(input, Now::default(), &mut out);
    let by = out.into_iter().find_map(|output| match output {
        Output::Send { by, .. } => by,
        _ => None,
    });
    by.expect("the INVITE")
}

/// Keeps what sockets deliver. Can be too busy, and can know whom it likes.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) pieces: Mutex<Vec<(Flow, String)>>,
    pub(super) unsent: Mutex<Vec<(Unsent, Option<Receipt>)>>,
    pub(super) refused: Mutex<Vec<Refusal>>,
    pub(super) open: AtomicU64,
    /// So many offers are refused before the next is taken.
    pub(super) busy: AtomicU64,
    pub(super) admission: Mutex<Option<Admission>>,
}

impl Kept {
    fn take(&self, flow: Flow, text: String) {
        self.pieces.lock().unwrap().push((flow, text));
    }
}

impl Sink for Kept {
    fn admits(&self, _: &Peer) -> Admission {
        self.admission.lock().unwrap().unwrap_or(Admission::Known)
    }

    fn might_admit(&self, _: &Flow) -> bool {
        true
    }

    fn refused(&self, why: Refusal) {
        self.refused.lock().unwrap().push(why);
    }

    fn connections(&self, open: [(Transport, usize); 2]) {
        let all: usize = open.iter().map(|(_, open)| open).sum();
        self.open.store(all as u64, Ordering::SeqCst);
    }

    fn datagram(&self, flow: Flow, bytes: Bytes) {
        self.take(flow, String::from_utf8_lossy(&bytes).into_owned());
    }

    fn piece(&self, peer: &Peer, piece: Piece) -> Taken {
        let flow = peer.flow;
        let Piece::Message(message) = piece else {
            self.take(flow, "bad".into());
            return Taken::Yes;
        };
        let input = Input::Received {
            flow,
            message,
            trunk: None,
        };
        // Nobody looks into it here.
        static STATE: LazyLock<Arc<State>> =
            LazyLock::new(|| Arc::new(state(&Scene::new(), Trunks::default())));
        self.again(Waiting {
            shard: 0,
            input,
            state: STATE.clone(),
        })
    }

    fn again(&self, waiting: Waiting) -> Taken {
        let busy = self.busy.load(Ordering::SeqCst);
        if busy > 0 {
            self.busy.store(busy - 1, Ordering::SeqCst);
            return Taken::Busy(Box::new(waiting));
        }
        let Input::Received { flow, message, .. } = waiting.input else {
            panic!("only messages wait here")
        };
        self.take(flow, String::from_utf8_lossy(message.bytes()).into_owned());
        Taken::Yes
    }

    fn sent(&self, _: &Flow, _: &Bytes) {}

    fn unsent(&self, _: Transport, why: Unsent, receipt: Option<Receipt>) {
        self.unsent.lock().unwrap().push((why, receipt));
    }
}

/// Waits until something is so.
#[track_caller]
pub(super) fn until(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < limit, "not {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
