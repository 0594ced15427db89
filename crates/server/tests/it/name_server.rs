//! A name server of the test's making: what it says can be changed at any time, and it can be late, brief, wrong or silent.
//!
//! It answers by UDP, and by TCP at the same port. What it does not know is NXDOMAIN, and a name that has other records only is an
//! empty answer. Every question is counted.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// How it behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    #[default]
    Answers,
    /// With bytes that are no DNS message after the ID and the question.
    Garbage,
    /// So much later.
    Late(Duration),
    /// With SERVFAIL.
    Refuses,
    /// Not at all.
    Silent,
    /// With the answers of other questions first, then its own.
    SpeaksToOthers,
    /// By UDP with the truncation bit and nothing else.
    Truncates,
}

/// A record to serve.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    Address(IpAddr),
    Alias(&'static str),
    /// Priority, weight, port, target.
    Service(u16, u16, u16, &'static str),
}

#[derive(Default)]
struct Zone {
    records: HashMap<&'static str, Vec<(u32, Says)>>,
    manner: Manner,
    questions: HashMap<String, usize>,
}

/// A running name server.
#[derive(Clone)]
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            // Somebody may have the same port of UDP.
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let server = Self {
            address: tcp.local_addr().unwrap(),
            zone: Arc::default(),
        };
        tokio::spawn(server.clone().answers_datagrams(udp));
        tokio::spawn(server.clone().answers_streams(tcp));
        server
    }

    /// The setting that has it asked.
    pub(crate) fn setting(&self) -> String {
        format!("dns_servers = [\"{}\"]", self.address)
    }

    /// From now on these are the records of a name, with this lifetime in seconds.
    pub(crate) fn has(&self, name: &'static str, ttl: u32, records: Vec<Says>) {
        let records = records.into_iter().map(|record| (ttl, record)).collect();
        self.zone().records.insert(name, records);
    }

    /// From now on there is no such name.
    pub(crate) fn forgets(&self, name: &str) {
        self.zone().records.remove(name);
    }

    pub(crate) fn behaves(&self, manner: Manner) {
        self.zone().manner = manner;
    }

    /// How often a name was asked for, of any kind.
    pub(crate) fn was_asked_for(&self, name: &str) -> usize {
        self.zone().questions.get(name).copied().unwrap_or(0)
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap()
    }

    async fn answers_datagrams(self, socket: UdpSocket) {
        let socket = Arc::new(socket);
        let mut buffer = [0; 1_500];
        loop {
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
                continue;
            };
            let question = buffer[..length].to_vec();
            let manner = self.zone().manner;
            let answers = self.datagrams(&question, manner);
            let socket = socket.clone();
            tokio::spawn(async move {
                if let Manner::Late(by) = manner {
                    tokio::time::sleep(by).await;
                }
                for answer in answers {
                    socket.send_to(&answer, from).await.unwrap();
                }
            });
        }
    }

    fn datagrams(&self, question: &[u8], manner: Manner) -> Vec<Vec<u8>> {
        let answer = self.answer(question);
        match manner {
            Manner::Answers | Manner::Late(_) => vec![answer],
            Manner::Garbage => {
                let mut bytes = question.to_vec();
                bytes[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 9]);
                bytes.extend_from_slice(&[0xc0, 0xff, 0xff, 0xff, 1, 2, 3]);
                vec![bytes]
            }
            Manner::Refuses => {
                let mut bytes = question.to_vec();
                bytes[2..4].copy_from_slice(&[0x81, 0x82]);
                vec![bytes]
            }
            Manner::Silent => Vec::new(),
            Manner::SpeaksToOthers => {
                let mut other = answer.clone();
                other[0] ^= 1;
                vec![other, b"x".to_vec(), answer]
            }
            Manner::Truncates => {
                let mut bytes = question.to_vec();
                bytes[2..4].copy_from_slice(&[0x83, 0x80]);
                vec![bytes]
            }
        }
    }

    async fn answers_streams(self, listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let server = self.clone();
            tokio::spawn(async move {
                let length = stream.read_u16().await.unwrap();
                let mut question = vec![0; usize::from(length)];
                stream.read_exact(&mut question).await.unwrap();
                let answer = server.answer(&question);
                let length = u16::try_from(answer.len()).unwrap();
                stream.write_u16(length).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            });
        }
    }

    fn answer(&self, question: &[u8]) -> Vec<u8> {
        let (name, end) = read_name(&question[12..]);
        let kind = u16::from_be_bytes([question[12 + end], question[13 + end]]);
        let mut zone = self.zone();
        *zone.questions.entry(name.clone()).or_default() += 1;
        let mut bytes = question[..12 + end + 4].to_vec();
        bytes[2..4].copy_from_slice(&[0x81, 0x80]);
        let Some(records) = zone.records.get(&*name) else {
            bytes[3] |= 3;
            return bytes;
        };
        let fits = |says: &Says| match says {
            Says::Address(ip) => kind == if ip.is_ipv4() { 1 } else { 28 },
            Says::Alias(_) => true,
            Says::Service(..) => kind == 33,
        };
        let records: Vec<_> = records.iter().filter(|(_, says)| fits(says)).collect();
        bytes[7] = u8::try_from(records.len()).unwrap();
        for (ttl, says) in records {
            let (kind, data) = says.data();
            bytes.extend_from_slice(&[0xc0, 12]);
            bytes.extend_from_slice(&[0, kind, 0, 1]);
            bytes.extend_from_slice(&ttl.to_be_bytes());
            bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(&data);
        }
        bytes
    }
}

impl Says {
    pub(crate) fn at(address: &str) -> Self {
        Self::Address(address.parse().unwrap())
    }

    fn data(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Address(IpAddr::V4(ip)) => (1, ip.octets().to_vec()),
            Self::Address(IpAddr::V6(ip)) => (28, ip.octets().to_vec()),
            Self::Alias(name) => (5, written(name)),
            Self::Service(priority, weight, port, target) => {
                let numbers = [priority, weight, port].map(|number| number.to_be_bytes());
                (33, [numbers.concat(), written(target)].concat())
            }
        }
    }
}

fn written(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A name without pointers, and how long it is.
fn read_name(bytes: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 0);
    while bytes[at] != 0 {
        let length = usize::from(bytes[at]);
        labels.push(String::from_utf8(bytes[at + 1..=at + length].to_vec()).unwrap());
        at += 1 + length;
    }
    (labels.join("."), at + 1)
}
