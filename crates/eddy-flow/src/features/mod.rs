//! The catalogue of what is measured of a flow.
//!
//! [`FlowFeatures`] lives in the table beside each flow and sees each of its packets; [`features`] is the one list of
//! what is told of it afterwards, each with name, unit, formula and source. From that list follow the columns of tables
//! and the page of the documentation.
//!
//! The statistics of sizes, intervals and flags are those of NFStream, under its names, so that whoever comes from there
//! finds the columns where they were. Times of activity and rest, subflows, bulks, first windows and headers are those of
//! CICFlowMeter in the sense that Engelen et al. found they should have had. Where IPFIX (RFC 7012, RFC 5103) or CERT's
//! registry has an element for a feature, it is named beside.

mod catalogue;
mod measured;
mod moments;
#[cfg(test)]
mod tests;

pub use catalogue::{Feature, FeatureSet, Origin, features};
pub use measured::{FIRST_PACKETS, FlowFeatures};
pub use moments::{Sizes, Summary, Times};

use self::measured::{Bulk, Way};
use crate::biflow::{Biflow, Side};

/// One direction of a flow, or both, summed up.
#[derive(Clone, Copy, Debug)]
struct Told {
    packets: f64,
    duration_ms: f64,
    frame_octets: f64,
    ip_octets: f64,
    payload_octets: f64,
    header_octets: f64,
    frame: Summary,
    ip: Summary,
    payload: Summary,
    gaps: Summary,
    /// FIN, SYN, RST, PSH, ACK, URG, ECE, CWR.
    flags: [f64; 8],
    non_empty: f64,
    small: f64,
    large: f64,
}

/// Which direction a feature is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Both,
    Forward,
    Reverse,
}

/// A flow summed up: what the features are read off.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    features: &'a FlowFeatures,
    both: Told,
    forward: Told,
    reverse: Told,
    is_tcp: bool,
    active: Summary,
    idle: Summary,
}

/// A share, and 0 where there is nothing to take it of.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

impl Told {
    fn of(way: &Way) -> Self {
        let n = way.packets;
        Self {
            packets: n as f64,
            duration_ms: way.last_ns.saturating_sub(way.first_ns) as f64 / 1e6,
            frame_octets: way.frame.sum() as f64,
            ip_octets: way.ip.sum() as f64,
            payload_octets: way.payload.sum() as f64,
            header_octets: way.header_octets as f64,
            frame: way.frame.summary(n),
            ip: way.ip.summary(n),
            payload: way.payload.summary(n),
            gaps: way.gaps.summary_ms(n.saturating_sub(1)),
            flags: way.flags.map(f64::from),
            non_empty: way.non_empty.into(),
            small: way.small.into(),
            large: way.large.into(),
        }
    }

    fn of_both(flow: &Biflow, features: &FlowFeatures, forward: &Self, reverse: &Self) -> Self {
        let n = features.packets();
        let (one, two) = (&features.forward, &features.reverse);
        let mut flags = forward.flags;
        flags.iter_mut().zip(reverse.flags).for_each(|(sum, more)| *sum += more);
        Self {
            packets: n as f64,
            duration_ms: flow.duration_ns() as f64 / 1e6,
            frame_octets: forward.frame_octets + reverse.frame_octets,
            ip_octets: forward.ip_octets + reverse.ip_octets,
            payload_octets: forward.payload_octets + reverse.payload_octets,
            header_octets: forward.header_octets + reverse.header_octets,
            frame: one.frame.with(&two.frame).summary(n),
            ip: one.ip.with(&two.ip).summary(n),
            payload: one.payload.with(&two.payload).summary(n),
            gaps: features.gaps.summary_ms(n.saturating_sub(1)),
            flags,
            non_empty: forward.non_empty + reverse.non_empty,
            small: forward.small + reverse.small,
            large: forward.large + reverse.large,
        }
    }
}

impl<'a> Measured<'a> {
    /// Sums a flow up, once for all features.
    pub fn of(flow: &Biflow, features: &'a FlowFeatures) -> Self {
        let (forward, reverse) = (Told::of(&features.forward), Told::of(&features.reverse));
        // The last time of activity ends with the flow.
        let (mut active, last) = (features.active, features.last_active_ns());
        let n_active = features.n_active.saturating_add(u64::from(last > 0));
        if last > 0 {
            active.add(last);
        }
        Self {
            features,
            both: Told::of_both(flow, features, &forward, &reverse),
            forward,
            reverse,
            is_tcp: flow.protocol_identifier == eddy_wire::protocol::TCP,
            active: active.summary_ms(n_active),
            idle: features.idle.summary_ms(features.n_idle),
        }
    }

    fn told(&self, view: View) -> &Told {
        match view {
            View::Both => &self.both,
            View::Forward => &self.forward,
            View::Reverse => &self.reverse,
        }
    }

    fn way(&self, view: View) -> &Way {
        match view {
            View::Both | View::Forward => &self.features.forward,
            View::Reverse => &self.features.reverse,
        }
    }

    fn bulk(&self, view: View) -> &Bulk {
        &self.way(view).bulk
    }

    /// Packets with one of the flags of TCP, by its bit.
    fn flag(&self, view: View, bit: usize) -> f64 {
        self.told(view).flags.get(bit).copied().unwrap_or(0.0)
    }

    fn per_second(&self, view: View, amount: fn(&Told) -> f64) -> f64 {
        let told = self.told(view);
        ratio(amount(told) * 1e3, told.duration_ms)
    }

    /// Parts of the flow between gaps of more than a second.
    fn subflows(&self) -> f64 {
        self.features.subflow_gaps as f64 + 1.0
    }

    /// A value of one direction that is missing where it sent nothing.
    fn of_way(&self, view: View, value: f64) -> f64 {
        if self.way(view).packets > 0 { value } else { f64::NAN }
    }

    /// The same, and missing in what is not TCP.
    fn of_tcp(&self, view: View, value: f64) -> f64 {
        if self.is_tcp { self.of_way(view, value) } else { f64::NAN }
    }

    /// A value of one of the first packets, missing where there were fewer.
    fn of_packet(&self, at: usize, value: fn(&FlowFeatures, usize) -> f64) -> f64 {
        if (at as u64) < self.features.packets() { value(self.features, at) } else { f64::NAN }
    }
}

impl FlowFeatures {
    fn first_size(&self, at: usize) -> f64 {
        self.first_sizes.get(at).map_or(f64::NAN, |size| f64::from(*size))
    }

    fn first_side(&self, at: usize) -> f64 {
        let side = u32::try_from(at).ok().and_then(|at| self.first_reverse.checked_shr(at)).unwrap_or(0) & 1;
        f64::from(side)
    }

    fn first_gap_ms(&self, at: usize) -> f64 {
        self.first_gaps_ns.get(at).map_or(f64::NAN, |gap| *gap as f64 / 1e6)
    }

    /// Which side sent one of the first packets; none where there were fewer or they are not kept.
    pub fn side_of(&self, at: usize) -> Option<Side> {
        let is_kept = at < FIRST_PACKETS && (at as u64) < self.packets();
        is_kept.then(|| if self.first_side(at) > 0.0 { Side::Reverse } else { Side::Forward })
    }
}
