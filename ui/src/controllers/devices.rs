//! The own devices and who logged in to the account, on their page of the settings.

use slint::{ComponentHandle, ModelRc, VecModel};
use sotto_client::{Engine, EngineError, proto::DeviceId};

use crate::{
    adapters::{account, problem::Trouble},
    app::App,
    generated::Settings,
};

pub(crate) fn wire(app: &App) {
    let settings = app.window.global::<Settings>();
    settings.on_end_device(app.on_text(end));
}

/// Reads them for the page.
pub(crate) fn load(app: &App) {
    let settings = app.window.global::<Settings>();
    settings.set_ending("".into());
    show_trouble(app, Trouble::none());
    let read = |engine: Engine| async move {
        let certified = engine.devices().await?;
        let known = engine.device_lines().await?;
        let logins = engine.logins().await?;
        Ok::<_, EngineError>((certified, known, logins))
    };
    app.ask(read, |app, read| match read {
        Ok((certified, known, logins)) => {
            let settings = app.window.global::<Settings>();
            let devices = account::own_devices(&certified, &known, &app.clock);
            settings.set_devices(ModelRc::new(VecModel::from(devices)));
            let logins: Vec<_> =
                logins.iter().map(|line| account::login(line, &app.clock)).collect();
            settings.set_logins(ModelRc::new(VecModel::from(logins)));
        }
        Err(error) => show_trouble(app, (&error).into()),
    });
}

fn end(app: &App, number: &str) {
    let Some(device) = number.parse().ok().and_then(DeviceId::new) else { return };
    app.ask(
        move |engine| async move { engine.end_device(device).await },
        |app, ended| {
            let settings = app.window.global::<Settings>();
            settings.set_focus_lost(settings.get_focus_lost().wrapping_add(1));
            match ended {
                Ok(()) => load(app),
                Err(error) => {
                    settings.set_ending("".into());
                    show_trouble(app, (&error).into());
                }
            }
        },
    );
}

fn show_trouble(app: &App, trouble: Trouble) {
    let settings = app.window.global::<Settings>();
    settings.set_devices_detail(trouble.detail.into());
    settings.set_devices_problem(trouble.problem);
}
