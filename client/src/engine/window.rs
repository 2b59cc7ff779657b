//! What is under way on the uplink: which envelopes were submitted and not yet answered, what an
//! answer means, and when to send again.
//!
//! A sans-IO state of one connection; a new connection begins with a new one, and so resends
//! everything that is in the outbox.

use std::{collections::VecDeque, time::Duration};

use sotto_proto::{
    DeviceAddress, EnvelopeId, ErrorClass, ErrorCode, Refusal, mailbox::Acknowledgement,
};

use crate::{
    model::FailReason,
    vault::{OutboxEntry, Outcome},
};

/// Submissions under way.
const SUBMISSIONS_MAX: usize = 8;
/// How long to wait after a refusal that names no time.
const PAUSE: Duration = Duration::from_secs(2);

/// The relay answered to something that was not asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfStep;

/// The submissions of one connection.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Everything in the outbox up to here was submitted.
    cursor: u64,
    under_way: VecDeque<Vec<(EnvelopeId, DeviceAddress)>>,
    /// Set by a refusal that may pass: nothing more is sent, and when all answers are in, the
    /// outbox is sent again from its beginning, so that the order is kept.
    pause: Option<Duration>,
}

/// What the relay's answer to one submission means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Envelopes that leave the outbox.
    pub(super) outcomes: Vec<(EnvelopeId, Outcome)>,
    /// Devices that are not there: their contacts are to be looked up.
    pub(super) gone: Vec<DeviceAddress>,
}

impl Window {
    /// Behind which position of the outbox to go on; none while nothing may be sent.
    pub(super) fn next(&self) -> Option<u64> {
        let open = self.pause.is_none() && self.under_way.len() < SUBMISSIONS_MAX;
        open.then_some(self.cursor)
    }

    /// These were submitted, in this order; none for a submission of signals.
    pub(super) fn submitted(&mut self, entries: &[OutboxEntry]) {
        if let Some(last) = entries.last() {
            self.cursor = last.position;
        }
        let ids = entries.iter().map(|entry| (entry.envelope.id, entry.envelope.to));
        self.under_way.push_back(ids.collect());
    }

    /// Takes the answer to the oldest submission.
    pub(super) fn answered(&mut self, answer: Acknowledgement) -> Result<Settled, OutOfStep> {
        let submission = self.under_way.pop_front().ok_or(OutOfStep)?;
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
        Ok(settled)
    }

    /// How long to wait before [`Self::resume`]; none unless everything was answered and
    /// something is to be sent again.
    pub(super) fn waits(&self) -> Option<Duration> {
        self.pause.filter(|_| self.under_way.is_empty())
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

    fn answer(entries: &[OutboxEntry], refused: Option<Refusal>) -> Acknowledgement {
        let submitted =
            |entry: &OutboxEntry| Submitted { id: entry.envelope.id, refused: refused.clone() };
        Acknowledgement { envelopes: entries.iter().map(submitted).collect() }
    }

    #[test]
    fn submissions_are_pipelined_up_to_the_bound() {
        let mut window = Window::default();
        let all: Vec<_> = (1..=8).map(|n| entries(n..n + 1)).collect();
        for (sent, batch) in (0..).zip(&all) {
            assert_eq!(window.next(), Some(sent));
            window.submitted(batch);
        }
        assert_eq!(window.next(), None);
        let settled = window.answered(answer(&all[0], None)).unwrap();
        assert_eq!(settled.outcomes, [(EnvelopeId([1; 16]), Outcome::Accepted)]);
        assert_eq!(window.next(), Some(8));
    }

    #[test]
    fn a_rate_limit_waits_for_all_answers_and_begins_again() {
        let mut window = Window::default();
        let (first, second) = (entries(1..3), entries(3..5));
        window.submitted(&first);
        window.submitted(&second);
        let limited = Refusal::rate_limited(700);
        assert_eq!(window.answered(answer(&first, Some(limited))).unwrap(), Settled::default());
        assert_eq!((window.next(), window.waits()), (None, None));
        window.answered(answer(&second, None)).unwrap();
        assert_eq!(window.waits(), Some(Duration::from_millis(700)));
        window.resume();
        assert_eq!((window.next(), window.waits()), (Some(0), None));
    }

    #[test]
    fn refusals_are_told_apart() {
        let outcome = |code| {
            let mut window = Window::default();
            let batch = entries(1..2);
            window.submitted(&batch);
            window.answered(answer(&batch, Some(Refusal::new(code, "no")))).unwrap()
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
        assert_eq!(window.answered(Acknowledgement::default()), Err(OutOfStep));
        window.submitted(&entries(1..3));
        assert_eq!(window.answered(answer(&entries(1..2), None)), Err(OutOfStep));
        window.submitted(&entries(1..2));
        assert_eq!(window.answered(answer(&entries(2..3), None)), Err(OutOfStep));
    }

    #[test]
    fn signals_take_a_place_and_move_nothing() {
        let mut window = Window::default();
        window.submitted(&[]);
        assert_eq!(window.next(), Some(0));
        assert_eq!(window.answered(Acknowledgement::default()).unwrap(), Settled::default());
    }
}
