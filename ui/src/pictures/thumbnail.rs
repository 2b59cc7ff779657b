//! Images from files, small enough for a bubble or as large as a window.
//!
//! A file may come from a stranger: its pixels are counted before they are decoded.

use std::{fs::File, io, io::BufReader, path::Path};

use image::{DynamicImage, ImageReader, Limits};
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
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_MAX);
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = image::ImageDecoder::orientation(&mut decoder)?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
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
