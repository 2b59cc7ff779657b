//! Mentions: who in a room is meant by an `@username` in a text.

use std::collections::HashSet;

use rusqlite::params;
use sotto_proto::{AccountId, RoomId, limits::MENTIONS_MAX};

use super::{
    VaultError, View,
    value::{Columns, key},
};
use crate::model::ConversationId;

impl View {
    /// The people that a text mentions, in the order of the text, each once and without the owner.
    /// In a direct chat nobody is mentioned.
    pub fn mentions(
        &self,
        conversation: ConversationId,
        text: &str,
    ) -> Result<Vec<AccountId>, VaultError> {
        let Some(room) = conversation.room() else { return Ok(Vec::new()) };
        let mut mentioned = Vec::new();
        let mut tried = HashSet::new();
        for written in names(text).filter(|name| tried.insert(*name)) {
            if let Some(account) = self.meant(room, written)?
                && !mentioned.contains(&account)
                && !self.is_own(account)?
            {
                mentioned.push(account);
            }
            if mentioned.len() == MENTIONS_MAX {
                break;
            }
        }
        Ok(mentioned)
    }

    /// Who is meant by what stands behind an `@`. A name may end with a sign that also ends a
    /// sentence, so the longest name that somebody has is the one that is meant.
    fn meant(&self, room: RoomId, written: &str) -> Result<Option<AccountId>, VaultError> {
        let sql =
            "SELECT m.account FROM room_members m LEFT JOIN contacts c ON c.account = m.account
             WHERE m.room = ?1 AND coalesce(m.username, c.username) = ?2 AND m.devices > 0";
        let written = written.to_ascii_lowercase();
        let mut name = written.as_str();
        loop {
            let found = self.row(sql, params![key(room.into()), name], |row| row.id("account"))?;
            match name.strip_suffix(['.', '-', '_']) {
                Some(shorter) if found.is_none() => name = shorter,
                _ => return Ok(found),
            }
        }
    }
}

/// What stands behind each `@` that does not stand in the middle of a word, as in an address.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('@').filter_map(|(at, _)| {
        let is_begun = text[..at].chars().next_back().is_none_or(|before| !is_in_names(before));
        let behind = &text[at + 1..];
        let name = behind.split(|c| !is_in_names(c)).next().unwrap_or_default();
        (is_begun && !name.is_empty()).then_some(name)
    })
}

const fn is_in_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use sotto_proto::IdentityKey;

    use super::super::{
        NewMember,
        tests::{Fixture, NOW, ROOM, account, chat, new_contact},
    };
    use super::*;

    fn mentioned(fixture: &Fixture, text: &str) -> Vec<AccountId> {
        fixture.vault.read(|view| view.mentions(ROOM.into(), text)).unwrap()
    }

    #[test]
    fn a_name_behind_an_at_is_a_mention() {
        let fixture = Fixture::with_room();
        let (carol, dave) = (account(2), account(3));
        for (text, expected) in [
            ("@carol", &[carol][..]),
            ("hello @dave, and @carol.", &[dave, carol]),
            ("(@Carol) @CAROL @carol", &[carol]),
            ("@carol...", &[carol]),
            ("carol@dave.example, x@carol", &[]),
            ("@caroline @ @@ @nobody", &[]),
            ("@@carol", &[carol]),
            ("@myself and ä@dave", &[dave]),
            ("", &[]),
        ] {
            assert_eq!(mentioned(&fixture, text), expected, "{text}");
        }
        let direct = fixture.vault.read(|view| view.mentions(chat(2), "@carol")).unwrap();
        assert!(direct.is_empty());
    }

    #[test]
    fn a_contact_is_known_by_name_before_the_relay_has_told_it() {
        let mut fixture = Fixture::with_room();
        let erin = NewMember {
            account: account(4),
            identity: IdentityKey([4; 32]),
            is_admin: false,
            devices: 1,
        };
        fixture
            .vault
            .write(|tx| {
                tx.add_contact(&new_contact(4, "erin"), NOW)?;
                tx.set_room_members(ROOM, &[erin])
            })
            .unwrap();
        assert_eq!(mentioned(&fixture, "@erin"), [account(4)]);
    }

    #[test]
    fn whoever_left_is_not_mentioned() {
        let mut fixture = Fixture::with_room();
        fixture.vault.write(|tx| tx.set_room_members(ROOM, &[])).unwrap();
        assert!(mentioned(&fixture, "@carol").is_empty());
    }
}
