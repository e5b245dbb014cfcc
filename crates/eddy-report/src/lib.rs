//! Run results to a self-contained HTML page and to SVG and PNG pictures.
//!
//! Plain data in ([`DetectReport`], [`ExploreReport`], [`CompareReport`], [`MeasuredReport`]), text or bytes out. This crate knows nothing of files, models or
//! clocks.

mod class_plot;
mod compact;
mod compare_page;
mod compare_plot;
mod comparison;
mod correlation;
mod correlogram;
mod curve;
mod data;
mod detect_page;
mod distribution;
mod downsample;
mod drawing;
mod entity_graph;
mod escape;
mod event;
mod exploration;
mod explore_page;
mod histogram;
mod incident;
mod incident_section;
mod labelled;
mod labelled_section;
mod leading;
mod measured;
mod page;
mod plot;
mod projection;
mod projection_plot;
mod projection_section;
mod raster;
mod scatter;
mod score_plot;
mod series;
mod series_plot;
mod series_section;
mod spread;
mod ticks;
mod trace;
mod words;

pub use compare_page::compare_html;
pub use comparison::{
    Agreement, CompareReport, ConfusionMatrix, Curve, Figures, HonestyCheck, Importance, ModelResult,
    Reliability, ReliabilityBin, UnseenClass,
};
pub use data::{
    Axis, Band, Cause, ColumnRow, Contrast, DetectReport, Evaluation, FeatureSeries, FindingRow, Histogram,
    Points, ReadSummary, SetAside, Stretch, ThresholdInfo,
};
pub use detect_page::detect_html;
pub use downsample::{MOST_POINTS, downsample, point_budget};
pub use escape::text as escaped_text;
pub use exploration::{ColumnSummary, CorrelatedPair, Correlation, Counts, ExploreReport, TopItem, TopList};
pub use explore_page::explore_html;
pub use incident::{EvidenceRow, FLOW_COLUMNS, FilterCard, FormCard, Host, IncidentCard, Urgency};
pub use labelled::{
    Baseline, ClassBox, ClassCount, ClassDistribution, Difference, FeatureTest, Labelled, PValue, p_in_words,
};
pub use measured::{MeasuredCell, MeasuredReport, MeasuredTable, measured_html};
pub use plot::{Plot, PlotError, png, png_of_svg, svg};
pub use projection::{
    ClusterRows, ClusterSilhouette, ClusterTrial, Clustering, KDistance, Projection, Silhouette,
};
pub use series::{SeriesPart, SeriesProfile};
