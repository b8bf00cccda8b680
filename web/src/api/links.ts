/** What stored items hold, by addresses that the hub signs: asked for when they are needed, and anew before they end. */
import { ApiError, type Schemas, ask } from "./client";

const MARGIN_MS = 60_000; // an address this close to its end is not used any more

export async function links(item: string, paths: string[], signal?: AbortSignal): Promise<Schemas["Links"]> {
  const found = await ask<Schemas["Links"]>("POST", `/api/items/${encodeURIComponent(item)}/links`, { paths }, signal);
  for (const { url } of found.links) {
    const { origin } = new URL(url);
    if (origin !== location.origin) throw new ApiError(0, "another_address", `This hub gives out its data as ${origin}. Open the page there.`);
  }
  return found;
}

/** One object of an item, read by parts. */
export class StoredObject {
  readonly item: string;
  readonly path: string;
  private known: { url: string; until: number } | null = null;
  private asked: Promise<string> | null = null;

  constructor(item: string, path: string) {
    this.item = item;
    this.path = path;
  }

  async url(): Promise<string> {
    if (this.known && Date.now() < this.known.until) return this.known.url;
    this.asked ??= links(this.item, [this.path])
      .then((found) => {
        this.known = { url: found.links[0]!.url, until: found.expires_at_us / 1000 - MARGIN_MS };
        return this.known.url;
      })
      .finally(() => (this.asked = null));
    return this.asked;
  }

  /** Bytes from `start` up to `end`, and how large all of it is. An address that is refused is asked for once more. */
  async part(start: number, end: number, signal?: AbortSignal): Promise<{ bytes: ArrayBuffer; size: number }> {
    for (let turn = 0; ; turn++) {
      const answer = await get(await this.url(), { range: `bytes=${start}-${end - 1}` }, signal);
      if (answer.status === 403 && turn === 0) this.known = null;
      else if (answer.status === 416) return { bytes: new ArrayBuffer(0), size: sizeOf(answer, 0) };
      else return { bytes: await body(answer, end - start), size: sizeOf(answer, end - start) };
    }
  }
}

/** Fetch an object as a whole. Whoever stored it may have stored anything, so no more than `limit` bytes are taken. */
export async function fetchWhole(url: string, limit: number, signal?: AbortSignal): Promise<ArrayBuffer> {
  return body(await get(url, {}, signal), limit);
}

async function get(url: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { headers, credentials: "omit", signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "hub_unavailable", "The hub does not answer. Try again when it does.");
  }
}

async function body(answer: Response, limit: number): Promise<ArrayBuffer> {
  if (!answer.ok) throw new ApiError(answer.status, "not_read", answer.status === 404 ? "It is not stored there any more." : `The hub answered ${answer.status}.`);
  if (Number(answer.headers.get("content-length")) > limit) {
    await answer.body?.cancel();
    throw new ApiError(0, "too_large", `Expected at most ${limit} bytes.`);
  }
  return answer.arrayBuffer();
}

function sizeOf(answer: Response, otherwise: number): number {
  const total = /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1];
  return total === undefined ? Number(answer.headers.get("content-length") ?? otherwise) : Number(total);
}
