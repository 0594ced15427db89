//! Datagrams from a process to its successor: read by one, carried by the other.
//!
//! A frame is the length of what follows (four bytes, big-endian), the length of the addresses (one byte), the two addresses as
//! text with a space between them, and the datagram. Order is kept; what finds no room is lost, as on a network.

use super::Sink;
use bytes::Bytes;
use countersign_sip::flow::{Flow, Transport};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Datagrams that may wait for the successor: as many as may wait for a shard.
const ROOM: usize = 8_192;

/// Longest frame: the longest datagram and two addresses.
const MAX_FRAME: usize = 65_535 + 256;

/// The near end, of the process that reads.
#[derive(Debug)]
pub struct Relay {
    frames: Mutex<Option<SyncSender<Vec<u8>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    broken: Arc<AtomicBool>,
}

impl Relay {
    /// Sends into `stream`.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(stream: UnixStream) -> std::io::Result<Self> {
        let (sender, frames) = sync_channel(ROOM);
        let broken = Arc::<AtomicBool>::default();
        let told = broken.clone();
        let thread = std::thread::Builder::new()
            .name("relay".into())
            .spawn(move || write(stream, &frames, &told))?;
        Ok(Self {
            frames: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            broken,
        })
    }

    /// Hands a datagram on. Whether it is on its way; without a successor it is not.
    pub fn send(&self, flow: &Flow, bytes: &[u8]) -> bool {
        if self.broken.load(Ordering::Acquire) {
            return false;
        }
        let frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = &*frames else {
            return false;
        };
        // A full queue loses it, as networks do.
        let _ = sender.try_send(frame(flow, bytes));
        true
    }

    /// Everything that was handed on leaves; then nothing more does.
    pub fn close(&self) {
        drop(
            self.frames
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn frame(flow: &Flow, bytes: &[u8]) -> Vec<u8> {
    let addresses = format!("{} {}", flow.local, flow.remote);
    // Two addresses are far shorter than 256 bytes, and a datagram than 4 GiB.
    let text = u8::try_from(addresses.len()).unwrap_or(u8::MAX);
    let length = u32::try_from(1 + addresses.len() + bytes.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(5 + addresses.len() + bytes.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.push(text);
    frame.extend_from_slice(addresses.as_bytes());
    frame.extend_from_slice(bytes);
    frame
}

fn write(mut stream: UnixStream, frames: &Receiver<Vec<u8>>, broken: &AtomicBool) {
    for frame in frames {
        if let Err(error) = stream.write_all(&frame) {
            tracing::error!(%error, "the successor is gone: all calls are taken here again");
            broken.store(true, Ordering::Release);
            return;
        }
    }
}

/// Delivers what the predecessor relays, until it has nothing more.
///
/// # Errors
/// If the system gives no thread.
pub fn deliver(stream: UnixStream, sink: Arc<dyn Sink>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("relayed".into())
        .spawn(move || read(stream, &*sink))
}

fn read(mut stream: UnixStream, sink: &dyn Sink) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_FRAME {
            return tracing::error!(length, "what the predecessor relays cannot be read");
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() {
            return;
        }
        if let Some((flow, bytes)) = unframed(&body.into()) {
            sink.datagram(flow, bytes);
        }
    }
}

fn unframed(body: &Bytes) -> Option<(Flow, Bytes)> {
    let end = 1 + usize::from(*body.first()?);
    let addresses = std::str::from_utf8(body.get(1..end)?).ok()?;
    let (local, remote) = addresses.split_once(' ')?;
    let flow = Flow {
        transport: Transport::Udp,
        local: local.parse::<SocketAddr>().ok()?,
        remote: remote.parse().ok()?,
        connection: None,
    };
    Some((flow, body.slice(end..)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::stage::{Kept, flow, until};
    use proptest::prelude::*;

    #[test]
    fn what_is_relayed_arrives_in_order_and_from_where_it_came() {
        let (near, far) = UnixStream::pair().unwrap();
        let kept = Arc::<Kept>::default();
        let reading = deliver(far, kept.clone()).unwrap();
        let relay = Relay::start(near).unwrap();
        let flows = ["127.0.0.1:5060", "[::1]:40000"]
            .map(|remote| flow(Transport::Udp, remote.parse().unwrap()));
        for number in 0..100 {
            let text = format!("datagram {number}");
            assert!(relay.send(&flows[number % 2], text.as_bytes()));
        }
        relay.close();
        assert!(!relay.send(&flows[0], b"too late"));
        reading.join().unwrap();
        let pieces = kept.pieces.lock().unwrap();
        assert_eq!(pieces.len(), 100);
        for (number, (flow, text)) in pieces.iter().enumerate() {
            assert_eq!(*text, format!("datagram {number}"));
            assert_eq!(*flow, flows[number % 2]);
        }
    }

    #[test]
    fn a_successor_that_is_gone_is_noticed() {
        let (near, far) = UnixStream::pair().unwrap();
        let relay = Relay::start(near).unwrap();
        drop(far);
        let flow = flow(Transport::Udp, "127.0.0.1:5060".parse().unwrap());
        until("noticed", || !relay.send(&flow, b"x"));
    }

    proptest! {
        #[test]
        fn any_datagram_is_framed_and_any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let flow = flow(Transport::Udp, "192.0.2.1:5060".parse().unwrap());
            let frame = frame(&flow, &bytes);
            let length = u32::from_be_bytes(*frame.first_chunk().unwrap()) as usize;
            prop_assert_eq!(length, frame.len() - 4);
            let body = Bytes::copy_from_slice(&frame[4..]);
            prop_assert_eq!(unframed(&body), Some((flow, Bytes::from(bytes.clone()))));
            // It comes from our own predecessor, and is still not believed.
            let _ = unframed(&Bytes::from(bytes));
        }
    }
}
