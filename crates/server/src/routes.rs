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
    /// The listener that requests leave from; the best one if there is none.
    pub local: Option<Local>,
    /// What these next hops call us; what all are told if there is none.
    pub advertise: Option<SentBy>,
}

/// A listener, by its address, and by its port where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// Its address.
    pub ip: IpAddr,
    /// Its port, if one was written.
    pub port: Option<u16>,
}

impl Local {
    /// Reads `192.0.2.1`, `192.0.2.1:5060`, `2001:db8::1` or `[2001:db8::1]:5060`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse() {
            return Some(Self { ip, port: None });
        }
        let address: SocketAddr = text.parse().ok()?;
        Some(Self {
            ip: address.ip(),
            port: Some(address.port()),
        })
    }

    /// Whether this listener is meant.
    pub fn is(&self, listener: SocketAddr) -> bool {
        self.ip == listener.ip() && self.port.is_none_or(|port| port == listener.port())
    }
}

/// Where we listen, and what we call ourselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// The addresses that SIP is received at.
    pub listeners: Vec<(Transport, SocketAddr)>,
    /// What all next hops are told instead of a listener's address.
    pub advertise: Option<SentBy>,
    /// What those are told that requests go to from these listeners.
    pub advertise_for: Vec<(SocketAddr, SentBy)>,
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
        let listener = self.ground.listener_for(&hop, route.local);
        let is_its_own = (hop.transport, listener);
        if let (Transport::Udp, Some((Transport::Udp, local))) = is_its_own {
            hop.local = Some(local);
        }
        let name = || self.ground.name_of(listener?.1, hop.address);
        hop.sent_by = route.advertise.clone().or_else(name);
        hop
    }
}

impl Ground {
    /// The listener that a next hop's requests leave from, or should come back to: that of its transport and address family which is
    /// wanted, or which the system would take, or the first; or what we have that is nearest.
    fn listener_for(
        &self,
        hop: &NextHop,
        wanted: Option<Local>,
    ) -> Option<(Transport, SocketAddr)> {
        let same_family = |address: &SocketAddr| address.is_ipv4() == hop.address.is_ipv4();
        let listeners = self.listeners.iter().copied();
        let family: Vec<_> = listeners.filter(|(_, at)| same_family(at)).collect();
        let same = family.iter().filter(|(by, _)| *by == hop.transport);
        let mut candidates: Vec<_> = same.copied().collect();
        if candidates.is_empty() {
            candidates = family;
        }
        let named = |local: Local| candidates.iter().find(|(_, at)| local.is(*at));
        if let Some(named) = wanted.and_then(named) {
            return Some(*named);
        }
        let (_, first) = *candidates.first()?;
        if candidates.len() > 1 {
            let any = SocketAddr::new(unspecified(first.ip()), 0);
            let best = source_towards(any, hop.address).ok();
            let best = candidates.iter().find(|(_, at)| Some(at.ip()) == best);
            return best.or(candidates.first()).copied();
        }
        candidates.first().copied()
    }

    /// What those are told whose requests leave from a listener; `None` if it is what all are told.
    fn name_of(&self, listener: SocketAddr, hop: SocketAddr) -> Option<SentBy> {
        let named = self.advertise_for.iter().find(|(at, _)| *at == listener);
        match (named, &self.advertise) {
            (Some((_, name)), _) => Some(name.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(SentBy::from(reachable(listener, hop))),
        }
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
        let told = hops.filter_map(|hop| hop.sent_by.clone());
        let listeners = self.advertise_for.iter().map(|(_, name)| name.clone());
        for name in told.chain(listeners) {
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

fn unspecified(family: IpAddr) -> IpAddr {
    match family {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
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
                ..Ground::default()
            },
        }
    }

    #[test]
    fn requests_leave_from_the_listener_that_is_wanted_or_nearest() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let mut routes = routes(&["udp:127.0.0.9:5060", "tcp:[::1]:5060"]);
        routes.ground.listeners = [
            "192.0.2.1:5060",
            "127.0.0.1:5062",
            "127.0.0.3:5060",
            "[::1]:5060",
        ]
        .map(|at| (Transport::Udp, address(at)))
        .to_vec();
        let told = |routes: &Routes| {
            let hops = routes.next_hops("t", &Places::new());
            let show = |hop: &NextHop| {
                let name = hop.sent_by.as_ref().map(ToString::to_string);
                (hop.local.map(|at| at.to_string()), name)
            };
            hops.iter().map(show).collect::<Vec<_>>()
        };
        let both = |local: &str, name: &str| (Some(local.to_owned()), Some(name.to_owned()));
        let six = (None, Some("[::1]:5060".to_owned()));
        assert_eq!(
            told(&routes),
            [both("127.0.0.1:5062", "127.0.0.1:5062"), six.clone()]
        );
        routes.by_trunk.get_mut("t").unwrap().local = Local::parse("127.0.0.3");
        assert_eq!(
            told(&routes),
            [both("127.0.0.3:5060", "127.0.0.3:5060"), six.clone()]
        );
        let named = SentBy::new("edge.example", Some(5070)).unwrap();
        routes.ground.advertise_for = vec![(address("127.0.0.3:5060"), named)];
        assert_eq!(
            told(&routes),
            [both("127.0.0.3:5060", "edge.example:5070"), six]
        );
        routes.ground.advertise = Some(SentBy::new("all.example", None).unwrap());
        assert_eq!(told(&routes)[1], (None, None), "what all are told");
        let own = SentBy::new("us.example", None).unwrap();
        routes.by_trunk.get_mut("t").unwrap().advertise = Some(own);
        assert_eq!(told(&routes)[0], both("127.0.0.3:5060", "us.example"));
        let names = routes
            .ground
            .names(routes.next_hops("t", &Places::new()).iter());
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        assert!(
            names.contains(&"us.example".into()) && names.contains(&"edge.example:5070".into())
        );
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
