//! Every sentence of the desktop app stands in each of its languages, with the same gaps to fill.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by a panic"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A sentence: where it stands (or what it is about), and what it says.
type Key = (String, String);

fn ui() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui")
}

/// The text of a literal that begins behind the first quote, and what follows it.
fn literal(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((&text[..end], &text[end + 1..]))
}

/// The name of the last component or global that begins before the end of `text`.
fn owner(text: &str) -> &str {
    let name = |line: &'_ str| -> Option<usize> {
        let line = line.strip_prefix("export ").unwrap_or(line);
        ["component ", "global "]
            .into_iter()
            .find_map(|word| line.starts_with(word).then_some(word.len()))
    };
    let line = text.lines().rev().find(|line| name(line).is_some()).unwrap();
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.split([' ', '{']).nth(1).unwrap()
}

/// The sentences that a Slint file asks for.
fn sentences(slint: &str) -> Vec<Key> {
    slint
        .match_indices("@tr(")
        .map(|(at, mark)| {
            let (first, rest) = literal(&slint[at + mark.len()..]).expect("a literal");
            match rest.trim_start().strip_prefix("=>").and_then(literal) {
                Some((sentence, _)) => (first.to_owned(), sentence.to_owned()),
                None => (owner(&slint[..at]).to_owned(), first.to_owned()),
            }
        })
        .collect()
}

/// The gaps to fill: `{}`, `{0}`, `{n}`.
fn gaps(text: &str) -> BTreeSet<&str> {
    text.match_indices('{')
        .filter_map(|(at, _)| text[at..].find('}').map(|end| &text[at..=at + end]))
        .collect()
}

/// The translations of a language, one or one for each number.
fn translations(po: &str) -> BTreeMap<Key, Vec<String>> {
    let mut all = BTreeMap::new();
    for entry in po.split("\n\n") {
        let field = |name: &str| {
            let line = entry.lines().find_map(|line| line.strip_prefix(name))?;
            literal(line).map(|(text, _)| text.to_owned())
        };
        let Some(context) = field("msgctxt ") else { continue };
        let plural = [field("msgstr[0] "), field("msgstr[1] ")];
        let texts = field("msgstr ").into_iter().chain(plural.into_iter().flatten());
        all.insert((context, field("msgid ").unwrap()), texts.collect());
    }
    all
}

fn slint_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(slint_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "slint") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_sentence_stands_in_every_language() {
    let wanted: BTreeSet<Key> = slint_files(&ui().join("ui"))
        .iter()
        .flat_map(|file| sentences(&fs::read_to_string(file).unwrap()))
        .collect();
    assert!(wanted.len() > 300, "only {} sentences were found", wanted.len());
    for language in ["de", "fr"] {
        let path = ui().join("lang").join(language).join("LC_MESSAGES/sotto-ui.po");
        let translated = translations(&fs::read_to_string(path).unwrap());
        for key in &wanted {
            let texts = translated.get(key).unwrap_or_else(|| panic!("{language}: no {key:?}"));
            assert!(!texts.is_empty(), "{language}: {key:?} is empty");
            for text in texts {
                assert!(!text.is_empty(), "{language}: {key:?} is empty");
                assert!(
                    gaps(text).is_subset(&gaps(&key.1)),
                    "{language}: {text:?} has other gaps than {:?}",
                    key.1
                );
            }
        }
        let stale: Vec<_> = translated.keys().filter(|key| !wanted.contains(key)).collect();
        assert!(stale.is_empty(), "{language}: nothing asks for {stale:?}");
    }
}

#[test]
fn sentences_are_found_with_what_they_are_about() {
    let slint = r#"
export component One inherits Text {
    text: @tr("Hello {}", name);
}
component Two {
    text: @tr("date" => "{0} {1}", a, b) + @tr("{n} \"x\"" | "{n} y" % 2);
}"#;
    let key = |context: &str, text: &str| (context.to_owned(), text.to_owned());
    let expected = [key("One", "Hello {}"), key("date", "{0} {1}"), key("Two", r#"{n} \"x\""#)];
    assert_eq!(sentences(slint), expected);
    assert_eq!(gaps("{0} of {n}"), BTreeSet::from(["{0}", "{n}"]));
}
