//! CBOR for a reader: the diagnostic notation of RFC 8949 section 8, as far as frames need it.

use ciborium::Value;

/// The item in `body` in diagnostic notation.
pub(crate) fn diagnostic(body: &[u8]) -> String {
    let value: Value = ciborium::from_reader(body).unwrap();
    let mut text = String::new();
    write(&value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Integer(number) => text.push_str(&i128::from(*number).to_string()),
        Value::Bytes(bytes) => text.extend(["h'", &hex::encode(bytes), "'"]),
        Value::Text(words) => text.extend([format!("{words:?}")]),
        Value::Bool(value) => text.push_str(&value.to_string()),
        Value::Null => text.push_str("null"),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write(item, text);
            }
            text.push(']');
        }
        Value::Map(entries) => {
            text.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write(key, text);
                text.push_str(": ");
                write(value, text);
            }
            text.push('}');
        }
        other => panic!("frames hold no {other:?}"),
    }
}
