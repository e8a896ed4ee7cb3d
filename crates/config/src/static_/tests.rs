use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::*;

/// A file system in memory.
#[derive(Default)]
struct Fake(BTreeMap<PathBuf, String>);

impl Fake {
    fn with(path: &str, text: &str) -> Self {
        Self(BTreeMap::from([(PathBuf::from(path), text.to_owned())]))
    }
}

impl Files for Fake {
    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn variables(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect()
}

fn args(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

/// The mistakes of flags, one a line.
fn mistakes(flags: &[&str]) -> Vec<String> {
    match load(&args(flags), &[], &Fake::default()) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(ToString::to_string).collect(),
    }
}

/// The warnings of flags that can be used.
fn warnings(flags: &[&str]) -> Vec<String> {
    let loaded = load(&args(flags), &[], &Fake::default()).unwrap();
    loaded
        .warnings
        .into_iter()
        .map(|warning| format!("{}: {}", warning.field, warning.message))
        .collect()
}

#[test]
fn file_flags_and_environment_give_the_same_configuration() {
    let file = |name: &str, text: &str| {
        let path = format!("/conf/{name}");
        let loaded = load(
            &[format!("--configFile={path}")],
            &[],
            &Fake::with(&path, text),
        )
        .unwrap();
        assert_eq!(loaded.source, ConfigSource::File(path.into()));
        loaded
    };
    let yaml = file("site.yaml", include_str!("golden/site.yaml"));
    let toml = file("site.toml", include_str!("golden/site.toml"));
    let flags = load(
        &lines(include_str!("golden/site.flags")),
        &[],
        &Fake::default(),
    )
    .unwrap();
    assert_eq!(flags.source, ConfigSource::Flags);
    let mut env = load(
        &[],
        &variables(include_str!("golden/site.env")),
        &Fake::default(),
    )
    .unwrap();
    assert_eq!(env.source, ConfigSource::Environment);
    // Names of the user's choice come out of the environment in lower case; nothing else may differ.
    let fields = &mut env.configuration.access_log.as_mut().unwrap().fields;
    let mode = fields.names.remove("clientusername").unwrap();
    fields.names.insert("ClientUsername".to_owned(), mode);
    let mode = fields.headers.names.remove("user-agent").unwrap();
    fields.headers.names.insert("User-Agent".to_owned(), mode);
    assert_eq!(toml.configuration, yaml.configuration);
    assert_eq!(flags.configuration, yaml.configuration);
    assert_eq!(env.configuration, yaml.configuration);

    let configuration = yaml.configuration;
    assert_eq!(
        configuration.entry_points.keys().collect::<Vec<_>>(),
        ["traefik", "web", "websecure"]
    );
    let web = &configuration.entry_points["web"];
    assert_eq!(web.address.port(), 8000);
    assert_eq!(
        web.transport.responding_timeouts.read_timeout,
        GoDuration::from_secs(90)
    );
    assert_eq!(
        web.transport.responding_timeouts.idle_timeout,
        GoDuration::from_secs(20)
    );
    assert_eq!(web.forwarded_headers.trusted_ips, ["10.0.0.0/8", "::1"]);
    let tls = configuration.entry_points["websecure"]
        .http
        .tls
        .as_ref()
        .unwrap();
    assert_eq!(tls.domains[0].sans, ["www.example.org", "api.example.org"]);
    let ingress = configuration.providers.kubernetes_ingress.as_ref().unwrap();
    assert_eq!(ingress.cross_provider_namespaces, Some(Vec::new()));
    assert_eq!(configuration.default_entry_points(), ["websecure"]);
}

#[test]
fn a_file_full_of_mistakes_lists_all_of_them() {
    let files = Fake::with("./traefik.yml", include_str!("golden/mistakes.yaml"));
    let error = load(&[], &[], &files).unwrap_err();
    let text = error.to_string() + "\n";
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/static_/golden/mistakes.expected.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
}

#[test]
fn a_file_goes_before_flags_and_flags_before_the_environment() {
    let env = variables("TRAEFIK_API_INSECURE=true\nTRAEFIK_LOG_LEVEL=INFO");
    let flags = args(&["--ping", "--api.basePath=/x"]);
    let files = Fake::with("/etc/traefik/traefik.yml", "log: {}\n");

    let loaded = load(&flags, &env, &files).unwrap();
    assert_eq!(
        loaded.source,
        ConfigSource::File("/etc/traefik/traefik.yml".into())
    );
    assert!(loaded.configuration.ping.is_none() && loaded.configuration.api.is_none());
    let warnings: Vec<_> = loaded
        .warnings
        .iter()
        .map(|warning| warning.message.as_str())
        .collect();
    assert_eq!(
        warnings,
        [
            "the command-line flags --ping, --api.basePath are passed over, because the file /etc/traefik/traefik.yml is read",
            "the variables TRAEFIK_API_INSECURE, TRAEFIK_LOG_LEVEL are passed over, because the file \
         /etc/traefik/traefik.yml is read",
        ]
    );

    let loaded = load(&flags, &env, &Fake::default()).unwrap();
    assert_eq!(loaded.source, ConfigSource::Flags);
    assert!(loaded.configuration.ping.is_some() && loaded.configuration.log.is_none());
    assert_eq!(loaded.warnings.len(), 1);

    let loaded = load(&[], &env, &Fake::default()).unwrap();
    assert_eq!(loaded.source, ConfigSource::Environment);
    assert!(loaded.configuration.api.unwrap().insecure);
}

#[test]
fn a_file_is_looked_for_where_traefik_looks() {
    let env = variables("XDG_CONFIG_HOME=/xdg\nHOME=/home/me");
    for path in [
        "/etc/traefik/traefik.toml",
        "/etc/traefik/traefik.yaml",
        "/etc/pointsman/pointsman.yml",
        "/xdg/traefik.yml",
        "/home/me/.config/traefik.toml",
        "./traefik.yaml",
        "./pointsman.toml",
    ] {
        let loaded = load(&[], &env, &Fake::with(path, "")).unwrap();
        assert_eq!(loaded.source, ConfigSource::File(path.into()));
    }
    // Without the variable, its paths are not looked at.
    let loaded = load(&[], &[], &Fake::with("/traefik.yml", "ping: {}")).unwrap();
    assert_eq!(loaded.source, ConfigSource::Defaults);
    let loaded = load(
        &args(&["--configfile", "$HOME/x.yml"]),
        &env,
        &Fake::with("/home/me/x.yml", ""),
    )
    .unwrap();
    assert_eq!(loaded.source, ConfigSource::File("/home/me/x.yml".into()));
}

#[test]
fn a_config_file_that_cannot_be_read_ends_the_start() {
    let error = load(
        &args(&["--configFile=/nowhere.yml"]),
        &[],
        &Fake::with("./traefik.yml", ""),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("/nowhere.yml: cannot be read"),
        "{error}"
    );
    let error = load(
        &args(&["--configFile=/x.ini"]),
        &[],
        &Fake::with("/x.ini", ""),
    )
    .unwrap_err();
    assert!(error.to_string().contains("no known extension"), "{error}");
    let error = load(&args(&["--configFile"]), &[], &Fake::default()).unwrap_err();
    assert!(error.to_string().contains("needs a value"), "{error}");
    let error = load(
        &args(&["--configFile=/x.yml"]),
        &[],
        &Fake::with("/x.yml", "a: ["),
    )
    .unwrap_err();
    assert_eq!(error.problems.len(), 1);
    let error = load(
        &args(&["--configFile=/x.toml"]),
        &[],
        &Fake::with("/x.toml", "\n\na = "),
    )
    .unwrap_err();
    assert!(error.to_string().contains("line 3"), "{error}");
}

#[test]
fn without_anything_there_is_http_on_port_80() {
    let loaded = load(&[], &[], &Fake::default()).unwrap();
    assert_eq!(loaded.source, ConfigSource::Defaults);
    let entry_points: Vec<_> = loaded.configuration.entry_points.iter().collect();
    assert_eq!(entry_points.len(), 1);
    assert_eq!(
        (
            entry_points[0].0.as_str(),
            entry_points[0].1.address.to_string()
        ),
        ("http", ":80".to_owned())
    );
    assert_eq!(loaded.configuration.default_entry_points(), ["http"]);
}

#[test]
fn the_internal_entry_point_comes_with_what_needs_it() {
    let names = |flags: &[&str]| -> Vec<String> {
        let loaded = load(&args(flags), &[], &Fake::default()).unwrap();
        loaded
            .configuration
            .entry_points
            .into_iter()
            .map(|(name, entry)| format!("{name}{}", entry.address))
            .collect()
    };
    let web = "--entryPoints.web.address=:8000";
    for flags in [
        ["--ping", web],
        ["--api.insecure", web],
        ["--metrics.prometheus", web],
    ] {
        assert_eq!(names(&flags), ["traefik:8080", "web:8000"]);
    }
    assert_eq!(names(&["--ping"]), ["http:80", "traefik:8080"]);
    assert_eq!(names(&["--api", web]), ["web:8000"]);
    assert_eq!(names(&["--ping.manualRouting", web]), ["web:8000"]);
    assert_eq!(names(&["--ping.entryPoint=web", web]), ["web:8000"]);
    assert_eq!(
        names(&["--ping", "--entryPoints.traefik.address=:9000"]),
        ["traefik:9000"]
    );
}

#[test]
fn what_is_not_built_is_refused_by_name_with_a_reason() {
    for (flags, path) in [
        (&["--providers.docker"][..], "providers.docker"),
        (&["--providers.docker.network=x"], "providers.docker"),
        (
            &["--providers.kubernetescrd=true"],
            "providers.kubernetesCRD",
        ),
        (&["--providers.plugin.x.y=z"], "providers.plugin"),
        (&["--tracing"], "tracing"),
        (&["--tracing.otlp.http.endpoint=https://a"], "tracing"),
        (
            &["--entryPoints.http.address=:80", "--entryPoints.http.http3"],
            "entryPoints.http.http3",
        ),
        (
            &[
                "--entryPoints.a.address=:1",
                "--entryPoints.a.udp.timeout=1s",
            ],
            "entryPoints.a.udp",
        ),
        (&["--hostResolver.cnameFlattening"], "hostResolver"),
        (&["--api.dashboard=true"], "api.dashboard"),
        (&["--api.debug"], "api.debug"),
        (&["--metrics.statsD"], "metrics.statsD"),
        (
            &["--global.sendAnonymousUsage"],
            "global.sendAnonymousUsage",
        ),
        (
            &["--certificatesResolvers.le.acme.email=a@b.c"],
            "certificatesResolvers",
        ),
        (
            &["--experimental.plugins.x.moduleName=y"],
            "experimental.plugins",
        ),
        (
            &["--tcpServersTransport.dialTimeout=1s"],
            "tcpServersTransport",
        ),
        (
            &["--serversTransport.spiffe.ids=a"],
            "serversTransport.spiffe",
        ),
        (
            &[
                "--providers.kubernetesIngress.manifests=x",
                "--providers.kubernetesIngress.endpoint=y",
            ],
            "providers.kubernetesIngress.endpoint",
        ),
        (
            &["--providers.kubernetesIngress"],
            "providers.kubernetesIngress",
        ),
    ] {
        let mistakes = mistakes(flags);
        assert_eq!(mistakes.len(), 1, "{flags:?}: {mistakes:?}");
        assert!(
            mistakes[0].starts_with(&format!("{path}: ")),
            "{mistakes:?}"
        );
    }
}

#[test]
fn an_unbuilt_option_that_asks_for_nothing_is_accepted() {
    for flags in [
        &["--api", "--api.dashboard=false", "--api.debug=false"][..],
        &[
            "--global.sendAnonymousUsage=false",
            "--global.checkNewVersion=false",
        ],
        &[
            "--entryPoints.a.address=:1",
            "--entryPoints.a.observability.tracing=false",
            "--entryPoints.a.http3=false",
            "--entryPoints.a.observability.traceVerbosity=minimal",
        ],
        &[
            "--tracing=false",
            "--providers.docker=false",
            "--experimental.knative=false",
        ],
    ] {
        assert_eq!(mistakes(flags), [] as [String; 0]);
    }
    let files = Fake::with("./traefik.yml", "certificatesResolvers: {}\n");
    assert!(load(&[], &[], &files).is_ok());
}

#[test]
fn removed_options_say_what_takes_their_place() {
    for (flag, text) in [
        ("--pilot.token=x", "pilot: was removed in v3"),
        ("--providers.marathon", "providers.marathon: was removed"),
        (
            "--tracing.jaeger.propagation=b3",
            "tracing.jaeger: was removed in v3: use tracing.otlp",
        ),
        (
            "--providers.http.tls.caOptional",
            "providers.http.tls.caOptional: was removed",
        ),
        (
            "--providers.consul.namespace=x",
            "providers.consul.namespace: was removed",
        ),
    ] {
        let mistakes = mistakes(&[flag]);
        assert!(
            mistakes.iter().any(|mistake| mistake.starts_with(text)),
            "{flag}: {mistakes:?}"
        );
        assert!(
            mistakes
                .iter()
                .all(|mistake| !mistake.contains("unknown option")),
            "{flag}: {mistakes:?}"
        );
    }
}

#[test]
fn deprecated_and_idle_options_only_warn() {
    assert_eq!(
        warnings(&["--core.defaultRuleSyntax=v2"]),
        ["core.defaultRuleSyntax: is deprecated: write rules in the v3 syntax"]
    );
    for flag in [
        "--experimental.http3=true",
        "--experimental.kubernetesGateway",
        "--global.checkNewVersion",
        "--global.notAppendXForwardedFor",
        "--log.compress",
    ] {
        assert_eq!(warnings(&[flag]).len(), 1, "{flag}");
    }
}

#[test]
fn the_arguments_of_traefiks_helm_chart_are_understood() {
    let mistakes = mistakes(&[
        "--global.checknewversion",
        "--global.sendanonymoususage=false",
        "--entryPoints.metrics.address=:9100/tcp",
        "--entryPoints.traefik.address=:8080/tcp",
        "--entryPoints.web.address=:8000/tcp",
        "--entryPoints.websecure.address=:8443/tcp",
        "--api.dashboard=true",
        "--ping=true",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entrypoint=metrics",
        "--providers.kubernetescrd",
        "--providers.kubernetescrd.allowEmptyServices=true",
        "--providers.kubernetesingress",
        "--providers.kubernetesingress.allowEmptyServices=true",
        "--providers.kubernetesingress.ingressendpoint.publishedservice=ns/traefik",
        "--entryPoints.websecure.http.tls=true",
        "--log.level=INFO",
    ]);
    // What is left leaves when its feature is built.
    let paths: Vec<_> = mistakes
        .iter()
        .map(|mistake| mistake.split(':').next().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "api.dashboard",
            "providers.kubernetesCRD",
            "providers.kubernetesIngress"
        ]
    );
    assert!(
        mistakes
            .iter()
            .all(|mistake| mistake.contains("not built yet")),
        "{mistakes:?}"
    );
}

#[test]
fn two_entry_points_cannot_share_an_address() {
    let mistakes = mistakes(&[
        "--entryPoints.a.address=:80",
        "--entryPoints.b.address=:80/tcp",
    ]);
    assert_eq!(
        mistakes,
        [
            "entryPoints.b.address: \":80/tcp\" is the address of entry point \"a\" too: give each its own"
        ]
    );
}

#[test]
fn the_default_transport_keeps_more_idle_connections_than_others() {
    let transport = Configuration::default().servers_transport.to_dynamic();
    assert_eq!(transport.max_idle_conns_per_host, 200);
    assert_eq!(
        transport.forwarding_timeouts.unwrap().dial_timeout,
        GoDuration::from_secs(30)
    );
}

#[test]
fn no_secret_is_written_out() {
    let files = Fake::with(
        "./traefik.yml",
        "providers: {redis: {password: hunter2}}\nhub: {token: hunter2}\n",
    );
    let error = load(&[], &[], &files).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let node = crate::decode::yaml::parse("providers: {redis: {password: hunter2}}").unwrap();
    let (configuration, problems) = crate::decode::decode::<Configuration>(&node);
    assert_eq!(problems, []);
    let json = serde_json::to_string(&configuration).unwrap();
    assert!(json.contains("xxxx") && !json.contains("hunter2"));
    assert!(!format!("{configuration:?}").contains("hunter2"));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn loading_never_panics(
            flags in proptest::collection::vec("-{0,2}[a-zA-Z.\\[\\]0-9=]{0,30}", 0..5),
            env in proptest::collection::vec(("(TRAEFIK_|POINTSMAN_|)(API|LOG|PING|PROVIDERS)?[A-Z_0-9]{0,20}", ".{0,6}"), 0..5),
            cut in 0..2_000_usize,
            junk in "[ -~]{0,4}",
        ) {
            let _ = load(&flags, &env, &Fake::default());
            for (path, text) in [
                ("./traefik.yml", include_str!("golden/site.yaml")),
                ("./traefik.toml", include_str!("golden/site.toml")),
            ] {
                let (before, after) = text.split_at(cut.min(text.len()));
                let _ = load(&[], &[], &Fake::with(path, &format!("{before}{junk}{after}")));
            }
        }
    }
}
