//! Trees that isolate rows by random cuts along one column, as flat arrays.

use eddy_detect::{Count, FitContext, LoadError, SectionReader, SectionWriter};
use rand::RngExt;

use crate::{checked::check_len, columns::finite};

/// Deepest tree there can be: the height limit of a sample of 2^24 rows.
const MAX_DEPTH: u32 = 24;
/// Marks a leaf in the array of features.
const LEAF: u32 = u32::MAX;

/// Mean path length of an unsuccessful search in a binary search tree of `n` keys: `c(n)` of Liu, Ting & Zhou 2008,
/// equation 1, with the values of scikit-learn below 3.
pub(crate) fn average_path_length(n: usize) -> f64 {
    /// Euler's constant.
    const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER_GAMMA) - 2.0 * (n - 1.0) / n
        }
    }
}

/// Rows that a tree sees unless it is set: the value of Liu, Ting & Zhou 2008.
const SAMPLES: usize = 256;
/// The same where no training row is an anomaly.
const SAMPLES_OF_NORMAL: usize = 2048;

/// Rows that each tree sees, before there turn out to be fewer.
pub(crate) fn sample_size(asked: Option<Count>, context: &FitContext<'_>) -> usize {
    let all_normal = context.labels.is_some_and(|is_attack| !is_attack.iter().any(|&attack| attack));
    asked.map_or(if all_normal { SAMPLES_OF_NORMAL } else { SAMPLES }, Count::get)
}

/// Height at which trees over `n` rows stop growing: the average height of such trees.
pub(crate) fn height_limit(n: usize) -> u32 {
    n.max(2).next_power_of_two().ilog2()
}

/// One node: a cut, or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Node {
    /// Column that is cut, or [`LEAF`].
    pub(crate) feature: u32,
    /// Rows with a value up to here go to the low side. NaN goes to the high side, as if it were very large.
    pub(crate) threshold: f32,
    /// Index of the low child, the high child follows it; in a leaf, the number of training rows that ended here.
    pub(crate) low: u32,
}

impl Node {
    pub(crate) fn leaf(n_rows: usize) -> Self {
        Self { feature: LEAF, threshold: 0.0, low: n_rows as u32 }
    }

    pub(crate) fn is_leaf(self) -> bool {
        self.feature == LEAF
    }

    fn link(self) -> Link {
        if self.is_leaf() { Link::Leaf(self.low) } else { Link::Children(self.low) }
    }
}

/// Where a node leads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Link {
    /// Nowhere: this many training rows ended here.
    Leaf(u32),
    /// To the child at this index and to the one after it.
    Children(u32),
}

/// Path lengths in a tree of any kind of cut.
#[derive(Debug)]
pub(crate) struct PathLengths {
    /// Per node: path length `h` of a row that ends here (depth + `c(rows in the leaf)`); 0 in inner nodes.
    pub(crate) paths: Vec<f64>,
    /// Depth of the deepest leaf.
    pub(crate) depth: u32,
}

impl PathLengths {
    /// Checks that the nodes form a tree whose children come after their parents, so that no descent can go round in
    /// circles, and works out the path lengths.
    pub(crate) fn measure(links: impl ExactSizeIterator<Item = Link>) -> Result<Self, LoadError> {
        let damaged = |reason: &str| LoadError::content("trees", reason);
        let mut depths = vec![None; links.len()];
        let mut paths = vec![0.0; links.len()];
        let mut deepest = 0;
        *depths.first_mut().ok_or_else(|| damaged("hold a tree without nodes"))? = Some(0);
        for (idx, link) in links.enumerate() {
            let depth: u32 = depths[idx].ok_or_else(|| damaged("hold a node that is no one's child"))?;
            match link {
                Link::Leaf(n_rows) => {
                    paths[idx] = f64::from(depth) + average_path_length(n_rows as usize);
                    deepest = deepest.max(depth);
                }
                Link::Children(low) => {
                    let low = low as usize;
                    if low <= idx || low + 1 >= depths.len() || depth >= MAX_DEPTH {
                        return Err(damaged("hold a child index out of range"));
                    }
                    if depths[low].is_some() || depths[low + 1].is_some() {
                        return Err(damaged("hold a node with two parents"));
                    }
                    depths[low] = Some(depth + 1);
                    depths[low + 1] = Some(depth + 1);
                }
            }
        }
        Ok(Self { paths, depth: deepest })
    }
}

/// The anomaly score of Liu, Ting & Zhou 2008, equation 2, from the sum of path lengths over `n_trees` trees that each
/// saw `psi` rows.
pub(crate) fn isolation_score(sum_of_paths: f64, n_trees: usize, psi: usize) -> f64 {
    let ordinary = average_path_length(psi) * n_trees as f64;
    // With samples of one row there is no path to compare: every row is as ordinary as the mean.
    if ordinary > 0.0 { (-sum_of_paths / ordinary).exp2() } else { 0.5 }
}

/// One tree. Children come after their parent; node 0 is the root.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IsolationTree {
    pub(crate) nodes: Vec<Node>,
    /// Per node: path length `h` of a row that ends here (depth + `c(rows in the leaf)`); 0 in inner nodes.
    pub(crate) paths: Vec<f64>,
    /// Depth of the deepest leaf.
    pub(crate) depth: u32,
}

/// A node still to be cut: rows `start..end` of the shuffled sample.
struct Open {
    node: usize,
    depth: u32,
    start: usize,
    end: usize,
}

impl IsolationTree {
    /// Grows a tree over a sample: `columns[k]` are the sample's values of column `features[k]`.
    pub(crate) fn grow(features: &[u32], columns: &[Vec<f32>], rng: &mut impl rand::Rng) -> Self {
        let n_rows = columns.first().map_or(0, Vec::len);
        let limit = height_limit(n_rows);
        let mut order: Vec<u32> = (0..n_rows as u32).collect();
        // A column that is constant in the sample is constant in every node.
        let varying: Vec<usize> =
            (0..columns.len()).filter(|&k| columns[k].iter().any(|&value| value != columns[k][0])).collect();
        let mut candidates = Vec::with_capacity(varying.len());
        let mut nodes = vec![Node::leaf(n_rows)];
        let mut open = vec![Open { node: 0, depth: 0, start: 0, end: n_rows }];
        while let Some(Open { node, depth, start, end }) = open.pop() {
            if depth >= limit || end - start <= 1 {
                continue;
            }
            candidates.clone_from(&varying);
            let members = &mut order[start..end];
            let Some((k, threshold)) = draw_cut(&mut candidates, columns, members, rng) else { continue };
            let middle = start + partition(members, |row| columns[k][row as usize] <= threshold);
            let low = nodes.len();
            nodes[node] = Node { feature: features[k], threshold, low: low as u32 };
            nodes.extend([Node::leaf(middle - start), Node::leaf(end - middle)]);
            open.push(Open { node: low + 1, depth: depth + 1, start: middle, end });
            open.push(Open { node: low, depth: depth + 1, start, end: middle });
        }
        Self::measure(nodes).expect("a grown tree is well formed")
    }

    /// Checks that the nodes form a tree and works out the path lengths.
    fn measure(nodes: Vec<Node>) -> Result<Self, LoadError> {
        let PathLengths { paths, depth } = PathLengths::measure(nodes.iter().map(|node| node.link()))?;
        Ok(Self { nodes, paths, depth })
    }

    /// The path length `h(x)` of a row.
    pub(crate) fn path_length(&self, row: &[f32]) -> f64 {
        let mut idx = 0;
        loop {
            let node = self.nodes[idx];
            if node.is_leaf() {
                return self.paths[idx];
            }
            let is_low = finite(row[node.feature as usize]) <= node.threshold;
            idx = node.low as usize + usize::from(!is_low);
        }
    }

    /// Writes trees as four arrays: nodes per tree, and feature, threshold and low child of all nodes.
    pub(crate) fn save_all(trees: &[Self], section: &mut SectionWriter<'_>) {
        let nodes = || trees.iter().flat_map(|tree| &tree.nodes);
        section.u32("n_nodes", &trees.iter().map(|tree| tree.nodes.len() as u32).collect::<Vec<_>>());
        section.u32("feature", &nodes().map(|node| node.feature).collect::<Vec<_>>());
        section.f32("threshold", &nodes().map(|node| node.threshold).collect::<Vec<_>>());
        section.u32("low", &nodes().map(|node| node.low).collect::<Vec<_>>());
    }

    /// Reads what [`IsolationTree::save_all`] wrote.
    pub(crate) fn load_all(section: &SectionReader<'_>, n_features: usize) -> Result<Vec<Self>, LoadError> {
        let n_nodes = section.u32("n_nodes")?;
        let (feature, threshold, low) =
            (section.u32("feature")?, section.f32("threshold")?, section.u32("low")?);
        let total: usize = n_nodes.iter().map(|&n| n as usize).sum();
        check_len("feature", feature.len(), total)?;
        check_len("threshold", threshold.len(), total)?;
        check_len("low", low.len(), total)?;
        if n_nodes.is_empty() {
            return Err(LoadError::content("n_nodes", "is empty: a forest has at least one tree"));
        }
        if !feature.iter().all(|&feature| feature == LEAF || (feature as usize) < n_features) {
            return Err(LoadError::content("feature", "names a column that the model does not have"));
        }
        if !threshold.iter().all(|threshold| threshold.is_finite()) {
            return Err(LoadError::content("threshold", "holds a number that is not finite"));
        }
        let mut start = 0;
        let tree = |&n: &u32| {
            let range = start..start + n as usize;
            start = range.end;
            let node = |idx: usize| Node { feature: feature[idx], threshold: threshold[idx], low: low[idx] };
            Self::measure(range.map(node).collect())
        };
        n_nodes.iter().map(tree).collect()
    }
}

/// Draws a column among those that vary over `members`, and a threshold uniformly between its least and greatest
/// value. None when all members are equal. Leaves columns that do not vary out of `candidates`.
fn draw_cut(
    candidates: &mut Vec<usize>,
    columns: &[Vec<f32>],
    members: &[u32],
    rng: &mut impl rand::Rng,
) -> Option<(usize, f32)> {
    while !candidates.is_empty() {
        let k = candidates.swap_remove(rng.random_range(0..candidates.len()));
        let (mut min, mut max) = (f32::MAX, f32::MIN);
        for &row in members {
            let value = columns[k][row as usize];
            min = min.min(value);
            max = max.max(value);
        }
        if min < max {
            let (low, high) = (f64::from(min), f64::from(max));
            let threshold = (low + rng.random::<f64>() * (high - low)) as f32;
            // Rounding may reach the greatest value, which would leave the high side empty.
            return Some((k, if threshold < max { threshold } else { min }));
        }
    }
    None
}

/// Moves the members that are low to the front; how many there are.
pub(crate) fn partition(members: &mut [u32], is_low: impl Fn(u32) -> bool) -> usize {
    let mut n_low = 0;
    for idx in 0..members.len() {
        if is_low(members[idx]) {
            members.swap(idx, n_low);
            n_low += 1;
        }
    }
    n_low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::stream;

    #[test]
    fn path_lengths_follow_the_formula() {
        for (n, expect) in [(0, 0.0), (1, 0.0), (2, 1.0), (3, 1.207_392_357), (256, 10.244_770_920)] {
            assert!((average_path_length(n) - expect).abs() < 1e-8, "c({n}) = {}", average_path_length(n));
        }
        for (n, expect) in [(1, 1), (2, 1), (3, 2), (256, 8), (257, 9)] {
            assert_eq!(height_limit(n), expect);
        }
    }

    #[test]
    fn a_tree_built_by_hand_gives_the_paths_worked_out_by_hand() {
        // x0 <= 1 ? leaf of 3 : (x1 <= 5 ? leaf of 1 : leaf of 2)
        let cut = |feature, threshold, low| Node { feature, threshold, low };
        let nodes = vec![cut(0, 1.0, 1), Node::leaf(3), cut(1, 5.0, 3), Node::leaf(1), Node::leaf(2)];
        let tree = IsolationTree::measure(nodes).unwrap();
        assert_eq!(tree.path_length(&[1.0, 9.0]), 1.0 + average_path_length(3));
        assert_eq!(tree.path_length(&[2.0, 5.0]), 2.0);
        assert_eq!(tree.path_length(&[2.0, f32::NAN]), 3.0);
        assert_eq!(tree.depth, 2);
    }

    #[test]
    fn nodes_that_form_no_tree_are_refused() {
        let cut = |low| Node { feature: 0, threshold: 0.0, low };
        for nodes in [
            vec![],
            vec![cut(0)],
            vec![cut(1), Node::leaf(1)],
            vec![cut(1), cut(1), Node::leaf(1)],
            vec![Node::leaf(1), Node::leaf(1)],
            vec![cut(1), cut(3), cut(3), Node::leaf(1), Node::leaf(1)],
        ] {
            assert!(IsolationTree::measure(nodes.clone()).is_err(), "{nodes:?}");
        }
    }

    #[test]
    fn equal_rows_become_one_leaf_and_two_rows_are_always_parted() {
        let equal = IsolationTree::grow(
            &[0, 1],
            &[vec![2.0; 9], vec![3.0; 9]],
            &mut stream(42.0.try_into().unwrap(), 0),
        );
        assert_eq!(equal.nodes, [Node::leaf(9)]);
        let next = f32::from_bits(1.0f32.to_bits() + 1);
        for tree_idx in 0..20 {
            let mut rng = stream(42.0.try_into().unwrap(), tree_idx);
            let tree = IsolationTree::grow(&[0], &[vec![1.0, next]], &mut rng);
            assert_eq!(tree.nodes[1..], [Node::leaf(1), Node::leaf(1)]);
        }
        let mut rng = stream(42.0.try_into().unwrap(), 0);
        let huge = IsolationTree::grow(&[0], &[vec![f32::MIN, f32::MAX]], &mut rng);
        assert!(huge.nodes[0].threshold.is_finite());
    }
}
