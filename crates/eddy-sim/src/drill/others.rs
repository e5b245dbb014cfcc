//! Beacons, tunnels, theft, and what goes on below the internet protocol.

use std::net::Ipv4Addr;

use super::stage::{Close, Inside, Say, Stage};
use super::{Drill, DrillTruth, OUTWARD, WITHIN};
use crate::conversation::Side::{Client, Server};

/// Seconds of a drill that takes its time.
const HOURS: f64 = 3_600.0 * 2.5;

pub(super) const DRILLS: &[Drill] = &[
    Drill::new("beacon-tls", OUTWARD, |stage| beacon(stage, 60.0, 0.1, 443)).least(HOURS),
    Drill::new("beacon-jitter", OUTWARD, |stage| beacon(stage, 45.0, 0.3, 443)).least(HOURS),
    Drill::new("beacon-http", OUTWARD, |stage| beacon(stage, 30.0, 0.0, 80)).least(HOURS),
    Drill::new("beacon-odd-port", OUTWARD, |stage| beacon(stage, 120.0, 0.2, 4_444)).least(HOURS),
    Drill::new("dns-tunnel-direct", OUTWARD, |stage| dns_tunnel(stage, true)),
    Drill::new("dns-tunnel-resolver", OUTWARD, |stage| dns_tunnel(stage, false)),
    Drill::new("icmp-tunnel", OUTWARD, icmp_tunnel),
    Drill::new("upload", OUTWARD, upload).least(600.0),
    Drill::new("arp-spoofing", WITHIN, arp_spoofing).ipv4(),
    Drill::new("arp-flood", WITHIN, arp_flood).ipv4(),
];

fn truth(stage: &Stage, told_as: &'static str) -> DrillTruth {
    DrillTruth { told_as, actors: vec![stage.attacker()], is_forged: false, targets: vec![stage.victim()] }
}

fn beacon(stage: &mut Stage, every_s: f64, jitter: f64, port: u16) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    // The host is known for a while before it is taken over.
    let mut at_s = 20.0;
    while at_s < stage.until_s() {
        let says = [Say::Bytes(Client, stage.draw.whole(300, 320) as usize), Say::Bytes(Server, 210)];
        let from = (attacker, stage.port());
        stage.talk(at_s, from, (victim, port), &says, Close::Fin);
        at_s += every_s * (1.0 + jitter * stage.draw.uniform(-1.0, 1.0));
    }
    // What ordinary traffic there is beside it must not be of a whole afternoon.
    stage.setting.strength *= 4.0;
    truth(stage, "beaconing")
}

fn dns_tunnel(stage: &mut Stage, is_direct: bool) -> DrillTruth {
    let attacker = stage.attacker();
    let server = if is_direct { stage.victim() } else { stage.inside(2) };
    for at_s in stage.moments(8.0) {
        let mut bytes = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for letters in [60u8, 60, 30] {
            bytes.push(letters);
            bytes.extend((0..letters).map(|_| stage.draw.whole(97, 122) as u8));
        }
        bytes.extend(b"\x01t\x05drill\x07example\0\0\x10\0\x01");
        let (from, to) = ((attacker, stage.port()), (server, 53));
        stage.put(at_s, Client, from, to, &Inside::Udp(&bytes, bytes.len()));
        let (code, more) = (bytes.clone(), stage.draw.whole(60, 190) as usize);
        let mut answer = code;
        (answer[2], answer[3]) = (0x81, 0x80);
        stage.put(at_s + 0.03, Server, to, from, &Inside::Udp(&answer, answer.len() + more));
    }
    DrillTruth { told_as: "tunnel", actors: vec![attacker], is_forged: false, targets: vec![server] }
}

fn icmp_tunnel(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let [ask, answer] = stage.echo();
    for at_s in stage.moments(8.0) {
        let (out, back) = (stage.draw.whole(80, 1_000) as usize, stage.draw.whole(80, 1_000) as usize);
        stage.icmp(at_s, Client, attacker, victim, ask, out);
        stage.icmp(at_s + 0.03, Server, victim, attacker, answer, back);
    }
    truth(stage, "tunnel")
}

/// Two gigabytes to a host outside, as large segments that the adapter takes apart.
fn upload(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for upload in 0..20u32 {
        let from = (attacker, 51_000 + upload as u16);
        let at_s = f64::from(upload) * 25.0;
        let says: Vec<Say> = (0..7).map(|_| Say::Bytes(Client, 200_000)).collect();
        stage.talk(at_s, from, (victim, 443), &says, Close::Fin);
        for piece in 0..1_600u32 {
            let at_s = at_s + 1.0 + f64::from(piece) * 0.01;
            stage.put(at_s, Client, from, (victim, 443), &Inside::Tcp(0x10, &[], 62_000));
        }
    }
    stage.setting.strength *= 4.0;
    truth(stage, "exfiltration")
}

fn arp_spoofing(stage: &mut Stage) -> DrillTruth {
    let (router, victim) = (Ipv4Addr::new(10, 7, 0, 1), Ipv4Addr::new(10, 7, 0, 9));
    let (router_mac, victim_mac, own_mac) = (0x0200_0a07_0001, 0x0200_0a07_0009, 0x0200_0a07_0042);
    let own = Ipv4Addr::new(10, 7, 0, 66);
    stage.arp(0.1, 1, (victim_mac, victim), (0, router));
    stage.arp(0.2, 2, (router_mac, router), (victim_mac, victim));
    stage.arp(0.3, 1, (own_mac, own), (0, router));
    stage.arp(0.4, 2, (router_mac, router), (own_mac, own));
    let mut at_s = 1.0;
    while at_s < stage.until_s() {
        stage.arp(at_s, 2, (own_mac, router), (victim_mac, victim));
        stage.arp(at_s + 0.01, 2, (own_mac, victim), (router_mac, router));
        at_s += 2.0;
    }
    DrillTruth {
        told_as: "arp_spoofing",
        actors: vec![own.into()],
        is_forged: false,
        targets: vec![victim.into(), router.into()],
    }
}

fn arp_flood(stage: &mut Stage) -> DrillTruth {
    let own_mac = 0x0200_0a07_0042;
    let router = Ipv4Addr::new(10, 7, 0, 1);
    for at_s in stage.moments(60.0) {
        let host = Ipv4Addr::new(10, 7, 0, stage.draw.whole(2, 250) as u8);
        stage.arp(at_s, 2, (own_mac, host), (0x0200_0a07_0001, router));
    }
    DrillTruth { told_as: "arp_spoofing", actors: Vec::new(), is_forged: false, targets: vec![router.into()] }
}
