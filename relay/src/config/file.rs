//! The configuration file: its shape, and where in it a setting stands.
//!
//! It decides nothing: ranges and what belongs together are checked where the layers meet.

use std::{net::SocketAddr, ops::Range, path::Path, path::PathBuf};

use serde::Deserialize;
use sotto_proto::login::RegistrationPolicy;
use toml::Spanned;

use super::{
    ConfigError, LogFormat, LogLevel,
    flags::Switch,
    numbers::{LimitsFile, QuotasFile, TimeoutsFile},
};

/// What the file may hold.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) listen: Option<Spanned<SocketAddr>>,
    pub(super) data: Option<Spanned<PathBuf>>,
    pub(super) public_host: Option<Spanned<String>>,
    pub(super) public_port: Option<Spanned<u16>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) registration: Option<Spanned<RegistrationPolicy>>,
    pub(super) first_account_is_admin: Option<Spanned<bool>>,
    pub(super) listing: Option<Spanned<bool>>,
    pub(super) lobby: Option<Spanned<bool>>,
    pub(super) certificate: Option<Spanned<PathBuf>>,
    pub(super) certificate_key: Option<Spanned<PathBuf>>,
    pub(super) http: Option<Spanned<Switch>>,
    pub(super) http_anywhere: Option<Spanned<bool>>,
    pub(super) log_level: Option<Spanned<LogLevel>>,
    pub(super) log_format: Option<Spanned<LogFormat>>,
    pub(super) quotas: QuotasFile,
    pub(super) limits: LimitsFile,
    pub(super) timeouts: TimeoutsFile,
}

impl File {
    pub(super) fn parse(source: Source<'_>) -> Result<Self, ConfigError> {
        toml::from_str(source.text).map_err(|mut error| {
            let at = error.span().unwrap_or(0..0);
            let problem = error.message().trim_end().to_owned();
            error.set_input(None);
            source.in_file(&at, &key_of(&error), &problem)
        })
    }
}

/// The key that an error is about: without its input, an error prints it behind its message.
fn key_of(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let key = text.trim_end().rsplit_once("\nin `").and_then(|(_, key)| key.strip_suffix('`'));
    key.unwrap_or_default().to_owned()
}

/// A setting's value and, if it is the file's, where it stands there.
#[derive(Clone)]
pub(super) struct Picked<T> {
    pub(super) value: T,
    span: Option<Range<usize>>,
}

impl<T> Picked<T> {
    /// The flag, else the file's value, else the default.
    pub(super) fn or(flag: Option<T>, file: Option<Spanned<T>>, default: T) -> Self {
        match (flag, file) {
            (None, Some(file)) => Self { span: Some(file.span()), value: file.into_inner() },
            (flag, _) => Self { value: flag.unwrap_or(default), span: None },
        }
    }
}

impl<T: Clone> Picked<T> {
    /// The flag, else the file's value, if there is either.
    pub(super) fn optional(flag: Option<&T>, file: Option<&Spanned<T>>) -> Option<Self> {
        match (flag, file) {
            (Some(flag), _) => Some(Self { value: flag.clone(), span: None }),
            (None, Some(file)) => {
                Some(Self { value: file.get_ref().clone(), span: Some(file.span()) })
            }
            (None, None) => None,
        }
    }
}

/// The file as it was read.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// That a setting is wrong, where it was set.
    pub(super) fn error<T>(self, setting: &Picked<T>, key: &str, problem: &str) -> ConfigError {
        match &setting.span {
            Some(span) => self.in_file(span, key, problem),
            None => ConfigError::InFlag {
                key: key.rsplit('.').next().unwrap_or(key).to_owned(),
                problem: problem.to_owned(),
            },
        }
    }

    fn in_file(self, span: &Range<usize>, key: &str, problem: &str) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        ConfigError::InFile {
            file: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column,
            key: key.to_owned(),
            problem: problem.to_owned(),
        }
    }
}
