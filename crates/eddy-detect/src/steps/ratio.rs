//! Ratios that say more than their parts.

use eddy_frame::{Field, Frame, Kind, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// One ratio: numerator, denominator, name of the result.
type Named = (String, String, String);

/// Adds ratios of columns: bytes per packet, packets per second, retransmission rate, up/down, and of SNMP interfaces
/// and routers what they pass on. With no pairs given it
/// looks for columns of those meanings by name. A zero denominator gives a missing value.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ratio {
    /// Pairs of numerator and denominator; empty = by name.
    pub pairs: Vec<(String, String)>,
}

struct Fitted {
    ratios: Vec<Named>,
}

/// Names (lower case, letters and digits only) of the parts of well-known ratios.
const KNOWN: &[(&[&str], &[&str], &str)] = &[
    (
        &["bytestransferred", "bytes", "totbytes", "octetdeltacount", "networkbytes"],
        &["packetcount", "packets", "totpkts", "packetdeltacount", "networkpackets"],
        "bytes_per_packet",
    ),
    (
        &["packetcount", "packets", "totpkts", "packetdeltacount", "networkpackets"],
        &["connectionduration", "duration", "dur"],
        "packets_per_second",
    ),
    (&["retransmissions", "tcpretranssegs"], &["packetcount", "packets", "tcpoutsegs"], "retransmission_rate"),
    (
        &["srcbytes", "sbytes", "origbytes", "bytesout", "ifoutoctets", "ifhcoutoctets"],
        &["dstbytes", "dbytes", "respbytes", "bytesin", "ifinoctets", "ifhcinoctets"],
        "up_down_ratio",
    ),
    // Of an interface (RFC 2863): the size of packets tells acknowledgements, floods and transfers apart at any rate.
    (&["ifinoctets", "ifhcinoctets"], &["ifinucastpkts", "ifhcinucastpkts"], "bytes_per_packet_in"),
    (&["ifoutoctets", "ifhcoutoctets"], &["ifoutucastpkts", "ifhcoutucastpkts"], "bytes_per_packet_out"),
    (&["ifinucastpkts", "ifhcinucastpkts"], &["ifoutucastpkts", "ifhcoutucastpkts"], "packets_in_per_packet_out"),
    // Of a router (RFC 4293): what it passes on, what comes in by this interface, and what is for itself.
    (&["ipforwdatagrams"], &["ipinreceives"], "forwarded_share"),
    (&["ipinreceives"], &["ifinucastpkts", "ifhcinucastpkts"], "datagrams_per_packet_in"),
    (&["udpindatagrams"], &["ipindelivers"], "udp_share_delivered"),
];

/// Lower case, letters and digits only.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The name as it is looked for, and the number of the interface that it may carry ("ifInOctets11").
fn parted(name: &str) -> (String, String) {
    let name = plain(name);
    let known = KNOWN.iter().flat_map(|(above, below, _)| above.iter().chain(*below));
    if !name.starts_with("if") || known.clone().any(|known| *known == name) {
        return (name, String::new());
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
    let number = name[stem.len()..].to_owned();
    (stem, number)
}

/// The well-known ratios a frame has the parts of, and not yet itself. Both parts are of the same interface.
pub(crate) fn known_ratios(frame: &Frame) -> Vec<Named> {
    let inputs: Vec<((String, String), String)> =
        numeric_inputs(frame).into_iter().map(|(_, name)| (parted(&name), name)).collect();
    let find = |wanted: &[&str], number: Option<&str>| {
        wanted.iter().find_map(|wanted| {
            inputs.iter().find(|((stem, own), _)| {
                stem == wanted && number.is_none_or(|number| own.is_empty() || number.is_empty() || own == number)
            })
        })
    };
    KNOWN
        .iter()
        .filter(|(_, _, result)| !inputs.iter().any(|(_, name)| plain(name) == plain(result)))
        .filter_map(|(above, below, result)| {
            let ((_, number), above) = find(above, None)?;
            let (_, below) = find(below, Some(number))?;
            Some((above.clone(), below.clone(), (*result).to_owned()))
        })
        .collect()
}

impl Step for Ratio {
    const NAME: &'static str = "ratio";
    const SUMMARY: &'static str = "bytes per packet, packets per second, retransmission rate, up/down";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let ratios = if self.pairs.is_empty() {
            known_ratios(frame)
        } else {
            self.pairs.iter().map(|(a, b)| (a.clone(), b.clone(), format!("{a}/{b}"))).collect()
        };
        Ok(Box::new(Fitted { ratios }))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        Ok(Box::new(Fitted { ratios: section.value("ratios")? }))
    }
}

impl FittedStep for Fitted {
    fn apply(&self, frame: Frame, _: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        for (above, below, name) in &self.ratios {
            let above = numbers(edit.column(wanted(&edit, above)?));
            let below = numbers(edit.column(wanted(&edit, below)?));
            let values = above.iter().zip(&below).map(|(a, b)| if *b == 0.0 { f64::NAN } else { a / b }).collect();
            edit.push(Field::new(name.as_str(), Kind::Float, Role::Feature), values);
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        format!("ratios: {}", self.ratios.iter().map(|(_, _, name)| name.as_str()).collect::<Vec<_>>().join(", "))
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("ratios", &self.ratios);
    }
}

#[cfg(test)]
mod tests {
    use eddy_frame::Column;

    use super::*;

    fn check(columns: &[&str], expect: &[(&str, &str, &str)]) {
        let pairs = columns.iter().map(|name| {
            (Field::new(*name, Kind::Float, Role::Feature), Column::Float(vec![6.0, 4.0]))
        });
        let found = known_ratios(&Frame::from_pairs(pairs.collect()).unwrap());
        let expect: Vec<Named> =
            expect.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect();
        assert_eq!(found, expect, "{columns:?}");
    }

    #[test]
    fn well_known_ratios_are_found_by_the_names_of_their_parts() {
        check(&["sbytes", "dbytes"], &[("sbytes", "dbytes", "up_down_ratio")]);
        check(&["Bytes", "Packets", "bytes per packet"], &[]);
        check(&["rate"], &[]);
    }

    #[test]
    fn both_parts_are_of_the_same_interface() {
        check(
            &["ifInOctets2", "ifInUcastPkts1", "ifInUcastPkts2"],
            &[("ifInOctets2", "ifInUcastPkts2", "bytes_per_packet_in")],
        );
        check(&["ifInOctets2", "ifInUcastPkts1"], &[]);
        check(
            &["ifOutOctets", "ifOutUcastPkts"],
            &[("ifOutOctets", "ifOutUcastPkts", "bytes_per_packet_out")],
        );
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        let float = |name: &str, values: [f64; 2]| {
            (Field::new(name, Kind::Float, Role::Feature), Column::Float(values.to_vec()))
        };
        let frame = Frame::from_pairs(vec![float("bytes", [9.0, 8.0]), float("packets", [3.0, 0.0])]).unwrap();
        let step = Ratio::default().fit(&frame).unwrap();
        let made = step.apply(frame, &mut StepMemory::default()).unwrap();
        assert_eq!(made.column(2).number(0), 3.0);
        assert!(made.column(2).number(1).is_nan());
    }
}
