//! What `sign` signs with: the key that the flags name, or the lab's.

use super::super::console::Console;
use super::super::trouble::Trouble;
use crate::files;
use crate::lab::directory::Directory;
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
