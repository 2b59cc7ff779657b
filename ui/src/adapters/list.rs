//! From summaries and search hits to the lines of the list.

use sotto_client::{
    model::{
        ContactState, ConversationId, ConversationSummary, Correspondent, PreviewKind, RoomState,
        SearchHit,
    },
    proto::presence::PresenceState,
};

use crate::generated::Presence;

use super::line::one_line;

/// One line of the list, without what is drawn from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ListLine {
    Conversation(Box<ConversationLine>),
    Found(Box<FoundLine>),
}

/// A conversation as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConversationLine {
    pub(crate) summary: ConversationSummary,
    pub(crate) presence: Presence,
    pub(crate) typing: bool,
    /// Who invites, if it is a room that one is invited to.
    pub(crate) inviter: Option<String>,
    /// Today, so that words like "yesterday" are made again on the next day.
    pub(crate) today: jiff::civil::Date,
}

/// A message that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundLine {
    pub(crate) hit: SearchHit,
    pub(crate) name: String,
    pub(crate) with: Option<Correspondent>,
}

/// Whether a conversation belongs among the message requests.
pub(crate) fn is_request(summary: &ConversationSummary) -> bool {
    match &summary.with {
        Correspondent::Contact(contact) => contact.state == ContactState::Request,
        Correspondent::Room(room) => room.state == RoomState::Invited,
    }
}

/// What the dot beside a picture says.
pub(crate) const fn presence(state: Option<PresenceState>) -> Presence {
    match state {
        Some(PresenceState::Online) => Presence::Online,
        Some(PresenceState::Offline(_)) => Presence::Away,
        Some(PresenceState::Hidden) | None => Presence::Unknown,
    }
}

/// Whether a conversation is meant by what was typed: every word of it begins a word of the names.
pub(crate) fn is_meant(summary: &ConversationSummary, query: &str) -> bool {
    let names = match &summary.with {
        Correspondent::Contact(contact) => {
            format!("{} {} {}", contact.name(), contact.display_name, contact.username)
        }
        Correspondent::Room(room) => room.name.as_str().to_owned(),
    };
    begins_words(&names, query)
}

/// Whether every word of what was typed begins a word of the names.
pub(crate) fn begins_words(names: &str, query: &str) -> bool {
    let names = names.to_lowercase();
    query.to_lowercase().split_whitespace().all(|word| {
        let word = word.trim_start_matches('@');
        names.split(|c: char| !c.is_alphanumeric()).any(|name| name.starts_with(word))
    })
}

/// The newest message in a few words, where it has some of its own.
pub(crate) fn last_words(summary: &ConversationSummary) -> Option<String> {
    let last = summary.last.as_ref()?;
    matches!(last.kind, PreviewKind::Text | PreviewKind::Attachment).then(|| one_line(&last.text))
}

/// A snippet as what is before the first hit, the hit, and what is behind it.
pub(crate) fn snippet(hit: &SearchHit) -> [String; 3] {
    let first = hit.snippet.iter().position(|part| part.hit).unwrap_or(hit.snippet.len());
    let text = |parts: &[sotto_client::model::SnippetPart]| {
        let text: String = parts.iter().map(|part| part.text.as_str()).collect();
        text.replace('\n', " ")
    };
    let after = hit.snippet.get(first + 1..).unwrap_or_default();
    let found = hit.snippet.get(first..=first).unwrap_or_default();
    [text(&hit.snippet[..first]), text(found), text(after)]
}

/// Whether a conversation may make itself heard: not a muted one, nor that of a stranger, nor a room
/// that one is not in.
pub(crate) fn is_heard(summary: &ConversationSummary) -> bool {
    let is_open = match &summary.with {
        Correspondent::Contact(contact) => contact.state == ContactState::Accepted,
        Correspondent::Room(room) => room.state == RoomState::Joined,
    };
    is_open && !summary.muted
}

/// Whether a mention in a conversation may make itself heard: also in a muted room, but in none that one
/// is not in.
pub(crate) fn is_mention_heard(summary: &ConversationSummary) -> bool {
    summary.with.room().is_some_and(|room| room.state == RoomState::Joined)
}

/// How many messages are unread in conversations that may make themselves heard.
pub(crate) fn unread(summaries: &[ConversationSummary]) -> u32 {
    summaries.iter().filter(|summary| is_heard(summary)).map(|summary| summary.unread).sum()
}

/// The conversation `step` places below this one, of those that `wanted` is true of; goes around.
pub(crate) fn neighbour(
    all: &[(ConversationId, bool)],
    from: Option<ConversationId>,
    step: i32,
) -> Option<ConversationId> {
    let count = all.len();
    let at = from.and_then(|from| all.iter().position(|(id, _)| *id == from));
    let forward = step > 0;
    let mut index = at.unwrap_or(if forward { count.checked_sub(1)? } else { 0 });
    for _ in 0..count {
        index = if forward { (index + 1) % count } else { (index + count - 1) % count };
        if all[index].1 {
            return Some(all[index].0);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use sotto_client::{
        model::{Contact, SnippetPart},
        proto::{AccountId, IdentityKey, Timestamp},
    };

    use super::*;

    fn summary(username: &str, alias: Option<&str>) -> ConversationSummary {
        ConversationSummary {
            with: Correspondent::Contact(Contact {
                account: AccountId([1; 16]),
                username: username.parse().unwrap(),
                display_name: "Robert Lee".parse().unwrap(),
                alias: alias.map(str::to_owned),
                identity: IdentityKey([1; 32]),
                verified: false,
                pending_identity: None,
                state: ContactState::Accepted,
                added_at: Timestamp(1),
                muted: false,
                pinned: false,
            }),
            last: None,
            unread: 2,
            mentioned: false,
            draft: None,
            timer: None,
            muted: false,
            pinned: false,
        }
    }

    #[test]
    fn people_are_meant_by_the_beginnings_of_their_names() {
        let bob = summary("bob", Some("Uncle Bob"));
        for query in ["bo", "@bob", "LEE", "rob le", "uncle"] {
            assert!(is_meant(&bob, query), "{query}");
        }
        for query in ["ee", "bob x"] {
            assert!(!is_meant(&bob, query), "{query}");
        }
    }

    #[test]
    fn muted_conversations_do_not_count_in_the_title() {
        let mut list = vec![summary("bob", None), summary("carol", None)];
        assert_eq!(unread(&list), 4);
        list[0].muted = true;
        assert_eq!(unread(&list), 2);
    }

    #[test]
    fn the_neighbour_of_the_last_is_the_first() {
        let id = |number| ConversationId::from(AccountId([number; 16]));
        let list = [(id(1), true), (id(2), false), (id(3), true)];
        assert_eq!(neighbour(&list, Some(id(3)), 1), Some(id(1)));
        assert_eq!(neighbour(&list, Some(id(1)), 1), Some(id(3)));
        assert_eq!(neighbour(&list, Some(id(1)), -1), Some(id(3)));
        assert_eq!(neighbour(&list, None, 1), Some(id(1)));
        assert_eq!(neighbour(&[], None, 1), None);
    }

    #[test]
    fn a_snippet_is_split_at_its_first_hit() {
        let part = |text: &str, hit| SnippetPart { text: text.to_owned(), hit };
        let message = sotto_client::model::Message {
            id: sotto_client::proto::MessageId([1; 16]),
            conversation: AccountId([1; 16]).into(),
            position: 1,
            outgoing: true,
            sender: None,
            sent_at: Timestamp(1),
            arrived_at: Timestamp(1),
            body: sotto_client::model::MessageBody::Deleted,
            reply_to: None,
            edited: false,
            reactions: Vec::new(),
            mentions_me: false,
            state: None,
            reached: None,
            read: true,
            disappears_after: None,
            disappears_at: None,
        };
        let parts = vec![part("a\n", false), part("b", true), part("c", false), part("d", true)];
        let hit = SearchHit { message: message.clone(), snippet: parts };
        assert_eq!(snippet(&hit), ["a ", "b", "cd"]);
        let hit = SearchHit { message, snippet: vec![part("a", false)] };
        assert_eq!(snippet(&hit), ["a", "", ""]);
    }
}
