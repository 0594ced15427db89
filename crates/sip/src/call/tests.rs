//! What a request claims, header by header.

use super::*;
use crate::message::Framing;
use countersign::call::DateHeader;

const TRUSTED: TrustPai = TrustPai::Trusted;

fn request(uri: &str, headers: &str) -> Message {
    let text = format!("INVITE {uri} SIP/2.0\r\nCall-ID: c@h\r\n{headers}\r\n");
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

fn call(headers: &str, trust_pai: TrustPai) -> Call {
    let policy = CallPolicy {
        trust_pai,
        ..CallPolicy::default()
    };
    from_request(&request("sip:+12025550101@h", headers), &policy)
}

fn orig(headers: &str, trust_pai: TrustPai) -> (Option<String>, OrigSource) {
    let call = call(headers, trust_pai);
    (call.orig.map(|orig| orig.to_string()), call.orig_from)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const FROM: &str = "From: <sip:+12025550100@h>;tag=x\r\n";

#[test]
fn users_case46_the_assertion_speaks_only_if_it_is_trusted() {
    let headers = format!("{FROM}P-Asserted-Identity: <sip:+12025550111@h>\r\n");
    assert_eq!(
        orig(&headers, TRUSTED),
        (some("12025550111"), OrigSource::PAssertedIdentity)
    );
    assert_eq!(
        orig(&headers, TrustPai::Ignored),
        (some("12025550100"), OrigSource::From)
    );
}

#[test]
fn a_number_is_preferred_among_asserted_values() {
    for list in [
        "P-Asserted-Identity: <sip:alice@h>, <tel:+12025550111>\r\n",
        "P-Asserted-Identity: <sip:alice@h>\r\nP-Asserted-Identity: <tel:+12025550111>\r\n",
        "P-Asserted-Identity: \"A, B\" <sip:12025550111;verstat=x@h;user=phone>,<sip:alice@h>\r\n",
        "P-Asserted-Identity: garbage, <tel:+12025550111>\r\n",
    ] {
        assert_eq!(
            orig(&format!("{FROM}{list}"), TRUSTED).0,
            some("12025550111"),
            "{list}"
        );
    }
    let uris = "P-Asserted-Identity: <sip:Alice@h>, <sip:bob@h>\r\n";
    assert_eq!(
        orig(&format!("{FROM}{uris}"), TRUSTED).0,
        some("sip:alice@h")
    );
}

#[test]
fn users_case47_an_anonymous_from_is_nobody_unless_somebody_asserts() {
    for (from, nobody) in [
        ("sip:anonymous@anonymous.invalid", None),
        ("sip:thisis@unknown.INVALID", None),
        ("sip:+12025550199@anonymous.invalid", None),
        // One of its users, for whom its provider may sign (RFC 8224 §7.1).
        ("sip:Anonymous@a.example", some("sip:anonymous@a.example")),
    ] {
        let from = format!("From: \"Anonymous\" <{from}>;tag=x\r\n");
        assert_eq!(orig(&from, TRUSTED), (nobody.clone(), OrigSource::From));
        let asserted = format!("{from}P-Asserted-Identity: <tel:+12025550111>\r\n");
        assert_eq!(
            orig(&asserted, TRUSTED),
            (some("12025550111"), OrigSource::PAssertedIdentity)
        );
        for useless in ["anonymous@anonymous.invalid", "anonymous@b.example"] {
            let useless = format!("{from}P-Asserted-Identity: <sip:{useless}>\r\n");
            assert_eq!(orig(&useless, TRUSTED), (nobody.clone(), OrigSource::From));
        }
    }
    assert_eq!(orig("From: garbage\"\r\n", TRUSTED).0, None);
    assert_eq!(orig("", TRUSTED).0, None);
}

#[test]
fn users_case48_numbers_in_every_dress() {
    for uri in [
        "sip:+12025550100@h",
        "sip:12025550100@h",
        "sip:+1(202)555-0100@h;user=phone",
        "sip:+12025550100;tgrp=t;trunk-context=h@h",
        "sip:+12025550100;npdi;rn=+12025550199@h",
        "tel:+1-202-555-0100",
        "tel:202-555-0100;phone-context=+1",
    ] {
        assert_eq!(
            orig(&format!("From: <{uri}>;tag=x\r\n"), TRUSTED).0,
            some("12025550100"),
            "{uri}"
        );
    }
}

#[test]
fn users_case49_to_is_tried_before_the_request_uri() {
    let dest = |to: &str| {
        let dest = call(&format!("To: {to}\r\n"), TRUSTED).dest;
        let text = dest
            .into_iter()
            .map(|(identity, source)| (identity.to_string(), source));
        text.collect::<Vec<_>>()
    };
    let request = ("12025550101".to_owned(), DestSource::RequestUri);
    assert_eq!(
        dest("<sip:+12025550102@h>"),
        [("12025550102".to_owned(), DestSource::To), request.clone()]
    );
    assert_eq!(
        dest("<sip:Bob@Example.com>"),
        [
            ("sip:bob@example.com".to_owned(), DestSource::To),
            request.clone()
        ]
    );
    assert_eq!(dest("<mailto:bob@example.com>"), [request]);
}

#[test]
fn users_case71_the_date_is_told_or_unusable() {
    assert_eq!(call("", TRUSTED).date, DateHeader::Absent);
    let good = "Date: Fri, 25 Sep 2015 19:12:25 GMT\r\n";
    let DateHeader::At(time) = call(good, TRUSTED).date else {
        panic!("a date");
    };
    assert_eq!(time.as_secs(), 1_443_208_345);
    for bad in [
        "Date: Fri, 25 Sep 2015 19:12:25 EST\r\n",
        "Date:\r\n",
        &good.repeat(2),
    ] {
        assert_eq!(call(bad, TRUSTED).date, DateHeader::Unusable, "{bad}");
    }
}

#[test]
fn the_reference_is_call_id_and_from_tag() {
    let reference = call(FROM, TRUSTED).reference.unwrap();
    assert_eq!(
        (&*reference.call_id, &*reference.from_tag),
        (b"c@h".as_slice(), b"x".as_slice())
    );
    let tagless = call("From: sip:a@h\r\n", TRUSTED).reference.unwrap();
    assert!(tagless.from_tag.is_empty());
}

#[test]
fn emergencies_are_told_by_urn_and_number() {
    let numbers: Vec<TelephoneNumber> = ["911", "112"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let to = "To: <sip:+12025550101@h>\r\n";
    let asks = |uri: &str, to: &str| is_emergency_call(&request(uri, to), &numbers);
    for uri in [
        "urn:service:sos",
        "URN:Service:SOS",
        "urn:service:sos.police",
        "sip:911@h",
        "sip:9-1-1;x=y@h;user=phone",
        "tel:112",
        "tel:911;phone-context=+1",
        "sips:112@h",
    ] {
        assert!(asks(uri, to), "{uri}");
        let only_in_to = format!("To: <{uri}>\r\n");
        assert!(!asks("sip:psap@h", &only_in_to), "{uri}");
    }
    for uri in [
        "urn:service:sosx",
        "urn:service:test.sos",
        "urn:service:counseling",
        "urn:nena:sos",
        "sip:sos@h",
        "sip:9110@h",
        "sip:+19115550100@h",
        "tel:+12025550112",
    ] {
        assert!(!asks(uri, to), "{uri}");
    }
    assert!(!is_emergency_call(&request("sip:911@h", to), &[]));
}

#[test]
fn digest10_case07_the_compact_form_is_rebuilt_with_the_name_of_whoever_speaks_for_the_caller() {
    let name = |headers: &str, trust| {
        let presentation = call(headers, trust).presentation;
        (
            presentation.name.map(String::from),
            presentation.reason.map(String::from),
        )
    };
    let named = "From: \"Q \\\"Branch\\\"\r\n  Spy\" <sip:+12025550100@h>;tag=x\r\n";
    let asserted = format!(
        "{named}P-Asserted-Identity: M <sip:m@h>, <tel:+12025550111>\r\nP-Asserted-Identity: \"R\" <sip:+12025550111@h>\r\n"
    );
    assert_eq!(name(FROM, TRUSTED), (None, None));
    assert_eq!(
        name("From: \"\" <sip:+12025550100@h>;tag=x\r\n", TRUSTED),
        (None, None)
    );
    assert_eq!(name(named, TRUSTED), (some("Q \"Branch\" Spy"), None));
    assert_eq!(
        name(&asserted, TrustPai::Ignored),
        (some("Q \"Branch\" Spy"), None)
    );
    assert_eq!(name(&asserted, TRUSTED), (some("R"), None));
    let reason = format!("{FROM}Call-Info: <data:>;purpose=jcard;call-reason=\"now\"\r\n");
    assert_eq!(name(&reason, TRUSTED), (None, some("now")));
}
