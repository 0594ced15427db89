//! Project Wycheproof against ECDSA over P-256 and SHA-256, in both forms of a signature.
//!
//! ```text
//!     certificates:  DER ──▶ signature::fixed_from_der ──▶ 64 bytes ──▶ VerifyingKey
//!     PASSporTs:                                           64 bytes ──▶ VerifyingKey
//! ```
//!
//! These tests verify that exactly the signatures marked valid are taken: no other encoding of a good pair of numbers, no number
//! out of range, no edge of the arithmetic.

use crate::vectors;
use countersign::certificate::signature;
use countersign::crypto::{AwsLc, Signature, VerifyingKeys};
use serde_json::Value;

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Runs a file; `read` makes a signature of its bytes. How many were valid and invalid.
fn run(file: &str, read: impl Fn(&[u8]) -> Option<Signature>) -> (usize, usize) {
    let file: Value = serde_json::from_str(&vectors::text(file)).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let key = AwsLc
            .p256(&hex(&group["publicKey"]["uncompressed"]))
            .unwrap();
        for test in group["tests"].as_array().unwrap() {
            let signature = read(&hex(&test["sig"]));
            let verified = signature
                .is_some_and(|signature| key.verify(&hex(&test["msg"]), &signature).is_ok());
            let expected = test["result"] == "valid";
            assert_eq!(verified, expected, "{}: {}", test["tcId"], test["comment"]);
            *(if expected { &mut valid } else { &mut invalid }) += 1;
        }
    }
    (valid, invalid)
}

#[test]
fn signatures_in_der_as_certificates_carry_them() {
    let counts = run(
        "wycheproof/ecdsa_secp256r1_sha256_test.json",
        signature::fixed_from_der,
    );
    assert_eq!(counts, (174, 310));
}

#[test]
fn signatures_of_fixed_length_as_passports_carry_them() {
    let counts = run(
        "wycheproof/ecdsa_secp256r1_sha256_p1363_test.json",
        |bytes| bytes.try_into().ok(),
    );
    assert_eq!(counts, (173, 89));
}
