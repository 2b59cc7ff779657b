//! Who may register, and the invitation codes.

use slint::ComponentHandle;
use sotto_client::proto::{
    admin::{
        Answer, AskRegistration, Code, Command, InvitationsPage, Invite, Note, Registration,
        SetRegistration,
    },
    limits::INVITATION_USES_MAX,
    login::RegistrationPolicy,
};

use super::{carry_out, drop_row};
use crate::{
    adapters::admin as shown,
    app::App,
    controllers::navigation,
    generated::{Admin, Problem},
};

pub(super) fn wire(app: &App) {
    let admin = app.window.global::<Admin>();
    admin.on_set_registration(app.on1(set_registration));
    admin.on_invite(app.on0(invite));
    admin.on_copy_invitation(app.on_text(navigation::copy));
    admin.on_revoke(app.on_text(revoke));
}

/// What asks for the codes.
pub(super) fn page() -> Command {
    Command::Invitations(InvitationsPage::default())
}

/// Asks who may register.
pub(super) fn load_registration(app: &App) {
    carry_out(app, Command::Registration(AskRegistration {}), show_registration);
}

fn set_registration(app: &App, answer: i32) {
    let policy = match answer {
        0 => Some(RegistrationPolicy::Open),
        1 => Some(RegistrationPolicy::Invitation),
        2 => Some(RegistrationPolicy::Closed),
        _ => None,
    };
    carry_out(app, Command::SetRegistration(SetRegistration { policy }), show_registration);
}

fn show_registration(app: &App, answer: Answer) {
    let Answer::Registration(Registration { policy, configured, overridden }) = answer else {
        return;
    };
    let admin = app.window.global::<Admin>();
    admin.set_policy(shown::policy(policy));
    admin.set_configured(shown::policy(configured));
    admin.set_overridden(overridden);
    admin.set_registration_known(true);
}

fn invite(app: &App) {
    let admin = app.window.global::<Admin>();
    let (uses, note) = (admin.get_uses(), admin.get_note());
    let uses = uses.trim().parse().ok().filter(|uses| (1..=INVITATION_USES_MAX).contains(uses));
    let note = match note.trim() {
        "" => Some(None),
        note => note.parse::<Note>().ok().map(Some),
    };
    let problem = |is_good, problem| if is_good { Problem::None } else { problem };
    admin.set_uses_problem(problem(uses.is_some(), Problem::NotANumberOfUses));
    admin.set_note_problem(problem(note.is_some(), Problem::NotANote));
    let (Some(uses), Some(note)) = (uses, note) else { return };
    carry_out(app, Command::Invite(Invite { uses, note }), |app, answer| {
        if let Answer::Invitation(made) = answer {
            let admin = app.window.global::<Admin>();
            admin.set_uses("1".into());
            admin.set_note("".into());
            let item = shown::invitation(&made, &app.clock);
            app.admin.borrow().lists.invitations.insert(0, item);
        }
    });
}

fn revoke(app: &App, code: &str) {
    let code = code.to_owned();
    carry_out(app, Command::Revoke(Code { code: code.clone() }), move |app, _| {
        drop_row(app, &app.admin.borrow().lists.invitations, |row| row.code == code.as_str());
    });
}
