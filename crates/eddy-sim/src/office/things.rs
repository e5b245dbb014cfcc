//! What servers, cameras, sensors and the world outside do by themselves.

use std::net::IpAddr;
use std::sync::Arc;

use super::exchange::{Close, Exchange, http, ntp, ping, refused, unanswered};
use super::flow::{Content, Detail, TlsClient, Transport};
use super::people::{mail_delivery, poll};
use super::population::{HostRole, office, visitor};
use super::scene::{Scene, later};
use crate::conversation::Side::{Client, Server};

/// What the monitor calls itself.
const MONITOR: &str = "check_http/2.3 (monitoring)";
/// What a visitor's browser calls itself.
const VISITOR: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0";

/// A camera hands a picture to the recorder.
pub(crate) fn picture(at_ns: i64, host: usize, scene: &mut Scene) {
    let to = scene.server(HostRole::VideoRecorder);
    let ends = scene.near(at_ns, host, to, 8_554);
    let mut talk = Exchange::tcp(ends, "");
    talk.message(Client, Content::Filler, scene.draw.log_normal(21_000.0, 0.15) as u64);
    talk.message(Server, Content::Filler, 32);
    scene.push(talk.close(Close::Fin));
}

/// Something moves before a camera: a clip of some seconds over RTP.
pub(crate) fn clip(at_ns: i64, host: usize, scene: &mut Scene) {
    let to = scene.server(HostRole::VideoRecorder);
    let seconds = scene.draw.log_normal(14.0, 0.5).min(90.0);
    let ends = scene.near(at_ns, host, to, 5_004);
    let mut talk = Exchange::new(ends, Transport::Udp, "rtp");
    // About 2 Mbit/s in packets of 1,316 bytes.
    let packets = (seconds * 190.0) as u64;
    talk.datagrams(Client, Content::Rtp, packets * 1_316, 1_316, 5_260);
    scene.push(talk.done());
}

/// A sensor keeps a connection to its broker open and reports every half minute.
pub(crate) fn report(at_ns: i64, host: usize, scene: &mut Scene) -> f64 {
    let site_idx = 24 + host % 4;
    let at_ns = at_ns + scene.look_up(at_ns, host, site_idx);
    let site = scene.memory.people.sites[site_idx].clone();
    let left_s = (scene.memory.end_ns - at_ns) as f64 / 1e9;
    let hours_s = scene.draw.uniform(3.0, 7.0) * 3_600.0;
    let ends = scene.ends(at_ns, host, site.address, 8_883, site.round_trip_us);
    let mut talk =
        Exchange::tcp(ends, "ssl").detail(Detail::Tls { server_name: site.name, client: TlsClient::Thing });
    talk.tls(scene.draw);
    let reports = (hours_s.min(left_s) / 30.0).max(1.0) as u64;
    talk.train(Client, Content::TlsData, reports * 74, 74, 30_000_000);
    scene.push(talk.close(Close::Fin));
    hours_s + 20.0
}

/// Time asked of the office's server, or of one outside.
pub(crate) fn time(at_ns: i64, host: usize, scene: &mut Scene) {
    let server = scene.memory.people.first(HostRole::DnsServer);
    let ends = if host == server || host == 0 {
        let to = scene.memory.people.sites[60].name_server;
        scene.ends(at_ns, host, to, 123, 12_000)
    } else {
        let to = scene.address(server);
        scene.near(at_ns, host, to, 123)
    };
    scene.push(ntp(ends));
}

/// The monitor asks every host whether it is there, and every server whether it works.
pub(crate) fn monitor_round(at_ns: i64, host: usize, scene: &mut Scene) {
    for idx in 0..scene.memory.people.hosts.len() {
        if idx == host {
            continue;
        }
        let role = scene.memory.people.hosts[idx].role;
        let to = scene.address(idx);
        let at = later(at_ns, idx as f64 * 0.05 + scene.draw.uniform(0.0, 0.01));
        let is_off = role == HostRole::Workstation && scene.memory.working(idx, at).is_err();
        let mut ends = scene.near(at, host, to, 0);
        if role != HostRole::Workstation {
            let mut flow = ping(ends, 1, 56);
            flow.application = "";
            scene.push(flow);
        } else if idx % 4 == 0 {
            // Only some workstations are watched; they do not answer at night.
            let mut flow = ping(ends, 1, 56);
            if is_off {
                flow.leave_unanswered();
            }
            scene.push(flow);
        }
        if matches!(role, HostRole::Router | HostRole::Printer | HostRole::VideoRecorder) {
            ends = scene.near(later(at, 0.3), host, to, 161);
            let mut talk = Exchange::new(ends, Transport::Udp, "snmp");
            talk.ask((Content::Snmp, 86), (Content::Snmp, 92 + u64::from(scene.draw.whole(0, 6))));
            scene.push(talk.done());
        }
        if let Some(port) = service_port(role) {
            ends = scene.near(later(at, 0.6), host, to, port);
            check_service(ends, role, scene);
        }
    }
}

fn check_service(ends: super::exchange::Ends, role: HostRole, scene: &mut Scene) {
    if role == HostRole::WebServer {
        let detail =
            Detail::Http { host: "www.office.example".into(), target: "/health".into(), agent: MONITOR };
        let ends = super::exchange::Ends { port: 80, ..ends };
        scene.push(http(ends, detail, 320, 0.004));
        return;
    }
    let mut talk = Exchange::tcp(ends, "");
    talk.wait_s(0.003);
    scene.push(talk.close(Close::Fin));
}

/// The port on which a host of a role serves, if it does.
pub(crate) fn service_port(role: HostRole) -> Option<u16> {
    Some(match role {
        HostRole::DnsServer => 53,
        HostRole::MailServer => 25,
        HostRole::WebServer => 443,
        HostRole::FileServer => 445,
        HostRole::SshServer | HostRole::BackupServer => 22,
        HostRole::VideoRecorder => 8_554,
        HostRole::Printer => 9_100,
        _ => return None,
    })
}

/// The monitor looks for printers: it asks sixteen addresses, of which few are printers. Looks like a scan, is none.
pub(crate) fn look_for_printers(at_ns: i64, host: usize, scene: &mut Scene) {
    for idx in 0..16 {
        let to = office(100, 10 + idx);
        let at = later(at_ns, idx as f64 * 0.4 + scene.draw.uniform(0.0, 0.05));
        let ends = scene.near(at, host, to, 9_100);
        let found = scene.memory.people.host_at(to).map(|idx| scene.memory.people.hosts[idx].role);
        let flow = match found {
            Some(HostRole::Printer) => Exchange::tcp(ends, "").close(Close::Fin),
            Some(_) => refused(ends),
            None => unanswered(ends),
        };
        scene.push(flow);
    }
}

/// Somebody outside reads the web site of the office.
pub(crate) fn visit(at_ns: i64, scene: &mut Scene) -> f64 {
    let to = scene.server(HostRole::WebServer);
    let source = visitor(scene.draw);
    let mut at = at_ns;
    for _ in 0..scene.draw.whole(1, 4) {
        let fate = scene.draw.uniform(0.0, 1.0);
        let response = scene.draw.log_normal(7_000.0, 1.2).min(4e6) as u64;
        if fate < 0.06 {
            let ends = scene.call_from_outside(at, source, to, 80);
            let detail =
                Detail::Http { host: "www.office.example".into(), target: "/".into(), agent: VISITOR };
            scene.push(http(ends, detail, 420, 0.01));
        } else {
            let ends = scene.call_from_outside(at, source, to, 443);
            let server_name: Arc<str> = "www.office.example".into();
            let mut talk =
                Exchange::tcp(ends, "ssl").detail(Detail::Tls { server_name, client: TlsClient::Browser });
            talk.tls(scene.draw);
            talk.message(Client, Content::TlsData, u64::from(scene.draw.whole(250, 800)));
            talk.wait_s(scene.draw.log_normal(0.04, 0.8).min(4.0));
            talk.message(Server, Content::TlsData, response);
            talk.wait_s(scene.draw.exponential(6.0).min(50.0));
            scene.push(talk.close(match fate {
                0.97.. => Close::Never,
                0.92..0.97 => Close::ClientReset,
                _ => Close::Fin,
            }));
        }
        at = later(at, scene.draw.exponential(0.4));
    }
    scene.draw.exponential(1.8 / scene.memory.rhythm.load(at_ns))
}

/// Mail from outside arrives.
pub(crate) fn mail_arrives(at_ns: i64, scene: &mut Scene) -> f64 {
    let to = scene.server(HostRole::MailServer);
    let sender = scene.draw.whole(0, 60) as usize;
    let source = scene.memory.people.sites[60 + sender].name_server;
    let ends = scene.call_from_outside(at_ns, source, to, 25);
    let bytes = scene.draw.log_normal(16_000.0, 1.5).min(1.2e7) as u64;
    scene.push(mail_delivery(ends, bytes));
    scene.draw.exponential(40.0 / scene.memory.rhythm.load(at_ns))
}

/// The backup server fetches what changed on a server.
pub(crate) fn backup(at_ns: i64, host: usize, from: usize, scene: &mut Scene) {
    let to: IpAddr = scene.address(from);
    let ends = scene.near(at_ns, host, to, 22);
    let mut talk = super::exchange::ssh_greeting(ends, "SSH-2.0-OpenSSH_9.6\r\n", scene.draw);
    talk.message(Client, Content::Filler, 4_000);
    let bytes = scene.draw.log_normal(1.5e8, 0.5).min(1.2e9) as u64;
    talk.train(Server, Content::Filler, bytes, super::flow::SEGMENT_BYTES, 160);
    talk.message(Client, Content::Filler, 900);
    scene.push(talk.close(Close::Fin));
}

/// A server asks for updates of its packages.
pub(crate) fn server_update(at_ns: i64, host: usize, scene: &mut Scene) {
    let site_idx = 4 + host % 2;
    let at_ns = at_ns + scene.look_up(at_ns, host, site_idx);
    let site = scene.memory.people.sites[site_idx].clone();
    for (number, target) in ["/debian/dists/stable/InRelease", "/debian/pool/update.deb"].iter().enumerate() {
        let at = later(at_ns, number as f64 * 1.5);
        let ends = scene.ends(at, host, site.address, 80, site.round_trip_us);
        let detail = Detail::Http {
            host: site.name.clone(),
            target: (*target).into(),
            agent: "Debian APT-HTTP/1.3 (2.6.1)",
        };
        let bytes = if number == 0 { 190_000 } else { scene.draw.log_normal(1.5e6, 1.0).min(4e7) as u64 };
        scene.push(http(ends, detail, bytes, 0.02));
    }
}

/// A thing reports to its maker.
pub(crate) fn call_maker(at_ns: i64, host: usize, scene: &mut Scene) {
    poll(at_ns, host, 20 + host % 4, (310, 420), scene);
}
