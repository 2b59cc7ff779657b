//! Somebody at the desktop app, in this process: the real window, controllers and engine, on a
//! backend of Slint that has no screen. What is on it is found by its accessible labels, as a
//! screen reader would.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use i_slint_backend_testing::{
    AccessibleRole, ElementHandle, ElementQuery, TestingBackend, TestingBackendOptions,
    mock_elapsed_time,
};
use slint::{
    ComponentHandle, LogicalSize, SharedString,
    platform::{Key, WindowEvent},
};
use sotto_client::{Engine, Secret};
use sotto_ui::{Answer, App, Arguments, Clock, Desktop, FileChoice, NotOffered, Options, Pixels};
use tokio::runtime::Runtime;

use crate::PATIENCE;

/// The engines of all desktops in a process run here.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// How long a frame of an animation takes.
const FRAME: Duration = Duration::from_millis(16);

/// What the app draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canvas {
    /// Nothing: layout and elements alone.
    None,
    /// Pixels in memory, by the software renderer.
    Pixels,
}

/// Stands where the desktop's own services would: keeps what it was asked for.
#[derive(Default)]
pub struct RecordingDesktop {
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    copied: Vec<String>,
    opened: Vec<String>,
    notified: Vec<(String, String)>,
    image: Option<Pixels>,
    file: Option<PathBuf>,
}

impl RecordingDesktop {
    fn asked(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The texts put on the clipboard.
    pub fn copied(&self) -> Vec<String> {
        self.asked().copied.clone()
    }

    /// The links and files opened.
    pub fn opened(&self) -> Vec<String> {
        self.asked().opened.clone()
    }

    /// The notifications, as title and text.
    pub fn notified(&self) -> Vec<(String, String)> {
        self.asked().notified.clone()
    }

    /// Puts an image on the clipboard.
    pub fn set_image(&self, image: Pixels) {
        self.asked().image = Some(image);
    }

    /// The file that the person chooses in the next dialog; without one there are no dialogs.
    pub fn set_file(&self, file: impl Into<PathBuf>) {
        self.asked().file = Some(file.into());
    }
}

impl Desktop for RecordingDesktop {
    fn copy(&self, text: &str) -> Result<(), NotOffered> {
        self.asked().copied.push(text.to_owned());
        Ok(())
    }

    fn image(&self) -> Option<Pixels> {
        self.asked().image.clone()
    }

    fn open(&self, what: &str) -> Result<(), NotOffered> {
        self.asked().opened.push(what.to_owned());
        Ok(())
    }

    fn notify(&self, title: &str, body: &str) {
        self.asked().notified.push((title.to_owned(), body.to_owned()));
    }

    fn choose(&self, _: FileChoice) -> Answer<Result<Option<PathBuf>, NotOffered>> {
        let file = self.asked().file.take();
        Box::pin(async move { file.map(Some).ok_or(NotOffered) })
    }
}

/// Somebody at the desktop app. One at a time on a thread.
pub struct Desk {
    /// The app.
    pub app: App,
    /// What is around it.
    pub desktop: Arc<RecordingDesktop>,
}

impl Desk {
    /// Starts the app with its profiles in `home`. The first one on a thread settles what it is
    /// drawn on.
    pub fn start(home: &Path, canvas: Canvas, arguments: Arguments, clock: Clock) -> Self {
        set_up(canvas);
        let desktop = Arc::new(RecordingDesktop::default());
        let app = App::new(Options {
            profiles: home.join("profiles"),
            arguments,
            runtime: RUNTIME.handle().clone(),
            desktop: Arc::<RecordingDesktop>::clone(&desktop),
            clock,
        });
        let desk = Self { app: app.unwrap(), desktop };
        desk.resize(1280.0, 800.0);
        desk.app.window().show().unwrap();
        desk
    }

    /// Starts the app on the conversations of a profile, unlocked.
    pub fn enter(
        home: &Path,
        canvas: Canvas,
        profile: &str,
        passphrase: &str,
        clock: Clock,
    ) -> Self {
        let desk = Self::start(home, canvas, Arguments::default(), clock);
        let folder = home.join("profiles").join(profile);
        let opened = RUNTIME.block_on(Engine::open(&folder, Secret::from(passphrase)));
        desk.app.enter(opened.unwrap(), folder);
        desk
    }

    /// Runs something of the tests where the engines run, and waits for it.
    pub fn block_on<T>(question: impl Future<Output = T>) -> T {
        RUNTIME.block_on(question)
    }

    /// Quits as a person would, and waits until the vault is closed.
    pub fn quit(self) {
        self.key(&[Key::Control], "q");
        self.until("the app is over", |desk| desk.app.is_over());
    }

    /// Changes the window's size, in logical pixels.
    pub fn resize(&self, width: f32, height: f32) {
        self.app.window().window().set_size(LogicalSize::new(width, height));
        self.settle();
    }

    /// Does what waits to be done, and lets the window take note of it.
    pub fn settle(&self) {
        loop {
            mock_elapsed_time(FRAME);
            if !self.app.pump() {
                break;
            }
        }
        mock_elapsed_time(FRAME);
    }

    /// The same, until animations have ended.
    pub fn rest(&self) {
        self.settle();
        for _ in 0..30 {
            mock_elapsed_time(FRAME);
        }
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        loop {
            self.settle();
            if is_so(self) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "not so: {what}\non the screen:\n{}", self.read());
            self.app.wait(Duration::from_millis(200));
        }
    }

    /// Waits until a label that contains `text` is on the screen.
    pub fn see(&self, text: &str) {
        self.until(&format!("'{text}' is on the screen"), |desk| desk.sees(text));
    }

    /// Waits until no label contains `text`.
    pub fn miss(&self, text: &str) {
        self.until(&format!("'{text}' is not on the screen"), |desk| !desk.sees(text));
    }

    /// Whether a label, value or description on the screen contains `text`.
    pub fn sees(&self, text: &str) -> bool {
        self.elements().iter().any(|element| {
            let texts = [
                element.accessible_label(),
                element.accessible_value(),
                element.accessible_description(),
            ];
            texts.into_iter().flatten().any(|found| found.contains(text))
        })
    }

    /// All that a screen reader would read.
    pub fn read(&self) -> String {
        let mut lines = Vec::new();
        for element in self.elements() {
            let role = element.accessible_role();
            let label = element.accessible_label().unwrap_or_default();
            let value = element.accessible_value().unwrap_or_default();
            lines.push(format!("{role:?} {label:?} {value:?}"));
        }
        lines.join("\n")
    }

    /// The elements on the screen that have a role for assistive technology.
    pub fn elements(&self) -> Vec<ElementHandle> {
        let root = ElementQuery::from_root(self.app.window());
        root.match_predicate(|element| {
            let told = |role| !matches!(role, AccessibleRole::None | AccessibleRole::Image);
            let is_named = element.accessible_label().is_some_and(|label| !label.is_empty());
            element.accessible_role().is_some_and(|role| told(role) || is_named)
        })
        .find_all()
    }

    /// The control with this label; the last one, which is on top.
    pub fn control(&self, label: &str) -> Option<ElementHandle> {
        let labelled = |element: &ElementHandle| {
            element.accessible_label().is_some_and(|found| found == label)
                && element.accessible_role() != Some(AccessibleRole::Text)
        };
        self.elements().into_iter().rfind(labelled)
    }

    /// The control whose label begins so.
    pub fn control_like(&self, beginning: &str) -> Option<ElementHandle> {
        let labelled = |element: &ElementHandle| {
            element.accessible_label().is_some_and(|found| found.starts_with(beginning))
                && element.accessible_role() != Some(AccessibleRole::Text)
        };
        self.elements().into_iter().rfind(labelled)
    }

    /// Waits for a control and does what pressing it does.
    pub fn press(&self, label: &str) {
        self.until(&format!("there is '{label}' to press"), |desk| {
            desk.control(label).is_some_and(|control| control.accessible_enabled().unwrap_or(true))
        });
        self.control(label).unwrap().invoke_accessible_default_action();
        self.settle();
    }

    /// The same for a control whose label begins so.
    pub fn press_like(&self, beginning: &str) {
        self.until(&format!("there is '{beginning}…' to press"), |desk| {
            desk.control_like(beginning).is_some()
        });
        self.control_like(beginning).unwrap().invoke_accessible_default_action();
        self.settle();
    }

    /// Waits for a field and writes into it.
    pub fn fill(&self, label: &str, text: &str) {
        self.until(&format!("there is '{label}' to fill"), |desk| desk.control(label).is_some());
        self.control(label).unwrap().set_accessible_value(text);
        self.settle();
    }

    /// What stands in a field.
    pub fn value(&self, label: &str) -> String {
        let value = self.control(label).and_then(|control| control.accessible_value());
        value.map(|value| value.to_string()).unwrap_or_default()
    }

    /// Presses a key, with those held that are named.
    pub fn key(&self, held: &[Key], key: impl Into<SharedString>) {
        let window = self.app.window().window();
        let key = key.into();
        for held in held {
            window.dispatch_event(WindowEvent::KeyPressed { text: (*held).into() });
        }
        window.dispatch_event(WindowEvent::KeyPressed { text: key.clone() });
        window.dispatch_event(WindowEvent::KeyReleased { text: key });
        for held in held.iter().rev() {
            window.dispatch_event(WindowEvent::KeyReleased { text: (*held).into() });
        }
        self.settle();
    }

    /// Types letter by letter into what has the keyboard.
    pub fn type_text(&self, text: &str) {
        for letter in text.chars() {
            self.key(&[], letter);
        }
    }
}

/// Draws a QR code into a PNG file, as a phone would show it.
pub fn draw_qr(text: &str, path: &Path) {
    let code = qrcode::QrCode::new(text).unwrap();
    let (width, scale, edge) = (code.width(), 6, 4);
    let side = u32::try_from((width + 2 * edge) * scale).unwrap();
    let image = image::GrayImage::from_fn(side, side, |x, y| {
        let at = |pixel: u32| (pixel as usize / scale).checked_sub(edge);
        let dark = match (at(x), at(y)) {
            (Some(x), Some(y)) if x < width && y < width => code[(x, y)] == qrcode::Color::Dark,
            _ => false,
        };
        image::Luma([if dark { 20 } else { 240 }])
    });
    image.save(path).unwrap();
}

fn set_up(canvas: Canvas) {
    let renderer_name = match canvas {
        Canvas::None => None,
        Canvas::Pixels => Some("software".into()),
    };
    let backend = TestingBackend::new(TestingBackendOptions {
        mock_time: true,
        threading: false,
        renderer_name,
    });
    // A second desktop on a thread takes the backend that is there.
    let _ = slint::platform::set_platform(Box::new(backend));
}
