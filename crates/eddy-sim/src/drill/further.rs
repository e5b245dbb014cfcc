//! Kinds of attacks that no rule was written for: variants of known ones, and rarer ones.

use std::net::IpAddr;

use super::stage::{Close, Inside, Say, Stage};
use super::{ANY, Drill, DrillTruth, INTO, INWARD, OUTWARD, WITHIN};
use crate::conversation::Side::{Client, Server};
use crate::office::flow::{ACK, PSH, RST, SYN};

/// Seconds of what goes on through a night.
const NIGHT: f64 = 3_600.0 * 13.0;
/// Seconds of what calls now and then.
const HOURS: f64 = 3_600.0 * 2.5;

pub(super) const DRILLS: &[Drill] = &[
    Drill::new("decoy-scan", INTO, decoys),
    Drill::new("distributed-scan", INWARD, shared_scan),
    Drill::new("timestamp-sweep", ANY, timestamps),
    Drill::new("banner-sweep", ANY, banners),
    Drill::new("name-service-sweep", ANY, name_service),
    Drill::new("chargen-amplification", INWARD, |stage| large(stage, 19, 1_020)),
    Drill::new("discovery-amplification", INWARD, |stage| large(stage, 3_702, 900)),
    Drill::new("game-amplification", INWARD, |stage| large(stage, 30_120, 1_100)),
    Drill::new("fragment-flood-one", ANY, |stage| fragments(stage, false)).ipv4(),
    Drill::new("fragment-flood-forged", INTO, |stage| fragments(stage, true)).ipv4(),
    Drill::new("connect-flood-one", ANY, |stage| connects(stage, 1)),
    Drill::new("connect-flood-bots", INWARD, |stage| connects(stage, 30)),
    Drill::new("unreachable-flood", ANY, unreachable),
    Drill::new("syn-flood-any-port", INTO, syn_any_port),
    Drill::new("syn-flood-carpet", INWARD, carpet),
    Drill::new("udp-carpet", INWARD, udp_carpet),
    Drill::new("water-torture", INWARD, water_torture),
    Drill::new("rapid-reset", ANY, rapid_reset),
    Drill::new("sip-invite-flood", ANY, invites),
    Drill::new("lease-starvation", WITHIN, leases).ipv4(),
    Drill::new("camera-guessing", ANY, |stage| guess(stage, 554, &[(180, 210)])),
    Drill::new("proxy-guessing", ANY, |stage| guess(stage, 1_080, &[(4, 2), (18, 2)])),
    Drill::new("search-guessing", ANY, |stage| guess(stage, 9_200, &[(210, 460)])),
    Drill::new("unlisted-port-guessing", ANY, |stage| guess(stage, 7_831, &[(12, 30), (40, 22), (33, 19)])),
    Drill::new("desktop-spraying", INTO, |stage| spray(stage, 3_389, &[(47, 19), (280, 1_100), (400, 150)])),
    Drill::new("share-spraying", INTO, |stage| spray(stage, 445, &[(108, 310), (170, 330), (420, 77)])),
    Drill::new("ipmi-guessing", ANY, |stage| guess_by_datagrams(stage, 623, 60)),
    Drill::new("radius-guessing", ANY, |stage| guess_by_datagrams(stage, 1_812, 90)),
    Drill::new("dns-tunnel-stream", OUTWARD, dns_tunnel_stream),
    Drill::new("dns-tunnel-short", OUTWARD, dns_tunnel_short),
    Drill::new("icmp-tunnel-equal", OUTWARD, icmp_tunnel_equal),
    Drill::new("made-up-domains", OUTWARD, made_up_domains),
    Drill::new("mining", OUTWARD, mining).least(HOURS),
    Drill::new("ssh-on-web-port", OUTWARD, ssh_on_web_port),
    Drill::new("slow-theft", OUTWARD, slow_theft).least(NIGHT),
    Drill::new("admin-spread", WITHIN, admin_spread).least(900.0),
    Drill::new("neighbour-spoofing", WITHIN, neighbour_spoofing).ipv6(),
];

fn by_one(stage: &Stage, told_as: &'static str) -> DrillTruth {
    DrillTruth { told_as, actors: vec![stage.attacker()], is_forged: false, targets: vec![stage.victim()] }
}

fn by_many(stage: &Stage, told_as: &'static str) -> DrillTruth {
    DrillTruth { told_as, actors: Vec::new(), is_forged: false, targets: vec![stage.victim()] }
}

fn forged(stage: &Stage, told_as: &'static str) -> DrillTruth {
    DrillTruth { told_as, actors: Vec::new(), is_forged: true, targets: vec![stage.victim()] }
}

/// Tries of ports that seem to come from nine others as well.
fn decoys(stage: &mut Stage) -> DrillTruth {
    let victim = stage.victim();
    let mut senders = vec![stage.attacker()];
    senders.extend((1..10).map(|at| stage.outside(0x5000 + at * 0x311)));
    for (at, at_s) in stage.moments(20.0).into_iter().enumerate() {
        let port = 1 + (at * 389 % 1_021) as u16;
        for (idx, &sender) in senders.iter().enumerate() {
            let (from, to, at_s) = ((sender, 41_100), (victim, port), at_s + idx as f64 * 0.000_2);
            stage.tcp(at_s, Client, from, to, SYN);
            stage.tcp(at_s + 0.003, Server, to, from, RST | ACK);
        }
    }
    DrillTruth { told_as: "scan", actors: senders, is_forged: false, targets: vec![victim] }
}

/// Sixty hosts that each try a few ports of one.
fn shared_scan(stage: &mut Stage) -> DrillTruth {
    let victim = stage.victim();
    for (at, at_s) in stage.moments(20.0).into_iter().enumerate() {
        let port = 1 + (at * 389 % 1_021) as u16;
        let bot = stage.outside(0x2000 + (at as u32 % 60) * 0x107);
        let (from, to) = ((bot, stage.port()), (victim, port));
        stage.tcp(at_s, Client, from, to, SYN);
        stage.tcp(at_s + 0.003, Server, to, from, RST | ACK);
    }
    by_many(stage, "scan")
}

/// Questions for the time of day by ICMP, at a whole network.
fn timestamps(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let mut targets = Vec::new();
    let [ask, answer] = if stage.setting.is_ipv6 { [(139, 0), (140, 0)] } else { [(13, 0), (14, 0)] };
    for (at, at_s) in stage.moments(20.0).into_iter().enumerate() {
        let host = stage.neighbour(at as u32 % 250 + 2);
        stage.icmp(at_s, Client, attacker, host, ask, 12);
        if at % 250 % 9 == 0 {
            stage.icmp(at_s + 0.002, Server, host, attacker, answer, 12);
        }
        targets.push(host);
    }
    DrillTruth { told_as: "scan", actors: vec![attacker], is_forged: false, targets }
}

/// The first words of SSH servers, of which every third is there.
fn banners(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let mut targets = Vec::new();
    for (at, at_s) in stage.moments(10.0).into_iter().enumerate() {
        let host = stage.neighbour(at as u32 % 250 + 2);
        let (from, to) = ((attacker, stage.port()), (host, 22));
        if at % 250 % 3 == 0 {
            let says = [Say::Text(Server, "SSH-2.0-OpenSSH_9.2p1\r\n".into())];
            stage.talk(at_s, from, to, &says, Close::Reset);
        } else {
            stage.tcp(at_s, Client, from, to, SYN);
        }
        targets.push(host);
    }
    DrillTruth { told_as: "scan|lateral_spread", actors: vec![attacker], is_forged: false, targets }
}

fn name_service(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let mut targets = Vec::new();
    for (at, at_s) in stage.moments(20.0).into_iter().enumerate() {
        let host = stage.neighbour(at as u32 % 250 + 2);
        let (from, to) = ((attacker, 137), (host, 137));
        stage.udp(at_s, Client, from, to, 50);
        if at % 250 % 7 == 0 {
            stage.udp(at_s + 0.002, Server, to, from, 220);
        }
        targets.push(host);
    }
    DrillTruth { told_as: "scan", actors: vec![attacker], is_forged: false, targets }
}

fn large(stage: &mut Stage, port: u16, bytes: usize) -> DrillTruth {
    let victim = stage.victim();
    let to_port = stage.port();
    for at_s in stage.moments(180.0) {
        let reflector = stage.draw.whole(0, 99);
        let from = (stage.outside(0x4000 + reflector * 0x105), port);
        let more = stage.draw.whole(0, 200) as usize;
        stage.udp(at_s, Client, from, (victim, to_port), bytes + more);
    }
    forged(stage, "flood")
}

/// First parts of datagrams of which the rest never comes, and last parts without a first.
fn fragments(stage: &mut Stage, is_forged: bool) -> DrillTruth {
    let victim = stage.victim();
    for (at, at_s) in stage.moments(400.0).into_iter().enumerate() {
        let sender = if is_forged { stage.anybody() } else { stage.attacker() };
        let offset = if at % 2 == 0 { 0 } else { 185 };
        let inside = Inside::Fragment(at as u16, offset, 1_400);
        stage.put(at_s, Client, (sender, 4_000), (victim, 9_000), &inside);
    }
    if is_forged { forged(stage, "flood") } else { by_one(stage, "flood") }
}

/// Connections that are made, acknowledged and thrown away.
fn connects(stage: &mut Stage, bots: u32) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(120.0) {
        let sender = if bots == 1 {
            stage.attacker()
        } else {
            let bot = stage.draw.whole(0, bots - 1);
            stage.outside(0x2000 + bot * 0x107)
        };
        let from = (sender, stage.port());
        stage.talk(at_s, from, (victim, 80), &[], Close::Reset);
    }
    if bots == 1 { by_one(stage, "flood") } else { by_many(stage, "flood") }
}

/// Messages that a port is not reachable, which cost some firewalls much.
fn unreachable(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let kind = if stage.setting.is_ipv6 { (1, 4) } else { (3, 3) };
    for at_s in stage.moments(400.0) {
        stage.icmp(at_s, Client, attacker, victim, kind, 28);
    }
    by_one(stage, "flood")
}

fn syn_any_port(stage: &mut Stage) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(400.0) {
        let (from, to) = ((stage.anybody(), stage.port()), (victim, stage.draw.whole(1, 65_535) as u16));
        stage.tcp(at_s, Client, from, to, SYN);
        if stage.draw.chance(0.5) {
            stage.tcp(at_s + 0.001, Server, to, from, RST | ACK);
        }
    }
    forged(stage, "flood")
}

/// Half-open connections to all hosts of a network in turn, so that none gets many.
fn carpet(stage: &mut Stage) -> DrillTruth {
    let mut targets = Vec::new();
    for at_s in stage.moments(600.0) {
        let host = stage.draw.whole(1, 254);
        let (from, to) = ((stage.anybody(), stage.port()), (stage.neighbour(host), 443));
        stage.tcp(at_s, Client, from, to, SYN);
        targets.push(to.0);
    }
    targets.truncate(2_000);
    DrillTruth { told_as: "flood", actors: Vec::new(), is_forged: true, targets }
}

/// Datagrams to all hosts of a network in turn.
fn udp_carpet(stage: &mut Stage) -> DrillTruth {
    let mut targets = Vec::new();
    for at_s in stage.moments(600.0) {
        let host = stage.draw.whole(1, 254);
        let (from, port) = ((stage.anybody(), stage.port()), stage.draw.whole(1, 65_535) as u16);
        let to = (stage.neighbour(host), port);
        stage.udp(at_s, Client, from, to, 900);
        targets.push(to.0);
    }
    targets.truncate(2_000);
    DrillTruth { told_as: "flood", actors: Vec::new(), is_forged: true, targets }
}

/// The message of a question for a name.
fn question(labels: &[String], kind: u16, id: u16) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in labels {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes
}

fn letters(stage: &mut Stage, least: u32, most: u32) -> String {
    let n = stage.draw.whole(least, most);
    (0..n).map(|_| char::from(stage.draw.whole(97, 122) as u8)).collect()
}

/// Forty hosts that ask a name server of one domain for names that nobody has.
fn water_torture(stage: &mut Stage) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(200.0) {
        let bot = stage.draw.whole(0, 39);
        let from = (stage.outside(0x2000 + bot * 0x107), stage.port());
        let labels = [letters(stage, 6, 16), "shop".into(), "example".into()];
        let ask = question(&labels, 1, 7);
        stage.put(at_s, Client, from, (victim, 53), &Inside::Udp(&ask, ask.len()));
        let mut answer = ask;
        (answer[2], answer[3]) = (0x81, 0x83);
        stage.put(at_s + 0.01, Server, (victim, 53), from, &Inside::Udp(&answer, answer.len() + 70));
    }
    by_many(stage, "flood")
}

/// Streams of HTTP/2 that are opened and reset by the thousand in a few connections.
fn rapid_reset(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let until_s = stage.until_s();
    let every_s = 0.01 / stage.setting.strength;
    for connection in 0..6u16 {
        let (from, to) = ((attacker, 52_000 + connection), (victim, 443));
        let says = [Say::Bytes(Client, 517), Say::Bytes(Server, 3_000), Say::Bytes(Client, 126)];
        let begin_s = f64::from(connection) * 0.1;
        let mut at_s = stage.talk(begin_s, from, to, &says, Close::Open);
        while at_s < until_s {
            stage.put(at_s, Client, from, to, &Inside::Tcp(PSH | ACK, &[], 1_380));
            if stage.draw.chance(0.6) {
                stage.put(at_s + 0.001, Server, to, from, &Inside::Tcp(PSH | ACK, &[], 60));
            }
            at_s += every_s * stage.draw.uniform(0.7, 1.3);
        }
    }
    by_one(stage, "flood")
}

/// Calls to extensions that nobody has, all from one port.
fn invites(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let (from, to) = ((attacker, 5_060), (victim, 5_060));
    for at_s in stage.moments(200.0) {
        let text = format!(
            "INVITE sip:{}@office.example SIP/2.0\r\nCSeq: 1 INVITE\r\n",
            stage.draw.whole(100, 99_999)
        );
        stage.put(at_s, Client, from, to, &Inside::Udp(text.as_bytes(), text.len() + 700));
        for (wait_s, code) in [(0.002, "100 Trying"), (0.02, "404 Not Found")] {
            let text = format!("SIP/2.0 {code}\r\nCSeq: 1 INVITE\r\n");
            stage.put(at_s + wait_s, Server, to, from, &Inside::Udp(text.as_bytes(), text.len() + 300));
        }
    }
    by_one(stage, "flood|brute_force|scan")
}

/// Leases asked for in the names of many adapters until none are left.
fn leases(stage: &mut Stage) -> DrillTruth {
    let (nobody, all) = (IpAddr::from([0, 0, 0, 0]), IpAddr::from([255; 4]));
    for (at, at_s) in stage.moments(60.0).into_iter().enumerate() {
        let mut text = vec![1, 1, 6, 0];
        text.extend((at as u32).to_be_bytes());
        text.resize(28, 0);
        text.extend([2, 0x11, (at >> 8) as u8, at as u8, 3, 4]);
        text.resize(236, 0);
        text.extend([99, 130, 83, 99, 53, 1, 1, 255]);
        stage.put(at_s, Client, (nobody, 68), (all, 67), &Inside::Udp(&text, text.len()));
    }
    DrillTruth { told_as: "flood", actors: Vec::new(), is_forged: true, targets: vec![all] }
}

fn guess(stage: &mut Stage, port: u16, turns: &[(usize, usize)]) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for at_s in stage.moments(3.0) {
        let from = (attacker, stage.port());
        let says = tries(stage, turns);
        stage.talk(at_s, from, (victim, port), &says, Close::Fin);
    }
    by_one(stage, "brute_force")
}

fn tries(stage: &mut Stage, turns: &[(usize, usize)]) -> Vec<Say> {
    let mut says = Vec::new();
    for (at, &(asked, answered)) in turns.iter().enumerate() {
        let more = if at + 1 == turns.len() { stage.draw.whole(0, 9) as usize } else { 0 };
        says.push(Say::Bytes(Client, asked + more));
        says.push(Say::Wait(stage.draw.uniform(0.01, 0.1)));
        says.push(Say::Bytes(Server, answered));
    }
    says
}

fn spray(stage: &mut Stage, port: u16, turns: &[(usize, usize)]) -> DrillTruth {
    let attacker = stage.attacker();
    let mut targets = Vec::new();
    for (at, at_s) in stage.moments(3.0).into_iter().enumerate() {
        let from = (attacker, stage.port());
        let says = tries(stage, turns);
        let host = stage.neighbour(10 + at as u32 % 30);
        stage.talk(at_s, from, (host, port), &says, Close::Fin);
        targets.push(host);
    }
    DrillTruth { told_as: "brute_force|lateral_spread", actors: vec![attacker], is_forged: false, targets }
}

/// Questions with a password in each, all from one port, and as many refusals.
fn guess_by_datagrams(stage: &mut Stage, port: u16, bytes: usize) -> DrillTruth {
    let (from, to) = ((stage.attacker(), stage.port()), (stage.victim(), port));
    for at_s in stage.moments(15.0) {
        let more = stage.draw.whole(0, 9) as usize;
        stage.udp(at_s, Client, from, to, bytes + more);
        stage.udp(at_s + 0.004, Server, to, from, 44);
    }
    by_one(stage, "brute_force")
}

/// Data in names over one connection.
fn dns_tunnel_stream(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let until_s = stage.until_s();
    let mut says = Vec::new();
    let mut at_s = 0.2;
    while at_s < until_s - 1.0 {
        let labels =
            [letters(stage, 36, 45), letters(stage, 36, 45), "t".into(), "drill".into(), "example".into()];
        let ask = question(&labels, 10, 7);
        let mut text = (ask.len() as u16).to_be_bytes().to_vec();
        text.extend(&ask);
        // All of these bytes are below 128, so that they are the same as a text.
        says.push(Say::Text(Client, text.iter().map(|&byte| char::from(byte)).collect()));
        says.push(Say::Bytes(Server, stage.draw.whole(200, 900) as usize));
        let pause_s = stage.draw.uniform(0.05, 0.2) / stage.setting.strength;
        says.push(Say::Wait(pause_s));
        at_s += pause_s + 0.05;
    }
    stage.talk(0.1, (attacker, 50_111), (victim, 53), &says, Close::Fin);
    by_one(stage, "tunnel")
}

/// Data in short names, one by one over the resolver of the house.
fn dns_tunnel_short(stage: &mut Stage) -> DrillTruth {
    let (attacker, resolver) = (stage.attacker(), stage.inside(2));
    for at_s in stage.moments(6.0) {
        let labels = [letters(stage, 20, 26), "c".into(), "drill".into(), "example".into()];
        let ask = question(&labels, 16, 7);
        let (from, to) = ((attacker, stage.port()), (resolver, 53));
        stage.put(at_s, Client, from, to, &Inside::Udp(&ask, ask.len()));
        let mut answer = ask;
        (answer[2], answer[3]) = (0x81, 0x80);
        stage.put(at_s + 0.03, Server, to, from, &Inside::Udp(&answer, answer.len() + 90));
    }
    DrillTruth { told_as: "tunnel", actors: vec![attacker], is_forged: false, targets: vec![resolver] }
}

/// Echo packets as large as they can be, both ways, many a second.
fn icmp_tunnel_equal(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let [ask, answer] = stage.echo();
    for at_s in stage.moments(25.0) {
        stage.icmp(at_s, Client, attacker, victim, ask, 1_300);
        stage.icmp(at_s + 0.03, Server, victim, attacker, answer, 1_300);
    }
    by_one(stage, "tunnel")
}

/// Names of domains that a program makes up, of which nearly none is there.
fn made_up_domains(stage: &mut Stage) -> DrillTruth {
    let (attacker, resolver) = (stage.attacker(), stage.inside(2));
    for (at, at_s) in stage.moments(3.0).into_iter().enumerate() {
        let top = ["com", "net", "info", "biz", "ru"][at % 5];
        let labels = [letters(stage, 10, 18), top.into()];
        let ask = question(&labels, 1, 7);
        let (from, to) = ((attacker, stage.port()), (resolver, 53));
        stage.put(at_s, Client, from, to, &Inside::Udp(&ask, ask.len()));
        let mut answer = ask;
        (answer[2], answer[3]) = (0x81, if at % 40 == 39 { 0x80 } else { 0x83 });
        stage.put(at_s + 0.03, Server, to, from, &Inside::Udp(&answer, answer.len() + 75));
    }
    DrillTruth {
        told_as: "tunnel|made_up_names",
        actors: vec![attacker],
        is_forged: false,
        targets: vec![resolver],
    }
}

/// One connection for hours, in the words of a pool of miners.
fn mining(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let mut says = vec![
        Say::Text(
            Client,
            "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"48edf\",\"pass\":\"x\",\"agent\":\"miner/6\"}}\n".into(),
        ),
        Say::Text(Server, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{\"id\":\"7\",\"job\":{\"blob\":\"0e0e\"}}}\n".into()),
    ];
    let mut at_s = 1.0;
    while at_s < stage.until_s() - 60.0 {
        let pause_s = stage.draw.uniform(10.0, 40.0);
        says.push(Say::Wait(pause_s));
        at_s += pause_s;
        says.push(Say::Bytes(Server, 330));
        if stage.draw.chance(0.5) {
            says.push(Say::Bytes(Client, 220));
            says.push(Say::Bytes(Server, 60));
        }
    }
    stage.talk(0.5, (attacker, 50_222), (victim, 14_444), &says, Close::Open);
    stage.setting.strength *= 4.0;
    by_one(stage, "wrong_port|mining|beaconing")
}

fn ssh_on_web_port(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let mut says = vec![
        Say::Text(Server, "SSH-2.0-OpenSSH_9.2p1\r\n".into()),
        Say::Text(Client, "SSH-2.0-OpenSSH_8.9p1\r\n".into()),
    ];
    for _ in 0..40 {
        says.push(Say::Bytes(Client, stage.draw.whole(36, 900) as usize));
        says.push(Say::Bytes(Server, stage.draw.whole(36, 1_400) as usize));
        says.push(Say::Wait(stage.draw.uniform(0.02, 0.4)));
    }
    stage.talk(1.0, (attacker, 50_333), (victim, 443), &says, Close::Fin);
    by_one(stage, "wrong_port|tunnel")
}

/// Forty megabytes an hour to one host outside, all night, after a day of which the last four hours were recorded.
fn slow_theft(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let mut at_s = 4.0 * 3_600.0;
    while at_s < stage.until_s() - 60.0 {
        let from = (attacker, stage.port());
        let says = [Say::Bytes(Client, 517), Say::Bytes(Server, 2_900)];
        stage.talk(at_s, from, (victim, 443), &says, Close::Open);
        for piece in 0..stage.draw.whole(15, 90) {
            let inside = Inside::Tcp(ACK, &[], 62_000);
            stage.put(at_s + 1.0 + f64::from(piece) * 0.02, Client, from, (victim, 443), &inside);
        }
        stage.tcp(at_s + 4.0, Client, from, (victim, 443), RST | ACK);
        at_s += stage.draw.uniform(120.0, 480.0);
    }
    stage.setting.strength *= 4.0;
    by_one(stage, "exfiltration")
}

/// A program is put on eight neighbours over their shares and started there.
fn admin_spread(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let mut targets = Vec::new();
    for at in 0..14u32 {
        let host = stage.neighbour(100 + at * 3);
        let at_s = 20.0 + f64::from(at) * 50.0 + stage.draw.uniform(0.0, 30.0);
        let says = [
            Say::Bytes(Client, 210),
            Say::Bytes(Server, 260),
            Say::Bytes(Client, 420),
            Say::Bytes(Server, 120),
            Say::Bytes(Client, 380_000),
            Say::Bytes(Server, 300),
        ];
        let from = (attacker, stage.port());
        stage.talk(at_s, from, (host, 445), &says, Close::Fin);
        targets.push(host);
    }
    stage.setting.strength *= 4.0;
    DrillTruth { told_as: "lateral_spread", actors: vec![attacker], is_forged: false, targets }
}

/// Announcements that the addresses of a router and of a neighbour are at this adapter.
fn neighbour_spoofing(stage: &mut Stage) -> DrillTruth {
    let (router, victim) = (stage.inside(1), stage.inside(9));
    let (router_mac, victim_mac, own_mac) = (0x0200_0a07_0001, 0x0200_0a07_0009, 0x0200_0a07_0042);
    let own = stage.inside(66);
    stage.solicit(0.2, (victim_mac, victim), router);
    stage.advert(0.201, (router_mac, router), victim);
    stage.solicit(0.4, (own_mac, own), router);
    stage.advert(0.401, (router_mac, router), own);
    let mut at_s = 1.0;
    while at_s < stage.until_s() {
        stage.advert(at_s, (own_mac, router), victim);
        stage.advert(at_s + 0.01, (own_mac, victim), router);
        at_s += 2.0;
    }
    DrillTruth { told_as: "arp_spoofing", actors: vec![own], is_forged: false, targets: vec![victim, router] }
}
