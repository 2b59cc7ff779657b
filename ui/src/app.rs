//! The app: a window, the state of each part of it, and the way to the engine.
//!
//! An [`App`] lives on one thread. Its controllers change the window when something was pressed or
//! told; none of them waits.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    path::PathBuf,
    rc::{Rc, Weak},
    sync::Arc,
    time::Duration,
};

use slint::{ComponentHandle, Image};
use sotto_client::{Engine, EngineError, Me};
use tokio::runtime::Handle;

use crate::{
    arguments::Arguments,
    bridge::{Bridge, Jobs},
    clock::Clock,
    controllers::{
        self, about, admin, announcements, choosing, composer, files, new_chat, people, person,
        rooms, timeline, welcome,
    },
    desktop::Desktop,
    faces::Faces,
    generated::{AppWindow, Navigation, Screen, Words},
    pictures::Pixels,
    preferences::{self, Preferences},
};

/// Longer than the window takes to draw.
const FRAME: Duration = Duration::from_millis(20);
/// How long a sentence at the bottom is shown.
const TOAST: Duration = Duration::from_secs(4);

/// What an app is made of.
pub struct Options {
    /// The folder that holds the profiles.
    pub profiles: PathBuf,
    /// As given when it was started.
    pub arguments: Arguments,
    /// Where the engine runs.
    pub runtime: Handle,
    /// What is around the app.
    pub desktop: Arc<dyn Desktop>,
    /// The time.
    pub clock: Clock,
}

/// A handle on the app; clones are the same app.
#[derive(Clone)]
pub struct App(Rc<Inner>);

/// A handle that does not keep the app.
#[derive(Clone)]
pub(crate) struct WeakApp(Weak<Inner>);

/// What an [`App`] is a handle on.
pub struct Inner {
    pub(crate) window: AppWindow,
    pub(crate) bridge: Bridge,
    pub(crate) desktop: Arc<dyn Desktop>,
    pub(crate) clock: Clock,
    pub(crate) profiles: PathBuf,
    pub(crate) arguments: Arguments,
    pub(crate) preferences: RefCell<Preferences>,
    pub(crate) session: RefCell<Option<Session>>,
    /// Whether the window has the keyboard, and so somebody who reads.
    pub(crate) focused: Cell<bool>,
    pub(crate) welcome: RefCell<welcome::State>,
    pub(crate) people: RefCell<people::State>,
    pub(crate) new_chat: RefCell<new_chat::State>,
    pub(crate) timeline: RefCell<timeline::State>,
    pub(crate) composer: RefCell<composer::State>,
    pub(crate) about: RefCell<about::State>,
    pub(crate) person: RefCell<person::State>,
    pub(crate) rooms: RefCell<rooms::State>,
    pub(crate) choosing: RefCell<choosing::State>,
    pub(crate) files: RefCell<files::State>,
    pub(crate) admin: RefCell<admin::State>,
    pub(crate) announcements: RefCell<announcements::State>,
    pub(crate) faces: RefCell<Faces>,
    toasts: Cell<u64>,
    /// Whether the window is closed, and with it the vault.
    pub(crate) over: Cell<bool>,
    jobs: RefCell<Option<Jobs>>,
}

/// The account that is open.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) engine: Engine,
    pub(crate) me: Me,
    pub(crate) folder: PathBuf,
}

impl App {
    /// Makes the window and wires it. It is not shown yet, and nothing runs until [`App::run`] or
    /// [`App::pump`].
    pub fn new(options: Options) -> Result<Self, slint::PlatformError> {
        let window = AppWindow::new()?;
        let (bridge, jobs) = Bridge::new(options.runtime);
        let kept = Preferences::read(&preferences::file_beside(&options.profiles));
        let app = Self(Rc::new(Inner {
            window,
            bridge,
            desktop: options.desktop,
            clock: options.clock,
            profiles: options.profiles,
            arguments: options.arguments,
            preferences: RefCell::new(kept),
            session: RefCell::default(),
            focused: Cell::new(true),
            welcome: RefCell::default(),
            people: RefCell::default(),
            new_chat: RefCell::default(),
            timeline: RefCell::default(),
            composer: RefCell::default(),
            about: RefCell::default(),
            person: RefCell::default(),
            rooms: RefCell::default(),
            choosing: RefCell::default(),
            files: RefCell::default(),
            admin: RefCell::default(),
            announcements: RefCell::default(),
            faces: RefCell::default(),
            toasts: Cell::new(0),
            over: Cell::new(false),
            jobs: RefCell::new(Some(jobs)),
        }));
        controllers::wire(&app);
        welcome::begin(&app);
        Ok(app)
    }

    /// The window, for tests and pictures.
    pub fn window(&self) -> &AppWindow {
        &self.0.window
    }

    /// Shows the window until it is closed.
    pub fn run(&self) -> Result<(), slint::PlatformError> {
        let jobs = self.0.jobs.borrow_mut().take();
        let app = self.downgrade();
        let serve = async move {
            let Some(mut jobs) = jobs else { return };
            while let Some(job) = jobs.recv().await {
                let Some(app) = app.upgrade() else { return };
                job(&app);
            }
        };
        slint::spawn_local(serve)
            .map_err(|error| slint::PlatformError::Other(error.to_string()))?;
        controllers::window::show(self)?;
        slint::run_event_loop()
    }

    /// Does what waits for the thread of the window, for who runs no event loop. Whether there was
    /// anything.
    pub fn pump(&self) -> bool {
        let mut any = false;
        loop {
            let job = self.0.jobs.borrow_mut().as_mut().and_then(|jobs| jobs.try_recv().ok());
            let Some(job) = job else { return any };
            job(self);
            any = true;
        }
    }

    /// Waits for the next thing to do and does it, for who runs no event loop; gives up after
    /// `patience`. Whether there was anything.
    pub fn wait(&self, patience: Duration) -> bool {
        let mut jobs = self.0.jobs.borrow_mut().take();
        let next = async {
            match &mut jobs {
                Some(jobs) => tokio::time::timeout(patience, jobs.recv()).await.ok().flatten(),
                None => None,
            }
        };
        let job = self.0.bridge.block_on(next);
        *self.0.jobs.borrow_mut() = jobs;
        match job {
            Some(job) => {
                job(self);
                true
            }
            None => false,
        }
    }

    /// Whether the app was quit, and its vault is closed.
    pub fn is_over(&self) -> bool {
        self.0.over.get()
    }

    /// Whether a page of the open conversation is being read from the vault.
    pub fn is_loading(&self) -> bool {
        self.0.timeline.borrow().is_loading()
    }

    /// Whether somebody looks at the window; a window manager says so otherwise.
    pub fn set_focused(&self, focused: bool) {
        controllers::window::set_focused(self, focused);
    }

    /// Shows the conversations of an account whose vault is open already.
    pub fn enter(&self, engine: Engine, folder: PathBuf) {
        controllers::session::enter(self, engine, folder);
    }

    pub(crate) fn downgrade(&self) -> WeakApp {
        WeakApp(Rc::downgrade(&self.0))
    }

    /// The engine of the account that is open.
    pub fn engine(&self) -> Option<Engine> {
        self.0.session.borrow().as_ref().map(|session| session.engine.clone())
    }

    pub(crate) fn me(&self) -> Option<Me> {
        self.0.session.borrow().as_ref().map(|session| session.me.clone())
    }

    /// Has the engine do something, and goes on with what came of it. Nothing without an account.
    pub(crate) fn ask<T, F>(
        &self,
        question: impl FnOnce(Engine) -> F,
        then: impl FnOnce(&Self, T) + Send + 'static,
    ) where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        if let Some(engine) = self.engine() {
            self.0.bridge.ask(question(engine), then);
        }
    }

    /// The same, after what was asked for in order before.
    pub(crate) fn ask_in_order<T, F>(
        &self,
        question: impl FnOnce(Engine) -> F,
        then: impl FnOnce(&Self, T) + Send + 'static,
    ) where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        if let Some(engine) = self.engine() {
            self.0.bridge.ask_in_order(question(engine), then);
        }
    }

    /// The same for what has no answer but an error, which is said at the bottom.
    pub(crate) fn act<T, F>(&self, act: impl FnOnce(Engine) -> F)
    where
        T: Send + 'static,
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        self.ask(act, Self::tell_failure);
    }

    /// Says something for a moment.
    pub(crate) fn toast(&self, sentence: impl Into<slint::SharedString>) {
        let number = self.0.toasts.get() + 1;
        self.0.toasts.set(number);
        self.0.window.global::<Navigation>().set_toast(sentence.into());
        self.0.bridge.later(TOAST, move |app| {
            if app.0.toasts.get() == number {
                app.0.window.global::<Navigation>().set_toast("".into());
            }
        });
    }

    /// Says what went wrong, if anything did.
    pub(crate) fn tell_failure<T>(&self, done: Result<T, EngineError>) {
        if let Err(error) = done {
            self.tell_error(&error);
        }
    }

    /// Says what went wrong, for a moment.
    pub(crate) fn tell_error(&self, error: &EngineError) {
        tracing::info!(%error, "refused");
        let trouble = crate::adapters::problem::Trouble::from(error);
        let words = self.0.window.global::<Words>();
        self.toast(words.invoke_problem(trouble.problem, trouble.detail.into()));
    }

    /// Does something when the window has taken note of what was changed until now: of new rows,
    /// and of how high they are.
    pub(crate) fn next_frame(&self, job: impl FnOnce(&Self) + 'static) {
        let app = self.downgrade();
        slint::Timer::single_shot(FRAME, move || {
            if let Some(app) = app.upgrade() {
                job(&app);
            }
        });
    }

    pub(crate) fn is_main(&self) -> bool {
        self.0.window.global::<Navigation>().get_screen() == Screen::Main
    }

    /// A callback of the window without arguments.
    pub(crate) fn on0(&self, act: impl Fn(&Self) + 'static) -> impl Fn() + 'static {
        let app = self.downgrade();
        move || {
            if let Some(app) = app.upgrade() {
                act(&app);
            }
        }
    }

    /// One with an argument.
    pub(crate) fn on1<A>(&self, act: impl Fn(&Self, A) + 'static) -> impl Fn(A) + 'static {
        let app = self.downgrade();
        move |a| {
            if let Some(app) = app.upgrade() {
                act(&app, a);
            }
        }
    }

    /// One with a text.
    pub(crate) fn on_text(
        &self,
        act: impl Fn(&Self, &str) + 'static,
    ) -> impl Fn(slint::SharedString) + 'static {
        self.on1(move |app, text: slint::SharedString| act(app, &text))
    }

    /// One with two.
    pub(crate) fn on2<A, B>(&self, act: impl Fn(&Self, A, B) + 'static) -> impl Fn(A, B) + 'static {
        let app = self.downgrade();
        move |a, b| {
            if let Some(app) = app.upgrade() {
                act(&app, a, b);
            }
        }
    }

    /// One with three.
    pub(crate) fn on3<A, B, C>(
        &self,
        act: impl Fn(&Self, A, B, C) + 'static,
    ) -> impl Fn(A, B, C) + 'static {
        let app = self.downgrade();
        move |a, b, c| {
            if let Some(app) = app.upgrade() {
                act(&app, a, b, c);
            }
        }
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl WeakApp {
    pub(crate) fn upgrade(&self) -> Option<App> {
        self.0.upgrade().map(App)
    }
}

/// Pixels as Slint draws them.
pub(crate) fn image(pixels: Pixels) -> Image {
    Image::from_rgba8(pixels)
}
