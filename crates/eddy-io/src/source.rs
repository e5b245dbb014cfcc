//! From an input to frames.

use std::path::PathBuf;
use std::sync::Arc;

use eddy_flow::features::FeatureSet;
use eddy_flow::{ArpClaim, PacketSign};
use eddy_frame::{Frame, Role, Schema};
use serde::Serialize;

use crate::capture::{DampedSource, FeatureSource};
use crate::flowlog::{Flows, Kinds};
use crate::inputs::Named;
use crate::place::Place;
use crate::table::Table;
use crate::{ReadError, inputs};

/// Where bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// One file.
    File(PathBuf),
}

impl Input {
    /// The name shown to people: the path, or "-".
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// What the user said about columns. Names are matched exactly first, then without case, blanks and punctuation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The label column.
    pub label: Option<String>,
    /// The time column.
    pub time: Option<String>,
    /// Columns to use as features, and no others.
    pub features: Vec<String>,
    /// Columns to leave out.
    pub ignore: Vec<String>,
    /// Entity columns.
    pub entity: Vec<String>,
}

/// How to read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// What the user said about columns.
    pub overrides: Overrides,
    /// Most rows in one frame.
    pub batch_rows: usize,
    /// How many of the rows and cells set aside are kept to be shown.
    pub shown: usize,
    /// Most bytes that the table of flows takes while a capture of packets is read, with what is kept of their
    /// applications. When it is full, flows are told early and go on as further rows.
    pub max_flow_memory: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { overrides: Overrides::default(), batch_rows: 65_536, shown: 5, max_flow_memory: 256 << 20 }
    }
}

/// A row or cell that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// File.
    pub source: String,
    /// 1-based line, where the format has lines.
    pub line: Option<u64>,
    /// Column, when only one cell is at fault.
    pub column: Option<String>,
    /// What is wrong ("12 fields instead of 11").
    pub reason: String,
    /// The beginning of the text at fault (at most 120 characters).
    pub text: String,
}

/// What reading has met so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReadStats {
    /// Rows handed out.
    pub rows_read: u64,
    /// Rows that could not be read and were set aside.
    pub rows_set_aside: u64,
    /// Cells of rows handed out that were not of their column's kind and were treated as missing.
    pub cells_set_aside: u64,
    /// Uncompressed bytes read.
    pub bytes_read: u64,
    /// The first few rows and cells set aside.
    pub first_set_aside: Vec<SetAside>,
}

/// Name of a known table shape ("nsl_kdd", "metric_series"), and how it is called in prose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShapeName {
    /// Name in files and flags.
    pub id: String,
    /// Name in prose.
    pub title: String,
}

/// Something that was assumed, in words, so that the user can correct it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The column it is about, if one.
    pub column: Option<String>,
    /// What was assumed and why.
    pub text: String,
}

/// What was found out about an input before its rows were read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// Files, in reading order.
    pub sources: Vec<String>,
    /// Total size on disk in bytes, where known.
    pub bytes: Option<u64>,
    /// "CSV, comma, header, UTF-8, LF", "Parquet", ...
    pub format: String,
    /// The known shape it has.
    pub shape: ShapeName,
    /// Columns, with kind, role and unit.
    pub schema: Arc<Schema>,
    /// What was assumed.
    pub notes: Vec<Note>,
}

impl Description {
    /// Names of the columns with the given role.
    pub fn names(&self, role: Role) -> Vec<&str> {
        self.schema.with_role(role).filter_map(|idx| self.schema.fields.get(idx)).map(|f| &*f.name).collect()
    }
}

/// A stream of frames under one schema.
///
/// Whatever the format, the columns of a frame are: time [`eddy_frame::Kind::Time`], at most one with [`Role::Time`];
/// labels (at most one with [`Role::Label`]), categories and entities [`eddy_frame::Kind::Text`]; features and values
/// [`eddy_frame::Kind::Float`], or [`eddy_frame::Kind::Int`] where whole numbers have 16 to 18 digits. Identifiers, leak
/// suspects and ignored columns have whatever kind their values have.
pub trait Source: Send {
    /// What was found out before reading. At the end of an input notes are added on what came up while reading it.
    fn description(&self) -> &Description;

    /// The next frame, or nothing at the end. Frames of a source share one schema.
    fn next_frame(&mut self) -> Result<Option<Frame>, ReadError>;

    /// What was met so far.
    fn stats(&self) -> ReadStats;

    /// What ARP packets said of who has which address, as far as they were read; empty but for captures of packets.
    fn arp_claims(&self) -> Vec<ArpClaim> {
        Vec::new()
    }

    /// What single packets tell that nobody sends in good faith, as far as they were read; empty but for captures.
    fn packet_signs(&self) -> Vec<PacketSign> {
        Vec::new()
    }

    /// Starts again from the first row (standard input was spooled to a temporary file as it was read).
    fn rewind(&mut self) -> Result<(), ReadError>;
}

/// Opens one input or several of the same columns as one source. `paths` are files, folders, globs, or "-".
///
/// Captures of packets, export datagrams and logs of flows (Zeek, Suricata EVE, nfdump, Argus, AWS VPC) are brought onto
/// the columns that [`open_flows`] describes; several of them need not have the same columns.
pub fn open(paths: &[String], options: &ReadOptions) -> Result<Box<dyn Source>, ReadError> {
    let inputs = places(paths)?;
    match Flows::open(&inputs, options, Kinds::House)? {
        Some(flows) => Ok(Box::new(flows)),
        None => Ok(Box::new(Table::open(inputs.into_iter().map(|(place, _)| place).collect(), options)?)),
    }
}

/// Opens logs of flows as one source of flows.
///
/// One row is one flow, of both directions where the log has both. The columns are information elements of IPFIX, always
/// in the same order; only those that the logs know are there: `flowStartMilliseconds` (time),
/// `flowDurationMilliseconds` (float), `sourceAddress`, `destinationAddress` (text), `sourceTransportPort`,
/// `destinationTransportPort`, `protocolIdentifier`, `octetDeltaCount`, `packetDeltaCount`, `reverseOctetDeltaCount`,
/// `reversePacketDeltaCount`, `tcpControlBits`, `reverseTcpControlBits` (whole numbers), `connectionState` (Zeek's
/// letters), `applicationName`, `dnsQueryName` (text), `dnsQueryType`, `dnsResponseCode`, `dnsQueryCount`,
/// `dnsNameCount`, `dnsHighestEntropyLength` (whole numbers), `dnsHighestEntropy` (float),
/// `tlsServerName`, `tlsJa4`, `httpRequestHost`, `httpRequestTarget`, `httpUserAgent`, `sourceMacAddress`,
/// `destinationMacAddress` (text), `icmpTypeCodeIPv4`, `observationDomainId`, `samplingInterval` (whole numbers),
/// `label`, `alertSignature` (text). In [`open`] the same columns follow the kinds that [`Source`] promises: categories
/// are text there, counts floats.
///
/// # Errors
/// [`ReadError::NotATable`] when the inputs are no logs of flows.
pub fn open_flows(paths: &[String], options: &ReadOptions) -> Result<Box<dyn Source>, ReadError> {
    let inputs = places(paths)?;
    flows_of(&inputs, options)
}

/// Opens captures of packets as flows with features of [`eddy_flow::features`], besides the columns of [`open_flows`].
///
/// # Errors
/// [`ReadError::NotATable`] when an input is no capture.
pub fn open_flow_features(
    paths: &[String],
    options: &ReadOptions,
    set: FeatureSet,
) -> Result<Box<dyn Source>, ReadError> {
    let places = places(paths)?.into_iter().map(|(place, _)| place).collect();
    Ok(Box::new(FeatureSource::open(places, options, set)?))
}

/// Opens captures of packets as rows of packets with the statistics of [`eddy_flow::damped`]: time, number, sender,
/// receiver, length, and 100 numbers.
///
/// # Errors
/// [`ReadError::NotATable`] when an input is no capture.
pub fn open_damped_packets(paths: &[String], options: &ReadOptions) -> Result<Box<dyn Source>, ReadError> {
    let places = places(paths)?.into_iter().map(|(place, _)| place).collect();
    Ok(Box::new(DampedSource::open(places, options)?))
}

/// Opens bytes in memory as if they were a file called `name`.
pub fn open_bytes(name: &str, bytes: Vec<u8>, options: &ReadOptions) -> Result<Box<dyn Source>, ReadError> {
    let inputs = [(Place::memory(name, bytes)?, Named::Itself)];
    match Flows::open(&inputs, options, Kinds::House)? {
        Some(flows) => Ok(Box::new(flows)),
        None => Ok(Box::new(Table::open(inputs.map(|(place, _)| place).to_vec(), options)?)),
    }
}

/// Opens logs of flows in memory, each with its name, as [`open_flows`] does.
pub fn open_flow_bytes(
    logs: Vec<(&str, Vec<u8>)>,
    options: &ReadOptions,
) -> Result<Box<dyn Source>, ReadError> {
    let place = |(name, bytes)| Ok((Place::memory(name, bytes)?, Named::WithOthers));
    let inputs = logs.into_iter().map(place).collect::<Result<Vec<_>, ReadError>>()?;
    flows_of(&inputs, options)
}

fn flows_of(inputs: &[(Place, Named)], options: &ReadOptions) -> Result<Box<dyn Source>, ReadError> {
    match Flows::open(inputs, options, Kinds::Elements)? {
        Some(flows) => Ok(Box::new(flows)),
        None => Err(ReadError::NotATable {
            path: inputs.first().map(|(place, _)| place.name().to_string()).unwrap_or_default(),
            what: "this is no log of flows that Eddy knows".to_owned(),
            mend: "give a capture (pcap, pcapng), NetFlow or IPFIX datagrams, logs of Zeek (conn, dns, ssl, http), Suricata \
                   (EVE), nfdump (-o csv), Argus (binetflow) or AWS VPC, or a table with columns sourceAddress and \
                   destinationAddress"
                .to_owned(),
        }),
    }
}

/// The inputs that `paths` name.
fn places(paths: &[String]) -> Result<Vec<(Place, Named)>, ReadError> {
    inputs::resolve(paths)?
        .into_iter()
        .map(|(input, named)| {
            let place = match input {
                Input::Stdin => Place::stdin(),
                Input::File(path) => Place::file(path),
            };
            Ok((place?, named))
        })
        .collect()
}
