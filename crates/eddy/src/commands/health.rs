//! `eddy health`

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

/// Ask a server whether it is well; ends with 0 when it is. For the health checks of containers.
#[derive(Args)]
pub(crate) struct Health {
    /// Address and port of the server
    #[arg(default_value = "127.0.0.1:7700", value_name = "ADDRESS:PORT")]
    server: SocketAddr,
}

impl Health {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let patience = Duration::from_secs(3);
        let mut stream = TcpStream::connect_timeout(&self.server, patience)
            .with_context(|| format!("{} does not answer", self.server))?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(4_096).read_to_end(&mut answer)?;
        if answer.starts_with(b"HTTP/1.1 200") {
            return Ok(0);
        }
        bail!("{}: not ready", self.server)
    }
}
