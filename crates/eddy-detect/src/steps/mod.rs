//! The list of steps. A new step is one file and one line here.

macro_rules! steps {
    ($($module:ident :: $step:ident),* $(,)?) => {
        $(mod $module; pub use $module::$step;)*
        /// All steps.
        pub static STEPS: &[crate::StepEntry] = &[$(crate::StepEntry::of::<$step>()),*];
    };
}

steps! {
    counter_rate::CounterRate,
    lag::Lag,
    difference::Difference,
    acceleration::Acceleration,
    rolling::Rolling,
    spectral::Spectral,
    calendar::Calendar,
    ratio::Ratio,
    log1p::Log1p,
    impute::Impute,
    encode::Encode,
    scale::Scale,
    pca::Pca,
}

mod window;

pub(crate) use ratio::known_ratios;
pub use rolling::Figure;
pub use window::Window;

/// The step called `name`.
pub fn step(name: &str) -> Result<&'static crate::StepEntry, crate::ParamError> {
    let wanted = name.trim().to_ascii_lowercase().replace('-', "_");
    STEPS.iter().find(|entry| entry.name == wanted).ok_or_else(|| crate::ParamError::Unknown {
        what: "step",
        name: name.to_owned(),
        known: STEPS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
    })
}
