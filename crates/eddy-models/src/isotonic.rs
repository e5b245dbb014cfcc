//! Isotonic regression: the rising steps nearest to what was seen.

use eddy_detect::{LoadError, SectionReader, SectionWriter};

use crate::checked::{self, check_len};

/// Probabilities that rise with a score.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Isotonic {
    /// Scores, ascending, and the probability at each; straight lines between.
    scores: Vec<f64>,
    probabilities: Vec<f64>,
}

impl Isotonic {
    /// Fits the steps by pooling neighbours that fall.
    ///
    /// Source: Ayer, Brunk, Ewing, Reid & Silverman 1955; for probabilities Zadrozny & Elkan, KDD 2002.
    pub(crate) fn fit(scores: &[f64], truths: &[bool]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        // Blocks: first and last score, sum of truths, number of rows.
        let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
        for idx in order {
            let (score, truth) = (scores[idx], f64::from(u8::from(truths[idx])));
            match blocks.last_mut() {
                // Equal scores cannot have different probabilities.
                Some(last) if last.0 == score => {
                    last.2 += truth;
                    last.3 += 1.0;
                }
                _ => blocks.push((score, score, truth, 1.0)),
            }
        }
        let mut pooled: Vec<(f64, f64, f64, f64)> = Vec::with_capacity(blocks.len());
        for block in blocks {
            pooled.push(block);
            while let [.., before, last] = pooled.as_slice() {
                if before.2 / before.3 < last.2 / last.3 {
                    break;
                }
                let joined = (before.0, last.1, before.2 + last.2, before.3 + last.3);
                pooled.truncate(pooled.len() - 2);
                pooled.push(joined);
            }
        }
        let (mut ends, mut probabilities) = (Vec::new(), Vec::new());
        for (first, last, truths, n) in pooled {
            for score in if first == last { vec![first] } else { vec![first, last] } {
                ends.push(score);
                probabilities.push(truths / n);
            }
        }
        Self { scores: ends, probabilities }
    }

    pub(crate) fn probability(&self, score: f64) -> f64 {
        let next = self.scores.partition_point(|&at| at < score);
        if next == 0 {
            return self.probabilities[0];
        }
        let Some(&high) = self.scores.get(next) else { return self.probabilities[next - 1] };
        let low = self.scores[next - 1];
        let share = ((score - low) / (high - low)).clamp(0.0, 1.0);
        let (from, to) = (self.probabilities[next - 1], self.probabilities[next]);
        from + share * (to - from)
    }

    pub(crate) fn save_all(all: &[Self], section: &mut SectionWriter<'_>) {
        section.u32("n_steps", &all.iter().map(|one| one.scores.len() as u32).collect::<Vec<_>>());
        section.f64("scores", &all.iter().flat_map(|one| &one.scores).copied().collect::<Vec<_>>());
        section.f64(
            "probabilities",
            &all.iter().flat_map(|one| &one.probabilities).copied().collect::<Vec<_>>(),
        );
    }

    pub(crate) fn load_all(section: &SectionReader<'_>, n: usize) -> Result<Vec<Self>, LoadError> {
        let n_steps = section.u32("n_steps")?;
        check_len("n_steps", n_steps.len(), n)?;
        let whole = n_steps.iter().map(|&n| n as usize).sum();
        let mut scores = checked::floats(section, "scores", whole)?;
        let mut probabilities = checked::floats(section, "probabilities", whole)?;
        let mut all = Vec::with_capacity(n);
        for &n in n_steps {
            let (rest_scores, rest) = (scores.split_off(n as usize), probabilities.split_off(n as usize));
            let fits = scores.windows(2).all(|pair| pair[0] < pair[1])
                && probabilities.iter().all(|share| (0.0..=1.0).contains(share))
                && n > 0;
            if !fits {
                return Err(LoadError::content("scores", "do not rise, or their probabilities are none"));
            }
            all.push(Self { scores, probabilities });
            (scores, probabilities) = (rest_scores, rest);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_fall_are_pooled() {
        // By hand: 3 and 4 fall and are pooled at a half; ties at 6 share theirs.
        let fitted = Isotonic::fit(
            &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0],
            &[false, false, true, false, true, true, true],
        );
        for (score, wanted) in
            [(0.0, 0.0), (2.0, 0.0), (3.0, 0.5), (3.5, 0.5), (4.5, 0.75), (6.0, 1.0), (9.0, 1.0)]
        {
            assert_eq!(fitted.probability(score), wanted, "{score}");
        }
    }
}
