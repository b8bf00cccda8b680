/** The page's side of a table: the worker that reads it, the bytes it asks for, and how long it may take. */
import type { Schemas } from "../api/client";
import { ItemStore } from "../api/stored";
import { ANSWER_MS, PART_BYTES } from "./limits";
import type { Answers, FromWorker, Request, ToWorker } from "./messages";

const KEY = "table.parquet";
const AWAY = "It is not stored there any more.";
const STOPPED = "It took too long to be decoded, and was stopped. Download the table, or read it in Python.";

type Asker = { resolve: (answer: never) => void; reject: (error: Error) => void };

export class TableReader {
  readonly item: Schemas["Item"];
  private readonly store: ItemStore;
  private readonly worker: Worker;
  private readonly askers = new Map<number, Asker>();
  private readonly leaving = new AbortController();
  private last = 0;
  private fetching = 0;
  private timer = 0;
  private ended: string | null = null;

  constructor(item: Schemas["Item"]) {
    this.item = item;
    this.store = new ItemStore(item.id);
    this.worker = new Worker(new URL("./read.worker.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.hear(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.end(event.message || "The table could not be read.");
    };
  }

  /** An address from which the whole file can be had. */
  link(): Promise<string> {
    return this.store.link(KEY);
  }

  open(): Promise<Answers["open"]> {
    return this.ask({ kind: "open", size: this.item.size_bytes }); // a table is one object
  }

  ask<K extends Request["kind"]>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    const id = ++this.last;
    return new Promise<Answers[K]>((resolve, reject) => {
      if (this.ended !== null) return reject(new Error(this.ended));
      this.askers.set(id, { resolve: resolve as Asker["resolve"], reject });
      this.say({ id, request });
    });
  }

  close(): void {
    this.end("The table was left.");
  }

  private hear(message: FromWorker): void {
    if ("bytes" in message) void this.give(message);
    else if ("id" in message) {
      const asker = this.askers.get(message.id);
      this.askers.delete(message.id);
      if ("failed" in message) asker?.reject(new Error(message.failed));
      else asker?.resolve(message.answer as never);
    }
    this.watch();
  }

  private async give({ bytes, start, end }: { bytes: number; start: number; end: number }): Promise<void> {
    this.fetching += 1;
    this.watch();
    try {
      if (end - start > PART_BYTES) throw new Error("A column of it is too large to be read here. Download the table, or read it in Python.");
      const part = await this.store.getRange(`/${KEY}`, { offset: start, length: end - start }, { signal: this.leaving.signal });
      if (part === undefined) throw new Error(AWAY);
      const found = part.buffer as ArrayBuffer;
      this.say({ bytes, found }, [found]);
    } catch (error) {
      this.say({ bytes, failed: error instanceof Error ? error.message : String(error) });
    } finally {
      this.fetching -= 1;
      this.watch();
    }
  }

  private say(message: ToWorker, moved: Transferable[] = []): void {
    this.worker.postMessage(message, moved);
    this.watch();
  }

  /** Let the worker work so long and no longer; the time that bytes are under way does not count. */
  private watch(): void {
    clearTimeout(this.timer);
    if (this.askers.size > 0 && this.fetching === 0 && this.ended === null) this.timer = window.setTimeout(() => this.end(STOPPED), ANSWER_MS);
  }

  private end(why: string): void {
    if (this.ended !== null) return;
    this.ended = why;
    this.worker.terminate();
    this.leaving.abort();
    clearTimeout(this.timer);
    for (const asker of this.askers.values()) asker.reject(new Error(why));
    this.askers.clear();
  }
}
