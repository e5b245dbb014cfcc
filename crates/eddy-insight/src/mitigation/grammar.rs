//! The grammars of Suricata's rules and of Cisco IOS, as far as Eddy writes them, and rules of every incident read by them.
//!
//! Both are our own reading of what these programs document (the Suricata user guide, chapters *Rules Format*, *Meta Keywords*,
//! *TCP keywords*, *Thresholding Keywords*, *Rule Types*; the IOS command references of access lists, IPv6, quality of
//! service and the Embedded Event Manager): strict where those are, and closed: a word that is not listed is an error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use eddy_behaviour::{BEHAVIOURS, ConnectionState, Flow};

use super::form::{Tag, render_all};
use super::{Action, Filter, Packets, Rule};
use crate::incident::tests::sighting;
use crate::{Examination, incidents};

type Outcome = Result<(), String>;

fn ensure(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    ensure(!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()), text)?;
    text.parse().map_err(|_| format!("out of range: {text}"))
}

/// Rules of Suricata, one a line.
pub(super) fn suricata(text: &str) -> Outcome {
    let mut numbers = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let sid = suricata_rule(line).map_err(|error| format!("{error} in: {line}"))?;
        ensure(!numbers.contains(&sid), "a sid twice")?;
        numbers.push(sid);
    }
    ensure(!numbers.is_empty(), "no rule")
}

fn suricata_rule(line: &str) -> Result<u32, String> {
    let (head, options) = line.split_once(" (").ok_or("no options")?;
    let words: Vec<&str> = head.split(' ').collect();
    let [action, protocol, source, from, arrow, destination, to] = words[..] else {
        return Err("not seven words".into());
    };
    ensure(["alert", "drop", "pass", "reject"].contains(&action), "action")?;
    ensure(["tcp", "udp", "icmp", "sctp", "ip"].contains(&protocol), "protocol")?;
    // There is no arrow to the left.
    ensure(arrow == "->", "arrow")?;
    for side in [source, destination] {
        addresses(side)?;
    }
    for port in [from, to].into_iter().filter(|port| *port != "any") {
        number::<u16>(port)?;
        ensure(["tcp", "udp", "sctp"].contains(&protocol), "a port of a protocol that has none")?;
    }
    let options = split_options(options.strip_suffix(')').ok_or("no end")?)?;
    ensure(options.first().is_some_and(|(word, _)| word == "msg"), "msg first")?;
    let of = |word: &str| options.iter().filter(|(name, _)| name == word).count();
    ensure(of("sid") == 1 && of("rev") == 1 && of("msg") == 1, "sid, rev and msg once")?;
    ensure(
        of("threshold") + of("detection_filter") < 2,
        "threshold and detection_filter exclude one another",
    )?;
    // Without the word flow a rule of addresses alone is tried once for each flow, and would count flows.
    ensure(of("detection_filter") <= of("flow"), "a rate of packets is counted by packets")?;
    ensure(of("flags") == 0 || protocol == "tcp", "flags without TCP")?;
    ensure(of("ip_proto") == 0 || protocol == "ip", "ip_proto beside a protocol")?;
    let mut sid = 0;
    for (word, value) in &options {
        match word.as_str() {
            "msg" => message(value)?,
            "sid" => sid = number(value)?,
            "rev" => ensure(number::<u32>(value)? > 0, "rev")?,
            "ip_proto" => drop(number::<u8>(value)?),
            "flow" => ensure(value == "stateless", "flow")?,
            "flags" => {
                let (set, ignored) = value.split_once(',').unwrap_or((value, "C"));
                let are = |text: &str, of: &str| !text.is_empty() && text.chars().all(|c| of.contains(c));
                ensure(are(set, "SAPRFU120CE") && are(ignored, "SAPRFU12CE"), "flags")?;
            }
            "detection_filter" => rate(value, &["track", "count", "seconds"])?,
            "threshold" => rate(value, &["type", "track", "count", "seconds"])?,
            other => return Err(format!("unknown word '{other}'")),
        }
    }
    // What is left to users of the numbers: below are those of distributed rules, above those of known projects.
    ensure((1_000_000..2_000_000).contains(&sid), "sid")?;
    Ok(sid)
}

fn addresses(text: &str) -> Outcome {
    if text == "any" {
        return Ok(());
    }
    let list = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or("no list")?;
    list.split(',').try_for_each(|one| one.parse::<IpAddr>().map(drop).map_err(|_| one.to_owned()))
}

/// Options, each ended by a semicolon that is neither quoted nor escaped, with one space between them.
fn split_options(text: &str) -> Result<Vec<(String, String)>, String> {
    let (mut options, mut word) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for letter in text.chars() {
        if letter == ';' && !quoted && !escaped {
            let option = std::mem::take(&mut word);
            let option =
                if options.is_empty() { &option } else { option.strip_prefix(' ').ok_or("no space")? };
            let (name, value) = option.split_once(':').unwrap_or((option, ""));
            options.push((name.to_owned(), value.to_owned()));
            continue;
        }
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        word.push(letter);
    }
    ensure(word.is_empty() && !quoted, "an option without an end")?;
    Ok(options)
}

/// A text in quotes, in which a semicolon, a quote and a backslash stand behind a backslash.
fn message(value: &str) -> Outcome {
    let text = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or("no quotes")?;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => ensure(matches!(letters.next(), Some(';' | '"' | '\\')), "escape")?,
            ';' | '"' => return Err(format!("'{letter}' in msg")),
            _ => ensure(letter == ' ' || letter.is_ascii_graphic(), "a letter in msg")?,
        }
    }
    ensure(!text.is_empty(), "an empty msg")
}

fn rate(value: &str, wanted: &[&str]) -> Outcome {
    let parts: Vec<&str> = value.split(", ").collect();
    ensure(parts.len() == wanted.len(), "parts of a rate")?;
    parts.iter().zip(wanted).try_for_each(|(part, word)| {
        let value =
            part.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')).ok_or("order of a rate")?;
        match *word {
            "type" => ensure(["limit", "threshold", "both"].contains(&value), "type"),
            "track" => ensure(["by_src", "by_dst"].contains(&value), "track"),
            _ => ensure(number::<u32>(value)? > 0, "a rate of nothing"),
        }
    })
}

/// What a line of a configuration belongs to.
#[derive(PartialEq, Clone, Copy)]
enum Place {
    Global,
    List { version4: bool },
    Class,
    Policy,
    Applet,
}

/// A configuration of Cisco IOS: what it defines, in order, by the line that takes it away.
#[derive(Default)]
struct Config {
    undo: Vec<String>,
    lists: Vec<(String, bool)>,
    classes: Vec<String>,
    matched: Vec<String>,
    steps: Vec<(String, String)>,
}

/// Lines of a configuration and what undoes them.
pub(super) fn ios(text: &str, undo: &str) -> Outcome {
    let mut config = Config::default();
    let mut place = Place::Global;
    for line in text.lines().filter(|line| !line.starts_with('!')) {
        config.line(line, &mut place).map_err(|error| format!("{error} in: {line}"))?;
    }
    for (list, ends) in &config.lists {
        // Whatever no entry names is denied, unless the list only sorts packets.
        ensure(*ends != config.matched.contains(list), "a list that ends, or one that only sorts")?;
    }
    ensure(!config.undo.is_empty(), "nothing")?;
    // What is used by another is taken away after it.
    let rank = |line: &&String| {
        ["no policy-map", "no class-map", "no ip", "no event"].iter().position(|word| line.starts_with(word))
    };
    let mut undone: Vec<String> = undo.lines().map(str::to_owned).collect();
    ensure(undone.is_sorted_by_key(|line| rank(&line)), "order of undoing")?;
    let steps: Vec<&String> = config.steps.iter().map(|(_, step)| step).collect();
    ensure(steps.len() > 2 && steps[0] == "enable" && steps[1] == "configure terminal", "steps")?;
    ensure(steps[2..].iter().copied().eq(&undone), "the applet does what undoes")?;
    // Labels are sorted as texts.
    ensure(config.steps.is_sorted_by_key(|(label, _)| label.clone()), "labels")?;
    undone.sort();
    config.undo.sort();
    ensure(undone == config.undo, "all is undone, and nothing else")
}

/// A name of a list, class, policy or applet.
fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

impl Config {
    fn line(&mut self, line: &str, place: &mut Place) -> Outcome {
        let words: Vec<&str> = line.trim_start().split(' ').collect();
        let depth = line.len() - line.trim_start().len();
        match (depth, *place, &words[..]) {
            (0, _, ["ip", "access-list", "extended", name]) => self.list(name, line, true, place),
            (0, _, ["ipv6", "access-list", name]) => self.list(name, line, false, place),
            (0, _, ["class-map", "match-any", name]) => {
                self.classes.push((*name).to_owned());
                self.begin(name, &format!("class-map {name}"), Place::Class, place)
            }
            (0, _, ["policy-map", name]) => self.begin(name, line, Place::Policy, place),
            (0, _, ["event", "manager", "applet", name]) => self.begin(name, line, Place::Applet, place),
            (1, Place::List { version4 }, [verb @ ("permit" | "deny"), rest @ ..]) => {
                let any = [if version4 { "ip" } else { "ipv6" }, "any", "any"];
                let list = self.lists.last_mut().ok_or("no list")?;
                ensure(!list.1, "an entry behind the one for all")?;
                list.1 = *verb == "permit" && rest == any;
                entry(rest, version4)
            }
            (1, Place::Class, ["match", "access-group", "name", name]) => {
                self.matched.push((*name).to_owned());
                ensure(self.lists.iter().any(|(list, _)| list == name), "a list that is not there")
            }
            (1, Place::Policy, ["class", name]) => {
                ensure(self.classes.iter().any(|class| class == name), "a class that is not there")
            }
            (2, Place::Policy, ["police", bits, "conform-action", "transmit", "exceed-action", "drop"]) => {
                let bits: u64 = number(bits)?;
                ensure((8_000..=2_000_000_000).contains(&bits) && bits.is_multiple_of(8_000), "a rate")
            }
            (1, Place::Applet, ["event", "timer", "countdown", "time", seconds]) => {
                ensure(number::<u32>(seconds)? > 0, "seconds")
            }
            (1, Place::Applet, ["action", label, "cli", "command", ..]) => {
                let (_, command) = line.split_once("cli command ").ok_or("no command")?;
                let command = command.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                let command = command.filter(|text| !text.contains('"')).ok_or("quotes")?;
                self.steps.push(((*label).to_owned(), command.to_owned()));
                Ok(())
            }
            _ => Err("unknown line".into()),
        }
    }

    fn list(&mut self, name: &str, line: &str, version4: bool, place: &mut Place) -> Outcome {
        self.lists.push((name.to_owned(), false));
        self.begin(name, line, Place::List { version4 }, place)
    }

    fn begin(&mut self, name: &str, line: &str, begins: Place, place: &mut Place) -> Outcome {
        *place = begins;
        self.undo.push(format!("no {line}"));
        ensure(is_name(name), "a name")
    }
}

/// An entry of a list behind its verb: protocol, source, destination, what is asked of TCP, log.
fn entry(words: &[&str], version4: bool) -> Outcome {
    let (protocol, mut rest) = words.split_first().ok_or("no protocol")?;
    let named = ["tcp", "udp", "icmp", if version4 { "ip" } else { "ipv6" }];
    if !named.contains(protocol) {
        // Zero would be taken for every protocol.
        ensure(number::<u8>(protocol)? > 0, "a protocol")?;
    }
    for _ in 0..2 {
        rest = side(rest, version4, ["tcp", "udp"].contains(protocol))?;
    }
    let flags = rest.strip_suffix(&["log"]).unwrap_or(rest);
    match flags {
        [] => Ok(()),
        _ if *protocol != "tcp" => Err("flags without TCP".into()),
        ["match-all", some @ ..] if version4 && !some.is_empty() => some.iter().try_for_each(|flag| {
            let flag = flag.strip_prefix(['+', '-']).ok_or("no sign")?;
            ensure(["ack", "fin", "psh", "rst", "syn", "urg"].contains(&flag), "a flag")
        }),
        ["established"] => Ok(()),
        ["syn"] if !version4 => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn side<'w>(words: &'w [&'w str], version4: bool, ports: bool) -> Result<&'w [&'w str], String> {
    let rest = match words {
        ["any", rest @ ..] => rest,
        ["host", address, rest @ ..] => {
            // Groups of hexadecimal digits between colons, without an address of version 4 at the end.
            let is = if version4 {
                address.parse::<Ipv4Addr>().is_ok()
            } else {
                address.parse::<Ipv6Addr>().is_ok() && !address.contains('.')
            };
            ensure(is, "an address")?;
            rest
        }
        _ => return Err("neither any nor host".into()),
    };
    match rest {
        ["eq", port, rest @ ..] => {
            ensure(ports, "a port of a protocol that has none")?;
            number::<u16>(port)?;
            Ok(rest)
        }
        rest => Ok(rest),
    }
}

/// A rule in both grammars, as many of the forms as there are.
fn read(rule: &Rule, tag: &Tag) -> Result<usize, String> {
    let mut read = 0;
    for one in render_all(rule, tag) {
        let outcome = match one.form {
            "suricata" => suricata(&one.text),
            "acl" => ios(&one.text, &one.undo),
            _ => continue,
        };
        outcome.map_err(|error| format!("{}: {error}\n{}", one.form, one.text))?;
        read += 1;
    }
    Ok(read)
}

fn host(version4: bool, last: u8) -> IpAddr {
    if version4 {
        IpAddr::V4(Ipv4Addr::new(203, 0, 113, last))
    } else {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)))
    }
}

/// The filters of an incident of one behaviour, with flows of one protocol behind it.
fn filters(
    behaviour: &'static str,
    kind: &'static str,
    version4: bool,
    actor: bool,
    protocol: u8,
) -> Vec<Filter> {
    let mut told = sighting(behaviour, None, 5, 0);
    told.kind = kind;
    told.actor = actor.then(|| host(version4, 66));
    told.targets = (5..9).map(|last| host(version4, last)).collect();
    told.n_targets = 4;
    let flows = || {
        (0..400u32).map(|at| Flow {
            start_ns: i64::from(at) * 100_000_000,
            source: host(version4, if actor { 66 } else { 100 + (at % 100) as u8 }),
            destination: host(version4, 5 + (at % 4) as u8),
            protocol,
            state: ConnectionState::Unanswered,
            reverse_packets: 0,
            ..crate::incident::tests::flow(0.0, 66, 5, 22)
        })
    };
    let mut examination = Examination::new(incidents(vec![told]));
    flows().for_each(|flow| examination.see(&flow, "a\";drop-all\\.example"));
    let mut trial = examination.end();
    flows().for_each(|flow| trial.see(&flow, "a\";drop-all\\.example"));
    trial.end().remove(0).mitigation.filters
}

#[test]
fn rules_of_every_kind_of_incident_are_in_both_grammars() {
    let mut kinds: Vec<(&str, &str)> =
        BEHAVIOURS.iter().map(|entry| (entry.about.name, entry.about.name)).collect();
    kinds.extend(["SYN flood", "reflection flood", "UDP flood"].map(|kind| ("flood", kind)));
    kinds.push(("tunnel", "tunnel in echo packets"));
    let mut actions = [0; 3];
    for (behaviour, kind) in kinds {
        for (version4, actor) in [(true, true), (true, false), (false, true), (false, false)] {
            for protocol in [0, Flow::ICMP, Flow::TCP, Flow::UDP, 47, Rule::SCTP] {
                for (at, filter) in filters(behaviour, kind, version4, actor, protocol).iter().enumerate() {
                    let forms = read(&filter.rule, &Tag::new("0123456789ab", at + 1)).unwrap();
                    let beyond = filter.rule.protocol == Some(Rule::SCTP)
                        && (filter.rule.destination_port, filter.rule.source_port) != (None, None);
                    assert_eq!(forms, if beyond { 1 } else { 2 }, "{:?}", filter.rule);
                    actions[match filter.rule.action {
                        Action::Drop => 0,
                        Action::Limit { .. } => 1,
                        Action::Watch => 2,
                    }] += 1;
                }
            }
        }
    }
    assert!(actions.iter().all(|&n| n > 10), "drops, limits, records: {actions:?}");
}

#[test]
fn what_an_id_holds_beside_digits_never_reaches_a_rule() {
    let rule = Rule::between(&[host(true, 1)], &[host(false, 2), host(true, 3)], Action::Drop, 60);
    for hostile in [
        "ab\"; sid:1;) drop ip any any -> any any (",
        "ab\nno ip routing",
        "ab\\",
        "ab;\u{202e}$(reboot)`",
        "",
    ] {
        assert_eq!(read(&rule, &Tag::new(hostile, 1)), Ok(2), "{hostile:?}");
        for one in render_all(&rule, &Tag::new(hostile, 1)) {
            assert!(!one.text.contains("reboot") && !one.text.contains("routing"), "{}", one.text);
        }
    }
}

#[test]
fn opening_packets_of_both_families_are_those_without_an_acknowledgement() {
    let limit = Action::Limit { packets_per_second: 50, octets_per_second: 3_001 };
    let rule = Rule::between(&[], &[host(true, 5), host(false, 5)], limit, 60).at(Some(Flow::TCP), Some(443));
    let rule = Rule { packets: Packets::Opening, ..rule };
    let text = render_all(&rule, &Tag::new("ab", 1)).into_iter().find(|one| one.form == "acl").unwrap().text;
    assert!(text.contains(" permit tcp any host 203.0.113.5 eq 443 match-all +syn -ack\n"), "{text}");
    let six =
        " deny tcp any host 2001:db8::5 eq 443 established\n permit tcp any host 2001:db8::5 eq 443 syn\n";
    assert!(text.contains(six), "{text}");
    assert!(text.contains("police 32000 "), "a rate in whole steps: {text}");
}

#[test]
fn an_address_of_version_4_within_one_of_version_6_is_written_in_groups() {
    let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 10).to_ipv6_mapped());
    let rule = Rule::between(&[mapped], &[host(false, 5)], Action::Drop, 60);
    assert_eq!(read(&rule, &Tag::new("ab", 1)), Ok(2));
    let text = render_all(&rule, &Tag::new("ab", 1)).into_iter().find(|one| one.form == "acl").unwrap().text;
    assert!(text.contains("host ::ffff:c000:20a "), "{text}");
}

#[test]
fn what_is_not_in_a_grammar_is_refused() {
    let rule = |line: &str| suricata(line).is_ok();
    let good = "drop tcp [10.0.0.1] any -> any 22 (msg:\"a\\;b\"; flags:S,CE; sid:1000000; rev:1;)";
    assert!(rule(good));
    for (part, by) in [
        ("drop", "block"),
        ("tcp", "icmp"),
        ("->", "<-"),
        ("[10.0.0.1]", "10.0.0"),
        ("22", "70000"),
        ("\\;", ";"),
        ("\\;", "\\"),
        ("a\\;b", "a\"b"),
        ("flags:S,CE", "flags:X"),
        ("flags:S,CE", "detection_filter:track by_dst, count 1, seconds 1"),
        ("flags:S,CE", "flow:stateless; detection_filter:track by_dst, count 0, seconds 1"),
        ("flags:S,CE", "content"),
        ("sid:1000000", "sid:2000000"),
        ("rev:1;)", "rev:1)"),
    ] {
        assert!(!rule(&good.replacen(part, by, 1)), "{part} as {by}");
    }
    let undo = "no ip access-list extended A\nno event manager applet E";
    let good = "ip access-list extended A\n deny tcp host 10.0.0.1 any eq 22 match-all +syn -ack log\n permit ip any any\n\
                event manager applet E\n event timer countdown time 60\n action 1.0 cli command \"enable\"\n action 2.0 cli command \
                \"configure terminal\"\n action 3.0 cli command \"no ip access-list extended A\"\n action 4.0 cli command \"no event manager applet E\"\n";
    assert_eq!(ios(good, undo), Ok(()));
    for (part, by) in [
        ("extended A", "extended 1A"),
        ("host 10.0.0.1", "10.0.0.1"),
        ("host 10.0.0.1", "host ::1"),
        ("tcp", "icmp"),
        ("tcp", "0"),
        ("+syn", "syn"),
        (" permit ip any any\n", ""),
        ("time 60", "time 0"),
        ("4.0", "10.0"),
        ("\"no event", "\"event"),
        ("ip access-list extended A", "ip access-list A"),
    ] {
        assert!(ios(&good.replacen(part, by, 1), undo).is_err(), "{part} as {by}");
    }
}
