//! Bodies, and the keys in them.

use super::*;
use crate::message::Framing;
use countersign::media_keys::MAX_FINGERPRINTS;
use proptest::prelude::*;

/// The two fingerprints of RFC 8225 §5.2.2, whole.
const ONE: &str = "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1";
const TWO: &str = "02:1A:CC:54:27:AB:EB:9C:53:3F:3E:4B:65:2E:7D:46:3F:54:42:CD:54:F1:7A:03:A2:7D:F9:B0:7F:46:19:B2";

fn message(headers: &str, body: &str) -> Message {
    let text = format!("INVITE sip:b@h SIP/2.0\r\n{headers}\r\n{body}");
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

fn keys_of(headers: &str, body: &str) -> Option<MediaKeys> {
    fingerprints(&message(headers, body))
}

/// Each key as `algorithm digest`; `untold` for those that cannot be told.
fn read(headers: &str, body: &str) -> Vec<String> {
    let Some(keys) = keys_of(headers, body) else {
        return Vec::new();
    };
    if keys.is_untold() {
        return vec!["untold".to_owned()];
    }
    let text = |key: &Fingerprint| format!("{} {}", key.algorithm(), key.digest());
    keys.iter().map(text).collect()
}

const SDP: &str = "Content-Type: application/sdp\r\n";

fn bare(text: &str) -> String {
    text.replace(':', "")
}

#[test]
fn digest11_case01_order_level_and_repetition_of_lines_make_no_difference() {
    let (one, two) = (format!("sha-256 {ONE}"), format!("sha-384 {TWO}"));
    let expected = [
        format!("sha-256 {}", bare(ONE)),
        format!("sha-384 {}", bare(TWO)),
    ];
    let bodies = [
        format!("v=0\r\na=fingerprint:{one}\r\na=fingerprint:{two}\r\nm=audio 1 RTP/SAVPF 0\r\n"),
        format!("v=0\r\na=fingerprint:{two}\r\nm=audio 1 RTP/SAVPF 0\r\na=fingerprint:{one}\r\n"),
        format!(
            "v=0\r\na=fingerprint:{one}\r\nm=audio 1 x 0\r\na=fingerprint:{one}\r\na=fingerprint:{two}\r\n"
        ),
    ];
    for body in bodies {
        assert_eq!(read(SDP, &body), expected, "{body}");
    }
    let vector = format!("a=fingerprint:sha-256 {ONE}\r\na=fingerprint:sha-256 {TWO}\r\n");
    let sorted = [TWO, ONE].map(|digest| format!("sha-256 {}", bare(digest)));
    assert_eq!(read(SDP, &vector), sorted);
}

#[test]
fn digest11_case18_letters_of_any_case_are_the_canonical_ones() {
    let body = format!("a=fingerprint:SHA-256 {}\r\n", ONE.to_lowercase());
    assert_eq!(read(SDP, &body), [format!("sha-256 {}", bare(ONE))]);
}

#[test]
fn a_body_without_keys_has_none() {
    let plain = "v=0\r\ns=-\r\nm=audio 49170 RTP/AVP 0 18\r\na=rtpmap:18 G729/8000\r\n";
    for body in [
        "",
        plain,
        "s=fingerprint\r\n",
        "a=fingerprints:sha-256 0A\r\n",
        "a=tool:fingerprint:sha-256 0A\r\n",
        "fingerprint",
        "xg",
    ] {
        assert_eq!(keys_of(SDP, body), None, "{body}");
    }
}

#[test]
fn ends_of_lines_and_case_hide_no_key() {
    let found = ["sha-1 0A"];
    for body in [
        "a=fingerprint:sha-1 0A",
        "v=0\na=fingerprint:sha-1 0A\n",
        "v=0\ra=fingerprint:sha-1 0A\rm=x",
        "\r\n\r\n a=fingerprint:sha-1 0A \r\n",
        "a=FingerPrint: sha-1 \t0a",
    ] {
        assert_eq!(read(SDP, body), found, "{body:?}");
    }
}

#[test]
fn what_names_a_key_and_is_none_makes_all_untold() {
    for value in [
        "",
        "sha-256",
        "sha-256 ",
        "sha-256 0A:1",
        "sha-256 0A1B",
        "sha-256 0A:",
        "sha-256 0A:ZZ",
        "sha-256 0A 1B",
        "sha 256 0A",
        "sha@256 0A",
    ] {
        let body = format!("a=fingerprint:sha-256 0B\r\na=fingerprint:{value}\r\n");
        assert_eq!(read(SDP, &body), ["untold"], "{value:?}");
    }
    assert_eq!(read(SDP, "a=fingerprint"), ["untold"]);
}

#[test]
fn too_many_are_untold_and_repetitions_are_not_many() {
    let line = |number: usize| format!("a=fingerprint:sha-256 {number:02X}\r\n");
    let most: String = (0..MAX_FINGERPRINTS).map(line).collect();
    assert_eq!(read(SDP, &most.repeat(9)).len(), MAX_FINGERPRINTS);
    let more: String = (0..=MAX_FINGERPRINTS).map(line).collect();
    assert_eq!(read(SDP, &more), ["untold"]);
}

/// A body of parts: a description with `0A`, something else with `0B`, another description with `0C`.
const PARTS: &str = "--b\r\nContent-Type: application/sdp\r\n\r\na=fingerprint:sha-1 0A\r\n\
    --b\r\ncontent-type : Application/ISUP;version=x\r\n\r\na=fingerprint:sha-1 0B\r\n\
    --b \t\r\nContent-Disposition: early-session\r\nContent-Type:\r\n application/sdp\r\n\r\na=fingerprint:sha-1 0C\r\n--b--\r\n";

#[test]
fn of_several_parts_the_descriptions_are_read_and_others_are_not() {
    for boundary in ["b", "\"b\"", "b;x=y"] {
        let header = format!("Content-Type: multipart/mixed;boundary={boundary}\r\n");
        assert_eq!(read(&header, PARTS), ["sha-1 0A", "sha-1 0C"]);
    }
    let foreign = "Content-Type: application/pidf+xml\r\n";
    assert_eq!(keys_of(foreign, "a=fingerprint:sha-1 0A\r\n"), None);
}

#[test]
fn what_could_be_a_description_is_read_as_one() {
    let unclear = [
        "",
        "Content-Type: \r\n",
        "Content-Type: text/plain\r\nc: application/sdp\r\n",
        "Content-Type: multipart/mixed\r\n",
        "Content-Type: multipart/mixed;boundary=\"\\b\"\r\n",
        "Content-Type: multipart/mixed;boundary=B\r\n",
    ];
    for headers in unclear {
        assert_eq!(read(headers, PARTS).len(), 3, "{headers}");
    }
    let mixed = "Content-Type: multipart/mixed;boundary=b\r\n";
    for part in [
        "a=fingerprint:sha-1 0A\r\n--b\r\n\r\n",
        "--b\r\n\r\na=fingerprint:sha-1 0A",
        "--b\r\nContent-Type: text/plain\r\nContent-Type: text/plain\r\n\r\na=fingerprint:sha-1 0A",
        "--b\r\nContent-Type: multipart/related;boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\na=fingerprint:sha-1 0A",
        "--b\r\nContent-Type: text/plain\r\n\r\n--b--\r\na=fingerprint:sha-1 0A\r\n",
    ] {
        assert_eq!(read(mixed, part), ["sha-1 0A"], "{part}");
    }
}

proptest! {
    /// Whatever the body is, what is read is bounded and canonical, and says the same when it is written as SDP again.
    #[test]
    fn what_is_read_is_read_again(
        lines in prop::collection::vec("(a=)?(fingerprint:)?(sha-(1|256) )?([0-3a-bA-B]{2}:?){0,3}[ -~]{0,2}", 0..20),
        end in "\r\n|\n|\r",
    ) {
        let keys = keys_of(SDP, &lines.join(&end));
        let Some(keys) = keys.filter(|keys| !keys.is_untold()) else {
            return Ok(());
        };
        let all: Vec<&Fingerprint> = keys.iter().collect();
        prop_assert!(!all.is_empty() && all.len() <= MAX_FINGERPRINTS);
        prop_assert!(all.is_sorted());
        let written = all.iter().rev().map(|key| {
            let pairs: Vec<&str> = key.digest().as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
            format!("a=fingerprint:{} {}\r\n", key.algorithm(), pairs.join(":"))
        });
        prop_assert_eq!(keys_of(SDP, &written.collect::<String>()), Some(keys));
    }

    /// A line that is put anywhere into a description is never overlooked.
    #[test]
    fn a_key_that_is_put_in_is_seen(
        lines in prop::collection::vec("[a-z]=[ -~]{0,9}", 0..9),
        at in any::<prop::sample::Index>(),
    ) {
        let before = keys_of(SDP, &lines.join("\r\n"));
        let mut lines = lines;
        let at = at.index(lines.len() + 1);
        lines.insert(at, "a=fingerprint:sha-256 0A:0B".to_owned());
        prop_assert_ne!(keys_of(SDP, &lines.join("\r\n")), before);
    }
}
