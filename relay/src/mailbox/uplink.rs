//! The uplink: envelopes come in batches, and are acknowledged once they are durable.
//!
//! The store commits the batches of many connections together; this side keeps their order by
//! handing it one batch of a connection at a time.

use std::sync::Arc;

use sotto_proto::{
    DeviceAddress, ErrorCode, Refusal,
    limits::{SEALED_MAX, SIGNAL_MAX, SUBMISSION_MAX},
    mailbox::{Acknowledgement, ArrivedSignal, Envelope, Signal, Submission, Submitted},
};

use crate::{
    connection::{Talk, TalkError, refusal},
    online::LiveDevice,
    server::{Shared, now},
    store::{Append, Appended},
    stream,
};

/// Serves the stream until it ends or the relay closes.
pub(crate) async fn uplink(
    shared: &Shared,
    device: &Arc<LiveDevice>,
    talk: &mut Talk,
) -> Result<(), TalkError> {
    let newer = device.new_uplink();
    loop {
        let submission: Submission = tokio::select! {
            submission = stream::receive(&mut talk.receive) => submission?,
            () = newer.cancelled() => return Ok(()),
            () = shared.closing.cancelled() => return Ok(()),
        };
        if submission.envelopes.len() > SUBMISSION_MAX || submission.signals.len() > SUBMISSION_MAX
        {
            return Err(Refusal::new(
                ErrorCode::TooMany,
                format!("at most {SUBMISSION_MAX} envelopes at once"),
            )
            .into());
        }
        pass_signals(shared, device.address, submission.signals);
        if !submission.envelopes.is_empty() {
            let acknowledgement = accept(shared, device.address, submission.envelopes).await;
            stream::send(&mut talk.send, &acknowledgement).await?;
        }
    }
}

fn pass_signals(shared: &Shared, from: DeviceAddress, signals: Vec<Signal>) {
    let bytes = signals.iter().map(|signal| signal.sealed.len()).sum();
    if signals.is_empty() || shared.limited_mail(from, signals.len(), bytes).is_err() {
        return;
    }
    for Signal { to, sealed } in signals {
        if sealed.len() <= SIGNAL_MAX {
            shared.online.signal(to, ArrivedSignal { from, sealed });
        }
    }
}

async fn accept(shared: &Shared, from: DeviceAddress, envelopes: Vec<Envelope>) -> Acknowledgement {
    let ids: Vec<_> = envelopes.iter().map(|envelope| envelope.id).collect();
    let refuse_all = |refusal: &Refusal| Acknowledgement {
        envelopes: ids
            .iter()
            .map(|id| Submitted { id: *id, refused: Some(refusal.clone()) })
            .collect(),
    };
    let bytes = envelopes.iter().map(|envelope| envelope.sealed.len()).sum();
    shared.metrics.submission(envelopes.len());
    if let Err(refusal) = shared.limited_mail(from, envelopes.len(), bytes) {
        return refuse_all(&refusal);
    }
    let fits: Vec<_> =
        envelopes.iter().map(|envelope| envelope.sealed.len() <= SEALED_MAX).collect();
    let recipients: Vec<_> = envelopes.iter().map(|envelope| envelope.to).collect();
    let appends = envelopes
        .into_iter()
        .filter(|envelope| envelope.sealed.len() <= SEALED_MAX)
        .map(|envelope| Append { from, envelope })
        .collect();
    let quota = crate::store::MailboxQuota {
        entries: shared.config.quotas.mailbox_entries,
        bytes: shared.config.quotas.mailbox_bytes,
    };
    let appended = match shared.store.append(appends, quota, now()).await {
        Ok(appended) => appended,
        Err(error) => return refuse_all(&refusal(&error)),
    };
    wake(shared, &recipients);
    let mut outcomes = appended.into_iter();
    let envelopes = ids
        .into_iter()
        .zip(fits)
        .map(|(id, fits)| {
            let outcome = if fits { outcomes.next() } else { None };
            Submitted { id, refused: shared.counted(outcome) }
        })
        .collect();
    Acknowledgement { envelopes }
}

/// Wakes each recipient once.
fn wake(shared: &Shared, recipients: &[DeviceAddress]) {
    let mut recipients = recipients.to_vec();
    recipients.sort_unstable();
    recipients.dedup();
    for recipient in recipients {
        shared.online.wake(recipient);
    }
}

impl Shared {
    /// Counts envelopes or posts and their bytes against the sender's limits.
    pub(crate) fn limited_mail(
        &self,
        from: DeviceAddress,
        count: usize,
        bytes: usize,
    ) -> Result<(), Refusal> {
        self.limited(self.limits.envelopes(from.account, count))?;
        self.limited(self.limits.bytes(from.account, bytes))
    }

    fn counted(&self, outcome: Option<Appended>) -> Option<Refusal> {
        match outcome {
            Some(Appended::At(_)) => self.metrics.envelopes_accepted.inc(),
            Some(Appended::Repeat) => self.metrics.envelopes_repeated.inc(),
            _ => 0,
        };
        let refusal = refused(outcome);
        if let Some(refusal) = &refusal {
            self.metrics.envelope_refused(refusal.code);
        }
        refusal
    }
}

/// The refusal that an outcome means; none stands for an envelope that was too large.
fn refused(outcome: Option<Appended>) -> Option<Refusal> {
    match outcome {
        Some(Appended::At(_) | Appended::Repeat) => None,
        Some(Appended::MailboxFull) => {
            Some(Refusal::new(ErrorCode::MailboxFull, "the recipient's mailbox is full"))
        }
        Some(Appended::NoSuchDevice) => {
            Some(Refusal::new(ErrorCode::NoSuchDevice, "the recipient has no such device"))
        }
        None => Some(Refusal::new(
            ErrorCode::FrameTooLarge,
            format!("an envelope holds at most {SEALED_MAX} bytes"),
        )),
    }
}
