//! What the picture of a table's rows in two dimensions is drawn from, and of the clusters found among them.

use serde::Serialize;

use crate::{ClassCount, compact};

/// Rows on their first two principal components.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Projection {
    /// Rows the components were found from.
    pub n_rows: u64,
    /// Numeric columns they were found from, each brought to mean 0 and standard deviation 1.
    pub n_columns: u64,
    /// Numeric columns left out beyond a limit.
    pub left_out: u64,
    /// Share of the variance along each, 0 to 1.
    pub shares: [f64; 2],
    /// The columns that go most with each, and their correlation with it, strongest first.
    pub leading: [Vec<(String, f64)>; 2],
    /// Place on the first component, one for each point.
    #[serde(serialize_with = "compact::rounded")]
    pub x: Vec<f64>,
    /// Place on the second component.
    #[serde(serialize_with = "compact::rounded")]
    pub y: Vec<f64>,
    /// The classes, most common first; empty without labels.
    pub classes: Vec<ClassCount>,
    /// Position in `classes` for each point; empty without labels.
    pub class: Vec<u16>,
    /// Clusters among the rows, where they were looked for.
    pub clustering: Option<Clustering>,
}

/// Clusters of the rows of a [`Projection`], found in all their columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Clustering {
    /// What found them, in words ("DBSCAN with radius 0.52 and at least 10 rows").
    pub method: String,
    /// Why with these parameters, in sentences.
    pub choice: String,
    /// Rows they were looked for among.
    pub n_rows: u64,
    /// The clusters, largest first; their numbers are their places.
    pub clusters: Vec<ClusterRows>,
    /// The rows out of reach of all clusters.
    pub noise: ClusterRows,
    /// Place on the first component, one for each row that is drawn.
    #[serde(serialize_with = "compact::rounded")]
    pub x: Vec<f64>,
    /// Place on the second component.
    #[serde(serialize_with = "compact::rounded")]
    pub y: Vec<f64>,
    /// Number of the cluster of each row that is drawn, from 0; -1 for noise.
    pub cluster: Vec<i32>,
    /// The curve of distances that radii were taken from.
    pub k_distance: Option<KDistance>,
    /// How well each row sits in its cluster.
    pub silhouette: Option<Silhouette>,
    /// What came of each radius that was tried, in rising order.
    pub trials: Vec<ClusterTrial>,
}

/// What is in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ClusterRows {
    /// Rows in it.
    pub rows: u64,
    /// How many of them are labelled attacks, where there are labels.
    pub attacks: Option<u64>,
}

/// What clusters came of one radius.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ClusterTrial {
    /// The radius.
    pub radius: f64,
    /// Clusters there are.
    pub n_clusters: u64,
    /// Rows in none.
    pub n_noise: u64,
    /// Mean silhouette of the rows in clusters, where there are at least two.
    pub silhouette: Option<f64>,
    /// Whether it was taken.
    pub taken: bool,
}

/// Distances to the k-th nearest neighbour.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct KDistance {
    /// Which neighbour.
    pub k: u64,
    /// The distances of all points in rising order.
    #[serde(serialize_with = "compact::rounded")]
    pub distances: Vec<f64>,
    /// Position in `distances` where the curve bends upward; its distance is a radius worth trying.
    pub knee: Option<usize>,
    /// The radius that was taken.
    pub radius: Option<f64>,
}

/// How well points sit in their clusters.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Silhouette {
    /// One entry a cluster.
    pub clusters: Vec<ClusterSilhouette>,
    /// Mean over all points that are in a cluster, -1 to 1.
    pub mean: f64,
}

/// Silhouette values of one cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ClusterSilhouette {
    /// Number of the cluster.
    pub cluster: i32,
    /// The values of its points, -1 (in the wrong cluster) to 1 (far from all others), in falling order.
    #[serde(serialize_with = "compact::rounded")]
    pub values: Vec<f64>,
}
