//! Scans, as nmap, masscan, zmap, hping3 and worms do them.

use std::net::{IpAddr, Ipv4Addr};

use super::stage::{Close, Inside, Say, Stage};
use super::{ANY, Drill, DrillTruth, DrillWay, INTO, OUTWARD, WITHIN};
use crate::conversation::Side::{Client, Server};
use crate::office::flow::{ACK, FIN, PSH, RST, SYN, URG};

pub(super) const DRILLS: &[Drill] = &[
    Drill::new("syn-scan", ANY, |stage| ports(stage, SYN, Shut::Refuse)),
    Drill::new("syn-scan-filtered", ANY, |stage| ports(stage, SYN, Shut::Drop)),
    Drill::new("connect-scan", ANY, connect),
    Drill::new("fin-scan", ANY, |stage| ports(stage, FIN, Shut::Refuse)),
    Drill::new("null-scan", ANY, |stage| ports(stage, 0, Shut::Refuse)),
    Drill::new("xmas-scan", ANY, |stage| ports(stage, FIN | PSH | URG, Shut::Refuse)),
    Drill::new("null-scan-filtered", ANY, |stage| ports(stage, 0, Shut::Drop)),
    Drill::new("maimon-scan", ANY, |stage| ports(stage, FIN | ACK, Shut::Refuse)),
    Drill::new("ack-scan", ANY, |stage| ports(stage, ACK, Shut::Refuse)),
    Drill::new("ack-scan-filtered", ANY, |stage| ports(stage, ACK, Shut::Drop)),
    Drill::new("udp-scan", ANY, udp_ports),
    Drill::new("udp-scan-filtered", ANY, |stage| udp_list(stage, false)),
    Drill::new("sctp-scan", ANY, sctp),
    Drill::new("protocol-scan", ANY, protocols),
    Drill::new("ping-sweep", ANY, |stage| sweep(stage, Probe::Echo)),
    Drill::new("syn-sweep", ANY, |stage| sweep(stage, Probe::Syn(22))),
    Drill::new("ack-sweep", ANY, |stage| sweep(stage, Probe::Ack(80))),
    Drill::new("discovery-sweep", ANY, |stage| sweep(stage, Probe::Discovery)),
    Drill::new("snmp-sweep", ANY, |stage| sweep(stage, Probe::Udp(161, 43))),
    Drill::new("sip-sweep", ANY, |stage| sweep(stage, Probe::Udp(5_060, 380))),
    Drill::new("dns-sweep", ANY, |stage| sweep(stage, Probe::Udp(53, 30))),
    Drill::new("block-scan", ANY, block),
    Drill::new("telnet-worm", OUTWARD, telnet_worm),
    Drill::new("smb-worm", INTO, smb_worm),
    Drill::new("arp-scan", WITHIN, arp_scan).ipv4(),
    Drill::new("web-scan", INTO, web_scan),
];

/// What closed ports do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shut {
    Refuse,
    Drop,
}

/// Ports in the order in which a scanner tries them, again from the first after the last.
fn order(stage: &mut Stage, n: u16) -> Vec<u16> {
    let mut order: Vec<u16> = (1..=n).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, stage.draw.whole(0, at as u32) as usize);
    }
    order
}

fn truth(stage: &Stage, told_as: &'static str, targets: Vec<IpAddr>) -> DrillTruth {
    DrillTruth { told_as, actors: vec![stage.attacker()], is_forged: false, targets }
}

fn ports(stage: &mut Stage, flags: u8, closed: Shut) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let source = stage.port();
    let order = order(stage, 1_024);
    for (at, at_s) in stage.moments(40.0).into_iter().enumerate() {
        let port = order[at % order.len()];
        let (from, to) = ((attacker, source + (at % 2) as u16), (victim, port));
        stage.tcp(at_s, Client, from, to, flags);
        let is_open = matches!(port, 22 | 80 | 443);
        match (flags, closed) {
            (SYN, _) if is_open => {
                stage.tcp(at_s + 0.003, Server, to, from, SYN | ACK);
                stage.tcp(at_s + 0.006, Client, from, to, RST);
            }
            (_, Shut::Refuse) if !is_open || flags & ACK > 0 => {
                let reset = if flags & ACK > 0 { RST } else { RST | ACK };
                stage.tcp(at_s + 0.003, Server, to, from, reset);
            }
            _ => {}
        }
    }
    truth(stage, "scan", vec![victim])
}

fn connect(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let order = order(stage, 1_024);
    for (at, at_s) in stage.moments(30.0).into_iter().enumerate() {
        let to = (victim, order[at % order.len()]);
        let from = (attacker, stage.port());
        if matches!(to.1, 22 | 80 | 443) {
            stage.talk(at_s, from, to, &[], Close::Reset);
        } else {
            stage.tcp(at_s, Client, from, to, SYN);
            stage.tcp(at_s + 0.003, Server, to, from, RST | ACK);
        }
    }
    truth(stage, "scan", vec![victim])
}

fn udp_ports(stage: &mut Stage) -> DrillTruth {
    udp_list(stage, true)
}

fn udp_list(stage: &mut Stage, refuse: bool) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let source = stage.port();
    let order = order(stage, 1_024);
    let mut next_answer_s = 0.0;
    for (at, at_s) in stage.moments(15.0).into_iter().enumerate() {
        let to = (victim, order[at % order.len()]);
        stage.udp(at_s, Client, (attacker, source), to, [0, 0, 12, 40][at % 4]);
        // Most systems answer once a second at most (RFC 1812, section 4.3.2.8).
        if refuse && at_s >= next_answer_s {
            next_answer_s = at_s + 1.0;
            let unreachable = if stage.setting.is_ipv6 { (1, 4) } else { (3, 3) };
            stage.icmp(at_s + 0.002, Server, victim, attacker, unreachable, 28);
        }
    }
    truth(stage, "scan", vec![victim])
}

fn sctp(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let source = stage.port();
    let order = order(stage, 500);
    for (at, at_s) in stage.moments(20.0).into_iter().enumerate() {
        let (from, to) = ((attacker, source), (victim, order[at % order.len()]));
        stage.put(at_s, Client, from, to, &Inside::Other(132, 24));
        stage.put(at_s + 0.003, Server, to, from, &Inside::Other(132, 8));
    }
    truth(stage, "scan", vec![victim])
}

fn protocols(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for (at, at_s) in stage.moments(10.0).into_iter().enumerate() {
        let number = 70 + (at * 37 % 180) as u8;
        stage.put(at_s, Client, (attacker, 0), (victim, 0), &Inside::Other(number, 0));
    }
    truth(stage, "scan", vec![victim])
}

/// What a sweep asks every host.
#[derive(Clone, Copy)]
enum Probe {
    Echo,
    Syn(u16),
    Ack(u16),
    Udp(u16, usize),
    /// What nmap asks before it scans.
    Discovery,
}

fn probe(stage: &mut Stage, at_s: f64, host: IpAddr, probe: Probe, is_there: bool) {
    let attacker = stage.attacker();
    let from = (attacker, 43_210);
    let [ask, answer] = stage.echo();
    match probe {
        Probe::Echo => {
            stage.icmp(at_s, Client, attacker, host, ask, 32);
            if is_there {
                stage.icmp(at_s + 0.002, Server, host, attacker, answer, 32);
            }
        }
        Probe::Syn(port) => {
            let to = (host, port);
            stage.tcp(at_s, Client, from, to, SYN);
            let is_open = is_there && stage.draw.chance(0.2);
            if is_there {
                stage.tcp(at_s + 0.002, Server, to, from, if is_open { SYN | ACK } else { RST | ACK });
            }
            if is_open {
                stage.tcp(at_s + 0.004, Client, from, to, RST);
            }
        }
        Probe::Ack(port) => {
            stage.tcp(at_s, Client, from, (host, port), ACK);
            if is_there {
                stage.tcp(at_s + 0.002, Server, (host, port), from, RST);
            }
        }
        Probe::Udp(port, bytes) => {
            stage.udp(at_s, Client, from, (host, port), bytes);
            if is_there && stage.draw.chance(0.2) {
                stage.udp(at_s + 0.002, Server, (host, port), from, bytes + 30);
            }
        }
        Probe::Discovery => {
            self::probe(stage, at_s, host, Probe::Echo, is_there);
            self::probe(stage, at_s + 0.001, host, Probe::Syn(443), is_there);
            self::probe(stage, at_s + 0.002, host, Probe::Ack(80), is_there);
        }
    }
}

fn sweep(stage: &mut Stage, kind: Probe) -> DrillTruth {
    let mut targets = Vec::new();
    for (at, at_s) in stage.moments(20.0).into_iter().take(1_000).enumerate() {
        let host = stage.neighbour(at as u32 % 250 + 2);
        let is_there = at % 250 % 9 == 0;
        probe(stage, at_s, host, kind, is_there);
        targets.push(host);
    }
    truth(stage, "scan", targets)
}

/// A few ports of many hosts in no order.
fn block(stage: &mut Stage) -> DrillTruth {
    const PORTS: [u16; 10] = [21, 22, 23, 80, 443, 445, 1_433, 3_306, 3_389, 8_080];
    let mut targets = Vec::new();
    for at_s in stage.moments(40.0) {
        let (host, port) = (stage.draw.whole(2, 120), PORTS[stage.draw.whole(0, 9) as usize]);
        let host = stage.neighbour(host);
        let is_there = stage.draw.chance(0.1);
        probe(stage, at_s, host, Probe::Syn(port), is_there);
        targets.push(host);
    }
    truth(stage, "scan", targets)
}

/// A thing that was taken over looks for others, as Mirai does.
fn telnet_worm(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let mut targets = Vec::new();
    for at_s in stage.moments(25.0) {
        let to = (stage.anybody(), if stage.draw.chance(0.1) { 2_323 } else { 23 });
        let from = (attacker, stage.port());
        stage.tcp(at_s, Client, from, to, SYN);
        if stage.draw.chance(0.02) {
            stage.tcp(at_s + 0.1, Server, to, from, RST | ACK);
        }
        targets.push(to.0);
    }
    truth(stage, "scan", targets)
}

/// A worm tries its neighbours and hands itself to those that listen.
fn smb_worm(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let mut targets = Vec::new();
    for at_s in stage.moments(8.0) {
        let host = stage.draw.whole(2, 250);
        let to = (stage.neighbour(host), 445);
        let from = (attacker, stage.port());
        if host.is_multiple_of(6) {
            let says = [
                Say::Bytes(Client, 210),
                Say::Bytes(Server, 260),
                Say::Bytes(Client, 60_000),
                Say::Bytes(Server, 120),
            ];
            stage.talk(at_s, from, to, &says, Close::Reset);
        } else {
            stage.tcp(at_s, Client, from, to, SYN);
        }
        targets.push(to.0);
    }
    truth(stage, "scan|lateral_spread", targets)
}

fn arp_scan(stage: &mut Stage) -> DrillTruth {
    let own = Ipv4Addr::new(10, 7, 0, 66);
    let mac = 0x0200_0a07_0042;
    let mut targets = Vec::new();
    for (at, at_s) in stage.moments(30.0).into_iter().enumerate() {
        let asked = Ipv4Addr::new(10, 7, 0, (at % 253 + 1) as u8);
        stage.arp(at_s, 1, (mac, own), (0, asked));
        if at % 9 == 0 {
            stage.arp(at_s + 0.001, 2, (0x0200_0a07_0000 + at as u64 % 253 + 1, asked), (mac, own));
        }
        targets.push(asked.into());
    }
    truth(stage, "scan", targets)
}

/// Somebody asks a web server for a thousand pages that it does not have.
fn web_scan(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for at_s in stage.moments(25.0) {
        let letters = stage.draw.whole(4, 18) as usize;
        let path: String = (0..letters).map(|_| char::from(stage.draw.whole(97, 122) as u8)).collect();
        let says = [
            Say::Text(
                Client,
                format!(
                    "GET /{path} HTTP/1.1\r\nHost: www.office.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n"
                ),
            ),
            Say::Text(
                Server,
                format!("HTTP/1.1 404 Not Found\r\nContent-Length: 162\r\n\r\n{}", "x".repeat(162)),
            ),
        ];
        let from = (attacker, stage.port());
        stage.talk(at_s, from, (victim, 80), &says, Close::Fin);
    }
    debug_assert_ne!(stage.setting.way, DrillWay::Outward);
    truth(stage, "scan|brute_force|flood:connection", vec![victim])
}
