//! Rules about prose: links that say where they lead, files that are there, words that do not belong, tables that are complete.

use super::{Complaint, File, Tree, breaks, house_keeps, keeps, lexer};

/// A link of Markdown: `[label](target)`, in a document or in a comment.
struct Link<'a> {
    at: usize,
    label: String,
    target: &'a str,
}

/// Documents as they are without their code blocks, Rust files by their comments.
fn prose(file: &File) -> String {
    if file.path.ends_with(".rs") {
        return lexer::comments(&file.text);
    }
    let mut fenced = false;
    let mut text = String::new();
    for line in file.text.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        text.push_str(if fenced || fence { "" } else { line });
        text.push('\n');
    }
    text
}

fn links(prose: &str) -> Vec<Link<'_>> {
    let mut found = Vec::new();
    for (at, _) in prose.match_indices("](") {
        let label = prose[..at]
            .rfind('[')
            .map_or("", |open| &prose[open + 1..at]);
        let rest = &prose[at + 2..];
        let target = rest.split([')', ' ', '\n']).next().unwrap_or_default();
        // A label may be broken over lines.
        let label = label.split_whitespace().collect::<Vec<_>>().join(" ");
        found.push(Link { at, label, target });
    }
    // `[label]: target`, each on a line of its own.
    let mut start = 0;
    for line in prose.split_inclusive('\n') {
        let trimmed = line.trim();
        if let Some((label, target)) = trimmed
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "))
        {
            found.push(Link {
                at: start,
                label: label.to_owned(),
                target: target.trim(),
            });
        }
        start += line.len();
    }
    found
}

/// The line of an offset into the prose is the line of the file: prose keeps lines, not columns.
fn at_line(file: &File, prose: &str, at: usize, what: String) -> Complaint {
    let line = prose[..at].matches('\n').count() + 1;
    Complaint {
        path: file.path.clone(),
        line,
        what,
    }
}

/// The number and, if given, the section or appendix of an RFC that a URL leads to.
fn rfc_of_url(url: &str) -> Option<(u32, Option<&str>)> {
    let (before, rest) = url.split_once("/rfc")?;
    // https://www.rfc-editor.org/rfc/rfc8224#section-4 has it twice.
    let rest = rest.strip_prefix("/rfc").unwrap_or(rest);
    if !(before.contains("rfc-editor.org") || before.contains("datatracker.ietf.org")) {
        return None;
    }
    let digits = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let anchor = rest.split_once('#').map(|(_, anchor)| anchor);
    let section = anchor.and_then(|anchor| {
        anchor
            .strip_prefix("section-")
            .or_else(|| anchor.strip_prefix("appendix-"))
    });
    Some((rest[..digits].parse().ok()?, section))
}

/// The RFC number a label names first, and the section after its `§` or `Appendix`.
fn rfc_of_label(label: &str) -> Option<(u32, Option<&str>)> {
    let (_, rest) = label.split_once("RFC")?;
    let rest = rest.trim_start();
    let digits = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let section = rest
        .split_once('§')
        .or_else(|| rest.split_once("Appendix "));
    let section = section.map(|(_, section)| {
        section
            .split([' ', ',', ')', '`'])
            .next()
            .unwrap_or_default()
    });
    Some((rest[..digits].parse().ok()?, section))
}

fn rfc_links(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.rust().chain(tree.with_extension(".md")) {
        let prose = prose(file);
        let mut before = None;
        for link in links(&prose) {
            let Some((number, section)) = rfc_of_url(link.target) else {
                continue;
            };
            // `[RFC 5280 §4.2](…), [§5.2](…)`: the second goes on where the first was.
            let continued = link.label.strip_prefix('§').zip(before);
            let labelled = continued.map(|(section, before)| (before, Some(section)));
            let labelled = labelled.or_else(|| rfc_of_label(&link.label));
            before = labelled.map(|(labelled, _)| labelled).or(before);
            let what = match labelled {
                None => format!("the label {:?} does not name RFC {number}", link.label),
                Some((labelled, _)) if labelled != number => {
                    format!("{:?} leads to RFC {number}", link.label)
                }
                Some((_, Some(labelled))) if section.is_some_and(|section| section != labelled) => {
                    format!(
                        "{:?} leads to section {}",
                        link.label,
                        section.unwrap_or_default()
                    )
                }
                Some(_) => continue,
            };
            complaints.push(at_line(file, &prose, link.at, what));
        }
    }
    complaints
}

#[test]
fn a_link_to_an_rfc_leads_where_its_label_says() {
    house_keeps(rfc_links);
}

#[test]
fn a_link_to_another_rfc_is_found() {
    let url = "https://www.rfc-editor.org/rfc/rfc8224#section-6.1";
    let document = |label: &str| format!("x\n[{label}]({url})\n");
    breaks(
        rfc_links,
        &[("a.md", &document("RFC 8225 §6.1"))],
        "a.md:2: \"RFC 8225 §6.1\" leads to RFC 8224",
    );
    breaks(
        rfc_links,
        &[("a.md", &document("RFC 8224 §6.2"))],
        "leads to section 6.1",
    );
    breaks(
        rfc_links,
        &[("a.md", &document("the grammar"))],
        "does not name RFC 8224",
    );
    breaks(
        rfc_links,
        &[(
            "a.md",
            "[RFC 8225]: https://datatracker.ietf.org/doc/html/rfc8224\n",
        )],
        "leads to RFC 8224",
    );
    let comment = format!("//! a\n//! [RFC 8225\n//! §6.1]({url})\n");
    breaks(
        rfc_links,
        &[("a.rs", &comment)],
        "a.rs:3: \"RFC 8225 §6.1\" leads to RFC 8224",
    );
    let continued = format!("[RFC 8224](https://www.rfc-editor.org/rfc/rfc8224), [§6.1]({url})\n");
    keeps(rfc_links, &[("a.md", &continued)]);
    breaks(
        rfc_links,
        &[(
            "a.md",
            &continued
                .replace("8224]", "8225]")
                .replace("rfc8224)", "rfc8225)"),
        )],
        "leads to RFC 8224",
    );
    for fine in ["RFC 8224", "RFC 8224 §6.1", "STIR (RFC 8224 §6.1)"] {
        keeps(rfc_links, &[("a.md", &document(fine))]);
    }
    keeps(
        rfc_links,
        &[(
            "a.md",
            "```\n[x](https://www.rfc-editor.org/rfc/rfc1)\n```\n",
        )],
    );
}

fn relative_links(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.with_extension(".md") {
        let prose = prose(file);
        for link in links(&prose) {
            let target = link.target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let path = resolve(file.directory(), target);
            if !path.as_deref().is_some_and(|path| tree.exists(path)) {
                complaints.push(at_line(
                    file,
                    &prose,
                    link.at,
                    format!("{target} is not there"),
                ));
            }
        }
    }
    complaints
}

/// `directory/target` with `.` and `..` worked out; `None` if it leaves the project.
fn resolve(directory: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[test]
fn relative_links_lead_to_files() {
    house_keeps(relative_links);
}

#[test]
fn a_broken_relative_link_is_found() {
    breaks(
        relative_links,
        &[("docs/a.md", "[b](b.md)")],
        "a.md:1: b.md is not there",
    );
    breaks(
        relative_links,
        &[("a.md", "[b](../a.md)")],
        "../a.md is not there",
    );
    keeps(
        relative_links,
        &[
            (
                "docs/a.md",
                "[b](../b.md#part) [c](design/) [d](#here) [e](https://example.com/x)",
            ),
            ("b.md", ""),
            ("docs/design/x.md", ""),
        ],
    );
}

/// Words that are true on one machine or in one workplace only. Written in halves, so that this file has none of them.
const FOREIGN_WORDS: &[(&str, &str)] = &[
    (concat!("/wo", "rk/"), "the path of one machine"),
    (concat!("/ro", "ot/"), "the path of one machine"),
    (concat!("/ho", "me/"), "the path of one machine"),
    (
        concat!("crates", ".io"),
        "a package registry: name the package, not the host",
    ),
    (
        concat!("pypi", ".org"),
        "a package registry: name the package, not the host",
    ),
    (
        concat!("npmjs", ".org"),
        "a package registry: name the package, not the host",
    ),
    (
        concat!("deb.", "debian.org"),
        "a package registry: name the package, not the host",
    ),
];

/// Written by others or by Cargo.
fn is_written_here(file: &File) -> bool {
    file.stem() != "Cargo" || file.path.ends_with(".toml")
}

fn foreign_words(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let ours = tree
        .files
        .iter()
        .filter(|file| is_written_here(file) && !file.path.starts_with("test-data/"));
    for file in ours {
        for (word, what) in FOREIGN_WORDS {
            for (at, _) in file.text.match_indices(word) {
                complaints.push(Complaint::at(file, at, format!("`{word}` is {what}")));
            }
        }
    }
    complaints
}

#[test]
fn nothing_names_a_machine_or_a_registry() {
    house_keeps(foreign_words);
}

#[test]
fn a_path_of_a_machine_is_found() {
    let text = format!("x\nsee {}a/b", concat!("/wo", "rk/"));
    breaks(foreign_words, &[("a.md", &text)], "a.md:2");
    keeps(
        foreign_words,
        &[("Cargo.lock", &text), ("a.md", "a network/b")],
    );
}

const PROVENANCE: &str = "test-data/PROVENANCE.md";

/// The first cells of the rows of a document's tables, without back quotes; headings and rules are left out.
fn first_cells(text: &str) -> impl Iterator<Item = &str> {
    let rows = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('|'));
    let cells = rows.map(|row| {
        row.split('|')
            .next()
            .unwrap_or_default()
            .trim()
            .trim_matches('`')
    });
    cells.filter(|cell| !cell.is_empty() && !cell.starts_with("--"))
}

fn provenance(tree: &Tree) -> Vec<Complaint> {
    let Some(table) = tree.file(PROVENANCE) else {
        return vec![Complaint::about(PROVENANCE, "is missing")];
    };
    let rows: Vec<&str> = first_cells(&table.text)
        .map(|row| row.trim_end_matches('/'))
        .collect();
    let mut complaints = Vec::new();
    let covers = |row: &str, path: &str| {
        path == row
            || path
                .strip_prefix(row)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    for file in tree
        .files
        .iter()
        .filter(|file| file.path.starts_with("test-data/") && file.path != PROVENANCE)
    {
        let inside = &file.path["test-data/".len()..];
        if !rows
            .iter()
            .any(|row| covers(row, inside) || covers(row, &file.path))
        {
            complaints.push(Complaint::about(&*file.path, "has no row in PROVENANCE.md"));
        }
    }
    for row in rows.iter().filter(|row| **row != "path") {
        if !tree.exists(&format!("test-data/{row}")) && !tree.exists(row) {
            complaints.push(Complaint::about(PROVENANCE, format!("{row} is not there")));
        }
    }
    complaints
}

#[test]
fn test_data_has_a_provenance() {
    house_keeps(provenance);
}

#[test]
fn test_data_of_unknown_origin_is_found() {
    let table = (
        PROVENANCE,
        "| path | origin |\n|---|---|\n| `json/` | somebody |\n",
    );
    breaks(
        provenance,
        &[table, ("test-data/json/a", ""), ("test-data/b.pem", "")],
        "b.pem:1: has no row",
    );
    breaks(provenance, &[table], "json is not there");
    keeps(provenance, &[table, ("test-data/json/deep/a", "")]);
}

const DIVERGENCES: &str = "docs/divergences.md";

fn divergences(tree: &Tree) -> Vec<Complaint> {
    let Some(file) = tree.file(DIVERGENCES) else {
        return vec![Complaint::about(DIVERGENCES, "is missing")];
    };
    let mut complaints = Vec::new();
    let (mut last, mut at) = (0, 0);
    for line in file.text.split_inclusive('\n') {
        if let Some(heading) = line.strip_prefix("## ") {
            let number = rfc_of_label(heading).map_or(u32::MAX, |(number, _)| number);
            if number < last {
                complaints.push(Complaint::at(
                    file,
                    at,
                    format!("{:?} is out of order: sorted by RFC number", heading.trim()),
                ));
            }
            last = number;
        }
        at += line.len();
    }
    complaints
}

#[test]
fn divergences_are_sorted() {
    house_keeps(divergences);
}

#[test]
fn a_divergence_out_of_order_is_found() {
    let sorted = "## RFC 3261 §8: a\n## RFC 8224 §4: b\n## ATIS-1000074: c\n";
    keeps(divergences, &[(DIVERGENCES, sorted)]);
    breaks(
        divergences,
        &[(DIVERGENCES, "## RFC 8224 §4: b\n## RFC 3261 §8: a\n")],
        "divergences.md:2: \"RFC 3261",
    );
    breaks(
        divergences,
        &[(DIVERGENCES, "## ATIS-1000074: c\n## RFC 8224 §4: b\n")],
        "is out of order",
    );
}

const DEPENDENCIES: &str = "docs/design/dependencies.md";

fn dependency_table(tree: &Tree) -> Vec<Complaint> {
    let (Some(manifest), Some(table)) = (tree.file("Cargo.toml"), tree.file(DEPENDENCIES)) else {
        return vec![Complaint::about(DEPENDENCIES, "is missing")];
    };
    let section = manifest
        .text
        .split("[workspace.dependencies]")
        .nth(1)
        .unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.trim());
    let used: Vec<&str> = names
        .filter(|name| !name.starts_with('#') && !name.starts_with("countersign"))
        .collect();
    let rows: Vec<&str> = first_cells(&table.text)
        .flat_map(|cell| cell.split(", "))
        .filter(|cell| *cell != "crate")
        .collect();
    let missing = used
        .iter()
        .filter(|name| !rows.contains(name))
        .map(|name| format!("{name} has no row: why is it there?"));
    let idle = rows
        .iter()
        .filter(|row| !used.contains(row))
        .map(|row| format!("{row} is no dependency of the workspace"));
    missing
        .chain(idle)
        .map(|what| Complaint::about(DEPENDENCIES, what))
        .collect()
}

#[test]
fn every_dependency_has_a_reason() {
    house_keeps(dependency_table);
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let manifest = (
        "Cargo.toml",
        "[workspace.dependencies]\na = \"1\"\n# c = \"1\"\nb = \"1\"\n\n[workspace.lints.rust]\nx = \"y\"\n",
    );
    keeps(
        dependency_table,
        &[
            manifest,
            (
                DEPENDENCIES,
                "| crate | why |\n|---|---|\n| a, b | good |\n",
            ),
        ],
    );
    breaks(
        dependency_table,
        &[manifest, (DEPENDENCIES, "| a | good |\n")],
        "b has no row",
    );
    breaks(
        dependency_table,
        &[manifest, (DEPENDENCIES, "| a, b, d | good |\n")],
        "d is no dependency",
    );
}

const CONTRIBUTING: &str = "CONTRIBUTING.md";

/// Tests that a document names in back quotes, as `files::every_room_has_a_noun`.
fn named_tests(tree: &Tree) -> Vec<Complaint> {
    let Some(file) = tree.file(CONTRIBUTING) else {
        return vec![Complaint::about(CONTRIBUTING, "is missing")];
    };
    let mut complaints = Vec::new();
    let mut at = 0;
    for (index, part) in file.text.split('`').enumerate() {
        let quoted = index % 2 == 1;
        let test = part.split_once("::").filter(|(room, name)| {
            quoted && lexer::leading_name(room) == *room && lexer::leading_name(name) == *name
        });
        if let Some((room, name)) = test {
            let holds =
                |file: &File| file.stem() == room && file.code.contains(&format!("fn {name}()"));
            if !tree.rust().any(holds) {
                complaints.push(Complaint::at(file, at, format!("there is no test {part}")));
            }
        }
        at += part.len() + 1;
    }
    complaints
}

#[test]
fn tests_that_contributing_names_exist() {
    house_keeps(named_tests);
}

#[test]
fn a_test_that_does_not_exist_is_found() {
    let tests = ("a/tests/it/files.rs", "#[test]\nfn small() {}");
    keeps(
        named_tests,
        &[tests, (CONTRIBUTING, "| held by `files::small` and `b` |")],
    );
    breaks(
        named_tests,
        &[tests, (CONTRIBUTING, "x\n`files::large`")],
        "CONTRIBUTING.md:2: there is no test files::large",
    );
}
