//! `sotto search`: messages by their words.

use std::collections::HashMap;

use clap::Args;
use sotto_client::{
    Engine,
    model::{ConversationId, Message, SearchHit},
    proto::AccountId,
};

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
        Some(name) => Some(people::find(engine, name).await?.account.into()),
        None => None,
    };
    let hits = engine.search(&args.words.join(" "), within, args.limit).await?;
    if hits.is_empty() {
        app.out.say("Nothing was found.")?;
        return Ok(());
    }
    let names = Names::of(engine, &hits).await?;
    let time = LocalTime::now();
    for hit in &hits {
        app.out.result(hit, || line(hit, &names, &time))?;
    }
    Ok(())
}

/// How conversations are called, and the people of the rooms among them.
struct Names {
    conversations: HashMap<ConversationId, String>,
    people: HashMap<ConversationId, HashMap<AccountId, String>>,
}

impl Names {
    async fn of(engine: &Engine, hits: &[SearchHit]) -> Result<Self, CliError> {
        let contacts = engine.contacts().await?;
        let contacts = contacts
            .iter()
            .map(|contact| (ConversationId::from(contact.account), people::short_name(contact)));
        let rooms = engine.rooms().await?;
        let rooms = rooms
            .iter()
            .map(|room| (ConversationId::from(room.id), escape::one_line(room.name.as_str())));
        let conversations = contacts.chain(rooms).collect();
        let mut people = HashMap::new();
        for id in hits.iter().map(|hit| hit.message.conversation) {
            if let Some(room) = id.room()
                && !people.contains_key(&id)
            {
                people.insert(id, people::room_names(&engine.room_people(room).await?));
            }
        }
        Ok(Self { conversations, people })
    }

    /// Who wrote a message, and where.
    fn from(&self, message: &Message) -> String {
        let place = self.conversations.get(&message.conversation).map_or("?", String::as_str);
        match (message.conversation, message.sender) {
            (ConversationId::Contact(_), Some(_)) => format!("{place}:"),
            (ConversationId::Contact(_), None) => format!("you to {place}:"),
            (ConversationId::Room(_), None) => format!("you in {place}:"),
            (id, Some(sender)) => {
                let name = self.people.get(&id).and_then(|people| people.get(&sender));
                let name = name.cloned().unwrap_or_else(|| people::nameless(sender));
                format!("{name} in {place}:")
            }
        }
    }
}

fn line(hit: &SearchHit, names: &Names, time: &LocalTime) -> String {
    let message = &hit.message;
    let from = names.from(message);
    let mut text = String::new();
    for part in &hit.snippet {
        let piece = escape::one_line(&part.text);
        if part.hit { text.push_str(&styled(BOLD, piece)) } else { text.push_str(&piece) }
    }
    let at = styled(DIM, time.full(message.arrived_at));
    let id = styled(DIM, format_args!("(#{})", message_ref::shown(message.id)));
    format!("{at} {from} {text} {id}")
}
