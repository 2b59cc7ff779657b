//! What the relay has kept, and what the network has carried, after a conversation.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sotto_client::{
    profile::Profile,
    vault::{Vault, View},
};
use sotto_tests::{Network, PATIENCE, Person, RelayProcess};

/// What nobody but the two may have seen, under a name.
type Secrets = Vec<(String, Vec<u8>)>;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// The private keys of somebody who is away.
fn private_keys(person: &Person) -> Secrets {
    let profile = Profile::open(&person.folder()).unwrap();
    let vault = Vault::open(profile, person.password().as_bytes()).unwrap();
    let own = vault.read(View::own_account).unwrap().unwrap();
    let name = person.name();
    vec![
        (format!("{name}'s identity key"), own.identity.to_vec()),
        (format!("{name}'s signing key"), own.device_keys[..32].to_vec()),
        (format!("{name}'s exchange key"), own.device_keys[32..64].to_vec()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_relay_nor_the_network_has_seen_a_secret() {
    let mut relay = RelayProcess::start();
    let network = Network::to(relay.link()).await;
    let anna = Person::register(network.link(), "anna").await;
    let mut bob = Person::register(network.link(), "bob").await;
    anna.befriend(&bob).await;
    anna.tell(&bob, "the lighthouse at nine").await;
    bob.hears(&anna, "the lighthouse at nine").await;
    bob.tell(&anna, "with the blue lantern").await;
    anna.hears(&bob, "with the blue lantern").await;
    let plan = anna.home().join("plan-of-the-harbour.txt");
    fs::write(&plan, "the third pier, behind the crane").unwrap();
    anna.engine.send_file(bob.account(), &plan, "burn after reading", None).await.unwrap();
    anna.engine.flush(PATIENCE).await.unwrap();
    bob.leave().await;
    // Something is still in the mailbox when the scan begins.
    anna.tell(&bob, "are you still there?").await;
    anna.leave().await;

    let mut secrets: Secrets = [
        "the lighthouse at nine",
        "with the blue lantern",
        "the third pier, behind the crane",
        "plan-of-the-harbour",
        "burn after reading",
        "are you still there?",
    ]
    .map(|text| (text.to_owned(), text.as_bytes().to_vec()))
    .to_vec();
    for person in [&anna, &bob] {
        secrets.push((format!("{}'s password", person.name()), person.password().into_bytes()));
        secrets.extend(private_keys(person));
    }
    let (anna_key, recorded) = (anna.engine.me().identity, network.recorded());
    let running: Vec<_> = files(relay.data());
    relay.stop();
    let mut bytes = 0;
    let mut finds_username = false;
    let mut finds_public_key = false;
    let all = running.iter().filter(|path| path.exists()).cloned().chain(files(relay.data()));
    for path in all {
        // A socket, or a log that was removed while the relay ended.
        let Ok(content) = fs::read(&path) else { continue };
        bytes += content.len();
        finds_username |= holds(&content, b"anna");
        finds_public_key |= holds(&content, &anna_key.0);
        for (name, secret) in &secrets {
            assert!(!holds(&content, secret), "{} holds {name}", path.display());
        }
    }
    // The scan can find what is there.
    assert!(finds_username && finds_public_key, "the directory has names and public keys");
    assert!(recorded.len() > 20_000, "the network has carried a conversation");
    for (name, secret) in &secrets {
        assert!(!holds(&recorded, secret), "the network has carried {name}");
    }
    assert!(!holds(&recorded, &anna_key.0), "nor does it see the directory");
    println!(
        "{} secrets in none of {bytes} bytes kept and {} bytes carried",
        secrets.len(),
        recorded.len()
    );
    relay.restart();
    bob.come_back().await;
    bob.hears(&anna, "are you still there?").await;
}
