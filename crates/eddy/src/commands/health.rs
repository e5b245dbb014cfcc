//! `eddy health`

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use eddy_server::{Config, Doorbell};

/// Ask a server whether it is well; ends with 0 when it is. For the health checks of containers.
#[derive(Args)]
pub(crate) struct Health {
    /// Address and port of the server, with https:// before them where it speaks TLS; by default those of the
    /// configuration. The certificate is not verified, so https:// asks this machine alone
    #[arg(value_name = "ADDRESS:PORT", value_parser = door)]
    server: Option<Doorbell>,
    /// Configuration that the server was started with; the environment goes over it
    #[arg(long, short, value_name = "FILE.toml", conflicts_with = "server")]
    config: Option<PathBuf>,
}

/// Reads where to ask.
fn door(text: &str) -> Result<Doorbell, String> {
    let (tls, rest) = match text.split_once("://") {
        None => (false, text),
        Some(("http", rest)) => (false, rest),
        Some(("https", rest)) => (true, rest),
        Some((scheme, _)) => return Err(format!("{scheme}: http and https are spoken")),
    };
    let address: SocketAddr = rest
        .trim_end_matches('/')
        .parse()
        .map_err(|_| "an address and a port are needed, for example 127.0.0.1:7700".to_owned())?;
    if tls && !address.ip().is_loopback() {
        return Err("the certificate of another machine cannot be verified here; ask on that machine".into());
    }
    Ok(Doorbell { address, tls })
}

impl Health {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let door = match self.server {
            Some(door) => door,
            None => Doorbell::of(&Config::load(self.config.as_deref(), std::env::vars())?),
        };
        if door.ring().with_context(|| format!("{} does not answer", door.address))? {
            return Ok(0);
        }
        bail!("{}: not ready", door.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_address_and_by_what_it_speaks() {
        for (text, wanted) in [
            ("127.0.0.1:7700", Some(("127.0.0.1:7700", false))),
            ("http://192.0.2.1:80/", Some(("192.0.2.1:80", false))),
            ("https://127.0.0.1:7700", Some(("127.0.0.1:7700", true))),
            ("https://[::1]:1/", Some(("[::1]:1", true))),
            ("https://192.0.2.1:443", None),
            ("ftp://127.0.0.1:1", None),
            ("127.0.0.1", None),
        ] {
            let wanted = wanted.map(|(address, tls)| Doorbell { address: address.parse().unwrap(), tls });
            assert_eq!(door(text).ok(), wanted, "{text}");
        }
    }
}
