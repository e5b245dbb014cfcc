//! DHCP over IPv4 (RFC 2131, 2132).

use std::net::Ipv4Addr;

use crate::cursor::Cursor;
use crate::limits::Limits;

/// A message of DHCP. Texts come from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dhcp<'a> {
    /// It comes from a server.
    pub is_reply: bool,
    /// The number that question and answer share.
    pub transaction: u32,
    /// The kind of message (option 53): 1 discover, 2 offer, 3 request, 5 acknowledge; 0 plain BOOTP.
    pub message_type: u8,
    /// The client's hardware address.
    pub client_mac: [u8; 6],
    /// The address that the server gives.
    pub your_address: Ipv4Addr,
    /// The address that the client wants (option 50).
    pub requested_address: Option<Ipv4Addr>,
    /// The server (option 54).
    pub server: Option<Ipv4Addr>,
    /// The first router that the server names (option 3).
    pub router: Option<Ipv4Addr>,
    /// The name of the client (option 12).
    pub host_name: Option<&'a [u8]>,
    /// What the client is (option 60).
    pub vendor_class: Option<&'a [u8]>,
    /// The options that the client asks for (option 55), a fingerprint of its system.
    pub parameter_list: Option<&'a [u8]>,
}

impl<'a> Dhcp<'a> {
    /// Reads the payload of a datagram.
    pub fn parse(payload: &'a [u8], limits: &Limits) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let [operation @ (1 | 2), _, _, _] = cursor.array()? else { return None };
        let transaction = cursor.u32()?;
        cursor.skip(8)?;
        let your_address = Ipv4Addr::from(cursor.array::<4>()?);
        cursor.skip(8)?;
        let client_mac = cursor.array()?;
        cursor.skip(10 + 64 + 128)?;
        if cursor.array()? != [99, 130, 83, 99] {
            return None;
        }
        let mut message = Self {
            is_reply: operation == 2,
            transaction,
            message_type: 0,
            client_mac,
            your_address,
            requested_address: None,
            server: None,
            router: None,
            host_name: None,
            vendor_class: None,
            parameter_list: None,
        };
        for _ in 0..limits.options {
            match cursor.u8() {
                Some(0) => {}
                None | Some(255) => break,
                Some(kind) => {
                    let Some(value) = cursor.block8() else { break };
                    message.option(kind, value);
                }
            }
        }
        Some(message)
    }

    fn option(&mut self, kind: u8, value: &'a [u8]) {
        let address = || <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from);
        match kind {
            3 => self.router = value.first_chunk::<4>().map(|first| Ipv4Addr::from(*first)),
            12 => self.host_name = Some(value),
            50 => self.requested_address = address(),
            53 => self.message_type = value.first().copied().unwrap_or(0),
            54 => self.server = address(),
            55 => self.parameter_list = Some(value),
            60 => self.vendor_class = Some(value),
            _ => {}
        }
    }
}
