//! One file per detector, and the list.

mod checked;
mod columns;
mod ecdf;
mod histogram;
mod isolation_tree;
mod robust_scale;
mod stream;
mod tree_tiles;

use eddy_detect::{Entry, Registry};

macro_rules! detectors {
    ($($module:ident :: $detector:ident,)*) => {
        $(
            mod $module;
            pub use $module::$detector;
        )*

        static ENTRIES: &[Entry] = &[$(Entry::of::<$detector>()),*];
    };
}

/// Every detector there is. Help, API, forms, documentation and laws follow from this list.
pub static DETECTORS: Registry = Registry(ENTRIES);

// A new detector is one file and one line here.
detectors! {
    isolation_forest::IsolationForest,
    extended_isolation_forest::ExtendedIsolationForest,
    ecod::Ecod,
    copod::Copod,
    hbos::Hbos,
    loda::Loda,
    robust_z::RobustZ,
    rolling_z::RollingZ,
    half_space_trees::HalfSpaceTrees,
    voting::Voting,
}
