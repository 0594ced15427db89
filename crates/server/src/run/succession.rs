//! A process goes on in the place of another, and no call notices: the two ends of [`crate::handover`].
//!
//! The successor starts with the sockets of its predecessor and reads no datagram until all is its own. The predecessor keeps
//! what it has begun, over the connections that it has; the rest of the datagrams it relays. It ends when nothing is left.

use super::{LOOK, Running};
use crate::config::Placed;
use crate::handover::{Inherited, Offer, Socket, Successor};
use crate::http::operations::Phase;
use crate::sip::helm::{Helm, Pulse, Reading};
use crate::sip::relay::Relay;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long both read datagrams: time for the successor's threads to begin.
const OVERLAP: Duration = Duration::from_millis(50);

/// How long a thread that reads datagrams may take until it sees that it should not: its longest look, twice.
const READERS_END: Duration = Duration::from_millis(200);

/// Pause between two looks which connections are needed no more.
const SENDING_AWAY: Duration = Duration::from_millis(500);

/// What comes from the process before this one, and what goes to the next.
pub(super) struct Hands {
    /// Where a successor asks; `None`: there will be none.
    path: Option<PathBuf>,
    kept: Vec<Socket>,
    inherited: Option<Inherited>,
}

impl Hands {
    pub(super) fn new(path: Option<&Placed<PathBuf>>, inherited: Option<Inherited>) -> Self {
        Self {
            path: path.map(|path| path.value.clone()),
            kept: Vec::new(),
            inherited,
        }
    }

    pub(super) fn inherited(&mut self) -> Option<&mut Inherited> {
        self.inherited.as_mut()
    }

    /// Where datagrams come from as long as the predecessor reads them.
    pub(super) fn relayed(&self) -> Option<UnixStream> {
        let relay = self.inherited.as_ref().map(|inherited| &inherited.relay);
        relay.and_then(|relay| relay.try_clone().ok())
    }

    /// These go to a successor.
    pub(super) fn keep(&mut self, sockets: std::io::Result<Vec<Socket>>) {
        if self.path.is_none() {
            return;
        }
        match sockets {
            Ok(sockets) => self.kept.extend(sockets),
            Err(error) => {
                tracing::warn!(%error, "a successor will have to bind a socket by itself")
            }
        }
    }

    /// Tells the predecessor that calls are carried.
    ///
    /// # Errors
    /// If it does not hear it: then it goes on, or it is gone and nobody knows what became of its sockets.
    pub(super) async fn ready(mut self) -> std::io::Result<Self> {
        let ready = move || {
            self.inherited.as_mut().map_or(Ok(()), Inherited::ready)?;
            Ok(self)
        };
        tokio::task::spawn_blocking(ready)
            .await
            .map_err(std::io::Error::other)?
    }

    /// Waits until all is ours, then for a successor, on a thread that lives as long as the process.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(
        self,
        helm: Arc<Helm>,
    ) -> std::io::Result<Option<oneshot::Receiver<Successor>>> {
        if self.path.is_none() && self.inherited.is_none() {
            return Ok(None);
        }
        let (sender, receiver) = oneshot::channel();
        let run = move || match self.run(&helm) {
            // Nobody waits for a successor any more if the process is ending.
            Ok(Some(successor)) => drop(sender.send(successor)),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "no other process can take over from this one"),
        };
        std::thread::Builder::new()
            .name("succession".into())
            .spawn(run)?;
        Ok(Some(receiver))
    }

    fn run(self, helm: &Helm) -> std::io::Result<Option<Successor>> {
        if let Some(inherited) = self.inherited {
            inherited.wait_for_all();
            helm.set_reading(Reading::Here);
            tracing::info!("the process before this one has nothing left: all calls are here");
        }
        let Some(path) = self.path else {
            return Ok(None);
        };
        Offer::at(&path, self.kept)?.wait().map(Some)
    }
}

/// The same socket once more.
pub(super) fn duplicate(listener: &TcpListener) -> std::io::Result<Socket> {
    Ok(Socket::Stream(
        listener.as_fd().try_clone_to_owned()?.into(),
    ))
}

impl Running {
    /// Waits for a successor that carries calls; for ever if there cannot be one.
    pub async fn succeeded(&mut self) -> Successor {
        if let Some(successor) = &mut self.successor
            && let Ok(successor) = successor.await
        {
            self.successor = None;
            return successor;
        }
        self.successor = None;
        std::future::pending().await
    }

    /// Leaves everything new to the successor and waits until what has begun here is over: requests, and calls that we stand
    /// between. New requests on connections that stay open are served for as long as a drain takes, then turned away.
    ///
    /// # Errors
    /// If the system gives no thread; then nothing has changed.
    pub async fn step_back(&self, successor: &Successor) -> std::io::Result<Arc<Relay>> {
        let relay = Arc::new(Relay::start(successor.relay.try_clone()?)?);
        self.readiness.set(Phase::Draining);
        self.sip.step_back(relay.clone());
        // The successor answers at the same addresses.
        let _ = self.stop.send(true);
        Ok(relay)
    }

    /// Until nothing is left that has begun here.
    pub async fn outlive(&self) {
        let left = |pulse: &Pulse| pulse.busy() + pulse.calls();
        let patience = self.services.state().patience.drain;
        if tokio::time::timeout(patience, self.quiet(left))
            .await
            .is_err()
        {
            self.sip.drain();
            tokio::select! {
                () = self.quiet(left) => {}
                () = self.send_away() => {}
            }
        }
    }

    /// Ends connections as soon as nothing is under way on them: who has opened one opens another, to the successor, instead of
    /// hearing for hours that nothing new begins here.
    async fn send_away(&self) {
        loop {
            self.sip.helm().ask();
            self.sip.wake();
            tokio::time::sleep(LOOK).await;
            self.sip.end_unneeded();
            tokio::time::sleep(SENDING_AWAY).await;
        }
    }

    /// Until the successor is gone, although not all is its own yet.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn bereft(&self, successor: &Successor) -> std::io::Result<oneshot::Receiver<()>> {
        let life = successor.life()?;
        let (sender, receiver) = oneshot::channel();
        // It ends with the successor or with this process: no task could be waited for so long.
        std::thread::Builder::new()
            .name("successor".into())
            .spawn(move || {
                life.wait();
                // Nobody asks any more if this process is ending.
                let _ = sender.send(());
            })?;
        Ok(receiver)
    }

    /// Ends, and leaves not one datagram behind.
    pub async fn leave(self, mut successor: Successor, relay: Arc<Relay>) {
        successor.all_is_yours();
        tokio::time::sleep(OVERLAP).await;
        self.sip.helm().set_reading(Reading::Elsewhere);
        tokio::time::sleep(READERS_END).await;
        // What was read before is in the queues of the shards: a turn or two, and it is on its way.
        let turned = self.quiet(|_| 0);
        let _ = tokio::time::timeout(READERS_END + LOOK, turned).await;
        let _ = tokio::task::spawn_blocking(move || relay.close()).await;
        self.stop().await;
    }
}
