//! Calls to somebody whom their PASSporTs do not name: which are found, what the table writes, and which entry of History-Info tells of them.

use super::*;
use crate::message::Framing;
use crate::trunk::Forwards;
use bytes::Bytes;
use countersign::crypto::{EcdsaP256Key, SigningKey};
use countersign::identity::Dest;
use countersign::passport::{Claims, Div, Extension, HeaderCache, Passport};
use countersign::time::UnixTime;

const ORIG: &str = "12025550100";

fn identity(number: &str) -> Identity {
    Identity::Number(number.parse().unwrap())
}

/// The value of an Identity header of a call to `dest`, diverted from `from`.
fn passport(dest: &str, from: Option<&str>) -> String {
    let key = EcdsaP256Key::generate().unwrap();
    let x5u = "https://cert.example/c.pem";
    let extension = match from {
        Some(from) => Extension::Div(Box::new(Div::new(identity(from), None))),
        None => Extension::Base,
    };
    let claims = Claims {
        orig: identity(ORIG),
        dest: Dest::one(identity(dest)),
        iat: UnixTime::from_secs(1_443_208_345),
        extension,
        rich: None,
        media_keys: None,
        staple: None,
    };
    let headers = HeaderCache::new(x5u).unwrap();
    let key: &dyn SigningKey = &key;
    let signed = Passport::new(claims).unwrap().sign(&headers, key).unwrap();
    let ppt = from.map_or("", |_| ";ppt=div");
    format!("{};info=<{x5u}>{ppt}", signed.token())
}

fn request(uri: &str, headers: &[(&str, &str)]) -> Message {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let text = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nFrom: <sip:+12025550100@a.example>;tag=1\r\n\
         To: <sip:+12025550101@b.example>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{headers}\r\n"
    );
    Message::parse(Bytes::from(text), Framing::Datagram).unwrap()
}

fn found(request: &Message, table: &str) -> Option<Retargeting> {
    let diversions = Diversions {
        forwards: Forwards::parse(table).unwrap(),
    };
    retargeting(request, &Trunk::new("t", Vec::new()), &diversions)
}

#[test]
fn a_call_to_somebody_whom_its_passports_do_not_name() {
    let original = passport("12025550101", None);
    let first = passport("12025550110", Some("12025550101"));
    let here = |uri: &str, identities: &[&str]| {
        let headers: Vec<_> = identities.iter().map(|one| ("Identity", *one)).collect();
        found(&request(uri, &headers), "")
    };
    let diverted = here("sip:+12025550110@b.example", &[&original]).unwrap();
    assert_eq!(diverted.request_uri, None);
    assert_eq!(diverted.diversion.target, identity("12025550110"));
    assert_eq!(diverted.diversion.existing.len(), 1);
    assert!(here("tel:+1-202-555-0101", &[&original]).is_none());
    // Somebody has signed the diversion already.
    assert!(here("sip:+12025550110@b.example", &[&original, &first]).is_none());
    let again = here("sip:+12025550120@b.example", &[&first, &original]).unwrap();
    assert_eq!(again.diversion.existing.len(), 2);
    // Nothing to refer to, nobody called, nothing to read, more than anybody judges.
    assert!(here("sip:+12025550110@b.example", &[]).is_none());
    assert!(here("sip:b.example", &[&original]).is_none());
    assert!(
        here(
            "sip:+12025550110@b.example",
            &["..c2ln;info=<https://c.example>"]
        )
        .is_none()
    );
    assert!(here("sip:+12025550110@b.example", &[&*original; 9]).is_none());
}

#[test]
fn the_passport_of_another_caller_is_left_alone() {
    let original = passport("12025550101", None);
    let diverted = |from: &str| {
        let headers = [("Identity", &*original), ("P-Asserted-Identity", from)];
        let request = request("sip:+12025550110@b.example", &headers);
        let mut trunk = Trunk::new("t", Vec::new());
        trunk.call.trust_pai = call::TrustPai::Trusted;
        let diversions = Diversions {
            forwards: Forwards::parse("").unwrap(),
        };
        retargeting(&request, &trunk, &diversions)
    };
    assert!(diverted("<sip:+12025550100@a.example>").is_some());
    assert!(diverted("<sip:+12025550177@a.example>").is_none());
}

#[test]
fn the_table_writes_the_number_and_nothing_else() {
    let forwarded = |uri: &str| {
        let found = found(&request(uri, &[]), "12025550101,12025550110")?;
        Some(String::from_utf8(found.request_uri.unwrap().into()).unwrap())
    };
    let all = [
        (
            "sip:+12025550101@b.example:5070;user=phone",
            "sip:+12025550110@b.example:5070;user=phone",
        ),
        (
            "SIPS:12025550101;rn=+12025550199;npdi:secret@[2001:db8::1]",
            "sips:+12025550110@[2001:db8::1]",
        ),
        ("tel:+1(202)555-0101;npdi", "tel:+12025550110"),
    ];
    for (uri, expected) in all {
        assert_eq!(forwarded(uri).as_deref(), Some(expected), "{uri}");
    }
    assert_eq!(forwarded("sip:+12025550110@b.example"), None);
    assert_eq!(forwarded("urn:service:sos"), None);
}

#[test]
fn the_index_of_history_info_is_that_of_the_last_entry_about_the_target() {
    let original = passport("12025550101", None);
    let index = |history: &str| {
        let headers = [("Identity", &*original), ("History-Info", history)];
        let request = request("sip:+12025550110@b.example", &headers);
        found(&request, "").unwrap().diversion.history
    };
    let to = "<sip:+12025550101@b.example>;index=1";
    let target = "<sip:+12025550110@b.example?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1";
    assert_eq!(index(to), None);
    assert_eq!(index(&format!("{to}, {target}")).as_deref(), Some("1.1"));
    let twice = format!("{to}, {target}, <tel:+12025550110>;index=1.1.1");
    assert_eq!(index(&twice).as_deref(), Some("1.1.1"));
    assert_eq!(index("<sip:+12025550110@b.example>"), None);
    assert_eq!(index("???"), None);
}
