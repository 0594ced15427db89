//! What is counted of next hops. The operator has named them all; an address that a name led to is told with its trunk, and there are
//! no more of them than routes lead to.

use super::{Family, Gauges};
use std::fmt;

/// What is counted of next hops.
#[derive(Debug)]
pub struct NextHopMetrics {
    /// Lookups of their names, by outcome: `ok`, or why there was no answer.
    pub lookups: Family<1>,
    /// How many addresses each name led to.
    pub addresses: Gauges<1>,
}

impl Default for NextHopMetrics {
    fn default() -> Self {
        Self {
            lookups: Family::new(
                "countersign_next_hop_lookups_total",
                "Lookups of names of next hops by outcome.",
                ["outcome"],
            ),
            addresses: Gauges::new(
                "countersign_next_hop_addresses",
                "Addresses that the name of a next hop led to.",
                ["next_hop"],
            ),
        }
    }
}

impl NextHopMetrics {
    /// Forgets all names: another configuration has others.
    pub fn forget_names(&self) {
        self.addresses.clear();
    }

    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        self.lookups.write(out)?;
        self.addresses.write(out)
    }
}
