//! No bytes make the reader panic, and no row is lost without being counted.

use std::fmt::Write as _;

use eddy_io::{ReadOptions, open_bytes};
use proptest::prelude::*;

const SEEDS: [&[u8]; 15] = [
    b"timestamp,value\n2014-04-10 00:04:00,91958.0\n2014-04-10 00:09:00,94798.0\n",
    b"\"No.\",\"Time\",\"Source\"\r\n\"1\",\"0.0\",\"a, \"\"b\"\"\"\r\n\"2\",\"1.0\",\"x\"\r\n",
    b"a;b;c\n1,5;2,5;x\n;;\n3;4;\n",
    b"\xef\xbb\xbfid,dur\r1,0.5\r2,0.25\r",
    b"\xff\xfea\0,\0b\0\n\x001\0,\x002\0\n\0",
    b"#separator \\x09\n#fields\tts\tuid\n1.5\tC\n#close\n",
    b"0,tcp,http,SF,1e400,-,Infinity,NaN,0x10\n0,udp,dns,S0,2,?,nan,,9223372036854775808\n",
    b"@relation x\n@attribute a real\n@data\n1\n",
    b"[{\"a\":1,\"b\":\"x\"},{\"a\":2}]\n",
    b"#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tconn_state\thistory\n1.5\tC1\t10.0.0.1\t8\t::1\t0\ticmp\t-\t1\tOTH\tSr\n",
    b"{\"timestamp\":\"2024-01-02T03:04:05Z\",\"flow_id\":1,\"event_type\":\"dns\",\"src_ip\":\"10.0.0.2\",\"dest_ip\":\"10.0.0.3\",\"proto\":\"UDP\",\"dns\":{\"queries\":[{\"rrname\":\"a\"}]}}\n{\"flow_id\":1,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.2\",\"dest_ip\":\"10.0.0.3\",\"proto\":\"UDP\",\"flow\":{\"start\":\"x\"}}\n",
    b"StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes\n2011/08/10 09:46:59.6,1.5,tcp,10.0.0.1,0x10,   <-,192.0.2.7,6881,S_RA,0,0,4,276,156\n",
    b"2 1 eni-1 10.0.0.1 192.0.2.7 50000 443 6 10 1050 1418530010 1418530070 ACCEPT OK\n2 1 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n",
    b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0\0\xf1\x53\x65\0\0\0\0\x3b\0\0\0\x3b\0\0\0\
      \x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\x45\0\0\x2d\0\x01\0\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02\x10\0\0\x35\0\x19\0\0\
      \0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01",
    b"\0\x09\0\x02\0\0\xea\x60\x65\x53\xf1\0\0\0\0\0\0\0\0\0\0\0\0\x18\x01\0\0\x04\0\x08\0\x04\0\x0c\0\x04\0\x07\0\x02\0\x0b\0\x02\
      \x01\0\0\x10\x0a\0\0\x01\x0a\0\0\x02\0\x01\0\x02",
];

/// Reads to the end, whatever comes.
fn read_all(bytes: Vec<u8>) {
    let options = ReadOptions { batch_rows: 3, ..ReadOptions::default() };
    let Ok(mut source) = open_bytes("any", bytes, &options) else { return };
    let mut rows = 0;
    while let Ok(Some(frame)) = source.next_frame() {
        assert!(frame.n_rows() > 0 && frame.n_rows() <= 3);
        rows += frame.n_rows() as u64;
    }
    assert_eq!(rows, source.stats().rows_read);
    if source.rewind().is_ok() {
        let _ = source.next_frame();
    }
}

#[test]
fn every_truncation_of_a_seed_is_survived() {
    for seed in SEEDS {
        for end in 0..=seed.len() {
            read_all(seed[..end].to_vec());
        }
    }
}

fn any_byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r')]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any_byte(), 0..300)) {
        read_all(bytes);
    }

    #[test]
    fn mutated_seeds_are_survived(
        seed in 0..SEEDS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_byte()), 1..8),
        repeat in 1..40_usize,
    ) {
        let mut bytes = SEEDS[seed].repeat(repeat);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(bytes);
    }

    #[test]
    fn rows_in_are_rows_out(
        cells in prop::collection::vec((any::<f64>(), "[ -~]{0,12}", any::<i32>()), 1..60),
        quote_all in any::<bool>(),
    ) {
        let mut text = String::from("number,words,whole\n");
        let quote = if quote_all { "\"" } else { "" };
        for (number, words, whole) in &cells {
            let words = words.replace('"', "\"\"");
            writeln!(text, "{quote}{number}{quote},\"{words}\",{quote}{whole}{quote}").unwrap();
        }
        let mut source = open_bytes("any", text.into_bytes(), &ReadOptions::default()).unwrap();
        let frame = source.next_frame().unwrap().unwrap();
        prop_assert_eq!(frame.n_rows(), cells.len());
        prop_assert_eq!(source.stats().rows_set_aside, 0);
        let numbers = frame.by_name("number").unwrap().1;
        let whole = frame.by_name("whole").unwrap().1;
        for (idx, (number, _, integer)) in cells.iter().enumerate() {
            let got = numbers.number(idx);
            prop_assert!(got.to_bits() == number.to_bits() || number.is_nan(), "{} {}", got, number);
            prop_assert_eq!(whole.number(idx), f64::from(*integer));
        }
    }
}
