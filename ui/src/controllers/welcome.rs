//! Becoming somebody: choosing a profile and a relay, registering, logging in, unlocking.

use std::path::PathBuf;

use slint::{ComponentHandle, ModelRc, VecModel};
use sotto_client::{
    Engine, ExistingAccount, NewAccount, OpenError, Secret, SignInError,
    profile::{self, ProfileError, ProfileInfo, ProfileName},
    proto::{DisplayName, ErrorCode, Username, limits::INVITATION_MAX, link::RelayLink},
};

use crate::{
    adapters::problem::Trouble,
    app::App,
    controllers::{
        files::{self, Purpose, ScanFor},
        session,
    },
    generated::{KnownRelay, Navigation, Problem, ProfileItem, Screen, Welcome, WelcomeStep},
    single_instance,
};

/// Further characters of a password add nothing to its strength, only time.
const STRENGTH_MAX: usize = 100;
/// Profiles that one account of one relay may have on this computer.
const SAME_NAME_MAX: u32 = 100;

/// What is known before there is an account.
#[derive(Default)]
pub(crate) struct State {
    profiles: Vec<(ProfileName, ProfileInfo)>,
    chosen: Option<ProfileName>,
    relay: Option<RelayLink>,
}

pub(crate) fn wire(app: &App) {
    let welcome = app.window.global::<Welcome>();
    welcome.on_choose_profile(app.on1(|app, index| {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let name = app.welcome.borrow().profiles.get(index).map(|(name, _)| name.clone());
        if let Some(name) = name {
            choose(app, &name);
        }
    }));
    welcome.on_add_account(app.on0(|app| go(app, WelcomeStep::Relay)));
    welcome.on_to_profiles(app.on0(|app| go(app, WelcomeStep::Profiles)));
    welcome.on_change_relay(app.on0(|app| go(app, WelcomeStep::Relay)));
    welcome.on_use_relay(app.on0(use_relay));
    welcome.on_scan(app.on0(|app| files::choose(app, Purpose::Scan(ScanFor::Relay))));
    welcome.on_password_edited(app.on_text(rate));
    welcome.on_sign_in(app.on0(sign_in));
    welcome.on_unlock(app.on_text(unlock));
}

/// Shows where to begin: the profile that was named or open last, else all of them, else a relay.
pub(crate) fn begin(app: &App) {
    read_profiles(app);
    if let Some(relay) = &app.arguments.relay {
        app.window.global::<Welcome>().set_relay_link(relay.to_string().into());
    }
    let wanted = match &app.arguments.profile {
        Some(name) => Some(name.to_string()),
        None => app.preferences.borrow().last_profile.clone(),
    };
    let (known, only) = {
        let state = app.welcome.borrow();
        let named = |name: &&(ProfileName, ProfileInfo)| Some(name.0.to_string()) == wanted;
        let known = state.profiles.iter().find(named).map(|(name, _)| name.clone());
        let only = (state.profiles.len() == 1).then(|| state.profiles[0].0.clone());
        (known, only)
    };
    app.window.global::<Navigation>().set_screen(Screen::Welcome);
    let is_new = app.arguments.profile.is_some() && known.is_none();
    match known.or(only).filter(|_| !is_new) {
        Some(name) => choose(app, &name),
        None if is_new || app.welcome.borrow().profiles.is_empty() => go(app, WelcomeStep::Relay),
        None => go(app, WelcomeStep::Profiles),
    }
}

/// A relay link that was read from an image.
pub(crate) fn scanned(app: &App, text: &str) {
    let welcome = app.window.global::<Welcome>();
    welcome.set_relay_link(text.into());
    use_relay(app);
}

/// An image that was to hold a link holds none.
pub(crate) fn not_scanned(app: &App, problem: Problem) {
    app.window.global::<Welcome>().set_relay_problem(problem);
}

fn read_profiles(app: &App) {
    let names = profile::list(&app.profiles).unwrap_or_else(|error| {
        tracing::warn!(%error, "the profiles could not be listed");
        Vec::new()
    });
    let read = |name: ProfileName| match ProfileInfo::read(&name.folder(&app.profiles)) {
        Ok(info) => Some((name, info)),
        Err(error) => {
            tracing::warn!(%error, "a profile could not be read");
            None
        }
    };
    let profiles: Vec<_> = names.into_iter().filter_map(read).collect();
    let mut relays: Vec<KnownRelay> = Vec::new();
    for (_, info) in &profiles {
        let link = info.relay.to_string();
        if !relays.iter().any(|known| known.link == link) {
            relays.push(KnownRelay { link: link.into(), host: info.relay.at.to_string().into() });
        }
    }
    let items: Vec<_> = profiles.iter().map(item).collect();
    let welcome = app.window.global::<Welcome>();
    welcome.set_profiles(ModelRc::new(VecModel::from(items)));
    welcome.set_known_relays(ModelRc::new(VecModel::from(relays)));
    app.welcome.borrow_mut().profiles = profiles;
}

fn item((name, info): &(ProfileName, ProfileInfo)) -> ProfileItem {
    ProfileItem {
        name: name.to_string().into(),
        username: info.username.as_str().into(),
        relay: info.relay.at.to_string().into(),
    }
}

fn go(app: &App, step: WelcomeStep) {
    clear_problems(app);
    app.window.global::<Welcome>().set_step(step);
}

fn clear_problems(app: &App) {
    let welcome = app.window.global::<Welcome>();
    welcome.set_problem(Problem::None);
    welcome.set_relay_problem(Problem::None);
    welcome.set_username_problem(Problem::None);
    welcome.set_display_name_problem(Problem::None);
    welcome.set_password_problem(Problem::None);
    welcome.set_passphrase_problem(Problem::None);
    welcome.set_invitation_problem(Problem::None);
    welcome.set_problem_detail("".into());
}

fn choose(app: &App, name: &ProfileName) {
    let found = {
        let state = app.welcome.borrow();
        state.profiles.iter().find(|(known, _)| known == name).map(item)
    };
    let Some(found) = found else { return };
    app.welcome.borrow_mut().chosen = Some(name.clone());
    app.window.global::<Welcome>().set_chosen(found);
    go(app, WelcomeStep::Unlock);
}

fn use_relay(app: &App) {
    clear_problems(app);
    let welcome = app.window.global::<Welcome>();
    match welcome.get_relay_link().trim().parse::<RelayLink>() {
        Ok(link) => {
            welcome.set_relay_host(link.at.to_string().into());
            app.welcome.borrow_mut().relay = Some(link);
            go(app, WelcomeStep::Account);
        }
        Err(_) => welcome.set_relay_problem(Problem::NotALink),
    }
}

/// Says how hard a password is to guess.
fn rate(app: &App, password: &str) {
    let welcome = app.window.global::<Welcome>();
    let inputs = [welcome.get_username(), welcome.get_display_name()];
    let known: Vec<&str> = inputs.iter().map(slint::SharedString::as_str).collect();
    welcome.set_strength(strength(password, &known));
}

/// From 1, which is guessed at once, to 4; 0 for nothing.
fn strength(password: &str, known: &[&str]) -> i32 {
    if password.is_empty() {
        return 0;
    }
    let beginning: String = password.chars().take(STRENGTH_MAX).collect();
    i32::from(u8::from(zxcvbn::zxcvbn(&beginning, known).score())).max(1)
}

/// What was typed, understood.
struct Form {
    username: Username,
    display_name: DisplayName,
    password: Secret,
    passphrase: Secret,
    invitation: Option<String>,
}

/// Reads the form, and says beside each field what is wrong with it.
fn form(app: &App) -> Option<Form> {
    clear_problems(app);
    let welcome = app.window.global::<Welcome>();
    let username = welcome.get_username();
    let username: Option<Username> = username.trim().trim_start_matches('@').parse().ok();
    if username.is_none() {
        welcome.set_username_problem(Problem::NotAUsername);
    }
    let typed = welcome.get_display_name();
    let typed = match (typed.trim(), &username) {
        ("", Some(username)) => username.to_string(),
        (typed, _) => typed.to_owned(),
    };
    let display_name = DisplayName::try_from(typed).ok();
    if display_name.is_none() && welcome.get_registering() && username.is_some() {
        welcome.set_display_name_problem(Problem::NotADisplayName);
    }
    let display_name = display_name.or_else(|| "-".parse().ok());
    let password = welcome.get_password();
    if password.is_empty() {
        welcome.set_password_problem(Problem::PasswordEmpty);
    }
    let own = welcome.get_own_passphrase();
    let passphrase = if own { welcome.get_passphrase() } else { password.clone() };
    if own && passphrase.is_empty() {
        welcome.set_passphrase_problem(Problem::PassphraseEmpty);
    }
    let invitation = welcome.get_invitation().trim().to_owned();
    if invitation.len() > INVITATION_MAX {
        welcome.set_invitation_problem(Problem::NotAnInvitation);
    }
    let problems = [
        welcome.get_username_problem(),
        welcome.get_display_name_problem(),
        welcome.get_password_problem(),
        welcome.get_passphrase_problem(),
        welcome.get_invitation_problem(),
    ];
    if problems.iter().any(|problem| *problem != Problem::None) {
        return None;
    }
    Some(Form {
        username: username?,
        display_name: display_name?,
        password: password.as_str().into(),
        passphrase: passphrase.as_str().into(),
        invitation: Some(invitation).filter(|code| !code.is_empty()),
    })
}

fn sign_in(app: &App) {
    let welcome = app.window.global::<Welcome>();
    let relay = app.welcome.borrow().relay.clone();
    let (Some(relay), false) = (relay, welcome.get_busy()) else { return };
    let Some(form) = form(app) else { return };
    let registering = welcome.get_registering();
    let folder = match folder_for(app, &form.username, &relay, registering) {
        Ok(folder) => folder,
        Err(problem) => return welcome.set_problem(problem),
    };
    welcome.set_busy(true);
    let new_identity = welcome.get_new_identity();
    let invited = form.invitation.is_some();
    let into = folder.clone();
    let sign_in = async move {
        let Form { username, display_name, password, passphrase, invitation } = form;
        if registering {
            let new = NewAccount {
                folder,
                relay,
                username,
                display_name,
                password,
                passphrase,
                invitation,
            };
            Engine::register(new).await
        } else {
            let account =
                ExistingAccount { folder, relay, username, password, passphrase, new_identity };
            Engine::log_in(account).await
        }
    };
    app.bridge.ask(sign_in, move |app, signed_in| {
        app.window.global::<Welcome>().set_busy(false);
        match signed_in {
            Ok(engine) => welcomed(app, engine, into),
            Err(error) => show_refusal(app, &error, invited),
        }
    });
}

/// The folder for the profile of an account: that of its name, unless another account has it.
fn folder_for(
    app: &App,
    username: &Username,
    relay: &RelayLink,
    registering: bool,
) -> Result<PathBuf, Problem> {
    if let (Some(name), false) = (&app.arguments.profile, app.is_main()) {
        let taken = app.welcome.borrow().profiles.iter().any(|(known, _)| known == name);
        if !taken {
            return Ok(name.folder(&app.profiles));
        }
    }
    for number in 1..=SAME_NAME_MAX {
        let name = if number == 1 { username.to_string() } else { format!("{username}-{number}") };
        let Ok(name) = name.parse::<ProfileName>() else { return Err(Problem::ProfileName) };
        let folder = name.folder(&app.profiles);
        match ProfileInfo::read(&folder) {
            Err(ProfileError::Missing) if !folder.join("vault.db").exists() => return Ok(folder),
            // Its history is kept, when its owner logs in again.
            Ok(info) if !registering && info.username == *username && info.relay.at == relay.at => {
                return Ok(folder);
            }
            _ => {}
        }
    }
    Err(Problem::ProfileExists)
}

fn welcomed(app: &App, engine: Engine, folder: PathBuf) {
    forget_secrets(app);
    read_profiles(app);
    session::enter(app, engine, folder);
}

/// Secrets do not stay in the fields.
fn forget_secrets(app: &App) {
    let welcome = app.window.global::<Welcome>();
    welcome.set_password("".into());
    welcome.set_passphrase("".into());
    welcome.set_invitation("".into());
    welcome.set_strength(0);
}

/// Says what went wrong beside the field that it is about.
fn show_refusal(app: &App, error: &SignInError, invited: bool) {
    tracing::info!(%error, "not signed in");
    let welcome = app.window.global::<Welcome>();
    let Trouble { problem, detail } = error.into();
    welcome.set_problem_detail(detail.into());
    if error.code() == Some(ErrorCode::InvitationRequired) {
        welcome.set_wants_invitation(true);
        let problem = if invited { Problem::InvitationWrong } else { Problem::InvitationNeeded };
        return welcome.set_invitation_problem(problem);
    }
    match problem {
        Problem::UsernameTaken | Problem::UsernameReserved => welcome.set_username_problem(problem),
        Problem::WrongPassword => welcome.set_password_problem(problem),
        Problem::WrongPassphrase => {
            welcome.set_own_passphrase(true);
            welcome.set_passphrase_problem(problem);
        }
        Problem::RelayUnreachable
        | Problem::RelayNotFound
        | Problem::WrongRelayKey
        | Problem::RelayUntrusted => {
            welcome.set_step(WelcomeStep::Relay);
            welcome.set_relay_problem(problem);
        }
        Problem::BackupUnreadable => {
            welcome.set_offers_new_identity(true);
            welcome.set_problem(problem);
        }
        problem => welcome.set_problem(problem),
    }
}

fn unlock(app: &App, passphrase: &str) {
    let welcome = app.window.global::<Welcome>();
    let chosen = app.welcome.borrow().chosen.clone();
    let (Some(name), false) = (chosen, welcome.get_busy()) else { return };
    clear_problems(app);
    if passphrase.is_empty() {
        return welcome.set_passphrase_problem(Problem::PassphraseEmpty);
    }
    welcome.set_busy(true);
    let folder = name.folder(&app.profiles);
    let passphrase = Secret::from(passphrase);
    let into = folder.clone();
    let open = async move {
        let opened = Engine::open(&folder, passphrase).await;
        // A window that is open on it comes to the front.
        let in_use = matches!(opened, Err(OpenError::Profile(ProfileError::InUse)));
        (opened, in_use && single_instance::raise_other(&folder))
    };
    app.bridge.ask(open, move |app, (opened, raised)| {
        let welcome = app.window.global::<Welcome>();
        welcome.set_busy(false);
        match opened {
            Ok(engine) => welcomed(app, engine, into),
            Err(_) if raised => session::quit(app),
            Err(error) => not_unlocked(app, &error),
        }
    });
}

fn not_unlocked(app: &App, error: &OpenError) {
    tracing::info!(%error, "not unlocked");
    let welcome = app.window.global::<Welcome>();
    let Trouble { problem, detail } = error.into();
    welcome.set_problem_detail(detail.into());
    if problem == Problem::WrongPassphrase {
        welcome.set_passphrase_problem(problem);
    } else {
        welcome.set_problem(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_rated_by_how_hard_it_is_to_guess() {
        assert_eq!(strength("", &[]), 0);
        assert_eq!(strength("password", &[]), 1);
        assert_eq!(strength("wonderland1", &["wonderland"]), 1);
        assert_eq!(strength("correct horse battery staple", &[]), 4);
        assert_eq!(strength(&"x".repeat(100_000), &[]), strength(&"x".repeat(100), &[]));
    }
}
