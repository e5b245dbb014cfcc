//! Sightings that still go on.

use std::hash::Hash;
use std::net::IpAddr;

use crate::table::Table;
use crate::{Flow, Sighting};

/// Sightings that go on at a time, at most: as many as a table of a power of two has room for.
const MOST: usize = 3_584;

/// Sightings that still go on, by who and what. One that nothing was added to for a while is over.
pub(crate) struct Open<K> {
    table: Table<K, Sighting>,
    /// Nanoseconds without a flow after which a sighting is over.
    idle_ns: i64,
    next_sweep_ns: i64,
}

impl<K: Hash + Eq + Ord + Clone> Open<K> {
    pub(crate) fn new(idle_s: i64) -> Self {
        Self { table: Table::new(MOST), idle_ns: idle_s * 1_000_000_000, next_sweep_ns: i64::MIN }
    }

    /// Adds a flow to the sighting of a key, if there is one.
    pub(crate) fn extend(&mut self, key: &K, flow: &Flow<'_>, target: IpAddr) -> Option<&mut Sighting> {
        let sighting = self.table.get_mut(key)?;
        sighting.extend(flow, target);
        Some(sighting)
    }

    /// Adds a flow to the sighting of a key, if there is one and it belongs there.
    pub(crate) fn extend_if(
        &mut self,
        key: &K,
        flow: &Flow<'_>,
        belongs: impl FnOnce(&Sighting) -> bool,
    ) -> Option<&mut Sighting> {
        let sighting = self.table.get_mut(key).filter(|sighting| belongs(sighting))?;
        sighting.extend(flow, flow.destination);
        Some(sighting)
    }

    /// The sighting of a key, if there is one.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut Sighting> {
        self.table.get_mut(key)
    }

    /// Whether there is a sighting of a key.
    pub(crate) fn has(&self, key: &K) -> bool {
        self.table.has(key)
    }

    /// Forgets the sighting of a key.
    pub(crate) fn forget(&mut self, key: &K) {
        self.table.remove(key);
    }

    /// Opens a sighting.
    pub(crate) fn open(&mut self, key: K, now_ns: i64, sighting: Sighting) {
        self.table.entry(key, now_ns, || sighting);
    }

    /// Hands over what is over.
    pub(crate) fn sweep(&mut self, now_ns: i64, out: &mut Vec<Sighting>) {
        if now_ns < self.next_sweep_ns {
            return;
        }
        self.next_sweep_ns = now_ns.saturating_add(self.idle_ns / 4);
        let limit = now_ns.saturating_sub(self.idle_ns);
        let mut over: Vec<K> =
            self.table.iter().filter(|(_, s)| s.last_ns < limit).map(|(key, _)| key.clone()).collect();
        over.sort_unstable();
        out.extend(over.iter().filter_map(|key| self.table.remove(key)));
    }

    /// Hands over all.
    pub(crate) fn end(&mut self, out: &mut Vec<Sighting>) {
        let mut keys: Vec<K> = self.table.iter().map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        out.extend(keys.iter().filter_map(|key| self.table.remove(key)));
    }

    pub(crate) fn most_bytes(&self) -> usize {
        self.table.most_bytes()
    }

    pub(crate) fn shrink(&mut self, share: f64) {
        self.table.shrink(share);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.table.dropped()
    }
}
