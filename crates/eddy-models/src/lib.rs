//! One file per detector, and the list.

mod binned;
mod checked;
mod class_tree;
mod columns;
mod ecdf;
mod forest;
mod histogram;
mod isolation_tree;
mod robust_scale;
mod stream;
mod tree_tiles;

pub use class_tree::Criterion;
use eddy_detect::{Entry, Registry};
pub use forest::ClassWeight;

macro_rules! detectors {
    ($($module:ident :: $detector:ident $(with $($parameter:ident),+)?;)* @eddy_deep { $($deep:ident,)* }) => {
        $(
            mod $module;
            pub use $module::{$detector $(, $($parameter),+)?};
        )*

        pub use eddy_deep::{$($deep),*};

        static ENTRIES: &[Entry] = &[$(Entry::of::<$detector>(),)* $(Entry::of::<$deep>()),*];
    };
}

/// Every detector there is. Help, API, forms, documentation and laws follow from this list.
pub static DETECTORS: Registry = Registry(ENTRIES);

// A new detector is one file and one line here: its module and type, and the types of its parameters if it has its own.
// Those that eddy-deep holds stand at the end.
detectors! {
    isolation_forest::IsolationForest;
    extended_isolation_forest::ExtendedIsolationForest;
    ecod::Ecod;
    copod::Copod;
    hbos::Hbos with BinKind;
    loda::Loda;
    robust_z::RobustZ with Aggregation;
    rolling_z::RollingZ;
    half_space_trees::HalfSpaceTrees;
    mahalanobis::Mahalanobis;
    decision_tree::DecisionTree;
    random_forest::RandomForest;
    extra_trees::ExtraTrees;
    nids::Nids;
    voting::Voting with Combine, Member;
    @eddy_deep { Autoencoder, LstmAutoencoder, GruAutoencoder, Kitnet, Mlp, }
}
