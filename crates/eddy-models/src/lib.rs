//! One file per detector, and the list.

mod binned;
mod boosting;
mod checked;
mod class_tree;
pub mod clustering;
mod columns;
mod cut_tree;
mod cuts;
mod density;
mod ecdf;
mod flat_tree;
mod forest;
mod held;
mod histogram;
mod isolation_tree;
mod isotonic;
mod kmeans;
mod linear;
mod moments;
mod naive_bayes;
mod neighbours;
mod normal_panel;
mod normal_scale;
mod pairwise;
mod platt;
mod rarity;
mod rbf;
mod robust_scale;
mod sampling;
mod series;
mod smo;
mod stream;
pub mod streaming;
mod tiles;
mod tree_tiles;

pub use class_tree::Criterion;
use eddy_detect::{Entry, Registry};
pub use forest::ClassWeight;
pub use held::Held;
pub use rbf::GammaRule;

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
    ewma::Ewma;
    cusum::Cusum;
    change_point::ChangePoint;
    seasonal_quantiles::SeasonalQuantiles;
    holt_winters::HoltWinters;
    stl_residual::StlResidual;
    spectral_residual::SpectralResidual;
    matrix_profile::MatrixProfile;
    anomaly_likelihood::AnomalyLikelihood;
    activity::Activity;
    series_forest::SeriesForest;
    random_cut_forest::RandomCutForest;
    series_ensemble::SeriesEnsemble with RangeSource;
    half_space_trees::HalfSpaceTrees;
    mahalanobis::Mahalanobis;
    k_means::KMeans;
    dbscan::Dbscan with RadiusSearch;
    knn::Knn with DistanceAggregation;
    lof::Lof;
    k_neighbors::KNeighbors with NeighborWeights;
    pca_reconstruction::PcaReconstruction with PcaDistance;
    gaussian_mixture::GaussianMixture with CovarianceKind;
    one_class_svm::OneClassSvm;
    rbf_svm::RbfSvm;
    decision_tree::DecisionTree;
    random_forest::RandomForest;
    extra_trees::ExtraTrees;
    gradient_boosting::GradientBoosting;
    logistic_regression::LogisticRegression with PenaltyKind;
    linear_svm::LinearSvm;
    gaussian_naive_bayes::GaussianNaiveBayes;
    categorical_naive_bayes::CategoricalNaiveBayes;
    bagging::Bagging;
    voting_classifier::VotingClassifier with VotingKind;
    stacking::Stacking;
    calibrated_classifier::CalibratedClassifier with CalibrationMethod;
    hybrid_forest::HybridForest;
    nids::Nids;
    normals::Normals;
    voting::Voting with Combine, Member;
    @eddy_deep { Autoencoder, LstmAutoencoder, GruAutoencoder, Kitnet, Mlp, }
}
