use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::{
    ClientHello, Dhcp, Dns, HelloTransport, HttpRequest, QuicInitial, QuicVersion, SshBanner, StreamHead,
};
use crate::{Limits, Packet, TCP_SYN, TcpHeader, protocol};

fn limits() -> Limits {
    Limits::default()
}

fn block16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A DNS message of one question and the answers given.
fn message(flags: u16, question: &[u8], answers: &[&[u8]]) -> Vec<u8> {
    let header = words(&[0x1234, flags, 1, answers.len() as u16, 0, 0]);
    [&header[..], question, &[0, 1, 0, 1], &answers.concat()].concat()
}

#[test]
fn a_query_and_its_answer_are_read() {
    let question = b"\x03www\x07example\x03com\0";
    let answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04";
    let bytes = message(0x8183, question, &[answer]);
    let dns = Dns::parse(&bytes, &limits()).unwrap();
    assert_eq!((dns.id, dns.is_response, dns.rcode, dns.counts), (0x1234, true, 3, [1, 1, 0, 0]));
    let asked = dns.question.unwrap();
    assert_eq!((asked.name.to_string().as_str(), asked.kind, asked.class), ("www.example.com", 1, 1));
    assert_eq!(asked.name.text_len(), 15);
    let found: Vec<_> =
        dns.answers().map(|record| (record.name.to_string(), record.ttl, record.data)).collect();
    assert_eq!(found, [("www.example.com".to_owned(), 60, &[1, 2, 3, 4][..])]);
    let over_tcp = block16(&bytes);
    assert_eq!(Dns::parse_tcp(&over_tcp, &limits()).unwrap().id, 0x1234);
}

#[test]
fn names_that_point_at_themselves_end() {
    for question in [&b"\xc0\x0c"[..], b"\x01a\xc0\x0c", b"\x01a\xc0\x0e\xc0\x0c"] {
        let bytes = message(0x0100, question, &[]);
        let dns = Dns::parse(&bytes, &limits()).unwrap();
        assert!(dns.question.unwrap().name.to_string().len() <= 2 * 64);
    }
    // 40 labels of 60 bytes are more than a name may have.
    let long = [b"\x3c".as_slice(), &[b'x'; 60]].concat().repeat(40);
    assert!(Dns::parse(&message(0x0100, &[&long[..], &[0]].concat(), &[]), &limits()).is_none());
}

#[test]
fn strange_bytes_of_names_are_escaped() {
    let bytes = message(0x0100, b"\x06a.\x1b\\ \xff\0", &[]);
    assert_eq!(
        Dns::parse(&bytes, &limits()).unwrap().question.unwrap().name.to_string(),
        r"a\.\027\\\032\255"
    );
    let root = message(0x0100, b"\0", &[]);
    assert_eq!(Dns::parse(&root, &limits()).unwrap().question.unwrap().name.to_string(), ".");
}

#[test]
fn what_is_no_dns_is_refused() {
    let no_room = words(&[1, 0x0100, 1, 500, 500, 500]);
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\n", &[0xff; 40], &no_room, &[0; 11]] {
        assert!(Dns::parse(bytes, &limits()).is_none(), "{bytes:?}");
    }
}

/// The client of the example in the specification of JA4: a browser.
fn hello() -> Vec<u8> {
    let ciphers: [u16; 16] = [
        0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
        0x009c, 0x009d, 0x002f, 0x0035,
    ];
    let algorithms = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
    let name = [&[0][..], &block16(b"example.org")].concat();
    let mut extensions = Vec::new();
    let mut extension =
        |kind: u16, value: &[u8]| extensions.extend([words(&[kind]), block16(value)].concat());
    extension(0x2a2a, b"");
    extension(0x0000, &block16(&name));
    extension(0x0017, b"");
    extension(0xff01, b"\0");
    extension(0x000a, &block16(&words(&[0x6a6a, 29, 23])));
    extension(0x000b, b"\x01\0");
    extension(0x0023, b"");
    extension(0x0010, &block16(b"\x02h2\x08http/1.1"));
    extension(0x0005, b"\x01\0\0\0\0");
    extension(0x000d, &block16(&words(&algorithms)));
    extension(0x0012, b"");
    extension(0x0033, b"\0\0");
    extension(0x002d, b"\x01\x01");
    extension(0x002b, &[&[6][..], &words(&[0x3a3a, 0x0304, 0x0303])].concat());
    extension(0x001b, b"\x02\0\x02");
    extension(0x4469, b"\0\0");
    extension(0x0015, &[0; 30]);
    let body =
        [&[3, 3][..], &[7; 32], &[0], &block16(&words(&ciphers)), &[1, 0], &block16(&extensions)].concat();
    let len = (body.len() as u32).to_be_bytes();
    [&[1][..], &len[1..], &body].concat()
}

fn record(handshake: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &block16(handshake)].concat()
}

#[test]
fn the_fingerprint_is_the_one_of_the_specification() {
    let bytes = record(&hello());
    let hello = ClientHello::parse(&bytes, &limits()).unwrap();
    assert!(hello.is_complete);
    assert_eq!(hello.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert_eq!(
        hello.ja4_raw(),
        "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9\
         _0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01\
         _0403,0804,0401,0503,0805,0501,0806,0601"
    );
    assert_eq!((hello.server_name_text(), hello.version()), (Some("example.org"), 0x0304));
    assert_eq!(hello.alpn, [&b"h2"[..], b"http/1.1"]);
}

#[test]
fn other_transports_change_the_first_letter() {
    let handshake = hello();
    let quic = ClientHello::from_handshake(&handshake, HelloTransport::Quic, &limits()).unwrap();
    assert_eq!(quic.ja4(), "q13d1516h2_8daaf6152771_e5627efa2ab1");
    // DTLS has a cookie after the session, its own versions, and a header of its own.
    let body =
        [&[0xfe, 0xfd][..], &[7; 32], &[0, 0], &block16(&words(&[0xc02b])), &[1, 0], &block16(b"")].concat();
    let len = &(body.len() as u32).to_be_bytes()[1..];
    let fragment = [&[1][..], len, &[0, 0, 0, 0, 0], len, &body].concat();
    let bytes = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0][..], &block16(&fragment)].concat();
    let dtls = ClientHello::parse_datagram(&bytes, &limits()).unwrap();
    assert_eq!(dtls.ja4(), "dd2i010000_648b5c445417_000000000000");
    assert!(dtls.is_complete);
}

#[test]
fn a_hello_cut_anywhere_is_read_as_far_as_it_goes() {
    let bytes = record(&hello());
    for len in 0..bytes.len() {
        if let Some(hello) = ClientHello::parse(&bytes[..len], &limits()) {
            assert!(!hello.is_complete, "{len}");
        }
    }
    let few = Limits { tls_items: 3, ..limits() };
    let hello = ClientHello::parse(&bytes, &few).unwrap();
    assert_eq!((hello.cipher_suites.len(), hello.extensions.len()), (3, 3));
}

#[test]
fn protocols_that_are_no_letters_are_shown_by_their_bytes() {
    let mut handshake = hello();
    let at = handshake.windows(2).position(|pair| pair == b"h2").unwrap();
    handshake[at..at + 2].copy_from_slice(&[0xab, 0xcd]);
    let hello = ClientHello::from_handshake(&handshake, HelloTransport::Tcp, &limits()).unwrap();
    assert_eq!(&hello.ja4()[..10], "t13d1516ad");
}

#[test]
fn quic_is_told_by_its_version_and_form() {
    let initial = |first: u8, version: u32| {
        [&[first][..], &version.to_be_bytes(), b"\x04abcd\x02ef\x01t\x40\x64", &[0; 100]].concat()
    };
    for (first, version, expect) in [
        (0xc0, 1, Some(QuicVersion::V1)),
        (0xd3, 0x6b33_43cf, Some(QuicVersion::V2)),
        (0xc3, 0xff00_001d, Some(QuicVersion::Draft(29))),
        (0xc3, 0x5130_3436, Some(QuicVersion::Google(46))),
        (0xc3, 0x1a2a_3a4a, Some(QuicVersion::Reserved)),
        (0xe0, 1, None),
        (0x40, 1, None),
        (0xc0, 0, None),
        (0xc0, 77, None),
    ] {
        let bytes = initial(first, version);
        let found = QuicInitial::parse(&bytes);
        assert_eq!(found.map(|initial| initial.known), expect, "{first:x} {version:x}");
        if let Some(initial) = found {
            assert_eq!(
                (initial.destination_id, initial.source_id, initial.token),
                (&b"abcd"[..], &b"ef"[..], &b"t"[..])
            );
        }
    }
}

#[test]
fn requests_of_http_are_read() {
    let bytes =
        b"GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nuser-agent:  curl/8\r\nX: 1\r\n\r\nHost: no\r\n";
    let request = HttpRequest::parse(bytes, &limits()).unwrap();
    assert_eq!((request.method, request.target, request.minor_version), ("GET", &b"/a?b=c"[..], Some(1)));
    assert_eq!((request.host, request.user_agent), (Some(&b"example.org"[..]), Some(&b"curl/8"[..])));
    let cut = HttpRequest::parse(b"POST /long/pa", &limits()).unwrap();
    assert_eq!((cut.target, cut.minor_version), (&b"/long/pa"[..], None));
    let cut = HttpRequest::parse(b"GET / HTTP/1.0\r\nHost: exam", &limits()).unwrap();
    assert_eq!((cut.minor_version, cut.host), (Some(0), None));
    for bytes in [&b"HTTP/1.1 200 OK\r\n"[..], b"GET\r\n", b"GET / FTP\r\n", b"FETCH / HTTP/1.1\r\n", b""] {
        assert_eq!(HttpRequest::parse(bytes, &limits()), None);
    }
}

#[test]
fn a_dhcp_request_tells_who_asks() {
    let mut bytes = vec![1, 1, 6, 0, 0, 0, 0, 9];
    bytes.resize(28, 0);
    bytes.extend([2, 0, 0, 0, 0, 7]);
    bytes.resize(236, 0);
    bytes.extend([
        99, 130, 83, 99, 53, 1, 3, 0, 12, 3, b'c', b'a', b'm', 50, 4, 10, 0, 0, 5, 55, 2, 1, 3, 255, 12, 1,
        b'x',
    ]);
    let request = Dhcp::parse(&bytes, &limits()).unwrap();
    assert_eq!((request.is_reply, request.transaction, request.message_type), (false, 9, 3));
    assert_eq!((request.client_mac, request.host_name), ([2, 0, 0, 0, 0, 7], Some(&b"cam"[..])));
    assert_eq!(request.requested_address, Some(Ipv4Addr::new(10, 0, 0, 5)));
    assert_eq!((request.parameter_list, request.vendor_class), (Some(&[1, 3][..]), None));
    assert!(Dhcp::parse(&bytes[..238], &limits()).is_none());
}

#[test]
fn banners_of_ssh_are_read() {
    let banner = SshBanner::parse(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\nmore").unwrap();
    assert_eq!(
        (banner.protocol, banner.software, banner.comment),
        (&b"2.0"[..], &b"OpenSSH_9.2p1"[..], Some(&b"Debian-2"[..]))
    );
    assert_eq!(SshBanner::parse(b"SSH-1.99-x\n").unwrap().comment, None);
    for bytes in [&b"SSH-2.0-never ends"[..], b"SSH-2.0\r\n", b"HTTP"] {
        assert_eq!(SshBanner::parse(bytes), None);
    }
}

fn segment(sequence: u32, flags: u16, payload: &[u8]) -> Packet<'_> {
    let tcp = TcpHeader { flags, sequence, ..TcpHeader::default() };
    Packet { protocol: protocol::TCP, tcp, payload, ..Packet::default() }
}

#[test]
fn a_hello_in_several_segments_is_put_together() {
    let bytes = record(&hello());
    let (one, rest) = bytes.split_at(100);
    let (two, three) = rest.split_at(150);
    // The numbers run over on the way, and the last segment comes before the second, which comes twice.
    let start = u32::MAX - 120;
    let mut head = StreamHead::default();
    assert!(!head.add(&segment(start, TCP_SYN, b""), &limits()));
    let start = start.wrapping_add(1);
    assert!(head.add(&segment(start, 0, one), &limits()));
    assert!(!ClientHello::parse(head.bytes(), &limits()).unwrap().is_complete);
    assert!(!head.add(&segment(start.wrapping_add(250), 0, three), &limits()));
    assert!(head.add(&segment(start.wrapping_add(100), 0, two), &limits()));
    assert!(!head.add(&segment(start.wrapping_add(100), 0, two), &limits()));
    assert_eq!(head.bytes(), bytes);
    assert_eq!(
        ClientHello::parse(head.bytes(), &limits()).unwrap().ja4(),
        "t13d1516h2_8daaf6152771_e5627efa2ab1"
    );
    // Another connection from the same port begins anew.
    head.add(&segment(7, TCP_SYN, b"x"), &limits());
    assert_eq!(head.bytes(), b"x");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_is_never_put_together_wrongly(
        segments in proptest::collection::vec((0_usize..300, 0_usize..60), 0..60),
        start in any::<u32>(),
    ) {
        let stream: Vec<u8> = (0..400_u32).map(|at| (at * 7 % 251) as u8).collect();
        let few = Limits { stream_head_bytes: 200, ..limits() };
        let mut head = StreamHead::default();
        head.add(&segment(start.wrapping_sub(1), TCP_SYN, b""), &few);
        for (at, len) in segments {
            let before = head.bytes().len();
            let grew = head.add(&segment(start.wrapping_add(at as u32), 0, &stream[at..at + len]), &few);
            prop_assert_eq!(grew, head.bytes().len() > before);
            prop_assert!(head.bytes().len() <= 200);
            prop_assert_eq!(head.bytes(), &stream[..head.bytes().len()]);
        }
    }
}
