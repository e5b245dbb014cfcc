//! Habits of an office unlike the usual one: things that look like attacks and are none.

use std::sync::Arc;

use super::exchange::{Close, Exchange, refused, unanswered};
use super::flow::{Content, Detail, TlsClient, Transport};
use super::people::smb_greeting;
use super::population::{HostRole, guest};
use super::scene::{Scene, later};
use super::things::service_port;
use crate::conversation::Side::{Client, Server};

/// Ports that a scanner for weaknesses looks at.
const LOOKED_AT: [u16; 14] = [21, 22, 23, 25, 53, 80, 139, 443, 445, 3_389, 5_900, 8_080, 8_443, 9_100];
/// Bytes of a copy of the office's files, about.
const COPY_BYTES: f64 = 1.5e9;

/// The file server sends a copy of what changed to a store outside.
pub(crate) fn copy_outside(at_ns: i64, host: usize, scene: &mut Scene) {
    let site = scene.memory.people.sites[58].clone();
    let ends = scene.ends(at_ns, host, site.address, 443, site.round_trip_us);
    let detail = Detail::Tls { server_name: site.name, client: TlsClient::Thing };
    let mut talk = Exchange::tcp(ends, "ssl").detail(detail);
    talk.tls(scene.draw);
    let bytes = scene.draw.log_normal(COPY_BYTES, 0.3).min(8e9) as u64;
    talk.train(Client, Content::TlsData, bytes, super::flow::SEGMENT_BYTES, 300);
    talk.message(Server, Content::TlsData, 2_000);
    scene.push(talk.close(Close::Fin));
}

/// The monitor looks for weaknesses: it asks every host on every port it knows, with leave to do so.
pub(crate) fn look_for_weaknesses(at_ns: i64, host: usize, scene: &mut Scene) {
    let mut at = at_ns;
    for idx in (0..scene.memory.people.hosts.len()).filter(|&idx| idx != host) {
        let role = scene.memory.people.hosts[idx].role;
        let to = scene.address(idx);
        for port in LOOKED_AT {
            at = later(at, scene.draw.exponential(0.12));
            let ends = scene.near(at, host, to, port);
            let is_off = role == HostRole::Workstation && scene.memory.working(idx, at).is_err();
            scene.push(if service_port(role) == Some(port) {
                Exchange::tcp(ends, "").close(Close::Fin)
            } else if is_off || role == HostRole::Workstation {
                unanswered(ends)
            } else {
                refused(ends)
            });
        }
    }
}

/// The server for administration brings every server and every workstation that is on up to date.
pub(crate) fn configure(at_ns: i64, host: usize, scene: &mut Scene) {
    let mut at = at_ns;
    for idx in 1..scene.memory.people.hosts.len() {
        let role = scene.memory.people.hosts[idx].role;
        let is_off = role == HostRole::Workstation && scene.memory.working(idx, at).is_err();
        if idx == host || role != HostRole::Workstation && idx > 8 {
            continue;
        }
        at = later(at, scene.draw.uniform(2.0, 9.0));
        let to = scene.address(idx);
        let ends = scene.near(at, host, to, 445);
        if is_off {
            scene.push(unanswered(ends));
            continue;
        }
        let mut talk = smb_greeting(ends);
        talk.message(Client, Content::Filler, scene.draw.log_normal(9_000.0, 0.6) as u64);
        talk.message(Server, Content::Filler, scene.draw.log_normal(3_000.0, 0.4) as u64);
        scene.push(talk.close(Close::Fin));
    }
}

/// A program that only this host has asks its maker, once a minute, whether it may run.
pub(crate) fn ask_leave(at_ns: i64, host: usize, scene: &mut Scene) {
    let site = scene.memory.people.sites[300 + host % 100].clone();
    let ends = scene.ends(at_ns, host, site.address, 443, site.round_trip_us);
    let detail = Detail::Tls { server_name: site.name, client: TlsClient::Thing };
    let mut talk = Exchange::tcp(ends, "ssl").detail(detail);
    talk.tls(scene.draw);
    talk.message(Client, Content::TlsData, u64::from(scene.draw.whole(210, 225)));
    talk.message(Server, Content::TlsData, u64::from(scene.draw.whole(140, 150)));
    scene.push(talk.close(Close::Fin));
}

/// Many people behind a few addresses read the web site: schools, offices, telephones.
pub(crate) fn guests(at_ns: i64, scene: &mut Scene) -> f64 {
    let to = scene.server(HostRole::WebServer);
    let source = guest(scene.draw);
    let mut at = at_ns;
    for _ in 0..scene.draw.whole(1, 12) {
        let ends = scene.call_from_outside(at, source, to, 443);
        let fate = scene.draw.uniform(0.0, 1.0);
        if fate < 0.04 {
            scene.push(unanswered(ends));
        } else {
            let server_name: Arc<str> = "www.office.example".into();
            let detail = Detail::Tls { server_name, client: TlsClient::Browser };
            let mut talk = Exchange::tcp(ends, "ssl").detail(detail);
            talk.tls(scene.draw);
            talk.message(Client, Content::TlsData, u64::from(scene.draw.whole(250, 800)));
            talk.wait_s(scene.draw.log_normal(0.04, 0.8).min(4.0));
            talk.message(Server, Content::TlsData, scene.draw.log_normal(7_000.0, 1.2).min(4e6) as u64);
            scene.push(talk.close(if fate > 0.9 { Close::ClientReset } else { Close::Fin }));
        }
        at = later(at, scene.draw.exponential(0.3));
    }
    scene.draw.exponential(1.2 / scene.memory.rhythm.load(at_ns))
}

/// A camera streams to the recorder for half an hour at a time, one way.
pub(crate) fn stream(at_ns: i64, host: usize, scene: &mut Scene) -> f64 {
    let to = scene.server(HostRole::VideoRecorder);
    let seconds = scene.draw.uniform(1_200.0, 2_400.0);
    let ends = scene.near(at_ns, host, to, 5_004);
    let mut talk = Exchange::new(ends, Transport::Udp, "rtp");
    let packets = (seconds * 190.0) as u64;
    talk.datagrams(Client, Content::Rtp, packets * 1_316, 1_316, 5_260);
    scene.push(talk.done());
    // The next one follows at once, whatever the rate.
    (seconds + 1.0) * scene.memory.rate
}
