//! The line that both sides of SSH begin with (RFC 4253, section 4.2).

/// The banner of an SSH client or server. Texts come from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SshBanner<'a> {
    /// The version of the protocol: "2.0", or "1.99" for both.
    pub protocol: &'a [u8],
    /// The program, such as `OpenSSH_9.2p1`.
    pub software: &'a [u8],
    /// What follows after a space.
    pub comment: Option<&'a [u8]>,
}

/// Longest banner.
const LONGEST: usize = 255;

impl<'a> SshBanner<'a> {
    /// Reads the first payload of a connection.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let rest = payload.strip_prefix(b"SSH-")?;
        let end = rest.iter().take(LONGEST).position(|byte| matches!(byte, b'\r' | b'\n'))?;
        let line = rest.get(..end)?;
        let dash = line.iter().position(|byte| *byte == b'-')?;
        let (protocol, rest) = line.split_at_checked(dash)?;
        let rest = rest.get(1..)?;
        let (software, comment) = match rest.iter().position(|byte| *byte == b' ') {
            Some(space) => rest.split_at_checked(space).map(|(software, rest)| (software, rest.get(1..)))?,
            None => (rest, None),
        };
        Some(Self { protocol, software, comment })
    }
}
