//! What the label column says about each feature.

use eddy_detect::FitError;
use eddy_detect::hypothesis::{
    Sample, benjamini_hochberg, chi_square, holm, kolmogorov_smirnov, mann_whitney, welch,
};
use eddy_frame::{Column, Frame, Kind};
use eddy_report::{
    ClassBox, ClassCount, ClassDistribution, Difference, FeatureTest, Histogram, Labelled, PValue,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::labels::{classes, label_of};

/// Levels of a category that are tested one by one; rarer ones are taken together.
const MOST_LEVELS: usize = 512;
/// Features drawn class by class.
const MOST_DRAWN: usize = 12;
/// Smallest effect that is worth a picture.
const LEAST_DRAWN: f64 = 0.1;
/// Classes with a box of their own.
const MOST_BOXES: usize = 8;
/// Levels of a category that are drawn.
const LEVELS_DRAWN: usize = 8;
/// Bins of a histogram.
const BINS: usize = 40;
/// Fewest values of a group for the normal approximation.
const FEW: u64 = 8;

/// Classes of the rows, most common first.
pub(crate) struct ClassedRows {
    pub(crate) counts: Vec<ClassCount>,
    /// Position of each row's class in `counts`.
    pub(crate) of_rows: Vec<u16>,
}

impl ClassedRows {
    /// The classes of a frame; none without a label column, and why not where it has no classes.
    pub(crate) fn of(frame: &Frame) -> Option<Result<Self, String>> {
        label_of(frame.schema())?;
        let (all, of_rows) = match classes(frame) {
            Ok(found) => found,
            Err(FitError::Labels { reason }) => return Some(Err(reason)),
            Err(error) => return Some(Err(error.to_string())),
        };
        let mut rows = vec![0u64; all.len()];
        of_rows.iter().for_each(|&class| rows[usize::from(class)] += 1);
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by(|&a, &b| rows[b].cmp(&rows[a]).then(a.cmp(&b)));
        let mut place = vec![0u16; all.len()];
        order.iter().enumerate().for_each(|(to, &from)| place[from] = to as u16);
        let count = |&class: &usize| ClassCount {
            name: all.names[class].clone(),
            is_attack: all.is_attack[class],
            rows: rows[class],
        };
        Some(Ok(Self {
            counts: order.iter().map(count).collect(),
            of_rows: of_rows.iter().map(|&class| place[usize::from(class)]).collect(),
        }))
    }

    /// Whether each row is an attack.
    pub(crate) fn attacks(&self) -> Vec<bool> {
        self.of_rows.iter().map(|&class| self.counts[usize::from(class)].is_attack).collect()
    }
}

/// Tests every input column between attacks and normal rows.
pub(crate) fn labelled(frame: &Frame, rows: &ClassedRows) -> Labelled {
    let schema = frame.schema();
    let attacks = rows.attacks();
    let inputs: Vec<usize> = schema.inputs().filter(|&idx| schema.fields[idx].kind != Kind::Time).collect();
    let mut tests: Vec<(usize, FeatureTest)> =
        inputs.into_par_iter().filter_map(|idx| Some((idx, test(frame, idx, &attacks)?))).collect();
    let n_p_values = correct(&mut tests);
    tests.sort_by(|a, b| b.1.effect.total_cmp(&a.1.effect).then(a.0.cmp(&b.0)));
    let distributions = tests
        .par_iter()
        .take(MOST_DRAWN)
        .filter(|(_, test)| test.effect >= LEAST_DRAWN)
        .map(|(idx, test)| distribution(frame.column(*idx), test, rows, &attacks))
        .collect();
    Labelled {
        column: label_of(schema).map_or_else(String::new, |field| field.name.to_string()),
        classes: rows.counts.clone(),
        tests: tests.into_iter().map(|(_, test)| test).collect(),
        n_p_values,
        distributions,
    }
}

/// A p-value that is corrected later.
const fn alone(p: f64) -> PValue {
    PValue { alone: p, holm: p, benjamini_hochberg: p }
}

/// Tests one column; none when it does not vary or a group has no value.
fn test(frame: &Frame, idx: usize, attacks: &[bool]) -> Option<FeatureTest> {
    let (field, column) = (&frame.schema().fields[idx], frame.column(idx));
    let mut test = match column {
        Column::Text(_) => category(column, attacks),
        _ if is_flag(column) => category(column, attacks),
        _ => number(column, attacks),
    }?;
    test.name = field.name.to_string();
    test.unit = field.unit.as_deref().map(str::to_owned);
    if test.n_normal.min(test.n_attack) < FEW {
        test.cautions.push(format!("fewer than {FEW} values in a group: the p-value is rough"));
    }
    Some(test)
}

/// Whether there are at most two different numbers.
fn is_flag(column: &Column) -> bool {
    let mut seen = [f64::NAN; 2];
    let mut n = 0;
    for value in (0..column.len()).map(|row_idx| column.number(row_idx)).filter(|value| !value.is_nan()) {
        if !seen[..n].contains(&value) {
            if n == 2 {
                return false;
            }
            seen[n] = value;
            n += 1;
        }
    }
    true
}

/// The values of normal rows and of attacks.
fn groups(column: &Column, attacks: &[bool]) -> [Sample; 2] {
    [false, true].map(|wanted| {
        let rows = attacks.iter().enumerate().filter(|(_, attack)| **attack == wanted);
        Sample::new(rows.map(|(row_idx, _)| column.number(row_idx)).collect())
    })
}

fn number(column: &Column, attacks: &[bool]) -> Option<FeatureTest> {
    let [normal, attack] = groups(column, attacks);
    let ends = [&normal, &attack].map(|sample| Some((*sample.values().first()?, *sample.values().last()?)));
    if let [Some((low, high)), Some((other_low, other_high))] = ends
        && low == high
        && (low, high) == (other_low, other_high)
    {
        return None;
    }
    let order = mann_whitney(&normal, &attack)?;
    let shape = kolmogorov_smirnov(&normal, &attack)?;
    let means = welch(&normal, &attack);
    let n_attacks = attacks.iter().filter(|attack| **attack).count();
    let missing = |sample: &Sample, n: usize| 1.0 - sample.len() as f64 / n.max(1) as f64;
    let (gone, normal_gone) = (missing(&attack, n_attacks), missing(&normal, attacks.len() - n_attacks));
    let mut cautions = Vec::new();
    if (gone - normal_gone).abs() > 0.05 {
        cautions.push(format!(
            "missing in {:.0} % of attacks, {:.0} % of normal rows",
            gone * 100.0,
            normal_gone * 100.0
        ));
    }
    Some(FeatureTest {
        name: String::new(),
        unit: None,
        n_normal: normal.len() as u64,
        n_attack: attack.len() as u64,
        effect: order.cliffs_delta.abs().max(shape.d),
        difference: Difference::Number {
            auc: order.auc,
            cliffs_delta: order.cliffs_delta,
            mann_whitney: alone(order.p),
            ks_distance: shape.d,
            ks_at: shape.at,
            normal_below: shape.first_below,
            attack_below: shape.second_below,
            kolmogorov_smirnov: alone(shape.p),
            cohens_d: means.map(|means| means.cohens_d),
            welch_t: means.map(|means| means.t),
            welch: means.map(|means| alone(means.p)),
            normal_median: normal.quantile(0.5)?,
            attack_median: attack.quantile(0.5)?,
        },
        cautions,
    })
}

/// Rows of each level, normal and attack; the most common level first.
fn levels(column: &Column, attacks: &[bool]) -> Vec<(String, [u64; 2])> {
    let sorted = |mut counts: Vec<(String, [u64; 2])>| {
        counts.sort_unstable_by(|a, b| {
            let rows = |counts: &[u64; 2]| counts[0] + counts[1];
            rows(&b.1).cmp(&rows(&a.1)).then_with(|| a.0.cmp(&b.0))
        });
        counts
    };
    if let Column::Text(texts) = column {
        let mut counts: FxHashMap<&str, [u64; 2]> = FxHashMap::default();
        for (text, attack) in texts.iter().zip(attacks) {
            counts.entry(text).or_default()[usize::from(*attack)] += 1;
        }
        return sorted(counts.into_iter().map(|(text, counts)| (text.to_owned(), counts)).collect());
    }
    let mut counts: Vec<(f64, [u64; 2])> = Vec::new();
    for (row_idx, attack) in attacks.iter().enumerate() {
        let value = column.number(row_idx);
        let same = |other: &f64| *other == value || (other.is_nan() && value.is_nan());
        let at = counts.iter().position(|(other, _)| same(other)).unwrap_or_else(|| {
            counts.push((value, [0; 2]));
            counts.len() - 1
        });
        counts[at].1[usize::from(*attack)] += 1;
    }
    let name = |value: f64| if value.is_nan() { String::new() } else { value.to_string() };
    sorted(counts.into_iter().map(|(value, counts)| (name(value), counts)).collect())
}

fn category(column: &Column, attacks: &[bool]) -> Option<FeatureTest> {
    let mut levels = levels(column, attacks);
    let n_levels = levels.iter().filter(|(level, _)| !level.is_empty()).count() as u64;
    let rare = levels.split_off(levels.len().min(MOST_LEVELS));
    let mut cautions = Vec::new();
    if n_levels * 2 > attacks.len() as u64 {
        cautions.push("nearly every row has a level of its own".to_owned());
    } else if !rare.is_empty() {
        cautions.push(format!("{} rare levels are taken together", rare.len()));
    }
    if !rare.is_empty() {
        let sum = |group: usize| rare.iter().map(|(_, counts)| counts[group]).sum();
        levels.push((format!("one of {} rare levels", rare.len()), [sum(0), sum(1)]));
    }
    let table: Vec<[u64; 2]> = levels.iter().map(|(_, counts)| *counts).collect();
    let found = chi_square(&table)?;
    if !found.is_sound() {
        cautions.push("some counts are small: the p-value is rough".to_owned());
    }
    let totals = [0, 1].map(|group| table.iter().map(|counts| counts[group]).sum::<u64>().max(1) as f64);
    let share = |counts: &[u64; 2], group: usize| counts[group] as f64 / totals[group];
    // Of two levels that are equally far apart, the one that attacks have.
    let apart = |counts: &[u64; 2]| {
        let difference = share(counts, 1) - share(counts, 0);
        (difference.abs(), difference)
    };
    let (level, counts) =
        levels.iter().reduce(|best, one| if apart(&one.1) > apart(&best.1) { one } else { best })?;
    let there = |group: usize| {
        levels.iter().filter(|(level, _)| !level.is_empty()).map(|(_, counts)| counts[group]).sum()
    };
    Some(FeatureTest {
        name: String::new(),
        unit: None,
        n_normal: there(0),
        n_attack: there(1),
        effect: found.cramers_v_corrected,
        difference: Difference::Category {
            chi_square: found.statistic,
            degrees_of_freedom: found.degrees_of_freedom as u64,
            independence: alone(found.p),
            cramers_v: found.cramers_v,
            cramers_v_corrected: found.cramers_v_corrected,
            n_levels,
            level: level.clone(),
            normal_share: share(counts, 0),
            attack_share: share(counts, 1),
        },
        cautions,
    })
}

/// The p-values of a test, in a fixed order.
fn p_values(difference: &mut Difference) -> Vec<&mut PValue> {
    match difference {
        Difference::Number { mann_whitney, kolmogorov_smirnov, welch, .. } => {
            [mann_whitney, kolmogorov_smirnov].into_iter().chain(welch).collect()
        }
        Difference::Category { independence, .. } => vec![independence],
    }
}

/// Corrects the p-values of all tests together. Returns how many there are.
fn correct(tests: &mut [(usize, FeatureTest)]) -> u64 {
    let mut all: Vec<&mut PValue> =
        tests.iter_mut().flat_map(|(_, test)| p_values(&mut test.difference)).collect();
    let raw: Vec<f64> = all.iter().map(|p| p.alone).collect();
    for ((p, holm), gentle) in all.iter_mut().zip(holm(&raw)).zip(benjamini_hochberg(&raw)) {
        (p.holm, p.benjamini_hochberg) = (holm, gentle);
    }
    all.len() as u64
}

/// What is drawn of a feature, class by class.
fn distribution(
    column: &Column,
    test: &FeatureTest,
    rows: &ClassedRows,
    attacks: &[bool],
) -> ClassDistribution {
    let mut drawn = ClassDistribution {
        name: test.name.clone(),
        unit: test.unit.clone(),
        ..ClassDistribution::default()
    };
    if let Difference::Category { .. } = test.difference {
        let mut levels = levels(column, attacks);
        let rest = levels.split_off(levels.len().min(LEVELS_DRAWN));
        if !rest.is_empty() {
            let sum = |group: usize| rest.iter().map(|(_, counts)| counts[group]).sum();
            levels.push(("(other)".to_owned(), [sum(0), sum(1)]));
        }
        drawn.histogram = Histogram {
            edges: (0..=levels.len()).map(|at| at as f64).collect(),
            normal: levels.iter().map(|(_, counts)| counts[0]).collect(),
            flagged: levels.iter().map(|(_, counts)| counts[1]).collect(),
        };
        drawn.levels = levels.into_iter().map(|(level, _)| level).collect();
        return drawn;
    }
    let values: Vec<f64> = (0..column.len()).map(|row_idx| column.number(row_idx)).collect();
    drawn.histogram = Histogram::of(&values, attacks, BINS);
    for (class, count) in rows.counts.iter().enumerate().take(MOST_BOXES) {
        let of_class = values.iter().zip(&rows.of_rows).filter(|(_, of_row)| usize::from(**of_row) == class);
        let sample = Sample::new(of_class.map(|(value, _)| *value).collect());
        let quantiles = [0.05, 0.25, 0.5, 0.75, 0.95].map(|share| sample.quantile(share));
        if let [Some(low), Some(q1), Some(median), Some(q3), Some(high)] = quantiles {
            drawn.boxes.push(ClassBox {
                class: count.name.clone(),
                is_attack: count.is_attack,
                rows: sample.len() as u64,
                quantiles: [low, q1, median, q3, high],
            });
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use eddy_frame::{Field, Role};

    use super::*;

    /// 60 normal rows and 30 attacks: bytes tell them apart, noise does not, flag and protocol nearly do.
    fn table() -> Frame {
        let n = 90;
        let attack = |row: usize| row.is_multiple_of(3);
        let float = |name: &str, value: &dyn Fn(usize) -> f64| {
            (Field::new(name, Kind::Float, Role::Feature), Column::Float((0..n).map(value).collect()))
        };
        let text = |name: &str, role, value: &dyn Fn(usize) -> &'static str| {
            (Field::new(name, Kind::Text, role), Column::Text((0..n).map(value).collect()))
        };
        Frame::from_pairs(vec![
            float("bytes", &|row| if attack(row) { 1_000.0 + row as f64 } else { row as f64 }),
            float("noise", &|row| (row * 37 % 89) as f64),
            float("flag", &|row| f64::from(u8::from(attack(row) && row != 0))),
            float("constant", &|_| 1.0),
            text("protocol", Role::Category, &|row| if attack(row) { "udp" } else { "tcp" }),
            float("half_gone", &|row| if attack(row) { f64::NAN } else { row as f64 }),
            text("label", Role::Label, &|row| match (attack(row), row % 2) {
                (false, _) => "normal",
                (true, 0) => "flood",
                (true, _) => "scan",
            }),
        ])
        .unwrap()
    }

    fn found() -> Labelled {
        let frame = table();
        labelled(&frame, &ClassedRows::of(&frame).unwrap().unwrap())
    }

    #[test]
    fn features_come_by_their_effect_and_those_that_say_nothing_are_left_out() {
        let found = found();
        let names: Vec<&str> = found.tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["bytes", "protocol", "flag", "noise"]);
        assert!(found.tests[0].effect == 1.0 && found.tests[1].effect > 0.99 && found.tests[3].effect < 0.3);
        assert!(matches!(found.tests[2].difference, Difference::Category { n_levels: 2, .. }));
        assert_eq!((found.n_significant(), found.n_p_values), (3, 2 * 3 + 2));
    }

    #[test]
    fn classes_are_counted_most_common_first() {
        let found = found();
        let classes: Vec<(&str, bool, u64)> =
            found.classes.iter().map(|class| (class.name.as_str(), class.is_attack, class.rows)).collect();
        assert_eq!(classes, [("normal", false, 60), ("flood", true, 15), ("scan", true, 15)]);
    }

    #[test]
    fn distributions_hold_every_row_and_a_box_a_class() {
        let found = found();
        assert_eq!(found.distributions.len(), 3 + usize::from(found.tests[3].effect >= LEAST_DRAWN));
        let bytes = &found.distributions[0];
        assert_eq!(bytes.histogram.normal.iter().sum::<u64>(), 60);
        assert_eq!(bytes.histogram.flagged.iter().sum::<u64>(), 30);
        assert_eq!(bytes.boxes.len(), 3);
        assert_eq!(found.distributions[1].levels, ["tcp", "udp"]);
        assert_eq!(found.distributions[1].histogram.flagged, [0, 30]);
    }

    #[test]
    fn values_at_the_end_of_what_numbers_can_hold_survive() {
        let attacks: Vec<bool> = (0..60).map(|row| row % 2 == 0).collect();
        let huge = |row: usize| if attacks[row] { f64::MAX } else { -f64::MAX / (row as f64 + 1.0) };
        let column = Column::Float((0..60).map(huge).collect());
        let test = number(&column, &attacks).unwrap();
        assert_eq!(test.effect, 1.0);
        let rows = ClassedRows {
            counts: vec![ClassCount::default(), ClassCount { is_attack: true, ..ClassCount::default() }],
            of_rows: attacks.iter().map(|attack| u16::from(*attack)).collect(),
        };
        let drawn = distribution(&column, &test, &rows, &attacks);
        assert!(drawn.histogram.edges.iter().all(|edge| edge.is_finite()), "{:?}", drawn.histogram.edges);
        let endless = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1.0];
        let column = Column::Float((0..60).map(|row| endless[row % 4]).collect());
        assert_eq!(number(&column, &attacks), None, "one finite value says nothing");
    }

    #[test]
    fn a_category_with_a_level_a_row_is_no_finding() {
        let texts: Vec<String> = (0..400).map(|row| format!("10.0.0.{row}")).collect();
        let column = Column::Text(texts.iter().map(String::as_str).collect());
        let attacks: Vec<bool> = (0..400).map(|row| row % 2 == 0).collect();
        let test = category(&column, &attacks).unwrap();
        assert!(test.effect < 0.2, "{test:?}");
        assert_eq!(test.cautions.len(), 2, "{:?}", test.cautions);
    }

    #[test]
    fn a_table_without_labels_has_no_classes_and_one_label_alone_is_named() {
        let frame = |label: &[&str]| {
            let field = Field::new("label", Kind::Text, Role::Label);
            Frame::from_pairs(vec![(field, Column::Text(label.iter().copied().collect()))]).unwrap()
        };
        assert!(
            ClassedRows::of(&frame(&["a", "a"])).unwrap().is_err_and(|why| why.contains("only one value"))
        );
        let plain = Frame::from_pairs(vec![]).unwrap();
        assert!(ClassedRows::of(&plain).is_none());
    }
}
