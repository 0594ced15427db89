//! What is told of a chain of diversions: [RFC 8946](https://www.rfc-editor.org/rfc/rfc8946), where a PASSporT stands in one, and
//! why one is none.
//!
//! How chains are found and judged: `chains`.

use std::fmt;

/// Where a PASSporT stands in a chain of diversions. The others are told by their place among the reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Those that it refers to: their `dest` names who its `div` says was called before. None for an innermost one, which is the
    /// one that speaks for the call as it began.
    pub refers_to: Vec<usize>,
    /// Those that refer to it. None for an outermost one, whose `dest` is whom the call is for now.
    pub referred_by: Vec<usize>,
    /// The one that has it inside, in `opt`.
    pub nested_in: Option<usize>,
}

/// Why PASSporTs that should make a chain make none. Alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainBreak {
    /// Two PASSporTs say the same.
    Duplicate,
    /// Two PASSporTs divert the call from one called party to two.
    Forked,
    /// Followed back, it comes to itself.
    Loop,
    /// There are more PASSporTs inside than we judge.
    NestedTooDeep,
    /// The PASSporT inside is not one that the outer one can refer to: its `dest` does not name who was called before.
    NotTheOriginal,
    /// The caller is not the one of the PASSporT that it refers to.
    OrigChanged,
    /// It diverts from somebody to the same one.
    Unchanged,
}

impl fmt::Display for ChainBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "two say the same",
            Self::Forked => "two divert the call from one called party to two",
            Self::Loop => "followed back, it comes to itself",
            Self::NestedTooDeep => "there are more inside than we judge",
            Self::NotTheOriginal => "the one inside is not what it was diverted from",
            Self::OrigChanged => "the caller is not that of the one before",
            Self::Unchanged => "it diverts from somebody to the same one",
        })
    }
}
