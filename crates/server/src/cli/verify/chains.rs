//! Where `verify` has certificate chains from: a file that was named, the web, or nowhere.

use super::super::trouble::Trouble;
use super::Arguments;
use crate::clock::SystemClock;
use crate::fetch::url::{Target, TargetHost};
use crate::fetch::{Exception, FetchPolicy, Fetcher, SystemResolver};
use crate::files;
use crate::metrics::Metrics;
use countersign::certificate::CertificateChain;
use countersign::certificate::repository_url::{Origin, UrlFault};
use countersign::verification::{Answer, Need, NeedId, NeedKind, Source, Unavailable};
use rustls::RootCertStore;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// Where systems keep the web's trust anchors, the first one found counts: Debian and Alpine, Fedora, openSUSE, the BSDs and
/// macOS.
const SYSTEM_WEB_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Where chains come from.
pub(super) enum Chains {
    /// From the file that `--certificate` names, for every URL.
    Given(Arc<CertificateChain>),
    /// From nowhere.
    Offline,
    /// From their repositories.
    Web(Web),
}

impl Chains {
    /// What the flags say.
    ///
    /// # Errors
    /// [`Trouble`] if a file they name cannot be used.
    pub(super) fn new(arguments: &Arguments, clock: SystemClock) -> Result<Self, Trouble> {
        if let Some(path) = &arguments.certificate {
            return Ok(Self::Given(Arc::new(read_chain(path)?)));
        }
        if arguments.offline {
            return Ok(Self::Offline);
        }
        Ok(Self::Web(Web {
            web_ca: arguments.web_ca.clone(),
            exceptions: fetch_exceptions(&arguments.allow_origin)?,
            clock,
            started: None,
        }))
    }

    /// Answers every need.
    ///
    /// # Errors
    /// [`Trouble`] if nothing can be fetched on this machine; what cannot be had is an answer.
    pub(super) fn answer(&mut self, needs: &[Need]) -> Result<Vec<(NeedId, Answer)>, Trouble> {
        let to_all = |answer: Answer| needs.iter().map(|need| (need.id, answer.clone())).collect();
        match self {
            // Given by the operator: nobody knows better, so there is nobody to ask again.
            Self::Given(chain) => Ok(to_all(Answer::Certificate(chain.clone(), Source::Fetched))),
            Self::Offline => Ok(to_all(Answer::Unavailable(Unavailable::Offline))),
            Self::Web(web) => web.answer(needs),
        }
    }
}

/// The web; nothing is set up before the first fetch.
pub(super) struct Web {
    web_ca: Vec<PathBuf>,
    exceptions: Vec<Exception>,
    clock: SystemClock,
    started: Option<(Runtime, Arc<Fetcher>)>,
}

impl Web {
    fn answer(&mut self, needs: &[Need]) -> Result<Vec<(NeedId, Answer)>, Trouble> {
        let (runtime, fetcher) = match &self.started {
            Some(started) => started,
            None => self.started.insert(self.start()?),
        };
        // A flight starts when it is asked for, so all are under way while the first is waited for.
        let flights: Vec<_> = needs
            .iter()
            .map(|need| {
                let NeedKind::Certificate { url, refresh } = &need.kind;
                (need.id, fetcher.fetch(url, *refresh))
            })
            .collect();
        let answers = flights.into_iter().map(|(id, flight)| {
            let answer = match runtime.block_on(flight) {
                Ok(fetched) => Answer::Certificate(fetched.chain, fetched.source),
                Err(why) => Answer::Unavailable(why),
            };
            (id, answer)
        });
        Ok(answers.collect())
    }

    fn start(&self) -> Result<(Runtime, Arc<Fetcher>), Trouble> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Trouble::Runtime)?;
        let policy = FetchPolicy {
            exceptions: self.exceptions.clone(),
            ..FetchPolicy::with_web_roots(self.web_roots()?)
        };
        let fetcher = Fetcher::new(
            policy,
            Arc::new(SystemResolver::default()),
            Arc::new(self.clock),
            Arc::new(Metrics::default()),
            runtime.handle().clone(),
        );
        Ok((runtime, fetcher.map_err(Trouble::Tls)?))
    }

    fn web_roots(&self) -> Result<Arc<RootCertStore>, Trouble> {
        let read = |path: &Path| {
            files::read_web_roots(path).map_err(|fault| Trouble::File(path.into(), fault))
        };
        if self.web_ca.is_empty() {
            let mut there = SYSTEM_WEB_ROOTS.iter().map(Path::new);
            // Where there are none, nobody's https is trusted: certificates cannot be had, which is a verdict.
            return match there.find(|path| path.is_file()) {
                Some(path) => read(path),
                None => Ok(Arc::new(RootCertStore::empty())),
            };
        }
        let mut all = RootCertStore::empty();
        for path in &self.web_ca {
            all.roots.extend(read(path)?.roots.iter().cloned());
        }
        Ok(Arc::new(all))
    }
}

impl Drop for Web {
    /// A name that does not resolve may keep the system's resolver busy for long; nobody waits for it.
    fn drop(&mut self) {
        if let Some((runtime, _)) = self.started.take() {
            runtime.shutdown_background();
        }
    }
}

fn read_chain(path: &Path) -> Result<CertificateChain, Trouble> {
    let bytes = files::read(path).map_err(|fault| Trouble::File(path.into(), fault))?;
    CertificateChain::parse(&bytes).map_err(|cause| Trouble::Chain(path.into(), cause))
}

/// Origins whose port is allowed whatever it is.
///
/// # Errors
/// [`Trouble::Origin`] names the one that is none.
pub(super) fn port_exceptions(origins: &[String]) -> Result<Arc<[Origin]>, Trouble> {
    let parse = |text: &String| Origin::parse(text).map_err(|cause| bad_origin(text, cause));
    origins.iter().map(parse).collect()
}

/// Origins that may be at a loopback address, or at the very address that the operator wrote.
fn fetch_exceptions(origins: &[String]) -> Result<Vec<Exception>, Trouble> {
    let parse = |text: &String| {
        let origin = Origin::parse(text).map_err(|cause| bad_origin(text, cause))?;
        let target = Target::judge(text, std::slice::from_ref(&origin))
            .map_err(|cause| bad_origin(text, cause))?;
        let mut addresses = vec![
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        if let TargetHost::Address(address) = target.authority().host {
            addresses.push(address);
        }
        Ok(Exception {
            origin,
            addresses,
            web_roots: None,
        })
    };
    origins.iter().map(parse).collect()
}

fn bad_origin(text: &str, cause: UrlFault) -> Trouble {
    Trouble::Origin(text.into(), cause)
}
