//! What a room of 10, 100 and 1,000 devices costs from end to end: adding somebody, and saying something.
//!
//! `cargo run --release -p sotto-tests --bin room_bench [DEVICES…]`
//!
//! A relay as a process of its own, and real engines for the admin, who speaks and adds, and for two who
//! read along; the other devices are connected and take in what the relay delivers without opening it.
//! All of it shares this computer: the times are those of a busy one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "whoever measures wants to know where it failed"
)]

use std::time::{Duration, Instant};

use sotto_client::proto::{AccountId, RoomId};
use sotto_tests::{Crowd, Network, Person, RelayProcess, UNLIMITED};

/// The full engines in each room: the admin and one who listens from the start.
const ENGINES: usize = 2;
/// Messages that are measured in each room.
const MESSAGES: usize = 20;
/// How long a room of many may take to be filled.
const PATIENCE: Duration = Duration::from_mins(20);

#[tokio::main]
async fn main() {
    let asked: Vec<usize> =
        std::env::args().skip(1).map(|size| size.parse().expect("a number of devices")).collect();
    let sizes = if asked.is_empty() { vec![10, 100, 1000] } else { asked };
    let most = sizes.iter().copied().max().expect("a number of devices");
    let relay = RelayProcess::with(&UNLIMITED);
    let network = Network::to(relay.link()).await;
    let anna = Person::register(network.link(), "anna").await;
    let bob = Person::register(relay.link(), "bob").await;
    let carol = Person::register(relay.link(), "carol").await;
    for other in [&bob, &carol] {
        anna.befriend(other).await;
    }
    let (crowd, took) = timed(Crowd::gather(relay.link(), most.saturating_sub(ENGINES))).await;
    note(&format!("{} devices registered and connected", crowd.len()), took);
    let (met, took) = timed(crowd.meet(&anna, crowd.len())).await;
    note("all of them made contacts", took);
    let hall = Hall { relay, network, anna, bob, carol, crowd, met };
    let mut rows = Vec::new();
    for size in sizes {
        rows.push(hall.measure(size).await);
    }
    print(&rows);
}

/// Everybody who is there.
struct Hall {
    relay: RelayProcess,
    network: Network,
    anna: Person,
    bob: Person,
    carol: Person,
    crowd: Crowd,
    /// The contacts that the crowd is to the admin.
    met: Vec<AccountId>,
}

/// What was measured of one room.
#[derive(Default)]
struct Row {
    devices: usize,
    /// Until the founder has added all in its batches.
    filled: Duration,
    /// Until the engine that adds one more has it in the vault.
    added: Duration,
    /// Until the one who was added has come in.
    welcomed: Duration,
    bytes_up: usize,
    syncs: u64,
    /// Until a message is durable on the relay.
    accepted: Duration,
    /// Until another engine has it.
    arrived: Duration,
    /// Until all who are connected have it.
    everywhere: Duration,
    /// The relay's, of one message.
    processor: Duration,
    memory: u64,
}

impl Hall {
    async fn measure(&self, devices: usize) -> Row {
        let Self { relay, anna, bob, carol, crowd, met, .. } = self;
        let light = devices.saturating_sub(ENGINES);
        let room = anna.gather(&format!("Room of {devices}"), &[bob]).await;
        let fill = anna.engine.add_to_room(room, &met[..light]);
        let (room_of, filled) = timed(fill).await;
        assert_eq!(room_of.unwrap().members as usize, devices);
        anna.engine.flush(PATIENCE).await.unwrap();
        note(&format!("a room of {devices} filled"), filled);
        anna.say(room, "hello").await;
        bob.hears_in(room, "hello").await;
        crowd.hears(room, anna, light).await;

        let begun = Instant::now();
        anna.engine.add_to_room(room, &[carol.account()]).await.unwrap();
        let added = begun.elapsed();
        anna.say(room, "welcome").await;
        carol.hears_in(room, "welcome").await;
        let welcomed = begun.elapsed();
        crowd.hears(room, anna, 2 * light).await;
        assert_eq!(carol.said_in(room).await, ["welcome"], "nothing earlier");
        let row = Row { devices, filled, added, welcomed, ..self.talk(room, light).await };
        Row { memory: relay.memory(), ..row }
    }

    /// One message after another, each when all have the one before.
    async fn talk(&self, room: RoomId, light: usize) -> Row {
        let Self { relay, network, anna, bob, crowd, .. } = self;
        let mut times: [Vec<Duration>; 3] = Default::default();
        let (mut bytes_up, mut syncs) = (Vec::new(), Vec::new());
        let processor = relay.processor_time();
        for number in 0..MESSAGES {
            let (up, synced) = (network.sent_up(), relay.syncs());
            let text = format!("message {number}");
            let begun = Instant::now();
            let (accepted, arrived, everywhere) = tokio::join!(
                async {
                    anna.say(room, &text).await;
                    (begun.elapsed(), network.sent_up() - up)
                },
                async {
                    bob.hears_in(room, &text).await;
                    begun.elapsed()
                },
                async {
                    crowd.hears(room, anna, (number + 3) * light).await;
                    begun.elapsed()
                },
            );
            for (times, time) in times.iter_mut().zip([accepted.0, arrived, everywhere]) {
                times.push(time);
            }
            bytes_up.push(accepted.1);
            syncs.push(relay.syncs() - synced);
        }
        let processor = relay.processor_time().saturating_sub(processor);
        let processor = processor / u32::try_from(MESSAGES).unwrap();
        let [accepted, arrived, everywhere] = times.map(median);
        let (bytes_up, syncs) = (median(bytes_up), median(syncs));
        Row { bytes_up, syncs, accepted, arrived, everywhere, processor, ..Row::default() }
    }
}

fn print(rows: &[Row]) {
    let line = |what: &str, of: &dyn Fn(&Row) -> String| {
        let cells: Vec<String> = rows.iter().map(|row| format!("{:>12}", of(row))).collect();
        println!("{what:<52}{}", cells.concat());
    };
    println!();
    line("devices", &|row| row.devices.to_string());
    line("filled, in commits of 32 (ms)", &|row| ms(row.filled));
    line("one member added, at the one who adds (ms)", &|row| ms(row.added));
    line("  until the member has come in and reads (ms)", &|row| ms(row.welcomed));
    line("one message: uploaded, as UDP carries it (bytes)", &|row| row.bytes_up.to_string());
    line("  the relay's synced writes, those of receipts too", &|row| row.syncs.to_string());
    line("  until it is durable on the relay (ms)", &|row| ms(row.accepted));
    line("  until another engine has it (ms)", &|row| ms(row.arrived));
    line("  until all that are connected have it (ms)", &|row| ms(row.everywhere));
    line("  the relay's processor time for it (ms)", &|row| ms(row.processor));
    line("memory of the relay (MiB)", &|row| (row.memory >> 20).to_string());
}

fn note(what: &str, took: Duration) {
    println!("{what}: {:.1} s", took.as_secs_f64());
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    (work.await, begun.elapsed())
}
