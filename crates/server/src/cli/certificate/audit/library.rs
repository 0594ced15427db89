//! Every certificate that is known, and who may have issued whom.
//!
//! Parents are looked up by key identifier and by name in maps, so that ten thousand certificates are looked at ten thousand
//! times and not a hundred million times. A parent is one whose key has made the signature.

use countersign::certificate::signature::{self, SignatureFault};
use countersign::certificate::{AuthorityAlgorithms, Certificate};
use countersign::crypto::AwsLc;
use std::collections::HashMap;
use std::rc::Rc;

/// Most certificates of one key or name that are tried as the issuer of one certificate: an authority and the ones it was renewed
/// as. Ours to choose; without a bound a folder full of namesakes would cost the product.
pub(super) const MAX_PARENT_TRIES: usize = 8;

/// Most steps that are followed upwards: a loop of issuers ends there.
pub(super) const MAX_STEPS: usize = 16;

/// A certificate that is known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) certificate: Certificate,
    /// The file it was found in first; `None` for anchors that were named.
    pub(super) file: Option<Rc<str>>,
    pub(super) sha256: [u8; 32],
}

/// All of them, each once.
#[derive(Debug, Default)]
pub(super) struct Library {
    /// What its certificates may be signed with.
    algorithms: AuthorityAlgorithms,
    all: Vec<Known>,
    positions: HashMap<[u8; 32], usize>,
    by_key: HashMap<Box<[u8]>, Vec<usize>>,
    by_name: HashMap<Box<[u8]>, Vec<usize>>,
}

/// What was found above a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parents {
    /// These have signed it, the one that is valid longest first.
    Found(Vec<usize>),
    /// This one has signed it, and is not the certificate of an authority.
    NotAnAuthority(usize),
    /// There are certificates of its issuer's name, and none of them proves to have signed it: why not the first.
    Unproven(usize, SignatureFault),
    /// There is none.
    Missing,
    /// It is a root: it names itself.
    Root,
}

impl Library {
    /// An empty one, where these algorithms count.
    pub(super) fn new(algorithms: AuthorityAlgorithms) -> Self {
        Self {
            algorithms,
            ..Self::default()
        }
    }

    /// Takes a certificate in, if it is not known yet.
    pub(super) fn add(&mut self, certificate: Certificate, file: Option<Rc<str>>) {
        let sha256 = certificate.sha256();
        if self.positions.contains_key(&sha256) {
            return;
        }
        let position = self.all.len();
        self.positions.insert(sha256, position);
        if let Some(key) = certificate.ski() {
            self.by_key.entry(key.into()).or_default().push(position);
        }
        let name = certificate.subject().canonical();
        self.by_name.entry(name).or_default().push(position);
        self.all.push(Known {
            certificate,
            file,
            sha256,
        });
    }

    /// Everything is there: wherever there are several, authorities come first, and of them the one that is valid longest.
    pub(super) fn complete(&mut self) {
        let all = &self.all;
        let until = |position: &usize| {
            let known = all.get(*position);
            let rank = known.map(|known| {
                let certificate = &known.certificate;
                (certificate.is_ca(), certificate.validity().not_after)
            });
            std::cmp::Reverse(rank)
        };
        for positions in self.by_key.values_mut().chain(self.by_name.values_mut()) {
            positions.sort_by_key(until);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Each with its position, in the order found.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Known)> {
        self.all.iter().enumerate()
    }

    /// The one at this position.
    pub(super) fn get(&self, position: usize) -> Option<&Known> {
        self.all.get(position)
    }

    /// Who has issued `child`.
    pub(super) fn parents(&self, child: &Certificate) -> Parents {
        let same_key = child.aki().is_none_or(|wanted| child.ski() == Some(wanted));
        if child.is_self_issued() && same_key {
            return Parents::Root;
        }
        // RFC 9060 §4: "Every STIR delegate certificate identifies its parent certificate with a standard Authority Key Identifier
        // extension [RFC5280]." Others may do without one, and are looked for by name.
        let issuer = child.issuer().canonical();
        let candidates = match child.aki() {
            Some(key) => self.by_key.get(key),
            None => self.by_name.get(&issuer),
        };
        let named = |position: &&usize| {
            let known = self.get(**position);
            known.is_some_and(|known| known.certificate.subject().matches(child.issuer()))
        };
        let candidates: Vec<_> = candidates
            .into_iter()
            .flatten()
            .filter(named)
            .take(MAX_PARENT_TRIES)
            .copied()
            .collect();
        let (mut found, mut unproven) = (Vec::new(), None);
        for position in candidates {
            match self.verify(position, child) {
                Ok(()) => found.push(position),
                Err(fault) => {
                    unproven.get_or_insert((position, fault));
                }
            }
        }
        // A namesake with another key has not even been tried.
        let namesake = || Some((*self.by_name.get(&issuer)?.first()?, SignatureFault::Bad));
        let is_ca = |position: &usize| {
            self.get(*position)
                .is_some_and(|known| known.certificate.is_ca())
        };
        match (found.first(), unproven.or_else(namesake)) {
            (Some(first), _) if !is_ca(first) => Parents::NotAnAuthority(*first),
            (Some(_), _) => Parents::Found(found.into_iter().filter(is_ca).collect()),
            (None, Some((position, fault))) => Parents::Unproven(position, fault),
            (None, None) => Parents::Missing,
        }
    }

    fn verify(&self, position: usize, child: &Certificate) -> Result<(), SignatureFault> {
        let parent = self.get(position).ok_or(SignatureFault::Bad)?;
        let key = parent.certificate.public_key();
        signature::verify(child.signed(), key, self.algorithms, &AwsLc)
    }
}
