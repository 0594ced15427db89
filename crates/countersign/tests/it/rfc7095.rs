//! The cards of [RFC 7095](https://www.rfc-editor.org/rfc/rfc7095), read for a call: names, structured values, several values, and
//! what they refer to. The profile of [RFC 9796 §10](https://www.rfc-editor.org/rfc/rfc9796#section-10) is stricter: `fn` and the
//! version are there, the version first.

use countersign::jcard::{BadCard, JCard, Kind};

/// The card of §3.3.
#[test]
fn the_example_of_section_3_3_is_read() {
    let card = JCard::parse(
        br#"["vcard",
          [
            ["version", {}, "text", "4.0"],
            ["fn", {}, "text", "John Doe"],
            ["gender", {}, "text", "M"],
            ["categories", {}, "text", "computers", "cameras"]
          ]
        ]"#,
    )
    .unwrap();
    assert_eq!(card.name(), "John Doe");
    let categories: Vec<_> = card.texts(Kind::Categories).collect();
    assert_eq!(categories, ["computers", "cameras"]);
    let unknown: Vec<_> = card.texts(Kind::Other).collect();
    assert_eq!(unknown, ["M"], "kept, and no phone knows it");
}

/// The properties of §3.3.1.2.1 (groups) and §3.3.1.3 (structured values), and of the types of §3.5.
#[test]
fn the_forms_of_values_are_read() {
    let properties = [
        r#"["fn", { "group": "CONTACT" }, "text", "Mr. John Q. Public, Esq."]"#,
        r#"["adr", {}, "text", ["", "", "123 Main Street", "Any Town", "CA", "91921-1234", "U.S.A."]]"#,
        r#"["gender", {}, "text", ["F", "grrrl"]]"#,
        r#"["bday", {}, "date-and-or-time", "1985-04-12"]"#,
        r#"["x-non-smoking", {}, "boolean", true]"#,
        r#"["x-karma-points", {}, "integer", 42]"#,
        r#"["tz", {}, "utc-offset", "-05:00"]"#,
        r#"["key", { "type": "work" }, "uri", "http://example.org/example.asc"]"#,
    ];
    let text = format!(
        r#"["vcard", [["version", {{}}, "text", "4.0"], {}]]"#,
        properties.join(", ")
    );
    let card = JCard::parse(text.as_bytes()).unwrap();
    assert_eq!(card.name(), "Mr. John Q. Public, Esq.");
    assert_eq!(card.properties().len(), 9);
    assert_eq!(
        card.texts(Kind::Adr).count(),
        0,
        "its components are no text of it"
    );
    let references: Vec<_> = card.references().map(|found| found.url).collect();
    assert_eq!(references, ["http://example.org/example.asc"]);
}

/// §3.3: "In jCard, they MUST be in lowercase." §3.3.1.2: "a property name therefore MUST NOT be prefixed by a group name."
#[test]
fn what_vcard_has_and_jcard_has_not() {
    for name in ["FN", "contact.fn"] {
        let text =
            format!(r#"["vcard",[["version",{{}},"text","4.0"],["{name}",{{}},"text","x"]]]"#);
        assert_eq!(
            JCard::parse(text.as_bytes()),
            Err(BadCard::Property),
            "{name}"
        );
    }
}
