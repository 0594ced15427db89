//! Numbers that several holders may speak for: information, because nothing forbids it and somebody should know.
//!
//! One sweep over the blocks of all end entities, sorted by where they begin. It keeps the block that reaches furthest and the one
//! of another holder that does, and so names for every block an earlier one of somebody else if there is any, without
//! comparing each with each.

use super::library::Library;
use countersign::number::TelephoneNumber;

/// A block of numbers of one length, and whose it is.
#[derive(Debug)]
struct Block {
    /// Digits of each number.
    length: usize,
    first: u64,
    last: u64,
    holder: String,
    position: usize,
}

/// Two certificates of different holders that list some of the same numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    /// Which certificate.
    pub(super) position: usize,
    /// The other one, whose block begins no later.
    pub(super) other: usize,
    /// The first number that both list.
    pub(super) at: String,
}

/// At most one overlap for each certificate.
pub(super) fn find(library: &Library) -> Vec<Overlap> {
    let mut blocks = blocks(library);
    blocks.sort_by_key(|block| (block.length, block.first, block.last));
    let mut found: Vec<Overlap> = Vec::new();
    let mut seen = vec![false; library.len()];
    let (mut furthest, mut other): (Option<&Block>, Option<&Block>) = (None, None);
    for block in &blocks {
        let earlier = [furthest, other].into_iter().flatten();
        let somebody_elses = earlier
            .filter(|one| one.holder != block.holder)
            .find(|one| reaches(one, block));
        let seen = seen.get_mut(block.position);
        if let (Some(earlier), Some(seen)) = (somebody_elses, seen)
            && !std::mem::replace(seen, true)
        {
            found.push(Overlap {
                position: block.position,
                other: earlier.position,
                at: written(block),
            });
        }
        (furthest, other) = further(block, furthest, other);
    }
    found
}

/// The block that reaches furthest, and the one of another holder that does.
fn further<'a>(
    block: &'a Block,
    furthest: Option<&'a Block>,
    other: Option<&'a Block>,
) -> (Option<&'a Block>, Option<&'a Block>) {
    let Some(first) = furthest.filter(|first| first.length == block.length) else {
        return (Some(block), None);
    };
    if block.last > first.last {
        let other = if first.holder == block.holder {
            other
        } else {
            Some(first)
        };
        return (Some(block), other);
    }
    if block.holder != first.holder && other.is_none_or(|other| block.last > other.last) {
        return (furthest, Some(block));
    }
    (furthest, other)
}

fn reaches(earlier: &Block, block: &Block) -> bool {
    earlier.length == block.length && earlier.last >= block.first
}

fn blocks(library: &Library) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (position, known) in library.iter() {
        let certificate = &known.certificate;
        // An authority has the numbers of those below it, of course.
        let Some(list) = certificate.tn_auth_list().filter(|_| !certificate.is_ca()) else {
            continue;
        };
        let holder = certificate.subject().to_string().to_lowercase();
        for (start, count) in list.numbers().blocks() {
            // Numbers with a star or a hash are single and nobody's block.
            let Some((length, first)) = value(start) else {
                continue;
            };
            blocks.push(Block {
                length,
                first,
                last: first.saturating_add(count.saturating_sub(1)),
                holder: holder.clone(),
                position,
            });
        }
    }
    blocks
}

fn value(number: TelephoneNumber) -> Option<(usize, u64)> {
    let digits = number.to_string();
    Some((digits.len(), digits.parse().ok()?))
}

fn written(block: &Block) -> String {
    format!("{:0length$}", block.first, length = block.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(first: u64, last: u64, holder: &str, position: usize) -> Block {
        Block {
            length: 11,
            first,
            last,
            holder: holder.to_owned(),
            position,
        }
    }

    #[test]
    fn the_furthest_block_of_somebody_else_is_kept() {
        let (a, b, c) = (
            block(0, 100, "a", 0),
            block(10, 20, "b", 1),
            block(15, 90, "a", 2),
        );
        let (first, other) = further(&a, None, None);
        let (first, other) = further(&b, first, other);
        assert_eq!((first.unwrap().position, other.unwrap().position), (0, 1));
        let (first, other) = further(&c, first, other);
        assert_eq!((first.unwrap().position, other.unwrap().position), (0, 1));
        let d = block(30, 200, "a", 3);
        let (first, other) = further(&d, first, other);
        assert_eq!((first.unwrap().position, other.unwrap().position), (3, 1));
        let e = block(40, 300, "b", 4);
        let (first, other) = further(&e, first, other);
        assert_eq!((first.unwrap().position, other.unwrap().position), (4, 3));
    }
}
