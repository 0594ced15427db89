//! The way into every parser of foreign bytes, and what must hold there whatever the bytes are.
//!
//! Each function takes any bytes and panics if a promise is broken: not only "it does not crash", but that what was read can be written
//! again, that reading in pieces gives what reading at once gives, that untouched bytes stay untouched. `fuzz/fuzz_targets` calls them with
//! what libFuzzer makes up, `tests/it/seeds.rs` with the files in `fuzz/seeds` and what proptest makes up.

mod acme;
mod authority;
mod certificates;
mod dialogs;
mod judgement;
mod rich;
mod signalling;
mod texts;
mod tokens;

/// A parser and the name under which it is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its fuzz target, of the file of that target and of the directory of its seeds.
    pub name: &'static str,
    /// Feeds it some bytes; panics if a promise is broken.
    pub run: fn(&[u8]),
}

/// Every target, in alphabetical order.
pub const TARGETS: &[Target] = &[
    Target {
        name: "acme_request",
        run: acme::request,
    },
    Target {
        name: "authority_token",
        run: authority::authority_token,
    },
    Target {
        name: "base64url",
        run: tokens::base64url,
    },
    Target {
        name: "ca_list",
        run: certificates::ca_list,
    },
    Target {
        name: "call_info",
        run: signalling::call_info,
    },
    Target {
        name: "certificate",
        run: certificates::certificate,
    },
    Target {
        name: "certification_request",
        run: authority::certification_request,
    },
    Target {
        name: "chain",
        run: certificates::chain,
    },
    Target {
        name: "constraints",
        run: certificates::constraints,
    },
    Target {
        name: "crl",
        run: certificates::crl,
    },
    Target {
        name: "date",
        run: signalling::date,
    },
    Target {
        name: "ecdsa_signature",
        run: certificates::ecdsa_signature,
    },
    Target {
        name: "flattened_jws",
        run: authority::flattened_jws,
    },
    Target {
        name: "forwards",
        run: texts::forwards,
    },
    Target {
        name: "identity",
        run: texts::identity,
    },
    Target {
        name: "identity_header",
        run: signalling::identity_header,
    },
    Target {
        name: "inventory",
        run: texts::inventory,
    },
    Target {
        name: "jcard",
        run: rich::jcard,
    },
    Target {
        name: "journal_record",
        run: authority::journal_record,
    },
    Target {
        name: "json",
        run: tokens::json,
    },
    Target {
        name: "jws",
        run: tokens::jws,
    },
    Target {
        name: "media_keys",
        run: tokens::media_keys,
    },
    Target {
        name: "national_profile",
        run: texts::national_profile,
    },
    Target {
        name: "number",
        run: texts::number,
    },
    Target {
        name: "number_records",
        run: texts::number_records,
    },
    Target {
        name: "ocsp",
        run: certificates::ocsp,
    },
    Target {
        name: "passport",
        run: tokens::passport,
    },
    Target {
        name: "pem",
        run: certificates::pem,
    },
    Target {
        name: "pointer",
        run: rich::pointer,
    },
    Target {
        name: "reason",
        run: signalling::reason,
    },
    Target {
        name: "repository_url",
        run: judgement::repository_url,
    },
    Target {
        name: "resource_priority",
        run: signalling::resource_priority,
    },
    Target {
        name: "sdp",
        run: signalling::sdp,
    },
    Target {
        name: "sip_b2bua",
        run: dialogs::crossing,
    },
    Target {
        name: "sip_call",
        run: signalling::call,
    },
    Target {
        name: "sip_message",
        run: signalling::message,
    },
    Target {
        name: "sip_patch",
        run: signalling::patch,
    },
    Target {
        name: "sip_stream",
        run: signalling::stream,
    },
    Target {
        name: "sip_uri",
        run: signalling::uri,
    },
    Target {
        name: "tnauthlist",
        run: certificates::tnauthlist,
    },
    Target {
        name: "token_request",
        run: authority::token_request,
    },
    Target {
        name: "verification",
        run: judgement::verification,
    },
    Target {
        name: "verstat",
        run: signalling::verstat,
    },
];

/// Runs the target of this name; the way in for the fuzz targets.
///
/// # Panics
/// If there is no such target, or a promise of the parser is broken.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    assert!(target.is_some(), "no fuzz target is called {name}");
    if let Some(target) = target {
        (target.run)(bytes);
    }
}
