//! `docs/lints.md` lists every rule with its clause, its day and its meaning, as the rules themselves say them.

use countersign::certificate::lint::{LINTS, Lint};

/// The row of one rule.
fn row(lint: &Lint) -> String {
    let day = lint.effective().to_string();
    format!(
        "| `{}` | {}, {} | {} | {} | {} |",
        lint.name,
        lint.source.name(),
        lint.clause,
        lint.audience,
        &day[..10],
        lint.meaning
    )
}

/// This test verifies that the page has exactly the rules that there are, in their order.
#[test]
fn the_page_lists_every_rule() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lints.md");
    let page = std::fs::read_to_string(page).unwrap();
    let listed: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let rows: Vec<String> = LINTS.iter().map(row).collect();
    assert_eq!(
        listed,
        rows,
        "docs/lints.md should have:\n{}",
        rows.join("\n")
    );
}
