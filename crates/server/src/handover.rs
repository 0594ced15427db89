//! From one process to the next: the sockets that listen, and the word that they may be used.
//!
//! ```text
//!     running process                                   its successor
//!        listens at `sip.takeover_socket` ◄──────────────  connects
//!        every listening socket (SCM_RIGHTS), one end ──►  starts everything with them, and reads no datagram yet
//!        of a relay for datagrams
//!                                     ◄── READY ─────────  carries calls
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
const YOURS: u8 = b'Y';

/// The end of a process that has a successor.
#[derive(Debug)]
pub struct Successor {
    control: UnixStream,
    /// Where datagrams go that are not ours.
    pub relay: UnixStream,
}

impl Successor {
    /// Everything is the successor's from now on.
    pub fn all_is_yours(&mut self) {
        // One that is gone has nobody who could hear it.
        let _ = self.control.write_all(&[YOURS]);
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

    /// Tells the predecessor that calls are carried; then waits, as long as it takes, until everything is ours.
    ///
    /// # Errors
    /// If the predecessor could not be told.
    pub fn wait_for_all(mut self) -> io::Result<()> {
        self.control.set_read_timeout(None)?;
        self.control.write_all(&[READY])?;
        // Whatever it says, or that it is gone, means the same.
        let _ = self.control.read(&mut [0; 1]);
        Ok(())
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
            match self.hand_over(control) {
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
            [READY] => Ok(Successor { control, relay }),
            _ => Err(io::Error::other("not the protocol of a handover")),
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
            inherited.wait_for_all().unwrap();
            (socket.local_addr().unwrap(), listener.local_addr().unwrap())
        });
        let mut successor = offer.wait().unwrap();
        successor.all_is_yours();
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
}
