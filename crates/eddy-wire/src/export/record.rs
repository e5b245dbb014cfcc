//! One flow record, flat and as the list of its fields.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::elements::{Element, ElementType, REVERSE};
use super::templates::Template;
use super::{CollectorStats, Context, ExportVersion};
use crate::cursor::Cursor;
use crate::packet::{Network, mapped};

/// A flow as an exporter tells of it. The fields are named after IPFIX elements; what was not sent is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowRecord {
    /// Which kind of addresses it has.
    pub network: Network,
    /// `sourceIPv4Address` or `sourceIPv6Address`, as in [`crate::Packet::source`].
    pub source: u128,
    /// `destinationIPv4Address` or `destinationIPv6Address`.
    pub destination: u128,
    /// `protocolIdentifier`.
    pub protocol_identifier: u8,
    /// `sourceTransportPort`.
    pub source_transport_port: u16,
    /// `destinationTransportPort`.
    pub destination_transport_port: u16,
    /// `tcpControlBits`: all flags of the flow.
    pub tcp_control_bits: u16,
    /// `ipClassOfService`.
    pub ip_class_of_service: u8,
    /// `icmpTypeCodeIPv4` or `icmpTypeCodeIPv6`.
    pub icmp_type_code: u16,
    /// `octetDeltaCount`, or the total or the initiator's octets where only those were sent.
    pub octet_delta_count: u64,
    /// `packetDeltaCount`, likewise.
    pub packet_delta_count: u64,
    /// Octets of the other direction.
    pub reverse_octet_delta_count: u64,
    /// Packets of the other direction.
    pub reverse_packet_delta_count: u64,
    /// When the flow began, in nanoseconds since 1970.
    pub flow_start_ns: i64,
    /// When it ended.
    pub flow_end_ns: i64,
    /// `flowEndReason`.
    pub flow_end_reason: u8,
    /// `flowDirection`: 0 in, 1 out.
    pub flow_direction: u8,
    /// `ingressInterface`.
    pub ingress_interface: u32,
    /// `egressInterface`.
    pub egress_interface: u32,
    /// `bgpSourceAsNumber`.
    pub bgp_source_as_number: u32,
    /// `bgpDestinationAsNumber`.
    pub bgp_destination_as_number: u32,
    /// `vlanId`.
    pub vlan_id: u16,
    /// One of so many packets was looked at; 0 where nothing is known about it, 1 where all were.
    pub sampling_interval: u32,
    /// The times make no sense (end before start, or far from the time of receipt) and were bent.
    pub time_suspect: bool,
}

impl FlowRecord {
    /// The source address, where one was sent.
    pub fn source_address(&self) -> Option<IpAddr> {
        address(self.network, self.source)
    }

    /// The destination address, where one was sent.
    pub fn destination_address(&self) -> Option<IpAddr> {
        address(self.network, self.destination)
    }
}

fn address(network: Network, bits: u128) -> Option<IpAddr> {
    let v6 = Ipv6Addr::from_bits(bits);
    match network {
        Network::Ipv4 => v6.to_ipv4_mapped().map(IpAddr::V4),
        Network::Ipv6 => Some(IpAddr::V6(v6)),
        _ => None,
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A number.
    Unsigned(u64),
    /// A floating-point number.
    Float(f64),
    /// An address.
    Address(IpAddr),
    /// A hardware address.
    Mac([u8; 6]),
    /// A time, in nanoseconds since 1970.
    Time(i64),
    /// Text, which comes from outside and may hold anything.
    Text(&'a str),
    /// Bytes of an unknown element, or that do not fit their type.
    Octets(&'a [u8]),
}

/// One field of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    /// Which it is.
    pub element: Element,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<'a> Field<'a> {
    /// What the bytes stand for.
    pub fn value(&self) -> Value<'a> {
        let bytes = self.bytes;
        let number = || unsigned(bytes);
        let value = match self.element.element_type() {
            ElementType::Unsigned => number().map(Value::Unsigned),
            ElementType::Float => match *bytes {
                [a, b, c, d] => Some(Value::Float(f64::from(f32::from_be_bytes([a, b, c, d])))),
                _ => bytes.try_into().ok().map(|bytes| Value::Float(f64::from_be_bytes(bytes))),
            },
            ElementType::Ipv4 => {
                bytes.try_into().ok().map(|b: [u8; 4]| Value::Address(Ipv4Addr::from(b).into()))
            }
            ElementType::Ipv6 => {
                bytes.try_into().ok().map(|b: [u8; 16]| Value::Address(Ipv6Addr::from(b).into()))
            }
            ElementType::Mac => bytes.try_into().ok().map(Value::Mac),
            ElementType::Text => {
                let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
                bytes.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Value::Text)
            }
            ElementType::Seconds => number().map(|n| Value::Time(scaled(n, 1_000_000_000))),
            ElementType::Milliseconds => number().map(|n| Value::Time(scaled(n, 1_000_000))),
            ElementType::NtpTime => number().map(|n| Value::Time(ntp_ns(n))),
            ElementType::Octets => None,
        };
        value.unwrap_or(Value::Octets(bytes))
    }
}

/// The fields of a record, in the order in which they were sent.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    template: Arc<Template>,
    idx: usize,
    rest: Cursor<'a>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let spec = self.template.fields.get(self.idx)?;
        self.idx = self.idx.saturating_add(1);
        let bytes = field_bytes(&mut self.rest, spec.len)?;
        Some(Field { element: spec.element, bytes })
    }
}

/// One record of a datagram.
#[derive(Debug)]
pub struct Record<'a> {
    /// The version of the datagram.
    pub version: ExportVersion,
    /// Who sent it.
    pub exporter: IpAddr,
    /// The observation domain (source id, engine).
    pub domain: u32,
    /// The template; 0 in NetFlow v5.
    pub template_id: u16,
    /// The elements that most have in common.
    pub flow: FlowRecord,
    pub(super) template: Option<&'a Arc<Template>>,
    pub(super) bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// All fields; none in NetFlow v5, whose fields are all in [`Record::flow`].
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let bytes = self.bytes;
        let fields = self.template.map(|template| Fields {
            template: Arc::clone(template),
            idx: 0,
            rest: Cursor::new(bytes),
        });
        fields.into_iter().flatten()
    }
}

/// The bytes of a field: of fixed length, or with their length before them.
#[inline]
pub(super) fn field_bytes<'a>(cursor: &mut Cursor<'a>, len: u16) -> Option<&'a [u8]> {
    if len != u16::MAX {
        return cursor.take(usize::from(len));
    }
    match cursor.u8()? {
        u8::MAX => cursor.block16(),
        len => cursor.take(usize::from(len)),
    }
}

/// Where a field goes in a [`FlowRecord`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nowhere.
    None,
    Octets,
    OtherOctets,
    Packets,
    OtherPackets,
    ReverseOctets,
    ReversePackets,
    Protocol,
    Class,
    Flags,
    SourcePort,
    DestinationPort,
    Source4,
    Destination4,
    Source6,
    Destination6,
    Ingress,
    Egress,
    SourceAs,
    DestinationAs,
    StartUptime,
    EndUptime,
    StartSeconds,
    EndSeconds,
    StartMilliseconds,
    EndMilliseconds,
    StartNtp,
    EndNtp,
    StartDelta,
    EndDelta,
    DurationMilliseconds,
    Observation,
    SystemInit,
    EndReason,
    Direction,
    Vlan,
    IcmpTypeCode,
    IcmpType,
    IcmpCode,
    SamplingInterval,
    SamplingSpace,
    SamplerId,
}

impl Target {
    /// The target of an element, if its length fits: a field that is longer than its type is left to itself.
    pub(super) fn of(element: Element, len: u16) -> Self {
        let reverse = element.enterprise == REVERSE;
        if !reverse && element.enterprise != 0 {
            return Self::None;
        }
        let target = match (element.id, reverse) {
            (1 | 85 | 231, true) => Self::ReverseOctets,
            (2 | 86 | 298, true) => Self::ReversePackets,
            (_, true) => Self::None,
            (1, _) => Self::Octets,
            (23 | 85 | 171 | 231 | 352, _) => Self::OtherOctets,
            (2, _) => Self::Packets,
            (24 | 86 | 172 | 298, _) => Self::OtherPackets,
            (232, _) => Self::ReverseOctets,
            (299, _) => Self::ReversePackets,
            (4, _) => Self::Protocol,
            (5, _) => Self::Class,
            (6, _) => Self::Flags,
            (7 | 180 | 182, _) => Self::SourcePort,
            (11 | 181 | 183, _) => Self::DestinationPort,
            (8, _) => Self::Source4,
            (12, _) => Self::Destination4,
            (27, _) => Self::Source6,
            (28, _) => Self::Destination6,
            (10, _) => Self::Ingress,
            (14, _) => Self::Egress,
            (16, _) => Self::SourceAs,
            (17, _) => Self::DestinationAs,
            (22, _) => Self::StartUptime,
            (21, _) => Self::EndUptime,
            (150, _) => Self::StartSeconds,
            (151, _) => Self::EndSeconds,
            (152, _) => Self::StartMilliseconds,
            (153, _) => Self::EndMilliseconds,
            (154 | 156, _) => Self::StartNtp,
            (155 | 157, _) => Self::EndNtp,
            (158, _) => Self::StartDelta,
            (159, _) => Self::EndDelta,
            (161, _) => Self::DurationMilliseconds,
            (323, _) => Self::Observation,
            (160, _) => Self::SystemInit,
            (136, _) => Self::EndReason,
            (61, _) => Self::Direction,
            (58 | 243, _) => Self::Vlan,
            (32 | 139, _) => Self::IcmpTypeCode,
            (176 | 178, _) => Self::IcmpType,
            (177 | 179, _) => Self::IcmpCode,
            (34 | 50 | 305, _) => Self::SamplingInterval,
            (306, _) => Self::SamplingSpace,
            (48 | 302, _) => Self::SamplerId,
            _ => Self::None,
        };
        let fits = match target {
            Self::Source4 | Self::Destination4 => len == 4,
            Self::Source6 | Self::Destination6 => len == 16,
            _ => (1..=8).contains(&len),
        };
        if fits { target } else { Self::None }
    }
}

/// What has to be known before times and rates can be made out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extra {
    start_uptime: Option<u32>,
    end_uptime: Option<u32>,
    duration_ns: i64,
    init_ns: Option<i64>,
    pub(super) sampling_interval: Option<u64>,
    pub(super) sampling_space: u64,
    pub(super) sampler: Option<u64>,
}

/// A number of at most 8 bytes.
#[inline]
pub(super) fn unsigned(bytes: &[u8]) -> Option<u64> {
    match *bytes {
        [a] => Some(u64::from(a)),
        [a, b] => Some(u64::from(u16::from_be_bytes([a, b]))),
        [a, b, c, d] => Some(u64::from(u32::from_be_bytes([a, b, c, d]))),
        [a, b, c, d, e, f, g, h] => Some(u64::from_be_bytes([a, b, c, d, e, f, g, h])),
        [] | [_, _, _, _, _, _, _, _, _, ..] => None,
        _ => Some(bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))),
    }
}

/// Numbers that are longer than their place take its largest value.
fn narrow<T: TryFrom<u64>>(number: u64, most: T) -> T {
    T::try_from(number).unwrap_or(most)
}

fn scaled(number: u64, unit_ns: i64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(unit_ns)
}

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: i64 = 2_208_988_800;

fn ntp_ns(number: u64) -> i64 {
    let seconds = narrow::<i64>(number >> 32, i64::MAX).saturating_sub(NTP_TO_UNIX);
    let fraction = (number & 0xffff_ffff).saturating_mul(1_000_000_000) >> 32;
    seconds.saturating_mul(1_000_000_000).saturating_add(narrow(fraction, 0))
}

/// Puts a field where it belongs.
#[inline]
pub(super) fn apply(target: Target, bytes: &[u8], flow: &mut FlowRecord, extra: &mut Extra, export_ns: i64) {
    match target {
        Target::None => return,
        Target::Source6 | Target::Destination6 => return address_6(target, bytes, flow),
        _ => {}
    }
    let Some(number) = unsigned(bytes) else { return };
    match target {
        Target::Octets => flow.octet_delta_count = number,
        Target::Packets => flow.packet_delta_count = number,
        Target::Protocol => flow.protocol_identifier = narrow(number, u8::MAX),
        Target::Class => flow.ip_class_of_service = narrow(number, u8::MAX),
        Target::Flags => flow.tcp_control_bits = narrow(number, u16::MAX),
        Target::SourcePort => flow.source_transport_port = narrow(number, u16::MAX),
        Target::DestinationPort => flow.destination_transport_port = narrow(number, u16::MAX),
        Target::Source4 | Target::Destination4 => {
            // Some exporters send both kinds of address and leave one empty.
            if flow.network != Network::Ipv6 || number != 0 {
                flow.network = Network::Ipv4;
                let bits = mapped(narrow(number, u32::MAX).to_be_bytes());
                *(if target == Target::Source4 { &mut flow.source } else { &mut flow.destination }) = bits;
            }
        }
        Target::Ingress => flow.ingress_interface = narrow(number, u32::MAX),
        Target::Egress => flow.egress_interface = narrow(number, u32::MAX),
        Target::StartUptime => extra.start_uptime = Some(narrow(number, u32::MAX)),
        Target::EndUptime => extra.end_uptime = Some(narrow(number, u32::MAX)),
        _ => apply_rare(target, number, flow, extra, export_ns),
    }
}

fn address_6(target: Target, bytes: &[u8], flow: &mut FlowRecord) {
    let Some(bits) = bytes.first_chunk().map(|bytes| u128::from_be_bytes(*bytes)) else { return };
    if flow.network != Network::Ipv4 || bits != 0 {
        flow.network = Network::Ipv6;
        *(if target == Target::Source6 { &mut flow.source } else { &mut flow.destination }) = bits;
    }
}

fn apply_rare(target: Target, number: u64, flow: &mut FlowRecord, extra: &mut Extra, export_ns: i64) {
    let delta = || export_ns.saturating_sub(scaled(number, 1000));
    match target {
        Target::OtherOctets if flow.octet_delta_count == 0 => flow.octet_delta_count = number,
        Target::OtherPackets if flow.packet_delta_count == 0 => flow.packet_delta_count = number,
        Target::ReverseOctets => flow.reverse_octet_delta_count = number,
        Target::ReversePackets => flow.reverse_packet_delta_count = number,
        Target::SourceAs => flow.bgp_source_as_number = narrow(number, u32::MAX),
        Target::DestinationAs => flow.bgp_destination_as_number = narrow(number, u32::MAX),
        Target::StartSeconds => flow.flow_start_ns = scaled(number, 1_000_000_000),
        Target::EndSeconds => flow.flow_end_ns = scaled(number, 1_000_000_000),
        Target::StartMilliseconds => flow.flow_start_ns = scaled(number, 1_000_000),
        Target::EndMilliseconds => flow.flow_end_ns = scaled(number, 1_000_000),
        Target::StartNtp => flow.flow_start_ns = ntp_ns(number),
        Target::EndNtp => flow.flow_end_ns = ntp_ns(number),
        Target::StartDelta => flow.flow_start_ns = delta(),
        Target::EndDelta => flow.flow_end_ns = delta(),
        Target::DurationMilliseconds => extra.duration_ns = scaled(number, 1_000_000),
        Target::Observation if flow.flow_end_ns == 0 => flow.flow_end_ns = scaled(number, 1_000_000),
        Target::SystemInit => extra.init_ns = Some(scaled(number, 1_000_000)),
        Target::EndReason => flow.flow_end_reason = narrow(number, u8::MAX),
        Target::Direction => flow.flow_direction = narrow(number, u8::MAX),
        Target::Vlan => flow.vlan_id = narrow(number, u16::MAX),
        Target::IcmpTypeCode => flow.icmp_type_code = narrow(number, u16::MAX),
        Target::IcmpType => {
            flow.icmp_type_code = (flow.icmp_type_code & 0xff) | (narrow::<u16>(number & 0xff, 0) << 8);
        }
        Target::IcmpCode => {
            flow.icmp_type_code = (flow.icmp_type_code & 0xff00) | narrow::<u16>(number & 0xff, 0);
        }
        Target::SamplingInterval => extra.sampling_interval = Some(number),
        Target::SamplingSpace => extra.sampling_space = number,
        Target::SamplerId => extra.sampler = Some(number),
        _ => {}
    }
}

/// A time since the exporter's start as an absolute one. The clock runs over every 50 days, so only differences of less
/// than half of that are told right.
#[inline]
pub(super) fn uptime_ns(uptime_ms: u32, now_ms: u32, export_ns: i64) -> i64 {
    let difference = i64::from(uptime_ms.wrapping_sub(now_ms).cast_signed());
    export_ns.saturating_add(difference.saturating_mul(1_000_000))
}

/// Makes out the times, once all fields are known.
#[inline]
pub(super) fn finish_times(
    flow: &mut FlowRecord,
    extra: &Extra,
    context: &Context,
    stats: &mut CollectorStats,
) {
    let now_ms = context.uptime_ms.or_else(|| {
        let since = context.export_ns.checked_sub(extra.init_ns?)?.checked_div(1_000_000)?;
        u32::try_from(since.rem_euclid(1 << 32)).ok()
    });
    let absolute =
        |uptime: Option<u32>| uptime.zip(now_ms).map(|(at, now)| uptime_ns(at, now, context.export_ns));
    if let Some(ns) = absolute(extra.start_uptime) {
        flow.flow_start_ns = ns;
    }
    if let Some(ns) = absolute(extra.end_uptime) {
        flow.flow_end_ns = ns;
    }
    match (flow.flow_start_ns, flow.flow_end_ns) {
        (0, 0) => (flow.flow_start_ns, flow.flow_end_ns) = (context.export_ns, context.export_ns),
        (0, end) => flow.flow_start_ns = end.saturating_sub(extra.duration_ns),
        (start, 0) => flow.flow_end_ns = start.saturating_add(extra.duration_ns),
        _ => {}
    }
    let earliest = context.received_ns.saturating_sub(context.window_ns);
    let latest = context.received_ns.saturating_add(context.window_ns);
    let bent = |ns: i64| ns.max(earliest).min(latest);
    let (start, end) = (bent(flow.flow_start_ns), bent(flow.flow_end_ns));
    if (start, end) != (flow.flow_start_ns, flow.flow_end_ns) || end < start {
        flow.time_suspect = true;
        stats.times_suspect = stats.times_suspect.saturating_add(1);
        flow.flow_start_ns = start;
        flow.flow_end_ns = end.max(start);
    }
}
