//! Packets read back by a decoder that knows nothing of the encoder, and a collector that is a plain socket.

use super::packet::{Capture, MAX_CORRELATION, MAX_PACKET, TooLong};
use super::*;
use crate::clock::SystemClock;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

/// The chunks of a packet by type; `None` if it is none.
fn decoded(packet: &[u8]) -> Option<BTreeMap<u16, Vec<u8>>> {
    let number = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    if !packet.starts_with(b"HEP3") || usize::from(number(4)?) != packet.len() {
        return None;
    }
    let (mut chunks, mut at) = (BTreeMap::new(), 6);
    while at < packet.len() {
        let (vendor, kind, length) = (number(at)?, number(at + 2)?, usize::from(number(at + 4)?));
        let value = packet.get(at + 6..at + length)?.to_vec();
        if vendor != 0 || chunks.insert(kind, value).is_some() {
            return None;
        }
        at += length;
    }
    Some(chunks)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    let ip = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from)
    ];
    (ip, any::<u16>()).prop_map(SocketAddr::from)
}

fn ip_of(chunks: &BTreeMap<u16, Vec<u8>>, four: u16, six: u16) -> IpAddr {
    let ip = match (chunks.get(&four), chunks.get(&six)) {
        (Some(four), None) => <[u8; 4]>::try_from(&**four).unwrap().into(),
        (None, Some(six)) => <[u8; 16]>::try_from(&**six).unwrap().into(),
        _ => panic!("{chunks:?}"),
    };
    IpAddr::to_canonical(&ip)
}

proptest! {
    #[test]
    fn what_is_written_can_be_read(
        source in address(),
        destination in address(),
        protocol in any::<u8>(),
        micros in 0..u64::from(u32::MAX) * 1_000_000,
        capture_id in any::<u32>(),
        password in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        correlation in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..1_200)),
        payload in proptest::collection::vec(any::<u8>(), 0..3_000),
    ) {
        let capture = Capture {
            source,
            destination,
            protocol,
            micros,
            capture_id,
            password: password.as_deref(),
            correlation: correlation.as_deref(),
            payload: &payload,
        };
        let mut packet = b"of before".to_vec();
        capture.encode(&mut packet).unwrap();
        let chunks = decoded(&packet).unwrap();
        prop_assert_eq!(ip_of(&chunks, 3, 5), source.ip().to_canonical());
        prop_assert_eq!(ip_of(&chunks, 4, 6), destination.ip().to_canonical());
        let family = if chunks.contains_key(&3) { 2 } else { 10 };
        prop_assert_eq!(&chunks[&1], &[family]);
        prop_assert_eq!(&chunks[&2], &[protocol]);
        prop_assert_eq!(&chunks[&7], &source.port().to_be_bytes());
        prop_assert_eq!(&chunks[&8], &destination.port().to_be_bytes());
        let number = |kind| u32::from_be_bytes(chunks[&kind][..].try_into().unwrap());
        prop_assert_eq!(u64::from(number(9)) * 1_000_000 + u64::from(number(10)), micros);
        prop_assert_eq!(&chunks[&11], &[1]);
        prop_assert_eq!(number(12), capture_id);
        prop_assert_eq!(chunks.get(&14), password.as_ref());
        let told = correlation.filter(|id| id.len() <= MAX_CORRELATION);
        prop_assert_eq!(chunks.get(&17), told.as_ref());
        prop_assert_eq!(&chunks[&15], &payload);
    }
}

#[test]
fn what_no_datagram_can_hold_is_no_packet() {
    let end = "192.0.2.1:5060".parse().unwrap();
    let encoded = |length| {
        let payload = vec![b'x'; length];
        let capture = Capture {
            source: end,
            destination: end,
            protocol: 17,
            micros: 0,
            capture_id: 0,
            password: None,
            correlation: None,
            payload: &payload,
        };
        let mut packet = Vec::new();
        capture.encode(&mut packet).map(|()| packet.len())
    };
    let around = encoded(0).unwrap();
    let most = MAX_PACKET - around;
    assert_eq!(encoded(most), Ok(MAX_PACKET));
    for length in [most + 1, 65_535, 70_000] {
        assert_eq!(encoded(length), Err(TooLong));
    }
}

const OPTIONS: &str = "OPTIONS sip:b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
    From: <sip:a@a.example>;tag=1\r\nTo: <sip:b.example>\r\nCall-ID: traced@a.example\r\nCSeq: 1 OPTIONS\r\n\r\n";

struct Table {
    collector: UdpSocket,
    metrics: Arc<Metrics>,
    hep: Hep,
}

impl Table {
    fn new() -> Self {
        let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
        let patience = Some(Duration::from_secs(20));
        collector.set_read_timeout(patience).unwrap();
        let metrics = Arc::<Metrics>::default();
        Self {
            collector,
            hep: Hep::new(Arc::new(SystemClock::start()), metrics.clone()),
            metrics,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            collector: self.collector.local_addr().unwrap(),
            capture_id: 7,
            password: Some("secret".into()),
        }
    }

    fn tap(&self, direction: Direction, local: &str) {
        let flow = Flow {
            transport: Transport::Udp,
            local: local.parse().unwrap(),
            remote: "127.0.0.9:5080".parse().unwrap(),
            connection: None,
        };
        let message = Bytes::from_static(OPTIONS.as_bytes());
        self.hep.tap(direction, &flow, &message);
    }

    fn collected(&self) -> BTreeMap<u16, Vec<u8>> {
        let mut packet = vec![0; 65_535];
        let length = self.collector.recv(&mut packet).unwrap();
        decoded(&packet[..length]).unwrap()
    }

    fn count(&self, outcome: &'static str) -> u64 {
        self.metrics.hep_messages.count([outcome])
    }

    fn until(&self, outcome: &'static str, count: u64) {
        let limit = Instant::now() + Duration::from_secs(20);
        while self.count(outcome) < count {
            assert!(Instant::now() < limit, "{outcome}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_copy_goes_to_the_collector_as_long_as_there_is_one() {
    let table = Table::new();
    table.tap(Direction::In, "127.0.0.1:5060");
    table.hep.replace(Some(&table.settings()));
    table.tap(Direction::In, "127.0.0.1:5061");
    let chunks = table.collected();
    assert_eq!(chunks[&8], 5_061_u16.to_be_bytes(), "nothing from before");
    assert_eq!(
        (&chunks[&3][..], &chunks[&7][..]),
        (&[127, 0, 0, 9][..], &5_080_u16.to_be_bytes()[..])
    );
    assert_eq!(chunks[&14], b"secret");
    assert_eq!(chunks[&15], OPTIONS.as_bytes());
    assert_eq!(chunks[&17], b"traced@a.example");
    // A listener of all addresses is told by the one that the peer sees.
    table.tap(Direction::Out, "0.0.0.0:5060");
    let chunks = table.collected();
    assert_eq!(
        (&chunks[&3][..], &chunks[&4][..]),
        (&[127, 0, 0, 1][..], &[127, 0, 0, 9][..])
    );
    table.until("sent", 2);
    table.hep.replace(None);
    table.tap(Direction::In, "127.0.0.1:5060");
    assert_eq!((table.count("sent"), table.count("queue-full")), (2, 0));
}

#[test]
fn another_collector_takes_over_and_the_same_one_stays() {
    let (first, second) = (Table::new(), Table::new());
    first.hep.replace(Some(&first.settings()));
    first.hep.replace(Some(&first.settings()));
    first.tap(Direction::In, "127.0.0.1:1");
    first.hep.replace(Some(&second.settings()));
    first.tap(Direction::In, "127.0.0.1:2");
    assert_eq!(first.collected()[&8], [0, 1]);
    assert_eq!(second.collected()[&8], [0, 2]);
}

#[test]
fn a_collector_that_is_slow_or_gone_holds_up_nobody() {
    let table = Table::new();
    let (queue, nobody_reads) = sync_channel(2);
    let way = Way {
        settings: table.settings(),
        queue,
        bytes: Arc::default(),
    };
    table.hep.way.store(Some(Arc::new(way)));
    for _ in 0..5 {
        table.tap(Direction::In, "127.0.0.1:5060");
    }
    assert_eq!(table.count("queue-full"), 3);
    drop(nobody_reads);
    table.tap(Direction::In, "127.0.0.1:5060");
    assert_eq!(table.count("queue-full"), 4);
    // A port that nobody has any more: the system says so.
    let gone = Settings {
        collector: UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap(),
        ..table.settings()
    };
    table.hep.replace(Some(&gone));
    let limit = Instant::now() + Duration::from_secs(20);
    while table.count("unsent") == 0 {
        table.tap(Direction::In, "127.0.0.1:5060");
        std::thread::sleep(Duration::from_millis(2));
        assert!(Instant::now() < limit);
    }
}

#[test]
fn what_waits_has_a_bound_in_bytes() {
    let table = Table::new();
    let (queue, _nobody_reads) = sync_channel(1_000);
    let bytes = Arc::new(AtomicUsize::new(MAX_WAITING_BYTES - OPTIONS.len()));
    let way = Way {
        settings: table.settings(),
        queue,
        bytes: bytes.clone(),
    };
    table.hep.way.store(Some(Arc::new(way)));
    table.tap(Direction::In, "127.0.0.1:5060");
    assert_eq!(table.count("queue-full"), 0);
    table.tap(Direction::In, "127.0.0.1:5060");
    assert_eq!(table.count("queue-full"), 1);
    assert_eq!(bytes.load(Ordering::Relaxed), MAX_WAITING_BYTES);
}

#[test]
fn a_password_is_not_printed() {
    let table = Table::new();
    assert!(!format!("{:?}", table.settings()).contains("secret"));
}
