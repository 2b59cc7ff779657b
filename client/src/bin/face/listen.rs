//! `listen`: prints what happens as it happens; with `--json` one event a line, for bots.

use std::time::Duration;

use serde_json::json;
use sotto_client::{ConnectionState, Engine, Event, model::Contact};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::broadcast::error::RecvError,
    time::{Instant, sleep_until},
};

use crate::{
    args::{Listen, Place},
    failure::Failure,
    messages::show,
    output::{Output, clean},
    profile::{close, open},
};

/// As good as never.
const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

pub(crate) async fn listen(place: &Place, listen: Listen, output: &Output) -> Result<(), Failure> {
    let engine = open(place).await?;
    let mut events = engine.subscribe();
    if let Err(error) = engine.connect().await {
        if error.is_final() {
            engine.shutdown().await;
            return Err(error.into());
        }
        output.warn(&format!("{error}; trying again"));
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let end = Instant::now() + listen.seconds.map_or(YEARS, Duration::from_secs);
    let mut left = listen.count;
    while left != Some(0) {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = sleep_until(end) => break,
        };
        match event {
            Ok(event) => {
                let is_message = matches!(&event, Event::Message { message } if !message.outgoing);
                print(&engine, event, output).await?;
                left = left.map(|left| if is_message { left - 1 } else { left });
            }
            Err(RecvError::Lagged(missed)) => {
                output.show(&json!({ "type": "missed", "events": missed }), || {
                    format!("{missed} events were missed")
                });
            }
            Err(RecvError::Closed) => break,
        }
    }
    close(engine).await
}

async fn print(engine: &Engine, event: Event, output: &Output) -> Result<(), Failure> {
    if output.is_json() {
        output.show(&event, String::new);
        return Ok(());
    }
    match event {
        Event::Message { message } => {
            let contacts = engine.contacts().await?;
            if let Some(contact) =
                contacts.iter().find(|contact| contact.account == message.conversation)
            {
                show(&message, contact, output);
            }
        }
        Event::Request { contact } => {
            output.line(&format!("{} wants to write to you", name(&contact)))
        }
        Event::IdentityChanged { contact } => {
            output
                .line(&format!("the identity key of {} changed; see sotto verify", name(&contact)));
        }
        Event::Connection { state: ConnectionState::Waiting { reason, .. } } => {
            output.warn(&reason)
        }
        _ => {}
    }
    Ok(())
}

fn name(contact: &Contact) -> String {
    format!("{} ({})", contact.username, clean(contact.name()))
}
