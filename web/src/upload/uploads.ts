/** What is being brought in: it goes on while one looks at other screens, as long as the page is open. */
import { useSyncExternalStore } from "react";
import { type Schemas, ask } from "../api/client";
import { isImage } from "./kinds";
import { AHEAD, type Begin, type Meta, type Said } from "./messages";
import { Sink, patiently } from "./s3";

export interface Upload {
  id: number;
  name: string;
  bytes: number;
  state: "waiting" | "reading" | "sending" | "done" | "failed" | "stopped";
  part: number; // how much is done, of 1
  kind: "image" | "file";
  note: string;
  item: Schemas["Item"] | null;
  file: File;
}

const AT_ONCE = 2;
const NAME_LIMIT = 255;
const STALL_MS = 120_000;
let uploads: Upload[] = [];
let count = 0;
const listeners = new Set<() => void>();
const stops = new Map<number, AbortController>();
const after = new Map<number, (item: Schemas["Item"]) => void>();

const set = (id: number, change: Partial<Upload>): void => {
  uploads = uploads.map((one) => (one.id === id ? { ...one, ...change } : one));
  for (const tell of listeners) tell();
};

export function useUploads(): Upload[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => uploads,
  );
}

/** Begin to bring files in, two at a time. `onDone` hears of each item that is stored. */
export function bringIn(files: Iterable<File>, onDone?: (item: Schemas["Item"]) => void): void {
  for (const file of files) {
    count += 1;
    if (onDone) after.set(count, onDone);
    uploads = [...uploads, { id: count, name: file.name, bytes: file.size, state: "waiting", part: 0, kind: isImage(file.name) ? "image" : "file", note: "", item: null, file }];
  }
  for (const tell of listeners) tell();
  next();
}

export function stop(id: number): void {
  stops.get(id)?.abort(new Error("It was stopped."));
  if (!stops.has(id)) set(id, { state: "stopped" });
}

/** Try again, or keep as it is what can't be read as an image. */
export function again(id: number, kind?: Upload["kind"]): void {
  set(id, { state: "waiting", part: 0, note: "", ...(kind ? { kind } : {}) });
  next();
}

export function clear(): void {
  uploads = uploads.filter((one) => isUnderWay(one));
  for (const tell of listeners) tell();
}

export const isUnderWay = ({ state }: Upload): boolean => state === "waiting" || state === "reading" || state === "sending";

addEventListener("beforeunload", (event) => {
  if (uploads.some(isUnderWay)) event.preventDefault();
});

function next(): void {
  const running = uploads.filter((one) => one.state === "reading" || one.state === "sending").length;
  for (const one of uploads.filter(({ state }) => state === "waiting").slice(0, Math.max(0, AT_ONCE - running))) void run(one);
}

async function run(upload: Upload): Promise<void> {
  const { id } = upload;
  if (!isSecureContext) {
    set(id, { state: "failed", note: "Browsers sign what they store only over https, or on the hub's own machine. Open the hub by https." });
    return next();
  }
  const stopping = new AbortController();
  stops.set(id, stopping);
  set(id, { state: "reading" });
  try {
    const item = await (upload.kind === "image" ? convert : keep)(upload, stopping.signal);
    set(id, { state: "done", part: 1, item });
    after.get(id)?.(item);
  } catch (error) {
    set(id, stopping.signal.aborted ? { state: "stopped" } : { state: "failed", note: error instanceof Error ? error.message : String(error) });
  } finally {
    stops.delete(id);
    next();
  }
}

/** Run the worker on a file; what it gives is handled one after the other. */
function work(begin: Begin, signal: AbortSignal, onObject: (path: string, body: Blob) => Promise<void>, onRead: (part: number) => void): Promise<Said> {
  const worker = new Worker(new URL("./convert.worker.ts", import.meta.url), { type: "module" });
  return new Promise<Said>((resolve, reject) => {
    let sending: Promise<void> = Promise.resolve();
    let underWay = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const watch = (): void => {
      clearTimeout(timer);
      if (underWay < AHEAD) timer = setTimeout(() => reject(new Error("This file takes too long to be read. Import it with arkitekt-next data import.")), STALL_MS);
    };
    watch();
    signal.addEventListener("abort", () => reject(signal.reason as Error));
    worker.onerror = () => reject(new Error("This file could not be read: what reads it broke off."));
    worker.onmessage = ({ data }: MessageEvent<Said>) => {
      watch();
      if (data.is === "object") {
        underWay += 1;
        sending = sending
          .then(() => onObject(data.path, data.body))
          .then(() => {
            underWay -= 1;
            worker.postMessage("sent");
            watch();
          });
        sending.catch(reject);
      } else if (data.is === "read") onRead(data.part);
      else if (data.is === "problem") reject(new Error(data.problem));
      else sending.then(() => resolve(data), reject);
    };
    worker.postMessage(begin);
  }).finally(() => worker.terminate());
}

/** A name that items and objects may have. */
const plain = (name: string): string => name.replace(/[\\/\p{C}]/gu, "_").slice(0, NAME_LIMIT).trim() || "file";

async function convert({ id, file }: Upload, signal: AbortSignal): Promise<Schemas["Item"]> {
  const name = plain(file.name.replace(/(\.ome)?\.[a-z0-9]{1,5}$/i, "") || file.name);
  return made({ kind: "image", name }, signal, () => undefined, async (sink, item) => {
    const said = await work({ file, as: "image", name }, signal, (path, body) => sink.put(path, body), (part) => set(id, { part }));
    return commit(item, (said as { meta: Meta }).meta, signal);
  });
}

async function keep({ id, file }: Upload, signal: AbortSignal): Promise<Schemas["Item"]> {
  const said = (await work({ file, as: "file", name: file.name }, signal, () => Promise.resolve(), (part) => set(id, { part: part / 10 }))) as { sha256: string };
  set(id, { state: "sending" });
  let sent = 0;
  const onSent = (bytes: number): void => {
    sent += bytes;
    set(id, { part: 0.1 + (0.9 * sent) / Math.max(1, file.size) });
  };
  const name = plain(file.name);
  return made({ kind: "file", name }, signal, onSent, async (sink, item) => {
    await sink.put(name, file);
    const meta = { name, size_bytes: file.size, sha256: said.sha256, content_type: file.type || "application/octet-stream" };
    return commit(item, meta, signal);
  });
}

/** Let an item count; asked again while the hub is away, since twice is as good as once. */
const commit = (item: string, meta: object, signal: AbortSignal): Promise<Schemas["Item"]> => patiently(() => ask<Schemas["Item"]>("POST", `/api/items/${item}/commit`, { meta }), signal);

/** Make an item, fill it, and give it up again if that does not work. */
async function made(wanted: { kind: "image" | "file"; name: string }, signal: AbortSignal, onSent: (bytes: number) => void, fill: (sink: Sink, item: string) => Promise<Schemas["Item"]>): Promise<Schemas["Item"]> {
  const { item, grant } = await ask<Schemas["Created"]>("POST", "/api/items", wanted, signal);
  try {
    return await fill(new Sink(item.id, grant!, signal, onSent), item.id);
  } catch (error) {
    await ask("DELETE", `/api/items/${item.id}`).catch(() => undefined);
    throw error;
  }
}
