//! Accepts connections and serves a router on them, within limits: connections at a time, time for TLS, time for a header,
//! time for all of it. Slow peers cost a socket for a bounded time and nothing else.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info, warn};

/// Most connections of one listener at a time. Others wait in the system's queue.
pub const MAX_CONNECTIONS: usize = 1_024;

/// Longest TLS handshake.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the header of a request, the idle time before it included.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest life of a connection, however busy: the largest chain leaves in it over the slowest line that still carries a call.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);

/// Largest header of a request, in bytes; hyper needs 8 KiB at least.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Pause after the system would not give a connection (no file descriptors left): it will not a microsecond later, either.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `socket` until `stop` becomes true; then finishes what has begun and returns.
pub async fn serve(
    socket: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let acceptor = tls.map(TlsAcceptor::from);
    if let Ok(address) = socket.local_addr() {
        info!(%address, tls = acceptor.is_some(), "HTTP listens");
    }
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            break;
        };
        let (stream, peer) = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = accept(&socket) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        let (acceptor, router, stop) = (acceptor.clone(), router.clone(), stop.clone());
        tokio::spawn(async move {
            let served = timeout(
                CONNECTION_TIMEOUT,
                connection(stream, acceptor, router, stop),
            );
            match served.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => debug!(%peer, %error, "HTTP connection ended"),
                Err(_) => debug!(%peer, "HTTP connection cut after its time"),
            }
            drop(place);
        });
    }
    // Those that are being served hold their places.
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = timeout(HEADER_TIMEOUT, places.acquire_many(all)).await;
}

async fn accept(socket: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match socket.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            warn!(%error, "HTTP connection not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
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
    match acceptor {
        None => talk(stream, router, stop).await,
        Some(acceptor) => {
            let stream = timeout(TLS_TIMEOUT, acceptor.accept(stream)).await??;
            talk(stream, router, stop).await
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended.map_err(io::Error::other),
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(io::Error::other)
}
