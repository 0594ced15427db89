//! Lists of certificates out of a heap: who may have certified whom, tried until a list is proven.

use countersign::certificate::{Certificate, CertificateChain};
use countersign::crypto::AwsLc;
use countersign::path::{self, PathFault};
use countersign::time::UnixTime;
use countersign::trust::{Anchor, Standing, Trust};
use std::collections::HashMap;
use std::fmt;

/// Most certificates between the first and the anchor.
const MAX_DEPTH: usize = 6;

/// Most lists tried for one certificate.
const MAX_TRIES: usize = 64;

/// Authorities by name, and whom we believe.
pub(crate) struct Pool<'a> {
    by_name: HashMap<String, Vec<&'a Certificate>>,
    trust: Trust,
    authorities: usize,
}

/// What came of the lists of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    /// One leads to an anchor.
    Proven,
    /// None does.
    Refused,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proven => "proven",
            Self::Refused => "refused",
        })
    }
}

/// An outcome and the words for it.
pub(crate) struct Found {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
}

/// The search above one certificate.
struct Search<'p, 'a> {
    pool: &'p Pool<'a>,
    list: Vec<&'a Certificate>,
    tries: usize,
    /// What the longest list failed with.
    fault: Option<(usize, PathFault)>,
}

impl<'a> Pool<'a> {
    pub(crate) fn new(
        certificates: impl Iterator<Item = &'a Certificate>,
        anchors: &[Certificate],
    ) -> Self {
        let mut by_name: HashMap<String, Vec<&Certificate>> = HashMap::new();
        let mut authorities = 0;
        for certificate in certificates.filter(|one| one.is_ca()) {
            authorities += 1;
            by_name
                .entry(certificate.subject().to_string())
                .or_default()
                .push(certificate);
        }
        let anchors = anchors.iter().cloned();
        let anchors = anchors.filter_map(|one| Anchor::new(one, Standing::Public).ok());
        Self {
            by_name,
            trust: Trust::new("judged", 1, anchors.collect()),
            authorities,
        }
    }

    /// How many authorities and anchors there are.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.authorities, self.trust.anchors().len())
    }

    /// The verdict over the best list that can be made for `certificate`.
    pub(crate) fn judge(&self, certificate: &'a Certificate) -> Found {
        let mut search = Search {
            pool: self,
            list: vec![certificate],
            tries: 0,
            fault: None,
        };
        match search.climb() {
            true => Found {
                outcome: Outcome::Proven,
                detail: "proven".to_owned(),
            },
            false => Found {
                outcome: Outcome::Refused,
                detail: search
                    .fault
                    .map_or_else(|| "no list".to_owned(), |(_, fault)| fault.to_string()),
            },
        }
    }
}

impl<'a> Search<'_, 'a> {
    /// Judges the list as it is, then with every possible issuer on top of it.
    fn climb(&mut self) -> bool {
        if self.tries == MAX_TRIES {
            return false;
        }
        self.tries += 1;
        match self.verdict() {
            Ok(()) => return true,
            Err(fault) => {
                if self
                    .fault
                    .as_ref()
                    .is_none_or(|(length, _)| self.list.len() >= *length)
                {
                    self.fault = Some((self.list.len(), fault));
                }
            }
        }
        let Some(last) = self.list.last().copied() else {
            return false;
        };
        if self.list.len() > MAX_DEPTH {
            return false;
        }
        let issuers = self.pool.by_name.get(&last.issuer().to_string());
        for issuer in issuers.into_iter().flatten() {
            let fits = last
                .aki()
                .zip(issuer.ski())
                .is_none_or(|(wanted, found)| wanted == found);
            if !fits || self.list.contains(issuer) {
                continue;
            }
            self.list.push(issuer);
            if self.climb() {
                return true;
            }
            self.list.pop();
        }
        false
    }

    fn verdict(&self) -> Result<(), PathFault> {
        let ders = self.list.iter().map(|one| one.as_der());
        let Ok(chain) = CertificateChain::from_der(ders) else {
            return Err(PathFault::Untrusted {
                issuer: Box::default(),
            });
        };
        path::verify(&chain, &self.pool.trust, self.moment(), &AwsLc).map(|_| ())
    }

    /// A time at which all of the list is valid, the anchor's included if it is known by name; or the end entity's last second.
    fn moment(&self) -> UnixTime {
        let anchors = self.pool.trust.anchors().iter().map(Anchor::certificate);
        let last = self.list.last().copied();
        let above =
            anchors.filter(|one| last.is_some_and(|last| one.subject().matches(last.issuer())));
        let validities = self
            .list
            .iter()
            .copied()
            .chain(above)
            .map(Certificate::validity);
        let begins = validities.map(|one| one.not_before).max();
        begins.unwrap_or_default()
    }
}
