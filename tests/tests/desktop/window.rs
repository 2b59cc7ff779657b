//! The real program under a real X server, driven as a person would: two windows, a relay between.
//! Its screenshots are kept.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use sotto_tests::{PATIENCE, RelayProcess, program};

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An X server without a screen.
struct Screen {
    display: String,
    shots: PathBuf,
    _server: Ends,
    _manager: Ends,
}

impl Screen {
    fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1700x860x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb, of the Debian package xvfb");
        let mut number = String::new();
        let output = server.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut number).unwrap();
        let server = Ends(server);
        let display = format!(":{}", number.trim());
        let manager = Command::new("openbox")
            .env("DISPLAY", &display)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox, of the Debian package openbox");
        let shots = env::var_os("SOTTO_SCREENSHOTS").map_or_else(
            || program("sotto-ui").parent().unwrap().join("screenshots"),
            PathBuf::from,
        );
        fs::create_dir_all(&shots).unwrap();
        Self { display, shots, _server: server, _manager: Ends(manager) }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let ran = Command::new(program).args(arguments).env("DISPLAY", &self.display).output();
        let ran = ran.unwrap_or_else(|error| panic!("{program}: {error}"));
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }

    /// The app, with its profiles in `home`.
    fn app(&self, home: &Path) -> Command {
        let mut app = Command::new(program("sotto-ui"));
        app.env("DISPLAY", &self.display)
            .env("SOTTO_HOME", home)
            .env("SLINT_BACKEND", "winit-software")
            .env("LC_ALL", "C")
            .env("SOTTO_LOG", "sotto_ui=debug")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("SOTTO_RELAY");
        app
    }

    /// A picture of the whole screen.
    fn shoot(&self, name: &str) {
        let path = self.shots.join(format!("{name}.png"));
        self.run("import", &["-window", "root", path.to_str().unwrap()]);
        assert!(path.is_file(), "no screenshot; is ImageMagick there?");
    }
}

/// What a program writes to its standard error.
struct Log(Receiver<String>);

impl Log {
    fn of(program: &mut Child) -> Self {
        let lines = BufReader::new(program.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (told, log) = mpsc::channel();
        thread::spawn(move || lines.into_iter().try_for_each(|line| told.send(line)));
        Self(log)
    }

    /// Waits until it has something.
    fn has(&self, text: &str, screen: &Screen) {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
            match self.0.recv_timeout(left) {
                Ok(line) if line.contains(text) => return,
                Ok(line) => seen.push(line),
                Err(_) => break,
            }
        }
        screen.shoot("failed");
        panic!("it never logged '{text}', but:\n{}", seen.join("\n"));
    }
}

/// A window of the app.
struct Window<'a> {
    screen: &'a Screen,
    id: String,
    /// What it logs.
    log: Log,
    program: Ends,
}

impl<'a> Window<'a> {
    /// Starts the app, and puts its window at `x`.
    fn open(screen: &'a Screen, home: &Path, x: u32) -> Self {
        let mut program = screen.app(home).stderr(Stdio::piped()).spawn().unwrap();
        let log = Log::of(&mut program);
        let process = program.id().to_string();
        let program = Ends(program);
        let id = soon("the window is open", || {
            let found = screen.run("xdotool", &["search", "--onlyvisible", "--pid", &process]);
            found.lines().last().map(str::to_owned)
        });
        let place = x.to_string();
        screen.run("xdotool", &["windowsize", "--sync", &id, "820", "800"]);
        screen.run("xdotool", &["windowmove", "--sync", &id, &place, "10"]);
        Self { screen, id, log, program }
    }

    fn focus(&self) {
        self.screen.run("xdotool", &["windowactivate", "--sync", &self.id]);
    }

    fn types(&self, text: &str) {
        self.focus();
        self.screen.run("xdotool", &["type", "--delay", "12", text]);
    }

    fn press(&self, keys: &[&str]) {
        self.focus();
        for key in keys {
            self.screen.run("xdotool", &["key", "--delay", "30", key]);
        }
    }

    /// Waits until it logs something.
    fn logs(&self, text: &str) {
        self.log.has(text, self.screen);
    }

    fn title(&self) -> String {
        self.screen.run("xdotool", &["getwindowname", &self.id])
    }
}

/// Looks again and again, for there is nothing that an X server would tell of an app's doing.
fn soon<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not so: {what}");
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// Registers with the keyboard alone.
fn register(window: &Window<'_>, link: &str, name: &str) {
    window.types(link);
    window.press(&["Return"]);
    window.types(name);
    window.press(&["Tab", "Tab"]);
    window.types("a lantern in the harbour");
    window.press(&["Return"]);
    window.logs("an account is open");
    window.logs("online=true");
}

fn begin_chat(window: &Window<'_>, with: &str) {
    window.press(&["ctrl+n"]);
    window.types(with);
    window.press(&["Return"]);
    window.logs("a conversation is open");
}

#[test]
fn two_windows_talk_over_a_relay() {
    let screen = Screen::start();
    let relay = RelayProcess::start();
    let link = relay.link().to_string();
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let alice = Window::open(&screen, homes[0].path(), 10);
    screen.shoot("1-welcome");
    register(&alice, &link, "alice");
    let bob = Window::open(&screen, homes[1].path(), 860);
    register(&bob, &link, "bob");
    begin_chat(&bob, "alice");
    begin_chat(&alice, "bob");
    screen.shoot("2-conversation");
    alice.types("Hello Bob, this is a real keyboard");
    alice.press(&["Return"]);
    // Nobody is at Bob's window: it says so in its title.
    soon("the message is counted in Bob's title", || (bob.title() == "(1) Sotto").then_some(()));
    screen.shoot("3-arrived");
    // Out of the composer, past its first button, to the messages: the newest is copied.
    bob.press(&["shift+Tab", "shift+Tab", "ctrl+c"]);
    let copied = soon("the message is on Bob's clipboard", || {
        let text = screen.run("xclip", &["-selection", "clipboard", "-out"]);
        (!text.is_empty()).then_some(text)
    });
    assert_eq!(copied, "Hello Bob, this is a real keyboard");
    soon("it is read", || (bob.title() == "Sotto").then_some(()));
    bob.press(&["Tab", "Tab"]);
    bob.types("And this one is mine");
    bob.press(&["Return"]);
    soon("the answer is counted in Alice's title", || (alice.title() == "(1) Sotto").then_some(()));
    screen.shoot("4-answered");
    talk_in_a_room(&screen, &alice, &bob);
    administers(&screen, &alice);
    second_start(&screen, homes[0].path());
    quits(alice);
    quits(bob);
    starts_minimised(&screen, homes[0].path());
}

/// Alice makes a room with Bob, who finds himself in it; both with the keyboard alone.
fn talk_in_a_room(screen: &Screen, alice: &Window<'_>, bob: &Window<'_>) {
    alice.press(&["ctrl+shift+n"]);
    alice.types("Lighthouse");
    // Past the topic, the switch and the picture, to the contacts.
    alice.press(&["Tab", "Tab", "Tab", "Tab"]);
    alice.types("bob");
    alice.press(&["Return"]);
    screen.shoot("5-new-room");
    alice.press(&["Tab", "Return"]);
    alice.logs("a conversation is open");
    alice.types("Is the lamp lit, @bo");
    alice.press(&["Tab"]);
    screen.shoot("6-mention");
    alice.press(&["Return"]);
    soon("the mention is counted in Bob's title", || (bob.title() == "(1) Sotto").then_some(()));
    bob.press(&["ctrl+k"]);
    bob.types("Light");
    bob.press(&["Return"]);
    bob.logs("a conversation is open");
    soon("the mention is read", || (bob.title() == "Sotto").then_some(()));
    screen.shoot("7-room");
}

/// Alice, who registered first, looks after the relay, with the keyboard alone.
fn administers(screen: &Screen, alice: &Window<'_>) {
    alice.press(&["ctrl+shift+a"]);
    alice.logs("the relay's figures are shown");
    screen.shoot("8-administration");
    // From the first page's name to the next one's: the accounts.
    alice.press(&["Tab", "Return"]);
    alice.logs("a list of the relay's is shown");
    screen.shoot("9-accounts");
    alice.press(&["Escape"]);
}

/// Whoever starts the app on a profile that is open gets the window that is there.
fn second_start(screen: &Screen, home: &Path) {
    let ended = screen.app(home).args(["--profile", "alice"]).status().unwrap();
    assert!(ended.success());
}

/// With its flag, the window is there and out of sight.
fn starts_minimised(screen: &Screen, home: &Path) {
    let mut program = screen.app(home).arg("--minimised").stderr(Stdio::piped()).spawn().unwrap();
    let log = Log::of(&mut program);
    let program = Ends(program);
    // Before, it is not in sight either.
    log.has("the window is minimised", screen);
    let process = program.0.id().to_string();
    let found = |only_visible: bool| {
        let visible: &[&str] = if only_visible { &["--onlyvisible"] } else { &[] };
        let arguments = [&["search"], visible, &["--pid", &process]].concat();
        !screen.run("xdotool", &arguments).is_empty()
    };
    soon("the window is minimised", || (found(false) && !found(true)).then_some(()));
}

fn quits(mut window: Window<'_>) {
    window.press(&["ctrl+q"]);
    let ended = soon("it has ended", || window.program.0.try_wait().unwrap());
    assert!(ended.success(), "{ended}");
}
