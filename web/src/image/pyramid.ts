/** An image as the viewer reads it: the levels of its pyramid, each cut into tiles, planes chosen along the other axes. */
import type { PixelData, PixelSource } from "@vivjs/types";
import * as zarr from "zarrita";
import type { Schemas } from "../api/client";
import { ItemStore } from "../api/stored";
import "./codecs";

export const TILE = 512;
const CHUNK_LIMIT_BYTES = 256 * 2 ** 20;
const MOST_CHUNKS_A_TILE = 1024;
const KEPT_BYTES = 256 * 2 ** 20;

export type Pixels = Uint8Array | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
export type Selection = Record<string, number>;

export interface ImageMeta {
  axes: string[];
  shape: number[];
  dtype: string;
  levels?: number;
  role?: "intensity" | "labels";
  scale?: Record<string, number>;
  units?: Record<string, string>;
  channels?: { name: string; color?: string; window?: [number, number, number, number] }[];
}

/** How the types that graphics cards have no place for are shown. Whole numbers beyond 2^24 lose their last digits. */
const SHOWN_AS: Record<string, string> = { bool: "Uint8", int64: "Float32", uint64: "Float32", float16: "Float32", float64: "Float32" };
const MAKERS = { Uint8: Uint8Array, Uint16: Uint16Array, Uint32: Uint32Array, Int8: Int8Array, Int16: Int16Array, Int32: Int32Array, Float32: Float32Array };

export interface Plane {
  data: Pixels;
  width: number;
  height: number;
}

interface Decoded {
  data: ArrayLike<number>;
  shape: number[];
}

/** The newest chunks that were unpacked, up to a size: a tile, a neighbour and the values under the pointer share them. */
class Chunks {
  readonly #kept = new Map<string, Promise<Decoded>>();
  readonly #found = new Map<string, Decoded>();
  readonly #bytes: number;
  readonly #array: zarr.Array<zarr.DataType, ItemStore>;

  constructor(array: zarr.Array<zarr.DataType, ItemStore>, bytes: number) {
    this.#array = array;
    this.#bytes = bytes;
  }

  get(at: number[]): Promise<Decoded> {
    const key = at.join("/");
    let found = this.#kept.get(key);
    if (found) this.#kept.delete(key);
    else {
      found = this.#array.getChunk(at).then((chunk) => {
        const made = { data: numbers(chunk.data), shape: chunk.shape };
        this.#found.set(key, made);
        return made;
      });
      found.catch(() => this.#drop(key));
    }
    this.#kept.set(key, found);
    while (this.#kept.size > Math.max(4, KEPT_BYTES / this.#bytes)) this.#drop(this.#kept.keys().next().value!);
    return found;
  }

  peek(at: number[]): Decoded | undefined {
    return this.#found.get(at.join("/"));
  }

  #drop(key: string): void {
    this.#kept.delete(key);
    this.#found.delete(key);
  }
}

export class Level implements PixelSource<string[]> {
  readonly labels: never;
  readonly shape: number[]; // as Viv takes it
  readonly height: number;
  readonly width: number;
  readonly dtype;
  readonly tileSize = TILE;
  readonly #axes: string[];
  readonly #chunkShape: number[];
  readonly #chunks: Chunks;

  constructor(array: zarr.Array<zarr.DataType, ItemStore>, meta: ImageMeta, level: number) {
    check(array, meta, level);
    const bytes = array.chunks.reduce((all, one) => all * one, 8);
    this.#axes = meta.axes;
    this.#chunkShape = array.chunks;
    this.#chunks = new Chunks(array, bytes);
    this.height = array.shape.at(-2)!;
    this.width = array.shape.at(-1)!;
    this.shape = this.width === 3 || this.width === 4 ? [...array.shape.slice(0, -1), 5] : array.shape; // Viv takes 3 and 4 for colours
    this.labels = meta.axes as never;
    const name = String(array.dtype);
    this.dtype = (SHOWN_AS[name] ?? `${name[0]!.toUpperCase()}${name.slice(1)}`) as keyof typeof MAKERS;
    if (!(this.dtype in MAKERS)) throw new Error(`A browser shows no pixels of type ${name}.`);
  }

  getTile({ x, y, selection }: { x: number; y: number; selection: Selection }): Promise<PixelData> {
    return this.plane(selection, y * TILE, x * TILE, Math.min(TILE, this.height - y * TILE), Math.min(TILE, this.width - x * TILE)) as Promise<PixelData>;
  }

  getRaster({ selection }: { selection: Selection }): Promise<PixelData> {
    return this.plane(selection, 0, 0, this.height, this.width) as Promise<PixelData>;
  }

  onTileError(error: Error): void {
    if (error.name !== "AbortError") throw error;
  }

  /** Read a part of one plane: its rows from `top`, its columns from `left`. */
  async plane(selection: Selection, top: number, left: number, height: number, width: number): Promise<Plane> {
    const out = new MAKERS[this.dtype](Math.max(0, height) * Math.max(0, width));
    const [tall, wide] = [this.#chunkShape.at(-2)!, this.#chunkShape.at(-1)!];
    const parts: Promise<void>[] = [];
    for (let row = Math.floor(top / tall); row * tall < top + height; row += 1) {
      for (let column = Math.floor(left / wide); column * wide < left + width; column += 1) {
        const part = this.#chunks.get(this.#chunkOf(selection, row, column)).then(({ data, shape }) => {
          const from = this.#offset(selection, shape);
          const [y0, y1] = [Math.max(top, row * tall), Math.min(top + height, (row + 1) * tall)];
          const [x0, x1] = [Math.max(left, column * wide), Math.min(left + width, (column + 1) * wide)];
          for (let y = y0; y < y1; y += 1) {
            const source = from + (y - row * tall) * shape.at(-1)! - column * wide;
            const target = (y - top) * width - left;
            for (let x = x0; x < x1; x += 1) out[target + x] = data[source + x]!;
          }
        });
        parts.push(part);
      }
    }
    await Promise.all(parts);
    return { data: out, width, height };
  }

  /** The value of a pixel, where the chunk with it is at hand. */
  peek(selection: Selection, y: number, x: number): number | undefined {
    if (y < 0 || x < 0 || y >= this.height || x >= this.width) return undefined;
    const [tall, wide] = [this.#chunkShape.at(-2)!, this.#chunkShape.at(-1)!];
    const found = this.#chunks.peek(this.#chunkOf(selection, Math.floor(y / tall), Math.floor(x / wide)));
    return found?.data[this.#offset(selection, found.shape) + (y % tall) * found.shape.at(-1)! + (x % wide)];
  }

  #outer(selection: Selection): number[] {
    return this.#axes.slice(0, -2).map((axis, at) => Math.min(selection[axis] ?? 0, this.shape[at]! - 1));
  }

  #chunkOf(selection: Selection, row: number, column: number): number[] {
    return [...this.#outer(selection).map((index, at) => Math.floor(index / this.#chunkShape[at]!)), row, column];
  }

  #offset(selection: Selection, shape: number[]): number {
    return this.#outer(selection).reduce((all, index, at) => all * shape[at]! + (index % this.#chunkShape[at]!), 0) * shape.at(-2)! * shape.at(-1)!;
  }
}

/** Whoever stored an image may have written anything. Raise for levels that are not what the hub says of the image. */
function check({ shape, chunks, dtype }: zarr.Array<zarr.DataType, ItemStore>, meta: ImageMeta, level: number): void {
  const halved = (size: number): number => Math.ceil(size / 2 ** level);
  const isExpected = (size: number, axis: number): boolean => (axis < meta.shape.length - 2 ? size === meta.shape[axis] : Math.abs(size - halved(meta.shape[axis]!)) <= 1 && size >= 1);
  if (shape.length !== meta.shape.length || !shape.every(isExpected) || (level === 0 && shape.join() !== meta.shape.join())) throw new Error(`It was stored wrong: level ${level} is ${shape.join("×").slice(0, 100)} large.`);
  if (String(dtype) !== meta.dtype) throw new Error(`It was stored wrong: level ${level} is of type ${String(dtype).slice(0, 50)}, not ${meta.dtype}.`);
  if (chunks.length !== shape.length || !chunks.every((size) => Number.isSafeInteger(size) && size >= 1)) throw new Error("It was stored wrong: its chunks have no size.");
  if (chunks.reduce((all, one) => all * one, 8) > CHUNK_LIMIT_BYTES) throw new Error(`Its chunks are too large for a browser: ${chunks.join("×")} values each.`);
  const across = chunks.slice(-2).map((size, axis) => Math.ceil(Math.min(TILE, shape.at(axis - 2)!) / size));
  if (across[0]! * across[1]! > MOST_CHUNKS_A_TILE) throw new Error(`Its chunks are too small for a browser: ${chunks.join("×")} values each.`);
}

function numbers(data: unknown): ArrayLike<number> {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (data instanceof zarr.BoolArray) return Uint8Array.from(data as Iterable<boolean>, Number);
  return data as ArrayLike<number>;
}

/** Open all levels of an image, finest first; an array has one. */
export async function openLevels(item: Schemas["Item"]): Promise<Level[]> {
  const meta = item.meta as unknown as ImageMeta;
  const root = zarr.root(new ItemStore(item.id));
  const paths = Array.from({ length: meta.levels ?? 1 }, (_, level) => String(level));
  return Promise.all(paths.map(async (path, level) => new Level(await zarr.open.v3(root.resolve(path), { kind: "array" }), meta, level)));
}
