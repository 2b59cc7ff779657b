//! What an identity key, or the id of a room, looks like: a colour, and a mirrored pattern on it.
//!
//! It helps to tell them apart. It proves nothing; the safety number does.

use slint::{Rgba8Pixel, SharedPixelBuffer};

use super::Pixels;

/// What a picture is made of.
pub(crate) type Seed = [u8; 32];

/// Cells of the pattern beside each other.
const CELLS: u32 = 5;

/// The cells, a pixel each; where there is none, the colour shows.
pub(crate) fn pattern(key: &Seed) -> Pixels {
    let mut pixels = SharedPixelBuffer::<Rgba8Pixel>::new(CELLS, CELLS);
    for (index, pixel) in (0..).zip(pixels.make_mut_slice()) {
        let (column, row) = (index % CELLS, index / CELLS);
        let bit = column.min(CELLS - 1 - column) * CELLS + row;
        let is_filled = key[2 + (bit / 8) as usize] >> (bit % 8) & 1 == 1;
        *pixel = Rgba8Pixel { r: 255, g: 255, b: 255, a: if is_filled { 255 } else { 0 } };
    }
    pixels
}

/// The colour behind the pattern.
pub(crate) fn ground(key: &Seed) -> [u8; 3] {
    colour(key[0], key[1])
}

/// A colour of the key's own, dark enough for a white pattern.
fn colour(hue: u8, shade: u8) -> [u8; 3] {
    let turn = u32::from(hue) * 6;
    let (sector, within) = (turn / 256, turn % 256);
    let [high, low] = [150 + u32::from(shade % 32), 52 + u32::from(shade / 8)];
    let rising = low + (high - low) * within / 256;
    let falling = high - (high - low) * within / 256;
    let [red, green, blue] = match sector {
        0 => [high, rising, low],
        1 => [falling, high, low],
        2 => [low, high, rising],
        3 => [low, falling, high],
        4 => [rising, low, high],
        _ => [high, low, falling],
    };
    // Green looks the brightest.
    [red, green * 4 / 5, blue].map(|part| u8::try_from(part).unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_looks_the_same_and_another_key_another() {
        let looks = |byte| {
            let key = [byte; 32];
            (ground(&key), pattern(&key).as_slice().to_vec())
        };
        assert_eq!(looks(7), looks(7));
        assert_ne!(looks(7), looks(8));
    }

    #[test]
    fn the_pattern_is_mirrored() {
        let pixels = pattern(&[0b1011_0110; 32]);
        let at = |x: u32, y: u32| pixels.as_slice()[(y * CELLS + x) as usize];
        for y in 0..CELLS {
            for x in 0..CELLS {
                assert_eq!(at(x, y), at(CELLS - 1 - x, y), "{x} {y}");
            }
        }
    }

    #[test]
    fn a_white_pattern_is_seen_on_every_colour() {
        for (hue, shade) in (0..=255).flat_map(|hue| [0, 31, 255].map(|shade| (hue, shade))) {
            let [red, green, blue] = colour(hue, shade).map(u32::from);
            assert!(red * 3 + green * 6 + blue < 10 * 175, "{hue} {shade}");
        }
    }
}
