//! The edge router.

mod cli;
mod internal;
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
        cli::Command::Help(text) => say(&text),
        cli::Command::Version => say(&version()),
        other => Err(anyhow::anyhow!("{other:?} is not built yet")),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn version() -> String {
    format!(
        "Version:      {}\nCodename:     pointsman\nOS/Arch:      {}/{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

fn say(text: &str) -> anyhow::Result<ExitCode> {
    // A reader that went away (`| head`) is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn complain(error: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "pointsman: {error}");
}
