//! The first words of common applications: DNS, TLS, QUIC, HTTP, DHCP, SSH.
//!
//! Each view reads the payload of one packet (or of a stream put together outside) and gives what is in clear text.
//! Names and other texts come from outside: they may hold anything and are to be shown escaped.

mod dhcp;
mod dns;
mod http;
mod ja4;
mod quic;
mod ssh;
mod stream_head;
mod tls;

pub use dhcp::Dhcp;
pub use dns::{Dns, DnsName, DnsQuestion, DnsRecord, DnsRecords};
pub use http::HttpRequest;
pub use quic::{QuicInitial, QuicVersion};
pub use ssh::SshBanner;
pub use stream_head::StreamHead;
pub use tls::{ClientHello, HelloTransport};

#[cfg(test)]
mod tests;
