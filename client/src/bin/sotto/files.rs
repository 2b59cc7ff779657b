//! Files that this program writes for a person: names that are safe, and nothing overwritten.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::error::CliError;

/// Longer names are cut: most file systems take 255 bytes.
const NAME_MAX: usize = 200;
/// How many names are tried before giving up.
const TRIES: u32 = 1000;

/// The name of a file from others, made safe: it names no folder, hides nothing and is not
/// disguised.
pub(crate) fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut safe = String::new();
    for c in last.chars() {
        if safe.len() + c.len_utf8() > NAME_MAX {
            break;
        }
        let is_plain = c.is_alphanumeric() || " ._-+()[]@,'&".contains(c);
        safe.push(if is_plain { c } else { '_' });
    }
    let safe = safe.trim().trim_start_matches('.');
    if safe.is_empty() { "file".to_owned() } else { safe.to_owned() }
}

/// A path in `folder` that no file has: `name`, else `name (1)`, and so on.
pub(crate) fn free_path(folder: &Path, name: &str) -> Result<PathBuf, CliError> {
    let path = Path::new(name);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension =
        path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
    (0..TRIES)
        .map(|number| match number {
            0 => folder.join(name),
            number => folder.join(format!("{stem} ({number}){extension}")),
        })
        .find(|path| path.symlink_metadata().is_err())
        .ok_or_else(|| {
            CliError::Usage(format!("{} has too many files like {name}", folder.display()))
        })
}

/// A new file that its owner alone may read; one that is there is not touched.
pub(crate) fn create_private(path: &Path) -> Result<File, CliError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|cause| unwritable(path, cause))
}

/// The error of a file that was to be written.
pub(crate) fn unwritable(path: &Path, cause: io::Error) -> CliError {
    CliError::File { what: path.display().to_string(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_others_name_no_folder() {
        assert_eq!(safe_name("../../etc/passwd"), "passwd");
        assert_eq!(safe_name("C:\\x\\y.txt"), "y.txt");
        assert_eq!(safe_name("..bashrc"), "bashrc");
        assert_eq!(safe_name("a\u{202e}gpj.exe\u{1b}[2J"), "a_gpj.exe_[2J");
        for nothing in ["", "..", "/", " . "] {
            assert_eq!(safe_name(nothing), "file", "{nothing:?}");
        }
        assert!(safe_name(&"é".repeat(300)).len() <= NAME_MAX);
        assert_eq!(safe_name("Übersicht 2026 (1).pdf"), "Übersicht 2026 (1).pdf");
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let first = free_path(folder.path(), "a.txt").unwrap();
        create_private(&first).unwrap();
        assert!(create_private(&first).is_err());
        let second = free_path(folder.path(), "a.txt").unwrap();
        assert_eq!(second, folder.path().join("a (1).txt"));
    }
}
