use std::io::Write as _;

use eddy_frame::Column;

use crate::{
    FeatureSet, ReadError, ReadOptions, ReadStats, open_bytes, open_damped_packets, open_flow_bytes,
    open_flow_features,
};

const SYN: u8 = 2;
const ACK: u8 = 16;
const PSH: u8 = 8;
const FIN: u8 = 1;
const RST: u8 = 4;

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 0, 2];

/// A capture of Ethernet frames, each with its time in milliseconds since 1,700,000,000 seconds.
fn pcap(frames: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        bytes.extend(word.to_le_bytes());
    }
    for (ms, frame) in frames {
        let len = frame.len() as u32;
        for word in [1_700_000_000 + ms / 1000, ms % 1000 * 1000, len, len] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(frame);
    }
    bytes
}

fn ethernet(source: [u8; 4], destination: [u8; 4], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mac = |address: [u8; 4]| [2, 0, 0, 0, 0, address[3]];
    [&mac(destination)[..], &mac(source), &ether_type.to_be_bytes(), payload].concat()
}

fn ip(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16 + 20).to_be_bytes();
    let header = [&[0x45, 0][..], &len, &[0, 1, 0, 0, 64, protocol, 0, 0], &source, &destination].concat();
    ethernet(source, destination, 0x0800, &[header, payload.to_vec()].concat())
}

fn tcp(from: ([u8; 4], u16), to: ([u8; 4], u16), sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let (a, b) = (from.1.to_be_bytes(), to.1.to_be_bytes());
    let header = [&a[..], &b, &sequence.to_be_bytes(), &[0; 4], &[0x50, flags, 4, 0, 0, 0, 0, 0]].concat();
    ip(from.0, to.0, 6, &[header, payload.to_vec()].concat())
}

fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16 + 8).to_be_bytes();
    let header = [from.1.to_be_bytes(), to.1.to_be_bytes(), len, [0, 0]].concat();
    ip(from.0, to.0, 17, &[header, payload.to_vec()].concat())
}

fn dns(flags: [u8; 2]) -> Vec<u8> {
    let name = b"\x07example\x03org\x00";
    [&[0, 7][..], &flags, &[0, 1, 0, 0, 0, 0, 0, 0], name, &[0, 28, 0, 1]].concat()
}

/// A web page, a name that does not exist, a refused connection, an echo, address resolution and something unknown.
fn everyday() -> Vec<(u32, Vec<u8>)> {
    let (client, server) = ((CLIENT, 40_000), (SERVER, 80));
    let request = b"GET /a HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: test/1\r\n\r\n";
    let (asks, answers) = ((CLIENT, 5_000), (SERVER, 53));
    vec![
        (0, ethernet(CLIENT, SERVER, 0x0806, &[0, 1, 8, 0, 6, 4, 0, 1].repeat(4))),
        (10, udp(asks, answers, &dns([1, 0]))),
        (30, udp(answers, asks, &dns([0x81, 0x83]))),
        (100, tcp(client, server, 10, SYN, b"")),
        (101, tcp(server, client, 90, SYN | ACK, b"")),
        (102, tcp(client, server, 11, ACK, b"")),
        (103, tcp(client, server, 11, ACK | PSH, request)),
        (110, tcp(server, client, 91, ACK | PSH, b"HTTP/1.1 200 OK\r\n\r\n")),
        (111, tcp(client, server, 73, FIN | ACK, b"")),
        (150, tcp(server, client, 110, FIN | ACK, b"")),
        (200, tcp((CLIENT, 41_000), (SERVER, 81), 1, SYN, b"")),
        (201, tcp((SERVER, 81), (CLIENT, 41_000), 1, RST | ACK, b"")),
        (300, ip(CLIENT, SERVER, 1, &[8, 0, 0, 0, 0, 1, 0, 1])),
        (400, ethernet(CLIENT, SERVER, 0x88b5, b"unknown")),
    ]
}

/// Every row in words, the given columns only, with the counts and the notes.
fn read(name: &str, bytes: &[u8], columns: &[&str]) -> (Vec<String>, ReadStats, Vec<String>) {
    let options = ReadOptions { batch_rows: 3, ..ReadOptions::default() };
    let mut source = open_flow_bytes(vec![(name, bytes.to_vec())], &options).unwrap();
    let mut rows = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        assert!(frame.n_rows() > 0 && frame.n_rows() <= 3);
        for row in 0..frame.n_rows() {
            let cell = |name: &&str| match frame.by_name(name).unwrap().1 {
                Column::Text(texts) => texts.get(row).to_owned(),
                column if column.is_missing(row) => String::new(),
                column => column.number(row).to_string(),
            };
            rows.push(columns.iter().map(cell).collect::<Vec<_>>().join(" "));
        }
    }
    let notes = source.description().notes.iter().map(|note| note.text.clone()).collect();
    (rows, source.stats(), notes)
}

const ENDS: [&str; 5] = [
    "sourceAddress",
    "sourceTransportPort",
    "destinationAddress",
    "destinationTransportPort",
    "protocolIdentifier",
];

#[test]
fn packets_become_flows_with_their_counts_flags_and_states() {
    let counts = [
        "destinationTransportPort",
        "flowDurationMilliseconds",
        "octetDeltaCount",
        "packetDeltaCount",
        "reverseOctetDeltaCount",
        "reversePacketDeltaCount",
        "tcpControlBits",
        "reverseTcpControlBits",
        "connectionState",
    ];
    let (rows, stats, notes) = read("x.pcap", &pcap(&everyday()), &counts);
    assert_eq!(
        rows,
        ["53 20 57 1 57 1   SF", "80 50 222 4 139 3 27 27 SF", "81 1 40 1 40 1 2 20 REJ", " 0 28 1 0 0   S0",]
    );
    assert_eq!((stats.rows_read, stats.rows_set_aside), (4, 2));
    let told = "14 packets: 12 in 4 flows; 1 set aside, the frame carries neither IP nor ARP, \
                1 set aside, address resolution (ARP) has no flows";
    assert!(notes.iter().any(|note| note == told), "{notes:?}");
    let (rows, ..) = read("x.pcap", &pcap(&everyday()), &ENDS);
    assert_eq!(rows[0], "10.0.0.1 5000 10.0.0.2 53 17");
    assert_eq!(rows[3], "10.0.0.1  10.0.0.2  1");
}

#[test]
fn what_applications_say_is_read_along() {
    let says = [
        "applicationName",
        "dnsQueryName",
        "dnsQueryType",
        "dnsResponseCode",
        "httpRequestHost",
        "httpRequestTarget",
        "httpUserAgent",
        "sourceMacAddress",
        "icmpTypeCodeIPv4",
    ];
    let (rows, ..) = read("x.pcap", &pcap(&everyday()), &says);
    assert_eq!(
        rows,
        [
            "dns example.org 28 3    02:00:00:00:00:01 ",
            "http    www.example.org /a test/1 02:00:00:00:00:01 ",
            "       02:00:00:00:00:01 ",
            "       02:00:00:00:00:01 2048",
        ]
    );
}

#[test]
fn banners_and_hellos_name_the_application() {
    let (client, server) = ((CLIENT, 40_000), (SERVER, 2_222));
    let hello = {
        let name = b"\x00\x00\x00\x0c\x00\x0a\x00\x00\x07eddy.io";
        let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0, 0, name.len() as u8], name].concat();
        let handshake = [&[1, 0, 0, body.len() as u8][..], &body].concat();
        [&[0x16, 3, 1, 0, handshake.len() as u8][..], &handshake].concat()
    };
    let frames = vec![
        (0, tcp(client, server, 1, SYN, b"")),
        (1, tcp(server, client, 1, SYN | ACK, b"")),
        (2, tcp(server, client, 2, ACK | PSH, b"SSH-2.0-OpenSSH_9.2\r\n")),
        // The hello comes in two segments.
        (10, tcp((CLIENT, 40_001), (SERVER, 443), 1, SYN, b"")),
        (11, tcp((CLIENT, 40_001), (SERVER, 443), 2, ACK, &hello[..30])),
        (12, tcp((CLIENT, 40_001), (SERVER, 443), 32, ACK, &hello[30..])),
    ];
    let (rows, ..) = read("x.pcap", &pcap(&frames), &["applicationName", "tlsServerName", "tlsJa4"]);
    assert_eq!(rows[0], "ssh  ");
    assert!(rows[1].starts_with("ssl eddy.io t12d01"), "{rows:?}");
}

#[test]
fn a_capture_that_ends_early_gives_what_was_there_and_says_so() {
    let whole = pcap(&everyday());
    for end in (24..whole.len()).step_by(13).chain([24 + 16 + 46]) {
        let (rows, stats, notes) = read("x.pcap", &whole[..end], &ENDS);
        assert_eq!(rows.len() as u64, stats.rows_read);
        assert!(rows.len() <= 4);
        let whole_frames = {
            let mut at = 24;
            let mut is_end = at == end;
            for (_, frame) in everyday() {
                at += 16 + frame.len();
                is_end |= at == end;
            }
            is_end
        };
        assert_eq!(notes.iter().any(|note| note.contains("ends inside")), !whole_frames, "{end} {notes:?}");
    }
    let (rows, ..) = read("x.pcap", &whole[..whole.len() - 5], &ENDS);
    assert_eq!(rows.len(), 4);
}

#[test]
fn packed_captures_are_read_also_where_the_packing_is_cut() {
    let whole = pcap(&everyday());
    let (plain, ..) = read("x.pcap", &whole, &ENDS);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&whole).unwrap();
    let mut gzip = gzip.finish().unwrap();
    assert_eq!(read("x.pcap.gz", &gzip, &ENDS).0, plain);
    assert_eq!(read("x.pcap.zst", &zstd::encode_all(&whole[..], 1).unwrap(), &ENDS).0, plain);
    gzip.truncate(gzip.len() - 40);
    let (rows, _, notes) = read("x.pcap.gz", &gzip, &ENDS);
    assert!(rows.len() <= plain.len());
    assert!(notes.iter().any(|note| note.contains("cut short") || note.contains("ends inside")), "{notes:?}");
}

#[test]
fn a_capture_without_packets_has_no_rows_and_what_is_none_is_refused() {
    let (rows, stats, _) = read("x.pcap", &pcap(&[]), &ENDS);
    assert_eq!((rows.len(), stats), (0, ReadStats { bytes_read: 24, ..ReadStats::default() }));
    let mut other = pcap(&everyday());
    other[4] = 77;
    let error = open_bytes("x.pcap", other, &ReadOptions::default()).err().unwrap();
    assert!(matches!(&error, ReadError::NotATable { what, .. } if what.contains("version")), "{error}");
    assert!(open_bytes("x.pcap", pcap(&[])[..20].to_vec(), &ReadOptions::default()).is_err());
}

#[test]
fn every_packet_is_in_a_flow_or_set_aside() {
    let mut state = 1_u64;
    let mut random = move |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let frames: Vec<(u32, Vec<u8>)> = (0..3_000)
        .map(|at| {
            let mut frame = everyday()[random(14) as usize].1.clone();
            let (place, byte) = (random(frame.len() as u64) as usize, random(256) as u8);
            frame[place] = byte;
            frame.truncate(1 + random(frame.len() as u64) as usize);
            (at * 7, frame)
        })
        .collect();
    let columns = ["packetDeltaCount", "reversePacketDeltaCount"];
    let (rows, stats, _) = read("x.pcap", &pcap(&frames), &columns);
    let in_flows: u64 = rows.iter().flat_map(|row| row.split(' ')).map(|n| n.parse::<u64>().unwrap()).sum();
    assert_eq!(in_flows + stats.rows_set_aside, 3_000);
    assert!(in_flows > 500 && stats.rows_set_aside > 100);
}

#[test]
fn a_capture_can_be_read_again() {
    let options = ReadOptions { batch_rows: 2, ..ReadOptions::default() };
    let mut source = open_bytes("x.pcap", pcap(&everyday()), &options).unwrap();
    // In words: what is missing equals nothing.
    let mut next = || format!("{:?}", source.next_frame().unwrap().unwrap());
    let first = next();
    source.rewind().unwrap();
    assert_eq!(format!("{:?}", source.next_frame().unwrap().unwrap()), first);
    while source.next_frame().unwrap().is_some() {}
    assert_eq!(source.stats().rows_read, 4);
    source.rewind().unwrap();
    assert_eq!(format!("{:?}", source.next_frame().unwrap().unwrap()), first);
}

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A message of NetFlow v9 with so many records or templates.
fn version9(count: u16, sets: &[u8]) -> Vec<u8> {
    [&words(&[9, count, 0, 60_000])[..], &1_700_000_000_u32.to_be_bytes(), &[0; 8], sets].concat()
}

fn template9() -> Vec<u8> {
    let fields = [8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 6, 1, 2, 4, 1, 4, 22, 4, 21, 4];
    let body = [&words(&[256, 10])[..], &words(&fields)].concat();
    [words(&[0, body.len() as u16 + 4]), body].concat()
}

fn data9(records: &[Vec<u8>]) -> Vec<u8> {
    let body = records.concat();
    // Sets are padded to words of 4 bytes.
    let padding = vec![0; body.len().wrapping_neg() % 4];
    [words(&[256, (body.len() + padding.len()) as u16 + 4]), body, padding].concat()
}

fn record9(from: ([u8; 4], u16), to: ([u8; 4], u16), flags: u8, packets: u32, start: u32) -> Vec<u8> {
    let ports = words(&[from.1, to.1]);
    let numbers = [packets, packets * 100, start, start + 500].map(u32::to_be_bytes).concat();
    [&from.0[..], &to.0, &ports, &[6, flags], &numbers].concat()
}

#[test]
fn bare_datagrams_one_after_another_are_flows_of_both_directions() {
    let (client, server) = ((CLIENT, 40_000), (SERVER, 22));
    let opener = record9(client, server, SYN | ACK | FIN, 5, 1_000);
    let answer = record9(server, client, SYN | ACK | FIN, 4, 1_001);
    let alone = record9((CLIENT, 41_000), (SERVER, 23), SYN, 1, 9_000);
    let file = [
        version9(2, &[template9(), data9(&[opener])].concat()),
        version9(1, &data9(&[answer])),
        version9(1, &data9(&[alone])),
    ]
    .concat();
    let columns = [
        "sourceAddress",
        "destinationTransportPort",
        "packetDeltaCount",
        "reversePacketDeltaCount",
        "octetDeltaCount",
        "connectionState",
        "flowDurationMilliseconds",
    ];
    let (rows, stats, _) = read("x.nf", &file, &columns);
    assert_eq!(rows, ["10.0.0.1 22 5 4 500 SF 501", "10.0.0.1 23 1 0 100 S0 500"]);
    assert_eq!(stats.bytes_read, file.len() as u64);

    // The same datagrams on their way to a collector: rows besides the packets' own flow.
    let frames: Vec<(u32, Vec<u8>)> = [&file[..104], &file[104..160], &file[160..]]
        .into_iter()
        .map(|datagram| (1, udp((SERVER, 900), (CLIENT, 2_055), datagram)))
        .collect();
    let (rows, _, notes) = read("x.pcap", &pcap(&frames), &columns[..4]);
    assert_eq!(rows.len(), 3, "{rows:?} {notes:?}");
    assert!(rows.contains(&"10.0.0.1 22 5 4".to_owned()) && rows.contains(&"10.0.0.2 2055 3 0".to_owned()));
}

#[test]
fn a_file_of_datagrams_that_ends_in_nonsense_gives_what_came_before() {
    let record = record9((CLIENT, 1), (SERVER, 2), SYN, 1, 1);
    let mut file = version9(2, &[template9(), data9(&[record])].concat());
    file.extend(b"this is no datagram of any kind that is known");
    let (rows, _, notes) = read("x.nf", &file, &ENDS);
    assert_eq!(rows.len(), 1);
    assert!(notes.iter().any(|note| note.contains("nothing after it was read")), "{notes:?}");
}

/// A message of the discovery of neighbours: its kind, who sends it to whom, whose address it is about and its adapter.
fn neighbour(kind: u8, from: u16, to: u16, about: u16, mac: u8, hops: u8) -> Vec<u8> {
    let address =
        |last: u16| [&[0xfd, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &last.to_be_bytes()].concat();
    let option = [if kind == 135 { 1 } else { 2 }, 1, 2, 0, 0, 0, 0, mac];
    let message = [&[kind, 0, 0, 0, 0x20, 0, 0, 0][..], &address(about), &option].concat();
    let len = (message.len() as u16).to_be_bytes();
    let header = [&[0x60, 0, 0, 0][..], &len, &[58, hops], &address(from), &address(to)].concat();
    ethernet([0; 4], [0; 4], 0x86dd, &[header, message].concat())
}

#[test]
fn neighbours_of_version_6_claim_addresses_as_those_of_arp_do() {
    let mut frames = vec![
        (0, neighbour(135, 9, 1, 1, 9, 255)),
        (5, neighbour(136, 1, 9, 1, 1, 255)),
        // From further away nobody is believed, and what is cut says nothing.
        (6, neighbour(136, 1, 9, 1, 77, 61)),
        (7, neighbour(136, 1, 9, 1, 78, 255)[..60].to_vec()),
    ];
    frames.extend((1..5).map(|at| (at * 1_000, neighbour(136, 1, 9, 1, 66, 255))));
    let mut source = open_bytes("x.pcap", pcap(&frames), &ReadOptions::default()).unwrap();
    while source.next_frame().unwrap().is_some() {}
    let claims: Vec<(String, u8, u64, u64, u64)> = source
        .arp_claims()
        .iter()
        .map(|one| (one.address.to_string(), one.mac[5], one.asks, one.answers, one.unasked))
        .collect();
    assert_eq!(
        claims,
        [
            ("fd00:7::9".to_owned(), 9, 1, 0, 0),
            ("fd00:7::1".to_owned(), 1, 0, 1, 0),
            ("fd00:7::1".to_owned(), 66, 0, 0, 4),
        ]
    );
}

/// An ARP packet: operation, who says so (adapter, address), whom it asks or tells.
fn arp(operation: u8, mac: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let adapter = [2, 0, 0, 0, 0, mac];
    let payload = [&[0, 1, 8, 0, 6, 4, 0, operation][..], &adapter, &sender, &[0; 6], &target].concat();
    [&[0xff; 6][..], &adapter, &[8, 6], &payload].concat()
}

#[test]
fn address_resolution_is_summed_up_as_claims() {
    let (router, host) = ([10, 0, 0, 1], [10, 0, 0, 7]);
    let mut frames = vec![(0, arp(1, 7, host, router)), (5, arp(2, 1, router, host))];
    // An adapter that nobody asked says that it is the router; another announces itself.
    frames.extend((1..6).map(|at| (at * 1_000, arp(2, 66, router, host))));
    frames.push((7_000, arp(1, 9, [10, 0, 0, 9], [10, 0, 0, 9])));
    // Probes claim nothing.
    frames.push((8_000, arp(1, 8, [0, 0, 0, 0], [10, 0, 0, 8])));
    frames.push((70_000, arp(2, 66, router, host)));
    let mut source = open_bytes("x.pcap", pcap(&frames), &ReadOptions::default()).unwrap();
    assert!(source.next_frame().unwrap().is_none(), "there are no flows");
    let told: Vec<String> = source
        .arp_claims()
        .iter()
        .map(|claim| {
            let counts = [claim.asks, claim.answers, claim.unasked, claim.announcements];
            format!("{} {} {counts:?} {:?}", claim.mac[5], claim.address, claim.told)
        })
        .collect();
    assert_eq!(
        told,
        [
            "7 10.0.0.7 [1, 0, 0, 0] []",
            "1 10.0.0.1 [0, 1, 0, 0] []",
            "66 10.0.0.1 [0, 0, 5, 0] [10.0.0.7]",
            "9 10.0.0.9 [0, 0, 0, 1] []",
            "66 10.0.0.1 [0, 0, 1, 0] [10.0.0.7]",
        ]
    );
    assert_eq!(source.stats().rows_set_aside, frames.len() as u64);
}

#[test]
fn all_questions_of_a_flow_of_dns_are_counted() {
    let ask = |id: u8, name: &[u8]| [&[0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], name, &[0, 0, 1, 0, 1]].concat();
    let (asks, answers) = ((CLIENT, 5_000), (SERVER, 53));
    let names: [&[u8]; 3] = [b"\x01a\x03org", b"\x08q1w2e3r4\x03org", b"\x03AAA\x03org"];
    let mut frames = Vec::new();
    for at in 0..30_u8 {
        frames.push((u32::from(at) * 10, udp(asks, answers, &ask(at, names[usize::from(at % 3)]))));
        frames.push((u32::from(at) * 10 + 5, udp(answers, asks, &dns([0x81, 0x80]))));
    }
    let columns = ["dnsQueryName", "dnsQueryCount", "dnsNameCount", "dnsHighestEntropyLength"];
    let (rows, ..) = read("x.pcap", &pcap(&frames), &columns);
    assert_eq!(rows, ["a.org 30 3 12"]);
    // Of "q1w2e3r4.org" r is there twice, the other ten once: 10/12 log2 12 + 2/12 log2 6.
    let (rows, ..) = read("x.pcap", &pcap(&frames), &["dnsHighestEntropy"]);
    let expected = 10.0 / 12.0 * 12.0_f64.log2() + 2.0 / 12.0 * 6.0_f64.log2();
    assert!((rows[0].parse::<f64>().unwrap() - expected).abs() < 1e-12);
}

/// Writes a capture to a file and gives its path in a list.
fn as_file(bytes: &[u8]) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pcap");
    std::fs::write(&path, bytes).unwrap();
    let paths = vec![path.display().to_string()];
    (folder, paths)
}

#[test]
fn features_stand_beside_the_columns_that_all_flows_have() {
    let (_folder, paths) = as_file(&pcap(&everyday()));
    let options = ReadOptions { batch_rows: 2, ..ReadOptions::default() };
    let mut source = open_flow_features(&paths, &options, FeatureSet::All).unwrap();
    let schema = source.description().schema.clone();
    assert_eq!(schema.fields.len(), 32 + 172);
    let mut pages = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        let of = |name: &str, row: usize| frame.by_name(name).unwrap().1.number(row);
        for row in 0..frame.n_rows() {
            let packets = of("packetDeltaCount", row) + of("reversePacketDeltaCount", row);
            assert_eq!(of("bidirectional_packets", row), packets);
            assert_eq!(of("src2dst_ip_bytes", row), of("octetDeltaCount", row));
            if of("destinationTransportPort", row) == 80.0 {
                pages.push([
                    of("bidirectional_syn_packets", row),
                    of("src2dst_init_window_bytes", row),
                    of("bidirectional_max_piat_ms", row),
                    of("splt_direction_2", row),
                ]);
            }
        }
    }
    assert_eq!(pages, [[2.0, 1024.0, 39.0, 1.0]]);
    assert_eq!((source.stats().rows_read, source.stats().rows_set_aside), (4, 2));
    source.rewind().unwrap();
    assert_eq!(source.next_frame().unwrap().map(|frame| frame.n_rows()), Some(2));
    let statistics = open_flow_features(&paths, &options, FeatureSet::Statistics).unwrap();
    assert_eq!(statistics.description().schema.fields.len(), 32 + 57);
    // Tables have no packets.
    let table = as_file(b"sourceAddress,destinationAddress\n10.0.0.1,10.0.0.2\n");
    let refused = open_flow_features(&table.1, &options, FeatureSet::All).err().unwrap().to_string();
    assert!(refused.contains("no capture of packets"), "{refused}");
}

#[test]
fn packets_become_rows_with_statistics_that_forget() {
    let (_folder, paths) = as_file(&pcap(&everyday()));
    let options = ReadOptions { batch_rows: 5, ..ReadOptions::default() };
    let mut source = open_damped_packets(&paths, &options).unwrap();
    assert_eq!(source.description().schema.fields.len(), 105);
    let mut weights = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        let column = frame.by_name("HH_L0.01_weight").unwrap().1;
        weights.extend((0..frame.n_rows()).map(|row| column.number(row).round()));
    }
    // Nine packets of the client come one after the other, five of the server, and two of neither.
    assert_eq!(weights.len(), everyday().len());
    assert!(weights.iter().all(|weight| (1.0..=9.0).contains(weight)), "{weights:?}");
    assert_eq!(source.stats().rows_set_aside, 0);
}

#[test]
fn the_shapes_of_written_features_name_every_column() {
    let known = |id: &str, name: &str| crate::shapes::by_id(id).is_some_and(|map| map.column(name).is_some());
    for feature in eddy_flow::features::features() {
        assert!(known("flow_statistics", feature.name), "{}", feature.name);
    }
    for name in eddy_flow::damped::damped_names() {
        assert!(known("damped_packets", &name), "{name}");
    }
    for (_, name, _) in crate::flowlog::column::Flow::ALL.iter().take(32) {
        assert!(known("flow_statistics", name), "{name}");
    }
}
