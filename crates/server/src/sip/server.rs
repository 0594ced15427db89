//! All of SIP started and stopped.

use super::Sink;
use super::post::Post;
use super::reception::Reception;
use super::services::Services;
use super::shard::{Event, QUEUE, Shard, ShardQueue};
use super::tcp::Tcp;
use super::udp::UdpListener;
use countersign_sip::proxy::Options;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use tokio::net::TcpListener;

/// Sockets that are bound and deliver nothing yet.
pub struct Sockets {
    /// UDP.
    pub udp: Vec<UdpListener>,
    /// TCP.
    pub tcp: Vec<TcpListener>,
}

impl Sockets {
    /// Binds all addresses, or none.
    ///
    /// # Errors
    /// The address that could not be bound, and why.
    pub async fn bind(
        udp: &[SocketAddr],
        tcp: &[SocketAddr],
    ) -> Result<Self, (SocketAddr, std::io::Error)> {
        let bind_udp =
            |address: &SocketAddr| UdpListener::bind(*address).map_err(|error| (*address, error));
        let mut sockets = Self {
            udp: udp.iter().map(bind_udp).collect::<Result<_, _>>()?,
            tcp: Vec::new(),
        };
        for address in tcp {
            sockets.tcp.push(
                TcpListener::bind(address)
                    .await
                    .map_err(|error| (*address, error))?,
            );
        }
        Ok(sockets)
    }

    /// The first address: what we call ourselves if nobody says otherwise.
    pub fn first(&self) -> Option<SocketAddr> {
        let tcp = || {
            self.tcp
                .first()
                .and_then(|listener| listener.local_addr().ok())
        };
        self.udp.first().map(UdpListener::local).or_else(tcp)
    }
}

/// SIP that runs. Dropping it stops it.
pub struct SipServer {
    stop: Arc<AtomicBool>,
    shards: Vec<ShardQueue>,
    threads: Vec<JoinHandle<()>>,
    accepting: Vec<tokio::task::JoinHandle<()>>,
}

impl SipServer {
    /// Starts `shards` shards (one at least) over `sockets`. `options` are those of the first; the others differ by their
    /// number only.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn start(
        sockets: Sockets,
        shards: usize,
        options: &Options,
        services: Arc<Services>,
    ) -> std::io::Result<Self> {
        let (queues, events): (Vec<_>, Vec<_>) =
            (0..shards.max(1)).map(|_| sync_channel(QUEUE)).unzip();
        let sink: Arc<dyn Sink> = Arc::new(Reception::new(services.clone(), queues.clone()));
        let tcp = Tcp::new(sink.clone(), services.runtime.clone());
        let post = Post::new(sockets.udp.clone().into(), tcp.clone(), sink.clone());
        let mut server = Self {
            stop: Arc::default(),
            shards: queues.clone(),
            threads: Vec::new(),
            accepting: Vec::new(),
        };
        for (index, (queue, events)) in queues.into_iter().zip(events).enumerate() {
            let options = Options {
                shard: u32::try_from(index).unwrap_or(u32::MAX),
                ..options.clone()
            };
            let shard = Shard::new(index, options, services.clone(), post.clone(), queue);
            let thread = std::thread::Builder::new()
                .name(format!("shard {index}"))
                .spawn(move || shard.run(&events))?;
            server.threads.push(thread);
        }
        for listener in &sockets.udp {
            server
                .threads
                .push(listener.receive(sink.clone(), server.stop.clone())?);
        }
        server.accepting = sockets
            .tcp
            .into_iter()
            .map(|listener| tcp.listen(listener))
            .collect();
        Ok(server)
    }
}

impl Drop for SipServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.accepting
            .iter()
            .for_each(tokio::task::JoinHandle::abort);
        for shard in &self.shards {
            // A shard whose queue is full is not asleep: it sees that all senders are gone, or the process ends.
            let _ = shard.try_send(Event::Stop);
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}
