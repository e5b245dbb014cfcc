//! The seeds of the fuzz targets, and every input that one of them ever found fault with, read again.

#[path = "../../../testing/replay.rs"]
mod replay;
mod survival;

use replay::replay;
use survival::{survive_features, survive_flows};

#[test]
fn seeds_and_inputs_that_once_did_harm_are_survived() {
    assert!(replay("seeds", "flows", survive_flows) >= 3 && replay("seeds", "flows", survive_features) >= 3);
    replay("regressions", "flows", survive_flows);
    replay("regressions", "flows", survive_features);
}
