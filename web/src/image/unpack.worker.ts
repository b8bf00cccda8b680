/** Unpacks chunks, away from the page: beside no document and, by the policy it is served with, without any network. */
import { Decompress } from "fzstd";
import Blosc from "numcodecs/blosc";
import LZ4 from "numcodecs/lz4";

const LIMIT_BYTES = 256 * 2 ** 20;
const BLOSC_HEADER_BYTES = 16;
const STEP_BYTES = 2 ** 16;

export interface Packed {
  number: number;
  codec: "blosc" | "lz4" | "zstd";
  configuration: never;
  data: Uint8Array<ArrayBuffer>;
}

export type Unpacked = { number: number; data: Uint8Array<ArrayBuffer> } | { number: number; problem: string };

onmessage = async ({ data: { number, codec, configuration, data } }: MessageEvent<Packed>) => {
  try {
    refuseBomb(codec, data);
    const made = (codec === "zstd" ? unzstd(data) : await { blosc: Blosc, lz4: LZ4 }[codec].fromConfig(configuration).decode(data)) as Uint8Array<ArrayBuffer>;
    postMessage({ number, data: made } satisfies Unpacked, { transfer: [made.buffer] });
  } catch (error) {
    postMessage({ number, problem: error instanceof Error ? error.message : "It can't be unpacked." } satisfies Unpacked);
  }
};

/** Packed chunks come from anybody: what says that it unpacks into more than a viewer may hold is refused. */
function refuseBomb(codec: Packed["codec"], data: Uint8Array): void {
  if (codec === "zstd") return; // does not have to say, so it is watched
  const [at, least] = { blosc: [4, BLOSC_HEADER_BYTES], lz4: [0, 4] }[codec] as [number, number];
  const size = data.length < least ? Infinity : new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(at, true);
  if (size > LIMIT_BYTES) throw new Error("A chunk unpacks into more than a browser may hold.");
}

function unzstd(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  const stream = new Decompress((part) => {
    size += part.length;
    if (size > LIMIT_BYTES) throw new Error("A chunk unpacks into more than a browser may hold.");
    parts.push(part);
  });
  for (let from = 0; from < data.length; from += STEP_BYTES) stream.push(data.subarray(from, from + STEP_BYTES), from + STEP_BYTES >= data.length);
  const whole = new Uint8Array(size);
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}
