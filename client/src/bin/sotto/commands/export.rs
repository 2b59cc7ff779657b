//! `sotto export`: the whole history in the open.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::Serialize;
use sotto_client::{Engine, ExportFormat};

use crate::{app::App, error::CliError, files, local_time::LocalTime};

/// Export the whole history, as JSON for programs or Markdown for people
///
/// What is exported is not encrypted. Files of messages are not part of it; `sotto save` saves them.
///
/// JSON (with --to): format, path.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto export --to ~/backup               # both formats
  sotto export --format markdown > messages.md")]
pub(crate) struct Export {
    /// The format [default: both with --to, else json]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write into this folder instead of standard output; it overwrites nothing
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Json,
    Markdown,
}

#[derive(Serialize)]
struct Exported<'a> {
    format: Format,
    path: &'a Path,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Export) -> Result<(), CliError> {
    let Some(folder) = &args.to else {
        let format = args.format.unwrap_or(Format::Json);
        return Ok(engine.export(format.of_engine(), io::stdout()).await?);
    };
    std::fs::create_dir_all(folder).map_err(|cause| files::unwritable(folder, cause))?;
    let formats = args.format.map_or(vec![Format::Json, Format::Markdown], |format| vec![format]);
    for format in formats {
        let name = format!(
            "sotto-{}-{}.{}",
            engine.me().username,
            LocalTime::now().file_date(),
            format.extension()
        );
        let path = files::free_path(folder, &name)?;
        engine.export(format.of_engine(), files::create_private(&path)?).await?;
        let exported = Exported { format, path: &path };
        app.out.result(&exported, || format!("Wrote {}.", path.display()))?;
    }
    app.out.note("These files are not encrypted: keep them where nobody else reads.");
    Ok(())
}

impl Format {
    const fn of_engine(self) -> ExportFormat {
        match self {
            Self::Json => ExportFormat::Json,
            Self::Markdown => ExportFormat::Markdown,
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }
}
