//! Any bytes at all: nothing panics, and nothing asks for memory by a length it was told.
#![expect(unsafe_code, reason = "an allocator that measures can only be written so; it hands everything on")]

#[path = "../../../testing/real_data.rs"]
mod real_data;
mod survival;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::PathBuf;

use eddy_wire::export::Collector;
use eddy_wire::{Limits, LinkType};
use proptest::prelude::*;
use real_data::{data, files};
use survival::{survive_capture, survive_datagram, survive_datagrams, survive_frame, survive_payload};

/// The system's allocator, which notes how much a thread has, and the most it had.
struct Measuring;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn change(by: isize) {
    let now = NOW.get() + by;
    NOW.set(now);
    MOST.set(MOST.get().max(now));
}

// SAFETY: every call is handed on as it is.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        change(layout.size().cast_signed());
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        change(-layout.size().cast_signed());
        // SAFETY: `at` came from `System`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Measuring = Measuring;

/// The most bytes that `work` had at once, besides what was there before.
fn most_bytes(work: impl FnOnce()) -> isize {
    let before = NOW.get();
    MOST.set(before);
    work();
    MOST.get() - before
}

/// What a capture reader with its buffer, and a collector, may take.
const CAPTURE_ROOM: isize = 2 << 20;

/// Random bytes after a beginning that opens the way.
fn begun(starts: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    let rest = proptest::collection::vec(any::<u8>(), 0..600);
    (proptest::sample::select(starts), rest).prop_map(|(start, rest)| [start, &rest].concat())
}

const CAPTURES: &[&[u8]] = &[
    b"",
    b"\xa1\xb2\xc3\xd4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
    b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\x71\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\x40\0\0\0",
    b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x1c",
    b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x1c\
      \0\0\0\x01\0\0\0\x14\0\x01\0\0\0\0\0\0\0\0\0\x14\0\0\0\x06\0\0\0\x40",
];

const FRAMES: &[&[u8]] = &[
    b"",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\x45\0\0\x60\0\0\0\0\x40",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\x86\xdd\x60\0\0\0\0\x60",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\x81\0\0\x01\x88\x47",
    b"\x45\0\0\x80\0\0\0\0\x40\x2f\0\0\x0a\0\0\x01\x0a\0\0\x02",
    b"\x45\0\0\x80\0\0\0\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02\x08\x68\x08\x68",
    b"\x60\0\0\0\0\x80\0\x40",
];

const PAYLOADS: &[&[u8]] = &[
    b"",
    b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0",
    b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\0\x01a\xc0\x0c",
    b"\x16\x03\x01\x01\0\x01\0\0\xfc\x03\x03",
    b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\x01\0\x01\0\0\xfc\0\0\0\0\0\0\0\xfc\xfe\xfd",
    b"\xc3\0\0\0\x01\x08",
    b"GET / HTTP/1.1\r\nHost: ",
    b"SSH-2.0-",
];

const DATAGRAMS: &[&[u8]] = &[
    b"",
    b"\0\x05\0\x1e",
    b"\0\x09\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    b"\0\x0a\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\x18\x01\0\0\x02\0\x01\xff\xff\0\x02\0\x04",
    b"\0\0\0\x05\0\0\0\x01\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\x01",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_capture_is_read_or_refused_in_little_memory(bytes in begun(CAPTURES)) {
        let most = most_bytes(|| { survive_capture(&bytes); });
        prop_assert!(most <= CAPTURE_ROOM, "{} bytes", most);
    }

    #[test]
    fn any_frame_is_read_without_allocating(bytes in begun(FRAMES)) {
        survive_frame(&bytes);
        let limits = Limits::default();
        let most = most_bytes(|| {
            for link in (0..300).map(LinkType) {
                let _ = eddy_wire::decode(link, &bytes, bytes.len() as u32, &limits);
            }
        });
        prop_assert_eq!(most, 0);
    }

    #[test]
    fn any_payload_is_read_in_little_memory(bytes in begun(PAYLOADS)) {
        let most = most_bytes(|| survive_payload(&bytes));
        prop_assert!(most <= 65_536 + 16 * bytes.len().cast_signed(), "{} bytes", most);
    }

    #[test]
    fn any_datagram_is_read_in_little_memory(bytes in begun(DATAGRAMS)) {
        let mut collector = Collector::new(&Limits::default());
        let most = most_bytes(|| { survive_datagram(&mut collector, &bytes, 0); });
        prop_assert!(most <= 65_536 + 16 * bytes.len().cast_signed(), "{} bytes", most);
    }

    #[test]
    fn any_row_of_datagrams_is_read(bytes in proptest::collection::vec(begun(DATAGRAMS), 0..4)) {
        let framed: Vec<u8> = bytes.iter().flat_map(|d| [&(d.len() as u16).to_be_bytes()[..], d].concat()).collect();
        survive_datagrams(&framed);
    }
}

#[test]
fn a_datagram_that_tells_of_four_thousand_million_samples_costs_nothing() {
    // The shape of a published attack on a decoder that made room by the count.
    let mut datagram = b"\0\0\0\x05\0\0\0\x01\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff".to_vec();
    datagram.extend([0xff; 76]);
    let mut collector = Collector::new(&Limits::default());
    let most = most_bytes(|| {
        assert_eq!(survive_datagram(&mut collector, &datagram, 0), 0);
    });
    assert_eq!((most, collector.stats().set_aside), (0, 1));
}

#[test]
fn a_flood_of_templates_stays_within_its_room() {
    let limits = Limits { templates: 2000, exporters: 100, templates_per_exporter: 50, ..Limits::default() };
    let mut collector = Collector::new(&limits);
    let mut set = Vec::new();
    let most = most_bytes(|| {
        for source in 0..3000_u32 {
            set.clear();
            set.extend(b"\0\x09\0\x04\0\0\0\0\0\0\0\0\0\0\0\0");
            set.extend(source.to_be_bytes());
            set.extend(b"\0\0\x02\xd4");
            for id in 256..346_u16 {
                set.extend(id.to_be_bytes());
                set.extend(b"\0\x01\0\x01\0\x04");
            }
            survive_datagram(&mut collector, &set, 0);
        }
    });
    let stats = collector.template_stats();
    assert!(stats.kept <= 2000 && stats.exporters <= 100, "{stats:?}");
    assert!(stats.exporters_evicted > 2000 && stats.evicted > 3000 * 30, "{stats:?}");
    assert!(most < 1 << 20, "{most} bytes");
}

#[test]
fn every_real_capture_is_read_in_little_memory() {
    let Some(folder) = data("pcap") else { return };
    let is_capture =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == "pcap" || ending == "pcapng");
    for path in files(&folder).into_iter().filter(is_capture) {
        let bytes = std::fs::read(&path).unwrap();
        let most = most_bytes(|| {
            survive_capture(&bytes);
        });
        // A sixteenth of what is allowed.
        assert!(most <= 4 << 20, "{}: {most} bytes", path.display());
    }
}
