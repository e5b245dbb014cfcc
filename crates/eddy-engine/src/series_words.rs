//! What was found out about a series, in sentences.

use eddy_insight::{count, number};
use eddy_series::BoxFigures;

use crate::SeriesProfile;

/// Headings and sentences about a series, in the order in which they are read.
pub(crate) fn facts(series: &SeriesProfile) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut say = |heading: &str, text: Option<String>| {
        out.extend(text.map(|text| (heading.to_owned(), text)));
    };
    say("Sampling", sampling(series));
    say("Mended", mended(series));
    say("Seasons", seasons(series));
    say("Trend", trend(series));
    say("Past", past(series));
    say("Level", level(series));
    say("Hours", extremes(&series.by_hour, "h UTC", &|key| format!("{key:02}")));
    say(
        "Days",
        extremes(&series.by_weekday, "", &|key| {
            ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
                .get(usize::from(key))
                .copied()
                .unwrap_or_default()
                .to_owned()
        }),
    );
    out
}

/// Seconds in their largest fitting unit.
pub(crate) fn duration(seconds: f64) -> String {
    for (unit, one, many) in
        [(604_800.0, "week", "weeks"), (86_400.0, "day", "days"), (3_600.0, "h", "h"), (60.0, "min", "min")]
    {
        let n = seconds / unit;
        if n >= 0.999
            && (n >= 2.0 || (n - n.round()).abs() < 1e-3 || unit <= 3_600.0)
            && !(unit > 500_000.0 && n.fract() > 1e-3)
        {
            let n = (n * 100.0).round() / 100.0;
            return format!("{} {}", number(n), if n == 1.0 { one } else { many });
        }
    }
    if seconds >= 0.999 || seconds == 0.0 {
        format!("{} s", number((seconds * 100.0).round() / 100.0))
    } else {
        format!("{} ms", number(seconds * 1e3))
    }
}

/// Steps as a time where the step is known.
pub(crate) fn steps(series: &SeriesProfile, steps: f64) -> String {
    match series.step_seconds {
        Some(step) => duration(steps * step),
        None => format!("{} rows", number((steps * 100.0).round() / 100.0)),
    }
}

fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

fn sampling(series: &SeriesProfile) -> Option<String> {
    let sampling = series.sampling.as_ref()?;
    let (first, last) = sampling.span?;
    let span = duration(last.saturating_sub(first) as f64 / 1e9);
    let rows = counted(sampling.n_rows, "row", "rows");
    let Some(step) = sampling.step else {
        return Some(format!("{rows}, all at one time"));
    };
    let step = duration(step as f64 / 1e9);
    if !sampling.is_regular() {
        return Some(format!(
            "{rows} over {span} that keep no step (usually about {step} apart): no rhythm is looked for; --resample makes even steps"
        ));
    }
    let gaps = if sampling.n_gaps == 0 {
        "no gaps".to_owned()
    } else {
        let longest = sampling.gaps.iter().max_by_key(|gap| gap.missing);
        let longest = longest.map_or(String::new(), |gap| {
            let width = duration(gap.before.saturating_sub(gap.after) as f64 / 1e9);
            let from = eddy_frame::format_time(gap.after, eddy_frame::TimeStyle::Spaced);
            if series.relative {
                format!(", the longest of {width}")
            } else {
                format!(", the longest of {width} from {from}")
            }
        });
        format!(
            "{} with {} missing ({:.1} %){longest}",
            counted(sampling.n_gaps, "gap", "gaps"),
            counted(sampling.missing, "row", "rows"),
            sampling.share_missing() * 100.0
        )
    };
    let loose = if sampling.on_step < 0.98 {
        format!("; {:.0} % of the intervals are that", sampling.on_step * 100.0)
    } else {
        String::new()
    };
    Some(format!("every {step}{loose}, {rows} over {span}; {gaps}"))
}

fn mended(series: &SeriesProfile) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(sampling) = &series.sampling {
        for (n, what) in [
            (sampling.out_of_order, "out of order (put in the order of time)"),
            (sampling.duplicates, "with the time of another (averaged)"),
            (sampling.without_time, "without a time (left out)"),
        ] {
            if n > 0 {
                parts.push(format!("{} {what}", counted(n, "row", "rows")));
            }
        }
    }
    if series.rate {
        parts.push("a cumulative counter, turned into its rate".to_owned());
    }
    if series.averaged > 1 {
        parts.push(format!("every {} rows averaged into one", count(series.averaged as u64)));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn seasons(series: &SeriesProfile) -> Option<String> {
    if series.seasons.is_empty() {
        return series.parts.is_some().then(|| "none stands out from chance".to_owned());
    }
    let parts = series.parts.as_ref();
    let one = |(idx, season): (usize, &eddy_series::Season)| {
        let rows = if series.step_seconds.is_some() {
            format!(" ({} rows)", number((season.period * 100.0).round() / 100.0))
        } else {
            String::new()
        };
        let strength = parts.map_or(season.strength, |parts| parts.season_strength(idx));
        format!("{}{rows}, strength {strength:.2}", steps(series, season.period))
    };
    Some(series.seasons.iter().enumerate().map(one).collect::<Vec<_>>().join("; "))
}

fn trend(series: &SeriesProfile) -> Option<String> {
    let strength = series.trend_strength?;
    let trend = &series.parts.as_ref()?.trend;
    let (first, last) = (trend.first()?, trend.last()?);
    let word = match strength {
        s if s >= 0.8 => "strong",
        s if s >= 0.4 => "moderate",
        _ => "weak",
    };
    Some(format!("{word}, strength {strength:.2}; from {} to {}", number(*first), number(*last)))
}

fn past(series: &SeriesProfile) -> Option<String> {
    let near = series.acf.get(1)?;
    let unit = if series.step_seconds.is_some() { "one step" } else { "one row" };
    let peaks: Vec<String> = series
        .acf_peaks
        .iter()
        .map(|&lag| format!("{} {:.2}", steps(series, lag as f64), series.acf[lag]))
        .collect();
    let peaks = if peaks.is_empty() {
        "no further peak beyond chance".to_owned()
    } else {
        format!("peaks at {}", peaks.join(", "))
    };
    Some(format!("autocorrelation {near:.2} over {unit}; {peaks}"))
}

/// A probability as the tests give it.
fn p(value: f64, least: f64) -> String {
    if value <= least { format!("p <= {least}") } else { format!("p {value:.3}") }
}

fn level(series: &SeriesProfile) -> Option<String> {
    let adf = series.adf.map(|test| {
        let meaning = if test.p_value < 0.05 {
            "it comes back to its level, no unit root"
        } else {
            "a unit root is not refuted: it may wander"
        };
        format!("{meaning} (ADF {:.2}, {})", test.statistic, p(test.p_value, 0.001))
    });
    let kpss = series.kpss.map(|test| {
        let (meaning, p) = if test.p_value < 0.05 {
            ("its level does not stay the same", p(test.p_value, 0.01))
        } else if test.p_value >= 0.1 {
            ("nothing speaks against one level", "p >= 0.1".to_owned())
        } else {
            ("nothing speaks against one level", p(test.p_value, 0.01))
        };
        format!("{meaning} (KPSS {:.2}, {p})", test.statistic)
    });
    let said: Vec<String> = adf.into_iter().chain(kpss).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn extremes(groups: &[BoxFigures], unit: &str, name: &dyn Fn(u8) -> String) -> Option<String> {
    let known = || groups.iter().filter(|group| group.n > 0);
    let high = known().max_by(|a, b| a.five[2].total_cmp(&b.five[2]))?;
    let low = known().min_by(|a, b| a.five[2].total_cmp(&b.five[2]))?;
    let gap = if unit.is_empty() { "" } else { " " };
    Some(format!(
        "median highest at {}{gap}{unit} ({}), lowest at {}{gap}{unit} ({})",
        name(high.key),
        number(high.five[2]),
        name(low.key),
        number(low.five[2])
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_well() {
        for (seconds, expect) in [
            (0.25, "250 ms"),
            (1.0, "1 s"),
            (90.0, "1.5 min"),
            (300.0, "5 min"),
            (3_600.0, "1 h"),
            (86_400.0, "1 day"),
            (100_000.0, "27.78 h"),
            (604_800.0, "1 week"),
            (1_209_600.0, "2 weeks"),
            (1_000_000.0, "11.57 days"),
        ] {
            assert_eq!(duration(seconds), expect);
        }
    }
}
