//! Fetching from the command line: what the flags say about it, and a fetcher that is set up when it is first needed.

use super::trouble::Trouble;
use crate::clock::SystemClock;
use crate::fetch::url::{Target, TargetHost};
use crate::fetch::{Exception, FetchPolicy, Fetcher, SystemResolver};
use crate::files;
use crate::metrics::Metrics;
use clap::Args;
use countersign::certificate::repository_url::{Origin, RepositoryUrl, UrlFault};
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

/// Where these flags stand in the help: behind those that every use needs.
const LAST: usize = 100;

/// Flags of the verbs that fetch.
#[derive(Clone, Debug, Args)]
pub(super) struct WebFlags {
    /// Whom TLS to certificate repositories trusts (PEM), instead of the system's anchors; never trusted for calls
    #[arg(long, value_name = "FILE", display_order = LAST)]
    web_ca: Vec<PathBuf>,
    /// Fetch from this origin whatever its port, and at a loopback address too, as a lab's is
    #[arg(long, value_name = "ORIGIN", display_order = LAST)]
    allow_origin: Vec<String>,
}

impl WebFlags {
    /// With the repository of a lab, at the origin of this URL.
    pub(super) fn and_lab(mut self, url: &str, web_ca: PathBuf) -> Self {
        let end = url
            .match_indices('/')
            .nth(2)
            .map_or(url.len(), |(at, _)| at);
        let origin = url.get(..end).unwrap_or_default();
        self.allow_origin.push(origin.to_owned());
        self.web_ca.push(web_ca);
        self
    }

    /// Origins whose port is allowed whatever it is.
    ///
    /// # Errors
    /// [`Trouble::Origin`] names the one that is none.
    pub(super) fn port_exceptions(&self) -> Result<Arc<[Origin]>, Trouble> {
        let parse = |text: &String| Origin::parse(text).map_err(|cause| bad_origin(text, cause));
        self.allow_origin.iter().map(parse).collect()
    }

    /// Origins that may be at a loopback address, or at the very address that the operator wrote.
    fn exceptions(&self) -> Result<Vec<Exception>, Trouble> {
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
        self.allow_origin.iter().map(parse).collect()
    }
}

fn bad_origin(text: &str, cause: UrlFault) -> Trouble {
    Trouble::Origin(text.into(), cause)
}

/// The web; nothing is set up before the first fetch.
pub(super) struct Web {
    web_ca: Vec<PathBuf>,
    exceptions: Vec<Exception>,
    origins: Arc<[Origin]>,
    clock: SystemClock,
    started: Option<(Runtime, Arc<Fetcher>)>,
}

impl Web {
    /// As the flags say.
    ///
    /// # Errors
    /// [`Trouble::Origin`] names an origin that is none.
    pub(super) fn new(flags: &WebFlags, clock: SystemClock) -> Result<Self, Trouble> {
        Ok(Self {
            web_ca: flags.web_ca.clone(),
            exceptions: flags.exceptions()?,
            origins: flags.port_exceptions()?,
            clock,
            started: None,
        })
    }

    /// The origins that there are exceptions for.
    pub(super) fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// What may be done about a URL that may not be asked.
    pub(super) fn hint(&self, url: &str) -> String {
        let origin = match RepositoryUrl::parse(url) {
            Ok(url) => format!("https://{}:{}", url.host(), url.port()),
            Err(fault) => return fault.to_string(),
        };
        match RepositoryUrl::judge(url, &self.origins) {
            Err(UrlFault::Port) => format!("--allow-origin {origin} allows its port"),
            Err(fault) => fault.to_string(),
            Ok(_) => format!("if it is a lab's: --allow-origin {origin} --web-ca FILE"),
        }
    }

    /// The runtime and the fetcher on it.
    ///
    /// # Errors
    /// [`Trouble`] if nothing can be fetched on this machine, or a file that the flags name cannot be used.
    pub(super) fn fetcher(&mut self) -> Result<(&Runtime, &Arc<Fetcher>), Trouble> {
        let (runtime, fetcher) = match &mut self.started {
            Some(started) => started,
            none => {
                let started = start(&self.web_ca, self.exceptions.clone(), self.clock)?;
                none.insert(started)
            }
        };
        Ok((runtime, fetcher))
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

fn start(
    web_ca: &[PathBuf],
    exceptions: Vec<Exception>,
    clock: SystemClock,
) -> Result<(Runtime, Arc<Fetcher>), Trouble> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Trouble::Runtime)?;
    let policy = FetchPolicy {
        exceptions,
        ..FetchPolicy::with_web_roots(web_roots(web_ca)?)
    };
    let fetcher = Fetcher::new(
        policy,
        Arc::new(SystemResolver::default()),
        Arc::new(clock),
        Arc::new(Metrics::default()),
        runtime.handle().clone(),
    );
    Ok((runtime, fetcher.map_err(Trouble::Tls)?))
}

/// These anchors, or the system's if there are none.
///
/// # Errors
/// [`Trouble::File`].
pub(super) fn web_roots(web_ca: &[PathBuf]) -> Result<Arc<RootCertStore>, Trouble> {
    let read = |path: &Path| {
        files::read_web_roots(path).map_err(|fault| Trouble::File(path.into(), fault))
    };
    if web_ca.is_empty() {
        let mut there = SYSTEM_WEB_ROOTS.iter().map(Path::new);
        // Where there are none, nobody's https is trusted: certificates cannot be had, which is a verdict.
        return match there.find(|path| path.is_file()) {
            Some(path) => read(path),
            None => Ok(Arc::new(RootCertStore::empty())),
        };
    }
    let mut all = RootCertStore::empty();
    for path in web_ca {
        all.roots.extend(read(path)?.roots.iter().cloned());
    }
    Ok(Arc::new(all))
}
