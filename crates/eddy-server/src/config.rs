//! The configuration: one TOML file, and the environment over it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::picture::Visualization;

/// Beginning of the variables of the environment that are looked at.
const PREFIX: &str = "EDDY_";
/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The server itself.
    pub server: Server,
    /// How much is taken.
    pub limits: Limits,
    /// People and their sessions.
    pub accounts: Accounts,
    /// How long things are kept.
    pub retention: Keep,
    /// What a detection does unless it is told otherwise.
    pub detection: Detection,
    /// Pictures.
    pub visualization: Visualization,
    /// Routes that programs written for other servers call.
    pub compatibility: Compatibility,
}

/// The server itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port to listen on.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Folder for everything that is kept; one server at a time owns it.
    pub data: PathBuf,
    /// Names by which the server may be called (the `Host` of requests), besides those of this machine.
    pub hosts: Vec<String>,
    /// Listen beyond this machine even without TLS or without anybody who can log in.
    pub force: bool,
    /// Seconds that work may go on after the server was told to stop; what is not done then can be resumed.
    pub shutdown_seconds: f64,
    /// How the log is written.
    pub log: LogForm,
    /// How much is logged.
    pub log_level: LogLevel,
    /// Certificate and key, to speak TLS.
    pub tls: Option<Tls>,
}

/// Files for TLS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and those that lead to its root, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogForm {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what looks wrong.
    Warn,
    /// And what happened.
    Info,
    /// And every request.
    Debug,
}

/// How much is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most bytes of one upload.
    pub upload_bytes: u64,
    /// Most rows of one data set.
    pub rows: u64,
    /// Most bytes that one byte of an upload may unpack to.
    pub unpacked_ratio: f64,
    /// Jobs at work at the same time; and as many tables and model files that callers of `predict` and of imports wait
    /// for.
    pub workers: usize,
    /// Jobs that may wait.
    pub queue: usize,
    /// Most bytes of memory a job may ask the system for; one that needs more fails alone.
    pub job_memory: u64,
    /// Bytes of rows that a job keeps in memory; a larger input is read again for each pass.
    pub job_rows_memory: usize,
    /// Seconds after which a job is ended.
    pub job_seconds: f64,
    /// Connections at the same time.
    pub connections: usize,
    /// Connections of one address at the same time.
    pub connections_per_address: usize,
    /// Clients of the live stream at the same time.
    pub live_clients: usize,
    /// Seconds that a caller may be kept waiting for a job.
    pub wait_seconds: f64,
    /// Requests that cost much (uploads, imports, jobs, `/analyze`, `/generate_data`, `predict` with more than 16 KiB)
    /// that a user, or else an address, may send at once. More are refused with 429 and `Retry-After`.
    pub costly_at_once: usize,
    /// The same: how many may follow in a minute.
    pub costly_per_minute: usize,
}

/// People and their sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Accounts {
    /// Hours after which a session ends.
    pub session_hours: f64,
    /// Most days a token can be good for.
    pub token_days: f64,
    /// Hours that the one-time link for the first admin is good for.
    pub invitation_hours: f64,
    /// Fewest characters of a password.
    pub password_length: usize,
}

/// How long things are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Days that runs are kept, with findings and incidents.
    pub run_days: f64,
    /// Days that data sets are kept.
    pub dataset_days: f64,
    /// Days that finished jobs are kept, with what a description, a comparison or a search found.
    pub job_days: f64,
    /// Days that models are kept to which no alias points.
    pub model_days: f64,
    /// Days that the audit log goes back.
    pub audit_days: f64,
    /// Most lines of the audit log; beyond, the oldest go first.
    pub audit_lines: u64,
    /// Most bytes of the whole folder; beyond, the oldest go first: runs, data sets, results of jobs, and models to which
    /// no alias points. An upload for which this makes no room is refused.
    pub most_bytes: u64,
}

/// What a detection does unless it is told otherwise. `contamination`, `n_estimators` and `random_state` mean what they
/// mean in scikit-learn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// Columns to use as features where a table has them all; by default all that carry something.
    pub features: Vec<String>,
    /// Detector; by default an ensemble, or an isolation forest when `n_estimators` is set.
    pub detector: Option<String>,
    /// Share of the rows to flag whatever they are; by default as many as the data bear out.
    pub contamination: Option<f64>,
    /// Trees of the isolation forest.
    pub n_estimators: Option<u64>,
    /// Where random choices start; 42 unless given.
    pub random_state: Option<u64>,
}

/// Routes that programs written for other servers call: `/predict`, `/analyze`, `/generate_data` and what belongs to
/// them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compatibility {
    /// Whether they are there.
    pub enabled: bool,
    /// Whether programs on this machine may call them, and `/metrics`, without a token. Only ever while the server
    /// listens to this machine alone, and never for what a reverse proxy passes on: a request with a `Host` other than
    /// localhost, 127.0.0.1 or [::1], or with `Forwarded`, `X-Forwarded-*`, `X-Real-IP` or `Via`, needs a token.
    pub open_to_this_machine: bool,
    /// The alias whose model answers `/predict`.
    pub alias: String,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7700)),
            data: PathBuf::from("eddy-data"),
            hosts: Vec::new(),
            force: false,
            shutdown_seconds: 5.0,
            log: LogForm::Text,
            log_level: LogLevel::Info,
            tls: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 2 << 30,
            rows: 50_000_000,
            unpacked_ratio: 100.0,
            workers: 2,
            queue: 100,
            job_memory: 8 << 30,
            job_rows_memory: 64 << 20,
            job_seconds: 3_600.0,
            connections: 2_048,
            connections_per_address: 512,
            live_clients: 512,
            wait_seconds: 60.0,
            costly_at_once: 1_000,
            costly_per_minute: 1_200,
        }
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self { session_hours: 12.0, token_days: 365.0, invitation_hours: 24.0, password_length: 12 }
    }
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            run_days: 90.0,
            dataset_days: 90.0,
            job_days: 90.0,
            model_days: 365.0,
            audit_days: 365.0,
            audit_lines: 1_000_000,
            most_bytes: 20 << 30,
        }
    }
}

impl Default for Compatibility {
    fn default() -> Self {
        Self { enabled: true, open_to_this_machine: true, alias: "predict".to_owned() }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file says something that is not understood.
    #[error("{place}: {reason}")]
    Content {
        /// File, line and key; or the variable of the environment.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// Reads the file, where one is named, and the variables of the environment over it: `EDDY_SERVER__LISTEN` is
    /// `listen` in `[server]`. Variables without `__` belong to other parts of the program. What nothing names has its
    /// default.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table = toml::Table::new();
        let mut name = "the defaults".to_owned();
        if let Some(path) = file {
            name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
            let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
            let text = if is_json { toml_of_json(&name, &text)? } else { text };
            // Read once by itself, for messages that can point to a line.
            let alone: Self = toml::from_str(&text).map_err(|error| at_line(&name, &text, &error))?;
            alone.check().map_err(|(key, reason)| ConfigError::Content {
                place: if is_json { name.clone() } else { line_of(&name, &text, &key) },
                reason: format!("{key}: {reason}"),
            })?;
            table = toml::from_str(&text).map_err(|error| at_line(&name, &text, &error))?;
        }
        let mut variables: Vec<(String, String)> = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX) && name.contains("__"))
            .collect();
        variables.sort();
        let section =
            |(name, _): &(String, String)| name.rsplit_once("__").map(|(section, _)| section.to_owned());
        // Those of a section belong together: a certificate is nothing without its key.
        for group in variables.chunk_by(|a, b| section(a) == section(b)) {
            let before = table.clone();
            for (variable, value) in group {
                set(&mut table, variable, value)?;
            }
            if let Err(reason) = Self::of_table(&table) {
                return Err(ConfigError::Content { place: at_fault(&before, group), reason });
            }
        }
        Self::of_table(&table).map_err(|reason| ConfigError::Content { place: name, reason })
    }

    /// What a table says, or what is wrong with it.
    fn of_table(table: &toml::Table) -> Result<Self, String> {
        let config: Self =
            table.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
        config.check().map_err(|(key, reason)| format!("{key}: {reason}"))?;
        Ok(config)
    }

    /// As TOML, with every key.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// Whether the server can be reached from this machine alone.
    pub fn is_local(&self) -> bool {
        self.server.listen.ip().is_loopback()
    }

    /// The key at fault and why.
    fn check(&self) -> Result<(), (String, String)> {
        let fault = |key: &str, reason: &str| Err((key.to_owned(), reason.to_owned()));
        if let Some(share) = self.detection.contamination
            && !(share > 0.0 && share <= 0.5)
        {
            return fault("detection.contamination", "a share above 0 and up to 0.5 is needed");
        }
        if self.detection.n_estimators.is_some_and(|n| !(1..=10_000).contains(&n)) {
            return fault("detection.n_estimators", "1 to 10000 trees are possible");
        }
        for (key, value) in [
            ("limits.workers", self.limits.workers),
            ("limits.queue", self.limits.queue),
            ("limits.connections", self.limits.connections),
            ("limits.connections_per_address", self.limits.connections_per_address),
            ("limits.live_clients", self.limits.live_clients),
            ("limits.job_rows_memory", self.limits.job_rows_memory),
            ("limits.costly_at_once", self.limits.costly_at_once),
            ("limits.costly_per_minute", self.limits.costly_per_minute),
        ] {
            if value == 0 {
                return fault(key, "at least 1 is needed");
            }
        }
        for (key, value) in [
            ("server.shutdown_seconds", self.server.shutdown_seconds),
            ("limits.job_seconds", self.limits.job_seconds),
            ("limits.wait_seconds", self.limits.wait_seconds),
            ("limits.unpacked_ratio", self.limits.unpacked_ratio),
            ("accounts.session_hours", self.accounts.session_hours),
            ("accounts.token_days", self.accounts.token_days),
            ("accounts.invitation_hours", self.accounts.invitation_hours),
            ("retention.run_days", self.retention.run_days),
            ("retention.dataset_days", self.retention.dataset_days),
            ("retention.job_days", self.retention.job_days),
            ("retention.model_days", self.retention.model_days),
            ("retention.audit_days", self.retention.audit_days),
        ] {
            if !(value > 0.0 && value < 1e7) {
                return fault(key, "a number above 0 is needed");
            }
        }
        if self.limits.wait_seconds > 240.0 {
            return fault(
                "limits.wait_seconds",
                "240 at most: a connection that stands still is cut off soon after",
            );
        }
        if !(8..=128).contains(&self.accounts.password_length) {
            return fault("accounts.password_length", "8 to 128 characters can be asked for");
        }
        for (key, picture) in [
            ("visualization.scatter_plot", &self.visualization.scatter_plot),
            ("visualization.distribution_plot", &self.visualization.distribution_plot),
            ("visualization.timeseries_plot", &self.visualization.timeseries_plot),
            ("visualization.scores_plot", &self.visualization.scores_plot),
        ] {
            picture.check().map_err(|(part, reason)| (format!("{key}.{part}"), reason.to_owned()))?;
        }
        if !is_alias(&self.compatibility.alias) {
            return fault("compatibility.alias", "letters, digits, - and _ are possible, 64 at most");
        }
        Ok(())
    }
}

/// The `config.json` of an earlier program: what concerns detection stands at its top.
fn toml_of_json(name: &str, text: &str) -> Result<String, ConfigError> {
    let content = |place: String, reason: String| ConfigError::Content { place, reason };
    let mut all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
        .map_err(|error| content(format!("{name}:{}", error.line()), error.to_string()))?;
    all.retain(|_, value| !value.is_null());
    for key in ["features", "contamination", "n_estimators", "random_state"] {
        if let Some(value) = all.remove(key) {
            let section = all.entry("detection").or_insert_with(|| serde_json::json!({}));
            section
                .as_object_mut()
                .into_iter()
                .for_each(|section| _ = section.insert(key.to_owned(), value.clone()));
        }
    }
    toml::to_string(&all).map_err(|error| content(name.to_owned(), error.to_string()))
}

/// Whether a text can be an alias.
pub(crate) fn is_alias(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The variable of a section without which the rest would do; all of them where it is not one alone.
fn at_fault(before: &toml::Table, group: &[(String, String)]) -> String {
    let without = |left_out: &str| {
        let mut table = before.clone();
        let rest = group.iter().filter(|(variable, _)| variable != left_out);
        let all_set = rest.into_iter().all(|(variable, value)| set(&mut table, variable, value).is_ok());
        all_set && Config::of_table(&table).is_ok()
    };
    let names: Vec<&str> = group.iter().map(|(variable, _)| variable.as_str()).collect();
    names.iter().find(|name| without(name)).map_or_else(|| names.join(", "), ToString::to_string)
}

/// Puts the value of a variable where it belongs.
fn set(table: &mut toml::Table, variable: &str, value: &str) -> Result<(), ConfigError> {
    let path = variable[PREFIX.len()..].to_ascii_lowercase();
    let mut parts: Vec<&str> = path.split("__").collect();
    let wrong = |reason: &str| ConfigError::Content { place: variable.to_owned(), reason: reason.to_owned() };
    let Some(key) = parts.pop().filter(|_| !parts.is_empty()) else {
        return Err(wrong("write EDDY_SECTION__KEY, for example EDDY_SERVER__LISTEN"));
    };
    let mut at = table;
    for part in parts {
        let next = at.entry(part).or_insert_with(|| toml::Table::new().into());
        at = next.as_table_mut().ok_or_else(|| wrong("names a section that is a value"))?;
    }
    // What TOML understands is a value; anything else is text.
    let parsed = format!("value = {value}").parse::<toml::Table>().ok();
    let value = parsed
        .and_then(|mut one| one.remove("value").filter(|_| one.is_empty()))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    at.insert(key.to_owned(), value);
    Ok(())
}

fn at_line(name: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let place = match error.span() {
        Some(span) => {
            let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
            let key = text[span.start.min(text.len())..span.end.min(text.len())].trim();
            let key = text.lines().nth(line - 1).and_then(|l| l.split('=').next()).map_or(key, str::trim);
            format!("{name}:{line}:{}", key.chars().take(60).collect::<String>())
        }
        None => name.to_owned(),
    };
    ConfigError::Content { place, reason: error.message().to_owned() }
}

/// The line of a dotted key, as far as it can be seen from the text.
fn line_of(name: &str, text: &str, key: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    let line = text.lines().position(|line| {
        line.trim_start().strip_prefix(last).is_some_and(|rest| rest.trim_start().starts_with('='))
    });
    line.map_or_else(|| name.to_owned(), |line| format!("{name}:{}", line + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let name = file.path().display().to_string();
        Config::load(Some(file.path()), environment)
            .map_err(|error| error.to_string().replace(&name, "eddy.toml"))
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let config = Config::default();
        assert_eq!(load(&config.to_toml(), &[]).unwrap(), config);
        assert_eq!(load("", &[]).unwrap(), config);
    }

    #[test]
    fn a_fault_names_file_line_and_key() {
        for (text, wanted) in [
            ("[server]\nlisten = \"nowhere\"", "eddy.toml:2:listen"),
            ("\n[server]\nlsten = 1", "eddy.toml:3:lsten"),
            ("[detection]\n\ncontamination = 0.9", "eddy.toml:3: detection.contamination"),
            ("[limits]\nworkers = 0", "eddy.toml:2: limits.workers"),
            ("[limits]\nworkers = \"two\"", "eddy.toml:2:workers"),
            ("server", "eddy.toml:1"),
        ] {
            let error = load(text, &[]).unwrap_err();
            assert!(error.starts_with(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let config = load(
            "[detection]\ncontamination = 0.15\nn_estimators = 100",
            &[
                ("EDDY_DETECTION__CONTAMINATION", "0.05"),
                ("EDDY_SERVER__LISTEN", "127.0.0.1:1"),
                ("EDDY_DETECTION__FEATURES", "[\"a\", \"b\"]"),
                ("EDDY_DATA", "/somewhere"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!(config.detection.contamination, Some(0.05));
        assert_eq!(config.detection.n_estimators, Some(100));
        assert_eq!(config.detection.features, ["a", "b"]);
        assert_eq!(config.server.listen.port(), 1);
        for (name, value) in
            [("EDDY_SERVER__LISTEN", "x"), ("EDDY_LIMITS__WORKERS", "0"), ("EDDY_NONSENSE__X", "1")]
        {
            assert!(load("", &[(name, value)]).unwrap_err().contains(name), "{name}");
        }
    }

    #[test]
    fn variables_that_belong_together_are_set_before_they_are_looked_at() {
        let (certificate, key) = ("EDDY_SERVER__TLS__CERTIFICATE", "EDDY_SERVER__TLS__KEY");
        let tls = load("", &[(certificate, "/a.pem"), (key, "/b.pem")]).unwrap().server.tls.unwrap();
        assert_eq!((tls.certificate, tls.key), ("/a.pem".into(), "/b.pem".into()));
        for (variables, wanted) in [
            (&[(certificate, "/a.pem")][..], "EDDY_SERVER__TLS__CERTIFICATE: missing field `key`"),
            (
                &[(certificate, "/a.pem"), (key, "5")],
                "EDDY_SERVER__TLS__CERTIFICATE, EDDY_SERVER__TLS__KEY: invalid",
            ),
            (&[("EDDY_SERVER__DATA", "/d"), ("EDDY_SERVER__LISTEN", "x")], "EDDY_SERVER__LISTEN: "),
        ] {
            let error = load("", variables).unwrap_err();
            assert!(error.starts_with(wanted), "{error}");
        }
    }

    #[test]
    fn the_file_of_an_earlier_program_is_read_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let text = r#"{"features": ["bytes_transferred", "packet_count"], "contamination": 0.15,
            "n_estimators": 100, "random_state": 42, "visualization": {
            "scatter_plot": {"figsize": [12, 8], "alpha": 0.6, "colors": {"Normal": "blue", "Anomaly": "red"}},
            "distribution_plot": {"figsize": [12, 6], "bins": 50}}}"#;
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Config::load(Some(&path), []).map_err(|error| error.to_string())
        };
        let config = load(text).unwrap();
        assert_eq!(config.detection.features, ["bytes_transferred", "packet_count"]);
        assert_eq!((config.detection.contamination, config.detection.random_state), (Some(0.15), Some(42)));
        let scatter = &config.visualization.scatter_plot;
        assert_eq!((scatter.figsize, scatter.alpha), (Some([12.0, 8.0]), Some(0.6)));
        assert_eq!(scatter.colors.as_ref().unwrap().anomaly.as_deref(), Some("red"));
        assert_eq!(config.visualization.distribution_plot.bins, Some(50));
        for (wrong, said) in [
            ("{", "config.json:1"),
            (r#"{"contamination": 0.9}"#, "contamination"),
            (r#"{"colour": 1}"#, "colour"),
            (
                r#"{"visualization": {"scatter_plot": {"colors": {"Normal": "url(x)"}}}}"#,
                "scatter_plot.colors",
            ),
            (r#"{"visualization": {"scatter_plot": {"alpha": 0}}}"#, "scatter_plot.alpha"),
        ] {
            let error = load(wrong).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_settings_of_earlier_programs_have_their_place() {
        let config = load(
            "[detection]\nfeatures = [\"bytes_transferred\"]\ncontamination = 0.15\nn_estimators = 100\n\
             random_state = 42\n[visualization.scatter_plot]\nfigsize = [12, 8]",
            &[],
        )
        .unwrap();
        assert_eq!(config.visualization.scatter_plot.figsize, Some([12.0, 8.0]));
        assert_eq!(config.detection.random_state, Some(42));
    }
}
