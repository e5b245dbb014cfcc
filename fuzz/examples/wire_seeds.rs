//! Writes the seeds of the targets for captures, packets and flow records: `cargo run --example wire_seeds` in `fuzz/`.
//!
//! Everything is made here by hand; the same bytes come out each time.

use std::error::Error;
use std::fs;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    for (target, name, bytes) in seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn longs(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Some bytes with their length of two bytes before them.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&words(&[bytes.len() as u16])[..], bytes].concat()
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &words(&[kind]), payload].concat()
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len() as u16).to_be_bytes();
    let header = [0x45, 0, len[0], len[1], 0, 7, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&header[..], payload].concat()
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let address = |last: u8| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let len = (payload.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, len[0], len[1], next, 64][..], &address(1), &address(2), payload].concat()
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    [&words(&[source, destination, 8 + payload.len() as u16, 0])[..], payload].concat()
}

fn tcp(flags: u8, payload: &[u8]) -> Vec<u8> {
    let header = [
        0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x70, flags, 0x10, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4, 3, 3, 7,
        0,
    ];
    [&header[..], payload].concat()
}

/// Frames of Ethernet: plain, tagged, tunnelled, in fragments.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let query = ipv4(17, &udp(4000, 53, &dns()));
    let inner = ethernet(0x0800, &query);
    let over =
        |port, head: &[u8], rest: &[u8]| ethernet(0x0800, &ipv4(17, &udp(9, port, &[head, rest].concat())));
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[1; 6], &[10, 0, 0, 1], &[0; 6], &[10, 0, 0, 9]].concat();
    let extensions =
        [&[60, 0, 1, 4, 0, 0, 0, 0][..], &[44, 0, 1, 4, 0, 0, 0, 0], &[17, 0, 0, 1, 0, 0, 0, 9]].concat();
    vec![
        ("udp", inner.clone()),
        ("tcp", ethernet(0x0800, &ipv4(6, &tcp(2, b"")))),
        ("http", ethernet(0x0800, &ipv4(6, &tcp(0x18, HTTP)))),
        ("vlans", ethernet(0x88a8, &[&[0, 5, 0x81, 0, 0, 6, 8, 0][..], &query].concat())),
        ("labels", ethernet(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64][..], &query].concat())),
        ("pppoe", ethernet(0x8864, &[&[0x11, 0, 0, 9, 0, 60, 0, 0x21][..], &query].concat())),
        ("extensions", ethernet(0x86dd, &ipv6(0, &[extensions, udp(1, 2, b"x")].concat()))),
        ("arp", ethernet(0x0806, &arp)),
        ("icmp", ethernet(0x0800, &ipv4(1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &query].concat()))),
        ("sctp", ethernet(0x0800, &ipv4(132, &[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9]))),
        ("gre", ethernet(0x0800, &ipv4(47, &[&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7][..], &inner].concat()))),
        ("six_in_four", ethernet(0x0800, &ipv4(41, &ipv6(17, &udp(1, 2, b"x"))))),
        ("vxlan", over(4789, &[8, 0, 0, 0, 0, 0, 99, 0], &inner)),
        ("geneve", over(6081, &[1, 0, 0x65, 0x58, 0, 0, 3, 0, 0, 0, 0, 0], &inner)),
        ("gtp", over(2152, &[0x34, 0xff, 0, 9, 0, 0, 0, 4, 0, 0, 0, 0x85, 1, 0, 0, 0], &query)),
        ("teredo", over(3544, &[], &ipv6(17, &udp(1, 2, b"x")))),
        ("l2tp", over(1701, &[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], &query)),
        ("raw", query.clone()),
        ("llc", [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &query].concat()),
        ("wlan", [&[8, 1, 0, 0][..], &[1; 20], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &query].concat()),
        ("ppp", [&[0xff, 3, 0, 0x21][..], &query].concat()),
    ]
}

/// The same frame over IPv4 with some of its bytes set: where, and to what.
fn changed(frame: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    changes.iter().for_each(|&(at, byte)| frame[at] = byte);
    frame
}

/// Frames that tell something beside flows, each with its length and the seconds since the one before.
fn signs() -> Vec<(&'static str, Vec<u8>)> {
    let timed = |frames: &[Vec<u8>]| -> Vec<u8> {
        frames.iter().flat_map(|frame| [&[frame.len() as u8, 1][..], frame].concat()).collect()
    };
    let over = |protocol, payload: &[u8]| ethernet(0x0800, &ipv4(protocol, payload));
    let query = over(17, &udp(4000, 53, &dns()));
    let mut answer = over(17, &udp(53, 4000, &dns()));
    // From the second host to the first, the mark of an answer, and one of two ports.
    let back = [(29, 2), (33, 1), (44, 0x80)];
    answer = changed(&answer, &back);
    let other = changed(&answer, &[(11, 9), (answer.len() - 1, 77)]);
    let piece = |number: u8, at: u8, more: u8| {
        changed(&over(17, &udp(9, 9, &[7; 32])), &[(19, number), (20, more), (21, at)])
    };
    let break_off = |from: u8| changed(&over(6, &tcp(4, b"")), &[(37, from)]);
    let to_itself = changed(&over(6, &tcp(2, b"")), &[(33, 1)]);
    let redirect = over(1, &[&[5, 1, 0, 0, 10, 0, 0, 66][..], &query[14..]].concat());
    let unreachable = over(1, &[&[3, 4, 0, 0, 0, 0, 0, 40][..], &query[14..]].concat());
    let advert = [&[134, 0, 0, 0, 64, 0, 0, 0][..], &[0; 8]].concat();
    let neighbour =
        [&[136, 0, 0, 0, 0x20, 0, 0, 0][..], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[9, 2, 1, 2, 0, 0, 0, 0, 7]]
            .concat();
    let adapters: Vec<Vec<u8>> = (0..8).map(|idx| changed(&query, &[(9, idx), (10, 7), (11, idx)])).collect();
    vec![
        ("answers", timed(&[query.clone(), answer.clone(), other.clone(), other, answer])),
        ("fragments", timed(&[piece(1, 0, 0x20), piece(1, 3, 0x20), piece(2, 9, 0), piece(3, 255, 0x3f)])),
        ("resets", timed(&(0..9).map(break_off).collect::<Vec<_>>())),
        (
            "flags",
            timed(&[over(6, &tcp(0, b"")), over(6, &tcp(3, b"")), over(6, &tcp(0x29, b"")), to_itself]),
        ),
        (
            "messages",
            timed(&[
                redirect,
                unreachable,
                ethernet(0x86dd, &ipv6(58, &advert)),
                ethernet(0x86dd, &ipv6(58, &neighbour)),
            ]),
        ),
        ("adapters", timed(&adapters)),
    ]
}

fn captures() -> Vec<(&'static str, Vec<u8>)> {
    let mut big = longs(&[0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 1]);
    let mut little: Vec<u8> =
        [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 65_535, 101].iter().flat_map(|n| n.to_le_bytes()).collect();
    let section = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 0x0001_0000, u32::MAX, u32::MAX, 28];
    let mut blocks = longs(&section);
    blocks.extend(longs(&[1, 28, 0x0001_0000, 0, 0x0009_0001, 0x0900_0000, 28]));
    for (idx, (_, frame)) in (0_u32..).zip(frames()) {
        let len = frame.len() as u32;
        big.extend(longs(&[idx, 5, len, len]));
        big.extend(&frame);
        little.extend([idx, 5, len - 14, len - 14].iter().flat_map(|n| n.to_le_bytes()));
        little.extend(&frame[14..]);
        let mut padded = frame.clone();
        padded.resize(frame.len().next_multiple_of(4), 0);
        let whole = 32 + padded.len() as u32;
        blocks.extend(longs(&[6, whole, 0, 0, idx * 1000, len, len]));
        blocks.extend(&padded);
        blocks.extend(longs(&[whole]));
    }
    blocks.extend(longs(&[3, 20, 4, 0x4500_0000, 20]));
    vec![("big.pcap", big), ("little_nano.pcap", little), ("blocks.pcapng", blocks)]
}

const HTTP: &[u8] = b"GET /a HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\n\r\n";

fn dns() -> Vec<u8> {
    [
        &words(&[0x1234, 0x8180, 1, 1, 0, 0])[..],
        b"\x03www\x07example\x03com\0\0\x01\0\x01",
        b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04",
    ]
    .concat()
}

fn hello() -> Vec<u8> {
    let extension = |kind: u16, value: &[u8]| [words(&[kind]), sized(value)].concat();
    let extensions = [
        extension(0, &sized(&[&[0][..], &sized(b"example.org")].concat())),
        extension(13, &sized(&words(&[0x0403, 0x0804]))),
        extension(16, &sized(b"\x02h2\x08http/1.1")),
        extension(43, &[4, 3, 4, 3, 3]),
    ]
    .concat();
    let suites = sized(&words(&[0x1a1a, 0x1301, 0xc02f]));
    let body = [&[3, 3][..], &[7; 32], &[0], &suites, &[1, 0], &sized(&extensions)].concat();
    [&[1, 0][..], &sized(&body)].concat()
}

fn applications() -> Vec<(&'static str, Vec<u8>)> {
    let mut dhcp = vec![1, 1, 6, 0, 0, 0, 0, 9];
    dhcp.resize(236, 0);
    dhcp.extend([99, 130, 83, 99, 53, 1, 3, 12, 3, b'c', b'a', b'm', 50, 4, 10, 0, 0, 5, 55, 2, 1, 3, 255]);
    vec![
        ("dns", dns()),
        ("dns_tcp", sized(&dns())),
        ("tls", [&[22, 3, 1][..], &sized(&hello())].concat()),
        ("handshake", hello()),
        ("quic", [&[0xc0, 0, 0, 0, 1, 4][..], b"abcd\x02ef\x01t\x40\x64", &[0; 100]].concat()),
        ("http", HTTP.to_vec()),
        ("dhcp", dhcp),
        ("ssh", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n".to_vec()),
    ]
}

fn set(id: u16, body: &[u8]) -> Vec<u8> {
    [&words(&[id, body.len() as u16 + 4])[..], body].concat()
}

fn v9(sets: &[u8]) -> Vec<u8> {
    [&words(&[9, 2])[..], &longs(&[100_000, 1_700_000_000, 1, 1]), sets].concat()
}

fn ipfix(sets: &[u8]) -> Vec<u8> {
    [&words(&[10, 16 + sets.len() as u16])[..], &longs(&[1_700_000_000, 1, 1]), sets].concat()
}

fn datagrams() -> Vec<(&'static str, Vec<u8>)> {
    let fields = words(&[256, 6, 8, 4, 12, 4, 1, 4, 2, 8, 22, 4, 21, 4]);
    let options = words(&[257, 4, 8, 1, 4, 48, 1, 34, 4, 0]);
    let rate = [&[0, 0, 0, 0, 5][..], &longs(&[1000])].concat();
    let sets = [set(0, &fields), set(1, &options), set(257, &rate), set(256, &[1; 56])].concat();
    let enterprise = [words(&[300, 3, 27, 16, 460, 0xffff, 0x8001, 8]), longs(&[29305])].concat();
    let varied = [&[1; 16][..], b"\x03abc", &[0; 8], &[2; 16], b"\xff\0\x02ab", &[0; 8]].concat();
    let five = [&words(&[5, 2])[..], &longs(&[100_000, 1_700_000_000, 0, 1, 0x4064]), &[1; 96]].concat();
    let frame = ethernet(0x0800, &ipv4(17, &udp(4000, 53, b"abcd")));
    let header = [
        longs(&[1, 1500, 4, frame.len() as u32]),
        frame.clone(),
        vec![0; frame.len().next_multiple_of(4) - frame.len()],
    ]
    .concat();
    let sample = [longs(&[9, 3, 512, 100, 7, 3, 4, 1, 1, header.len() as u32]), header].concat();
    let counters = longs(&[4, 6, 0, 1000, 1, 3, 0, 5000, 1, 2, 3, 4, 5, 6, 0, 6000, 1, 2, 3, 4, 5, 0]);
    let counters = [longs(&[9, 4, 1, 1, counters.len() as u32]), counters].concat();
    let sflow = [
        longs(&[5, 1, 0x7f00_0001, 0, 1, 1000, 2, 1, sample.len() as u32]),
        sample,
        longs(&[2, counters.len() as u32]),
        counters,
    ]
    .concat();
    let message = ipfix(&[set(2, &enterprise), set(300, &varied)].concat());
    vec![
        ("netflow_5", sized(&five)),
        ("netflow_9", sized(&v9(&sets))),
        ("ipfix", sized(&message)),
        ("sflow", sized(&sflow)),
        (
            "several",
            [sized(&v9(&sets)), sized(&message), sized(&sflow), sized(&v9(&set(256, &[2; 28])))].concat(),
        ),
    ]
}

fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (target, made) in [
        ("capture", captures()),
        ("flows", captures()),
        ("packet", frames()),
        ("signs", signs()),
        ("application", applications()),
        ("flow_export", datagrams()),
    ] {
        seeds.extend(made.into_iter().map(|(name, bytes)| (target, name, bytes)));
    }
    seeds
}
