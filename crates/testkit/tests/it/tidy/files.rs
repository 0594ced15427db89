//! Rules about files: how long, how named, how begun, whether anything leads to them.

use super::{Complaint, File, Tree, breaks, house_keeps, keeps, lexer};
use std::collections::BTreeSet;

/// Lines at which a file is two files.
const MAX_LINES: usize = 1000;
/// Lines from which a file is reported.
const MANY_LINES: usize = 800;

fn sizes(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.rust() {
        match file.text.lines().count() {
            lines if lines > MAX_LINES => {
                complaints.push(Complaint::about(
                    &*file.path,
                    format!("{lines} lines; {MAX_LINES} is the limit"),
                ));
            }
            lines if lines > MANY_LINES => {
                println!("{}: {lines} lines: is it two files?", file.path)
            }
            _ => {}
        }
    }
    complaints
}

#[test]
fn no_file_is_longer_than_a_thousand_lines() {
    house_keeps(sizes);
}

#[test]
fn a_longer_file_is_found() {
    let long = "//! x\n".repeat(MAX_LINES + 1);
    breaks(sizes, &[("a/src/lib.rs", &long)], "1001 lines");
    keeps(sizes, &[("a/src/lib.rs", &"//! x\n".repeat(MAX_LINES))]);
}

fn beginnings(tree: &Tree) -> Vec<Complaint> {
    let lacking = tree.rust().filter(|file| !file.text.starts_with("//! "));
    lacking
        .map(|file| {
            Complaint::about(
                &*file.path,
                "begins without `//!`: what lives here, and what does not?",
            )
        })
        .collect()
}

#[test]
fn every_file_begins_with_what_lives_in_it() {
    house_keeps(beginnings);
}

#[test]
fn a_file_without_a_beginning_is_found() {
    breaks(
        beginnings,
        &[("a/src/lib.rs", "use std::fmt;\n")],
        "begins without",
    );
    keeps(beginnings, &[("a/src/lib.rs", "//! The map.\n")]);
}

/// Names for rooms without a noun: whatever has no place goes there.
const JUNK_DRAWERS: &[&str] = &[
    "common", "core", "handy", "helper", "helpers", "manager", "misc", "shared", "types", "util",
    "utils",
];

fn names(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.rust() {
        let rooms = file.path.split(['/', '.']);
        for room in rooms.filter(|room| JUNK_DRAWERS.contains(room)) {
            complaints.push(Complaint::about(
                &*file.path,
                format!("`{room}` is a junk drawer, not a noun"),
            ));
        }
        for (name, block) in lexer::inline_modules(&file.code) {
            if JUNK_DRAWERS.contains(&name.as_str()) {
                complaints.push(Complaint::at(
                    file,
                    block.start,
                    format!("`{name}` is a junk drawer, not a noun"),
                ));
            }
        }
    }
    complaints
}

#[test]
fn every_room_has_a_noun() {
    house_keeps(names);
}

#[test]
fn a_junk_drawer_is_found() {
    breaks(names, &[("a/src/util.rs", "")], "`util` is a junk drawer");
    breaks(
        names,
        &[("a/src/core/mod.rs", "")],
        "`core` is a junk drawer",
    );
    breaks(
        names,
        &[("a/src/b.rs", "\nmod helpers { }")],
        "b.rs:2: `helpers`",
    );
    keeps(names, &[("a/src/utility_company.rs", "// util")]);
}

/// Files that no `mod` line has to lead to, because Cargo finds them.
fn is_root(tree: &Tree, file: &File) -> bool {
    let Some(home) = tree
        .crates()
        .filter(|home| file.path.starts_with(&format!("{home}/")))
        .max_by_key(|home| home.len())
    else {
        return false;
    };
    let inside = &file.path[home.len() + 1..];
    let parts: Vec<&str> = inside.split('/').collect();
    let found_by_cargo = matches!(
        parts.as_slice(),
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"]
            | ["tests" | "benches" | "examples", _]
            | ["tests" | "benches" | "examples", _, "main.rs"]
    );
    let manifest = tree.file(&format!("{home}/Cargo.toml"));
    found_by_cargo
        || manifest.is_some_and(|manifest| manifest.text.contains(&format!("\"{inside}\"")))
}

/// The files a file's `mod` lines may mean.
fn led_to(file: &File) -> Vec<String> {
    let is_directory_file = |path: &str| {
        ["lib.rs", "main.rs", "mod.rs"]
            .iter()
            .any(|name| path.ends_with(&format!("/{name}")))
    };
    let directory = file.directory();
    // Roots found by Cargo and mod.rs own their directory; foo.rs owns foo/. Both are tried for roots with other names.
    let mut bases = vec![format!("{directory}/{}", file.stem())];
    if is_directory_file(&file.path) || file.path.contains("/tests/") || file.path.contains("/bin/")
    {
        bases.push(directory.to_owned());
    }
    let inline = lexer::inline_modules(&file.code);
    let mut paths = Vec::new();
    for (name, at) in lexer::declared_modules(&file.code) {
        let within: String = inline
            .iter()
            .filter(|(_, block)| block.contains(&at))
            .map(|(outer, _)| format!("{outer}/"))
            .collect();
        for base in &bases {
            paths.push(format!("{base}/{within}{name}.rs"));
            paths.push(format!("{base}/{within}{name}/mod.rs"));
        }
        paths.extend(given_path(file, at).map(|path| format!("{directory}/{path}")));
    }
    paths
}

/// The path in a `#[path = "…"]` directly before the `mod` line at `at`.
fn given_path(file: &File, at: usize) -> Option<&str> {
    let before = &file.text[..at];
    let attribute = &before[before.rfind("#[path")?..];
    let path = attribute.split('"').nth(1)?;
    let nothing_between = !attribute.contains(';') && !attribute.contains('}');
    nothing_between.then_some(path)
}

fn reachable(tree: &Tree) -> Vec<Complaint> {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&File> = tree.rust().filter(|file| is_root(tree, file)).collect();
    while let Some(file) = open.pop() {
        if reached.insert(&file.path) {
            open.extend(led_to(file).iter().filter_map(|path| tree.file(path)));
        }
    }
    let dead = tree
        .rust()
        .filter(|file| !reached.contains(file.path.as_str()));
    dead.map(|file| Complaint::about(&*file.path, "no `mod` line leads here: a dead file"))
        .collect()
}

#[test]
fn every_rust_file_is_reached() {
    house_keeps(reachable);
}

#[test]
fn a_dead_file_is_found() {
    let manifest = ("a/Cargo.toml", "[package]\nname = \"a\"");
    breaks(
        reachable,
        &[
            manifest,
            ("a/src/lib.rs", "mod b;"),
            ("a/src/b.rs", ""),
            ("a/src/c.rs", ""),
        ],
        "c.rs:1: no `mod` line",
    );
    // A module that is only mentioned in a comment is not declared.
    breaks(
        reachable,
        &[manifest, ("a/src/lib.rs", "// mod b;"), ("a/src/b.rs", "")],
        "b.rs:1: no `mod` line",
    );
}

#[test]
fn files_are_reached_in_every_way_rust_knows() {
    keeps(
        reachable,
        &[
            (
                "a/Cargo.toml",
                "[package]\n[[bin]]\npath = \"targets/t.rs\"",
            ),
            ("a/src/lib.rs", "mod b;\nmod c;\nmod d { mod e; }"),
            ("a/src/b.rs", "#[cfg(test)]\nmod tests;"),
            ("a/src/b/tests.rs", ""),
            ("a/src/c/mod.rs", "mod f;"),
            ("a/src/c/f.rs", "#[path = \"g_odd.rs\"]\nmod g;"),
            ("a/src/c/g_odd.rs", ""),
            ("a/src/d/e.rs", ""),
            ("a/src/main.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("a/tests/it/main.rs", "mod h;"),
            ("a/tests/it/h.rs", ""),
            ("a/targets/t.rs", ""),
        ],
    );
}

fn unsafe_forbidden(tree: &Tree) -> Vec<Complaint> {
    let roots = tree.crates().filter_map(|home| {
        let library = tree.file(&format!("{home}/src/lib.rs"));
        library.or_else(|| tree.file(&format!("{home}/src/main.rs")))
    });
    let lacking = roots.filter(|root| !root.code.contains("#![forbid(unsafe_code)]"));
    lacking
        .map(|root| {
            Complaint::about(
                &*root.path,
                "the crate does not say `#![forbid(unsafe_code)]`",
            )
        })
        .collect()
}

#[test]
fn every_crate_forbids_unsafe_code() {
    house_keeps(unsafe_forbidden);
}

#[test]
fn a_crate_that_allows_unsafe_code_is_found() {
    let manifest = ("a/Cargo.toml", "[package]");
    breaks(
        unsafe_forbidden,
        &[manifest, ("a/src/lib.rs", "// #![forbid(unsafe_code)]")],
        "does not say",
    );
    keeps(
        unsafe_forbidden,
        &[
            manifest,
            ("a/src/lib.rs", "#![forbid(unsafe_code)]"),
            ("a/src/main.rs", ""),
        ],
    );
}

fn ignored_tests(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.rust() {
        for (at, _) in file.code.match_indices("#[ignore]") {
            complaints.push(Complaint::at(
                file,
                at,
                "a test is ignored without a reason: `#[ignore = \"why\"]`",
            ));
        }
    }
    complaints
}

#[test]
fn a_test_is_ignored_only_with_a_reason() {
    house_keeps(ignored_tests);
}

#[test]
fn a_test_ignored_without_reason_is_found() {
    breaks(
        ignored_tests,
        &[("a/src/b.rs", "#[test]\n#[ignore]\nfn x() {}")],
        "b.rs:2",
    );
    keeps(
        ignored_tests,
        &[(
            "a/src/b.rs",
            "#[test]\n#[ignore = \"needs a network\"]\nfn x() {} // #[ignore]",
        )],
    );
}
