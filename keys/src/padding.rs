//! Padding to size classes, so that the relay learns of a content's size only its class.
//!
//! The classes are the powers of two from 256 bytes to 128 KiB. The padding is one byte 0x80 and
//! zeros (ISO/IEC 7816-4), and every content has exactly one padded form.

/// The smallest class.
const CLASS_MIN: usize = 256;
/// The largest class.
const CLASS_MAX: usize = 128 * 1024;
const MARK: u8 = 0x80;

/// Why content was not padded or padding not taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaddingError {
    /// The content does not fit in the largest class.
    #[error("the content has {0} bytes, more than fit in the largest size class")]
    TooLarge(usize),
    /// The other side did not pad as it must.
    #[error("the padding is malformed")]
    Malformed,
}

/// The size of the class that holds `content` bytes and the mark.
pub(crate) fn padded_len(content: usize) -> Result<usize, PaddingError> {
    if content >= CLASS_MAX {
        return Err(PaddingError::TooLarge(content));
    }
    Ok((content + 1).next_power_of_two().max(CLASS_MIN))
}

/// Appends the content, padded to `padded_len(content)`.
pub(crate) fn pad_onto(out: &mut Vec<u8>, content: &[u8]) -> Result<(), PaddingError> {
    let end = out.len() + padded_len(content.len())?;
    out.extend_from_slice(content);
    out.push(MARK);
    out.resize(end, 0);
    Ok(())
}

/// Takes the padding off.
pub(crate) fn unpad(padded: &mut Vec<u8>) -> Result<(), PaddingError> {
    let last = padded.iter().rposition(|byte| *byte != 0).ok_or(PaddingError::Malformed)?;
    if padded.get(last) != Some(&MARK) || padded_len(last) != Ok(padded.len()) {
        return Err(PaddingError::Malformed);
    }
    padded.truncate(last);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sotto_proto::limits::{CONTENT_MAX, SEALED_MAX};

    use super::*;

    #[test]
    fn classes_hold_the_largest_content_and_fit_an_envelope() {
        for (content, class) in [
            (0, 256),
            (255, 256),
            (256, 512),
            (511, 512),
            (65_535, 65_536),
            (65_536, 131_072),
            (CONTENT_MAX, 131_072),
            (131_071, 131_072),
        ] {
            assert_eq!(padded_len(content), Ok(class));
        }
        assert_eq!(padded_len(131_072), Err(PaddingError::TooLarge(131_072)));
        const { assert!(CLASS_MAX + 2000 < SEALED_MAX, "a prekey message fits an envelope") };
    }

    #[test]
    fn malformed_padding_is_refused() {
        let refused = |mut bytes: Vec<u8>| {
            assert_eq!(unpad(&mut bytes), Err(PaddingError::Malformed));
        };
        refused(vec![]);
        refused(vec![0; 256]);
        refused(vec![1; 256]);
        refused(vec![0x80; 255]);
        let mut larger_than_needed = vec![0; 512];
        larger_than_needed[3] = 0x80;
        refused(larger_than_needed);
        let mut no_class = vec![0; 300];
        no_class[299] = 0x80;
        refused(no_class);
    }

    proptest! {
        #[test]
        fn padding_comes_off(content in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut padded = Vec::new();
            pad_onto(&mut padded, &content).unwrap();
            prop_assert!(padded.len().is_power_of_two());
            unpad(&mut padded).unwrap();
            prop_assert_eq!(padded, content);
        }

        #[test]
        fn one_content_has_one_padded_form(bytes in proptest::collection::vec(any::<u8>(), 250..520)) {
            let mut content = bytes.clone();
            if unpad(&mut content).is_ok() {
                let mut again = Vec::new();
                pad_onto(&mut again, &content).unwrap();
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
