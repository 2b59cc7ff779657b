//! Text from others, made harmless for a terminal: control characters, which could move the
//! cursor, recolour or rewrite what stands on the screen, and characters that turn the direction
//! of text around are shown by their numbers instead.

use std::fmt::Write as _;

/// A text on one line.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' { line.push('⏎') } else { push(&mut line, c) }
    }
    line
}

/// A text of several lines; all but the first begin with `indent`, so that no line of it can pass
/// for something that this program says.
pub(crate) fn lines(text: &str, indent: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for c in text.trim_end_matches('\n').chars() {
        push(&mut all, c);
        if c == '\n' {
            all.push_str(indent);
        }
    }
    all
}

/// The first `max` characters of a text on one line.
pub(crate) fn preview(text: &str, max: usize) -> String {
    let mut short: String = text.chars().take(max).collect();
    if text.chars().nth(max).is_some() {
        short.push('…');
    }
    one_line(&short)
}

/// JSON text with the same characters as escapes of JSON, so that it is safe to look at and means
/// the same.
pub(crate) fn json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // Outside of strings JSON is ASCII without these, and none of them lies beyond U+FFFF.
        if is_harmful(c) {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

fn push(text: &mut String, c: char) {
    match c {
        '\n' => text.push('\n'),
        '\t' => text.push_str("    "),
        c if is_harmful(c) => {
            let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
        }
        c => text.push(c),
    }
}

/// Controls (C0, DEL, C1), and the marks, embeddings, overrides, isolates and separators of UAX #9.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(one_line("a\u{1b}[2Jb\r\u{9b}c\u{7f}"), "a\\u{1b}[2Jb\\u{d}\\u{9b}c\\u{7f}");
        assert_eq!(one_line("\u{202e}txt.exe\u{2066}"), "\\u{202e}txt.exe\\u{2066}");
        assert_eq!(one_line("two\nlines"), "two⏎lines");
        assert_eq!(one_line("שלום 👩‍👩‍👧 é"), "שלום 👩‍👩‍👧 é");
    }

    #[test]
    fn a_second_line_cannot_pass_for_another_message() {
        assert_eq!(lines("hi\n09:00 Bob: I owe you", "  "), "hi\n  09:00 Bob: I owe you");
        assert_eq!(lines("hi\n\n", "  "), "hi");
    }

    #[test]
    fn previews_are_short() {
        assert_eq!(preview("abcdef", 3), "abc…");
        assert_eq!(preview("abc", 3), "abc");
    }

    #[test]
    fn json_means_the_same() {
        let text = "a\u{1b}\u{9b}\u{202e}\"\n\u{7f}";
        let safe = json(&serde_json::to_string(text).unwrap());
        assert!(safe.chars().all(|c| !is_harmful(c)));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
    }
}
