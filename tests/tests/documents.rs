//! What the documents say of the repository holds: the map names every file, and links lead
//! somewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const CRATES: [&str; 6] = ["proto-types", "keys", "relay", "client", "ui", "tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The source files of a crate, as paths from its folder.
fn sources(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let is_built = path.file_name().is_some_and(|name| name == "target");
            if path.is_dir() && !is_built {
                folders.push(path);
            } else if is_source(&path) {
                let inside = path.strip_prefix(folder).unwrap();
                found.insert(inside.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "rs" || end == "slint")
}

#[test]
fn the_map_names_every_source_file_and_no_other() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for name in CRATES {
        let section = text.split(&format!("### `{name}`")).nth(1).expect(name);
        let section = section.split("\n### ").next().unwrap();
        let mapped: BTreeSet<String> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
            .map(|(path, _)| path.to_owned())
            .filter(|path| is_source(Path::new(path)))
            .collect();
        let there = sources(&root().join(name));
        let missing: Vec<_> = there.difference(&mapped).collect();
        let gone: Vec<_> = mapped.difference(&there).collect();
        assert!(missing.is_empty(), "ARCHITECTURE.md leaves out of {name}: {missing:?}");
        assert!(gone.is_empty(), "ARCHITECTURE.md names in {name} what is not there: {gone:?}");
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut documents = vec![root().join("deploy/README.md")];
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "md") {
            documents.push(path);
        }
    }
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let path = document.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(path.exists(), "{} links to {target}", document.display());
        }
    }
}
