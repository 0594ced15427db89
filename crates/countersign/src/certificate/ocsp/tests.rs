//! OCSP, read and judged: what this room promises, on small samples.

use super::*;
use crate::certificate::crl::Reason;
use proptest::prelude::*;

#[test]
fn digest05_case01_the_number_is_asked_for_in_an_ia5_string() {
    assert_eq!(
        encode::oid(&TN_QUERY),
        [
            0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x0a
        ]
    );
    let value = tn_query("12155551212".parse().unwrap());
    assert_eq!(value, b"\x16\x0b12155551212");
    assert_eq!(read_tn_query(&value), Ok("12155551212".parse().unwrap()));
}

// RFC 9654 §2.1: "The following is an example of an encoded OCSP Nonce extension with a 32-octet Nonce in hexadecimal format."
#[test]
fn the_example_of_rfc_9654_is_what_we_write() {
    let nonce = [
        0xdd, 0x49, 0xd4, 0x07, 0x2c, 0x44, 0x9d, 0xa1, 0xc3, 0x17, 0xbd, 0x1c, 0x1b, 0xdf, 0xfe,
        0xdb, 0xe1, 0x50, 0x31, 0x2e, 0xc4, 0xcd, 0x0a, 0xdd, 0x18, 0xe5, 0xbd, 0x6f, 0x84, 0xbf,
        0x14, 0xc8,
    ];
    let written = extension(&NONCE, &encode::octet_string(&nonce));
    let header = [
        0x30, 0x2f, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02, 0x04, 0x22,
        0x04, 0x20,
    ];
    assert_eq!(written, [&header[..], &nonce].concat());
}

/// A CertID with hashes of these lengths.
fn cert_id(algorithm: &str, name: usize, key: usize) -> Vec<u8> {
    let algorithm = ObjectIdentifier::new_unwrap(algorithm);
    encode::sequence(&[
        encode::sequence(&[encode::oid(&algorithm), encode::null()]),
        encode::octet_string(&vec![1; name]),
        encode::octet_string(&vec![2; key]),
        encode::integer(&[7]),
    ])
}

fn read_request(cert_id: Vec<u8>) -> Result<OcspRequest, OcspError> {
    let asked = encode::sequence(&[encode::sequence(&[cert_id])]);
    OcspRequest::parse(&encode::sequence(&[encode::sequence(&[asked])]))
}

#[test]
fn digest05_case10_hashes_have_three_forms() {
    let sha256 = "2.16.840.1.101.3.4.2.1";
    let sha1 = "1.3.14.3.2.26";
    let form = |id| read_request(id).map(|request| request.asked[0].certificate.form());
    assert_eq!(form(cert_id(sha256, 20, 20)), Ok(HashForm::Sha256Cut));
    assert_eq!(form(cert_id(sha256, 32, 32)), Ok(HashForm::Sha256));
    assert_eq!(form(cert_id(sha1, 20, 20)), Ok(HashForm::Sha1));
    for (algorithm, name, key) in [
        (sha256, 21, 21),
        (sha256, 20, 32),
        (sha1, 32, 32),
        ("1.2.3.4", 20, 20),
    ] {
        let found = form(cert_id(algorithm, name, key));
        assert_eq!(found, Err(OcspError::Malformed), "{algorithm} {name} {key}");
    }
}

#[test]
fn a_request_without_questions_and_one_with_too_many_are_refused() {
    let one = encode::sequence(&[cert_id("1.3.14.3.2.26", 20, 20)]);
    let of = |count: usize| {
        let list = encode::sequence(&vec![one.clone(); count]);
        OcspRequest::parse(&encode::sequence(&[encode::sequence(&[list])]))
    };
    assert_eq!(of(0), Err(OcspError::Malformed));
    assert_eq!(
        of(MAX_ASKED).map(|request| request.asked.len()),
        Ok(MAX_ASKED)
    );
    assert_eq!(of(MAX_ASKED + 1), Err(OcspError::TooMany));
    assert_eq!(
        OcspRequest::parse(&vec![0x30; MAX_REQUEST + 1]),
        Err(OcspError::TooLarge)
    );
}

#[test]
fn refusals_have_no_answer_beside_them() {
    let refusal = |code| OcspResponse::parse(&[0x30, 3, 0x0a, 1, code]);
    for code in [1, 2, 3, 5, 6] {
        let Ok(OcspResponse::Refused(refused)) = refusal(code) else {
            panic!("{code} is a refusal");
        };
        assert_eq!(refused.code(), code);
    }
    for code in [0, 4, 7, 0xff] {
        assert!(refusal(code).is_err(), "{code}");
    }
    let with_bytes = [0x30, 7, 0x0a, 1, 3, 0xa0, 2, 0x30, 0];
    assert!(OcspResponse::parse(&with_bytes).is_err());
}

#[test]
fn reasons_of_revocation_keep_their_numbers() {
    for code in [0, 1, 2, 3, 4, 5, 6, 9, 10] {
        assert_eq!(Reason::from_code(code).code(), code);
    }
}

#[test]
fn a_question_is_a_url() {
    let url = request::question_url("https://ocsp.example.org/ocsp/", &[0xfb, 0xff, 0xfe, 0x30]);
    assert_eq!(url, "https://ocsp.example.org/ocsp/%2B%2F%2F%2BMA%3D%3D");
}

fn some_cert_id() -> impl Strategy<Value = CertId> {
    let form = prop::sample::select(vec![
        ("1.3.14.3.2.26", 20),
        ("2.16.840.1.101.3.4.2.1", 20),
        ("2.16.840.1.101.3.4.2.1", 32),
    ]);
    form.prop_map(|(algorithm, length)| {
        read_request(cert_id(algorithm, length, length))
            .unwrap()
            .asked
            .remove(0)
            .certificate
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        ids in prop::collection::vec((some_cert_id(), prop::option::of("[0-9]{1,15}")), 1..MAX_ASKED),
        nonce in prop::option::of(prop::collection::vec(any::<u8>(), 0..129)),
    ) {
        let asked = ids.into_iter().map(|(certificate, number)| Asked {
            certificate,
            number: number.map(|number| number.parse().unwrap()),
        });
        let request = OcspRequest { asked: asked.collect(), nonce: nonce.map(Nonce::from) };
        prop_assert_eq!(OcspRequest::parse(&request.to_der()), Ok(request));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = OcspRequest::parse(&bytes);
        let _ = OcspResponse::parse(&bytes);
    }
}
