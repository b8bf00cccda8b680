/** What an item holds, read by addresses that the hub signs: several are asked for at once, and anew once they have ended. */
import type { AbsolutePath, AsyncReadable, GetOptions, RangeQuery } from "zarrita";
import { ApiError, type Schemas, ask } from "./client";

const AT_ONCE = 500;
const MOST_BYTES = 512 * 2 ** 20;
const MARGIN_MS = 60_000;

interface Waiting {
  resolve: (url: string) => void;
  reject: (error: unknown) => void;
}

export class ItemStore implements AsyncReadable {
  readonly item: string;
  readonly #links = new Map<string, { url: string; untilMs: number }>();
  readonly #asked = new Map<string, Promise<string>>();
  #waiting = new Map<string, Waiting>();
  /** What a reader has to know of the item; it comes with the first address. */
  meta: Record<string, unknown> | null = null;

  constructor(item: string) {
    this.item = item;
  }

  get(key: AbsolutePath, options?: GetOptions): Promise<Uint8Array | undefined> {
    return this.#read(key.slice(1), {}, options?.signal);
  }

  getRange(key: AbsolutePath, range: RangeQuery, options?: GetOptions): Promise<Uint8Array | undefined> {
    if (("suffixLength" in range ? range.suffixLength : range.length) > MOST_BYTES) return Promise.reject(new Error("A part of it is too large for a browser."));
    const wanted = "suffixLength" in range ? `bytes=-${range.suffixLength}` : `bytes=${range.offset}-${range.offset + range.length - 1}`;
    return this.#read(key.slice(1), { range: wanted }, options?.signal);
  }

  /** Give an address under which an object may be read for a while. */
  link(path: string): Promise<string> {
    const known = this.#links.get(path);
    if (known && known.untilMs > Date.now()) return Promise.resolve(known.url);
    const asked = this.#asked.get(path);
    if (asked) return asked;
    const link = new Promise<string>((resolve, reject) => {
      if (this.#waiting.size === 0) queueMicrotask(() => void this.#askAll());
      this.#waiting.set(path, { resolve, reject });
    }).finally(() => this.#asked.delete(path));
    this.#asked.set(path, link);
    return link;
  }

  async #read(path: string, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await fetch(await this.link(path), { headers, signal: signal ?? null }).catch((error: unknown) => {
        if (signal?.aborted) throw error;
        throw new ApiError(0, "hub_unavailable", "The hub does not answer, so a part of this is missing.");
      });
      if (answer.ok && Number(answer.headers.get("content-length") ?? 0) > MOST_BYTES) throw new Error("A part of it is too large for a browser.");
      if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
      if (answer.status === 404) return undefined; // zarr leaves out chunks that hold nothing
      this.#links.delete(path); // it may have ended while the machine slept
      if (attempt > 0 || answer.status !== 403) throw new ApiError(answer.status, "storage", `The hub's storage answered ${answer.status} for a part of this.`);
    }
  }

  async #askAll(): Promise<void> {
    const asked = [...this.#waiting];
    this.#waiting = new Map();
    for (let from = 0; from < asked.length; from += AT_ONCE) {
      const some = asked.slice(from, from + AT_ONCE);
      try {
        const found = await ask<Schemas["Links"]>("POST", `/api/items/${this.item}/links`, { paths: some.map(([path]) => path) });
        this.meta = found.meta;
        some.forEach(([path, waiting], at) => {
          const { url } = found.links[at]!;
          this.#links.set(path, { url, untilMs: found.expires_at_us / 1000 - MARGIN_MS });
          waiting.resolve(url);
        });
      } catch (error) {
        for (const [, waiting] of some) waiting.reject(error);
      }
    }
  }
}
