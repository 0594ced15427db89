//! Lists as repositories serve them: well made, sloppily made, and made to hurt.

use super::*;

const FIGURE_1: &str = include_str!("../../../../../test-data/x509/rfc9118-figure1.pem");

fn parse(text: &str) -> Result<CertificateChain, ChainError> {
    CertificateChain::parse(text.as_bytes())
}

#[test]
fn pem_in_every_dress_is_the_same_list() {
    let chain = parse(FIGURE_1).unwrap();
    assert_eq!(chain.certificates().len(), 1);
    let lines = FIGURE_1.lines().filter(|line| !line.starts_with("-----"));
    let body: String = lines.collect();
    for other in [
        chain.to_pem(),
        FIGURE_1.replace('\n', "\r\n"),
        format!("subject=CN = SHAKEN\n{FIGURE_1}\n\n"),
        format!("-----BEGIN CERTIFICATE-----{body}-----END CERTIFICATE-----"),
    ] {
        assert_eq!(parse(&other).unwrap().digest(), chain.digest());
    }
    let der = chain.end_entity().as_der();
    assert_eq!(
        CertificateChain::parse(der).unwrap().digest(),
        chain.digest()
    );
    assert_eq!(
        sha256(&sha256(der)),
        chain.digest(),
        "over the DER, not over its dress"
    );
    assert_eq!(chain.to_pem(), FIGURE_1, "the RFC has the strict form");
}

#[test]
fn what_is_no_list_is_refused_by_name() {
    let cut = FIGURE_1.replace("-----END CERTIFICATE-----", "");
    for (text, error) in [
        (String::new(), ChainError::Empty),
        ("<html>404</html>".to_owned(), ChainError::Empty),
        (cut, ChainError::Pem),
        (FIGURE_1.replace("MIIC", "MI C!"), ChainError::Pem),
        (
            FIGURE_1.replace("-----END CERT", "-----END X509 CERT"),
            ChainError::Pem,
        ),
        (
            FIGURE_1.replace(" CERTIFICATE", " CERTIFICATE REQUEST"),
            ChainError::NotACertificate,
        ),
        ("-----BEGIN ".to_owned(), ChainError::Pem),
        (
            FIGURE_1.repeat(MAX_CHAIN_CERTIFICATES + 1),
            ChainError::TooMany,
        ),
    ] {
        assert_eq!(parse(&text), Err(error), "{text}");
    }
    assert_eq!(
        CertificateChain::parse(&[0xff, 0xfe]),
        Err(ChainError::NotText)
    );
    let cause = CertificateError::Malformed;
    assert_eq!(
        CertificateChain::parse(&[0x30, 0]),
        Err(ChainError::Certificate { index: 0, cause })
    );
    let second =
        format!("{FIGURE_1}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    assert_eq!(
        parse(&second),
        Err(ChainError::Certificate { index: 1, cause })
    );
}

/// A private key among the certificates is told apart, whatever its format.
#[test]
fn a_private_key_is_named() {
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        let key = format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        assert_eq!(
            parse(&format!("{FIGURE_1}{key}")),
            Err(ChainError::PrivateKey)
        );
        assert_eq!(
            parse(&format!("{key}{FIGURE_1}")),
            Err(ChainError::PrivateKey)
        );
    }
}

/// Ten thousand certificates are refused before one of them is decoded.
#[test]
fn ten_thousand_certificates_are_not_read() {
    let many = FIGURE_1.repeat(10_000);
    assert_eq!(parse(&many), Err(ChainError::TooLarge));
    let tiny = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".repeat(4_000);
    assert_eq!(parse(&tiny), Err(ChainError::TooMany));
}

/// Two lists have the same digest only if they are the same certificates in the same order.
#[test]
fn order_counts() {
    let one = parse(FIGURE_1).unwrap();
    let two = parse(&FIGURE_1.repeat(2)).unwrap();
    assert_ne!(one.digest(), two.digest());
}
