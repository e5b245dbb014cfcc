//! Community ID, version 1: one name for a flow in all tools (Corelight, "Community ID Flow Hashing").

use std::net::IpAddr;

use eddy_wire::protocol;
use sha1::{Digest, Sha1};

use crate::biflow::Biflow;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The Community ID of a flow: `1:` and the SHA-1 of seed, ends and protocol in Base64.
pub fn community_id(flow: &Biflow, seed: u16) -> String {
    let (source_port, destination_port, one_way) = ports(flow);
    let mut source = (octets(flow.source_address()), source_port);
    let mut destination = (octets(flow.destination_address()), destination_port);
    if !one_way && destination < source {
        std::mem::swap(&mut source, &mut destination);
    }
    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    hash.update(&source.0);
    hash.update(&destination.0);
    hash.update([flow.protocol_identifier, 0]);
    let has_ports = matches!(
        flow.protocol_identifier,
        protocol::ICMP | protocol::TCP | protocol::UDP | protocol::ICMPV6 | protocol::SCTP
    );
    if has_ports {
        hash.update(source.1.to_be_bytes());
        hash.update(destination.1.to_be_bytes());
    }
    format!("1:{}", base64(&hash.finalize()))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Ports; for ICMP its type, and the type that answers it. A type that nothing answers has only one direction.
fn ports(flow: &Biflow) -> (u16, u16, bool) {
    let [kind, code] = flow.icmp_type_code.to_be_bytes();
    let answer = match (flow.protocol_identifier, kind) {
        (protocol::ICMP, 0 | 8) => kind ^ 8,
        (protocol::ICMP, 9) => 10,
        (protocol::ICMP, 10) => 9,
        (protocol::ICMP, 13) => 14,
        (protocol::ICMP, 14) => 13,
        (protocol::ICMP, 15) => 16,
        (protocol::ICMP, 16) => 15,
        (protocol::ICMP, 17) => 18,
        (protocol::ICMP, 18) => 17,
        (protocol::ICMPV6, 128 | 129) => kind ^ 1,
        (protocol::ICMPV6, 130) => 131,
        (protocol::ICMPV6, 131) => 130,
        (protocol::ICMPV6, 133) => 134,
        (protocol::ICMPV6, 134) => 133,
        (protocol::ICMPV6, 135) => 136,
        (protocol::ICMPV6, 136) => 135,
        (protocol::ICMPV6, 139) => 140,
        (protocol::ICMPV6, 140) => 139,
        (protocol::ICMPV6, 144) => 145,
        (protocol::ICMPV6, 145) => 144,
        (protocol::ICMP | protocol::ICMPV6, _) => return (u16::from(kind), u16::from(code), true),
        _ => return (flow.source_transport_port, flow.destination_transport_port, false),
    };
    (u16::from(kind), u16::from(answer), false)
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let word = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = usize::try_from((word >> shift) & 0x3f).unwrap_or(0);
            let letter = ALPHABET.get(digit).copied().unwrap_or(b'=');
            text.push(if at > group.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use eddy_wire::Network;

    fn check(protocol: u8, ends: [&str; 2], ports: [u16; 2], icmp: [u8; 2], expect: &str) {
        let bits = |text: &str| match text.parse().unwrap() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let network = if ends[0].contains(':') { Network::Ipv6 } else { Network::Ipv4 };
        let flow = Biflow {
            network,
            source: bits(ends[0]),
            destination: bits(ends[1]),
            source_transport_port: ports[0],
            destination_transport_port: ports[1],
            protocol_identifier: protocol,
            icmp_type_code: u16::from_be_bytes(icmp),
            ..Biflow::default()
        };
        assert_eq!(community_id(&flow, 0), expect);
    }

    #[test]
    fn published_vectors_are_met() {
        let web = ["128.232.110.120", "66.35.250.204"];
        check(6, web, [34855, 80], [0, 0], "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        check(6, [web[1], web[0]], [80, 34855], [0, 0], "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        check(17, ["192.168.1.52", "8.8.8.8"], [54585, 53], [0, 0], "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
        check(132, ["192.168.170.8", "192.168.170.56"], [7, 80], [0, 0], "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=");
        check(1, ["192.168.0.89", "192.168.0.1"], [0, 0], [8, 0], "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        check(1, ["192.168.0.1", "192.168.0.89"], [0, 0], [0, 0], "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        let neighbours = ["fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea"];
        check(58, neighbours, [0, 0], [135, 0], "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
    }

    #[test]
    fn base64_pads_as_it_should() {
        for (bytes, expect) in [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v")] {
            assert_eq!(base64(bytes), expect);
        }
    }
}
