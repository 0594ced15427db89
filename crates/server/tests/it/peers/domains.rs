//! Certificates of SIP domains, made by `openssl` below an authority of their own.

use super::Workspace;
use countersign_server::tls::{self, Credential};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;

/// An authority that certifies SIP domains.
pub(crate) struct Domains {
    workspace: Workspace,
}

/// The files of one domain.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Domain {
    /// Its chain and key, read by us.
    pub(crate) fn credential(&self) -> Credential {
        Credential::read(&self.certificate, &self.key).unwrap()
    }

    /// The lines of a configuration that name the two files.
    pub(crate) fn settings(&self) -> String {
        let Self { certificate, key } = self;
        format!("certificate_file = {certificate:?}\nkey_file = {key:?}\n")
    }

    /// What TLS needs to be this domain towards others.
    pub(crate) fn connects(&self, domains: &Domains) -> Arc<ClientConfig> {
        tls::client::config(domains.roots(), Some(&self.credential())).unwrap()
    }
}

impl Domains {
    /// A fresh authority.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let domains = Self {
            workspace: Workspace::new("domains"),
        };
        domains.workspace.write(
            "anchor.cnf",
            "[req]\ndistinguished_name = name\n[name]\n[ext]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n",
        );
        domains.key("anchor");
        domains.openssl("req -x509 -new -key anchor.key -subj /CN=Domains -days 9 -config anchor.cnf -extensions ext -out anchor.pem");
        domains
    }

    /// Where the anchor lies.
    pub(crate) fn anchor(&self) -> PathBuf {
        self.workspace.path().join("anchor.pem")
    }

    /// The anchor, for ourselves.
    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let pem = std::fs::read(self.anchor()).unwrap();
        roots
            .add(CertificateDer::from_pem_slice(&pem).unwrap())
            .unwrap();
        Arc::new(roots)
    }

    /// A certificate with these lines of extensions, such as `subjectAltName = DNS:a.example`; `days` may be fewer than none: it
    /// has ended then.
    #[track_caller]
    pub(crate) fn issue(&self, name: &str, extensions: &str, days: i32) -> Domain {
        self.workspace
            .write(&format!("{name}.cnf"), format!("[req]\ndistinguished_name = name\n[name]\n[ext]\nkeyUsage = critical, digitalSignature\n{extensions}\n"));
        self.key(name);
        self.openssl(&format!(
            "req -new -key {name}.key -subj /CN=cn.example -config {name}.cnf -out {name}.csr"
        ));
        self.openssl(&format!("x509 -req -in {name}.csr -CA anchor.pem -CAkey anchor.key -days {days} -extfile {name}.cnf -extensions ext -out {name}.pem"));
        let path = |end: &str| self.workspace.path().join(format!("{name}.{end}"));
        Domain {
            certificate: path("pem"),
            key: path("key"),
        }
    }

    /// A certificate of this domain and of 127.0.0.1, for some days.
    #[track_caller]
    pub(crate) fn domain(&self, domain: &str) -> Domain {
        let names = format!("subjectAltName = DNS:{domain}, IP:127.0.0.1");
        self.issue(domain, &names, 9)
    }

    fn key(&self, name: &str) {
        self.openssl(&format!(
            "ecparam -name prime256v1 -genkey -noout -out {name}.key"
        ));
    }

    #[track_caller]
    fn openssl(&self, arguments: &str) {
        let arguments: Vec<_> = arguments.split(' ').collect();
        super::openssl(self.workspace.path(), &arguments);
    }
}
