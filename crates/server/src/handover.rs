//! From one process to the next: the sockets that listen, and the word that they may be used.
//!
//! ```text
//!     running process                                   its successor
//!        listens at `sip.takeover_socket` ◄──────────────  connects
//!        every listening socket (SCM_RIGHTS), one end ──►  starts everything with them, and reads no datagram yet
//!        of a relay for datagrams
//!                                     ◄── READY ─────────  carries calls
//!                                     ─── HEARD ─────────►
//!        accepts no connection any more; reads datagrams,
//!        keeps what belongs to its own, relays the rest ──► takes what is relayed
//!        has nothing left ─────────────── YOURS ─────────► reads datagrams itself
//!        ends
//! ```
//!
//! Here is what goes over that socket; who does what with it is in `run`. A process that ends early says so by the end of its
//! stream: a successor that fails was never there, and one whose predecessor is gone has everything to itself.

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::Uid;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// Most sockets that are taken from a predecessor.
const MAX_SOCKETS: usize = 1_024;

/// How long a successor may take until it carries calls; certificates are read and lists are opened in it.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How long one message of the two may take.
const WORD_LIMIT: Duration = Duration::from_secs(10);

/// A socket that goes from one process to the next.
#[derive(Debug)]
pub enum Socket {
    /// For datagrams.
    Datagram(UdpSocket),
    /// For connections.
    Stream(TcpListener),
}

const DATAGRAM: u8 = b'd';
const STREAM: u8 = b's';
const RELAY: u8 = b'r';
const READY: u8 = b'R';
const HEARD: u8 = b'H';
const YOURS: u8 = b'Y';

/// The end of a process that has a successor.
#[derive(Debug)]
pub struct Successor {
    control: UnixStream,
    /// Where datagrams go that are not ours.
    pub relay: UnixStream,
}

impl Successor {
    /// What tells when the successor has ended: it never says anything any more.
    ///
    /// # Errors
    /// What the system says.
    pub fn life(&self) -> io::Result<Life> {
        let control = self.control.try_clone()?;
        control.set_read_timeout(None)?;
        Ok(Life { control })
    }

    /// Everything is the successor's from now on.
    pub fn all_is_yours(&mut self) {
        // One that is gone has nobody who could hear it.
        let _ = self.control.write_all(&[YOURS]);
    }
}

/// The life of a successor.
#[derive(Debug)]
pub struct Life {
    control: UnixStream,
}

impl Life {
    /// Waits until it is over.
    pub fn wait(mut self) {
        // It has no more words; whatever comes, and be it an error, is its end.
        let _ = self.control.read(&mut [0; 1]);
    }
}

/// What a process has of the one before it.
#[derive(Debug)]
pub struct Inherited {
    sockets: Vec<Socket>,
    control: UnixStream,
    /// Where datagrams come from that the predecessor does not know.
    pub relay: UnixStream,
}

impl Inherited {
    /// Asks the process that listens at `path`.
    ///
    /// # Errors
    /// If there is none, it is another user's, or it does not keep to the protocol.
    pub fn ask(path: &Path) -> io::Result<Self> {
        let control = UnixStream::connect(path)?;
        is_ours(&control)?;
        control.set_read_timeout(Some(WORD_LIMIT))?;
        let mut sockets = Vec::new();
        for _ in 0..MAX_SOCKETS {
            match receive(&control)? {
                (DATAGRAM, fd) => sockets.push(Socket::Datagram(fd.into())),
                (STREAM, fd) => sockets.push(Socket::Stream(fd.into())),
                (RELAY, fd) => {
                    let relay = fd.into();
                    return Ok(Self {
                        sockets,
                        control,
                        relay,
                    });
                }
                _ => break,
            }
        }
        Err(io::Error::other("not the protocol of a handover"))
    }

    /// The socket for datagrams that is bound there.
    pub fn datagram(&mut self, address: SocketAddr) -> Option<UdpSocket> {
        let is_it = |socket: &Socket| matches!(socket, Socket::Datagram(socket) if socket.local_addr().is_ok_and(|local| local == address));
        let at = self.sockets.iter().position(is_it)?;
        match self.sockets.swap_remove(at) {
            Socket::Datagram(socket) => Some(socket),
            Socket::Stream(_) => None,
        }
    }

    /// The socket for connections that is bound there.
    pub fn stream(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |socket: &Socket| matches!(socket, Socket::Stream(socket) if socket.local_addr().is_ok_and(|local| local == address));
        let at = self.sockets.iter().position(is_it)?;
        match self.sockets.swap_remove(at) {
            Socket::Stream(socket) => Some(socket),
            Socket::Datagram(_) => None,
        }
    }

    /// Tells the predecessor that calls are carried.
    ///
    /// # Errors
    /// If the predecessor has not heard it: it is gone, or has waited too long and goes on as if we had never been.
    pub fn ready(&mut self) -> io::Result<()> {
        self.control.write_all(&[READY])?;
        let mut word = [0];
        self.control.read_exact(&mut word)?;
        match word {
            [HEARD] => self.control.set_read_timeout(None),
            _ => Err(io::Error::other("not the protocol of a handover")),
        }
    }

    /// Waits, as long as it takes, until everything is ours.
    pub fn wait_for_all(mut self) {
        // Whatever it says, or that it is gone, means the same.
        let _ = self.control.read(&mut [0; 1]);
    }
}

/// Where a successor may ask.
#[derive(Debug)]
pub struct Offer {
    listener: UnixListener,
    sockets: Vec<Socket>,
}

impl Offer {
    /// Listens at `path`, where nobody but this user can ask. What a process before this one left there is replaced.
    ///
    /// # Errors
    /// What the system says.
    pub fn at(path: &Path, sockets: Vec<Socket>) -> io::Result<Self> {
        if let Ok(meta) = std::fs::symlink_metadata(path)
            && meta.file_type().is_socket()
        {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, sockets })
    }

    /// Waits for a successor that carries calls. One that fails before was never there.
    ///
    /// # Errors
    /// If nobody can ask any more.
    pub fn wait(&self) -> io::Result<Successor> {
        loop {
            let (control, _) = self.listener.accept()?;
            match is_ours(&control).and_then(|()| self.hand_over(control)) {
                Ok(successor) => return Ok(successor),
                Err(error) => {
                    tracing::warn!(%error, "a successor did not get so far as to carry calls")
                }
            }
        }
    }

    fn hand_over(&self, mut control: UnixStream) -> io::Result<Successor> {
        control.set_write_timeout(Some(WORD_LIMIT))?;
        for socket in &self.sockets {
            match socket {
                Socket::Datagram(socket) => send(&control, DATAGRAM, socket)?,
                Socket::Stream(socket) => send(&control, STREAM, socket)?,
            }
        }
        let (relay, theirs) = UnixStream::pair()?;
        send(&control, RELAY, &theirs)?;
        control.set_read_timeout(Some(START_LIMIT))?;
        let mut word = [0];
        control.read_exact(&mut word)?;
        match word {
            [READY] => {
                control.write_all(&[HEARD])?;
                Ok(Successor { control, relay })
            }
            _ => Err(io::Error::other("not the protocol of a handover")),
        }
    }
}

/// Whether the process at the other end is of the user whose process this is: paths may be anybody's.
fn is_ours(control: &UnixStream) -> io::Result<()> {
    is_of(control, rustix::process::geteuid())
}

fn is_of(control: &UnixStream, user: Uid) -> io::Result<()> {
    match rustix::net::sockopt::socket_peercred(control)?.uid {
        peer if peer == user => Ok(()),
        peer => {
            let text = format!(
                "the process there is of user {}, not of ours",
                peer.as_raw()
            );
            Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
        }
    }
}

/// One byte, and a descriptor with it.
fn send(control: &UnixStream, kind: u8, descriptor: impl AsFd) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor.as_fd()];
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    let sent = sendmsg(
        control,
        &[IoSlice::new(&[kind])],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    match sent {
        1 => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

fn receive(control: &UnixStream) -> io::Result<(u8, OwnedFd)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut kind = [0];
    let received = recvmsg(
        control,
        &mut [IoSliceMut::new(&mut kind)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let descriptors = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptor = descriptors.flatten().next();
    match (received.bytes, kind, descriptor) {
        (1, [kind], Some(descriptor)) => Ok((kind, descriptor)),
        (0, ..) => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Err(io::Error::other("not the protocol of a handover")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_go_from_hand_to_hand() {
        let path =
            std::env::temp_dir().join(format!("countersign-handover-{}", std::process::id()));
        let datagram = UdpSocket::bind("127.0.0.1:0").unwrap();
        let stream = TcpListener::bind("127.0.0.1:0").unwrap();
        let (udp, tcp) = (datagram.local_addr().unwrap(), stream.local_addr().unwrap());
        let sockets = vec![Socket::Datagram(datagram), Socket::Stream(stream)];
        let offer = Offer::at(&path, sockets).unwrap();
        // One that asks and goes away was never there.
        drop(Inherited::ask(&path));
        let place = path.clone();
        let next = std::thread::spawn(move || {
            let mut inherited = Inherited::ask(&place).unwrap();
            assert!(inherited.datagram(tcp).is_none());
            let socket = inherited.datagram(udp).unwrap();
            assert!(inherited.datagram(udp).is_none(), "it is taken");
            let listener = inherited.stream(tcp).unwrap();
            inherited.ready().unwrap();
            inherited.wait_for_all();
            (socket.local_addr().unwrap(), listener.local_addr().unwrap())
        });
        let mut successor = offer.wait().unwrap();
        let life = successor.life().unwrap();
        successor.all_is_yours();
        life.wait();
        assert_eq!(next.join().unwrap(), (udp, tcp));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // What is left of a process is replaced; what is no socket is not.
        drop(Offer::at(&path, Vec::new()).unwrap());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "mine").unwrap();
        assert!(Offer::at(&path, Vec::new()).is_err());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_successor_that_nobody_hears_is_none() {
        let (near, far) = UnixStream::pair().unwrap();
        let (relay, _) = UnixStream::pair().unwrap();
        let mut inherited = Inherited {
            sockets: Vec::new(),
            control: near,
            relay,
        };
        let predecessor = std::thread::spawn(move || {
            // It has heard it, and ends before it says so.
            (&far).read_exact(&mut [0]).unwrap();
        });
        assert!(inherited.ready().is_err());
        predecessor.join().unwrap();
        assert!(inherited.ready().is_err(), "it is gone");
    }

    #[test]
    fn nobody_else_gets_or_gives_a_socket() {
        let (near, _far) = UnixStream::pair().unwrap();
        assert!(is_ours(&near).is_ok());
        let us = rustix::process::geteuid().as_raw();
        let refused = is_of(&near, Uid::from_raw(us + 1)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }
}
