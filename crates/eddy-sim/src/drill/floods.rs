//! Floods, as hping3, LOIC, slowhttptest, botnets and reflectors make them.

use std::net::IpAddr;

use super::stage::{Close, Inside, Say, Stage};
use super::{ANY, Drill, DrillTruth, INTO, INWARD};
use crate::conversation::Side::{self, Client, Server};
use crate::office::flow::{ACK, FIN, PSH, RST, SYN, URG};

pub(super) const DRILLS: &[Drill] = &[
    Drill::new("syn-flood-forged", INTO, |stage| segments(stage, From::Anybody, SYN, 0, true)),
    Drill::new("syn-flood-silent", INTO, |stage| segments(stage, From::Anybody, SYN, 0, false)),
    Drill::new("syn-flood-one", ANY, |stage| segments(stage, From::One, SYN, 0, true)),
    Drill::new("syn-flood-bots", INWARD, |stage| segments(stage, From::Bots(40), SYN, 0, true)),
    Drill::new("ack-flood-forged", INTO, |stage| segments(stage, From::Anybody, ACK, 0, false)),
    Drill::new("ack-flood-one", ANY, |stage| segments(stage, From::One, ACK, 0, true)),
    Drill::new("rst-flood-forged", INTO, |stage| segments(stage, From::Anybody, RST, 0, false)),
    Drill::new("fin-flood-one", ANY, |stage| segments(stage, From::One, FIN, 0, true)),
    Drill::new("xmas-flood-one", ANY, |stage| segments(stage, From::One, FIN | PSH | URG, 0, false)),
    Drill::new("data-flood-forged", INTO, |stage| segments(stage, From::Anybody, PSH | ACK, 900, false)),
    Drill::new("udp-flood-one-port", ANY, |stage| datagrams(stage, From::One, Some(9_000), 512)),
    Drill::new("udp-flood-any-port", ANY, |stage| datagrams(stage, From::One, None, 512)),
    Drill::new("udp-flood-forged", INTO, |stage| datagrams(stage, From::Anybody, Some(80), 1_000)),
    Drill::new("udp-flood-forged-any-port", INTO, |stage| datagrams(stage, From::Anybody, None, 1_000)),
    Drill::new("udp-flood-bots", INWARD, |stage| datagrams(stage, From::Bots(60), Some(27_015), 25)),
    Drill::new("icmp-flood-one", ANY, |stage| echoes(stage, From::One, true)),
    Drill::new("icmp-flood-forged", INTO, |stage| echoes(stage, From::Anybody, false)),
    Drill::new("smurf", INTO, smurf),
    Drill::new("gre-flood", ANY, other_protocol),
    Drill::new("land", INTO, land),
    Drill::new("http-flood-one", ANY, |stage| pages(stage, From::One, 80)),
    Drill::new("http-flood-bots", INWARD, |stage| pages(stage, From::Bots(10), 80)),
    Drill::new("http-flood-many-bots", INWARD, |stage| pages(stage, From::Bots(120), 80)),
    Drill::new("tls-flood-one", ANY, |stage| pages(stage, From::One, 443)),
    Drill::new("http-flood-kept-alive", ANY, kept_alive),
    Drill::new("slowloris", ANY, |stage| slow(stage, Slow::Headers)),
    Drill::new("slow-post", ANY, |stage| slow(stage, Slow::Body)),
    Drill::new("slow-read", ANY, |stage| slow(stage, Slow::Read)),
    Drill::new("idle-connections", ANY, |stage| slow(stage, Slow::Silent)),
    Drill::new("dns-amplification", INWARD, |stage| amplified(stage, 53, 1_200)),
    Drill::new("ntp-amplification", INWARD, |stage| amplified(stage, 123, 440)),
    Drill::new("ssdp-amplification", INWARD, |stage| amplified(stage, 1_900, 320)),
    Drill::new("memcached-amplification", INWARD, |stage| amplified(stage, 11_211, 1_400)),
    Drill::new("ldap-amplification", INWARD, |stage| amplified(stage, 389, 1_300)),
    Drill::new("syn-ack-reflection", INWARD, syn_ack_reflection),
    Drill::new("dns-flood-one", ANY, |stage| names(stage, From::One)),
    Drill::new("dns-flood-forged", INTO, |stage| names(stage, From::Anybody)),
];

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    One,
    Bots(u32),
    Anybody,
}

fn sender(stage: &mut Stage, from: From) -> IpAddr {
    match from {
        From::One => stage.attacker(),
        From::Bots(n) => {
            let bot = stage.draw.whole(0, n - 1);
            stage.outside(0x2000 + bot * 0x107)
        }
        From::Anybody => stage.anybody(),
    }
}

fn truth(stage: &Stage, told_as: &'static str, from: From) -> DrillTruth {
    let actors = if from == From::One { vec![stage.attacker()] } else { Vec::new() };
    DrillTruth { told_as, actors, is_forged: from == From::Anybody, targets: vec![stage.victim()] }
}

fn segments(stage: &mut Stage, from: From, flags: u8, bytes: usize, answered: bool) -> DrillTruth {
    let victim = stage.victim();
    let mut port = 1_024;
    for at_s in stage.moments(400.0) {
        port = if port == 65_535 { 1_024 } else { port + 1 };
        let (from, to) = ((sender(stage, from), port), (victim, 80));
        stage.put(at_s, Client, from, to, &Inside::Tcp(flags, &[], bytes));
        if answered && stage.draw.chance(0.6) {
            let answer = if flags == SYN { SYN | ACK } else { RST };
            stage.tcp(at_s + 0.001, Server, to, from, answer);
            if flags == SYN && from.0 == stage.attacker() {
                // The system of whoever forged packets on its own knows nothing of them.
                stage.tcp(at_s + 0.002, Client, from, to, RST);
            }
        }
    }
    truth(stage, "flood", from)
}

fn datagrams(stage: &mut Stage, from: From, port: Option<u16>, bytes: usize) -> DrillTruth {
    let victim = stage.victim();
    let own_port = stage.port();
    for at_s in stage.moments(400.0) {
        let source_port = if from == From::One { own_port } else { stage.port() };
        let port = port.unwrap_or_else(|| stage.draw.whole(1, 65_535) as u16);
        let from = (sender(stage, from), source_port);
        stage.udp(at_s, Client, from, (victim, port), bytes);
    }
    truth(stage, "flood", from)
}

fn echoes(stage: &mut Stage, from: From, answered: bool) -> DrillTruth {
    let victim = stage.victim();
    let [ask, answer] = stage.echo();
    for at_s in stage.moments(400.0) {
        let from = sender(stage, from);
        stage.icmp(at_s, Client, from, victim, ask, 56);
        if answered {
            stage.icmp(at_s + 0.000_5, Server, victim, from, answer, 56);
        }
    }
    truth(stage, "flood", from)
}

/// Echo replies of a whole network to somebody who asked for none.
fn smurf(stage: &mut Stage) -> DrillTruth {
    let victim = stage.victim();
    let [_, answer] = stage.echo();
    for at_s in stage.moments(400.0) {
        let host = stage.draw.whole(2, 200);
        let from = stage.outside(0x3300 + host);
        stage.icmp(at_s, Client, from, victim, answer, 56);
    }
    truth(stage, "flood", From::Anybody)
}

fn other_protocol(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for at_s in stage.moments(400.0) {
        // A number that nothing is assigned to (IANA): what GRE carries would be read as what it carries.
        stage.put(at_s, Client, (attacker, 0), (victim, 0), &Inside::Other(200, 500));
    }
    truth(stage, "flood", From::One)
}

/// Packets that say that the victim sent them to itself.
fn land(stage: &mut Stage) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(400.0) {
        stage.tcp(at_s, Client, (victim, 139), (victim, 139), SYN);
    }
    DrillTruth {
        told_as: "flood|crafted_packets",
        actors: Vec::new(),
        is_forged: false,
        targets: vec![victim],
    }
}

fn pages(stage: &mut Stage, from: From, port: u16) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(100.0) {
        let from = (sender(stage, from), stage.port());
        let page = stage.draw.whole(2_000, 2_400) as usize;
        let says = if port == 80 {
            let text = format!(
                "GET /?{} HTTP/1.1\r\nHost: www.office.example\r\n\r\n",
                stage.draw.whole(1_000, 9_999_999)
            );
            vec![Say::Text(Client, text), Say::Bytes(Server, page)]
        } else {
            vec![Say::Bytes(Client, 517), Say::Bytes(Server, 3_100), Say::Bytes(Client, 126)]
        };
        stage.talk(at_s, from, (victim, port), &says, if port == 80 { Close::Fin } else { Close::Reset });
    }
    truth(stage, "flood", from)
}

/// A thousand questions in each of a few connections.
fn kept_alive(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let until_s = stage.until_s();
    for connection in 0..10u32 {
        let from = (attacker, 50_000 + connection as u16);
        let mut says = Vec::new();
        let mut at_s = 0.0;
        while at_s < until_s - 1.0 {
            says.push(Say::Bytes(Client, stage.draw.whole(160, 190) as usize));
            says.push(Say::Bytes(Server, 350));
            at_s += 0.03;
        }
        stage.talk(f64::from(connection) * 0.01, from, (victim, 80), &says, Close::Fin);
    }
    truth(stage, "flood", From::One)
}

#[derive(Clone, Copy)]
enum Slow {
    Headers,
    Body,
    Read,
    Silent,
}

/// Hundreds of connections that are held open with next to nothing.
fn slow(stage: &mut Stage, how: Slow) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let until_s = stage.until_s();
    let n = (300.0 * stage.setting.strength) as u32;
    for connection in 0..n {
        let at_s = f64::from(connection) * 0.01 + stage.draw.uniform(0.0, 0.01);
        let from = (attacker, 30_000 + connection as u16);
        let mut says = match how {
            Slow::Headers => {
                vec![Say::Text(Client, "GET / HTTP/1.1\r\nHost: www.office.example\r\nX-a: ".into())]
            }
            Slow::Body => vec![Say::Text(
                Client,
                "POST /form HTTP/1.1\r\nHost: www.office.example\r\nContent-Length: 100000\r\n\r\n".into(),
            )],
            Slow::Read => vec![
                Say::Text(Client, "GET /large HTTP/1.1\r\nHost: www.office.example\r\n\r\n".into()),
                Say::Bytes(Server, 900),
            ],
            Slow::Silent => Vec::new(),
        };
        let mut spent_s = at_s;
        while !matches!(how, Slow::Silent) && spent_s < until_s {
            says.push(Say::Wait(10.0));
            spent_s += 10.0;
            match how {
                Slow::Headers => says.push(Say::Text(Client, "X-b: 1\r\n".into())),
                Slow::Body => says.push(Say::Text(Client, "a=1&".into())),
                _ => says.push(Say::Bytes(Server, 32)),
            }
        }
        stage.talk(at_s, from, (victim, 80), &says, Close::Open);
    }
    truth(stage, "flood", From::One)
}

fn amplified(stage: &mut Stage, port: u16, bytes: usize) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(150.0) {
        let reflector = stage.draw.whole(0, 79);
        let from = (stage.outside(0x4000 + reflector * 0x105), port);
        let to = (victim, stage.port());
        stage.udp(at_s, Client, from, to, bytes);
    }
    truth(stage, "flood:reflection,amplification", From::Anybody)
}

fn syn_ack_reflection(stage: &mut Stage) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(150.0) {
        let reflector = stage.draw.whole(0, 200);
        let from = (stage.outside(0x4000 + reflector * 0x105), 443);
        let to = (victim, stage.port());
        stage.tcp(at_s, Client, from, to, SYN | ACK);
    }
    truth(stage, "flood", From::Anybody)
}

/// Questions for names that nobody has, to a name server.
fn names(stage: &mut Stage, from: From) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(300.0) {
        let from = (sender(stage, from), stage.port());
        let question = question(stage);
        let to = (victim, 53);
        stage.put(at_s, Client, from, to, &Inside::Udp(&question, question.len()));
        if stage.draw.chance(0.3) {
            let mut answer = question.clone();
            (answer[2], answer[3]) = (0x81, 0x83);
            stage.put(at_s + 0.02, Side::Server, to, from, &Inside::Udp(&answer, answer.len()));
        }
    }
    truth(stage, "flood", from)
}

fn question(stage: &mut Stage) -> Vec<u8> {
    let mut bytes = vec![stage.draw.whole(0, 255) as u8, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 12];
    bytes.extend((0..12).map(|_| stage.draw.whole(97, 122) as u8));
    for label in ["office", "example"] {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}
