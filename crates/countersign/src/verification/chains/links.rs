//! Which PASSporT of a call refers to which, found by what they say: a pure graph, in which nothing is judged but its shape.
//!
//! There are few of them, at most as many as Identity headers are judged in one request, so everything is looked at with everything.

use crate::identity::Identity;
use crate::passport::{Claims, Div, DivO, Extension};
use crate::verification::diversion::ChainBreak;
use crate::verification::inspect::Support;

/// A PASSporT, as far as links are concerned.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) token: &'a str,
    /// `None` if they cannot be read.
    pub(super) claims: Option<&'a Claims>,
    pub(super) support: Support,
    pub(super) nested_in: Option<usize>,
}

impl<'a> Node<'a> {
    fn div(&self) -> Option<&'a Div> {
        match &self.claims?.extension {
            Extension::Div(div) => Some(div),
            Extension::DivO(outer) => {
                let DivO { div, .. } = &**outer;
                Some(div)
            }
            _ => None,
        }
    }

    fn encloses(&self) -> bool {
        let extension = self.claims.map(|claims| &claims.extension);
        matches!(extension, Some(Extension::DivO(_)))
    }
}

/// What is wrong with the place of a PASSporT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It breaks the chain.
    Broken(ChainBreak),
    /// Another one breaks the chain.
    Elsewhere,
    /// What it refers to is not there.
    Incomplete,
}

/// Who refers to whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    joints: Vec<Joint>,
}

#[derive(Clone, Debug, Default)]
struct Joint {
    refers_to: Vec<usize>,
    referred_by: Vec<usize>,
    fault: Option<Fault>,
    /// Its chain is ignored: it begins with a type that nobody here knows.
    is_ignored: bool,
    /// From whom it diverts.
    from: Option<Identity>,
    /// To whom the first of its destinations.
    to: Option<Identity>,
}

impl Links {
    /// Finds them.
    pub(super) fn find(nodes: &[Node<'_>]) -> Self {
        let joints = nodes.iter().map(|node| Joint {
            is_ignored: node.support == Support::Ignored,
            from: node.div().map(|div| div.from.clone()),
            to: node.claims.and_then(|claims| claims.dest.iter().next()),
            ..Joint::default()
        });
        let mut links = Self {
            joints: joints.collect(),
        };
        for (at, node) in nodes.iter().enumerate() {
            if let Some(div) = node.div() {
                match node.encloses() {
                    true => links.enclose(at, nodes),
                    false => links.refer(at, div, nodes),
                }
            }
        }
        links.ignore(nodes);
        links.look_back();
        links.break_up(nodes);
        links.spread();
        links
    }

    /// Those that it refers to.
    pub(super) fn refers_to(&self, at: usize) -> &[usize] {
        self.joints.get(at).map_or(&[], |joint| &joint.refers_to)
    }

    /// Those that refer to it.
    pub(super) fn referred_by(&self, at: usize) -> &[usize] {
        self.joints.get(at).map_or(&[], |joint| &joint.referred_by)
    }

    /// What is wrong with its place.
    pub(super) fn fault(&self, at: usize) -> Option<Fault> {
        self.joints.get(at)?.fault
    }

    /// Whether its chain is ignored.
    pub(super) fn is_ignored(&self, at: usize) -> bool {
        self.joints.get(at).is_some_and(|joint| joint.is_ignored)
    }

    /// Who was called from here on, one after the other.
    pub(super) fn called_from(&self, at: usize) -> Vec<Identity> {
        let mut called = Vec::new();
        let mut here = self.referred_by(at).first();
        // A loop has an end, too.
        for _ in 0..self.joints.len() {
            let Some(joint) = here.and_then(|at| self.joints.get(*at)) else {
                break;
            };
            called.extend(joint.from.clone());
            here = joint.referred_by.first();
            if here.is_none() {
                called.extend(joint.to.clone());
            }
        }
        called
    }

    /// RFC 8946 §5.1: "the verification services MUST perform the same chain validation described in Section 4.2 to validate that each
    /// nested PASSporT shares the same "orig" field as its enclosing PASSporT and that the "dest" field of each nested PASSporT
    /// corresponds to the "div" field of its enclosing PASSporT."
    fn enclose(&mut self, at: usize, nodes: &[Node<'_>]) {
        let Some(inner) = nodes.iter().position(|node| node.nested_in == Some(at)) else {
            return;
        };
        if let (Some(outside), Some(div), Some(inside)) = (
            nodes.get(at).and_then(|node| node.claims),
            nodes.get(at).and_then(Node::div),
            nodes.get(inner).and_then(|node| node.claims),
        ) {
            if !inside.dest.contains(&div.from) {
                self.break_at(at, ChainBreak::NotTheOriginal);
            } else if inside.orig != outside.orig {
                self.break_at(at, ChainBreak::OrigChanged);
            }
        }
        if let Some(joint) = self.joints.get_mut(at) {
            joint.refers_to.push(inner);
        }
    }

    /// RFC 8946 §4.2: "For each "div" PASSporT, the verification service MUST find an earlier PASSporT that contains a "dest" claim with
    /// a value equivalent to the "div" claim in each "div" PASSporT." And: "If the "orig" value has changed, the verification service
    /// MUST treat the entire PASSporT chain as invalid."
    fn refer(&mut self, at: usize, div: &Div, nodes: &[Node<'_>]) {
        let orig = nodes
            .get(at)
            .and_then(|node| node.claims)
            .map(|one| &one.orig);
        let mut is_anothers = false;
        for (other, node) in nodes.iter().enumerate() {
            let Some(claims) = node.claims.filter(|claims| claims.dest.contains(&div.from)) else {
                continue;
            };
            if other == at {
                self.break_at(at, ChainBreak::Unchanged);
                continue;
            }
            match Some(&claims.orig) == orig {
                true => {
                    if let Some(joint) = self.joints.get_mut(at) {
                        joint.refers_to.push(other);
                    }
                }
                false => is_anothers = true,
            }
        }
        if let Some(joint) = self
            .joints
            .get_mut(at)
            .filter(|one| one.refers_to.is_empty())
        {
            let fault = match is_anothers {
                true => Fault::Broken(ChainBreak::OrigChanged),
                false => Fault::Incomplete,
            };
            joint.fault.get_or_insert(fault);
        }
    }

    /// RFC 8946 §4.2: "if the innermost PASSporT contains an unsupported "ppt", its chain MUST be ignored."
    fn ignore(&mut self, nodes: &[Node<'_>]) {
        for _ in nodes {
            let all_ignored = |joint: &Joint| {
                !joint.refers_to.is_empty()
                    && joint.refers_to.iter().all(|other| self.is_ignored(*other))
            };
            let at = self
                .joints
                .iter()
                .position(|one| !one.is_ignored && all_ignored(one));
            let Some(joint) = at.and_then(|at| self.joints.get_mut(at)) else {
                break;
            };
            joint.is_ignored = true;
        }
        // What is ignored is as if it were not there.
        let ignored: Vec<bool> = self.joints.iter().map(|joint| joint.is_ignored).collect();
        for joint in &mut self.joints {
            let is_there = |other: &usize| !ignored.get(*other).copied().unwrap_or_default();
            joint.refers_to.retain(is_there);
            if joint.is_ignored {
                joint.refers_to.clear();
                joint.fault = None;
            }
        }
    }

    fn look_back(&mut self) {
        let pairs: Vec<(usize, usize)> = self
            .joints
            .iter()
            .enumerate()
            .flat_map(|(at, joint)| joint.refers_to.iter().map(move |other| (*other, at)))
            .collect();
        for (other, at) in pairs {
            if let Some(joint) = self.joints.get_mut(other) {
                joint.referred_by.push(at);
            }
        }
    }

    fn break_at(&mut self, at: usize, cause: ChainBreak) {
        if let Some(joint) = self.joints.get_mut(at) {
            joint.fault.get_or_insert(Fault::Broken(cause));
        }
    }

    /// Loops, duplicates and forks.
    fn break_up(&mut self, nodes: &[Node<'_>]) {
        for (at, node) in nodes.iter().enumerate() {
            let is_twin = |other: &Node<'_>| other.div().is_some() && other.token == node.token;
            if node.div().is_some() && nodes.iter().filter(|other| is_twin(other)).count() > 1 {
                self.break_at(at, ChainBreak::Duplicate);
            }
            if self.reaches(at, at) {
                self.break_at(at, ChainBreak::Loop);
            }
            let siblings = self.referred_by(at).to_vec();
            if let Some(cause) = self.compare_siblings(&siblings, nodes) {
                for one in siblings {
                    self.break_at(one, cause);
                }
            }
        }
    }

    /// What is wrong with several diversions of one PASSporT.
    // RFC 8946 §4.1: "Provided that these PASSporTs share the same "orig" and "dest" values, the retargeting entity's authentication
    // service SHOULD generate only one "div" PASSporT. If the "orig" or "dest" of these PASSporTs differ, however, one "div" PASSporT SHOULD
    // be generated for each non-"div" PASSporT." So there may be as many that say the same as there are different ones that they refer to.
    fn compare_siblings(&self, siblings: &[usize], nodes: &[Node<'_>]) -> Option<ChainBreak> {
        let dest = |at: usize| Some(&nodes.get(at)?.claims?.dest);
        let (first, others) = siblings.split_first()?;
        if others.is_empty() {
            return None;
        }
        if others.iter().any(|other| dest(*other) != dest(*first)) {
            return Some(ChainBreak::Forked);
        }
        let mut referred: Vec<usize> = Vec::new();
        for one in siblings {
            referred.extend(self.refers_to(*one));
        }
        referred.sort_unstable();
        referred.dedup();
        let mut origins = Vec::new();
        for origin in referred.into_iter().map(dest) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        (siblings.len() > origins.len()).then_some(ChainBreak::Duplicate)
    }

    /// Whether one is reached from another, by at least one step back.
    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = vec![false; self.joints.len()];
        let mut open = self.refers_to(from).to_vec();
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if let Some(seen) = seen.get_mut(at)
                && !std::mem::replace(seen, true)
            {
                open.extend(self.refers_to(at));
            }
        }
        false
    }

    /// What one breaks is broken for all that are connected with it.
    fn spread(&mut self) {
        let is_broken = |joint: &Joint| matches!(joint.fault, Some(Fault::Broken(_)));
        let broken = self
            .joints
            .iter()
            .enumerate()
            .filter(|(_, joint)| is_broken(joint));
        let mut open: Vec<usize> = broken.map(|(at, _)| at).collect();
        let mut seen = vec![false; self.joints.len()];
        while let Some(at) = open.pop() {
            let (Some(seen), Some(joint)) = (seen.get_mut(at), self.joints.get_mut(at)) else {
                continue;
            };
            if std::mem::replace(seen, true) {
                continue;
            }
            if !is_broken(joint) {
                joint.fault = Some(Fault::Elsewhere);
            }
            open.extend(joint.refers_to.iter().chain(&joint.referred_by));
        }
    }
}
