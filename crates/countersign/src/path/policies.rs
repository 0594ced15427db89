//! Whether a certificate policy holds for a path where one must: [RFC 5280 §6.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1)
//! in the form of [RFC 9618 §5](https://www.rfc-editor.org/rfc/rfc9618#section-5).
//!
//! The graph has one node per policy and certificate, so it grows with the certificates and not with the paths through them.
//! Where nobody demands a policy nothing is computed: the outcome could not be a refusal.

use super::PathFault;
use super::walker::{Link, Links};
use crate::certificate::policies::ANY_POLICY;
use crate::certificate::rules::{ExplicitPolicy, Initially, PolicyRules};
use crate::certificate::{Certificate, PolicyLimits};
use const_oid::ObjectIdentifier;

/// Judges the policies of a path.
pub(super) fn judge(links: &Links<'_>, rules: &PolicyRules) -> Result<(), PathFault> {
    let demands = |certificate: &Certificate| {
        certificate
            .policy_limits()
            .is_some_and(|limits| limits.require_explicit.is_some())
    };
    let demanded = rules.explicit_policy == ExplicitPolicy::Required
        || demands(links.anchor)
        || links.downwards().any(|link| demands(link.certificate));
    if !demanded {
        return Ok(());
    }
    let mut state = State::new(links, rules);
    for link in links.downwards() {
        state.process(&link)?;
    }
    Ok(())
}

/// The state variables of RFC 5280 §6.1.2 (a) and (d) to (f). Counters count certificates that are still to come.
struct State<'r> {
    rules: &'r PolicyRules,
    graph: Graph,
    explicit_policy: u64,
    inhibit_any_policy: u64,
    policy_mapping: u64,
}

impl<'r> State<'r> {
    fn new(links: &Links<'_>, rules: &'r PolicyRules) -> Self {
        // RFC 5280 §6.1.2 (d): "If initial-explicit-policy is set, then the initial value is 0, otherwise the initial value is n+1."
        let unset = links.len() as u64 + 1;
        let initial = |is_set: bool| if is_set { 0 } else { unset };
        let mut state = Self {
            rules,
            graph: Graph::initial(),
            explicit_policy: initial(rules.explicit_policy == ExplicitPolicy::Required),
            inhibit_any_policy: initial(rules.any_policy == Initially::Inhibited),
            policy_mapping: initial(rules.mapping == Initially::Inhibited),
        };
        // RFC 6818 §4: "Implementations are free to make use of any additional information that is included in a trust anchor
        // representation". An anchor that limits the paths below it is obeyed.
        if let Some(limits) = links.anchor.policy_limits() {
            state.lower(limits);
        }
        state
    }

    fn process(&mut self, link: &Link<'_>) -> Result<(), PathFault> {
        let certificate = link.certificate;
        let is_self_issued = certificate.is_self_issued();
        // RFC 9618 §5.3 (d) (2): "either (a) inhibit_anyPolicy is greater than 0 or (b) i<n and the certificate is self-issued"
        let any_counts = self.inhibit_any_policy > 0 || !link.is_final && is_self_issued;
        self.graph.descend(certificate.policies(), any_counts);
        let refused = Err(PathFault::NoPolicy { step: link.step });
        // RFC 9618 §5.3 (f): "Verify that either explicit_policy is greater than 0 or the valid_policy_graph is not equal to NULL."
        if self.explicit_policy == 0 && self.graph.is_null() {
            return refused;
        }
        let limits = certificate.policy_limits();
        if link.is_final {
            // RFC 5280 §6.1.5 (a) and (b).
            self.explicit_policy = self.explicit_policy.saturating_sub(1);
            if limits.is_some_and(|limits| limits.require_explicit == Some(0)) {
                self.explicit_policy = 0;
            }
            // RFC 9618 §5.5: "If either (1) the value of explicit_policy is greater than zero, or (2) the
            // user_constrained_policy_set is not empty, then path processing has succeeded."
            return match self.explicit_policy > 0 || self.graph.holds_one_of(&self.rules.acceptable)
            {
                true => Ok(()),
                false => refused,
            };
        }
        if let Some(limits) = limits {
            self.graph.map(limits, self.policy_mapping);
        }
        // RFC 5280 §6.1.4 (h): "If certificate i is not self-issued"
        if !is_self_issued {
            for counter in [
                &mut self.explicit_policy,
                &mut self.policy_mapping,
                &mut self.inhibit_any_policy,
            ] {
                *counter = counter.saturating_sub(1);
            }
        }
        if let Some(limits) = limits {
            self.lower(limits);
        }
        Ok(())
    }

    /// RFC 5280 §6.1.4 (i) and (j): "If [...] is present and is less than [...], set".
    fn lower(&mut self, limits: &PolicyLimits) {
        for (counter, limit) in [
            (&mut self.explicit_policy, limits.require_explicit),
            (&mut self.policy_mapping, limits.inhibit_mapping),
            (&mut self.inhibit_any_policy, limits.inhibit_any),
        ] {
            *counter = limit.map_or(*counter, |limit| limit.min(*counter));
        }
    }
}

/// valid_policy_graph of RFC 9618 §5.2: the nodes of each depth. Nodes without children are not pruned on the way; they are left out
/// of account at the end, which is the same, because only the deepest ones get children.
struct Graph {
    depths: Vec<Vec<Node>>,
}

struct Node {
    valid_policy: ObjectIdentifier,
    expected_policy_set: Vec<ObjectIdentifier>,
    /// Places among the nodes one depth above.
    parents: Vec<usize>,
}

impl Node {
    fn new(policy: ObjectIdentifier, parents: Vec<usize>) -> Self {
        Self {
            valid_policy: policy,
            expected_policy_set: vec![policy],
            parents,
        }
    }
}

impl Graph {
    fn initial() -> Self {
        Self {
            depths: vec![vec![Node::new(ANY_POLICY, Vec::new())]],
        }
    }

    fn deepest(&self) -> &[Node] {
        self.depths.last().map(Vec::as_slice).unwrap_or_default()
    }

    fn is_null(&self) -> bool {
        self.deepest().is_empty()
    }

    /// RFC 9618 §5.3 (d) and (e): the nodes for the next certificate. Without policies there are none.
    fn descend(&mut self, policies: &[ObjectIdentifier], any_counts: bool) {
        let above = self.deepest();
        let any_above = above
            .iter()
            .position(|node| node.valid_policy == ANY_POLICY);
        let mut nodes: Vec<Node> = Vec::new();
        for policy in policies.iter().filter(|policy| **policy != ANY_POLICY) {
            let parents = expecting(above, policy);
            match (parents.is_empty(), any_above) {
                (false, _) => nodes.push(Node::new(*policy, parents)),
                (true, Some(any)) => nodes.push(Node::new(*policy, vec![any])),
                (true, None) => {}
            }
        }
        if any_counts && policies.contains(&ANY_POLICY) {
            for policy in above.iter().flat_map(|node| &node.expected_policy_set) {
                if !nodes.iter().any(|node| node.valid_policy == *policy) {
                    nodes.push(Node::new(*policy, expecting(above, policy)));
                }
            }
        }
        self.depths.push(nodes);
    }

    /// RFC 9618 §5.4 (b).
    fn map(&mut self, limits: &PolicyLimits, policy_mapping: u64) {
        let any_above = self.depths.iter().nth_back(1).and_then(|above| {
            above
                .iter()
                .position(|node| node.valid_policy == ANY_POLICY)
        });
        let Some(nodes) = self.depths.last_mut() else {
            return;
        };
        if policy_mapping == 0 {
            let is_mapped = |node: &Node| {
                limits
                    .mappings
                    .iter()
                    .any(|(from, _)| *from == node.valid_policy)
            };
            nodes.retain(|node| !is_mapped(node));
            return;
        }
        let any_here = nodes.iter().any(|node| node.valid_policy == ANY_POLICY);
        for (from, _) in &limits.mappings {
            let equivalent = limits.mappings.iter().filter(|(other, _)| other == from);
            let expected_policy_set = equivalent.map(|(_, to)| *to).collect();
            match nodes.iter_mut().find(|node| node.valid_policy == *from) {
                Some(node) => node.expected_policy_set = expected_policy_set,
                None if any_here => nodes.push(Node {
                    valid_policy: *from,
                    expected_policy_set,
                    parents: any_above.into_iter().collect(),
                }),
                None => {}
            }
        }
    }

    /// RFC 9618 §5.5 (g): whether user_constrained_policy_set has anything in it; an empty `acceptable` stands for any-policy.
    fn holds_one_of(&self, acceptable: &[ObjectIdentifier]) -> bool {
        if self.is_null() || acceptable.is_empty() || acceptable.contains(&ANY_POLICY) {
            return !self.is_null();
        }
        let mut alive: Vec<bool> = vec![true; self.deepest().len()];
        let any_at_the_end = |node: &Node| node.valid_policy == ANY_POLICY;
        if self.deepest().iter().any(any_at_the_end) {
            return true;
        }
        for (above, nodes) in self.depths.iter().zip(self.depths.iter().skip(1)).rev() {
            let mut alive_above = vec![false; above.len()];
            for (node, _) in nodes.iter().zip(&alive).filter(|(_, alive)| **alive) {
                // (2): "the set of policy nodes whose valid_policy is not anyPolicy and whose parent list is a single node with
                // valid_policy of anyPolicy."
                let below_any = match node.parents.as_slice() {
                    [only] => above.get(*only).is_some_and(any_at_the_end),
                    _ => false,
                };
                if below_any && acceptable.contains(&node.valid_policy) {
                    return true;
                }
                for parent in &node.parents {
                    if let Some(parent) = alive_above.get_mut(*parent) {
                        *parent = true;
                    }
                }
            }
            alive = alive_above;
        }
        false
    }
}

/// The nodes that expect `policy`.
fn expecting(nodes: &[Node], policy: &ObjectIdentifier) -> Vec<usize> {
    let places = nodes.iter().enumerate();
    places
        .filter(|(_, node)| node.expected_policy_set.contains(policy))
        .map(|(place, _)| place)
        .collect()
}

#[cfg(test)]
mod tests;
