//! Every spelling of an Identity header, and what is none.

use super::*;
use crate::message::Framing;
use proptest::prelude::*;

const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl";
const INFO: &str = "https://cert.example.org/passport.cer";

fn read(parameters: &str) -> Result<Presented, Malformed> {
    parse(format!("{TOKEN}{parameters}").as_bytes())
}

fn whole() -> Presented {
    Presented {
        token: TOKEN.into(),
        info: Some(INFO.into()),
        alg: Some("ES256".into()),
        ppt: Some("shaken".into()),
    }
}

fn request(headers: &str) -> Message {
    let text = format!("INVITE sip:b@h SIP/2.0\r\n{headers}\r\n");
    Message::parse(text.into(), Framing::Datagram).unwrap()
}

#[test]
fn digest12_h1_every_spelling_of_the_same_header_is_the_same() {
    for parameters in [
        ";info=<https://cert.example.org/passport.cer>;alg=ES256;ppt=shaken",
        ";info=<https://cert.example.org/passport.cer>;alg=ES256;ppt=\"shaken\"",
        ";info=<https://cert.example.org/passport.cer>;alg=\"ES256\";ppt=\"shaken\"",
        ";ppt=shaken;alg=ES256;info=<https://cert.example.org/passport.cer>",
        ";PPT=shaken;Alg=ES256;INFO=<https://cert.example.org/passport.cer>",
        " ; info = <https://cert.example.org/passport.cer>\t;\talg = ES256 ; ppt = shaken ",
        "\r\n ;info=\r\n <https://cert.example.org/passport.cer>;alg=ES256\r\n\t;ppt=shaken",
        ";info=<https://cert.example.org/passport.cer>;x;y=1;z=\"a,b;c\";alg=ES256;ppt=shaken",
    ] {
        assert_eq!(read(parameters), Ok(whole()), "{parameters}");
    }
}

#[test]
fn what_is_absent_stays_absent() {
    assert_eq!(read(""), Ok(Presented::bare(TOKEN)));
    let presented = read(";alg=ES256").unwrap();
    assert_eq!((presented.info, presented.ppt), (None, None));
}

#[test]
fn digest02_wire_trap_both_alphabets_and_padding_pass_the_header() {
    for token in ["a-b_c.d.e", "a+b/c.d.e", "YQ==.YQ==.YQ==", "..c2ln"] {
        assert_eq!(parse(token.as_bytes()), Ok(Presented::bare(token)));
    }
}

#[test]
fn malformed_values_say_why() {
    for (parameters, expected) in [
        (
            ";info=https://cert.example.org/passport.cer",
            Malformed::Info,
        ),
        (
            ";info=\"<https://cert.example.org/passport.cer>\"",
            Malformed::Info,
        ),
        (";info=<>", Malformed::Info),
        (";info", Malformed::Info),
        (";info=<https://cert.example.org/a b>", Malformed::Info),
        (";info=<https://cert.example.org/", Malformed::Info),
        (";info=<https://a>;info=<https://a>", Malformed::Parameter),
        (";ppt=shaken;PPT=shaken", Malformed::Parameter),
        (";alg=ES256;alg=none", Malformed::Parameter),
        (";ppt=", Malformed::Parameter),
        (";ppt", Malformed::Parameter),
        (";ppt=\"\"", Malformed::Parameter),
        (";ppt=\"sha", Malformed::Parameter),
        (";ppt=\"sha ken\"", Malformed::Parameter),
        (";;alg=ES256", Malformed::Parameter),
        (";alg=ES256;", Malformed::Parameter),
        (";=x", Malformed::Parameter),
        (";x=\"", Malformed::Parameter),
        (" x;alg=ES256", Malformed::Token),
        ("\u{e4}", Malformed::Token),
        ("\r\n x", Malformed::Token),
    ] {
        assert_eq!(read(parameters), Err(expected), "{parameters}");
    }
    assert_eq!(parse(b""), Err(Malformed::Token));
    assert_eq!(parse(b";info=<https://a>"), Err(Malformed::Token));
}

#[test]
fn the_form_of_rfc_4474_is_told_apart() {
    let old = b"\"ZYNBbHC00VMZr2kZt6VmCvPonWJMGvQTBDqghoWeLxJfzB2a1pxAr3VgrB0SsSAaifsRdiOPoQZYOy2wrVghuhcsMbHWUSFxI6p6q5TOQXHMmz6uEo3svJsSH49thyGn\"";
    assert_eq!(parse(old), Err(Malformed::Obsolete));
}

#[test]
fn a_header_full_of_values_is_read_so_far() {
    let message = request(&format!("Identity: {}\r\n", "a,".repeat(30_000)));
    assert_eq!(presented(&message).len(), MAX_PRESENTED);
}

#[test]
fn long_values_are_not_read() {
    let value = "a".repeat(MAX_IDENTITY_VALUE);
    assert!(parse(value.as_bytes()).is_ok());
    assert_eq!(
        parse(format!("{value}a").as_bytes()),
        Err(Malformed::TooLong)
    );
}

#[test]
fn users_case42_an_empty_identity_presents_nothing() {
    for headers in [
        "Identity:\r\n",
        "Identity: \r\n",
        "y:\r\n \r\n",
        "Identity: ,\r\n",
        "",
    ] {
        assert!(presented(&request(headers)).is_empty(), "{headers:?}");
    }
}

#[test]
fn users_case43_case52_several_headers_lists_folds_and_the_compact_name() {
    let message = request(
        "y: a.b.c;info=<https://x/a,b>;ppt=shaken,\r\n d.e.f;ppt=\"x,y\",g.h.i\r\nIdentity:\r\nIDENTITY:\r\n j.k.l\r\n",
    );
    let tokens: Vec<_> = presented(&message)
        .into_iter()
        .map(|one| one.map(|one| String::from(one.token)))
        .collect();
    let token = |text: &str| Ok(text.to_owned());
    assert_eq!(
        tokens,
        [
            token("a.b.c"),
            Err(Malformed::Parameter),
            token("g.h.i"),
            token("j.k.l")
        ]
    );
}

proptest! {
    #[test]
    fn any_bytes_are_presented_or_malformed(value in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&value);
    }

    #[test]
    fn near_misses_are_presented_or_malformed(value in "[a-c.]{0,5}( ?; ?(info|alg|ppt|x|\"|<)?( ?= ?[<\"]?[a-z:/,;\\\\]{0,5}[>\"]?)?){0,5}") {
        if let Ok(presented) = parse(value.as_bytes()) {
            prop_assert!(value.starts_with(&*presented.token));
        }
    }

    #[test]
    fn the_character_class_is_what_the_comment_says(byte: u8) {
        let listed = byte.is_ascii_alphanumeric() || b"+/-_=.".contains(&byte);
        prop_assert_eq!(is_digest_char(byte), listed);
    }
}
