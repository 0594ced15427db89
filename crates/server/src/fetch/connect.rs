//! From a judged URL to a TLS connection with a host that may be talked to.
//!
//! The order is the guard: resolve, judge **every** address, connect to one of those very addresses, and never resolve
//! again. A name that answers differently the second time (DNS rebinding) is not asked a second time. Literal addresses go
//! the same way as resolved ones.

use super::address;
use super::url::{Authority, TargetHost};
use countersign::certificate::repository_url::{Origin, RepositoryUrl};
use countersign::verification::Unavailable;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tracing::{debug, warn};

/// Most addresses of one name that are tried; the whole fetch has two seconds.
const MAX_ADDRESSES_TRIED: usize = 4;

/// How long the next address waits for the one before it: what RFC 8305 §8 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Most lookups at one time. The system's resolver blocks a thread for as long as it likes, so those that have outlived
/// their fetch are counted, too.
const MAX_LOOKUPS: usize = 64;

/// Longest wait for one of them. A name that gets none is not to blame: [`Unavailable::Overloaded`], which is not remembered.
const LOOKUP_WAIT: Duration = Duration::from_millis(250);

/// The addresses of a name, some time later.
pub type Resolution<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns names into addresses.
pub trait Resolve: Send + Sync {
    /// All addresses of `name`. One that ends with a dot is complete: no list of domains to search is tried behind it.
    ///
    /// An error of kind [`io::ErrorKind::ResourceBusy`] says nothing about the name.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolution<'a>;
}

/// The resolver of the operating system.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self {
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
        }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolution<'a> {
        Box::pin(async move {
            let permit = timeout(LOOKUP_WAIT, self.lookups.clone().acquire_owned());
            let Ok(permit) = permit.await else {
                return Err(io::ErrorKind::ResourceBusy.into());
            };
            let name = name.to_owned();
            // A task of its own: the permit comes back when the lookup ends, not when its fetch gives up.
            let lookup = tokio::spawn(async move {
                let _permit = permit;
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

/// A host that may be fetched from although the rules say otherwise: one entry of `[[fetch.exceptions]]`.
#[derive(Clone, Debug)]
pub struct Exception {
    /// Host and port, exactly.
    pub origin: Origin,
    /// Addresses that are allowed besides public ones.
    pub addresses: Vec<IpAddr>,
    /// Web trust anchors for this origin instead of the general ones.
    pub web_roots: Option<Arc<RootCertStore>>,
}

/// Makes connections.
pub(super) struct Connector {
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
    origins: Vec<Origin>,
    exceptions: Vec<Allowed>,
}

struct Allowed {
    origin: Origin,
    addresses: Vec<IpAddr>,
    tls: Option<Arc<ClientConfig>>,
}

impl Connector {
    pub(super) fn new(
        resolver: Arc<dyn Resolve>,
        web_roots: Arc<RootCertStore>,
        exceptions: Vec<Exception>,
    ) -> Result<Self, rustls::Error> {
        let mut allowed = Vec::new();
        for exception in exceptions {
            allowed.push(Allowed {
                origin: exception.origin,
                addresses: exception.addresses,
                tls: exception.web_roots.map(client_config).transpose()?,
            });
        }
        Ok(Self {
            resolver,
            tls: client_config(web_roots)?,
            origins: allowed.iter().map(|one| one.origin.clone()).collect(),
            exceptions: allowed,
        })
    }

    /// The origins that there are exceptions for.
    pub(super) fn origins(&self) -> &[Origin] {
        &self.origins
    }

    fn exception(&self, authority: &Authority) -> Option<&Allowed> {
        let url = format!("https://{authority}");
        let url = RepositoryUrl::parse(&url).ok()?;
        self.exceptions.iter().find(|one| one.origin.is_of(&url))
    }

    /// Resolves, judges, connects and shakes hands.
    pub(super) async fn connect(
        &self,
        origin: &Authority,
    ) -> Result<TlsStream<TcpStream>, Unavailable> {
        let exception = self.exception(origin);
        let stream = self.reach(origin, exception).await?;
        let tls = exception.and_then(|e| e.tls.as_ref()).unwrap_or(&self.tls);
        let name = server_name(origin)?;
        let connector = TlsConnector::from(tls.clone());
        connector.connect(name, stream).await.map_err(|error| {
            debug!(%origin, %error, "TLS with the certificate repository failed");
            Unavailable::Tls
        })
    }

    /// The same without TLS.
    pub(super) async fn connect_plainly(
        &self,
        origin: &Authority,
    ) -> Result<TcpStream, Unavailable> {
        self.reach(origin, self.exception(origin)).await
    }

    async fn reach(
        &self,
        origin: &Authority,
        exception: Option<&Allowed>,
    ) -> Result<TcpStream, Unavailable> {
        let addresses = self.addresses(origin, exception).await?;
        let port = origin.port;
        let connect = |address| TcpStream::connect(SocketAddr::new(address, port));
        let stream = connect_to_any(&addresses, connect).await?;
        // Small request, small answer: nothing to gain from waiting for more.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    async fn addresses(
        &self,
        origin: &Authority,
        exception: Option<&Allowed>,
    ) -> Result<Vec<IpAddr>, Unavailable> {
        let addresses = match &origin.host {
            TargetHost::Address(address) => vec![*address],
            TargetHost::Name(name) => {
                let name = name_to_resolve(name, exception)?;
                self.resolver.resolve(&name).await.map_err(|error| {
                    debug!(%origin, %error, "the certificate repository does not resolve");
                    match error.kind() {
                        io::ErrorKind::ResourceBusy => Unavailable::Overloaded,
                        _ => Unavailable::Resolve,
                    }
                })?
            }
        };
        if addresses.is_empty() {
            return Err(Unavailable::Resolve);
        }
        // One forbidden address condemns the name: a mixed answer is what a rebinding attack looks like, and whoever means
        // well has no reason to publish one.
        for address in &addresses {
            let excepted = exception.is_some_and(|allowed| allowed.addresses.contains(address));
            if let (false, Err(reason)) = (excepted, address::judge(*address)) {
                warn!(%origin, %address, %reason, "a certificate URL leads to a forbidden address");
                return Err(Unavailable::ForbiddenAddress);
            }
        }
        Ok(addresses)
    }
}

/// The name as the resolver gets it. Those of strangers are complete: `https://intranet/` must not become `intranet.example.net` by
/// our own list of domains to search, nor `cert.example.org` a name below one of them.
fn name_to_resolve(name: &str, exception: Option<&Allowed>) -> Result<String, Unavailable> {
    match exception {
        Some(_) => Ok(name.to_owned()),
        None if name.contains('.') => Ok(format!("{name}.")),
        None => {
            warn!(name, "a certificate URL leads to a name of our own network");
            Err(Unavailable::ForbiddenAddress)
        }
    }
}

/// The first connection that any of these addresses gives. A silent one holds up the next for [`ATTEMPT_DELAY`] and no longer: a host
/// whose IPv6 leads nowhere is reached by IPv4.
async fn connect_to_any<T, C>(
    addresses: &[IpAddr],
    connect: impl Fn(IpAddr) -> C,
) -> Result<T, Unavailable>
where
    C: Future<Output = io::Result<T>> + Send + 'static,
    T: fmt::Debug + Send + 'static,
{
    let mut untried = interleaved(addresses).take(MAX_ADDRESSES_TRIED);
    let mut attempts = JoinSet::new();
    loop {
        let next = untried.next();
        let patience = match next {
            Some(_) => ATTEMPT_DELAY,
            None => Duration::MAX,
        };
        if let Some(address) = next {
            attempts.spawn(connect(address));
        }
        match timeout(patience, attempts.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(failed)) => debug!(?failed, "no connection"),
            Ok(None) => return Err(Unavailable::Connect),
            Err(_) => {}
        }
    }
}

/// The same addresses, the two families by turns, beginning with the one that the resolver puts first: RFC 8305 §4.
fn interleaved(addresses: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
    let first = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (one, other): (Vec<_>, Vec<_>) = addresses.iter().partition(|a| a.is_ipv4() == first);
    let longest = one.len().max(other.len());
    (0..longest).flat_map(move |place| {
        let turn = [one.get(place).copied(), other.get(place).copied()];
        turn.into_iter().flatten()
    })
}

fn server_name(origin: &Authority) -> Result<ServerName<'static>, Unavailable> {
    match &origin.host {
        TargetHost::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        TargetHost::Name(name) => {
            ServerName::try_from(String::from(&**name)).map_err(|_| Unavailable::BadUrl)
        }
    }
}

fn client_config(web_roots: Arc<RootCertStore>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(web_roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(all: &[&str]) -> Vec<IpAddr> {
        all.iter().map(|one| one.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        for (resolved, tried) in [
            (
                &["2001:db8::1", "2001:db8::2", "192.0.2.1"][..],
                &["2001:db8::1", "192.0.2.1", "2001:db8::2"][..],
            ),
            (&["192.0.2.1", "192.0.2.2"], &["192.0.2.1", "192.0.2.2"]),
            (&["192.0.2.1", "2001:db8::1"], &["192.0.2.1", "2001:db8::1"]),
            (&[], &[]),
        ] {
            let order: Vec<_> = interleaved(&addresses(resolved)).collect();
            assert_eq!(order, addresses(tried));
        }
    }

    #[tokio::test]
    async fn an_address_that_is_silent_or_refuses_holds_up_no_other() {
        let connect = |address: IpAddr| async move {
            match address.is_ipv6() {
                true => std::future::pending().await,
                false if address == addresses(&["192.0.2.1"])[0] => {
                    Err(io::Error::from(io::ErrorKind::ConnectionRefused))
                }
                false => Ok(address),
            }
        };
        let reached = addresses(&["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
        let first = timeout(Duration::from_secs(20), connect_to_any(&reached, connect));
        assert_eq!(first.await.unwrap().unwrap(), reached[2]);
        let refusing = addresses(&["192.0.2.1"]);
        for none in [&refusing[..], &[]] {
            let nobody = connect_to_any(none, connect).await;
            assert_eq!(nobody.unwrap_err(), Unavailable::Connect);
        }
    }
}
