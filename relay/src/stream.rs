//! Frames on a QUIC stream, with the limits of the frame's type.
//!
//! Nothing is allocated for a frame before its length has been found within its limit.

use quinn::{ReadExactError, RecvStream, SendStream, WriteError};
use sotto_proto::{
    Answer, ErrorCode, Refusal,
    codec::{self, CodecError, Frame, HEADER_LEN},
};

/// Why a frame did not come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The client is gone, or took its stream back.
    #[error("the stream ended")]
    Gone,
    /// What it sent is no such frame.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl From<WriteError> for StreamError {
    fn from(_: WriteError) -> Self {
        Self::Gone
    }
}

impl From<ReadExactError> for StreamError {
    fn from(_: ReadExactError) -> Self {
        Self::Gone
    }
}

impl StreamError {
    /// What to tell the client, if it is still there.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let Self::Codec(error) = self else { return None };
        let code = match error {
            CodecError::TooLarge { .. } => ErrorCode::FrameTooLarge,
            CodecError::Malformed(_) => ErrorCode::Malformed,
            CodecError::UnknownKind => ErrorCode::UnknownKind,
        };
        Some(Refusal::new(code, error.to_string()))
    }
}

/// The next frame.
pub(crate) async fn receive<F: Frame>(stream: &mut RecvStream) -> Result<F, StreamError> {
    let length = length::<F>(stream).await?;
    body(stream, length).await
}

/// The length of the next frame's body, which is to be received then.
pub(crate) async fn length<F: Frame>(stream: &mut RecvStream) -> Result<usize, StreamError> {
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header).await?;
    Ok(codec::body_length::<F>(header)?)
}

/// The frame whose body has this length.
pub(crate) async fn body<F: Frame>(
    stream: &mut RecvStream,
    length: usize,
) -> Result<F, StreamError> {
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(codec::decode(&body)?)
}

/// Sends a frame; waits while the stream is full.
pub(crate) async fn send<F: Frame>(stream: &mut SendStream, frame: &F) -> Result<(), StreamError> {
    stream.write_all(&codec::to_bytes(frame)?).await?;
    Ok(())
}

/// Sends the last answer of a conversation.
pub(crate) async fn conclude(
    stream: &mut SendStream,
    answer: impl Into<Answer>,
) -> Result<(), StreamError> {
    send(stream, &answer.into()).await?;
    // It fails only where the stream is closed already.
    let _ = stream.finish();
    Ok(())
}
