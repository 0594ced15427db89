//! Accepts connections and serves a router on them, within limits: connections at a time, time for TLS, time for a header,
//! time for all of it. Slow peers cost a socket for a bounded time and nothing else.

use super::steady::Steady;
use crate::hosts::host_of;
use crate::tls::{Identities, Tls, identities};
use axum::Router;
use axum::http::Request;
use countersign_sip::flow::{Flow, Transport};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

/// Most connections of one listener at a time. Others wait in the system's queue.
pub const MAX_CONNECTIONS: usize = 1_024;

/// Most of them from one host: an IPv4 address, or the /64 of an IPv6 one. What is beyond is closed at once. A quarter of all, so that one
/// slow host cannot keep the certificate repository from everybody else, and a proxy in front of us has still enough.
pub const MAX_CONNECTIONS_PER_HOST: usize = MAX_CONNECTIONS / 4;

/// Longest TLS handshake.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the header of a request, the idle time before it included.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest life of a connection, however busy: the largest chain leaves in it over the slowest line that still carries a call. A request
/// that is under way then is answered, within [`LAST_ANSWER`].
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);

/// How much longer the last answer of a connection may take.
pub const LAST_ANSWER: Duration = Duration::from_secs(10);

/// Largest header of a request, in bytes; hyper needs 8 KiB at least.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Pause after the system would not give a connection (no file descriptors left): it will not a microsecond later, either.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The two ends of a connection, and what is proven about the other one.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    /// The names that its certificate proves.
    pub(super) identities: Identities,
    /// That certificate, DER.
    pub(super) certificate: Option<Arc<[u8]>>,
}

impl Ends {
    /// Whether nobody else can be at the other end: an address of our own takes no connection with itself from elsewhere.
    pub(super) fn are_one_machine(&self) -> bool {
        let (local, peer) = (
            self.local.ip().to_canonical(),
            self.peer.ip().to_canonical(),
        );
        peer.is_loopback() || peer == local
    }
}

/// Whose connections a listener takes. All others are closed before they have a place.
#[derive(Clone)]
pub enum Guests {
    /// Anybody's.
    All,
    /// Those for which this says yes.
    Some(Arc<dyn Fn(&Flow) -> bool + Send + Sync>),
}

impl Guests {
    fn are(&self, stream: &TcpStream, peer: SocketAddr) -> bool {
        let Self::Some(are) = self else {
            return true;
        };
        stream.local_addr().is_ok_and(|local| {
            are(&Flow {
                transport: Transport::Tcp,
                local,
                remote: peer,
                connection: None,
            })
        })
    }
}

/// Serves `router` on `socket` until `stop` becomes true; then finishes what has begun and returns.
pub async fn serve(
    socket: TcpListener,
    tls: Arc<Tls>,
    guests: Guests,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let hosts = Hosts::default();
    if let Ok(address) = socket.local_addr() {
        info!(%address, tls = tls.current().is_some(), "HTTP listens");
    }
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = accept(&socket, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        if !guests.are(&stream, peer) {
            debug!(%peer, "HTTP connection closed: nobody who may ask");
            continue;
        }
        let Some(presence) = hosts.enter(peer.ip()) else {
            debug!(%peer, "HTTP connection closed: too many of this host");
            continue;
        };
        let acceptor = tls.current().map(TlsAcceptor::from);
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            let served = timeout(
                CONNECTION_TIMEOUT + LAST_ANSWER,
                connection(stream, acceptor, router, stop),
            );
            match served.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => debug!(%peer, %error, "HTTP connection ended"),
                Err(_) => debug!(%peer, "HTTP connection cut after its time"),
            }
            drop((place, presence));
        });
    }
    // Those that are being served hold their places.
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = timeout(HEADER_TIMEOUT, places.acquire_many(all)).await;
}

/// The next connection, once there is a place for it.
async fn accept(
    socket: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            warn!(%error, "HTTP connection not accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Connections by host.
#[derive(Clone, Default)]
struct Hosts(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Hosts {
    /// One more connection of this host; `None` if it has enough.
    fn enter(&self, address: IpAddr) -> Option<Presence> {
        let host = host_of(address);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(host).or_default();
        if *count >= MAX_CONNECTIONS_PER_HOST {
            return None;
        }
        *count += 1;
        let hosts = self.clone();
        Some(Presence { hosts, host })
    }
}

/// One connection of a host, until dropped.
struct Presence {
    hosts: Hosts,
    host: IpAddr,
}

impl Drop for Presence {
    fn drop(&mut self) {
        let counts = self.hosts.0.lock();
        let mut counts = counts.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.host);
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let mut ends = Ends {
        local: stream.local_addr()?,
        peer: stream.peer_addr()?,
        identities: Arc::default(),
        certificate: None,
    };
    match acceptor {
        None => talk(stream, ends, router, stop).await,
        Some(acceptor) => {
            let stream = timeout(TLS_TIMEOUT, acceptor.accept(stream)).await??;
            let (_, session) = stream.get_ref();
            // Rustls has followed it to an anchor already; without anchors it has not asked for one.
            if let Some(chain) = session.peer_certificates() {
                ends.identities = identities(chain).into();
                ends.certificate = chain.first().map(|first| first.as_ref().into());
            }
            talk(stream, ends, router, stop).await
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ends: Ends,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ends.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = Steady::new(connection.as_mut()) => return ended.map_err(io::Error::other),
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
        () = sleep(CONNECTION_TIMEOUT) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_share_and_gets_it_back() {
        let hosts = Hosts::default();
        let enter = |address: &str| hosts.enter(address.parse().unwrap());
        for (first, same, other) in [
            ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ] {
            let all: Vec<_> = (0..MAX_CONNECTIONS_PER_HOST)
                .map(|_| enter(first).unwrap())
                .collect();
            assert!(enter(first).is_none() && enter(same).is_none());
            assert!(enter(other).is_some());
            drop(all);
            assert!(enter(same).is_some());
        }
        assert!(hosts.0.lock().unwrap().is_empty());
    }
}
