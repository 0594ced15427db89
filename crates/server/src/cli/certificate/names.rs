//! Words for what certificates name by numbers: extensions, algorithms, curves, policies.
//!
//! Only for being read: nothing is decided by a word. What has none is shown by its number.

use const_oid::ObjectIdentifier;

/// Object identifiers and their words; the documents that define them give the words.
const NAMES: &[(&str, &str)] = &[
    // RFC 5280 §4.2.1 and §4.2.2.
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("1.3.6.1.5.5.7.1.11", "subjectInfoAccess"),
    ("2.5.29.9", "subjectDirectoryAttributes"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.16", "privateKeyUsagePeriod"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.33", "policyMappings"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.36", "policyConstraints"),
    ("2.5.29.37", "extKeyUsage"),
    ("2.5.29.46", "freshestCRL"),
    ("2.5.29.54", "inhibitAnyPolicy"),
    // RFC 8226 §8 and §9, RFC 9118 §3.
    ("1.3.6.1.5.5.7.1.26", "TNAuthList"),
    ("1.3.6.1.5.5.7.1.27", "JWTClaimConstraints"),
    ("1.3.6.1.5.5.7.1.33", "EnhancedJWTClaimConstraints"),
    // RFC 9608 §2.
    ("2.5.29.56", "noRevAvail"),
    // RFC 7633 §4.1 and RFC 6962 §3.3: those of the web.
    ("1.3.6.1.5.5.7.1.24", "tlsFeature"),
    ("1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestampList"),
    // Netscape's, which certificates still carry.
    ("2.16.840.1.113730.1.1", "netscapeCertType"),
    ("2.16.840.1.113730.1.13", "netscapeComment"),
    // RFC 3279 §2.2 and §2.3, RFC 5758 §3, RFC 8017 Appendix A.
    ("1.2.840.10045.2.1", "EC"),
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.3.101.112", "Ed25519"),
    // RFC 5280 §4.2.2.1 and RFC 8226 §10.1.
    ("1.3.6.1.5.5.7.48.1", "ocsp"),
    ("1.3.6.1.5.5.7.48.2", "caIssuers"),
    ("1.3.6.1.5.5.7.48.14", "stirTNList"),
    // RFC 5280 §4.2.1.4, and the certificate policies of SHAKEN in the United States.
    ("2.5.29.32.0", "anyPolicy"),
    ("2.16.840.1.114569.1.1.1", "SHAKEN CP 1.1"),
    ("2.16.840.1.114569.1.1.2", "SHAKEN CP 1.2"),
    ("2.16.840.1.114569.1.1.3", "SHAKEN CP 1.3"),
    ("2.16.840.1.114569.1.1.4", "SHAKEN CP 1.4"),
];

/// The word for `number`, if it has one here.
pub(super) fn word(number: &ObjectIdentifier) -> Option<&'static str> {
    let number = number.to_string();
    let named = NAMES.iter().find(|(known, _)| *known == number);
    named.map(|(_, word)| *word)
}

/// The word for `number`, or its digits.
pub(super) fn named(number: &ObjectIdentifier) -> String {
    word(number).map_or_else(|| number.to_string(), str::to_owned)
}

/// Its digits, and the word behind them if there is one.
pub(super) fn numbered(number: &ObjectIdentifier) -> String {
    match word(number) {
        Some(word) => format!("{number} ({word})"),
        None => number.to_string(),
    }
}

/// Bytes as people write them: two lower-case digits each.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_and_stands_once() {
        for (index, (number, name)) in NAMES.iter().enumerate() {
            let parsed = ObjectIdentifier::new(number).unwrap();
            assert_eq!(word(&parsed), Some(*name));
            assert!(
                !NAMES[..index].iter().any(|(other, _)| other == number),
                "{number}"
            );
        }
    }
}
