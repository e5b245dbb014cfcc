//! How pictures look, as the configuration has it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pictures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Visualization {
    /// The scatter of two features.
    pub scatter_plot: Picture,
    /// The spread of a feature.
    pub distribution_plot: Picture,
    /// The course of scores in time.
    pub timeseries_plot: Picture,
    /// The spread of scores.
    pub scores_plot: Picture,
}

/// One kind of picture.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Picture {
    /// Width and height in inches of 100 pixels, as in Matplotlib.
    pub figsize: Option<[f64; 2]>,
    /// How opaque marks are, above 0 and up to 1.
    pub alpha: Option<f64>,
    /// Bars of a histogram, in the pictures of runs made from then on; 40 unless given. Only the distribution and the
    /// scores have bars, and a category has one a level.
    pub bins: Option<u32>,
    /// Colours of marks.
    pub colors: Option<Colors>,
}

/// Colours of marks, by name ("red") or as #rrggbb.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Colors {
    /// Of ordinary rows.
    #[serde(rename = "Normal", alias = "normal")]
    pub normal: Option<String>,
    /// Of flagged rows.
    #[serde(rename = "Anomaly", alias = "anomaly")]
    pub anomaly: Option<String>,
}

impl Picture {
    /// The setting at fault and why.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.figsize.is_some_and(|sides| sides.iter().any(|side| !(2.0..=80.0).contains(side))) {
            return Err(("figsize", "each side may have 2 to 80 inches"));
        }
        if self.alpha.is_some_and(|alpha| !(alpha > 0.0 && alpha <= 1.0)) {
            return Err(("alpha", "a number above 0 and up to 1 is needed"));
        }
        if self.bins.is_some_and(|bins| !(1..=10_000).contains(&bins)) {
            return Err(("bins", "1 to 10000 bars are possible"));
        }
        let colours = self.colors.iter().flat_map(|colors| [&colors.normal, &colors.anomaly]).flatten();
        for colour in colours {
            let digits = colour.strip_prefix('#');
            let is_hex = digits
                .is_some_and(|d| matches!(d.len(), 3 | 6) && d.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let is_name = (3..=24).contains(&colour.len()) && colour.bytes().all(|b| b.is_ascii_alphabetic());
            if !is_hex && !is_name {
                return Err(("colors", "write a name such as red, or #rrggbb"));
            }
        }
        Ok(())
    }

    /// A picture in these colours. What is drawn says by its classes what it stands for, and whether that is filled
    /// ("f-normal") or outlined ("s-flagged").
    pub(crate) fn applied(&self, svg: &str) -> String {
        let colours = self.colors.clone().unwrap_or_default();
        let mut out = String::with_capacity(svg.len() + 64);
        for piece in svg.split_inclusive('>') {
            let (before, tag) = piece.split_at(piece.rfind('<').unwrap_or(0));
            out.push_str(before);
            let mut tag = tag.to_owned();
            let classes = value_of(&tag, "class").map(|at| tag[at].to_owned()).unwrap_or_default();
            for (way, ink) in classes.split(' ').filter_map(|class| class.split_once('-')) {
                let colour = match ink {
                    "normal" => &colours.normal,
                    "flagged" => &colours.anomaly,
                    _ => continue,
                };
                let name = if way == "f" { "fill" } else { "stroke" };
                if let Some(colour) = colour {
                    set(&mut tag, name, colour);
                }
                if let Some(alpha) = self.alpha {
                    set(&mut tag, &format!("{name}-opacity"), &alpha.to_string());
                }
            }
            out.push_str(&tag);
        }
        out
    }
}

/// Where the value of an attribute stands in a tag.
fn value_of(tag: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let opening = format!(" {name}=\"");
    let from = tag.find(&opening)? + opening.len();
    Some(from..from + tag[from..].find('"')?)
}

/// Gives an attribute of a tag a value.
fn set(tag: &mut String, name: &str, value: &str) {
    if let Some(at) = value_of(tag, name) {
        tag.replace_range(at, value);
    } else if let Some(at) = tag.find(' ') {
        tag.insert_str(at, &format!(" {name}=\"{value}\""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_take_the_colours_of_the_configuration_and_nothing_else_does() {
        let picture = Picture {
            alpha: Some(0.6),
            colors: Some(Colors { normal: Some("blue".into()), anomaly: Some("#f00".into()) }),
            ..Picture::default()
        };
        let svg = concat!(
            r##"<svg aria-label="a"><path class="f-normal" fill="#123456" fill-opacity="0.4" d="M0 0"/>"##,
            r##"<path class="f-flagged s-paper" fill="#654321" stroke="#ffffff" d="M1 1"/>"##,
            r##"<path class="s-normal" fill="none" stroke="#123456" d="M2 2"/><text fill="#111">x</text></svg>"##,
        );
        let wanted = concat!(
            r##"<svg aria-label="a"><path class="f-normal" fill="blue" fill-opacity="0.6" d="M0 0"/>"##,
            r##"<path fill-opacity="0.6" class="f-flagged s-paper" fill="#f00" stroke="#ffffff" d="M1 1"/>"##,
            r##"<path stroke-opacity="0.6" class="s-normal" fill="none" stroke="blue" d="M2 2"/><text fill="#111">x</text></svg>"##,
        );
        assert_eq!(picture.applied(svg), wanted);
        assert_eq!(Picture::default().applied(svg), svg);
    }
}
