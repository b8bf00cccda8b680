/** The codecs of chunks whose libraries make code at run time: they run in workers, which the page's policy does not bind. */
import { registry } from "zarrita";
import { inflated } from "./inflating";
import type { Packed, Unpacked } from "./unpack.worker";

const LIMIT_BYTES = 256 * 2 ** 20;

const WORKERS = Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1));

interface Waiting {
  resolve: (data: Uint8Array) => void;
  reject: (error: Error) => void;
}

let workers: Worker[] = [];
let count = 0;
const waiting = new Map<number, Waiting>();

function begin(): Worker[] {
  return Array.from({ length: WORKERS }, () => {
    const worker = new Worker(new URL("./unpack.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Unpacked>) => {
      const one = waiting.get(data.number);
      waiting.delete(data.number);
      if ("problem" in data) one?.reject(new Error(data.problem));
      else one?.resolve(data.data);
    };
    worker.onerror = () => {
      for (const one of waiting.values()) one.reject(new Error("What unpacks images broke off. Load the page again."));
      waiting.clear();
      workers = [];
    };
    return worker;
  });
}

function unpack(codec: Packed["codec"], configuration: never, packed: Uint8Array): Promise<Uint8Array> {
  if (workers.length === 0) workers = begin();
  count += 1;
  const number = count;
  const data = packed.slice(); // its own memory, which goes to the worker
  return new Promise((resolve, reject) => {
    waiting.set(number, { resolve, reject });
    workers[number % workers.length]!.postMessage({ number, codec, configuration, data } satisfies Packed, [data.buffer]);
  });
}

/** Unpack what browsers know themselves, and no more of it than a viewer may hold. */
for (const [codec, format] of [["gzip", "gzip"], ["zlib", "deflate"]] as const) {
  const made = {
    fromConfig: () => ({ kind: "bytes_to_bytes", encode: () => Promise.reject(new Error("The page only reads.")), decode: (data: Uint8Array) => inflated(data, format, LIMIT_BYTES) }),
  };
  for (const name of [codec, `numcodecs.${codec}`]) registry.set(name, () => Promise.resolve(made as never));
}

for (const codec of ["blosc", "lz4", "zstd"] as const) {
  const made = {
    fromConfig: (configuration: never) => ({
      kind: "bytes_to_bytes",
      encode: () => Promise.reject(new Error("The page only reads.")),
      decode: (data: Uint8Array) => unpack(codec, configuration, data),
    }),
  };
  for (const name of [codec, `numcodecs.${codec}`]) registry.set(name, () => Promise.resolve(made as never));
}
