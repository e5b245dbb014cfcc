//! One small error type per operation.

/// A parameter that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// The value does not parse or lies outside its range.
    #[error("{detector}: {reason}")]
    Invalid {
        /// The detector or step that refused.
        detector: String,
        /// What is wrong, naming the parameter and the allowed range.
        reason: String,
    },
    /// No detector or step has this name.
    #[error("no {what} is called '{name}'; there are: {known}")]
    Unknown {
        /// "detector" or "step".
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// The names that exist, separated by commas.
        known: String,
    },
}

/// A model that could not be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to learn from.
    #[error("{got} usable rows, at least {wanted} are needed; give more data")]
    TooFewRows {
        /// Rows needed.
        wanted: usize,
        /// Rows there were.
        got: usize,
    },
    /// No column is left that a model could read.
    #[error("no usable feature: {reason}")]
    NoFeatures {
        /// Why, and what to do about it.
        reason: String,
    },
    /// A parameter was refused.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The detector needs labels and there are none.
    #[error("{detector} learns from labels and the input has none; name a label column")]
    NeedsLabels {
        /// The detector.
        detector: &'static str,
    },
    /// The labels cannot be learned.
    #[error("the labels cannot be learned: {reason}")]
    Labels {
        /// Why, and what to do about it.
        reason: String,
    },
    /// A column that the pipeline was fitted on is missing or of another kind.
    #[error("column '{column}' {reason}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Anything else the data made impossible.
    #[error("{0}")]
    Data(String),
}

/// A model file that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not an Eddy model.
    #[error("{0}")]
    NotAModel(String),
    /// Written by a newer version.
    #[error("model format version {got}, this program reads up to {supported}; update eddy")]
    Version {
        /// Version in the file.
        got: u32,
        /// Newest version understood.
        supported: u32,
    },
    /// The file ends early, or a length points outside it.
    #[error("model file is cut short or damaged at byte {offset}: {reason}")]
    Damaged {
        /// Where.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The checksum does not match.
    #[error("model file is damaged: checksum {got:08x}, expected {wanted:08x}; copy it again")]
    Checksum {
        /// Checksum in the file.
        wanted: u32,
        /// Checksum of the bytes.
        got: u32,
    },
    /// A named array or value is missing or makes no sense.
    #[error("model file: '{name}' {reason}")]
    Content {
        /// Name of the array or value.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl LoadError {
    /// A [`LoadError::Content`].
    pub fn content(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Content { name: name.into(), reason: reason.into() }
    }
}
