//! Conversations as a list shows them: drafts, timers, what is unread.

use rusqlite::{Params, Row, params};
use sotto_proto::{AccountId, MessageId, Timestamp};

use super::{
    Tx, VaultError, View,
    arrival::said_by,
    message::read_state,
    value::{Columns, key, millis},
};
use crate::model::{
    ConversationEvent, ConversationId, ConversationSummary, Correspondent, Draft, Message, Preview,
    PreviewKind, Sender,
};

/// The most characters of a preview.
const PREVIEW_CHARS: i64 = 160;

/// The places of [`super::place::PENDING`] and beyond count as if they were the next ones: what was
/// written last stands first.
macro_rules! select_conversations {
    ($rest:literal) => {
        concat!(
            "SELECT v.*,
                (SELECT count(*) FROM messages u
                    WHERE u.conversation = v.id AND u.read = 0) AS unread,
                EXISTS (SELECT 1 FROM messages u WHERE u.conversation = v.id
                    AND u.read = 0 AND u.mentions_me = 1) AS mentioned,
                max(coalesce((SELECT max(l.place) FROM messages l
                        WHERE l.conversation = v.id AND l.place < 4611686018427387904), 0),
                    coalesce((SELECT max(l.place) - 4611686018427387904 FROM messages l
                        WHERE l.conversation = v.id AND l.place >= 4611686018427387904), 0)) AS last
             FROM conversations v
                LEFT JOIN contacts c ON c.account = v.id LEFT JOIN rooms r ON r.id = v.id ",
            $rest
        )
    };
}

impl View {
    /// All conversations: the pinned ones first, and of either kind those with the newest messages.
    /// A contact that was removed, and a room that this account is not in, are there while their
    /// conversations have messages.
    pub fn conversations(&self) -> Result<Vec<ConversationSummary>, VaultError> {
        self.summaries(
            select_conversations!(
                "WHERE last > 0 OR c.state NOT IN ('removed', 'request')
                    OR r.state IN ('invited', 'joined')
                 ORDER BY v.pinned DESC, last DESC, coalesce(c.added_at, r.joined_at) DESC"
            ),
            [],
        )
    }

    /// One conversation.
    pub fn conversation(
        &self,
        id: ConversationId,
    ) -> Result<Option<ConversationSummary>, VaultError> {
        Ok(self.summaries(select_conversations!("WHERE v.id = ?1"), [key(id)])?.pop())
    }

    /// The disappearing timer of a conversation, in seconds.
    pub fn timer(&self, id: ConversationId) -> Result<Option<u32>, VaultError> {
        let sql = "SELECT timer FROM conversations WHERE id = ?1";
        self.row(sql, [key(id)], |row| Ok(row.get(0)?))?.ok_or_else(|| missing(id))
    }

    /// How many messages are unread in rooms and in the conversations with accepted contacts.
    pub fn unread_total(&self) -> Result<u64, VaultError> {
        let total = self.row(
            "SELECT count(*) AS total FROM messages m
             LEFT JOIN contacts c ON c.account = m.conversation
             WHERE m.read = 0 AND (c.account IS NULL OR c.state = 'accepted')",
            [],
            |row| row.count("total"),
        )?;
        Ok(total.unwrap_or(0))
    }

    /// The oldest message of a conversation that is unread.
    pub fn first_unread(&self, id: ConversationId) -> Result<Option<MessageId>, VaultError> {
        self.row(
            "SELECT id FROM messages WHERE conversation = ?1 AND read = 0 ORDER BY place LIMIT 1",
            [key(id)],
            |row| row.id("id"),
        )
    }

    /// An error if there is no such conversation.
    pub(super) fn require_conversation(&self, id: ConversationId) -> Result<(), VaultError> {
        let sql = "SELECT 1 FROM conversations WHERE id = ?1";
        self.row(sql, [key(id)], |_| Ok(()))?.ok_or_else(|| missing(id))
    }

    fn summaries(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<Vec<ConversationSummary>, VaultError> {
        self.rows(sql, params, |row| {
            let id = row.conversation("id")?;
            let draft: Option<String> = row.get("draft")?;
            let reply_to = row.optional_id("draft_reply_to")?;
            Ok(ConversationSummary {
                with: match id {
                    ConversationId::Contact(account) => {
                        Correspondent::Contact(self.require_contact(account)?)
                    }
                    ConversationId::Room(room) => Correspondent::Room(self.require_room(room)?),
                },
                last: self.preview(id)?,
                unread: row.get("unread")?,
                mentioned: row.get("mentioned")?,
                draft: draft.map(|text| Draft { text, reply_to }),
                timer: row.get("timer")?,
                muted: row.get("muted")?,
                pinned: row.get("pinned")?,
            })
        })
    }

    fn preview(&self, id: ConversationId) -> Result<Option<Preview>, VaultError> {
        self.row(
            "SELECT id, outgoing, sender, arrived_at, kind, state, failure,
                substr(coalesce(nullif(text, ''), file_name, ''), 1, ?2) AS beginning
             FROM messages WHERE conversation = ?1 ORDER BY place DESC LIMIT 1",
            params![key(id), PREVIEW_CHARS],
            |row| {
                let sender: Option<AccountId> = row.optional_id("sender")?;
                let sender = match (id.room(), sender) {
                    (Some(room), Some(account)) => {
                        let name = self.member_name(room, account)?;
                        Some(Sender { account, name })
                    }
                    _ => None,
                };
                read_preview(row, sender)
            },
        )
    }
}

impl Tx<'_> {
    /// Keeps what was typed and not sent; none, or an empty one, forgets it.
    pub fn set_draft(&self, id: ConversationId, draft: Option<&Draft>) -> Result<(), VaultError> {
        let draft = draft.filter(|draft| !draft.text.is_empty() || draft.reply_to.is_some());
        self.change_conversation(
            id,
            "UPDATE conversations SET draft = ?2, draft_reply_to = ?3 WHERE id = ?1",
            params![
                key(id),
                draft.map(|draft| draft.text.as_str()),
                draft.and_then(|draft| draft.reply_to).map(|id| id.0),
            ],
        )
    }

    /// Whether the owner wants no notice of what comes here.
    pub fn set_muted(&self, id: ConversationId, muted: bool) -> Result<(), VaultError> {
        self.change_conversation(
            id,
            "UPDATE conversations SET muted = ?2 WHERE id = ?1",
            params![key(id), muted],
        )
    }

    /// Whether the conversation stands above the others.
    pub fn set_pinned(&self, id: ConversationId, pinned: bool) -> Result<(), VaultError> {
        self.change_conversation(
            id,
            "UPDATE conversations SET pinned = ?2 WHERE id = ?1",
            params![key(id), pinned],
        )
    }

    /// Somebody (none is the owner) sets how long new messages live after being read; none, or
    /// zero seconds, for ever. Gives the event `event` that says so.
    pub fn set_timer(
        &self,
        id: ConversationId,
        seconds: Option<u32>,
        by: Option<AccountId>,
        event: MessageId,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        let seconds = seconds.filter(|seconds| *seconds > 0);
        self.change_timer(id, seconds)?;
        let set = ConversationEvent::TimerSet { seconds, own: by.is_none() };
        self.insert_event(id, said_by(by), event, &set, now)
    }

    pub(super) fn change_timer(
        &self,
        id: ConversationId,
        seconds: Option<u32>,
    ) -> Result<(), VaultError> {
        self.change_conversation(
            id,
            "UPDATE conversations SET timer = ?2 WHERE id = ?1",
            params![key(id), seconds],
        )
    }

    /// The owner has seen a conversation up to a message, or all of it. Gives the messages that had
    /// been unread, and starts their timers.
    pub fn mark_read(
        &self,
        conversation: ConversationId,
        up_to: Option<MessageId>,
        now: Timestamp,
    ) -> Result<Vec<MessageId>, VaultError> {
        let last = match up_to {
            Some(id) => self.find(conversation, id)?.place,
            None => i64::MAX,
        };
        let mut read = self.change_rows(
            "UPDATE messages SET read = 1,
                disappears_at = coalesce(disappears_at, ?3 + disappears_after * 1000)
             WHERE conversation = ?1 AND place <= ?2 AND read = 0 RETURNING place, id",
            params![key(conversation), last, millis(now)],
            |row| Ok((row.get::<_, i64>("place")?, row.id("id")?)),
        )?;
        // RETURNING promises no order.
        read.sort_by_key(|(place, _)| *place);
        Ok(read.into_iter().map(|(_, id)| id).collect())
    }

    /// Deletes the messages and the draft of a conversation from this vault; files that are no
    /// longer needed. What waits to be sealed goes too, what is sealed still leaves.
    pub fn remove_history(
        &self,
        id: ConversationId,
    ) -> Result<Vec<std::path::PathBuf>, VaultError> {
        let files = self.own_files("WHERE m.conversation = ?1", [key(id)])?;
        self.change("DELETE FROM messages WHERE conversation = ?1", [key(id)])?;
        self.change("DELETE FROM owed_receipts WHERE conversation = ?1", [key(id)])?;
        self.set_draft(id, None)?;
        Ok(files)
    }

    /// A conversation that is there already stays as it is.
    pub(super) fn insert_conversation(&self, id: ConversationId) -> Result<(), VaultError> {
        self.change(
            "INSERT INTO conversations (id) VALUES (?1) ON CONFLICT DO NOTHING",
            [key(id)],
        )?;
        Ok(())
    }

    fn change_conversation(
        &self,
        id: ConversationId,
        sql: &str,
        params: impl Params,
    ) -> Result<(), VaultError> {
        match self.change(sql, params)? {
            0 => Err(missing(id)),
            _ => Ok(()),
        }
    }
}

/// Why there is no such conversation.
const fn missing(id: ConversationId) -> VaultError {
    match id {
        ConversationId::Contact(_) => VaultError::NoSuchContact,
        ConversationId::Room(_) => VaultError::NoSuchRoom,
    }
}

fn read_preview(row: &Row<'_>, sender: Option<Sender>) -> Result<Preview, VaultError> {
    let kind: String = row.get("kind")?;
    Ok(Preview {
        id: row.id("id")?,
        outgoing: row.get("outgoing")?,
        sender,
        at: row.time("arrived_at")?,
        kind: match kind.as_str() {
            "text" => PreviewKind::Text,
            "attachment" => PreviewKind::Attachment,
            "event" => PreviewKind::Event,
            "deleted" => PreviewKind::Deleted,
            _ => return Err(VaultError::Damaged("kind")),
        },
        text: row.get("beginning")?,
        state: read_state(row)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{
        Page,
        tests::{Fixture, NOW, account, arrive, chat, id, new_contact, queue_text, text},
    };
    use super::*;
    use crate::model::{ContactState, MessageState};

    #[test]
    fn conversations_stand_by_their_newest_message() {
        let mut fixture = Fixture::with_contact();
        fixture
            .vault
            .write(|tx| {
                tx.add_contact(&new_contact(2, "carol"), NOW)?;
                tx.add_contact(&new_contact(3, "dave"), NOW.plus(1))?;
                tx.record_content(chat(2), account(2), &text(1, "first", NOW), NOW)?;
                tx.record_content(chat(1), account(1), &text(2, &"long ".repeat(100), NOW), NOW)?;
                tx.add_contact(&new_contact(4, "gone"), NOW)?;
                tx.set_contact_state(account(4), ContactState::Removed)
            })
            .unwrap();
        queue_text(&mut fixture, 3, "newest");
        let list = fixture.vault.read(View::conversations).unwrap();
        let names: Vec<_> = list.iter().map(|line| line.with.name()).collect();
        assert_eq!(names, ["bob", "carol", "dave"]);
        let newest = list[0].last.clone().unwrap();
        assert_eq!((newest.text.as_str(), newest.kind), ("newest", PreviewKind::Text));
        assert_eq!(newest.state, Some(MessageState::Queued));
        assert_eq!(list[0].unread, 1);
        assert_eq!(list[1].unread, 1);
        assert_eq!(list[2].last, None);
        fixture.vault.write(|tx| tx.set_pinned(chat(3), true)).unwrap();
        let list = fixture.vault.read(View::conversations).unwrap();
        let names: Vec<_> = list.iter().map(|line| line.with.name()).collect();
        assert_eq!(names, ["dave", "bob", "carol"]);
        fixture
            .vault
            .write(|tx| {
                tx.record_content(chat(2), account(2), &text(4, &"ä".repeat(500), NOW), NOW)
            })
            .unwrap();
        let carol = fixture.vault.read(|view| view.conversation(chat(2))).unwrap().unwrap();
        assert_eq!(carol.last.unwrap().text.chars().count(), 160);
        assert_eq!(fixture.vault.read(|view| view.conversation(chat(9))).unwrap(), None);
    }

    #[test]
    fn reading_up_to_a_message_leaves_the_later_ones_unread() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=4 {
            arrive(&mut fixture, &text(number, "hello", NOW));
        }
        let total = |fixture: &Fixture| fixture.vault.read(View::unread_total).unwrap();
        let first =
            |fixture: &Fixture| fixture.vault.read(|view| view.first_unread(chat(1))).unwrap();
        assert_eq!((total(&fixture), first(&fixture)), (4, Some(id(1))));
        let read = |fixture: &mut Fixture, up_to| {
            fixture.vault.write(|tx| tx.mark_read(chat(1), up_to, NOW)).unwrap()
        };
        assert_eq!(read(&mut fixture, Some(id(2))), [id(1), id(2)]);
        assert!(read(&mut fixture, Some(id(2))).is_empty());
        assert_eq!((total(&fixture), first(&fixture)), (2, Some(id(3))));
        assert_eq!(read(&mut fixture, None), [id(3), id(4)]);
        assert_eq!((total(&fixture), first(&fixture)), (0, None));
    }

    #[test]
    fn requests_do_not_count_as_unread_in_the_total() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "hello", NOW));
        fixture.vault.write(|tx| tx.set_contact_state(account(1), ContactState::Request)).unwrap();
        assert_eq!(fixture.vault.read(View::unread_total).unwrap(), 0);
        let line = fixture.vault.read(|view| view.conversation(chat(1))).unwrap().unwrap();
        assert_eq!(line.unread, 1);
    }

    #[test]
    fn a_draft_outlives_the_process_and_an_empty_one_goes() {
        let mut fixture = Fixture::with_contact();
        let draft = Draft { text: "dear".to_owned(), reply_to: Some(id(1)) };
        fixture.vault.write(|tx| tx.set_draft(chat(1), Some(&draft))).unwrap();
        fixture.reopen();
        let line = fixture.vault.read(|view| view.conversation(chat(1))).unwrap().unwrap();
        assert_eq!(line.draft, Some(draft));
        fixture.vault.write(|tx| tx.set_draft(chat(1), Some(&Draft::default()))).unwrap();
        let line = fixture.vault.read(|view| view.conversation(chat(1))).unwrap().unwrap();
        assert_eq!(line.draft, None);
    }

    #[test]
    fn a_timer_is_told_by_an_event() {
        let mut fixture = Fixture::with_contact();
        fixture.vault.write(|tx| tx.set_timer(chat(1), Some(30), None, id(1), NOW)).unwrap();
        assert_eq!(fixture.vault.read(|view| view.timer(chat(1))).unwrap(), Some(30));
        fixture.vault.write(|tx| tx.set_timer(chat(1), Some(0), None, id(2), NOW)).unwrap();
        assert_eq!(fixture.vault.read(|view| view.timer(chat(1))).unwrap(), None);
        let history = fixture.vault.read(|view| view.history(chat(1), Page::Latest, 9)).unwrap();
        assert_eq!(history.len(), 2);
        assert_eq!(fixture.vault.read(View::unread_total).unwrap(), 0);
    }

    #[test]
    fn a_removed_history_leaves_the_contact() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "hello", NOW));
        queue_text(&mut fixture, 2, "hello");
        fixture.vault.write(|tx| tx.remove_history(chat(1))).unwrap();
        let line = fixture.vault.read(|view| view.conversation(chat(1))).unwrap().unwrap();
        assert_eq!((line.last, line.unread), (None, 0));
        let hits = fixture.vault.read(|view| view.search("hello", None, 9)).unwrap();
        assert!(hits.is_empty());
        let waiting = fixture.vault.read(|view| view.waiting(chat(1), 9)).unwrap();
        assert!(waiting.is_empty());
    }
}
