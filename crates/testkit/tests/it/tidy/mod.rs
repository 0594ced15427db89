//! The house rules that a program can hold, read from the source text.
//!
//! ```text
//!     the tree ──► rule ──► complaints      none may be left: the tree is tidy
//!     a bad sample ──► rule ──► complaints  there must be one: the rule can fail
//! ```
//!
//! A rule is a function from [`Tree`] to [`Complaint`]s. Each has two tests: the house keeps it, and a bad sample breaks it.
//! `CONTRIBUTING.md` says which rule is held where.

mod lexer;
mod tree;
mod documents;
mod files;
mod floors;

use std::fmt;
use tree::{File, Tree};

/// One place that breaks a rule.
struct Complaint {
    path: String,
    line: usize,
    what: String,
}

impl Complaint {
    /// A complaint about the place `offset` bytes into `file`.
    fn at(file: &File, offset: usize, what: impl Into<String>) -> Self {
        let before = file.text.as_bytes().iter().take(offset);
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        Self {
            path: file.path.clone(),
            line,
            what: what.into(),
        }
    }

    /// A complaint about a file as a whole.
    fn about(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: 1,
            what: what.into(),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails, naming every place, if the house breaks `rule`.
#[track_caller]
fn house_keeps(rule: fn(&Tree) -> Vec<Complaint>) {
    let complaints = rule(Tree::of_the_house());
    let list: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "\n{}\n", list.join("\n"));
}

/// Fails unless `rule` complains exactly once about a tree of these files, at the place and with the words `expected`.
#[track_caller]
fn breaks(rule: fn(&Tree) -> Vec<Complaint>, files: &[(&str, &str)], expected: &str) {
    let list: Vec<String> = rule(&Tree::of(files))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        list.len() == 1 && list.iter().all(|complaint| complaint.contains(expected)),
        "expected one complaint with {expected:?}, got {list:#?}"
    );
}

/// Fails if `rule` complains about a tree of these files.
#[track_caller]
fn keeps(rule: fn(&Tree) -> Vec<Complaint>, files: &[(&str, &str)]) {
    let list: Vec<String> = rule(&Tree::of(files))
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(list.is_empty(), "{list:#?}");
}
