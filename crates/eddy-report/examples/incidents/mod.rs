//! Made-up incidents: a scan, a flood by forged senders, and a spike in a table without addresses.

use eddy_report::{EvidenceRow, FilterCard, FormCard, Host, IncidentCard, Urgency};

const BEGIN: f64 = 1_705_305_600_000.0;

fn host(name: &str, inside: bool, flows: u64) -> Host {
    Host { name: name.into(), inside, flows }
}

fn evidence(what: &str, seen: f64, usual: f64) -> EvidenceRow {
    EvidenceRow { what: what.into(), seen, usual, usual_from: None, unit: None }
}

/// `name` stands wherever a text may come from traffic.
pub(crate) fn cards(name: &str) -> Vec<IncidentCard> {
    let form = |title: &str, text: &str, undo: &str| FormCard {
        title: title.into(),
        text: text.into(),
        undo: undo.into(),
        expiry: "It ends by itself after 1 day.".into(),
    };
    let filter = |in_words: &str, share: f64, other_flows: u64| {
        FilterCard {
        purpose: "Keeps the scanner from trying further.".into(),
        in_words: in_words.into(),
        lasts: "1 day".into(),
        effect: "It would have stopped 100 % of the flows and 100 % of the bytes of this incident, and stopped 12 other flows \
                 with 2 hosts: 192.0.2.7 (9 flows), 192.0.2.8 (3 flows). Look at these before you use it."
            .into(),
        share,
        other_flows,
        peers: vec![("192.0.2.7".into(), name.into(), 9), ("192.0.2.8".into(), String::new(), 3)],
        forms: vec![
            form(
                "nftables",
                "table inet eddy_0123456789ab_1 {\n\tset saddr4 {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t\telements = { \
                 198.51.100.66 timeout 86400s }\n\t}\n\tchain judge {\n\t\tip saddr @saddr4 counter drop\n\t}\n}\n",
                "nft delete table inet eddy_0123456789ab_1",
            ),
            form("Suricata", "drop ip [198.51.100.66] any -> any any (msg:\"Eddy\"; sid:1000010; rev:1;)", "rm eddy.rules"),
        ],
    }
    };
    let scan = IncidentCard {
        id: "0123456789ab".into(),
        rank: 1,
        urgency: Urgency::High,
        kind: "vertical scan".into(),
        sentence:
            "198.51.100.66: vertical scan of 10.0.0.5: 812 pairs of host and port tried in vain, over 2 min"
                .into(),
        ordinary: "ordinary would have been fewer than 15 pairs of host and port tried in vain".into(),
        confidence: 0.97,
        times_ms: Some([BEGIN, BEGIN + 4_000.0, BEGIN + 121_000.0]),
        flows: 815,
        octets: 48_900,
        n_rows: 0,
        techniques: vec![["T1046", "Network Service Discovery", "Discovery"].map(String::from)],
        attack_version: "17.0".into(),
        actors: vec![host("198.51.100.66", false, 815)],
        targets: vec![host("10.0.0.5", true, 801), host("10.0.0.6", true, 14)],
        more_targets: 3,
        evidence: vec![
            evidence("pairs of host and port tried in vain", 812.0, 15.0),
            evidence("share of tries in vain, per cent", 99.6, 60.0),
        ],
        timeline: (0..48u32).map(|at| (BEGIN + f64::from(at) * 2_500.0, u64::from(at * 7 % 31))).collect(),
        evidence_flows: vec![
            [
                "2024-01-15 08:00:00",
                "198.51.100.66:50000",
                "10.0.0.5:22",
                "TCP",
                "60",
                "54",
                "in vain",
                name
            ]
            .map(String::from);
            4
        ],
        rows: Vec::new(),
        advice: vec![
            ("now".into(), "Block 198.51.100.66 where your network begins.".into()),
            ("then".into(), "Close the ports that nobody outside needs.".into()),
        ],
        filters: vec![filter("drop everything from 198.51.100.66", 1.0, 12)],
    };
    let flood = IncidentCard {
        id: "ba9876543210".into(),
        rank: 2,
        urgency: Urgency::Medium,
        kind: "SYN flood".into(),
        sentence:
            "many or forged senders: SYN flood of 2001:db8::443 on port 443: 9,000 half-open connections"
                .into(),
        confidence: 0.8,
        times_ms: Some([BEGIN + 600_000.0, BEGIN + 610_000.0, BEGIN + 900_000.0]),
        flows: 9_000,
        targets: vec![host("2001:db8::443", false, 9_000)],
        ..scan.clone()
    };
    let spike = IncidentCard {
        id: "abcdefabcdef".into(),
        rank: 3,
        urgency: Urgency::Low,
        kind: "traffic spike".into(),
        sentence: format!("traffic spike: {name} is 900 where 10 to 100 is usual"),
        confidence: 0.6,
        times_ms: None,
        n_rows: 3,
        evidence: vec![EvidenceRow {
            what: name.into(),
            seen: 900.0,
            usual: 100.0,
            usual_from: Some(10.0),
            unit: Some("bytes".into()),
        }],
        rows: vec![["line 17".into(), "0.810".into(), format!("{name} is 900")]],
        advice: vec![("now".into(), format!("Find out who sent so much: '{name}' shows it."))],
        ..IncidentCard::default()
    };
    vec![scan, IncidentCard { actors: Vec::new(), ..flood }, spike]
}
