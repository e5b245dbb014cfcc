//! Metric series: bytes each host moves in an interval.

use eddy_frame::{Column, Field, Kind, Role, TimeStyle};

use crate::draw::{Draw, Purpose};
use crate::plan::{Planned, event_at};
use crate::rhythm::Rhythm;
use crate::table::{Grid, Parties, Table, field};
use crate::{Scenario, Spec};

/// How much of one interval's deviation is left in the next, for intervals of five minutes.
const MEMORY: f64 = 0.6;
/// Standard deviation of the logarithm of one interval's noise.
const SIGMA: f64 = 0.11;

/// The table of [`crate::Shape::MetricSeries`].
pub(crate) struct MetricSeries {
    grid: Grid,
    rhythm: Rhythm,
    plan: Vec<Planned>,
    event_draws: Vec<Draw>,
    series: Vec<Series>,
    noise: f64,
}

struct Series {
    name: String,
    /// Mean bytes in an interval.
    mean: f64,
    deviation: f64,
    draw: Draw,
}

impl MetricSeries {
    pub(crate) fn new(spec: &Spec, plan: &[Planned]) -> Self {
        let mut population = Draw::new(spec.seed, Purpose::Population);
        let series = (0..spec.hosts)
            .map(|idx| Series {
                name: if spec.hosts == 1 { "value".to_owned() } else { format!("host_{:02}_bytes", idx + 1) },
                mean: population.log_normal(20_000.0, 0.6) * spec.interval_s,
                deviation: 0.0,
                draw: Draw::new(spec.seed, Purpose::Background(idx)),
            })
            .collect();
        let event_draws = (0..plan.len()).map(|idx| Draw::new(spec.seed, Purpose::Planted(idx))).collect();
        Self {
            grid: Grid::new(spec),
            rhythm: Rhythm::new(),
            plan: plan.to_vec(),
            event_draws,
            series,
            noise: spec.noise,
        }
    }

    /// The series that shows an event.
    fn target(&self, event_idx: usize) -> usize {
        event_idx % self.series.len()
    }
}

impl Series {
    /// The normal value of the next interval: rhythm times log-normal noise that has memory and, now and then, a
    /// larger step.
    fn next_value(&mut self, load: f64, noise: f64) -> f64 {
        let step = if self.draw.chance(0.03) { 2.2 } else { 1.0 };
        self.deviation = MEMORY * self.deviation + SIGMA * noise * step * self.draw.normal();
        self.mean * load * self.deviation.exp()
    }
}

impl Planned {
    /// What an event makes of a normal value.
    fn metric_value(&self, at_ns: i64, value: f64, mean: f64, draw: &mut Draw) -> f64 {
        match self.scenario {
            Scenario::DdosSpike => {
                value + mean * 4.0 * self.strength * self.swell(at_ns) * draw.log_normal(1.0, 0.15)
            }
            Scenario::Exfiltration => value + mean * 1.2 * self.strength * draw.log_normal(1.0, 0.04),
            Scenario::Outage => value * self.level(at_ns) + draw.poisson(300.0),
            _ => value * self.level(at_ns),
        }
    }
}

impl Table for MetricSeries {
    fn fields(&self) -> Vec<Field> {
        let mut time = field("timestamp", Kind::Time, Role::Time, "");
        time.time_style = TimeStyle::Spaced;
        let values = self.series.iter().map(|series| field(&series.name, Kind::Float, Role::Value, "bytes"));
        std::iter::once(time).chain(values).collect()
    }

    fn fill(&mut self, most_rows: usize) -> (Vec<Column>, Vec<u8>) {
        let mut times = Vec::new();
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); self.series.len()];
        let mut truth = Vec::new();
        while times.len() < most_rows {
            let Some(at_ns) = self.grid.next() else { break };
            let event = event_at(&self.plan, at_ns);
            let load = self.rhythm.load(at_ns);
            times.push(at_ns);
            truth.push(event.map_or(0, |idx| idx as u8 + 1));
            for (series, column) in self.series.iter_mut().zip(&mut values) {
                column.push(series.next_value(load, self.noise));
            }
            if let Some(idx) = event {
                let target = self.target(idx);
                if let Some(value) = values[target].last_mut() {
                    let mean = self.series[target].mean;
                    *value = self.plan[idx].metric_value(at_ns, *value, mean, &mut self.event_draws[idx]);
                }
            }
            for column in &mut values {
                if let Some(value) = column.last_mut() {
                    *value = value.round();
                }
            }
        }
        let columns =
            std::iter::once(Column::Time(times)).chain(values.into_iter().map(Column::Float)).collect();
        (columns, truth)
    }

    fn parties(&self, event_idx: usize) -> Parties {
        let planned = &self.plan[event_idx];
        let strength = planned.strength;
        let note = match planned.scenario {
            Scenario::DdosSpike => format!("{:.1} times the mean on top", 4.0 * strength),
            Scenario::Exfiltration => format!("an even {:.1} times the mean on top", 1.2 * strength),
            Scenario::Outage => format!("{:.0} % of the bytes lost", 100.0 * strength.min(1.0)),
            Scenario::SlowDrift => format!("an even climb to +{:.0} %", 60.0 * strength),
            _ => format!("a jump of {:.0} %", 80.0 * strength),
        };
        Parties { actor: None, target: Some(self.series[self.target(event_idx)].name.clone()), note }
    }
}
