//! Rules about who may use whom: modules in the order of `lib.rs`, crates in the order of the house, and nothing below the roof that
//! has a clock, a socket, a disk or luck.

use super::{Complaint, File, Tree, breaks, house_keeps, keeps, lexer};
use std::ops::Range;

/// The modules of the crate at `home`, lowest floor first: the order of the `mod` lines.
fn floors(tree: &Tree, home: &str) -> Vec<String> {
    let library = tree.file(&format!("{home}/src/lib.rs"));
    let Some(root) = library.or_else(|| tree.file(&format!("{home}/src/main.rs"))) else {
        return Vec::new();
    };
    let inline = lexer::inline_modules(&root.code);
    let at_top = |at: usize| !inline.iter().any(|(_, block)| block.contains(&at));
    let declared = lexer::declared_modules(&root.code);
    declared
        .into_iter()
        .filter(|(_, at)| at_top(*at))
        .map(|(name, _)| name)
        .collect()
}

/// A place where a file names a module of its own crate.
struct Reference {
    at: usize,
    module: String,
}

/// What stands behind each `crate::` in `code`, groups opened: `crate::{a::X, b}` names `a` and `b`.
fn references_by_crate(code: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    for at in lexer::words(code, "crate") {
        let Some(rest) = code[at + "crate".len()..].strip_prefix("::") else {
            continue;
        };
        let names = if rest.starts_with('{') {
            group(rest)
        } else {
            vec![lexer::leading_name(rest)]
        };
        found.extend(names.into_iter().map(|name| Reference {
            at,
            module: name.to_owned(),
        }));
    }
    found
}

/// The first names in `{a::X, b, c::{d, e}}`.
fn group(text: &str) -> Vec<&str> {
    let inside = &text[1..lexer::block_end(text, 0).saturating_sub(1)];
    let mut depth = 0_i32;
    let items = inside.split(|character| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        character == ',' && depth == 0
    });
    items
        .map(|item| lexer::leading_name(item.trim_start()))
        .filter(|name| !name.is_empty())
        .collect()
}

/// What is reached by climbing with `super::` to the root of the crate from a file `depth` modules below it.
fn references_by_climbing(code: &str, depth: usize) -> Vec<Reference> {
    let inline = lexer::inline_modules(code);
    let mut found = Vec::new();
    for at in lexer::words(code, "super") {
        // Only the first step of a climb: `super::super` is counted from its beginning.
        if code[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &code[at..];
        let mut steps = 0;
        while let Some(higher) = rest.strip_prefix("super::") {
            rest = higher;
            steps += 1;
        }
        let depth_here = depth
            + inline
                .iter()
                .filter(|(_, block)| block.contains(&at))
                .count();
        if steps == depth_here {
            let names = if rest.starts_with('{') {
                group(rest)
            } else {
                vec![lexer::leading_name(rest)]
            };
            found.extend(names.into_iter().map(|name| Reference {
                at,
                module: name.to_owned(),
            }));
        }
    }
    found
}

fn module_floors(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for home in tree.crates() {
        let floors = floors(tree, home);
        let source = format!("{home}/src/");
        for file in tree.rust().filter(|file| file.path.starts_with(&source)) {
            let inside = file.path[source.len()..]
                .trim_end_matches(".rs")
                .trim_end_matches("/mod");
            let room = inside.split('/').next().unwrap_or_default();
            let Some(own) = floors.iter().position(|floor| floor == room) else {
                continue;
            };
            let depth = inside.split('/').count();
            let mut references = references_by_crate(&file.code);
            references.extend(references_by_climbing(&file.code, depth));
            complaints.extend(
                references
                    .iter()
                    .filter_map(|to| climbs(file, to, &floors, own)),
            );
        }
    }
    complaints
}

/// A complaint if `to` is not on the floor `own` or below it.
fn climbs(file: &File, to: &Reference, floors: &[String], own: usize) -> Option<Complaint> {
    let what = match floors.iter().position(|floor| *floor == to.module) {
        Some(floor) if floor <= own => return None,
        Some(_) => format!(
            "`{}` uses `{}`, which lib.rs lists below it",
            floors[own], to.module
        ),
        // A name that lib.rs only passes on hides which floor it is on.
        None => format!(
            "`crate::{}` is no module: name the room it lives in",
            to.module
        ),
    };
    Some(Complaint::at(file, to.at, what))
}

#[test]
fn a_module_uses_only_modules_listed_above_it() {
    house_keeps(module_floors);
}

#[test]
fn a_module_that_climbs_is_found() {
    let manifest = ("a/Cargo.toml", "[package]");
    let library = ("a/src/lib.rs", "pub mod low;\npub mod high;");
    let high = ("a/src/high.rs", "use crate::low::X;");
    let found = |text: &str, expected: &str| {
        breaks(
            module_floors,
            &[manifest, library, high, ("a/src/low.rs", text)],
            expected,
        )
    };
    found("use crate::high::X;", "low.rs:1: `low` uses `high`");
    found(
        "\nfn f() { crate::high::f() }",
        "low.rs:2: `low` uses `high`",
    );
    found("use crate::{high, low::Y};", "`low` uses `high`");
    found("use super::high;", "`low` uses `high`");
    found(
        "mod tests { use super::super::high::X; }",
        "`low` uses `high`",
    );
    found("use crate::X;", "`crate::X` is no module");
    breaks(
        module_floors,
        &[manifest, library, ("a/src/low/deep.rs", "use crate::high;")],
        "`low` uses `high`",
    );
}

#[test]
fn a_module_that_stays_on_its_floor_is_left_alone() {
    keeps(
        module_floors,
        &[
            ("a/Cargo.toml", "[package]"),
            ("a/src/lib.rs", "pub mod low;\npub mod high;"),
            (
                "a/src/high.rs",
                "use crate::{low::{A, B}, high::c};\nmod tests { use super::*; }",
            ),
            (
                "a/src/low.rs",
                "/// See [`crate::high`].\nmod deep; pub(in crate::low) fn f() {}",
            ),
            (
                "a/src/low/deep.rs",
                "use super::f; use super::super::low::g; const S: &str = \"crate::high\";",
            ),
        ],
    );
}

/// Who may use whom (house rule): the crate and what of ours it may depend on. Proof and tasks stand outside.
const CRATE_FLOORS: &[(&str, &[&str])] = &[
    ("countersign", &[]),
    ("countersign-sip", &["countersign"]),
    ("countersign-ca", &["countersign"]),
    ("countersign-mls", &["countersign"]),
    ("countersign-transfer", &["countersign"]),
    (
        "countersign-server",
        &[
            "countersign",
            "countersign-sip",
            "countersign-ca",
            "countersign-mls",
            "countersign-transfer",
        ],
    ),
];

/// What brings a clock, a socket, a disk or luck, or a runtime that does.
const ROOF_ONLY: &[&str] = &[
    "async-std",
    "axum",
    "chrono",
    "fastrand",
    "getrandom",
    "hyper",
    "hyper-util",
    "jiff",
    "mio",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "time",
    "tokio",
    "tokio-rustls",
];

/// The dependencies of a manifest that end up in the product: not those of tests.
fn dependencies(manifest: &File) -> Vec<(usize, &str)> {
    let (mut found, mut section, mut at) = (Vec::new(), "", 0);
    for line in manifest.text.split_inclusive('\n') {
        let text = line.trim();
        if text.starts_with('[') {
            section = text.trim_matches(['[', ']']);
        } else if section.ends_with("dependencies")
            && !section.ends_with("dev-dependencies")
            && !text.starts_with('#')
        {
            let name = text.split(['.', '=', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                found.push((at, name));
            }
        }
        at += line.len();
    }
    found
}

fn package_name(manifest: &File) -> &str {
    let line = manifest
        .text
        .lines()
        .find_map(|line| line.strip_prefix("name = "));
    line.unwrap_or_default().trim_matches('"')
}

fn crate_floors(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for manifest in tree.with_extension("/Cargo.toml") {
        let name = package_name(manifest);
        let Some((_, below)) = CRATE_FLOORS.iter().find(|(owner, _)| *owner == name) else {
            continue;
        };
        for (at, dependency) in dependencies(manifest) {
            let ours = dependency.starts_with("countersign");
            if ours && !below.contains(&dependency) {
                complaints.push(Complaint::at(
                    manifest,
                    at,
                    format!("{name} may not use {dependency}"),
                ));
            }
            if name != "countersign-server" && ROOF_ONLY.contains(&dependency) {
                complaints.push(Complaint::at(
                    manifest,
                    at,
                    format!("{dependency} belongs in the server, not in {name}"),
                ));
            }
        }
    }
    complaints
}

#[test]
fn crates_use_only_the_floors_below_them() {
    house_keeps(crate_floors);
}

#[test]
fn a_crate_that_climbs_is_found() {
    let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}\n");
    let found = |name: &str, rest: &str, expected: &str| {
        breaks(
            crate_floors,
            &[("crates/x/Cargo.toml", &manifest(name, rest))],
            expected,
        );
    };
    found(
        "countersign-sip",
        "[dependencies]\ncountersign-ca.workspace = true",
        "Cargo.toml:4: countersign-sip may not use countersign-ca",
    );
    found(
        "countersign",
        "[dependencies]\ntokio = \"1\"",
        "tokio belongs in the server",
    );
    found(
        "countersign",
        "[target.'cfg(unix)'.dependencies]\nrand = { version = \"1\" }",
        "rand belongs in the server",
    );
    let fine = manifest(
        "countersign-server",
        "[dependencies]\ntokio = \"1\"\ncountersign-sip.workspace = true",
    );
    keeps(crate_floors, &[("crates/x/Cargo.toml", &fine)]);
    let fine = manifest(
        "countersign",
        "[dev-dependencies]\ncountersign-ca.workspace = true\n# tokio = \"1\"",
    );
    keeps(crate_floors, &[("crates/x/Cargo.toml", &fine)]);
}

/// The crates that are sans-IO.
const SANS_IO: &[&str] = &[
    "crates/countersign/",
    "crates/sip/",
    "crates/ca/",
    "crates/mls/",
    "crates/transfer/",
];

/// Names that a sans-IO crate has no use for, and what each would bring in.
const OUTSIDE_WORLD: &[(&str, &str)] = &[
    ("Instant", "a clock"),
    ("SystemTime", "a clock"),
    ("TcpListener", "a socket"),
    ("TcpStream", "a socket"),
    ("ToSocketAddrs", "a resolver"),
    ("UdpSocket", "a socket"),
    ("std::env", "the environment"),
    ("std::fs", "a disk"),
    ("std::process", "other programs"),
    ("std::thread", "threads"),
    ("tokio", "a runtime"),
];

fn sans_io(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let is_ours =
        |file: &&File| SANS_IO.iter().any(|home| file.path.starts_with(home)) && !file.is_test();
    for file in tree.rust().filter(is_ours) {
        let tests: Vec<Range<usize>> = lexer::test_items(&file.code);
        for (name, what) in OUTSIDE_WORLD {
            let places = lexer::words(&file.code, name);
            for at in places.filter(|at| !tests.iter().any(|test| test.contains(at))) {
                complaints.push(Complaint::at(
                    file,
                    at,
                    format!("`{name}` brings in {what}: it is an argument here"),
                ));
            }
        }
    }
    complaints
}

#[test]
fn nothing_below_the_roof_has_a_clock_a_socket_or_a_disk() {
    house_keeps(sans_io);
}

#[test]
fn a_hidden_clock_is_found() {
    let path = "crates/countersign/src/a.rs";
    breaks(
        sans_io,
        &[(path, "fn f() { std::time::SystemTime::now(); }")],
        "`SystemTime` brings in a clock",
    );
    breaks(
        sans_io,
        &[(path, "use std::fs;")],
        "`std::fs` brings in a disk",
    );
    breaks(
        sans_io,
        &[(
            "crates/sip/src/a.rs",
            "\nuse std::net::{IpAddr, UdpSocket};",
        )],
        "a.rs:2: `UdpSocket`",
    );
    keeps(sans_io, &[("crates/server/src/a.rs", "use std::fs;")]);
    keeps(
        sans_io,
        &[(
            path,
            "// std::fs\nuse std::net::IpAddr;\nuse std::time::Duration;\n#[cfg(test)]\nmod tests { use std::fs; }",
        )],
    );
    keeps(
        sans_io,
        &[("crates/countersign/src/a/tests.rs", "use std::fs;")],
    );
}
