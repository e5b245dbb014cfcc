//! Asking a server of this machine whether it is well.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::Config;

/// Longest wait for each piece of the answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// What a server that is well begins its answer with.
const WELL: &[u8; 12] = b"HTTP/1.1 200";

/// Where a server is asked, and how it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doorbell {
    /// Address and port.
    pub address: SocketAddr,
    /// Whether it speaks TLS. Its certificate is looked at by nobody: nothing secret is sent, and nothing is believed but
    /// that it is well.
    pub tls: bool,
}

impl Doorbell {
    /// That of the server which a configuration starts on this machine.
    pub fn of(config: &Config) -> Self {
        let mut address = config.server.listen;
        // Who listens to every address listens to that of this machine.
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(IpAddr::from([127, 0, 0, 1])),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Self { address, tls: config.server.tls.is_some() }
    }

    /// Asks; true when the server can work.
    pub fn ring(&self) -> io::Result<bool> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        if !self.tls {
            return ask(stream);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        let name = ServerName::from(self.address.ip());
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        ask(StreamOwned::new(connection, stream))
    }
}

fn ask(mut stream: impl Read + Write) -> io::Result<bool> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut begin = [0; WELL.len()];
    stream.read_exact(&mut begin)?;
    Ok(&begin == WELL)
}

/// Takes any certificate whose key the other end holds.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_is_that_of_the_configuration() {
        for (listen, wanted) in [
            ("0.0.0.0:7700", "127.0.0.1:7700"),
            ("[::]:1", "[::1]:1"),
            ("192.0.2.1:2", "192.0.2.1:2"),
            ("127.0.0.1:3", "127.0.0.1:3"),
        ] {
            let mut config = Config::default();
            config.server.listen = listen.parse().unwrap();
            let door = Doorbell::of(&config);
            assert_eq!((door.address, door.tls), (wanted.parse().unwrap(), false));
        }
    }
}
