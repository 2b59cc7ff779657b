//! Conversations as a list shows them: drafts, timers, what is unread.

use rusqlite::{Params, Row, params};
use sotto_proto::{AccountId, MessageId, Timestamp};

use super::{
    Tx, VaultError, View,
    contact::read_contact,
    message::read_state,
    value::{Columns, millis},
};
use crate::model::{ConversationEvent, ConversationSummary, Draft, Message, Preview, PreviewKind};

/// The most characters of a preview.
const PREVIEW_CHARS: i64 = 160;

macro_rules! select_conversations {
    ($rest:literal) => {
        concat!(
            "SELECT c.*, (SELECT count(*) FROM messages u
                WHERE u.conversation = c.account AND u.read = 0) AS unread,
                (SELECT max(l.position) FROM messages l WHERE l.conversation = c.account) AS last
             FROM contacts c ",
            $rest
        )
    };
}

impl View {
    /// The conversations with all contacts: the pinned ones first, and of either kind those with the
    /// newest messages. A contact that was removed is there while its conversation has messages.
    pub fn conversations(&self) -> Result<Vec<ConversationSummary>, VaultError> {
        self.summaries(
            select_conversations!(
                "WHERE c.state <> 'removed' OR last IS NOT NULL
                 ORDER BY c.pinned DESC, last IS NULL, last DESC, c.added_at DESC"
            ),
            [],
        )
    }

    /// The conversation with one contact.
    pub fn conversation(
        &self,
        account: AccountId,
    ) -> Result<Option<ConversationSummary>, VaultError> {
        Ok(self.summaries(select_conversations!("WHERE c.account = ?1"), [account.0])?.pop())
    }

    /// The disappearing timer of a conversation, in seconds.
    pub fn timer(&self, account: AccountId) -> Result<Option<u32>, VaultError> {
        let sql = "SELECT timer FROM contacts WHERE account = ?1";
        self.row(sql, [account.0], |row| Ok(row.get(0)?))?.ok_or(VaultError::NoSuchContact)
    }

    /// How many messages are unread in the conversations with accepted contacts.
    pub fn unread_total(&self) -> Result<u64, VaultError> {
        let total = self.row(
            "SELECT count(*) AS total FROM messages m JOIN contacts c ON c.account = m.conversation
             WHERE m.read = 0 AND c.state = 'accepted'",
            [],
            |row| row.count("total"),
        )?;
        Ok(total.unwrap_or(0))
    }

    /// The oldest message of a conversation that is unread.
    pub fn first_unread(&self, account: AccountId) -> Result<Option<MessageId>, VaultError> {
        self.row(
            "SELECT id FROM messages WHERE conversation = ?1 AND read = 0
             ORDER BY position LIMIT 1",
            [account.0],
            |row| row.id("id"),
        )
    }

    fn summaries(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<Vec<ConversationSummary>, VaultError> {
        self.rows(sql, params, |row| {
            let contact = read_contact(row)?;
            let draft: Option<String> = row.get("draft")?;
            let reply_to = row.optional_id("draft_reply_to")?;
            Ok(ConversationSummary {
                last: self.preview(contact.account)?,
                unread: row.get("unread")?,
                draft: draft.map(|text| Draft { text, reply_to }),
                timer: row.get("timer")?,
                contact,
            })
        })
    }

    fn preview(&self, account: AccountId) -> Result<Option<Preview>, VaultError> {
        self.row(
            "SELECT id, outgoing, arrived_at, kind, state, failure,
                substr(coalesce(nullif(text, ''), file_name, ''), 1, ?2) AS beginning
             FROM messages WHERE conversation = ?1 ORDER BY position DESC LIMIT 1",
            params![account.0, PREVIEW_CHARS],
            read_preview,
        )
    }
}

impl Tx<'_> {
    /// Keeps what was typed and not sent; none, or an empty one, forgets it.
    pub fn set_draft(&self, account: AccountId, draft: Option<&Draft>) -> Result<(), VaultError> {
        let draft = draft.filter(|draft| !draft.text.is_empty() || draft.reply_to.is_some());
        self.change_contact(
            "UPDATE contacts SET draft = ?2, draft_reply_to = ?3 WHERE account = ?1",
            params![
                account.0,
                draft.map(|draft| draft.text.as_str()),
                draft.and_then(|draft| draft.reply_to).map(|id| id.0),
            ],
        )
    }

    /// Sets how long new messages live after being read; none, or zero, for ever. Gives the event
    /// `event` that says so.
    pub fn set_timer(
        &self,
        account: AccountId,
        seconds: Option<u32>,
        own: bool,
        event: MessageId,
        now: Timestamp,
    ) -> Result<Message, VaultError> {
        let seconds = seconds.filter(|seconds| *seconds > 0);
        self.change_contact(
            "UPDATE contacts SET timer = ?2 WHERE account = ?1",
            params![account.0, seconds],
        )?;
        self.record_event(account, event, &ConversationEvent::TimerSet { seconds, own }, now)
    }

    /// The owner has seen a conversation up to a message, or all of it. Gives the messages that had
    /// been unread, and starts their timers.
    pub fn mark_read(
        &self,
        account: AccountId,
        up_to: Option<MessageId>,
        now: Timestamp,
    ) -> Result<Vec<MessageId>, VaultError> {
        let last = match up_to {
            Some(id) => self.find(account, id)?.position,
            None => i64::MAX,
        };
        let mut read = self.change_rows(
            "UPDATE messages SET read = 1,
                disappears_at = coalesce(disappears_at, ?3 + disappears_after * 1000)
             WHERE conversation = ?1 AND position <= ?2 AND read = 0 RETURNING position, id",
            params![account.0, last, millis(now)],
            |row| Ok((row.get::<_, i64>("position")?, row.id("id")?)),
        )?;
        // RETURNING promises no order.
        read.sort_by_key(|(position, _)| *position);
        Ok(read.into_iter().map(|(_, id)| id).collect())
    }

    /// Deletes the messages and the draft of a conversation from this vault; files that are no
    /// longer needed. What waits for the contact goes too, what is in the outbox still leaves.
    pub fn remove_history(
        &self,
        account: AccountId,
    ) -> Result<Vec<std::path::PathBuf>, VaultError> {
        let files = self.own_files("WHERE m.conversation = ?1", [account.0])?;
        self.change("DELETE FROM messages WHERE conversation = ?1", [account.0])?;
        self.change("DELETE FROM owed_receipts WHERE account = ?1", [account.0])?;
        self.set_draft(account, None)?;
        Ok(files)
    }
}

fn read_preview(row: &Row<'_>) -> Result<Preview, VaultError> {
    let kind: String = row.get("kind")?;
    Ok(Preview {
        id: row.id("id")?,
        outgoing: row.get("outgoing")?,
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
        tests::{Fixture, NOW, account, arrive, id, new_contact, queue_text, text},
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
                tx.record_content(account(2), &text(1, "first", NOW), NOW)?;
                tx.record_content(account(1), &text(2, &"long ".repeat(100), NOW), NOW)?;
                tx.add_contact(&new_contact(4, "gone"), NOW)?;
                tx.set_contact_state(account(4), ContactState::Removed)
            })
            .unwrap();
        queue_text(&mut fixture, 3, "newest");
        let list = fixture.vault.read(View::conversations).unwrap();
        let names: Vec<_> = list.iter().map(|line| line.contact.username.as_str()).collect();
        assert_eq!(names, ["bob", "carol", "dave"]);
        let newest = list[0].last.clone().unwrap();
        assert_eq!((newest.text.as_str(), newest.kind), ("newest", PreviewKind::Text));
        assert_eq!(newest.state, Some(MessageState::Queued));
        assert_eq!(list[0].unread, 1);
        assert_eq!(list[1].unread, 1);
        assert_eq!(list[2].last, None);
        fixture.vault.write(|tx| tx.set_pinned(account(3), true)).unwrap();
        let list = fixture.vault.read(View::conversations).unwrap();
        let names: Vec<_> = list.iter().map(|line| line.contact.username.as_str()).collect();
        assert_eq!(names, ["dave", "bob", "carol"]);
        fixture
            .vault
            .write(|tx| tx.record_content(account(2), &text(4, &"ä".repeat(500), NOW), NOW))
            .unwrap();
        let carol = fixture.vault.read(|view| view.conversation(account(2))).unwrap().unwrap();
        assert_eq!(carol.last.unwrap().text.chars().count(), 160);
        assert_eq!(fixture.vault.read(|view| view.conversation(account(9))).unwrap(), None);
    }

    #[test]
    fn reading_up_to_a_message_leaves_the_later_ones_unread() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=4 {
            arrive(&mut fixture, &text(number, "hello", NOW));
        }
        let total = |fixture: &Fixture| fixture.vault.read(View::unread_total).unwrap();
        let first =
            |fixture: &Fixture| fixture.vault.read(|view| view.first_unread(account(1))).unwrap();
        assert_eq!((total(&fixture), first(&fixture)), (4, Some(id(1))));
        let read = |fixture: &mut Fixture, up_to| {
            fixture.vault.write(|tx| tx.mark_read(account(1), up_to, NOW)).unwrap()
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
        let line = fixture.vault.read(|view| view.conversation(account(1))).unwrap().unwrap();
        assert_eq!(line.unread, 1);
    }

    #[test]
    fn a_draft_outlives_the_process_and_an_empty_one_goes() {
        let mut fixture = Fixture::with_contact();
        let draft = Draft { text: "dear".to_owned(), reply_to: Some(id(1)) };
        fixture.vault.write(|tx| tx.set_draft(account(1), Some(&draft))).unwrap();
        fixture.reopen();
        let line = fixture.vault.read(|view| view.conversation(account(1))).unwrap().unwrap();
        assert_eq!(line.draft, Some(draft));
        fixture.vault.write(|tx| tx.set_draft(account(1), Some(&Draft::default()))).unwrap();
        let line = fixture.vault.read(|view| view.conversation(account(1))).unwrap().unwrap();
        assert_eq!(line.draft, None);
    }

    #[test]
    fn a_timer_is_told_by_an_event() {
        let mut fixture = Fixture::with_contact();
        fixture.vault.write(|tx| tx.set_timer(account(1), Some(30), true, id(1), NOW)).unwrap();
        assert_eq!(fixture.vault.read(|view| view.timer(account(1))).unwrap(), Some(30));
        fixture.vault.write(|tx| tx.set_timer(account(1), Some(0), true, id(2), NOW)).unwrap();
        assert_eq!(fixture.vault.read(|view| view.timer(account(1))).unwrap(), None);
        let history = fixture.vault.read(|view| view.history(account(1), Page::Latest, 9)).unwrap();
        assert_eq!(history.len(), 2);
        assert_eq!(fixture.vault.read(View::unread_total).unwrap(), 0);
    }

    #[test]
    fn a_removed_history_leaves_the_contact() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "hello", NOW));
        queue_text(&mut fixture, 2, "hello");
        fixture.vault.write(|tx| tx.remove_history(account(1))).unwrap();
        let line = fixture.vault.read(|view| view.conversation(account(1))).unwrap().unwrap();
        assert_eq!((line.last, line.unread), (None, 0));
        let hits = fixture.vault.read(|view| view.search("hello", None, 9)).unwrap();
        assert!(hits.is_empty());
        let waiting = fixture.vault.read(|view| view.waiting(account(1), 9)).unwrap();
        assert!(waiting.is_empty());
    }
}
