//! Figures for Prometheus.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eddy_store::JobState;

/// Upper bounds of the buckets of answer times, in seconds.
const BOUNDS: [f64; 9] = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Counters of a running server.
#[derive(Default)]
pub(crate) struct Metrics {
    by_status: [AtomicU64; 6],
    by_time: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
    jobs: [AtomicU64; 4],
    pub(crate) predictions: AtomicU64,
    pub(crate) uploaded_bytes: AtomicU64,
    pub(crate) logins_refused: AtomicU64,
    pub(crate) logins_limited: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
}

impl Metrics {
    pub(crate) fn request(&self, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.by_status[usize::from(status / 100).min(5)].fetch_add(1, Ordering::Relaxed);
        self.by_time[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn job_ended(&self, state: JobState) {
        let at = match state {
            JobState::Done => 0,
            JobState::Failed => 1,
            JobState::Cancelled => 2,
            _ => 3,
        };
        self.jobs[at].fetch_add(1, Ordering::Relaxed);
    }

    /// As Prometheus reads it; `now` are figures of this moment: name, help, value.
    pub(crate) fn text(&self, now: &[(&str, &str, f64)]) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut text = String::from(
            "# HELP eddy_http_requests_total Requests answered, by hundreds of the status.\n\
             # TYPE eddy_http_requests_total counter\n",
        );
        for (hundred, counter) in self.by_status.iter().enumerate().skip(1) {
            let _ = writeln!(text, "eddy_http_requests_total{{status=\"{hundred}xx\"}} {}", read(counter));
        }
        text.push_str(
            "# HELP eddy_http_request_seconds Time to answer.\n# TYPE eddy_http_request_seconds histogram\n",
        );
        let mut sum = 0;
        for (bound, counter) in
            BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]).zip(&self.by_time)
        {
            sum += read(counter);
            let _ = writeln!(text, "eddy_http_request_seconds_bucket{{le=\"{bound}\"}} {sum}");
        }
        let _ = writeln!(text, "eddy_http_request_seconds_sum {}", read(&self.nanos) as f64 / 1e9);
        let _ = writeln!(text, "eddy_http_request_seconds_count {sum}");
        text.push_str("# HELP eddy_jobs_total Jobs that ended.\n# TYPE eddy_jobs_total counter\n");
        for (name, counter) in ["done", "failed", "cancelled", "interrupted"].iter().zip(&self.jobs) {
            let _ = writeln!(text, "eddy_jobs_total{{state=\"{name}\"}} {}", read(counter));
        }
        for (name, help, counter) in [
            ("eddy_predictions_total", "Records scored by predict.", &self.predictions),
            ("eddy_uploaded_bytes_total", "Bytes of uploads.", &self.uploaded_bytes),
            ("eddy_logins_refused_total", "Logins with a wrong name or password.", &self.logins_refused),
            (
                "eddy_logins_limited_total",
                "Logins refused because there were too many.",
                &self.logins_limited,
            ),
            ("eddy_connections_total", "Connections accepted.", &self.connections),
            (
                "eddy_connections_refused_total",
                "Connections refused because there were too many.",
                &self.connections_refused,
            ),
        ] {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}", read(counter));
        }
        for (name, help, value) in now {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        text
    }
}
