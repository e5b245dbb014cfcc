use std::io::Read;

use super::{CaptureError, CaptureFormat, CaptureReader, NoteKind};
use crate::{Limits, LinkType};

/// Puts numbers in one of the two orders of bytes.
#[derive(Clone, Copy)]
struct Writer {
    big: bool,
}

impl Writer {
    fn u32(self, number: u32) -> [u8; 4] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u16(self, number: u16) -> [u8; 2] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn pcap(self, magic: u32, minor: u16, link: u32) -> Vec<u8> {
        let mut bytes = self.u32(magic).to_vec();
        bytes.extend(self.u16(2));
        bytes.extend(self.u16(minor));
        bytes.extend([0; 12]);
        bytes.extend(self.u32(link));
        bytes
    }

    fn frame(self, seconds: u32, units: u32, captured: u32, wire: u32, bytes: &[u8]) -> Vec<u8> {
        let words = [seconds, units, captured, wire].map(|word| self.u32(word));
        [&words.concat()[..], bytes].concat()
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let len = self.u32(body.len() as u32 + 12);
        [&self.u32(kind)[..], &len, &body, &len].concat()
    }

    fn section(self) -> Vec<u8> {
        let mut body = self.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.u16(1));
        body.extend(self.u16(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    fn interface(self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = self.u16(link).to_vec();
        body.extend([0; 2]);
        body.extend(self.u32(snap_len));
        for (code, value) in options {
            body.extend(self.u16(*code));
            body.extend(self.u16(value.len() as u16));
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body)
    }

    fn packet(self, interface: u32, time: u64, bytes: &[u8]) -> Vec<u8> {
        let words = [interface, (time >> 32) as u32, time as u32, bytes.len() as u32, bytes.len() as u32 + 5];
        self.block(6, &[&words.map(|word| self.u32(word)).concat()[..], bytes].concat())
    }
}

const ORDERS: [Writer; 2] = [Writer { big: true }, Writer { big: false }];

/// Time, link type, length on the wire and bytes of every frame.
type Frames = Vec<(i64, u32, u32, Vec<u8>)>;

/// Hands out one byte at a time, as a slow pipe does.
struct Pipe<'a>(&'a [u8]);

impl Read for Pipe<'_> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let n = room.len().min(1);
        self.0.read(&mut room[..n])
    }
}

fn read(bytes: &[u8]) -> (Frames, Vec<NoteKind>) {
    let whole = drain(bytes);
    assert_eq!(whole, drain(Pipe(bytes)));
    whole
}

fn drain(input: impl Read) -> (Frames, Vec<NoteKind>) {
    let mut reader = CaptureReader::new(input, &Limits::default()).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push((frame.time_ns, frame.link.0, frame.wire_len, frame.bytes.to_vec()));
    }
    assert!(reader.next_frame().unwrap().is_none());
    (frames, reader.notes().iter().map(|note| note.kind).collect())
}

fn check(bytes: &[u8], expect: &[(i64, u32, &[u8])], notes: &[NoteKind]) {
    let (frames, found) = read(bytes);
    let frames: Vec<(i64, u32, &[u8])> =
        frames.iter().map(|(time, link, _, bytes)| (*time, *link, &bytes[..])).collect();
    assert_eq!(frames, expect);
    assert_eq!(found, notes);
}

#[test]
fn both_orders_and_both_resolutions_of_pcap_are_read() {
    for writer in ORDERS {
        for (magic, unit) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1), (0xa1b2_34cd, 1000)] {
            let bytes = [writer.pcap(magic, 4, 1), writer.frame(2, 3, 4, 60, b"abcd")].concat();
            check(&bytes, &[(2_000_000_000 + 3 * unit, 1, b"abcd")], &[]);
            assert_eq!(read(&bytes).0[0].2, 60);
        }
        let modified =
            [writer.pcap(0xa1b2_cd34, 4, 1), writer.frame(2, 3, 4, 60, b"\0\0\0\0\0\0\0\0abcd")].concat();
        check(&modified, &[(2_000_003_000, 1, b"abcd")], &[]);
    }
}

#[test]
fn old_programs_that_wrote_the_lengths_the_other_way_round_are_read() {
    let writer = ORDERS[1];
    let bytes = [writer.pcap(0xa1b2_c3d4, 2, 1), writer.frame(0, 0, 60, 4, b"abcd")].concat();
    check(&bytes, &[(0, 1, b"abcd")], &[]);
    let both = [
        writer.pcap(0xa1b2_c3d4, 3, 1),
        writer.frame(0, 0, 60, 4, b"abcd"),
        writer.frame(0, 0, 4, 60, b"efgh"),
    ];
    check(&both.concat(), &[(0, 1, b"abcd"), (0, 1, b"efgh")], &[]);
}

#[test]
fn a_pcap_cut_anywhere_gives_what_came_before_and_a_note() {
    let writer = ORDERS[0];
    let whole =
        [writer.pcap(0xa1b2_c3d4, 4, 101), writer.frame(1, 0, 2, 2, b"ab"), writer.frame(2, 0, 2, 2, b"cd")]
            .concat();
    for len in 0..24 {
        assert!(CaptureReader::new(&whole[..len], &Limits::default()).is_err(), "{len}");
    }
    for len in 24..whole.len() {
        let (frames, notes) = read(&whole[..len]);
        assert_eq!(frames.len(), usize::from(len >= 42), "{len}");
        let at_border = len == 24 || len == 42;
        assert_eq!(notes, if at_border { vec![] } else { vec![NoteKind::Truncated] }, "{len}");
    }
    let mut reader = CaptureReader::new(&whole[..50], &Limits::default()).unwrap();
    while reader.next_frame().unwrap().is_some() {}
    assert_eq!(reader.notes()[0].offset, 42);
    assert!(reader.notes()[0].to_string().contains("byte 42"));
}

#[test]
fn absurd_lengths_are_refused() {
    let writer = ORDERS[0];
    let bytes = [writer.pcap(0xa1b2_c3d4, 4, 1), writer.frame(0, 0, u32::MAX, u32::MAX, b"abcd")].concat();
    check(&bytes, &[], &[NoteKind::FrameTooLong { bytes: u32::MAX }]);
    for len in [0_u32, 8, 13, u32::MAX] {
        let block =
            [writer.section(), writer.u32(5).to_vec(), writer.u32(len).to_vec(), vec![0; 40]].concat();
        check(&block, &[], &[NoteKind::BlockLength { bytes: len }]);
    }
    let long =
        [writer.section(), writer.u32(5).to_vec(), writer.u32(0x7fff_fff0).to_vec(), vec![0; 40]].concat();
    check(&long, &[], &[NoteKind::BlockTooLong { bytes: 0x7fff_fff0 }, NoteKind::Truncated]);
}

#[test]
fn what_is_no_capture_is_refused_with_its_first_bytes() {
    for bytes in [&b""[..], b"ab", b"GET / HTTP/1.1", &[0; 100]] {
        assert!(matches!(
            CaptureReader::new(bytes, &Limits::default()),
            Err(CaptureError::NotACapture(start)) if bytes.starts_with(&start)
        ));
    }
    let old = ORDERS[0].pcap(0xa1b2_c3d4, 4, 1);
    let other = [&old[..5], &[9], &old[6..]].concat();
    assert!(matches!(
        CaptureReader::new(&other[..], &Limits::default()),
        Err(CaptureError::Version { major: 9, .. })
    ));
}

#[test]
fn sections_interfaces_and_resolutions_of_pcapng_are_read() {
    for writer in ORDERS {
        let bytes = [
            writer.section(),
            writer.interface(1, 0, &[]),
            writer.interface(101, 0, &[(2, b"eth1"), (9, &[9]), (0, b"")]),
            writer.interface(113, 0, &[(9, &[0x8a])]),
            writer.interface(9, 0, &[(9, &[12])]),
            writer.interface(
                9,
                0,
                &[(14, &if writer.big { 5_i64.to_be_bytes() } else { 5_i64.to_le_bytes() })],
            ),
            writer.packet(0, 7, b"abc"),
            writer.packet(1, 7, b"abcd"),
            writer.packet(2, 2048, b"abcde"),
            writer.packet(3, 2500, b""),
            writer.packet(4, 7, b"x"),
            writer.block(0x0bad, b"what"),
            Writer { big: !writer.big }.section(),
            Writer { big: !writer.big }.interface(228, 0, &[]),
            Writer { big: !writer.big }.packet(0, 9, b"z"),
        ]
        .concat();
        check(
            &bytes,
            &[
                (7_000, 1, b"abc"),
                (7, 101, b"abcd"),
                (2_000_000_000, 113, b"abcde"),
                (2, 9, b""),
                (5_000_007_000, 9, b"x"),
                (9_000, 228, b"z"),
            ],
            &[],
        );
        assert_eq!(read(&bytes).0[0].2, 8);
    }
}

#[test]
fn simple_and_old_packet_blocks_are_read() {
    for writer in ORDERS {
        let simple = writer.block(3, &[&writer.u32(100)[..], b"abcd"].concat());
        let old = {
            // Two words of time, then the captured and the wire length.
            let mut body = [&writer.u16(0)[..], &writer.u16(9)].concat();
            for word in [0, 8, 2, 60] {
                body.extend(writer.u32(word));
            }
            body.extend(b"no");
            writer.block(2, &body)
        };
        let bytes = [writer.section(), writer.interface(1, 3, &[]), old, simple].concat();
        check(&bytes, &[(8_000, 1, b"no"), (8_000, 1, b"abc")], &[]);
        assert_eq!(read(&bytes).0[1].2, 100);
    }
}

#[test]
fn bad_blocks_are_passed_over_and_counted() {
    let writer = ORDERS[1];
    let too_long = writer.block(6, &[0, 0, 0, 50, 50].map(|word| writer.u32(word)).concat());
    let bytes = [
        writer.section(),
        writer.interface(1, 0, &[]),
        writer.packet(9, 7, b"abc"),
        too_long,
        writer.block(6, b"abcd"),
        writer.packet(0, 7, b"good"),
    ]
    .concat();
    check(
        &bytes,
        &[(7_000, 1, b"good")],
        &[NoteKind::UnknownInterface { interface: 9 }, NoteKind::FrameOutsideBlock, NoteKind::ShortBlock],
    );
    let mut reader = CaptureReader::new(&bytes[..], &Limits::default()).unwrap();
    while reader.next_frame().unwrap().is_some() {}
    assert_eq!((reader.stats().frames, reader.stats().frames_set_aside), (1, 3));
    assert_eq!((reader.format(), reader.offset()), (CaptureFormat::PcapNg, bytes.len() as u64));
    let mut differs = bytes.clone();
    let last = differs.len() - 4;
    differs[last] ^= 4;
    assert_eq!(read(&differs).1.last(), Some(&NoteKind::BlockTrailer));
}

#[test]
fn notes_and_interfaces_are_limited_and_counted() {
    let writer = ORDERS[1];
    let limits = Limits { notes: 2, interfaces: 3, ..Limits::default() };
    let mut bytes = writer.section();
    (0..5).for_each(|_| bytes.extend(writer.interface(1, 0, &[])));
    (0..5).for_each(|_| bytes.extend(writer.packet(9, 0, b"")));
    let mut reader = CaptureReader::new(&bytes[..], &limits).unwrap();
    assert!(reader.next_frame().unwrap().is_none());
    let stats = reader.stats();
    assert_eq!((reader.notes().len(), stats.notes_lost, stats.interfaces), (2, 5, 3));
}

#[test]
fn frames_longer_than_the_buffer_are_read() {
    let writer = ORDERS[0];
    let long = vec![7; 262_144];
    let mut bytes = writer.pcap(0xa1b2_c3d4, 4, 1);
    for _ in 0..3 {
        bytes.extend(writer.frame(0, 0, 262_144, 262_144, &long));
    }
    let mut reader = CaptureReader::new(&bytes[..], &Limits::default()).unwrap();
    let mut n = 0;
    while let Some(frame) = reader.next_frame().unwrap() {
        assert_eq!((frame.bytes, frame.link), (&long[..], LinkType::ETHERNET));
        n += 1;
    }
    assert_eq!(n, 3);
}
