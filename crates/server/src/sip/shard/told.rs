//! What a shard tells of what happened: lines of the log, and what is counted.

use super::super::record::{Ending, Record};
use super::super::state::State;
use super::super::{answered, mid_dialog, reports};
use super::Shard;
use countersign_sip::element::{DropCause, EndedBy, Event, HopFailure};
use std::sync::Arc;

impl Shard {
    /// Something that the element tells.
    pub(super) fn told(&mut self, event: Event, state: &Arc<State>) {
        let metrics = &self.services.metrics;
        match event {
            Event::Finished(finished) => {
                if finished.bypass.is_some() {
                    metrics.sip_events.increment(["bypass-token"]);
                }
                let call = self.calls.remove(&finished.id);
                let call = call.map(|call| (call.state, call.record));
                let (state, record) = call.unwrap_or_else(|| (state.clone(), Record::default()));
                record.close(&Ending::from(&*finished), &state.calls, metrics);
            }
            Event::Answer(answer) => {
                let question = answer.answer.map(|number| (answer.id, number));
                let record = question.and_then(|question| self.answered.remove(&question));
                let call = self.calls.get(&answer.id);
                let state = call.map_or(state, |call| &call.state);
                answered::note(&answer, &record.unwrap_or_default(), &state.calls, metrics);
            }
            Event::AckMissing(_) => metrics.sip_events.increment(["ack-missing"]),
            Event::CallEnded(ended) => {
                let (event, by) = ended_by(ended.by);
                metrics.sip_events.increment([event]);
                state.calls.ended(&ended, by);
            }
            Event::Dropped(cause) => {
                tracing::debug!(?cause, "SIP message dropped");
                metrics.sip_refused.increment([drop_cause(cause)]);
            }
            Event::HopFailed { hop, failure, next } => {
                let hop = hop.to_string();
                let failures = &metrics.next_hops.failures;
                failures.increment([&hop, hop_failure(failure)]);
                if next.is_some() {
                    metrics.next_hops.failovers.increment([&hop]);
                }
            }
            Event::Inquiry(inquired) => {
                let trunk = &inquired.trunk.name;
                metrics.inquiries.increment(trunk, [inquired.fate.name()]);
            }
            Event::MidDialog(request) => {
                mid_dialog::note(&request, &state.calls, metrics);
            }
            Event::OptionsAnswered => metrics.sip_events.increment(["options-answered"]),
            Event::OversizeFellBack { .. } => {
                metrics.oversize_fallbacks.increment(["udp-after-tcp"]);
            }
            Event::Overloaded => metrics.sip_refused.increment(["overloaded"]),
            Event::Refused { status, defect } => {
                tracing::debug!(status, ?defect, "SIP request refused");
                metrics.sip_refused.increment(["refused"]);
            }
            Event::Reported(reported) => {
                reports::note(&reported, &state.calls, metrics);
            }
            Event::Retransmission(_) => metrics.sip_events.increment(["retransmission"]),
        }
    }
}

fn hop_failure(failure: HopFailure) -> &'static str {
    match failure {
        HopFailure::Busy => "busy",
        HopFailure::Silent => "silent",
        HopFailure::Unreachable => "unreachable",
    }
}

/// Who ended a call, as metrics and the log name it.
fn ended_by(who: EndedBy) -> (&'static str, &'static str) {
    match who {
        EndedBy::Called => ("call-ended-by-called", "called"),
        EndedBy::Caller => ("call-ended-by-caller", "caller"),
        EndedBy::Host => ("call-ended-by-us", "us"),
        EndedBy::Time => ("call-ended-by-time", "time"),
    }
}

fn drop_cause(cause: DropCause) -> &'static str {
    match cause {
        DropCause::Ack => "ack",
        DropCause::Defect(_) => "defect",
        DropCause::OwnFault(_) => "own-fault",
        DropCause::StrayResponse => "stray-response",
        DropCause::UnknownSource => "unknown-source",
    }
}
