//! The certificates of a foreign party: an anchor, an intermediate, a provider's end entity, and apart from these a web authority.
//!
//! Made by `openssl`, so that what we read was never written by ourselves. What our own server shows is made by itself.

use super::Workspace;
use countersign::crypto::EcdsaP256Key;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

/// One certification authority with a certificate below it, and their keys.
pub(crate) struct Authority {
    /// The anchor, PEM.
    pub(crate) anchor: String,
    /// What is presented: the end entity first, then the intermediate if there is one; PEM.
    pub(crate) chain: String,
    /// The end entity's private key, PEM.
    pub(crate) key: String,
}

/// The two worlds of trust that must not meet: who may sign calls, and who may serve https.
pub(crate) struct Lab {
    /// For calls: anchor, intermediate, and an end entity for service provider code 709S.
    pub(crate) calls: Authority,
    /// For https: anchor and a certificate for 127.0.0.1.
    pub(crate) web: Authority,
}

const EXTENSIONS: &str = "\
[req]
distinguished_name = name
[name]
[anchor]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[provider]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
1.3.6.1.5.5.7.1.26 = DER:3008a006160437303953
[web]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
";

impl Authority {
    /// The end entity's private key, for ourselves.
    pub(crate) fn signing_key(&self) -> EcdsaP256Key {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        EcdsaP256Key::from_der(key.secret_der()).unwrap()
    }
}

impl Lab {
    /// Fresh keys and certificates.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let workspace = Workspace::new("lab");
        workspace.write("openssl.cnf", EXTENSIONS);
        for anchor in ["anchor", "web-anchor"] {
            key(&workspace, anchor);
            openssl(
                &workspace,
                &format!(
                    "req -x509 -new -key {anchor}.key -subj /O=Lab/CN={anchor} -days 2 -config openssl.cnf -extensions anchor -out {anchor}.pem"
                ),
            );
        }
        issue(&workspace, "intermediate", "anchor");
        issue(&workspace, "provider", "intermediate");
        issue(&workspace, "web", "web-anchor");
        let read = |name: &str| workspace.read(name);
        Self {
            calls: Authority {
                anchor: read("anchor.pem"),
                chain: read("provider.pem") + &read("intermediate.pem"),
                key: read("provider.key"),
            },
            web: Authority {
                anchor: read("web-anchor.pem"),
                chain: read("web.pem"),
                key: read("web.key"),
            },
        }
    }
}

#[track_caller]
fn key(workspace: &Workspace, name: &str) {
    openssl(
        workspace,
        &format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"),
    );
}

#[track_caller]
fn issue(workspace: &Workspace, name: &str, issuer: &str) {
    key(workspace, name);
    openssl(
        workspace,
        &format!(
            "req -new -key {name}.key -subj /O=Lab/CN={name} -config openssl.cnf -out {name}.csr"
        ),
    );
    openssl(
        workspace,
        &format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -days 2 -extfile openssl.cnf -extensions {name} -out {name}.pem"
        ),
    );
}

#[track_caller]
fn openssl(workspace: &Workspace, arguments: &str) {
    let arguments: Vec<_> = arguments.split(' ').collect();
    super::openssl(workspace.path(), &arguments);
}
