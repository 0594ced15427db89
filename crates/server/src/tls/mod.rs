//! TLS for listeners and next hops: who we are, whom we believe, and which names a peer has proven.
//!
//! - [`Credential`]: our own chain and the key that belongs to it.
//! - [`mod@identity`]: the SIP domains in a certificate, and how they are compared (RFC 5922 §7.1, §7.2).
//! - [`server`]: what a listener proves itself with and whom it asks for a certificate; a [`Tls`] is replaced while it runs.
//! - [`client`]: what proves that a next hop is the host it is called by.
//!
//! No session is resumed, on either side: whoever connects proves anew who they are, by the certificates and anchors of now. A SIP
//! connection lives long, and a handshake costs it nothing.
//!
//! What does not live here: sockets, and what a proven name may do.

mod credential;
pub mod identity;
mod belief;
pub mod server;
pub mod client;

pub use credential::{Credential, TlsFault};
pub use identity::{Identities, identities};
pub use server::Tls;

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The one library of cryptography.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
