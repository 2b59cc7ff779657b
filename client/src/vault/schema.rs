//! The tables of the vault and the steps that lead to them.
//!
//! `user_version` counts the steps taken. A step, once released, never changes: what must be
//! otherwise is a new step.

use rusqlite::{Connection, TransactionBehavior};

use super::VaultError;

/// The steps, oldest first.
pub(super) const STEPS: &[&str] =
    &[include_str!("schema/1.sql"), include_str!("schema/2.sql"), include_str!("schema/3.sql")];

/// Takes the steps that are missing, all or none. A vault with more steps than `steps` is refused.
pub(super) fn migrate(conn: &mut Connection, steps: &[&str]) -> Result<(), VaultError> {
    let taken: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    if taken > known {
        return Err(VaultError::NewerVersion { found: taken, known });
    }
    if taken == known {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps.iter().skip(taken as usize) {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", known)?;
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rusqlite::OptionalExtension;
    use sotto_proto::{
        AccountId, EnvelopeId, MessageId, Timestamp,
        content::{Content, Text},
    };

    use super::super::{Page, Tx, View, value::to_cbor};
    use super::*;
    use crate::model::{
        ConversationEvent, ConversationId, Draft, MessageBody, MessageReaction, MessageState,
    };

    const OLD: &[&str] =
        &["CREATE TABLE note (text TEXT) STRICT; INSERT INTO note VALUES ('kept');"];
    const NEW: &[&str] = &[OLD[0], "ALTER TABLE note ADD COLUMN at INTEGER NOT NULL DEFAULT 7;"];

    fn version(conn: &Connection) -> u32 {
        conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_older_vault_is_brought_up_to_date_and_keeps_what_it_holds() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut old = Connection::open(file.path()).unwrap();
        migrate(&mut old, OLD).unwrap();
        drop(old);
        let mut conn = Connection::open(file.path()).unwrap();
        migrate(&mut conn, NEW).unwrap();
        let row: (String, u32) = conn
            .query_row("SELECT text, at FROM note", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(row, ("kept".to_owned(), 7));
        assert_eq!(version(&conn), 2);
        migrate(&mut conn, NEW).unwrap();
        assert_eq!(version(&conn), 2);
    }

    #[test]
    fn a_newer_vault_is_refused_and_left_alone() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, NEW).unwrap();
        let refused = migrate(&mut conn, OLD).unwrap_err();
        assert!(matches!(refused, VaultError::NewerVersion { found: 2, known: 1 }));
        assert_eq!(version(&conn), 2);
    }

    #[test]
    fn the_identities_that_a_vault_holds_become_the_beginning_of_their_history() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, &STEPS[..1]).unwrap();
        conn.execute_batch(
            r#"INSERT INTO contacts (account, username, display_name, identity, pending_identity,
                state, added_at)
             VALUES (x'01', 'bob', 'Bob', x'0a', NULL, 'accepted', 5),
                (x'02', 'carol', 'Carol', x'0b', x'0c', 'accepted', 6),
                (x'03', 'dave', 'Dave', x'0d', x'0e', 'accepted', 7);
             INSERT INTO messages (conversation, id, outgoing, sent_at, arrived_at, kind, event,
                read)
             VALUES (x'02', x'01', 0, 8, 8, 'event', '{"event":"identity_changed"}', 1),
                (x'02', x'02', 0, 9, 9, 'event', '{"event":"identity_changed"}', 1),
                (x'03', x'01', 0, 9, 9, 'event', '{"event":"unreadable"}', 1);"#,
        )
        .unwrap();
        migrate(&mut conn, &STEPS[..2]).unwrap();
        let mut known = conn
            .prepare(
                "SELECT hex(account), hex(identity), seen_at, accepted_at FROM contact_identities
                 ORDER BY account, accepted_at IS NULL",
            )
            .unwrap();
        let known: Vec<String> = known
            .query_map([], |row| {
                let [account, identity]: [String; 2] = [row.get(0)?, row.get(1)?];
                let (seen, accepted): (u32, Option<u32>) = (row.get(2)?, row.get(3)?);
                Ok(format!("{account} {identity} {seen} {accepted:?}"))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let expected = [
            "01 0A 5 Some(5)",
            "02 0B 6 Some(6)",
            "02 0C 9 None",
            "03 0D 7 Some(7)",
            "03 0E 7 None",
        ];
        assert_eq!(known, expected);
        let (muted, pinned): (bool, bool) = conn
            .query_row("SELECT muted, pinned FROM contacts", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert!(!muted && !pinned);
    }

    /// Everything of the second step that the third makes anew.
    const SECOND: &str = r#"
        INSERT INTO contacts (account, username, display_name, identity, state, added_at, timer,
            draft, draft_reply_to, muted, pinned)
        VALUES (zeroblob(16), 'bob', 'Bob', zeroblob(32), 'accepted', 5, 60,
            'dear', zeroblob(16), 1, 1);
        INSERT INTO messages (position, conversation, id, outgoing, sent_at, arrived_at, kind, text,
            file_name, event, reply_to, edited, state, submitted, read, disappears_after)
        VALUES
            (3, zeroblob(16), x'01010101010101010101010101010101', 0, 7, 8, 'text', 'needle one',
                NULL, NULL, NULL, 1, NULL, 0, 0, 30),
            (5, zeroblob(16), x'02020202020202020202020202020202', 1, 9, 9, 'attachment', 'needle two',
                'photo.png', NULL, x'01010101010101010101010101010101', 0, 'sent', 1, 1, NULL),
            (6, zeroblob(16), x'03030303030303030303030303030303', 0, 9, 9, 'event', NULL,
                NULL, '{"event":"unreadable"}', NULL, 0, NULL, 0, 1, NULL),
            (9, zeroblob(16), x'04040404040404040404040404040404', 1, 9, 9, 'text', 'gone',
                NULL, NULL, NULL, 0, 'queued', 0, 1, NULL);
        INSERT INTO attachments VALUES (5, NULL, 'image/png', 77, '/tmp/photo.png',
            '{"state":"running","done":1,"total":2}', 1);
        INSERT INTO reactions VALUES (3, 1, 'x'), (5, 0, 'y');
        INSERT INTO outbox (position, envelope, account, device, sealed, message, content)
        VALUES (4, x'05050505050505050505050505050505', zeroblob(16), 1, x'0a', 5, x'0b');
        INSERT INTO sent_envelopes VALUES (x'06060606060606060606060606060606', 5, 9);
        INSERT INTO owed_receipts VALUES (zeroblob(16), x'01010101010101010101010101010101', 'read');
        INSERT INTO seen_contents VALUES (zeroblob(16), x'01010101010101010101010101010101', 8);
        DELETE FROM messages WHERE position = 9;
        "#;

    #[test]
    fn what_was_said_before_there_were_rooms_is_all_there() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut conn, &STEPS[..2]).unwrap();
        conn.execute_batch(SECOND).unwrap();
        let waiting = "INSERT INTO waiting VALUES (8, zeroblob(16), 5, ?1)";
        let body = Text { text: "later".to_owned(), reply_to: None, mentions: Vec::new() };
        let (id, sent_at) = (MessageId([7; 16]), Timestamp(9));
        let content = Content { id, sent_at, disappears_after: None, body: body.into() };
        conn.execute(waiting, [to_cbor(&content).unwrap().as_slice()]).unwrap();
        migrate(&mut conn, STEPS).unwrap();
        let broken: Option<String> =
            conn.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).optional().unwrap();
        assert_eq!(broken, None);
        assert_said_before(&View { conn, attachments: PathBuf::new() }).unwrap();
    }

    fn assert_said_before(view: &View) -> Result<(), VaultError> {
        let bob = ConversationId::from(AccountId([0; 16]));
        let line = view.conversations()?.remove(0);
        let draft = Draft { text: "dear".to_owned(), reply_to: Some(MessageId([0; 16])) };
        assert_eq!((line.with.id(), line.with.name()), (bob, "Bob"));
        assert_eq!((line.timer, line.muted, line.pinned), (Some(60), true, true));
        assert_eq!((line.draft, line.unread), (Some(draft), 1));

        let history = view.history(bob, Page::Latest, 9)?;
        let positions: Vec<_> = history.iter().map(|message| message.position).collect();
        assert_eq!(positions, [3, 5, 6]);
        let [first, second, event] = history.as_slice() else { panic!("{history:?}") };
        assert_eq!((first.text(), first.sender), (Some("needle one"), bob.contact()));
        assert!(first.edited && !first.read && !first.mentions_me);
        assert_eq!(first.disappears_after, Some(30));
        let own = MessageReaction { outgoing: true, by: None, emoji: "x".to_owned() };
        assert_eq!(first.reactions, [own]);
        let by = bob.contact();
        let theirs = MessageReaction { outgoing: false, by, emoji: "y".to_owned() };
        assert_eq!((&second.reactions[..], second.reply_to), (&[theirs][..], Some(first.id)));
        assert_eq!((second.state.clone(), second.reached), (Some(MessageState::Sent), None));
        assert_eq!(event.body, MessageBody::Event { event: ConversationEvent::Unreadable });
        assert_eq!(view.search("needle", Some(bob), 9)?.len(), 2);

        assert_eq!(view.unfinished_transfers()?[0].message, second.id);
        assert_eq!(view.receipts_owed_to()?, [bob]);
        let waiting = view.waiting(bob, 9)?;
        assert_eq!((waiting.len(), waiting[0].position), (1, 8));
        assert_eq!((waiting[0].content.id, waiting[0].envelope), (MessageId([7; 16]), None));
        let outbox = view.outbox(0, 9, 9)?;
        assert_eq!((outbox[0].position, outbox[0].message), (4, Some((bob, second.id))));

        // A place that was used is not given away again, and the index goes on.
        let tx = Tx { view };
        view.conn.execute_batch("BEGIN")?;
        let event = &ConversationEvent::Unsupported;
        let next = tx.record_event(bob, MessageId([8; 16]), event, Timestamp(10))?;
        assert_eq!(next.position, 10);
        let expired = tx.record_expired(EnvelopeId([6; 16]))?;
        assert_eq!(expired.map(|message| message.id), Some(second.id));
        tx.remove_history(bob)?;
        assert!(view.search("needle", None, 9)?.is_empty());
        assert!(view.unfinished_transfers()?.is_empty());
        assert_eq!(view.outbox(0, 9, 9)?[0].message, None);
        view.conn.execute_batch(
            "INSERT INTO message_search (message_search, rank) VALUES ('integrity-check', 1)",
        )?;
        Ok(())
    }

    #[test]
    fn a_step_that_fails_undoes_those_before_it() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, OLD).unwrap();
        let steps = &[OLD[0], NEW[1], "ALTER TABLE nothing ADD COLUMN x;"];
        assert!(matches!(migrate(&mut conn, steps), Err(VaultError::Database(_))));
        assert_eq!(version(&conn), 1);
        assert!(conn.prepare("SELECT at FROM note").is_err());
    }
}
