//! Logs of flows, made by hand in every form: each comes out in the same columns.

use eddy_frame::{Column, Frame, MISSING_INT, MISSING_TIME, format_time};
use eddy_io::{
    Description, ReadError, ReadOptions, ReadStats, TableWriter, open, open_bytes, open_flow_bytes,
    open_flows,
};

/// What came out: one row of texts a flow.
struct Out {
    description: Description,
    stats: ReadStats,
    rows: Vec<Vec<String>>,
}

impl Out {
    fn column(&self, name: &str) -> Vec<&str> {
        let Some(at) = self.description.schema.index_of(name) else { return Vec::new() };
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    fn check(&self, expect: &[(&str, &[&str])]) {
        for (name, values) in expect {
            assert_eq!(self.column(name), *values, "{name}");
        }
    }

    fn notes(&self) -> String {
        self.description.notes.iter().map(|note| note.text.clone() + "\n").collect()
    }
}

fn cell(column: &Column, row_idx: usize) -> String {
    match column {
        Column::Float(values) if values[row_idx].is_nan() => String::new(),
        Column::Float(values) => values[row_idx].to_string(),
        Column::Int(values) if values[row_idx] == MISSING_INT => String::new(),
        Column::Int(values) => values[row_idx].to_string(),
        Column::Time(values) if values[row_idx] == MISSING_TIME => String::new(),
        Column::Time(values) => format_time(values[row_idx], eddy_frame::TimeStyle::Iso),
        Column::Text(texts) => texts.get(row_idx).to_owned(),
    }
}

fn rows(frame: &Frame) -> Vec<Vec<String>> {
    (0..frame.n_rows())
        .map(|row_idx| frame.columns().iter().map(|column| cell(column, row_idx)).collect())
        .collect()
}

fn drain(mut source: Box<dyn eddy_io::Source>) -> Out {
    let mut out = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        out.extend(rows(&frame));
    }
    Out { description: source.description().clone(), stats: source.stats(), rows: out }
}

fn read(logs: &[(&str, &str)]) -> Out {
    let logs = logs.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect();
    drain(open_flow_bytes(logs, &ReadOptions::default()).unwrap())
}

const CONN: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
    #open\t2024-01-02-03-04-05\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\
    \tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\
    \ttunnel_parents\n\
    #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\
    \tstring\tcount\tcount\tcount\tcount\tset[string]\n\
    1704164645.250000\tCa1\t10.0.0.1\t50000\t192.0.2.7\t443\ttcp\tssl\t0.1\t517\t3000\tSF\tT\tF\t0\tShADadFf\t10\t1050\t8\t3400\t(empty)\n\
    1704164646.000000\tCa2\tfe80::1\t136\tff02::1\t0\ticmp\t-\t-\t-\t-\tOTH\tT\tF\t0\t-\t1\t72\t0\t0\t-\n\
    1704164647.000000\tCa3\t10.0.0.1\t8\t192.0.2.8\t0\ticmp\t-\t0.02\t56\t56\tOTH\tT\tF\t0\t-\t1\t84\t1\t84\t-\n\
    1704164648.000001\tCa4\t10.0.0.2\t53000\t10.0.0.53\t53\tudp\tdns\t0.002\t30\t62\tSF\tT\tT\t0\tDd\t1\t58\t1\t90\t-\n";

const CONN_EXPECT: &[(&str, &[&str])] = &[
    (
        "flowStartMilliseconds",
        &[
            "2024-01-02T03:04:05.25Z",
            "2024-01-02T03:04:06Z",
            "2024-01-02T03:04:07Z",
            "2024-01-02T03:04:08.000001Z",
        ],
    ),
    ("flowDurationMilliseconds", &["100", "", "20", "2"]),
    ("sourceAddress", &["10.0.0.1", "fe80::1", "10.0.0.1", "10.0.0.2"]),
    ("destinationAddress", &["192.0.2.7", "ff02::1", "192.0.2.8", "10.0.0.53"]),
    ("sourceTransportPort", &["50000", "", "", "53000"]),
    ("destinationTransportPort", &["443", "", "", "53"]),
    ("protocolIdentifier", &["6", "58", "1", "17"]),
    ("octetDeltaCount", &["1050", "72", "84", "58"]),
    ("packetDeltaCount", &["10", "1", "1", "1"]),
    ("reverseOctetDeltaCount", &["3400", "0", "84", "90"]),
    ("reversePacketDeltaCount", &["8", "0", "1", "1"]),
    ("tcpControlBits", &["19", "", "", ""]),
    ("reverseTcpControlBits", &["19", "", "", ""]),
    ("connectionState", &["SF", "OTH", "OTH", "SF"]),
    ("applicationName", &["ssl", "", "", "dns"]),
    ("icmpTypeCodeIPv4", &["", "", "2048", ""]),
];

#[test]
fn connections_of_zeek_become_flows() {
    let out = read(&[("conn.log", CONN)]);
    out.check(CONN_EXPECT);
    assert_eq!(out.description.shape.title, "Zeek connection log");
    assert_eq!((out.stats.rows_read, out.stats.rows_set_aside), (4, 0));
    assert!(out.notes().contains("push and urgent"), "{}", out.notes());
}

/// A conn.log as JSON: its rows as objects, unset fields left out.
fn as_json(log: &str, path: Option<&str>) -> String {
    let mut fields = Vec::new();
    let mut types = Vec::new();
    let mut text = String::new();
    for line in log.lines() {
        if let Some(names) = line.strip_prefix("#fields\t") {
            fields = names.split('\t').collect();
        } else if let Some(names) = line.strip_prefix("#types\t") {
            types = names.split('\t').collect();
        } else if !line.starts_with('#') {
            let mut cells: Vec<String> = path.iter().map(|path| format!("\"_path\":\"{path}\"")).collect();
            for ((name, kind), value) in fields.iter().zip(&types).zip(line.split('\t')) {
                let quoted = !matches!(*kind, "time" | "port" | "count" | "interval" | "bool");
                match value {
                    "-" | "(empty)" => {}
                    "T" | "F" if *kind == "bool" => cells.push(format!("\"{name}\":{}", value == "T")),
                    value if quoted => cells.push(format!("\"{name}\":\"{value}\"")),
                    value => cells.push(format!("\"{name}\":{value}")),
                }
            }
            text += &["{", &cells.join(","), "}\n"].concat();
        }
    }
    text
}

#[test]
fn connections_in_json_become_the_same_flows() {
    let json = as_json(CONN, None);
    read(&[("conn.log", &json)]).check(CONN_EXPECT);
    // With times as texts, and objects within objects.
    let iso = json.replace("\"ts\":1704164645.250000", "\"ts\":\"2024-01-02T03:04:05.250000Z\"");
    let iso = iso.replace("\"ts\":1704164646.000000", "\"ts\":\"2024-01-02T03:04:06.000000Z\"");
    let iso = iso.replace("\"ts\":1704164647.000000", "\"ts\":\"2024-01-02T03:04:07.000000Z\"");
    let iso = iso.replace("\"ts\":1704164648.000001", "\"ts\":\"2024-01-02T03:04:08.000001Z\"");
    read(&[("conn.json", &iso)]).check(CONN_EXPECT);
}

const DNS: &str = "#separator \\x09\n#path\tdns\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\ttrans_id\trtt\tquery\tqclass\tqclass_name\tqtype\
    \tqtype_name\trcode\trcode_name\tAA\tTC\tRD\tRA\tZ\tanswers\tTTLs\trejected\n\
    #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tcount\tinterval\tstring\tcount\tstring\tcount\tstring\tcount\
    \tstring\tbool\tbool\tbool\tbool\tcount\tvector[string]\tvector[interval]\tbool\n\
    1704164648.000001\tCa4\t10.0.0.2\t53000\t10.0.0.53\t53\tudp\t7\t0.002\texample.org\t1\tC_INTERNET\t28\tAAAA\t3\tNXDOMAIN\tF\tF\tT\tT\t0\t-\t-\tF\n\
    1704164649.000001\tCa9\t10.0.0.3\t53001\t10.0.0.53\t53\tudp\t8\t-\tlost.example\t1\tC_INTERNET\t1\tA\t-\t-\tF\tF\tT\tF\t0\t-\t-\tF\n";

const SSL: &str = "#separator \\x09\n#path\tssl\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tversion\tcipher\tcurve\tserver_name\tresumed\tja4\n\
    #types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tstring\tstring\tbool\tstring\n\
    1704164645.300000\tCa1\t10.0.0.1\t50000\t192.0.2.7\t443\tTLSv13\tTLS_AES\tx25519\twww.example\tF\tt13d1516h2_a_b\n";

const HTTP: &str = "#separator \\x09\n#path\thttp\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\ttrans_depth\tmethod\thost\turi\treferrer\tversion\
    \tuser_agent\trequest_body_len\n\
    #types\ttime\tstring\taddr\tport\taddr\tport\tcount\tstring\tstring\tstring\tstring\tstring\tstring\tcount\n\
    1704164700.0\tCb1\t10.0.0.4\t50100\t192.0.2.9\t80\t1\tGET\tplain.example\t/index\t-\t1.1\tcurl/8\t0\n\
    1704164701.0\tCb1\t10.0.0.4\t50100\t192.0.2.9\t80\t2\tGET\tplain.example\t/second\t-\t1.1\tcurl/8\t0\n";

#[test]
fn what_happened_within_connections_joins_them_and_the_rest_stands_alone() {
    let out = read(&[("conn.log", CONN), ("dns.log", DNS), ("http.log", HTTP), ("ssl.log", SSL)]);
    assert_eq!(out.description.shape.title, "Zeek logs (conn, dns, http, ssl)");
    out.check(&[
        ("sourceAddress", &["10.0.0.1", "fe80::1", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]),
        ("dnsQueryName", &["", "", "", "example.org", "lost.example", ""]),
        ("dnsQueryType", &["", "", "", "28", "1", ""]),
        ("dnsResponseCode", &["", "", "", "3", "", ""]),
        ("tlsServerName", &["www.example", "", "", "", "", ""]),
        ("tlsJa4", &["t13d1516h2_a_b", "", "", "", "", ""]),
        ("httpRequestTarget", &["", "", "", "", "", "/index"]),
        ("applicationName", &["ssl", "", "", "dns", "dns", "http"]),
        ("connectionState", &["SF", "OTH", "OTH", "SF", "", ""]),
    ]);
    assert!(out.notes().contains("2 flows are known only"), "{}", out.notes());
}

#[test]
fn queries_alone_are_flows_of_their_own() {
    let out = read(&[("dns.log", DNS)]);
    out.check(&[
        ("dnsQueryName", &["example.org", "lost.example"]),
        ("protocolIdentifier", &["17", "17"]),
        ("destinationTransportPort", &["53", "53"]),
    ]);
    assert_eq!(out.column("octetDeltaCount"), [""; 0], "what the log does not know is no column");
    let out = read(&[("http.log", HTTP)]);
    out.check(&[("httpRequestTarget", &["/index", "/second"]), ("httpUserAgent", &["curl/8", "curl/8"])]);
}

#[test]
fn one_stream_of_several_logs_is_told_apart_by_path() {
    let mut stream = as_json(DNS, Some("dns")) + &as_json(CONN, Some("conn"));
    stream += "{\"_path\":\"weird\",\"ts\":1704164648.1,\"name\":\"odd\"}\n";
    let out = read(&[("zeek.json", &stream)]);
    assert_eq!(out.description.shape.id, "zeek_stream");
    out.check(&[("dnsQueryName", &["", "", "", "example.org", "lost.example"])]);
    assert!(out.notes().contains("passed over: 1 weird"), "{}", out.notes());
    // A stream of one log is that log, and of other logs a table like any other.
    let conn = read(&[("zeek.json", &as_json(CONN, Some("conn")))]);
    assert_eq!(conn.description.shape.id, "zeek_conn");
    conn.check(CONN_EXPECT);
    let ssh = as_json(DNS, Some("ssh")).into_bytes();
    let source = open_bytes("ssh.json", ssh, &ReadOptions::default()).unwrap();
    assert!(source.description().schema.index_of("id.orig_h").is_some());
}

#[test]
fn labels_in_one_packed_last_column_are_read() {
    let log = "#separator \\x09\n#path\tconn\n\
        #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\
        \tconn_state\ttunnel_parents   label   detailed-label\n\
        1545403816.9\tC1\t192.0.2.1\t41040\t192.0.2.2\t80\ttcp\t-\t3.1\t0\t0\tS0\t-   Benign   -\n\
        1545403817.9\tC2\t192.0.2.1\t41041\t192.0.2.3\t23\ttcp\t-\t-\t-\t-\tS0\t-   Malicious   PartOfAHorizontalPortScan\n\
        1545403818.9\tC3\t192.0.2.1\t41042\t192.0.2.4\t23\ttcp\t-\t-\t-\t-\tS0\t-   Malicious   -\n";
    let out = read(&[("conn.log.labeled", log)]);
    out.check(&[
        ("label", &["Benign", "PartOfAHorizontalPortScan", "Malicious"]),
        ("octetDeltaCount", &["0", "", ""]),
    ]);
    assert!(out.notes().contains("bytes of payload"), "{}", out.notes());
}

#[test]
fn rows_without_header_are_known_by_their_values() {
    let rows: String = CONN.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect();
    read(&[("conn.log", &rows)]).check(CONN_EXPECT);
}

#[test]
fn a_last_line_cut_short_is_set_aside_and_an_unfinished_log_is_read() {
    let cut = &CONN[..CONN.len() - 40];
    let out = read(&[("conn.log", cut)]);
    assert_eq!((out.stats.rows_read, out.stats.rows_set_aside), (3, 1));
    assert_eq!(out.stats.first_set_aside[0].line, Some(12));
    let closed = format!("{CONN}#close\t2024-01-02-04-00-00\n");
    read(&[("conn.log", &closed)]).check(CONN_EXPECT);
}

const EVE: &str = r#"{"timestamp":"2024-01-02T03:04:05.000000+0000","flow_id":1,"event_type":"dns","src_ip":"10.0.0.2","src_port":53000,"dest_ip":"10.0.0.53","dest_port":53,"proto":"UDP","dns":{"type":"query","id":7,"rrname":"example.org","rrtype":"AAAA"}}
{"timestamp":"2024-01-02T03:04:05.100000+0000","flow_id":1,"event_type":"dns","src_ip":"10.0.0.53","src_port":53,"dest_ip":"10.0.0.2","dest_port":53000,"proto":"UDP","dns":{"type":"answer","id":7,"rcode":"NXDOMAIN","rrname":"example.org","rrtype":"AAAA"}}
{"timestamp":"2024-01-02T03:04:06.000000+0000","flow_id":2,"event_type":"tls","src_ip":"10.0.0.1","src_port":50000,"dest_ip":"192.0.2.7","dest_port":443,"proto":"TCP","tls":{"sni":"www.example","version":"TLS 1.3","ja4":"t13d"}}
{"timestamp":"2024-01-02T03:04:07.000000+0000","flow_id":3,"event_type":"alert","src_ip":"198.51.100.1","src_port":4444,"dest_ip":"10.0.0.9","dest_port":445,"proto":"TCP","alert":{"action":"allowed","signature":"ET \"SCAN\" x"},"flow":{"pkts_toserver":1,"pkts_toclient":0,"bytes_toserver":60,"bytes_toclient":0,"start":"2024-01-02T03:04:06.900000+0000"}}
{"timestamp":"2024-01-02T03:04:08.000000+0000","event_type":"stats","stats":{"uptime":8}}
{"timestamp":"2024-01-02T03:04:09.000000+0000","flow_id":1,"event_type":"flow","src_ip":"10.0.0.2","src_port":53000,"dest_ip":"10.0.0.53","dest_port":53,"proto":"UDP","app_proto":"dns","flow":{"pkts_toserver":1,"pkts_toclient":1,"bytes_toserver":90,"bytes_toclient":120,"start":"2024-01-02T03:04:05.000000+0000","end":"2024-01-02T03:04:05.100000+0000","age":0,"state":"established","reason":"timeout"}}
{"timestamp":"2024-01-02T03:04:09.000000+0000","flow_id":2,"event_type":"flow","src_ip":"10.0.0.1","src_port":50000,"dest_ip":"192.0.2.7","dest_port":443,"proto":"TCP","app_proto":"tls","flow":{"pkts_toserver":10,"pkts_toclient":8,"bytes_toserver":1050,"bytes_toclient":3400,"start":"2024-01-02T03:04:05.900000+0000","end":"2024-01-02T03:04:08.900000+0000"},"tcp":{"tcp_flags":"1b","tcp_flags_ts":"1b","tcp_flags_tc":"1b"}}
{"timestamp":"2024-01-02T03:04:10.000000+0000","flow_id":5,"event_type":"netflow","src_ip":"10.0.0.1","src_port":50001,"dest_ip":"192.0.2.8","dest_port":22,"proto":"TCP","netflow":{"pkts":3,"bytes":180,"start":"2024-01-02T03:04:01.000000+0000","end":"2024-01-02T03:04:02.000000+0000"},"tcp":{"tcp_flags":"02"}}
{"timestamp":"2024-01-02T03:04:10.000000+0000","flow_id":5,"event_type":"netflow","src_ip":"192.0.2.8","src_port":22,"dest_ip":"10.0.0.1","dest_port":50001,"proto":"TCP","netflow":{"pkts":2,"bytes":80,"start":"2024-01-02T03:04:01.000000+0000","end":"2024-01-02T03:04:02.000000+0000"},"tcp":{"tcp_flags":"14"}}
{"timestamp":"2024-01-02T03:04:11.000000+0000","flow_id":6,"event_type":"flow","src_ip":"fe80:0000:0000:0000:0000:0000:0000:0001","dest_ip":"ff02:0000:0000:0000:0000:0000:0000:0002","proto":"IPv6-ICMP","icmp_type":133,"icmp_code":0,"flow":{"pkts_toserver":1,"pkts_toclient":0,"bytes_toserver":70,"bytes_toclient":0,"start":"2024-01-02T03:04:11.000000+0000","end":"2024-01-02T03:04:11.000000+0000"}}
"#;

#[test]
fn events_of_suricata_become_flows() {
    let out = read(&[("eve.json", EVE)]);
    assert_eq!(out.description.shape.id, "suricata_eve");
    out.check(&[
        ("sourceAddress", &["10.0.0.2", "10.0.0.1", "fe80::1", "198.51.100.1", "10.0.0.1"]),
        ("flowDurationMilliseconds", &["100", "3000", "0", "", "1000"]),
        (
            "flowStartMilliseconds",
            &[
                "2024-01-02T03:04:05Z",
                "2024-01-02T03:04:05.9Z",
                "2024-01-02T03:04:11Z",
                "2024-01-02T03:04:06.9Z",
                "2024-01-02T03:04:01Z",
            ],
        ),
        ("protocolIdentifier", &["17", "6", "58", "6", "6"]),
        ("octetDeltaCount", &["90", "1050", "70", "60", "180"]),
        ("packetDeltaCount", &["1", "10", "1", "1", "3"]),
        ("reverseOctetDeltaCount", &["120", "3400", "0", "0", "80"]),
        ("tcpControlBits", &["", "27", "", "", "2"]),
        ("reverseTcpControlBits", &["", "27", "", "", "20"]),
        ("connectionState", &["SF", "SF", "S0", "", "REJ"]),
        ("applicationName", &["dns", "ssl", "", "", ""]),
        ("dnsQueryName", &["example.org", "", "", "", ""]),
        ("dnsQueryType", &["28", "", "", "", ""]),
        ("dnsResponseCode", &["3", "", "", "", ""]),
        ("tlsServerName", &["", "www.example", "", "", ""]),
        ("tlsJa4", &["", "t13d", "", "", ""]),
        ("alertSignature", &["", "", "", "ET \"SCAN\" x", ""]),
    ]);
    assert!(out.notes().contains("passed over: 1 stats"), "{}", out.notes());
}

const NFDUMP: &str = "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,nh,nhb,svln,dvln,ismc,odmc,idmc,osmc\n\
    2024-01-02 03:04:05,2024-01-02 03:04:08,3.000,10.0.0.1,192.0.2.7,50000,443,TCP,...AP.SF,0,0,10,1050,8,3400,0,0,0,0,0,0,0,0,0.0.0.0,0.0.0.0,0,0,00:11:22:33:44:55,00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00\n\
    2024-01-02 03:04:06,2024-01-02 03:04:06,0.000,10.0.0.1,192.0.2.8,0,8.0,ICMP,........,0,0,1,84,1,84,0,0,0,0,0,0,0,0,0.0.0.0,0.0.0.0,0,0,00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00\n\
    Summary\n\
    flows,bytes,packets,avg_bps,avg_pps,avg_bpp\n\
    2,1134,11,100,10,90\n";

#[test]
fn lists_of_nfdump_become_flows() {
    let out = read(&[("nfdump.csv", NFDUMP)]);
    assert_eq!(out.description.shape.id, "nfdump");
    out.check(&[
        ("flowStartMilliseconds", &["2024-01-02T03:04:05Z", "2024-01-02T03:04:06Z"]),
        ("flowDurationMilliseconds", &["3000", "0"]),
        ("destinationTransportPort", &["443", ""]),
        ("protocolIdentifier", &["6", "1"]),
        ("tcpControlBits", &["27", ""]),
        ("octetDeltaCount", &["1050", "84"]),
        ("reverseOctetDeltaCount", &["3400", "84"]),
        ("icmpTypeCodeIPv4", &["", "2048"]),
        ("sourceMacAddress", &["00:11:22:33:44:55", ""]),
        ("destinationMacAddress", &["", ""]),
        ("connectionState", &["", "SF"]),
    ]);
    assert_eq!(out.stats.rows_set_aside, 3, "the summary");
    let newer = "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,bps,bpp,flows\n\
        2024-01-02 03:04:05.120,0.500,UDP,10.0.0.1,50000,192.0.2.7,53,1,70,0,70,1\n";
    let out = read(&[("flows.csv", newer)]);
    out.check(&[
        ("flowDurationMilliseconds", &["500"]),
        ("octetDeltaCount", &["70"]),
        ("reverseOctetDeltaCount", &[]),
    ]);
    // One direction a row: the reverse counters are all zero, which says nothing.
    let single = NFDUMP.replace(",8,3400,", ",0,0,").replace(",1,84,1,84,", ",1,84,0,0,");
    read(&[("nfdump.csv", &single)]).check(&[("reverseOctetDeltaCount", &[])]);
}

const BINETFLOW: &str = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,SrcPkts,Label\n\
    2011/08/10 09:46:59.607825,1.5,tcp,10.0.0.1,1577,   ->,192.0.2.7,6881,S_RA,0,0,4,276,156,3,flow=Background\n\
    2011/08/10 09:47:00.634364,0.5,udp,10.0.0.1,50000,  <->,192.0.2.8,53,CON,0,0,2,200,60,1,flow=From-Botnet-V42\n\
    2011/08/10 09:47:01.000000,0,tcp,192.0.2.9,80,   <-,10.0.0.1,50001,SA_S,0,0,3,180,120,2,flow=Background\n\
    2011/08/10 09:47:02.000000,0,icmp,192.0.2.9,0x0303,   ->,10.0.0.1,0x1f90,URP,0,,1,90,90,1,\n\
    2011/08/10 09:47:03.000000,0,arp,10.0.0.1,,  who,10.0.0.2,,INT,,,1,60,60,1,\n";

#[test]
fn flows_of_argus_become_flows() {
    let out = read(&[("capture.binetflow", BINETFLOW)]);
    out.check(&[
        ("sourceAddress", &["10.0.0.1", "10.0.0.1", "10.0.0.1", "192.0.2.9", "10.0.0.1"]),
        ("destinationAddress", &["192.0.2.7", "192.0.2.8", "192.0.2.9", "10.0.0.1", "10.0.0.2"]),
        ("destinationTransportPort", &["6881", "53", "80", "", ""]),
        ("protocolIdentifier", &["6", "17", "6", "1", ""]),
        ("octetDeltaCount", &["156", "60", "60", "90", "60"]),
        ("reverseOctetDeltaCount", &["120", "140", "120", "0", "0"]),
        ("packetDeltaCount", &["3", "1", "1", "1", "1"]),
        ("reversePacketDeltaCount", &["1", "1", "2", "0", "0"]),
        ("tcpControlBits", &["2", "", "2", "", ""]),
        ("reverseTcpControlBits", &["20", "", "18", "", ""]),
        ("connectionState", &["REJ", "SF", "S1", "S0", "S0"]),
        ("icmpTypeCodeIPv4", &["", "", "", "771", ""]),
        ("label", &["flow=Background", "flow=From-Botnet-V42", "flow=Background", "", ""]),
    ]);
    // The original CTU-13 files do not say how many packets the source sent.
    let undivided: String = BINETFLOW
        .lines()
        .map(|line| {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells.remove(14);
            cells.join(",") + "\n"
        })
        .collect();
    let out = read(&[("capture.binetflow", &undivided)]);
    out.check(&[
        ("packetDeltaCount", &["4", "2", "", "1", "1"]),
        ("reversePacketDeltaCount", &["", "", "3", "0", "0"]),
    ]);
    assert!(out.notes().contains("packets of both directions"), "{}", out.notes());
}

const VPC: &str = "2 123456789010 eni-1 10.0.0.1 192.0.2.7 50000 443 6 10 1050 1418530010 1418530070 ACCEPT OK\n\
    2 123456789010 eni-1 198.51.100.4 10.0.0.1 44000 3389 6 1 40 1418530010 1418530070 REJECT OK\n\
    2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n\
    2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - SKIPDATA\n\
    2 123456789010 eni-1 10.0.0.1\n\
    2 123456789010 eni-1 2001:db8:0:0:0:0:0:1 2001:db8::2 50000 abc 17 1 40 1418530010 1418530071 ACCEPT OK\n";

#[test]
fn logs_of_virtual_networks_become_flows() {
    let out = read(&[("vpc.log", VPC)]);
    assert_eq!(out.description.shape.id, "vpc_flow_log");
    out.check(&[
        ("sourceAddress", &["10.0.0.1", "198.51.100.4", "2001:db8::1"]),
        ("destinationTransportPort", &["443", "3389", ""]),
        ("flowDurationMilliseconds", &["60000", "60000", "61000"]),
        ("connectionState", &["", "REJ", ""]),
        ("octetDeltaCount", &["1050", "40", "40"]),
    ]);
    assert_eq!((out.stats.rows_set_aside, out.stats.cells_set_aside), (3, 1));
    let reasons: String = out.stats.first_set_aside.iter().map(|aside| aside.reason.clone() + "\n").collect();
    assert!(reasons.contains("(NODATA)") && reasons.contains("(SKIPDATA)"), "{reasons}");
    let custom = "vpc-id srcaddr dstaddr srcport dstport tcp-flags protocol bytes packets start end flow-direction action log-status\n\
        vpc-1 10.0.0.1 192.0.2.7 50000 443 19 6 1050 10 1418530010 1418530070 egress ACCEPT OK\n\
        vpc-1 - - - - - - - - 1418530010 1418530070 - - NODATA\n";
    let out = read(&[("vpc.log.txt", custom)]);
    out.check(&[
        ("tcpControlBits", &["19"]),
        ("packetDeltaCount", &["10"]),
        ("sourceAddress", &["10.0.0.1"]),
    ]);
    assert_eq!(out.stats.rows_set_aside, 1);
}

#[test]
fn packed_logs_and_folders_of_days_are_read_as_one() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let day = folder.path().join("2024-01-02");
    std::fs::create_dir(&day).unwrap();
    let pack = |text: &str| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    std::fs::write(day.join("conn.03:00:00-04:00:00.log.gz"), pack(CONN)).unwrap();
    std::fs::write(day.join("dns.03:00:00-04:00:00.log.gz"), pack(DNS)).unwrap();
    std::fs::write(folder.path().join("conn.log"), CONN.replace("\tCa", "\tCc")).unwrap();
    let weird = "#separator \\x09\n#path\tweird\n#fields\tts\tuid\tname\n1704164645.2\tC1\todd\n";
    std::fs::write(folder.path().join("weird.log"), weird).unwrap();
    std::fs::write(folder.path().join("notes.log"), "some words that are no table at all").unwrap();
    let paths = [folder.path().display().to_string()];
    let out = drain(open_flows(&paths, &ReadOptions::default()).unwrap());
    assert_eq!(out.rows.len(), 9);
    assert_eq!(out.description.shape.title, "Zeek logs (conn, dns)");
    assert!(out.notes().contains("weird.log") && out.notes().contains("notes.log"), "{}", out.notes());
    // Named by itself, what is no log of flows is an error.
    let named = [paths[0].clone(), folder.path().join("weird.log").display().to_string()];
    assert!(matches!(open_flows(&named, &ReadOptions::default()), Err(ReadError::Mismatch { .. })));
}

#[test]
fn connections_still_open_count_once() {
    let open = CONN.replace("\tCa1\t", "\tCb1\t").replace("\t1050\t", "\t40\t").replace("\t58\t", "\t29\t");
    let out = read(&[("logs/open_conn.log", &open), ("logs/conn.log", CONN)]);
    out.check(&[("octetDeltaCount", &["1050", "72", "84", "58", "40"])]);
    assert!(out.notes().contains("3 rows of connections still open"), "{}", out.notes());
}

#[test]
fn a_packed_log_that_is_cut_short_gives_what_it_has() {
    use std::io::Write as _;
    let mut rows = CONN.to_owned();
    let last = CONN.lines().last().unwrap();
    for row in 0..2000 {
        rows += &last.replace("53000", &(2000 + row * 7).to_string());
        rows += "\n";
    }
    let mut pack = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    pack.write_all(rows.as_bytes()).unwrap();
    let packed = pack.finish().unwrap();
    let half = packed[..packed.len() / 2].to_vec();
    let out = drain(open_flow_bytes(vec![("conn.log.gz", half)], &ReadOptions::default()).unwrap());
    assert!(out.rows.len() > 100 && out.rows.len() < 2004, "{}", out.rows.len());
    assert!(out.notes().contains("cut short"), "{}", out.notes());
}

#[test]
fn a_source_of_flows_begins_again_with_the_same_rows() {
    let logs = || {
        vec![
            ("conn.log", CONN.as_bytes().to_vec()),
            ("dns.log", DNS.as_bytes().to_vec()),
            ("eve.json", EVE.as_bytes().to_vec()),
        ]
    };
    for batch_rows in [1, 3, 1000] {
        let options = ReadOptions { batch_rows, ..ReadOptions::default() };
        let mut source = open_flow_bytes(logs(), &options).unwrap();
        let mut all = || {
            let mut out = Vec::new();
            while let Some(frame) = source.next_frame().unwrap() {
                assert!(frame.n_rows() <= batch_rows);
                out.extend(rows(&frame));
            }
            let stats = source.stats();
            source.rewind().unwrap();
            (out, stats)
        };
        let (first, stats) = all();
        assert_eq!(all(), (first.clone(), stats.clone()));
        assert_eq!(stats.rows_read, first.len() as u64);
        assert_eq!(first, drain(open_flow_bytes(logs(), &ReadOptions::default()).unwrap()).rows);
    }
}

#[test]
fn flows_written_down_are_read_back_as_the_same_flows() {
    let folder = tempfile::tempdir().unwrap();
    let first = read(&[("conn.log", CONN), ("dns.log", DNS), ("ssl.log", SSL), ("http.log", HTTP)]);
    for name in ["flows.parquet", "flows.csv", "flows.ndjson", "flows.tsv.gz"] {
        let path = folder.path().join(name);
        write(&[("conn.log", CONN), ("dns.log", DNS), ("ssl.log", SSL), ("http.log", HTTP)], &path);
        let again = drain(open_flows(&[path.display().to_string()], &ReadOptions::default()).unwrap());
        assert_eq!(again.rows, first.rows, "{name}");
        assert_eq!(again.description.shape.id, "flows");
    }
    let path = folder.path().join("conn.log");
    write(&[("conn.log", CONN)], &path);
    let again = drain(open_flows(&[path.display().to_string()], &ReadOptions::default()).unwrap());
    again.check(CONN_EXPECT);
    let table = open_bytes("x.csv", b"a,b\n1,2\n".to_vec(), &ReadOptions::default()).unwrap();
    let error = TableWriter::create(&folder.path().join("x.log"), &table.description().schema).unwrap_err();
    assert!(error.to_string().contains("holds flows"), "{error}");
}

fn write(logs: &[(&str, &str)], path: &std::path::Path) {
    let logs = logs.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect();
    let mut source = open_flow_bytes(logs, &ReadOptions::default()).unwrap();
    let mut writer = TableWriter::create(path, &source.description().schema).unwrap();
    while let Some(frame) = source.next_frame().unwrap() {
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn every_reader_of_tables_sees_flows_with_roles() {
    use eddy_frame::{Kind, Role};
    let source = open_bytes("conn.log", CONN.as_bytes().to_vec(), &ReadOptions::default()).unwrap();
    let schema = source.description().schema.clone();
    let field = |name: &str| &schema.fields[schema.index_of(name).unwrap()];
    for (name, kind, role) in [
        ("flowStartMilliseconds", Kind::Time, Role::Time),
        ("sourceAddress", Kind::Text, Role::Entity),
        ("destinationAddress", Kind::Text, Role::Identifier),
        ("destinationTransportPort", Kind::Text, Role::Category),
        ("protocolIdentifier", Kind::Text, Role::Category),
        ("octetDeltaCount", Kind::Float, Role::Feature),
        ("connectionState", Kind::Text, Role::Category),
    ] {
        assert_eq!((field(name).kind, field(name).role), (kind, role), "{name}");
    }
    let mut options = ReadOptions::default();
    options.overrides.entity = vec!["id.resp_h".to_owned()];
    let source = open_bytes("conn.log", CONN.as_bytes().to_vec(), &options).unwrap();
    assert!(source.description().names(Role::Entity).contains(&"destinationAddress"));
}

#[test]
fn what_holds_no_flows_is_refused_with_what_would_do() {
    let error =
        open_flow_bytes(vec![("x.csv", b"a,b\n1,2\n".to_vec())], &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().contains("no log of flows"), "{error}");
}

#[test]
fn logs_cut_off_at_any_byte_are_read_as_far_as_they_go() {
    let eve: String = EVE.split_inclusive('\n').take(4).collect();
    for (name, text) in [
        ("conn.log", CONN),
        ("eve.json", &eve),
        ("n.csv", NFDUMP),
        ("a.binetflow", BINETFLOW),
        ("v.txt", VPC),
    ] {
        // The first bytes, which tell what it is, and those at the end, where a growing log stops.
        for end in (0..200.min(text.len())).chain(text.len().saturating_sub(200)..text.len()) {
            let Ok(mut source) = open_bytes(name, text.as_bytes()[..end].to_vec(), &ReadOptions::default())
            else {
                continue;
            };
            let mut n_rows = 0;
            while let Ok(Some(frame)) = source.next_frame() {
                n_rows += frame.n_rows() as u64;
            }
            assert_eq!(source.stats().rows_read, n_rows, "{name} cut at {end}");
        }
    }
}

#[test]
fn folders_are_opened_like_files() {
    let error = open(&["/nowhere/at/all".to_owned()], &ReadOptions::default()).err().unwrap();
    assert!(matches!(error, ReadError::Io { .. }), "{error}");
}
