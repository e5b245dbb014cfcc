//! Where flows live: pieces of fixed size, buckets of chains, and lists in the order of use. Nothing is ever moved.

use std::hash::RandomState;

use crate::biflow::Biflow;
use crate::key::Key;

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;
/// Entries of one piece of memory, as a power of two.
const PIECE_BITS: u32 = 10;
const PIECE: usize = 1 << PIECE_BITS;

/// The lists that flows wait in, each with a timeout of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Only one side has spoken.
    Unanswered,
    /// Both have.
    Answered,
    /// TCP is over; stragglers may come.
    Over,
}

impl Waiting {
    pub(crate) const ALL: [Self; 3] = [Self::Unanswered, Self::Answered, Self::Over];
}

#[derive(Debug, Default)]
pub(crate) struct Entry<X> {
    pub(crate) flow: Biflow,
    pub(crate) more: X,
    /// The table's clock when the flow was last heard of.
    pub(crate) seen_ns: i64,
    /// The same when it was put into its list.
    listed_ns: i64,
    hash: u64,
    chain: u32,
    before: u32,
    after: u32,
    pub(crate) waiting: Option<Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
    len: usize,
}

impl Default for List {
    fn default() -> Self {
        Self { first: NONE, last: NONE, len: 0 }
    }
}

#[derive(Debug)]
pub(crate) struct Slab<X> {
    pieces: Vec<Box<[Entry<X>]>>,
    buckets: Vec<u32>,
    free: u32,
    len: usize,
    capacity: usize,
    lists: [List; 3],
}

fn size(idx: u32) -> usize {
    usize::try_from(idx).unwrap_or(usize::MAX)
}

impl<X: Default> Slab<X> {
    /// As many entries as fit into so many bytes, but at least one piece.
    pub(crate) fn new(memory_bytes: usize) -> Self {
        // Buckets take 4 bytes each, twice as many as entries at most, and half of that again while they are made anew.
        let each = size_of::<Entry<X>>().saturating_add(12);
        let pieces = memory_bytes.checked_div(each.saturating_mul(PIECE)).unwrap_or(1).max(1);
        let most = usize::try_from(NONE).unwrap_or(usize::MAX).saturating_sub(PIECE);
        let capacity = pieces.saturating_mul(PIECE).min(most);
        Self {
            pieces: Vec::new(),
            buckets: vec![NONE; PIECE],
            free: NONE,
            len: 0,
            capacity,
            lists: [List::default(); 3],
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// Bytes that are taken now.
    pub(crate) fn memory_bytes(&self) -> usize {
        let entries = self.pieces.len().saturating_mul(PIECE).saturating_mul(size_of::<Entry<X>>());
        entries.saturating_add(self.buckets.len().saturating_mul(4))
    }

    #[inline]
    pub(crate) fn get(&self, idx: u32) -> Option<&Entry<X>> {
        self.pieces.get(size(idx >> PIECE_BITS))?.get(size(idx) & PIECE.wrapping_sub(1))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, idx: u32) -> Option<&mut Entry<X>> {
        self.pieces.get_mut(size(idx >> PIECE_BITS))?.get_mut(size(idx) & PIECE.wrapping_sub(1))
    }

    #[inline]
    fn bucket(&self, hash: u64) -> usize {
        let mask = self.buckets.len().wrapping_sub(1);
        usize::try_from(hash).unwrap_or(usize::MAX) & mask
    }

    /// The flow with this key.
    #[inline]
    pub(crate) fn find(&self, key: &Key, hash: u64) -> Option<u32> {
        let mut idx = *self.buckets.get(self.bucket(hash))?;
        while let Some(entry) = self.get(idx) {
            if entry.hash == hash && key.side_of_low(&entry.flow).is_some() {
                return Some(idx);
            }
            idx = entry.chain;
        }
        None
    }

    /// Makes an entry; the caller has seen to it that there is room.
    pub(crate) fn insert(&mut self, flow: Biflow, hash: u64, waiting: Waiting, now_ns: i64) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        if self.free == NONE {
            self.add_piece();
        }
        if self.len >= self.buckets.len() {
            self.grow_buckets();
        }
        let idx = self.free;
        let bucket = self.bucket(hash);
        let chain = self.buckets.get(bucket).copied().unwrap_or(NONE);
        let entry = self.get_mut(idx)?;
        let free = entry.after;
        *entry = Entry {
            flow,
            more: X::default(),
            seen_ns: now_ns,
            listed_ns: now_ns,
            hash,
            chain,
            before: NONE,
            after: NONE,
            waiting: None,
        };
        self.free = free;
        if let Some(first) = self.buckets.get_mut(bucket) {
            *first = idx;
        }
        self.len = self.len.saturating_add(1);
        self.push_back(idx, waiting);
        Some(idx)
    }

    fn add_piece(&mut self) {
        let start = u32::try_from(self.pieces.len()).unwrap_or(u32::MAX).saturating_mul(1 << PIECE_BITS);
        let mut piece: Box<[Entry<X>]> = (0..PIECE).map(|_| Entry::default()).collect();
        for (entry, next) in piece.iter_mut().zip(start.saturating_add(1)..) {
            entry.after = next;
        }
        if let Some(last) = piece.last_mut() {
            last.after = NONE;
        }
        self.pieces.push(piece);
        self.free = start;
    }

    fn grow_buckets(&mut self) {
        let mut buckets = vec![NONE; self.buckets.len().saturating_mul(2)];
        let mask = buckets.len().wrapping_sub(1);
        for (idx, entry) in (0_u32..).zip(self.pieces.iter_mut().flat_map(|piece| piece.iter_mut())) {
            if entry.waiting.is_none() {
                continue;
            }
            let bucket = usize::try_from(entry.hash).unwrap_or(usize::MAX) & mask;
            if let Some(first) = buckets.get_mut(bucket) {
                entry.chain = *first;
                *first = idx;
            }
        }
        self.buckets = buckets;
    }

    /// Takes an entry out; what was kept beside the flow is let go.
    pub(crate) fn remove(&mut self, idx: u32) {
        self.unlink(idx);
        let free = self.free;
        let Some(entry) = self.get_mut(idx) else { return };
        if std::mem::needs_drop::<X>() {
            entry.more = X::default();
        }
        let (hash, chain) = (entry.hash, entry.chain);
        entry.waiting = None;
        entry.after = free;
        self.free = idx;
        self.len = self.len.saturating_sub(1);
        let bucket = self.bucket(hash);
        let mut at = self.buckets.get(bucket).copied().unwrap_or(NONE);
        if at == idx {
            if let Some(first) = self.buckets.get_mut(bucket) {
                *first = chain;
            }
            return;
        }
        while let Some(entry) = self.get_mut(at) {
            if entry.chain == idx {
                entry.chain = chain;
                break;
            }
            at = entry.chain;
        }
    }

    fn list(&mut self, waiting: Waiting) -> &mut List {
        let [unanswered, answered, over] = &mut self.lists;
        match waiting {
            Waiting::Unanswered => unanswered,
            Waiting::Answered => answered,
            Waiting::Over => over,
        }
    }

    /// The entry of a list that was not heard of for longest.
    pub(crate) fn first(&self, waiting: Waiting) -> Option<u32> {
        let [unanswered, answered, over] = &self.lists;
        let list = match waiting {
            Waiting::Unanswered => unanswered,
            Waiting::Answered => answered,
            Waiting::Over => over,
        };
        (list.first != NONE).then_some(list.first)
    }

    pub(crate) fn waiting_len(&mut self, waiting: Waiting) -> usize {
        self.list(waiting).len
    }

    fn unlink(&mut self, idx: u32) {
        let Some(entry) = self.get_mut(idx) else { return };
        let (before, after) = (entry.before, entry.after);
        let Some(waiting) = entry.waiting.take() else { return };
        match self.get_mut(before) {
            Some(entry) => entry.after = after,
            None => self.list(waiting).first = after,
        }
        match self.get_mut(after) {
            Some(entry) => entry.before = before,
            None => self.list(waiting).last = before,
        }
        let list = self.list(waiting);
        list.len = list.len.saturating_sub(1);
    }

    fn push_back(&mut self, idx: u32, waiting: Waiting) {
        let list = self.list(waiting);
        let last = std::mem::replace(&mut list.last, idx);
        list.len = list.len.saturating_add(1);
        if last == NONE {
            list.first = idx;
        }
        if let Some(entry) = self.get_mut(last) {
            entry.after = idx;
        }
        if let Some(entry) = self.get_mut(idx) {
            entry.before = last;
            entry.after = NONE;
            entry.waiting = Some(waiting);
        }
    }

    /// Puts an entry at the end of a list: it was heard of just now. One that was put there less than `slack_ns` ago stays
    /// where it is, which saves the walk to its neighbours.
    #[inline]
    pub(crate) fn touch(&mut self, idx: u32, waiting: Waiting, now_ns: i64, slack_ns: i64) {
        let Some(entry) = self.get_mut(idx) else { return };
        entry.seen_ns = now_ns;
        let is_new = (0..=slack_ns).contains(&now_ns.saturating_sub(entry.listed_ns));
        if entry.waiting == Some(waiting) && (entry.after == NONE || is_new) {
            return;
        }
        entry.listed_ns = now_ns;
        self.unlink(idx);
        self.push_back(idx, waiting);
    }
}

/// Keys that no other process has.
pub(crate) fn random_keys() -> RandomState {
    RandomState::new()
}
