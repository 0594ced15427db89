//! `[[trunks]]`: the peers, and what is done with their calls.

mod b2bua;
mod bypass;
mod connected;
mod diversion;
mod redirect;
mod reporting;

use super::listeners::sent_by;
use super::place::{Cause, Expected, Placed};
use super::reader::Reader;
use crate::routes::{Local, Route};
use countersign::authentication::Unlisted;
use countersign::number::{NumberingPlan, TelephoneNumber};
use countersign::passport::{Attestation, OrigId};
use countersign::priority::ResourceValue;
use countersign::verification::VerstatProfile;
use countersign_sip::call::TrustPai;
use countersign_sip::caller_name::CallerName;
use countersign_sip::grammar::is_token;
use countersign_sip::location::HopSpec;
use countersign_sip::message::Name;
use countersign_sip::probe::Probing;
use countersign_sip::trunk::{
    AttestationSuffix, CallInfoTrust, ExistingIdentity, Leniency, MAX_NEXT_HOPS, Mode, Network,
    NextHopTrust, OrigIdMode, Oversize, PassportForm, Recognition, RecordRoute, Role, SentBy,
    Treatment, Trunk, UdpSource, UnsignedPriority,
};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use bypass::BypassSettings;
pub use diversion::DiversionSettings;

/// One trunk as configured.
#[derive(Clone, Debug)]
pub struct TrunkSettings {
    /// Its name.
    pub name: Placed<Box<str>>,
    /// How it is known.
    pub recognition: Recognition,
    /// The name that its peer must prove, and where that was written.
    pub tls_identity: Option<Placed<Box<str>>>,
    /// The arrangement, but for its next hops.
    pub trunk: Trunk,
    /// Where its requests go on.
    pub route: Route,
    /// Who signs its calls.
    pub tenant: Option<Placed<Box<str>>>,
    /// What becomes of numbers that the tenant's inventory does not list.
    pub unlisted: Unlisted,
    /// What goes into origid.
    pub origid: OrigIdChoice,
    /// Whether a source address over UDP is trusted, and where that was written.
    pub udp_source: Placed<UdpSource>,
    /// What is put on calls that our service failed.
    pub bypass: Option<BypassSettings>,
    /// Whether its diversions are signed, and what we divert.
    pub diversions: Option<DiversionSettings>,
}

/// What goes into origid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrigIdChoice {
    /// Another one for each call.
    Call,
    /// This one.
    Fixed(OrigId),
    /// One made of the names of trunk and tenant. The default.
    #[default]
    Trunk,
}

impl OrigIdChoice {
    /// The mode of the proxy that it means.
    pub const fn mode(self) -> OrigIdMode {
        match self {
            Self::Call => OrigIdMode::Call,
            Self::Fixed(_) | Self::Trunk => OrigIdMode::Trunk,
        }
    }
}

/// Reads one trunk. `directory` is where relative paths begin.
pub(super) fn read(
    mut reader: Reader<'_>,
    directory: &Path,
    deadline: Duration,
) -> Option<TrunkSettings> {
    let name = reader.required("name", "its name");
    let tls_identity = reader.parsed(
        "tls_identity",
        "a domain such as \"sip.example.com\"",
        domain,
    );
    let recognition = recognition(&mut reader, tls_identity.as_ref());
    let mode = mode(&mut reader);
    let route = route(&mut reader, &mode);
    let mut trunk = Trunk::new(name.as_ref().map_or("", |name| name.value), Vec::new());
    trunk.mode = mode;
    if reader.boolean("record_route", false).value {
        trunk.record_route = RecordRoute::Added;
    }
    trunk.deadline = deadline;
    trunk.role = reader.choice("role", &ROLES).unwrap_or_default();
    trunk.treatment = treatment(&mut reader);
    trunk.rejection = redirect::rejection(&mut reader, trunk.treatment);
    trunk.reporting = reporting::read(&mut reader);
    trunk.connected = connected::read(&mut reader, trunk.role, &trunk.mode).map(Arc::new);
    beliefs(&mut reader, &mut trunk);
    trunk.call.identity.plan = reader.choice("numbering", &NUMBERING).unwrap_or_default();
    trunk.existing_identity = reader
        .choice("existing_identity", &EXISTING)
        .unwrap_or_default();
    trunk.passport = reader.choice("passport", &PASSPORTS).unwrap_or_default();
    trunk.attestation_asked = reader.choice("attestation", &ATTESTATIONS);
    trunk.attestation_header = header_name(&mut reader, "attestation_header");
    trunk.emergency_numbers = emergency_numbers(&mut reader);
    priority(&mut reader, &mut trunk);
    trunk.verstat.profile = reader
        .choice("verstat_profile", &PROFILES)
        .unwrap_or_default();
    trunk.verstat.suffix = reader
        .choice("verstat_suffix", &SUFFIXES)
        .unwrap_or_default();
    let udp_source = reader
        .boolean("udp_source_is_trusted", false)
        .map(|trusted| match trusted {
            true => UdpSource::Trusted,
            false => UdpSource::Weak,
        });
    trunk.udp_source = udp_source.value;
    let origid = origid(&mut reader);
    trunk.origid = origid.mode();
    let bypass = bypass::read(&mut reader, directory);
    let diversions = diversion::read(&mut reader, directory);
    trunk.next_hop_trust = match reader.boolean("next_hop_trusted", true).value {
        true => NextHopTrust::Inside,
        false => NextHopTrust::Outside,
    };
    let tenant = tenant(&mut reader, trunk.role);
    let unlisted = reader
        .choice("unlisted", &UNLISTED)
        .unwrap_or(DEFAULT_UNLISTED);
    reader.finish();
    Some(TrunkSettings {
        name: name?.map(Box::from),
        recognition,
        tls_identity,
        trunk,
        route,
        tenant,
        unlisted,
        origid,
        udp_source,
        bypass,
        diversions,
    })
}

/// What its peer may say of callers.
fn beliefs(reader: &mut Reader<'_>, trunk: &mut Trunk) {
    if reader.boolean("trust_pai", false).value {
        trunk.call.trust_pai = TrustPai::Trusted;
    }
    if reader.boolean("trust_call_info", false).value {
        trunk.call_info_trust = CallInfoTrust::Trusted;
    }
    trunk.caller_name = reader
        .choice("caller_name", &CALLER_NAMES)
        .unwrap_or_default();
}

const ROLES: [(&str, Role); 4] = [
    ("none", Role::None),
    ("sign", Role::Sign),
    ("verify", Role::Verify),
    ("both", Role::Both),
];
const NUMBERING: [(&str, NumberingPlan); 2] = [
    ("international", NumberingPlan::International),
    ("north-american", NumberingPlan::NorthAmerican),
];
const CALLER_NAMES: [(&str, CallerName); 2] = [
    ("replace", CallerName::Replaced),
    ("keep", CallerName::Kept),
];
const UNSIGNED_PRIORITIES: [(&str, UnsignedPriority); 2] = [
    ("strip", UnsignedPriority::Strip),
    ("trust-peer", UnsignedPriority::TrustPeer),
];
const EXISTING: [(&str, ExistingIdentity); 3] = [
    ("keep", ExistingIdentity::Keep),
    ("replace", ExistingIdentity::Replace),
    ("add", ExistingIdentity::Add),
];
const PASSPORTS: [(&str, PassportForm); 3] = [
    ("shaken", PassportForm::Shaken),
    ("base", PassportForm::Base),
    ("base-compact", PassportForm::BaseCompact),
];
const ATTESTATIONS: [(&str, Attestation); 3] = [
    ("A", Attestation::A),
    ("B", Attestation::B),
    ("C", Attestation::C),
];
/// What is signed for a number that the inventory does not list, if nobody says otherwise: the customer is known, the number is
/// not known to be theirs.
pub const DEFAULT_UNLISTED: Unlisted = Unlisted::B;
const UNLISTED: [(&str, Unlisted); 3] = [
    ("B", Unlisted::B),
    ("C", Unlisted::C),
    ("unsigned", Unlisted::Unsigned),
];
const PROFILES: [(&str, VerstatProfile); 2] = [
    ("atis-1000082", VerstatProfile::Atis1000082),
    ("field", VerstatProfile::Field),
];
const SUFFIXES: [(&str, AttestationSuffix); 2] = [
    ("none", AttestationSuffix::None),
    ("attestation", AttestationSuffix::Appended),
];
const OVERSIZE: [(&str, Oversize); 3] = [
    ("tcp", Oversize::Tcp),
    ("fragment", Oversize::Fragment),
    ("refuse", Oversize::Refuse),
];

/// A domain as certificates name it: RFC 5922 §7.2 compares it whole, so no wildcard is one.
fn domain(text: &str) -> Option<Box<str>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_one = !text.is_empty() && !text.starts_with('.') && text.bytes().all(fits);
    is_one.then(|| text.to_ascii_lowercase().into())
}

fn recognition(reader: &mut Reader<'_>, identity: Option<&Placed<Box<str>>>) -> Recognition {
    let form = "a network such as \"192.0.2.0/24\" or an address";
    let networks = reader.list("addresses", form, network).unwrap_or_default();
    let local_port = reader.integer("local_port", 1..=65_535);
    let group = reader.parsed("trunk_group", "a trunk group, such as \"000200\"", |text| {
        is_token(text.as_bytes()).then(|| Box::from(text))
    });
    let (written, place) = reader.written_items("addresses");
    if written == 0 && local_port.is_none() && identity.is_none() {
        let what = "how it is known (addresses, local_port or tls_identity)";
        reader.note("addresses", &place, Cause::Missing(what));
    }
    Recognition {
        networks: networks.into_iter().map(|network| network.value).collect(),
        local_port: local_port.and_then(|port| u16::try_from(port).ok()),
        tls_identity: identity.map(|identity| identity.value.clone()),
        trunk_group: group.map(|group| group.value),
    }
}

/// The name of a header that peers agreed on, and that no other room reads or writes.
pub(super) fn header_name<'a>(reader: &mut Reader<'a>, key: &'a str) -> Option<Box<str>> {
    let form = "the name of a header that SIP itself does not have, such as \"Attestation\"";
    let name = reader.parsed(key, form, |text| {
        let is_free = is_token(text.as_bytes()) && Name::of(text.as_bytes()) == Name::Other;
        is_free.then(|| Box::from(text))
    });
    name.map(|name| name.value)
}

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address.parse().ok()?, prefix.parse().ok()?),
        None => {
            let address: IpAddr = text.parse().ok()?;
            (address, if address.is_ipv4() { 32 } else { 128 })
        }
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= longest).then_some(Network { address, prefix })
}

fn route(reader: &mut Reader<'_>, mode: &Mode) -> Route {
    let oversize = reader.choice("oversize", &OVERSIZE).unwrap_or_default();
    let form = "udp:HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT, or without a port, by SRV";
    let hops = reader
        .list("next_hops", form, HopSpec::parse)
        .unwrap_or_default();
    let (written, place) = reader.written_items("next_hops");
    if let Mode::Http | Mode::Redirect(_) = mode {
        if written > 0 {
            let cause = Cause::Requires("mode = \"proxy\"");
            reader.note("next_hops", &place, cause);
        }
    } else if written == 0 {
        reader.note(
            "next_hops",
            &place,
            Cause::Missing("where its requests go on"),
        );
    } else if written > MAX_NEXT_HOPS {
        let expected = Expected::Text("at most eight of them");
        reader.note("next_hops", &place, Cause::Value(expected));
    }
    Route {
        hops: hops.into_iter().map(|hop| hop.value).collect(),
        oversize,
        probing: probing(reader),
        local: local(reader),
        advertise: advertise(reader),
    }
}

fn local(reader: &mut Reader<'_>) -> Option<Local> {
    let form = "the ADDRESS of one of our listeners, or ADDRESS:PORT";
    let local = reader.parsed("local", form, Local::parse)?;
    Some(local.value)
}

fn advertise(reader: &mut Reader<'_>) -> Option<SentBy> {
    let name = reader.parsed("advertise", "a host, or host:port", sent_by)?;
    Some(name.value)
}

/// Longest interval between two probes of a next hop, in seconds.
const MAX_PROBE_INTERVAL_S: i64 = 3_600;
/// Longest wait for the answer to a probe: RFC 3261 §17.1.2.2, Timer F.
const MAX_PROBE_TIMEOUT_MS: i64 = 32_000;

fn probing(reader: &mut Reader<'_>) -> Option<Probing> {
    let default = Probing::default();
    let interval = reader.integer("probe_interval_s", 0..=MAX_PROBE_INTERVAL_S);
    let timeout = reader.integer("probe_timeout_ms", 100..=MAX_PROBE_TIMEOUT_MS);
    let failures = reader.integer("probe_failures", 1..=100);
    let seconds = u64::try_from(interval.unwrap_or(0)).unwrap_or(0);
    let timeout = timeout.and_then(|millis| u64::try_from(millis).ok());
    (seconds > 0).then(|| Probing {
        interval: Duration::from_secs(seconds),
        timeout: timeout.map_or(default.timeout, Duration::from_millis),
        failures: failures
            .and_then(|count| u8::try_from(count).ok())
            .unwrap_or(default.failures),
    })
}

fn mode(reader: &mut Reader<'_>) -> Mode {
    let written = reader.text("mode");
    if written.as_ref().is_none_or(|mode| mode.value != "b2bua") {
        b2bua::is_elsewhere(reader);
    }
    let mode = match written.as_ref().map(|mode| mode.value) {
        Some("redirect") => return Mode::Redirect(redirect::dialect(reader)),
        None | Some("proxy") => None,
        Some("http") => {
            redirect::is_elsewhere(reader);
            return Mode::Http;
        }
        Some("b2bua") => {
            redirect::is_elsewhere(reader);
            return Mode::B2bua(b2bua::mode(reader));
        }
        Some(_) => Some(Cause::Value(Expected::OneOf(vec![
            "b2bua", "http", "proxy", "redirect",
        ]))),
    };
    if let (Some(cause), Some(written)) = (mode, written) {
        reader.note("mode", &written.place, cause);
    }
    redirect::is_elsewhere(reader);
    Mode::Proxy
}

fn treatment(reader: &mut Reader<'_>) -> Treatment {
    let rejects = reader
        .choice("treatment", &[("tag", false), ("reject", true)])
        .unwrap_or(false);
    let mut leniency = |key| {
        let rejected = reader.boolean(key, false);
        if rejected.value && !rejects {
            reader.note(
                key,
                &rejected.place,
                Cause::Requires("treatment = \"reject\""),
            );
        }
        match rejected.value {
            true => Leniency::Reject,
            false => Leniency::Forward,
        }
    };
    let (not_validated, unsigned) = (
        leniency("reject_not_validated"),
        leniency("require_identity"),
    );
    match rejects {
        true => Treatment::Reject {
            not_validated,
            unsigned,
        },
        false => Treatment::Tag,
    }
}

fn origid(reader: &mut Reader<'_>) -> OrigIdChoice {
    let form = "\"trunk\", \"call\" or a UUID";
    let choice = reader.parsed("origid", form, |text| match text {
        "call" => Some(OrigIdChoice::Call),
        "trunk" => Some(OrigIdChoice::Trunk),
        uuid => uuid.parse().ok().map(OrigIdChoice::Fixed),
    });
    choice.map_or_else(OrigIdChoice::default, |choice| choice.value)
}

fn tenant<'a>(reader: &mut Reader<'a>, role: Role) -> Option<Placed<Box<str>>> {
    match role {
        Role::Sign | Role::Both => reader.required("tenant", "the tenant who signs its calls"),
        Role::None | Role::Verify => reader.text("tenant"),
    }
    .map(|name| name.map(Box::from))
}

fn priority(reader: &mut Reader<'_>, trunk: &mut Trunk) {
    trunk.signed_priority = signed_priority(reader);
    trunk.unsigned_priority = reader.choice("unsigned_priority", &UNSIGNED_PRIORITIES);
    trunk.psap_numbers = psap_numbers(reader);
}

fn signed_priority(reader: &mut Reader<'_>) -> Vec<ResourceValue> {
    let form = "a value such as \"ets.0\"";
    let values = reader.list("sign_priority", form, |text| text.parse().ok());
    let values = values.unwrap_or_default().into_iter();
    values.map(|value| value.value).collect()
}

fn psap_numbers(reader: &mut Reader<'_>) -> Vec<TelephoneNumber> {
    let form = "a number with its country code, such as \"+12025550100\"";
    let numbers = reader.list("psap_numbers", form, |text| {
        let number: TelephoneNumber = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
        number.is_e164().then_some(number)
    });
    let numbers = numbers.unwrap_or_default().into_iter();
    numbers.map(|number| number.value).collect()
}

fn emergency_numbers(reader: &mut Reader<'_>) -> Vec<TelephoneNumber> {
    let form = "a number as it is dialled, such as \"112\"";
    let parse = |text: &str| TelephoneNumber::from_canonical(text.as_bytes()).ok();
    let numbers = reader.list("emergency_numbers", form, parse);
    let numbers = numbers.unwrap_or_default().into_iter();
    numbers.map(|number| number.value).collect()
}
