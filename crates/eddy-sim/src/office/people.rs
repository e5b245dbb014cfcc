//! What people at workstations do, and what their machines do beside it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::exchange::{
    Close, Exchange, address_question, dns, http, refused, ssh_greeting, ssh_login_failed, unanswered,
};
use super::flow::{Content, Detail, TlsClient, Transport};
use super::population::{BROADCAST_MAC, HostRole, Population};
use super::scene::{Scene, later};
use crate::conversation::Side::{Client, Server};

/// What a browser calls itself.
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
/// What an SSH client of an administrator calls itself.
const SSH_CLIENT: &str = "SSH-2.0-OpenSSH_9.7\r\n";

/// Reads a page: looks its parts up and fetches them. Answers seconds until the next.
pub(crate) fn browse(at_ns: i64, host: usize, scene: &mut Scene) -> f64 {
    let page = scene.memory.people.liked_site(host, scene.draw);
    let mut parts = vec![page; scene.draw.whole(1, 3) as usize];
    parts.extend((0..scene.draw.whole(2, 9)).map(|_| Population::shared_site(scene.draw)));
    let mut at = at_ns;
    for (number, site_idx) in parts.into_iter().enumerate() {
        at += scene.look_up(at, host, site_idx);
        fetch(at, host, site_idx, scene);
        at = later(at, if number == 0 { 0.15 } else { 0.02 } + scene.draw.exponential(0.08));
    }
    // A word in the search box that is no name, a stale link: no such name.
    if scene.draw.chance(0.03) {
        no_such_name(at, host, scene);
    }
    scene.draw.log_normal(14.0, 0.9).clamp(2.0, 900.0)
}

fn no_such_name(at_ns: i64, host: usize, scene: &mut Scene) {
    let name: Arc<str> = format!("wpad{}.office.example", scene.draw.whole(0, 3)).into();
    let to = scene.server(HostRole::DnsServer);
    let ends = scene.near(at_ns, host, to, 53);
    let mut question = address_question(&name, 1, 0, None);
    if let Detail::Dns { code, .. } = &mut question {
        *code = 3;
    }
    scene.push(dns(ends, question));
}

/// Fetches something from a site: mostly TLS, some QUIC, a little HTTP; sometimes in vain.
fn fetch(at_ns: i64, host: usize, site_idx: usize, scene: &mut Scene) {
    let site = scene.memory.people.sites[site_idx].clone();
    let has_both = scene.memory.people.hosts[host].address6.is_some();
    let to = site.address6.filter(|_| has_both).unwrap_or_else(|| {
        let IpAddr::V4(first) = site.address else { return site.address };
        IpAddr::V4(Ipv4Addr::from(u32::from(first) + scene.draw.whole(0, u32::from(site.addresses) - 1)))
    });
    let fate = scene.draw.uniform(0.0, 1.0);
    let response = scene.draw.log_normal(5_000.0, 1.3).min(8e6) as u64 + 300;
    let round_trip_us = site.round_trip_us + u64::from(scene.draw.whole(0, 2_500));
    if fate < 0.04 {
        let ends = scene.ends(at_ns, host, to, 80, round_trip_us);
        let target =
            format!("/{}/{:x}", ["news", "img", "p", "feed"][site_idx % 4], scene.draw.whole(0, 4_095));
        let detail = Detail::Http { host: site.name.clone(), target: target.into(), agent: BROWSER };
        scene.push(http(ends, detail, response, 0.03));
        return;
    }
    let ends = scene.ends(at_ns, host, to, 443, round_trip_us);
    let flow = match fate {
        ..0.05 => unanswered(ends),
        ..0.056 => refused(ends),
        ..0.2 => {
            let mut talk = Exchange::new(ends, Transport::Udp, "quic");
            talk.datagrams(Client, Content::QuicHello, 1_200, 1_200, 120);
            talk.wait_us(round_trip_us);
            talk.datagrams(Server, Content::QuicHello, 3_600, 1_200, 120);
            talk.datagrams(Client, Content::Filler, u64::from(scene.draw.whole(300, 900)), 1_200, 120);
            talk.wait_us(round_trip_us);
            talk.datagrams(Server, Content::Filler, response, 1_200, 150);
            talk.datagrams(Client, Content::Filler, 35 * response.div_ceil(12_000), 35, 1_500);
            talk.done()
        }
        _ => {
            let server_name = site.name.clone();
            let detail = Detail::Tls { server_name, client: TlsClient::Browser };
            let mut talk = Exchange::tcp(ends, "ssl").detail(detail);
            talk.tls(scene.draw);
            let requests = scene.draw.whole(1, 4);
            for request in 0..requests {
                if request > 0 {
                    talk.wait_s(scene.draw.exponential(2.5).min(40.0));
                }
                talk.message(Client, Content::TlsData, u64::from(scene.draw.whole(180, 900)));
                talk.wait_s(scene.draw.log_normal(0.03, 0.8).min(5.0));
                let bytes = (response as f64 / f64::from(requests) * scene.draw.uniform(0.4, 1.6)) as u64;
                talk.message(Server, Content::TlsData, bytes.max(120));
            }
            talk.wait_s(scene.draw.exponential(12.0).min(55.0));
            talk.close(if fate > 0.97 {
                Close::Never
            } else if fate > 0.9 {
                Close::ClientReset
            } else if fate > 0.88 {
                Close::ServerReset
            } else {
                Close::Fin
            })
        }
    };
    scene.push(flow);
}

/// A small request over TLS to one site: a chat that asks for news, telemetry, a cloud that waits for a thing.
pub(crate) fn poll(at_ns: i64, host: usize, site_idx: usize, sizes: (u32, u32), scene: &mut Scene) {
    let at_ns = at_ns + scene.look_up(at_ns, host, site_idx);
    let site = scene.memory.people.sites[site_idx].clone();
    let round_trip_us = site.round_trip_us + u64::from(scene.draw.whole(0, 1_500));
    let ends = scene.ends(at_ns, host, site.address, 443, round_trip_us);
    let flow = if scene.draw.chance(0.004) {
        unanswered(ends)
    } else {
        let is_person = scene.memory.people.hosts[host].role == HostRole::Workstation;
        let client = if is_person { TlsClient::Browser } else { TlsClient::Thing };
        let mut talk = Exchange::tcp(ends, "ssl").detail(Detail::Tls { server_name: site.name, client });
        talk.tls(scene.draw);
        talk.message(Client, Content::TlsData, u64::from(sizes.0 + scene.draw.whole(0, 40)));
        talk.wait_s(scene.draw.log_normal(0.02, 0.5));
        talk.message(Server, Content::TlsData, u64::from(sizes.1 + scene.draw.whole(0, sizes.1)));
        talk.close(Close::Fin)
    };
    scene.push(flow);
}

/// Fetches an update of the system: one large download.
pub(crate) fn update(at_ns: i64, host: usize, scene: &mut Scene) {
    let site_idx = 1 + host % 3;
    poll(at_ns, host, site_idx, (900, 4_000), scene);
    if scene.draw.chance(0.3) {
        let site = scene.memory.people.sites[site_idx].clone();
        let ends = scene.ends(later(at_ns, 2.0), host, site.address, 443, site.round_trip_us);
        let mut talk = Exchange::tcp(ends, "ssl")
            .detail(Detail::Tls { server_name: site.name, client: TlsClient::Browser });
        talk.tls(scene.draw);
        talk.message(Client, Content::TlsData, 700);
        talk.message(Server, Content::TlsData, scene.draw.log_normal(4e6, 0.9).min(6e7) as u64);
        scene.push(talk.close(Close::Fin));
    }
}

/// Fetches mail, and now and then sends some.
pub(crate) fn mail(at_ns: i64, host: usize, scene: &mut Scene) {
    let to = scene.server(HostRole::MailServer);
    let ends = scene.near(at_ns, host, to, 993);
    let mut talk = Exchange::tcp(ends, "ssl")
        .detail(Detail::Tls { server_name: "mail.office.example".into(), client: TlsClient::Browser });
    talk.tls(scene.draw);
    for _ in 0..scene.draw.whole(2, 5) {
        talk.message(Client, Content::TlsData, u64::from(scene.draw.whole(40, 110)));
        talk.message(Server, Content::TlsData, scene.draw.log_normal(900.0, 1.4).min(3e6) as u64);
    }
    scene.push(talk.close(Close::Fin));
    if scene.draw.chance(0.12) {
        let ends = scene.near(later(at_ns, 4.0), host, to, 587);
        let bytes = scene.draw.log_normal(14_000.0, 1.6).min(1.2e7) as u64;
        scene.push(mail_delivery(ends, bytes));
    }
}

/// A message handed over by SMTP.
pub(crate) fn mail_delivery(ends: super::exchange::Ends, bytes: u64) -> super::flow::Flow {
    let detail = Detail::Tls { server_name: "mail.office.example".into(), client: TlsClient::Script };
    let mut talk = Exchange::tcp(ends, "smtp").detail(detail);
    talk.line(Server, "220 mail.office.example ESMTP\r\n");
    talk.line(Client, "EHLO client.office.example\r\n");
    talk.line(Server, "250-mail.office.example\r\n250-SIZE 52428800\r\n250 STARTTLS\r\n");
    talk.line(Client, "STARTTLS\r\n");
    talk.line(Server, "220 2.0.0 Ready to start TLS\r\n");
    talk.message(Client, Content::TlsHello, super::payload::TLS_HELLO_BYTES);
    talk.message(Server, Content::TlsServerHello, 3_100);
    talk.message(Client, Content::TlsData, bytes + 300);
    talk.message(Server, Content::TlsData, 160);
    talk.close(Close::Fin)
}

/// Opens files on the file server.
pub(crate) fn files(at_ns: i64, host: usize, scene: &mut Scene) {
    let to = scene.server(HostRole::FileServer);
    let ends = scene.near(at_ns, host, to, 445);
    let mut talk = smb_greeting(ends);
    for _ in 0..scene.draw.whole(1, 6) {
        talk.wait_s(scene.draw.exponential(8.0).min(50.0));
        let bytes = scene.draw.log_normal(30_000.0, 1.7).min(2e7) as u64;
        let (asking, giving) = if scene.draw.chance(0.25) { (bytes, 120) } else { (180, bytes) };
        talk.message(Client, Content::Filler, asking);
        talk.message(Server, Content::Filler, giving);
    }
    let how = if scene.draw.chance(0.2) { Close::ClientReset } else { Close::Fin };
    scene.push(talk.close(how));
}

/// The start of an SMB session: dialects, a login, a share.
pub(crate) fn smb_greeting(ends: super::exchange::Ends) -> Exchange {
    let mut talk = Exchange::tcp(ends, "smb");
    talk.message(Client, Content::Smb, 240);
    talk.message(Server, Content::Smb, 310);
    for (asking, giving) in [(220, 330), (620, 160), (170, 140)] {
        talk.message(Client, Content::Filler, asking);
        talk.message(Server, Content::Filler, giving);
    }
    talk
}

/// Prints something.
pub(crate) fn print(at_ns: i64, host: usize, scene: &mut Scene) {
    let printers: Vec<usize> = scene.memory.people.of_role(HostRole::Printer).collect();
    let Some(&printer) = printers.get(host % printers.len().max(1)) else { return };
    let to = scene.address(printer);
    let ends = scene.near(at_ns, host, to, 9_100);
    let mut talk = Exchange::tcp(ends, "");
    talk.message(Client, Content::Filler, scene.draw.log_normal(150_000.0, 1.0).min(2e7) as u64);
    talk.message(Server, Content::Filler, 40);
    scene.push(talk.close(Close::Fin));
}

/// An administrator looks after a server; a password may be mistyped first.
pub(crate) fn administer(at_ns: i64, host: usize, scene: &mut Scene) {
    let servers = 1 + scene.draw.whole(0, 7) as usize;
    let to = scene.address(servers);
    let mut at = at_ns;
    while scene.draw.chance(0.12) {
        let ends = scene.near(at, host, to, 22);
        let tries = scene.draw.whole(1, 3);
        let flow = ssh_login_failed(ends, SSH_CLIENT, tries, scene.draw);
        scene.push(flow);
        at = later(at, scene.draw.uniform(8.0, 25.0));
    }
    let ends = scene.near(at, host, to, 22);
    let mut talk = ssh_greeting(ends, SSH_CLIENT, scene.draw);
    for _ in 0..scene.draw.whole(10, 120) {
        talk.wait_s(scene.draw.exponential(2.5).min(45.0));
        talk.train(Client, Content::Filler, u64::from(scene.draw.whole(36, 200)), 36, 130_000);
        talk.message(Server, Content::Filler, scene.draw.log_normal(220.0, 1.4).min(2e5) as u64);
    }
    scene.push(talk.close(Close::Fin));
}

/// A machine is switched on: it gets an address, makes itself known and looks for updates.
pub(crate) fn arrive(at_ns: i64, host: usize, scene: &mut Scene) {
    let dhcp = scene.server(HostRole::DnsServer);
    let address = scene.address(host);
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let mac = scene.memory.people.hosts[host].mac;
    let server_mac = scene.memory.people.link(dhcp, address);
    let mut ends = scene.near(at_ns, host, IpAddr::V4(Ipv4Addr::BROADCAST), 67);
    (ends.source, ends.source_port) = (nobody, 68);
    let mut talk = Exchange::new(ends, Transport::Udp, "dhcp");
    talk.datagrams(Client, Content::Dhcp, 300, 300, 120);
    talk.wait_us(1_200);
    talk.datagrams(Client, Content::Dhcp, 300, 300, 120);
    let mut flow = talk.done();
    flow.links = [[mac, BROADCAST_MAC], [BROADCAST_MAC, mac]];
    scene.push(flow);
    let mut ends = scene.near(at_ns + 600_000, host, address, 68);
    (ends.source, ends.source_port) = (dhcp, 67);
    let mut talk = Exchange::new(ends, Transport::Udp, "dhcp");
    talk.datagrams(Client, Content::Dhcp, 300, 300, 120);
    talk.wait_us(1_300);
    talk.datagrams(Client, Content::Dhcp, 300, 300, 120);
    let mut flow = talk.done();
    flow.links = [[server_mac[0], mac], [mac, server_mac[0]]];
    scene.push(flow);
    gratuitous_arp(later(at_ns, 0.2), host, scene);
    announce(later(at_ns, 1.0), host, scene);
    update(later(at_ns, 20.0), host, scene);
    files(later(at_ns, 6.0), host, scene);
}

/// Says which address one has, unasked.
fn gratuitous_arp(at_ns: i64, host: usize, scene: &mut Scene) {
    let address = scene.address(host);
    let mut ends = scene.near(at_ns, host, address, 0);
    ends.source_port = 0;
    let mut talk = Exchange::new(ends, Transport::Arp, "arp").detail(Detail::Arp { operation: 1 });
    talk.datagrams(Client, Content::Filler, 0, 1, 120);
    let mut flow = talk.done();
    let mac = scene.memory.people.hosts[host].mac;
    flow.links = [[mac, BROADCAST_MAC], [BROADCAST_MAC, mac]];
    scene.push(flow);
}

/// Asks which adapter has an address.
pub(crate) fn arp(at_ns: i64, host: usize, scene: &mut Scene) {
    let n_near = scene.memory.people.hosts.len() as u32;
    let to = if scene.draw.chance(0.7) { 0 } else { scene.draw.whole(0, n_near - 1) as usize };
    if to == host {
        return;
    }
    let address = scene.address(to);
    let mut ends = scene.near(at_ns, host, address, 0);
    ends.source_port = 0;
    let mut talk = Exchange::new(ends, Transport::Arp, "arp").detail(Detail::Arp { operation: 1 });
    talk.ask((Content::Filler, 0), (Content::Filler, 0));
    let mut flow = talk.done();
    let [asking, asked] = [host, to].map(|idx| scene.memory.people.hosts[idx].mac);
    flow.links = [[asking, BROADCAST_MAC], [asked, asking]];
    scene.push(flow);
}

/// Makes itself known to the neighbours (multicast DNS).
pub(crate) fn announce(at_ns: i64, host: usize, scene: &mut Scene) {
    let group = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251));
    let mut ends = scene.near(at_ns, host, group, 5_353);
    ends.source_port = 5_353;
    let name: Arc<str> = ["_ipp._tcp.local", "_smb._tcp.local", "_googlecast._tcp.local"][host % 3].into();
    let detail = Detail::Dns { name, kind: 12, code: u8::MAX, answers: 0, address: None, text_bytes: 0 };
    let bytes = super::payload::dns_bytes(&detail, Client);
    let mut talk = Exchange::new(ends, Transport::Udp, "dns").detail(detail);
    talk.datagrams(Client, Content::DnsQuery, bytes, 1_400, 1_000_000);
    scene.push(talk.done());
}

/// Calls a server that was switched off long ago.
pub(crate) fn call_in_vain(at_ns: i64, host: usize, scene: &mut Scene) {
    let ends = scene.near(at_ns, host, super::population::office(0, 77), 445);
    scene.push(unanswered(ends));
}
