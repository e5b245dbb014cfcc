//! What comes out of what: each test gives an input and a line that sums up how it was read.

use std::fmt::Write as _;
use std::io::Write as _;

use eddy_frame::{Column, Frame, Kind, MISSING_TIME, Role, format_time};
use eddy_io::{Overrides, ReadError, ReadOptions, Source, open, open_bytes, shapes};

/// Reads everything and sums it up: shape; format; columns with role and kind (f number, i wide integer, t text, d time);
/// rows read, rows and cells set aside.
fn summary(source: &mut dyn Source) -> String {
    let frames = frames(source);
    let rows: usize = frames.iter().map(Frame::n_rows).sum();
    let stats = source.stats();
    assert_eq!(rows as u64, stats.rows_read);
    let description = source.description();
    let mut text = format!("{}; {};", description.shape.id, description.format);
    for field in &description.schema.fields {
        let kind = match field.kind {
            Kind::Float => 'f',
            Kind::Int => 'i',
            Kind::Text => 't',
            Kind::Time => 'd',
        };
        write!(text, " {}:{}/{kind}", field.name, field.role.name()).unwrap();
        if let Some(bits) = field.counter {
            write!(text, "{bits:?}").unwrap();
        }
    }
    write!(text, "; {rows} rows").unwrap();
    if stats.rows_set_aside + stats.cells_set_aside > 0 {
        write!(text, ", {} rows and {} cells aside", stats.rows_set_aside, stats.cells_set_aside).unwrap();
    }
    text
}

fn frames(source: &mut dyn Source) -> Vec<Frame> {
    std::iter::from_fn(|| source.next_frame().unwrap()).collect()
}

fn read(bytes: impl Into<Vec<u8>>) -> Box<dyn Source> {
    open_bytes("test", bytes.into(), &ReadOptions::default()).unwrap()
}

#[track_caller]
fn check(bytes: impl Into<Vec<u8>>, expect: &str) {
    assert_eq!(summary(&mut *read(bytes)), expect);
}

/// Only the columns of the summary.
#[track_caller]
fn check_columns(bytes: impl Into<Vec<u8>>, overrides: Overrides, expect: &str) {
    let options = ReadOptions { overrides, ..ReadOptions::default() };
    let text = summary(&mut *open_bytes("test", bytes.into(), &options).unwrap());
    assert_eq!(text.split("; ").nth(2).unwrap_or_default(), expect);
}

#[track_caller]
fn check_refused(bytes: impl Into<Vec<u8>>, expect: &str) {
    let error = open_bytes("test", bytes.into(), &ReadOptions::default()).err().expect("refused");
    assert_eq!(error.to_string(), expect);
}

/// All values of a column, as text.
fn values(source: &mut dyn Source, name: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for frame in frames(source) {
        let (field, column) = frame.by_name(name).expect("column");
        texts.extend((0..frame.n_rows()).map(|row_idx| match column {
            Column::Text(values) => values.get(row_idx).to_owned(),
            Column::Time(values) if values[row_idx] == MISSING_TIME => String::new(),
            Column::Time(values) => format_time(values[row_idx], field.time_style),
            Column::Int(values) => values[row_idx].to_string(),
            Column::Float(values) => values[row_idx].to_string(),
        }));
    }
    texts
}

#[track_caller]
fn check_values(bytes: impl Into<Vec<u8>>, name: &str, expect: &[&str]) {
    assert_eq!(values(&mut *read(bytes), name), expect);
}

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let mark = if mark { "\u{feff}" } else { "" };
    let units: Vec<u16> = format!("{mark}{text}").encode_utf16().collect();
    units.into_iter().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn delimiters_and_line_ends_are_found() {
    for (delimiter, name) in [(",", "comma"), ("\t", "tab"), (";", "semicolon"), ("|", "pipe")] {
        for (end, end_name) in [("\n", "LF"), ("\r\n", "CRLF"), ("\r", "CR")] {
            for last in ["", end] {
                let text = format!("x,kind,y\n1,a,-2.5\n3,b,4e3\n5,a,6{last}");
                check(
                    text.replace(',', delimiter).replace('\n', end).replace("\r\r", "\r"),
                    &format!(
                        "generic; CSV, {name}, header, {end_name}, UTF-8; x:feature/f kind:category/t y:feature/f; 3 rows"
                    ),
                );
            }
        }
    }
    check("1.5\n2.5\n-3\n", "generic; CSV, one column, no header, LF, UTF-8; column_1:feature/f; 3 rows");
    check("v\n1\n2\n", "generic; CSV, one column, header, LF, UTF-8; v:feature/f; 2 rows");
    check("sep=;\na;b\n1;2\n", "generic; CSV, semicolon, header, LF, UTF-8; a:feature/f b:feature/f; 1 rows");
}

#[test]
fn quotes_hold_delimiters_line_ends_and_quotes() {
    let text = "\"a,b\",\"c\"\n\"x, \"\"y\"\"\",\"1\"\n\"line\nend\",2\n\"it's 5\" wide\",\"3\"\n";
    check(text, "generic; CSV, comma, header, LF, UTF-8; a,b:category/t c:feature/f; 3 rows");
    check_values(text, "a,b", &["x, \"y\"", "line\nend", "it's 5\" wide"]);
    check_values(text, "c", &["1", "2", "3"]);
}

#[test]
fn a_long_quoted_name_with_commas_is_one_column() {
    let text = "\"Time\",\"Traffic (in bits), of 11 cities, hourly\"\r\n\"2005-06-07 07:00:00\",56718587433\r\n\
                \"2005-06-07 08:00:00\",76456162968\r\n";
    check(
        text,
        "metric_series; CSV, comma, header, CRLF, UTF-8; Time:time/d Traffic (in bits), of 11 cities, hourly:value/f; 2 rows",
    );
    check_values(text, "Time", &["2005-06-07 07:00:00", "2005-06-07 08:00:00"]);
}

#[test]
fn encodings_are_found_and_nothing_is_lost() {
    let text = "name,größe\nà,1\né,2\nà,3\nlonger text to make it plain,4\n";
    let columns = "name:category/t größe:feature/f; 4 rows";
    check(format!("\u{feff}{text}"), &format!("generic; CSV, comma, header, LF, UTF-8 with BOM; {columns}"));
    for mark in [true, false] {
        check(utf16(text, true, mark), &format!("generic; CSV, comma, header, LF, UTF-16LE; {columns}"));
        check(utf16(text, false, mark), &format!("generic; CSV, comma, header, LF, UTF-16BE; {columns}"));
    }
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let encoding = "UTF-8 with other bytes (read as Windows-1252)";
    check(latin.clone(), &format!("generic; CSV, comma, header, LF, {encoding}; {columns}"));
    check_values(latin, "name", &["à", "é", "à", "longer text to make it plain"]);
    let mut source = read(b"a,b\nx\xe2\\200\\231,1\nx,2\n".to_vec());
    assert_eq!(values(&mut *source, "a"), ["xâ\\200\\231", "x"]);
    let notes = &source.description().notes;
    assert!(notes.iter().any(|note| note.text.contains("1 cells were no UTF-8")), "{notes:?}");
}

#[test]
fn packed_files_are_unpacked() {
    let columns = "a:feature/f b:feature/f; 2 rows";
    let mut members = gzip(b"a,b\n1,");
    members.extend(gzip(b"2\n3,4\n"));
    check(members.clone(), &format!("generic; CSV, comma, header, LF, UTF-8, gzip; {columns}"));
    let packed = zstd::encode_all(&b"a,b\n1,2\n3,4\n"[..], 3).unwrap();
    check(packed, &format!("generic; CSV, comma, header, LF, UTF-8, zstd; {columns}"));
    members.truncate(members.len() - 9);
    let error = open_bytes("x.gz", members, &ReadOptions::default()).err().unwrap();
    assert!(matches!(&error, ReadError::Malformed { path, .. } if path == "x.gz"), "{error}");
}

#[test]
fn headers_are_told_from_rows() {
    let csv = "generic; CSV, comma, header, LF, UTF-8;";
    let bare = "generic; CSV, comma, no header, LF, UTF-8;";
    check("a,b\n", &format!("{csv} a:feature/f b:feature/f; 0 rows"));
    check("1,2\n", &format!("{bare} column_1:feature/f column_2:feature/f; 1 rows"));
    let columns = "x:category/t 1:feature/f 2:feature/f 3:feature/f; 2 rows";
    check("x,1,2,3\na,4,5,6\nb,7,8,9\n", &format!("{csv} {columns}"));
    check(
        "x,7,2,3\na,4,5,6\nb,7,8,9\n",
        &format!(
            "{bare} {}",
            "column_1:category/t column_2:feature/f column_3:feature/f column_4:feature/f; 3 rows"
        ),
    );
    check(
        "All of it\nt,v\n2024-01-01,2\n2024-01-02,4\n",
        "metric_series; CSV, comma, header, LF, UTF-8; t:time/d v:value/f; 2 rows, 1 rows and 0 cells aside",
    );
    check("tcp,http\nudp,dns\ntcp,dns\n", &format!("{bare} column_1:category/t column_2:category/t; 3 rows"));
    check("proto,app\nudp,dns\ntcp,dns\n", &format!("{csv} proto:category/t app:category/t; 2 rows"));
    check(
        "10.0.0.1,tcp\n10.0.0.2,udp\n",
        &format!("{bare} column_1:identifier/t column_2:category/t; 2 rows"),
    );
    check(
        "# made by x\n# a;b\n1;2\n# more\n3;4\n",
        "generic; CSV, semicolon, header, LF, UTF-8; a:feature/f b:feature/f; 2 rows",
    );
    check(
        "Report of 2024\n\na,b,c\n1,2,3\n4,5,6\n7,8,9\n",
        &format!("{csv} a:feature/f b:feature/f c:feature/f; 3 rows, 1 rows and 0 cells aside"),
    );
}

#[test]
fn names_are_trimmed_numbered_and_made_unique() {
    let csv = "generic; CSV, comma, header, LF, UTF-8;";
    check(
        " a , a,,b\n1,2,3,4\n",
        &format!("{csv} a:feature/f a.2:feature/f column_3:feature/f b:feature/f; 1 rows"),
    );
    // Rows with one cell more than the header have row numbers in front.
    check(
        "a,b\n1,10,20\n2,11,21\n3,12,22\n",
        &format!("{csv} column_1:identifier/f a:feature/f b:feature/f; 3 rows"),
    );
    check(",a\n0,5\n1,3\n2,9\n", &format!("{csv} column_1:identifier/f a:feature/f; 3 rows"));
    // One delimiter too many at the end of lines does no harm.
    check("a,b\n1,2,\n3,4,\n", &format!("{csv} a:feature/f b:feature/f; 2 rows"));
    check("a,b,\n1,2\n3,4\n", &format!("{csv} a:feature/f b:feature/f; 2 rows"));
}

#[test]
fn cells_without_value_are_missing_and_infinities_stay() {
    let text = "a,b\n1,x\n,y\nNaN,\n-,x\nnull,NULL\n?,-\nInfinity,y\n-inf,x\n 7 ,y\n0x10,x\n";
    check(text, "generic; CSV, comma, header, LF, UTF-8; a:feature/f b:category/t; 10 rows");
    check_values(text, "a", &["1", "NaN", "NaN", "NaN", "NaN", "NaN", "inf", "-inf", "7", "16"]);
    check_values(text, "b", &["x", "y", "", "x", "", "-", "y", "x", "y", "x"]);
}

#[test]
fn what_cannot_be_read_is_counted_and_shown() {
    let text = "a,b\n1,2\n3\nx,5\n6,7,8\n\na,b\n9,\"open\n10,11\n,\n12,13\n14,15\n";
    let mut source = read(text);
    assert_eq!(
        summary(&mut *source),
        "generic; CSV, comma, header, LF, UTF-8; a:feature/f b:feature/f; 5 rows, 5 rows and 1 cells aside"
    );
    let shown: Vec<_> = source
        .stats()
        .first_set_aside
        .into_iter()
        .map(|one| {
            format!("{} {}: {} <{}>", one.line.unwrap(), one.column.unwrap_or_default(), one.reason, one.text)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "3 : 1 fields instead of 2 <3>",
            "4 a: no number; taken as missing <x>",
            "5 : 3 fields instead of 2 <6,7,8>",
            "7 : header repeated <a,b>",
            "8 : a quote is opened and never closed <9,\"open>",
        ]
    );
    source.rewind().unwrap();
    let frames = frames(&mut *source);
    let lines: Vec<_> =
        frames.iter().flat_map(|f| (0..f.n_rows()).map(|row_idx| f.lines.get(row_idx).unwrap())).collect();
    assert_eq!(lines, [2, 4, 9, 11, 12]);
}

#[test]
fn decimal_commas_are_read_between_semicolons() {
    let text = "t;v\n2024-01-01;1,5\n2024-01-02;2,25\n2024-01-03;3\n";
    check(text, "metric_series; CSV, semicolon, header, LF, UTF-8; t:time/d v:value/f; 3 rows");
    check_values(text, "v", &["1.5", "2.25", "3"]);
}

#[test]
fn wide_whole_numbers_are_kept_exactly() {
    let text = "a,b\n123456789012345678,1\n123456789012345679,2\n";
    check_values(text, "a", &["123456789012345678", "123456789012345679"]);
    check_columns(text, Overrides::default(), "a:feature/i b:feature/f");
}

#[test]
fn times_are_found_in_many_forms() {
    for (times, expect) in [
        (["2014-04-10T00:04:00Z", "2014-04-10T00:09:00Z"], ["2014-04-10T00:04:00Z", "2014-04-10T00:09:00Z"]),
        (["2014/04/10 00:04:00.5", "2014/04/10 00:09:00"], ["2014-04-10 00:04:00.5", "2014-04-10 00:09:00"]),
        (["10/04/2014 00:04", "13/04/2014 00:09"], ["2014-04-10 00:04:00", "2014-04-13 00:09:00"]),
        (["04/10/2014 00:04", "04/13/2014 00:09"], ["2014-04-10 00:04:00", "2014-04-13 00:09:00"]),
        (["1/4/2014 00:04", "1/5/2014 00:09"], ["2014-01-04 00:04:00", "2014-01-05 00:09:00"]),
        (["1397088240", "1397088540.25"], ["1397088240", "1397088540.25"]),
        (["1397088240000", "1397088540000"], ["1397088240000", "1397088540000"]),
        (["1397088240000000001", "1397088240000000002"], ["1397088240000000001", "1397088240000000002"]),
        (["0.000000", "0.000123"], ["0", "0.000123"]),
        (["2014-04-10 00:04:00+02:00", "nan"], ["2014-04-09 22:04:00", ""]),
    ] {
        check_values(format!("timestamp,value\n{},1\n{},2\n", times[0], times[1]), "timestamp", &expect);
    }
}

#[test]
fn roles_follow_names_and_content() {
    let none = Overrides::default;
    check_columns(
        "timestamp,bytes,is_anomaly\n2024-01-01,1,0\n2024-01-02,2,1\n",
        none(),
        "timestamp:time/d bytes:value/f is_anomaly:label/t",
    );
    check_columns(
        "bytes,class,label\n1,a,0\n2,b,1\n",
        none(),
        "bytes:feature/f class:leak_suspect/t label:label/t",
    );
    check_columns(
        "timestamp,host,cpu\n2024-01-01,a,1\n2024-01-01,b,2\n",
        none(),
        "timestamp:time/d host:entity/t cpu:value/f",
    );
    check_columns(
        "src_ip,dst_port,source port,bytes\n10.0.0.1,80,5353,7\n10.0.0.2,443,1,2\n",
        none(),
        "src_ip:entity/t dst_port:category/t source port:identifier/f bytes:feature/f",
    );
    check_columns(
        "timestamp,path,process-id,cpu\n2024-01-01,a,17,1\n2024-01-01,a,35,2\n2024-01-02,a,17,4\n",
        none(),
        "timestamp:time/d path:identifier/t process-id:identifier/f cpu:value/f",
    );
    let mut text = String::from("comment,kind,flag,bit,n\n");
    for i in 0..40 {
        writeln!(text, "remark number {i},k{},f{},{},{}", i % 3, i % 2, i % 2, i * 7 % 11).unwrap();
    }
    check_columns(
        text,
        none(),
        "comment:identifier/t kind:category/t flag:category/t bit:feature/f n:feature/f",
    );
}

#[test]
fn users_can_say_otherwise() {
    let text = "when,kind,a,b,c,label\n1,x,1,2,3,0\n2,y,4,5,6,1\n3,x,7,8,9,0\n";
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    check_columns(
        text,
        Overrides { label: Some("KIND".into()), time: Some("when".into()), ..Overrides::default() },
        "when:time/d kind:label/t a:value/f b:value/f c:value/f label:leak_suspect/t",
    );
    check_columns(
        text,
        Overrides {
            features: names(&["a", "kind"]),
            ignore: names(&["label"]),
            entity: names(&["C"]),
            ..Overrides::default()
        },
        "when:identifier/f kind:category/t a:feature/f b:ignored/f c:entity/t label:ignored/t",
    );
    let refusal = |overrides: Overrides| {
        let options = ReadOptions { overrides, ..ReadOptions::default() };
        open_bytes("t.csv", text.into(), &options).err().unwrap().to_string()
    };
    assert_eq!(
        refusal(Overrides { label: Some("nope".into()), ..Overrides::default() }),
        "t.csv has no column 'nope' (--label); it has: when, kind, a, b, c, label"
    );
    assert!(
        refusal(Overrides { time: Some("kind".into()), ..Overrides::default() })
            .contains("holds no times Eddy knows ('x')")
    );
}

#[test]
fn counters_are_found_by_content_where_time_is_known() {
    let mut text = String::from("timestamp,if_name,bytes-received,load\n");
    for i in 0..100_u64 {
        let (name, bytes) =
            if i % 2 == 0 { ("a", 5_000_000_000 + i * 1000) } else { ("b", 900_000_000 + i * 77) };
        writeln!(text, "{},{name},{bytes},{}", 1_600_000_000 + i, i * 31 % 17).unwrap();
    }
    check_columns(
        text,
        Overrides::default(),
        "timestamp:time/d if_name:entity/t bytes-received:value/fB64 load:value/f",
    );
}

const KDD_ROW: &str = "0,tcp,http,SF,181,5450,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,8,8,0.00,0.00,0.00,0.00,1.00,0.00,0.00,9,9,\
                       1.00,0.00,0.11,0.00,0.00,0.00,0.00,0.00,normal";

/// A header of each known shape.
const HEADERS: [(&str, &str); 14] = [
    (
        "nsl_kdd",
        "duration,protocoltype,service,flag,srcbytes,dstbytes,land,wrongfragment,urgent,hot,numfailedlogins,loggedin,\
         numcompromised,rootshell,suattempted,numroot,numfilecreations,numshells,numaccessfiles,numoutboundcmds,\
         ishostlogin,isguestlogin,count,srvcount,serrorrate,attack,lastflag",
    ),
    (
        "unsw_nb15",
        "id,dur,proto,service,state,spkts,dpkts,sbytes,dbytes,rate,sttl,dttl,sload,dload,sloss,dloss,sinpkt,dinpkt,sjit,\
         djit,swin,stcpb,dtcpb,dwin,tcprtt,attack_cat,label",
    ),
    (
        "cic_ids",
        " Destination Port, Flow Duration, Total Fwd Packets, Total Backward Packets,Total Length of Fwd Packets, \
         Total Length of Bwd Packets, Fwd Packet Length Max, Fwd Packet Length Min, Fwd Packet Length Mean, \
         Fwd Packet Length Std,Bwd Packet Length Max, Bwd Packet Length Min, Bwd Packet Length Mean, \
         Bwd Packet Length Std,Flow Bytes/s, Flow Packets/s, Flow IAT Mean, Flow IAT Std, Flow IAT Max, Flow IAT Min, Label",
    ),
    (
        "cic_ids",
        "Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen Fwd Pkts,TotLen Bwd Pkts,\
         Fwd Pkt Len Max,Fwd Pkt Len Min,Fwd Pkt Len Mean,Fwd Pkt Len Std,Bwd Pkt Len Max,Bwd Pkt Len Min,\
         Bwd Pkt Len Mean,Bwd Pkt Len Std,Flow Byts/s,Flow Pkts/s,Flow IAT Mean,Flow IAT Std,Flow IAT Max,Label",
    ),
    (
        "ctu13",
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label",
    ),
    ("wireshark", "No.,Time,Source,Destination,Protocol,Length,Info"),
    ("wireshark", "No.,Time,Source,Length"),
    ("snmp_mib", "ifInOctets11,ifOutOctets11,ifoutDiscards11,tcp?ActiveOpens,tcpCurrEstab,class"),
    (
        "ton_iot",
        "ts,src_ip,src_port,dst_ip,dst_port,proto,service,duration,src_bytes,dst_bytes,conn_state,missed_bytes,src_pkts,\
         src_ip_bytes,dst_pkts,dst_ip_bytes,dns_query,dns_qclass,dns_qtype,dns_rcode,dns_AA,label,type",
    ),
    (
        "bot_iot",
        "pkSeqID,stime,flgs,proto,saddr,sport,daddr,dport,pkts,bytes,state,ltime,seq,dur,mean,attack,category,subcategory",
    ),
    (
        "flow_features",
        "bytes_transferred,packet_count,connection_duration,source_port,destination_port,retransmission_rate,protocol,\
         timestamp,bytes_per_packet,packets_per_second",
    ),
    (
        "zeek_conn",
        "ts,uid,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,service,duration,orig_bytes,resp_bytes,conn_state",
    ),
    (
        "vpc_flow_log",
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status",
    ),
    ("generic", "a,b,c"),
];

#[test]
fn known_shapes_are_named() {
    let shape = |text: String| read(text).description().shape.id.clone();
    for (id, header) in HEADERS {
        assert_eq!(shape(format!("{header}\n")), id, "{header}");
        assert!(shapes().iter().any(|shape| shape.id == id));
    }
    assert_eq!(shape(format!("{KDD_ROW},20\n{KDD_ROW},21\n")), "nsl_kdd");
    assert_eq!(shape(format!("{KDD_ROW}.\n")), "nsl_kdd");
    let mut source = read(format!("{KDD_ROW},20\n"));
    assert_eq!(source.description().names(Role::LeakSuspect), ["difficulty"]);
    assert_eq!(source.description().names(Role::Label), ["attack"]);
    assert_eq!(values(&mut *source, "attack"), ["normal"]);
    let flow = "2 123 eni-1 10.0.0.1 10.0.0.2 443 49153 6 25 20000 1620140761 1620140821 ACCEPT OK\n";
    assert_eq!(shape(flow.to_owned()), "vpc_flow_log");
}

#[test]
fn quirks_of_packet_lists_are_read() {
    let text = b"#\"No.\",\"Time\",\"Source\",\"Destination\",\"Protocol\",\"Length\",\"Info\"\n\
        #\"118\",\"6.0\",\"10.1.55.57\",\"1.2.3.4\",\"HTTP\",\"572\",\"GET /, \"q\" \"\n\
        \"138\",\"6.3\",\"10.1.55.57\",\"1.2.3.4\",\"TCP\",\"542\",\"a\xa0b\"\n";
    let encoding = "UTF-8 with other bytes (read as Windows-1252)";
    check(
        &text[..],
        &format!(
            "wireshark; CSV, comma, header, LF, {encoding}; No.:identifier/f Time:time/d Source:entity/t \
             Destination:identifier/t Protocol:category/t Length:feature/f Info:identifier/t; 2 rows"
        ),
    );
    check_values(&text[..], "No.", &["118", "138"]);
    check_values(&text[..], "Info", &["GET /, \"q\"", "a\u{a0}b"]);
}

#[test]
fn zeek_logs_are_read_by_their_fields_line() {
    let text = "#separator \\x09\n#set_separator\t,\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t\
                service\tduration\torig_bytes\tresp_bytes\tconn_state\ttunnel_parents   label   detailed-label\n\
                #types\ttime\tstring\n1525879831.015811\tCUmrqr\t192.168.100.103\t51524\t65.127.233.163\t23\ttcp\t-\t2.99\t\
                0\t0\tS0\t-   Malicious   PartOf\n#close\t2019\n";
    let mut source = read(text);
    assert_eq!(source.description().shape.id, "zeek_conn");
    assert_eq!(values(&mut *source, "label"), ["PartOf"]);
    source.rewind().unwrap();
    assert_eq!(values(&mut *source, "flowStartMilliseconds"), ["2018-05-09T15:30:31.015811Z"]);
    assert_eq!(source.stats().rows_set_aside, 0);
}

#[test]
fn what_is_no_table_is_refused_with_a_mend() {
    let table = "give a capture (pcap, pcapng), flow records (NetFlow, IPFIX, sFlow, nfdump), a log (Zeek, Suricata) or a table (CSV, TSV, NDJSON, Parquet, Arrow IPC, ARFF)";
    check_refused("", "test: it is empty; give a file with at least a header line");
    check_refused(" \n\n", "test: it is empty; give a file with at least a header line");
    check_refused(
        &b"\xd4\xc3\xb2\xa1\x02\x00"[..],
        "test: this begins like a capture, but the capture ends after 6 bytes, inside its header; capture or fetch the file again",
    );
    check_refused(
        &b"PK\x03\x04...."[..],
        "test: this is a zip archive (also xlsx and npz files); unpack it, or save the sheet as CSV",
    );
    check_refused(
        &b"\x80\x04\x95abc"[..],
        "test: this is a Python pickle (also joblib); Eddy never runs code out of files; save the table as CSV or Parquet",
    );
    check_refused(
        &b"\x00\x01\x02\x03"[..],
        &format!("test: this is binary data of an unknown kind; {table}"),
    );
    check_refused(
        "Permission is hereby granted\nto any person, free\nof charge\n",
        &format!("test: text without columns; {table}"),
    );
    let rows = "1,2,3\n".repeat(30);
    check_refused(
        format!("a,b,c,d,e\n{rows}"),
        "test, line 1: the header names 5 columns, but rows have 3 fields; give the header and the rows the same number of \
         fields, or quote cells that hold the delimiter",
    );
    let error = open(&["/nowhere/x.csv".to_owned()], &ReadOptions::default()).err().unwrap();
    assert!(matches!(error, ReadError::Io { .. }), "{error}");
}

#[test]
fn big_files_keep_rows_lines_and_order_over_blocks() {
    let mut text = String::from("id,value,name\n");
    let mut expect_aside = 0;
    for i in 0..400_000 {
        if i % 50_000 == 7 {
            text.push_str("broken\n");
            expect_aside += 1;
        }
        if i % 90_001 == 5 {
            writeln!(text, "{i},{},\"two\nlines\"", i * 3).unwrap();
        } else {
            writeln!(text, "{i},{}.25,n{}", i * 3, i % 7).unwrap();
        }
    }
    let mut source = read(text.clone());
    let all = frames(&mut *source);
    assert!(all.len() > 3 && all.iter().all(|frame| frame.n_rows() <= 65_536));
    let mut row = 0_usize;
    let lines: Vec<&str> = text.lines().collect();
    for frame in &all {
        assert_eq!(frame.first_row, row as u64);
        let ids = frame.by_name("id").unwrap().1.as_float().unwrap();
        for (row_idx, id) in ids.iter().enumerate() {
            assert_eq!(*id, (row + row_idx) as f64);
            let line = frame.lines.get(row_idx).unwrap() as usize;
            assert!(
                lines[line - 1].starts_with(&format!("{},", row + row_idx)),
                "row {} line {line}",
                row + row_idx
            );
        }
        row += frame.n_rows();
    }
    assert_eq!((row, source.stats().rows_set_aside), (400_000, expect_aside));
    assert_eq!(source.stats().bytes_read, text.len() as u64);
    source.rewind().unwrap();
    assert!(frames(&mut *source) == all);
}

#[test]
fn thousands_of_columns_are_read() {
    let n = 5000;
    let header: Vec<String> = (0..n).map(|i| format!("f{i}")).collect();
    let row: Vec<String> = (0..n).map(|i| format!("{i}.5")).collect();
    let text = format!("{}\n", header.join(",")) + &format!("{}\n", row.join(",")).repeat(21);
    let mut source = read(text);
    assert_eq!(source.description().schema.fields.len(), n);
    assert_eq!(frames(&mut *source)[0].n_rows(), 21);
}

#[test]
fn values_that_turn_up_late_are_counted_and_named() {
    let mut text = String::from("a,b\n");
    for i in 0..300_000 {
        if i > 10_000 && i < 11_000 {
            writeln!(text, "{i},word").unwrap();
        } else {
            writeln!(text, "{i},{i}").unwrap();
        }
    }
    let mut source = read(text);
    assert_eq!(frames(&mut *source).iter().map(Frame::n_rows).sum::<usize>(), 300_000);
    assert_eq!(source.stats().cells_set_aside, 999);
    let notes = &source.description().notes;
    let told =
        |note: &&eddy_io::Note| note.column.as_deref() == Some("b") && note.text.starts_with("999 values");
    assert!(notes.iter().any(|note| told(&note)), "{notes:?}");
}

#[test]
fn several_files_of_the_same_columns_are_one_source() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("a.csv", b"x,y,z\n1,,u\n2,,v\n");
    write("b.csv", b"z,y,x\nw,5,3\n");
    write("c.csv.gz", &gzip(b"x,y,z\n4,6,u\n"));
    write(".hidden.csv", b"other\n");
    write("readme.md", b"# not a table");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let whole = vec![folder.path().display().to_string()];
    for paths in [whole, vec![path("*.csv*")], vec![path("a.csv"), path("b.csv"), path("c.csv.gz")]] {
        let mut source = open(&paths, &ReadOptions::default()).unwrap();
        assert_eq!(source.description().sources.len(), 3);
        for _ in 0..2 {
            assert_eq!(values(&mut *source, "x"), ["1", "2", "3", "4"]);
            source.rewind().unwrap();
            assert_eq!(values(&mut *source, "y"), ["NaN", "NaN", "5", "6"]);
            source.rewind().unwrap();
        }
        let all = frames(&mut *source);
        assert_eq!(all.iter().map(|frame| frame.first_row).collect::<Vec<_>>(), [0, 2, 3]);
        assert!(all[1].source.as_ref().unwrap().ends_with("b.csv"));
    }
    write("d.csv", b"x,y,other\n1,2,3\n");
    let refusal = |paths: &[String]| open(paths, &ReadOptions::default()).err().unwrap().to_string();
    assert!(
        refusal(&[path("a.csv"), path("d.csv")])
            .ends_with("it lacks 'z', it has 'other' besides; read them apart")
    );
    assert!(refusal(&[path("*.parquet")]).starts_with("nothing to read: no file matches"));
}

#[test]
fn tables_that_begin_like_other_files_are_tables() {
    check("MZ,ORC\n1,2\n3,4\n", "generic; CSV, comma, header, LF, UTF-8; MZ:feature/f ORC:feature/f; 2 rows");
    check("BZh\n1\n2\n", "generic; CSV, one column, header, LF, UTF-8; BZh:feature/f; 2 rows");
}

#[test]
fn a_lost_quote_costs_its_own_line_only() {
    let text = "a,b,c\n1,\"x,y\n2,\"p\",7\n3,\"two\nlines\",8\n4,q,9\n";
    check(
        text,
        "generic; CSV, comma, header, LF, UTF-8; a:feature/f b:category/t c:feature/f; 3 rows, 1 rows and 0 cells aside",
    );
    check_values(text, "b", &["p", "two\nlines", "q"]);
}

#[test]
fn a_matrix_without_line_ends_is_refused() {
    check_refused(
        "1,".repeat(100_000),
        "test, line 1: it has more than 65536 fields; transpose the table, or split it into tables of fewer columns",
    );
}
