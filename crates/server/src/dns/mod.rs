//! SRV records and addresses of next hops: a stub resolver that asks the name servers of this machine, or those that are given.
//!
//! - [`message`]: questions and answers as bytes
//! - [`system`]: which servers there are, and what the hosts file knows
//! - [`locate`]: from a next hop as configured to addresses, [RFC 3263 §4.2](https://www.rfc-editor.org/rfc/rfc3263#section-4.2)
//!
//! It is made for next hops, which the operator names: nothing that a stranger writes is ever asked here (the fetcher of certificates
//! has the system's resolver and a guard of its own). Nothing is kept here either; who asks keeps the answer as long as it lives.

pub mod message;
pub mod system;
pub mod locate;

use self::message::{Code, Data, Kind, Record, Response, Unusable};
use countersign::crypto::system_random;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout, timeout_at};

/// Longest wait for one server. Twice the longest way round the world and back, with a recursion behind it.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// How often each server is asked.
const ROUNDS: usize = 2;

/// Most aliases that are followed.
const MAX_ALIASES: usize = 8;

/// Longest datagram that is read: without EDNS servers send 512 octets, and some send more.
const MAX_DATAGRAM: usize = 4_096;

/// Asks name servers.
#[derive(Clone, Debug)]
pub struct Resolver {
    /// Whom; those of the system if there are none.
    pub servers: Vec<SocketAddr>,
    /// How long for each of them.
    pub patience: Duration,
}

/// What the DNS has about a name: one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the records say.
    pub data: Vec<Data>,
    /// How long it is true.
    pub lifetime: Duration,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// No server sent anything that can be read.
    Malformed,
    /// The name has no records of this kind.
    NoRecords,
    /// No server is known.
    NoServer,
    /// There is no such name.
    NoSuchName,
    /// The servers could not or would not say.
    ServerFailure,
    /// No server answered.
    Silent,
}

impl Fault {
    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NoRecords => "no-records",
            Self::NoServer => "no-server",
            Self::NoSuchName => "no-such-name",
            Self::ServerFailure => "server-failure",
            Self::Silent => "silent",
        }
    }

    /// Whether the DNS has said that there is nothing.
    pub const fn is_certain(self) -> bool {
        matches!(self, Self::NoRecords | Self::NoSuchName)
    }
}

impl Default for Resolver {
    /// Asks the servers of the system.
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            patience: PATIENCE,
        }
    }
}

impl Resolver {
    /// All records of one kind that a name has, wherever its aliases lead.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn lookup(&self, name: &str, kind: Kind) -> Result<Answer, Fault> {
        let servers = match self.servers.is_empty() {
            true => system::servers(),
            false => self.servers.clone(),
        };
        let (mut name, mut lifetime) = (Box::<str>::from(name), u32::MAX);
        for _ in 0..MAX_ALIASES {
            let records = self.ask(&servers, &name, kind).await?;
            match followed(records, &name, kind, lifetime) {
                Followed::Answer(answer) => return Ok(answer),
                Followed::Further(alias, ttl) => (name, lifetime) = (alias, ttl),
                Followed::Nothing => return Err(Fault::NoRecords),
            }
        }
        Err(Fault::NoRecords)
    }

    /// Asks one server after the other, until one knows.
    async fn ask(
        &self,
        servers: &[SocketAddr],
        name: &str,
        kind: Kind,
    ) -> Result<Vec<Record>, Fault> {
        let mut fault = Fault::NoServer;
        for server in servers.iter().cycle().take(servers.len() * ROUNDS) {
            let response = match self.exchange(*server, name, kind).await {
                Ok(response) => response,
                Err(found) => {
                    fault = found;
                    continue;
                }
            };
            match response.code {
                Code::NoSuchName => return Err(Fault::NoSuchName),
                Code::Ok => return Ok(response.records),
                Code::ServerFailure => fault = Fault::ServerFailure,
            }
        }
        Err(fault)
    }

    /// Asks one server, by TCP what is too long for a datagram (RFC 7766 §5).
    async fn exchange(
        &self,
        server: SocketAddr,
        name: &str,
        kind: Kind,
    ) -> Result<Response, Fault> {
        let id = fresh_id().ok_or(Fault::NoServer)?;
        let question = message::question(id, name, kind).ok_or(Fault::NoSuchName)?;
        let read = |bytes: &[u8]| message::response(bytes, id, name, kind);
        let response = self.by_datagram(server, &question, read).await?;
        if !response.truncated {
            return Ok(response);
        }
        let bytes = timeout(self.patience, by_stream(server, &question)).await;
        match bytes {
            Ok(Ok(bytes)) => read(&bytes).map_err(|_| Fault::Malformed),
            // Part of an answer is better than none.
            _ if !response.records.is_empty() => Ok(response),
            _ => Err(Fault::Silent),
        }
    }

    /// What does not answer the question is not heard: whoever can guess neither port nor ID learns nothing by trying.
    async fn by_datagram(
        &self,
        server: SocketAddr,
        question: &[u8],
        read: impl Fn(&[u8]) -> Result<Response, Unusable>,
    ) -> Result<Response, Fault> {
        let until = Instant::now() + self.patience;
        let mut heard = Fault::Silent;
        let Ok(socket) = connected(server).await else {
            return Err(Fault::Silent);
        };
        if socket.send(question).await.is_err() {
            return Err(Fault::Silent);
        }
        let mut buffer = [0; MAX_DATAGRAM];
        while let Ok(received) = timeout_at(until, socket.recv(&mut buffer)).await {
            // Nobody listens there: the system says so with the next call.
            let Ok(length) = received else { break };
            match read(buffer.get(..length).unwrap_or_default()) {
                Ok(response) => return Ok(response),
                Err(Unusable::Malformed) => heard = Fault::Malformed,
                Err(Unusable::NotOurs) => {}
            }
        }
        Err(heard)
    }
}

/// A socket of its own for each question, so that the port is as hard to guess as the ID: RFC 5452 §9.2.
async fn connected(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    Ok(socket)
}

/// RFC 1035 §4.2.2: over TCP a message has its length before it.
async fn by_stream(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    let framed = [&length.to_be_bytes()[..], question].concat();
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn fresh_id() -> Option<u16> {
    let mut bytes = [0; 2];
    system_random(&mut bytes).ok()?;
    Some(u16::from_be_bytes(bytes))
}

/// Where the records of an answer lead.
enum Followed {
    Answer(Answer),
    /// To another name, which must be asked for.
    Further(Box<str>, u32),
    Nothing,
}

fn followed(records: Vec<Record>, name: &str, kind: Kind, lifetime: u32) -> Followed {
    let (mut name, mut lifetime) = (Box::<str>::from(name), lifetime);
    let mut aliases = 0;
    while aliases < MAX_ALIASES {
        let next = records.iter().find_map(|record| match &record.data {
            Data::Alias(alias) if record.name == name => Some((alias.clone(), record.ttl)),
            _ => None,
        });
        let Some((alias, ttl)) = next else { break };
        (name, lifetime) = (alias, lifetime.min(ttl));
        aliases += 1;
    }
    let wanted = |record: &&Record| record.name == name && fits(&record.data, kind);
    let ttls = records.iter().filter(wanted).map(|record| record.ttl);
    let lifetime = ttls.chain([lifetime]).min().unwrap_or(0);
    let data: Vec<_> = records.iter().filter(wanted).collect();
    let data: Vec<_> = data.into_iter().map(|record| record.data.clone()).collect();
    match (data.is_empty(), aliases) {
        (false, _) => Followed::Answer(Answer {
            data,
            lifetime: Duration::from_secs(lifetime.into()),
        }),
        (true, 0) => Followed::Nothing,
        (true, _) => Followed::Further(name, lifetime),
    }
}

fn fits(data: &Data, kind: Kind) -> bool {
    match (data, kind) {
        (Data::Address(ip), Kind::A) => ip.is_ipv4(),
        (Data::Address(ip), Kind::Aaaa) => ip.is_ipv6(),
        (Data::Service(_), Kind::Srv) => true,
        _ => false,
    }
}
