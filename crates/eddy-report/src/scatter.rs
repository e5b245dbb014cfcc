//! Two quantities against each other.

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, Type, diamond};
use crate::ticks::Scale;
use crate::trace::{dot, nothing, score_scale, ticks_for, titled, value_scale};
use crate::{DetectReport, FeatureSeries, words};

/// Most ordinary rows that are drawn; more would only be ink.
const MOST_DOTS: usize = 4_000;
/// Most flagged rows that are drawn.
const MOST_MARKS: usize = 3_000;

/// One axis of a scatter plot.
#[derive(Clone, Copy)]
pub(crate) enum Side<'a> {
    /// A feature.
    Feature(&'a FeatureSeries),
    /// The anomaly score.
    Score,
}

impl Side<'_> {
    fn name(self) -> String {
        match self {
            Self::Feature(feature) => titled(&feature.name, feature.unit.as_deref()),
            Self::Score => "anomaly score".into(),
        }
    }

    fn scale(self, report: &DetectReport) -> Scale {
        match self {
            Self::Feature(feature) => value_scale(feature),
            Self::Score => score_scale(report),
        }
    }

    fn value(self, report: &DetectReport, idx: usize) -> f64 {
        match self {
            Self::Feature(feature) => feature.values[idx],
            Self::Score => f64::from(report.points.score[idx]),
        }
    }
}

/// Ordinary rows as dots, flagged rows as diamonds.
pub(crate) fn scatter(
    drawing: &mut Drawing,
    area: Area,
    report: &DetectReport,
    sides: Option<(Side<'_>, Side<'_>)>,
) {
    let Some((x, y)) = sides.filter(|_| !report.points.x.is_empty()) else {
        return nothing(drawing, area, "no numeric feature to draw");
    };
    let plot = area.inside(22.0, 8.0, 38.0, 52.0);
    let (across, up) = (x.scale(report), y.scale(report));
    drawing.text(plot.x, plot.y - 9.0, &words::shortened(&y.name(), (plot.width / 7.0) as usize), LABEL);
    drawing.text(
        plot.right(),
        plot.bottom() + 32.0,
        &words::shortened(&x.name(), ((plot.width - 140.0) / 7.0).max(8.0) as usize),
        Type { anchor: Anchor::End, ..LABEL },
    );
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    drawing.bottom_side(plot, &across, &across.ticks(ticks_for(plot.width, 70.0)));
    let places = |flag: bool| {
        (0..report.points.x.len())
            .filter(move |&idx| (report.points.flagged[idx] != 0) == flag)
            .map(|idx| (x.value(report, idx), y.value(report, idx)))
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .map(|(x, y)| (plot.at_x(&across, x), plot.at_y(&up, y)))
    };
    let every = places(false).count().div_ceil(MOST_DOTS).max(1);
    let dots: String = places(false).step_by(every).map(|(x, y)| dot(x, y, 1.8)).collect();
    drawing.fill(&dots, Ink::Normal, r#" fill-opacity="0.4""#);
    let marks: String = places(true).take(MOST_MARKS).map(|(x, y)| diamond(x, y, 4.2)).collect();
    drawing.marks(&marks, Ink::Flagged);
    let (left, below) = (plot.x, plot.bottom() + 32.0);
    drawing.fill(&dot(left + 4.0, below - 4.0, 2.5), Ink::Normal, "");
    drawing.text(left + 12.0, below, "ordinary", NOTE);
    drawing.marks(&diamond(left + 74.0, below - 4.0, 4.2), Ink::Flagged);
    drawing.text(left + 83.0, below, "flagged", NOTE);
}
