//! `sotto devices`: the devices of the own account, and the end of one.

use clap::{Args, Subcommand};
use serde::Serialize;
use sotto_client::{
    Engine,
    proto::{DeviceId, account::DeviceLine},
};

use crate::{app::App, error::CliError, local_time::LocalTime};

/// List the devices of your account, or end one
///
/// A device that is ended reads nothing that is sent afterwards; what it had not fetched goes back
/// to its senders. If you do not know a device of this list, end it and change your password.
///
/// JSON: id, enrolled_at, last_seen, online, is_this.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sotto devices
  sotto devices end 2")]
pub(crate) struct Devices {
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Subcommand, Debug)]
enum Act {
    /// Remove another device from your account
    End {
        /// Its number in the list
        number: u32,
    },
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    line: DeviceLine,
    is_this: bool,
}

pub(crate) async fn run(app: &App, engine: &Engine, args: &Devices) -> Result<(), CliError> {
    app.connect(engine).await?;
    match args.act {
        None => list(app, engine).await,
        Some(Act::End { number }) => {
            let device = DeviceId::new(number)
                .ok_or_else(|| CliError::Usage("a device's number is not zero".to_owned()))?;
            engine.end_device(device).await?;
            app.out.say(format!("Device {number} is no longer in your account."))?;
            Ok(())
        }
    }
}

async fn list(app: &App, engine: &Engine) -> Result<(), CliError> {
    let time = LocalTime::now();
    let this = engine.me().device;
    for line in engine.device_lines().await? {
        let shown = Shown { is_this: line.id == this, line };
        app.out.result(&shown, || text(&shown, &time))?;
    }
    Ok(())
}

fn text(Shown { line, is_this }: &Shown, time: &LocalTime) -> String {
    let seen = match line.last_seen {
        _ if line.online => "online".to_owned(),
        Some(at) => format!("last seen {}", time.full(at)),
        None => "never seen".to_owned(),
    };
    let this = if *is_this { "  (this one)" } else { "" };
    format!("{}  since {}  {seen}{this}", line.id.number(), time.full(line.enrolled_at))
}
