//! Findings to explanations in plain words.
