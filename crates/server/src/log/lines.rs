//! Lines on their way to whoever reads them: by a queue and a thread of their own.
//!
//! A pipe that nobody empties blocks whoever writes to it. Here that is a thread which carries no call; what finds the queue
//! full is lost, counted, and the number is written as soon as anything can be.

use super::Format;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait. At 1,000 calls a second it is eight seconds of a reader that stands still, and some 5 MB.
pub(super) const MAX_WAITING: usize = 8_192;

/// How long a line waits for others to leave with. Waking a thread for each costs a call more than writing its line.
const GATHERED_FOR: Duration = Duration::from_millis(4);

/// Most lines that leave in one piece: a quarter of a million a second, which nobody reads.
const MAX_GATHERED: usize = 1_024;

/// The way in: cheap to share, never waits.
#[derive(Clone)]
pub(super) struct Lines {
    queue: SyncSender<Job>,
    lost: Arc<AtomicU64>,
}

enum Job {
    /// Says when everything before it has been written.
    Flush(SyncSender<()>),
    Line(Vec<u8>),
}

impl Lines {
    /// Lines that leave by `out`.
    pub(super) fn to(out: impl Write + Send + 'static, format: Format) -> Self {
        let (queue, jobs) = sync_channel(MAX_WAITING);
        let lost = Arc::<AtomicU64>::default();
        let counted = lost.clone();
        // Without a thread the queue has no end to it, and lines are written by whoever has them.
        let _ = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || run(&jobs, &counted, out, format));
        Self { queue, lost }
    }

    /// Waits until everything so far was written, but no longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let (done, written) = sync_channel(1);
        // A queue that is full will not be empty in time, either.
        if self.queue.try_send(Job::Flush(done)).is_ok() {
            let _ = written.recv_timeout(limit);
        }
    }

    fn put(&self, line: Vec<u8>) {
        match self.queue.try_send(Job::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Disconnected(job)) => {
                if let Job::Line(line) = job {
                    let _ = std::io::stderr().write_all(&line);
                }
            }
        }
    }
}

fn run(jobs: &Receiver<Job>, lost: &AtomicU64, mut out: impl Write, format: Format) {
    let mut piece = Vec::new();
    while let Ok(first) = jobs.recv() {
        let mut flushed = Vec::new();
        let mut gather = |job| match job {
            Job::Flush(done) => flushed.push(done),
            Job::Line(line) => piece.extend(line),
        };
        let is_line = matches!(first, Job::Line(_));
        gather(first);
        if is_line {
            std::thread::sleep(GATHERED_FOR);
        }
        jobs.try_iter().take(MAX_GATHERED - 1).for_each(gather);
        // There is nobody to tell that the log cannot be written; the next line may have more luck.
        let _ = out.write_all(&piece);
        piece.clear();
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(out, "{}", told(lost, format));
        }
        if !flushed.is_empty() {
            let _ = out.flush();
        }
        for done in flushed {
            // Who does not wait any more need not be told.
            let _ = done.send(());
        }
    }
}

/// The line about lines that are not there. Written by hand: the log cannot log about itself.
fn told(lost: u64, format: Format) -> String {
    match format {
        Format::Json => {
            format!("{{\"level\":\"WARN\",\"message\":\"log lines lost\",\"lost\":{lost}}}")
        }
        Format::Text => format!("WARN log lines lost: they are read too slowly lost={lost}"),
    }
}

/// Takes one line at a time: the formatter writes each in one piece.
pub(super) struct Line<'a>(&'a Lines);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.put(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, MutexGuard};

    /// A reader that can be held up.
    #[derive(Clone, Default)]
    struct Reader {
        gate: Arc<Mutex<()>>,
        read: Arc<Mutex<Vec<u8>>>,
    }

    impl Reader {
        fn held_up(&self) -> MutexGuard<'_, ()> {
            self.gate.lock().unwrap()
        }

        fn text(&self) -> String {
            String::from_utf8(self.read.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _open = self.gate.lock().unwrap();
            self.read.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stands_still_holds_up_nobody() {
        let reader = Reader::default();
        let lines = Lines::to(reader.clone(), Format::Json);
        let standstill = reader.held_up();
        let more = MAX_GATHERED + 100;
        for number in 0..MAX_WAITING + more {
            lines
                .make_writer()
                .write_all(format!("{number}\n").as_bytes())
                .unwrap();
        }
        lines.flush(Duration::from_millis(1));
        drop(standstill);
        while !reader.text().contains("lost\":") {
            std::thread::yield_now();
        }
        lines.flush(Duration::from_secs(20));
        let text = reader.text();
        assert!(text.starts_with("0\n"), "the first were kept");
        let about: Vec<_> = text.lines().filter(|line| line.contains("lost")).collect();
        let [about] = about[..] else {
            panic!("{about:?}")
        };
        let about: serde_json::Value = serde_json::from_str(about).unwrap();
        // The thread may have taken some out of the queue before it stood still.
        let lost = about["lost"].as_u64().unwrap() as usize;
        assert!((more - MAX_GATHERED..=more).contains(&lost), "{lost}");
        assert_eq!(text.lines().count(), MAX_WAITING + more - lost + 1);
    }

    #[test]
    fn a_flush_waits_for_what_was_written() {
        let reader = Reader::default();
        let lines = Lines::to(reader.clone(), Format::Text);
        for number in 0..100 {
            lines
                .make_writer()
                .write_all(format!("{number}\n").as_bytes())
                .unwrap();
        }
        lines.flush(Duration::from_secs(20));
        assert!(reader.text().ends_with("99\n"));
    }
}
