//! QR codes: drawn for others to scan, and read from an image file.

use std::path::Path;

use qrcode::{Color, EcLevel, QrCode};
use slint::{Rgba8Pixel, SharedPixelBuffer};

use super::{Pixels, thumbnail};

/// The blank modules around a code (ISO/IEC 18004, 6.3.8).
const QUIET_ZONE: usize = 4;

/// Draws a text, one pixel a module, black on white whatever the theme is: so scanners want it.
/// None for a text that is too long for a code.
pub(crate) fn draw(text: &str) -> Option<Pixels> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width() + 2 * QUIET_ZONE;
    let side = u32::try_from(width).ok()?;
    let mut pixels = SharedPixelBuffer::<Rgba8Pixel>::new(side, side);
    for (index, pixel) in pixels.make_mut_slice().iter_mut().enumerate() {
        let inside = |at: usize| at.checked_sub(QUIET_ZONE).filter(|at| *at < code.width());
        let dark = match (inside(index % width), inside(index / width)) {
            (Some(x), Some(y)) => code[(x, y)] == Color::Dark,
            _ => false,
        };
        let grey = if dark { 0 } else { 255 };
        *pixel = Rgba8Pixel { r: grey, g: grey, b: grey, a: 255 };
    }
    Some(pixels)
}

/// Why there is no text of a code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error("the image could not be read")]
    Image(#[from] thumbnail::ImageError),
    #[error("there is no QR code in the image")]
    NoCode,
}

/// The text of the first QR code in an image file.
pub(crate) fn scan(path: &Path) -> Result<String, ScanError> {
    let image = thumbnail::read(path)?.to_luma8();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(
        image.width() as usize,
        image.height() as usize,
        |x, y| {
            let at = (u32::try_from(x), u32::try_from(y));
            if let (Ok(x), Ok(y)) = at { image.get_pixel(x, y).0[0] } else { 255 }
        },
    );
    let grids = prepared.detect_grids();
    let text = grids.iter().find_map(|grid| grid.decode().ok());
    text.map(|(_, text)| text).ok_or(ScanError::NoCode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_read_again() {
        let link = format!("sotto://relay.example:4433/#{}", "5f".repeat(32));
        let pixels = draw(&link).unwrap();
        let side = pixels.width();
        let image = image::RgbaImage::from_fn(side * 4, side * 4, |x, y| {
            let pixel = pixels.as_slice()[(y / 4 * side + x / 4) as usize];
            image::Rgba([pixel.r, pixel.g, pixel.b, pixel.a])
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.png");
        image.save(&path).unwrap();
        assert_eq!(scan(&path).unwrap(), link);
    }

    #[test]
    fn an_image_without_a_code_and_a_file_that_is_no_image_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blank.png");
        image::RgbaImage::new(64, 64).save(&path).unwrap();
        assert!(matches!(scan(&path), Err(ScanError::NoCode)));
        std::fs::write(&path, b"no image").unwrap();
        assert!(matches!(scan(&path), Err(ScanError::Image(_))));
    }
}
