//! Ratios that say more than their parts.

use eddy_frame::{Field, Frame, Kind, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// One ratio: numerator, denominator, name of the result.
type Named = (String, String, String);

/// Adds ratios of columns: bytes per packet, packets per second, retransmission rate, up/down. With no pairs given it
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
        &["srcbytes", "sbytes", "origbytes", "bytesout", "ifoutoctets11"],
        &["dstbytes", "dbytes", "respbytes", "bytesin", "ifinoctets11"],
        "up_down_ratio",
    ),
];

/// Lower case, letters and digits only.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The well-known ratios a frame has the parts of, and not yet itself.
pub(crate) fn known_ratios(frame: &Frame) -> Vec<Named> {
    let inputs = numeric_inputs(frame);
    let find = |wanted: &[&str]| {
        wanted.iter().find_map(|w| inputs.iter().find(|(_, name)| plain(name) == *w).map(|(_, name)| name.clone()))
    };
    KNOWN
        .iter()
        .filter(|(_, _, result)| !inputs.iter().any(|(_, name)| plain(name) == plain(result)))
        .filter_map(|(above, below, result)| Some((find(above)?, find(below)?, (*result).to_owned())))
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
