//! What the app remembers of this computer, apart from any account: how it looks, and how large its
//! window was. Nothing here is secret; what is stands in the vault.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Longer files are not read.
const FILE_MAX: u64 = 64 * 1024;

/// Light, dark, or as the system is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Appearance {
    #[default]
    System,
    Light,
    Dark,
}

/// The languages that are bundled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    English,
    German,
    French,
}

impl Language {
    /// In the order in which they are offered.
    pub(crate) const ALL: [Self; 3] = [Self::English, Self::German, Self::French];

    /// The folder of its translation; the empty one is what the Slint files are written in.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "",
            Self::German => "de",
            Self::French => "fr",
        }
    }

    /// As its speakers call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::French => "Français",
        }
    }

    /// What the environment asks for (POSIX: `LC_ALL`, `LC_MESSAGES`, `LANG`).
    fn of_the_system() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale =
            ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).unwrap_or_default();
        let speaks =
            |language: &&Self| !language.code().is_empty() && locale.starts_with(language.code());
        Self::ALL.iter().find(speaks).copied().unwrap_or(Self::English)
    }
}

impl Default for Language {
    fn default() -> Self {
        Self::of_the_system()
    }
}

/// How large text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TextSize {
    Small,
    #[default]
    Normal,
    Large,
    VeryLarge,
}

impl TextSize {
    /// In the order in which they are offered.
    pub(crate) const ALL: [Self; 4] = [Self::Small, Self::Normal, Self::Large, Self::VeryLarge];

    /// Against the normal one.
    pub(crate) const fn scale(self) -> f32 {
        match self {
            Self::Small => 0.9,
            Self::Normal => 1.0,
            Self::Large => 1.2,
            Self::VeryLarge => 1.45,
        }
    }
}

/// How large the window was, in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WindowState {
    pub(crate) width: f32,
    pub(crate) height: f32,
    #[serde(default)]
    pub(crate) maximised: bool,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Preferences {
    pub(crate) appearance: Appearance,
    pub(crate) text_size: TextSize,
    pub(crate) compact: bool,
    pub(crate) language: Language,
    pub(crate) enter_breaks: bool,
    /// The profile that was open last.
    pub(crate) last_profile: Option<String>,
    pub(crate) window: Option<WindowState>,
}

impl Preferences {
    /// Reads the file; what is not there or not understood is as if it was never set.
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::metadata(path)
            .ok()
            .filter(|file| file.len() <= FILE_MAX)
            .and_then(|_| fs::read_to_string(path).ok());
        let parsed = text.map(|text| toml::from_str(&text)).transpose();
        parsed
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "the preferences are not understood");
                None
            })
            .unwrap_or_default()
    }

    /// Replaces the file as a whole.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Where they are kept: beside the folder of the profiles.
pub(crate) fn file_beside(profiles: &Path) -> PathBuf {
    profiles.parent().unwrap_or(profiles).join("desktop.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back_as_they_were_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = file_beside(&folder.path().join("sotto/profiles"));
        assert_eq!(Preferences::read(&path), Preferences::default());
        let kept = Preferences {
            appearance: Appearance::Dark,
            text_size: TextSize::Large,
            language: Language::French,
            enter_breaks: true,
            window: Some(WindowState { width: 900.0, height: 600.0, maximised: false }),
            ..Preferences::default()
        };
        kept.write(&path).unwrap();
        assert_eq!(Preferences::read(&path), kept);
    }

    #[test]
    fn a_file_that_is_not_understood_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desktop.toml");
        fs::write(&path, "appearance = 7").unwrap();
        assert_eq!(Preferences::read(&path), Preferences::default());
        fs::write(&path, "appearance = \"dark\"\nunknown = 1").unwrap();
        assert_eq!(Preferences::read(&path).appearance, Appearance::Dark);
    }
}
