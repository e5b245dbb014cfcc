//! Merges what happens at irregular moments into one order of time, with bounded memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Spec;
use crate::draw::{Draw, Purpose};
use crate::plan::Planned;

/// Records of the near future, in order of time.
#[derive(Debug)]
pub(crate) struct Timeline<R> {
    pending: BinaryHeap<Reverse<Pending<R>>>,
    pushed: u64,
}

#[derive(Debug)]
struct Pending<R> {
    at_ns: i64,
    /// Keeps records of one moment in the order they were pushed.
    number: u64,
    truth: u8,
    record: R,
}

impl<R> PartialEq for Pending<R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R> Eq for Pending<R> {}

impl<R> PartialOrd for Pending<R> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for Pending<R> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ns, self.number).cmp(&(other.at_ns, other.number))
    }
}

impl<R> Timeline<R> {
    pub(crate) fn empty() -> Self {
        Self { pending: BinaryHeap::new(), pushed: 0 }
    }

    /// Adds a record that happens at `at_ns`; `truth` is the position of its event plus 1, or 0.
    pub(crate) fn push(&mut self, at_ns: i64, truth: u8, record: R) {
        self.pending.push(Reverse(Pending { at_ns, number: self.pushed, truth, record }));
        self.pushed += 1;
    }

    fn pop_until(&mut self, horizon_ns: i64) -> Option<(i64, u8, R)> {
        if self.pending.peek()?.0.at_ns > horizon_ns {
            return None;
        }
        self.pending.pop().map(|Reverse(next)| (next.at_ns, next.truth, next.record))
    }
}

/// What makes the records of a table without a fixed interval.
pub(crate) trait Traffic: Send {
    /// One row, before it is written.
    type Record: Send;

    /// Adds the records of one normal arrival at `at_ns`, and says after how many seconds the next one comes.
    fn arrive(&mut self, at_ns: i64, out: &mut Timeline<Self::Record>) -> f64;

    /// Adds the records of one arrival of a planted event, and says after how many seconds its next one comes;
    /// infinity when the event has no arrivals of its own.
    fn attack(
        &mut self,
        event_idx: usize,
        at_ns: i64,
        draw: &mut Draw,
        out: &mut Timeline<Self::Record>,
    ) -> f64;

    /// Whether a normal record does not happen because of what is planted.
    fn is_lost(&self, at_ns: i64, record: &Self::Record) -> bool;
}

/// The records of a table in order of time.
#[derive(Debug)]
pub(crate) struct Merge<T: Traffic> {
    pub(crate) traffic: T,
    timeline: Timeline<T::Record>,
    end_ns: i64,
    next_arrival_ns: i64,
    /// End, next arrival and random numbers of each planted event.
    events: Vec<(i64, i64, Draw)>,
}

impl<T: Traffic> Merge<T> {
    pub(crate) fn new(spec: &Spec, plan: &[Planned], traffic: T) -> Self {
        let events = plan
            .iter()
            .enumerate()
            .map(|(idx, planned)| {
                (planned.end_ns, planned.start_ns, Draw::new(spec.seed, Purpose::Planted(idx)))
            })
            .collect();
        Self {
            traffic,
            timeline: Timeline::empty(),
            end_ns: spec.end_ns(),
            next_arrival_ns: spec.start_ns,
            events,
        }
    }

    fn arrive_at(&mut self, horizon_ns: i64) {
        if self.next_arrival_ns == horizon_ns {
            let gap_s = self.traffic.arrive(horizon_ns, &mut self.timeline);
            self.next_arrival_ns = before(self.end_ns, after(horizon_ns, gap_s));
            return;
        }
        for (idx, (end_ns, next_ns, draw)) in self.events.iter_mut().enumerate() {
            if *next_ns == horizon_ns {
                let gap_s = self.traffic.attack(idx, horizon_ns, draw, &mut self.timeline);
                *next_ns = before(*end_ns, after(horizon_ns, gap_s));
                return;
            }
        }
    }
}

impl<T: Traffic> Iterator for Merge<T> {
    /// Moment, truth and record.
    type Item = (i64, u8, T::Record);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let horizon_ns =
                self.events.iter().map(|(_, next_ns, _)| *next_ns).fold(self.next_arrival_ns, i64::min);
            let Some((at_ns, truth, record)) = self.timeline.pop_until(horizon_ns) else {
                if horizon_ns == i64::MAX {
                    return None;
                }
                self.arrive_at(horizon_ns);
                continue;
            };
            // Traffic and events end when they should, even in the middle of a conversation.
            let end_ns = usize::from(truth).checked_sub(1).map_or(self.end_ns, |idx| self.events[idx].0);
            if at_ns < end_ns && !(truth == 0 && self.traffic.is_lost(at_ns, &record)) {
                return Some((at_ns, truth, record));
            }
        }
    }
}

/// A moment some seconds later, at least one nanosecond.
pub(crate) fn after(at_ns: i64, seconds: f64) -> i64 {
    at_ns.saturating_add(((seconds * 1e9) as i64).max(1))
}

fn before(end_ns: i64, at_ns: i64) -> i64 {
    if at_ns < end_ns { at_ns } else { i64::MAX }
}
