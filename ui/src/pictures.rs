//! Pictures that the app makes itself or reads from files: from an identity key, of a QR code, of
//! an image that was sent.
//!
//! Files come from strangers: sizes are checked before anything is decoded.

pub(crate) mod identicon;
pub(crate) mod qr;
pub(crate) mod thumbnail;

use slint::{Rgba8Pixel, SharedPixelBuffer};

/// Pixels that may go from thread to thread.
pub type Pixels = SharedPixelBuffer<Rgba8Pixel>;
