//! `sotto save`: the file of a message, into a folder.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use sotto_client::{
    Engine,
    model::{Message, MessageBody},
};

use crate::{
    app::App,
    error::CliError,
    files,
    message_ref::{Fits, MessageRef},
    people, progress,
};

/// Save the file of a message
///
/// It is fetched, checked, and only then put where you want it. A download that broke off goes on
/// where it was. A file that is there already is never overwritten, unless you say --force.
///
/// JSON: path, size, message.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto save bob                       # the newest file, into this folder
  sotto save bob 3fa2c1d2 --to ~/Pictures
  sotto save bob last --to photo.jpg --force")]
pub(crate) struct Save {
    /// The contact
    user: String,
    /// Which message: `last` (with a file), or an id as `sotto read --ids` shows it
    #[arg(default_value = "last")]
    message: MessageRef,
    /// The folder, or the name of the new file
    #[arg(long, short = 'o', value_name = "PATH", default_value = ".")]
    to: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Saved<'a> {
    path: &'a Path,
    size: u64,
    message: &'a Message,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Save) -> Result<(), CliError> {
    app.fetch(engine).await?;
    let contact = people::find(engine, &args.user).await?;
    let message = args.message.find(engine, &contact, Fits::File).await?;
    let MessageBody::Attachment { file, .. } = &message.body else {
        return Err(CliError::NoSuchMessage("this message has no file".to_owned()));
    };
    let to = target(args, &file.name)?;
    let saving = engine.save_attachment(contact.account, message.id, &to);
    let saved = progress::with_bar(engine, message.id, &file.name, saving).await?;
    let saved = Saved { path: &to, size: file.size, message: &saved };
    app.out
        .result(&saved, || format!("Saved {} ({}).", to.display(), progress::size(file.size)))?;
    Ok(())
}

/// Where the file goes. The engine puts it there in one piece, over whatever is there.
fn target(args: &Save, name: &str) -> Result<PathBuf, CliError> {
    let name = files::safe_name(name);
    if args.to.is_dir() {
        return if args.force { Ok(args.to.join(name)) } else { files::free_path(&args.to, &name) };
    }
    if !args.force && args.to.symlink_metadata().is_ok() {
        return Err(CliError::Usage(format!(
            "{} is there already; --force overwrites it",
            args.to.display()
        )));
    }
    let folder = args.to.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            Err(CliError::Usage(format!("there is no folder {}", folder.display())))
        }
        _ => Ok(args.to.clone()),
    }
}
