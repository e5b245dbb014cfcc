//! The one list of features.

use super::{FlowFeatures, Measured, View, ratio};

/// One number that is told of a flow.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Its name: that of a column.
    pub name: &'static str,
    /// Its unit; empty for counts and shares.
    pub unit: &'static str,
    /// Whether it is a whole number.
    pub is_whole: bool,
    /// How it is computed, in words.
    pub formula: &'static str,
    /// Whose it is.
    pub source: Origin,
    /// The element of IPFIX (RFC 7012, 5103) or of CERT's registry (6871) that says the same; empty where there is none.
    pub element: &'static str,
    get: fn(&Measured<'_>) -> f64,
}

/// Whose definition a feature follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The statistics of NFStream 6.
    NfStream,
    /// CICFlowMeter, as corrected by Engelen, Rimmer and Joosen (2021).
    Cic,
    /// The elements of IPFIX or CERT named beside.
    Ipfix,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NfStream => "NFStream",
            Self::Cic => "CICFlowMeter, corrected",
            Self::Ipfix => "IPFIX",
        })
    }
}

impl Feature {
    /// Its value; NaN where it is missing, finite otherwise.
    #[inline]
    pub fn of(&self, measured: &Measured<'_>) -> f64 {
        (self.get)(measured)
    }
}

/// Features of a direction or of both, under a prefix each: name, unit, whole, formula, source, element, value.
macro_rules! features {
    ($list:ident: $prefix:literal, $view:expr => $(($name:literal, $unit:literal, $whole:literal, $formula:literal, $source:ident,
        $element:literal, $get:expr)),* $(,)?) => {
        const $list: &[Feature] = &[$(Feature {
            name: concat!($prefix, $name),
            unit: $unit,
            is_whole: $whole,
            formula: $formula,
            source: Origin::$source,
            element: $element,
            get: |measured| {
                let get: fn(&Measured<'_>, View) -> f64 = $get;
                get(measured, $view)
            },
        }),*];
    };
}

/// What is told of both directions together, and of each.
macro_rules! of_each {
    ($list:ident, $prefix:literal, $view:expr) => {
        features! { $list: $prefix, $view =>
            ("duration_ms", "ms", false, "time of the last packet - time of the first", NfStream, "flowDurationMilliseconds", |m, v| m.told(v).duration_ms),
            ("packets", "", true, "number of packets", NfStream, "packetDeltaCount", |m, v| m.told(v).packets),
            ("bytes", "bytes", true, "sum of lengths of frames on the wire", NfStream, "layer2OctetDeltaCount", |m, v| m.told(v).frame_octets),
            ("min_ps", "bytes", true, "smallest frame", NfStream, "", |m, v| m.told(v).frame.min),
            ("mean_ps", "bytes", false, "mean length of frames", NfStream, "", |m, v| m.told(v).frame.mean),
            ("stddev_ps", "bytes", false, "standard deviation of lengths of frames (n - 1), 0 for one", NfStream, "", |m, v| m.told(v).frame.stddev),
            ("max_ps", "bytes", true, "largest frame", NfStream, "", |m, v| m.told(v).frame.max),
            ("min_piat_ms", "ms", false, "shortest time between a packet and the next, 0 for one packet", NfStream, "", |m, v| m.told(v).gaps.min),
            ("mean_piat_ms", "ms", false, "mean of these times", NfStream, "averageInterarrivalTime (CERT)", |m, v| m.told(v).gaps.mean),
            ("stddev_piat_ms", "ms", false, "standard deviation of these times (n - 1), 0 for fewer than two", NfStream, "standardDeviationInterarrivalTime (CERT)", |m, v| m.told(v).gaps.stddev),
            ("max_piat_ms", "ms", false, "longest of these times", NfStream, "", |m, v| m.told(v).gaps.max),
            ("syn_packets", "", true, "packets with SYN", NfStream, "tcpSynTotalCount", |m, v| m.flag(v, 1)),
            ("cwr_packets", "", true, "packets with CWR", NfStream, "", |m, v| m.flag(v, 7)),
            ("ece_packets", "", true, "packets with ECE", NfStream, "", |m, v| m.flag(v, 6)),
            ("urg_packets", "", true, "packets with URG", NfStream, "tcpUrgTotalCount", |m, v| m.flag(v, 5)),
            ("ack_packets", "", true, "packets with ACK", NfStream, "tcpAckTotalCount", |m, v| m.flag(v, 4)),
            ("psh_packets", "", true, "packets with PSH", NfStream, "tcpPshTotalCount", |m, v| m.flag(v, 3)),
            ("rst_packets", "", true, "packets with RST", NfStream, "tcpRstTotalCount", |m, v| m.flag(v, 2)),
            ("fin_packets", "", true, "packets with FIN", NfStream, "tcpFinTotalCount", |m, v| m.flag(v, 0)),
            ("ip_bytes", "bytes", true, "sum of lengths of IP packets, as their headers state", Ipfix, "octetDeltaCount", |m, v| m.told(v).ip_octets),
            ("min_ip_ps", "bytes", true, "smallest IP packet", Ipfix, "minimumIpTotalLength", |m, v| m.told(v).ip.min),
            ("mean_ip_ps", "bytes", false, "mean length of IP packets", Ipfix, "", |m, v| m.told(v).ip.mean),
            ("stddev_ip_ps", "bytes", false, "standard deviation of these (n - 1)", Ipfix, "", |m, v| m.told(v).ip.stddev),
            ("max_ip_ps", "bytes", true, "largest IP packet", Ipfix, "maximumIpTotalLength", |m, v| m.told(v).ip.max),
            ("payload_bytes", "bytes", true, "sum of lengths of what the transport carries", Ipfix, "transportOctetDeltaCount", |m, v| m.told(v).payload_octets),
            ("min_payload_ps", "bytes", true, "smallest payload, 0 of an empty one", Cic, "", |m, v| m.told(v).payload.min),
            ("mean_payload_ps", "bytes", false, "payload_bytes / packets", Cic, "", |m, v| m.told(v).payload.mean),
            ("stddev_payload_ps", "bytes", false, "standard deviation of payloads (n - 1)", Cic, "", |m, v| m.told(v).payload.stddev),
            ("max_payload_ps", "bytes", true, "largest payload", Cic, "maxPacketSize (CERT)", |m, v| m.told(v).payload.max),
            ("header_bytes", "bytes", true, "sum of lengths of headers from IP to transport: ip_bytes - payload_bytes", Cic, "", |m, v| m.told(v).header_octets),
            ("bytes_per_s", "bytes/s", false, "ip_bytes / duration, 0 where that is 0", Cic, "", |m, v| m.per_second(v, |told| told.ip_octets)),
            ("packets_per_s", "1/s", false, "packets / duration, 0 where that is 0", Cic, "", |m, v| m.per_second(v, |told| told.packets)),
            ("non_empty_packets", "", true, "packets with a payload", Cic, "nonEmptyPacketCount (CERT)", |m, v| m.told(v).non_empty),
            ("small_packets", "", true, "packets with a payload of 1 to 59 bytes", Ipfix, "smallPacketCount (CERT)", |m, v| m.told(v).small),
            ("large_packets", "", true, "packets with a payload of 225 bytes or more", Ipfix, "largePacketCount (CERT)", |m, v| m.told(v).large),
        }
    };
}

of_each!(BOTH, "bidirectional_", View::Both);
of_each!(FORWARD, "src2dst_", View::Forward);
of_each!(REVERSE, "dst2src_", View::Reverse);

/// What is told of each direction, and would make no sense of both.
macro_rules! of_one {
    ($list:ident, $prefix:literal, $view:expr) => {
        features! { $list: $prefix, $view =>
            ("min_header_bytes", "bytes", true, "shortest headers from IP to transport", Cic, "", |m, v| m.of_way(v, m.way(v).least_header.into())),
            ("init_window_bytes", "bytes", true, "TCP window of the first packet, not scaled", Cic, "tcpWindowSize", |m, v| m.of_tcp(v, m.way(v).window.into())),
            ("initial_tcp_flags", "", true, "TCP flags of the first packet", Ipfix, "initialTCPFlags (CERT)", |m, v| m.of_tcp(v, m.way(v).first_flags.into())),
            ("first_payload_bytes", "bytes", true, "length of the first payload that is not empty", Ipfix, "firstNonEmptyPacketSize (CERT)", |m, v| m.of_way(v, m.way(v).first_payload.into())),
            ("min_ttl", "", true, "fewest hops left", Ipfix, "minimumTTL", |m, v| m.of_way(v, m.way(v).least_ttl.into())),
            ("max_ttl", "", true, "most hops left", Ipfix, "maximumTTL", |m, v| m.of_way(v, m.way(v).most_ttl.into())),
            ("bulks", "", true, "bulks: 4 or more payloads of one direction, none of the other between, no gap over 1 s", Cic, "", |m, v| m.bulk(v).bulks.into()),
            ("bulk_bytes", "bytes", false, "payload in bulks / bulks", Cic, "", |m, v| ratio(m.bulk(v).octets as f64, m.bulk(v).bulks.into())),
            ("bulk_packets", "", false, "packets in bulks / bulks", Cic, "", |m, v| ratio(m.bulk(v).packets.into(), m.bulk(v).bulks.into())),
            ("bulk_bytes_per_s", "bytes/s", false, "payload in bulks / time in bulks, 0 where that is 0", Cic, "", |m, v| ratio(m.bulk(v).octets as f64 * 1e9, m.bulk(v).duration_ns as f64)),
            ("subflow_packets", "", false, "packets / subflows", Cic, "", |m, v| m.told(v).packets / m.subflows()),
            ("subflow_bytes", "bytes", false, "payload_bytes / subflows", Cic, "", |m, v| m.told(v).payload_octets / m.subflows()),
        }
    };
}

of_one!(FORWARD_ONLY, "src2dst_", View::Forward);
of_one!(REVERSE_ONLY, "dst2src_", View::Reverse);

features! { WHOLE: "", View::Both =>
    ("down_up_packets", "", false, "dst2src_packets / src2dst_packets, 0 where that is 0", Cic, "", |m, _| ratio(m.reverse.packets, m.forward.packets)),
    ("down_up_bytes", "", false, "dst2src_payload_bytes / src2dst_payload_bytes, 0 where that is 0", Cic, "", |m, _| ratio(m.reverse.payload_octets, m.forward.payload_octets)),
    ("subflows", "", true, "1 + gaps of more than 1 s", Cic, "", |m, _| m.subflows()),
    ("active_periods", "", true, "times of activity: from a packet to the last before a gap of more than 5 s or the end; those of one packet are left out", Cic, "", |m, _| m.active.n as f64),
    ("active_min_ms", "ms", false, "shortest time of activity, 0 where there is none", Cic, "", |m, _| m.active.min),
    ("active_mean_ms", "ms", false, "mean of these", Cic, "", |m, _| m.active.mean),
    ("active_stddev_ms", "ms", false, "standard deviation of these (n - 1)", Cic, "", |m, _| m.active.stddev),
    ("active_max_ms", "ms", false, "longest of these", Cic, "", |m, _| m.active.max),
    ("idle_periods", "", true, "gaps of more than 5 s", Cic, "", |m, _| m.idle.n as f64),
    ("idle_min_ms", "ms", false, "shortest of these, 0 where there is none", Cic, "", |m, _| m.idle.min),
    ("idle_mean_ms", "ms", false, "mean of these", Cic, "", |m, _| m.idle.mean),
    ("idle_stddev_ms", "ms", false, "standard deviation of these (n - 1)", Cic, "", |m, _| m.idle.stddev),
    ("idle_max_ms", "ms", false, "longest of these", Cic, "", |m, _| m.idle.max),
}

/// One of the first packets.
macro_rules! first_packet {
    ($list:ident, $at:literal, $size:literal, $side:literal, $gap:literal) => {
        features! { $list: "splt_", View::Both =>
            ($size, "bytes", true, "length of the frame of this packet of the flow, from 1 on", NfStream, "", |m, _| m.of_packet($at, FlowFeatures::first_size)),
            ($side, "", true, "who sent it: 0 the source, 1 the destination", NfStream, "", |m, _| m.of_packet($at, FlowFeatures::first_side)),
            ($gap, "ms", false, "time since the packet before, 0 for the first", NfStream, "", |m, _| m.of_packet($at, FlowFeatures::first_gap_ms)),
        }
    };
}

first_packet!(PACKET_1, 0, "ps_1", "direction_1", "piat_ms_1");
first_packet!(PACKET_2, 1, "ps_2", "direction_2", "piat_ms_2");
first_packet!(PACKET_3, 2, "ps_3", "direction_3", "piat_ms_3");
first_packet!(PACKET_4, 3, "ps_4", "direction_4", "piat_ms_4");
first_packet!(PACKET_5, 4, "ps_5", "direction_5", "piat_ms_5");
first_packet!(PACKET_6, 5, "ps_6", "direction_6", "piat_ms_6");
first_packet!(PACKET_7, 6, "ps_7", "direction_7", "piat_ms_7");
first_packet!(PACKET_8, 7, "ps_8", "direction_8", "piat_ms_8");
first_packet!(PACKET_9, 8, "ps_9", "direction_9", "piat_ms_9");
first_packet!(PACKET_10, 9, "ps_10", "direction_10", "piat_ms_10");

/// The parts of the list, in order.
const PARTS: [&[Feature]; 16] = [
    BOTH,
    FORWARD,
    REVERSE,
    FORWARD_ONLY,
    REVERSE_ONLY,
    WHOLE,
    PACKET_1,
    PACKET_2,
    PACKET_3,
    PACKET_4,
    PACKET_5,
    PACKET_6,
    PACKET_7,
    PACKET_8,
    PACKET_9,
    PACKET_10,
];

/// The parts of the catalogue that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureSet {
    /// Duration, counts, sizes, intervals and flags of both directions and of each: the statistics of NFStream.
    Statistics,
    /// Everything.
    All,
}

impl FeatureSet {
    /// The features of this part, in the order of columns.
    pub fn features(self) -> Vec<&'static Feature> {
        let is_wanted = |feature: &&Feature| match self {
            Self::Statistics => feature.source == Origin::NfStream && !feature.name.starts_with("splt_"),
            Self::All => true,
        };
        features().filter(is_wanted).collect()
    }
}

/// The catalogue, in the order of columns.
pub fn features() -> impl Iterator<Item = &'static Feature> + Clone {
    PARTS.into_iter().flatten()
}
