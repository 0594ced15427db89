//! The thread that has the book while the server runs.
//!
//! Commands wait in a queue that is bounded; the thread takes those that wait, keeps what comes of them at once, and replies. Each
//! second it looks whether somebody else (the command line) has put records on, and now and then it signs a checkpoint. Readers
//! (OCSP, revocation lists, the repository) never ask the thread: they read the snapshot, which is there while the store is not.

use super::book::{Book, Command, Decision, Random, Undone};
use super::checkpoints::Checkpoints;
use arc_swap::ArcSwap;
use countersign::time::UnixTime;
use countersign_ca::journal::Head;
use countersign_ca::ledger::{Event, Ledger};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Most commands that wait. Own decision: what comes beyond this would be answered after its asker has gone.
const QUEUE: usize = 1_024;

/// Most commands that are kept at once.
const BATCH: usize = 64;

/// How often it looks for records of others.
const POLL: Duration = Duration::from_secs(1);

/// How long a record may stand without a checkpoint over it. Own decision: what an intruder can cut off unseen.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// The thread, for whoever has something to ask. Dropping it ends the thread after what waits.
#[derive(Debug)]
pub struct Keeper {
    queue: Option<SyncSender<Box<dyn Command + Send>>>,
    shown: Arc<ArcSwap<Ledger>>,
    trouble: Arc<Trouble>,
    is_late: Arc<AtomicBool>,
    position: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// The reply to a command, when it is there.
#[derive(Debug)]
pub struct Pending<T>(oneshot::Receiver<Result<T, Undone>>);

impl<T> Pending<T> {
    /// Waits without holding up a thread.
    ///
    /// # Errors
    /// [`Undone`].
    pub async fn reply(self) -> Result<T, Undone> {
        self.0.await.unwrap_or(Err(Undone::Stopped))
    }

    /// Waits on this thread, which must not be one of the runtime's.
    ///
    /// # Errors
    /// [`Undone`].
    pub fn wait(self) -> Result<T, Undone> {
        self.0.blocking_recv().unwrap_or(Err(Undone::Stopped))
    }
}

impl Keeper {
    /// Starts a thread that has `book`.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub fn start(book: Book, checkpoints: Option<Checkpoints>) -> io::Result<Self> {
        let (queue, commands) = sync_channel(QUEUE);
        let shown = book.shown();
        let trouble = Arc::new(Mutex::new(None));
        let is_late = Arc::new(AtomicBool::new(false));
        let position = Arc::new(AtomicU64::new(book.head().position));
        let shift = Shift {
            signed: None,
            is_late: is_late.clone(),
            position: position.clone(),
            book,
            checkpoints,
            trouble: trouble.clone(),
        };
        let thread = thread::Builder::new()
            .name("authority".into())
            .spawn(move || shift.work(&commands))?;
        Ok(Self {
            queue: Some(queue),
            shown,
            trouble,
            is_late,
            position,
            thread: Some(thread),
        })
    }

    /// Asks for a decision. It is made again if another process was first, so it may depend on nothing but its arguments.
    ///
    /// # Errors
    /// [`Undone::Stopped`] at once if the queue is full or the thread has ended; the reply has the rest.
    pub fn command<T: Send + 'static>(
        &self,
        decide: impl FnMut(&Ledger, UnixTime, &mut Random<'_>) -> Decision<T> + Send + 'static,
    ) -> Result<Pending<T>, Undone> {
        let (to, reply) = oneshot::channel();
        let sent = Sent {
            decide,
            reply: None,
            to: Some(to),
        };
        let queue = self.queue.as_ref().ok_or(Undone::Stopped)?;
        let queued = queue.try_send(Box::new(sent));
        queued.map_err(|_| Undone::Stopped)?;
        Ok(Pending(reply))
    }

    /// The ledger as it was kept last.
    pub fn snapshot(&self) -> Arc<Ledger> {
        self.shown.load_full()
    }

    /// What keeps the store from being written or read now, if anything does: for `/ready`, metrics and the log.
    pub fn trouble(&self) -> Option<Undone> {
        current(&self.trouble)
    }

    /// How many records the journal has.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Whether the last checkpoint could not be written: what is kept is kept, but nothing proves it yet.
    pub fn checkpoint_is_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Shift {
    book: Book,
    checkpoints: Option<Checkpoints>,
    /// The last head that was signed, and when.
    signed: Option<(Head, Instant)>,
    /// Whether the last one could not be written.
    is_late: Arc<AtomicBool>,
    /// Where the head is told.
    position: Arc<AtomicU64>,
    trouble: Arc<Trouble>,
}

impl Shift {
    fn work(mut self, commands: &Receiver<Box<dyn Command + Send>>) {
        self.checkpoint_if(Duration::ZERO);
        let mut looked = Instant::now();
        loop {
            match commands.recv_timeout(POLL) {
                Ok(first) => self.keep(first, commands),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // However busy: who asks all the time must not keep others from being heard.
            if looked.elapsed() >= POLL {
                let caught_up = self.book.catch_up();
                note(&self.trouble, caught_up.err());
                looked = Instant::now();
            }
            let position = self.book.head().position;
            self.position.store(position, Ordering::Relaxed);
            self.checkpoint_if(CHECKPOINT_EVERY);
        }
        self.checkpoint_if(Duration::ZERO);
    }

    fn keep(
        &mut self,
        first: Box<dyn Command + Send>,
        commands: &Receiver<Box<dyn Command + Send>>,
    ) {
        let mut waiting: Vec<_> = [first]
            .into_iter()
            .chain(commands.try_iter().take(BATCH - 1))
            .collect();
        // What becomes of the batch is noted before anybody is told.
        let mut noted = Noted(&self.trouble);
        let mut all: Vec<&mut dyn Command> = vec![&mut noted];
        for command in &mut waiting {
            all.push(command.as_mut());
        }
        // After trouble it is not known what was kept.
        let is_well = match current(&self.trouble).is_some() {
            true => self.book.catch_up(),
            false => Ok(()),
        };
        match is_well {
            Ok(()) => self.book.run(&mut all),
            Err(undone) => {
                for command in all {
                    command.done(Err(undone.clone()));
                }
            }
        }
    }

    fn checkpoint_if(&mut self, older: Duration) {
        let Some(checkpoints) = &self.checkpoints else {
            return;
        };
        let head = self.book.head();
        let is_due = match self.signed {
            Some((signed, at)) => signed != head && at.elapsed() >= older,
            None => head.position > 0,
        };
        if !is_due {
            return;
        }
        match checkpoints.put(self.book.stream(), head, self.book.now()) {
            Ok(()) => {
                self.signed = Some((head, Instant::now()));
                if self.is_late.swap(false, Ordering::Relaxed) {
                    tracing::info!("checkpoints of the journal are written again");
                }
            }
            // What is kept is kept; only its proof is late, and tried again.
            Err(error) => {
                if !self.is_late.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "no checkpoint of the journal could be written");
                }
            }
        }
    }
}

/// What keeps the store from being written or read now.
type Trouble = Mutex<Option<Undone>>;

fn current(trouble: &Trouble) -> Option<Undone> {
    let trouble = trouble.lock();
    trouble.unwrap_or_else(PoisonError::into_inner).clone()
}

/// Says in the log when trouble begins, changes and ends.
fn note(trouble: &Trouble, now: Option<Undone>) {
    let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
    if *trouble == now {
        return;
    }
    match &now {
        Some(undone) => tracing::error!(%undone, "the authority cannot keep its journal"),
        None => tracing::info!("the authority keeps its journal again"),
    }
    *trouble = now;
}

/// Notes what came of a batch, and asks for nothing.
struct Noted<'a>(&'a Trouble);

impl Command for Noted<'_> {
    fn decide(&mut self, _: &Ledger, _: UnixTime, _: &mut Random<'_>) -> Vec<Event> {
        Vec::new()
    }

    fn done(&mut self, result: Result<(), Undone>) {
        note(self.0, result.err());
    }
}

/// A command whose asker waits somewhere else.
struct Sent<T, F> {
    decide: F,
    reply: Option<T>,
    to: Option<oneshot::Sender<Result<T, Undone>>>,
}

impl<T, F> Command for Sent<T, F>
where
    F: FnMut(&Ledger, UnixTime, &mut Random<'_>) -> Decision<T>,
{
    fn decide(&mut self, ledger: &Ledger, now: UnixTime, random: &mut Random<'_>) -> Vec<Event> {
        let decision = (self.decide)(ledger, now, random);
        self.reply = Some(decision.reply);
        decision.events
    }

    fn done(&mut self, result: Result<(), Undone>) {
        let reply = result.and_then(|()| self.reply.take().ok_or(Undone::Stopped));
        if let Some(to) = self.to.take() {
            // An asker that has gone needs no reply.
            let _ = to.send(reply);
        }
    }
}
