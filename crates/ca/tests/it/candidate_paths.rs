//! From a heap of certificates to lists that may lead to an anchor, for suites that hand out heaps.
//!
//! ```text
//!     target ──▶ who bears its issuer's name? ──▶ ... ──▶ an anchor of that name
//! ```
//!
//! The verifier takes a list as it is (RFC 9060 §6); whoever makes the list has to find one. Here all are tried.

use countersign::certificate::Certificate;
use countersign::trust::Anchor;

/// Most certificates of one list. Longer than any list that is taken, so that those are refused by the verifier and not here.
const MAX_LENGTH: usize = 128;
/// Most steps of one search.
const MAX_STEPS: usize = 500;

/// Certificates in no order, each with those that may have certified it.
pub(crate) struct Heap {
    certificates: Vec<Certificate>,
    issuers: Vec<Vec<usize>>,
}

impl Heap {
    pub(crate) fn new(certificates: Vec<Certificate>) -> Self {
        let issuers = certificates.iter().map(|one| issuers(one, &certificates));
        Self {
            issuers: issuers.collect(),
            certificates,
        }
    }

    /// Every list from `target` to one of `anchors`, within bounds; if there is none, everything as it was given.
    pub(crate) fn lists(&self, target: &Certificate, anchors: &[Anchor]) -> Vec<Vec<Certificate>> {
        let mut search = Search {
            heap: self,
            anchors,
            found: Vec::new(),
            steps: 0,
        };
        search.extend(
            &mut Vec::new(),
            target,
            &issuers(target, &self.certificates),
        );
        let list = |places: Vec<usize>| {
            let above = places
                .into_iter()
                .map(|place| self.certificates[place].clone());
            [target.clone()].into_iter().chain(above).collect()
        };
        match search.found.is_empty() {
            true => vec![list((0..self.certificates.len()).collect())],
            false => search.found.into_iter().map(list).collect(),
        }
    }

    /// Every certificate that may stand on some list above `target`.
    pub(crate) fn above(&self, target: &Certificate) -> Vec<&Certificate> {
        let mut places = issuers(target, &self.certificates);
        let mut next = 0;
        while let Some(place) = places.get(next).copied() {
            let new = self.issuers[place]
                .iter()
                .filter(|one| !places.contains(one));
            places.extend(new.copied().collect::<Vec<_>>());
            next += 1;
        }
        places
            .iter()
            .map(|place| &self.certificates[*place])
            .collect()
    }
}

struct Search<'a> {
    heap: &'a Heap,
    anchors: &'a [Anchor],
    found: Vec<Vec<usize>>,
    steps: usize,
}

impl Search<'_> {
    fn extend(&mut self, list: &mut Vec<usize>, last: &Certificate, above: &[usize]) {
        self.steps += 1;
        if self.steps > MAX_STEPS || list.len() > MAX_LENGTH {
            return;
        }
        let ends = self.anchors.iter().any(|anchor| {
            let anchor = anchor.certificate();
            anchor == last || may_certify(anchor, last)
        });
        if ends {
            self.found.push(list.clone());
        }
        for next in above
            .iter()
            .filter(|next| !list.contains(next))
            .copied()
            .collect::<Vec<_>>()
        {
            list.push(next);
            let heap = self.heap;
            self.extend(list, &heap.certificates[next], &heap.issuers[next]);
            list.pop();
        }
    }
}

fn issuers(subject: &Certificate, heap: &[Certificate]) -> Vec<usize> {
    let places = heap.iter().enumerate();
    places
        .filter(|(_, one)| *one != subject && may_certify(one, subject))
        .map(|(place, _)| place)
        .collect()
}

fn may_certify(issuer: &Certificate, subject: &Certificate) -> bool {
    let keys_agree = subject.aki().zip(issuer.ski());
    keys_agree.is_none_or(|(wanted, found)| wanted == found)
        && issuer.subject().matches(subject.issuer())
}
