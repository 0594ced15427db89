//! Which socket a message leaves by.

use super::tcp::Tcp;
use super::udp::UdpListener;
use super::{Receipt, Sink, Unsent};
use bytes::Bytes;
use countersign_sip::flow::{Target, Transport};
use std::net::SocketAddr;
use std::sync::Arc;

/// Sends for all shards.
#[derive(Clone)]
pub struct Post {
    udp: Arc<[UdpListener]>,
    tcp: Tcp,
    sink: Arc<dyn Sink>,
}

impl Post {
    /// A post over these sockets; what fails is told to `sink`.
    pub fn new(udp: Arc<[UdpListener]>, tcp: Tcp, sink: Arc<dyn Sink>) -> Self {
        Self { udp, tcp, sink }
    }

    /// Sends, without waiting. A failure comes back through the sink, possibly before this returns.
    pub fn send(&self, target: Target, bytes: Bytes, receipt: Option<Receipt>) {
        let sent = match target.transport {
            Transport::Tcp | Transport::Tls => return self.tcp.send(target, bytes, receipt),
            Transport::Udp => match self.socket(target.local, target.remote) {
                Some(socket) => socket.send(&bytes, target.remote).inspect(|()| {
                    self.sink.sent(&socket.flow(target.remote), &bytes);
                }),
                None => Err(Unsent::NoSocket),
            },
        };
        if let Err(why) = sent {
            self.sink.unsent(target.transport, why, receipt);
        }
    }

    /// The socket that is bound where the message came to, or else the first of the same address family.
    fn socket(&self, local: Option<SocketAddr>, remote: SocketAddr) -> Option<&UdpListener> {
        let fits = |socket: &&UdpListener| socket.local().is_ipv4() == remote.is_ipv4();
        let same = |socket: &&UdpListener| local == Some(socket.local()) && fits(socket);
        let mut sockets = self.udp.iter();
        sockets.find(same).or_else(|| self.udp.iter().find(fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Life;
    use crate::sip::stage::{Kept, heard, loopback_listener, secure, sender, socket, until};
    use crate::sip::tcp::Limits;

    fn post(udp: &[UdpListener]) -> (Post, Arc<Kept>, tokio::runtime::Runtime) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sink = Arc::<Kept>::default();
        let tcp = Tcp::new(
            sink.clone(),
            runtime.handle().clone(),
            Limits::default(),
            secure(),
        );
        (Post::new(udp.into(), tcp, sink.clone()), sink, runtime)
    }

    fn target(remote: SocketAddr, local: Option<SocketAddr>) -> Target {
        Target {
            transport: Transport::Udp,
            remote,
            name: None,
            local,
            connection: None,
        }
    }

    fn receipt(target: Target) -> Option<Receipt> {
        Some(Receipt {
            shard: 0,
            life: Life(0),
            by: sender(),
            target,
        })
    }

    #[test]
    fn a_message_leaves_by_the_socket_of_its_address_or_of_its_family() {
        let six = UdpListener::bind("[::1]:0".parse().unwrap()).unwrap();
        let (first, second) = (loopback_listener(), loopback_listener());
        let (post, sink, _runtime) = post(&[six.clone(), first.clone(), second.clone()]);
        let peer = socket();
        let remote = peer.local_addr().unwrap();
        for (local, expected) in [
            (None, &first),
            (Some(second.local()), &second),
            (Some(first.local()), &first),
            (Some("192.0.2.1:5060".parse().unwrap()), &first),
            (Some(six.local()), &first),
        ] {
            post.send(target(remote, local), Bytes::from_static(b"x"), None);
            let (_, from) = peer.recv_from(&mut [0; 8]).unwrap();
            assert_eq!(from, expected.local(), "{local:?}");
        }
        let peer = std::net::UdpSocket::bind("[::1]:0").unwrap();
        peer.set_read_timeout(Some(crate::sip::stage::PATIENCE))
            .unwrap();
        let remote = peer.local_addr().unwrap();
        post.send(
            target(remote, Some(first.local())),
            Bytes::from_static(b"six"),
            None,
        );
        assert_eq!(heard(&peer), "six");
        assert!(sink.unsent.lock().unwrap().is_empty());
    }

    #[test]
    fn what_no_socket_can_send_is_told() {
        let (post, sink, _runtime) = post(&[loopback_listener()]);
        let six = target("[::1]:5060".parse().unwrap(), None);
        let four = target("127.0.0.1:9".parse().unwrap(), None);
        let too_long = Bytes::from(vec![b'x'; 65_536]);
        for (target, bytes, why) in [
            (six, Bytes::from_static(b"x"), Unsent::NoSocket),
            (four, too_long, Unsent::System),
        ] {
            post.send(target.clone(), bytes, receipt(target.clone()));
            let told = sink.unsent.lock().unwrap().pop();
            assert_eq!(told, Some((why, receipt(target))));
        }
        let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let secure = Target {
            transport: Transport::Tls,
            ..target(peer.local_addr().unwrap(), None)
        };
        // There is nothing to prove ourselves with, and nobody whom we believe.
        post.send(
            secure.clone(),
            Bytes::from_static(b"x"),
            receipt(secure.clone()),
        );
        until("told", || !sink.unsent.lock().unwrap().is_empty());
        let told = sink.unsent.lock().unwrap().pop();
        assert_eq!(told, Some((Unsent::NoHandshake, receipt(secure))));
    }
}
