//! Project Wycheproof's JWS vectors through the compact reader.
//!
//! ```text
//!   401 tokens: HMAC, RSA, P-521, "none", P-256  ──►  CompactJws::verify(P-256 key)  ──►  ES256 by that key, or refused
//! ```
//!
//! This test verifies that of all 401 tokens exactly those are taken that were signed with ES256 by the P-256 key at hand: the
//! valid tokens of other algorithms must be *refused*, not skipped, because a reader that lets the token choose its algorithm
//! is the oldest hole in JOSE.

use crate::vectors::{jwk_key, text};
use countersign::jose::jws::{CompactJws, JwsFault};

/// Valid, and ours.
const TAKEN: [u64; 2] = [18, 378];

/// Marked invalid because of what their key says about itself (`use`, `key_ops`), not because of the token. We read keys from
/// certificates, never from a JWK, so these are out of scope: the tokens are good.
const KEY_IS_MARKED_FOR_ENCRYPTION: [u64; 2] = [354, 356];

#[test]
fn only_es256_tokens_of_the_key_are_taken() {
    let file: serde_json::Value = serde_json::from_str(&text("jose/wycheproof-jws.json")).unwrap();
    let (mut count, mut taken) = (0, Vec::new());
    for group in file["testGroups"].as_array().unwrap() {
        let key = group_key(group);
        for test in group["tests"].as_array().unwrap() {
            count += 1;
            let id = test["tcId"].as_u64().unwrap();
            // Some tests are of the JSON serialization and have an object here.
            let token = match &test["jws"] {
                serde_json::Value::String(token) => token.clone(),
                other => other.to_string(),
            };
            if let Ok(jws) = CompactJws::split(&token)
                && jws.verify(&*key).is_ok()
            {
                taken.push(id);
            }
        }
    }
    assert_eq!(count, 401);
    let mut expected = [TAKEN, KEY_IS_MARKED_FOR_ENCRYPTION].concat();
    expected.sort_unstable();
    taken.sort_unstable();
    assert_eq!(taken, expected);
}

#[test]
fn other_algorithms_are_refused_by_name() {
    let file: serde_json::Value = serde_json::from_str(&text("jose/wycheproof-jws.json")).unwrap();
    let (mut refused, mut unreadable) = (0, Vec::new());
    for group in file["testGroups"].as_array().unwrap() {
        let key = group_key(group);
        if group["public"]["crv"].as_str() == Some("P-256") {
            continue;
        }
        for test in group["tests"].as_array().unwrap() {
            if test["result"] != "valid" {
                continue;
            }
            let id = test["tcId"].as_u64().unwrap();
            match CompactJws::split(test["jws"].as_str().unwrap())
                .unwrap()
                .verify(&*key)
            {
                Err(JwsFault::Algorithm) => refused += 1,
                other => unreadable.push((id, other)),
            }
        }
    }
    // This one has a character in the header that no alphabet has. The suite lets a reader ignore it; we do not.
    assert_eq!(unreadable, [(372, Err(JwsFault::HeaderBase64))]);
    assert_eq!(refused, 43);
}

/// The P-256 key of a group, or for groups of other algorithms the one of Wycheproof's `es256` group: a verifier with a key of
/// its own that is handed somebody else's token.
fn group_key(group: &serde_json::Value) -> std::sync::Arc<dyn countersign::crypto::VerifyingKey> {
    let public = &group["public"];
    match (
        public["crv"].as_str(),
        public["x"].as_str(),
        public["y"].as_str(),
    ) {
        (Some("P-256"), Some(x), Some(y)) => jwk_key(x, y),
        _ => jwk_key(
            "04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY",
            "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw",
        ),
    }
}
