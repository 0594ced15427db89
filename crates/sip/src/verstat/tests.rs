//! Where `verstat` is taken out and put in.

use super::*;
use crate::message::Framing;
use proptest::prelude::*;

const PASSED: &str = "TN-Validation-Passed";

fn request(headers: &str) -> Message {
    let text = format!(
        "INVITE sip:b@h SIP/2.0\r\n{headers}X-Kept:  verstat=1 ;verstat=2\r\n\r\nbody;verstat=x"
    );
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

/// The headers of a request once `edit` was applied, without start line, kept header and body.
fn edited(headers: &str, edit: impl FnOnce(&Message, &mut Patch)) -> String {
    let message = request(headers);
    let mut patch = Patch::default();
    edit(&message, &mut patch);
    let bytes = patch.apply(&message).unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    let text = text.strip_prefix("INVITE sip:b@h SIP/2.0\r\n").unwrap();
    let tail = "X-Kept:  verstat=1 ;verstat=2\r\n\r\nbody;verstat=x";
    text.strip_suffix(tail).unwrap().to_owned()
}

fn stripped(headers: &str) -> String {
    edited(headers, |message, patch| {
        strip(message, patch, Asserted::Kept)
    })
}

fn tagged(headers: &str) -> String {
    edited(headers, |message, patch| {
        tag(
            message,
            patch,
            PASSED,
            Asserted::Kept,
            IdentityPolicy::default(),
        );
    })
}

/// Each of these values loses its `verstat` in every header that says who calls.
fn assert_stripped(cases: &[(&str, &str)]) {
    for (received, sent) in cases {
        for name in [
            "From",
            "f",
            "P-Asserted-Identity",
            "P-Preferred-Identity",
            "Remote-Party-ID",
            "Contact",
            "m",
            "Diversion",
            "History-Info",
            "Referred-By",
        ] {
            assert_eq!(
                stripped(&format!("{name}: {received}\r\n")),
                format!("{name}: {sent}\r\n")
            );
        }
        assert_eq!(
            stripped(&format!("Refer-To: {received}\r\n")),
            format!("Refer-To: {received}\r\n"),
            "it names nobody on the calling side"
        );
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn digest12_case16_verstat_is_taken_out_wherever_it_stands() {
    assert_stripped(&[
        (
            "<sip:+12025550100;verstat=TN-Validation-Passed@h>",
            "<sip:+12025550100@h>",
        ),
        (
            "<sip:+12025550100;npdi;verstat=x;rn=+1:pw@h;user=phone>",
            "<sip:+12025550100;npdi;rn=+1:pw@h;user=phone>",
        ),
        (
            "<sip:+12025550100;verstat=x:pw@h>",
            "<sip:+12025550100:pw@h>",
        ),
        ("<tel:+12025550100;verstat=x>", "<tel:+12025550100>"),
        ("tel:+12025550100;verstat=x", "tel:+12025550100"),
        (
            "<sip:anonymous@anonymous.invalid;verstat=x;a=b>",
            "<sip:anonymous@anonymous.invalid;a=b>",
        ),
        ("<sip:a@h;verstat=x?Subject=y>", "<sip:a@h?Subject=y>"),
        (
            "<sip:a@h>;tag=1 ; VerStat = x ;a=b",
            "<sip:a@h>;tag=1  ;a=b",
        ),
        ("<sip:a@h>;verstat=\"a;b\\\"\"", "<sip:a@h>"),
        ("<sip:a@h>;verstat", "<sip:a@h>"),
    ]);
}

#[test]
fn verstat_is_taken_out_however_it_is_hidden() {
    assert_stripped(&[
        ("<sip:a@h>;verst;verstat=\"x\"\"y\"at=z", "<sip:a@h>;verst"),
        ("<sip:a;v%65rst%61T=x@h>", "<sip:a@h>"),
        ("<sip:a@h>\r\n ;verstat=x", "<sip:a@h>\r\n "),
        (
            "<sip:a;verstat=x;verstat=y@h;verstat=z>;verstat=w",
            "<sip:a@h>",
        ),
        (
            "\"Bob \\\";verstat=x\" <sip:a;verstat=y@h>",
            "\"Bob \\\"\" <sip:a@h>",
        ),
        (
            "\"A;verstat=x\\\" ;verstat=y B\" <sip:a@h>",
            "\"A\\\"  B\" <sip:a@h>",
        ),
        ("<sip:a@h>; ;verstat=x verstat=y", "<sip:a@h> verstat=y"),
        ("<sip:a@h>;;verstat=x;;verstat=y;b", "<sip:a@h>;b"),
        (
            "<sip:+12025550100;verstat==5550101@h>",
            "<sip:+12025550100@h>",
        ),
        ("<tel:+12025550100;verstat=x,5550101>", "<tel:+12025550100>"),
        (
            "<tel:+1;verstat=x>;verstat=y, <tel:+2;verstat=z>",
            "<tel:+1>, <tel:+2>",
        ),
        (
            "x\"<tel:+1;verstat=TN-Validation-Passed>\"",
            "x\"<tel:+1>\"",
        ),
        (
            "<sip:a;verstats=x;xverstat=y;verstat2=z@h>",
            "<sip:a;verstats=x;xverstat=y;verstat2=z@h>",
        ),
        ("<sip:verstat=x@h>", "<sip:verstat=x@h>"),
        ("\"open ;verstat=x", "\"open "),
    ]);
}

#[test]
fn a_value_full_of_quotes_is_read_once() {
    let quotes = "\\\"".repeat(30_000);
    let message = request(&format!("Remote-Party-ID: \"{quotes};verstat=x\r\n"));
    let began = std::time::Instant::now();
    let mut patch = Patch::default();
    strip(&message, &mut patch, Asserted::Kept);
    assert!(!patch.is_empty());
    assert!(
        began.elapsed().as_secs() < 3,
        "quadratic: {:?}",
        began.elapsed()
    );
}

#[test]
fn every_value_of_a_list_is_cleaned() {
    assert_eq!(
        stripped(
            "P-Asserted-Identity: <sip:a;verstat=x@h>, \"B\" <tel:+1;verstat=y>\r\nP-Asserted-Identity: <sip:c;verstat=z@h>\r\n"
        ),
        "P-Asserted-Identity: <sip:a@h>, \"B\" <tel:+1>\r\nP-Asserted-Identity: <sip:c@h>\r\n"
    );
}

#[test]
fn digest12_case16_an_untrusted_assertion_is_removed_whole() {
    let removed = |headers| {
        edited(headers, |message, patch| {
            strip(message, patch, Asserted::Removed)
        })
    };
    assert_eq!(
        removed("P-Asserted-Identity: <sip:a;verstat=x@h>\r\nFrom: <sip:b;verstat=x@h>\r\n"),
        "From: <sip:b@h>\r\n"
    );
}

#[test]
fn the_verdict_goes_on_every_value_that_bears_a_number() {
    for (received, sent) in [
        (
            "\"A\" <sip:+12025550100@h;user=phone>, <tel:+1-202-555-0100>",
            "\"A\" <sip:+12025550100;verstat=TN-Validation-Passed@h;user=phone>, <tel:+1-202-555-0100;verstat=TN-Validation-Passed>",
        ),
        (
            "<sip:alice@h>, <tel:+12025550100;a=b>",
            "<sip:alice@h>, <tel:+12025550100;a=b;verstat=TN-Validation-Passed>",
        ),
        (
            "<sip:+12025550100;npdi:pw@h>",
            "<sip:+12025550100;npdi;verstat=TN-Validation-Passed:pw@h>",
        ),
        (
            "<sip:+12025550100;verstat=No-TN-Validation@h>",
            "<sip:+12025550100;verstat=TN-Validation-Passed@h>",
        ),
        // Two numbers: the first one was judged, and nobody knows anything of the second.
        (
            "<tel:+12025550100>, <tel:+12025550111>, <sip:+12025550100@h>",
            "<tel:+12025550100;verstat=TN-Validation-Passed>, <tel:+12025550111>, <sip:+12025550100;verstat=TN-Validation-Passed@h>",
        ),
        // An anonymous value speaks for nobody: From was judged.
        (
            "<sip:+12025550111@anonymous.invalid>, <sip:anonymous@anonymous.invalid>",
            "<sip:+12025550111@anonymous.invalid>, <sip:anonymous@anonymous.invalid;verstat=TN-Validation-Passed>",
        ),
        // No number at all: the user part is a name and must stay one.
        (
            "<sip:alice@h;a=b>, <sip:bob@h>",
            "<sip:alice@h;a=b;verstat=TN-Validation-Passed>, <sip:bob@h>",
        ),
    ] {
        let from = "From: <sip:+12025550199@h>;tag=1\r\n";
        assert_eq!(
            tagged(&format!("P-Asserted-Identity: {received}\r\n{from}")),
            format!("P-Asserted-Identity: {sent}\r\n{from}")
        );
    }
}

#[test]
fn without_an_assertion_one_is_added_and_from_stays() {
    for (from, asserted) in [
        (
            "\"A\" <sip:+12025550100@h;user=phone>;tag=1",
            "<sip:+12025550100;verstat=TN-Validation-Passed@h;user=phone>",
        ),
        (
            "sip:+12025550100@h;tag=1",
            "<sip:+12025550100;verstat=TN-Validation-Passed@h>",
        ),
        (
            "<tel:+12025550100>;tag=1",
            "<tel:+12025550100;verstat=TN-Validation-Passed>",
        ),
        (
            "<sip:anonymous@anonymous.invalid>;tag=1",
            "<sip:anonymous@anonymous.invalid;verstat=TN-Validation-Passed>",
        ),
        (
            "<sip:+12025550100@h?P-Asserted-Identity=x>",
            "<sip:+12025550100;verstat=TN-Validation-Passed@h>",
        ),
    ] {
        assert_eq!(
            tagged(&format!("From: {from}\r\nP-Asserted-Identity:\r\n")),
            format!("From: {from}\r\nP-Asserted-Identity: {asserted}\r\nP-Asserted-Identity:\r\n")
        );
    }
    assert_eq!(
        tagged("f: <sip:+12025550100;verstat=a@h;verstat=b>;tag=1\r\n"),
        "f: <sip:+12025550100@h>;tag=1\r\nP-Asserted-Identity: <sip:+12025550100;verstat=TN-Validation-Passed@h>\r\n"
    );
    assert_eq!(tagged("From: <mailto:a@h>\r\n"), "From: <mailto:a@h>\r\n");
    assert_eq!(tagged(""), "");
}

#[test]
fn an_untrusted_assertion_is_replaced_by_ours() {
    let sent = edited(
        "P-Asserted-Identity: <sip:+12025550111@h>\r\nFrom: <sip:+12025550100@h>\r\n",
        |message, patch| {
            tag(
                message,
                patch,
                PASSED,
                Asserted::Removed,
                IdentityPolicy::default(),
            );
        },
    );
    assert_eq!(
        sent,
        "From: <sip:+12025550100@h>\r\nP-Asserted-Identity: <sip:+12025550100;verstat=TN-Validation-Passed@h>\r\n"
    );
}

proptest! {
    #[test]
    fn no_verstat_survives(value in "[ a1;=@<>:?,\"\\\\%]{0,12};[ ]?;?(verst|verstat|VERSTAT|%76erstat)(;verstat)?([ =;a@>\"\\\\]{0,6})(at|verstat)?[ a1;=@<>:?,\"]{0,12}") {
        let text = format!("INVITE sip:b@h SIP/2.0\r\nFrom: {value}\r\n\r\n");
        let message = Message::parse(text.into(), Framing::Datagram).unwrap();
        let mut patch = Patch::default();
        strip(&message, &mut patch, Asserted::Kept);
        let again = Message::parse(patch.apply(&message).unwrap(), Framing::Datagram).unwrap();
        let mut patch = Patch::default();
        strip(&again, &mut patch, Asserted::Kept);
        prop_assert!(patch.is_empty(), "{:?}", again.bytes());
    }

    #[test]
    fn any_bytes_are_stripped_and_tagged(value in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut text = b"INVITE sip:b@h SIP/2.0\r\nFrom: <sip:a@h>\r\nP-Asserted-Identity: ".to_vec();
        text.extend(value);
        text.extend(b"\r\n\r\n");
        if let Ok(message) = Message::parse(text.into(), Framing::Datagram) {
            let mut patch = Patch::default();
            tag(&message, &mut patch, PASSED, Asserted::Kept, IdentityPolicy::default());
            prop_assert!(patch.apply(&message).is_ok());
        }
    }
}
