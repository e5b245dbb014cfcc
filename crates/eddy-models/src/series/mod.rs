//! What detectors of series have in common: time, seasons, robust levels, and scoring column by column.

mod baseline;
mod level;
mod method;
mod periodicity;
mod season;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use baseline::Baseline;
pub(crate) use eddy_series::{Complex, fourier, inverse_fourier, roots};
pub(crate) use level::{Level, weight_of};
pub(crate) use method::{Known, Method, Moment, Outlook, Past, SeasonRule, fit, load};
pub(crate) use season::{Cycle, MOST_SLOTS, Season};
