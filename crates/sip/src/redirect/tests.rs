//! The answers of redirect mode, for one request and what was added to it.

use super::*;
use crate::message::Framing;
use crate::trunk::{NothingAdded, Role};
use countersign::verification::{Consequences, ProvenCaller};
use proptest::prelude::*;

const IDENTITY: &str = "a.b.c;info=<https://cert.example/c.pem>;alg=ES256;ppt=\"shaken\"";

fn invite(uri: &str, headers: &str) -> Message {
    let text = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\
         From: \"A\" <sip:+12025550100@a.example>;tag=1\r\nTo: <sip:+12025550101@b.example>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
         {headers}\r\n"
    );
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

fn signed() -> Additions {
    Additions {
        identities: vec![IDENTITY.into()],
        date: Some(countersign::time::UnixTime::from_secs(1_443_208_345)),
        ..Additions::default()
    }
}

fn judged() -> Additions {
    Additions {
        verstat: Some("TN-Validation-Passed".to_owned()),
        ..Additions::default()
    }
}

fn answer(
    form: RedirectForm,
    request: &Message,
    additions: &Additions,
) -> (u16, Vec<(String, String)>) {
    let mut trunk = Trunk::new("t", Vec::new());
    trunk.role = Role::Both;
    let dialect = RedirectDialect {
        form,
        nothing_added: NothingAdded::NotFound,
    };
    let answer = redirect(request, &trunk, dialect, additions).unwrap();
    let text = |value: Vec<u8>| String::from_utf8(value).unwrap();
    let headers = answer.headers.into_iter();
    let headers = headers.map(|(name, value)| (name.into(), text(value)));
    (answer.status, headers.collect())
}

/// The headers inside the URI of the only Contact.
fn inside(headers: &[(String, String)]) -> Vec<(String, String)> {
    let [(name, contact)] = headers else {
        panic!("{headers:?}")
    };
    assert_eq!(name, "Contact");
    let uri = contact
        .strip_prefix('<')
        .unwrap()
        .strip_suffix('>')
        .unwrap();
    let Ok(Uri::Sip(uri)) = Uri::parse(uri.as_bytes()) else {
        panic!("{contact}")
    };
    let text = |part| String::from_utf8(part).unwrap();
    uri.header_fields()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    expected.iter().map(owned).collect()
}

const URI: &str = "sip:+12025550101@b.example;user=phone";
const DATE: (&str, &str) = ("Date", "Fri, 25 Sep 2015 19:12:25 GMT");

/// This test verifies that each form says the same in its own place.
#[test]
fn a_signature_in_every_form() {
    let request = invite(URI, "");
    let contact = format!("<{URI}>");
    let (status, plain) = answer(RedirectForm::Header, &request, &signed());
    assert_eq!(status, 302);
    assert_eq!(
        plain,
        pairs(&[("Contact", &contact), DATE, ("Identity", IDENTITY)])
    );
    let (_, renamed) = answer(RedirectForm::XHeaders, &request, &signed());
    let date = ("X-Date", DATE.1);
    assert_eq!(
        renamed,
        pairs(&[("Contact", &contact), date, ("X-Identity", IDENTITY)])
    );
    let (_, embedded) = answer(RedirectForm::Contact, &request, &signed());
    assert_eq!(inside(&embedded), pairs(&[DATE, ("Identity", IDENTITY)]));
    assert!(embedded[0].1.starts_with(&format!("<{URI}?Date=Fri%2C")));
}

/// This test verifies that `X-Date` is there even where the request has a Date already: the signature speaks of that one.
#[test]
fn the_date_of_the_request_is_repeated_under_its_other_name() {
    let request = invite(URI, "Date: Fri, 25 Sep 2015 19:12:20 GMT\r\n");
    let mut signed = signed();
    signed.date = None;
    let (_, headers) = answer(RedirectForm::XHeaders, &request, &signed);
    let date = ("X-Date", "Fri, 25 Sep 2015 19:12:20 GMT");
    assert_eq!(headers[1..], pairs(&[date, ("X-Identity", IDENTITY)]));
    let (_, headers) = answer(RedirectForm::Header, &request, &signed);
    assert_eq!(headers[1..], pairs(&[("Identity", IDENTITY)]));
}

/// This test verifies that the verdict stands on the asserted identity in every form.
#[test]
fn a_verdict_in_every_form() {
    let request = invite(URI, "");
    let verdict = (
        "P-Asserted-Identity",
        "<sip:+12025550100;verstat=TN-Validation-Passed@a.example>",
    );
    for form in [RedirectForm::Header, RedirectForm::XHeaders] {
        let (status, headers) = answer(form, &request, &judged());
        assert_eq!((status, &headers[1..]), (302, &pairs(&[verdict])[..]));
    }
    let (_, headers) = answer(RedirectForm::Contact, &request, &judged());
    assert_eq!(inside(&headers), pairs(&[verdict]));
}

/// This test verifies that what left as it came is answered with the code for that, which only as 302 has a Contact.
#[test]
fn nothing_added() {
    let request = invite(URI, "");
    assert_eq!(
        answer(RedirectForm::Header, &request, &Additions::default()),
        (404, Vec::new())
    );
    let dialect = RedirectDialect::default();
    let trunk = Trunk::new("t", Vec::new());
    let answer = redirect(&request, &trunk, dialect, &Additions::default()).unwrap();
    assert_eq!(
        (answer.status, answer.headers),
        (302, vec![contact(URI.as_bytes())])
    );
}

/// This test verifies that a Request-URI that can carry no headers is answered with headers of the response.
#[test]
fn a_tel_uri_carries_nothing() {
    let request = invite("tel:+12025550101", "");
    let (_, headers) = answer(RedirectForm::Contact, &request, &signed());
    let contact = ("Contact", "<tel:+12025550101>");
    assert_eq!(headers, pairs(&[contact, DATE, ("Identity", IDENTITY)]));
}

/// This test verifies that headers which the Request-URI should not have had come first and stay.
#[test]
fn headers_of_the_request_uri_stay() {
    let request = invite("sip:b@b.example?Subject=x", "");
    let (_, headers) = answer(RedirectForm::Contact, &request, &signed());
    let expected = pairs(&[("Subject", "x"), DATE, ("Identity", IDENTITY)]);
    assert_eq!(inside(&headers), expected);
}

proptest! {
    /// This test verifies that whatever the Identity is, whoever takes the Contact apart gets it back, and the Contact is one value.
    #[test]
    fn the_identity_is_read_back_from_contact(identity in "[ -~]{1,600}") {
        let mut signed = signed();
        signed.identities = vec![identity.clone().into()];
        let (_, headers) = answer(RedirectForm::Contact, &invite(URI, ""), &signed);
        let address = NameAddr::parse(headers[0].1.as_bytes());
        prop_assert!(address.is_some());
        prop_assert_eq!(inside(&headers), pairs(&[DATE, ("Identity", &identity)]));
    }
}

#[test]
fn what_was_proven_of_the_caller_is_handed_back() {
    let proven = |name: &str| {
        let caller = ProvenCaller {
            name: Some(name.into()),
            reason: Some("For your ears only".into()),
            ..ProvenCaller::default()
        };
        let consequences = Consequences {
            caller: Some(Box::new(caller)),
            ..Consequences::default()
        };
        Additions {
            consequences: Some(Box::new(consequences)),
            ..judged()
        }
    };
    let request = invite("sip:+12025550101@b.example", "");
    let asserted = "<sip:+12025550100;verstat=TN-Validation-Passed@a.example>";
    let reason = "<data:>;purpose=jcard;call-reason=\"For your ears only\";verified=\"true\"";
    for name in ["Q Branch", "A"] {
        let (_, headers) = answer(RedirectForm::Header, &request, &proven(name));
        let header = |name: &str| {
            let those = headers.iter().filter(|(other, _)| other == name);
            those.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            header("P-Asserted-Identity"),
            [format!("\"{name}\" {asserted}")]
        );
        assert_eq!(
            header("Call-Info"),
            [reason, "<data:>;purpose=jcard;verified=\"true\""]
        );
    }
}
