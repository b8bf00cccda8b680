/** Cutting the planes of an image into the chunks and shards of OME-Zarr, level by level, as they come. */
import type { Pixels } from "./pictures";

const TILE = 1024;
const SMALLEST = 256;
const SHARD_BYTES = 64 * 2 ** 20;
const NOTHING = 0xffff_ffff_ffff_ffffn;

export interface Layout {
  shape: number[];
  chunks: number[];
  shards: number[];
}

/** How each level is cut: a chunk is a tile of one plane, a shard as many planes of the last outer axis as fit into 64 MiB. */
export function layouts(shape: number[], itemBytes: number): Layout[] {
  const found: Layout[] = [];
  for (let [y, x] = [shape.at(-2)!, shape.at(-1)!]; ; [y, x] = [(y + 1) >> 1, (x + 1) >> 1]) {
    const level = [...shape.slice(0, -2), y, x];
    const tile = [Math.min(TILE, y), Math.min(TILE, x)];
    const covered = tile.map((side, at) => side * Math.ceil([y, x][at]! / side));
    const fitting = Math.max(1, Math.floor(SHARD_BYTES / (covered[0]! * covered[1]! * itemBytes)));
    const outer = shape.slice(0, -2).map((size, at) => (at === shape.length - 3 ? Math.min(size, fitting) : 1));
    found.push({ shape: level, chunks: [...outer.map(() => 1), ...tile], shards: [...outer, ...covered] });
    if (Math.max(y, x) <= SMALLEST) return found;
  }
}

/** Takes the planes of one level in order, and gives each shard when its last plane is there. */
export class LevelWriter {
  readonly #layout: Layout;
  readonly #path: string;
  readonly #emit: (path: string, body: Blob) => Promise<void>;
  #packed: (Blob | null)[] = [];

  constructor(path: string, layout: Layout, emit: (path: string, body: Blob) => Promise<void>) {
    this.#path = path;
    this.#layout = layout;
    this.#emit = emit;
  }

  async put(number: number, plane: Pixels): Promise<void> {
    const { shape, chunks, shards } = this.#layout;
    const [height, width, tall, wide] = [shape.at(-2)!, shape.at(-1)!, chunks.at(-2)!, chunks.at(-1)!];
    for (let y = 0; y < height; y += tall) {
      for (let x = 0; x < width; x += wide) this.#packed.push(await pack(plane, width, height, y, x, tall, wide));
    }
    const inLast = shape.length > 2 ? shape.at(-3)! : 1;
    const perShard = shape.length > 2 ? shards.at(-3)! : 1;
    const at = number % inLast;
    if ((at + 1) % perShard !== 0 && at + 1 !== inLast) return;
    const outer: number[] = [];
    for (let left = Math.floor(number / inLast), axis = shape.length - 4; axis >= 0; axis -= 1) {
      outer.unshift(left % shape[axis]!);
      left = Math.floor(left / shape[axis]!);
    }
    const place = shape.length > 2 ? [...outer, Math.floor(at / perShard), 0, 0] : [0, 0];
    const whole = (perShard * shards.at(-2)! * shards.at(-1)!) / (tall * wide);
    const body = await shard(this.#packed, whole);
    this.#packed = [];
    await this.#emit(`${this.#path}/c/${place.join("/")}`, body);
  }
}

/** Cut a chunk out of a plane, filled up with zeros at the edge, and pack it. */
async function pack(plane: Pixels, width: number, height: number, top: number, left: number, tall: number, wide: number): Promise<Blob> {
  const chunk = new (plane.constructor as new (length: number) => Pixels)(tall * wide);
  for (let y = 0; y < Math.min(tall, height - top); y += 1) {
    const from = (top + y) * width + left;
    chunk.set(plane.subarray(from, from + Math.min(wide, width - left)) as never, y * wide);
  }
  const stream = new Blob([chunk as Pixels & ArrayBufferView<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).blob();
}

/** Put packed chunks behind each other, and behind them where each begins. Source: zarr 3, the sharding codec. */
async function shard(packed: (Blob | null)[], count: number): Promise<Blob> {
  const index = new DataView(new ArrayBuffer(count * 16 + 4));
  let offset = 0;
  for (let at = 0; at < count; at += 1) {
    const size = packed[at]?.size;
    index.setBigUint64(at * 16, size === undefined ? NOTHING : BigInt(offset), true);
    index.setBigUint64(at * 16 + 8, size === undefined ? NOTHING : BigInt(size), true);
    offset += size ?? 0;
  }
  index.setUint32(count * 16, crc32c(new Uint8Array(index.buffer, 0, count * 16)), true);
  return new Blob([...packed.filter((one) => one !== null), index.buffer]);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let found = byte;
  for (let bit = 0; bit < 8; bit += 1) found = found & 1 ? (found >>> 1) ^ 0x82f63b78 : found >>> 1;
  return found >>> 0;
});

export function crc32c(data: Uint8Array): number {
  let found = 0xffffffff;
  for (const byte of data) found = (TABLE[(found ^ byte) & 255]! ^ (found >>> 8)) >>> 0;
  return (found ^ 0xffffffff) >>> 0;
}

/** Give the mean of every 2 × 2 pixels, whole numbers rounded to nearest; at an odd edge, of what is there. */
export function halved(plane: Pixels, width: number, height: number): Pixels {
  const [wide, tall] = [(width + 1) >> 1, (height + 1) >> 1];
  const out = new (plane.constructor as new (length: number) => Pixels)(wide * tall);
  const isWhole = !(plane instanceof Float32Array || plane instanceof Float64Array);
  for (let y = 0; y < tall; y += 1) {
    const [upper, lower] = [2 * y * width, Math.min(2 * y + 1, height - 1) * width];
    for (let x = 0; x < wide; x += 1) {
      const [left, right] = [2 * x, Math.min(2 * x + 1, width - 1)];
      const mean = (plane[upper + left]! + plane[upper + right]! + plane[lower + left]! + plane[lower + right]!) / 4;
      out[y * wide + x] = isWhole ? Math.floor(mean + 0.5) : mean;
    }
  }
  return out;
}
