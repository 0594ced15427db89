//! From a next hop as configured to addresses: RFC 3263 §4.2, with the DNS of this machine.

use super::message::{Data, Kind};
use super::{Answer, Fault, Resolver, system};
use countersign_sip::location::{HopSpec, Host, Located, Service};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Most SRV records of one name that are followed: each costs two lookups, and no call tries more hosts.
const MAX_HOSTS: usize = 16;

/// How long what the hosts file says is taken for true.
const HOSTS_LIFETIME: Duration = Duration::from_secs(60);

/// Where a next hop is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its addresses, one at least, in the order of their priorities.
    pub addresses: Vec<Located>,
    /// How long that is true.
    pub lifetime: Duration,
}

/// Finds a next hop.
///
/// # Errors
/// [`Fault`]: of the SRV records, or of the last name that was asked for.
pub async fn locate(resolver: &Resolver, spec: &HopSpec) -> Result<Found, Fault> {
    let Host::Name(name) = &spec.host else {
        return spec.literal().map(literal).ok_or(Fault::NoRecords);
    };
    if let Some(service) = spec.service_name() {
        match resolver.lookup(&service, Kind::Srv).await {
            Ok(answer) => return hosts(resolver, answer).await,
            Err(fault) if fault.is_certain() => {}
            // Somebody may have records, and cannot say so now: the host of that name may be something else altogether.
            Err(fault) => return Err(fault),
        }
    }
    // RFC 3263 §4.2: "If no SRV records were found, the client performs an A or AAAA record lookup of the domain name.  The result will be
    // a list of IP addresses, each of which can be contacted using the transport protocol determined previously, at the default port
    // for that transport."
    let service = Service {
        priority: 0,
        weight: 0,
        port: spec.port_or_default(),
        target: (&**name).into(),
    };
    let (addresses, lifetime) = host(resolver, 0, &service).await?;
    Ok(Found {
        addresses,
        lifetime,
    })
}

fn literal(address: SocketAddr) -> Found {
    Found {
        addresses: vec![Located {
            priority: 0,
            record: 0,
            weight: 0,
            address,
        }],
        lifetime: Duration::MAX,
    }
}

/// The addresses of all hosts that SRV records name. Those that cannot be found are left out, as long as one is.
async fn hosts(resolver: &Resolver, answer: Answer) -> Result<Found, Fault> {
    let mut services: Vec<_> = answer.data.into_iter().filter_map(service).collect();
    // Always the same order, whatever order they came in.
    services.sort_unstable();
    services.truncate(MAX_HOSTS);
    let (mut addresses, mut lifetime) = (Vec::new(), answer.lifetime);
    // RFC 2782: "A Target of "." means that the service is decidedly not available at this domain."
    let mut fault = Fault::NoSuchName;
    for (record, service) in (0..).zip(&services) {
        if &*service.target == "." || service.port == 0 {
            continue;
        }
        match host(resolver, record, service).await {
            Ok((found, its)) => {
                addresses.extend(found);
                lifetime = lifetime.min(its);
            }
            Err(found) => {
                fault = found;
                // It is asked for again soon.
                lifetime = Duration::ZERO;
            }
        }
    }
    if addresses.is_empty() {
        return Err(fault);
    }
    Ok(Found {
        addresses,
        lifetime,
    })
}

fn service(data: Data) -> Option<Service> {
    match data {
        Data::Service(service) => Some(service),
        Data::Address(_) | Data::Alias(_) => None,
    }
}

/// The addresses of one host, of both families.
async fn host(
    resolver: &Resolver,
    record: u16,
    service: &Service,
) -> Result<(Vec<Located>, Duration), Fault> {
    let located = |ip| Located {
        priority: service.priority,
        record,
        weight: service.weight,
        address: SocketAddr::new(ip, service.port),
    };
    let target = &service.target;
    let known = system::addresses(target);
    if !known.is_empty() {
        return Ok((known.into_iter().map(located).collect(), HOSTS_LIFETIME));
    }
    let (four, six) = tokio::join!(
        resolver.lookup(target, Kind::A),
        resolver.lookup(target, Kind::Aaaa)
    );
    let lifetime = match (&four, &six) {
        (Ok(four), Ok(six)) => four.lifetime.min(six.lifetime),
        // The other family could not be asked for: soon again.
        (Ok(one), Err(fault)) | (Err(fault), Ok(one)) if fault.is_certain() => one.lifetime,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => Duration::ZERO,
        (Err(four), Err(six)) => return Err(*four.max(six)),
    };
    let answers = [four, six].into_iter().flatten();
    let mut ips: Vec<_> = answers.flat_map(|a| a.data).filter_map(ip).collect();
    ips.sort_unstable();
    ips.dedup();
    if ips.is_empty() {
        return Err(Fault::NoRecords);
    }
    Ok((ips.into_iter().map(located).collect(), lifetime))
}

fn ip(data: Data) -> Option<IpAddr> {
    match data {
        Data::Address(ip) if !ip.is_unspecified() => Some(ip),
        Data::Address(_) | Data::Alias(_) | Data::Service(_) => None,
    }
}
