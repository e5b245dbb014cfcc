//! Pictures of a detection.

use thiserror::Error;

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, Type, diamond};
use crate::scatter::{Side, scatter};
use crate::{DetectReport, FeatureSeries, distribution, leading, raster, score_plot, trace, words};

/// What to draw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Plot {
    /// The scores over time or row number with the threshold, and above them the numeric feature that did most of the
    /// findings.
    TimeSeries,
    /// How the scores are spread.
    Scores,
    /// Two features against each other, coloured by verdict.
    Scatter {
        /// Feature to the right; none = the numeric feature that did most of the findings.
        x: Option<String>,
        /// Feature upward; none = the numeric feature that did most of the rest, or the score when there is only one.
        y: Option<String>,
    },
    /// How a feature is spread among ordinary and flagged rows.
    Distribution {
        /// The feature; none = the one that did most of the findings.
        feature: Option<String>,
    },
    /// All four in one picture.
    #[default]
    Overview,
}

/// A picture that could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlotError {
    /// There is no such feature.
    #[error("no feature is called '{wanted}'; there are {known}")]
    UnknownFeature {
        /// The name asked for.
        wanted: String,
        /// The names there are.
        known: String,
    },
    /// The feature is a category, and an axis needs numbers.
    #[error("feature '{name}' is a category; an axis needs numbers")]
    NotANumber {
        /// Name of the feature.
        name: String,
    },
    /// The picture is too small or too large.
    #[error("a picture of {width} x {height} pixels cannot be drawn; each side may have 200 to 8192 pixels")]
    Size {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
    },
    /// The picture could not be turned into pixels.
    #[error("the picture could not be turned into pixels: {reason}")]
    Raster {
        /// What went wrong.
        reason: String,
    },
}

impl Plot {
    /// The size at which the picture is laid out, in pixels.
    pub fn natural_size(&self) -> (u32, u32) {
        match self {
            Self::TimeSeries => (1200, 620),
            Self::Scores | Self::Distribution { .. } => (900, 520),
            Self::Scatter { .. } => (900, 680),
            Self::Overview => (1440, 1000),
        }
    }
}

/// Draws a detection as a picture that stands alone, in SVG at [`Plot::natural_size`].
pub fn svg(report: &DetectReport, plot: &Plot) -> Result<String, PlotError> {
    let (width, height) = plot.natural_size();
    draw(report, plot, f64::from(width), f64::from(height))
}

/// Draws a detection as a PNG picture of the given size in pixels. Words grow with the width, so that a large picture
/// is a sharper one.
pub fn png(report: &DetectReport, plot: &Plot, width: u32, height: u32) -> Result<Vec<u8>, PlotError> {
    if !(200..=8192).contains(&width) || !(200..=8192).contains(&height) {
        return Err(PlotError::Size { width, height });
    }
    let natural = f64::from(plot.natural_size().0);
    let scale = (f64::from(width) / natural).max(0.5);
    let picture = draw(report, plot, f64::from(width) / scale, f64::from(height) / scale)?;
    raster::png(&picture, width, height)
}

/// Turns a picture that [`svg`] drew into a PNG of the given size in pixels.
pub fn png_of_svg(svg: &str, width: u32, height: u32) -> Result<Vec<u8>, PlotError> {
    if !(200..=8192).contains(&width) || !(200..=8192).contains(&height) {
        return Err(PlotError::Size { width, height });
    }
    raster::png(svg, width, height)
}

fn draw(report: &DetectReport, plot: &Plot, width: f64, height: f64) -> Result<String, PlotError> {
    let mut drawing = Drawing::default();
    let whole = Area { x: 0.0, y: 0.0, width, height }.inside(24.0, 28.0, 20.0, 28.0);
    head(&mut drawing, whole, report);
    let area = whole.inside(54.0, 0.0, 14.0, 0.0);
    match plot {
        Plot::TimeSeries => trace::time_series(&mut drawing, area, report, leading_number(report)),
        Plot::Scores => score_plot::scores(&mut drawing, area, report),
        Plot::Scatter { x, y } => {
            scatter(&mut drawing, area, report, sides(report, x.as_deref(), y.as_deref())?);
        }
        Plot::Distribution { feature } => match leading_feature(report, feature.as_deref())? {
            Some(feature) => spread(&mut drawing, area, feature),
            None => trace::nothing(&mut drawing, area, "no feature to draw"),
        },
        Plot::Overview => overview(&mut drawing, area, report)?,
    }
    let credit = Type { anchor: Anchor::End, ..NOTE };
    drawing.text(whole.right(), whole.bottom() + 4.0, &format!("Eddy {}", report.eddy_version), credit);
    let label = format!("{}: {}", report.title, words_of(report));
    Ok(drawing.finish(width, height, "picture", &label, Some(Ink::Paper)))
}

fn words_of(report: &DetectReport) -> String {
    let threshold = &report.threshold;
    let n_rows = words::counted(report.points.total_rows, "row", "rows");
    if threshold.flagged == 0 {
        return format!("none of {n_rows} flagged");
    }
    format!(
        "{} of {n_rows} flagged at an anomaly score of {}",
        words::count(threshold.flagged),
        words::score(threshold.value)
    )
}

fn head(drawing: &mut Drawing, area: Area, report: &DetectReport) {
    let letters = (area.width / 11.0) as usize;
    drawing.text(
        area.x,
        area.y + 16.0,
        &words::shortened(&report.title, letters),
        Type { size: 20.0, ..LABEL },
    );
    drawing.marks(&diamond(area.x + 5.0, area.y + 34.5, 4.5), Ink::Flagged);
    let line = format!("{} · {}", words_of(report), report.detector);
    let letters = (area.width / 6.4) as usize;
    drawing.text(
        area.x + 16.0,
        area.y + 39.0,
        &words::shortened(&line, letters),
        Type { ink: Ink::Muted, ..LABEL },
    );
}

fn overview(drawing: &mut Drawing, area: Area, report: &DetectReport) -> Result<(), PlotError> {
    let upper = Area { height: (area.height * 0.55).round(), ..area };
    trace::time_series(drawing, upper, report, leading_number(report));
    let lower = Area { y: upper.bottom() + 14.0, height: area.height - upper.height - 14.0, ..area };
    let gap = 28.0;
    let third = (lower.width - 2.0 * gap) / 3.0;
    let cell = |i: f64| Area { x: lower.x + (third + gap) * i, width: third, ..lower };
    score_plot::scores(drawing, cell(0.0), report);
    scatter(drawing, cell(1.0), report, sides(report, None, None)?);
    match leading_feature(report, None)? {
        Some(feature) => spread(drawing, cell(2.0), feature),
        None => trace::nothing(drawing, cell(2.0), "no feature to draw"),
    }
    Ok(())
}

/// One distribution with its legend.
fn spread(drawing: &mut Drawing, area: Area, feature: &FeatureSeries) {
    distribution::distribution(drawing, area.inside(0.0, 8.0, 20.0, 0.0), feature);
    let text = if feature.levels.is_empty() {
        "up: ordinary rows · down: flagged rows · band: usual"
    } else {
        "up: ordinary rows · down: flagged rows"
    };
    drawing.text(area.x, area.bottom() - 6.0, text, NOTE);
}

fn leading_number(report: &DetectReport) -> Option<&FeatureSeries> {
    leading::numbers(report).first().map(|&idx| &report.features[idx])
}

fn leading_feature<'a>(
    report: &'a DetectReport,
    name: Option<&str>,
) -> Result<Option<&'a FeatureSeries>, PlotError> {
    match name {
        Some(name) => named(report, name).map(Some),
        None => Ok(leading::ranking(report).first().map(|&idx| &report.features[idx])),
    }
}

fn named<'a>(report: &'a DetectReport, name: &str) -> Result<&'a FeatureSeries, PlotError> {
    report.features.iter().find(|feature| feature.name == name).ok_or_else(|| {
        let mut names: Vec<&str> =
            report.features.iter().take(20).map(|feature| feature.name.as_str()).collect();
        if report.features.len() > names.len() {
            names.push("...");
        }
        PlotError::UnknownFeature { wanted: name.into(), known: names.join(", ") }
    })
}

/// The two sides of a scatter plot.
pub(crate) fn sides<'a>(
    report: &'a DetectReport,
    x: Option<&str>,
    y: Option<&str>,
) -> Result<Option<(Side<'a>, Side<'a>)>, PlotError> {
    let number = |name: &str| {
        let feature = named(report, name)?;
        if feature.levels.is_empty() { Ok(feature) } else { Err(PlotError::NotANumber { name: name.into() }) }
    };
    let (x, y) = (x.map(number).transpose()?, y.map(number).transpose()?);
    let mut rest = leading::numbers(report)
        .into_iter()
        .map(|idx| &report.features[idx])
        .filter(|feature| [x, y].into_iter().flatten().all(|taken| taken.name != feature.name));
    let Some(x) = x.or_else(|| rest.next()) else {
        return Ok(y.map(|y| (Side::Score, Side::Feature(y))));
    };
    Ok(Some((Side::Feature(x), y.or_else(|| rest.next()).map_or(Side::Score, Side::Feature))))
}
