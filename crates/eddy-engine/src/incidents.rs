//! Tables of flows watched for what hosts do.

use std::net::IpAddr;
use std::panic::resume_unwind;
use std::thread::{Scope, ScopedJoinHandle};

use eddy_behaviour::{ConnectionState, DnsAsked, Flow, Watch};
use eddy_frame::{Column, Frame, MISSING_INT, MISSING_TIME, Schema};
use eddy_insight::{Examination, Incident, incidents};
use eddy_io::FlowColumn as Name;
use rustc_hash::FxHashMap;

use crate::EngineError;
use crate::input::Input;
use crate::packet_list::{flows, is_packet_list};

/// Flows kept to bring them into the order of their begin: logs are written in the order of their end.
const SORTED_AT_A_TIME: usize = 1 << 19;
/// Different texts remembered at most; the flows of further ones count as of unknown protocol and name.
const MOST_TEXTS: usize = 1 << 20;

/// A flow with its texts by number.
struct Kept {
    flow: Flow<'static>,
    application: u32,
    dns_name: u32,
}

/// What hosts did, if the rows are flows between addresses; none otherwise.
pub(crate) fn watch(input: &mut Input) -> Result<Option<Watched>, EngineError> {
    if is_packet_list(input.schema()) {
        return watch_packets(input);
    }
    let mut watch = Watch::within(input.max_bytes / 2);
    let Some(unread) = each_flow_by_begin(input, &mut |flow| watch.see(flow))? else { return Ok(None) };
    // Captures hold what adapters said besides.
    for claim in &input.arp_claims {
        watch.see_claim(claim);
    }
    input.packet_signs.iter().for_each(|sign| watch.see_sign(sign));
    let flows = watch.flows();
    let (sightings, dropped) = watch.end();
    let incidents = examined(input, incidents(sightings))?;
    Ok(Some(Watched { incidents, flows, rows: flows + unread, unread, dropped }))
}

/// Watching that goes on beside other work on the same rows.
pub(crate) struct Watching<'scope>(Option<ScopedJoinHandle<'scope, Result<Option<Watched>, EngineError>>>);

impl<'scope> Watching<'scope> {
    /// Begins to watch, where rows are kept that can be watched.
    pub(crate) fn begin(scope: &'scope Scope<'scope, '_>, input: &Input) -> Self {
        let schema = input.schema();
        let shared = (are_flows(schema) || is_packet_list(schema)).then(|| input.shared()).flatten();
        Self(shared.map(|mut shared| scope.spawn(move || watch(&mut shared))))
    }

    /// What was seen; where nobody watched beside, it is done now.
    pub(crate) fn end(self, input: &mut Input) -> Result<Option<Watched>, EngineError> {
        match self.0 {
            Some(beside) => beside.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => watch(input),
        }
    }
}

/// What hosts did, from a list of packets, as from the capture that it was made from; none where it names no two hosts.
fn watch_packets(input: &mut Input) -> Result<Option<Watched>, EngineError> {
    let (listed, rows, unread) = flows(input)?;
    let mut watch = Watch::within(input.max_bytes / 2);
    listed.iter().for_each(|one| watch.see(&one.flow()));
    let flows = watch.flows();
    if flows == 0 {
        return Ok(None);
    }
    let (sightings, dropped) = watch.end();
    let mut examination = Examination::new(incidents(sightings));
    listed.iter().for_each(|one| examination.see(&one.flow(), ""));
    let mut trial = examination.end();
    listed.iter().for_each(|one| trial.see(&one.flow(), ""));
    Ok(Some(Watched { incidents: trial.end(), flows, rows, unread, dropped }))
}

/// Incidents with the flows behind them and what to do about them: all flows are looked at twice again.
fn examined(input: &mut Input, incidents: Vec<Incident>) -> Result<Vec<Incident>, EngineError> {
    if incidents.is_empty() {
        return Ok(incidents);
    }
    let mut examination = Examination::new(incidents);
    each_flow(input, &mut |flow, name| examination.see(flow, name))?;
    let mut trial = examination.end();
    each_flow(input, &mut |flow, name| trial.see(flow, name))?;
    Ok(trial.end())
}

/// Goes through all flows in the order of the input, each with the name of its server where that is known.
fn each_flow(input: &mut Input, see: &mut dyn FnMut(&Flow<'_>, &str)) -> Result<(), EngineError> {
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            let columns = Columns::of(frame);
            for row in 0..frame.n_rows() {
                if let Some(flow) = columns.flow(row) {
                    see(&flow, columns.server(row));
                }
            }
        }
        Ok(())
    })
}

/// The outcome of watching.
pub(crate) struct Watched {
    pub(crate) incidents: Vec<Incident>,
    /// Flows watched.
    pub(crate) flows: u64,
    /// Rows looked at: flows, or packets of a list.
    pub(crate) rows: u64,
    /// Those without two addresses and a time.
    pub(crate) unread: u64,
    /// Entries that had to go for want of room.
    pub(crate) dropped: u64,
}

/// Goes through the flows of an input in the order of their begin; how many rows hold none, or nothing where the rows are
/// no flows at all.
pub(crate) fn each_flow_by_begin(
    input: &mut Input,
    see: &mut dyn FnMut(&Flow<'_>),
) -> Result<Option<u64>, EngineError> {
    if !are_flows(input.schema()) {
        return Ok(None);
    }
    let mut texts = Texts::default();
    let mut buffer: Vec<Kept> = Vec::new();
    let mut unread = 0u64;
    let mut hand_over = |kept: Kept, texts: &Texts| {
        let (application, dns_name) = (texts.get(kept.application), texts.get(kept.dns_name));
        see(&Flow { application, dns_name, ..kept.flow });
    };
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            let columns = Columns::of(frame);
            for row in 0..frame.n_rows() {
                match columns.flow(row) {
                    Some(flow) => buffer.push(texts.keep(&flow)),
                    None => unread += 1,
                }
            }
            if buffer.len() >= SORTED_AT_A_TIME {
                let half = buffer.len() / 2;
                buffer.sort_by_cached_key(|kept| kept.flow.start_ns);
                buffer.drain(..half).for_each(|kept| hand_over(kept, &texts));
            }
        }
        Ok(())
    })?;
    buffer.sort_by_cached_key(|kept| kept.flow.start_ns);
    buffer.drain(..).for_each(|kept| hand_over(kept, &texts));
    Ok(Some(unread))
}

fn are_flows(schema: &Schema) -> bool {
    [Name::Start, Name::Source, Name::Destination].iter().all(|name| schema.index_of(name.name()).is_some())
}

/// Texts by number; 0 is the empty one.
#[derive(Default)]
struct Texts {
    numbers: FxHashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        if self.texts.len() >= MOST_TEXTS {
            return 0;
        }
        self.texts.push(text.into());
        let number = self.texts.len() as u32;
        self.numbers.insert(text.into(), number);
        number
    }

    fn keep(&mut self, flow: &Flow<'_>) -> Kept {
        let (application, dns_name) = (self.number(flow.application), self.number(flow.dns_name));
        Kept { flow: Flow { application: "", dns_name: "", ..*flow }, application, dns_name }
    }

    fn get(&self, number: u32) -> &str {
        number.checked_sub(1).and_then(|at| self.texts.get(at as usize)).map_or("", |text| text)
    }
}

/// The columns of a frame that make up a flow.
struct Columns<'a> {
    start: Option<&'a [i64]>,
    duration: Option<&'a Column>,
    source: Option<&'a Column>,
    destination: Option<&'a Column>,
    numbers: [Option<&'a Column>; 11],
    state: Option<&'a Column>,
    application: Option<&'a Column>,
    dns_name: Option<&'a Column>,
    dns: [Option<&'a Column>; 4],
    /// Columns that may name the server.
    servers: [Option<&'a Column>; 2],
}

/// The numbers of a flow, in the order of [`Columns::numbers`].
const NUMBERS: [Name; 11] = [
    Name::SourcePort,
    Name::DestinationPort,
    Name::Protocol,
    Name::Octets,
    Name::Packets,
    Name::ReverseOctets,
    Name::ReversePackets,
    Name::Flags,
    Name::ReverseFlags,
    Name::DnsCode,
    Name::Icmp,
];

/// What was asked of name servers: questions, different names, length and bits a character of the most random.
const DNS: [Name; 4] = [Name::DnsQueries, Name::DnsNames, Name::DnsEntropyLength, Name::DnsEntropy];

impl<'a> Columns<'a> {
    fn of(frame: &'a Frame) -> Self {
        let by = |name: Name| frame.by_name(name.name()).map(|(_, column)| column);
        Self {
            start: by(Name::Start).and_then(Column::as_time),
            duration: by(Name::Duration),
            source: by(Name::Source),
            destination: by(Name::Destination),
            numbers: NUMBERS.map(by),
            state: by(Name::State),
            application: by(Name::Application),
            dns_name: by(Name::DnsName),
            dns: DNS.map(by),
            servers: [Name::TlsName, Name::HttpHost].map(by),
        }
    }

    fn dns(&self, row: usize) -> DnsAsked {
        let number = |at: usize| self.dns[at].and_then(|column| whole(column, row)).unwrap_or(0) as u32;
        let entropy = self.dns[3].map_or(0.0, |column| column.number(row));
        DnsAsked {
            queries: number(0),
            names: number(1),
            length: number(2),
            entropy: if entropy.is_finite() { entropy } else { 0.0 },
        }
    }

    fn server(&self, row: usize) -> &'a str {
        let names = self.servers.iter().map(|&column| text(column, row));
        names.into_iter().find(|name| !name.is_empty()).unwrap_or("")
    }

    fn flow(&self, row: usize) -> Option<Flow<'a>> {
        let start_ns = self.start.map(|times| times[row]).filter(|&time| time != MISSING_TIME)?;
        let source = address(self.source, row)?;
        let destination = address(self.destination, row)?;
        let number = |at: usize| self.numbers[at].and_then(|column| whole(column, row));
        let octets = number(3).unwrap_or(0);
        // A source that counts no packets back cannot say that there were none.
        let reverse_octets = number(5).unwrap_or(0);
        let reverse_packets = number(6).unwrap_or_else(|| reverse_octets.div_ceil(1_500));
        let state = match text(self.state, row) {
            "S0" | "SH" | "OTH" if reverse_packets == 0 => ConnectionState::Unanswered,
            "REJ" | "RSTOS0" | "RSTRH" => ConnectionState::Rejected,
            "S1" | "SF" | "S2" | "S3" | "RSTO" | "RSTR" => ConnectionState::Established,
            _ => ConnectionState::Unknown,
        };
        let duration_ms = self.duration.map_or(0.0, |column| column.number(row));
        Some(Flow {
            start_ns,
            duration_ns: if duration_ms.is_finite() { (duration_ms * 1e6) as i64 } else { 0 },
            source,
            destination,
            source_port: number(0).unwrap_or(0) as u16,
            destination_port: number(1).unwrap_or(0) as u16,
            protocol: number(2).unwrap_or(0) as u8,
            octets,
            packets: number(4).unwrap_or_else(|| octets.div_ceil(1_500).max(1)),
            reverse_octets,
            reverse_packets,
            flags: number(7).map(|flags| flags as u8),
            reverse_flags: number(8).map(|flags| flags as u8),
            state,
            application: text(self.application, row),
            dns_name: text(self.dns_name, row),
            dns: self.dns(row),
            dns_code: number(9).and_then(|code| u8::try_from(code).ok()),
            icmp_type: number(10).map(|type_and_code| (type_and_code >> 8) as u8),
        })
    }
}

pub(crate) fn text(column: Option<&Column>, row: usize) -> &str {
    match column {
        Some(Column::Text(texts)) => texts.get(row),
        _ => "",
    }
}

fn address(column: Option<&Column>, row: usize) -> Option<IpAddr> {
    text(column, row).parse().ok()
}

fn whole(column: &Column, row: usize) -> Option<u64> {
    match column {
        Column::Int(values) => {
            Some(values[row]).filter(|&value| value != MISSING_INT && value >= 0).map(i64::unsigned_abs)
        }
        // Ports, protocols and flags are categories, which are texts.
        Column::Text(texts) => texts.get(row).parse().ok(),
        other => Some(other.number(row)).filter(|number| *number >= 0.0).map(|number| number as u64),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::{Fitting, RunOptions, detect};

    #[test]
    fn a_scan_in_a_table_of_flows_is_an_incident_and_the_rest_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.csv");
        let mut table = String::from(
            "flowStartMilliseconds,flowDurationMilliseconds,sourceAddress,destinationAddress,sourceTransportPort,\
             destinationTransportPort,protocolIdentifier,octetDeltaCount,packetDeltaCount,reverseOctetDeltaCount,\
             reversePacketDeltaCount,connectionState\n",
        );
        for at in 0..400u32 {
            let time = format!("2024-01-01 00:{:02}:{:02}", at / 60, at % 60);
            let _ = writeln!(
                table,
                "{time},40,10.0.0.{},10.0.0.200,{},443,6,900,8,5000,9,SF",
                at % 20 + 1,
                40_000 + at
            );
            if at >= 300 {
                let _ = writeln!(table, "{time},0,10.0.0.66,10.0.0.201,50000,{at},6,60,1,0,0,S0");
            }
        }
        std::fs::write(&path, table).unwrap();
        let run = detect(&[path.display().to_string()], &Fitting::default(), &RunOptions::default()).unwrap();
        let again =
            detect(&[path.display().to_string()], &Fitting::default(), &RunOptions::default()).unwrap();
        assert_eq!(run.incidents, again.incidents, "the same names and numbers in a second run");
        let scan = &run.incidents[0];
        assert_eq!((scan.flows, scan.evidence_flows.len()), (100, 20));
        assert_eq!(scan.timeline.iter().map(|part| part.flows).sum::<u64>(), 100);
        let simulation = &scan.mitigation.filters[0].simulation;
        assert_eq!((simulation.share_of_flows, simulation.other_flows), (1.0, 0));
        assert_eq!(scan.mitigation.filters[0].rendered.len(), 4);
        let seen: Vec<(&str, String, usize)> = run
            .incidents
            .iter()
            .map(|incident| (incident.kind, incident.actors[0].to_string(), incident.targets.len()))
            .collect();
        assert_eq!(seen, [("vertical scan", "10.0.0.66".to_owned(), 1)]);
    }

    #[test]
    fn a_list_of_packets_gives_the_incident_of_the_capture_it_came_from() {
        let folder = tempfile::tempdir().unwrap();
        let mut list =
            String::from("\"No.\",\"Time\",\"Source\",\"Destination\",\"Protocol\",\"Length\",\"Info\"\n");
        let mut bytes = capture_head();
        for at in 0..200u16 {
            let (scanner, target) = ((66, 50_000), (9, at + 1));
            let time = f64::from(at / 10);
            for (from, to, flags, words) in
                [(scanner, target, 0x02, "SYN"), (target, scanner, 0x14, "RST, ACK")]
            {
                record(&mut bytes, 1_700_000_000 + u32::from(at) / 10, &segment(from, to, flags));
                let n = list.lines().count();
                let _ = writeln!(
                    list,
                    "\"{n}\",\"{time}\",\"10.0.0.{}\",\"10.0.0.{}\",\"TCP\",\"54\",\"{}  >  {} [{words}] Seq=0 Win=1024 Len=0\"",
                    from.0, to.0, from.1, to.1
                );
            }
        }
        let told = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let run =
                detect(&[path.display().to_string()], &Fitting::default(), &RunOptions::default()).unwrap();
            run.incidents
                .iter()
                .map(|one| {
                    (one.kind, one.actors.clone(), one.targets.clone(), one.flows, one.octets, one.severity)
                })
                .collect::<Vec<_>>()
        };
        let of_list = told("list.csv", list.as_bytes());
        assert_eq!(of_list.len(), 1);
        assert_eq!(of_list, told("capture", &bytes));
    }

    #[test]
    fn one_odd_packet_of_a_list_is_a_row_and_no_incident() {
        let folder = tempfile::tempdir().unwrap();
        let mut list = String::from("No.,Time,Source,Destination,Protocol,Length,Info\n");
        for at in 0..400 {
            let length = if at == 333 { 1_514 } else { 60 + at % 7 };
            let _ = writeln!(list, "{at},{at}.5,10.0.0.5,10.0.0.9,UDP,{length},40000  >  5004 Len=20");
        }
        let path = folder.path().join("list.csv");
        std::fs::write(&path, list).unwrap();
        let run = detect(&[path.display().to_string()], &Fitting::default(), &RunOptions::default()).unwrap();
        assert!(run.verdicts[333], "the row is told");
        assert_eq!(run.incidents, []);
    }

    /// The head of a capture of Ethernet.
    fn capture_head() -> Vec<u8> {
        [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn record(bytes: &mut Vec<u8>, second: u32, frame: &[u8]) {
        let length = frame.len() as u32;
        [second, 0, length, length].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        bytes.extend(frame);
    }

    /// A frame of one segment of TCP without payload.
    fn segment(from: (u8, u16), to: (u8, u16), flags: u8) -> Vec<u8> {
        let ethernet = [2, 0, 0, 0, 0, to.0, 2, 0, 0, 0, 0, from.0, 8, 0];
        let ip = [0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, from.0, 10, 0, 0, to.0];
        let tcp = [0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 4, 0, 0, 0, 0, 0];
        [&ethernet[..], &ip, &from.1.to_be_bytes(), &to.1.to_be_bytes(), &tcp].concat()
    }

    #[test]
    fn a_scan_in_a_capture_is_an_incident_and_a_capture_of_two_flows_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let detected = |n: u16| {
            let mut bytes = capture_head();
            for at in 0..n {
                let (scanner, target) = ((66, 50_000), (9, at + 1));
                for frame in [segment(scanner, target, 0x02), segment(target, scanner, 0x14)] {
                    record(&mut bytes, 1_700_000_000 + u32::from(at) / 10, &frame);
                }
            }
            let path = folder.path().join("capture");
            std::fs::write(&path, bytes).unwrap();
            let run =
                detect(&[path.display().to_string()], &Fitting::default(), &RunOptions::default()).unwrap();
            run.incidents.iter().map(|one| format!("{} by {}", one.kind, one.actors[0])).collect::<Vec<_>>()
        };
        assert_eq!(detected(200), ["vertical scan by 10.0.0.66"]);
        assert_eq!(detected(2), [""; 0]);
    }

    #[test]
    fn a_capture_of_arp_alone_is_nothing_to_judge_but_spoofing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes: Vec<u8> = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let mut says = |second: u32, mac: u8, operation: u8, of: u8, to: u8| {
            let adapter = [2, 0, 0, 0, 0, mac];
            let head = [&[0xff; 6][..], &adapter, &[8, 6, 0, 1, 8, 0, 6, 4, 0, operation], &adapter].concat();
            let frame = [&head[..], &[10, 0, 0, of], &[0; 6], &[10, 0, 0, to]].concat();
            for word in [1_700_000_000 + second, 0, 42, 42] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend(frame);
        };
        says(0, 7, 1, 7, 1);
        says(1, 1, 2, 1, 7);
        says(2, 66, 1, 66, 1);
        for second in 0..60 {
            says(20 + second, 66, 2, 1, 7);
        }
        let path = folder.path().join("arp.pcap");
        std::fs::write(&path, bytes).unwrap();
        let run = detect(&[path.display().to_string()], &Fitting::default(), &RunOptions::default());
        let Err(crate::EngineError::NothingToJudge(nothing)) = run else { panic!("there are no flows") };
        assert_eq!(nothing.stats.rows_set_aside, 63);
        let told: Vec<String> = nothing
            .incidents
            .iter()
            .map(|one| format!("{} by {} on {}", one.kind, one.actors[0], one.targets[0]))
            .collect();
        assert_eq!(told, ["ARP spoofing by 10.0.0.66 on 10.0.0.1"]);
    }
}
