//! Rules in the eyes of the programs that they are for, where these are installed.

use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr, TcpListener};
use std::process::{Child, Command, Output, Stdio};

use super::form::{Tag, render_all};
use super::{Action, Packets, Rule};
use crate::incident::tests::address;

/// Rules of every kind that advice may hold.
fn rules() -> Vec<Rule> {
    let six = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
    let limit = Action::Limit { packets_per_second: 50, octets_per_second: 3_000 };
    let opening = |rule: Rule| Rule { packets: Packets::Opening, ..rule };
    let mut all = Vec::new();
    for action in [Action::Drop, Action::Watch, limit] {
        let between = |from: &[IpAddr], to: &[IpAddr]| Rule::between(from, to, action, 3_600);
        all.extend([
            between(&[address(66)], &[address(5)]).at(Some(6), Some(22)),
            between(&[address(66), address(67)], &[]).at(None, None),
            between(&[], &[address(5), six(5)]).at(Some(17), Some(53)),
            opening(between(&[], &[address(5), six(5)]).at(Some(6), Some(443))),
            between(&[six(1)], &[six(2)]).at(Some(58), None),
            between(&[address(66)], &[address(5)]).at(Some(1), None),
            between(&[address(66)], &[address(5)]).at(Some(132), None),
            between(&[address(66)], &[]).at(None, Some(5_060)),
            Rule { source_port: Some(123), ..between(&[], &[address(5)]).at(Some(17), None) },
        ]);
    }
    all
}

/// The rules in one form.
fn texts(form: &str) -> Vec<(String, String)> {
    let tag = |at: usize| Tag::new(&format!("0123456789{at:02x}"), 1);
    let of = |(at, rule): (usize, &Rule)| render_all(rule, &tag(at));
    let all = rules();
    let rendered = all.iter().enumerate().flat_map(of).filter(|one| one.form == form);
    rendered.map(|one| (one.text, one.undo)).collect()
}

/// Starts a program and gives it a text; nothing where it is not installed.
fn start(program: &str, arguments: &[&str], text: &str) -> Option<Child> {
    let piped = || Stdio::piped();
    let child = Command::new(program).args(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    // Who does not read what is given says why on its own.
    let _ = child.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
    Some(child)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn nftables_takes_every_rule() {
    let probe = "table inet eddy_probe {\n}\n";
    let Some(child) = start("nft", &["-c", "-f", "-"], probe) else { return };
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        eprintln!("skipped: nft may not check rules here: {}", said(&output));
        return;
    }
    for (text, _) in texts("nftables") {
        let output = start("nft", &["-c", "-f", "-"], &text).unwrap().wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{text}", said(&output));
    }
}

#[test]
fn suricata_takes_every_rule() {
    let text: String = texts("suricata").into_iter().map(|(text, _)| text).collect();
    let Some(child) = start("suricata", &["-T", "-S", "/dev/stdin"], &text) else { return };
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", said(&output));
}

/// A BGP speaker of this machine alone, ended when it is dropped.
struct Speaker(Child);

impl Drop for Speaker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn gobgp_takes_every_route_and_withdraws_it_again() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let settings = "[global.config]\nas = 65000\nrouter-id = \"192.0.2.1\"\nport = -1\n";
    let hosts = format!("127.0.0.1:{port}");
    let Some(child) = start("gobgpd", &["-f", "/dev/stdin", "--api-hosts", &hosts], settings) else { return };
    let _speaker = Speaker(child);
    let gobgp = |arguments: &[&str]| {
        let words = ["-u", "127.0.0.1", "-p", &port].into_iter().chain(arguments.iter().copied());
        Command::new("gobgp").args(words).output().unwrap()
    };
    // It takes a moment until it listens, and another until it has its settings.
    let is_ready = (0..2_000).any(|_| gobgp(&["global"]).stdout.starts_with(b"AS:"));
    assert!(is_ready, "gobgpd does not answer");
    let run = |lines: &str| {
        let lines = lines.lines().take_while(|line| !line.starts_with("at now"));
        for line in lines.filter(|line| !line.starts_with('#')) {
            let line = line.replace('\'', "");
            let output = gobgp(&line.split(' ').skip(1).collect::<Vec<_>>());
            assert!(output.status.success(), "{line}: {}", said(&output));
        }
    };
    let routes = || {
        let of = |family| said(&gobgp(&["global", "rib", "-a", family])).matches("*>").count();
        of("ipv4-flowspec") + of("ipv6-flowspec")
    };
    // Each takes some starts of a program: every fourth has each kind and each action among them.
    for (text, undo) in texts("flowspec").into_iter().step_by(4) {
        run(&text);
        assert_eq!(routes(), undo.lines().count(), "{text}");
        run(&undo);
        assert_eq!(routes(), 0, "{undo}");
    }
}
