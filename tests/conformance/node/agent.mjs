// An agent for the app `conformance`, written from docs/reference/protocol.md alone.
//   node agent.mjs --hub-folder PATH --state PATH

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { Link, decode, encode, option, sleep } from "./client.mjs";

const DRAINED = "drained";

class Cancelled extends Error {}
class ValueError extends Error {}

/**
 * The reports that the hub has not acknowledged, in an append-only file. A report is on disk before it is sent.
 * Lines: {session, pid}, {inherits}, {report, fixed}, {epoch}, {ack}, {forget: [task, attempt]}, {buried}.
 */
class Outbox {
  constructor(folder, session) {
    fs.mkdirSync(folder, { recursive: true });
    this.path = path.join(folder, `${session}.outbox`);
    this.waiting = new Map(); // seq → {report, fixed}; fixed: of a dead session, keeps its epoch
    this.inherits = [];
    this.seq = 0;
    this.lines = [];
    const dead = this.legacy(folder);
    this.file = fs.openSync(this.path, "a", 0o600);
    this.note({ session, pid: process.pid });
    if (dead.sessions.length) {
      this.inherits = dead.sessions;
      this.note({ inherits: dead.sessions });
    }
    for (const report of dead.reports) this.add({ ...report }, true);
    this.sync();
    for (const name of dead.files) fs.unlinkSync(name);
  }

  /** What dead processes left in the folder. */
  legacy(folder) {
    const found = { sessions: [], reports: [], files: [] };
    for (const name of fs.readdirSync(folder).filter((entry) => entry.endsWith(".outbox")).sort()) {
      const file = path.join(folder, name);
      const old = read(file);
      if (old && alive(old.pid)) continue;
      found.files.push(file);
      if (!old) continue;
      found.sessions.push(...old.inherits, old.session);
      found.reports.push(...old.waiting.values());
    }
    return found;
  }

  note(line) {
    this.lines.push(encode(line));
  }

  /** Give a report its number and keep it. */
  add(report, fixed = false) {
    report.seq = ++this.seq;
    this.waiting.set(report.seq, { report, fixed });
    this.note({ report, fixed });
    return report;
  }

  ack(seq) {
    for (const number of this.waiting.keys()) if (number <= seq) this.waiting.delete(number);
    this.note({ ack: seq });
  }

  forget(task, attempt) {
    for (const [number, { report }] of this.waiting) {
      if (report.task === task && report.attempt === attempt) this.waiting.delete(number);
    }
    this.note({ forget: [task, attempt] });
  }

  buried() {
    this.inherits = [];
    this.note({ buried: true });
  }

  /** Everything unacknowledged, in order; reports of this session carry the newest epoch. */
  renewed(epoch) {
    this.note({ epoch });
    const all = [...this.waiting.values()];
    for (const { report, fixed } of all) if (!fixed) report.epoch = epoch;
    return all.map(({ report }) => report);
  }

  sync() {
    if (!this.lines.length) return;
    fs.writeSync(this.file, this.lines.join("\n") + "\n");
    this.lines = [];
    fs.fdatasyncSync(this.file);
  }

  remove() {
    fs.closeSync(this.file);
    fs.unlinkSync(this.path);
  }
}

/** Read the outbox of another process; a torn last line counts as not written. */
function read(file) {
  const box = { session: "", pid: 0, inherits: [], waiting: new Map() };
  for (const text of fs.readFileSync(file, "utf8").split("\n")) {
    let line;
    try {
      line = decode(text);
    } catch {
      break;
    }
    if (line.session) Object.assign(box, line);
    if (line.inherits) box.inherits = line.inherits;
    if (line.report) box.waiting.set(line.report.seq, line.report);
    if (line.ack) for (const seq of box.waiting.keys()) if (seq <= line.ack) box.waiting.delete(seq);
    if (line.forget) {
      for (const [seq, report] of box.waiting) {
        if (report.task === line.forget[0] && report.attempt === line.forget[1]) box.waiting.delete(seq);
      }
    }
    if (line.buried) box.inherits = [];
  }
  return box.session ? box : null;
}

function alive(pid) {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** One attempt at one task: what its function may ask and say. */
class Run {
  constructor(agent, message) {
    Object.assign(this, { agent, task: message.task, attempt: message.attempt, args: message.args ?? {} });
    this.action = message.action;
    this.credit = message.credit ?? 0;
    this.yields = 0;
    this.over = false;
    this.cancelled = null;
    this.paused = false;
    this.told = false;
    this.steps = 0;
    this.wakers = [];
    this.began = Date.now();
  }

  wake() {
    for (const waker of this.wakers.splice(0)) waker();
  }

  changed() {
    return new Promise((resolve) => this.wakers.push(resolve));
  }

  /** A pause point; it also ends a function that was asked to stop. */
  async checkpoint() {
    while (this.paused && !this.cancelled && !this.over) {
      if (this.steps > 0) {
        this.steps -= 1;
        break;
      }
      this.tell(true);
      await this.changed();
    }
    if (this.cancelled) throw new Cancelled(this.cancelled.reason ?? "cancelled");
    this.tell(false);
  }

  tell(paused) {
    if (this.told === paused) return;
    this.told = paused;
    this.agent.report(this, { kind: "paused", paused });
  }

  async pause(seconds) {
    await Promise.race([sleep(seconds), new Promise((resolve) => { this.cut = resolve; })]);
  }

  progress(percent, message) {
    if (!this.over) this.agent.say({ kind: "progress", ...this.agent.head(this), seq: 0, percent, message });
  }

  /** Yield as many of these values as there is credit for, waiting for more credit, until all are out. */
  async put(values) {
    for (let at = 0; at < values.length;) {
      await this.checkpoint();
      if (this.over) return;
      const room = this.credit - this.yields;
      if (room <= 0) {
        await this.changed();
        continue;
      }
      const part = values.slice(at, at + room);
      this.agent.report(this, { kind: "yielded", first: this.yields, values: part.map((value) => [value]) });
      this.yields += part.length;
      at += part.length;
    }
  }
}

const functions = {
  async add({ a, b = 0 }) {
    const sum = BigInt(a) + BigInt(b);
    return [Number.isSafeInteger(Number(sum)) ? Number(sum) : sum];
  },
  async count({ n }, run) {
    for (let first = 0; first < n && !run.over; first += 500) {
      await run.put(Array.from({ length: Math.min(500, n - first) }, (_, i) => first + i));
      await new Promise(setImmediate);
    }
    return null;
  },
  async echo({ value }) {
    return [value ?? null];
  },
  async fail({ message }) {
    throw new ValueError(message);
  },
  async wait({ seconds }, run) {
    const ticks = Math.max(1, Math.ceil(seconds / 0.05));
    for (let tick = 0; tick < ticks && !run.over; tick++) {
      await run.checkpoint();
      run.progress((100 * tick) / ticks, `tick ${tick}`);
      await run.pause(Math.min(0.05, seconds));
    }
    await run.checkpoint();
    return [`waited ${seconds}`];
  },
  async slow({ ms }) {
    await sleep(ms / 1000);
    return [ms];
  },
};

const int = (key, rest = {}) => ({ key, kind: "int", ...rest });
const definitions = [
  { name: "add", description: "Add two numbers.", effects: "none",
    args: [int("a"), int("b", { required: false, default: 0 })], returns: [int("out")] },
  { name: "count", description: "Count from 0.", kind: "generator", effects: "none", args: [int("n")], returns: [int("out")] },
  { name: "echo", description: "Give the value back.", effects: "none",
    args: [{ key: "value", kind: "json" }], returns: [{ key: "out", kind: "json" }] },
  { name: "fail", description: "End with a ValueError.", effects: "none", args: [{ key: "message", kind: "string" }], returns: [] },
  { name: "wait", description: "Wait; can be cancelled and paused.",
    args: [{ key: "seconds", kind: "float" }], returns: [{ key: "out", kind: "string" }] },
  { name: "slow", description: "Answer late.", effects: "repeatable", args: [int("ms")], returns: [int("out")] },
];

class Agent {
  constructor(folder, state) {
    this.session = crypto.randomUUID();
    this.outbox = new Outbox(state, this.session);
    this.runs = new Map();
    this.seen = new Set();
    this.epoch = 0;
    this.ready = false;
    this.draining = false;
    this.drained = false;
    this.pending = [];
    const handlers = { open: () => this.open(), message: (message) => this.on(message), down: () => { this.ready = this.drained = false; } };
    this.link = new Link({ folder, app: "conformance", session: this.session, handlers });
  }

  async run() {
    process.on("SIGTERM", () => this.drain());
    process.on("SIGINT", () => this.drain());
    await this.link.run();
    this.outbox.remove();
    process.exit(0);
  }

  open() {
    const held = new Map();
    for (const { task, attempt } of this.runs.values()) held.set(`${task}/${attempt}`, { task, attempt });
    for (const { report: { task, attempt } } of this.outbox.waiting.values()) held.set(`${task}/${attempt}`, { task, attempt });
    this.link.say({
      kind: "provide", request: crypto.randomUUID(), offers: definitions.map((definition) => ({ definition })), mode: "dev",
      labels: [], capacity: 64, held: [...held.values()], inherits: this.outbox.inherits,
    });
  }

  on(message) {
    const key = `${message.task}/${message.attempt}`;
    const run = this.runs.get(key);
    switch (message.kind) {
      case "provided": return this.provided(message);
      case "assign": return this.assign(key, message);
      case "credit":
        if (run) run.credit = Math.max(run.credit, message.through);
        return run?.wake();
      case "ack":
        this.outbox.ack(message.seq);
        this.later();
        return this.settle();
      case "done":
        this.drained ||= this.draining && message.request === DRAINED;
        return this.settle();
      case "stale": return this.drop(message);
      case "steer": return run && this.steer(run, message);
      case "refused":
      case "unsupported":
        return process.stderr.write(`conformance: ${encode(message)}\n`);
      default: return undefined;
    }
  }

  provided(message) {
    this.epoch = message.epoch;
    for (const task of message.drop ?? []) this.forget(task);
    this.pending = [];
    this.ready = true;
    this.link.say(...this.outbox.renewed(this.epoch));
    for (const session of this.outbox.inherits) this.link.say({ kind: "bury", session });
    this.outbox.sync();
    if (this.draining) this.sayDrain();
    this.settle();
  }

  assign(key, message) {
    if (this.seen.has(key)) return;
    this.seen.add(key);
    const run = new Run(this, message);
    this.runs.set(key, run);
    this.work(run);
  }

  async work(run) {
    let end;
    const started = setTimeout(() => this.say({ kind: "started", ...this.head(run), seq: 0 }), 5);
    try {
      const returns = await functions[run.action](run.args, run);
      end = { status: "completed", returns };
    } catch (error) {
      end = error instanceof Cancelled ? { status: "cancelled" } : { status: "failed", error: describe(error) };
    }
    clearTimeout(started);
    this.end(run, end);
  }

  end(run, { status, returns, error }) {
    if (run.over) return;
    run.over = true;
    clearTimeout(run.deadline);
    run.wake();
    run.cut?.();
    this.runs.delete(`${run.task}/${run.attempt}`);
    const report = { kind: "ended", status, yields: run.yields, ran_us: (Date.now() - run.began) * 1000 };
    if (returns) report.returns = returns;
    if (error) report.error = error;
    run.over = false;
    this.report(run, this.fitting(report));
    run.over = true;
  }

  /** A result that does not fit into a frame cannot be told; say so instead. */
  fitting(report) {
    if (Buffer.byteLength(encode(report)) + 300 <= this.link.limit) return report;
    const { returns, ...rest } = report;
    return { ...rest, status: "failed", error: describe(new RangeError("the result does not fit into a frame")) };
  }

  steer(run, { verb, deadline_s: deadline, reason }) {
    if (verb === "pause") run.paused = true;
    if (verb === "resume") {
      run.paused = false;
      run.steps = 0;
    }
    if (verb === "step" && run.paused) run.steps += 1;
    if (verb === "cancel" && !run.cancelled) {
      run.cancelled = { reason };
      run.deadline = setTimeout(() => this.end(run, { status: "interrupted" }), (deadline ?? 10) * 1000);
    }
    if (verb === "interrupt") this.end(run, { status: "interrupted" });
    run.wake();
    if (verb === "cancel") run.cut?.();
  }

  /** The hub does not want this attempt any more: stop it and forget what it had to say. */
  drop({ task, attempt }) {
    const key = `${task}/${attempt}`;
    const run = this.runs.get(key);
    this.runs.delete(key);
    if (run) {
      run.over = true;
      run.cancelled = { reason: "dropped" };
      clearTimeout(run.deadline);
      run.wake();
      run.cut?.();
    }
    this.outbox.forget(task, attempt);
    this.later();
    this.settle();
  }

  /** Every attempt at a task that `drop` names. */
  forget(task) {
    const attempts = [...this.runs.values(), ...[...this.outbox.waiting.values()].map(({ report }) => report)]
      .filter((one) => one.task === task).map(({ attempt }) => attempt);
    for (const attempt of new Set(attempts)) this.drop({ task, attempt });
  }

  head(run) {
    return { task: run.task, attempt: run.attempt, epoch: this.epoch };
  }

  /** Something the hub need not keep. */
  say(message) {
    if (this.ready) this.link.say(message);
  }

  /** Keep a report on disk, then send it, with everything else of this turn. */
  report(run, report) {
    if (run.over) return;
    const { kind, ...rest } = report;
    this.pending.push(this.outbox.add({ kind, ...this.head(run), ...rest }));
    this.later();
  }

  later() {
    if (this.soon) return;
    this.soon = true;
    queueMicrotask(() => {
      this.soon = false;
      this.outbox.sync();
      const reports = this.pending;
      this.pending = [];
      if (this.ready && reports.length) this.link.say(...reports);
    });
  }

  /** What to do when nothing is left to tell. */
  settle() {
    const told = [...this.outbox.waiting.values()].every(({ fixed }) => !fixed);
    if (told && this.ready && this.outbox.inherits.length) {
      this.outbox.buried();
      this.later();
    }
    if (this.drained && this.ready && !this.runs.size && !this.outbox.waiting.size) this.link.stop();
  }

  drain() {
    if (this.draining) process.exit(1);
    this.draining = true;
    this.sayDrain();
  }

  /** The answer says that no assignment is under way any more. */
  sayDrain() {
    this.drained = false;
    this.say({ kind: "drain", request: DRAINED });
  }
}

function describe(error) {
  const bases = [];
  for (let one = error.constructor; one?.name; one = Object.getPrototypeOf(one)) bases.push(`conformance.${one.name}`);
  return { type: error.constructor.name, module: "conformance", bases, message: error.message, traceback: error.stack };
}

new Agent(option("--hub-folder"), option("--state")).run();
