//! What a kind of PASSporT says, in a sentence, where it is not who calls; and media keys as people compare them.
//!
//! Whether any of it is true is asked of `verify`.

use countersign::identity::{Dest, Identity};
use countersign::media_keys::MediaKeys;
use countersign::passport::{Claims, Extension};

/// The sentence; `None` for a PASSporT that says who calls and no more.
pub(super) fn of(claims: &Claims) -> Option<String> {
    let (orig, dest) = (&claims.orig, all(&claims.dest));
    Some(match &claims.extension {
        Extension::Div(div) => diverted(orig, &div.from, &dest),
        Extension::DivO(div_o) => diverted(orig, &div_o.div.from, &dest),
        Extension::Msec => {
            format!("{orig} calls {dest} and asks for media keys that are signed in return")
        }
        Extension::Rsp => format!("{dest} was reached by the call of {orig}"),
        _ => return None,
    })
}

fn diverted(orig: &Identity, from: &Identity, dest: &str) -> String {
    format!("the call of {orig} to {from} goes to {dest}")
}

fn all(dest: &Dest) -> String {
    let all: Vec<_> = dest.iter().map(|one| one.to_string()).collect();
    all.join(" or ")
}

/// Each as SDP has it, for the eye that compares.
// RFC 8122 §5: "fingerprint-attribute  =  "fingerprint" ":" hash-func SP fingerprint".
pub(super) fn fingerprints(keys: &MediaKeys) -> Vec<String> {
    let as_sdp = keys.iter().map(|one| {
        let mut text = format!("{} ", one.algorithm());
        for (position, digit) in one.digest().chars().enumerate() {
            if position > 0 && position % 2 == 0 {
                text.push(':');
            }
            text.push(digit);
        }
        text
    });
    as_sdp.collect()
}
