//! What Reason says of PASSporTs, how it is written, and what of it is taken out.

use super::*;
use crate::message::Framing;
use proptest::prelude::*;

/// The PASSporT of the examples of RFC 9410 §5, without the breaks of its lines.
const FULL: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9.\
                    eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6IjE0NDMyMDgzNDUiLCJvcmlnIjp7InRuIjoiMTIxNTU1NTEyMTIifX0.\
                    rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w";

/// Its signature, and that of the other PASSporT of RFC 9410 §6.
const FIRST: &str =
    "rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w";
const SECOND: &str =
    "rJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsq3pjT1hoRwakEGjHCnWSwUnshd0-zckGaS6hEck7wojNCpTzO3QfPOl";

fn response(lines: &str) -> Message {
    let text = format!("SIP/2.0 180 Ringing\r\nFrom: <sip:a@h>;tag=1\r\n{lines}\r\n");
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

fn stripped(lines: &str, signature: &str) -> String {
    let message = response(lines);
    let mut patch = Patch::default();
    strip(&message, &mut patch, &[signature], |reason| {
        match reason.subject() == Subject::Signature(signature.into()) {
            true => Fate::Removed,
            false => Fate::Kept,
        }
    });
    let text = String::from_utf8(patch.apply(&message).unwrap().to_vec()).unwrap();
    let start = text.find("tag=1\r\n").unwrap() + "tag=1\r\n".len();
    text[start..text.len() - 2].to_owned()
}

/// This test verifies that the examples of RFC 9410 §4 to §6 are read: code, phrase, and which PASSporT.
#[test]
fn rfc9410_examples_are_read() {
    let lines = format!(
        "Reason: STIR ;cause=436 ;text=\"Bad Identity Info\"\r\n\
         Reason: STIR ;cause=436 ;text=\"Bad Identity Info\" ;ppi=\"{FULL}\"\r\n\
         Reason: STIR ;cause=436 ;text=\"Bad Identity Info\" ;ppi= \r\n \"..{FIRST}\"\r\n\
         Reason: STIR ;cause=438 ;text=\"Invalid Identity Header\" ;ppi=\"..{SECOND}\"\r\n"
    );
    let message = response(&lines);
    let read: Vec<_> = values(&message).map(Option::unwrap).collect();
    let subjects: Vec<_> = read.iter().map(Reason::subject).collect();
    let first = Subject::Signature(FIRST.into());
    let second = Subject::Signature(SECOND.into());
    assert_eq!(subjects, [Subject::Unnamed, first.clone(), first, second]);
    let causes: Vec<_> = read.iter().map(Reason::cause).collect();
    assert_eq!(causes, [Some(436), Some(436), Some(436), Some(438)]);
    assert!(read.iter().all(Reason::is_stir));
    assert_eq!(read[3].text().unwrap(), "Invalid Identity Header");
}

#[test]
fn digest02_case15_two_values_of_one_line() {
    let message = response(
        "Reason: SIP;cause=200;text=\"x\", STIR;cause=437;text=\"Unsupported Credential\";ppi=\"..abc\"\r\n",
    );
    let read: Vec<_> = values(&message).map(Option::unwrap).collect();
    assert_eq!(read.len(), 2);
    assert_eq!(
        (read[0].protocol, read[0].cause()),
        (&b"SIP"[..], Some(200))
    );
    assert!(!read[0].is_stir() && read[1].is_stir());
    assert_eq!(read[1].subject(), Subject::Signature("abc".into()));
}

#[test]
fn digest02_case16_a_cause_that_nobody_knows_is_kept_as_it_is() {
    let line = "Reason: STIR;cause=999;x;y=\"z\"\r\n";
    let message = response(line);
    let read = values(&message).next().flatten().unwrap();
    assert_eq!(
        (read.cause(), read.subject()),
        (Some(999), Subject::Unnamed)
    );
    assert_eq!(stripped(line, FIRST), line);
}

#[test]
fn digest02_case06_what_is_ours_goes_and_the_rest_stays_byte_for_byte() {
    let ours = format!("STIR;cause=438;ppi=\"..{FIRST}\"");
    for (lines, left) in [
        (format!("Reason: {ours}\r\n"), ""),
        (
            format!("Reason: {ours}, Q.850 ;cause=16 ;text=\"a, b\"\r\nX: y\r\n"),
            "Reason: Q.850 ;cause=16 ;text=\"a, b\"\r\nX: y\r\n",
        ),
        (
            format!("Reason:  Q.850;cause=16\r\nREASON: {ours}\r\n"),
            "Reason:  Q.850;cause=16\r\n",
        ),
        (
            format!("Reason: Q.850;cause=16;text=\"..{FIRST}\"\r\n"),
            &format!("Reason: Q.850;cause=16;text=\"..{FIRST}\"\r\n"),
        ),
    ] {
        assert_eq!(stripped(&lines, FIRST), left);
    }
}

#[test]
fn digest02_case09_a_passport_in_full_is_known_by_its_signature() {
    assert_eq!(
        stripped(&format!("Reason: STIR;cause=438;ppi=\"{FULL}\"\r\n"), FIRST),
        ""
    );
}

/// This test verifies that a value that we cannot read, and somebody else might, does not carry our PASSporT on.
#[test]
fn a_malformed_value_with_our_signature_goes() {
    let (start, end) = FIRST.split_at(40);
    for (lines, left) in [
        (format!("Reason: STIR;cause=438;;ppi=\"..{FIRST}\"\r\n"), ""),
        (format!("Reason: STIR x;ppi=\"..{FIRST}\r\n"), ""),
        (
            format!("Reason: STIR;;ppi=\"..{start}\r\n \\{end}\"\r\n"),
            "",
        ),
        ("Reason: STIR;;\r\n".to_owned(), "Reason: STIR;;\r\n"),
    ] {
        assert_eq!(stripped(&lines, FIRST), left);
    }
}

#[test]
fn a_forged_ppi_names_nobody() {
    for ppi in ["", "..", "...", "a.b", "a..c", ".b.c", "a.b.c.d", FIRST] {
        let value = format!("STIR;cause=438;ppi=\"{ppi}\"");
        let reason = Reason::parse(value.as_bytes()).unwrap();
        assert_eq!(reason.subject(), Subject::Unreadable, "{ppi}");
    }
}

#[test]
fn what_is_written_is_what_was_meant() {
    let code = Code::InvalidIdentityHeader;
    let text = "STIR;cause=438;text=\"Invalid Identity Header\"";
    assert_eq!(stir(code, None), text.as_bytes());
    let named = format!("{text};ppi=\"..{FIRST}\"");
    assert_eq!(stir(code, Some(&format!("..{FIRST}"))), named.as_bytes());
    let long = format!("{}.{}.{FIRST}", "a".repeat(600), "b".repeat(600));
    assert_eq!(stir(code, Some(&long)), named.as_bytes());
    let endless = format!("..{}", "c".repeat(MAX_WRITTEN_PPI));
    assert_eq!(stir(code, Some(&endless)), text.as_bytes());
    assert_eq!(sip(603, "Blocked"), b"SIP;cause=603;text=\"Blocked\"");
}

proptest! {
    /// Whatever a line has in it, values of other protocols come out as they went in, and what goes does not come back.
    #[test]
    fn others_are_never_touched(lines in proptest::collection::vec("[ -~]{0,60}", 0..6)) {
        let ours = format!("STIR;cause=438;ppi=\"..{FIRST}\"");
        let lines: String = lines.iter().map(|line| format!("Reason: {line}\r\nReason: {ours}\r\n")).collect();
        let Ok(message) = Message::parse(format!("SIP/2.0 180 Ringing\r\n{lines}\r\n").into(), Framing::Datagram) else {
            return Ok(());
        };
        let others = |message: &Message| -> Vec<Vec<u8>> {
            let raw = message.elements(Name::Reason).filter(|raw| !raw.is_empty());
            raw.filter(|raw| **raw != *ours.as_bytes()).map(<[u8]>::to_vec).collect()
        };
        let mut patch = Patch::default();
        strip(&message, &mut patch, &[FIRST], |reason| match reason.subject() {
            Subject::Signature(signature) if *signature == *FIRST => Fate::Removed,
            _ => Fate::Kept,
        });
        let left = Message::parse(patch.apply(&message).unwrap(), Framing::Datagram).unwrap();
        prop_assert_eq!(others(&left), others(&message));
        prop_assert!(!left.elements(Name::Reason).any(|raw| raw == ours.as_bytes()));
    }

    #[test]
    fn what_is_written_is_read(signature in "[A-Za-z0-9_-]{1,200}") {
        let value = stir(Code::StaleDate, Some(&format!("..{signature}")));
        let reason = Reason::parse(&value).unwrap();
        prop_assert_eq!(reason.cause(), Some(403));
        prop_assert_eq!(reason.subject(), Subject::Signature(signature.into()));
    }

    #[test]
    fn any_bytes_are_read_or_refused(raw in any::<Vec<u8>>()) {
        if let Some(reason) = Reason::parse(&raw) {
            let _ = (reason.cause(), reason.text(), reason.subject());
        }
    }
}
