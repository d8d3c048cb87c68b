//! The KV cache: a fixed number of blocks, shared by prefix, the least recently used given away first.
//!
//! As in vLLM: a block that belongs to nobody keeps its content and its hash until it is needed for something else, so a
//! later prompt with the same beginning finds it. Freed blocks queue up from the end of a sequence to its start, since
//! beginnings are shared more often than ends.

use std::collections::{BTreeMap, HashMap};

use crate::tokens::BlockHash;

/// One block's place in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BlockId(usize);

#[derive(Debug, Default)]
struct Block {
    users: usize,
    hash: Option<BlockHash>,
    /// Its key in `free`; meaningful while nobody uses it.
    freed: u64,
}

/// All KV blocks of one engine.
#[derive(Debug)]
pub(crate) struct BlockPool {
    blocks: Vec<Block>,
    cached: HashMap<BlockHash, BlockId>,
    /// Blocks without a user, the longest unused first.
    free: BTreeMap<u64, BlockId>,
    tick: u64,
}

impl BlockPool {
    pub(crate) fn new(total: usize) -> Self {
        let mut pool = Self { blocks: Vec::new(), cached: HashMap::new(), free: BTreeMap::new(), tick: 0 };
        for index in 0..total {
            pool.blocks.push(Block::default());
            pool.queue(BlockId(index));
        }
        pool
    }

    pub(crate) fn total(&self) -> usize {
        self.blocks.len()
    }

    pub(crate) fn used(&self) -> usize {
        self.blocks.len() - self.free.len()
    }

    /// How many of the leading `hashes` are cached.
    pub(crate) fn hits(&self, hashes: &[BlockHash]) -> usize {
        hashes.iter().take_while(|hash| self.cached.contains_key(hash)).count()
    }

    /// Takes `needed` blocks for a sequence whose first `hits` blocks are cached and whose full prompt blocks hash to
    /// `hashes`. Takes none, and answers `None`, when not all can be had.
    pub(crate) fn take(&mut self, hashes: &[BlockHash], hits: usize, needed: usize) -> Option<Vec<BlockId>> {
        let shared: Vec<BlockId> = hashes.iter().take(hits).filter_map(|hash| self.cached.get(hash).copied()).collect();
        let idle = shared.iter().filter(|id| self.blocks[id.0].users == 0).count();
        if needed.saturating_sub(shared.len()) > self.free.len() - idle {
            return None;
        }
        for id in &shared {
            self.share(*id);
        }
        let mut taken = shared;
        while taken.len() < needed {
            let hash = hashes.get(taken.len()).copied();
            taken.push(self.take_fresh(hash)?);
        }
        Some(taken)
    }

    /// One more block, or `None` when all are in use.
    pub(crate) fn take_one(&mut self) -> Option<BlockId> {
        self.take_fresh(None)
    }

    /// Gives a sequence's blocks back. They stay cached until they are taken anew.
    pub(crate) fn release(&mut self, blocks: Vec<BlockId>) {
        for id in blocks.into_iter().rev() {
            let block = &mut self.blocks[id.0];
            block.users = block.users.saturating_sub(1);
            if block.users == 0 {
                self.queue(id);
            }
        }
    }

    fn share(&mut self, id: BlockId) {
        let block = &mut self.blocks[id.0];
        if block.users == 0 {
            self.free.remove(&block.freed);
        }
        block.users += 1;
    }

    fn take_fresh(&mut self, hash: Option<BlockHash>) -> Option<BlockId> {
        let (_, id) = self.free.pop_first()?;
        if let Some(old) = self.blocks[id.0].hash.take() {
            self.cached.remove(&old);
        }
        // Two prompts computed side by side may hold the same content; the first one's block stays the cached one.
        let hash = hash.filter(|hash| !self.cached.contains_key(hash));
        if let Some(hash) = hash {
            self.cached.insert(hash, id);
        }
        self.blocks[id.0] = Block { users: 1, hash, freed: 0 };
        Some(id)
    }

    fn queue(&mut self, id: BlockId) {
        self.tick += 1;
        self.blocks[id.0].freed = self.tick;
        self.free.insert(self.tick, id);
    }

    /// Every block is either free or used, every free one is queued once, and the cache points at blocks that know it.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let unused = self.blocks.iter().filter(|block| block.users == 0).count();
        assert_eq!(unused, self.free.len());
        for (key, id) in &self.free {
            assert_eq!((self.blocks[id.0].users, self.blocks[id.0].freed), (0, *key));
        }
        for (hash, id) in &self.cached {
            assert_eq!(self.blocks[id.0].hash, Some(*hash));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(numbers: &[u64]) -> Vec<BlockHash> {
        numbers.iter().copied().map(BlockHash::from_raw).collect()
    }

    #[test]
    fn a_freed_prefix_is_found_again_and_costs_no_fresh_block() {
        let mut pool = BlockPool::new(4);
        let first = pool.take(&hashes(&[1, 2]), 0, 3).unwrap();
        pool.release(first);
        assert_eq!((pool.used(), pool.hits(&hashes(&[1, 2, 3]))), (0, 2));
        let second = pool.take(&hashes(&[1, 2]), 2, 4).unwrap();
        assert_eq!((second.len(), pool.used()), (4, 4));
        pool.check();
    }

    #[test]
    fn shared_blocks_count_once_and_outlive_their_first_user() {
        let mut pool = BlockPool::new(3);
        let first = pool.take(&hashes(&[1]), 0, 2).unwrap();
        let second = pool.take(&hashes(&[1]), 1, 2).unwrap();
        assert_eq!(pool.used(), 3);
        pool.release(first);
        assert_eq!(pool.used(), 2);
        pool.release(second);
        assert_eq!(pool.used(), 0);
        pool.check();
    }

    #[test]
    fn the_end_of_the_longest_unused_goes_first() {
        let mut pool = BlockPool::new(3);
        let first = pool.take(&hashes(&[1, 2]), 0, 2).unwrap();
        pool.release(first);
        let other = pool.take(&[], 0, 2).unwrap();
        assert_eq!(pool.hits(&hashes(&[1, 2])), 1);
        pool.release(other);
        pool.check();
    }

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let mut pool = BlockPool::new(2);
        let held = pool.take(&[], 0, 1).unwrap();
        assert!(pool.take(&hashes(&[7]), 0, 2).is_none());
        assert_eq!((pool.used(), pool.hits(&hashes(&[7]))), (1, 0));
        pool.release(held);
        pool.check();
    }

    #[test]
    fn cached_blocks_without_a_user_are_not_counted_twice() {
        let mut pool = BlockPool::new(2);
        let first = pool.take(&hashes(&[1]), 0, 1).unwrap();
        pool.release(first);
        assert!(pool.take(&hashes(&[1]), 1, 3).is_none());
        assert!(pool.take(&hashes(&[1]), 1, 2).is_some());
        pool.check();
    }
}
