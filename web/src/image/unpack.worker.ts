/** Unpacks chunks, away from the page: beside no document and, by the policy it is served with, without any network. */
import Blosc from "numcodecs/blosc";
import LZ4 from "numcodecs/lz4";
import Zstd from "numcodecs/zstd";

const LIMIT_BYTES = 256 * 2 ** 20;
const BLOSC_HEADER_BYTES = 16;

export interface Packed {
  number: number;
  codec: "blosc" | "lz4" | "zstd";
  configuration: never;
  data: Uint8Array<ArrayBuffer>;
}

export type Unpacked = { number: number; data: Uint8Array<ArrayBuffer> } | { number: number; problem: string };

const CODECS = { blosc: Blosc, lz4: LZ4, zstd: Zstd };

onmessage = async ({ data: { number, codec, configuration, data } }: MessageEvent<Packed>) => {
  try {
    refuseBomb(codec, data);
    const made = (await CODECS[codec].fromConfig(configuration).decode(data)) as Uint8Array<ArrayBuffer>;
    postMessage({ number, data: made } satisfies Unpacked, { transfer: [made.buffer] });
  } catch (error) {
    postMessage({ number, problem: error instanceof Error ? error.message : "It can't be unpacked." } satisfies Unpacked);
  }
};

/** Packed chunks come from anybody: what says that it unpacks into more than a viewer may hold is refused. */
function refuseBomb(codec: Packed["codec"], data: Uint8Array): void {
  const head = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const at = { blosc: 4, lz4: 0, zstd: null }[codec];
  const size = at === null ? 0 : data.length < (codec === "blosc" ? BLOSC_HEADER_BYTES : 4) ? Infinity : head.getUint32(at, true);
  if (size > LIMIT_BYTES) throw new Error("A chunk unpacks into more than a browser may hold.");
}
