//! What labels mean.

/// Whether a label value of the known data sets means "nothing wrong".
///
/// Case and surrounding blanks do not matter, nor does the full stop of KDD Cup 99. CTU-13 writes
/// `flow=Background...` and `flow=From-Normal...` before details.
pub fn is_normal_label(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.');
    if text.len() > 64 {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "normal"
            | "benign"
            | "background"
            | "legitimate"
            | "legit"
            | "clean"
            | "ok"
            | "none"
            | "0"
            | "0.0"
            | "false"
            | "no"
            | "-"
    ) || lower.starts_with("flow=background")
        || lower.starts_with("flow=from-normal")
        || lower.starts_with("flow=to-normal")
        || lower.starts_with("flow=normal")
}
