//! What holds for every input: it is refused, or read as something that is read the same again
//! once it was written. The fuzz targets call this, and so do the tests that replay their corpus.

use std::{fmt::Debug, str};

use sotto_proto::{
    DisplayName, Username,
    codec::{Frame, HEADER_LEN, decode, to_bytes},
    link::{ContactLink, RelayLink},
};

/// The check of one kind of frame.
pub fn check<F: Frame + PartialEq + Debug>(body: &[u8]) {
    let Ok(frame) = decode::<F>(body) else { return };
    // What was left out is written out, which may be too much for a frame near its limit.
    let Ok(bytes) = to_bytes(&frame) else { return };
    let again = decode::<F>(&bytes[HEADER_LEN..]);
    assert_eq!(again.ok(), Some(frame));
}

/// The check of links and names.
pub fn check_text(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(link) = text.parse::<RelayLink>() {
        assert_eq!(link.to_string().parse(), Ok(link));
    }
    if let Ok(link) = text.parse::<ContactLink>() {
        assert_eq!(link.to_string().parse(), Ok(link));
    }
    if let Ok(name) = text.parse::<Username>() {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(name) = text.parse::<DisplayName>() {
        assert_eq!(name.as_str(), text);
    }
}
