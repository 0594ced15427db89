//! `cargo xtask bench [--json] [PART]...`: every ratio that is promised, in one run.
//!
//! The anchor is the library alone with a parsed key: what a signature and its verification cost at least. Everything else is told as a
//! ratio to that, because ratios mean the same on every machine. A run whose A/A row is off is void.
//!
//! - `library`: the library's own work, in blocks of thread CPU time
//! - `path`: whole calls through running servers, CPU time of all their threads; Kamailio stands beside them
//! - `web`: the same over HTTP
//! - `issuance`: a certificate, from the account to the chain
//! - `inquiry`: how long it takes to learn who would answer
//! - `limits`: how late calls are on a busy server, and what one that is overloaded still does
//! - `machine`: the processes; `rows`: the table

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

mod rows;
mod raw;
mod machine;
mod library;
mod path;
mod web;
mod issuance;
mod inquiry;
mod limits;

use countersign_testkit::workload::{Crypto, Workload};
use mimalloc::MiMalloc;
use raw::Raw;
use std::process::ExitCode;

/// The server's own: what is measured in this process costs what it costs there.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What can be measured alone; without a word all of it is.
const PARTS: [&str; 7] = [
    "library", "path", "http", "issuance", "probe", "limits", "memory",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says so to whatever it runs as a benchmark.
    let words = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--bench");
    let (mut as_json, mut parts) = (false, Vec::new());
    for word in words {
        match word {
            "--json" => as_json = true,
            part if PARTS.contains(&part) => parts.push(part),
            _ => {
                eprintln!("usage: bench [--json] [{}]...", PARTS.join("|"));
                return ExitCode::from(2);
            }
        }
    }
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    let workload = Workload::new(Crypto::Library);
    let raw = Raw::new(&workload);
    // The anchor is measured in every run, whatever else is.
    let (mut rows, anchor) = library::measure(&workload, &raw);
    if wanted("path") {
        rows.extend(path::measure(&raw));
    }
    if wanted("http") {
        rows.extend(web::measure(&raw));
    }
    if wanted("issuance") {
        rows.extend(issuance::measure(&raw));
    }
    if wanted("probe") {
        rows.push(inquiry::measure());
    }
    if wanted("limits") {
        rows.extend(limits::measure());
    }
    if wanted("memory") {
        rows.push(limits::memory());
    }
    if as_json {
        rows::print_json(&rows, anchor);
    } else {
        rows::print_table(&rows, anchor);
    }
    // A promise that is not kept is a figure; a machine that cannot measure is a failure.
    if rows.iter().any(rows::Row::is_void) {
        eprintln!(
            "void: the same work twice differs by more than {}",
            rows::VOID_BEYOND
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
