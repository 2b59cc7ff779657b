//! What an operator may write, what wins, and where a mistake is said to stand.

use super::*;

const EXAMPLE: &str = include_str!("../../../deploy/relay.example.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("relay.toml"), text, &Flags::default())
}

fn complaint(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn nothing_said_means_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
}

#[test]
fn the_example_says_the_defaults() {
    assert_eq!(parse(EXAMPLE).unwrap(), Config::default());
}

#[test]
fn the_example_has_every_setting() {
    use clap::Args as _;
    let flags = Flags::augment_args(clap::Command::new("relay"));
    let keys = flags.get_arguments().map(|flag| flag.get_id().as_str());
    for key in keys.filter(|key| *key != "config") {
        let shown = EXAMPLE.lines().any(|line| {
            line.trim_start_matches("# ").split_once(" = ").is_some_and(|(name, _)| name == key)
        });
        assert!(shown, "{key}");
    }
    // What has no default stands there as a comment, and would be taken.
    let all: String = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line))
        .fold(String::new(), |all, line| all + line + "\n");
    let config = parse(&all).unwrap();
    assert_eq!(config.public_host.as_deref(), Some("relay.example"));
    assert!(config.certificate.is_some());
}

#[test]
fn a_flag_wins_over_the_file() {
    let mut flags = Flags { listing: Some(true), ..Flags::default() };
    flags.limits.connections = Some(7);
    let text = "listing = false\n[limits]\nconnections = 5\nclaims_per_hour = 6";
    let config = Config::parse(Path::new("relay.toml"), text, &flags).unwrap();
    assert!(config.listing);
    assert_eq!((config.limits.connections, config.limits.claims_per_hour), (7, 6));
}

#[test]
fn a_mistake_is_named_with_its_place() {
    assert_eq!(
        complaint("listing = true\n\n[limits]\nconnections = 0"),
        "relay.toml:4:15: limits.connections: must be from 1 to 1000000"
    );
    assert!(complaint("name = \"a\"\nlistning = true").starts_with("relay.toml:2:1: "));
    assert!(complaint("listning = true").contains("listning"));
    assert!(complaint("listen = 'nowhere'").starts_with("relay.toml:1:10: listen: "));
    assert!(complaint("listen = ").starts_with("relay.toml:1:"));
    assert!(complaint("name = \"\"").starts_with("relay.toml:1:8: name: "));
    assert!(complaint("public_port = 0").starts_with("relay.toml:1:15: public_port: "));
    assert!(complaint("public_host = \"a:1\"").starts_with("relay.toml:1:15: public_host: "));
}

#[test]
fn metrics_stay_on_loopback_unless_it_is_said_twice() {
    assert!(complaint("http = \"0.0.0.0:9\"").contains("http_anywhere"));
    let config = parse("http = \"0.0.0.0:9\"\nhttp_anywhere = true").unwrap();
    assert_eq!(config.http, Http::At("0.0.0.0:9".parse().unwrap()));
    assert_eq!(parse("http = \"off\"").unwrap().http, Http::Off);
}

#[test]
fn a_certificate_comes_with_its_key_and_name() {
    assert!(complaint("certificate = \"a\"").contains("certificate_key"));
    assert!(complaint("certificate_key = \"a\"").contains("certificate"));
    let both = "certificate = \"a\"\ncertificate_key = \"b\"";
    assert!(complaint(both).contains("public_host"));
    assert!(parse(&format!("public_host = \"relay.example\"\n{both}")).is_ok());
}

#[test]
fn a_flag_out_of_bounds_is_named_as_a_flag() {
    let mut flags = Flags::default();
    flags.address.public_port = Some(0);
    let error = Config::parse(Path::new("relay.toml"), "", &flags).unwrap_err();
    assert!(error.to_string().starts_with("--public-port: "), "{error}");
}
