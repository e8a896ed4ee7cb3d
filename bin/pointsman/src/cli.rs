//! What the command line asks for: a pure function of arguments, environment and files.
//!
//! [`parse`] only reads and explains; nothing here opens a socket or prints. Wiring does what a [`Command`] says.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use pointsman_config::decode::nearest;
use pointsman_config::reference;
use pointsman_config::static_::{Files, LoadError, Loaded, load};

/// What the process shall do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Serve traffic.
    Run(Box<Loaded>),
    /// Say the version.
    Version,
    /// Ask the ping entry point of the process that this configuration belongs to. Traefik: `healthcheck`.
    Healthcheck(Box<Loaded>),
    /// List every problem in a folder of manifests and dynamic files.
    Check {
        /// The folder.
        dir: PathBuf,
        /// Form of the list.
        output: Output,
    },
    /// Say what a request would get.
    Explain(Explain),
    /// Serve the example, or another folder, with backends of its own.
    Demo {
        /// The folder; `None` for the example.
        dir: Option<PathBuf>,
    },
    /// Print this text.
    Help(String),
}

/// Form of a list of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Output {
    /// One line per problem.
    #[default]
    Text,
    /// JSON.
    Json,
}

/// A request to explain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Explain {
    /// Method. Default `GET`.
    pub(crate) method: String,
    /// Where the request goes.
    pub(crate) target: Target,
    /// Headers, in order; names as given.
    pub(crate) headers: Vec<(String, String)>,
    /// What the answer is derived from.
    pub(crate) source: ExplainSource,
}

/// What an explanation is derived from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExplainSource {
    /// A folder of manifests and dynamic files, with default options.
    Manifests(PathBuf),
    /// A static configuration.
    Static(Box<Loaded>),
}

/// The parts of a URL that routing looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whether the request comes over TLS.
    pub(crate) tls: bool,
    /// Host in lower case, IPv6 in brackets.
    pub(crate) host: String,
    /// Port, if the URL has one.
    pub(crate) port: Option<u16>,
    /// Path and query as given, at least `/`; the fragment is left out.
    pub(crate) path_and_query: String,
}

/// Why a command line cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CliError {
    /// The command or its arguments make no sense.
    Usage(String),
    /// The static configuration has mistakes.
    Configuration(LoadError),
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => write!(f, "{message}\nsee pointsman --help"),
            Self::Configuration(error) => error.fmt(f),
        }
    }
}

impl Error for CliError {}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        Self::Configuration(error)
    }
}

/// Reads the command line; `args` without the program's name.
pub(crate) fn parse(
    args: &[String],
    env: &[(String, String)],
    files: &dyn Files,
) -> Result<Command, CliError> {
    let static_configuration = |args: &[String]| load(args, env, files).map(Box::new);
    let (command, rest) = match args.split_first() {
        Some((first, rest)) if !first.starts_with('-') => (first.as_str(), rest),
        _ => ("", args),
    };
    if COMMANDS.contains(&command) && rest.iter().any(|arg| is_help(arg)) {
        return Ok(Command::Help(command_help(command)));
    }
    match command {
        "" if rest.iter().any(|arg| is_help(arg)) => Ok(Command::Help(help())),
        "" => Ok(Command::Run(static_configuration(rest)?)),
        "help" => match rest.first().map(String::as_str) {
            Some(command) if COMMANDS.contains(&command) => {
                Ok(Command::Help(command_help(command)))
            }
            _ => Ok(Command::Help(help())),
        },
        "version" => no_more(rest, command).map(|()| Command::Version),
        "healthcheck" => Ok(Command::Healthcheck(static_configuration(rest)?)),
        "check" => parse_check(rest),
        "explain" => parse_explain(rest, static_configuration),
        "demo" => parse_demo(rest),
        unknown => {
            let hint = match nearest(unknown, &COMMANDS) {
                Some(command) => format!("; did you mean {command:?}?"),
                None => format!("; there are {}", COMMANDS.join(", ")),
            };
            Err(CliError::Usage(format!(
                "unknown command {unknown:?}{hint}"
            )))
        }
    }
}

const COMMANDS: [&str; 6] = ["check", "demo", "explain", "healthcheck", "help", "version"];

fn is_help(arg: &str) -> bool {
    matches!(arg, "--help" | "-help" | "-h")
}

fn no_more(rest: &[String], command: &str) -> Result<(), CliError> {
    match rest.first() {
        None => Ok(()),
        Some(arg) => Err(CliError::Usage(format!(
            "{command} takes no argument {arg:?}"
        ))),
    }
}

fn parse_check(args: &[String]) -> Result<Command, CliError> {
    let mut args = Arguments::new(args);
    let mut dir = None;
    let mut output = Output::Text;
    while let Some(arg) = args.next() {
        match arg {
            Argument::Flag("output" | "o") => {
                output = match args.value()? {
                    "text" => Output::Text,
                    "json" => Output::Json,
                    other => {
                        return Err(CliError::Usage(format!(
                            "--output={other}: is neither text nor json"
                        )));
                    }
                };
            }
            Argument::Flag(name) => return Err(unknown_flag("check", name, &["output"])),
            Argument::Plain(path) => set_once(&mut dir, path, "folder")?,
        }
    }
    let dir =
        dir.ok_or_else(|| CliError::Usage("check needs a folder: pointsman check DIR".to_owned()))?;
    Ok(Command::Check { dir, output })
}

fn parse_demo(args: &[String]) -> Result<Command, CliError> {
    let mut args = Arguments::new(args);
    let mut dir = None;
    while let Some(arg) = args.next() {
        match arg {
            Argument::Flag(name) => return Err(unknown_flag("demo", name, &[])),
            Argument::Plain(path) => set_once(&mut dir, path, "folder")?,
        }
    }
    Ok(Command::Demo { dir })
}

fn parse_explain(
    args: &[String],
    static_configuration: impl Fn(&[String]) -> Result<Box<Loaded>, LoadError>,
) -> Result<Command, CliError> {
    let mut args = Arguments::new(args);
    let mut plain = Vec::new();
    let mut headers = Vec::new();
    let mut manifests = None;
    let mut static_flags = Vec::new();
    while let Some(arg) = args.next() {
        match arg {
            Argument::Flag("H" | "header") => headers.push(parse_header(args.value()?)?),
            Argument::Flag("manifests") => {
                set_once(&mut manifests, args.value()?, "folder of manifests")?
            }
            // Static options are read by their own rules, with `=` between name and value.
            Argument::Flag(_) => static_flags.push(args.whole()),
            Argument::Plain(text) => plain.push(text),
        }
    }
    let (method, url) = match plain.as_slice() {
        [url] => ("GET", *url),
        [method, url] => (*method, *url),
        [] => {
            return Err(CliError::Usage(
                "explain needs a URL: pointsman explain [METHOD] URL".to_owned(),
            ));
        }
        [_, _, more, ..] => {
            return Err(CliError::Usage(format!(
                "explain takes a method and a URL, not {more:?} too; write options as --name=value"
            )));
        }
    };
    if !is_token(method) {
        return Err(CliError::Usage(format!("{method:?} is no HTTP method")));
    }
    let source = match manifests {
        Some(_) if !static_flags.is_empty() => {
            let message = format!(
                "--manifests and {} exclude each other",
                static_flags.join(" ")
            );
            return Err(CliError::Usage(message));
        }
        Some(dir) => ExplainSource::Manifests(dir),
        None => ExplainSource::Static(static_configuration(&static_flags)?),
    };
    let target = parse_url(url)?;
    Ok(Command::Explain(Explain {
        method: method.to_owned(),
        target,
        headers,
        source,
    }))
}

/// `http://host[:port][/path][?query]`, also `https://`; without a scheme `http://`.
fn parse_url(url: &str) -> Result<Target, CliError> {
    let bad = |what: &str| CliError::Usage(format!("{url:?}: {what}"));
    let (tls, rest) = match url.split_once("://") {
        None => (false, url),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        Some((scheme, _)) => {
            return Err(bad(&format!("scheme {scheme:?} is neither http nor https")));
        }
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = path.split('#').next().unwrap_or("");
    let path_and_query = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    // The colon of a port stands after the bracket of an IPv6 address.
    let port_at = authority
        .rfind(':')
        .filter(|colon| authority.rfind(']').is_none_or(|end| end < *colon));
    let (host, port) = match port_at {
        None => (authority, None),
        Some(colon) => {
            let (host, port) = authority.split_at(colon);
            let port = port.trim_start_matches(':').parse();
            (
                host,
                Some(port.map_err(|_| bad("the port is no number from 0 to 65535"))?),
            )
        }
    };
    if host.is_empty() || host.contains(['@', ' ']) {
        return Err(bad("needs a host: http://shop.localhost/cart"));
    }
    Ok(Target {
        tls,
        host: host.to_ascii_lowercase(),
        port,
        path_and_query,
    })
}

fn parse_header(text: &str) -> Result<(String, String), CliError> {
    match text.split_once(':') {
        Some((name, value)) if is_token(name.trim()) => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(CliError::Usage(
            "-H needs a header as \"Name: value\"".to_owned(),
        )),
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn set_once(slot: &mut Option<PathBuf>, path: &str, what: &str) -> Result<(), CliError> {
    match slot.replace(PathBuf::from(path)) {
        None => Ok(()),
        Some(first) => Err(CliError::Usage(format!(
            "only one {what}, not {} and {path}",
            first.display()
        ))),
    }
}

fn unknown_flag(command: &str, name: &str, known: &[&str]) -> CliError {
    let hint = match (nearest(name, known), known) {
        (Some(name), _) => format!("; did you mean --{name}?"),
        (None, []) => format!("; {command} has no options"),
        (None, known) => format!("; {command} knows --{}", known.join(", --")),
    };
    CliError::Usage(format!("unknown option --{name}{hint}"))
}

/// Arguments of a command of our own.
struct Arguments<'a> {
    rest: std::slice::Iter<'a, String>,
    flag: &'a str,
    whole: &'a str,
    value: Option<&'a str>,
}

enum Argument<'a> {
    Flag(&'a str),
    Plain(&'a str),
}

impl<'a> Arguments<'a> {
    fn new(args: &'a [String]) -> Self {
        Self {
            rest: args.iter(),
            flag: "",
            whole: "",
            value: None,
        }
    }

    fn next(&mut self) -> Option<Argument<'a>> {
        let arg = self.rest.next()?;
        let Some(flag) = arg
            .strip_prefix("--")
            .or_else(|| arg.strip_prefix('-'))
            .filter(|flag| !flag.is_empty())
        else {
            return Some(Argument::Plain(arg));
        };
        self.whole = arg;
        (self.flag, self.value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag, None),
        };
        Some(Argument::Flag(self.flag))
    }

    /// The value of the flag that was just met: after its `=`, else the next argument.
    fn value(&mut self) -> Result<&'a str, CliError> {
        match self
            .value
            .take()
            .or_else(|| self.rest.next().map(String::as_str))
        {
            Some(value) => Ok(value),
            None => Err(CliError::Usage(format!("--{} needs a value", self.flag))),
        }
    }

    /// The flag that was just met, as it stands.
    fn whole(&self) -> String {
        self.whole.to_owned()
    }
}

const USAGE: &str = "\
pointsman: an edge router for Kubernetes, a drop-in for Traefik Proxy v3

Usage:
  pointsman [options]                        serve traffic
  pointsman check DIR [--output text|json]   list every problem in a folder of manifests and files
  pointsman explain [METHOD] URL [-H 'Name: value']... [--manifests DIR | options]
                                             say which entry point, router, middlewares and servers
                                             a request would get, and why other routers lost
  pointsman demo [DIR]                       serve the example folder with backends of its own
  pointsman healthcheck [options]            ask /ping of the process with these options
  pointsman version                          say the version
  pointsman help [COMMAND]                   this text, or that of one command
";

/// Everything: usage, sources of options, and every option.
fn help() -> String {
    format!(
        "{USAGE}
Options come from exactly one source, the first that has any: a file, flags, the environment.
Option a.b.c is --a.b.c=value as a flag, and TRAEFIK_A_B_C or POINTSMAN_A_B_C in the environment;
names are the same in any case. Lists are separated by commas, element n of a list of sections is
a[n].b (A_0_B). A bare flag is true. Durations are written 1m30s, or as a number of seconds.
Options marked \"Not built yet\" are refused at start.

  --configFile  text
        File to read: YAML, TOML or JSON. Without it the first that is there of pointsman and
        traefik with .toml, .yaml or .yml in /etc/pointsman and /etc/traefik, $XDG_CONFIG_HOME,
        $HOME/.config and the current folder.

{}",
        reference::help()
    )
}

fn command_help(command: &str) -> String {
    let text = match command {
        "check" => {
            "\
Usage: pointsman check DIR [--output text|json]

Reads a folder of Kubernetes manifests and dynamic files, and lists every problem in them: object,
field, what is wrong and what cures it. The exit code is 1 if one of them is an error.

  --output text|json   form of the list (default text)
"
        }
        "explain" => {
            "\
Usage: pointsman explain [METHOD] URL [-H 'Name: value']... [--manifests DIR | options]

Says which entry point, router, middlewares, service and servers a request would get, and why the
next-best routers lost. Nothing is sent. The exit code is 1 if no router would take the request.

  -H, --header 'Name: value'   a header of the request; may be repeated
  --manifests DIR              derive the routers from this folder alone
  --name=value                 static options, as for serving; without any of these the static
                               configuration is looked for as for serving
"
        }
        "demo" => {
            "\
Usage: pointsman demo [DIR]

Starts two small backends on 127.0.0.1:9001 and 127.0.0.2:9001, serves the folder examples/shop (or
DIR, with its dynamic.toml if it has one) on :8000 and :8443 (TLS), and API, ping and metrics on
127.0.0.1:8080. Prints what to try, and what each change of a file does to the routing.
"
        }
        "healthcheck" => {
            "\
Usage: pointsman healthcheck [options]

Reads the static configuration as for serving, and asks /ping of its ping entry point over plain
HTTP. Prints OK and exits with 0 if the answer is 200, else with 1. Needs the option ping.
"
        }
        "version" => {
            "Usage: pointsman version\n\nSays the version, and what it was built with and for.\n"
        }
        _ => USAGE,
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;

    struct NoFiles;

    impl Files for NoFiles {
        fn is_file(&self, _: &Path) -> bool {
            false
        }

        fn read(&self, _: &Path) -> io::Result<String> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn run(args: &[&str]) -> Result<Command, CliError> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        parse(
            &args,
            &[("TRAEFIK_PING".to_owned(), "true".to_owned())],
            &NoFiles,
        )
    }

    fn usage_error(args: &[&str]) -> String {
        match run(args) {
            Err(CliError::Usage(message)) => message,
            other => panic!("{args:?}: {other:?}"),
        }
    }

    #[test]
    fn without_a_command_it_serves_by_flags_or_environment() {
        let Command::Run(loaded) = run(&["--api.insecure"]).unwrap() else {
            panic!("not run")
        };
        assert!(loaded.configuration.api.unwrap().insecure);
        let Command::Run(loaded) = run(&[]).unwrap() else {
            panic!("not run")
        };
        assert!(loaded.configuration.ping.is_some());
        let Command::Healthcheck(loaded) = run(&["healthcheck", "--ping.entryPoint=http"]).unwrap()
        else {
            panic!("not healthcheck")
        };
        assert_eq!(loaded.configuration.ping.unwrap().entry_point, "http");
    }

    #[test]
    fn mistakes_of_the_static_configuration_are_all_told() {
        let error = run(&["--adress=x", "--log.level=loud"]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("adress") && text.contains("log.level"),
            "{text}"
        );
    }

    #[test]
    fn check_takes_a_folder_and_a_form() {
        let check = |output| Command::Check {
            dir: "dir".into(),
            output,
        };
        assert_eq!(run(&["check", "dir"]), Ok(check(Output::Text)));
        assert_eq!(
            run(&["check", "--output", "json", "dir"]),
            Ok(check(Output::Json))
        );
        assert_eq!(run(&["check", "dir", "-o=text"]), Ok(check(Output::Text)));
        assert!(usage_error(&["check"]).contains("needs a folder"));
        assert!(usage_error(&["check", "a", "b"]).contains("only one folder"));
        assert!(usage_error(&["check", "a", "--output=xml"]).contains("neither text nor json"));
        assert!(usage_error(&["check", "a", "--output"]).contains("needs a value"));
        assert!(usage_error(&["check", "a", "--outptu=json"]).contains("did you mean --output?"));
    }

    #[test]
    fn explain_takes_a_request_and_where_to_look() {
        let target = |tls, host: &str, port, path: &str| Target {
            tls,
            host: host.to_owned(),
            port,
            path_and_query: path.to_owned(),
        };
        let explain = |args: &[&str]| match run(args) {
            Ok(Command::Explain(explain)) => explain,
            other => panic!("{args:?}: {other:?}"),
        };
        let one = explain(&[
            "explain",
            "POST",
            "https://Shop.localhost:8443/a?b#c",
            "-H",
            "A: b:c",
            "--manifests",
            "d",
        ]);
        assert_eq!(
            one,
            Explain {
                method: "POST".to_owned(),
                target: target(true, "shop.localhost", Some(8443), "/a?b"),
                headers: vec![("A".to_owned(), "b:c".to_owned())],
                source: ExplainSource::Manifests("d".into()),
            }
        );
        let two = explain(&["explain", "[::1]:80?x", "--api.insecure", "--header=X:"]);
        assert_eq!(
            (two.method.as_str(), two.target),
            ("GET", target(false, "[::1]", Some(80), "/?x"))
        );
        assert_eq!(two.headers, [("X".to_owned(), String::new())]);
        assert!(
            matches!(two.source, ExplainSource::Static(loaded) if loaded.configuration.api.is_some())
        );
        assert_eq!(
            explain(&["explain", "http://[::1]"]).target,
            target(false, "[::1]", None, "/")
        );

        assert!(usage_error(&["explain"]).contains("needs a URL"));
        assert!(usage_error(&["explain", "ftp://a"]).contains("neither http nor https"));
        assert!(usage_error(&["explain", "http:///x"]).contains("needs a host"));
        assert!(usage_error(&["explain", "http://a:b"]).contains("port"));
        assert!(usage_error(&["explain", "G T", "http://a"]).contains("no HTTP method"));
        assert!(usage_error(&["explain", "GET", "a", "b"]).contains("\"b\""));
        assert!(usage_error(&["explain", "a", "-H", "nonsense"]).contains("Name: value"));
        assert!(
            usage_error(&["explain", "a", "--manifests=d", "--ping"])
                .contains("exclude each other")
        );
    }

    #[test]
    fn demo_version_and_unknown_commands() {
        assert_eq!(run(&["demo"]), Ok(Command::Demo { dir: None }));
        assert_eq!(
            run(&["demo", "x"]),
            Ok(Command::Demo {
                dir: Some("x".into())
            })
        );
        assert!(usage_error(&["demo", "--x"]).contains("has no options"));
        assert_eq!(run(&["version"]), Ok(Command::Version));
        assert!(usage_error(&["version", "x"]).contains("takes no argument"));
        assert!(usage_error(&["chek", "x"]).contains("did you mean \"check\"?"));
        assert!(usage_error(&["serve"]).contains("there are check, demo"));
    }

    #[test]
    fn help_lists_everything_in_at_most_100_columns() {
        for args in [&["--help"][..], &["-h"], &["help"], &["--api", "--help"]] {
            let Command::Help(text) = run(args).unwrap() else {
                panic!("no help for {args:?}")
            };
            for part in [
                "pointsman explain",
                "--configFile",
                "--entryPoints.<name>.address",
            ] {
                assert!(text.contains(part), "{part}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= 100));
        }
        for command in COMMANDS.iter().filter(|command| **command != "help") {
            for args in [[*command, "--help"], ["help", *command]] {
                let Command::Help(text) = run(&args).unwrap() else {
                    panic!("no help for {args:?}")
                };
                assert!(
                    text.contains(&format!("Usage: pointsman {command}")),
                    "{text}"
                );
                assert!(text.lines().all(|line| line.chars().count() <= 100));
            }
        }
    }
}
