//! `sotto users`: who is on the relay.

use clap::Args;
use sotto_client::Engine;

use crate::{
    app::App,
    error::CliError,
    escape,
    out::{BOLD, styled},
};

/// List the users of the relay
///
/// A relay may have turned this off; you can still add people by their username.
///
/// JSON: username, display_name.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto users
  sotto users al --limit 20")]
pub(crate) struct Users {
    /// Only names that begin so
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    /// How many at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: usize,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: Users) -> Result<(), CliError> {
    app.connect(engine).await?;
    let prefix = args.prefix.trim().trim_start_matches('@').to_lowercase();
    let mut left = if args.limit == 0 { usize::MAX } else { args.limit };
    let mut after = None;
    loop {
        let page = engine.users(&prefix, after).await?;
        let is_cut = page.users.len() > left;
        for user in page.users.iter().take(left) {
            app.out.result(user, || {
                let name = escape::one_line(user.display_name.as_str());
                format!("{}  {name}", styled(BOLD, format_args!("{:<20}", user.username.as_str())))
            })?;
        }
        left = left.saturating_sub(page.users.len());
        after = page.users.last().map(|user| user.username.clone());
        if is_cut || (left == 0 && page.more) {
            app.out.note("There are more; give the beginning of a name, or --limit 0.");
            return Ok(());
        }
        if !page.more || after.is_none() {
            return Ok(());
        }
    }
}
