//! Flow records as routers, switches and probes send them: NetFlow v5 and v9, IPFIX, sFlow v5.
//!
//! A [`Collector`] is given datagrams, one after another, with the address of the exporter and the time of receipt, and
//! hands out each record as a flat [`FlowRecord`] and as the list of its fields under IPFIX names. Templates are kept for
//! each exporter, observation domain and version apart, within quotas; nobody can push another's templates out by sending
//! many of his own.

mod elements;
mod netflow5;
mod record;
mod sets;
mod sflow;
mod templates;

use std::net::IpAddr;

use thiserror::Error;

use crate::cursor::Cursor;
use crate::limits::Limits;

pub use elements::{Element, ElementType, REVERSE, V9_SCOPE};
pub use record::{Field, Fields, FlowRecord, Record, Value};
pub use sflow::{InterfaceCounters, SampledPacket};
pub use templates::TemplateStats;

use templates::Templates;

/// Why a datagram was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It is shorter than the header of its version.
    #[error("the datagram of {len} bytes ends inside its header")]
    NoHeader {
        /// Its length.
        len: usize,
    },
    /// Its version is none of 5, 9, 10 (IPFIX) and sFlow's 5.
    #[error("export version {version} is not known")]
    Version {
        /// The version it tells of.
        version: u16,
    },
    /// Its header says something impossible.
    #[error("the header of the datagram is impossible")]
    Header,
}

/// The versions of export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExportVersion {
    /// NetFlow version 5: fixed records of IPv4.
    NetFlow5,
    /// NetFlow version 9: templates.
    NetFlow9,
    /// IPFIX: templates, variable lengths, enterprise elements.
    Ipfix,
    /// sFlow version 5: samples of packets, counters of interfaces.
    Sflow5,
}

/// One thing out of a datagram.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "one is made at a time and handed out by reference")]
pub enum Exported<'a> {
    /// A flow.
    Flow(Record<'a>),
    /// Something an exporter says about itself or its samplers.
    Options(Record<'a>),
    /// A sampled packet (sFlow).
    Sample(SampledPacket<'a>),
    /// The counters of an interface (sFlow).
    Counters(InterfaceCounters),
}

/// What came out of one datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Records handed out, options and counters included.
    pub records: u32,
    /// Templates taken in.
    pub templates: u32,
    /// Sets of data whose template is not known (yet).
    pub sets_without_template: u32,
    /// Sets, samples or templates that make no sense, or are beyond the limits.
    pub set_aside: u32,
    /// Bytes of the datagram that were read: fewer than it has where several messages stand in one file.
    pub consumed: usize,
}

/// Counts over all datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectorStats {
    /// Datagrams read.
    pub datagrams: u64,
    /// Datagrams refused.
    pub refused: u64,
    /// Records handed out.
    pub records: u64,
    /// Sets of data whose template was not known.
    pub sets_without_template: u64,
    /// Sets, samples and templates that make no sense.
    pub set_aside: u64,
    /// Sampling rates of 0, which cannot be and were read as 1.
    pub zero_rates: u64,
    /// Records whose times were bent into the window around the time of receipt.
    pub times_suspect: u64,
}

/// How far the message reaches that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// To the end of the bytes.
    Datagram,
    /// As far as it tells itself; others follow.
    Counted,
}

/// Whose templates: an exporter's address, its observation domain and the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Scope {
    pub(crate) exporter: IpAddr,
    pub(crate) domain: u32,
    pub(crate) version: ExportVersion,
}

/// What all records of a datagram have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    pub(crate) scope: Scope,
    pub(crate) received_ns: i64,
    /// The exporter's clock when it sent the datagram.
    pub(crate) export_ns: i64,
    /// Its time since start then, in milliseconds.
    pub(crate) uptime_ms: Option<u32>,
    /// How far times may lie from the time of receipt.
    pub(crate) window_ns: i64,
}

/// Decodes the datagrams of any number of exporters.
///
/// Memory: at most [`Limits::templates`] templates of at most [`Limits::template_fields`] fields of 16 bytes; exporters
/// that have long sent records are kept before those that only send templates. Cost: about 0.1 µs for a record of 20
/// fields.
#[derive(Debug)]
pub struct Collector {
    limits: Limits,
    templates: Templates,
    stats: CollectorStats,
}

impl Collector {
    /// A collector that knows no templates yet.
    pub fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), templates: Templates::new(limits), stats: CollectorStats::default() }
    }

    /// Reads one datagram and hands out what is in it.
    ///
    /// `received_ns` is the time of receipt in nanoseconds since 1970: the capture's, where the datagram comes from one.
    /// Where it is not known (`None`, a file of bare datagrams), the exporter's own clock counts.
    pub fn collect(
        &mut self,
        exporter: IpAddr,
        received_ns: impl Into<Option<i64>>,
        datagram: &[u8],
        mut each: impl FnMut(&Exported<'_>),
    ) -> Result<Outcome, ExportError> {
        self.collect_as(Extent::Datagram, exporter, received_ns.into(), datagram, &mut each)
    }

    /// Reads the first of several messages that stand one after another, as in a file of bare datagrams, and hands out
    /// what is in it; [`Outcome::consumed`] tells where the next one begins.
    ///
    /// NetFlow v9 does not tell how long a message is: it ends where the records that its header counts are used up, or
    /// where a set begins that cannot be one.
    pub fn collect_next(
        &mut self,
        exporter: IpAddr,
        received_ns: impl Into<Option<i64>>,
        messages: &[u8],
        mut each: impl FnMut(&Exported<'_>),
    ) -> Result<Outcome, ExportError> {
        self.collect_as(Extent::Counted, exporter, received_ns.into(), messages, &mut each)
    }

    fn collect_as(
        &mut self,
        extent: Extent,
        exporter: IpAddr,
        received_ns: Option<i64>,
        bytes: &[u8],
        each: &mut impl FnMut(&Exported<'_>),
    ) -> Result<Outcome, ExportError> {
        let result = self.dispatch(extent, exporter, received_ns, bytes, each);
        let stats = &mut self.stats;
        match &result {
            Ok(outcome) => {
                stats.datagrams = stats.datagrams.saturating_add(1);
                stats.records = stats.records.saturating_add(u64::from(outcome.records));
                stats.sets_without_template =
                    stats.sets_without_template.saturating_add(u64::from(outcome.sets_without_template));
                stats.set_aside = stats.set_aside.saturating_add(u64::from(outcome.set_aside));
            }
            Err(_) => stats.refused = stats.refused.saturating_add(1),
        }
        result
    }

    fn dispatch(
        &mut self,
        extent: Extent,
        exporter: IpAddr,
        received_ns: Option<i64>,
        datagram: &[u8],
        each: &mut impl FnMut(&Exported<'_>),
    ) -> Result<Outcome, ExportError> {
        let mut cursor = Cursor::new(datagram);
        let version = cursor.u16().ok_or(ExportError::NoHeader { len: datagram.len() })?;
        let scope = |domain, version| Scope { exporter, domain, version };
        let window_ns = self.limits.clock_window_ns;
        let context = |scope, export_ns: i64, uptime_ms| {
            let received_ns = received_ns.unwrap_or(export_ns);
            Context { scope, received_ns, export_ns, uptime_ms, window_ns }
        };
        let short = ExportError::NoHeader { len: datagram.len() };
        match version {
            5 => {
                let header = netflow5::header(&mut cursor).ok_or(short)?;
                let scope = scope(u32::from(header.engine), ExportVersion::NetFlow5);
                let context = context(scope, header.export_ns, Some(header.uptime_ms));
                Ok(netflow5::records(&header, cursor, datagram, &context, &mut self.stats, each))
            }
            9 => {
                let count = cursor.u16().ok_or(short)?;
                let uptime = cursor.u32().ok_or(short)?;
                let seconds = cursor.u32().ok_or(short)?;
                cursor.skip(4).ok_or(short)?;
                let domain = cursor.u32().ok_or(short)?;
                let scope = scope(domain, ExportVersion::NetFlow9);
                let context = context(scope, seconds_ns(seconds), Some(uptime));
                let count = (extent == Extent::Counted).then_some(u32::from(count));
                let header = datagram.len().saturating_sub(cursor.len());
                let mut outcome = self.sets(cursor, context, count, each);
                outcome.consumed = outcome.consumed.saturating_add(header);
                Ok(outcome)
            }
            10 => {
                let len = usize::from(cursor.u16().ok_or(short)?);
                let seconds = cursor.u32().ok_or(short)?;
                cursor.skip(4).ok_or(short)?;
                let domain = cursor.u32().ok_or(short)?;
                let body = len.checked_sub(16).ok_or(ExportError::Header)?;
                let body = Cursor::new(cursor.take_most(body));
                let scope = scope(domain, ExportVersion::Ipfix);
                let mut outcome = self.sets(body, context(scope, seconds_ns(seconds), None), None, each);
                outcome.consumed = len.min(datagram.len());
                Ok(outcome)
            }
            // sFlow's version has 4 bytes.
            0 => {
                let received_ns = received_ns.unwrap_or(0);
                sflow::collect(cursor, datagram.len(), &self.limits, received_ns, &mut self.stats, each)
            }
            version => Err(ExportError::Version { version }),
        }
    }

    fn sets(
        &mut self,
        body: Cursor<'_>,
        context: Context,
        count: Option<u32>,
        each: &mut impl FnMut(&Exported<'_>),
    ) -> Outcome {
        let mut reader = sets::Sets {
            limits: &self.limits,
            templates: &mut self.templates,
            stats: &mut self.stats,
            context,
            outcome: Outcome::default(),
        };
        reader.read(body, count, each);
        reader.outcome
    }

    /// Counts so far.
    pub fn stats(&self) -> CollectorStats {
        self.stats
    }

    /// Counts of the templates.
    pub fn template_stats(&self) -> TemplateStats {
        self.templates.stats()
    }
}

pub(crate) fn seconds_ns(seconds: u32) -> i64 {
    i64::from(seconds).saturating_mul(1_000_000_000)
}

#[cfg(test)]
mod tests;
