//! The columns of a flow, in the order in which they stand.

use eddy_frame::Kind;

/// A column of a flow: an information element of IPFIX (RFC 7012, and RFC 5103 for the reverse direction), or one of the
/// few that stand in for what IPFIX has no element for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// When the flow began.
    Start,
    /// How long it lasted, in milliseconds.
    Duration,
    /// Who opened it.
    Source,
    /// To whom.
    Destination,
    /// Port of the opener.
    SourcePort,
    /// Port of the other end.
    DestinationPort,
    /// IANA number of the protocol.
    Protocol,
    /// Bytes from the opener.
    Octets,
    /// Packets from the opener.
    Packets,
    /// Bytes to the opener.
    ReverseOctets,
    /// Packets to the opener.
    ReversePackets,
    /// Union of the TCP flags of the opener.
    Flags,
    /// Union of the TCP flags of the other end.
    ReverseFlags,
    /// How the connection went, in Zeek's letters.
    State,
    /// The application protocol.
    Application,
    /// The name asked for.
    DnsName,
    /// The type of record asked for.
    DnsType,
    /// The answer's code.
    DnsCode,
    /// Queries of names.
    DnsQueries,
    /// Different names asked for.
    DnsNames,
    /// Length of the name with most bits per character.
    DnsEntropyLength,
    /// Bits per character of that name.
    DnsEntropy,
    /// The name a TLS client asked for.
    TlsName,
    /// The fingerprint of a TLS client.
    TlsJa4,
    /// The host an HTTP client asked for.
    HttpHost,
    /// What it asked for.
    HttpTarget,
    /// What it calls itself.
    HttpAgent,
    /// Hardware address of the opener.
    SourceMac,
    /// Hardware address of the other end.
    DestinationMac,
    /// ICMP type times 256 plus code.
    Icmp,
    /// Who observed the flow.
    Domain,
    /// One packet in so many was looked at.
    Sampling,
    /// The truth, if somebody wrote it down.
    Label,
    /// What a signature-based sensor said.
    Alert,
}

impl Flow {
    /// How many columns there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// All columns, with name and kind, in order.
    pub(crate) const ALL: [(Self, &'static str, Kind); 34] = [
        (Self::Start, "flowStartMilliseconds", Kind::Time),
        (Self::Duration, "flowDurationMilliseconds", Kind::Float),
        (Self::Source, "sourceAddress", Kind::Text),
        (Self::Destination, "destinationAddress", Kind::Text),
        (Self::SourcePort, "sourceTransportPort", Kind::Int),
        (Self::DestinationPort, "destinationTransportPort", Kind::Int),
        (Self::Protocol, "protocolIdentifier", Kind::Int),
        (Self::Octets, "octetDeltaCount", Kind::Int),
        (Self::Packets, "packetDeltaCount", Kind::Int),
        (Self::ReverseOctets, "reverseOctetDeltaCount", Kind::Int),
        (Self::ReversePackets, "reversePacketDeltaCount", Kind::Int),
        (Self::Flags, "tcpControlBits", Kind::Int),
        (Self::ReverseFlags, "reverseTcpControlBits", Kind::Int),
        (Self::State, "connectionState", Kind::Text),
        (Self::Application, "applicationName", Kind::Text),
        (Self::DnsName, "dnsQueryName", Kind::Text),
        (Self::DnsType, "dnsQueryType", Kind::Int),
        (Self::DnsCode, "dnsResponseCode", Kind::Int),
        (Self::DnsQueries, "dnsQueryCount", Kind::Int),
        (Self::DnsNames, "dnsNameCount", Kind::Int),
        (Self::DnsEntropyLength, "dnsHighestEntropyLength", Kind::Int),
        (Self::DnsEntropy, "dnsHighestEntropy", Kind::Float),
        (Self::TlsName, "tlsServerName", Kind::Text),
        (Self::TlsJa4, "tlsJa4", Kind::Text),
        (Self::HttpHost, "httpRequestHost", Kind::Text),
        (Self::HttpTarget, "httpRequestTarget", Kind::Text),
        (Self::HttpAgent, "httpUserAgent", Kind::Text),
        (Self::SourceMac, "sourceMacAddress", Kind::Text),
        (Self::DestinationMac, "destinationMacAddress", Kind::Text),
        (Self::Icmp, "icmpTypeCodeIPv4", Kind::Int),
        (Self::Domain, "observationDomainId", Kind::Int),
        (Self::Sampling, "samplingInterval", Kind::Int),
        (Self::Label, "label", Kind::Text),
        (Self::Alert, "alertSignature", Kind::Text),
    ];

    /// The place in the order.
    pub(crate) fn idx(self) -> usize {
        self as usize
    }

    /// The name that it has in every table of flows.
    pub fn name(self) -> &'static str {
        Self::ALL.get(self.idx()).map_or("", |(_, name, _)| name)
    }

    /// How values are stored.
    pub(crate) fn kind(self) -> Kind {
        Self::ALL.get(self.idx()).map_or(Kind::Text, |(.., kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_stands_where_its_number_says() {
        for (idx, (column, name, kind)) in Flow::ALL.into_iter().enumerate() {
            assert_eq!((column.idx(), column.name(), column.kind()), (idx, name, kind));
        }
    }
}
