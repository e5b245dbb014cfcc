//! A tree of random cuts that rows are put into and taken out of.

use rand::RngExt;

/// No node.
const NONE: u32 = u32::MAX;

/// A leaf or an inner node.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    parent: u32,
    /// Children; of a leaf, none.
    low: u32,
    high: u32,
    /// Points below.
    n_points: u32,
    /// Values of the dimension up to here go low.
    cut: f32,
    dim: u32,
}

const EMPTY: Node = Node { parent: NONE, low: NONE, high: NONE, n_points: 0, cut: 0.0, dim: 0 };

/// A robust random cut tree over at most `capacity` points, which lie elsewhere and are called by their place.
///
/// Node `i` below the capacity is the leaf of the point at place `i`, unless an equal point has a leaf already; the nodes
/// above are inner nodes, each with the box around its points.
///
/// Source: Guha, Mishra, Roy & Schrijvers 2016, Algorithms 1 (deletion) and 2 (insertion).
#[derive(Debug, Clone)]
pub(crate) struct CutTree {
    capacity: usize,
    dims: usize,
    root: u32,
    nodes: Vec<Node>,
    /// Least and greatest value of each dimension, for each inner node.
    boxes: Vec<f32>,
    /// The leaf of each place.
    leaf_of: Vec<u32>,
    /// Inner nodes that are free.
    free: Vec<u32>,
}

impl CutTree {
    pub(crate) fn new(capacity: usize, dims: usize) -> Self {
        Self {
            capacity,
            dims,
            root: NONE,
            nodes: vec![EMPTY; 2 * capacity],
            boxes: vec![0.0; 2 * dims * capacity],
            leaf_of: vec![NONE; capacity],
            free: (capacity as u32..2 * capacity as u32).rev().collect(),
        }
    }

    /// Bytes beside the struct itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice())
            + size_of_val(self.boxes.as_slice())
            + size_of_val(self.leaf_of.as_slice())
            + self.free.capacity() * size_of::<u32>()
    }

    fn is_leaf(&self, node: u32) -> bool {
        (node as usize) < self.capacity
    }

    /// The box around the points of a node: least values, greatest values.
    fn bounds<'a>(&'a self, points: &'a [f32], node: u32) -> (&'a [f32], &'a [f32]) {
        let (node, dims) = (node as usize, self.dims);
        if node < self.capacity {
            let point = &points[node * dims..(node + 1) * dims];
            return (point, point);
        }
        let start = 2 * dims * (node - self.capacity);
        self.boxes[start..start + 2 * dims].split_at(dims)
    }

    /// Makes the box of an inner node that around its children; whether it changed.
    fn rebound(&mut self, points: &[f32], node: u32) -> bool {
        let Node { low, high, .. } = self.nodes[node as usize];
        let start = 2 * self.dims * (node as usize - self.capacity);
        let mut changed = false;
        for dim in 0..self.dims {
            let ((low_min, low_max), (high_min, high_max)) =
                (self.bounds(points, low), self.bounds(points, high));
            let (min, max) = (low_min[dim].min(high_min[dim]), low_max[dim].max(high_max[dim]));
            let places = [start + dim, start + self.dims + dim];
            changed |= self.boxes[places[0]] != min || self.boxes[places[1]] != max;
            (self.boxes[places[0]], self.boxes[places[1]]) = (min, max);
        }
        changed
    }

    /// Puts `new` where `old` was under its parent.
    fn replace_child(&mut self, old: u32, new: u32) {
        let parent = self.nodes[old as usize].parent;
        self.nodes[new as usize].parent = parent;
        if parent == NONE {
            self.root = new;
        } else if self.nodes[parent as usize].low == old {
            self.nodes[parent as usize].low = new;
        } else {
            self.nodes[parent as usize].high = new;
        }
    }

    /// Draws a cut of the box around a node and a point, each dimension in proportion to its range. None where the point
    /// lies in the box and the box has no size.
    fn draw(
        &self,
        points: &[f32],
        node: u32,
        point: &[f32],
        rng: &mut impl rand::Rng,
    ) -> Option<(usize, f32)> {
        let (mins, maxs) = self.bounds(points, node);
        let range = |dim: usize| f64::from(maxs[dim].max(point[dim])) - f64::from(mins[dim].min(point[dim]));
        let whole: f64 = (0..self.dims).map(range).sum();
        if whole <= 0.0 {
            return None;
        }
        let mut rest = rng.random::<f64>() * whole;
        let mut last = None;
        for dim in 0..self.dims {
            let size = range(dim);
            if size > 0.0 {
                last = Some((dim, rest.min(size)));
                if rest < size {
                    break;
                }
            }
            rest -= size;
        }
        let (dim, at) = last?;
        let (min, max) = (mins[dim].min(point[dim]), maxs[dim].max(point[dim]));
        let cut = (f64::from(min) + at.max(0.0)) as f32;
        // Rounding may reach the greatest value, which would leave the high side empty.
        Some((dim, if cut < max { cut } else { min }))
    }

    /// Puts in the point at a place that is free.
    pub(crate) fn insert(&mut self, points: &[f32], place: usize, rng: &mut impl rand::Rng) {
        let point = &points[place * self.dims..(place + 1) * self.dims];
        let leaf = place as u32;
        self.nodes[place] = Node { n_points: 1, ..EMPTY };
        self.leaf_of[place] = leaf;
        if self.root == NONE {
            self.root = leaf;
            return;
        }
        let mut node = self.root;
        loop {
            let Some((dim, cut)) = self.draw(points, node, point, rng) else {
                // A leaf with an equal point.
                self.leaf_of[place] = node;
                self.add_up(points, node, place);
                return;
            };
            let (mins, maxs) = self.bounds(points, node);
            let (below, above) = (point[dim] <= cut && cut < mins[dim], maxs[dim] <= cut && cut < point[dim]);
            if below || above {
                let Some(inner) = self.free.pop() else { return };
                self.replace_child(node, inner);
                let (low, high) = if below { (leaf, node) } else { (node, leaf) };
                let n_points = self.nodes[node as usize].n_points;
                let parent = self.nodes[inner as usize].parent;
                self.nodes[inner as usize] = Node { parent, low, high, n_points, cut, dim: dim as u32 };
                self.nodes[node as usize].parent = inner;
                self.nodes[place].parent = inner;
                self.rebound(points, inner);
                self.add_up(points, inner, place);
                return;
            }
            let Node { low, high, cut, dim, .. } = self.nodes[node as usize];
            node = if point[dim as usize] <= cut { low } else { high };
        }
    }

    /// Counts the point in a node and in all above, and widens their boxes.
    fn add_up(&mut self, points: &[f32], mut node: u32, place: usize) {
        let point = &points[place * self.dims..(place + 1) * self.dims];
        while node != NONE {
            self.nodes[node as usize].n_points += 1;
            if !self.is_leaf(node) {
                let start = 2 * self.dims * (node as usize - self.capacity);
                let (mins, maxs) = self.boxes[start..start + 2 * self.dims].split_at_mut(self.dims);
                for ((min, max), &value) in mins.iter_mut().zip(maxs).zip(point) {
                    *min = min.min(value);
                    *max = max.max(value);
                }
            }
            node = self.nodes[node as usize].parent;
        }
    }

    /// Takes out the point at a place.
    pub(crate) fn remove(&mut self, points: &[f32], place: usize) {
        let leaf = std::mem::replace(&mut self.leaf_of[place], NONE);
        if leaf == NONE {
            return;
        }
        if self.nodes[leaf as usize].n_points > 1 {
            let leaf = if leaf as usize == place { self.hand_over(place) } else { leaf };
            let mut node = leaf;
            while node != NONE {
                self.nodes[node as usize].n_points -= 1;
                node = self.nodes[node as usize].parent;
            }
            return;
        }
        let parent = self.nodes[leaf as usize].parent;
        if parent == NONE {
            self.root = NONE;
            return;
        }
        let Node { low, high, .. } = self.nodes[parent as usize];
        let sibling = if low == leaf { high } else { low };
        self.replace_child(parent, sibling);
        self.free.push(parent);
        let mut node = self.nodes[sibling as usize].parent;
        let mut may_shrink = true;
        while node != NONE {
            self.nodes[node as usize].n_points -= 1;
            may_shrink = may_shrink && self.rebound(points, node);
            node = self.nodes[node as usize].parent;
        }
    }

    /// Makes another place with an equal point the leaf of them all; the new leaf.
    fn hand_over(&mut self, place: usize) -> u32 {
        let old = place as u32;
        let Some(heir) = self.leaf_of.iter().position(|&leaf| leaf == old) else { return old };
        self.nodes[heir] = self.nodes[place];
        self.replace_child(old, heir as u32);
        self.leaf_of.iter_mut().filter(|leaf| **leaf == old).for_each(|leaf| *leaf = heir as u32);
        heir as u32
    }

    /// The collusive displacement of the point at a place, and the dimension of the cut that it is reached at.
    pub(crate) fn displacement(&self, place: usize) -> (f64, usize) {
        let mut node = self.leaf_of[place];
        let mut most = (0.0, 0);
        while node != NONE {
            let Node { parent, n_points, .. } = self.nodes[node as usize];
            if parent == NONE {
                break;
            }
            let Node { low, high, dim, .. } = self.nodes[parent as usize];
            let sibling = self.nodes[if low == node { high } else { low } as usize].n_points;
            let displaced = f64::from(sibling) / f64::from(n_points);
            if displaced > most.0 {
                most = (displaced, dim as usize);
            }
            node = parent;
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{normal, stream};
    use eddy_detect::Seed;

    /// Checks counts, boxes and links of everything below a node; its points.
    fn check(tree: &CutTree, points: &[f32], node: u32, parent: u32) -> u32 {
        let Node { parent: got, low, high, n_points, cut, dim } = tree.nodes[node as usize];
        assert_eq!(got, parent);
        if tree.is_leaf(node) {
            return n_points;
        }
        let n_below = check(tree, points, low, node) + check(tree, points, high, node);
        assert_eq!(n_points, n_below);
        let (mins, maxs) = tree.bounds(points, node);
        for d in 0..tree.dims {
            let ((a, b), (c, e)) = (tree.bounds(points, low), tree.bounds(points, high));
            assert_eq!((mins[d], maxs[d]), (a[d].min(c[d]), b[d].max(e[d])));
        }
        let d = dim as usize;
        assert!(tree.bounds(points, low).1[d] <= cut && cut < tree.bounds(points, high).0[d]);
        n_points
    }

    #[test]
    fn a_tree_stays_whole_while_points_come_and_go() {
        let (capacity, dims) = (16, 2);
        for seed in 0..20 {
            let mut rng = stream(Seed::new(seed), 0);
            let mut tree = CutTree::new(capacity, dims);
            let mut points = vec![0.0f32; capacity * dims];
            for step in 0..200 {
                let place = step % capacity;
                tree.remove(&points, place);
                for value in &mut points[place * dims..(place + 1) * dims] {
                    // Few values, so that many points are equal.
                    *value = (normal(&mut rng) * 1.5).round() as f32;
                }
                tree.insert(&points, place, &mut rng);
                assert_eq!(check(&tree, &points, tree.root, NONE) as usize, capacity.min(step + 1));
            }
        }
    }

    #[test]
    fn extreme_values_are_survived() {
        let mut rng = stream(Seed::new(1), 0);
        let points = [f32::MAX, f32::MIN, 0.0, f32::MIN_POSITIVE, -0.0, 1.0, f32::MAX, 1.0 + f32::EPSILON];
        let mut tree = CutTree::new(8, 1);
        (0..8).for_each(|place| tree.insert(&points, place, &mut rng));
        assert_eq!(check(&tree, &points, tree.root, NONE), 8);
        (0..8).for_each(|place| tree.remove(&points, place));
        assert_eq!(tree.root, NONE);
        assert_eq!(tree.free.len(), 8);
    }

    /// Displacements beside those of rrcf: `tests/parity/make_series.py`.
    #[test]
    fn displacements_are_those_of_the_reference() {
        let reference: serde_json::Value =
            serde_json::from_str(include_str!("../tests/parity/series.json")).unwrap();
        let reference = &reference["random_cut_forest"];
        let points: Vec<[f32; 3]> = serde_json::from_value(reference["points"].clone()).unwrap();
        let wanted: Vec<f64> = serde_json::from_value(reference["codisp"].clone()).unwrap();
        let flat = points.concat();
        let n_trees = 1000;
        let mut sums = vec![0.0; points.len()];
        for tree_idx in 0..n_trees {
            let mut rng = stream(Seed::new(5), tree_idx);
            let mut tree = CutTree::new(points.len(), 3);
            (0..points.len()).for_each(|place| tree.insert(&flat, place, &mut rng));
            sums.iter_mut().enumerate().for_each(|(place, sum)| *sum += tree.displacement(place).0);
        }
        for (place, (sum, wanted)) in sums.into_iter().zip(wanted).enumerate() {
            let got = sum / n_trees as f64;
            assert!((got - wanted).abs() < 0.12 * wanted + 0.1, "point {place}: {got} vs {wanted}");
        }
    }
}
