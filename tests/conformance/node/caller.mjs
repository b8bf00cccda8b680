// A caller that takes JSON commands on stdin, one a line, and prints one JSON line an event.
//   node caller.mjs --hub-folder PATH

import crypto from "node:crypto";
import readline from "node:readline";
import { Link, decode, encode, option } from "./client.mjs";

const WINDOW = 4096;

/** One command whose answer is one message: lookup and control; asked again after a reconnect. */
class Question {
  constructor(caller, id, message) {
    Object.assign(this, { caller, id });
    this.request = crypto.randomUUID();
    this.message = { ...message, request: this.request };
    caller.byRequest.set(this.request, this);
    caller.open.add(this);
    this.again();
  }

  again() {
    this.caller.link.say(this.message);
  }

  on(message) {
    const { kind, request, ...rest } = message;
    this.caller.print({ id: this.id, event: kind, ...rest });
    this.caller.byRequest.delete(this.request);
    this.caller.close(this);
  }
}

/** A task that is being watched, from its submit or an attach until its outcome. */
class Watch {
  constructor(caller, id, { submit, task, after = 0, window = WINDOW, hold = false, values = true }) {
    Object.assign(this, { caller, id, submit, task, window, hold, values });
    this.last = after;
    this.next = submit || after === 0 ? 0 : null;
    this.taken = this.declared = 0;
    if (submit) caller.byReference.set(submit.reference, this);
    if (task) caller.follow(this);
    caller.open.add(this);
    this.again();
  }

  /** Submit what was not accepted; attach to what was. */
  again() {
    if (!this.task) {
      this.caller.link.say(this.submit);
      return;
    }
    this.request = crypto.randomUUID();
    this.caller.byRequest.set(this.request, this);
    this.caller.link.say({ kind: "attach", request: this.request, task: this.task, after: this.last, window: this.window });
  }

  print(event, rest) {
    this.caller.print({ id: this.id, event, ...rest });
  }

  on(message) {
    const { kind, task, ...rest } = message;
    if (message.number > this.last) this.last = message.number;
    if (kind === "done") {
      this.caller.byRequest.delete(this.request);
      return undefined;
    }
    if (kind === "accepted") {
      if (this.task) return undefined;
      this.task = task;
      this.caller.follow(this);
      return this.print("accepted", { task, status: message.status, number: message.number });
    }
    if (kind === "event") return this.print("event", rest);
    if (kind === "values") return this.receive(message);
    if (kind === "refused" && message.error.code === "busy" && !this.task) {
      setTimeout(() => this.again(), (message.error.fields?.retry_after_s ?? 1) * 1000);
      return undefined;
    }
    if (kind === "refused") this.print("refused", { error: message.error });
    if (kind === "outcome") this.print("outcome", { task, ...rest });
    return this.caller.close(this);
  }

  /** Yields; those that came before a reconnect are not printed twice. */
  receive({ number, first, values }) {
    this.next ??= first;
    const fresh = values.slice(Math.max(0, this.next - first));
    if (first > this.next) this.print("gap", { expected: this.next, first });
    if (!fresh.length) return;
    if (this.values) this.print("values", { number, first: first + values.length - fresh.length, values: fresh });
    this.next = first + values.length;
    if (!this.hold) this.take(this.next);
  }

  /** Declare values taken whenever it was half a window. */
  take(through) {
    this.taken = Math.max(this.taken, Math.min(through, this.next ?? 0));
    if (this.taken - this.declared < this.window / 2) return;
    this.declared = this.taken;
    if (this.task) this.caller.link.say({ kind: "consumed", task: this.task, through: this.declared });
  }
}

class Caller {
  constructor(folder, app) {
    this.open = new Set();
    this.byId = new Map();
    this.byRequest = new Map();
    this.byReference = new Map();
    this.byTask = new Map();
    this.ended = false;
    const handlers = {
      open: () => {
        this.print({ event: "connected" });
        for (const item of [...this.open]) item.again();
        this.settle();
      },
      message: (message) => this.on(message),
      down: (code) => this.print({ event: "disconnected", code }),
    };
    this.link = new Link({ folder, app, handlers });
  }

  print(line) {
    process.stdout.write(encode(line) + "\n");
  }

  follow(watch) {
    if (!this.byTask.has(watch.task)) this.byTask.set(watch.task, new Set());
    this.byTask.get(watch.task).add(watch);
  }

  close(item) {
    this.open.delete(item);
    if (item.submit) this.byReference.delete(item.submit.reference);
    const watchers = this.byTask.get(item.task);
    if (watchers?.delete(item) && !watchers.size) this.byTask.delete(item.task);
    this.settle();
  }

  settle() {
    if (this.ended && !this.open.size) this.link.stop();
  }

  on(message) {
    const one = this.byRequest.get(message.request ?? message.what)
      ?? this.byReference.get(message.reference ?? message.request ?? message.what);
    if (message.kind === "unsupported") return one?.on({ ...message, kind: "refused" });
    if (one) return one.on(message);
    for (const watch of [...(this.byTask.get(message.task) ?? [])]) watch.on(message);
    return undefined;
  }

  command(command) {
    const { id, do: what } = command;
    const target = this.byId.get(command.of);
    switch (what) {
      case "call":
      case "stream":
      case "submit": return this.submit(command);
      case "attach": {
        const { task, after, window, hold } = command;
        return this.byId.set(id, new Watch(this, id, { task, after, window, hold }));
      }
      case "lookup": return new Question(this, id, { kind: "lookup", action: command.action });
      case "take": return target?.take(command.through);
      case "cancel":
      case "control": {
        const { deadline_s, reason, verb = "cancel" } = command;
        const task = command.task ?? target?.task;
        if (!task) return this.print({ id, event: "error", message: "there is no such task yet" });
        return new Question(this, id, { kind: "control", task, verb, deadline_s, reason });
      }
      default: return this.print({ id, event: "error", message: `unknown command ${what}` });
    }
  }

  submit(command) {
    const { id, do: what, reference = crypto.randomUUID(), hold } = command;
    const submit = { kind: "submit", reference };
    const fields = ["action", "args", "timeout_s", "queue_timeout_s", "wait_for_agent", "retries", "window", "signature_hash"];
    for (const name of fields) if (command[name] !== undefined) submit[name] = command[name];
    this.byId.set(id, new Watch(this, id, { submit, window: command.window, hold, values: what !== "call" }));
  }

  async run() {
    const lines = readline.createInterface({ input: process.stdin, terminal: false });
    lines.on("line", (line) => line.trim() && this.command(decode(line)));
    lines.on("close", () => {
      this.ended = true;
      this.settle();
    });
    await this.link.run();
    process.exitCode = 0;
  }
}

new Caller(option("--hub-folder"), option("--app", "conformance-caller")).run();
