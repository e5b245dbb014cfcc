//! Statistics of channels that forget: what a packet looks like against the last moments of its senders.
//!
//! For each packet 100 numbers: how much, how large and how even the traffic of its sender (hardware and IP address), of
//! its host towards the other, of the gaps of that channel, and of its socket towards the other was of late, each with
//! five speeds of forgetting. Source: Mirsky, Doitshman, Elovici, Shabtai, "Kitsune: An Ensemble of Autoencoders for
//! Online Network Intrusion Detection", NDSS 2018, section IV.C, and the public code of its authors.
//!
//! A statistic is w (weight), LS (sum) and SS (sum of squares); before a value x at time t is added, all three are
//! multiplied by 2^(-λ Δt). Then mean = LS / w and deviation = √|SS / w - mean²|. Of two statistics i and j: radius =
//! √(σᵢ⁴ + σⱼ⁴), magnitude = √(meanᵢ² + meanⱼ²), covariance = SR / w', where SR sums (x - meanᵢ) rⱼ, rⱼ being the last
//! such difference of the other, and forgets in the same way, and correlation = covariance / σᵢ σⱼ.
//!
//! Where ours differs from the public code: the third number of a channel is the deviation, as in the paper, and not the
//! variance; a pair's covariance is brought up to date once for each packet and not twice; a correlation lies within ±1,
//! and what rounding leaves of the variance of equal values is 0; when there is no room, the
//! channel that was silent for longest goes, and is counted, where the code refuses the packet; time is exact to the
//! nanosecond.

mod recent;
#[cfg(test)]
mod tests;

use eddy_wire::{Network, Packet, protocol};

use self::recent::Recent;

/// Speeds of forgetting: after 1/λ seconds half of a packet's weight is left.
pub const DECAYS: [f64; 5] = [5.0, 3.0, 1.0, 0.1, 0.01];
/// Numbers of a packet.
pub const DAMPED_FEATURES: usize = 100;

/// A variance below this share of the squared mean is rounding.
const ROUNDING: f64 = 1e-12;

/// Names of a decay, in the order of [`DECAYS`].
const DECAY_NAMES: [&str; 5] = ["L5", "L3", "L1", "L0.1", "L0.01"];
/// What is told of one channel.
const ONE: [&str; 3] = ["weight", "mean", "std"];
/// What is told of a channel and the one that comes back.
const TWO: [&str; 7] = ["weight", "mean", "std", "radius", "magnitude", "covariance", "pcc"];

/// Names of the numbers, in order: `MI_dir` hardware and IP address, `HH` host to host, `HH_jit` gaps between them, `HpHp`
/// socket to socket.
pub fn damped_names() -> Vec<String> {
    let groups: [(&str, &[&str]); 4] = [("MI_dir", &ONE), ("HH", &TWO), ("HH_jit", &ONE), ("HpHp", &TWO)];
    let mut names = Vec::with_capacity(DAMPED_FEATURES);
    for (group, told) in groups {
        for decay in DECAY_NAMES {
            names.extend(told.iter().map(|name| format!("{group}_{decay}_{name}")));
        }
    }
    names
}

/// Who sends: hardware address, IP address, port, protocol; those that do not count are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct End {
    mac: [u8; 6],
    address: u128,
    port: u16,
    protocol: u16,
}

/// Sums that forget, for each decay.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    last_ns: i64,
    weight: [f64; 5],
    sum: [f64; 5],
    squares: [f64; 5],
}

/// From one time to a later one, in seconds; 0 where it is earlier.
fn seconds_since(earlier_ns: i64, later_ns: i64) -> f64 {
    later_ns.saturating_sub(earlier_ns).max(0) as f64 / 1e9
}

/// What is left of a weight after so many seconds.
fn factors(seconds: f64) -> [f64; 5] {
    DECAYS.map(|decay| (-decay * seconds).exp2())
}

impl Stream {
    /// Adds a value; `is_new`: it is the first.
    fn add(&mut self, value: f64, time_ns: i64, is_new: bool) {
        if is_new {
            self.last_ns = time_ns;
        }
        let seconds = seconds_since(self.last_ns, time_ns);
        self.last_ns = self.last_ns.max(time_ns);
        let kept = if seconds > 0.0 { factors(seconds) } else { [1.0; 5] };
        let sums = self.weight.iter_mut().zip(&mut self.sum).zip(&mut self.squares);
        for (((weight, sum), squares), kept) in sums.zip(kept) {
            *weight = *weight * kept + 1.0;
            *sum = *sum * kept + value;
            *squares = *squares * kept + value * value;
        }
    }

    /// Weight, mean and variance of a decay.
    fn told(&self, decay: usize) -> (f64, f64, f64) {
        let of = |sums: &[f64; 5]| sums.get(decay).copied().unwrap_or(0.0);
        let weight = of(&self.weight);
        if weight <= 0.0 {
            return (0.0, 0.0, 0.0);
        }
        let mean = of(&self.sum) / weight;
        let variance = (of(&self.squares) / weight - mean * mean).abs();
        // Of equal values rounding leaves a little, by which nothing may be divided.
        (weight, mean, if variance > ROUNDING * mean * mean { variance } else { 0.0 })
    }
}

/// What two streams have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    last_ns: i64,
    sum: [f64; 5],
    weight: [f64; 5],
    /// The last differences from the mean, of the lower end and of the higher.
    residuals: [[f64; 5]; 2],
}

/// Tables of channels, in bounded memory.
#[derive(Debug)]
pub struct Damped {
    senders: Recent<End, Stream>,
    hosts: Recent<End, Stream>,
    host_pairs: Recent<(End, End), Pair>,
    gaps: Recent<(End, End), Stream>,
    sockets: Recent<End, Stream>,
    socket_pairs: Recent<(End, End), Pair>,
}

impl Damped {
    /// Tables that take so many bytes at most.
    pub fn new(memory_bytes: usize) -> Self {
        let share = |sixteenths: usize| (memory_bytes / 16).saturating_mul(sixteenths);
        Self {
            senders: Recent::new(share(1)),
            hosts: Recent::new(share(1)),
            host_pairs: Recent::new(share(2)),
            gaps: Recent::new(share(2)),
            sockets: Recent::new(share(5)),
            socket_pairs: Recent::new(share(5)),
        }
    }

    /// Channels that had to go for want of room; a packet of theirs that comes later begins them anew.
    pub fn evicted(&self) -> u64 {
        let tables = [self.senders.evicted(), self.hosts.evicted(), self.sockets.evicted()];
        let pairs = [self.host_pairs.evicted(), self.gaps.evicted(), self.socket_pairs.evicted()];
        tables.into_iter().chain(pairs).fold(0, u64::saturating_add)
    }

    /// Takes a packet in and tells its numbers, in the order of [`damped_names`]; none where a packet has neither IP nor
    /// hardware addresses.
    pub fn see(&mut self, packet: &Packet<'_>, time_ns: i64) -> Option<[f64; DAMPED_FEATURES]> {
        let (sender, source, destination, from, to) = ends(packet)?;
        let size = f64::from(packet.wire_len);
        let mut numbers = Numbers { values: [0.0; DAMPED_FEATURES], next: 0 };
        let (stream, is_new) = self.senders.entry(sender)?;
        stream.add(size, time_ns, is_new);
        let told = *stream;
        numbers.one(&told);
        two(&mut self.hosts, &mut self.host_pairs, (source, destination), size, time_ns, &mut numbers)?;
        let (stream, is_new) = self.gaps.entry((source, destination))?;
        let gap = if is_new { 0.0 } else { seconds_since(stream.last_ns, time_ns) };
        stream.add(gap, time_ns, is_new);
        let told = *stream;
        numbers.one(&told);
        two(&mut self.sockets, &mut self.socket_pairs, (from, to), size, time_ns, &mut numbers)?;
        Some(numbers.values)
    }
}

/// The numbers of a packet as they are written down.
struct Numbers {
    values: [f64; DAMPED_FEATURES],
    next: usize,
}

impl Numbers {
    fn push(&mut self, value: f64) {
        if let Some(place) = self.values.get_mut(self.next) {
            *place = if value.is_finite() { value } else { 0.0 };
        }
        self.next = self.next.saturating_add(1);
    }

    fn one(&mut self, stream: &Stream) {
        for decay in 0..DECAYS.len() {
            let (weight, mean, variance) = stream.told(decay);
            [weight, mean, variance.sqrt()].into_iter().for_each(|value| self.push(value));
        }
    }
}

/// Takes a packet of one channel in, and tells of it and of the one that comes back.
fn two(
    streams: &mut Recent<End, Stream>,
    pairs: &mut Recent<(End, End), Pair>,
    (from, to): (End, End),
    size: f64,
    time_ns: i64,
    numbers: &mut Numbers,
) -> Option<()> {
    let (stream, is_new) = streams.entry(from)?;
    stream.add(size, time_ns, is_new);
    let own = *stream;
    // Forgetting changes neither mean nor deviation, so that the other need not be brought up to date.
    let other = streams.get(&to).copied().unwrap_or_default();
    let key = |end: &End| (end.address, end.port, end.mac, end.protocol);
    let is_low = key(&from) <= key(&to);
    let (pair, is_new) = pairs.entry(if is_low { (from, to) } else { (to, from) })?;
    if is_new {
        pair.last_ns = time_ns;
    }
    let kept = factors(seconds_since(pair.last_ns, time_ns));
    pair.last_ns = pair.last_ns.max(time_ns);
    let Pair { sum, weight, residuals: [low, high], .. } = pair;
    let (mine, others) = if is_low { (low, &*high) } else { (high, &*low) };
    let sums = sum.iter_mut().zip(weight).zip(mine).zip(others).zip(kept);
    for (decay, ((((sum, weight), mine), others), kept)) in sums.enumerate() {
        let (own_weight, own_mean, own_variance) = own.told(decay);
        let (_, other_mean, other_variance) = other.told(decay);
        let residual = size - own_mean;
        *sum = *sum * kept + residual * others;
        *weight = *weight * kept + 1.0;
        *mine = residual;
        let covariance = *sum / *weight;
        let deviations = (own_variance * other_variance).sqrt();
        numbers.push(own_weight);
        numbers.push(own_mean);
        numbers.push(own_variance.sqrt());
        numbers.push(own_variance.hypot(other_variance));
        numbers.push(own_mean.hypot(other_mean));
        numbers.push(covariance);
        numbers.push(if deviations > 0.0 { (covariance / deviations).clamp(-1.0, 1.0) } else { 0.0 });
    }
    Some(())
}

/// The sender with its hardware address, both hosts, and both sockets.
fn ends(packet: &Packet<'_>) -> Option<(End, End, End, End, End)> {
    let has_macs = packet.source_mac != [0; 6] || packet.destination_mac != [0; 6];
    let by_mac = packet.network == Network::None;
    if by_mac && !has_macs {
        return None;
    }
    let host = |mac: [u8; 6], address: u128| {
        if by_mac { End { mac, ..End::default() } } else { End { address, ..End::default() } }
    };
    let source = host(packet.source_mac, packet.source);
    let destination = host(packet.destination_mac, packet.destination);
    let sender = End { mac: packet.source_mac, ..source };
    // Address resolution has no ports: its sockets are the hardware addresses.
    let is_arp = packet.network == Network::Arp;
    let kind = if is_arp { 0x100 } else { u16::from(packet.protocol) };
    let kind = if matches!(packet.protocol, protocol::TCP | protocol::UDP) { 0 } else { kind };
    let socket = |host: End, mac: [u8; 6], port: u16| {
        if is_arp {
            End { mac, protocol: kind, ..End::default() }
        } else {
            End { port, protocol: kind, ..host }
        }
    };
    let from = socket(source, packet.source_mac, packet.source_port);
    let to = socket(destination, packet.destination_mac, packet.destination_port);
    Some((sender, source, destination, from, to))
}
