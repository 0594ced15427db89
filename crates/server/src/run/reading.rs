//! The thread on which configurations are read again.
//!
//! A thousand keys and chains take a while, and what carries calls or fetches must not wait for them. It is always the same
//! thread: what it allocates for one configuration is room for the one after the next, instead of room of another thread that the
//! system never gets back.

use crate::config::{self, Checked, Config, Mistake, Source};
use countersign::time::UnixTime;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// A configuration with everything it names, or every mistake.
pub(super) type Read = Result<(Config, Checked), Vec<Mistake>>;

/// What is to be read.
pub(super) struct Task {
    pub(super) source: Source,
    pub(super) now: UnixTime,
    /// Which configuration it will be.
    pub(super) generation: u64,
}

/// Sends tasks to the thread, which begins with the first.
#[derive(Default)]
pub(super) struct Reading {
    tasks: Option<Sender<(Task, oneshot::Sender<Read>)>>,
}

impl Reading {
    /// Reads.
    ///
    /// # Errors
    /// If there is no thread, or it broke; the next task gets a new one.
    pub(super) async fn read(&mut self, task: Task) -> io::Result<Read> {
        let tasks = match self.tasks.take() {
            Some(tasks) => tasks,
            None => begin()?,
        };
        let (answer, read) = oneshot::channel();
        let broke = || io::Error::other("the thread that reads configurations broke");
        tasks.send((task, answer)).map_err(|_| broke())?;
        let read = read.await.map_err(|_| broke())?;
        self.tasks = Some(tasks);
        Ok(read)
    }
}

fn begin() -> io::Result<Sender<(Task, oneshot::Sender<Read>)>> {
    let (sender, tasks) = channel();
    std::thread::Builder::new()
        .name("reload".into())
        .spawn(move || run(&tasks))?;
    Ok(sender)
}

fn run(tasks: &Receiver<(Task, oneshot::Sender<Read>)>) {
    for (task, answer) in tasks {
        let Task {
            source,
            now,
            generation,
        } = task;
        let read = source.load().and_then(|config| {
            let checked = config::check(&config, now, generation)?;
            Ok((config, checked))
        });
        // Nobody waits any more if the server is stopping.
        let _ = answer.send(read);
    }
}
