//! Rules are well formed in every form, for addresses of both families, and no more than addresses and numbers.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::incident::tests::{address, flow, sighting};
use crate::{Examination, incidents};
use eddy_behaviour::{ConnectionState, Flow};

fn six(last: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last))
}

/// The words of a text that are addresses, without masks.
fn is_address(word: &str) -> bool {
    word.split('/').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

/// Whether every word of a line is an address, a number or one of the words of the form.
fn only(line: &str, words: &[&str], apart: &[char]) -> Result<(), String> {
    for word in line.split(apart).filter(|word| !word.is_empty()) {
        let number = word.trim_start_matches("==").trim_end_matches('s').parse::<u64>().is_ok();
        let name = word.to_ascii_lowercase().starts_with("eddy")
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        if !(number || name || is_address(word) || words.contains(&word)) {
            return Err(format!("'{word}' in: {line}"));
        }
    }
    Ok(())
}

fn check_nftables(text: &str) -> Result<(), String> {
    let words = "table inet set type ipv4_addr ipv6_addr flags timeout elements = chain judge forward input filter hook \
                 priority -10 policy accept jump ip ip6 saddr daddr saddr4 daddr4 saddr6 daddr6 @saddr4 @daddr4 @saddr6 @daddr6 meta l4proto tcp udp \
                 icmp ipv6-icmp th sport dport fin syn rst ack | & == counter drop limit rate over burst packets log prefix \
                 \"eddy \" second";
    let words: Vec<&str> = words.split(' ').chain(["\"eddy", "\""]).collect();
    let depth = text.chars().fold(0i32, |depth, letter| match letter {
        '{' => depth + 1,
        '}' => depth - 1,
        _ => depth,
    });
    if depth != 0 {
        return Err("braces".into());
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        only(line, &words, &[' ', '\t', '{', '}', ';', ',', '(', ')', '/'])?;
    }
    Ok(())
}

fn check_flowspec(text: &str) -> Result<(), String> {
    let words = "gobgp global rib -a ipv4-flowspec ipv6-flowspec add del match destination source protocol tcp udp icmp \
                 destination-port source-port tcp-flags =S&=!A then discard rate-limit action sample at now + hours minutes <<";
    let words: Vec<&str> = words.split(' ').collect();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .try_for_each(|line| only(line, &words, &[' ', '\'', '"']))
}

fn check(rule: &Rule) -> Result<(), String> {
    let tag = Tag::new("0123456789ab", 1);
    let rendered = render_all(rule, &tag);
    // An access list polices no more than 2,000,000,000 bits a second.
    let beyond =
        matches!(rule.action, Action::Limit { octets_per_second, .. } if octets_per_second > 250_000_000);
    if rendered.len() != if beyond { 3 } else { 4 } {
        return Err(format!("{} forms of {rule:?}", rendered.len()));
    }
    for one in &rendered {
        let grammar = match one.form {
            "nftables" => check_nftables(&one.text),
            "suricata" => grammar::suricata(&one.text),
            "flowspec" => check_flowspec(&one.text),
            _ => grammar::ios(&one.text, &one.undo),
        };
        grammar.map_err(|error| format!("{}: {error}\n{}", one.form, one.text))?;
        if one.undo.is_empty() || !one.expiry.ends_with('.') {
            return Err(format!("{}: no way back", one.form));
        }
    }
    Ok(())
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let host = prop_oneof![
        any::<u32>().prop_map(|n| IpAddr::V4(n.into())),
        any::<u128>().prop_map(|n| IpAddr::V6(n.into()))
    ];
    let side = prop::collection::vec(host, 0..4);
    let action = prop_oneof![
        Just(Action::Drop),
        Just(Action::Watch),
        (any::<u32>(), 0..500_000_000u64).prop_map(|(packets_per_second, octets_per_second)| Action::Limit {
            packets_per_second,
            octets_per_second
        }),
    ];
    let port = || prop::option::of(1..u16::MAX);
    (side.clone(), side, prop::option::of(1..=u8::MAX), port(), port(), action, 60..200_000u32).prop_map(
        |(sources, destinations, protocol, from, to, action, lasts_s)| {
            let tcp_or_udp = matches!(protocol, None | Some(6 | 17));
            Rule {
                sources,
                destinations,
                protocol,
                source_port: from.filter(|_| tcp_or_udp),
                destination_port: to.filter(|_| tcp_or_udp),
                packets: if protocol == Some(6) { Packets::Opening } else { Packets::All },
                action,
                lasts_s,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_rule_is_well_formed_in_every_form(rule in any_rule()) {
        let possible = rule.of_family(true).is_some() || rule.of_family(false).is_some();
        if possible {
            let outcome = check(&rule);
            prop_assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
        } else {
            let rendered = render_all(&rule, &Tag::new("ab", 1));
            prop_assert!(rendered.is_empty());
        }
    }
}

#[test]
fn rules_are_written_as_they_were() {
    let limit = Action::Limit { packets_per_second: 50, octets_per_second: 3_000 };
    let syn = Rule::between(&[], &[address(5), six(5)], limit, 3_600).at(Some(6), Some(443));
    let rules = [
        Rule::between(&[address(66)], &[address(5)], Action::Drop, 86_400).at(Some(6), Some(22)),
        Rule { packets: Packets::Opening, ..syn },
        Rule::between(&[six(1)], &[six(2)], Action::Watch, 86_400).at(Some(58), None),
    ];
    let mut text = String::new();
    for (at, rule) in rules.iter().enumerate() {
        check(rule).unwrap();
        for one in render_all(rule, &Tag::new("0123456789ab", at + 1)) {
            let _ =
                write!(text, "== {} ==\n{}-- undo\n{}\n-- {}\n", one.title, one.text, one.undo, one.expiry);
        }
    }
    insta::assert_snapshot!(text);
}

/// The first filter for a scan by host 66, which also talks `visits` times to `hosts` others as anybody would.
fn filter(visits: u32, hosts: u8) -> Filter {
    let tries = |at: u32| Flow {
        state: ConnectionState::Unanswered,
        reverse_packets: 0,
        ..flow(f64::from(at) / 10.0, 66, 5, at as u16 + 1)
    };
    let visit = |at: u32| flow(f64::from(at) + 7_200.0, 66, (at % u32::from(hosts.max(1))) as u8 + 100, 443);
    let mut told = sighting("scan", Some(66), 5, 0);
    told.port = None;
    let mut examination = Examination::new(incidents(vec![told]));
    let flows = || (0..400).map(tries).chain((0..visits).map(visit));
    flows().for_each(|flow| examination.see(&flow, ""));
    let mut trial = examination.end();
    flows().for_each(|flow| trial.see(&flow, ""));
    let found = trial.end();
    assert_eq!((found[0].flows, found[0].evidence_flows.len()), (400, 20));
    found[0].mitigation.filters[0].clone()
}

#[test]
fn the_widest_rule_that_hits_nothing_else_is_chosen() {
    let wide = filter(0, 0);
    assert!(wide.rule.destinations.is_empty(), "{}", wide.in_words);
    assert_eq!((wide.simulation.share_of_flows, wide.simulation.other_flows), (1.0, 0));
    assert!(
        wide.effect.contains("stopped 100 %") && wide.effect.contains("hit nothing else"),
        "{}",
        wide.effect
    );
    let narrow = filter(200, 9);
    assert_eq!(narrow.rule.destinations, [address(5)]);
    assert_eq!((narrow.simulation.share_of_flows, narrow.simulation.other_flows), (1.0, 0));
    assert!(narrow.effect.contains("would have hit 200 other flows and was not chosen"), "{}", narrow.effect);
}

#[test]
fn what_a_rule_would_hit_beside_is_named() {
    // Ordinary log-ons from elsewhere to the same host and port: the flood's rule cannot spare them.
    let syn = |at: u32| Flow {
        state: ConnectionState::Unanswered,
        packets: 1,
        reverse_packets: 0,
        protocol: Flow::UDP,
        ..flow(f64::from(at) / 100.0, 77, 5, 22)
    };
    let user = |at: u32| Flow { protocol: Flow::UDP, ..flow(f64::from(at) / 2.0, (at % 3) as u8 + 1, 5, 22) };
    let mut told = sighting("flood", None, 5, 0);
    told.kind = "UDP flood";
    told.evidence[0].usual = 100.0;
    let mut examination = Examination::new(incidents(vec![told]));
    let later = || (0..30).map(|at| Flow { start_ns: user(at).start_ns + 120_000_000_000, ..user(at) });
    let flows = || (0..2_000).map(syn).chain(later());
    flows().for_each(|flow| examination.see(&flow, ""));
    let mut trial = examination.end();
    flows().for_each(|flow| trial.see(&flow, ""));
    let found = trial.end();
    let simulation = &found[0].mitigation.filters[0].simulation;
    assert!(
        (simulation.share_of_flows - 0.9).abs() < 0.01,
        "ten of a hundred packets a second pass: {simulation:?}"
    );
    assert_eq!((simulation.other_flows, simulation.other_peers, simulation.top_peers.len()), (30, 3, 3));
    assert!(simulation.other_share < 0.2, "few a second: {simulation:?}");
}

#[test]
fn advice_is_urgent_first_and_speaks_of_the_evidence() {
    let mut examination = Examination::new(incidents(vec![sighting("brute_force", Some(66), 5, 0)]));
    let flows = || {
        (0..50)
            .map(|at| Flow { octets: if at == 40 { 90_000 } else { 600 }, ..flow(f64::from(at), 66, 5, 22) })
    };
    flows().for_each(|flow| examination.see(&flow, ""));
    let mut trial = examination.end();
    flows().for_each(|flow| trial.see(&flow, ""));
    let found = trial.end();
    let advice = &found[0].mitigation.advice;
    assert!(advice.windows(2).all(|pair| pair[0].when <= pair[1].when));
    assert!(advice.iter().any(|one| one.text.contains("94,000 bytes")), "{advice:?}");
    assert!(advice[0].text.contains("10.0.0.66"));
}
