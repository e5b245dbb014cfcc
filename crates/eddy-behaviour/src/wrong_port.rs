//! A protocol on a port that belongs to another.

use std::net::IpAddr;

use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::table::bounded;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "wrong_port",
    title: "Protocol on a wrong port",
    summary: "What is spoken is not what the port is for: SSH where web pages are expected, web pages where names are; or it \
              is the talk of a program that mines currency with the pool it works for, on any port.",
    blind_to: "Protocols that the source of the flows does not name; TLS around anything; ports that belong to nobody.",
    techniques: &["T1571", "T1572", "T1496"],
};

/// The behaviour.
pub(crate) struct WrongPort {
    open: Open<(IpAddr, IpAddr, u16)>,
}

impl Default for WrongPort {
    fn default() -> Self {
        Self { open: Open::new(3_600) }
    }
}

/// What is spoken on a port, where everybody agrees.
fn expected(port: u16) -> Option<&'static [&'static str]> {
    Some(match port {
        21 => &["ftp"],
        22 => &["ssh"],
        23 => &["telnet"],
        25 | 587 => &["smtp", "ssl", "tls"],
        53 => &["dns"],
        80 => &["http", "websocket"],
        110 | 995 => &["pop3", "ssl", "tls"],
        123 => &["ntp"],
        143 | 993 => &["imap", "ssl", "tls"],
        443 => &["ssl", "tls", "http", "quic", "websocket"],
        445 => &["smb", "gssapi", "ntlm", "krb", "dce_rpc"],
        3_389 => &["rdp", "ssl", "tls"],
        _ => return None,
    })
}

/// What programs that mine currency speak with the pool that they work for.
const MINING: &str = "stratum";
/// Protocols that are at home on ports of their own, and strange wherever another belongs.
const TELLING: [&str; 10] = ["ssh", "http", "ftp", "telnet", "smtp", "rdp", "irc", "dns", "smb", "socks"];

impl Behaviour for WrongPort {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        // The source may name several: "ssl,smtp".
        let mut spoken = flow.application.split(',').filter(|name| !name.is_empty());
        let Some(telling) = spoken.clone().find(|name| *name == MINING || TELLING.contains(name)) else {
            return;
        };
        if telling != MINING {
            let Some(expected) = expected(flow.destination_port).filter(|_| !flow.failed()) else { return };
            if spoken.any(|name| expected.contains(&name)) {
                return;
            }
        }
        let key = (flow.source, flow.destination, flow.destination_port);
        if self.open.extend(&key, flow, flow.destination).is_some() {
            return;
        }
        let octets = flow.octets.saturating_add(flow.reverse_octets) as f64;
        let kind = match telling {
            "ssh" => "SSH on another's port",
            "http" => "HTTP on another's port",
            "irc" => "IRC on another's port",
            MINING => "mining of currency",
            _ => "protocol on another's port",
        };
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: Some(flow.destination_port),
            first_ns: flow.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: 0,
            octets: 0,
            evidence: vec![Evidence {
                what: "bytes both ways in the first such flow",
                seen: octets,
                usual: 0.0,
            }],
            severity: Severity::Medium,
            strength: 1.0,
            techniques: if telling == MINING { &["T1496"] } else { &["T1571"] },
        };
        sighting.extend(flow, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.open.dropped()
    }

    bounded!(open);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::flow;

    fn check(application: &'static str, port: u16, expect: Option<&str>) {
        let (mut wrong_port, mut out) = (WrongPort::default(), Vec::new());
        for at in 0..3 {
            wrong_port.see(&Flow { application, ..flow(f64::from(at), 1, 2, port) }, &mut out);
        }
        wrong_port.end(&mut out);
        assert_eq!(out.first().map(|sighting| sighting.kind), expect, "{application} on {port}");
        assert!(out.len() <= 1 && out.iter().all(|sighting| sighting.flows == 3));
    }

    #[test]
    fn only_what_belongs_elsewhere_is_told() {
        check("ssh", 443, Some("SSH on another's port"));
        check("http", 53, Some("HTTP on another's port"));
        check("irc", 80, Some("IRC on another's port"));
        check("stratum", 14_444, Some("mining of currency"));
        check("ssh", 22, None);
        check("ssl,http", 443, None);
        check("http", 8_080, None);
        check("", 80, None);
        check("ssl", 80, None);
    }
}
