//! Asking for another configuration, and what came of it.
//!
//! ```text
//!   SIGHUP ────────────────────────┐
//!                                  ├─► Reloads ─► one at a time ─► Outcome, to everybody who asked
//!   POST /reload (countersign …) ──┘
//! ```
//!
//! Who asks while one is being made is answered by the next: it reads the files after the question. What a reload does lives
//! in `run`; here is what the rooms between agree on.

use crate::config::{Mistake, Warning};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Questions that may wait. All that wait are answered by one reload.
const MAX_WAITING: usize = 64;

/// Where a reload is asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::Sender<Question>);

/// Somebody who asked.
pub type Question = oneshot::Sender<Arc<Outcome>>;

/// Nobody reloads here any more: the server is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping;

impl Reloads {
    /// A place to ask at, and where the questions arrive.
    pub fn new() -> (Self, mpsc::Receiver<Question>) {
        let (sender, questions) = mpsc::channel(MAX_WAITING);
        (Self(sender), questions)
    }

    /// Asks, and waits until it is done.
    ///
    /// # Errors
    /// [`Stopping`].
    pub async fn ask(&self) -> Result<Arc<Outcome>, Stopping> {
        let (question, answer) = oneshot::channel();
        self.0.send(question).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }
}

/// What came of a reload.
#[derive(Debug)]
pub enum Outcome {
    /// Another configuration runs.
    Done(Reloaded),
    /// There are mistakes; everything is as it was.
    Refused(Vec<Mistake>),
}

/// What is different now.
#[derive(Debug)]
pub struct Reloaded {
    /// Which configuration runs now.
    pub generation: u64,
    /// Keys and files that changed, by name.
    pub changed: Vec<Box<str>>,
    /// Keys that changed and take effect when the process starts again.
    pub restart: Vec<Box<str>>,
    /// What deserves a thought.
    pub warnings: Vec<Warning>,
}

impl Outcome {
    /// As metrics and JSON call it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
        }
    }

    /// As it is answered over HTTP.
    pub fn to_json(&self) -> Value {
        let texts = |all: &mut dyn Iterator<Item = String>| all.collect::<Value>();
        let outcome = self.name();
        match self {
            Self::Done(done) => json!({
                "outcome": outcome,
                "generation": done.generation,
                "changed": done.changed,
                "restart": done.restart,
                "warnings": texts(&mut done.warnings.iter().map(ToString::to_string)),
            }),
            Self::Refused(mistakes) => json!({
                "outcome": outcome,
                "mistakes": texts(&mut mistakes.iter().map(ToString::to_string)),
            }),
        }
    }
}
