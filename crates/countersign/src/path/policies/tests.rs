//! The graph of RFC 9618 against the tree of RFC 5280, and against a certificate authority that wants it to grow.
//!
//! ```text
//!     policies, mappings ─┬─▶ graph: a node per policy and certificate ─┐
//!                         └─▶ tree: a node per way to a policy          ─┴─ the same answer
//! ```

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// valid_policy_tree as RFC 5280 §6.1 has it, without qualifiers: the nodes of the deepest level, each with its way from the root.
struct Tree {
    deepest: Vec<Leaf>,
}

#[derive(Clone)]
struct Leaf {
    /// valid_policy of each node from the root to this one.
    way: Vec<ObjectIdentifier>,
    expected: Vec<ObjectIdentifier>,
}

impl Leaf {
    fn child(&self, policy: ObjectIdentifier) -> Self {
        Self {
            way: [self.way.as_slice(), &[policy]].concat(),
            expected: vec![policy],
        }
    }

    fn policy(&self) -> ObjectIdentifier {
        *self.way.last().unwrap()
    }
}

impl Tree {
    fn initial() -> Self {
        let root = Leaf {
            way: vec![ANY_POLICY],
            expected: vec![ANY_POLICY],
        };
        Self {
            deepest: vec![root],
        }
    }

    /// RFC 5280 §6.1.3 (d) and (e).
    fn descend(&mut self, policies: &[ObjectIdentifier], any_counts: bool) {
        let mut children = Vec::new();
        for policy in policies.iter().filter(|policy| **policy != ANY_POLICY) {
            let expecting = |leaf: &&Leaf| leaf.expected.contains(policy);
            let matched: Vec<_> = self.deepest.iter().filter(expecting).collect();
            let any = || {
                self.deepest
                    .iter()
                    .filter(|leaf| leaf.policy() == ANY_POLICY)
            };
            let parents = match matched.is_empty() {
                false => matched,
                true => any().collect(),
            };
            children.extend(parents.iter().map(|leaf| leaf.child(*policy)));
        }
        if any_counts && policies.contains(&ANY_POLICY) {
            for leaf in &self.deepest {
                for policy in &leaf.expected {
                    let child = leaf.child(*policy);
                    if !children.iter().any(|other: &Leaf| other.way == child.way) {
                        children.push(child);
                    }
                }
            }
        }
        self.deepest = children;
    }

    /// RFC 5280 §6.1.4 (b).
    fn map(&mut self, limits: &PolicyLimits, policy_mapping: u64) {
        for (from, _) in &limits.mappings {
            let equivalent = limits.mappings.iter().filter(|(other, _)| other == from);
            let expected: Vec<_> = equivalent.map(|(_, to)| *to).collect();
            if policy_mapping == 0 {
                self.deepest.retain(|leaf| leaf.policy() != *from);
                continue;
            }
            let mut mapped = false;
            for leaf in self
                .deepest
                .iter_mut()
                .filter(|leaf| leaf.policy() == *from)
            {
                leaf.expected.clone_from(&expected);
                mapped = true;
            }
            let any = self.deepest.iter().find(|leaf| leaf.policy() == ANY_POLICY);
            if let (false, Some(any)) = (mapped, any) {
                let mut way = any.way.clone();
                *way.last_mut().unwrap() = *from;
                self.deepest.push(Leaf { way, expected });
            }
        }
    }

    /// RFC 5280 §6.1.5 (g): what is left of the tree by these policies.
    fn holds_one_of(&self, acceptable: &[ObjectIdentifier]) -> bool {
        let below_any = |leaf: &Leaf| leaf.way.iter().copied().find(|one| *one != ANY_POLICY);
        self.deepest.iter().any(|leaf| match below_any(leaf) {
            // A node of depth n with anyPolicy becomes one for each acceptable policy.
            None => true,
            Some(policy) => acceptable.is_empty() || acceptable.contains(&policy),
        })
    }
}

/// anyPolicy and a few others.
fn policy(number: u32) -> ObjectIdentifier {
    match number {
        0 => ANY_POLICY,
        number => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.2.1.48")
            .push_arc(number)
            .unwrap(),
    }
}

fn mapping(pairs: &[(u32, u32)]) -> PolicyLimits {
    PolicyLimits {
        mappings: pairs
            .iter()
            .map(|(from, to)| (policy(*from), policy(*to)))
            .collect(),
        ..PolicyLimits::default()
    }
}

proptest! {
    /// Whatever four certificates say about four policies, both come to the same answer.
    #[test]
    fn graph_and_tree_agree(
        steps in vec((vec(0_u32..5, 0..5), any::<bool>(), vec((1_u32..5, 1_u32..5), 0..4), 0_u64..2), 1..5),
        acceptable in vec(1_u32..5, 0..3),
    ) {
        let (mut graph, mut tree) = (Graph::initial(), Tree::initial());
        let last = steps.len() - 1;
        for (place, (policies, any_counts, pairs, policy_mapping)) in steps.into_iter().enumerate() {
            let mut policies: Vec<_> = policies.into_iter().map(policy).collect();
            policies.sort();
            policies.dedup();
            graph.descend(&policies, any_counts);
            tree.descend(&policies, any_counts);
            prop_assert_eq!(graph.is_null(), tree.deepest.is_empty());
            if place < last {
                let limits = mapping(&pairs);
                graph.map(&limits, policy_mapping);
                tree.map(&limits, policy_mapping);
                prop_assert_eq!(graph.is_null(), tree.deepest.is_empty());
            }
        }
        let acceptable: Vec<_> = acceptable.into_iter().map(policy).collect();
        prop_assert_eq!(graph.holds_one_of(&acceptable), tree.holds_one_of(&acceptable));
    }
}

/// RFC 9618 §1: eight policies, each mapped to all of them by ten certificates, are 8^10 nodes of a tree.
#[test]
fn what_multiplies_in_the_tree_adds_up_in_the_graph() {
    let policies: Vec<_> = (1..9).map(policy).collect();
    let all: Vec<_> = (1..9)
        .flat_map(|from| (1..9).map(move |to| (from, to)))
        .collect();
    let mut graph = Graph::initial();
    for _ in 0..10 {
        graph.descend(&policies, true);
        graph.map(&mapping(&all), 1);
    }
    let nodes: usize = graph.depths.iter().map(Vec::len).sum();
    assert_eq!(nodes, 1 + 10 * 8);
    assert!(graph.holds_one_of(&[policy(8)]) && !graph.holds_one_of(&[policy(9)]));
}
