/** Writing objects of an item by the S3 protocol, with the right that the hub gave. What breaks off is sent again. */
import { AwsV4Signer } from "aws4fetch";
import { ApiError, type Schemas, ask } from "../api/client";

const PART_BYTES = 16 * 2 ** 20;
const [WAIT_MS, LONGEST_MS] = [500, 15_000];
const MARGIN_US = 120_000_000;
const PASSING = new Set([408, 429, 500, 502, 503, 504]); // what another try may get past

/** Wait, or until it is stopped. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
  });

/** Ask the hub for what is the same twice, for as long as it is away. */
export async function patiently<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let waitMs = WAIT_MS; ; waitMs = Math.min(LONGEST_MS, waitMs * 2)) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 0 && !PASSING.has(error.status))) throw error;
    }
    await pause(waitMs, signal);
  }
}

export class Sink {
  #grant: Schemas["Grant"];
  readonly #item: string;
  readonly #signal: AbortSignal;
  readonly #onSent: (bytes: number) => void;

  constructor(item: string, grant: Schemas["Grant"], signal: AbortSignal, onSent: (bytes: number) => void) {
    this.#item = item;
    this.#grant = grant;
    this.#signal = signal;
    this.#onSent = onSent;
  }

  /** Write an object, in parts if it is large. */
  async put(path: string, body: Blob): Promise<void> {
    if (body.size <= PART_BYTES) {
      await this.#send("PUT", path, "", body);
      return;
    }
    const begun = await this.#send("POST", path, "?uploads", null);
    const upload = field(begun.responseText, "UploadId");
    const tags: string[] = [];
    for (let from = 0; from < body.size; from += PART_BYTES) {
      const part = body.slice(from, Math.min(body.size, from + PART_BYTES));
      const sent = await this.#send("PUT", path, `?partNumber=${tags.length + 1}&uploadId=${encodeURIComponent(upload)}`, part);
      tags.push(sent.getResponseHeader("etag") ?? "");
    }
    const parts = tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
    await this.#send("POST", path, `?uploadId=${encodeURIComponent(upload)}`, new Blob([`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`]));
  }

  /** Send one request until the hub took it or refused it; while it is away, it is asked again for as long as that takes. */
  async #send(method: string, path: string, query: string, body: Blob | null): Promise<XMLHttpRequest> {
    for (let waitMs = WAIT_MS; ; waitMs = Math.min(LONGEST_MS, waitMs * 2)) {
      this.#signal.throwIfAborted();
      if (this.#grant.expires_at_us - Date.now() * 1000 < MARGIN_US) this.#grant = await patiently(() => ask("POST", `/api/items/${this.#item}/grants`, { mode: "write" }), this.#signal);
      const answer = await this.#once(method, path, query, body);
      if (answer !== null && answer.status < 300) return answer;
      if (answer !== null && !PASSING.has(answer.status)) throw new ApiError(answer.status, "storage", field(answer.responseText, "Message") || `The hub's storage answered ${answer.status}.`);
      await pause(waitMs, this.#signal);
    }
  }

  async #once(method: string, path: string, query: string, body: Blob | null): Promise<XMLHttpRequest | null> {
    const grant = this.#grant;
    const key = `${grant.prefix}${path}`.split("/").map(encodeURIComponent).join("/");
    const signed = await new AwsV4Signer({
      method,
      url: `${location.origin}/${grant.bucket}/${key}${query}`,
      accessKeyId: grant.access_key,
      secretAccessKey: grant.secret_key,
      sessionToken: grant.session_token,
      service: "s3",
      region: grant.region,
    }).sign();
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch does not say how much was sent
      let said = 0;
      const stop = () => request.abort();
      this.#signal.addEventListener("abort", stop);
      request.open(method, signed.url);
      signed.headers.forEach((value, name) => name !== "host" && request.setRequestHeader(name, value));
      request.upload.onprogress = ({ loaded }) => {
        this.#onSent(loaded - said);
        said = loaded;
      };
      request.onloadend = () => {
        this.#signal.removeEventListener("abort", stop);
        const isDone = request.status >= 200 && request.status < 300;
        this.#onSent(isDone ? (body?.size ?? 0) - said : -said);
        if (this.#signal.aborted) reject(this.#signal.reason as Error);
        else resolve(request.status === 0 ? null : request);
      };
      request.send(body);
    });
  }
}

const field = (xml: string, name: string): string => new DOMParser().parseFromString(xml, "application/xml").getElementsByTagName(name)[0]?.textContent ?? "";
