//! A relay link as a QR code made of half blocks, for a terminal.

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2, types::QrError};

/// The code, two modules a character. What is blank in print is a block here, so that it can be
/// scanned from a dark terminal.
pub(crate) fn half_blocks(text: &str) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)?;
    Ok(code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .module_dimensions(1, 1)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_a_square_with_a_border_and_finders() {
        let link = format!("sotto://relay.example:4433/#{}", "5f".repeat(32));
        let shown = half_blocks(&link).unwrap();
        let rows: Vec<Vec<char>> = shown.lines().map(|line| line.chars().collect()).collect();
        let width = rows[0].len();
        assert!(rows.iter().all(|row| row.len() == width));
        assert_eq!(rows.len(), width.div_ceil(2));
        assert!(width < 80, "it fits a terminal of 80 columns");
        assert!(rows[0].iter().all(|c| *c == '█'), "the quiet zone is light");
        let finder: String = rows[2][4..11].iter().collect();
        assert_eq!(finder, " ▄▄▄▄▄ ");
    }
}
