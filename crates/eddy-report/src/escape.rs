//! Text from data, made harmless for where it goes.

use serde::Serialize;

/// Text as content or quoted attribute of HTML and XML. Characters that XML cannot hold become U+FFFD.
pub fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + 8);
    push_text(&mut out, raw);
    out
}

/// Appends [`text`] to `out`.
pub(crate) fn push_text(out: &mut String, raw: &str) {
    for letter in raw.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter if turns(letter) => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
}

/// Letters that turn the direction of what follows, and so could make one value pose as another.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON that may stand inside a `script` element: no `<`, so that nothing in it can end the element.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Plain data of finite depth with text keys has no way to fail.
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".into()).replace('<', "\\u003c");
    if text.contains(turns) { text.replace(turns, "\u{fffd}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_only_text() {
        assert_eq!(
            text("<img src=x onerror=\"alert('1')\">&\0\u{202e}\n"),
            "&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;\u{fffd}\u{fffd} "
        );
    }

    #[test]
    fn no_script_can_be_ended_from_inside() {
        let encoded = json(&"</script><!--<script>");
        assert!(!encoded.contains('<'));
        assert_eq!(serde_json::from_str::<String>(&encoded).unwrap(), "</script><!--<script>");
    }
}
