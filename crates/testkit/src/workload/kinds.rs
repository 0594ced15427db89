//! The same work for calls that bring more than an attestation: a brand with a picture, and a call that was forwarded five times.

use super::{CALLS, Crypto, Workload, invite};
use crate::lab::{Lab, NOW};
use bytes::Bytes;
use countersign::authentication::{AuthenticationService, Brand, Inventory, Origination, Signer};
use countersign::call::{Call, DestSource};
use countersign::certificate::CertificateChain;
use countersign::identity::Identity;
use countersign::passport::SignedPassport;
use countersign::path::PathCache;
use countersign::time::{Now, Ticks};
use countersign::trust::Trust;
use countersign::verification::policy::RichFetch;
use countersign::verification::{
    Answer, MemoryReplay, NeedKind, Poll, Report, Resource, Source, Unavailable, Verdict,
    VerificationPolicy, VerificationService,
};
use countersign_sip::call::{CallPolicy, from_request};
use countersign_sip::identity_header;
use countersign_sip::message::{Framing, Message};
use std::sync::Arc;

/// How often a call of [`Forwarded`] was forwarded: six signatures with the first one.
pub const DIVERSIONS: usize = 5;

/// Where the picture of [`Branded`] is said to be.
const PICTURE_URL: &str = "https://brands.example.com/q-256x256.png";

/// Bytes of the picture: they are hashed when it comes into a cache, and not for a call.
const PICTURE_LEN: usize = 16 * 1024;

/// Calls of a brand: name, picture and reason in the PASSporT of the attestation.
pub struct Branded {
    signing: AuthenticationService,
    origination: Origination,
    judging: Judging,
}

/// Calls that five providers have sent on, one after the other.
pub struct Forwarded {
    judging: Judging,
}

/// The side that verifies, with everything at hand that it may ask for.
struct Judging {
    verifying: VerificationService,
    trust: Arc<Trust>,
    chains: Vec<(Box<str>, Arc<CertificateChain>)>,
    picture: Arc<Resource>,
    calls: Vec<Call>,
    identities: Vec<Vec<Bytes>>,
}

#[allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]
impl Branded {
    /// Makes brand and calls beside those of `plain`, signed by the same provider, and goes once through all of it.
    pub fn new(plain: &Workload) -> Self {
        let picture = vec![7; PICTURE_LEN];
        let reason = "Rendezvous for Little Nellie";
        let brand = Brand {
            name: "Q Branch Spy Gadgets".into(),
            icon: Some(PICTURE_URL.into()),
            reasons: [reason.into()].into(),
            ..Brand::default()
        };
        let rich = brand.claims(Some(reason), |_| Some(&picture));
        let origination = Origination {
            rich: Some(Arc::new(rich.expect("brand"))),
            ..plain.origination.clone()
        };
        let signing = plain.signing.clone();
        let chains = vec![(signing.signer().x5u().into(), Arc::clone(&plain.chain))];
        let keys = plain.crypto.verifying_keys();
        let judging = Judging::new(chains, Arc::clone(&plain.trust), keys, picture);
        let mut branded = Self {
            signing,
            origination,
            judging,
        };
        branded.judging.calls.clone_from(&plain.calls);
        for index in 0..CALLS {
            let identity = branded.sign(index).into();
            branded.judging.identities.push(vec![identity]);
        }
        branded.judging.warm();
        branded
    }

    /// Signs a whole call: attestation and brand, PASSporT, Identity value.
    pub fn sign(&self, index: usize) -> String {
        let call = &self.judging.calls[index % CALLS];
        let signed = self.signing.authenticate(call, &self.origination, NOW);
        signed.expect("the call is signed").identity
    }

    /// Verifies a whole Identity value against its call, with chain and picture at hand.
    pub fn verify(&self, index: usize) -> Report {
        self.judging.verify(index)
    }
}

#[allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]
impl Forwarded {
    /// Makes six providers and the calls that go through all of them, and verifies each once.
    pub fn new(crypto: Crypto) -> Self {
        let lab = Lab::new();
        let (mut services, mut chains) = (Vec::new(), Vec::new());
        for provider in 0..=DIVERSIONS {
            let signer = lab.provider(&format!("471{provider}"));
            let x5u = format!("https://certificates.example.com/shaken/471{provider}.pem");
            chains.push((x5u.as_str().into(), Arc::new(signer.chain.clone())));
            let key = crypto.signing_key(signer.key);
            let signer = Signer::new(&x5u, key, signer.chain).expect("signer");
            let inventory = Inventory::operator();
            services.push(AuthenticationService::new(
                Arc::new(signer),
                Arc::new(inventory),
            ));
        }
        let trust = Arc::new(lab.trust(1));
        let keys = crypto.verifying_keys();
        let mut judging = Judging::new(chains, trust, keys, Vec::new());
        for index in 0..CALLS {
            let message = Message::parse(invite(index, ""), Framing::Datagram).expect("INVITE");
            let call = from_request(&message, &CallPolicy::default());
            judging.identities.push(forward(&services, &call, index));
            judging.calls.push(call);
        }
        judging.warm();
        Self { judging }
    }

    /// Verifies a whole chain against its call, with all certificates at hand.
    pub fn verify(&self, index: usize) -> Report {
        self.judging.verify(index)
    }
}

/// The Identity headers of a call that went to five others before it came to whom it is for now.
#[allow(
    clippy::expect_used,
    reason = "a measurement that cannot be set up has nothing to measure"
)]
fn forward(services: &[AuthenticationService], call: &Call, index: usize) -> Vec<Bytes> {
    let station = |step: usize| {
        let number = format!("12025550{}", 100 + (index + 1 + 10 * step) % 100);
        Identity::Number(number.parse().expect("number"))
    };
    let mut first_call = call.clone();
    first_call.dest = vec![(station(1), DestSource::To)];
    let (mut passports, mut identities) = (Vec::<SignedPassport>::new(), Vec::new());
    for (step, service) in services.iter().enumerate() {
        let (passport, identity) = match step {
            0 => {
                let signed = service.authenticate(&first_call, &super::origination(), NOW);
                let signed = signed.expect("the call is signed");
                (signed.passport, signed.identity)
            }
            // The last one goes to whom the request names.
            _ => {
                let target = station((step + 1) % (DIVERSIONS + 1));
                let diverted = service.divert(&passports, &target, None, NOW);
                let diverted = diverted.expect("the diversion is signed").pop();
                let diverted = diverted.expect("a new destination");
                (diverted.passport, diverted.identity)
            }
        };
        passports.push(passport);
        identities.push(identity.into());
    }
    identities
}

impl Judging {
    fn new(
        chains: Vec<(Box<str>, Arc<CertificateChain>)>,
        trust: Arc<Trust>,
        keys: Arc<dyn countersign::crypto::VerifyingKeys>,
        picture: Vec<u8>,
    ) -> Self {
        let mut policy = VerificationPolicy::default();
        policy.rich.fetch = RichFetch::Shown;
        let replay = Arc::new(MemoryReplay::default());
        Self {
            verifying: VerificationService::new(policy, keys, Arc::new(PathCache::new()), replay),
            trust,
            chains,
            picture: Arc::new(Resource::new("image/png", picture)),
            calls: Vec::new(),
            identities: Vec::new(),
        }
    }

    /// Goes once through all of it: whatever is cached is warm.
    fn warm(&self) {
        for index in 0..CALLS {
            assert_eq!(self.verify(index).verdict, Verdict::Passed);
        }
    }

    fn verify(&self, index: usize) -> Report {
        let index = index % CALLS;
        let identities = self.identities[index].iter();
        let presented = identities.map(|identity| identity_header::parse(identity));
        let now = Now {
            unix: NOW,
            ticks: Ticks::default(),
        };
        let (call, presented) = (&self.calls[index], presented.collect());
        let mut verification = self.verifying.begin(call, presented, &self.trust, now);
        loop {
            let needs: Vec<_> = match verification.poll(now) {
                Poll::Done(report) => return report,
                Poll::Needs(needs) => {
                    let answered =
                        |need: &countersign::verification::Need| (need.id, self.answer(&need.kind));
                    needs.iter().map(answered).collect()
                }
            };
            for (id, answer) in needs {
                verification.answer(id, answer);
            }
        }
    }

    fn answer(&self, kind: &NeedKind) -> Answer {
        match kind {
            NeedKind::Certificate { url, .. } => {
                let mut chains = self.chains.iter();
                let found = chains.find(|(at, _)| at == url);
                found.map_or(Answer::Unavailable(Unavailable::Offline), |(_, chain)| {
                    Answer::Certificate(Arc::clone(chain), Source::Cache)
                })
            }
            NeedKind::Resource { .. } => Answer::Resource(Arc::clone(&self.picture)),
            NeedKind::NumberAuthority { .. }
            | NeedKind::Status { .. }
            | NeedKind::TnAuthList { .. } => Answer::Unavailable(Unavailable::Offline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test verifies that what is measured is what it is called: the name and the picture are proven, the chain has six links.
    #[test]
    fn the_work_is_what_it_is_called() {
        let branded = Branded::new(&Workload::new(Crypto::Library));
        let report = branded.verify(0);
        let consequences = report.consequences().expect("something to show");
        let caller = consequences.caller.expect("a proven caller");
        assert_eq!(caller.name.as_deref(), Some("Q Branch Spy Gadgets"));
        assert!(caller.icon.is_some());

        let forwarded = Forwarded::new(Crypto::Library);
        assert_eq!(forwarded.verify(0).passports.len(), DIVERSIONS + 1);
    }
}
