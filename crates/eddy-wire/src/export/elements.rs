//! Names and types of the elements of flow records, as IANA lists them.

/// How the bytes of an element are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// A number without sign, of up to 8 bytes.
    Unsigned,
    /// A floating-point number of 4 or 8 bytes.
    Float,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A hardware address.
    Mac,
    /// Text in UTF-8, which may hold anything.
    Text,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// A time as NTP writes it: seconds since 1900 and a fraction of 32 bits.
    NtpTime,
    /// Bytes.
    Octets,
}

/// An information element: who defined it, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Element {
    /// The private enterprise number; 0 is IANA's list, whose first 127 are NetFlow v9's.
    pub enterprise: u32,
    /// The number of the element.
    pub id: u16,
}

/// The enterprise number of elements of the other direction (RFC 5103).
pub const REVERSE: u32 = 29305;

/// Stands for the enterprise number of the scopes of NetFlow v9, which have a list of their own.
pub const V9_SCOPE: u32 = u32::MAX;

impl Element {
    /// An element of IANA's list.
    pub const fn iana(id: u16) -> Self {
        Self { enterprise: 0, id }
    }

    /// Its name, as IANA writes it; that of the forward element for one of the other direction.
    pub fn name(self) -> Option<&'static str> {
        match self.enterprise {
            0 | REVERSE => entry(self.id).map(|(_, name, _)| *name),
            V9_SCOPE => match self.id {
                1 => Some("system"),
                2 => Some("interface"),
                3 => Some("lineCard"),
                4 => Some("cache"),
                5 => Some("template"),
                _ => None,
            },
            _ => None,
        }
    }

    /// How its bytes are to be read; elements that are not known are bytes.
    pub fn element_type(self) -> ElementType {
        match self.enterprise {
            0 | REVERSE => entry(self.id).map_or(ElementType::Octets, |(_, _, kind)| *kind),
            _ => ElementType::Octets,
        }
    }
}

fn entry(id: u16) -> Option<&'static (u16, &'static str, ElementType)> {
    let idx = ELEMENTS.binary_search_by_key(&id, |(id, _, _)| *id).ok()?;
    ELEMENTS.get(idx)
}

use ElementType::{Float, Ipv4, Ipv6, Mac, Milliseconds, NtpTime, Octets, Seconds, Text, Unsigned};

/// In the order of their numbers.
const ELEMENTS: &[(u16, &str, ElementType)] = &[
    (1, "octetDeltaCount", Unsigned),
    (2, "packetDeltaCount", Unsigned),
    (3, "deltaFlowCount", Unsigned),
    (4, "protocolIdentifier", Unsigned),
    (5, "ipClassOfService", Unsigned),
    (6, "tcpControlBits", Unsigned),
    (7, "sourceTransportPort", Unsigned),
    (8, "sourceIPv4Address", Ipv4),
    (9, "sourceIPv4PrefixLength", Unsigned),
    (10, "ingressInterface", Unsigned),
    (11, "destinationTransportPort", Unsigned),
    (12, "destinationIPv4Address", Ipv4),
    (13, "destinationIPv4PrefixLength", Unsigned),
    (14, "egressInterface", Unsigned),
    (15, "ipNextHopIPv4Address", Ipv4),
    (16, "bgpSourceAsNumber", Unsigned),
    (17, "bgpDestinationAsNumber", Unsigned),
    (18, "bgpNextHopIPv4Address", Ipv4),
    (19, "postMCastPacketDeltaCount", Unsigned),
    (20, "postMCastOctetDeltaCount", Unsigned),
    (21, "flowEndSysUpTime", Unsigned),
    (22, "flowStartSysUpTime", Unsigned),
    (23, "postOctetDeltaCount", Unsigned),
    (24, "postPacketDeltaCount", Unsigned),
    (25, "minimumIpTotalLength", Unsigned),
    (26, "maximumIpTotalLength", Unsigned),
    (27, "sourceIPv6Address", Ipv6),
    (28, "destinationIPv6Address", Ipv6),
    (29, "sourceIPv6PrefixLength", Unsigned),
    (30, "destinationIPv6PrefixLength", Unsigned),
    (31, "flowLabelIPv6", Unsigned),
    (32, "icmpTypeCodeIPv4", Unsigned),
    (33, "igmpType", Unsigned),
    (34, "samplingInterval", Unsigned),
    (35, "samplingAlgorithm", Unsigned),
    (36, "flowActiveTimeout", Unsigned),
    (37, "flowIdleTimeout", Unsigned),
    (38, "engineType", Unsigned),
    (39, "engineId", Unsigned),
    (40, "exportedOctetTotalCount", Unsigned),
    (41, "exportedMessageTotalCount", Unsigned),
    (42, "exportedFlowRecordTotalCount", Unsigned),
    (43, "ipv4RouterSc", Ipv4),
    (44, "sourceIPv4Prefix", Ipv4),
    (45, "destinationIPv4Prefix", Ipv4),
    (46, "mplsTopLabelType", Unsigned),
    (47, "mplsTopLabelIPv4Address", Ipv4),
    (48, "samplerId", Unsigned),
    (49, "samplerMode", Unsigned),
    (50, "samplerRandomInterval", Unsigned),
    (51, "classId", Unsigned),
    (52, "minimumTTL", Unsigned),
    (53, "maximumTTL", Unsigned),
    (54, "fragmentIdentification", Unsigned),
    (55, "postIpClassOfService", Unsigned),
    (56, "sourceMacAddress", Mac),
    (57, "postDestinationMacAddress", Mac),
    (58, "vlanId", Unsigned),
    (59, "postVlanId", Unsigned),
    (60, "ipVersion", Unsigned),
    (61, "flowDirection", Unsigned),
    (62, "ipNextHopIPv6Address", Ipv6),
    (63, "bgpNextHopIPv6Address", Ipv6),
    (64, "ipv6ExtensionHeaders", Unsigned),
    (70, "mplsTopLabelStackSection", Octets),
    (71, "mplsLabelStackSection2", Octets),
    (72, "mplsLabelStackSection3", Octets),
    (73, "mplsLabelStackSection4", Octets),
    (74, "mplsLabelStackSection5", Octets),
    (75, "mplsLabelStackSection6", Octets),
    (76, "mplsLabelStackSection7", Octets),
    (77, "mplsLabelStackSection8", Octets),
    (78, "mplsLabelStackSection9", Octets),
    (79, "mplsLabelStackSection10", Octets),
    (80, "destinationMacAddress", Mac),
    (81, "postSourceMacAddress", Mac),
    (82, "interfaceName", Text),
    (83, "interfaceDescription", Text),
    (84, "samplerName", Text),
    (85, "octetTotalCount", Unsigned),
    (86, "packetTotalCount", Unsigned),
    (87, "flagsAndSamplerId", Unsigned),
    (88, "fragmentOffset", Unsigned),
    (89, "forwardingStatus", Unsigned),
    (90, "mplsVpnRouteDistinguisher", Octets),
    (91, "mplsTopLabelPrefixLength", Unsigned),
    (92, "srcTrafficIndex", Unsigned),
    (93, "dstTrafficIndex", Unsigned),
    (94, "applicationDescription", Text),
    (95, "applicationId", Octets),
    (96, "applicationName", Text),
    (98, "postIpDiffServCodePoint", Unsigned),
    (99, "multicastReplicationFactor", Unsigned),
    (100, "className", Text),
    (101, "classificationEngineId", Unsigned),
    (102, "layer2packetSectionOffset", Unsigned),
    (103, "layer2packetSectionSize", Unsigned),
    (104, "layer2packetSectionData", Octets),
    (128, "bgpNextAdjacentAsNumber", Unsigned),
    (129, "bgpPrevAdjacentAsNumber", Unsigned),
    (130, "exporterIPv4Address", Ipv4),
    (131, "exporterIPv6Address", Ipv6),
    (132, "droppedOctetDeltaCount", Unsigned),
    (133, "droppedPacketDeltaCount", Unsigned),
    (134, "droppedOctetTotalCount", Unsigned),
    (135, "droppedPacketTotalCount", Unsigned),
    (136, "flowEndReason", Unsigned),
    (137, "commonPropertiesId", Unsigned),
    (138, "observationPointId", Unsigned),
    (139, "icmpTypeCodeIPv6", Unsigned),
    (140, "mplsTopLabelIPv6Address", Ipv6),
    (141, "lineCardId", Unsigned),
    (142, "portId", Unsigned),
    (143, "meteringProcessId", Unsigned),
    (144, "exportingProcessId", Unsigned),
    (145, "templateId", Unsigned),
    (146, "wlanChannelId", Unsigned),
    (147, "wlanSSID", Text),
    (148, "flowId", Unsigned),
    (149, "observationDomainId", Unsigned),
    (150, "flowStartSeconds", Seconds),
    (151, "flowEndSeconds", Seconds),
    (152, "flowStartMilliseconds", Milliseconds),
    (153, "flowEndMilliseconds", Milliseconds),
    (154, "flowStartMicroseconds", NtpTime),
    (155, "flowEndMicroseconds", NtpTime),
    (156, "flowStartNanoseconds", NtpTime),
    (157, "flowEndNanoseconds", NtpTime),
    (158, "flowStartDeltaMicroseconds", Unsigned),
    (159, "flowEndDeltaMicroseconds", Unsigned),
    (160, "systemInitTimeMilliseconds", Milliseconds),
    (161, "flowDurationMilliseconds", Unsigned),
    (162, "flowDurationMicroseconds", Unsigned),
    (163, "observedFlowTotalCount", Unsigned),
    (164, "ignoredPacketTotalCount", Unsigned),
    (165, "ignoredOctetTotalCount", Unsigned),
    (166, "notSentFlowTotalCount", Unsigned),
    (167, "notSentPacketTotalCount", Unsigned),
    (168, "notSentOctetTotalCount", Unsigned),
    (169, "destinationIPv6Prefix", Ipv6),
    (170, "sourceIPv6Prefix", Ipv6),
    (171, "postOctetTotalCount", Unsigned),
    (172, "postPacketTotalCount", Unsigned),
    (173, "flowKeyIndicator", Unsigned),
    (174, "postMCastPacketTotalCount", Unsigned),
    (175, "postMCastOctetTotalCount", Unsigned),
    (176, "icmpTypeIPv4", Unsigned),
    (177, "icmpCodeIPv4", Unsigned),
    (178, "icmpTypeIPv6", Unsigned),
    (179, "icmpCodeIPv6", Unsigned),
    (180, "udpSourcePort", Unsigned),
    (181, "udpDestinationPort", Unsigned),
    (182, "tcpSourcePort", Unsigned),
    (183, "tcpDestinationPort", Unsigned),
    (184, "tcpSequenceNumber", Unsigned),
    (185, "tcpAcknowledgementNumber", Unsigned),
    (186, "tcpWindowSize", Unsigned),
    (187, "tcpUrgentPointer", Unsigned),
    (188, "tcpHeaderLength", Unsigned),
    (189, "ipHeaderLength", Unsigned),
    (190, "totalLengthIPv4", Unsigned),
    (191, "payloadLengthIPv6", Unsigned),
    (192, "ipTTL", Unsigned),
    (193, "nextHeaderIPv6", Unsigned),
    (194, "mplsPayloadLength", Unsigned),
    (195, "ipDiffServCodePoint", Unsigned),
    (196, "ipPrecedence", Unsigned),
    (197, "fragmentFlags", Unsigned),
    (198, "octetDeltaSumOfSquares", Unsigned),
    (199, "octetTotalSumOfSquares", Unsigned),
    (200, "mplsTopLabelTTL", Unsigned),
    (201, "mplsLabelStackLength", Unsigned),
    (202, "mplsLabelStackDepth", Unsigned),
    (203, "mplsTopLabelExp", Unsigned),
    (204, "ipPayloadLength", Unsigned),
    (205, "udpMessageLength", Unsigned),
    (206, "isMulticast", Unsigned),
    (207, "ipv4IHL", Unsigned),
    (208, "ipv4Options", Unsigned),
    (209, "tcpOptions", Unsigned),
    (210, "paddingOctets", Octets),
    (211, "collectorIPv4Address", Ipv4),
    (212, "collectorIPv6Address", Ipv6),
    (213, "exportInterface", Unsigned),
    (214, "exportProtocolVersion", Unsigned),
    (215, "exportTransportProtocol", Unsigned),
    (216, "collectorTransportPort", Unsigned),
    (217, "exporterTransportPort", Unsigned),
    (218, "tcpSynTotalCount", Unsigned),
    (219, "tcpFinTotalCount", Unsigned),
    (220, "tcpRstTotalCount", Unsigned),
    (221, "tcpPshTotalCount", Unsigned),
    (222, "tcpAckTotalCount", Unsigned),
    (223, "tcpUrgTotalCount", Unsigned),
    (224, "ipTotalLength", Unsigned),
    (225, "postNATSourceIPv4Address", Ipv4),
    (226, "postNATDestinationIPv4Address", Ipv4),
    (227, "postNAPTSourceTransportPort", Unsigned),
    (228, "postNAPTDestinationTransportPort", Unsigned),
    (229, "natOriginatingAddressRealm", Unsigned),
    (230, "natEvent", Unsigned),
    (231, "initiatorOctets", Unsigned),
    (232, "responderOctets", Unsigned),
    (233, "firewallEvent", Unsigned),
    (234, "ingressVRFID", Unsigned),
    (235, "egressVRFID", Unsigned),
    (236, "VRFname", Text),
    (237, "postMplsTopLabelExp", Unsigned),
    (238, "tcpWindowScale", Unsigned),
    (239, "biflowDirection", Unsigned),
    (240, "ethernetHeaderLength", Unsigned),
    (241, "ethernetPayloadLength", Unsigned),
    (242, "ethernetTotalLength", Unsigned),
    (243, "dot1qVlanId", Unsigned),
    (244, "dot1qPriority", Unsigned),
    (245, "dot1qCustomerVlanId", Unsigned),
    (246, "dot1qCustomerPriority", Unsigned),
    (247, "metroEvcId", Text),
    (248, "metroEvcType", Unsigned),
    (249, "pseudoWireId", Unsigned),
    (250, "pseudoWireType", Unsigned),
    (251, "pseudoWireControlWord", Unsigned),
    (252, "ingressPhysicalInterface", Unsigned),
    (253, "egressPhysicalInterface", Unsigned),
    (254, "postDot1qVlanId", Unsigned),
    (255, "postDot1qCustomerVlanId", Unsigned),
    (256, "ethernetType", Unsigned),
    (257, "postIpPrecedence", Unsigned),
    (258, "collectionTimeMilliseconds", Milliseconds),
    (259, "exportSctpStreamId", Unsigned),
    (260, "maxExportSeconds", Seconds),
    (261, "maxFlowEndSeconds", Seconds),
    (276, "dataRecordsReliability", Unsigned),
    (277, "observationPointType", Unsigned),
    (278, "newConnectionDeltaCount", Unsigned),
    (279, "connectionSumDurationSeconds", Unsigned),
    (280, "connectionTransactionId", Unsigned),
    (281, "postNATSourceIPv6Address", Ipv6),
    (282, "postNATDestinationIPv6Address", Ipv6),
    (283, "natPoolId", Unsigned),
    (284, "natPoolName", Text),
    (291, "basicList", Octets),
    (292, "subTemplateList", Octets),
    (293, "subTemplateMultiList", Octets),
    (295, "IPSecSPI", Unsigned),
    (296, "greKey", Unsigned),
    (297, "natType", Unsigned),
    (298, "initiatorPackets", Unsigned),
    (299, "responderPackets", Unsigned),
    (300, "observationDomainName", Text),
    (301, "selectionSequenceId", Unsigned),
    (302, "selectorId", Unsigned),
    (303, "informationElementId", Unsigned),
    (304, "selectorAlgorithm", Unsigned),
    (305, "samplingPacketInterval", Unsigned),
    (306, "samplingPacketSpace", Unsigned),
    (307, "samplingTimeInterval", Unsigned),
    (308, "samplingTimeSpace", Unsigned),
    (309, "samplingSize", Unsigned),
    (310, "samplingPopulation", Unsigned),
    (311, "samplingProbability", Float),
    (312, "dataLinkFrameSize", Unsigned),
    (313, "ipHeaderPacketSection", Octets),
    (314, "ipPayloadPacketSection", Octets),
    (315, "dataLinkFrameSection", Octets),
    (318, "selectorIdTotalPktsObserved", Unsigned),
    (319, "selectorIdTotalPktsSelected", Unsigned),
    (322, "observationTimeSeconds", Seconds),
    (323, "observationTimeMilliseconds", Milliseconds),
    (324, "observationTimeMicroseconds", NtpTime),
    (325, "observationTimeNanoseconds", NtpTime),
    (335, "selectorName", Text),
    (339, "informationElementDataType", Unsigned),
    (340, "informationElementDescription", Text),
    (341, "informationElementName", Text),
    (342, "informationElementRangeBegin", Unsigned),
    (343, "informationElementRangeEnd", Unsigned),
    (344, "informationElementSemantics", Unsigned),
    (345, "informationElementUnits", Unsigned),
    (346, "privateEnterpriseNumber", Unsigned),
    (351, "layer2SegmentId", Unsigned),
    (352, "layer2OctetDeltaCount", Unsigned),
    (353, "layer2OctetTotalCount", Unsigned),
    (361, "portRangeStart", Unsigned),
    (362, "portRangeEnd", Unsigned),
    (370, "rtpSequenceNumber", Unsigned),
    (371, "userName", Text),
    (372, "applicationCategoryName", Text),
    (373, "applicationSubCategoryName", Text),
    (374, "applicationGroupName", Text),
    (375, "originalFlowsPresent", Unsigned),
    (376, "originalFlowsInitiated", Unsigned),
    (377, "originalFlowsCompleted", Unsigned),
    (401, "transportOctetDeltaCount", Unsigned),
    (402, "transportPacketDeltaCount", Unsigned),
    (405, "originalObservationDomainId", Unsigned),
    (406, "intermediateProcessId", Unsigned),
    (408, "dataLinkFrameType", Unsigned),
    (409, "sectionOffset", Unsigned),
    (410, "sectionExportedOctets", Unsigned),
    (417, "postLayer2OctetDeltaCount", Unsigned),
    (430, "layer2FrameDeltaCount", Unsigned),
    (455, "mobileIMSI", Text),
    (456, "mobileMSISDN", Text),
    (457, "httpStatusCode", Unsigned),
    (459, "httpRequestMethod", Text),
    (460, "httpRequestHost", Text),
    (461, "httpRequestTarget", Text),
    (462, "httpMessageVersion", Text),
    (463, "natInstanceID", Unsigned),
    (468, "httpUserAgent", Text),
    (469, "httpContentType", Text),
    (470, "httpReasonPhrase", Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_has_no_name_twice() {
        assert!(ELEMENTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let mut names: Vec<&str> = ELEMENTS.iter().map(|(_, name, _)| *name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn names_and_types_are_found() {
        assert_eq!(Element::iana(1).name(), Some("octetDeltaCount"));
        assert_eq!(Element::iana(11).name(), Some("destinationTransportPort"));
        assert_eq!(Element::iana(27).element_type(), ElementType::Ipv6);
        assert_eq!(Element { enterprise: REVERSE, id: 2 }.name(), Some("packetDeltaCount"));
        assert_eq!(Element { enterprise: V9_SCOPE, id: 2 }.name(), Some("interface"));
        assert_eq!(Element { enterprise: 9, id: 1 }.name(), None);
        assert_eq!(Element::iana(65_000).element_type(), ElementType::Octets);
    }
}
