//! `cargo xtask judge`: the product over material that others made, given by path; a table of what it says beside what is said of it.
//!
//! Nothing is expected of the material but its form, so that it may be new: what disagrees is printed as such and makes the exit code 1.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing figures is what it does"
)]

mod certificates;
mod passports;
mod paths;
mod sip;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask judge [--certificates DIR]... [--passports FILE.jsonl]... [--sip DIR]...

  --certificates DIR      certificates in DER, PEM and JSON lines (`der_b64`, packed by gzip or not; if known `oracle.openssl_chain` and
                          `oracle.zlint_errors`); anchors are in PEM files named roots* or anchors*, else every self-issued one is
  --passports FILE.jsonl  one JSON object a line: `token`; if known `id`, `spki_b64` (the public key, DER in base64), `signature`
                          (VERIFIED if it is known to verify) and `strict_problems` (what the RFCs forbid in it)
  --sip DIR               one SIP message a file; if there is a DIR-expected.tsv (file, class, correct result), it is shown beside
";

/// What was judged.
#[derive(Clone, Copy, Default)]
struct Figures {
    judged: usize,
    disagreeing: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() || arguments.len() % 2 == 1 {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    }
    let mut disagreeing = 0;
    for pair in arguments.chunks(2) {
        let judged = match pair {
            [flag, path] if flag == "--certificates" => certificates::judge(path),
            [flag, path] if flag == "--passports" => passports::judge(path),
            [flag, path] if flag == "--sip" => sip::judge(path),
            _ => {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }
        };
        match judged {
            Ok(figures) => {
                println!(
                    "{}: {} judged, {} disagree\n",
                    pair[1], figures.judged, figures.disagreeing
                );
                disagreeing += figures.disagreeing;
            }
            Err(why) => {
                eprintln!("error: {}: {why}", pair[1]);
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::from(u8::from(disagreeing > 0))
}
