//! Source to windows to pipeline to sinks: the only runner.
