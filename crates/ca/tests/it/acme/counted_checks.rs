//! Which keys an authority checks with: those that it was given, for every signature that a certificate rests on.
//!
//! ```text
//!     Client ── requests, request for a certificate ──▶ Site ── checks ──▶ keys that count
//!     token authority ── token ──▶                        └── its own signature, before it leaves
//! ```

use super::site::{Client, SPC_1234, Site, body, request, text};
use countersign::crypto::{AwsLc, BadSignature, EcdsaP256Key, Signature, UnusableKey};
use countersign::crypto::{VerifyingKey, VerifyingKeys};
use countersign_ca::token::validation::TokenIssuer;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Keys of the library that count what they check.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Counting {
    fn checks(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl VerifyingKeys for Counting {
    fn p256(&self, point: &[u8]) -> Result<Arc<dyn VerifyingKey>, UnusableKey> {
        let key = AwsLc.p256(point)?;
        Ok(Arc::new(Counted(key, self.clone())))
    }
}

struct Counted(Arc<dyn VerifyingKey>, Counting);

impl VerifyingKey for Counted {
    fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.1.0.fetch_add(1, Ordering::Relaxed);
        self.0.verify(message, signature)
    }
}

/// A site that checks with keys that count.
fn site() -> (Site, Counting) {
    let (mut site, keys) = (Site::new(), Counting::default());
    let authority = site.practice.authority.clone();
    site.practice.authority = authority.with_verifying_keys(Arc::new(keys.clone()));
    let issuers = &mut site.practice.token_issuers;
    issuers[0] = issuers[0]
        .clone()
        .with_verifying_keys(Arc::new(keys.clone()))
        .unwrap();
    (site, keys)
}

/// This test verifies that an issuance makes no check past the keys of the authority, and none twice: one for each request, one each for
/// the token and the request for the certificate, and one for what the authority itself has signed.
#[test]
fn every_signature_of_an_issuance_is_checked_once() {
    let (mut site, keys) = site();
    let client = Client::registered(&mut site);
    assert_eq!(keys.checks(), 1, "the new account");
    let (_, order) = client.ready(&mut site, SPC_1234);
    assert_eq!(
        keys.checks(),
        1 + 4 + 1,
        "order, authorization, challenge, order again; the token"
    );
    let key = EcdsaP256Key::generate().unwrap();
    let reply = client.finalize(&mut site, &order, &request(SPC_1234, &key));
    assert_eq!(body(&reply)["status"], "valid", "{}", text(&reply));
    assert_eq!(
        keys.checks(),
        6 + 3,
        "finalize; the request in it; the certificate"
    );
}

/// This test verifies that an issuer of tokens who is known by its path has the path checked with the keys that it was given.
#[test]
fn the_path_to_an_issuer_of_tokens_is_checked_with_the_same_keys() {
    let (mut site, keys) = site();
    let name = site
        .authority
        .chain
        .end_entity()
        .subject()
        .common_name()
        .unwrap();
    let root = site.lab.root().certificate().clone();
    let issuer = TokenIssuer::below(root, &name).unwrap();
    let issuer = issuer.with_verifying_keys(Arc::new(keys.clone())).unwrap();
    site.practice.token_issuers = [issuer].into();
    let client = Client::registered(&mut site);
    let (_, order) = client.order(&mut site, SPC_1234);
    let claims = site.claims(&client, SPC_1234);
    let token = site.token(&claims);
    let reply = client.answer(&mut site, &order, &token);
    assert_eq!(body(&reply)["status"], "processing", "{}", text(&reply));
    let before = keys.checks();
    let chain = site.authority.chain.to_pem();
    site.fetched(Ok(chain.as_bytes()));
    assert_eq!(
        keys.checks(),
        before + 2 + 1,
        "two certificates below the root, and the token"
    );
}
