//! What the library's own work costs: signing, verifying, taking an INVITE apart.

use crate::raw::Raw;
use crate::rows::{Anchor, Promise, Row};
use countersign_testkit::stopwatch::{Contestant, race};
use countersign_testkit::workload::Crypto;
use countersign_testkit::workload::{Answers, Branded, Forwarded, TenThousand, Tokens, Workload};
use std::hint::black_box;

/// One operation; the argument counts up.
type Work<'a> = &'a dyn Fn(usize);

pub(crate) fn measure(workload: &Workload, raw: &Raw) -> (Vec<Row>, Anchor) {
    let raw_verify = |index| raw.verify(index);
    let raw_sign = |index| raw.sign(index);
    let sign = |index| drop(black_box(workload.sign(index)));
    let verify = |index| drop(black_box(workload.verify(index)));
    let verify_full_chain = |index| drop(black_box(workload.verify_full_chain(index)));
    let (branded, forwarded) = (Branded::new(workload), Forwarded::new(Crypto::Library));
    let sign_branded = |index| drop(black_box(branded.sign(index)));
    let verify_branded = |index| drop(black_box(branded.verify(index)));
    let verify_forwarded = |index| drop(black_box(forwarded.verify(index)));
    let ten_thousand = TenThousand::new();
    let covers = |index| drop(black_box(ten_thousand.covers(index)));
    let parse = |index| _ = black_box(workload.parse(index));
    let tokens = Tokens::new();
    let check = |index| drop(black_box(tokens.check(index)));
    let answers = Answers::new();
    let answer = |index| drop(black_box(answers.answer(index)));
    use Promise::{CostAtMost, NanosAtMost, RateAtLeast, Same};
    let of_sign = ("raw-sign", &raw_sign as Work<'_>);
    let of_verify = ("raw-verify", &raw_verify as Work<'_>);
    let of_sign_shaken = ("sign-shaken", &sign as Work<'_>);
    let of_verify_shaken = ("verify-shaken-warm", &verify as Work<'_>);
    let races: [Race<'_>; 11] = [
        ("a-a", of_verify, Same, &raw_verify),
        ("sign-shaken", of_sign, RateAtLeast(0.95), &sign),
        ("verify-shaken-warm", of_verify, RateAtLeast(0.97), &verify),
        (
            "verify-shaken-full-chain",
            of_verify,
            RateAtLeast(0.28),
            &verify_full_chain,
        ),
        (
            "authorizes-10000-entries",
            of_verify,
            NanosAtMost(1000.0),
            &covers,
        ),
        ("parse-invite", of_verify, CostAtMost(0.03), &parse),
        (
            "sign-shaken-with-rcd",
            of_sign_shaken,
            CostAtMost(1.15),
            &sign_branded,
        ),
        (
            "verify-shaken-with-rcd-warm",
            of_verify_shaken,
            CostAtMost(1.15),
            &verify_branded,
        ),
        // Six signatures, and what is between them.
        (
            "verify-five-diversions",
            of_verify,
            CostAtMost(6.3),
            &verify_forwarded,
        ),
        // A token of RFC 9448: one signature, and the nine steps but the last.
        ("token-check", of_verify, RateAtLeast(0.8), &check),
        // An answer of OCSP with a number: the question read, the answer written and signed.
        ("ocsp-fresh", of_sign, RateAtLeast(0.70), &answer),
    ];
    let rows = Vec::from(races.map(row));
    let anchor = anchor(&rows);
    (rows, anchor)
}

/// A name, what it is measured against, what is promised of it, and itself.
type Race<'a> = (&'static str, (&'static str, Work<'a>), Promise, Work<'a>);

fn row((name, (of, raw), promise, ours): Race<'_>) -> Row {
    let (of_nanos, nanos) = race(Contestant::new(raw), Contestant::new(ours));
    Row {
        name,
        nanos,
        of: of.into(),
        of_nanos,
        promise,
    }
}

/// What the bare operations cost in these rows.
fn anchor(rows: &[Row]) -> Anchor {
    let nanos = |of: &str| {
        rows.iter()
            .find(|row| row.of == of)
            .map_or(f64::NAN, |row| row.of_nanos)
    };
    Anchor {
        sign: nanos("raw-sign"),
        verify: nanos("raw-verify"),
    }
}
