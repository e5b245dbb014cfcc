//! Detectors by name.

use eddy_frame::RowsView;
use serde_json::Value;

use crate::{
    About, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ParamError, ScoreScale,
    SectionReader,
};

/// A detector of any type.
pub trait AnyDetector: Send + Sync {
    /// What it says about itself.
    fn about(&self) -> &'static About;
    /// Its parameters, as JSON.
    fn params(&self) -> Value;
    /// What it learns from, with these parameters.
    fn learns_from(&self) -> LearnsFrom;
    /// What its raw scores mean, with these parameters.
    fn scale(&self) -> ScoreScale;
    /// The raw score above which a row is an attack or anomalous, with these parameters.
    fn natural_threshold(&self) -> Option<f64>;
    /// Learns from the rows; see [`Detector::fit`].
    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError>;
}

impl<D: Detector> AnyDetector for D {
    fn about(&self) -> &'static About {
        &D::ABOUT
    }

    fn params(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn learns_from(&self) -> LearnsFrom {
        Detector::learns_from(self)
    }

    fn scale(&self) -> ScoreScale {
        if Detector::learns_from(self) == D::LEARNS_FROM { D::SCALE } else { ScoreScale::Raw }
    }

    fn natural_threshold(&self) -> Option<f64> {
        if Detector::learns_from(self) == D::LEARNS_FROM { D::ABOUT.natural_threshold } else { None }
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        if rows.n_cols() == 0 {
            return Err(FitError::NoFeatures { reason: "there is no column to learn from".into() });
        }
        if rows.n_rows() == 0 {
            return Err(FitError::TooFewRows { wanted: 1, got: 0 });
        }
        if Detector::learns_from(self) == LearnsFrom::Labels {
            let Some(labels) = context.class_labels else {
                return Err(FitError::NeedsLabels { detector: D::ABOUT.name });
            };
            if labels.classes.len() < 2 {
                let only = labels.classes.names.first().map_or("none", String::as_str);
                return Err(FitError::Labels {
                    reason: format!("there is only one class ({only}); two are needed"),
                });
            }
        }
        Detector::fit(self, rows, context)
    }
}

/// One line of the list of detectors.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What the detector says about itself.
    pub about: &'static About,
    /// What its raw scores mean.
    pub scale: ScoreScale,
    /// What it learns from.
    pub learns_from: LearnsFrom,
    /// Whether the scale of the columns makes a difference.
    pub scale_sensitive: bool,
    /// Whether it understands missing values.
    pub takes_missing: bool,
    parse: fn(&Value) -> Result<Box<dyn AnyDetector>, ParamError>,
    schema: fn() -> Value,
    load: fn(&SectionReader<'_>) -> Result<Model, LoadError>,
}

impl Entry {
    /// The entry of a detector type.
    pub const fn of<D: Detector>() -> Self {
        Self {
            about: &D::ABOUT,
            scale: D::SCALE,
            learns_from: D::LEARNS_FROM,
            scale_sensitive: D::SCALE_SENSITIVE,
            takes_missing: D::TAKES_MISSING,
            parse: parse::<D>,
            schema: schema::<D>,
            load: D::load,
        }
    }

    /// A detector with the given parameters (a JSON object; what is not named keeps its default).
    pub fn parse(&self, params: &Value) -> Result<Box<dyn AnyDetector>, ParamError> {
        (self.parse)(params)
    }

    /// The JSON schema of the parameters.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// Rebuilds a fitted model.
    pub fn load(&self, section: &SectionReader<'_>) -> Result<Model, LoadError> {
        (self.load)(section)
    }
}

fn parse<D: Detector>(params: &Value) -> Result<Box<dyn AnyDetector>, ParamError> {
    let refuse = |reason: String| ParamError::Invalid { detector: D::ABOUT.name.to_owned(), reason };
    let detector = match params {
        Value::Null => D::default(),
        // Each given parameter is tried alone first, so that the message can name the one at fault.
        Value::Object(map) => {
            for (name, value) in map {
                let alone = Value::Object(std::iter::once((name.clone(), value.clone())).collect());
                serde_json::from_value::<D>(alone).map_err(|error| refuse(format!("{name}: {error}")))?;
            }
            serde_json::from_value(params.clone()).map_err(|error| refuse(error.to_string()))?
        }
        _ => return Err(refuse("parameters must be an object of names and values".into())),
    };
    detector.check().map_err(refuse)?;
    Ok(Box::new(detector))
}

fn schema<D: Detector>() -> Value {
    serde_json::to_value(schemars::schema_for!(D)).unwrap_or_default()
}

/// The list of detectors.
#[derive(Debug, Clone, Copy)]
pub struct Registry(pub &'static [Entry]);

impl Registry {
    /// The entry called `name` (hyphens and underscores are the same).
    pub fn get(&self, name: &str) -> Result<&'static Entry, ParamError> {
        let wanted = name.trim().to_ascii_lowercase().replace('-', "_");
        self.0.iter().find(|entry| entry.about.name == wanted).ok_or_else(|| ParamError::Unknown {
            what: "detector",
            name: name.to_owned(),
            known: self.0.iter().map(|entry| entry.about.name).collect::<Vec<_>>().join(", "),
        })
    }
}
