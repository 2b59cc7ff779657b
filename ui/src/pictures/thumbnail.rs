//! Images from files, small enough for a bubble or as large as a window.
//!
//! A file may come from a stranger: its pixels are counted before they are decoded.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Seek},
    path::Path,
};

use image::{
    DynamicImage, ImageDecoder, ImageReader, Limits, codecs::jpeg::JpegEncoder,
    imageops::FilterType,
};
use slint::SharedPixelBuffer;

use super::Pixels;

/// What is shown in a bubble, at twice the density.
const SMALL: u32 = 560;
/// What fills a window.
const LARGE: u32 = 2560;
/// The most that decoding may take, in bytes.
const MEMORY_MAX: u64 = 256 * 1024 * 1024;
/// The widest and highest image that is opened.
const SIDE_MAX: u32 = 16_384;
/// The largest file that is opened.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// A room's picture, as it is shown and as it is sent.
const ROUND: u32 = 144;
const SENT: u32 = 256;
/// How well a picture is kept that is sent: the first of these at which it is small enough.
const QUALITIES: [u8; 4] = [88, 75, 60, 40];

/// Why an image is not shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    #[error("the file could not be read")]
    File(#[from] io::Error),
    #[error("the file is too large for a picture")]
    TooLarge,
    #[error("the file is no image that is understood")]
    Image(#[from] image::ImageError),
}

/// Reads an image, turned as its camera was held.
pub(crate) fn read(path: &Path) -> Result<DynamicImage, ImageError> {
    let file = File::open(path)?;
    if file.metadata()?.len() > FILE_MAX {
        return Err(ImageError::TooLarge);
    }
    decode(BufReader::new(file))
}

fn decode(source: impl BufRead + Seek) -> Result<DynamicImage, ImageError> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_MAX);
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    let mut reader = ImageReader::new(source).with_guessed_format()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The picture of a room, cut round.
pub(crate) fn round(encoded: &[u8]) -> Result<Pixels, ImageError> {
    let square = decode(Cursor::new(encoded))?.resize_to_fill(ROUND, ROUND, FilterType::Triangle);
    let mut cut = square.to_rgba8();
    let middle = f64::from(ROUND) / 2.0;
    for (x, y, pixel) in cut.enumerate_pixels_mut() {
        let [x, y] = [x, y].map(|at| f64::from(at) + 0.5 - middle);
        let inside = (middle - x.hypot(y)).clamp(0.0, 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let alpha = (f64::from(pixel.0[3]) * inside) as u8;
        pixel.0[3] = alpha;
    }
    Ok(pixels(&cut.into()))
}

/// An image as a room's picture, of at most `max` bytes.
pub(crate) fn for_room(path: &Path, max: usize) -> Result<Vec<u8>, ImageError> {
    let square = read(path)?.resize_to_fill(SENT, SENT, FilterType::Lanczos3).to_rgb8();
    for quality in QUALITIES {
        let mut encoded = Vec::new();
        square.write_with_encoder(JpegEncoder::new_with_quality(&mut encoded, quality))?;
        if encoded.len() <= max {
            return Ok(encoded);
        }
    }
    Err(ImageError::TooLarge)
}

/// The image for a bubble.
pub(crate) fn small(path: &Path) -> Result<Pixels, ImageError> {
    Ok(pixels(&fitted(read(path)?, SMALL)))
}

/// The image for a window.
pub(crate) fn large(path: &Path) -> Result<Pixels, ImageError> {
    Ok(pixels(&fitted(read(path)?, LARGE)))
}

fn fitted(image: DynamicImage, side: u32) -> DynamicImage {
    if image.width() <= side && image.height() <= side {
        return image;
    }
    image.thumbnail(side, side)
}

fn pixels(image: &DynamicImage) -> Pixels {
    let image = image.to_rgba8();
    SharedPixelBuffer::clone_from_slice(image.as_raw(), image.width(), image.height())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_image_is_made_small_in_its_proportions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        image::RgbaImage::new(2000, 500).save(&path).unwrap();
        let small = small(&path).unwrap();
        assert_eq!((small.width(), small.height()), (560, 140));
        let large = large(&path).unwrap();
        assert_eq!((large.width(), large.height()), (2000, 500));
    }

    #[test]
    fn an_image_that_claims_to_be_huge_is_refused_before_it_is_decoded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.png");
        // A header for 60,000 by 60,000 pixels, and nothing behind it.
        let mut png =
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x06\0\0\0".to_vec();
        png.extend([0x75, 0xa2, 0x4c, 0xcb]);
        std::fs::write(&path, png).unwrap();
        assert!(matches!(small(&path), Err(ImageError::Image(_))));
    }
}
