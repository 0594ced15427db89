//! What wakes a shard that sleeps on sockets: a channel cannot be waited for together with them.
//!
//! No wake is lost. Who sends puts its event into the queue, passes a fence and looks whether the shard lies; the shard says that it
//! lies, passes a fence and looks into the queue. One of the two fences comes first in the order that all threads agree upon. If it is the
//! shard's, the sender sees that it lies, and rings; if it is the sender's, the shard sees the event, and does not sleep. A ring is
//! kept until the shard sleeps, so one that comes too early or too late costs a turn and nothing else.

use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};

/// Rung by those who send to a shard, if it lies down.
#[derive(Debug)]
pub struct Bell {
    is_lying: AtomicBool,
    rings: OwnedFd,
}

impl Bell {
    /// A bell of a shard that is awake.
    ///
    /// # Errors
    /// If the system gives no descriptor.
    pub fn new() -> std::io::Result<Self> {
        let rings = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            is_lying: AtomicBool::new(false),
            rings,
        })
    }

    /// Something is in the queue: wakes the shard if it lies.
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        // The first who finds it lying wakes it for all.
        if self.is_lying.load(Ordering::Relaxed) && self.is_lying.swap(false, Ordering::Relaxed) {
            // It fails only if it has rung without being heard more often than can be counted.
            let _ = rustix::io::write(&self.rings, &1_u64.to_ne_bytes());
        }
    }

    /// The shard goes to sleep, unless it finds something in its queue after this.
    pub fn lie_down(&self) {
        self.is_lying.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// It is awake; `has_rung`: the bell has woken it.
    pub fn get_up(&self, has_rung: bool) {
        self.is_lying.store(false, Ordering::Relaxed);
        if has_rung {
            // If there is nothing to read after all, it is silent, which is what is wanted.
            let _ = rustix::io::read(&self.rings, &mut [0; 8]);
        }
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.rings.as_fd()
    }
}
