//! Tables that never grow beyond their capacity.

use std::collections::HashMap;
use std::hash::Hash;

/// Says how many bytes the tables of a behaviour take at most, and makes them smaller.
macro_rules! bounded {
    ($vis:vis $($table:ident),+) => {
        $vis fn most_bytes(&self) -> usize {
            0 $(+ self.$table.most_bytes())+
        }

        $vis fn shrink(&mut self, share: f64) {
            $(self.$table.shrink(share);)+
        }
    };
}
pub(crate) use bounded;

/// A table of the things seen last. When it is full, the quarter that was not seen for longest goes.
///
/// Its hash has a random key, so that nobody can choose keys that collide; nothing depends on its order.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    entries: HashMap<K, (i64, V)>,
    capacity: usize,
    dropped: u64,
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity: capacity.max(4), dropped: 0 }
    }

    /// Bytes of a place in it: the standard table has a power of two of them, each with a byte of its own, and keeps an
    /// eighth free.
    const PLACE: usize = size_of::<(K, (i64, V))>() + 1;

    /// Bytes that it takes at most, about.
    pub(crate) fn most_bytes(&self) -> usize {
        (self.capacity * 8 / 7).next_power_of_two().saturating_mul(Self::PLACE)
    }

    /// Takes no more than so large a share of the bytes that it might have taken.
    pub(crate) fn shrink(&mut self, share: f64) {
        let places = (self.most_bytes() as f64 * share.clamp(0.0, 1.0)) as usize / Self::PLACE;
        let places = (places.max(32) / 2 + 1).next_power_of_two();
        self.capacity = self.capacity.min(places / 8 * 7);
    }

    /// Entries that had to go.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The entry of a key, made when it is not there.
    pub(crate) fn entry(&mut self, key: K, now_ns: i64, make: impl FnOnce() -> V) -> &mut V {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            self.make_room();
        }
        let (seen, value) = self.entries.entry(key).or_insert_with(|| (now_ns, make()));
        *seen = now_ns.max(*seen);
        value
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (_, value))| (key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries.iter_mut().map(|(key, (_, value))| (key, value))
    }

    fn make_room(&mut self) {
        let mut seen: Vec<i64> = self.entries.values().map(|(seen, _)| *seen).collect();
        let quarter = seen.len() / 4;
        let limit = *seen.select_nth_unstable(quarter).1;
        let before = self.entries.len();
        let mut most = quarter.max(1);
        self.entries.retain(|_, (seen, _)| {
            let goes = *seen <= limit && most > 0;
            most -= usize::from(goes);
            !goes
        });
        self.dropped += (before - self.entries.len()) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_last_stays_and_the_rest_is_counted() {
        let mut table = Table::new(100);
        for key in 0..1_000u32 {
            *table.entry(key, i64::from(key), || 0u32) += key;
            // One that is seen all the time is never let go.
            table.entry(0, i64::from(key), || 0);
        }
        assert!(table.entries.len() <= 100);
        assert_eq!(table.dropped() + table.entries.len() as u64, 1_000);
        assert!([0, 999].iter().all(|key| table.get_mut(key).is_some()) && table.get_mut(&5).is_none());
    }
}
