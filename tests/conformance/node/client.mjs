// A connection to a hub, written from docs/reference/protocol.md alone: sign-in, websocket, frames, leases, reconnects.
// Node 18 or newer, no package needed.

import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import os from "node:os";
import path from "node:path";

const MARK = `big-${crypto.randomUUID()}-`;
const SCALARS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, "g");

/** Parse JSON; integers that a JavaScript number cannot hold become BigInt. */
export function decode(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(SCALARS, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token);
  return JSON.parse(marked, (key, value) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value);
}

/** Write JSON; BigInt becomes an integer, lone surrogates and NUL become escapes. */
export function encode(value) {
  let big = false;
  const text = JSON.stringify(value, (key, item) => {
    if (typeof item !== "bigint") return item;
    big = true;
    return MARK + item.toString();
  });
  return big ? text.replace(MARKED, "$1") : text;
}

export const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The value that follows `name` on the command line. */
export function option(name, fallback = undefined) {
  const at = process.argv.indexOf(name);
  return at >= 0 && at + 1 < process.argv.length ? process.argv[at + 1] : fallback;
}

/** POST a JSON body, give the JSON answer; an error carries the `status`. */
function post(url, body) {
  const text = JSON.stringify(body);
  const target = new URL(url);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const request = (target.protocol === "https:" ? https : http)
      .request(target, { method: "POST", headers, timeout: 10_000, agent: false }, (response) => {
        const parts = [];
        response.on("error", reject);
        response.on("data", (part) => parts.push(part));
        response.on("end", () => {
          const answer = Buffer.concat(parts).toString("utf8");
          if (response.statusCode === 200) return resolve(JSON.parse(answer));
          return reject(Object.assign(new Error(`${url}: ${response.statusCode} ${answer}`), { status: response.statusCode }));
        });
      });
    request.on("timeout", () => request.destroy(new Error(`${url}: no answer`)));
    request.on("error", reject);
    request.end(text);
  });
}

/** Where the hub is now; it may listen elsewhere after a restart. */
function hubUrl(folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, "hub.json"), "utf8")).url.replace(/\/$/, "");
}

/** Prove that this process can read the hub's key file; gives a token. */
async function signIn(folder, app) {
  if (process.env.ARKITEKT_TOKEN) return process.env.ARKITEKT_TOKEN;
  const url = hubUrl(folder);
  const authority = new URL(url).host;
  const key = Buffer.from(fs.readFileSync(path.join(folder, "local.key"), "utf8").trim(), "hex");
  const prove = (who, mine, theirs) =>
    crypto.createHmac("sha256", key).update(`${who}|${authority}|${mine}|${theirs}`).digest("hex");
  const nonce = crypto.randomBytes(32).toString("hex");
  const answer = await post(`${url}/api/auth/local/challenge`, { client_nonce: nonce });
  const expected = Buffer.from(prove("arkitekt-hub", nonce, answer.server_nonce));
  const given = Buffer.from(String(answer.proof));
  if (expected.length !== given.length || !crypto.timingSafeEqual(expected, given)) {
    throw new Error(`what listens at ${authority} is not the hub of ${folder}`);
  }
  const proof = prove("arkitekt-client", nonce, answer.server_nonce);
  return (await post(`${url}/api/auth/local/token`, { challenge: answer.challenge, proof, app })).token;
}

/** The client side of RFC 6455: masked frames out; text, ping, close and continuation frames in. */
class Socket {
  constructor(socket, head, handlers) {
    this.socket = socket;
    this.handlers = handlers;
    this.buffer = head;
    this.parts = [];
    this.closed = false;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.take(data));
    socket.on("error", () => this.end());
    socket.on("close", () => this.end());
    socket.on("end", () => socket.destroy());
    if (head.length) setImmediate(() => this.take(Buffer.alloc(0)));
  }

  take(data) {
    this.buffer = this.buffer.length ? Buffer.concat([this.buffer, data]) : data;
    for (let frame = this.cut(); frame; frame = this.cut()) this.frame(frame);
  }

  /** Cut one frame off the buffer, or nothing when it has not arrived in full. */
  cut() {
    const buffer = this.buffer;
    if (this.closed || buffer.length < 2) return null;
    let length = buffer[1] & 0x7f;
    let at = 2;
    if (length === 126) {
      if (buffer.length < 4) return null;
      length = buffer.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (buffer.length < 10) return null;
      length = Number(buffer.readBigUInt64BE(2));
      at = 10;
    }
    if (buffer.length < at + length) return null;
    this.buffer = buffer.subarray(at + length);
    return { fin: (buffer[0] & 0x80) !== 0, opcode: buffer[0] & 0x0f, payload: buffer.subarray(at, at + length) };
  }

  frame({ fin, opcode, payload }) {
    if (opcode === 0x9) return this.write(0xa, payload);
    if (opcode === 0xa) return undefined;
    if (opcode === 0x8) {
      this.code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.write(0x8, payload.subarray(0, 2));
      return this.socket.end();
    }
    this.parts.push(payload);
    if (!fin) return undefined;
    const text = Buffer.concat(this.parts).toString("utf8");
    this.parts = [];
    return this.handlers.text(text);
  }

  write(opcode, payload) {
    if (this.closed || this.socket.destroyed) return;
    const length = payload.length;
    const size = length < 126 ? 2 : length < 65536 ? 4 : 10;
    const frame = Buffer.allocUnsafe(size + 4 + length);
    frame[0] = 0x80 | opcode;
    frame[1] = 0x80 | (size === 2 ? length : size === 4 ? 126 : 127);
    if (size === 4) frame.writeUInt16BE(length, 2);
    if (size === 10) frame.writeBigUInt64BE(BigInt(length), 2);
    const mask = crypto.randomBytes(4);
    mask.copy(frame, size);
    for (let i = 0; i < length; i++) frame[size + 4 + i] = payload[i] ^ mask[i & 3];
    this.socket.write(frame);
  }

  text(text) {
    this.write(0x1, Buffer.from(text, "utf8"));
  }

  close(code) {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.write(0x8, payload);
    setTimeout(() => this.socket.destroy(), 1000).unref();
  }

  abort() {
    this.socket.destroy();
  }

  end() {
    if (this.closed) return;
    this.closed = true;
    this.handlers.closed(this.code ?? 1006);
  }
}

/** Upgrade to a websocket; an error carries the HTTP `status` when there is one. */
function upgrade(url, token, handlers) {
  const target = new URL(`${url}/ws`);
  const key = crypto.randomBytes(16).toString("base64");
  const headers = {
    Connection: "Upgrade", Upgrade: "websocket", Authorization: `Bearer ${token}`,
    "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "arkitekt.v1",
  };
  return new Promise((resolve, reject) => {
    const request = (target.protocol === "https:" ? https : http).request(target, { headers, timeout: 10_000, agent: false });
    request.on("upgrade", (response, socket, head) => {
      const accept = crypto.createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      if (response.headers["sec-websocket-accept"] !== accept) {
        socket.destroy();
        return reject(new Error("not a websocket server"));
      }
      socket.setTimeout(0);
      return resolve(new Socket(socket, head, handlers));
    });
    request.on("response", (response) => {
      response.resume();
      reject(Object.assign(new Error(`upgrade answered ${response.statusCode}`), { status: response.statusCode }));
    });
    request.on("timeout", () => request.destroy(new Error("no answer to the upgrade")));
    request.on("error", reject);
    request.end();
  });
}

/**
 * One session with a hub that reconnects for ever.
 * `handlers.open(welcome)` after each welcome, `handlers.message(message)` for each message, `handlers.down(code)` after a break.
 */
export class Link {
  constructor({ folder, app, session = crypto.randomUUID(), handlers }) {
    Object.assign(this, { folder, app, session, handlers });
    this.turn = [];
    this.limit = 262_144;
    this.up = false;
    this.stopped = false;
    this.pings = 0;
  }

  /** Connect, and connect again whenever the connection breaks, until `stop`. */
  async run() {
    this.tries = 0;
    for (;;) {
      try {
        await this.once();
      } catch (error) {
        if (error.status === 401) this.token = undefined;
        process.stderr.write(`${this.app}: ${error.message}\n`);
      }
      if (this.stopped) return;
      await sleep(Math.min(0.1 * 2 ** this.tries, 5) * (0.5 + Math.random()));
      this.tries += 1;
    }
  }

  async once() {
    this.token ??= await signIn(this.folder, this.app);
    let closed;
    const end = new Promise((resolve) => { closed = resolve; });
    this.heard = this.spoke = Date.now();
    this.lease = 30_000;
    this.heartbeat = 10_000;
    const socket = await upgrade(hubUrl(this.folder), this.token, { text: (text) => this.frame(text), closed });
    this.socket = socket;
    this.send([{
      kind: "hello", protocol: [1, 1], capabilities: [], session: this.session, app: this.app,
      release: { version: "1.0" }, sdk: "node/1", host: os.hostname(),
    }]);
    this.watch = setTimeout(() => this.beat(), 100);
    const code = await end;
    clearTimeout(this.watch);
    const was = this.up;
    this.up = false;
    this.turn = [];
    if (code === 4401) this.token = undefined;
    if (was) this.handlers.down(code);
  }

  /** Renew the lease with a ping when there was nothing to say; give the connection up when the hub was silent too long. */
  beat() {
    const now = Date.now();
    if (now - this.heard > this.lease) return this.socket.abort();
    if (this.up && now - this.spoke >= this.heartbeat) this.send([{ kind: "ping", number: ++this.pings }]);
    const next = Math.min(this.heard + this.lease, this.up ? this.spoke + this.heartbeat : Infinity) - Date.now();
    this.watch = setTimeout(() => this.beat(), Math.max(10, next + 1));
    return undefined;
  }

  frame(text) {
    this.heard = Date.now();
    for (const message of decode(text)) {
      if (message.kind === "ping") this.send([{ kind: "pong", number: message.number }]);
      else if (message.kind === "welcome") this.welcome(message);
      else if (message.kind === "goodbye") process.stderr.write(`${this.app}: goodbye ${encode(message.error ?? null)}\n`);
      else this.handlers.message(message);
    }
  }

  welcome(message) {
    this.lease = message.lease_s * 1000;
    this.heartbeat = message.heartbeat_s * 1000;
    this.limit = message.frame_limit_bytes;
    this.tries = 0;
    this.up = true;
    clearTimeout(this.watch);
    this.beat();
    this.handlers.open(message);
  }

  /** Send these messages now, in as few frames as the limit allows. */
  send(messages) {
    let parts = [];
    let size = 2;
    const flush = () => {
      if (parts.length) this.socket.text(`[${parts.join(",")}]`);
      parts = [];
      size = 2;
    };
    for (const message of messages) {
      const text = encode(message);
      const length = Buffer.byteLength(text) + 1;
      if (size + length > this.limit) flush();
      parts.push(text);
      size += length;
    }
    flush();
    this.spoke = Date.now();
  }

  /** Put messages into the frame of this turn of the event loop; lost when there is no connection. */
  say(...messages) {
    if (!this.up) return;
    if (!this.turn.length) setImmediate(() => this.flush());
    this.turn.push(...messages);
  }

  flush() {
    const turn = this.turn;
    this.turn = [];
    if (this.up && turn.length) this.send(turn);
  }

  /** Say goodbye and close. */
  stop() {
    this.stopped = true;
    if (!this.up) return this.socket?.abort();
    this.say({ kind: "goodbye" });
    this.flush();
    return this.socket.close(1000);
  }
}
