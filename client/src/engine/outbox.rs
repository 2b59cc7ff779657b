//! The uplink: carries the outbox to the relay, in order and in batches, and records what became
//! of each envelope.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use sotto_proto::{
    AccountId, DeviceAddress, ErrorClass,
    limits::BATCH_MAX,
    mailbox::{Acknowledgement, OpenUplink, Signal, Submission},
};
use tokio::task::JoinSet;

use super::{
    Shared,
    backoff::Backoff,
    clock::now,
    error::EngineError,
    event::Event,
    lock,
    refresh::refresh,
    sealing::{Sealed, Standing, Stored, seal_waiting},
    window::{Settled, Window},
};
use crate::{
    transport::{FrameReader, FrameWriter, Link, TransportError},
    vault::View,
};

/// The most ciphertext in one submission: room is left for the rest of its frame.
const SUBMISSION_BYTES: usize = BATCH_MAX - 64 * 1024;
/// Directory questions at once.
const REFRESHES_MAX: usize = 4;

/// Carries the outbox until the connection ends.
pub(super) async fn carry(shared: Arc<Shared>, link: Link) -> Result<(), EngineError> {
    let (writer, reader) = link.open(OpenUplink {}).await?;
    let mut uplink = Uplink {
        shared,
        link,
        writer,
        reader,
        window: Window::default(),
        refreshes: Refreshes::default(),
    };
    uplink.run().await
}

struct Uplink {
    shared: Arc<Shared>,
    link: Link,
    writer: FrameWriter,
    reader: FrameReader,
    window: Window,
    refreshes: Refreshes,
}

impl Uplink {
    async fn run(&mut self) -> Result<(), EngineError> {
        let shared = Arc::clone(&self.shared);
        let mut signals = shared.signal_queue.lock().await;
        // What was typed before this connection is no news.
        while signals.try_recv().is_ok() {}
        loop {
            self.seal().await?;
            self.refreshes.start(&self.shared, &self.link);
            self.submit().await?;
            let pause = self.window.waits();
            let retry = self.refreshes.next_retry();
            tokio::select! {
                answer = self.reader.receive::<Acknowledgement>() => self.settle(answer?).await?,
                signal = signals.recv() => self.send_signal(signal).await?,
                () = shared.wake.outbox.notified() => {}
                () = self.refreshes.finished() => {}
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {
                    self.window.resume();
                }
                () = tokio::time::sleep(retry.unwrap_or_default()), if retry.is_some() => {}
            }
        }
    }

    /// Seals what waits, where there is a session; else has the directory asked.
    async fn seal(&mut self) -> Result<(), EngineError> {
        let stale: Vec<AccountId> = lock(&self.shared.stale).drain().collect();
        self.refreshes.want(stale);
        let busy = self.refreshes.accounts();
        let job = self.shared.keeper.run(move |kept| {
            let mut waiting = kept.vault.read(View::waiting_accounts)?;
            waiting.retain(|account| !busy.contains(account));
            if waiting.is_empty() {
                return Ok(Vec::new());
            }
            kept.write(|tx, _| {
                let mut without = Vec::new();
                for account in waiting {
                    if seal_waiting(tx, account)? == Sealed::NoSession {
                        without.push(account);
                    }
                }
                Ok(without)
            })
        });
        self.refreshes.want(job.await?);
        Ok(())
    }

    /// Submits what has gathered, unless a submission is under way.
    async fn submit(&mut self) -> Result<(), EngineError> {
        let Some((after, most)) = self.window.next() else { return Ok(()) };
        let read =
            self.shared.keeper.read(move |view| Ok(view.outbox(after, most, SUBMISSION_BYTES)?));
        let entries = read.await?;
        if !entries.is_empty() {
            self.window.submitted(&entries);
            let envelopes = entries.into_iter().map(|entry| entry.envelope).collect();
            self.writer.send(&Submission { envelopes, signals: Vec::new() }).await?;
        }
        Ok(())
    }

    async fn send_signal(&mut self, signal: Option<Signal>) -> Result<(), EngineError> {
        if let Some(signal) = signal {
            let submission = Submission { envelopes: Vec::new(), signals: vec![signal] };
            self.writer.send(&submission).await?;
        }
        Ok(())
    }

    async fn settle(&mut self, answer: Acknowledgement) -> Result<(), EngineError> {
        let settled = self
            .window
            .answered(answer)
            .map_err(|_| TransportError::Unexpected("acknowledgement"))?;
        let Settled { outcomes, gone } = settled;
        if !outcomes.is_empty() {
            let job =
                self.shared.keeper.write(move |tx, _| Ok(tx.record_submitted(&outcomes, now())?));
            let changed = job.await?;
            self.shared.wake.timers.notify_one();
            self.shared
                .tell_all(changed.into_iter().map(|message| Event::MessageChanged { message }));
        }
        if !gone.is_empty() {
            self.refreshes.want(self.retire(gone).await?);
        }
        self.shared.progressed();
        Ok(())
    }

    /// Sends nothing more to devices that are gone. What they had not delivered waits again.
    async fn retire(&self, gone: Vec<DeviceAddress>) -> Result<Vec<AccountId>, EngineError> {
        let job = self.shared.keeper.write(move |tx, _| {
            let mut accounts = Vec::new();
            for device in gone {
                // A device that is retired was answered for already.
                let Some(mut stored) = Stored::load(tx, device)? else { continue };
                if stored.standing == Standing::Retired {
                    continue;
                }
                stored.standing = Standing::Retired;
                stored.save(tx, device)?;
                tx.requeue_undelivered(device.account)?;
                accounts.push(device.account);
            }
            Ok(accounts)
        });
        job.await
    }
}

/// The questions to the directory that are wanted and under way.
#[derive(Default)]
struct Refreshes {
    wanted: HashMap<AccountId, Attempt>,
    running: HashMap<AccountId, Backoff>,
    tasks: JoinSet<(AccountId, Result<(), EngineError>)>,
}

fn unless_gone(error: EngineError) -> Result<(), EngineError> {
    match error {
        EngineError::NoSuchContact => Ok(()),
        error => Err(error),
    }
}

struct Attempt {
    not_before: Instant,
    backoff: Backoff,
}

impl Refreshes {
    fn want(&mut self, accounts: Vec<AccountId>) {
        for account in accounts {
            if !self.running.contains_key(&account) {
                self.wanted.entry(account).or_insert_with(|| Attempt {
                    not_before: Instant::now(),
                    backoff: Backoff::default(),
                });
            }
        }
    }

    /// The contacts that nothing is to be sealed for before the directory has answered.
    fn accounts(&self) -> Vec<AccountId> {
        self.wanted.keys().chain(self.running.keys()).copied().collect()
    }

    fn start(&mut self, shared: &Arc<Shared>, link: &Link) {
        let due = Instant::now();
        while self.running.len() < REFRESHES_MAX {
            let ready = self.wanted.iter().find(|(_, attempt)| attempt.not_before <= due);
            let Some(account) = ready.map(|(account, _)| *account) else { return };
            let backoff = self.wanted.remove(&account).map(|attempt| attempt.backoff);
            self.running.insert(account, backoff.unwrap_or_default());
            let (shared, link) = (Arc::clone(shared), link.clone());
            self.tasks.spawn(async move { (account, refresh(&shared, &link, account).await) });
        }
    }

    /// How long until the next attempt.
    fn next_retry(&self) -> Option<Duration> {
        if self.running.len() >= REFRESHES_MAX {
            return None;
        }
        let next = self.wanted.values().map(|attempt| attempt.not_before).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Waits until one has ended; for ever if none is under way.
    async fn finished(&mut self) {
        let Some(Ok((account, result))) = self.tasks.join_next().await else {
            return std::future::pending().await;
        };
        let Some(mut backoff) = self.running.remove(&account) else { return };
        // A contact that was removed meanwhile needs no devices.
        if let Err(error) = result.or_else(unless_gone) {
            tracing::debug!(%error, "a contact's devices could not be looked up");
            let wait = match &error {
                EngineError::Refused(refusal)
                    if refusal.code.class() == ErrorClass::RateLimited =>
                {
                    refusal.retry_after_ms.map(Duration::from_millis)
                }
                _ => None,
            };
            let wait = wait.unwrap_or_else(|| backoff.next(rand::random()));
            let not_before = Instant::now() + wait;
            self.wanted.insert(account, Attempt { not_before, backoff });
        }
    }
}
