//! Mentioning somebody while one types: which word may become a mention, and what the text is then.

/// The beginning of a username that is being typed after an `@`, up to the cursor (in bytes); none
/// where no mention is being typed.
pub(crate) fn typed(text: &str, cursor: usize) -> Option<&str> {
    let before = text.get(..cursor)?;
    let at = before.rfind('@')?;
    let begins_word = before[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    let beginning = &before[at + 1..];
    (begins_word && !beginning.contains(char::is_whitespace)).then_some(beginning)
}

/// The text with the mention that is being typed made complete, and where the cursor stands then.
pub(crate) fn complete(text: &str, cursor: usize, username: &str) -> Option<(String, usize)> {
    let beginning = typed(text, cursor)?;
    let at = cursor - beginning.len();
    let rest = &text[cursor..];
    let (gap, rest) = match rest.chars().next() {
        Some(' ') => (" ", &rest[1..]),
        Some(next) if !next.is_alphanumeric() => ("", rest),
        _ => (" ", rest),
    };
    let completed = format!("{}{username}{gap}", &text[..at]);
    Some((format!("{completed}{rest}"), completed.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_begins_with_an_at_sign_is_a_mention() {
        assert_eq!(typed("hello @bo", 9), Some("bo"));
        assert_eq!(typed("@", 1), Some(""));
        assert_eq!(typed("(@b", 3), Some("b"));
        assert_eq!(typed("hello @bo", 8), Some("b"));
        assert_eq!(typed("mail@bo", 7), None);
        assert_eq!(typed("@bob is", 7), None);
        assert_eq!(typed("none", 4), None);
        assert_eq!(typed("ä@b", 1), None);
    }

    #[test]
    fn it_is_completed_where_it_is_typed() {
        assert_eq!(complete("hi @bo", 6, "bob"), Some(("hi @bob ".to_owned(), 8)));
        assert_eq!(complete("hi @b, you", 5, "bob"), Some(("hi @bob, you".to_owned(), 7)));
        assert_eq!(complete("@b there", 2, "bob"), Some(("@bob there".to_owned(), 5)));
        assert_eq!(complete("hi", 2, "bob"), None);
    }
}
