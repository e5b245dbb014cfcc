//! Tables that have the flow columns already, or those of IPFIX by its own names.

use eddy_frame::{Column, Kind};

use super::column::Flow;
use super::mapped::{Mapped, Raw, addresses, between, ints, plain_texts, protocols};
use super::{Gives, Log, Wanted};

/// What is read.
const WANTED: &[Wanted] = &[
    ("flowStartMilliseconds", Kind::Time),
    ("flowEndMilliseconds", Kind::Time),
    ("flowDurationMilliseconds", Kind::Float),
    ("sourceAddress", Kind::Text),
    ("sourceIPv4Address", Kind::Text),
    ("sourceIPv6Address", Kind::Text),
    ("destinationAddress", Kind::Text),
    ("destinationIPv4Address", Kind::Text),
    ("destinationIPv6Address", Kind::Text),
    ("sourceTransportPort", Kind::Int),
    ("destinationTransportPort", Kind::Int),
    ("protocolIdentifier", Kind::Text),
    ("octetDeltaCount", Kind::Int),
    ("packetDeltaCount", Kind::Int),
    ("reverseOctetDeltaCount", Kind::Int),
    ("reversePacketDeltaCount", Kind::Int),
    ("tcpControlBits", Kind::Int),
    ("reverseTcpControlBits", Kind::Int),
    ("connectionState", Kind::Text),
    ("applicationName", Kind::Text),
    ("dnsQueryName", Kind::Text),
    ("dnsQueryType", Kind::Int),
    ("dnsResponseCode", Kind::Int),
    ("dnsQueryCount", Kind::Int),
    ("dnsNameCount", Kind::Int),
    ("dnsHighestEntropyLength", Kind::Int),
    ("dnsHighestEntropy", Kind::Float),
    ("tlsServerName", Kind::Text),
    ("tlsJa4", Kind::Text),
    ("httpRequestHost", Kind::Text),
    ("httpRequestTarget", Kind::Text),
    ("httpUserAgent", Kind::Text),
    ("sourceMacAddress", Kind::Text),
    ("destinationMacAddress", Kind::Text),
    ("icmpTypeCodeIPv4", Kind::Int),
    ("observationDomainId", Kind::Int),
    ("samplingInterval", Kind::Int),
    ("label", Kind::Text),
    ("alertSignature", Kind::Text),
];

/// Rows.
pub(super) const FLOWS: Log =
    Log { shape: "flows", short: "flows", gives: Gives::Flows, wanted: WANTED, unless_zero: &[], map };

fn map(raw: &Raw<'_>) -> Mapped {
    let mut mapped = Mapped::new();
    for (flow, name, kind) in Flow::ALL {
        let column = match kind {
            Kind::Time => raw.time(&[name]).map(|times| Column::Time(times.to_vec())),
            Kind::Float => raw.float(&[name]).map(|values| Column::Float(values.to_vec())),
            Kind::Int => ints(raw.int(&[name])),
            Kind::Text => plain_texts(raw.text(&[name])),
        };
        mapped.set(flow, column);
    }
    mapped
        .set(Flow::Source, addresses(raw.text(&["sourceAddress", "sourceIPv4Address", "sourceIPv6Address"])));
    mapped.set(
        Flow::Destination,
        addresses(raw.text(&["destinationAddress", "destinationIPv4Address", "destinationIPv6Address"])),
    );
    mapped.set(Flow::Protocol, protocols(raw.text(&["protocolIdentifier"])));
    if mapped.get(Flow::Duration).is_none() {
        let ends = raw.time(&["flowEndMilliseconds"]);
        mapped.set(Flow::Duration, between(raw.time(&["flowStartMilliseconds"]), ends));
    }
    mapped.need_addresses(raw.n_rows);
    mapped
}
