//! What a probe has found out, for programs: the JSON of `probe --json`.

use super::super::Outcome;
use super::super::verify;
use super::conversation::{Conversation, Heard};
use super::layout;
use countersign_sip::inquiry::asker::Ended;
use serde::Serialize;

/// One run.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    uri: &'a str,
    outcome: &'static str,
    probe: ConversationRecord<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<ConversationRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct ConversationRecord<'a> {
    ended: &'static str,
    /// Of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Of a redirection.
    #[serde(skip_serializing_if = "Option::is_none")]
    contacts: Option<&'a [Box<str>]>,
    took_ms: f64,
    answers: Vec<AnswerRecord>,
}

#[derive(Debug, Serialize)]
struct AnswerRecord {
    fork: usize,
    status: u16,
    delivery: &'static str,
    offer: &'static str,
    after_ms: f64,
    standing: &'static str,
    fault: Option<&'static str>,
    reached: Option<String>,
    media: Option<&'static str>,
    /// As `verify --json` tells it.
    proof: verify::Record,
}

impl<'a> Record<'a> {
    pub(super) fn of(
        uri: &'a str,
        probe: &'a Conversation,
        call: Option<&'a Conversation>,
        outcome: Outcome,
    ) -> Self {
        Self {
            uri,
            outcome: match outcome {
                Outcome::Done => "proven",
                Outcome::Failed => "failed",
                Outcome::NotValidated => "not-validated",
                Outcome::Unsigned => "unsigned",
                Outcome::Unable => "unreachable",
            },
            probe: ConversationRecord::of(probe),
            call: call.map(ConversationRecord::of),
        }
    }

    /// One line.
    pub(super) fn to_json(&self) -> String {
        // Strings, numbers and lists: nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl<'a> ConversationRecord<'a> {
    fn of(conversation: &'a Conversation) -> Self {
        Self {
            ended: layout::ended(&conversation.ended),
            status: match &conversation.ended {
                Ended::Refused(refused) => Some(refused.status),
                _ => None,
            },
            contacts: match &conversation.ended {
                Ended::Redirected(contacts) => Some(contacts),
                _ => None,
            },
            took_ms: layout::millis(conversation.took),
            answers: conversation.heard.iter().map(AnswerRecord::of).collect(),
        }
    }
}

impl AnswerRecord {
    fn of(heard: &Heard) -> Self {
        let standing = layout::standing(&heard.report);
        let answer = heard.report.answer.as_deref();
        Self {
            fork: heard.answer.fork,
            status: heard.answer.status(),
            delivery: layout::delivery(heard.answer.delivery),
            offer: layout::offer(heard.answer.offer),
            after_ms: layout::millis(heard.after),
            standing: standing.name(),
            fault: standing.fault().map(|fault| fault.name()),
            reached: layout::reached(heard).map(ToString::to_string),
            media: answer.map(|answer| answer.media.name()),
            proof: verify::Record::of(&heard.report),
        }
    }
}
