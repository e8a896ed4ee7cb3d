//! Every name that users see in metrics, access log and log. Traefik's where it has one.

/// Names of metric families.
pub mod metrics {
    /// Configurations that were taken over.
    pub const CONFIG_RELOADS: &str = "traefik_config_reloads_total";
    /// When the last configuration was taken over, in seconds since 1970.
    pub const CONFIG_LAST_RELOAD_SUCCESS: &str = "traefik_config_last_reload_success";
    /// Connections of clients that are open.
    pub const OPEN_CONNECTIONS: &str = "traefik_open_connections";
    /// When certificates expire, in seconds since 1970.
    pub const CERTIFICATES_NOT_AFTER: &str = "traefik_tls_certs_not_after";
    /// Further tries of requests to a service.
    pub const SERVICE_RETRIES: &str = "traefik_service_retries_total";
    /// Whether servers with health checks are up.
    pub const SERVICE_SERVER_UP: &str = "traefik_service_server_up";
    /// Panics that were caught.
    pub const PANICS: &str = "pointsman_panics_total";
    /// Number of the configuration in force.
    pub const CONFIG_GENERATION: &str = "pointsman_config_generation";
    /// Lines of the access log that were lost because its buffer was full.
    pub const ACCESS_LOG_DROPPED: &str = "pointsman_access_log_dropped_lines_total";
    /// Writes of the access log that failed.
    pub const ACCESS_LOG_WRITE_ERRORS: &str = "pointsman_access_log_write_errors_total";
}

/// Names of metric labels.
pub mod labels {
    /// Status of the response; for gRPC its `Grpc-Status`.
    pub const CODE: &str = "code";
    /// Method of the request, or `EXTENSION_METHOD`.
    pub const METHOD: &str = "method";
    /// What is spoken: `http`, `websocket`, `sse`, `grpc`, `grpc-web`; for connections `TCP`, `UDP`.
    pub const PROTOCOL: &str = "protocol";
    /// Name of the entry point.
    pub const ENTRY_POINT: &str = "entrypoint";
    /// Qualified name of the router.
    pub const ROUTER: &str = "router";
    /// Qualified name of the service.
    pub const SERVICE: &str = "service";
    /// URL of a server.
    pub const URL: &str = "url";
    /// `1.2` or `1.3`.
    pub const TLS_VERSION: &str = "tls_version";
    /// IANA name of the cipher suite.
    pub const TLS_CIPHER: &str = "tls_cipher";
    /// Common name of a certificate.
    pub const CN: &str = "cn";
    /// Serial number of a certificate, decimal.
    pub const SERIAL: &str = "serial";
    /// DNS names of a certificate, sorted, with commas between them.
    pub const SANS: &str = "sans";
}

/// Names of access-log fields.
pub mod access_log {
    /// Host and port of the client's socket.
    pub const CLIENT_ADDR: &str = "ClientAddr";
    /// Address of the client, or its whole `X-Forwarded-For`.
    pub const CLIENT_HOST: &str = "ClientHost";
    /// Port of the client's socket.
    pub const CLIENT_PORT: &str = "ClientPort";
    /// Authenticated user, or `-`.
    pub const CLIENT_USERNAME: &str = "ClientUsername";
    /// Bytes of the response's body as the client got it.
    pub const DOWNSTREAM_CONTENT_SIZE: &str = "DownstreamContentSize";
    /// Status that the client got.
    pub const DOWNSTREAM_STATUS: &str = "DownstreamStatus";
    /// Nanoseconds from head to end.
    pub const DURATION: &str = "Duration";
    /// `OriginContentSize` by `DownstreamContentSize`, where they differ.
    pub const GZIP_RATIO: &str = "GzipRatio";
    /// Name of the Ingress.
    pub const KUBERNETES_INGRESS_NAME: &str = "KubernetesIngressName";
    /// Namespace of the Ingress.
    pub const KUBERNETES_INGRESS_NAMESPACE: &str = "KubernetesIngressNamespace";
    /// Name of the Service.
    pub const KUBERNETES_SERVICE_NAME: &str = "KubernetesServiceName";
    /// Port of the Service.
    pub const KUBERNETES_SERVICE_PORT: &str = "KubernetesServicePort";
    /// Bytes of the response's body as the server sent it.
    pub const ORIGIN_CONTENT_SIZE: &str = "OriginContentSize";
    /// Nanoseconds that the service took.
    pub const ORIGIN_DURATION: &str = "OriginDuration";
    /// Status that the server sent; 0 where none did.
    pub const ORIGIN_STATUS: &str = "OriginStatus";
    /// `Duration` less `OriginDuration`.
    pub const OVERHEAD: &str = "Overhead";
    /// `Host` of the request.
    pub const REQUEST_ADDR: &str = "RequestAddr";
    /// Bytes of the request's body.
    pub const REQUEST_CONTENT_SIZE: &str = "RequestContentSize";
    /// Number of the request since the start.
    pub const REQUEST_COUNT: &str = "RequestCount";
    /// `Host` without its port.
    pub const REQUEST_HOST: &str = "RequestHost";
    /// Method.
    pub const REQUEST_METHOD: &str = "RequestMethod";
    /// Path and, unless it is dropped, query.
    pub const REQUEST_PATH: &str = "RequestPath";
    /// Port of `Host`, or `-`.
    pub const REQUEST_PORT: &str = "RequestPort";
    /// `HTTP/1.0`, `HTTP/1.1`, `HTTP/2.0`, `HTTP/3.0`.
    pub const REQUEST_PROTOCOL: &str = "RequestProtocol";
    /// `http` or `https`.
    pub const REQUEST_SCHEME: &str = "RequestScheme";
    /// Tries after the first.
    pub const RETRY_ATTEMPTS: &str = "RetryAttempts";
    /// Qualified name of the router; with multi-layer routing all of them.
    pub const ROUTER_NAME: &str = "RouterName";
    /// Host and port of the server.
    pub const SERVICE_ADDR: &str = "ServiceAddr";
    /// Qualified name of the service.
    pub const SERVICE_NAME: &str = "ServiceName";
    /// URL of the server.
    pub const SERVICE_URL: &str = "ServiceURL";
    /// Deprecated name of `span_id`.
    pub const SPAN_ID_DEPRECATED: &str = "SpanId";
    /// When the request came, in the local time zone.
    pub const START_LOCAL: &str = "StartLocal";
    /// When the request came, in UTC.
    pub const START_UTC: &str = "StartUTC";
    /// IANA name of the cipher suite.
    pub const TLS_CIPHER: &str = "TLSCipher";
    /// Subject of the client's certificate.
    pub const TLS_CLIENT_SUBJECT: &str = "TLSClientSubject";
    /// `1.2` or `1.3`.
    pub const TLS_VERSION: &str = "TLSVersion";
    /// Deprecated name of `trace_id`.
    pub const TRACE_ID_DEPRECATED: &str = "TraceId";
    /// Name of the entry point.
    pub const ENTRY_POINT_NAME: &str = "entryPointName";
    /// Identifies the span.
    pub const SPAN_ID: &str = "span_id";
    /// Identifies the trace.
    pub const TRACE_ID: &str = "trace_id";
    /// Before the names of request headers.
    pub const REQUEST_HEADER_PREFIX: &str = "request_";
    /// Before the names of headers of the server's response.
    pub const ORIGIN_HEADER_PREFIX: &str = "origin_";
    /// Before the names of headers of the response to the client.
    pub const DOWNSTREAM_HEADER_PREFIX: &str = "downstream_";
}

/// Names of fields of the own log.
pub mod log {
    /// Severity.
    pub const LEVEL: &str = "level";
    /// When it was written.
    pub const TIME: &str = "time";
    /// What it says.
    pub const MESSAGE: &str = "message";
    /// Why it happened.
    pub const ERROR: &str = "error";
    /// Name of the entry point.
    pub const ENTRY_POINT_NAME: &str = "entryPointName";
    /// Qualified name of the router.
    pub const ROUTER_NAME: &str = "routerName";
    /// Qualified name of the middleware.
    pub const MIDDLEWARE_NAME: &str = "middlewareName";
    /// Kind of the middleware.
    pub const MIDDLEWARE_TYPE: &str = "middlewareType";
    /// Name of the provider.
    pub const PROVIDER_NAME: &str = "providerName";
    /// Qualified name of the service.
    pub const SERVICE_NAME: &str = "serviceName";
    /// URL of the server.
    pub const SERVER_NAME: &str = "serverName";
}
