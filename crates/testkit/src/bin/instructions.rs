//! `instructions WORK COUNT` (`sign`, `verify`, `parse`, and those of the other kinds of PASSporT): does the work COUNT times in a function that a profiler can find.
//!
//! Run by `cargo xtask instructions` under callgrind, which collects inside [`measured`] and nowhere else: making keys and certificates,
//! and the first round that warms every cache, are not counted.

#![forbid(unsafe_code)]

use countersign_testkit::workload::{Branded, CALLS, Crypto, Forwarded, Workload};
use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, count] = arguments.as_slice() else {
        return ExitCode::from(2);
    };
    let Ok(count) = count.parse() else {
        return ExitCode::from(2);
    };
    let workload = Workload::new(Crypto::Constant);
    let (branded, forwarded);
    let work: &dyn Fn(usize) = match what.as_str() {
        "sign" => &|index| drop(black_box(workload.sign(index))),
        "verify" => &|index| drop(black_box(workload.verify(index))),
        "parse" => &|index| {
            let _found = black_box(workload.parse(index));
        },
        "sign-rcd" => {
            branded = Branded::new(&workload);
            &|index| drop(black_box(branded.sign(index)))
        }
        "verify-rcd" => {
            branded = Branded::new(&workload);
            &|index| drop(black_box(branded.verify(index)))
        }
        "verify-forwarded" => {
            forwarded = Forwarded::new(Crypto::Constant);
            &|index| drop(black_box(forwarded.verify(index)))
        }
        _ => return ExitCode::from(2),
    };
    // Once around: nothing is allocated, hashed or looked up for the first time later on.
    (0..CALLS).for_each(work);
    measured(work, count);
    ExitCode::SUCCESS
}

/// What is counted.
#[inline(never)]
fn measured(work: &dyn Fn(usize), count: usize) {
    for index in 0..count {
        work(black_box(index));
    }
}
