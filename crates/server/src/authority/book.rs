//! The ledger and its journal in one hand: decide, keep, apply.
//!
//! ```text
//!     decide(&ledger) ─► events ─► EventStore::append ─► applied, shown ─► reply
//!           ▲                            │ conflict: somebody else was first
//!           └──── read what they put on ─┘
//! ```
//!
//! Nothing is replied, shown or signed before it is durable. Several commands that wait are decided one after the other and kept
//! together. Two ledgers take turns: one is shown, the other is ahead of it while a decision is being kept, and what was shown
//! becomes the next one as soon as its last reader has gone; so showing costs no copy.

use super::checkpoints::Ahead;
use super::news;
use crate::clock::Clock;
use crate::store::{AppendError, EventStore, Unavailable};
use arc_swap::ArcSwap;
use countersign::crypto::system_random;
use countersign::time::UnixTime;
use countersign_ca::journal::{Broken, Chain, Checkpoint, Head};
use countersign_ca::ledger::{Event, Ledger};
use std::fmt;
use std::sync::Arc;

/// Most records that are read at a time: some megabytes.
const PAGE: usize = 1_000;

/// How often a decision is made again because somebody else was first. Own decision: two processes write, one of them a person at a
/// command line.
const MAX_CONFLICTS: usize = 16;

/// Where a decision draws its randomness: fills the slice.
pub type Random<'a> = dyn FnMut(&mut [u8]) + 'a;

/// What a decision comes to: what is to be kept, and what is said once it is.
#[derive(Clone, Debug)]
pub struct Decision<T> {
    /// In this order, all or none.
    pub events: Vec<Event>,
    /// For whoever asked.
    pub reply: T,
}

impl<T> Decision<T> {
    /// Nothing is to be kept.
    pub fn nothing(reply: T) -> Self {
        Self {
            events: Vec::new(),
            reply,
        }
    }
}

/// Why a command has come to nothing. Nothing of it was kept, except after [`Undone::Unavailable`]: then it may have been, and will
/// be found when the store is back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The journal is not whole, or not the one that was there before.
    Broken(Broken),
    /// Others were first again and again.
    Conflicts,
    /// There is no room.
    Full,
    /// The system has no random numbers.
    NoRandomness,
    /// The keeper has ended.
    Stopped,
    /// The store does not work now.
    Unavailable(Unavailable),
    /// The journal has an event that this version does not know.
    UnknownEvent(u64),
    /// The journal is shorter than it was: somebody has put an older one in its place.
    Rewound(u64),
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(broken) => write!(f, "the journal is damaged: {broken}"),
            Self::Conflicts => f.write_str("others put records on all the time: try again"),
            Self::Full => AppendError::Full.fmt(f),
            Self::NoRandomness => f.write_str("the system has no random numbers"),
            Self::Stopped => f.write_str("the authority has stopped"),
            Self::Unavailable(why) => why.fmt(f),
            Self::UnknownEvent(position) => {
                write!(f, "record {position} was written by a later version")
            }
            Self::Rewound(position) => write!(
                f,
                "the journal ends at {position}, before records that were there: an older one was put in its place"
            ),
        }
    }
}

impl std::error::Error for Undone {}

impl From<Unavailable> for Undone {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}

/// A command in the hands of the book. It is decided again if somebody else was first.
pub trait Command {
    /// Reads the ledger and says what is to be kept.
    fn decide(&mut self, ledger: &Ledger, now: UnixTime, random: &mut Random<'_>) -> Vec<Event>;

    /// Hears what came of the last decision.
    fn done(&mut self, result: Result<(), Undone>);
}

/// The ledger that is not shown.
enum Spare {
    /// It has what the shown one has.
    Ready(Box<Ledger>),
    /// It was shown until now, may still be read, and lacks these events.
    Behind(Arc<Ledger>, Vec<Event>),
}

/// A ledger and its journal.
pub struct Book {
    store: Arc<dyn EventStore>,
    stream: Box<str>,
    clock: Arc<dyn Clock>,
    chain: Chain,
    shown: Arc<ArcSwap<Ledger>>,
    spare: Spare,
}

impl Book {
    /// Opens a journal and reads all of it, as far as `checkpoints` say at least. They have to be read before.
    ///
    /// # Errors
    /// [`Undone`] if it cannot be read, is not whole, lacks what a checkpoint was signed for, or is of a later version.
    pub fn open(
        store: Arc<dyn EventStore>,
        stream: &str,
        clock: Arc<dyn Clock>,
        checkpoints: &[Checkpoint],
    ) -> Result<Self, Undone> {
        let mut book = Self {
            store,
            stream: stream.into(),
            clock,
            chain: Chain::at(Head::beginning(stream)),
            shown: Arc::default(),
            spare: Spare::Ready(Box::default()),
        };
        let mut ahead = Ahead::of(stream, checkpoints);
        ahead.meet(book.head()).map_err(Undone::Broken)?;
        book.read_on(Heard::Before, |head| ahead.meet(head))?;
        ahead.end().map_err(Undone::Broken)?;
        Ok(book)
    }

    /// The name of the journal.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Up to where it goes.
    pub fn head(&self) -> Head {
        self.chain.head()
    }

    /// What time it is.
    pub fn now(&self) -> UnixTime {
        self.clock.now().unix
    }

    /// The place where the ledger is shown: whatever is read there is durable.
    pub fn shown(&self) -> Arc<ArcSwap<Ledger>> {
        self.shown.clone()
    }

    /// The ledger as it is shown.
    pub fn ledger(&self) -> Arc<Ledger> {
        self.shown.load_full()
    }

    /// Decides one command and keeps what comes of it.
    ///
    /// # Errors
    /// [`Undone`].
    pub fn command<T>(
        &mut self,
        decide: impl FnMut(&Ledger, UnixTime, &mut Random<'_>) -> Decision<T>,
    ) -> Result<T, Undone> {
        let mut command = Held {
            decide,
            reply: None,
            result: Err(Undone::Stopped),
        };
        self.run(&mut [&mut command]);
        command.result?;
        command.reply.ok_or(Undone::Stopped)
    }

    /// Decides these commands one after the other and keeps what comes of all of them at once. Each of them hears what came of it.
    pub fn run(&mut self, commands: &mut [&mut dyn Command]) {
        let mut result = Err(Undone::Conflicts);
        for _ in 0..MAX_CONFLICTS {
            result = match self.attempt(commands) {
                Attempt::Conflict => match self.catch_up() {
                    Ok(()) => continue,
                    Err(undone) => Err(undone),
                },
                Attempt::Ended(result) => result,
            };
            break;
        }
        for command in commands {
            command.done(result.clone());
        }
    }

    fn attempt(&mut self, commands: &mut [&mut dyn Command]) -> Attempt {
        let mut ledger = self.take_spare();
        let (now, mut chain) = (self.now(), self.chain);
        let (mut events, mut lines) = (Vec::new(), Vec::new());
        for command in commands {
            let mut drawn = Ok(());
            let decided = command.decide(&ledger, now, &mut |room| {
                drawn = drawn.and(system_random(room));
            });
            if drawn.is_err() {
                return Attempt::Ended(Err(Undone::NoRandomness));
            }
            for event in decided {
                lines.push(chain.append_line(now, &event.to_json()).into_bytes());
                ledger.apply(&event);
                events.push(event);
            }
        }
        if events.is_empty() {
            self.spare = Spare::Ready(ledger);
            return Attempt::Ended(Ok(()));
        }
        let expected = self.chain.head().position;
        // On every way out but the first the ledger is dropped with what it was told too early.
        match self.store.append(&self.stream, expected, &lines) {
            Ok(()) => {
                self.chain = chain;
                news::tell(&ledger, &events);
                self.show(ledger, events);
                Attempt::Ended(Ok(()))
            }
            Err(AppendError::Conflict { .. }) => Attempt::Conflict,
            Err(AppendError::Full) => Attempt::Ended(Err(Undone::Full)),
            Err(AppendError::Unavailable(why)) => Attempt::Ended(Err(why.into())),
        }
    }

    /// A ledger of our own that has what the shown one has. Until another one is put there, the next is a copy.
    fn take_spare(&mut self) -> Box<Ledger> {
        let copy_next = Spare::Behind(self.shown.load_full(), Vec::new());
        match std::mem::replace(&mut self.spare, copy_next) {
            Spare::Ready(ledger) => ledger,
            Spare::Behind(ledger, events) => match Arc::try_unwrap(ledger) {
                Ok(mut ledger) => {
                    events.iter().for_each(|event| ledger.apply(event));
                    Box::new(ledger)
                }
                // Somebody still reads it.
                Err(_) => Box::new(Ledger::clone(&self.shown.load())),
            },
        }
    }

    fn show(&mut self, ledger: Box<Ledger>, events: Vec<Event>) {
        // Let go of the shown one first, so that nobody but its readers has it.
        self.spare = Spare::Ready(Box::default());
        let before = self.shown.swap(Arc::from(ledger));
        self.spare = Spare::Behind(before, events);
    }

    /// Reads what others have put on.
    ///
    /// # Errors
    /// [`Undone`].
    pub fn catch_up(&mut self) -> Result<(), Undone> {
        self.read_on(Heard::Now, |_| Ok(()))
    }

    /// Reads what is new; `meet` judges each head.
    fn read_on(
        &mut self,
        heard: Heard,
        mut meet: impl FnMut(Head) -> Result<(), Broken>,
    ) -> Result<(), Undone> {
        let own = self.chain.head().position;
        match self.store.head(&self.stream)? {
            head if head == own => return Ok(()),
            head if head < own => return Err(Undone::Rewound(head)),
            _ => {}
        }
        let (mut chain, mut events) = (self.chain, Vec::new());
        loop {
            let lines = self.store.read(&self.stream, chain.head().position, PAGE)?;
            for line in &lines {
                let record = chain.follow(line).map_err(Undone::Broken)?;
                meet(chain.head()).map_err(Undone::Broken)?;
                let event = Event::from_json(&record.event);
                events.push(event.map_err(|_| Undone::UnknownEvent(record.position))?);
            }
            if lines.len() < PAGE {
                break;
            }
        }
        let mut ledger = self.take_spare();
        events.iter().for_each(|event| ledger.apply(event));
        self.chain = chain;
        if heard == Heard::Now {
            news::tell(&ledger, &events);
        }
        self.show(ledger, events);
        Ok(())
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Book({} up to {})", self.stream, self.head().position)
    }
}

/// Whether what is read is news: not what is read at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Before,
    Now,
}

/// What came of one attempt to keep what was decided.
enum Attempt {
    /// Somebody else was first.
    Conflict,
    /// It was kept, or cannot be.
    Ended(Result<(), Undone>),
}

/// A command whose asker waits on the same thread.
struct Held<T, F> {
    decide: F,
    reply: Option<T>,
    result: Result<(), Undone>,
}

impl<T, F> Command for Held<T, F>
where
    F: FnMut(&Ledger, UnixTime, &mut Random<'_>) -> Decision<T>,
{
    fn decide(&mut self, ledger: &Ledger, now: UnixTime, random: &mut Random<'_>) -> Vec<Event> {
        let decision = (self.decide)(ledger, now, random);
        self.reply = Some(decision.reply);
        decision.events
    }

    fn done(&mut self, result: Result<(), Undone>) {
        self.result = result;
    }
}
