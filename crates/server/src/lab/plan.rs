//! What listens where in a lab, and the configuration that says so.
//!
//! ```text
//!   SIPp, a softphone ──► sip (signs) ──► sip+10 (verifies) ──► sip+20 (the called party)
//!                              │               ▲
//!                              └── x5u ──► public (https repository)
//!   curl ──► http+10 (signs and verifies)
//! ```
//!
//! `up` runs the same server as `serve`, from a configuration file like any other: it is written into the folder, so that
//! whoever outgrows the lab has something to start from.

use super::directory::{Directory, HOST, LabFault, Secrecy, write};
use std::net::SocketAddr;

/// How far the verifying listener is from the signing one, and the called party from that.
pub const STEP: u16 = 10;

/// What the chain of the lab's domain is called in the repository.
pub const DOMAIN: &str = "domain.pem";

/// The scenario for a first call with SIPp.
const CALL: &str = include_str!("call.xml");

/// Where everything listens.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// SIP that is signed. The two after it are [`STEP`] and twice [`STEP`] ports further.
    pub sip: SocketAddr,
    /// HTTP for operators; signing and verification over HTTP are [`STEP`] ports further.
    pub http: SocketAddr,
    /// The https repository.
    pub public: SocketAddr,
}

/// What the lab writes of its calls.
const LOG: &str = r#"[log]
# Calls, and what is wrong.
level = "warn,countersign::call=info"
# The lab's numbers are nobody's.
numbers = "full"
"#;

impl Plan {
    /// SIP that is verified; `None` if there is no such port.
    pub fn verifying(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(
            self.sip.ip(),
            self.sip.port().checked_add(STEP)?,
        ))
    }

    /// The called party.
    pub fn called(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(
            self.sip.ip(),
            self.sip.port().checked_add(2 * STEP)?,
        ))
    }

    /// Signing and verification over HTTP; `None` if there is no such port.
    pub fn door(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(
            self.http.ip(),
            self.http.port().checked_add(STEP)?,
        ))
    }

    /// Where the provider's chain is fetched from.
    pub fn x5u(&self) -> String {
        format!("{}/certificates/provider.pem", self.origin())
    }

    /// Where the chain of the lab's domain is fetched from.
    pub fn domain_x5u(&self) -> String {
        format!("{}/certificates/{DOMAIN}", self.origin())
    }

    fn origin(&self) -> String {
        format!("https://{HOST}:{}", self.public.port())
    }

    /// Writes the configuration, the x5u and the scenario into the folder.
    ///
    /// # Errors
    /// [`LabFault`] if they cannot be written.
    pub fn write(&self, directory: &Directory) -> Result<(), LabFault> {
        write(
            &directory.configuration(),
            self.configuration().as_bytes(),
            Secrecy::Public,
        )?;
        write(&directory.x5u(), self.x5u().as_bytes(), Secrecy::Public)?;
        write(&directory.scenario(), CALL.as_bytes(), Secrecy::Public)
    }

    fn configuration(&self) -> String {
        let Self { sip, http, public } = self;
        let verifying = self.verifying().unwrap_or(*sip);
        let door = self.door().unwrap_or(*http);
        let (origin, x5u, ip) = (self.origin(), self.x5u(), sip.ip());
        format!(
            r#"# Written by `countersign up` at every start. Copy it to another name in this folder to make your own, and run that with `countersign serve --config FILE`.

[sip]
udp = ["{sip}", "{verifying}"]
tcp = ["{sip}", "{verifying}"]

{trunks}{http_trunk}[[tenants]]
name = "lab"
certificate_file = "certificates/provider.pem"
key_file = "provider.key"
x5u = "{x5u}"
inventory_file = "numbers.csv"

# Who does not say its number is signed for as somebody of this domain.
[[tenants.credentials]]
certificate_file = "certificates/domain.pem"
key_file = "provider.key"
x5u = "{domain_x5u}"

[trust]
domain = "lab"
lab_anchor_files = ["anchor.pem"]
allow_lab = true

# The lab's own repository is at a loopback address, which is fetched from only because it is named here.
[[fetch.exceptions]]
origin = "{origin}"
addresses = ["127.0.0.1", "::1", "{ip}"]
web_ca_file = "web-ca.pem"

{authority}[http.public]
listen = ["{public}"]
certificate_file = "web.pem"
key_file = "web.key"

[http.trunk]
listen = ["{door}"]

[http.admin]
listen = ["{http}"]

{LOG}"#,
            trunks = self.trunks(verifying),
            domain_x5u = self.domain_x5u(),
            authority = authority(&origin),
            http_trunk = http_trunk(door),
        )
    }

    /// The two ways of a call: out of the calling side, into the called one.
    fn trunks(&self, verifying: SocketAddr) -> String {
        let sip = self.sip;
        let called = self.called().unwrap_or(sip);
        format!(
            r#"# What comes to this port is signed with the lab's certificate.
[[trunks]]
name = "outgoing"
local_port = {out_port}
role = "sign"
tenant = "lab"
numbering = "north-american"
next_hops = ["udp:{verifying}"]
# Nobody outside this machine can send to a loopback address. Elsewhere this would be careless.
udp_source_is_trusted = {trusted}
# Who picked up is checked, and stands in the line of the call.
connected_identity = "on"

# What comes to this port is verified, and goes to the called party with the verdict in verstat.
[[trunks]]
name = "incoming"
local_port = {in_port}
role = "verify"
numbering = "north-american"
next_hops = ["udp:{called}"]
# The lab's called party has no TCP, and the loopback network carries any datagram.
oversize = "fragment"
verstat_profile = "field"
# Answers are signed with the same certificate: this lab is both sides of its calls.
tenant = "lab"
connected_identity = "on"

# Who asks who would answer is told, also who does not say who it is: `countersign probe`.
[trunks.connected]
probes = "anonymous"

"#,
            out_port = sip.port(),
            in_port = verifying.port(),
            trusted = sip.ip().is_loopback(),
        )
    }
}

/// Who may ask over HTTP.
fn http_trunk(door: SocketAddr) -> String {
    format!(
        r#"# What asks over HTTP, from this machine.
[[trunks]]
name = "http"
mode = "http"
addresses = ["127.0.0.0/8", "::1"]
local_port = {}
role = "both"
tenant = "lab"
numbering = "north-american"
verstat_profile = "field"

"#,
        door.port()
    )
}

/// The lab's authority.
fn authority(origin: &str) -> String {
    format!(
        r#"# The lab's authority issues, too: {origin}/acme/directory, for whoever has a token of an account that
# `countersign ca account open --config` opens.
[ca]
certificate_file = "ca/authority.pem"
key = "ca/intermediate.key"
base_url = "{origin}"
store_file = "ca/journal.sqlite"
checkpoint_file = "ca/checkpoints"
# Nobody renews anything while a lab does not run.
outlive_token = true
usual_days = 397
longest_days = 397

[ca.crl]
certificate_file = "ca/crl.pem"
key = "ca/crl.key"

[[ca.token_issuers]]
name = "lab"
certificate_file = "ca/tokens.pem"

[ca.token_authority]
certificate_file = "ca/tokens.pem"
key = "ca/tokens.key"

"#
    )
}
