//! Which PASSporT of a call refers to which, found by what they say: a pure graph, in which nothing is judged but its shape.
//!
//! There are few of them, at most as many as Identity headers are judged in one request, so everything is looked at with everything.

use crate::identity::Identity;
use crate::passport::{Claims, Div, DivO, Extension};
use crate::verification::diversion::{ChainBreak, ChainReport};
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
    /// Where a call that was somebody's twice came in the end.
    end: Option<Identity>,
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
        links.find_ways(nodes);
        links.spread();
        links
    }

    /// Where one stands, for those who want to know.
    pub(super) fn report(&self, at: usize, nested_in: Option<usize>) -> ChainReport {
        ChainReport {
            refers_to: self.refers_to(at).to_vec(),
            referred_by: self.referred_by(at).to_vec(),
            nested_in,
        }
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

    /// Where the call came in the end that was somebody's twice, if there is a way that takes each diversion once.
    pub(super) fn end(&self, at: usize) -> Option<&Identity> {
        self.joints.get(at)?.end.as_ref()
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

    /// Circles that the call may have left again.
    fn find_ways(&mut self, nodes: &[Node<'_>]) {
        let mut seen = vec![false; nodes.len()];
        for at in 0..nodes.len() {
            let is_loop = self.fault(at) == Some(Fault::Broken(ChainBreak::Loop));
            if !is_loop || seen.get(at).copied().unwrap_or_default() {
                continue;
            }
            let members = self.connected(at);
            for one in &members {
                if let Some(seen) = seen.get_mut(*one) {
                    *seen = true;
                }
            }
            let Some(end) = self.end_of_way(&members, nodes) else {
                continue;
            };
            for one in members {
                if let Some(joint) = self.joints.get_mut(one) {
                    joint.end = Some(end.clone());
                }
            }
        }
    }

    /// There is no way by one that is bad.
    pub(super) fn close_ways(&mut self, bad: impl Iterator<Item = usize>) {
        for at in bad {
            for one in self.connected(at) {
                if let Some(joint) = self.joints.get_mut(one) {
                    joint.end = None;
                }
            }
        }
    }

    /// Where a way ends that begins with the originals and takes each diversion of these once. There is one if, and only if, the call left
    /// everybody as often as it came to them, but the first once more and the last once less.
    fn end_of_way(&self, members: &[usize], nodes: &[Node<'_>]) -> Option<Identity> {
        let (mut left, mut reached, mut first) = (Vec::new(), Vec::new(), None);
        for at in members {
            if !matches!(
                self.fault(*at),
                None | Some(Fault::Broken(ChainBreak::Loop | ChainBreak::Forked))
            ) {
                return None;
            }
            let node = nodes.get(*at)?;
            let mut dest = node.claims?.dest.iter();
            let (Some(to), None) = (dest.next(), dest.next()) else {
                return None;
            };
            match node.div() {
                Some(div) => {
                    left.push(div.from.clone());
                    reached.push(to);
                }
                // Several originals are one beginning.
                None if *first.get_or_insert_with(|| to.clone()) != to => return None,
                None => {}
            }
        }
        reached.push(first?);
        // Whoever was reached, and not left as often.
        for one in left {
            let at = reached.iter().position(|other| *other == one)?;
            reached.swap_remove(at);
        }
        reached.pop()
    }

    /// All that are connected with it, itself among them.
    fn connected(&self, at: usize) -> Vec<usize> {
        let mut connected = vec![at];
        let mut looked_at = 0;
        while let Some(next) = connected.get(looked_at).copied() {
            for other in self.refers_to(next).iter().chain(self.referred_by(next)) {
                if !connected.contains(other) {
                    connected.push(*other);
                }
            }
            looked_at += 1;
        }
        connected
    }

    /// What one breaks is broken for all that are connected with it.
    fn spread(&mut self) {
        let is_broken = |joint: &Joint| matches!(joint.fault, Some(Fault::Broken(_)));
        let broken = self
            .joints
            .iter()
            .enumerate()
            .filter(|(_, joint)| is_broken(joint));
        let broken: Vec<usize> = broken.map(|(at, _)| at).collect();
        for at in broken
            .into_iter()
            .flat_map(|at| self.connected(at))
            .collect::<Vec<_>>()
        {
            if let Some(joint) = self.joints.get_mut(at).filter(|joint| !is_broken(joint)) {
                joint.fault = Some(Fault::Elsewhere);
            }
        }
    }
}
