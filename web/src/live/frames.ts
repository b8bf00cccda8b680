/** Small stored arrays and images as pictures: what they are, where their chunks lie, and the plane that is shown.
 *
 * The page of a stream reads one after the other, so what was known of the last one is supposed of the next while its
 * description is on its way. */
import { ItemStore } from "../api/stored";
import { Unreadable, unpackBlosc } from "./blosc";

export type Values = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

export interface Frame {
  width: number;
  height: number;
  parts: number; // values of a pixel: 1, or 3 and 4 for colours
  dtype: string;
  values: Values;
}

interface Layout {
  shape: number[];
  dtype: string;
  chunks: number[];
  shards: number[] | null;
}

const LIMIT_BYTES = 16 * 2 ** 20;
const SLACK_BYTES = 2 ** 20; // what packing may add at most
const MOST_OBJECTS = 64;
const MOST_CHUNKS = 4096;
const NO_CHUNK = 2n ** 64n - 1n;
const TYPES: Record<string, { new (buffer: ArrayBuffer): Values; BYTES_PER_ELEMENT: number }> = {
  bool: Uint8Array, uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array,
  uint32: Uint32Array, int32: Int32Array, float32: Float32Array, float64: Float64Array,
};

const product = (sizes: number[]): number => sizes.reduce((all, one) => all * one, 1);

/** Say how an item's pixels lie; raise `Unreadable` for what can't be shown as it arrives. */
export function layoutOf(meta: Record<string, unknown>): Layout {
  const { shape, dtype, chunks, shards } = meta as { shape?: number[]; dtype?: string; chunks?: number[]; shards?: number[] | null };
  const type = TYPES[dtype ?? ""];
  if (!shape || !chunks || !dtype || shape.length < 2 || chunks.length !== shape.length) throw new Unreadable("It is no picture: it has fewer than two axes.");
  if (type === undefined) throw new Unreadable(`Values of the type ${dtype} are not shown as they arrive.`);
  const held = [...shape, ...chunks, ...(shards ?? [])];
  if (held.some((size) => !Number.isSafeInteger(size) || size <= 0)) throw new Unreadable("It is empty.");
  if (product(shape) * type.BYTES_PER_ELEMENT > LIMIT_BYTES || product(chunks) * type.BYTES_PER_ELEMENT > LIMIT_BYTES)
    throw new Unreadable("It is too large to be shown as it arrives. Open it to look at it.");
  const layout = { shape, dtype, chunks, shards: shards ?? null };
  if (product(grid(layout)) > MOST_OBJECTS || product((shards ?? chunks).map((size, axis) => size / chunks[axis]!)) > MOST_CHUNKS) throw new Unreadable("It is cut into too many parts to be shown as it arrives.");
  return layout;
}

export class Frames {
  private last: Layout | null = null;

  async read(id: string, signal: AbortSignal): Promise<Frame> {
    const store = new ItemStore(id);
    await Promise.all((this.last ? pathsOf(this.last) : ["zarr.json"]).map((path) => store.link(path)));
    const layout = layoutOf(store.meta ?? {});
    const objects = await Promise.all(pathsOf(layout).map((path) => store.getRange(`/${path}`, { offset: 0, length: LIMIT_BYTES + SLACK_BYTES }, { signal })));
    this.last = layout;
    return frameOf(layout, objects);
  }
}

const stepsOf = (layout: Layout): number[] => layout.shards ?? layout.chunks;
/** How many leading axes only their first place is shown of. */
const hiddenOf = ({ shape, dtype }: Layout): number => (shape.length === 3 && dtype === "uint8" && (shape[2] === 3 || shape[2] === 4) ? 0 : shape.length - 2);

function* places(counts: number[]): Generator<number[]> {
  const total = product(counts);
  for (let number = 0; number < total; number++) {
    const place = counts.map(() => 0);
    for (let axis = counts.length - 1, left = number; axis >= 0; axis--) {
      place[axis] = left % counts[axis]!;
      left = Math.floor(left / counts[axis]!);
    }
    yield place;
  }
}

/** How many objects lie along each axis, of those that are shown. */
function grid(layout: Layout): number[] {
  const hidden = hiddenOf(layout);
  return layout.shape.map((size, axis) => (axis < hidden ? 1 : Math.ceil(size / stepsOf(layout)[axis]!)));
}

function pathsOf(layout: Layout): string[] {
  return [...places(grid(layout))].map((place) => `0/c/${place.join("/")}`);
}

function frameOf(layout: Layout, objects: (Uint8Array | undefined)[]): Frame {
  const hidden = hiddenOf(layout);
  const [height, width, parts = 1] = layout.shape.slice(hidden) as [number, number, number?];
  const type = TYPES[layout.dtype]!;
  const values = new type(new ArrayBuffer(height * width * parts * type.BYTES_PER_ELEMENT));
  const steps = stepsOf(layout);
  const chunkBytes = product(layout.chunks) * type.BYTES_PER_ELEMENT;
  [...places(grid(layout))].forEach((place, at) => {
    const packed = objects[at];
    if (!packed) return; // a chunk of zeros is not stored
    for (const [inner, chunk] of layout.shards ? chunksOf(layout, packed) : [[layout.shape.map(() => 0), packed] as const]) {
      if (inner.slice(0, hidden).some(Boolean)) continue;
      const start = inner.map((one, axis) => place[axis]! * steps[axis]! + one * layout.chunks[axis]!);
      paste(values, new type(unpackBlosc(chunk, chunkBytes).buffer), { start: start.slice(hidden), chunk: layout.chunks.slice(hidden), height, width, parts });
    }
  });
  return { width, height, parts, dtype: layout.dtype, values };
}

/** The chunks inside a shard, by their place in it. Source: Zarr v3's sharding codec, with its index at the end. */
function* chunksOf(layout: Layout, shard: Uint8Array): Generator<readonly [number[], Uint8Array]> {
  const counts = layout.shards!.map((size, axis) => Math.ceil(size / layout.chunks[axis]!));
  const start = shard.length - 16 * product(counts) - 4;
  if (start < 0) throw new Unreadable("A chunk is too short.");
  const index = new DataView(shard.buffer, shard.byteOffset + start);
  let at = 0;
  for (const place of places(counts)) {
    const [offset, length] = [index.getBigUint64(at, true), index.getBigUint64(at + 8, true)];
    at += 16;
    if (offset === NO_CHUNK) continue;
    if (offset + length > BigInt(start)) throw new Unreadable("A chunk ends too soon.");
    yield [place, shard.subarray(Number(offset), Number(offset + length))];
  }
}

interface Spot {
  start: number[];
  chunk: number[];
  height: number;
  width: number;
  parts: number;
}

function paste(into: Values, from: Values, { start, chunk, height, width, parts }: Spot): void {
  const [top, left] = start as [number, number];
  const [tall, wide] = chunk as [number, number];
  const length = Math.max(0, Math.min(wide, width - left)) * parts;
  for (let row = 0; row < tall && top + row < height; row++) {
    into.set(from.subarray(row * wide * parts, row * wide * parts + length), ((top + row) * width + left) * parts);
  }
}
