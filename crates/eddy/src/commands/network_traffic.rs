//! `eddy generate --as`: the traffic of an office as packets, flows, logs or exported records.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use eddy_frame::{TimeStyle, format_time};
use eddy_io::{ByteWriter, TableWriter};
use eddy_sim::{
    Behaviour, BehaviourEvent, BehaviourPlanting, FlowTable, Label, NetflowExporter, NetflowVersion,
    OfficeSpec, OfficeTraffic, Packets, ZeekLogs, pcap_header, pcap_record,
};
use serde_json::json;

use crate::commands::generate::Place;
use crate::terminal;

/// Bytes gathered before they are written.
const CHUNK_BYTES: usize = 1 << 20;
/// Packets longer than this are cut unless asked otherwise; none is.
const SNAP_BYTES: u32 = 262_144;

/// How the traffic of an office is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // A capture file of whole packets
    Pcap,
    // A table with one row a flow in both directions; the ending of --out names the format
    Flows,
    // A folder with conn.log, dns.log, ssl.log and http.log
    Zeek,
    // What a router exports: a capture of its datagrams for .pcap, else the datagrams one after the other
    Netflow,
}

/// Options of `--as`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Traffic of an office")]
pub(crate) struct NetworkOptions {
    /// Write the traffic of an office with workstations, servers, cameras and a router: whole packets, a table of
    /// flows, a folder of Zeek logs, or what a router exports (a capture of its datagrams for .pcap, else the datagrams
    /// one after the other). The same seed gives the same traffic in every form
    #[arg(long = "as", value_name = "FORM", id = "format")]
    format: Option<Format>,
    /// What to plant: NAME, NAME@HOUR, or NAME@HOUR+HOURS*STRENGTH; `default` for a mix of ten, `all` for everything,
    /// nothing for clean traffic. One of horizontal-scan, vertical-scan, slow-scan, fin-scan, null-scan, xmas-scan,
    /// syn-flood, udp-amplification, brute-force, beaconing, exfiltration, dns-tunnel, icmp-tunnel, lateral-spread,
    /// silence, wrong-port, arp-spoofing (seen in packets only)
    #[arg(long, value_name = "BEHAVIOUR,...", value_delimiter = ',', requires = "format")]
    plant: Vec<String>,
    /// Scales how often hosts talk, 0 to 100; 0 leaves nothing but what is planted
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", requires = "format")]
    rate: f64,
    /// Cut packets of a capture to so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = SNAP_BYTES, requires = "format",
        value_parser = clap::value_parser!(u32).range(14..=262_144))]
    snap_length: u32,
    /// Version of the exported records: 5 (IPv4 only) or 9
    #[arg(long, value_name = "5|9", default_value_t = 9, requires = "format",
        value_parser = clap::value_parser!(u8).range(5..=9))]
    netflow_version: u8,
}

impl NetworkOptions {
    /// Whether the traffic of an office is asked for.
    pub(crate) fn is_wanted(&self) -> bool {
        self.format.is_some()
    }

    /// Generates the traffic, writes it, and says what was written.
    pub(crate) fn run(
        &self,
        mut spec: OfficeSpec,
        label: Label,
        out: &Path,
        truth: Option<&Path>,
    ) -> anyhow::Result<u8> {
        let format = self.format.context("--as is missing")?;
        spec.rate = self.rate;
        self.plantings(format, &mut spec)?;
        if let Some(path) = truth
            && path.extension().is_none_or(|ending| ending != "json")
        {
            bail!("--truth {}: with --as the truth is written as .json", path.display());
        }
        let mut traffic = OfficeTraffic::new(&spec)?;
        let written = match format {
            Format::Pcap => self.pcap(&mut traffic, out)?,
            Format::Flows => flows(&mut traffic, label, out)?,
            Format::Zeek => zeek(&mut traffic, out)?,
            Format::Netflow => self.netflow(&mut traffic, out)?,
        };
        // Without packets nobody sees ARP.
        let shown: Vec<&BehaviourEvent> =
            traffic.events().iter().filter(|event| is_shown(event.kind, format)).collect();
        if let Some(path) = truth {
            write_truth(path, &spec, &traffic, &shown)?;
        }
        if out.as_os_str() != "-" {
            let name = terminal::plain(&out.display().to_string());
            let mut text = format!("wrote      {name}: {written}\n");
            for event in shown {
                let _ = writeln!(text, "planted    {}", event_line(event));
            }
            terminal::print(&text)?;
        }
        Ok(0)
    }

    fn plantings(&self, format: Format, spec: &mut OfficeSpec) -> anyhow::Result<()> {
        for text in &self.plant {
            match text.as_str() {
                "none" | "" => {}
                "default" => spec.behaviours.extend(Behaviour::MIX.map(BehaviourPlanting::new)),
                "all" => spec.behaviours.extend(Behaviour::ALL.map(BehaviourPlanting::new)),
                text => {
                    let place = Place::parse(text, "--plant")?;
                    let behaviour = Behaviour::parse(place.name)?;
                    if !is_shown(behaviour, format) {
                        bail!("--plant {behaviour}: ARP is seen in packets only; use --as pcap");
                    }
                    spec.behaviours.push(BehaviourPlanting {
                        behaviour,
                        at_hours: place.at_hours,
                        duration_hours: place.duration_hours,
                        strength: place.strength,
                    });
                }
            }
        }
        Ok(())
    }

    fn pcap(&self, traffic: &mut OfficeTraffic, out: &Path) -> anyhow::Result<String> {
        let mut writer = ByteWriter::create(out)?;
        let mut chunk = pcap_header(self.snap_length).to_vec();
        let mut packets = Packets::new(traffic);
        let mut frame = Vec::new();
        let mut n_packets = 0u64;
        while let Some((at_ns, _)) = packets.next_into(&mut frame) {
            pcap_record(at_ns, self.snap_length, &frame, &mut chunk);
            n_packets += 1;
            if chunk.len() >= CHUNK_BYTES {
                writer.write(&chunk)?;
                chunk.clear();
            }
        }
        writer.write(&chunk)?;
        writer.finish()?;
        Ok(format!("{n_packets} packets"))
    }

    fn netflow(&self, traffic: &mut OfficeTraffic, out: &Path) -> anyhow::Result<String> {
        let version = match self.netflow_version {
            5 => NetflowVersion::V5,
            9 => NetflowVersion::V9,
            other => bail!("--netflow-version {other}: write 5 or 9"),
        };
        let name = out.to_string_lossy().to_ascii_lowercase();
        let is_capture =
            [".pcap", ".pcap.gz", ".pcap.zst", ".cap"].iter().any(|ending| name.ends_with(ending));
        let mut writer = ByteWriter::create(out)?;
        let mut chunk = if is_capture { pcap_header(self.snap_length).to_vec() } else { Vec::new() };
        let mut exporter = NetflowExporter::new(version);
        let mut n_datagrams = 0u64;
        let mut write = |datagrams: Vec<eddy_sim::Datagram>, chunk: &mut Vec<u8>| {
            for datagram in datagrams {
                n_datagrams += 1;
                if is_capture {
                    pcap_record(datagram.at_ns, self.snap_length, &datagram.frame(), chunk);
                } else {
                    chunk.extend_from_slice(&datagram.bytes);
                }
            }
        };
        for flow in traffic {
            write(exporter.push(&flow), &mut chunk);
            if chunk.len() >= CHUNK_BYTES {
                writer.write(&chunk)?;
                chunk.clear();
            }
        }
        write(exporter.finish(), &mut chunk);
        writer.write(&chunk)?;
        writer.finish()?;
        let mut text = format!("{} records in {n_datagrams} datagrams", exporter.records());
        if exporter.left_out() > 0 {
            let _ = write!(text, " ({} of IPv6 left out, which version 5 cannot carry)", exporter.left_out());
        }
        Ok(text)
    }
}

fn is_shown(behaviour: Behaviour, format: Format) -> bool {
    behaviour != Behaviour::ArpSpoofing || format == Format::Pcap
}

fn flows(traffic: &mut OfficeTraffic, label: Label, out: &Path) -> anyhow::Result<String> {
    let mut table = FlowTable::new(traffic.events(), label);
    let mut writer = TableWriter::create(out, table.schema())?;
    let mut rows = 0u64;
    let mut write = |frame: eddy_frame::Frame| {
        rows += frame.n_rows() as u64;
        writer.write(&frame)
    };
    for flow in traffic {
        if let Some(frame) = table.push(&flow) {
            write(frame)?;
        }
    }
    if let Some(frame) = table.finish() {
        write(frame)?;
    }
    writer.finish()?;
    Ok(format!("{rows} flows"))
}

fn zeek(traffic: &mut OfficeTraffic, out: &Path) -> anyhow::Result<String> {
    if out.as_os_str() == "-" {
        bail!("--as zeek writes several files; name a folder with --out");
    }
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let mut writers = Vec::new();
    for name in ZeekLogs::NAMES {
        writers.push(ByteWriter::create(&out.join(name))?);
    }
    let mut logs = ZeekLogs::default();
    let mut n_flows = 0u64;
    let mut write = |logs: &mut ZeekLogs| -> anyhow::Result<()> {
        for (writer, text) in writers.iter_mut().zip(logs.take()) {
            writer.write(text.as_bytes())?;
        }
        Ok(())
    };
    for flow in traffic {
        logs.push(&flow);
        n_flows += u64::from(flow.transport.number().is_some());
        if logs.pending_bytes() >= CHUNK_BYTES {
            write(&mut logs)?;
        }
    }
    logs.finish();
    write(&mut logs)?;
    for writer in writers {
        writer.finish()?;
    }
    Ok(format!("{} of {n_flows} flows", ZeekLogs::NAMES.join(", ")))
}

/// An event in a line.
fn event_line(event: &BehaviourEvent) -> String {
    let whom = |addresses: &[std::net::IpAddr]| match addresses {
        [] => "-".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    let shown = match event.arp_exchanges {
        0 => format!("{} flows", event.flows),
        exchanges if event.flows == 0 => format!("{exchanges} ARP packets"),
        exchanges => format!("{} flows, {exchanges} ARP exchanges", event.flows),
    };
    format!(
        "{:<17} {} to {}: {} -> {}: {shown}; {}",
        event.kind.name(),
        moment(event.start_ns, TimeStyle::Spaced),
        moment(event.end_ns, TimeStyle::Spaced),
        whom(&event.actors),
        whom(&event.targets),
        event.note
    )
}

/// A moment to the second.
fn moment(at_ns: i64, style: TimeStyle) -> String {
    format_time(at_ns, style).split('.').next().unwrap_or_default().to_owned()
}

fn write_truth(
    path: &Path,
    spec: &OfficeSpec,
    traffic: &OfficeTraffic,
    shown: &[&BehaviourEvent],
) -> anyhow::Result<()> {
    let iso = |at_ns: i64| format_time(at_ns, TimeStyle::Iso);
    let events: Vec<serde_json::Value> = shown
        .iter()
        .map(|event| {
            json!({
                "kind": event.kind.name(),
                "technique": event.technique,
                "actors": event.actors,
                "targets": event.targets,
                "start": iso(event.start_ns),
                "end": iso(event.end_ns),
                "firstPacket": event.first_packet_ns.map(iso),
                "strength": event.strength,
                "flows": event.flows,
                "missingFlows": event.missing_flows,
                "arpExchanges": event.arp_exchanges,
                "packets": event.packets,
                "ipBytes": event.ip_bytes,
                "note": event.note,
            })
        })
        .collect();
    let truth = json!({
        "seed": spec.seed,
        "start": iso(spec.start_ns),
        "durationHours": spec.duration_hours,
        "rate": spec.rate,
        "events": events,
        "hosts": traffic.hosts(),
    });
    let mut writer = ByteWriter::create(path)?;
    writer.write(format!("{truth:#}\n").as_bytes())?;
    Ok(writer.finish()?)
}
