//! What `sign` signs with: the key that the flags name, or the lab's.

use super::super::console::Console;
use super::super::trouble::Trouble;
use crate::files;
use crate::lab::directory::Directory;
use crate::lab::plan::DOMAIN;
use countersign::authentication::Signer;
use countersign::certificate::CertificateChain;
use countersign::certificate::repository_url::{RepositoryUrl, UrlFault};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Flags about the key.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct KeyArguments {
    /// The private key (P-256, PEM or DER), which only its owner may read [default: the lab's]
    #[arg(long, value_name = "FILE", requires_all = ["certificate", "x5u"])]
    key: Option<PathBuf>,
    /// The certificate chain of the key, the signer's certificate first
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Where verifiers find that chain [default: where the lab serves it]
    #[arg(long, value_name = "URL")]
    x5u: Option<String>,
    /// The lab's folder, as `countersign up` made it
    #[arg(
        long,
        value_name = "DIR",
        default_value = "countersign-data",
        conflicts_with = "key"
    )]
    data: PathBuf,
}

impl KeyArguments {
    /// The lab whose key it is, if no other was named.
    pub(in crate::cli) fn lab(&self) -> Option<Directory> {
        self.key.is_none().then(|| Directory::new(&self.data))
    }

    /// Who speaks for the lab's domain, if it is the lab whose key it is: callers that do not say their number.
    ///
    /// # Errors
    /// [`Trouble`] names the file.
    pub(in crate::cli) fn domain_signer(&self) -> Result<Option<Signer>, Trouble> {
        let Some(lab) = self.lab().filter(|lab| lab.domain_chain().exists()) else {
            return Ok(None);
        };
        let (key_path, chain_path) = (lab.key(), lab.domain_chain());
        let x5u = lab_x5u(&lab.x5u())?;
        let x5u = match x5u.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{DOMAIN}"),
            None => x5u,
        };
        join(&x5u, &key_path, &chain_path).map(Some)
    }

    /// Reads key, chain and URL, and joins them.
    ///
    /// # Errors
    /// [`Trouble`] names the file.
    pub(in crate::cli) fn signer(&self, console: &mut Console) -> Result<Signer, Trouble> {
        let lab = Directory::new(&self.data);
        let (key_path, chain_path) = match (&self.key, &self.certificate) {
            (Some(key), Some(certificate)) => (key.clone(), certificate.clone()),
            _ => (lab.key(), lab.chain()),
        };
        let key = files::read_signing_key(&key_path).map_err(|fault| match &self.key {
            None if !key_path.exists() => Trouble::NoLab(key_path.clone(), fault),
            _ => Trouble::File(key_path.clone(), fault),
        })?;
        let bytes =
            files::read(&chain_path).map_err(|fault| Trouble::File(chain_path.clone(), fault))?;
        let chain = CertificateChain::parse(&bytes)
            .map_err(|cause| Trouble::Chain(chain_path.clone(), cause))?;
        let x5u = match &self.x5u {
            Some(x5u) => {
                warn_about_port(x5u, console);
                x5u.clone()
            }
            None => lab_x5u(&lab.x5u())?,
        };
        Signer::new(&x5u, Arc::new(key), chain).map_err(|cause| Trouble::Signer(chain_path, cause))
    }
}

/// A key and a chain at hand, and the URL of the chain.
fn join(x5u: &str, key: &Path, chain: &Path) -> Result<Signer, Trouble> {
    let key_file = |fault| Trouble::File(key.into(), fault);
    let chain_file = |fault| Trouble::File(chain.into(), fault);
    let key = files::read_signing_key(key).map_err(key_file)?;
    let bytes = files::read(chain).map_err(chain_file)?;
    let parsed = CertificateChain::parse(&bytes);
    let parsed = parsed.map_err(|cause| Trouble::Chain(chain.into(), cause))?;
    let signer = Signer::new(x5u, Arc::new(key), parsed);
    signer.map_err(|cause| Trouble::Signer(chain.into(), cause))
}

/// What others will not follow may still be meant for those who make an exception; what nobody follows, the signer refuses.
fn warn_about_port(x5u: &str, console: &mut Console) {
    if let Err(fault @ UrlFault::Port) = RepositoryUrl::judge(x5u, &[]) {
        console.warning(format_args!(
            "--x5u {x5u}: {fault}; verifiers follow it only if they make an exception"
        ));
    }
}

/// What `up` noted about where it serves the chain.
fn lab_x5u(path: &Path) -> Result<String, Trouble> {
    match files::read_text(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(_) if !path.exists() => Err(Trouble::NoX5u(path.into())),
        Err(fault) => Err(Trouble::File(path.into(), fault)),
    }
}
