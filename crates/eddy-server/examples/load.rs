//! Sends one request over and over on some connections and says how fast the answers came: for `bench/serve.py`.
//!
//! `load ADDRESS:PORT PATH BODY CONNECTIONS SECONDS` prints one line of JSON. Connections are kept open where the other
//! side keeps them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, body, connections, seconds] = args.as_slice() else {
        eprintln!("load ADDRESS:PORT PATH BODY CONNECTIONS SECONDS");
        std::process::exit(2);
    };
    // A body may be large: then it is in a file.
    let body = body
        .strip_prefix('@')
        .map_or_else(|| body.clone(), |file| std::fs::read_to_string(file).unwrap_or_default());
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let connections: usize = connections.parse().unwrap_or(1);
    let span = Duration::from_secs_f64(seconds.parse().unwrap_or(5.0));
    let began = Instant::now();
    let mut micros: Vec<u64> = Vec::new();
    let (mut failed, mut statuses) = (0u64, std::collections::BTreeMap::<u16, u64>::new());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| client(address, request.as_bytes(), began, span)))
            .collect();
        for thread in threads {
            let (times, broken, seen) = thread.join().unwrap_or_default();
            micros.extend(times);
            failed += broken;
            for status in seen {
                *statuses.entry(status).or_default() += 1;
            }
        }
    });
    let took = began.elapsed().as_secs_f64();
    micros.sort_unstable();
    let at =
        |share: f64| micros.get(((micros.len() as f64 * share) as usize).min(micros.len().saturating_sub(1)));
    let ms = |share: f64| at(share).map_or(f64::NAN, |micros| *micros as f64 / 1e3);
    println!(
        "{{\"requests\": {}, \"per_second\": {:.1}, \"p50_ms\": {:.3}, \"p99_ms\": {:.3}, \"failed\": {failed}, \"statuses\": {:?}}}",
        micros.len(),
        micros.len() as f64 / took,
        ms(0.5),
        ms(0.99),
        statuses.keys().collect::<Vec<_>>()
    );
}

/// Times of answers, how many failed, and the statuses seen.
fn client(address: &str, request: &[u8], began: Instant, span: Duration) -> (Vec<u64>, u64, Vec<u16>) {
    let (mut times, mut failed, mut statuses) = (Vec::new(), 0, Vec::new());
    let mut kept: Option<TcpStream> = None;
    let mut buffer = Vec::with_capacity(1 << 16);
    while began.elapsed() < span {
        let start = Instant::now();
        let stream = kept.take().or_else(|| {
            let stream = TcpStream::connect(address).ok()?;
            let _ = stream.set_nodelay(true);
            Some(stream)
        });
        let Some(mut stream) = stream else {
            failed += 1;
            continue;
        };
        match answer(&mut stream, request, &mut buffer) {
            Some((status, keep)) => {
                times.push(start.elapsed().as_micros() as u64);
                if !statuses.contains(&status) {
                    statuses.push(status);
                }
                kept = keep.then_some(stream);
            }
            None => failed += 1,
        }
    }
    (times, failed, statuses)
}

/// The status of one answer, and whether the connection is kept.
fn answer(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Option<(u16, bool)> {
    stream.write_all(request).ok()?;
    buffer.clear();
    let mut piece = [0; 1 << 14];
    let (mut end, mut length, mut keep, mut status) = (None, 0, true, 0);
    loop {
        let n = stream.read(&mut piece).ok()?;
        buffer.extend_from_slice(&piece[..n]);
        if end.is_none()
            && let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&buffer[..at]).to_ascii_lowercase();
            status = head.split(' ').nth(1)?.parse().ok()?;
            length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())?;
            keep = head.starts_with("http/1.1") && !head.contains("connection: close");
            end = Some(at + 4);
        }
        if end.is_some_and(|end| buffer.len() >= end + length) {
            return Some((status, keep));
        }
        if n == 0 {
            return None;
        }
    }
}
