//! One threshold for a whole corpus.

use serde::Serialize;

use crate::{EvalError, Profile, Truth};

/// The rows of a corpus that are judged, from the highest score down.
///
/// Scores that are no numbers count as the lowest there are: they never raise an alarm.
pub struct Ranking<'a> {
    truths: Vec<&'a Truth>,
    scores: Vec<&'a [f64]>,
    /// File and row, by falling score.
    order: Vec<(u32, u32)>,
}

/// What alarms at or above a threshold come to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Tally {
    /// The score, in the points of the profile.
    pub score: f64,
    /// Rows in windows at or above the threshold.
    pub true_positives: u64,
    /// Rows outside that are not.
    pub true_negatives: u64,
    /// Rows outside that are.
    pub false_positives: u64,
    /// Rows in windows that are not.
    pub false_negatives: u64,
    /// Windows with at least one alarm.
    pub windows_hit: u64,
    /// Windows there are.
    pub windows: u64,
}

impl Tally {
    /// Adds what another series came to.
    pub fn add(&mut self, other: &Self) {
        self.score += other.score;
        self.true_positives += other.true_positives;
        self.true_negatives += other.true_negatives;
        self.false_positives += other.false_positives;
        self.false_negatives += other.false_negatives;
        self.windows_hit += other.windows_hit;
        self.windows += other.windows;
    }
}

/// Counts the alarms of one series at a threshold.
pub fn tally(truth: &Truth, scores: &[f64], threshold: f64, profile: &Profile) -> Tally {
    let mut best: Vec<Option<f64>> = vec![None; truth.windows().len()];
    let mut tally = Tally::default();
    for (row, &score) in scores.iter().enumerate().take(truth.n_rows()).skip(truth.probation()) {
        let alarm = score >= threshold;
        match (truth.window_of(row), alarm) {
            (Some(window), true) => {
                tally.true_positives += 1;
                let value = truth.value(row, profile);
                best[window] = Some(best[window].map_or(value, |before| before.max(value)));
            }
            (Some(_), false) => tally.false_negatives += 1,
            (None, true) => {
                tally.false_positives += 1;
                tally.score += truth.value(row, profile);
            }
            (None, false) => tally.true_negatives += 1,
        }
    }
    for (window, _) in truth.judged_windows() {
        tally.windows += 1;
        tally.windows_hit += u64::from(best[window].is_some());
        // A window is never worth less than its loss.
        tally.score += best[window].unwrap_or(-profile.false_negative).max(-profile.false_negative);
    }
    tally
}

impl<'a> Ranking<'a> {
    /// Puts the judged rows of all series in order.
    pub fn new(series: &[(&'a Truth, &'a [f64])]) -> Result<Self, EvalError> {
        let mut order = Vec::new();
        for (file, (truth, scores)) in series.iter().enumerate() {
            if scores.len() != truth.n_rows() {
                return Err(EvalError::Length { wanted: truth.n_rows(), got: scores.len() });
            }
            let judged = (truth.probation()..truth.n_rows()).filter(|&row| !scores[row].is_nan());
            order.extend(judged.map(|row| (file as u32, row as u32)));
        }
        let score = |&(file, row): &(u32, u32)| series[file as usize].1[row as usize];
        order.sort_unstable_by(|a, b| score(b).total_cmp(&score(a)).then(a.cmp(b)));
        Ok(Self {
            truths: series.iter().map(|(truth, _)| *truth).collect(),
            scores: series.iter().map(|(_, scores)| *scores).collect(),
            order,
        })
    }

    /// Series of the corpus.
    pub fn n_series(&self) -> usize {
        self.truths.len()
    }

    /// Windows that are judged.
    pub fn n_windows(&self) -> usize {
        self.truths.iter().map(|truth| truth.judged_windows().count()).sum()
    }

    /// The score of the corpus at every threshold that makes a difference.
    pub fn sweep(&self, profile: &Profile) -> Sweep {
        let mut best: Vec<Vec<f64>> =
            self.truths.iter().map(|truth| vec![-profile.false_negative; truth.windows().len()]).collect();
        let mut of_file: Vec<f64> = self
            .truths
            .iter()
            .map(|truth| -profile.false_negative * truth.judged_windows().count() as f64)
            .collect();
        let mut total: f64 = of_file.iter().sum();
        let mut sweep = Sweep {
            thresholds: vec![f64::INFINITY],
            totals: vec![total],
            changes: of_file.iter().map(|&score| vec![(0, score)]).collect(),
        };
        let mut touched: Vec<u32> = Vec::new();
        for (at, &(file, row)) in self.order.iter().enumerate() {
            let (file_idx, row_idx) = (file as usize, row as usize);
            let truth = self.truths[file_idx];
            let value = truth.value(row_idx, profile);
            let change = match truth.window_of(row_idx) {
                None => value,
                Some(window) => {
                    let best = &mut best[file_idx][window];
                    let gain = (value - *best).max(0.0);
                    *best = best.max(value);
                    gain
                }
            };
            // Rows that change nothing leave the sum as it was, to the last bit.
            if change != 0.0 {
                total += change;
                of_file[file_idx] += change;
                touched.push(file);
            }
            let score = self.scores[file_idx][row_idx];
            let next = self.order.get(at + 1).map(|&(file, row)| self.scores[file as usize][row as usize]);
            if next != Some(score) {
                let step = sweep.thresholds.len() as u32;
                sweep.thresholds.push(score);
                sweep.totals.push(total);
                touched.sort_unstable();
                touched.dedup();
                for file in touched.drain(..) {
                    sweep.changes[file as usize].push((step, of_file[file as usize]));
                }
            }
        }
        sweep
    }

    /// Counts of every series at a threshold.
    pub fn tallies(&self, threshold: f64, profile: &Profile) -> Vec<Tally> {
        self.truths
            .iter()
            .zip(&self.scores)
            .map(|(truth, scores)| tally(truth, scores, threshold, profile))
            .collect()
    }

    /// Counts of the corpus at a threshold.
    pub fn tally(&self, threshold: f64, profile: &Profile) -> Tally {
        self.tallies(threshold, profile).iter().fold(Tally::default(), |mut sum, one| {
            sum.add(one);
            sum
        })
    }
}

/// Scores of a corpus, threshold by threshold.
pub struct Sweep {
    /// Falling; the first is infinite and raises no alarm.
    thresholds: Vec<f64>,
    /// Score of the corpus with alarms at or above the threshold.
    totals: Vec<f64>,
    /// For each series: step, and its score from that step on.
    changes: Vec<Vec<(u32, f64)>>,
}

impl Sweep {
    /// The threshold with the best score, the highest of those, and that score.
    pub fn best(&self) -> (f64, f64) {
        let mut best = 0;
        for (step, total) in self.totals.iter().enumerate() {
            if *total > self.totals[best] {
                best = step;
            }
        }
        (self.thresholds[best], self.totals[best])
    }

    /// The score of the corpus where the threshold of each series was chosen without its group: `groups` holds the group
    /// of each series. With a group of its own for every series this leaves one out at a time.
    pub fn left_out(&self, groups: &[usize]) -> f64 {
        let n_groups = groups.iter().max().map_or(0, |most| most + 1);
        (0..n_groups)
            .map(|group| {
                let members: Vec<usize> = (0..groups.len()).filter(|&file| groups[file] == group).collect();
                self.of_group(&members)
            })
            .sum()
    }

    /// The score of some series at the threshold that is best for the others.
    fn of_group(&self, members: &[usize]) -> f64 {
        let mut changes: Vec<(u32, usize, f64)> = members
            .iter()
            .flat_map(|&file| self.changes[file].iter().map(move |&(step, score)| (step, file, score)))
            .collect();
        changes.sort_unstable_by_key(|&(step, file, _)| (step, file));
        let mut now = vec![0.0; self.changes.len()];
        let mut own = 0.0;
        let (mut best_rest, mut best_own) = (f64::NEG_INFINITY, 0.0);
        let mut coming = changes.into_iter().peekable();
        for (step, total) in self.totals.iter().enumerate() {
            while let Some((_, file, score)) = coming.next_if(|&(at, ..)| at as usize == step) {
                own += score - now[file];
                now[file] = score;
            }
            // A change in the last bits of the sum is no better threshold.
            if total - own > best_rest + 1e-9 {
                (best_rest, best_own) = (total - own, own);
            }
        }
        best_own
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;

    fn profile() -> Profile {
        Profile::all().remove(0)
    }

    /// Numbers without rhyme or reason, the same every time.
    fn noise(seed: u64, n: usize, levels: u64) -> Vec<f64> {
        let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) % levels) as f64 / levels as f64
            })
            .collect()
    }

    fn corpus() -> Vec<(Truth, Vec<f64>)> {
        (0..4)
            .map(|at| {
                let n = 120 + 30 * at;
                let windows = [Window { first: 40 + at, last: 55 }, Window { first: 80, last: 90 + at }];
                (Truth::of_rows(n, &windows[..at.min(2)]), noise(at as u64 + 3, n, 40))
            })
            .collect()
    }

    fn views(corpus: &[(Truth, Vec<f64>)]) -> Vec<(&Truth, &[f64])> {
        corpus.iter().map(|(truth, scores)| (truth, scores.as_slice())).collect()
    }

    #[test]
    fn the_sweep_finds_what_trying_every_threshold_finds() {
        let corpus = corpus();
        let ranking = Ranking::new(&views(&corpus)).unwrap();
        for profile in Profile::all() {
            let (threshold, score) = ranking.sweep(&profile).best();
            let mut tried: Vec<f64> = corpus.iter().flat_map(|(_, scores)| scores.clone()).collect();
            tried.push(f64::INFINITY);
            let most = tried.iter().map(|&at| ranking.tally(at, &profile).score).fold(f64::MIN, f64::max);
            assert!((score - most).abs() < 1e-9, "{score} {most}");
            assert!((ranking.tally(threshold, &profile).score - score).abs() < 1e-9);
        }
    }

    #[test]
    fn leaving_out_is_choosing_the_threshold_on_the_others() {
        let corpus = corpus();
        let ranking = Ranking::new(&views(&corpus)).unwrap();
        let profile = profile();
        let mut wanted = 0.0;
        for out in 0..corpus.len() {
            let rest: Vec<_> = views(&corpus)
                .into_iter()
                .enumerate()
                .filter(|(at, _)| *at != out)
                .map(|(_, one)| one)
                .collect();
            let (threshold, _) = Ranking::new(&rest).unwrap().sweep(&profile).best();
            wanted += tally(&corpus[out].0, &corpus[out].1, threshold, &profile).score;
        }
        let got = ranking.sweep(&profile).left_out(&[0, 1, 2, 3]);
        assert!((got - wanted).abs() < 1e-9, "{got} {wanted}");
    }

    #[test]
    fn a_window_counts_once_at_its_earliest_alarm() {
        let truth = Truth::of_rows(100, &[Window { first: 50, last: 69 }]);
        let mut scores = vec![0.0; 100];
        (scores[55], scores[60], scores[90]) = (1.0, 1.0, 1.0);
        let profile = profile();
        let got = tally(&truth, &scores, 0.5, &profile);
        let wanted = truth.value(55, &profile) + truth.value(90, &profile);
        assert!((got.score - wanted).abs() < 1e-15);
        let counts = (
            got.true_positives,
            got.false_positives,
            got.false_negatives,
            got.true_negatives,
            got.windows_hit,
        );
        assert_eq!(counts, (2, 1, 18, 64, 1));
    }

    #[test]
    fn a_series_whose_scores_all_lie_above_the_threshold_is_scored() {
        let quiet = (Truth::of_rows(100, &[]), vec![0.9; 100]);
        let truth = Truth::of_rows(100, &[Window { first: 50, last: 69 }]);
        let mut scores = vec![0.0; 100];
        scores[50] = 0.5;
        let ranking = Ranking::new(&[(&quiet.0, &quiet.1), (&truth, &scores)]).unwrap();
        let got = ranking.tally(0.5, &profile());
        assert_eq!((got.windows_hit, got.false_positives), (1, 85));
    }

    #[test]
    fn nan_never_raises_an_alarm_and_scores_need_not_lie_between_0_and_1() {
        let truth = Truth::of_rows(100, &[Window { first: 50, last: 69 }]);
        let mut scores = vec![f64::NAN; 100];
        (scores[50], scores[20]) = (1e300, f64::NEG_INFINITY);
        let ranking = Ranking::new(&[(&truth, &scores)]).unwrap();
        assert_eq!(ranking.sweep(&profile()).best(), (1e300, 1.0));
        assert!(Ranking::new(&[(&truth, &scores[1..])]).is_err());
    }

    #[test]
    fn an_alarm_in_probation_counts_for_nothing() {
        let truth = Truth::of_rows(100, &[Window { first: 5, last: 9 }]);
        let ranking_scores = vec![1.0; 15].into_iter().chain(vec![0.0; 85]).collect::<Vec<_>>();
        let got = tally(&truth, &ranking_scores, 0.5, &profile());
        assert_eq!((got.windows, got.score, got.true_negatives), (0, 0.0, 85));
    }
}
