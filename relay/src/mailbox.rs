//! The hot path: envelopes up into mailboxes, deliveries down out of them.

mod downlink;
mod uplink;

pub(crate) use downlink::downlink;
pub(crate) use uplink::uplink;
