//! Run results to a self-contained HTML page and to SVG and PNG pictures.
//!
//! Plain data in ([`DetectReport`], [`ExploreReport`]), text or bytes out. This crate knows nothing of files, models or
//! clocks.

mod compact;
mod correlation;
mod correlogram;
mod data;
mod detect_page;
mod distribution;
mod downsample;
mod drawing;
mod escape;
mod event;
mod exploration;
mod explore_page;
mod histogram;
mod leading;
mod page;
mod plot;
mod raster;
mod scatter;
mod score_plot;
mod spread;
mod ticks;
mod trace;
mod words;

pub use data::{
    Axis, Cause, ColumnRow, Contrast, DetectReport, Evaluation, FeatureSeries, FindingRow, Histogram, Points,
    ReadSummary, SetAside, Stretch, ThresholdInfo,
};
pub use detect_page::detect_html;
pub use downsample::{MOST_POINTS, downsample, point_budget};
pub use exploration::{ColumnSummary, Correlation, Counts, ExploreReport, SeriesProfile, TopItem, TopList};
pub use explore_page::explore_html;
pub use plot::{Plot, PlotError, png, svg};
