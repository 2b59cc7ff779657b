//! Content as bytes: what is sealed, and what was opened.

use serde::Deserialize;
use sotto_proto::{
    MessageId, Timestamp,
    codec::{self, CodecError},
    content::{Body, Content},
    limits::CONTENT_MAX,
};
use zeroize::Zeroizing;

use super::clock;

/// A new content with an id of its own.
pub(super) fn new(body: impl Into<Body>, now: Timestamp, disappears_after: Option<u32>) -> Content {
    Content { id: clock::message_id(), sent_at: now, disappears_after, body: body.into() }
}

/// The bytes to seal.
pub(super) fn encode(content: &Content) -> Result<Zeroizing<Vec<u8>>, CodecError> {
    // Room for all of it at once, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(CONTENT_MAX));
    ciborium::into_writer(content, &mut *bytes)
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    if bytes.len() > CONTENT_MAX {
        return Err(CodecError::TooLarge { length: bytes.len(), limit: CONTENT_MAX });
    }
    Ok(bytes)
}

/// What opened bytes are.
#[derive(Debug)]
pub(super) enum Decoded {
    /// A content.
    Known(Box<Content>),
    /// A content of a kind that a newer version knows.
    Newer(MessageId),
    /// No content.
    Malformed,
}

/// Reads opened bytes.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    match codec::decode(bytes) {
        Ok(content) => Decoded::Known(Box::new(content)),
        Err(_) => match codec_named(bytes) {
            Some(id) => Decoded::Newer(id),
            None => Decoded::Malformed,
        },
    }
}

/// The id of a content whose body is of an unknown kind.
fn codec_named(bytes: &[u8]) -> Option<MessageId> {
    #[derive(Deserialize)]
    struct Named {
        id: MessageId,
        body: ciborium::Value,
    }
    if bytes.len() > CONTENT_MAX {
        return None;
    }
    let named: Named = ciborium::from_reader(bytes).ok()?;
    let ciborium::Value::Map(entries) = named.body else { return None };
    let [(ciborium::Value::Text(kind), _)] = entries.as_slice() else { return None };
    let known = <Body as codec::Frame>::KINDS.contains(&kind.as_str());
    (!known).then_some(named.id)
}

#[cfg(test)]
mod tests {
    use sotto_proto::content::Text;

    use super::*;

    #[test]
    fn a_content_comes_back() {
        let text = Text { text: "hello".to_owned(), reply_to: None, mentions: Vec::new() };
        let content = new(text, Timestamp(5), Some(60));
        let Decoded::Known(read) = decode(&encode(&content).unwrap()) else {
            panic!("not read");
        };
        assert_eq!(*read, content);
    }

    #[test]
    fn an_unknown_kind_is_told_from_a_broken_content() {
        #[derive(serde::Serialize)]
        struct Later {
            id: MessageId,
            sent_at: Timestamp,
            body: std::collections::BTreeMap<&'static str, u8>,
        }
        let encode = |kind| {
            let body = [(kind, 1)].into();
            let mut bytes = Vec::new();
            let later = Later { id: MessageId([7; 16]), sent_at: Timestamp(1), body };
            ciborium::into_writer(&later, &mut bytes).unwrap();
            bytes
        };
        assert!(matches!(decode(&encode("hologram")), Decoded::Newer(MessageId([7, ..]))));
        assert!(matches!(decode(&encode("text")), Decoded::Malformed));
        assert!(matches!(decode(b"nonsense"), Decoded::Malformed));
        assert!(matches!(decode(b""), Decoded::Malformed));
    }
}
