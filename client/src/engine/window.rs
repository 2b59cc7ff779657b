//! What is under way on the uplink: which envelopes were submitted and not yet answered, what an
//! answer means, and when to send again.
//!
//! A sans-IO state of one connection; a new connection begins with a new one, and so resends
//! everything that is in the outbox.

use std::time::Duration;

use sotto_proto::{
    DeviceAddress, EnvelopeId, ErrorClass, ErrorCode, Refusal, limits::SUBMISSION_MAX,
    mailbox::Acknowledgement,
};

use crate::{
    model::FailReason,
    vault::{OutboxEntry, Outcome},
};

/// How long to wait after a refusal that names no time.
const PAUSE: Duration = Duration::from_secs(2);

/// The relay answered to something that was not asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfStep;

/// The submissions of one connection. One is under way at a time, with all that has gathered: were
/// there more, a refusal that may pass (a rate limit) of one and the acceptance of the next would
/// turn the order of their envelopes around.
#[derive(Debug)]
pub(super) struct Window {
    /// Everything in the outbox up to here was submitted.
    cursor: u64,
    under_way: Option<Vec<(EnvelopeId, DeviceAddress)>>,
    /// Set by a refusal that may pass: when it is over, the outbox is sent from its beginning.
    pause: Option<Duration>,
    /// The most envelopes of the next submission: halved by each refusal that may pass, since a
    /// relay may never take as many at once.
    batch: usize,
}

/// What the relay's answer to one submission means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Envelopes that leave the outbox.
    pub(super) outcomes: Vec<(EnvelopeId, Outcome)>,
    /// Devices that are not there: their contacts are to be looked up.
    pub(super) gone: Vec<DeviceAddress>,
}

impl Default for Window {
    fn default() -> Self {
        Self { cursor: 0, under_way: None, pause: None, batch: SUBMISSION_MAX }
    }
}

impl Window {
    /// Behind which position of the outbox to go on, and with how many envelopes at most; none
    /// while nothing may be sent.
    pub(super) fn next(&self) -> Option<(u64, usize)> {
        let open = self.pause.is_none() && self.under_way.is_none();
        open.then_some((self.cursor, self.batch))
    }

    /// These, of which there is one at least, were submitted in this order.
    pub(super) fn submitted(&mut self, entries: &[OutboxEntry]) {
        if let Some(last) = entries.last() {
            self.cursor = last.position;
        }
        let ids = entries.iter().map(|entry| (entry.envelope.id, entry.envelope.to));
        self.under_way = Some(ids.collect());
    }

    /// Takes the relay's answer. An empty one is to a submission of signals, and says nothing.
    pub(super) fn answered(&mut self, answer: Acknowledgement) -> Result<Settled, OutOfStep> {
        if answer.envelopes.is_empty() {
            return Ok(Settled::default());
        }
        let submission = self.under_way.take().ok_or(OutOfStep)?;
        if submission.len() != answer.envelopes.len() {
            return Err(OutOfStep);
        }
        let mut settled = Settled::default();
        for ((id, to), submitted) in submission.into_iter().zip(answer.envelopes) {
            if submitted.id != id {
                return Err(OutOfStep);
            }
            match judge(submitted.refused.as_ref()) {
                Verdict::Final(outcome) => settled.outcomes.push((id, outcome)),
                Verdict::DeviceGone if settled.gone.contains(&to) => {}
                Verdict::DeviceGone => settled.gone.push(to),
                Verdict::Later(wait) => self.pause = Some(self.pause.unwrap_or_default().max(wait)),
            }
        }
        self.batch = match self.pause {
            Some(_) => (self.batch / 2).max(1),
            None => (self.batch * 2).min(SUBMISSION_MAX),
        };
        Ok(settled)
    }

    /// How long to wait before [`Self::resume`], if something is to be sent again.
    pub(super) const fn waits(&self) -> Option<Duration> {
        self.pause
    }

    /// The wait is over: the outbox is sent again from its beginning.
    pub(super) const fn resume(&mut self) {
        self.pause = None;
        self.cursor = 0;
    }
}

enum Verdict {
    Final(Outcome),
    DeviceGone,
    Later(Duration),
}

fn judge(refusal: Option<&Refusal>) -> Verdict {
    let Some(refusal) = refusal else { return Verdict::Final(Outcome::Accepted) };
    match (refusal.code, refusal.code.class()) {
        (ErrorCode::NoSuchDevice | ErrorCode::NoSuchUser, _) => Verdict::DeviceGone,
        (_, ErrorClass::RateLimited | ErrorClass::Unavailable | ErrorClass::Internal) => {
            Verdict::Later(refusal.retry_after_ms.map_or(PAUSE, Duration::from_millis))
        }
        _ => Verdict::Final(Outcome::Refused(FailReason::from(refusal))),
    }
}

#[cfg(test)]
mod tests {
    use sotto_proto::{
        AccountId, DeviceId,
        mailbox::{Envelope, Submitted},
    };

    use super::*;

    fn entries(positions: std::ops::Range<u8>) -> Vec<OutboxEntry> {
        let to = DeviceAddress { account: AccountId([1; 16]), device: DeviceId::new(1).unwrap() };
        let entry = |position: u8| OutboxEntry {
            position: position.into(),
            envelope: Envelope { id: EnvelopeId([position; 16]), to, sealed: vec![] },
            message: None,
        };
        positions.map(entry).collect()
    }

    fn answer(entries: &[OutboxEntry], refused: Option<&Refusal>) -> Acknowledgement {
        let submitted =
            |entry: &OutboxEntry| Submitted { id: entry.envelope.id, refused: refused.cloned() };
        Acknowledgement { envelopes: entries.iter().map(submitted).collect() }
    }

    #[test]
    fn one_submission_is_under_way_at_a_time() {
        let mut window = Window::default();
        assert_eq!(window.next(), Some((0, SUBMISSION_MAX)));
        let batch = entries(1..3);
        window.submitted(&batch);
        assert_eq!(window.next(), None);
        let settled = window.answered(answer(&batch, None)).unwrap();
        let accepted = |n| (EnvelopeId([n; 16]), Outcome::Accepted);
        assert_eq!(settled.outcomes, [accepted(1), accepted(2)]);
        assert_eq!(window.next(), Some((2, SUBMISSION_MAX)));
    }

    #[test]
    fn a_rate_limit_begins_again_with_less_at_once() {
        let mut window = Window::default();
        let batch = entries(1..3);
        window.submitted(&batch);
        let limited = Refusal::rate_limited(700);
        assert_eq!(window.answered(answer(&batch, Some(&limited))).unwrap(), Settled::default());
        assert_eq!((window.next(), window.waits()), (None, Some(Duration::from_millis(700))));
        window.resume();
        assert_eq!((window.next(), window.waits()), (Some((0, SUBMISSION_MAX / 2)), None));
        for _ in 0..20 {
            window.submitted(&batch);
            window.answered(answer(&batch, Some(&Refusal::rate_limited(1)))).unwrap();
            window.resume();
        }
        assert_eq!(window.next(), Some((0, 1)));
        window.submitted(&batch);
        window.answered(answer(&batch, None)).unwrap();
        assert_eq!(window.next(), Some((2, 2)));
    }

    #[test]
    fn refusals_are_told_apart() {
        let outcome = |code| {
            let mut window = Window::default();
            let batch = entries(1..2);
            window.submitted(&batch);
            window.answered(answer(&batch, Some(&Refusal::new(code, "no")))).unwrap()
        };
        let full = outcome(ErrorCode::MailboxFull);
        assert_eq!(full.outcomes[0].1, Outcome::Refused(FailReason::MailboxFull));
        let gone = outcome(ErrorCode::NoSuchDevice);
        assert!(gone.outcomes.is_empty());
        assert_eq!(gone.gone.len(), 1);
        assert_eq!(outcome(ErrorCode::Unavailable), Settled::default());
    }

    #[test]
    fn an_answer_out_of_step_is_refused() {
        let mut window = Window::default();
        assert_eq!(window.answered(answer(&entries(1..2), None)), Err(OutOfStep));
        window.submitted(&entries(1..3));
        assert_eq!(window.answered(answer(&entries(1..2), None)), Err(OutOfStep));
        window.submitted(&entries(1..2));
        assert_eq!(window.answered(answer(&entries(2..3), None)), Err(OutOfStep));
    }

    #[test]
    fn an_empty_answer_says_nothing() {
        let mut window = Window::default();
        assert_eq!(window.answered(Acknowledgement::default()).unwrap(), Settled::default());
        window.submitted(&entries(1..2));
        assert_eq!(window.answered(Acknowledgement::default()).unwrap(), Settled::default());
        assert_eq!(window.next(), None);
    }
}
