//! Every parser of foreign bytes keeps its promises for the checked-in seeds, and for what becomes of them when somebody meddles.
//!
//! ```text
//!     fuzz/seeds/<target>/* ──► as they are ─────────┐
//!                           └─► cut, flipped, mixed ─┴─► fuzz_entry::<target>   panics if a promise is broken
//! ```
//!
//! The same functions are fuzzed for as long as one likes by `cargo xtask fuzz`; what that finds becomes a seed. This test verifies
//! that no finding comes back, and that targets, seeds and the list of them are complete.

use countersign_testkit::fuzz_entry::{TARGETS, Target};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fs;
use std::path::{Path, PathBuf};

/// Targets whose promises and seeds are in `crates/server/tests/it/any_bytes.rs`: the server is no part of the testkit.
const SERVER_TARGETS: &[&str] = &[
    "cli_input",
    "config",
    "dns_message",
    "http_caching",
    "http_request",
    "picture",
    "token_uri",
];

/// Meddled inputs for each seed.
const MEDDLINGS: u32 = 512;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let directory = fuzz().join("seeds").join(target.name);
    let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| fs::read(entry.path()).ok())
        .collect()
}

#[test]
fn seeds_keep_every_promise() {
    for target in TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 3, "{}: {} seeds", target.name, seeds.len());
        for seed in seeds {
            (target.run)(&seed);
        }
    }
}

/// One act of meddling: cut off at, write a byte at, or copy a stretch of the seed to.
#[derive(Clone, Debug)]
enum Act {
    Cut(prop::sample::Index),
    Write(prop::sample::Index, u8),
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

fn act() -> impl Strategy<Value = Act> {
    let index = any::<prop::sample::Index>;
    // Bytes that mean something in one of the grammars are worth more than others.
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\r\n\t \"'<>()[]{},;:=.@%+-_/\\0aZ\0\xff".to_vec())
    ];
    prop_oneof![
        1 => index().prop_map(Act::Cut),
        6 => (index(), byte).prop_map(|(at, byte)| Act::Write(at, byte)),
        3 => (index(), index(), 1..64_usize).prop_map(|(from, to, len)| Act::Copy(from, to, len)),
    ]
}

fn meddle(mut bytes: Vec<u8>, acts: &[Act]) -> Vec<u8> {
    for act in acts {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match act {
            Act::Cut(at) => bytes.truncate(at.index(len)),
            Act::Write(at, byte) => bytes[at.index(len)] = *byte,
            Act::Copy(from, to, stretch) => {
                let from = from.index(len);
                let copied = bytes[from..(from + stretch).min(len)].to_vec();
                let to = to.index(len);
                bytes.splice(to..to, copied);
            }
        }
    }
    bytes
}

#[test]
fn meddled_seeds_keep_every_promise() {
    for target in TARGETS {
        for seed in seeds(target) {
            // The same meddling every time: what fails here fails for everybody.
            let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            let config = Config {
                cases: MEDDLINGS,
                failure_persistence: None,
                ..Config::default()
            };
            let mut runner = TestRunner::new_with_rng(config, random);
            let outcome = runner.run(&prop::collection::vec(act(), 1..8), |acts| {
                (target.run)(&meddle(seed.clone(), &acts));
                Ok(())
            });
            assert!(
                outcome.is_ok(),
                "{}: {outcome:?}\nseed: {:?}",
                target.name,
                String::from_utf8_lossy(&seed)
            );
        }
    }
}

#[test]
fn every_target_can_be_fuzzed_and_nothing_else_is() {
    let listed: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert!(listed.is_sorted());
    let names = |directory: &str| {
        let entries = fs::read_dir(fuzz().join(directory))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .trim_end_matches(".rs")
                    .to_owned()
            })
            .collect();
        names.sort();
        names
    };
    let mut all = [&listed[..], SERVER_TARGETS].concat();
    all.sort_unstable();
    assert_eq!(names("fuzz_targets"), all);
    assert_eq!(names("seeds"), all);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap_or_default();
    for name in all {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name} is not in fuzz/Cargo.toml"
        );
    }
}
