//! Stands in for `countersign_sip::trunk` and `countersign_sip::flow` until they land: same names, same shapes.
#![allow(missing_docs, reason = "documented where they will live")]

use countersign::number::TelephoneNumber;
use countersign::passport::Attestation;
use countersign::verification::VerstatProfile;
use countersign_sip::call::CallPolicy;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Tls,
    Udp,
}

#[derive(Clone, Debug)]
pub struct Trunk {
    pub name: Box<str>,
    pub role: Role,
    pub treatment: Treatment,
    pub call: CallPolicy,
    pub existing_identity: ExistingIdentity,
    pub attestation_asked: Option<Attestation>,
    pub origid: OrigIdMode,
    pub udp_source: UdpSource,
    pub verstat: VerstatStyle,
    pub deadline: Duration,
    pub emergency_numbers: Vec<TelephoneNumber>,
    pub next_hops: Vec<NextHop>,
}

impl Trunk {
    pub fn new(name: impl Into<Box<str>>, next_hops: Vec<NextHop>) -> Self {
        Self {
            name: name.into(),
            role: Role::default(),
            treatment: Treatment::default(),
            call: CallPolicy::default(),
            existing_identity: ExistingIdentity::default(),
            attestation_asked: None,
            origid: OrigIdMode::default(),
            udp_source: UdpSource::default(),
            verstat: VerstatStyle::default(),
            deadline: Duration::from_millis(500),
            emergency_numbers: Vec::new(),
            next_hops,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    Both,
    #[default]
    None,
    Sign,
    Verify,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Treatment {
    Reject {
        not_validated: Leniency,
        unsigned: Leniency,
    },
    #[default]
    Tag,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leniency {
    #[default]
    Forward,
    Reject,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingIdentity {
    Add,
    #[default]
    Keep,
    Replace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrigIdMode {
    Call,
    #[default]
    Trunk,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UdpSource {
    Trusted,
    #[default]
    Weak,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerstatStyle {
    pub profile: VerstatProfile,
    pub suffix: AttestationSuffix,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttestationSuffix {
    Appended,
    #[default]
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    pub transport: Transport,
    pub address: SocketAddr,
    pub oversize: Oversize,
}

impl NextHop {
    pub fn new(transport: Transport, address: SocketAddr) -> Self {
        Self {
            transport,
            address,
            oversize: Oversize::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oversize {
    Fragment,
    Refuse,
    #[default]
    Tcp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recognition {
    pub networks: Vec<Network>,
    pub local_port: Option<u16>,
    pub tls_identity: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub prefix: u8,
}

pub const MAX_NEXT_HOPS: usize = 8;
