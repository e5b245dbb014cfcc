//! Probabilities of classes from those of each two of them.

/// Probabilities of pairs are kept this far from 0 and 1 where several are combined.
const LEAST_PROBABILITY: f64 = 1e-7;
/// Rounds of the search for probabilities that agree with those of the pairs.
const MOST_ROUNDS: usize = 100;

/// Where the pair of two classes is in the list of all: (0, 1), (0, 2), ... (1, 2), ...
pub(crate) fn pair_at(first: usize, second: usize, n_classes: usize) -> usize {
    first * (2 * n_classes - first - 1) / 2 + second - first - 1
}

/// Combines the probabilities of the first class of each pair into those of the classes.
///
/// Source: Wu, Lin & Weng, "Probability estimates for multi-class classification by pairwise coupling", JMLR 2004
/// (their second approach), as in LIBSVM.
pub(crate) fn couple(pairs: &[f64], out: &mut [f64]) {
    let k = out.len();
    let clamped = |p: f64| p.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
    if k == 2 {
        out[0] = pairs[0];
        out[1] = 1.0 - pairs[0];
        return;
    }
    // How probable class i is against class j.
    let against = |i: usize, j: usize| {
        if i < j { clamped(pairs[pair_at(i, j, k)]) } else { 1.0 - clamped(pairs[pair_at(j, i, k)]) }
    };
    let mut q = vec![0.0; k * k];
    for i in 0..k {
        for j in (0..k).filter(|&j| j != i) {
            q[i * k + i] += against(j, i).powi(2);
            q[i * k + j] = -against(j, i) * against(i, j);
        }
    }
    out.fill(1.0 / k as f64);
    let mut qp = vec![0.0; k];
    for _ in 0..MOST_ROUNDS.max(k) {
        let mut whole = 0.0;
        for i in 0..k {
            qp[i] = (0..k).map(|j| q[i * k + j] * out[j]).sum();
            whole += out[i] * qp[i];
        }
        if qp.iter().all(|value| (value - whole).abs() < 0.005 / k as f64) {
            break;
        }
        for i in 0..k {
            let change = (whole - qp[i]) / q[i * k + i];
            out[i] += change;
            whole = (whole + change * (change * q[i * k + i] + 2.0 * qp[i])) / (1.0 + change).powi(2);
            for j in 0..k {
                qp[j] = (qp[j] + change * q[i * k + j]) / (1.0 + change);
                out[j] /= 1.0 + change;
            }
        }
    }
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|share| *share /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_of_pairs_that_agree_are_coupled_to_those_they_came_from() {
        let truth = [0.5, 0.3, 0.15, 0.05];
        let mut pairs = Vec::new();
        for i in 0..4 {
            for j in i + 1..4 {
                assert_eq!(pair_at(i, j, 4), pairs.len());
                pairs.push(truth[i] / (truth[i] + truth[j]));
            }
        }
        let mut out = [0.0; 4];
        couple(&pairs, &mut out);
        assert!(out.iter().zip(truth).all(|(got, wanted)| (got - wanted).abs() < 2e-3), "{out:?}");
    }
}
