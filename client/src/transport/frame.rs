//! Frames on a QUIC stream.

use bytes::{Buf, BytesMut};
use quinn::{RecvStream, SendStream, VarInt};
use sotto_proto::codec::{self, Frame, HEADER_LEN};

use super::TransportError;

/// How much is taken from the stream at once.
const READ_MAX: usize = 64 * 1024;

/// Writes frames to a stream.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    stream: SendStream,
}

impl FrameWriter {
    pub(super) const fn new(stream: SendStream) -> Self {
        Self { stream }
    }

    /// Writes one frame; waits while the stream is full. Not to be cancelled midway.
    pub(crate) async fn send<F: Frame>(&mut self, frame: &F) -> Result<(), TransportError> {
        let bytes = codec::to_bytes(frame)?;
        Ok(self.stream.write_all(&bytes).await?)
    }

    /// Writes raw bytes, where the conversation has them.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// What was begun is given up: what has not arrived need not.
    pub(crate) fn reset(&mut self) {
        // It fails only where the stream is closed already.
        let _ = self.stream.reset(VarInt::from_u32(0));
    }

    /// Nothing follows.
    pub(crate) fn finish(&mut self) {
        // It fails only where the stream is closed already.
        let _ = self.stream.finish();
    }
}

/// Reads frames from a stream.
#[derive(Debug)]
pub(crate) struct FrameReader {
    stream: RecvStream,
    buffer: BytesMut,
}

impl FrameReader {
    pub(super) fn new(stream: RecvStream) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The next frame. Safe to cancel: what has arrived is kept for the next call.
    pub(crate) async fn receive<F: Frame>(&mut self) -> Result<F, TransportError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            let chunk = self.stream.read_chunk(READ_MAX, true).await?;
            self.buffer.extend_from_slice(&chunk.ok_or(TransportError::Ended)?.bytes);
        }
    }

    /// The next raw bytes, where the conversation has them; none at the end. Safe to cancel.
    pub(crate) async fn receive_raw(&mut self) -> Result<Option<BytesMut>, TransportError> {
        if self.buffer.is_empty() {
            let chunk = self.stream.read_chunk(READ_MAX, true).await?;
            return Ok(chunk.map(|chunk| BytesMut::from(&chunk.bytes[..])));
        }
        Ok(Some(self.buffer.split()))
    }

    fn take<F: Frame>(&mut self) -> Result<Option<F>, TransportError> {
        let Some(header) = self.buffer.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let length = codec::body_length::<F>(*header)?;
        let end = HEADER_LEN + length;
        let Some(body) = self.buffer.get(HEADER_LEN..end) else {
            self.buffer.reserve(end - self.buffer.len());
            return Ok(None);
        };
        let frame = codec::decode(body)?;
        self.buffer.advance(end);
        Ok(Some(frame))
    }
}
