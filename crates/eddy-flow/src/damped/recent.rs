//! A table that never grows beyond its capacity: what was not used for longest goes.

use std::collections::HashMap;
use std::hash::{Hash, RandomState};

use crate::slab::{NONE, random_keys};

#[derive(Debug)]
struct Node<K, V> {
    key: K,
    value: V,
    before: u32,
    after: u32,
}

/// Values by key, in the order of use. Which goes does not depend on the keys of the hash, so that two runs agree.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    places: HashMap<K, u32, RandomState>,
    nodes: Vec<Node<K, V>>,
    first: u32,
    last: u32,
    capacity: usize,
    evicted: u64,
}

fn size(idx: u32) -> usize {
    usize::try_from(idx).unwrap_or(usize::MAX)
}

impl<K: Hash + Eq + Copy, V: Default> Recent<K, V> {
    /// As many entries as fit into so many bytes, even while its parts double; at least one.
    pub(super) fn new(memory_bytes: usize) -> Self {
        let node = size_of::<Node<K, V>>();
        // The map has eight places for seven entries, and up to twice as many as it needs; both parts are there twice
        // while they double.
        let place = size_of::<(K, u32)>().saturating_add(1).saturating_mul(16) / 7;
        let each = node.saturating_add(place).saturating_mul(3) / 2;
        let most = size(NONE).saturating_sub(1);
        let capacity = memory_bytes.checked_div(each).unwrap_or(1).clamp(1, most);
        Self {
            places: HashMap::with_hasher(random_keys()),
            nodes: Vec::new(),
            first: NONE,
            last: NONE,
            capacity,
            evicted: 0,
        }
    }

    /// Entries that had to go.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.nodes.get(size(*self.places.get(key)?)).map(|node| &node.value)
    }

    /// The value of a key, made when it is not there, and whether it was made.
    pub(super) fn entry(&mut self, key: K) -> Option<(&mut V, bool)> {
        if let Some(&idx) = self.places.get(&key) {
            if idx != self.last {
                self.unlink(idx);
                self.push_back(idx);
            }
            return self.nodes.get_mut(size(idx)).map(|node| (&mut node.value, false));
        }
        let idx = if self.nodes.len() < self.capacity {
            let idx = u32::try_from(self.nodes.len()).ok()?;
            self.nodes.push(Node { key, value: V::default(), before: NONE, after: NONE });
            idx
        } else {
            let idx = self.first;
            self.unlink(idx);
            let node = self.nodes.get_mut(size(idx))?;
            self.places.remove(&node.key);
            self.evicted = self.evicted.saturating_add(1);
            (node.key, node.value) = (key, V::default());
            idx
        };
        self.places.insert(key, idx);
        self.push_back(idx);
        self.nodes.get_mut(size(idx)).map(|node| (&mut node.value, true))
    }

    fn unlink(&mut self, idx: u32) {
        let Some(node) = self.nodes.get(size(idx)) else { return };
        let (before, after) = (node.before, node.after);
        match self.nodes.get_mut(size(before)) {
            Some(node) => node.after = after,
            None => self.first = after,
        }
        match self.nodes.get_mut(size(after)) {
            Some(node) => node.before = before,
            None => self.last = before,
        }
    }

    fn push_back(&mut self, idx: u32) {
        let last = std::mem::replace(&mut self.last, idx);
        match self.nodes.get_mut(size(last)) {
            Some(node) => node.after = idx,
            None => self.first = idx,
        }
        if let Some(node) = self.nodes.get_mut(size(idx)) {
            (node.before, node.after) = (last, NONE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays_and_what_goes_is_counted() {
        let mut table: Recent<u32, u32> = Recent::new(100 * 100);
        let capacity = table.capacity;
        assert!((100..=200).contains(&capacity), "{capacity}");
        for key in 1..1_000 {
            *table.entry(key).unwrap().0 += key;
            *table.entry(0).unwrap().0 += 1;
        }
        assert_eq!(table.get(&0), Some(&999));
        assert_eq!(table.get(&999), Some(&999));
        assert!(table.get(&5).is_none());
        assert_eq!(table.places.len(), capacity);
        assert_eq!(table.evicted(), 1_000 - capacity as u64);
        assert_eq!(table.entry(5).map(|(value, made)| (*value, made)), Some((0, true)));
    }
}
