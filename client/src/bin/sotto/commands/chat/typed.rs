//! What a line of a chat means.

use std::path::Path;

/// The commands, for a person.
pub(super) const COMMANDS: &str = "\
Commands:
  /list           your conversations
  /talk USER      talk with somebody else
  /back           go back to the one before, or leave
  /file PATH      send a file
  /help           these commands
  /quit           leave (or Ctrl-D)
  //text          a message that begins with /";

/// A line, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    Nothing,
    Text(&'a str),
    File(&'a Path),
    Talk(&'a str),
    List,
    Back,
    Help,
    Quit,
    Unknown(&'a str),
}

impl<'a> Typed<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.trim().is_empty() {
            return Self::Nothing;
        }
        if !line.starts_with('/') {
            return Self::Text(line);
        }
        if line.starts_with("//") {
            return Self::Text(&line[1..]);
        }
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match (command, rest.trim()) {
            ("/list", "") => Self::List,
            ("/back", "") => Self::Back,
            ("/help", "") => Self::Help,
            ("/quit", "") => Self::Quit,
            ("/talk", user) if !user.is_empty() => Self::Talk(user),
            ("/file", path) if !path.is_empty() => Self::File(Path::new(path)),
            _ => Self::Unknown(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_texts_or_commands() {
        assert_eq!(Typed::parse("hello / there"), Typed::Text("hello / there"));
        assert_eq!(Typed::parse(" /list"), Typed::Text(" /list"));
        assert_eq!(Typed::parse("//etc/hosts is gone"), Typed::Text("/etc/hosts is gone"));
        assert_eq!(Typed::parse("  \t"), Typed::Nothing);
        assert_eq!(Typed::parse("/talk  bob "), Typed::Talk("bob"));
        assert_eq!(Typed::parse("/file a b.txt"), Typed::File(Path::new("a b.txt")));
        assert_eq!(Typed::parse("/back"), Typed::Back);
    }

    #[test]
    fn what_looks_like_a_command_is_not_sent() {
        for wrong in ["/talk", "/file ", "/quti", "/list all", "/", "/home/anna"] {
            assert_eq!(Typed::parse(wrong), Typed::Unknown(wrong));
        }
    }
}
