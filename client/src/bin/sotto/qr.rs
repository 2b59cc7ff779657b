//! QR codes in a terminal, made of half blocks.

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

use crate::error::CliError;

/// The code, two modules a character. What is blank in print is a block here, so that it can be
/// scanned from a dark terminal.
pub(crate) fn half_blocks(text: &str) -> Result<String, CliError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)
        .map_err(|_| CliError::Usage("this does not fit a QR code".to_owned()))?;
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
    fn a_contact_link_fits_a_terminal() {
        let link = format!("sotto://relay.example:4433/@somebody#{}", "5f".repeat(32));
        let code = half_blocks(&link).unwrap();
        assert!(code.lines().all(|line| line.chars().count() < 80));
        assert!(code.lines().next().unwrap().chars().all(|c| c == '█'));
    }
}
