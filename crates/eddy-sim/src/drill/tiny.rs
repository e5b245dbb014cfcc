//! Attacks of few packets, as samples of them are handed round, and such as live below the ports.

use std::net::{IpAddr, Ipv4Addr};

use super::stage::{Close, Inside, Say, Stage};
use super::{ANY, Drill, DrillTruth, INTO, INWARD, OUTWARD, WITHIN};
use crate::conversation::Side::{Client, Server};
use crate::office::flow::{ACK, FIN, PSH, RST, SYN};

const URG: u8 = 0x20;
/// The flag that more fragments follow.
const MORE: u16 = 0x2000;

pub(super) const DRILLS: &[Drill] = &[
    Drill::new("teardrop", INTO, teardrop).ipv4().tiny(),
    Drill::new("land-few", INTO, land).tiny(),
    Drill::new("ping-of-death", INTO, ping_of_death).ipv4(),
    Drill::new("os-fingerprinting", ANY, fingerprinting).tiny(),
    Drill::new("xmas-few", ANY, |stage| few_ports(stage, FIN | PSH | URG)).tiny(),
    Drill::new("syn-scan-few", ANY, |stage| few_ports(stage, SYN)).tiny(),
    Drill::new("udp-scan-few", ANY, few_datagrams).tiny(),
    Drill::new("ping-sweep-few", ANY, few_echoes).tiny(),
    Drill::new("fragmented-scan", ANY, fragmented_scan).ipv4(),
    Drill::new("arp-poisoning-few", WITHIN, arp_poisoning).ipv4().tiny(),
    Drill::new("icmp-redirect", WITHIN, redirects).ipv4().tiny(),
    Drill::new("name-poisoning", WITHIN, names).ipv4().tiny(),
    Drill::new("rogue-dhcp", WITHIN, rogue_dhcp).ipv4().tiny(),
    Drill::new("mac-flood", WITHIN, macs).ipv4(),
    Drill::new("smurf-requests", INTO, smurf).ipv4(),
    Drill::new("forged-dns-answers", INWARD, forged_answers),
    Drill::new("reset-injection", OUTWARD, resets),
    Drill::new("tftp-guessing", ANY, tftp),
    Drill::new("dnscat-idle", OUTWARD, dnscat).least(150.0),
    Drill::new("ssh-guessing-few", ANY, ssh_few),
];

fn by_one(stage: &Stage, told_as: &'static str) -> DrillTruth {
    DrillTruth { told_as, actors: vec![stage.attacker()], is_forged: false, targets: vec![stage.victim()] }
}

fn forged(stage: &Stage, told_as: &'static str) -> DrillTruth {
    DrillTruth { told_as, actors: Vec::new(), is_forged: true, targets: vec![stage.victim()] }
}

/// The head of a datagram, and so many bytes.
fn datagram(from: u16, to: u16, bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(from.to_be_bytes());
    out.extend(to.to_be_bytes());
    out.extend(((8 + bytes) as u16).to_be_bytes());
    out.extend([0, 0]);
    out.resize(8 + bytes, 0);
    out
}

/// Five datagrams of two fragments, of which the second lies within the first.
fn teardrop(stage: &mut Stage) -> DrillTruth {
    let (from, to) = ((stage.attacker(), 0), (stage.victim(), 0));
    for at in 0..5u16 {
        let at_s = 5.0 + f64::from(at) * 0.3;
        let head = datagram(31_915, 20_197, 28);
        stage.put(at_s, Client, from, to, &Inside::Piece(17, 242 + at, MORE, &head));
        stage.put(at_s + 0.000_1, Client, from, to, &Inside::Piece(17, 242 + at, 3, &[0; 4]));
    }
    by_one(stage, "crafted_packets|flood")
}

/// Three segments from a host to itself.
fn land(stage: &mut Stage) -> DrillTruth {
    let end = (stage.victim(), 139);
    for at in 0..3 {
        stage.tcp(5.0 + f64::from(at), Client, end, end, SYN);
    }
    forged(stage, "crafted_packets|flood")
}

/// An echo request whose last fragment reaches beyond the longest packet there may be.
fn ping_of_death(stage: &mut Stage) -> DrillTruth {
    let (from, to) = ((stage.attacker(), 0), (stage.victim(), 0));
    for at in 0..2u16 {
        let mut offset = 0u16;
        let at_s = 5.0 + f64::from(at);
        while offset <= 8_189 {
            let mut body = vec![0x41; 1_480];
            if offset == 0 {
                body[..8].copy_from_slice(&[8, 0, 0, 0, 0, 7, 0, 1]);
            }
            let more = if offset + 185 > 8_189 { 0 } else { MORE };
            let inside = Inside::Piece(1, 700 + at, more | offset, &body);
            stage.put(at_s + f64::from(offset) * 1e-6, Client, from, to, &inside);
            offset += 185;
        }
    }
    by_one(stage, "crafted_packets|flood")
}

/// Which system a host has, from what it answers to odd packets: an open port, a closed one, echo requests, and a datagram.
fn fingerprinting(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let source = stage.draw.whole(35_000, 60_000) as u16;
    let [ask, answer] = stage.echo();
    let mut at_s = 5.0;
    for at in 0..6u16 {
        let (from, to) = ((attacker, source + at), (victim, 22));
        stage.tcp(at_s, Client, from, to, SYN);
        stage.tcp(at_s + 0.001, Server, to, from, SYN | ACK);
        stage.tcp(at_s + 0.002, Client, from, to, RST);
        at_s += 0.1;
    }
    for (code, bytes) in [(9, 120), (0, 150)] {
        stage.icmp(at_s, Client, attacker, victim, (ask.0, code), bytes);
        stage.icmp(at_s + 0.001, Server, victim, attacker, (answer.0, code), bytes);
        at_s += 0.03;
    }
    let probes = [
        (22, 0xc2),
        (22, 0),
        (22, SYN | FIN | URG | PSH),
        (22, ACK),
        (1, SYN),
        (1, ACK),
        (1, FIN | PSH | URG),
    ];
    for (at, (port, flags)) in probes.into_iter().enumerate() {
        let (from, to) = ((attacker, source + 10 + at as u16), (victim, port));
        stage.tcp(at_s, Client, from, to, flags);
        let back = match (port, flags) {
            (22, 0xc2) => Some(SYN | ACK),
            (22, ACK) => Some(RST),
            (22, _) => None,
            _ => Some(RST | ACK),
        };
        if let Some(back) = back {
            stage.tcp(at_s + 0.001, Server, to, from, back);
        }
        at_s += 0.025;
    }
    stage.udp(at_s, Client, (attacker, source + 20), (victim, 40_101), 300);
    stage.icmp(at_s + 0.001, Server, victim, attacker, (3, 3), 328);
    by_one(stage, "scan|crafted_packets")
}

/// The ports that somebody names who tries a few.
const FEW: [u16; 10] = [21, 22, 23, 25, 53, 80, 110, 139, 443, 445];

/// Ten ports, of which two are open.
fn few_ports(stage: &mut Stage, flags: u8) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for (at, port) in FEW.into_iter().enumerate() {
        let at_s = 5.0 + at as f64 * 0.001;
        let (from, to) = ((attacker, 51_234), (victim, port));
        stage.tcp(at_s, Client, from, to, flags);
        match (port, flags) {
            (22 | 80, SYN) => {
                stage.tcp(at_s + 0.001, Server, to, from, SYN | ACK);
                stage.tcp(at_s + 0.001_1, Client, from, to, RST);
            }
            // Open ports do not answer to anything else.
            (22 | 80, _) => stage.tcp(at_s + 1.1, Client, (attacker, 51_235), to, flags),
            _ => stage.tcp(at_s + 0.001, Server, to, from, RST | ACK),
        }
    }
    by_one(stage, "scan|crafted_packets")
}

/// The ten ports that are most often open, of datagrams.
fn few_datagrams(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for (at, port) in [631, 161, 137, 123, 138, 1_434, 445, 135, 67, 53].into_iter().enumerate() {
        let at_s = 5.0 + at as f64 * 0.8;
        stage.udp(at_s, Client, (attacker, 51_234), (victim, port), 40);
        if port == 137 {
            stage.udp(at_s + 0.8, Client, (attacker, 51_235), (victim, port), 40);
        } else {
            let kind = if stage.setting.is_ipv6 { (1, 4) } else { (3, 3) };
            stage.icmp(at_s + 0.001, Server, victim, attacker, kind, 68);
        }
    }
    by_one(stage, "scan")
}

/// Fourteen hosts one after the other, of which four are there.
fn few_echoes(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let [ask, answer] = stage.echo();
    let mut targets = Vec::new();
    for at in 0..14 {
        let (host, at_s) = (stage.neighbour(at + 1), 5.0 + f64::from(at) * 0.01);
        stage.icmp(at_s, Client, attacker, host, ask, 0);
        if at % 4 == 0 {
            stage.icmp(at_s + 0.001, Server, host, attacker, answer, 0);
        }
        targets.push(host);
    }
    DrillTruth { told_as: "scan", actors: vec![attacker], is_forged: false, targets }
}

/// A scan whose segments are cut into fragments of eight bytes.
fn fragmented_scan(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for (at, at_s) in stage.moments(20.0).into_iter().enumerate() {
        let port = 1 + (at * 389 % 1_021) as u16;
        let mut segment = [0; 24];
        segment[..2].copy_from_slice(&51_234_u16.to_be_bytes());
        segment[2..4].copy_from_slice(&port.to_be_bytes());
        (segment[12], segment[13], segment[14]) = (0x60, SYN, 4);
        segment[20..].copy_from_slice(&[2, 4, 5, 0xb4]);
        for (part, piece) in segment.chunks(8).enumerate() {
            let word = part as u16 | if part < 2 { MORE } else { 0 };
            let inside = Inside::Piece(6, at as u16, word, piece);
            stage.put(at_s + part as f64 * 1e-5, Client, (attacker, 0), (victim, 0), &inside);
        }
        stage.tcp(at_s + 0.002, Server, (victim, port), (attacker, 51_234), RST | ACK);
    }
    by_one(stage, "scan")
}

/// Somebody tells a neighbour five times that the router is at another adapter, and the router the same of the neighbour.
fn arp_poisoning(stage: &mut Stage) -> DrillTruth {
    let (own, router, victim) =
        (Ipv4Addr::new(10, 7, 0, 66), Ipv4Addr::new(10, 7, 0, 1), Ipv4Addr::new(10, 7, 0, 9));
    let [own_mac, router_mac, victim_mac] = [0x0200_0a07_0042, 0x0200_0a07_0001, 0x0200_0a07_0009];
    for (at_s, other, mac) in [(1.0, router, router_mac), (1.1, victim, victim_mac)] {
        stage.arp(at_s, 1, (own_mac, own), (0, other));
        stage.arp(at_s + 0.001, 2, (mac, other), (own_mac, own));
    }
    for at in 0..5 {
        let at_s = 2.0 + f64::from(at);
        stage.arp(at_s, 2, (own_mac, router), (victim_mac, victim));
        stage.arp(at_s + 0.01, 2, (own_mac, victim), (router_mac, router));
    }
    DrillTruth {
        told_as: "arp_spoofing",
        actors: vec![own.into()],
        is_forged: false,
        targets: vec![router.into(), victim.into()],
    }
}

fn octets(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(v4) => v4.octets(),
        IpAddr::V6(_) => [0; 4],
    }
}

/// Messages in the name of the router that there is a shorter way, which leads over somebody else.
fn redirects(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim, router) = (stage.attacker(), stage.victim(), stage.inside(1));
    for at in 0..6u32 {
        let mut body = vec![5, 1, 0, 0];
        body.extend(octets(attacker));
        body.extend([0x45, 0, 0, 40, 0, 7, 0x40, 0, 64, 6, 0, 0]);
        body.extend(octets(victim));
        body.extend(octets(stage.outside(0x900 + at)));
        body.extend([0xc3, 0x50, 1, 0xbb, 0, 0, 0, 1]);
        let adapter = 0x0200_0a07_0042;
        stage.put_by(5.0 + f64::from(at), adapter, (router, 0), (victim, 0), &Inside::Piece(1, 7, 0, &body));
    }
    DrillTruth {
        told_as: "forged_answers|arp_spoofing",
        actors: vec![attacker, router],
        is_forged: false,
        targets: vec![victim],
    }
}

/// A message that asks for a name, or says which address it has.
fn message(id: u16, name: &[u8], kind: u16, answer: Option<&[u8]>) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    let says = answer.is_some();
    out.extend([if says { 0x80 } else { 0 }, 0, 0, 1, 0, u8::from(says), 0, 0, 0, 0]);
    let mut question = vec![name.len() as u8];
    question.extend(name);
    question.extend([0, 0, kind as u8, 0, 1]);
    out.extend(&question);
    if let Some(answer) = answer {
        out.extend(&question);
        out.extend([0, 0, 0, 30]);
        out.extend((answer.len() as u16).to_be_bytes());
        out.extend(answer);
    }
    out
}

/// A name as NetBIOS writes it (RFC 1001, section 14.1).
fn netbios(name: &str) -> Vec<u8> {
    let padded = name.bytes().chain(std::iter::repeat(b' ')).take(15).chain([0]);
    padded.flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]).collect()
}

/// Neighbours ask for names that are not there; somebody has all of them.
fn names(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let group: IpAddr = Ipv4Addr::new(224, 0, 0, 252).into();
    let everybody: IpAddr = Ipv4Addr::new(10, 7, 0, 255).into();
    let mut targets = Vec::new();
    for (at, name) in ["fileserv", "wpad", "prnter2", "intranett"].into_iter().enumerate() {
        let (asker, at_s) = (stage.inside(101 + at as u32), 5.0 + at as f64 * 2.0);
        let (port, id) = (stage.port(), 600 + at as u16);
        let say = message(id, name.as_bytes(), 1, None);
        stage.put(at_s, Client, (asker, port), (group, 5_355), &Inside::Udp(&say, say.len()));
        let say = message(id, name.as_bytes(), 1, Some(&octets(attacker)));
        stage.put(at_s + 0.002, Client, (attacker, 5_355), (asker, port), &Inside::Udp(&say, say.len()));
        let name = netbios(&name.to_uppercase());
        let say = message(id, &name, 32, None);
        stage.put(at_s + 0.1, Client, (asker, 137), (everybody, 137), &Inside::Udp(&say, say.len()));
        let data = [&[0, 0][..], &octets(attacker)].concat();
        let say = message(id, &name, 32, Some(&data));
        stage.put(at_s + 0.102, Client, (attacker, 137), (asker, 137), &Inside::Udp(&say, say.len()));
        targets.push(asker);
    }
    DrillTruth { told_as: "forged_answers", actors: vec![attacker], is_forged: false, targets }
}

/// What a client or a server of leases says.
fn lease(operation: u8, kind: u8, id: u32, client: u64, server: Option<Ipv4Addr>) -> Vec<u8> {
    let mut out = vec![operation, 1, 6, 0];
    out.extend(id.to_be_bytes());
    out.extend([0; 8]);
    out.extend(if server.is_some() { [10, 7, 0, 150] } else { [0; 4] });
    out.extend([0; 8]);
    out.extend(&client.to_be_bytes()[2..]);
    out.resize(236, 0);
    out.extend([99, 130, 83, 99, 53, 1, kind]);
    if let Some(server) = server {
        // The server says that it is the way out, and knows all names.
        for option in [54, 3, 6] {
            out.extend([option, 4]);
            out.extend(server.octets());
        }
    }
    out.push(255);
    out
}

/// Every question for a lease is answered by two servers.
fn rogue_dhcp(stage: &mut Stage) -> DrillTruth {
    let (right, rogue) = (Ipv4Addr::new(10, 7, 0, 1), Ipv4Addr::new(10, 7, 0, 66));
    let nobody: IpAddr = Ipv4Addr::UNSPECIFIED.into();
    let all: IpAddr = Ipv4Addr::BROADCAST.into();
    let mut put = |at_s: f64, from: Ipv4Addr, bytes: &[u8]| {
        let (from, to) = if IpAddr::from(from) == nobody {
            ((nobody, 68), (all, 67))
        } else {
            ((from.into(), 67), (all, 68))
        };
        stage.put(at_s, Client, from, to, &Inside::Udp(bytes, bytes.len()));
    };
    put(1.0, Ipv4Addr::UNSPECIFIED, &lease(1, 1, 900, 0x0200_0a07_0070, None));
    put(1.01, right, &lease(2, 2, 900, 0x0200_0a07_0070, Some(right)));
    for at in 0..4u32 {
        let (at_s, id, client) = (5.0 + f64::from(at) * 3.0, 1_000 + at, 0x0200_0a07_0065 + u64::from(at));
        put(at_s, Ipv4Addr::UNSPECIFIED, &lease(1, 1, id, client, None));
        put(at_s + 0.004, rogue, &lease(2, 2, id, client, Some(rogue)));
        put(at_s + 0.011, right, &lease(2, 2, id, client, Some(right)));
        put(at_s + 0.1, Ipv4Addr::UNSPECIFIED, &lease(1, 3, id, client, None));
        put(at_s + 0.104, rogue, &lease(2, 5, id, client, Some(rogue)));
    }
    DrillTruth {
        told_as: "forged_answers",
        actors: vec![rogue.into()],
        is_forged: false,
        targets: Vec::new(),
    }
}

/// Segments of adapters that are not there, so that a switch forgets those that are.
fn macs(stage: &mut Stage) -> DrillTruth {
    for at_s in stage.moments(300.0) {
        let mut address = || IpAddr::from(stage.draw.whole(1, u32::MAX).to_be_bytes());
        let (from, to) = (address(), address());
        let adapter = u64::from(stage.draw.whole(0, u32::MAX)) << 16 | u64::from(stage.port());
        let (from, to) = ((from, stage.port()), (to, stage.port()));
        stage.put_by(at_s, adapter, from, to, &Inside::Tcp(SYN, &[], 0));
    }
    forged(stage, "flood")
}

/// Echo requests to everybody in the name of the one who is to get the answers.
fn smurf(stage: &mut Stage) -> DrillTruth {
    let victim =
        if stage.setting.way == super::DrillWay::Within { stage.victim() } else { stage.outside(0x777) };
    let all: IpAddr = Ipv4Addr::new(10, 7, 0, 255).into();
    for at_s in stage.moments(10.0) {
        stage.icmp(at_s, Client, victim, all, (8, 0), 56);
    }
    DrillTruth {
        told_as: "flood|crafted_packets|forged_answers",
        actors: Vec::new(),
        is_forged: true,
        targets: vec![victim, all],
    }
}

/// Answers with made-up numbers to each question of a resolver, before the right one is there.
fn forged_answers(stage: &mut Stage) -> DrillTruth {
    let (resolver, server) = (stage.inside(2), stage.outside(0x3535));
    for (at, at_s) in stage.moments(1.0).into_iter().enumerate() {
        let name = format!("{at}x{}", stage.draw.whole(0, 9_999));
        let (from, to) = ((resolver, 33_333), (server, 53));
        let ask = message(at as u16, name.as_bytes(), 1, None);
        stage.put(at_s, Server, from, to, &Inside::Udp(&ask, ask.len()));
        for number in 0..60u16 {
            let say = message(number.wrapping_mul(997), name.as_bytes(), 1, Some(&[198, 18, 9, 9]));
            stage.put(at_s + f64::from(number) * 2e-4, Client, to, from, &Inside::Udp(&say, say.len()));
        }
        let say = message(at as u16, name.as_bytes(), 1, Some(&[198, 18, 44, 4]));
        stage.put(at_s + 0.04, Client, to, from, &Inside::Udp(&say, say.len()));
    }
    DrillTruth {
        told_as: "forged_answers|flood",
        actors: Vec::new(),
        is_forged: true,
        targets: vec![resolver],
    }
}

/// Somebody on the way resets connections in the name of the server, which speaks on.
fn resets(stage: &mut Stage) -> DrillTruth {
    let (client, server) = (stage.attacker(), stage.victim());
    for at_s in stage.moments(1.0) {
        let (from, to) = ((client, stage.port()), (server, 80));
        let says = [
            Say::Text(Client, "GET /a HTTP/1.1\r\nHost: drill.example\r\n\r\n".into()),
            Say::Bytes(Server, 4_000),
        ];
        stage.talk(at_s, from, to, &says, Close::Open);
        for at in 0..3 {
            stage.tcp(at_s + 0.025 + f64::from(at) * 1e-4, Server, to, from, RST | ACK);
        }
        stage.tcp(at_s + 0.06, Server, to, from, FIN | ACK);
    }
    DrillTruth {
        told_as: "forged_answers|unusual",
        actors: Vec::new(),
        is_forged: true,
        targets: vec![client, server],
    }
}

/// Names of files asked of a server one by one, of which it has none.
fn tftp(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for at_s in stage.moments(6.0) {
        let (from, bytes) = ((attacker, stage.port()), stage.draw.whole(14, 30) as usize);
        stage.udp(at_s, Client, from, (victim, 69), bytes);
        let answers = (victim, stage.port());
        stage.udp(at_s + 0.003, Server, answers, from, 19);
    }
    by_one(stage, "brute_force|scan")
}

/// A program that asks once a second whether there is anything to do, in names.
fn dnscat(stage: &mut Stage) -> DrillTruth {
    let (attacker, resolver) = (stage.attacker(), stage.inside(2));
    let mut at_s = 0.5;
    while at_s < stage.until_s() {
        let digits: String =
            (0..34).map(|_| char::from(b"0123456789abcdef"[stage.draw.whole(0, 15) as usize])).collect();
        let mut ask = message(stage.draw.whole(0, 0xffff) as u16, digits.as_bytes(), 16, None);
        ask.truncate(12 + 1 + digits.len());
        for label in ["drill", "example"] {
            ask.push(label.len() as u8);
            ask.extend(label.as_bytes());
        }
        ask.extend([0, 0, 16, 0, 1]);
        let (from, to) = ((attacker, stage.port()), (resolver, 53));
        stage.put(at_s, Client, from, to, &Inside::Udp(&ask, ask.len()));
        let mut answer = ask;
        (answer[2], answer[3]) = (0x81, 0x80);
        stage.put(at_s + 0.03, Server, to, from, &Inside::Udp(&answer, answer.len() + 47));
        at_s += stage.draw.uniform(0.95, 1.08);
    }
    DrillTruth { told_as: "tunnel", actors: vec![attacker], is_forged: false, targets: vec![resolver] }
}

/// Ten passwords, four at a time.
fn ssh_few(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for at in 0..10u32 {
        let at_s = 3.0 + f64::from(at / 4) * 2.6 + f64::from(at % 4) * 0.03 + stage.draw.uniform(0.0, 0.2);
        let from = (attacker, stage.port());
        let mut says = vec![
            Say::Text(Server, "SSH-2.0-OpenSSH_9.2p1\r\n".into()),
            Say::Text(Client, "SSH-2.0-libssh_0.9.6\r\n".into()),
        ];
        for (ask, answer) in [(900, 1_080), (48, 600), (16, 1), (52, 52), (148 + (at as usize % 3) * 8, 52)] {
            says.push(Say::Bytes(Client, ask));
            says.push(Say::Bytes(Server, answer));
        }
        says.push(Say::Wait(1.8));
        stage.talk(at_s, from, (victim, 22), &says, Close::Fin);
    }
    by_one(stage, "brute_force")
}
