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
    /// Clusters among the points, where they were looked for.
    pub clustering: Option<Clustering>,
}

/// Clusters of the points of a [`Projection`], found in all their columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Clustering {
    /// What found them, in words ("DBSCAN, eps 0.52, at least 10 rows").
    pub method: String,
    /// Number of the cluster of each point, from 0; -1 for noise.
    pub cluster: Vec<i32>,
    /// The curve that the radius was chosen from.
    pub k_distance: Option<KDistance>,
    /// How well each point sits in its cluster.
    pub silhouette: Option<Silhouette>,
}

/// Distances to the k-th nearest neighbour.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct KDistance {
    /// Which neighbour.
    pub k: u64,
    /// The distances of all points in rising order.
    #[serde(serialize_with = "compact::rounded")]
    pub distances: Vec<f64>,
    /// Position in `distances` where the curve bends upward; its distance is the radius to take.
    pub knee: Option<usize>,
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
