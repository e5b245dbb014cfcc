//! Writes the seeds of the fuzz targets: `cargo run --example seeds` in `fuzz/`.
//!
//! Everything is made here, from generated traffic and by hand; the same bytes come out each time.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    DurationMillisecondArray, Float32Array, Float64Array, Int64Array, LargeStringArray, NullArray,
    RecordBatch, StringArray, StringViewArray, StructArray, Time32SecondArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field};
use eddy_detect::{
    Classes, Model, Pipeline, PipelineSpec, Rule, Runs, Seed, StepSpec, Threshold, Truth, default_steps,
    encode,
};
use eddy_frame::{Frame, RowsView};
use eddy_io::TableWriter;
use eddy_models::DETECTORS;
use eddy_sim::{Shape, Spec, generate};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const START_NS: i64 = 1_700_000_000_000_000_000;
const SHAPES: [Shape; 5] =
    [Shape::MetricSeries, Shape::FlowFeatures, Shape::ConnectionRecords, Shape::PacketList, Shape::SnmpMib];

fn main() -> Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let scratch = tempfile::tempdir()?;
    for shape in SHAPES {
        let frame = rows(shape, 12)?;
        for (target, ending) in [
            ("csv", "csv"),
            ("csv", "tsv"),
            ("ndjson", "ndjson"),
            ("json", "json"),
            ("parquet", "parquet"),
            ("compressed", "csv.gz"),
            ("compressed", "ndjson.zst"),
        ] {
            let name = format!("{}.{ending}", shape.name());
            let path = scratch.path().join(&name);
            let mut writer = TableWriter::create(&path, frame.schema())?;
            writer.write(&frame)?;
            writer.finish()?;
            put(&seeds, target, &name, &fs::read(&path)?)?;
        }
    }
    for (target, name, bytes) in by_hand() {
        put(&seeds, target, name, bytes)?;
    }
    arrow(&seeds)?;
    packed(&seeds)?;
    for (name, bytes) in models()? {
        put(&seeds, "model_file", &name, &bytes)?;
    }
    everything(&seeds)
}

fn put(seeds: &Path, target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = seeds.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)?;
    Ok(())
}

/// The first rows of generated traffic.
fn rows(shape: Shape, n_rows: usize) -> Result<Frame> {
    let interval = Spec::new(shape, START_NS, 1.0, 1).interval_s;
    let hours = (n_rows as f64 * 3.0 * interval / 3600.0).max(0.1);
    let frame = generate(&Spec::new(shape, START_NS, hours, 7))?.frame;
    Ok(frame.slice(0, frame.n_rows().min(n_rows)))
}

/// Dialects and corners that no writer of ours makes.
fn by_hand() -> Vec<(&'static str, &'static str, &'static [u8])> {
    vec![
        ("csv", "quoted.csv", b"\"No.\",\"Time\",\"Source\"\r\n\"1\",\"0.0\",\"a, \"\"b\"\"\"\r\n\"2\",\"1.0\",\"x\ny\"\r\n"),
        ("csv", "semicolon.csv", b"a;b;c\n1,5;2,5;x\n;;\n3;4;\n"),
        ("csv", "pipe.csv", b"a|b\n1|2\n3|4\n"),
        ("csv", "bom_cr.csv", b"\xef\xbb\xbfid,dur\r1,0.5\r2,0.25\r"),
        ("csv", "utf16le.csv", b"\xff\xfea\0,\0b\0\n\0001\0,\0002\0\n\0"),
        ("csv", "utf16be.csv", b"\xfe\xff\0a\0,\0b\0\n\0001\0,\0002\0\n"),
        ("csv", "latin.csv", b"gr\xf6\xdfe,n\n\xe9,1\n\x80,2\n"),
        ("csv", "zeek.log", b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tduration\n#types\ttime\tstring\taddr\tinterval\n1.5\tC1\t10.0.0.1\t-\n2.5\tC2\t10.0.0.2\t0.25\n#close\t2020-01-01-00-00-00\n"),
        ("csv", "vpc.txt", b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n"),
        ("csv", "kdd.txt", b"0,tcp,http,SF,181,5450,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,8,8,0.00,0.00,0.00,0.00,1.00,0.00,0.00,9,9,1.00,0.00,0.11,0.00,0.00,0.00,0.00,0.00,normal.\n0,udp,domain_u,SF,1e400,-,Infinity,NaN,0x10,0,0,1,0,0,0,0,0,0,0,0,0,0,8,8,0.00,0.00,0.00,0.00,1.00,0.00,0.00,9,9,1.00,0.00,0.11,0.00,0.00,0.00,0.00,0.00,neptune.\n"),
        ("csv", "times.csv", b"timestamp,value\n2014-04-10 00:04:00,91958.0\n2014-04-10T00:09:00.5Z,94798.0\n04/10/2014 00:14 AM,1\n1397088000,2\n1397088000123,\n9999-12-31 23:59:60,3\n"),
        ("csv", "ragged.csv", b"# comment\n\n\na,b,c\n1,2\n1,2,3,4\n\"open,2,3\n4,5,6\n"),
        ("csv", "one_column.csv", b"value\n1\n\n2\n,\n"),
        ("csv", "same_names.csv", b"a,a,,a \n1,2,3,4\n5,6,7,8\n"),
        ("json", "array.json", b"[{\"a\":1,\"b\":\"x\"},\n{\"a\":2.5e-3,\"b\":null,\"c\":{\"d\":[1,{\"e\":true}]}}]\n"),
        ("json", "member.json", b"{\"took\":3,\"data\":[{\"a\":1},{\"a\":2}],\"n\":[1]}"),
        ("json", "values.json", b"{\n \"a\": 1,\n \"b\": \"x\"\n}\n{\n \"a\": 2.5\n} {\"a\":\"]}\"}"),
        ("json", "damaged.json", b"[\n{\"a\":[1},\n{\"b\":2},\n{\"c\":"),
        ("json", "escapes.json", b"[{\"a\\u0062\":\"\\ud83e\\udd80\\n\\/\"},{\"ab\":\"\\ud800\",\"x.y\":{\"z\":-0}}]"),
        ("json", "rows.json", b"[[1,2,3],[4,5,6]]"),
        ("ndjson", "plain.ndjson", b"{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":{\"c\":[]}}\r\n\n{\"a\":\"3\"}\nnonsense\n{\"late\":1,\"a\":NaN}\n"),
        ("ndjson", "nested.ndjson", b"{\"id\":{\"orig_h\":\"10.0.0.1\",\"p\":[1,{\"x\":2}]},\"ok\":true}\n{\"id\":{\"orig_h\":\"10.0.0.2\"},\"ok\":false}\n"),
        ("ndjson", "wide.ndjson", b"{\"v\":9007199254740993}\n{\"v\":-9223372036854775807}\n{\"v\":1e999}\n{\"v\":\"-Infinity\"}\n"),
        ("arff", "dense.arff", b"% made by hand\n@relation x\n@attribute a numeric\n@attribute 'b c' {x,'y z'}\n@attribute d date \"yyyy-MM-dd HH:mm:ss\"\n@attribute s string\n@data\n1,x,\"2020-01-01 00:00:00\",'it\\'s'\n?,'y z',?,\"q\",{2}\n"),
        ("arff", "sparse.arff", b"@relation x\n@attribute a numeric\n@attribute b {no,yes}\n@attribute c real\n@data\n{1 yes, 2 3.5}\n{}\n{0 1e3}\n"),
        ("flow_logs", "argus.binetflow", b"StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,SrcPkts,Label\n2011/08/10 09:46:59.607825,1.5,tcp,10.0.0.1,1577,   ->,192.0.2.7,6881,S_RA,0,0,4,276,156,3,flow=Background\n2011/08/10 09:47:00.634364,0.5,udp,10.0.0.1,50000,  <->,192.0.2.8,53,CON,0,0,2,200,60,1,flow=From-Botnet-V42\n2011/08/10 09:47:01.000000,0,tcp,192.0.2.9,80,   <-,10.0.0.1,50001,SA_S,0,0,3,180,120,2,flow=Background\n2011/08/10 09:47:02.000000,0,icmp,192.0.2.9,0x0303,   ->,10.0.0.1,0x1f90,URP,0,,1,90,90,1,\n2011/08/10 09:47:03.000000,0,arp,10.0.0.1,,  who,10.0.0.2,,INT,,,1,60,60,1,\n"),
        ("flow_logs", "conn.log", b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2024-01-02-03-04-05\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n1704164645.250000\tCa1\t10.0.0.1\t50000\t192.0.2.7\t443\ttcp\tssl\t0.1\t517\t3000\tSF\tT\tF\t0\tShADadFf\t10\t1050\t8\t3400\t(empty)\n1704164646.000000\tCa2\tfe80::1\t136\tff02::1\t0\ticmp\t-\t-\t-\t-\tOTH\tT\tF\t0\t-\t1\t72\t0\t0\t-\n1704164647.000000\tCa3\t10.0.0.1\t8\t192.0.2.8\t0\ticmp\t-\t0.02\t56\t56\tOTH\tT\tF\t0\t-\t1\t84\t1\t84\t-\n1704164648.000001\tCa4\t10.0.0.2\t53000\t10.0.0.53\t53\tudp\tdns\t0.002\t30\t62\tSF\tT\tT\t0\tDd\t1\t58\t1\t90\t-\n"),
        ("flow_logs", "conn_and_dns", b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2024-01-02-03-04-05\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n1704164645.250000\tCa1\t10.0.0.1\t50000\t192.0.2.7\t443\ttcp\tssl\t0.1\t517\t3000\tSF\tT\tF\t0\tShADadFf\t10\t1050\t8\t3400\t(empty)\n1704164646.000000\tCa2\tfe80::1\t136\tff02::1\t0\ticmp\t-\t-\t-\t-\tOTH\tT\tF\t0\t-\t1\t72\t0\t0\t-\n1704164647.000000\tCa3\t10.0.0.1\t8\t192.0.2.8\t0\ticmp\t-\t0.02\t56\t56\tOTH\tT\tF\t0\t-\t1\t84\t1\t84\t-\n1704164648.000001\tCa4\t10.0.0.2\t53000\t10.0.0.53\t53\tudp\tdns\t0.002\t30\t62\tSF\tT\tT\t0\tDd\t1\t58\t1\t90\t-\n\x00#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\ttrans_id\trtt\tquery\tqclass\tqclass_name\tqtype\tqtype_name\trcode\trcode_name\tAA\tTC\tRD\tRA\tZ\tanswers\tTTLs\trejected\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tcount\tinterval\tstring\tcount\tstring\tcount\tstring\tcount\tstring\tbool\tbool\tbool\tbool\tcount\tvector[string]\tvector[interval]\tbool\n1704164648.000001\tCa4\t10.0.0.2\t53000\t10.0.0.53\t53\tudp\t7\t0.002\texample.org\t1\tC_INTERNET\t28\tAAAA\t3\tNXDOMAIN\tF\tF\tT\tT\t0\t-\t-\tF\n1704164649.000001\tCa9\t10.0.0.3\t53001\t10.0.0.53\t53\tudp\t8\t-\tlost.example\t1\tC_INTERNET\t1\tA\t-\t-\tF\tF\tT\tF\t0\t-\t-\tF\n"),
        ("flow_logs", "dns.log", b"#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\ttrans_id\trtt\tquery\tqclass\tqclass_name\tqtype\tqtype_name\trcode\trcode_name\tAA\tTC\tRD\tRA\tZ\tanswers\tTTLs\trejected\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tcount\tinterval\tstring\tcount\tstring\tcount\tstring\tcount\tstring\tbool\tbool\tbool\tbool\tcount\tvector[string]\tvector[interval]\tbool\n1704164648.000001\tCa4\t10.0.0.2\t53000\t10.0.0.53\t53\tudp\t7\t0.002\texample.org\t1\tC_INTERNET\t28\tAAAA\t3\tNXDOMAIN\tF\tF\tT\tT\t0\t-\t-\tF\n1704164649.000001\tCa9\t10.0.0.3\t53001\t10.0.0.53\t53\tudp\t8\t-\tlost.example\t1\tC_INTERNET\t1\tA\t-\t-\tF\tF\tT\tF\t0\t-\t-\tF\n"),
        ("flow_logs", "eve.json", b"{\"timestamp\":\"2024-01-02T03:04:05.000000+0000\",\"flow_id\":1,\"event_type\":\"dns\",\"src_ip\":\"10.0.0.2\",\"src_port\":53000,\"dest_ip\":\"10.0.0.53\",\"dest_port\":53,\"proto\":\"UDP\",\"dns\":{\"type\":\"query\",\"id\":7,\"rrname\":\"example.org\",\"rrtype\":\"AAAA\"}}\n{\"timestamp\":\"2024-01-02T03:04:05.100000+0000\",\"flow_id\":1,\"event_type\":\"dns\",\"src_ip\":\"10.0.0.53\",\"src_port\":53,\"dest_ip\":\"10.0.0.2\",\"dest_port\":53000,\"proto\":\"UDP\",\"dns\":{\"type\":\"answer\",\"id\":7,\"rcode\":\"NXDOMAIN\",\"rrname\":\"example.org\",\"rrtype\":\"AAAA\"}}\n{\"timestamp\":\"2024-01-02T03:04:06.000000+0000\",\"flow_id\":2,\"event_type\":\"tls\",\"src_ip\":\"10.0.0.1\",\"src_port\":50000,\"dest_ip\":\"192.0.2.7\",\"dest_port\":443,\"proto\":\"TCP\",\"tls\":{\"sni\":\"www.example\",\"version\":\"TLS 1.3\",\"ja4\":\"t13d\"}}\n{\"timestamp\":\"2024-01-02T03:04:07.000000+0000\",\"flow_id\":3,\"event_type\":\"alert\",\"src_ip\":\"198.51.100.1\",\"src_port\":4444,\"dest_ip\":\"10.0.0.9\",\"dest_port\":445,\"proto\":\"TCP\",\"alert\":{\"action\":\"allowed\",\"signature\":\"ET \\\"SCAN\\\" x\"},\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":0,\"bytes_toserver\":60,\"bytes_toclient\":0,\"start\":\"2024-01-02T03:04:06.900000+0000\"}}\n{\"timestamp\":\"2024-01-02T03:04:08.000000+0000\",\"event_type\":\"stats\",\"stats\":{\"uptime\":8}}\n{\"timestamp\":\"2024-01-02T03:04:09.000000+0000\",\"flow_id\":1,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.2\",\"src_port\":53000,\"dest_ip\":\"10.0.0.53\",\"dest_port\":53,\"proto\":\"UDP\",\"app_proto\":\"dns\",\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":1,\"bytes_toserver\":90,\"bytes_toclient\":120,\"start\":\"2024-01-02T03:04:05.000000+0000\",\"end\":\"2024-01-02T03:04:05.100000+0000\",\"age\":0,\"state\":\"established\",\"reason\":\"timeout\"}}\n{\"timestamp\":\"2024-01-02T03:04:09.000000+0000\",\"flow_id\":2,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\"src_port\":50000,\"dest_ip\":\"192.0.2.7\",\"dest_port\":443,\"proto\":\"TCP\",\"app_proto\":\"tls\",\"flow\":{\"pkts_toserver\":10,\"pkts_toclient\":8,\"bytes_toserver\":1050,\"bytes_toclient\":3400,\"start\":\"2024-01-02T03:04:05.900000+0000\",\"end\":\"2024-01-02T03:04:08.900000+0000\"},\"tcp\":{\"tcp_flags\":\"1b\",\"tcp_flags_ts\":\"1b\",\"tcp_flags_tc\":\"1b\"}}\n{\"timestamp\":\"2024-01-02T03:04:10.000000+0000\",\"flow_id\":5,\"event_type\":\"netflow\",\"src_ip\":\"10.0.0.1\",\"src_port\":50001,\"dest_ip\":\"192.0.2.8\",\"dest_port\":22,\"proto\":\"TCP\",\"netflow\":{\"pkts\":3,\"bytes\":180,\"start\":\"2024-01-02T03:04:01.000000+0000\",\"end\":\"2024-01-02T03:04:02.000000+0000\"},\"tcp\":{\"tcp_flags\":\"02\"}}\n{\"timestamp\":\"2024-01-02T03:04:10.000000+0000\",\"flow_id\":5,\"event_type\":\"netflow\",\"src_ip\":\"192.0.2.8\",\"src_port\":22,\"dest_ip\":\"10.0.0.1\",\"dest_port\":50001,\"proto\":\"TCP\",\"netflow\":{\"pkts\":2,\"bytes\":80,\"start\":\"2024-01-02T03:04:01.000000+0000\",\"end\":\"2024-01-02T03:04:02.000000+0000\"},\"tcp\":{\"tcp_flags\":\"14\"}}\n{\"timestamp\":\"2024-01-02T03:04:11.000000+0000\",\"flow_id\":6,\"event_type\":\"flow\",\"src_ip\":\"fe80:0000:0000:0000:0000:0000:0000:0001\",\"dest_ip\":\"ff02:0000:0000:0000:0000:0000:0000:0002\",\"proto\":\"IPv6-ICMP\",\"icmp_type\":133,\"icmp_code\":0,\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":0,\"bytes_toserver\":70,\"bytes_toclient\":0,\"start\":\"2024-01-02T03:04:11.000000+0000\",\"end\":\"2024-01-02T03:04:11.000000+0000\"}}\n"),
        ("flow_logs", "eve_and_conn", b"{\"timestamp\":\"2024-01-02T03:04:05.000000+0000\",\"flow_id\":1,\"event_type\":\"dns\",\"src_ip\":\"10.0.0.2\",\"src_port\":53000,\"dest_ip\":\"10.0.0.53\",\"dest_port\":53,\"proto\":\"UDP\",\"dns\":{\"type\":\"query\",\"id\":7,\"rrname\":\"example.org\",\"rrtype\":\"AAAA\"}}\n{\"timestamp\":\"2024-01-02T03:04:05.100000+0000\",\"flow_id\":1,\"event_type\":\"dns\",\"src_ip\":\"10.0.0.53\",\"src_port\":53,\"dest_ip\":\"10.0.0.2\",\"dest_port\":53000,\"proto\":\"UDP\",\"dns\":{\"type\":\"answer\",\"id\":7,\"rcode\":\"NXDOMAIN\",\"rrname\":\"example.org\",\"rrtype\":\"AAAA\"}}\n{\"timestamp\":\"2024-01-02T03:04:06.000000+0000\",\"flow_id\":2,\"event_type\":\"tls\",\"src_ip\":\"10.0.0.1\",\"src_port\":50000,\"dest_ip\":\"192.0.2.7\",\"dest_port\":443,\"proto\":\"TCP\",\"tls\":{\"sni\":\"www.example\",\"version\":\"TLS 1.3\",\"ja4\":\"t13d\"}}\n{\"timestamp\":\"2024-01-02T03:04:07.000000+0000\",\"flow_id\":3,\"event_type\":\"alert\",\"src_ip\":\"198.51.100.1\",\"src_port\":4444,\"dest_ip\":\"10.0.0.9\",\"dest_port\":445,\"proto\":\"TCP\",\"alert\":{\"action\":\"allowed\",\"signature\":\"ET \\\"SCAN\\\" x\"},\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":0,\"bytes_toserver\":60,\"bytes_toclient\":0,\"start\":\"2024-01-02T03:04:06.900000+0000\"}}\n{\"timestamp\":\"2024-01-02T03:04:08.000000+0000\",\"event_type\":\"stats\",\"stats\":{\"uptime\":8}}\n{\"timestamp\":\"2024-01-02T03:04:09.000000+0000\",\"flow_id\":1,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.2\",\"src_port\":53000,\"dest_ip\":\"10.0.0.53\",\"dest_port\":53,\"proto\":\"UDP\",\"app_proto\":\"dns\",\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":1,\"bytes_toserver\":90,\"bytes_toclient\":120,\"start\":\"2024-01-02T03:04:05.000000+0000\",\"end\":\"2024-01-02T03:04:05.100000+0000\",\"age\":0,\"state\":\"established\",\"reason\":\"timeout\"}}\n{\"timestamp\":\"2024-01-02T03:04:09.000000+0000\",\"flow_id\":2,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\"src_port\":50000,\"dest_ip\":\"192.0.2.7\",\"dest_port\":443,\"proto\":\"TCP\",\"app_proto\":\"tls\",\"flow\":{\"pkts_toserver\":10,\"pkts_toclient\":8,\"bytes_toserver\":1050,\"bytes_toclient\":3400,\"start\":\"2024-01-02T03:04:05.900000+0000\",\"end\":\"2024-01-02T03:04:08.900000+0000\"},\"tcp\":{\"tcp_flags\":\"1b\",\"tcp_flags_ts\":\"1b\",\"tcp_flags_tc\":\"1b\"}}\n{\"timestamp\":\"2024-01-02T03:04:10.000000+0000\",\"flow_id\":5,\"event_type\":\"netflow\",\"src_ip\":\"10.0.0.1\",\"src_port\":50001,\"dest_ip\":\"192.0.2.8\",\"dest_port\":22,\"proto\":\"TCP\",\"netflow\":{\"pkts\":3,\"bytes\":180,\"start\":\"2024-01-02T03:04:01.000000+0000\",\"end\":\"2024-01-02T03:04:02.000000+0000\"},\"tcp\":{\"tcp_flags\":\"02\"}}\n{\"timestamp\":\"2024-01-02T03:04:10.000000+0000\",\"flow_id\":5,\"event_type\":\"netflow\",\"src_ip\":\"192.0.2.8\",\"src_port\":22,\"dest_ip\":\"10.0.0.1\",\"dest_port\":50001,\"proto\":\"TCP\",\"netflow\":{\"pkts\":2,\"bytes\":80,\"start\":\"2024-01-02T03:04:01.000000+0000\",\"end\":\"2024-01-02T03:04:02.000000+0000\"},\"tcp\":{\"tcp_flags\":\"14\"}}\n{\"timestamp\":\"2024-01-02T03:04:11.000000+0000\",\"flow_id\":6,\"event_type\":\"flow\",\"src_ip\":\"fe80:0000:0000:0000:0000:0000:0000:0001\",\"dest_ip\":\"ff02:0000:0000:0000:0000:0000:0000:0002\",\"proto\":\"IPv6-ICMP\",\"icmp_type\":133,\"icmp_code\":0,\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":0,\"bytes_toserver\":70,\"bytes_toclient\":0,\"start\":\"2024-01-02T03:04:11.000000+0000\",\"end\":\"2024-01-02T03:04:11.000000+0000\"}}\n\x00#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2024-01-02-03-04-05\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n1704164645.250000\tCa1\t10.0.0.1\t50000\t192.0.2.7\t443\ttcp\tssl\t0.1\t517\t3000\tSF\tT\tF\t0\tShADadFf\t10\t1050\t8\t3400\t(empty)\n1704164646.000000\tCa2\tfe80::1\t136\tff02::1\t0\ticmp\t-\t-\t-\t-\tOTH\tT\tF\t0\t-\t1\t72\t0\t0\t-\n1704164647.000000\tCa3\t10.0.0.1\t8\t192.0.2.8\t0\ticmp\t-\t0.02\t56\t56\tOTH\tT\tF\t0\t-\t1\t84\t1\t84\t-\n1704164648.000001\tCa4\t10.0.0.2\t53000\t10.0.0.53\t53\tudp\tdns\t0.002\t30\t62\tSF\tT\tT\t0\tDd\t1\t58\t1\t90\t-\n"),
        ("flow_logs", "http.log", b"#separator \\x09\n#path\thttp\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\ttrans_depth\tmethod\thost\turi\treferrer\tversion\tuser_agent\trequest_body_len\n#types\ttime\tstring\taddr\tport\taddr\tport\tcount\tstring\tstring\tstring\tstring\tstring\tstring\tcount\n1704164700.0\tCb1\t10.0.0.4\t50100\t192.0.2.9\t80\t1\tGET\tplain.example\t/index\t-\t1.1\tcurl/8\t0\n1704164701.0\tCb1\t10.0.0.4\t50100\t192.0.2.9\t80\t2\tGET\tplain.example\t/second\t-\t1.1\tcurl/8\t0\n"),
        ("flow_logs", "nfcapd", b"\x0c\xa5\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\xaa\x00\x00\x00\x02\x00\x00\x00\x02\x00\x0e\x00\x03\x00\x10\x00\x05\x00\x0f\x00\x00\x00\n\x00D\x00\x02\x00\x03\x00\xfa\x00\xee\x02%}\x93e&}\x93e\x00\x1b\x06\x00P\xc3\xbb\x01\x07\x00\x00\x00\x01\x00\x00\n\x07\x02\x00\xc0\n\x00\x00\x00\x00\x00\x00\x00\x1a\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\n\x00X\x00\x01\x00\x03\x00\xfa\x00\xee\x02%}\x93e&}\x93e\x00\x1b:\x00P\xc3\x00\x80\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\xfe\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xff\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00H\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
        ("flow_logs", "nfdump.csv", b"ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das,smk,dmk,dtos,dir,nh,nhb,svln,dvln,ismc,odmc,idmc,osmc\n2024-01-02 03:04:05,2024-01-02 03:04:08,3.000,10.0.0.1,192.0.2.7,50000,443,TCP,...AP.SF,0,0,10,1050,8,3400,0,0,0,0,0,0,0,0,0.0.0.0,0.0.0.0,0,0,00:11:22:33:44:55,00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00\n2024-01-02 03:04:06,2024-01-02 03:04:06,0.000,10.0.0.1,192.0.2.8,0,8.0,ICMP,........,0,0,1,84,1,84,0,0,0,0,0,0,0,0,0.0.0.0,0.0.0.0,0,0,00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00,00:00:00:00:00:00\nSummary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n2,1134,11,100,10,90\n"),
        ("flow_logs", "ssl.log", b"#separator \\x09\n#path\tssl\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tversion\tcipher\tcurve\tserver_name\tresumed\tja4\n#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tstring\tstring\tbool\tstring\n1704164645.300000\tCa1\t10.0.0.1\t50000\t192.0.2.7\t443\tTLSv13\tTLS_AES\tx25519\twww.example\tF\tt13d1516h2_a_b\n"),
        ("flow_logs", "vpc.txt", b"2 123456789010 eni-1 10.0.0.1 192.0.2.7 50000 443 6 10 1050 1418530010 1418530070 ACCEPT OK\n2 123456789010 eni-1 198.51.100.4 10.0.0.1 44000 3389 6 1 40 1418530010 1418530070 REJECT OK\n2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - SKIPDATA\n2 123456789010 eni-1 10.0.0.1\n2 123456789010 eni-1 2001:db8:0:0:0:0:0:1 2001:db8::2 50000 abc 17 1 40 1418530010 1418530071 ACCEPT OK\n"),
    ]
}

/// One column of each type.
fn batch() -> Result<RecordBatch> {
    let mut lists = ListBuilder::new(Float64Builder::new());
    lists.append_value([Some(1.0), None]);
    lists.append_null();
    lists.append_value([]);
    let names: DictionaryArray<Int32Type> = vec![Some("tcp"), None, Some("udp")].into_iter().collect();
    let inner: ArrayRef = Arc::new(Int64Array::from(vec![Some(80), None, Some(443)]));
    let decimals = Decimal128Array::from(vec![12_345, 0, -5]).with_precision_and_scale(10, 2)?;
    let stamps = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_000_001), None, Some(0)]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("wide", Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None, Some(1)]))),
        ("u64", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1]))),
        ("f32", Arc::new(Float32Array::from(vec![0.5, f32::NAN, f32::INFINITY]))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("utf8", Arc::new(StringArray::from(vec![Some("größe"), None, Some("")]))),
        ("large", Arc::new(LargeStringArray::from(vec!["a", "b", "c"]))),
        ("view", Arc::new(StringViewArray::from(vec!["a", "a longer text than twelve", "c"]))),
        ("binary", Arc::new(BinaryArray::from(vec![&b"raw"[..], b"\xe9", b""]))),
        ("dictionary", Arc::new(names)),
        ("stamp", Arc::new(stamps.with_timezone("UTC"))),
        ("date", Arc::new(Date32Array::from(vec![0, 1, 19_675]))),
        ("of_day", Arc::new(Time32SecondArray::from(vec![0, 1, 86_399]))),
        ("lasting", Arc::new(DurationMillisecondArray::from(vec![1500, 0, 1]))),
        ("decimal", Arc::new(decimals)),
        ("list", Arc::new(lists.finish())),
        ("nothing", Arc::new(NullArray::new(3))),
        (
            "id",
            Arc::new(StructArray::from(vec![(Arc::new(Field::new("resp_p", DataType::Int64, true)), inner)])),
        ),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}

fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Result<Vec<u8>> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(batch)?;
    Ok(writer.into_inner()?)
}

fn arrow(seeds: &Path) -> Result<()> {
    let all = batch()?;
    let columns: Vec<RecordBatch> =
        (0..all.num_columns()).map(|idx| all.project(&[idx])).collect::<std::result::Result<_, _>>()?;
    for batch in columns.iter().chain([&all]) {
        let name =
            if batch.num_columns() == 1 { batch.schema().field(0).name().clone() } else { "all".into() };
        for (packing, compression) in [
            ("plain", None),
            ("lz4", Some(CompressionType::LZ4_FRAME)),
            ("zstd", Some(CompressionType::ZSTD)),
        ] {
            if packing != "plain" && name != "all" && name != "utf8" {
                continue;
            }
            let options = IpcWriteOptions::default().try_with_compression(compression)?;
            let mut stream =
                StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options.clone())?;
            stream.write(batch)?;
            put(seeds, "arrow_ipc", &format!("{name}_{packing}.arrows"), &stream.into_inner()?)?;
            if name == "all" {
                let mut file = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options)?;
                file.write(batch)?;
                file.write(batch)?;
                put(seeds, "arrow_ipc", &format!("{name}_{packing}.arrow"), &file.into_inner()?)?;
            }
        }
        // Parquet has no durations.
        if name == "lasting" || name == "all" {
            continue;
        }
        let plain = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build();
        put(seeds, "parquet", &format!("{name}.parquet"), &parquet(batch, plain)?)?;
    }
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..60).map(|i| format!("host-{}", i * i))));
    let wholes: ArrayRef = Arc::new(Int64Array::from_iter_values((0..60).map(|i| i * i * 7)));
    let floats: ArrayRef = Arc::new(Float64Array::from_iter_values((0..60).map(f64::from)));
    let batch =
        RecordBatch::try_from_iter([("a", texts.clone()), ("b", texts), ("c", wholes), ("d", floats)])?;
    let delta = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_column_encoding("a".into(), Encoding::DELTA_BYTE_ARRAY)
        .set_column_encoding("b".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .set_column_encoding("c".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding("d".into(), Encoding::BYTE_STREAM_SPLIT)
        .build();
    put(seeds, "parquet", "delta.parquet", &parquet(&batch, delta)?)?;
    for (name, compression) in [
        ("snappy", Compression::SNAPPY),
        ("lz4", Compression::LZ4),
        ("lz4_raw", Compression::LZ4_RAW),
        ("gzip", Compression::GZIP(parquet::basic::GzipLevel::default())),
        ("zstd", Compression::ZSTD(ZstdLevel::default())),
    ] {
        let properties = WriterProperties::builder().set_compression(compression).build();
        put(seeds, "parquet", &format!("{name}.parquet"), &parquet(&batch, properties)?)?;
    }
    Ok(())
}

fn packed(seeds: &Path) -> Result<()> {
    let text = b"timestamp,value\n2014-04-10 00:04:00,91958.0\n2014-04-10 00:09:00,94798.0\n";
    let gzip = |bytes: &[u8]| -> Result<Vec<u8>> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes)?;
        Ok(packer.finish()?)
    };
    let two = [gzip(&text[..40])?, gzip(&text[40..])?].concat();
    put(seeds, "compressed", "two_members.csv.gz", &two)?;
    let two = [zstd::encode_all(&text[..40], 1)?, zstd::encode_all(&text[40..], 19)?].concat();
    put(seeds, "compressed", "two_frames.csv.zst", &two)?;
    put(seeds, "compressed", "repeats.csv.zst", &zstd::encode_all(&text.repeat(2000)[..], 19)?)?;
    put(seeds, "compressed", "twice.gz.zst", &zstd::encode_all(&gzip(text)?[..], 1)?)?;
    for name in ["snappy.parquet", "all_zstd.arrow", "all_plain.arrows"] {
        let target = if name.ends_with("parquet") { "parquet" } else { "arrow_ipc" };
        let bytes = fs::read(seeds.join(target).join(name))?;
        put(seeds, "compressed", &format!("{name}.gz"), &gzip(&bytes)?)?;
    }
    Ok(())
}

/// Every detector with few and small parts, every step, and the default.
fn models() -> Result<Vec<(String, Vec<u8>)>> {
    let all = |model: &Model, rows: RowsView<'_>, times: &[i64], out: &mut [f64]| {
        model.score_once(rows, times, out);
    };
    let small = |name: &str| match name {
        "random_forest" | "extra_trees" => json!({ "n_estimators": 2 }),
        "isolation_forest" => json!({ "n_estimators": 2, "max_samples": 8 }),
        "extended_isolation_forest" => json!({ "n_estimators": 2, "max_samples": 8 }),
        "half_space_trees" => json!({ "n_estimators": 2, "max_depth": 3 }),
        "loda" => json!({ "n_projections": 3 }),
        "voting" => json!({ "members": [
            { "detector": "isolation_forest", "params": { "n_estimators": 2, "max_samples": 8 } },
            { "detector": "rolling_z" },
            { "detector": "voting", "params": { "members": [{ "detector": "ecod" }] } },
        ] }),
        _ => Value::Null,
    };
    let flows = rows(Shape::FlowFeatures, 24)?;
    let classes = Classes { names: vec!["normal".into(), "scan".into()], is_attack: vec![false, true] };
    let surprises: Vec<f64> = (0..200).map(|i| f64::from(i * i % 97) / 50.0).collect();
    let mut models = Vec::new();
    let mut fit = |name: String, frame: &Frame, steps: Vec<StepSpec>, detector: &str| -> Result<()> {
        let params = small(detector);
        let params = if DETECTORS.get(detector)?.parse(&params).is_ok() { params } else { Value::Null };
        let spec = PipelineSpec { steps, detector: detector.into(), params, seed: Seed::default() };
        let attacks: Vec<bool> = (0..frame.n_rows()).map(|row_idx| row_idx % 5 == 0).collect();
        let of_rows: Vec<u16> = attacks.iter().map(|attack| u16::from(*attack)).collect();
        let truth = Truth { attacks: Some(&attacks), classes: Some((&classes, &of_rows)) };
        let mut pipeline = Pipeline::fit(&spec, frame.clone(), DETECTORS, truth, &all)?;
        pipeline.runs = Runs::fit(&surprises);
        pipeline.threshold = Some(Threshold::find(Rule::default(), &surprises, None)?);
        models.push((format!("{name}.model"), encode(&pipeline.save())));
        Ok(())
    };
    for entry in DETECTORS.0 {
        fit(entry.about.name.to_owned(), &flows, Vec::new(), entry.about.name)?;
    }
    for shape in SHAPES {
        let frame = rows(shape, 24)?;
        fit(shape.name().to_owned(), &frame, default_steps(frame.schema()), "robust_z")?;
    }
    for step in eddy_detect::STEPS {
        let steps = vec![StepSpec::new("encode"), StepSpec::new("impute"), StepSpec::new(step.name)];
        // A step that the table gives no occasion for makes no seed.
        let _ = fit(format!("step_{}", step.name), &flows, steps, "robust_z");
    }
    Ok(models)
}

/// The target for any format has one seed of each; the writing target the same behind a byte that picks the format.
fn everything(seeds: &Path) -> Result<()> {
    let mut picked: Vec<PathBuf> = Vec::new();
    for target in ["csv", "json", "ndjson", "arff", "parquet", "arrow_ipc", "compressed"] {
        let mut files: Vec<PathBuf> = fs::read_dir(seeds.join(target))?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        let small = |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.len() < 3_000);
        picked.extend(files.into_iter().filter(small).step_by(3));
    }
    for (idx, path) in picked.iter().enumerate() {
        let bytes = fs::read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        put(seeds, "any", &name, &bytes)?;
        put(seeds, "write", &name, &[&[idx as u8][..], &bytes].concat())?;
    }
    put(seeds, "any", "capture.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0")?;
    Ok(())
}
