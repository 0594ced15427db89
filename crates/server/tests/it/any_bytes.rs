//! What must hold for the server's own parsers whatever the bytes are: configuration, what verbs are given, what a repository says,
//! what is asked over HTTP, what is called a picture.
//!
//! ```text
//!     fuzz/seeds/<target>/* ──┐
//!     libFuzzer ──────────────┴─► config · cli_input · dns_message · http_caching · http_request · picture · token_uri     panics if a promise is broken
//! ```
//!
//! This test verifies that the seeds keep these promises. The fuzz targets of the same names include this file; those of the other
//! crates are in `countersign_testkit::fuzz_entry`.

use countersign::identity::IdentityPolicy;
use countersign::jose::json;
use countersign::passport::rcd::data_url;
use countersign::time::UnixTime;
use countersign_server::cli::input::{Input, split};
use countersign_server::config::{self, place::Place};
use countersign_server::dns::message::{Kind, MAX_RECORDS, response};
use countersign_server::fetch::caching::{EXPIRED_LIFETIME, Freshness};
use countersign_server::fetch::picture;
use countersign_server::http::stir::dialect::Dialect;
use countersign_server::http::stir::{fields, form};
use countersign_server::keys::uri::{MAX_TOKEN_URI, TokenUri};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use std::path::Path;

/// Every mistake is at a line that the file has.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let read = config::parse(text, Path::new("any.toml"), std::iter::empty(), &[]);
    let lines = text.lines().count() + 1;
    for mistake in read.err().into_iter().flatten() {
        if let Place::File { line, .. } = &mistake.place {
            assert!(
                (1..=lines).contains(line),
                "line {line} of {lines}: {mistake}"
            );
        }
    }
}

/// There are no more inputs than lines, and no token is empty; a message gains no more than line ends.
pub fn cli_input(bytes: &[u8]) {
    let breaks = bytes.iter().filter(|byte| **byte == b'\n').count();
    let inputs = split(bytes);
    assert!(inputs.len() <= breaks + 1);
    for input in inputs {
        match input {
            // `Identity:` with nothing behind it is one.
            Input::Identity(value) => assert!(value.len() <= bytes.len()),
            Input::Message(message) => assert!(message.len() <= bytes.len() + breaks + 4),
            Input::Token(token) => assert!(!token.is_empty()),
        }
    }
}

/// A URI of a key is shown as one of the same key, without its PIN; and no path comes out of it that was not in it.
pub fn token_uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(uri) = TokenUri::parse(text, Path::new("/etc")) else {
        return;
    };
    assert!(TokenUri::is_one(text) && text.len() <= MAX_TOKEN_URI);
    let shown = uri.to_string();
    assert!(!shown.contains('?'), "{shown}");
    let again = TokenUri::parse(&format!("{shown}?module-path=m"), Path::new("/etc")).unwrap();
    assert_eq!(again.to_string(), shown);
    assert_eq!(
        (again.token, again.object, again.id),
        (uri.token, uri.object, uri.id)
    );
    assert_eq!(again.pin_file, None);
    if let Some(pin) = &uri.pin_file {
        assert!(pin.starts_with("/etc") || text.contains("pin-source="));
    }
}

/// An answer of a name server has an end, its names have the length of names, and only what was asked for is taken.
pub fn dns_message(bytes: &[u8]) {
    let id = bytes
        .first_chunk()
        .map_or(0, |id: &[u8; 2]| u16::from_be_bytes(*id));
    for kind in [Kind::A, Kind::Aaaa, Kind::Srv] {
        let Ok(read) = response(bytes, id, "sbc.example", kind) else {
            continue;
        };
        assert!(read.records.len() <= MAX_RECORDS);
        for record in &read.records {
            assert!(!record.name.is_empty() && record.name.len() <= 255);
        }
        assert!(response(bytes, !id, "sbc.example", kind).is_err());
        assert!(response(bytes, id, "other.example", kind).is_err());
    }
}

/// A chain is never kept past the end of its certificate by more than the moment that saves its repository, nor asked for at once.
pub fn http_caching(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts
            .next()
            .and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let now = UnixTime::from_secs(1_793_836_800);
    let soon = now.saturating_add(EXPIRED_LIFETIME);
    let freshness = Freshness::of(&headers, now);
    for not_after in [
        now.saturating_add(-1),
        now.saturating_add(3600),
        now.saturating_add(1 << 40),
    ] {
        let expires = freshness.expires(now, not_after);
        assert!(expires >= soon && expires <= not_after.max(soon));
    }
    assert!(freshness.validators.conditions().count() <= 2);
}

/// Whatever is asked over HTTP has no more parties and proofs than are read, and is repeated no longer than it may be; a form says
/// what can be written as JSON.
pub fn http_request(bytes: &[u8]) {
    let as_json = json::parse(bytes).ok();
    let as_form = form::parse(bytes).ok();
    if let Some(form) = &as_form {
        let mut text = String::new();
        form.write(&mut text);
        assert!(text.len() > json::MAX_JSON_BYTES || json::parse_str(&text).is_ok());
    }
    for body in as_json.iter().chain(&as_form) {
        for front in [Dialect::Atis, Dialect::Threegpp] {
            let policy = IdentityPolicy::default();
            if let Ok(asked) = fields::signing(body, front, policy) {
                assert!((1..=fields::MAX_CALLED).contains(&asked.call.dest.len()));
                assert!(
                    asked
                        .request_id
                        .is_none_or(|id| id.len() <= fields::MAX_ECHO)
                );
                assert!(asked.dialect == Dialect::Threegpp || asked.origid.is_some());
            }
            if let Ok(asked) = fields::verification(body, front, policy) {
                assert!((1..=2 * fields::MAX_CALLED).contains(&asked.call.dest.len()));
                assert!(asked.identities.len() <= fields::MAX_IDENTITIES + 1);
                let name = asked.call.presentation.name.as_deref();
                assert!(name.is_none_or(|name| name.len() <= fields::MAX_ECHO));
            }
        }
    }
}

/// What is a picture begins like one of its type, is one inside a URL, too, and under no other type.
pub fn picture(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some((media_type, content)) = data_url::content(text)
    {
        let again = data_url::url(media_type, &content);
        assert_eq!(data_url::content(&again), Some((media_type, content)));
    }
    let format = picture::inspect(bytes).ok();
    for media_type in ["image/jpeg", "image/png", "image/svg+xml"] {
        let is_one = format.is_some_and(|format| format.media_type() == media_type);
        assert!(!is_one || data_url::begins_like(media_type, bytes));
        assert_eq!(picture::is_whole(&data_url::url(media_type, bytes)), is_one);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn seeds(target: &str, run: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/seeds")
            .join(target);
        let seeds: Vec<_> = std::fs::read_dir(seeds)
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert!(seeds.len() >= 3, "{target}: {} seeds", seeds.len());
        for seed in seeds {
            run(&seed);
            // Cut off anywhere, it is something else that is not expected.
            for end in 0..seed.len() {
                run(&seed[..end]);
            }
        }
    }

    #[test]
    fn seeds_of_configurations() {
        seeds("config", super::config);
    }

    #[test]
    fn seeds_of_what_verbs_are_given() {
        seeds("cli_input", super::cli_input);
    }

    #[test]
    fn seeds_of_what_is_asked_over_http() {
        seeds("http_request", super::http_request);
    }

    proptest::proptest! {
        #[test]
        fn anything_with_the_right_names(
            name in "(signing|verification)Request",
            attest in "[ABCD]",
            party in "[-+0-9#*(). a-z:@\"\\\\]{0,24}",
            time in -2_i64..3,
            more in "(\"identity\"|\"identityHeader\"|\"requestId\"|\"ppt\"|\"x\"):(\"[a-z;=<>.]{0,8}\"|1|null|\\[\\])",
        ) {
            let body = format!(
                "{{\"{name}\":{{\"attest\":\"{attest}\",\"orig\":{{\"tn\":\"{party}\"}},\"from\":{{\"uri\":\"{party}\"}},\
                 \"dest\":{{\"tn\":[\"{party}\"]}},\"to\":{{\"tn\":\"{party}\"}},\"iat\":{time},\"time\":{time},{more}}}}}"
            );
            super::http_request(body.as_bytes());
        }
    }

    #[test]
    fn seeds_of_what_is_called_a_picture() {
        seeds("picture", super::picture);
    }

    #[test]
    fn seeds_of_where_keys_are() {
        seeds("token_uri", super::token_uri);
    }

    #[test]
    fn seeds_of_what_name_servers_say() {
        seeds("dns_message", super::dns_message);
    }

    #[test]
    fn seeds_of_what_repositories_say() {
        seeds("http_caching", super::http_caching);
    }
}
