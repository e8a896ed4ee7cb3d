//! TLS on both sides: which certificate, which protocol, which policy; and renewal under open connections.

use std::net::SocketAddr;
use std::sync::Arc;

use pointsman_testkit::certs::{Authority, Leaf};
use pointsman_testkit::{Upstream, Wire};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::http2::Client;
use crate::support::{OK, Proxy, load_balancer, run, to_service};

/// Believes every certificate: the tests look at which one it is.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

async fn connect(
    address: SocketAddr,
    name: &'static str,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    // A name of digits is an address, for which no server name is sent.
    let name = ServerName::try_from(name).unwrap();
    let tcp = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
}

fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

fn pem(leaf: &Leaf) -> String {
    format!(
        "{{ certFile: {:?}, keyFile: {:?} }}",
        leaf.certificate_pem, leaf.key_pem
    )
}

/// Routers with TLS for these hosts (with options, where named), and these certificates; the first is the default one.
fn dynamic(server: SocketAddr, hosts: &[(&str, &str)], certificates: &[&Leaf]) -> String {
    let routers: Vec<String> = hosts
        .iter()
        .enumerate()
        .map(|(n, (host, options))| {
            format!(
                "r{n}: {{ rule: 'Host(`{host}`)', service: all, tls: {{ options: '{options}' }} }}"
            )
        })
        .collect();
    let list: Vec<String> = certificates.iter().skip(1).map(|leaf| pem(leaf)).collect();
    format!(
        "http: {{ routers: {{ {} }}, services: {{ all: {} }} }}\ntls: {{ certificates: [ {} ], stores: {{ default: {{ defaultCertificate: {} }} }}, options: {{ strict: {{ minVersion: VersionTLS13 }} }} }}",
        routers.join(", "),
        load_balancer(&[server], ""),
        list.join(", "),
        pem(certificates[0])
    )
}

#[test]
fn the_server_name_chooses_the_certificate_exact_before_wildcard_before_default() {
    run(async || {
        let authority = Authority::new("test").unwrap();
        let default = authority.server(&["default.example"]).unwrap();
        let exact = authority.server(&["a.example"]).unwrap();
        let wild = authority.server(&["*.example"]).unwrap();
        let upstream = Upstream::answering(OK).await.unwrap();
        let hosts = [("a.example", "")];
        let proxy = Proxy::with(
            "",
            &dynamic(upstream.address(), &hosts, &[&default, &exact, &wild]),
        );
        for (name, expected) in [
            ("a.example", &exact),
            ("A.Example", &exact),
            ("b.example", &wild),
            ("x.b.example", &default),
            ("other.test", &default),
            ("127.0.0.1", &default),
        ] {
            let stream = connect(proxy.address("web"), name, &[]).await.unwrap();
            assert!(shown(&stream) == expected.certificate_der, "{name}");
        }
    });
}

#[test]
fn a_renewed_certificate_is_served_at_once_and_closes_no_connection() {
    run(async || {
        let authority = Authority::new("test").unwrap();
        let default = authority.server(&["default.example"]).unwrap();
        let (old, new) = (
            authority.server(&["a.example"]).unwrap(),
            authority.server(&["a.example"]).unwrap(),
        );
        let upstream = Upstream::answering(OK).await.unwrap();
        let hosts = [("a.example", "")];
        let mut proxy = Proxy::with("", &dynamic(upstream.address(), &hosts, &[&default, &old]));
        let before = connect(proxy.address("web"), "a.example", &[])
            .await
            .unwrap();
        assert!(shown(&before) == old.certificate_der);
        let mut before = Wire::new(before);
        let get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        before.send(get).await.unwrap();
        assert_eq!(before.read_response("GET").await.unwrap().body, b"ok");
        let mut h2 = Client::over(
            connect(proxy.address("web"), "a.example", &["h2"])
                .await
                .unwrap(),
            &h2::client::Builder::new(),
        )
        .await;
        assert_eq!(h2.get("https://a.example/").await.unwrap().1, "ok");

        proxy.swap(&dynamic(upstream.address(), &hosts, &[&default, &new]));
        let after = connect(proxy.address("web"), "a.example", &[])
            .await
            .unwrap();
        assert!(shown(&after) == new.certificate_der);
        before.send(get).await.unwrap();
        assert_eq!(before.read_response("GET").await.unwrap().body, b"ok");
        assert_eq!(h2.get("https://a.example/").await.unwrap().1, "ok");
    });
}

#[test]
fn alpn_chooses_the_protocol_and_servers_learn_of_tls() {
    run(async || {
        let authority = Authority::new("test").unwrap();
        let leaf = authority.server(&["a.example"]).unwrap();
        let upstream = Upstream::answering(OK).await.unwrap();
        let proxy = Proxy::with(
            "",
            &dynamic(upstream.address(), &[("a.example", "")], &[&leaf]),
        );
        let stream = connect(proxy.address("web"), "a.example", &["h2", "http/1.1"])
            .await
            .unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut client = Client::over(stream, &h2::client::Builder::new()).await;
        assert_eq!(client.get("https://a.example/").await.unwrap().1, "ok");
        let stream = connect(proxy.address("web"), "a.example", &["http/1.1"])
            .await
            .unwrap();
        let mut client = Wire::new(stream);
        client
            .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(client.read_response("GET").await.unwrap().body, b"ok");
        for _ in 0..2 {
            let seen = upstream.request().await.unwrap();
            assert_eq!(seen.head.field("x-forwarded-proto"), Some("https"));
            assert_eq!(seen.head.field("x-forwarded-port"), Some("443"));
        }
        connect(proxy.address("web"), "a.example", &["spdy/1"])
            .await
            .expect_err("no protocol in common");
        // A router with TLS is not for plain requests.
        assert_eq!(proxy.get("a.example", "/").await.head.status(), Some(404));
    });
}

#[test]
fn a_host_of_another_policy_is_misdirected() {
    run(async || {
        let authority = Authority::new("test").unwrap();
        let leaf = authority.server(&["*.example"]).unwrap();
        let upstream = Upstream::answering(OK).await.unwrap();
        let hosts = [
            ("a.example", ""),
            ("b.example", ""),
            ("strict.example", "strict"),
        ];
        let proxy = Proxy::with("", &dynamic(upstream.address(), &hosts, &[&leaf]));
        for (sni, host, status) in [
            ("a.example", "a.example", 200),
            ("a.example", "b.example", 200),
            ("a.example", "B.EXAMPLE.:443", 200),
            ("a.example", "strict.example", 421),
            ("a.example", "STRICT.example.", 421),
            ("strict.example", "a.example", 421),
            ("strict.example", "strict.example", 200),
            ("127.0.0.1", "strict.example", 421),
        ] {
            let stream = connect(proxy.address("web"), sni, &["http/1.1"])
                .await
                .unwrap();
            let mut client = Wire::new(stream);
            client
                .send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
                .await
                .unwrap();
            let answer = client.read_response("GET").await.unwrap();
            assert_eq!(answer.head.status(), Some(status), "{sni} {host}");
            let stream = connect(proxy.address("web"), sni, &["h2"]).await.unwrap();
            let mut client = Client::over(stream, &h2::client::Builder::new()).await;
            let (parts, _) = client.get(&format!("https://{host}/")).await.unwrap();
            assert_eq!(parts.status.as_u16(), status, "h2 {sni} {host}");
        }
    });
}

/// A server behind TLS that offers these protocols and answers one HTTP/2 stream or HTTP/1 request per connection with
/// the name of what it speaks.
async fn tls_server(alpn: &'static [&'static str]) -> SocketAddr {
    let leaf = Authority::new("servers")
        .unwrap()
        .server(&["localhost"])
        .unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.certificate_der.into()],
            PrivateKeyDer::try_from(leaf.key_der).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(tls) = acceptor.accept(tcp).await else {
                continue;
            };
            let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
            tokio::task::spawn_local(async move {
                if http2 {
                    let mut connection = h2::server::handshake(tls).await.unwrap();
                    while let Some(Ok((_, mut answer))) = connection.accept().await {
                        let mut body = answer
                            .send_response(http::Response::new(()), false)
                            .unwrap();
                        body.send_data("h2".into(), true).unwrap();
                    }
                } else {
                    let mut wire = Wire::new(tls);
                    while wire.read_request().await.is_ok() {
                        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh1")
                            .await
                            .unwrap();
                    }
                }
            });
        }
    });
    address
}

#[test]
fn servers_behind_tls_are_spoken_to_as_they_agree() {
    run(async || {
        for (alpn, expected) in [
            (&["h2", "http/1.1"][..], "h2"),
            (&["http/1.1"], "h1"),
            (&[], "h1"),
        ] {
            let address = tls_server(alpn).await;
            let service = format!(
                "{{ loadBalancer: {{ serversTransport: lax, servers: [ {{ url: 'https://{address}' }} ] }} }}"
            );
            let dynamic = to_service("", &service).replacen(
                "http: {",
                "http: { serversTransports: { lax: { insecureSkipVerify: true } }, ",
                1,
            );
            let proxy = Proxy::with("", &dynamic);
            for _ in 0..3 {
                assert_eq!(proxy.get("a", "/").await.body, expected.as_bytes());
            }
            // Without the option its certificate counts, and is nobody's.
            let strict = to_service("", &service.replace("serversTransport: lax, ", ""));
            let proxy = Proxy::with("", &strict);
            assert_eq!(proxy.get("a", "/").await.head.status(), Some(502));
        }
    });
}
