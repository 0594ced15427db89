//! How TLS begins on a connection: who proves what, in how much time.

use super::table::{Key, Party, Place};
use super::{Tcp, tune};
use crate::sip::{Admission, Peer, Refusal, Unsent};
use crate::tls::{Identities, client, identities};
use countersign::certificate::Certificate;
use countersign::time::UnixTime;
use countersign_sip::flow::{Flow, Transport};
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error};
use std::io;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// What a peer has proven by its certificate.
#[derive(Clone, Debug, Default)]
pub(super) struct Proof {
    pub(super) identities: Identities,
    /// When its certificate ends; `None` if it has shown none.
    pub(super) until: Option<UnixTime>,
}

impl Proof {
    fn of(chain: Option<&[CertificateDer<'_>]>) -> Self {
        let own = chain.unwrap_or_default();
        let certificate = own.first().and_then(|der| Certificate::parse(der).ok());
        Self {
            identities: identities(own).into(),
            until: certificate.map(|certificate| certificate.validity().not_after),
        }
    }
}

impl Tcp {
    /// Opens the connection that has this place, and carries it.
    pub(super) async fn open(&self, place: Place, way: Key) {
        let limits = self.shared.limits;
        let stream = timeout(limits.connect, TcpStream::connect(way.remote)).await;
        let Ok(Ok(stream)) = stream else {
            return self.shared.end(place, Unsent::NoConnection).await;
        };
        tune(&stream, &limits);
        if way.transport != Transport::Tls {
            return self.carry_plain(stream, place).await;
        }
        let shaken = timeout(limits.handshake, self.prove(stream, &way)).await;
        match shaken.unwrap_or(Err(Unsent::NoHandshake)) {
            Ok(stream) => {
                let proof = Proof::of(stream.get_ref().1.peer_certificates());
                self.carry_secure(stream.into(), place, proof).await;
            }
            Err(why) => self.shared.end(place, why).await,
        }
    }

    // RFC 5922 §7.3: "If the server is not authenticated, the client MUST close the connection immediately."
    async fn prove(
        &self,
        stream: TcpStream,
        way: &Key,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Unsent> {
        let config = self.shared.secure.hops().ok_or(Unsent::NoHandshake)?;
        let host = client::host(way.name.as_deref(), way.remote.ip());
        let host = host.map_err(|_| Unsent::WrongName)?;
        let shaken = TlsConnector::from(config).connect(host, stream).await;
        shaken.map_err(|error| {
            let name = way.name.as_deref();
            tracing::warn!(remote = %way.remote, name, %error, "TLS with a next hop failed");
            match is_wrong_name(&error) {
                true => Unsent::WrongName,
                false => Unsent::NoHandshake,
            }
        })
    }

    /// Lets somebody prove who they are, and carries the connection if they may be here.
    pub(super) async fn shake(&self, stream: TcpStream, mut place: Place, flow: Flow) {
        let shared = &self.shared;
        let acceptor = shared.secure.listeners().map(TlsAcceptor::from);
        let shaken = match acceptor {
            Some(acceptor) => timeout(shared.limits.handshake, acceptor.accept(stream)).await,
            None => Ok(Err(io::ErrorKind::Unsupported.into())),
        };
        let stream = match shaken {
            Ok(Ok(stream)) => stream,
            refused => {
                tracing::debug!(remote = %flow.remote, ?refused, "TLS was not agreed upon");
                shared.sink.refused(Refusal::Handshake);
                return shared.end(place, Unsent::NoHandshake).await;
            }
        };
        let proof = Proof::of(stream.get_ref().1.peer_certificates());
        let peer = Peer {
            flow,
            identities: proof.identities.clone(),
        };
        let refusal = match shared.sink.admits(&peer) {
            Admission::Known => self.settle(&mut place, Party::Known),
            Admission::Refused => Some(Refusal::UnknownSource),
            Admission::Stranger => self.settle(&mut place, Party::Stranger),
        };
        if let Some(why) = refusal {
            shared.sink.refused(why);
            return shared.end(place, Unsent::NoConnection).await;
        }
        self.carry_secure(TlsStream::Server(stream), place, proof)
            .await;
    }

    fn settle(&self, place: &mut Place, party: Party) -> Option<Refusal> {
        place.party = party;
        let has_room = self
            .shared
            .lock()
            .settle(place.id, party, &self.shared.limits);
        (!has_room).then_some(Refusal::ConnectionLimit)
    }
}

fn is_wrong_name(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        inner,
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        ))
    )
}
