//! The history of a conversation, page by page, in the order in which it is shown.

use rusqlite::params;
use sotto_proto::MessageId;

use super::{
    VaultError, View,
    message::{rows, select_messages},
    value::key,
};
use crate::model::{ConversationId, Message};

/// How many messages [`View::each_message`] reads at once.
const EXPORT_PAGE: usize = 256;

/// Which part of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The newest messages.
    Latest,
    /// Those just before this one.
    Before(MessageId),
    /// Those just behind this one.
    After(MessageId),
}

impl View {
    /// At most `limit` messages of a conversation, oldest first.
    pub fn history(
        &self,
        conversation: ConversationId,
        page: Page,
        limit: usize,
    ) -> Result<Vec<Message>, VaultError> {
        match page {
            Page::Latest => self.before(conversation, i64::MAX, limit),
            Page::Before(id) => {
                self.before(conversation, self.find(conversation, id)?.place, limit)
            }
            Page::After(id) => self.after(conversation, self.find(conversation, id)?.place, limit),
        }
    }

    /// Gives every message of a conversation to `take`, oldest first, as for an export.
    pub fn each_message<E: From<VaultError>>(
        &self,
        conversation: ConversationId,
        mut take: impl FnMut(Message) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last = 0;
        loop {
            let page = self.after(conversation, last, EXPORT_PAGE)?;
            let Some(message) = page.last() else { return Ok(()) };
            last = i64::try_from(message.position).map_err(|_| VaultError::Damaged("position"))?;
            page.into_iter().try_for_each(&mut take)?;
        }
    }

    fn before(
        &self,
        conversation: ConversationId,
        place: i64,
        limit: usize,
    ) -> Result<Vec<Message>, VaultError> {
        let sql = select_messages!(
            "WHERE m.conversation = ?1 AND m.place < ?2 ORDER BY m.place DESC LIMIT ?3"
        );
        let mut page = self.messages(sql, params![key(conversation), place, rows(limit)])?;
        page.reverse();
        Ok(page)
    }

    fn after(
        &self,
        conversation: ConversationId,
        place: i64,
        limit: usize,
    ) -> Result<Vec<Message>, VaultError> {
        let sql = select_messages!(
            "WHERE m.conversation = ?1 AND m.place > ?2 ORDER BY m.place LIMIT ?3"
        );
        self.messages(sql, params![key(conversation), place, rows(limit)])
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::Timestamp;

    use super::super::tests::{Fixture, NOW, account, arrive, chat, id, text};
    use super::*;

    fn numbers(messages: &[Message]) -> Vec<&str> {
        messages.iter().filter_map(Message::text).collect()
    }

    #[test]
    fn history_is_paged_both_ways_in_the_order_of_arrival() {
        let mut fixture = Fixture::with_contact();
        for number in 1..=7 {
            // The clocks of senders do not decide.
            arrive(
                &mut fixture,
                &text(number, &number.to_string(), Timestamp(100 - u64::from(number))),
            );
        }
        fixture
            .vault
            .read(|view| {
                let page = |page, limit| view.history(chat(1), page, limit).unwrap();
                assert_eq!(numbers(&page(Page::Latest, 3)), ["5", "6", "7"]);
                assert_eq!(numbers(&page(Page::Before(id(5)), 3)), ["2", "3", "4"]);
                assert_eq!(numbers(&page(Page::Before(id(2)), 3)), ["1"]);
                assert_eq!(numbers(&page(Page::After(id(5)), 9)), ["6", "7"]);
                assert!(page(Page::After(id(7)), 9).is_empty());
                let unknown = view.history(chat(1), Page::Before(id(99)), 3).unwrap_err();
                assert!(matches!(unknown, VaultError::NoSuchMessage));
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }

    #[test]
    fn an_export_sees_every_message_once() {
        let mut fixture = Fixture::with_contact();
        let count = u32::try_from(2 * EXPORT_PAGE + 3).unwrap();
        fixture
            .vault
            .write(|tx| {
                (0..count).try_for_each(|number| {
                    let content = text(number, &number.to_string(), NOW);
                    tx.record_content(chat(1), account(1), &content, NOW).map(drop)
                })
            })
            .unwrap();
        let mut seen = Vec::new();
        fixture
            .vault
            .read(|view| {
                view.each_message(chat(1), |message| {
                    seen.push(message.text().unwrap().parse::<u32>().unwrap());
                    Ok::<_, VaultError>(())
                })
            })
            .unwrap();
        assert_eq!(seen, (0..count).collect::<Vec<_>>());
    }
}
