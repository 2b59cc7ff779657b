//! Safety numbers: what two people compare to be sure of each other's identity keys.
//!
//! Signal's numeric fingerprint, format version 0: 5,200 rounds of SHA-512 a side.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha512};
use sotto_proto::{AccountId, IdentityKey};

const VERSION: [u8; 2] = [0, 0];
const ROUNDS: usize = 5200;
const QR_PREFIX: &str = "sotto-safety:1:";
/// Digits a side.
const SIDE_DIGITS: usize = 30;

/// What two people compare; both see the same.
#[derive(Clone, PartialEq, Eq)]
pub struct SafetyNumber {
    digits: String,
    qr_text: String,
}

/// The text is neither 60 digits nor the text of a safety number's QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a safety number")]
pub struct NotASafetyNumber;

impl SafetyNumber {
    /// The safety number of two accounts; their order does not matter.
    pub fn new(mine: (&AccountId, &IdentityKey), theirs: (&AccountId, &IdentityKey)) -> Self {
        let mut sides = [fingerprint(mine.0, mine.1), fingerprint(theirs.0, theirs.1)];
        sides.sort_unstable();
        let (mut digits, mut qr_text) = (String::new(), QR_PREFIX.to_owned());
        for side in &sides {
            push_digits(&mut digits, side);
            push_hex(&mut qr_text, side);
        }
        Self { digits, qr_text }
    }

    /// The 60 digits without spaces.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// What the QR code says.
    pub fn qr_text(&self) -> &str {
        &self.qr_text
    }

    /// Whether what was scanned or typed is this safety number. Spaces among digits do not matter.
    pub fn compare(&self, text: &str) -> Result<bool, NotASafetyNumber> {
        let text = text.trim();
        if text.starts_with(QR_PREFIX) {
            return Ok(text == self.qr_text);
        }
        let typed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if typed.len() != 2 * SIDE_DIGITS || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotASafetyNumber);
        }
        Ok(typed == self.digits)
    }
}

/// Twelve groups of five digits.
impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, digit) in self.digits.chars().enumerate() {
            if index > 0 && index % 5 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafetyNumber({self})")
    }
}

/// The first 32 bytes of the iterated hash.
fn fingerprint(account: &AccountId, identity: &IdentityKey) -> [u8; 32] {
    let key = identity.as_bytes();
    let first = Sha512::new()
        .chain_update(VERSION)
        .chain_update(key)
        .chain_update(account.as_bytes())
        .chain_update(key)
        .finalize();
    let hash = (1..ROUNDS)
        .fold(first, |hash, _| Sha512::new().chain_update(hash).chain_update(key).finalize());
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(&hash[..32]);
    fingerprint
}

/// Six groups of five digits out of the first 30 bytes.
fn push_digits(text: &mut String, fingerprint: &[u8; 32]) {
    let (groups, _) = fingerprint.as_chunks::<5>();
    for group in groups {
        let number = group.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        push(text, format_args!("{:05}", number % 100_000));
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        push(text, format_args!("{byte:02x}"));
    }
}

fn push(text: &mut String, piece: fmt::Arguments<'_>) {
    #[expect(clippy::expect_used, reason = "writing to a String does not fail")]
    text.write_fmt(piece).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> SafetyNumber {
        SafetyNumber::new(
            (&AccountId([1; 16]), &IdentityKey([2; 32])),
            (&AccountId([3; 16]), &IdentityKey([4; 32])),
        )
    }

    #[test]
    fn both_sides_see_the_same() {
        let theirs = SafetyNumber::new(
            (&AccountId([3; 16]), &IdentityKey([4; 32])),
            (&AccountId([1; 16]), &IdentityKey([2; 32])),
        );
        assert_eq!(number(), theirs);
        insta::assert_snapshot!(
            number(),
            @"19657 00462 47327 20407 39838 25961 09165 64620 67940 75399 35414 14281"
        );
        insta::assert_snapshot!(
            number().qr_text(),
            @"sotto-safety:1:4d31087529aa6276e94eac47ead57fabeccc4ff7639dd05a5ecef787a909879e8209c75e0d78f3faa28ca91c6b50247066936f07196c78c0d6121088d549464c"
        );
    }

    #[test]
    fn every_key_and_account_counts() {
        let changed = [
            SafetyNumber::new(
                (&AccountId([1; 16]), &IdentityKey([2; 32])),
                (&AccountId([3; 16]), &IdentityKey([5; 32])),
            ),
            SafetyNumber::new(
                (&AccountId([1; 16]), &IdentityKey([2; 32])),
                (&AccountId([5; 16]), &IdentityKey([4; 32])),
            ),
        ];
        for other in changed {
            assert_eq!(number().compare(other.qr_text()), Ok(false));
            assert_eq!(number().compare(&other.to_string()), Ok(false));
        }
    }

    #[test]
    fn scanned_and_typed_numbers_compare() {
        let number = number();
        assert_eq!(number.compare(number.qr_text()), Ok(true));
        assert_eq!(number.compare(&format!(" {number}\n")), Ok(true));
        assert_eq!(number.compare(number.digits()), Ok(true));
        for text in ["", "12345", "sotto://relay", &"1".repeat(61), &"é".repeat(30)] {
            assert_eq!(number.compare(text), Err(NotASafetyNumber));
        }
    }
}
