//! Edits, deletions and reactions, by the owner (`by` is none) and by others.

use rusqlite::params;
use sotto_proto::{
    AccountId,
    content::{Delete, Edit, Reaction},
};

use super::{Recorded, Tx, VaultError};
use crate::model::ConversationId;

/// The most bytes of a reaction.
const EMOJI_MAX: usize = 64;

impl Tx<'_> {
    /// Changes the text or caption of a message of that person.
    pub(super) fn apply_edit(
        &self,
        conversation: ConversationId,
        edit: &Edit,
        by: Option<AccountId>,
    ) -> Result<Recorded, VaultError> {
        match self.try_find(conversation, edit.target)? {
            Some(found) if found.is_by(by) && found.changeable => {
                self.change(
                    "UPDATE messages SET text = ?2, edited = 1 WHERE position = ?1",
                    params![found.position, edit.text],
                )?;
                self.changed(found.position, Vec::new())
            }
            _ => Ok(Recorded::Ignored),
        }
    }

    /// Leaves of a message of that person only the fact that it was there.
    pub(super) fn apply_delete(
        &self,
        conversation: ConversationId,
        delete: &Delete,
        by: Option<AccountId>,
    ) -> Result<Recorded, VaultError> {
        match self.try_find(conversation, delete.target)? {
            Some(found) if found.is_by(by) && found.changeable => {
                let position = found.position;
                let files = self.own_files("WHERE a.message = ?1", [position])?;
                self.change("DELETE FROM attachments WHERE message = ?1", [position])?;
                self.change("DELETE FROM reactions WHERE message = ?1", [position])?;
                // What was sealed before may have left: it leaves, and the deletion after it.
                self.change(
                    "DELETE FROM waiting WHERE message = ?1 AND envelope IS NULL",
                    [position],
                )?;
                self.change(
                    "UPDATE messages SET kind = 'deleted', text = NULL, file_name = NULL,
                        reply_to = NULL, edited = 0, read = 1 WHERE position = ?1",
                    [position],
                )?;
                self.changed(position, files)
            }
            _ => Ok(Recorded::Ignored),
        }
    }

    /// Sets, replaces or withdraws that person's reaction to anybody's message.
    pub(super) fn apply_reaction(
        &self,
        conversation: ConversationId,
        reaction: &Reaction,
        by: Option<AccountId>,
    ) -> Result<Recorded, VaultError> {
        let Some(found) = self.try_find(conversation, reaction.target)?.filter(|f| f.changeable)
        else {
            return Ok(Recorded::Ignored);
        };
        let reactor = by.as_ref().map_or(&[][..], |account| &account.0);
        match reaction.emoji.as_deref() {
            Some(emoji) if emoji.is_empty() || emoji.len() > EMOJI_MAX => {
                return Ok(Recorded::Ignored);
            }
            Some(emoji) => self.change(
                "INSERT INTO reactions VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET emoji = excluded.emoji",
                params![found.position, reactor, emoji],
            )?,
            None => self.change(
                "DELETE FROM reactions WHERE message = ?1 AND reactor = ?2",
                params![found.position, reactor],
            )?,
        };
        self.changed(found.position, Vec::new())
    }

    fn changed(
        &self,
        position: i64,
        files: Vec<std::path::PathBuf>,
    ) -> Result<Recorded, VaultError> {
        Ok(Recorded::Changed { message: Box::new(self.message_at(position)?), files })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, NOW, arrive, chat, content, id, queue_text, text};
    use super::*;
    use crate::model::Message;

    fn changed(recorded: Recorded) -> Message {
        match recorded {
            Recorded::Changed { message, .. } => *message,
            other => panic!("{other:?}"),
        }
    }

    fn edit(number: u32, target: u32, text: &str) -> sotto_proto::content::Content {
        content(number, Edit { target: id(target), text: text.to_owned() })
    }

    #[test]
    fn the_sender_alone_edits_and_deletes() {
        let mut fixture = Fixture::with_contact();
        queue_text(&mut fixture, 1, "mine");
        arrive(&mut fixture, &text(2, "theirs", NOW));
        assert_eq!(arrive(&mut fixture, &edit(10, 1, "forged")), Recorded::Ignored);
        let delete = content(11, Delete { target: id(1) });
        assert_eq!(arrive(&mut fixture, &delete), Recorded::Ignored);
        assert_eq!(arrive(&mut fixture, &edit(12, 99, "nothing")), Recorded::Ignored);
        let message = changed(arrive(&mut fixture, &edit(13, 2, "theirs, better")));
        assert_eq!((message.text(), message.edited), (Some("theirs, better"), true));
        let refused = fixture.vault.write(|tx| tx.queue_edit(chat(1), &edit(14, 2, "forged")));
        assert!(matches!(refused, Err(VaultError::NotOwn)));
        let message =
            fixture.vault.write(|tx| tx.queue_edit(chat(1), &edit(15, 1, "mine, better")));
        assert_eq!(message.unwrap().text(), Some("mine, better"));
    }

    #[test]
    fn a_deleted_message_leaves_nothing_and_stays_deleted() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "secret", NOW));
        let react = content(2, Reaction { target: id(1), emoji: Some("👍".to_owned()) });
        arrive(&mut fixture, &react);
        let message = changed(arrive(&mut fixture, &content(3, Delete { target: id(1) })));
        assert!(message.is_deleted() && message.reactions.is_empty() && message.read);
        assert_eq!(arrive(&mut fixture, &edit(4, 1, "again")), Recorded::Ignored);
        let react = content(5, Reaction { target: id(1), emoji: Some("👍".to_owned()) });
        assert_eq!(arrive(&mut fixture, &react), Recorded::Ignored);
        let hits = fixture.vault.read(|view| view.search("secret", None, 9)).unwrap();
        assert!(hits.is_empty());
    }

    #[test]
    fn each_side_has_one_reaction_to_a_message() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "hello", NOW));
        let react = |number, emoji: Option<&str>| {
            content(number, Reaction { target: id(1), emoji: emoji.map(str::to_owned) })
        };
        changed(arrive(&mut fixture, &react(2, Some("👍"))));
        let message = changed(arrive(&mut fixture, &react(3, Some("🎉"))));
        assert_eq!(message.reactions.len(), 1);
        assert_eq!(message.reactions[0].emoji, "🎉");
        let message =
            fixture.vault.write(|tx| tx.queue_reaction(chat(1), &react(4, Some("👀")))).unwrap();
        assert_eq!(message.reactions.len(), 2);
        let message = changed(arrive(&mut fixture, &react(5, None)));
        assert_eq!(message.reactions.len(), 1);
        assert!(message.reactions[0].outgoing);
        let long = "x".repeat(65);
        assert_eq!(arrive(&mut fixture, &react(6, Some(&long))), Recorded::Ignored);
        assert_eq!(arrive(&mut fixture, &react(7, Some(""))), Recorded::Ignored);
    }
}
