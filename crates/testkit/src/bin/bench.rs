//! `cargo xtask bench [--json]`: every ratio that is promised, in one run.
//!
//! The anchor is the library alone with a parsed key: what a signature and its verification cost at least. Everything else is told as a
//! ratio to that, because ratios mean the same on every machine. A run whose A/A row is off is void.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing figures is what it does"
)]
#![allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, ParsedPublicKey,
};
use countersign_testkit::stopwatch::{Contestant, ROUNDS, race};
use countersign_testkit::workload::{CALLS, Crypto, TenThousand, Workload};
use serde_json::json;
use std::hint::black_box;
use std::process::ExitCode;

/// How far the A/A row may be from 1.
const VOID_BEYOND: f64 = 0.01;

/// What a row's ratio is, and what is promised of it.
#[derive(Clone, Copy)]
enum Promise {
    /// Operations per second over those of the anchor: no less than this.
    RateAtLeast(f64),
    /// Time over that of the anchor: no more than this.
    CostAtMost(f64),
    /// No longer than so many nanoseconds, whatever the anchor takes.
    NanosAtMost(f64),
    /// The same work twice.
    Same,
}

struct Row {
    name: &'static str,
    nanos: f64,
    of: &'static str,
    of_nanos: f64,
    promise: Promise,
}

impl Row {
    fn ratio(&self) -> f64 {
        match self.promise {
            Promise::RateAtLeast(_) | Promise::Same => self.of_nanos / self.nanos,
            Promise::CostAtMost(_) | Promise::NanosAtMost(_) => self.nanos / self.of_nanos,
        }
    }

    fn is_kept(&self) -> bool {
        match self.promise {
            Promise::RateAtLeast(least) => self.ratio() >= least,
            Promise::CostAtMost(most) => self.ratio() <= most,
            Promise::NanosAtMost(most) => self.nanos <= most,
            Promise::Same => (self.ratio() - 1.0).abs() <= VOID_BEYOND,
        }
    }

    fn promised(&self) -> String {
        match self.promise {
            Promise::RateAtLeast(least) => format!("rate >= {least}"),
            Promise::CostAtMost(most) => format!("cost <= {most}"),
            Promise::NanosAtMost(most) => format!("{most} ns at most, whatever the cost"),
            Promise::Same => format!("within {VOID_BEYOND} of 1, or the run is void"),
        }
    }
}

fn main() -> ExitCode {
    let as_json = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--json" => true,
        _ => {
            eprintln!("usage: bench [--json]");
            return ExitCode::from(2);
        }
    };
    let (rows, anchor) = measure();
    if as_json {
        print_json(&rows, anchor);
    } else {
        print_table(&rows, anchor);
    }
    // A promise that is not kept is a figure; a machine that cannot measure is a failure.
    let void = rows
        .iter()
        .any(|row| matches!(row.promise, Promise::Same) && !row.is_kept());
    if void {
        eprintln!("void: the same work twice differs by more than {VOID_BEYOND}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What the library alone costs, in nanoseconds.
#[derive(Clone, Copy)]
struct Anchor {
    sign: f64,
    verify: f64,
}

/// One operation; the argument counts up.
type Work<'a> = &'a dyn Fn(usize);

fn measure() -> (Vec<Row>, Anchor) {
    let workload = Workload::new(Crypto::Library);
    let inputs: Vec<_> = (0..CALLS).map(|index| workload.raw(index)).collect();
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("key");
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, workload.public_key()).expect("key");
    let raw_verify = |index: usize| {
        let (message, signature) = &inputs[index % CALLS];
        key.verify_sig(message, signature)
            .expect("a good signature");
    };
    let raw_sign = |index: usize| {
        let (message, _) = &inputs[index % CALLS];
        let _signature = black_box(pair.sign(&random, message).expect("a signature"));
    };
    let sign = |index| drop(black_box(workload.sign(index)));
    let verify = |index| drop(black_box(workload.verify(index)));
    let verify_full_chain = |index| drop(black_box(workload.verify_full_chain(index)));
    let ten_thousand = TenThousand::new();
    let covers = |index| drop(black_box(ten_thousand.covers(index)));
    let parse = |index| {
        let _found = black_box(workload.parse(index));
    };
    use Promise::{CostAtMost, NanosAtMost, RateAtLeast, Same};
    let (of_sign, of_verify) = (
        ("raw-sign", &raw_sign as Work<'_>),
        ("raw-verify", &raw_verify as Work<'_>),
    );
    let races: [(&'static str, _, Promise, Work<'_>); 6] = [
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
    ];
    let rows = races.map(|(name, (of, raw), promise, ours)| {
        let (of_nanos, nanos) = race(Contestant::new(raw), Contestant::new(ours));
        Row {
            name,
            nanos,
            of,
            of_nanos,
            promise,
        }
    });
    let rows = Vec::from(rows);
    let anchor = |of: &str| {
        rows.iter()
            .find(|row| row.of == of)
            .map_or(f64::NAN, |row| row.of_nanos)
    };
    let anchor = Anchor {
        sign: anchor("raw-sign"),
        verify: anchor("raw-verify"),
    };
    (rows, anchor)
}

fn per_second(nanos: f64) -> f64 {
    1e9 / nanos
}

fn print_table(rows: &[Row], anchor: Anchor) {
    println!("medians of {ROUNDS} alternating blocks of 2 ms of thread CPU time");
    println!("{:24} {:>10} {:>10}", "", "us", "per s");
    for (name, nanos) in [("raw-sign", anchor.sign), ("raw-verify", anchor.verify)] {
        println!(
            "{name:24} {:>10.3} {:>10.0}",
            nanos / 1e3,
            per_second(nanos)
        );
    }
    println!();
    println!(
        "{:24} {:>10} {:>10} {:>8}  promised",
        "", "us", "per s", "ratio"
    );
    for row in rows {
        let word = if row.is_kept() { "kept" } else { "NOT KEPT" };
        println!(
            "{:24} {:>10.3} {:>10.0} {:>8.4}  {} of {}: {word}",
            row.name,
            row.nanos / 1e3,
            per_second(row.nanos),
            row.ratio(),
            row.promised(),
            row.of
        );
    }
}

fn print_json(rows: &[Row], anchor: Anchor) {
    let rounded =
        |value: f64, places: i32| (value * 10_f64.powi(places)).round() / 10_f64.powi(places);
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name, "per_s": rounded(per_second(row.nanos), 1), "ratio": rounded(row.ratio(), 5), "of": row.of,
                "promised": row.promised(), "kept": row.is_kept(),
            })
        })
        .collect();
    let anchor = json!({
        "raw_sign_per_s": rounded(per_second(anchor.sign), 1), "raw_verify_per_s": rounded(per_second(anchor.verify), 1),
    });
    println!("{}", json!({ "anchor": anchor, "rows": rows }));
}
