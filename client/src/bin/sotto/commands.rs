//! The subcommands, one file each.

pub(crate) mod accept;
pub(crate) mod add;
pub(crate) mod block;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod contacts;
pub(crate) mod decline;
pub(crate) mod delete;
pub(crate) mod draft;
pub(crate) mod edit;
pub(crate) mod export;
pub(crate) mod inbox;
pub(crate) mod listen;
pub(crate) mod login;
pub(crate) mod man;
pub(crate) mod profiles;
pub(crate) mod react;
pub(crate) mod read;
pub(crate) mod register;
pub(crate) mod relay;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod retry;
pub(crate) mod save;
pub(crate) mod search;
pub(crate) mod send;
pub(crate) mod settings;
pub(crate) mod timer;
pub(crate) mod unblock;
pub(crate) mod users;
pub(crate) mod verify;
pub(crate) mod whoami;

use sotto_client::Engine;

use crate::{app::App, cli::Command, error::CliError};

/// Does what was asked for.
pub(crate) async fn run(command: Command, app: App) -> Result<(), CliError> {
    match &command {
        Command::Register(args) => return register::run(&app, args).await,
        Command::Login(args) => return login::run(&app, args).await,
        Command::Profiles(_) => return profiles::run(&app),
        Command::Completions(args) => return completions::run(args),
        Command::Man(args) => return man::run(&app, args),
        Command::Relay(args) if args.needs_no_vault(&app) => return relay::show(&app),
        _ => {}
    }
    let engine = app.open().await?;
    let done = with_engine(command, &app, &engine).await;
    engine.shutdown().await;
    done
}

/// Those that work on an open profile. The engine is shut down after each, however it ends.
async fn with_engine(command: Command, app: &App, engine: &Engine) -> Result<(), CliError> {
    match command {
        Command::Whoami(args) => whoami::run(app, engine, &args),
        Command::Users(args) => users::run(app, engine, args).await,
        Command::Contacts(args) => contacts::run(app, engine, &args).await,
        Command::Add(args) => add::run(app, engine, &args).await,
        Command::Rename(args) => rename::run(app, engine, &args).await,
        Command::Accept(args) => accept::run(app, engine, &args).await,
        Command::Decline(args) => decline::run(app, engine, &args).await,
        Command::Block(args) => block::run(app, engine, &args).await,
        Command::Unblock(args) => unblock::run(app, engine, &args).await,
        Command::Remove(args) => remove::run(app, engine, &args).await,
        Command::Verify(args) => verify::run(app, engine, &args).await,
        Command::Send(args) => send::run(app, engine, &args).await,
        Command::Edit(args) => edit::run(app, engine, &args).await,
        Command::Delete(args) => delete::run(app, engine, &args).await,
        Command::React(args) => react::run(app, engine, &args).await,
        Command::Retry(args) => retry::run(app, engine, &args).await,
        Command::Inbox(args) => inbox::run(app, engine, &args).await,
        Command::Read(args) => read::run(app, engine, &args).await,
        Command::Save(args) => save::run(app, engine, &args).await,
        Command::Search(args) => search::run(app, engine, &args).await,
        Command::Chat(args) => chat::run(app, engine, args).await,
        Command::Listen(args) => listen::run(app, engine, &args).await,
        Command::Timer(args) => timer::run(app, engine, &args).await,
        Command::Draft(args) => draft::run(app, engine, &args).await,
        Command::Settings(args) => settings::run(app, engine, &args).await,
        Command::Export(args) => export::run(app, engine, &args).await,
        Command::Relay(args) => relay::run(app, engine, &args).await,
        Command::Register(_)
        | Command::Login(_)
        | Command::Profiles(_)
        | Command::Completions(_)
        | Command::Man(_) => Ok(()),
    }
}
