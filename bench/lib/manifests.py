"""Kubernetes manifests for pointsman: what each scenario needs, as files in a folder."""

import base64
from pathlib import Path

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: bench}}
spec:
  ports: [{{name: http, port: 80, targetPort: 8080, protocol: TCP}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-1
  namespace: bench
  labels: {{kubernetes.io/service-name: {name}}}
addressType: IPv4
ports: [{{name: http, port: {port}, protocol: TCP}}]
endpoints: [{endpoints}]
"""

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: bench}}
spec:
  tls: [{tls}]
  rules:
  - host: {host}
    http:
      paths:
{paths}
"""

PATH = """\
      - {{path: {path}, pathType: Prefix, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}"""


def host(i):
    """The i-th host of the scenarios with many."""
    return f"host-{i}.bench.example"


def service(name, port, addresses=("127.0.0.1",)):
    endpoints = ", ".join(f"{{addresses: [{a}], conditions: {{ready: true}}}}" for a in addresses)
    return SERVICE.format(name=name, port=port, endpoints=endpoints)


def ingress(name, host, service, paths=("/",), tls=False):
    return INGRESS.format(
        name=name,
        host=host,
        tls=f"{{hosts: [{host}], secretName: bench-tls}}" if tls else "",
        paths="\n".join(PATH.format(path=p, service=service) for p in paths),
    )


def secret(certificate, key):
    encode = lambda path: base64.b64encode(Path(path).read_bytes()).decode()
    return (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: bench-tls, namespace: bench}\n"
        "type: kubernetes.io/tls\ndata:\n"
        f"  tls.crt: {encode(certificate)}\n  tls.key: {encode(key)}\n"
    )


def one_route(folder, backend, certificate, key):
    """The single route of the throughput scenarios: host `localhost`, every path."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    (folder / "site.yaml").write_text(
        "---\n".join(
            [service("web", backend), secret(certificate, key), ingress("web", "localhost", "web", tls=True)]
        )
    )


def many_routes(folder, backend, hosts, paths=("/",)):
    """One Ingress a file, one service for all."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    (folder / "service.yaml").write_text(service("web", backend))
    for i in range(hosts):
        (folder / f"ingress-{i}.yaml").write_text(ingress(f"web-{i}", host(i), "web", paths))


def many_services(folder, backend, count):
    """`count` Ingresses, each with its own service of two endpoints.

    The second address is of the same loopback network, so that both reach a backend that
    listens on every address."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    for i in range(count):
        (folder / f"app-{i}.yaml").write_text(
            service(f"web-{i}", backend, ("127.0.0.1", "127.0.0.2"))
            + "---\n"
            + ingress(f"web-{i}", host(i), f"web-{i}")
        )
