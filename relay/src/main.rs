//! `sotto-relay`: the relay's program. What it can do stands in `cli`, a file a subcommand.

mod cli;
mod qr;

fn main() -> std::process::ExitCode {
    cli::run()
}
