//! What the strict reader takes and refuses, beside the public suite (`tests/it/json_test_suite.rs`).

use super::*;
use proptest::prelude::*;

fn cause(text: &str) -> Option<JsonCause> {
    parse(text.as_bytes()).err().map(|error| error.cause)
}

fn written(text: &str) -> String {
    let mut again = String::new();
    parse_str(text).unwrap().value.write(&mut again);
    again
}

#[test]
fn duplicates_are_refused_at_every_depth_and_in_every_spelling() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":{"b":{"c":1,"c":2}}}"#,
        r#"[[{"a":1,"b":2,"a":3}]]"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert_eq!(cause(text), Some(JsonCause::DuplicateMember), "{text}");
    }
    assert_eq!(cause(r#"{"a":{"a":1},"b":{"a":1}}"#), None);
}

#[test]
fn duplicates_are_found_among_many_members_too() {
    let members = |last: usize| {
        let many: Vec<String> = (0..4000)
            .chain([last])
            .map(|n| format!("\"{n}\":0"))
            .collect();
        format!("{{{}}}", many.join(","))
    };
    assert_eq!(cause(&members(4000)), None);
    assert_eq!(cause(&members(17)), Some(JsonCause::DuplicateMember));
}

#[test]
fn limits_hold_at_their_edge() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(cause(&nested(MAX_JSON_DEPTH)), None);
    assert_eq!(cause(&nested(MAX_JSON_DEPTH + 1)), Some(JsonCause::Depth));
    let objects = "{\"a\":".repeat(MAX_JSON_DEPTH + 1);
    assert_eq!(cause(&objects), Some(JsonCause::Depth));
    let long = |length: usize| format!("\"{}\"", "a".repeat(length - 2));
    assert_eq!(cause(&long(MAX_JSON_BYTES)), None);
    assert_eq!(cause(&long(MAX_JSON_BYTES + 1)), Some(JsonCause::TooLong));
    assert_eq!(
        cause(&"[".repeat(MAX_JSON_BYTES)),
        Some(JsonCause::Depth),
        "deep nesting ends in a refusal, not in the end of the stack"
    );
}

#[test]
fn every_defect_has_its_name_and_place() {
    for (text, cause, offset) in [
        ("", JsonCause::End, 0),
        ("{\"a\":", JsonCause::End, 5),
        ("\"ab", JsonCause::End, 3),
        ("\"a\\", JsonCause::End, 3),
        ("{} {}", JsonCause::Trailing, 3),
        ("[1,]", JsonCause::Unexpected, 3),
        ("{a:1}", JsonCause::Unexpected, 1),
        ("tru", JsonCause::Unexpected, 0),
        ("01", JsonCause::Number, 2),
        ("1.", JsonCause::Number, 2),
        ("1e+", JsonCause::Number, 3),
        ("-", JsonCause::Number, 1),
        ("\"\t\"", JsonCause::Control, 1),
        ("\"\\x\"", JsonCause::Escape, 2),
        ("\"\\u12g4\"", JsonCause::Escape, 5),
        ("\"\\ud800\"", JsonCause::Surrogate, 1),
        ("\"\\udc00\\ud800\"", JsonCause::Surrogate, 1),
        ("\"\\ud800\\u0041\"", JsonCause::Surrogate, 1),
    ] {
        assert_eq!(
            parse(text.as_bytes()),
            Err(JsonError { cause, offset }),
            "{text}"
        );
    }
    assert_eq!(
        parse(b"\"\xff\""),
        Err(JsonError {
            cause: JsonCause::Utf8,
            offset: 1
        })
    );
}

#[test]
fn numbers_are_kept_exactly() {
    let number = |text| match parse_str(text).unwrap().value {
        Value::Number(number) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!(number("0"), Number::Integer(0));
    assert_eq!(number("-9223372036854775808"), Number::Integer(i64::MIN));
    assert_eq!(number("9223372036854775807"), Number::Integer(i64::MAX));
    assert_eq!(number("18446744073709551615"), Number::Unsigned(u64::MAX));
    for text in [
        "18446744073709551616",
        "-9223372036854775809",
        "-0",
        "1.50",
        "1E400",
    ] {
        assert_eq!(number(text), Number::Text(text.into()));
        assert_eq!(written(text), text);
    }
}

#[test]
fn strings_are_unescaped_once() {
    let string = |text| parse_str(text).unwrap().value.as_str().map(str::to_owned);
    assert_eq!(
        string(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00x""#).as_deref(),
        Some("\"\\/\u{8}\u{c}\n\r\té😀x")
    );
    assert_eq!(string(r#""\\u0041""#).as_deref(), Some("\\u0041"));
}

/// The scan looks at eight bytes at a time; every byte must be noticed at every place, and none taken for another.
#[test]
fn special_characters_are_noticed_wherever_they_stand() {
    for length in 0..20 {
        for at in 0..length {
            for byte in 0..=0x7f_u8 {
                let mut inside = "\u{7f}!#".repeat(20).into_bytes();
                inside.truncate(length);
                inside[at] = byte;
                let text = [b"\"", inside.as_slice(), b"\""].concat();
                let plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                let read = parse(&text).is_ok_and(|value| {
                    value.as_str().map(str::as_bytes) == Some(inside.as_slice())
                });
                assert_eq!(read, plain, "{byte:#x} at {at} of {length}");
            }
        }
    }
}

#[test]
fn the_writer_escapes_only_what_it_must() {
    assert_eq!(written(r#""\u00e9\/\u007f""#), "\"é/\u{7f}\"");
    assert_eq!(
        written(r#""\u0000\u001f\u000a\"\\""#),
        r#""\u0000\u001f\n\"\\""#
    );
    // U+FF61 sorts before U+1F600 by code point, after it by UTF-16 unit.
    assert_eq!(
        written(r#"{"😀":1,"b":[null,true,{"z":0,"y":-1}],"｡":2,"a":"A"}"#),
        r#"{"a":"A","b":[null,true,{"y":-1,"z":0}],"｡":2,"😀":1}"#
    );
}

#[test]
fn the_form_is_noted() {
    for text in [r#"{"a":[1,-2,"é"],"b":{}}"#, r#""\n\u0001\\""#, "[]"] {
        assert_eq!(parse_str(text).unwrap().form, Form::Deterministic, "{text}");
    }
    for text in [
        " 1",
        "1\n",
        "[1, 2]",
        r#"{"b":1,"a":2}"#,
        r#"{"a":{"c":1,"b":2}}"#,
        r#""\/""#,
        r#""\u0041""#,
        r#""\u000A""#,
        r#""\u001F""#,
        "1.0",
        "1e0",
        "-0",
    ] {
        assert_eq!(parse_str(text).unwrap().form, Form::Free, "{text}");
    }
}

/// Any value whose text is deterministic: integers only, names unique.
fn values() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::Number(Number::Integer(number))),
        (i64::MAX as u64 + 1..).prop_map(|number| Value::Number(Number::Unsigned(number))),
        any::<String>().prop_map(|text| Value::String(text.into())),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let members = prop::collection::btree_map(any::<String>(), inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::Array),
            members.prop_map(|members| {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (name.into(), value));
                Value::Object(Object::from_members(members.collect()).unwrap())
            }),
        ]
    })
}

/// Texts that are nearly JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\"a\":", "\"b\":", "1", "-", "0", ".5",
        "e3", "true", "null", " ", "\n", "\\u00", "\\ud83d", "\\ude00", "é", "\u{1}",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Integers beyond 64 bits do not occur in these texts, so a number kept as text is no integer.
fn integers_only(value: &Value<'_>) -> bool {
    match value {
        Value::Number(Number::Text(_)) => false,
        Value::Array(elements) => elements.iter().all(integers_only),
        Value::Object(object) => object.iter().all(|(_, value)| integers_only(value)),
        _ => true,
    }
}

/// What another reader makes of the same text; it keeps the last of two members with one name.
fn same_as_theirs(ours: &Value<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(one), serde_json::Value::Bool(other)) => one == other,
        (Value::String(one), serde_json::Value::String(other)) => one == other,
        (Value::Number(Number::Integer(one)), serde_json::Value::Number(other)) => {
            other.as_i64() == Some(*one)
        }
        (Value::Number(Number::Unsigned(one)), serde_json::Value::Number(other)) => {
            other.as_u64() == Some(*one)
        }
        (Value::Number(Number::Text(one)), serde_json::Value::Number(other)) => {
            one.parse::<f64>().ok() == other.as_f64()
        }
        (Value::Array(one), serde_json::Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same_as_theirs(a, b))
        }
        (Value::Object(one), serde_json::Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, a)| other.get(name).is_some_and(|b| same_as_theirs(a, b)))
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = parse(&bytes);
    }

    #[test]
    fn what_is_written_is_deterministic_and_reads_back(value in values()) {
        let mut text = String::new();
        value.write(&mut text);
        let parsed = parse_str(&text).unwrap();
        prop_assert_eq!(parsed.form, Form::Deterministic);
        prop_assert_eq!(parsed.value, value);
    }

    #[test]
    fn the_noted_form_is_the_truth(text in nearly_json()) {
        if let Ok(parsed) = parse_str(&text) {
            let mut again = String::new();
            parsed.value.write(&mut again);
            let deterministic = again == text && integers_only(&parsed.value);
            prop_assert_eq!(parsed.form == Form::Deterministic, deterministic, "{}", text);
        }
    }

    #[test]
    fn another_reader_agrees(text in nearly_json()) {
        match (parse_str(&text), serde_json::from_str::<serde_json::Value>(&text)) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same_as_theirs(&ours.value, &theirs), "{}", text),
            (Err(ours), Ok(_)) => prop_assert_eq!(ours.cause, JsonCause::DuplicateMember, "{}", text),
            (Ok(_), Err(theirs)) => prop_assert!(theirs.to_string().contains("out of range"), "{} {}", text, theirs),
            (Err(_), Err(_)) => {}
        }
    }
}
