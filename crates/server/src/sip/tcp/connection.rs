//! The task of one connection: reads and writes until either cannot go on.

use super::{Letter, Place, Shared};
use crate::sip::{Refusal, Taken, Unsent};
use countersign_sip::flow::Flow;
use countersign_sip::stream::{Framer, Piece};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Bytes read at once.
const READ_CHUNK: usize = 16 * 1024;
/// How long a stream waits before what it brought is offered again.
const BUSY_PAUSE: Duration = Duration::from_millis(1);

pub(super) struct Task {
    shared: Arc<Shared>,
    flow: Flow,
    begun: Instant,
    /// When something last moved, in milliseconds since it began.
    moved: AtomicU64,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>, flow: Flow) -> Self {
        Self {
            shared,
            flow,
            begun: Instant::now(),
            moved: AtomicU64::new(0),
        }
    }

    /// Carries the connection to its end.
    pub(super) async fn run(&self, mut stream: TcpStream, place: &mut Place) {
        let (reader, writer) = stream.split();
        let writing = self.write(writer, &mut place.letters, &place.bytes);
        let (mut reading, mut writing) =
            (std::pin::pin!(self.read(reader)), std::pin::pin!(writing));
        let mut stop = self.shared.stop.subscribe();
        tokio::select! {
            () = &mut writing => return,
            () = place.cut.notified() => return,
            () = &mut reading => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        // The peer says no more, but it may still listen to what it asked for.
        self.shared.leave(place.id);
        let _ = timeout(self.shared.limits.linger, writing).await;
    }

    async fn read(&self, mut reader: ReadHalf<'_>) {
        let limits = self.shared.limits;
        let mut framer = Framer::default();
        let mut chunk = vec![0; READ_CHUNK];
        // When the message began that has not ended yet.
        let mut began: Option<Instant> = None;
        loop {
            let until = began.map_or_else(|| self.moved() + limits.idle, |at| at + limits.message);
            let length = match timeout_at(until, reader.read(&mut chunk)).await {
                Ok(Ok(length)) if length > 0 => length,
                Ok(_) => return,
                Err(_) if began.is_some() => return self.shared.sink.refused(Refusal::SlowMessage),
                // Something was written meanwhile.
                Err(_) if Instant::now() < self.moved() + limits.idle => continue,
                Err(_) => return,
            };
            self.has_moved();
            framer.push(chunk.get(..length).unwrap_or_default());
            while let Some(piece) = framer.next() {
                began = None;
                self.deliver(piece).await;
            }
            if framer.is_lost() {
                // Nobody knows where the next message begins. What was answered leaves before the connection does.
                return sleep(limits.linger).await;
            }
            if framer.is_inside() {
                began.get_or_insert_with(Instant::now);
            }
        }
    }

    async fn deliver(&self, piece: Piece) {
        // RFC 5626 §5.4: "When a server receives a double CRLF sequence between SIP messages on a connection-oriented transport
        // such as TCP or SCTP, it MUST immediately respond with a single CRLF over the same connection."
        if let Piece::Ping = piece {
            return self.shared.pong(self.flow.connection);
        }
        let mut taken = self.shared.sink.piece(self.flow, piece);
        while let Taken::Busy(waiting) = taken {
            sleep(BUSY_PAUSE).await;
            taken = self.shared.sink.again(*waiting);
        }
    }

    async fn write(
        &self,
        mut writer: WriteHalf<'_>,
        letters: &mut mpsc::Receiver<Letter>,
        waiting: &AtomicUsize,
    ) {
        while let Some(letter) = letters.recv().await {
            let length = letter.bytes.len();
            let mut written = Written {
                shared: &self.shared,
                letter,
                fate: Err(Unsent::NoConnection),
            };
            let limit = self.shared.limits.write;
            match timeout(limit, writer.write_all(&written.letter.bytes)).await {
                Ok(Ok(())) => {
                    written.fate = Ok(());
                    self.shared.sink.sent(&self.flow, &written.letter.bytes);
                }
                Ok(Err(_)) => return,
                Err(_) => return written.fate = Err(Unsent::SlowPeer),
            }
            waiting.fetch_sub(length, Ordering::Relaxed);
            self.has_moved();
        }
    }

    fn moved(&self) -> Instant {
        self.begun + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    fn has_moved(&self) {
        let passed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(passed, Ordering::Relaxed);
    }
}

/// A message that is being written. However that ends, also in the middle, it is told if it did not succeed.
struct Written<'a> {
    shared: &'a Shared,
    letter: Letter,
    fate: Result<(), Unsent>,
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        if let Err(why) = self.fate {
            self.shared.unsent(&self.letter, why);
        }
    }
}
