// Node's fetch, http and http2 against the proxy. Started by e2e/run.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { test } from "node:test";

const { E2E_WEB: web, E2E_WEBSECURE: websecure, E2E_CA: caFile } = process.env;
const ca = readFileSync(caFile);
// fetch allows no Host header of one's own, so it asks for the host `localhost`; its certificate
// authority is given by NODE_EXTRA_CA_CERTS.
const bases = [`http://localhost:${web}`, `https://localhost:${websecure}`];

/** An HTTP/2 session for a host of the proxy, with and without TLS. */
const sessions = (host) => [
  http2.connect(`http://127.0.0.1:${web}`),
  http2.connect(`https://127.0.0.1:${websecure}`, { ca, servername: host }),
];

/** One HTTP/2 request: headers, interim headers, body, trailers. */
const ask = async (session, headers, body) => {
  const stream = session.request({ ":authority": "web.e2e.test", ...headers }, { endStream: body === undefined });
  const interim = [];
  let trailers = {};
  stream.on("headers", (found) => interim.push(found));
  stream.on("trailers", (found) => (trailers = found));
  const answered = once(stream, "response");
  if (body !== undefined) stream.end(body);
  const [head] = await answered;
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return { head, interim, trailers, body: Buffer.concat(pieces) };
};

test("fetch gets bodies of all sizes", async () => {
  for (const base of bases)
    for (const size of [0, 1, 16384, 1 << 20]) {
      const answer = await fetch(`${base}/bytes/${size}`);
      assert.equal(answer.status, 200);
      assert.equal((await answer.arrayBuffer()).byteLength, size);
    }
});

test("fetch streams an upload and gets it back", async () => {
  for (const base of bases) {
    const pieces = Array.from({ length: 64 }, (_, i) => Buffer.alloc(10_000, i));
    const body = ReadableStream.from(pieces);
    const answer = await fetch(`${base}/echo`, { method: "POST", body, duplex: "half" });
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.concat(pieces));
  }
});

test("fetch sends two hundred requests at once", async () => {
  for (const base of bases) {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => fetch(`${base}/bytes/${i}`)));
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    assert.deepEqual(bodies.map((body) => body.length), bodies.map((_, i) => i));
  }
});

test("an aborted fetch ends the request at the backend", async () => {
  for (const [i, base] of bases.entries()) {
    const controller = new AbortController();
    const answer = await fetch(`${base}/wait/node-fetch-${i}`, { signal: controller.signal });
    const reader = answer.body.getReader();
    assert.equal(Buffer.from((await reader.read()).value).toString(), "started\n");
    controller.abort();
    await assert.rejects(reader.read(), { name: "AbortError" });
    assert.equal((await fetch(`${base}/cancelled/node-fetch-${i}`)).status, 200);
  }
});

test("http requests reuse one connection", async () => {
  for (const [module, port] of [[http, web], [https, websecure]]) {
    const agent = new module.Agent({ keepAlive: true, maxSockets: 1, ca });
    const ports = new Set();
    for (let i = 0; i < 10; i += 1) {
      const request = module.get({ agent, port, host: "127.0.0.1", servername: "web.e2e.test", path: "/hello", headers: { host: "web.e2e.test" } });
      const [answer] = await once(request, "response");
      ports.add(answer.socket.localPort);
      answer.resume();
      await once(answer, "end");
    }
    agent.destroy();
    assert.equal(ports.size, 1);
  }
});

test("http sees interim answers", async () => {
  const request = http.get({ port: web, host: "127.0.0.1", path: "/hints", headers: { host: "web.e2e.test" } });
  const interim = [];
  request.on("information", (found) => interim.push([found.statusCode, found.headers.link]));
  const [answer] = await once(request, "response");
  answer.resume();
  assert.deepEqual(interim, [[103, "</style.css>; rel=preload"]]);
});

test("http2 multiplexes streams and gets interim answers and trailers", async () => {
  for (const session of sessions("web.e2e.test")) {
    const hints = ask(session, { ":path": "/hints" });
    const echo = ask(session, { ":path": "/echo", ":method": "POST" }, Buffer.alloc(300_000, "x"));
    const many = Array.from({ length: 100 }, (_, i) => ask(session, { ":path": `/bytes/${i * 100}` }));
    const hinted = await hints;
    assert.equal(hinted.body.toString(), "hinted\n");
    assert.deepEqual(hinted.interim.map((found) => [found[":status"], found.link]), [[103, "</style.css>; rel=preload"]]);
    const echoed = await echo;
    assert.equal(echoed.body.length, 300_000);
    assert.equal(echoed.trailers["x-bytes"], "300000");
    assert.deepEqual((await Promise.all(many)).map(({ body }) => body.length), many.map((_, i) => i * 100));
    session.close();
  }
});

test("a reset http2 stream ends only its own request", async () => {
  for (const [i, session] of sessions("web.e2e.test").entries()) {
    const stream = session.request({ ":authority": "web.e2e.test", ":path": `/wait/node-h2-${i}` });
    const [piece] = await once(stream, "data");
    assert.equal(piece.toString(), "started\n");
    stream.close(http2.constants.NGHTTP2_CANCEL);
    const { head } = await ask(session, { ":path": `/cancelled/node-h2-${i}` });
    assert.equal(head[":status"], 200);
    session.close();
  }
});

test("http2 requests reach h2c and https backends", async () => {
  for (const host of ["h2c.e2e.test", "secure.e2e.test"])
    for (const session of sessions(host)) {
      const { head, body } = await ask(session, { ":authority": host, ":path": "/echo", ":method": "POST" }, "over there");
      assert.equal(head[":status"], 200);
      assert.equal(body.toString(), "over there");
      session.close();
    }
});
