//! Colours that can be read: each text on each surface that it stands on, by WCAG 2.2.

use slint::{Color, ComponentHandle};
use sotto_ui::generated::{Appearance, Theme};

use crate::start;

/// Success criterion 1.4.3, level AA: text.
const TEXT: f64 = 4.5;
/// Success criterion 1.4.11, level AA: the outline of a control, and the mark of the keyboard.
const SHAPE: f64 = 3.0;

/// Relative luminance (WCAG 2.2, definitions).
fn luminance(colour: Color) -> f64 {
    let part = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(colour.red()) + 0.7152 * part(colour.green()) + 0.0722 * part(colour.blue())
}

fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn black_on_white_is_21_to_1() {
    let ratio = contrast(Color::from_rgb_u8(0, 0, 0), Color::from_rgb_u8(255, 255, 255));
    assert!((ratio - 21.0).abs() < 0.001);
}

#[test]
fn every_text_is_readable_on_what_it_stands_on() {
    let home = tempfile::tempdir().unwrap();
    let desk = start(&home);
    let theme = desk.app.window().global::<Theme>();
    for appearance in [Appearance::Light, Appearance::Dark] {
        theme.set_appearance(appearance);
        let surfaces = [
            ("canvas", theme.get_canvas()),
            ("panel", theme.get_panel()),
            ("raised", theme.get_raised()),
            ("field", theme.get_field()),
            ("hover", theme.get_hover()),
            ("selected", theme.get_selected()),
        ];
        let bubbles = [("bubble", theme.get_bubble()), ("quote", theme.get_bubble_quote())];
        let own =
            [("own bubble", theme.get_bubble_own()), ("own quote", theme.get_bubble_own_quote())];
        let everywhere: Vec<_> = surfaces.iter().chain(&bubbles).chain(&own).copied().collect();
        let pairs = [
            ("text", theme.get_text(), everywhere.clone(), TEXT),
            ("accent", theme.get_accent(), everywhere.clone(), TEXT),
            ("quiet", theme.get_quiet(), [&surfaces[..], &bubbles].concat(), TEXT),
            ("quiet on own", theme.get_bubble_own_quiet(), own.to_vec(), TEXT),
            ("danger", theme.get_danger(), [&surfaces[..], &bubbles].concat(), TEXT),
            ("on accent", theme.get_on_accent(), vec![("accent", theme.get_accent())], TEXT),
            ("notice", theme.get_notice_text(), vec![("notice", theme.get_notice())], TEXT),
            ("alarm", theme.get_alarm_text(), vec![("alarm", theme.get_alarm())], TEXT),
            ("read", theme.get_read(), own.to_vec(), SHAPE),
            ("online", theme.get_online(), surfaces.to_vec(), SHAPE),
            ("focus", theme.get_focus(), everywhere.clone(), SHAPE),
            ("field outline", theme.get_field_outline(), surfaces[..3].to_vec(), SHAPE),
            ("muted badge", theme.get_panel(), vec![("badge", theme.get_field_outline())], SHAPE),
            ("toast", theme.get_canvas(), vec![("toast", theme.get_text())], TEXT),
        ];
        for (name, ink, surfaces, wanted) in pairs {
            for (surface, ground) in surfaces {
                let ratio = contrast(ink, ground);
                assert!(ratio >= wanted, "{appearance:?}: {name} on {surface} is {ratio:.2}:1");
            }
        }
    }
}
