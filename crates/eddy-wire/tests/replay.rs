//! The seeds of the fuzz targets, and every input that one of them ever found fault with, read again.

#[path = "../../../testing/replay.rs"]
mod replay;
mod survival;

use replay::replay;
use survival::{survive_capture, survive_datagrams, survive_frame, survive_payload};

#[test]
fn seeds_and_inputs_that_once_did_harm_are_survived() {
    let capture = |bytes: &[u8]| {
        survive_capture(bytes);
    };
    let n = replay("seeds", "capture", |bytes| assert!(survive_capture(bytes).is_some()))
        + replay("seeds", "packet", survive_frame)
        + replay("seeds", "application", survive_payload)
        + replay("seeds", "flow_export", survive_datagrams);
    assert!(n > 30, "{n} seeds");
    replay("regressions", "capture", capture);
    replay("regressions", "packet", survive_frame);
    replay("regressions", "application", survive_payload);
    replay("regressions", "flow_export", survive_datagrams);
}
