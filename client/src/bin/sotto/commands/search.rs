//! `sotto search`: messages by their words.

use std::collections::HashMap;

use clap::Args;
use sotto_client::{Engine, model::SearchHit, proto::AccountId};

use crate::{
    app::App,
    error::CliError,
    escape,
    local_time::LocalTime,
    message_ref,
    out::{BOLD, DIM, styled},
    people,
};

/// Search your messages; the relay is not asked
///
/// It finds messages that have all the words, the last one as the beginning of a word; case and
/// accents do not count.
///
/// JSON: message, snippet (pieces of text; `hit` marks what was searched for).
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto search lighthouse
  sotto search blue lantern --with bob")]
pub(crate) struct Search {
    /// The words
    #[arg(required = true)]
    words: Vec<String>,
    /// Only in the conversation with this contact
    #[arg(long, value_name = "USER")]
    with: Option<String>,
    /// How many at most, the newest first
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: usize,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Search) -> Result<(), CliError> {
    let within = match &args.with {
        Some(name) => Some(people::find(engine, name).await?.account),
        None => None,
    };
    let hits = engine.search(&args.words.join(" "), within, args.limit).await?;
    if hits.is_empty() {
        app.out.say("Nothing was found.")?;
        return Ok(());
    }
    let contacts = engine.contacts().await?;
    let names: HashMap<AccountId, String> =
        contacts.iter().map(|contact| (contact.account, people::short_name(contact))).collect();
    let time = LocalTime::now();
    for hit in &hits {
        app.out.result(hit, || line(hit, &names, &time))?;
    }
    Ok(())
}

fn line(hit: &SearchHit, names: &HashMap<AccountId, String>, time: &LocalTime) -> String {
    let message = &hit.message;
    let name = names.get(&message.conversation).map_or("?", String::as_str);
    let from = if message.outgoing { format!("you to {name}:") } else { format!("{name}:") };
    let mut text = String::new();
    for part in &hit.snippet {
        let piece = escape::one_line(&part.text);
        if part.hit { text.push_str(&styled(BOLD, piece)) } else { text.push_str(&piece) }
    }
    let at = styled(DIM, time.full(message.arrived_at));
    let id = styled(DIM, format_args!("(#{})", message_ref::shown(message.id)));
    format!("{at} {from} {text} {id}")
}
