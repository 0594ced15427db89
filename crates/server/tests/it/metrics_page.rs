//! The page that Prometheus reads, after everything has happened that is counted.
//!
//! ```text
//!     caller ── UDP ──► Switch ──► called          promtool ─► the page
//!     stranger ───────►   │
//!                         └── https ──► repository
//! ```
//!
//! This test verifies that the page is one that Prometheus's own checker finds nothing to complain about, that what happened is
//! on it, and that nobody's telephone number is.

use crate::peers::Process;
use crate::peers::{Called, Caller, Sipp, Workspace};
use crate::provider::{Provider, get, udp};
use std::time::Duration;

/// Longest run of the checker.
const LIMIT: Duration = Duration::from_secs(60);

/// What `promtool check` says about a file; nothing if all is well.
#[track_caller]
pub(crate) fn promtool(command: &str, name: &str, content: &str) -> String {
    let workspace = Workspace::new("promtool");
    let file = workspace.write(name, content);
    let file = file.to_str().unwrap().to_owned();
    let mut process = Process::start("sh", workspace, |sh| {
        let script = match command {
            "metrics" => "exec promtool check metrics < \"$0\"",
            _ => "exec promtool check rules \"$0\"",
        };
        sh.args(["-c", script, &file]);
    });
    let status = process.end(LIMIT);
    let said = process.output();
    match status.success() {
        true => String::new(),
        false => format!("{status}: {said}"),
    }
}

#[test]
fn prometheus_finds_nothing_to_complain_about() {
    let provider = Provider::new();
    let called = Sipp::called(Called::Answers);
    let verifies = provider.is_verified(&udp(called.address())).start();
    let signs = provider.signs(&udp(verifies.sip())).start();
    Sipp::call(Caller::Answered, signs.sip()).place();
    called.finish();

    let page = |admin| get(admin, "/metrics").unwrap().1;
    let (signing, verifying) = (page(signs.admin()), page(verifies.admin()));

    for page in [&signing, &verifying] {
        assert_eq!(promtool("metrics", "page.txt", page), "", "{page}");
        for number in ["2025550100", "2025550101"] {
            assert!(!page.contains(number), "{page}");
        }
    }
    let has = |page: &str, row: &str| {
        assert!(
            page.lines().any(|line| line.starts_with(row)),
            "{row}\n{page}"
        );
    };
    has(
        &verifying,
        "countersign_signer_calls_total{signer=\"LAB1\",verdict=\"passed\"} 1",
    );
    for page in [&signing, &verifying] {
        has(page, "countersign_sip_contexts{shard=\"0\"} ");
        has(
            page,
            "countersign_sip_bytes_total{transport=\"udp\",direction=\"in\"} ",
        );
        has(
            page,
            "countersign_sip_bytes_total{transport=\"udp\",direction=\"out\"} ",
        );
        has(
            page,
            "countersign_http_requests_total{path=\"/ready\",status=\"200\"} ",
        );
        has(page, "process_resident_memory_bytes ");
    }
    has(
        &signing,
        "countersign_http_requests_total{path=\"/certificates/{file}\",status=\"200\"} 1",
    );
    has(
        &signing,
        "countersign_own_certificate_expires_timestamp_seconds{use=\"tenant\",name=\"provider\"} ",
    );
    has(
        &signing,
        "countersign_own_certificate_expires_timestamp_seconds{use=\"tls\",name=\"http.public\"} ",
    );
    has(&verifying, "countersign_certificate_fetch_seconds_count 1");
    assert!(!verifying.contains("countersign_queue_seconds_count 0\n"));
}

#[test]
fn the_checker_complains_where_there_is_reason() {
    let page = "# TYPE calls counter\ncalls{trunk=\"a\"} 1\n";
    let said = promtool("metrics", "page.txt", page);
    assert!(
        said.contains("counter metrics should have \"_total\" suffix"),
        "{said}"
    );
}
