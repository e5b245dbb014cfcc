//! DNS messages (RFC 1035).

use std::fmt;
use std::fmt::Write as _;

use crate::cursor::{Cursor, u16_at};
use crate::limits::Limits;

/// Longest name, in bytes of its wire form (RFC 1035, section 3.1).
const LONGEST_NAME: usize = 255;

/// A name inside a message; it is put together only when it is asked for.
#[derive(Clone, Copy)]
pub struct DnsName<'a> {
    message: &'a [u8],
    offset: usize,
    pointers: u8,
}

impl<'a> DnsName<'a> {
    /// The labels, until the name ends or makes no sense: after [`Limits::name_pointers`] pointers, or 255 bytes.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (message, mut at, mut pointers) = (self.message, self.offset, self.pointers);
        let mut left = LONGEST_NAME;
        std::iter::from_fn(move || {
            loop {
                let len = usize::from(*message.get(at)?);
                match len >> 6 {
                    0 if len == 0 => return None,
                    0 => {
                        left = left.checked_sub(len)?.checked_sub(1)?;
                        let start = at.checked_add(1)?;
                        let end = start.checked_add(len)?;
                        let label = message.get(start..end)?;
                        at = end;
                        return Some(label);
                    }
                    3 => {
                        pointers = pointers.checked_sub(1)?;
                        at = usize::from(u16_at(message, at)? & 0x3fff);
                    }
                    _ => return None,
                }
            }
        })
    }

    /// How long the name is as text.
    pub fn text_len(&self) -> usize {
        self.labels()
            .map(|label| label.len().saturating_add(1))
            .fold(0, usize::saturating_add)
            .saturating_sub(1)
    }
}

impl fmt::Display for DnsName<'_> {
    /// As in zone files: dots between labels, and `\DDD` for what is not plain ASCII. The root is a dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut empty = true;
        for label in self.labels() {
            if !empty {
                f.write_str(".")?;
            }
            empty = false;
            for byte in label {
                match byte {
                    b'.' | b'\\' => {
                        f.write_char('\\')?;
                        f.write_char(char::from(*byte))?;
                    }
                    0x21..=0x7e => f.write_char(char::from(*byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
        }
        if empty { f.write_str(".") } else { Ok(()) }
    }
}

impl fmt::Debug for DnsName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct DnsQuestion<'a> {
    /// The name.
    pub name: DnsName<'a>,
    /// The type: 1 A, 28 AAAA, 16 TXT, ...
    pub kind: u16,
    /// The class: 1 Internet. Multicast DNS uses the upper bit for itself.
    pub class: u16,
}

/// One record of an answer.
#[derive(Clone, Copy, Debug)]
pub struct DnsRecord<'a> {
    /// The name it is about.
    pub name: DnsName<'a>,
    /// The type.
    pub kind: u16,
    /// The class.
    pub class: u16,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// Its data.
    pub data: &'a [u8],
}

/// A DNS message, as far as its header and first question.
#[derive(Clone, Copy, Debug)]
pub struct Dns<'a> {
    /// The number that question and answer share.
    pub id: u16,
    /// It is an answer.
    pub is_response: bool,
    /// The kind of question: 0 a query.
    pub opcode: u8,
    /// It was cut, to be asked again over TCP.
    pub is_truncated: bool,
    /// The response code: 0 fine, 2 failure, 3 no such name.
    pub rcode: u8,
    /// How many questions, answers, authorities and additional records there are said to be.
    pub counts: [u16; 4],
    /// The first question.
    pub question: Option<DnsQuestion<'a>>,
    message: &'a [u8],
    pointers: u8,
    records: u16,
}

impl<'a> Dns<'a> {
    /// Reads a message without the length that TCP puts before it. Nothing for what cannot be DNS: a header that is too
    /// short, impossible counts, a question that does not fit.
    pub fn parse(message: &'a [u8], limits: &Limits) -> Option<Self> {
        let mut cursor = Cursor::new(message);
        let [id, flags, questions, answers, authorities, additional] =
            [cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?];
        let [high, low] = flags.to_be_bytes();
        let opcode = (high >> 3) & 0x0f;
        let least = [(questions, 5_usize), (answers, 11), (authorities, 11), (additional, 11)];
        let room = least
            .iter()
            .fold(0_usize, |sum, (n, len)| sum.saturating_add(usize::from(*n).saturating_mul(*len)));
        // The reserved bit, operations that nobody uses, and more records than there is room for.
        if low & 0x40 != 0 || opcode > 6 || (room > cursor.len() && high & 0x02 == 0) {
            return None;
        }
        let mut dns = Self {
            id,
            is_response: high & 0x80 != 0,
            opcode,
            is_truncated: high & 0x02 != 0,
            rcode: low & 0x0f,
            counts: [questions, answers, authorities, additional],
            question: None,
            message,
            pointers: limits.name_pointers,
            records: limits.dns_records,
        };
        if questions > 0 {
            dns.question = Some(dns.question_at(&mut 12)?);
        }
        Some(dns)
    }

    /// Reads a message over TCP, after its length; the message may go on in the next segment.
    pub fn parse_tcp(payload: &'a [u8], limits: &Limits) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let len = usize::from(cursor.u16()?);
        if len < 12 {
            return None;
        }
        Self::parse(cursor.take_most(len), limits)
    }

    fn name(&self, at: &mut usize) -> Option<DnsName<'a>> {
        let offset = *at;
        *at = name_end(self.message, offset)?;
        Some(DnsName { message: self.message, offset, pointers: self.pointers })
    }

    fn question_at(&self, at: &mut usize) -> Option<DnsQuestion<'a>> {
        let name = self.name(at)?;
        let kind = u16_at(self.message, *at)?;
        let class = u16_at(self.message, at.checked_add(2)?)?;
        *at = at.checked_add(4)?;
        Some(DnsQuestion { name, kind, class })
    }

    /// The records of all three sections, until they end or make no sense.
    pub fn records(&self) -> DnsRecords<'a> {
        let [questions, answers, authorities, additional] = self.counts;
        let mut at = 12;
        let skipped = (0..questions.min(self.records)).all(|_| self.question_at(&mut at).is_some());
        let n = answers.saturating_add(authorities).saturating_add(additional).min(self.records);
        DnsRecords { dns: *self, at, left: if skipped && questions <= self.records { n } else { 0 } }
    }

    /// The records that answer.
    pub fn answers(&self) -> impl Iterator<Item = DnsRecord<'a>> + use<'a> {
        self.records().take(usize::from(self.counts[1]))
    }
}

/// Where the name at `at` ends: after the root, or after a pointer.
fn name_end(message: &[u8], mut at: usize) -> Option<usize> {
    let most = at.checked_add(LONGEST_NAME)?;
    while at < most {
        let len = usize::from(*message.get(at)?);
        match len >> 6 {
            0 if len == 0 => return at.checked_add(1),
            0 => at = at.checked_add(len)?.checked_add(1)?,
            3 => return at.checked_add(2).filter(|end| *end <= message.len()),
            _ => return None,
        }
    }
    None
}

/// Goes through the records of a message.
#[derive(Clone, Debug)]
pub struct DnsRecords<'a> {
    dns: Dns<'a>,
    at: usize,
    left: u16,
}

impl<'a> Iterator for DnsRecords<'a> {
    type Item = DnsRecord<'a>;

    fn next(&mut self) -> Option<DnsRecord<'a>> {
        self.left = self.left.checked_sub(1)?;
        let record = self.record();
        if record.is_none() {
            self.left = 0;
        }
        record
    }
}

impl<'a> DnsRecords<'a> {
    fn record(&mut self) -> Option<DnsRecord<'a>> {
        let DnsQuestion { name, kind, class } = self.dns.question_at(&mut self.at)?;
        let mut cursor = Cursor::new(self.dns.message.get(self.at..)?);
        let ttl = cursor.u32()?;
        let data = cursor.block16()?;
        self.at = self.dns.message.len().checked_sub(cursor.len())?;
        Some(DnsRecord { name, kind, class, ttl, data })
    }
}
