//! What verification services elsewhere report of PASSporTs in calls that we signed: logged, and counted by the trunk that they were
//! signed for.

use crate::log::CallLog;
use crate::metrics::Metrics;
use countersign_sip::element::{Reported, ReportedOn};

/// Notes one report.
// RFC 9410 §7: "it should first follow local policy to recognize and acknowledge the error (e.g., perform operational actions like
// logging or alarming)."
pub(super) fn note(reported: &Reported, calls: &CallLog, metrics: &Metrics) {
    let on = match reported.on {
        ReportedOn::Nobody => "unknown",
        ReportedOn::Others => "others",
        ReportedOn::Ours => "ours",
    };
    calls.reported(reported, on);
    let trunk = &*reported.trunk.name;
    let counted = [on, code(reported.cause)];
    metrics.reported_errors.increment(trunk, counted);
}

/// A code as it is counted: those that RFC 8224 has by themselves, and whatever somebody writes together.
fn code(cause: Option<u32>) -> &'static str {
    match cause {
        Some(403) => "403",
        Some(428) => "428",
        Some(436) => "436",
        Some(437) => "437",
        Some(438) => "438",
        Some(_) => "other",
        None => "none",
    }
}
