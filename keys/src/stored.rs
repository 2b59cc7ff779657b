//! The plain binary form of what is kept or sent: fixed fields, big-endian numbers, no padding.
//!
//! Secrets are written into memory of the exact size, so that none is left behind by growing.

use zeroize::Zeroizing;

/// Why stored state was not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// It ends too early.
    #[error("the stored state is cut off")]
    Truncated,
    /// Something stands behind its end.
    #[error("the stored state has bytes behind its end")]
    TrailingBytes,
    /// It was written by a newer version.
    #[error("the stored state has the unknown format {0}")]
    UnknownFormat(u8),
    /// A field has a value that is never written.
    #[error("the stored state has an impossible value")]
    Impossible,
}

/// Takes the bytes of something that is written.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);

    fn put_u32(&mut self, number: u32) {
        self.put(&number.to_be_bytes());
    }

    fn put_u64(&mut self, number: u64) {
        self.put(&number.to_be_bytes());
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts what would be written.
struct Length(usize);

impl Sink for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Collects what `write` writes, in memory of the exact size that is zeroized when dropped.
pub(crate) fn collect(write: impl Fn(&mut dyn Sink)) -> Zeroizing<Vec<u8>> {
    let mut length = Length(0);
    write(&mut length);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    write(&mut *bytes);
    bytes
}

/// Reads what a [`Sink`] took.
#[derive(Clone)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], RestoreError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(RestoreError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, RestoreError> {
        self.array::<1>().map(|[byte]| *byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, RestoreError> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, RestoreError> {
        self.array().map(|bytes| u64::from_be_bytes(*bytes))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, RestoreError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(RestoreError::Impossible),
        }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], RestoreError> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(RestoreError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn end(self) -> Result<(), RestoreError> {
        if self.0.is_empty() { Ok(()) } else { Err(RestoreError::TrailingBytes) }
    }
}

/// Reads the first byte, which tells the format.
pub(crate) fn expect_format(reader: &mut Reader<'_>, format: u8) -> Result<(), RestoreError> {
    match reader.u8()? {
        found if found == format => Ok(()),
        found => Err(RestoreError::UnknownFormat(found)),
    }
}
