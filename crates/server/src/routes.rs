//! From next hops as they are configured to those that are found: addresses, shares, and what we call ourselves there.
//!
//! Pure but for one question: which source address the system would take towards a next hop, where a listener is bound to none.

use countersign_sip::flow::Transport;
use countersign_sip::location::{HopSpec, Located};
use countersign_sip::probe::Probing;
use countersign_sip::trunk::{MAX_LOCATED, NextHop, Oversize, SentBy, Share, Trunk, Trunks};
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Where the requests of a trunk go on, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// In the order they are tried.
    pub hops: Vec<HopSpec>,
    /// What to do with a request that is too large for UDP.
    pub oversize: Oversize,
    /// Whether they are asked if they live, and how.
    pub probing: Option<Probing>,
}

/// Where we listen, and what we call ourselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// The addresses that SIP is received at.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// What all next hops are told instead of a listener's address.
    pub advertise: Option<SentBy>,
}

/// The routes of all trunks, by their names, and the ground they begin at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// By the name of the trunk.
    pub by_trunk: HashMap<Box<str>, Route>,
    /// Where they begin.
    pub ground: Ground,
}

/// What is known about names: where each is.
pub type Places = HashMap<HopSpec, Arc<[Located]>>;

impl Routes {
    /// The names that somebody has to look up.
    pub fn names(&self) -> BTreeSet<HopSpec> {
        let hops = self.by_trunk.values().flat_map(|route| &route.hops);
        let named = hops.filter(|hop| hop.literal().is_none());
        named.cloned().collect()
    }

    /// The next hops of a trunk, as far as they are found.
    pub fn next_hops(&self, trunk: &str, places: &Places) -> Vec<NextHop> {
        let Some(route) = self.by_trunk.get(trunk) else {
            return Vec::new();
        };
        let mut next_hops = Vec::new();
        let mut group = 0;
        for spec in &route.hops {
            match spec.literal() {
                Some(address) => next_hops.push(self.next_hop(route, spec, address)),
                None => {
                    let located = places.get(spec).map_or(&[][..], |located| located);
                    for same in located.chunk_by(|one, other| one.priority == other.priority) {
                        group += 1;
                        next_hops.extend(self.sharing(route, spec, same, group));
                    }
                }
            }
        }
        next_hops.truncate(MAX_LOCATED);
        next_hops
    }

    /// The trunks with other next hops; `None` if they are the same.
    pub fn relocated(&self, trunks: &Trunks, places: &Places) -> Option<Trunks> {
        let mut is_new = false;
        let mut relocated = Trunks::default();
        for (recognition, trunk) in trunks.known() {
            let next_hops = self.next_hops(&trunk.name, places);
            let trunk = match next_hops == trunk.next_hops {
                true => trunk.clone(),
                false => {
                    is_new = true;
                    Arc::new(Trunk {
                        next_hops,
                        ..Trunk::clone(trunk)
                    })
                }
            };
            relocated.add(recognition.clone(), trunk);
        }
        is_new.then_some(relocated)
    }

    /// Those of one priority, without the addresses that none of our sockets can reach.
    fn sharing<'a>(
        &'a self,
        route: &'a Route,
        spec: &'a HopSpec,
        located: &'a [Located],
        group: u16,
    ) -> impl Iterator<Item = NextHop> + 'a {
        let reachable = |one: &&Located| self.ground.reaches(spec.transport, one.address);
        located.iter().filter(reachable).map(move |one| NextHop {
            share: Some(Share {
                group,
                host: one.record,
                weight: one.weight,
            }),
            ..self.next_hop(route, spec, one.address)
        })
    }

    fn next_hop(&self, route: &Route, spec: &HopSpec, address: SocketAddr) -> NextHop {
        let mut hop = NextHop::new(spec.transport, address);
        hop.name = spec.name();
        hop.oversize = route.oversize;
        if self.ground.advertise.is_none() {
            hop.sent_by = self.ground.name_for(&hop);
        }
        hop
    }
}

impl Ground {
    /// What a next hop should call us: the listener of its transport and address family, or what we have that is nearest.
    fn name_for(&self, hop: &NextHop) -> Option<SentBy> {
        let same_family = |address: &SocketAddr| address.is_ipv4() == hop.address.is_ipv4();
        let mut best = self
            .listeners
            .iter()
            .filter(|(_, address)| same_family(address));
        let listener = best
            .clone()
            .find(|(transport, _)| *transport == hop.transport)
            .or_else(|| best.next());
        listener.map(|(_, listener)| SentBy::from(reachable(*listener, hop.address)))
    }

    /// Whether something can leave for this address: a datagram only by a socket of its family.
    fn reaches(&self, transport: Transport, address: SocketAddr) -> bool {
        let mut listeners = self.listeners.iter();
        transport != Transport::Udp
            || listeners
                .any(|(by, local)| *by == Transport::Udp && local.is_ipv4() == address.is_ipv4())
    }

    /// What others call us besides what they are told to: all our listeners, and what these next hops are told.
    pub fn names<'a>(&self, hops: impl Iterator<Item = &'a NextHop>) -> Vec<SentBy> {
        let listeners = self.listeners.iter();
        let mut names: Vec<_> = listeners
            .map(|(_, address)| SentBy::from(*address))
            .collect();
        for name in hops.filter_map(|hop| self.name_for(hop)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// `0.0.0.0` is no address that anybody can answer to: then it is the one from which the system would reach `peer`.
pub fn reachable(listener: SocketAddr, peer: SocketAddr) -> SocketAddr {
    if !listener.ip().is_unspecified() {
        return listener;
    }
    let loopback = match listener.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let ip = source_towards(listener, peer).unwrap_or(loopback);
    SocketAddr::new(ip, listener.port())
}

/// Connecting a UDP socket sends nothing; it makes the system choose a source address.
fn source_towards(listener: SocketAddr, hop: SocketAddr) -> std::io::Result<IpAddr> {
    let socket = std::net::UdpSocket::bind(SocketAddr::new(listener.ip(), 0))?;
    socket.connect(hop)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(priority: u16, record: u16, weight: u16, address: &str) -> Located {
        Located {
            priority,
            record,
            weight,
            address: address.parse().unwrap(),
        }
    }

    fn routes(hops: &[&str]) -> Routes {
        let hops = hops.iter().map(|hop| HopSpec::parse(hop).unwrap());
        let route = Route {
            hops: hops.collect(),
            ..Route::default()
        };
        Routes {
            by_trunk: HashMap::from([("t".into(), route)]),
            ground: Ground {
                listeners: vec![(Transport::Udp, "192.0.2.1:5060".parse().unwrap())],
                advertise: None,
            },
        }
    }

    #[test]
    fn what_is_found_stands_where_its_name_stands() {
        let routes = routes(&["udp:sbc.example", "udp:192.0.2.9", "udp:lost.example:5060"]);
        assert_eq!(routes.names().len(), 2);
        let found = [
            located(1, 0, 10, "192.0.2.11:5060"),
            located(1, 0, 10, "[2001:db8::1]:5060"),
            located(1, 1, 30, "192.0.2.12:5070"),
            located(2, 2, 0, "192.0.2.13:5060"),
        ];
        let places = Places::from([(routes.by_trunk["t"].hops[0].clone(), found.into())]);
        let hops = routes.next_hops("t", &places);
        let shown: Vec<_> = hops
            .iter()
            .map(|hop| {
                let share = hop
                    .share
                    .map(|share| (share.group, share.host, share.weight));
                (hop.address.to_string(), hop.name.as_deref(), share)
            })
            .collect();
        let named = Some("sbc.example");
        assert_eq!(
            shown,
            [
                ("192.0.2.11:5060".into(), named, Some((1, 0, 10))),
                ("192.0.2.12:5070".into(), named, Some((1, 1, 30))),
                ("192.0.2.13:5060".into(), named, Some((2, 2, 0))),
                ("192.0.2.9:5060".into(), None, None),
            ],
            "no datagram reaches IPv6 from here"
        );
        assert!(hops.iter().all(|hop| hop.sent_by.is_some()));
    }

    #[test]
    fn trunks_are_made_anew_only_if_something_moved() {
        let routes = routes(&["udp:sbc.example:5060"]);
        let spec = routes.by_trunk["t"].hops[0].clone();
        let at = |address| Places::from([(spec.clone(), [located(0, 0, 0, address)].into())]);
        let mut trunks = Trunks::default();
        trunks.add(Default::default(), Arc::new(Trunk::new("t", Vec::new())));
        assert!(routes.relocated(&trunks, &Places::new()).is_none());
        let first = routes.relocated(&trunks, &at("192.0.2.11:5060")).unwrap();
        assert!(routes.relocated(&first, &at("192.0.2.11:5060")).is_none());
        let second = routes.relocated(&first, &at("192.0.2.12:5060")).unwrap();
        let [(_, trunk)] = second.known() else {
            panic!()
        };
        assert_eq!(trunk.next_hops[0].address.to_string(), "192.0.2.12:5060");
    }
}
