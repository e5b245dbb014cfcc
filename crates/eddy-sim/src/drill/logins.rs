//! Guessing of passwords, as hydra, medusa, ncrack and worms do it.

use super::stage::{Close, Inside, Say, Stage};
use super::{ANY, Drill, DrillTruth, INTO, INWARD};
use crate::conversation::Side::{Client, Server};

pub(super) const DRILLS: &[Drill] = &[
    Drill::new("ssh-guessing", ANY, |stage| guess(stage, &SSH)),
    Drill::new("ssh-guessing-own-port", ANY, |stage| guess(stage, &Service { port: 902, ..SSH })),
    Drill::new("ftp-guessing", ANY, |stage| guess(stage, &FTP)),
    Drill::new("telnet-guessing", ANY, |stage| guess(stage, &TELNET)),
    Drill::new("rdp-guessing", ANY, |stage| {
        guess(stage, &binary(3_389, &[(47, 19), (280, 1_100), (400, 150), (360, 90)]))
    }),
    Drill::new("smb-guessing", ANY, |stage| guess(stage, &binary(445, &[(108, 310), (170, 330), (420, 77)]))),
    Drill::new("mysql-guessing", ANY, |stage| guess(stage, &SQL)),
    Drill::new("postgres-guessing", ANY, |stage| {
        guess(stage, &binary(5_432, &[(74, 24), (54, 92), (108, 101)]))
    }),
    Drill::new("mssql-guessing", ANY, |stage| guess(stage, &binary(1_433, &[(94, 48), (190, 120)]))),
    Drill::new("oracle-guessing", ANY, |stage| {
        guess(stage, &binary(1_521, &[(240, 32), (160, 180), (300, 110)]))
    }),
    Drill::new("redis-guessing", ANY, |stage| guess(stage, &binary(6_379, &[(31, 34)]))),
    Drill::new("mongo-guessing", ANY, |stage| {
        guess(stage, &binary(27_017, &[(310, 320), (180, 140), (140, 120)]))
    }),
    Drill::new("vnc-guessing", ANY, |stage| guess(stage, &binary(5_900, &[(12, 12), (1, 17), (16, 30)]))),
    Drill::new("imap-guessing", ANY, |stage| guess(stage, &MAIL)),
    Drill::new("smtp-guessing", ANY, |stage| guess(stage, &Service { port: 587, ..MAIL })),
    Drill::new("ldap-guessing", ANY, |stage| guess(stage, &binary(389, &[(60, 22)]))),
    Drill::new("kerberos-guessing", INTO, |stage| guess(stage, &binary(88, &[(210, 160)]))),
    Drill::new("winrm-guessing", ANY, |stage| guess(stage, &binary(5_985, &[(420, 130), (640, 130)]))),
    Drill::new("mqtt-guessing", ANY, |stage| guess(stage, &binary(1_883, &[(42, 4)]))),
    Drill::new("web-form-guessing", INTO, |stage| guess_web(stage, 80)),
    Drill::new("web-tls-guessing", INTO, |stage| guess_web(stage, 443)),
    Drill::new("ssh-guessing-slow", INTO, |stage| {
        stage.setting.strength *= 0.15;
        guess(stage, &SSH)
    })
    .least(240.0),
    Drill::new("ssh-guessing-equal", INTO, |stage| guess(stage, &Service { is_equal: true, ..SSH })),
    Drill::new("ssh-spraying", INTO, spray),
    Drill::new("ssh-guessing-crowd", INWARD, crowd),
    Drill::new("ftp-guessing-in-one", INTO, in_one),
    Drill::new("snmp-guessing", ANY, |stage| datagrams(stage, 161, 45, 0.0)),
    Drill::new("sip-guessing", ANY, |stage| datagrams(stage, 5_060, 420, 1.0)),
];

/// A service and what is said on the way to a failed log-in.
#[derive(Clone, Copy)]
struct Service {
    port: u16,
    /// What the server says first, and the client then.
    greeting: &'static [&'static str],
    /// Bytes of question and answer, in turn.
    turns: &'static [(usize, usize)],
    /// Whether every try takes the same bytes.
    is_equal: bool,
}

const SSH: Service = Service {
    port: 22,
    greeting: &["SSH-2.0-OpenSSH_8.9p1\r\n", "SSH-2.0-libssh_0.9.6\r\n"],
    turns: &[(900, 1_080), (48, 600), (16, 0), (52, 52), (148, 52)],
    is_equal: false,
};
const FTP: Service = Service {
    port: 21,
    greeting: &["220 files FTP server ready\r\n", "USER admin\r\n", "331 Password required\r\n"],
    turns: &[(16, 24)],
    is_equal: false,
};
const TELNET: Service = Service {
    port: 23,
    greeting: &["login: ", "root\r\n", "Password: "],
    turns: &[(10, 20), (8, 12)],
    is_equal: false,
};
const SQL: Service =
    Service { port: 3_306, greeting: &["J\0\0\0\n8.0.32\0"], turns: &[(82, 80)], is_equal: false };
const MAIL: Service = Service {
    port: 143,
    greeting: &["* OK IMAP ready\r\n", "a LOGIN info ", "a NO failed\r\n"],
    turns: &[(40, 46)],
    is_equal: false,
};

const fn binary(port: u16, turns: &'static [(usize, usize)]) -> Service {
    Service { port, greeting: &[], turns, is_equal: false }
}

impl Service {
    /// One failed log-in: names and passwords are of different length.
    fn says(&self, stage: &mut Stage) -> Vec<Say> {
        let mut says = Vec::new();
        for (at, text) in self.greeting.iter().enumerate() {
            says.push(Say::Text(if at % 2 == 0 { Server } else { Client }, (*text).to_owned()));
        }
        for (at, &(asked, answered)) in self.turns.iter().enumerate() {
            let more = if at + 1 == self.turns.len() && !self.is_equal {
                stage.draw.whole(0, 9) as usize
            } else {
                0
            };
            says.push(Say::Bytes(Client, asked + more));
            says.push(Say::Wait(if at + 1 == self.turns.len() {
                stage.draw.uniform(0.05, 0.3)
            } else {
                0.0
            }));
            says.push(Say::Bytes(Server, answered));
        }
        says
    }
}

fn truth(stage: &Stage, told_as: &'static str) -> DrillTruth {
    DrillTruth { told_as, actors: vec![stage.attacker()], is_forged: false, targets: vec![stage.victim()] }
}

fn guess(stage: &mut Stage, service: &Service) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for at_s in stage.moments(2.0) {
        let says = service.says(stage);
        let from = (attacker, stage.port());
        stage.talk(at_s, from, (victim, service.port), &says, Close::Fin);
    }
    truth(stage, "brute_force")
}

fn guess_web(stage: &mut Stage, port: u16) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for at_s in stage.moments(8.0) {
        let more = stage.draw.whole(0, 9) as usize;
        let says = if port == 80 {
            let word = "p".repeat(more + 5);
            vec![
                Say::Text(
                    Client,
                    format!(
                        "POST /login HTTP/1.1\r\nHost: www.office.example\r\nContent-Length: 40\r\n\r\nuser=admin&password={word}"
                    ),
                ),
                Say::Wait(0.05),
                Say::Bytes(Server, 830),
            ]
        } else {
            vec![
                Say::Bytes(Client, 517),
                Say::Bytes(Server, 2_900),
                Say::Bytes(Client, 480 + more),
                Say::Wait(0.05),
                Say::Bytes(Server, 860),
            ]
        };
        let from = (attacker, stage.port());
        stage.talk(at_s, from, (victim, port), &says, Close::Fin);
    }
    truth(stage, "brute_force")
}

/// One password at each of many hosts.
fn spray(stage: &mut Stage) -> DrillTruth {
    let attacker = stage.attacker();
    let mut targets = Vec::new();
    for (at, at_s) in stage.moments(2.0).into_iter().enumerate() {
        let says = SSH.says(stage);
        let victim = stage.neighbour(10 + at as u32 % 40);
        let from = (attacker, stage.port());
        stage.talk(at_s, from, (victim, 22), &says, Close::Fin);
        targets.push(victim);
    }
    DrillTruth { told_as: "brute_force|lateral_spread", actors: vec![attacker], is_forged: false, targets }
}

/// Thirty hosts of whom each tries now and then.
fn crowd(stage: &mut Stage) -> DrillTruth {
    let victim = stage.victim();
    for at_s in stage.moments(4.0) {
        let says = SSH.says(stage);
        let bot = stage.draw.whole(0, 29);
        let from = (stage.outside(0x2000 + bot * 0x107), stage.port());
        stage.talk(at_s, from, (victim, 22), &says, Close::Fin);
    }
    DrillTruth { told_as: "brute_force", actors: Vec::new(), is_forged: false, targets: vec![victim] }
}

/// Many passwords in each of a few connections.
fn in_one(stage: &mut Stage) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    for at_s in stage.moments(1.0) {
        let mut says = vec![Say::Text(Server, "220 files FTP server ready\r\n".into())];
        for _ in 0..stage.draw.whole(6, 10) {
            says.push(Say::Text(Client, "USER admin\r\n".into()));
            says.push(Say::Text(Server, "331 Password required\r\n".into()));
            says.push(Say::Bytes(Client, stage.draw.whole(11, 20) as usize));
            says.push(Say::Wait(0.1));
            says.push(Say::Text(Server, "530 Login incorrect\r\n".into()));
        }
        let from = (attacker, stage.port());
        stage.talk(at_s, from, (victim, 21), &says, Close::Fin);
    }
    truth(stage, "brute_force")
}

/// Guesses of which each is one datagram, all from one port.
fn datagrams(stage: &mut Stage, port: u16, bytes: usize, answered: f64) -> DrillTruth {
    let (attacker, victim) = (stage.attacker(), stage.victim());
    let (from, to) = ((attacker, stage.port()), (victim, port));
    for at_s in stage.moments(20.0) {
        let more = stage.draw.whole(0, 11) as usize;
        stage.put(at_s, Client, from, to, &Inside::Udp(&[], bytes + more));
        if stage.draw.chance(answered) {
            stage.udp(at_s + 0.003, Server, to, from, 360);
        }
    }
    truth(stage, "brute_force|scan|flood")
}
