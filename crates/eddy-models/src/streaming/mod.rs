//! What a series detector is made of: statistics of a stream that need bounded memory and look at nothing but the past.

mod clock_profile;
mod events;
mod fusion;
mod history;
mod left_profile;
mod members;
mod predictor;
mod record;
mod resolution;
mod resonance;
mod spikes;
mod usual_level;

pub use clock_profile::ClockProfile;
pub use events::{Events, Surprise};
pub use fusion::{Fusion, Surprises, Trail};
pub use history::History;
pub use left_profile::LeftProfile;
pub use members::{Expected, Members, REASONS, Size};
pub use predictor::Predictor;
pub use record::Records;
pub use resolution::Resolution;
pub use resonance::{Resonance, Resonates};
pub use spikes::Spikes;
