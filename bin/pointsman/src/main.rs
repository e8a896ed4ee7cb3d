//! The edge router.

mod check;
mod cli;
mod demo;
mod echo;
mod explain;
mod folder;
mod healthcheck;
mod internal;
mod listing;
mod offline;
mod problems;
mod serve;
mod sources;
mod view;

use std::io::Write;
use std::process::ExitCode;

use pointsman_config::static_::OsFiles;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name of the release, as the API and `version` show it.
const CODENAME: &str = "pointsman";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let env: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .collect();
    let command = match cli::parse(&args, &env, &OsFiles) {
        Ok(command) => command,
        Err(error) => {
            complain(&error);
            return ExitCode::from(2);
        }
    };
    let result = match command {
        cli::Command::Run(loaded) => serve::run(*loaded),
        cli::Command::Check { dir, output } => check::run(&dir, output),
        cli::Command::Demo { dir } => demo::run(dir),
        cli::Command::Explain(explain) => explain::run(explain),
        cli::Command::Healthcheck(loaded) => Ok(healthcheck::run(&loaded.configuration)),
        cli::Command::Help(text) => {
            say(&text);
            Ok(ExitCode::SUCCESS)
        }
        cli::Command::Version => {
            say(&version());
            Ok(ExitCode::SUCCESS)
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// As Traefik writes it; its lines for the compiler and the day of the build are left out.
fn version() -> String {
    format!(
        "Version:      {}\nCodename:     {CODENAME}\nOS/Arch:      {}/{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// Prints to standard output.
fn say(text: &str) {
    // A reader that went away (`| head`) is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn complain(error: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "pointsman: {error}");
}
