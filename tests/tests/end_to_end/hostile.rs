//! What no well-behaved client sends, over a real connection, before and after login: golden
//! vectors cut short and changed. The relay answers each with a typed error or ends the stream or
//! the connection, goes on serving others, and its memory is back where it was.

use std::{collections::BTreeMap, fs, path::Path};

use quinn::{RecvStream, SendStream};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use sotto_client::proto::{
    Answer, CloseCode, Request,
    codec::{self, HEADER_LEN},
    login::{AskInfo, LogInByPassword, PasswordFinish, Register},
    mailbox::{Acknowledgement, Delivery, OpenDownlink, OpenUplink},
    room::{OpenRoomDownlink, OpenRoomUplink, RoomAcknowledgement, RoomDelivery},
};
use sotto_keys::password::{Login, Registration};
use sotto_tests::{Account, PATIENCE, RelayProcess, Stranger, receive_frame, send_frame};
use tokio::time::timeout;

/// Changes of each vector, besides those of its length.
const CHANGES: usize = 24;
/// Truncations of each vector.
const TRUNCATIONS: usize = 24;
/// How much more memory a second onslaught may leave behind than the first.
const GROWTH_MAX: u64 = 8 * 1024 * 1024;
/// Limits that this test is not about.
const UNLIMITED: [&str; 7] = [
    "--registrations-per-hour=1000000000",
    "--password-logins-per-address=1000000000",
    "--password-logins-per-username=1000000000",
    "--requests-per-minute=1000000000",
    "--envelopes-per-minute=1000000000",
    "--handshakes-per-minute=1000000000",
    "--connections-per-address=100000",
];

/// What stands before the hostile frame on its stream.
#[derive(Clone, Copy, Debug)]
enum Opening {
    Nothing,
    Registration,
    PasswordLogin,
    Enrolment,
    Uplink,
    Downlink,
    RoomUplink,
    RoomDownlink,
}

/// What came of the frames, and how often.
type Outcomes = BTreeMap<String, usize>;

fn vectors(file: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto-types/vectors");
    let text = fs::read_to_string(folder.join(format!("{file}.txt"))).unwrap();
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks.map(|block| hex::decode(block.lines().nth(1).unwrap()).unwrap()).collect()
}

/// The frame cut short, with other lengths before it, and with other bytes in it.
fn spoiled(frame: &[u8], rng: &mut StdRng) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let step = frame.len().div_ceil(TRUNCATIONS).max(1);
    all.extend((0..frame.len()).step_by(step).map(|length| frame[..length].to_vec()));
    let body = u32::try_from(frame.len() - HEADER_LEN).unwrap();
    for length in [0, body.saturating_sub(1), body + 1, 262_145, 1_048_577, u32::MAX] {
        let mut frame = frame.to_vec();
        frame[..HEADER_LEN].copy_from_slice(&length.to_be_bytes());
        all.push(frame);
    }
    for _ in 0..CHANGES {
        let mut frame = frame.to_vec();
        for _ in 0..rng.random_range(1..4) {
            let place = rng.random_range(HEADER_LEN..frame.len());
            frame[place] ^= 1 << rng.random_range(0..8);
        }
        all.push(frame);
    }
    let mut noise = vec![0; 64];
    rng.fill_bytes(&mut noise);
    all.push(noise);
    all
}

/// Opens a stream as far as the hostile frame; none where the connection has ended.
async fn open(stranger: &Stranger, opening: Opening) -> Option<(SendStream, RecvStream)> {
    let mut rng = rand::rng();
    let request: Request = match opening {
        Opening::Nothing => return stranger.connection.open_bi().await.ok(),
        Opening::Enrolment => return accepted_by_password(stranger).await,
        Opening::Registration => {
            let (_, opaque) = Registration::start(&mut rng, b"a password").unwrap();
            let username = format!("x{:08x}", rng.next_u32());
            Register { username, invitation: None, opaque }.into()
        }
        Opening::PasswordLogin => {
            let (_, opaque) = Login::start(&mut rng, b"a password").unwrap();
            LogInByPassword { username: "victim".to_owned(), opaque }.into()
        }
        Opening::Uplink => OpenUplink {}.into(),
        Opening::Downlink => OpenDownlink {}.into(),
        Opening::RoomUplink => OpenRoomUplink {}.into(),
        Opening::RoomDownlink => OpenRoomDownlink { rooms: Vec::new() }.into(),
    };
    let (mut send, mut receive) = stranger.connection.open_bi().await.ok()?;
    send_frame(&mut send, &request).await?;
    if matches!(opening, Opening::Registration | Opening::PasswordLogin) {
        receive_frame::<Answer>(&mut receive).await?;
    }
    Some((send, receive))
}

/// A login with the right password, as far as the new device.
async fn accepted_by_password(stranger: &Stranger) -> Option<(SendStream, RecvStream)> {
    let mut rng = rand::rng();
    let (login, opaque) = Login::start(&mut rng, b"a password").unwrap();
    let start = LogInByPassword { username: "victim".to_owned(), opaque };
    let (mut send, mut receive) = stranger.open(start).await?;
    let Answer::LoginChallenge(challenge) = receive_frame(&mut receive).await? else {
        panic!("no challenge");
    };
    let (opaque, _) = login.finish(&mut rng, "victim", &challenge.opaque).unwrap();
    send_frame(&mut send, &PasswordFinish { opaque }).await?;
    let Answer::PasswordAccepted(_) = receive_frame(&mut receive).await? else {
        panic!("not accepted");
    };
    Some((send, receive))
}

/// Sends a hostile frame and hears the stream to its end; none where the connection has ended.
async fn provoke(stranger: &Stranger, opening: Opening, frame: &[u8]) -> Option<String> {
    let (mut send, mut receive) = open(stranger, opening).await?;
    // The relay may have refused before all was sent.
    let _ = send.write_all(frame).await;
    let _ = send.finish();
    let heard = timeout(PATIENCE, receive.read_to_end(2 * 1024 * 1024)).await;
    match heard.expect("the relay ends every stream") {
        Ok(bytes) => Some(described(opening, &bytes)),
        Err(_) => Some("stream ended".to_owned()),
    }
}

/// What the relay said, which must be whole frames of the kind that the stream carries.
fn described(opening: Opening, bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "stream ended".to_owned();
    }
    let length = u32::from_be_bytes(bytes[..HEADER_LEN].try_into().unwrap()) as usize;
    let body = &bytes[HEADER_LEN..HEADER_LEN + length];
    match codec::decode::<Answer>(body) {
        Ok(Answer::Refused(refusal)) => format!("refused {}", refusal.code.number()),
        Ok(answer) => format!("answered {}", answer.kind()),
        Err(_) => {
            let is_known = match opening {
                Opening::Uplink => codec::decode::<Acknowledgement>(body).is_ok(),
                Opening::RoomUplink => codec::decode::<RoomAcknowledgement>(body).is_ok(),
                Opening::RoomDownlink => codec::decode::<RoomDelivery>(body).is_ok(),
                // A spoiled request may open either downlink.
                _ => {
                    codec::decode::<Delivery>(body).is_ok()
                        || codec::decode::<RoomDelivery>(body).is_ok()
                }
            };
            assert!(is_known, "the relay sent what is no frame");
            "batch".to_owned()
        }
    }
}

/// A connection, logged in or not.
async fn connected(relay: &RelayProcess, account: Option<&Account>) -> Stranger {
    let stranger = Stranger::connect(relay.link()).await;
    if let Some(account) = account {
        stranger.log_in(account).await.unwrap();
    }
    stranger
}

async fn onslaught(relay: &RelayProcess, account: Option<&Account>, seed: u64) -> Outcomes {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut outcomes = Outcomes::new();
    let mut plan = vec![("request", Opening::Nothing), ("answer", Opening::Nothing)];
    if account.is_some() {
        plan.extend([
            ("submission", Opening::Uplink),
            ("consumed", Opening::Downlink),
            ("room_submission", Opening::RoomUplink),
            ("rooms_consumed", Opening::RoomDownlink),
        ]);
    } else {
        plan.extend([
            ("registration_finish", Opening::Registration),
            ("enrolment", Opening::Enrolment),
            ("password_finish", Opening::PasswordLogin),
        ]);
    }
    let mut stranger = connected(relay, account).await;
    for (file, opening) in plan {
        for vector in vectors(file) {
            for frame in spoiled(&vector, &mut rng) {
                let outcome = if let Some(outcome) = provoke(&stranger, opening, &frame).await {
                    outcome
                } else {
                    let closed = ended(&stranger).await;
                    stranger = connected(relay, account).await;
                    closed
                };
                *outcomes.entry(outcome).or_default() += 1;
            }
        }
    }
    outcomes
}

/// Why the connection ended: the relay has a code for it.
async fn ended(stranger: &Stranger) -> String {
    match timeout(PATIENCE, stranger.connection.closed()).await.unwrap() {
        quinn::ConnectionError::ApplicationClosed(close) => {
            let code = CloseCode::from_number(close.error_code.into_inner());
            format!("closed: {}", code.expect("a code of the protocol"))
        }
        other => panic!("the connection broke: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_stays_up_and_its_memory_is_back_where_it_was() {
    let mut relay = RelayProcess::with(&UNLIMITED);
    let victim = Stranger::connect(relay.link()).await.register("victim").await;
    let attacker = Stranger::connect(relay.link()).await.register("attacker").await;
    let mut memory = Vec::new();
    for seed in 0..3 {
        let before = onslaught(&relay, None, seed).await;
        let after = onslaught(&relay, Some(&attacker), seed).await;
        assert!(relay.is_running(), "the relay has ended");
        // Somebody else is served as if nothing had happened.
        let neighbour = Stranger::connect(relay.link()).await;
        neighbour.log_in(&victim).await.unwrap();
        assert!(matches!(neighbour.ask(AskInfo {}).await, Some(Answer::Info(_))));
        memory.push(relay.memory());
        if seed == 0 {
            println!("before login: {before:?}\nafter login: {after:?}");
        }
        assert!(before["refused 40001"] > 100 && after["refused 40001"] > 100);
        assert!(before["refused 40101"] > 0, "what needs a login says so");
    }
    println!("memory after each onslaught, in bytes: {memory:?}");
    assert!(memory[2] <= memory[0] + GROWTH_MAX, "{memory:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_sent_frames_hold_little_and_go_with_their_connection() {
    let relay = RelayProcess::with(&UNLIMITED);
    Stranger::connect(relay.link()).await.ask(AskInfo {}).await.unwrap();
    let before = relay.memory();
    let mut strangers = Vec::new();
    for _ in 0..50 {
        let stranger = Stranger::connect(relay.link()).await;
        let mut streams = Vec::new();
        for _ in 0..16 {
            let (mut send, receive) = stranger.connection.open_bi().await.unwrap();
            // All but the last byte of the largest request, of which a part fits the windows.
            send.write_all(&262_144_u32.to_be_bytes()).await.unwrap();
            let _ = timeout(std::time::Duration::from_millis(50), send.write_all(&[0; 8192])).await;
            streams.push((send, receive));
        }
        strangers.push((stranger, streams));
    }
    let held = relay.memory().saturating_sub(before);
    drop(strangers);
    let stranger = Stranger::connect(relay.link()).await;
    stranger.ask(AskInfo {}).await.unwrap();
    println!("50 strangers with 16 half-sent frames each held {} KiB", held / 1024);
    assert!(held < 64 * 1024 * 1024, "{held}");
}
