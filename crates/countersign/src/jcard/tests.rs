//! Cards of the RFCs, cards that are none, bombs, and references that hide.

use super::*;
use proptest::prelude::*;

/// The card of RFC 9795 §6.1.3.
const Q_BRANCH: &str = r#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"],["org",{},"text","MI6;Q Branch Spy Gadgets"],["photo",{},"uri","https://example.com/photos/quartermaster-256x256.png"],["logo",{},"uri","https://example.com/logos/mi6-256x256.jpg"],["logo",{},"uri","https://example.com/logos/mi6-64x64.jpg"]]]"#;

fn card(properties: &str) -> Result<JCard, BadCard> {
    JCard::parse(format!(r#"["vcard",[["version",{{}},"text","4.0"],{properties}]]"#).as_bytes())
}

#[test]
fn the_card_of_rfc_9795_is_read() {
    let card = JCard::parse(Q_BRANCH.as_bytes()).unwrap();
    assert_eq!(card.name(), "Q Branch");
    assert_eq!(card.properties().len(), 6);
    let org: Vec<_> = card.texts(Kind::Org).collect();
    assert_eq!(org, ["MI6;Q Branch Spy Gadgets"]);
    let places: Vec<_> = card
        .references()
        .map(|found| (found.kind, found.property, found.element))
        .collect();
    assert_eq!(
        places,
        [(Kind::Photo, 3, 3), (Kind::Logo, 4, 3), (Kind::Logo, 5, 3)]
    );
}

#[test]
fn the_examples_of_rfc_9796_section_10_are_read() {
    let examples = [
        r#"["n",{},"text","Stevenson;John;Philip,Paul;Dr.;Jr.,M.D.,A.C.P."]"#,
        r#"["nickname",{},"text","TYPE=work:Boss"]"#,
        r#"["adr",{"type":"work"},"text",["","",["3100 Massachusetts Avenue NW","Embassy of the United Kingdom"],"Washington","DC","20008","U.S.A."]]"#,
        r#"["tel",{"type":["voice","text","cell"],"pref":"1"},"uri","tel:+1-202-555-0100"]"#,
        r#"["lang",{"type":"work","pref":"1"},"language-tag","en"]"#,
        r#"["geo",{},"uri","geo:37.386013,-122.082932"]"#,
        r#"["categories",{},"text","INTERNET","IETF"]"#,
        r#"["uid",{},"uri","urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"]"#,
        r#"["url",{},"uri","https://example.org/french-rest/chezchic.html"]"#,
        r#"["x-unheard-of",{},"integer",7]"#,
    ];
    for example in examples {
        let card = card(&format!(r#"["fn",{{}},"text","x"],{example}"#)).unwrap();
        assert_eq!(card.references().count(), 0, "{example}");
    }
}

#[test]
fn digest10_case23_a_card_without_version_or_name_is_none() {
    assert_eq!(card(r#"["note",{},"text","x"]"#), Err(BadCard::NoName));
    assert_eq!(card(r#"["fn",{},"text",7]"#), Err(BadCard::NoName));
    let parse = |text: &str| JCard::parse(text.as_bytes());
    assert_eq!(
        parse(r#"["vcard",[["fn",{},"text","Q Branch"]]]"#),
        Err(BadCard::NoVersion)
    );
    assert_eq!(
        parse(r#"["vcard",[["fn",{},"text","x"],["version",{},"text","4.0"]]]"#),
        Err(BadCard::NoVersion),
        "it is the first"
    );
    assert_eq!(
        parse(r#"["vcard",[["version",{},"text","3.0"],["fn",{},"text","x"]]]"#),
        Err(BadCard::Version)
    );
    assert_eq!(
        card(r#"["version",{},"text","4.0"],["fn",{},"text","x"]"#),
        Err(BadCard::Twice(Kind::Version))
    );
}

#[test]
fn digest10_case24_a_url_is_no_reference() {
    let card = card(r#"["fn",{},"text","x"],["url",{},"uri","https://example.org/"]"#).unwrap();
    assert_eq!(
        card.texts(Kind::Url).collect::<Vec<_>>(),
        ["https://example.org/"]
    );
    assert_eq!(card.references().count(), 0);
}

#[test]
fn no_reference_hides_behind_its_type() {
    let fetched = |property: &str| {
        let card = card(&format!(r#"["fn",{{}},"text","x"],{property}"#));
        card.map(|card| card.references().count())
    };
    assert_eq!(
        fetched(r#"["logo",{},"text","https://example.com/"]"#),
        Ok(1)
    );
    assert_eq!(fetched(r#"["note",{},"URI","HTTP://example.com/"]"#), Ok(1));
    assert_eq!(
        fetched(r#"["key",{},"uri","https://a/","https://b/"]"#),
        Ok(2)
    );
    assert_eq!(
        fetched(r#"["logo",{},"uri","data:image/png;base64,AA"]"#),
        Ok(0)
    );
    assert_eq!(
        fetched(r#"["note",{},"text","https://example.com/"]"#),
        Ok(0)
    );
    for nested in [
        r#"["logo",{},"text",["https://example.com/"]]"#,
        r#"["x",{},"uri",["https://example.com/"]]"#,
    ] {
        assert_eq!(fetched(nested), Err(BadCard::Property), "{nested}");
    }
}

/// A phone repairs what we would not see as a reference: what is no URI is on no card.
#[test]
fn no_reference_hides_behind_its_spelling() {
    let read = |kind: &str, value_type: &str, url: &str| {
        card(&format!(
            r#"["fn",{{}},"text","x"],["{kind}",{{}},"{value_type}","{url}"]"#
        ))
    };
    for url in [
        " https://host/x.png",
        "https://host/x.png ",
        r"\thttps://host/x.png",
        r"https:\n//host/x.png",
        "//host/x.png",
        "x.png",
        "",
        " data:image/svg+xml,x",
        r"https:\\\\host/x.png",
    ] {
        for (kind, value_type) in [
            ("logo", "uri"),
            ("photo", "text"),
            ("sound", "URI"),
            ("note", "uri"),
            ("url", "uri"),
        ] {
            let read = read(kind, value_type, url);
            assert_eq!(read, Err(BadCard::Uri), "{kind} {value_type} {url}");
        }
    }
    for url in [
        "ftp://host/x.png",
        "file:///x.png",
        "cid:x",
        "httpss://host/",
    ] {
        assert_eq!(read("logo", "uri", url), Err(BadCard::Uri), "{url}");
        assert!(read("url", "uri", url).is_ok(), "{url}");
    }
    for url in [
        "https://host/x.png",
        "http://host/x.png",
        "data:image/png;base64,AA==",
    ] {
        assert!(read("logo", "uri", url).is_ok(), "{url}");
    }
}

#[test]
fn what_is_no_card_is_refused() {
    for form in [
        "{}",
        "[]",
        r#"["vcard"]"#,
        r#"["vcard",[],[]]"#,
        r#"["vcard",{}]"#,
        r#"["VCARD",[]]"#,
    ] {
        assert_eq!(JCard::parse(form.as_bytes()), Err(BadCard::Form), "{form}");
    }
    for property in [
        r#"["FN",{},"text","x"]"#,
        r#"["contact.fn",{},"text","x"]"#,
        r#"["",{},"text","x"]"#,
        r#"["fn",[],"text","x"]"#,
        r#"["fn",{},null,"x"]"#,
        r#"["fn",{},"text"]"#,
        "7",
    ] {
        assert_eq!(card(property), Err(BadCard::Property), "{property}");
    }
}

#[test]
fn bombs_do_not_go_off() {
    let name = r#"["fn",{},"text","x"]"#;
    let many = |count: usize| vec![name; count].join(",");
    assert!(card(&many(MAX_PROPERTIES - 1)).is_ok());
    assert_eq!(card(&many(MAX_PROPERTIES)), Err(BadCard::TooManyProperties));
    let values = |count: usize| format!(r#"["fn",{{}},"text"{}]"#, r#","x""#.repeat(count));
    assert!(card(&values(MAX_VALUES)).is_ok());
    assert_eq!(card(&values(MAX_VALUES + 1)), Err(BadCard::TooManyValues));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(matches!(
        JCard::parse(deep.as_bytes()),
        Err(BadCard::Json(_))
    ));
    let long = format!(
        r#"["vcard",[["note",{{}},"text","{}"]]]"#,
        "x".repeat(1 << 20)
    );
    assert!(matches!(
        JCard::parse(long.as_bytes()),
        Err(BadCard::Json(_))
    ));
}

proptest! {
    #[test]
    fn every_reference_is_where_it_says(
        properties in prop::collection::vec(
            ("(fn|logo|photo|sound|url|key|org|x-a)", "(uri|text)", prop::collection::vec("(https?|data):[a-z]{1,5}", 1..4)),
            0..8,
        )
    ) {
        let mut text = r#"["vcard",[["version",{},"text","4.0"],["fn",{},"text","x"]"#.to_owned();
        for (name, kind, values) in &properties {
            text.push_str(&format!(r#",["{name}",{{}},"{kind}","{}"]"#, values.join(r#"",""#)));
        }
        text.push_str("]]");
        let card = JCard::parse(text.as_bytes()).unwrap();
        let value = parse(text.as_bytes()).unwrap();
        for found in card.references() {
            let pointer = format!("/1/{}/{}", found.property, found.element);
            let there = crate::jose::pointer::Pointer::parse(&pointer).unwrap().find(&value).and_then(|url| url.as_str());
            prop_assert_eq!(there, Some(found.url));
        }
    }
}
