//! The subcommands, one file each.

pub(crate) mod accept;
pub(crate) mod add;
pub(crate) mod admin;
pub(crate) mod block;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod contacts;
pub(crate) mod decline;
pub(crate) mod delete;
pub(crate) mod devices;
pub(crate) mod draft;
pub(crate) mod edit;
pub(crate) mod export;
pub(crate) mod inbox;
pub(crate) mod listen;
pub(crate) mod login;
pub(crate) mod logins;
pub(crate) mod man;
pub(crate) mod profiles;
pub(crate) mod react;
pub(crate) mod read;
pub(crate) mod register;
pub(crate) mod relay;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod retry;
pub(crate) mod room;
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

use crate::{
    app::App,
    cli::{Command, ProfileCommand},
    error::CliError,
};

/// Does what was asked for.
pub(crate) async fn run(command: Command, app: App) -> Result<(), CliError> {
    match command {
        Command::Register(args) => register::run(&app, args).await,
        Command::Login(args) => login::run(&app, args).await,
        Command::Profiles(_) => profiles::run(&app),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&app, &args),
        Command::OnProfile(command) => {
            let engine = app.open().await?;
            let done = run_on_profile(command, &app, &engine).await;
            engine.shutdown().await;
            done
        }
    }
}

async fn run_on_profile(
    command: ProfileCommand,
    app: &App,
    engine: &Engine,
) -> Result<(), CliError> {
    use ProfileCommand as On;
    match command {
        On::Whoami(args) => whoami::run(app, engine, &args),
        On::Users(args) => users::run(app, engine, args).await,
        On::Contacts(args) => contacts::run(app, engine, &args).await,
        On::Add(args) => add::run(app, engine, &args).await,
        On::Rename(args) => rename::run(app, engine, &args).await,
        On::Accept(args) => accept::run(app, engine, &args).await,
        On::Decline(args) => decline::run(app, engine, &args).await,
        On::Block(args) => block::run(app, engine, &args).await,
        On::Unblock(args) => unblock::run(app, engine, &args).await,
        On::Remove(args) => remove::run(app, engine, &args).await,
        On::Verify(args) => verify::run(app, engine, &args).await,
        On::Send(args) => send::run(app, engine, &args).await,
        On::Edit(args) => edit::run(app, engine, &args).await,
        On::Delete(args) => delete::run(app, engine, &args).await,
        On::React(args) => react::run(app, engine, &args).await,
        On::Room(args) => room::run(app, engine, &args).await,
        On::Retry(args) => retry::run(app, engine, &args).await,
        On::Inbox(args) => inbox::run(app, engine, &args).await,
        On::Read(args) => read::run(app, engine, &args).await,
        On::Save(args) => save::run(app, engine, &args).await,
        On::Search(args) => search::run(app, engine, &args).await,
        On::Chat(args) => chat::run(app, engine, &args).await,
        On::Listen(args) => listen::run(app, engine, &args).await,
        On::Timer(args) => timer::run(app, engine, &args).await,
        On::Draft(args) => draft::run(app, engine, &args).await,
        On::Settings(args) => settings::run(app, engine, &args).await,
        On::Export(args) => export::run(app, engine, &args).await,
        On::Relay(args) => relay::run(app, engine, &args).await,
        On::Devices(args) => devices::run(app, engine, &args).await,
        On::Logins(args) => logins::run(app, engine, &args).await,
        On::Admin(args) => admin::run(app, engine, &args).await,
    }
}
