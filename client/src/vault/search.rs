//! Full-text search over texts, captions and names of files.

use rusqlite::params;

use super::{
    VaultError, View,
    message::{rows, select_messages},
    value::key,
};
use crate::model::{ConversationId, SearchHit, SnippetPart};

/// More words than a person types; the rest is left out.
const WORDS_MAX: usize = 32;

/// What marks a hit in a snippet that FTS5 makes (`char(2)` and `char(3)` in the query).
const HIT_BEGINS: char = '\u{2}';
const HIT_ENDS: char = '\u{3}';

impl View {
    /// At most `limit` messages that have all words of `query`, the last one as the beginning of a
    /// word, newest first. Case and accents do not count, nor do signs between words; a query
    /// without words finds nothing.
    pub fn search(
        &self,
        query: &str,
        within: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<SearchHit>, VaultError> {
        let Some(expression) = expression(query) else { return Ok(Vec::new()) };
        let sql = select_messages!(
            ", snippet(message_search, -1, char(2), char(3), '…', 16) AS snippet",
            "message_search JOIN messages m ON m.position = message_search.rowid",
            "WHERE message_search MATCH ?1 AND (?2 IS NULL OR m.conversation = ?2)
             ORDER BY m.place DESC LIMIT ?3"
        );
        let within = within.map(key);
        self.rows(sql, params![expression, within, rows(limit)], |row| {
            let snippet: String = row.get("snippet")?;
            Ok(SearchHit { message: self.read_message(row)?, snippet: parts(&snippet) })
        })
    }
}

/// The words as quoted FTS5 strings, in which nothing but `"` has a meaning.
fn expression(query: &str) -> Option<String> {
    let mut quoted: Vec<String> = query
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| word.contains(char::is_alphanumeric))
        .take(WORDS_MAX)
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect();
    quoted.last_mut()?.push('*');
    Some(quoted.join(" "))
}

fn parts(snippet: &str) -> Vec<SnippetPart> {
    let mut parts: Vec<SnippetPart> = Vec::new();
    let mut hit = false;
    for piece in snippet.split_inclusive([HIT_BEGINS, HIT_ENDS]) {
        let text = piece.trim_end_matches([HIT_BEGINS, HIT_ENDS]);
        if !text.is_empty() {
            parts.push(SnippetPart { text: text.to_owned(), hit });
        }
        hit = piece.ends_with(HIT_BEGINS);
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sotto_proto::content::{Delete, Edit};

    use super::super::tests::{
        Fixture, NOW, account, arrive, chat, content, id, new_contact, text,
    };
    use super::*;

    fn found(fixture: &Fixture, query: &str) -> Vec<String> {
        let hits = fixture.vault.read(|view| view.search(query, None, 99)).unwrap();
        hits.iter().map(|hit| hit.message.text().unwrap().to_owned()).collect()
    }

    #[test]
    fn all_words_in_any_order_the_last_one_begun() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "The Café opens at nine", NOW));
        arrive(&mut fixture, &text(2, "nine cats", NOW));
        assert_eq!(found(&fixture, "nine"), ["nine cats", "The Café opens at nine"]);
        assert_eq!(found(&fixture, "NINE cafe"), ["The Café opens at nine"]);
        assert_eq!(found(&fixture, "nine op"), ["The Café opens at nine"]);
        assert!(found(&fixture, "nine dogs").is_empty());
    }

    #[test]
    fn nothing_that_a_person_types_is_syntax() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "a NEAR miss: text OR \"file_name\" (x-ray) 100%", NOW));
        let queries = [
            "\"",
            "\"\"",
            "\"miss",
            "miss\"",
            "NEAR(",
            "NEAR(a miss)",
            "text:",
            "text:miss",
            "-x",
            "x-ray",
            "OR",
            "AND NOT",
            "*",
            "^a",
            "{text file_name}:a",
            "a+miss",
            "100%",
            "\0",
            "miss\0",
            "''; DROP TABLE messages; --",
            "(((",
            "\u{2}miss\u{3}",
            "🎉",
            "",
        ];
        for query in queries {
            let hits = fixture.vault.read(|view| view.search(query, None, 9));
            assert!(hits.is_ok(), "{query:?}: {hits:?}");
        }
        for query in ["\"miss", "x-ray", "100%", "miss\0", "OR", "\"file_name\""] {
            assert_eq!(found(&fixture, query).len(), 1, "{query:?}");
        }
        assert!(found(&fixture, "* \" ^").is_empty());
        assert_eq!(found(&fixture, &"a ".repeat(5000)).len(), 1);
    }

    /// How many texts of an index that holds only `text` the query finds; none if it has no words.
    fn finds(text: &str, query: &str) -> Option<u32> {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE VIRTUAL TABLE t USING fts5 (text)").unwrap();
        conn.execute("INSERT INTO t VALUES (?1)", [text]).unwrap();
        let count = "SELECT count(*) FROM t WHERE t MATCH ?1";
        expression(query).map(|query| conn.query_row(count, [query], |row| row.get(0)).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn any_text_is_a_query(query in any::<String>()) {
            finds("a text", &query);
        }

        #[test]
        fn a_text_finds_itself(text in "[a-z0-9 \"'()*:^{}+-]{0,60}") {
            prop_assert_ne!(finds(&text, &text), Some(0));
        }
    }

    #[test]
    fn the_index_follows_edits_and_deletions() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "apple", NOW));
        let edit = Edit { target: id(1), text: "pear".to_owned() };
        arrive(&mut fixture, &content(2, edit));
        assert!(found(&fixture, "apple").is_empty());
        assert_eq!(found(&fixture, "pear"), ["pear"]);
        arrive(&mut fixture, &content(3, Delete { target: id(1) }));
        assert!(found(&fixture, "pear").is_empty());
        fixture
            .vault
            .write(|tx| {
                // FTS5's own check that the index agrees with the table.
                let check = "INSERT INTO message_search (message_search, rank) VALUES ('integrity-check', 1)";
                tx.change(check, [])
            })
            .unwrap();
    }

    #[test]
    fn a_snippet_shows_the_hit_in_its_place() {
        let mut fixture = Fixture::with_contact();
        let long = format!("{} needle {}", "before ".repeat(50), "behind ".repeat(50));
        arrive(&mut fixture, &text(1, &long, NOW));
        let hit = fixture.vault.read(|view| view.search("need", None, 9)).unwrap().remove(0);
        let hits: Vec<_> = hit.snippet.iter().filter(|part| part.hit).collect();
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].text, "needle");
        let line: String = hit.snippet.iter().map(|part| part.text.as_str()).collect();
        assert!(line.starts_with('…') && line.ends_with('…') && line.len() < 200, "{line}");
    }

    #[test]
    fn a_search_can_stay_within_a_conversation() {
        let mut fixture = Fixture::with_contact();
        arrive(&mut fixture, &text(1, "apple", NOW));
        fixture
            .vault
            .write(|tx| {
                tx.add_contact(&new_contact(2, "carol"), NOW)?;
                tx.record_content(chat(2), account(2), &text(1, "apple", NOW), NOW)
            })
            .unwrap();
        fixture
            .vault
            .read(|view| {
                assert_eq!(view.search("apple", None, 9)?.len(), 2);
                assert_eq!(view.search("apple", None, 1)?.len(), 1);
                let within = view.search("apple", Some(chat(2)), 9)?;
                assert_eq!(within.len(), 1);
                assert_eq!(within[0].message.conversation, chat(2));
                Ok::<_, VaultError>(())
            })
            .unwrap();
    }
}
