//! All of SIP started and stopped.
//!
//! Threads that carry calls do not end before the server: one that panics, which it never should, loses its calls, says so and
//! begins anew.

use super::bell::Bell;
use super::helm::{Helm, Reading};
use super::intake::{Intake, OwnSockets};
use super::post::Post;
use super::queue::{Event, QUEUE, ShardQueue, queue};
use super::reception::Reception;
use super::relay::{self, Relay};
use super::services::Services;
use super::shard::Shard;
use super::tcp::{Limits, Tcp};
use super::udp::UdpListener;
use super::{Life, Sink};
use crate::handover::{Inherited, Socket};
use countersign_sip::element::Options;
use countersign_sip::flow::Transport;
use countersign_sip::own_call_id::OwnCallIds;
use socket2::{Domain, Protocol, Type};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;

/// Connections that the system may keep for us until we accept them.
const BACKLOG: i32 = 1_024;

/// Sockets that are bound and deliver nothing yet.
pub struct Sockets {
    /// UDP.
    pub udp: Vec<UdpListener>,
    /// TCP.
    pub tcp: Vec<TcpListener>,
    /// TLS over TCP.
    pub tls: Vec<TcpListener>,
    /// Where datagrams come from while another process reads the sockets for them; `None`: we do.
    pub relayed: Option<UnixStream>,
}

impl Sockets {
    /// Binds all addresses, or none. Must be called on an async runtime.
    ///
    /// # Errors
    /// The address that could not be bound, and why.
    pub fn bind(
        udp: &[SocketAddr],
        tcp: &[SocketAddr],
        tls: &[SocketAddr],
        mut inherited: Option<&mut Inherited>,
    ) -> Result<Self, (SocketAddr, std::io::Error)> {
        let at = |address: &SocketAddr| {
            let address = *address;
            move |error| (address, error)
        };
        let mut datagrams = Vec::new();
        for address in udp {
            let socket = inherited.as_mut().and_then(|all| all.datagram(*address));
            let listener = match socket {
                Some(socket) => UdpListener::inherited(socket),
                None => UdpListener::bind(*address),
            };
            datagrams.push(listener.map_err(at(address))?);
        }
        let mut streams = |addresses: &[SocketAddr]| {
            let bound = addresses.iter().map(|address| {
                let socket = inherited.as_mut().and_then(|all| all.stream(*address));
                match socket {
                    Some(socket) => TcpListener::from_std(socket),
                    None => bind_tcp(*address),
                }
                .map_err(at(address))
            });
            bound.collect::<Result<_, _>>()
        };
        Ok(Self {
            udp: datagrams,
            tcp: streams(tcp)?,
            tls: streams(tls)?,
            relayed: None,
        })
    }

    /// The same sockets once more, for a successor.
    ///
    /// # Errors
    /// What the system says.
    pub fn duplicates(&self) -> std::io::Result<Vec<Socket>> {
        let udp = self
            .udp
            .iter()
            .map(|socket| Ok(Socket::Datagram(socket.duplicate()?)));
        let streams = self.tcp.iter().chain(&self.tls);
        let streams =
            streams.map(|socket| Ok(Socket::Stream(socket.as_fd().try_clone_to_owned()?.into())));
        udp.chain(streams).collect()
    }

    /// Where they are bound, with the ports that the system chose.
    pub fn addresses(&self) -> Vec<(Transport, SocketAddr)> {
        let udp = self.udp.iter().map(UdpListener::local);
        let udp = udp.map(|address| (Transport::Udp, address));
        let streams = |listeners, transport| {
            let listeners: &Vec<TcpListener> = listeners;
            let bound = listeners.iter().flat_map(TcpListener::local_addr);
            bound.map(move |address| (transport, address))
        };
        let tcp = streams(&self.tcp, Transport::Tcp);
        udp.chain(tcp)
            .chain(streams(&self.tls, Transport::Tls))
            .collect()
    }
}

fn bind_tcp(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for the connections of the life before it.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // As for UDP: `[::]` and `0.0.0.0` are two listeners.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// SIP that runs. Dropping it stops it, and waits until it has.
pub struct SipServer {
    helm: Arc<Helm>,
    shards: Vec<ShardQueue>,
    threads: Vec<JoinHandle<()>>,
    udp: Vec<UdpListener>,
    tcp: Tcp,
}

impl SipServer {
    /// Starts `shards` shards (one at least) over `sockets`. `options` are those of the first; the others differ by their
    /// number only. What a reload may change in them is taken from the state.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn start(
        sockets: Sockets,
        shards: usize,
        options: &Options,
        services: Arc<Services>,
    ) -> std::io::Result<Self> {
        let shards = shards.max(1);
        let bell = bell(shards, &sockets.udp)?;
        let (queues, events): (Vec<_>, Vec<_>) = (0..shards)
            .map(|index| queue(QUEUE, &services, index, bell.clone()))
            .unzip();
        let call_ids = OwnCallIds::new(&options.secret);
        let helm = Arc::new(Helm::new(shards));
        let reception = Reception::new(services.clone(), queues.clone(), call_ids, helm.clone());
        let reception = Arc::new(reception);
        let sink: Arc<dyn Sink> = reception.clone();
        let tcp = Tcp::new(
            sink.clone(),
            services.runtime.clone(),
            Limits::default(),
            services.secure.clone(),
        );
        let post = Post::new(sockets.udp.clone().into(), tcp.clone(), sink.clone());
        let mut server = Self {
            helm: helm.clone(),
            shards: queues.clone(),
            threads: Vec::new(),
            udp: sockets.udp.clone(),
            tcp,
        };
        if sockets.relayed.is_some() {
            helm.set_reading(Reading::OnlyBound);
        }
        for (index, (queue, arrivals)) in queues.into_iter().zip(events).enumerate() {
            let nursery = Nursery {
                index,
                shards,
                options: options.clone(),
                services: services.clone(),
                post: post.clone(),
                queue,
                helm: helm.clone(),
            };
            let own = bell.as_ref().map(|bell| {
                let (bell, clock) = (bell.clone(), services.clock.clone());
                OwnSockets::new(&sockets.udp, bell, reception.clone(), helm.clone(), clock)
            });
            let thread = nursery.open(Intake::new(arrivals, own))?;
            server.threads.push(thread);
        }
        if let Some(relayed) = sockets.relayed {
            // It ends with the process at the other end, which may be after us.
            relay::deliver(relayed, sink.clone())?;
        }
        let read_by_threads = sockets.udp.iter().filter(|_| bell.is_none());
        for listener in read_by_threads {
            let thread = listener.receive(sink.clone(), helm.clone())?;
            server.threads.push(thread);
        }
        for (listeners, transport) in [(sockets.tcp, Transport::Tcp), (sockets.tls, Transport::Tls)]
        {
            for listener in listeners {
                server.tcp.listen(listener, transport);
            }
        }
        Ok(server)
    }

    /// What the shards tell of themselves.
    pub fn helm(&self) -> Arc<Helm> {
        self.helm.clone()
    }

    /// The least room that a UDP listener has for what is not read yet, in bytes; `None` without one.
    pub fn receive_buffer(&self) -> Option<usize> {
        self.udp
            .iter()
            .filter_map(UdpListener::receive_buffer)
            .min()
    }

    /// From now on datagrams that belong to nothing here go to a successor, and no connection is accepted any more.
    pub fn step_back(&self, successor: Arc<Relay>) {
        self.helm.relay_to(successor);
        self.tcp.stop_accepting();
    }

    /// From now on nothing new begins: new requests get 503, except emergency calls. What has begun goes on.
    pub fn drain(&self) {
        self.helm.drain();
    }

    /// Ends the connections of others that nothing needs which has begun here, if the shards have told which those are.
    pub fn end_unneeded(&self) {
        if let Some(needed) = self.helm.needs() {
            self.tcp.end_unneeded(&needed);
        }
    }

    /// Makes every shard look around, now.
    pub fn wake(&self) {
        for shard in &self.shards {
            // A shard whose queue is full is awake.
            let _ = shard.try_send(Event::Stop);
        }
    }
}

impl Drop for SipServer {
    fn drop(&mut self) {
        self.helm.stop();
        self.wake();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
        // Last: what the shards sent at their end is on its way.
        self.tcp.stop();
    }
}

/// What wakes a shard that reads sockets itself: one that has nobody beside it does.
fn bell(shards: usize, udp: &[UdpListener]) -> std::io::Result<Option<Arc<Bell>>> {
    match shards {
        1 if !udp.is_empty() => Ok(Some(Arc::new(Bell::new()?))),
        _ => Ok(None),
    }
}

/// Everything that a shard is made of, for as many lives as it takes.
struct Nursery {
    index: usize,
    shards: usize,
    options: Options,
    services: Arc<Services>,
    post: Post,
    queue: ShardQueue,
    helm: Arc<Helm>,
}

impl Nursery {
    /// A thread for all lives of the shard.
    fn open(self, intake: Intake) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name(format!("shard {}", self.index))
            .spawn(move || self.raise(intake))
    }

    fn raise(&self, mut intake: Intake) {
        for life in (0..).map(Life) {
            let shard = self.shard(life);
            // Nothing of a shard outlives it but what went to others whole: messages, answers, counters.
            let ended = catch_unwind(AssertUnwindSafe(|| shard.run(&mut intake)));
            if ended.is_ok() {
                return;
            }
            tracing::error!(
                shard = self.index,
                "a shard panicked: its calls are lost, it begins anew"
            );
            let events = &self.services.metrics.sip_events;
            events.increment(["shard-panicked"]);
        }
    }

    fn shard(&self, life: Life) -> Shard {
        // Another number in each life: branches are made of it, and none may be used twice.
        let number = life
            .0
            .wrapping_mul(number(self.shards))
            .wrapping_add(number(self.index));
        let options = Options {
            shard: number,
            ..self.options.clone()
        };
        let (services, post, queue) = (&self.services, &self.post, &self.queue);
        Shard::new(
            (self.index, life),
            options,
            services.clone(),
            post.clone(),
            queue.clone(),
            self.helm.clone(),
        )
    }
}

/// The configuration allows far fewer shards than this can count.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
