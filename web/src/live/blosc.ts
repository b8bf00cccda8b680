/** Unpacking chunks as blosc and LZ4 packed them: all that our own arrays need, and no WebAssembly, which the page's
 * policy does not let run. Whoever stored a chunk may have stored anything: no more is written than was expected.
 *
 * Source: c-blosc's README_CHUNK_FORMAT, and the description of LZ4's block format. */

const HEADER = 16;
const SPLITS = 16;
const SPLIT_FROM = 128;
const SHUFFLED = 1;
const COPIED = 2;
const BIT_SHUFFLED = 4;
const NOT_SPLIT = 16;
const LZ4 = 1;

export class Unreadable extends Error {}

export function unpackBlosc(packed: Uint8Array, expected: number): Uint8Array<ArrayBuffer> {
  if (packed.length < HEADER) throw new Unreadable("A chunk is too short.");
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const [flags, typeSize, size, blockSize] = [packed[2]!, packed[3]!, view.getUint32(4, true), view.getUint32(8, true)];
  if (size !== expected) throw new Unreadable(`Expected a chunk of ${expected} bytes, got one of ${size}.`);
  const found = new Uint8Array(expected);
  if (flags & COPIED) {
    found.set(packed.subarray(HEADER, HEADER + size));
    return found;
  }
  if (flags >> 5 !== LZ4 || flags & BIT_SHUFFLED) throw new Unreadable("It was packed in a way that this view does not read.");
  if (blockSize === 0 || typeSize === 0) throw new Unreadable("A chunk is broken.");
  const isShuffled = (flags & SHUFFLED) !== 0 && typeSize > 1;
  const held = isShuffled ? new Uint8Array(Math.min(blockSize, size)) : null;
  for (let block = 0, start = 0; start < size; block++, start += blockSize) {
    const into = found.subarray(start, Math.min(size, start + blockSize));
    const isWhole = into.length === blockSize;
    const splits = !(flags & NOT_SPLIT) && typeSize <= SPLITS && blockSize / typeSize >= SPLIT_FROM && isWhole ? typeSize : 1;
    const to = held ? held.subarray(0, into.length) : into;
    unpackBlock(packed, view, offsetAt(view, HEADER + 4 * block), splits, to);
    if (held) unshuffle(to, into, typeSize);
  }
  return found;
}

function offsetAt(view: DataView, at: number): number {
  if (at + 4 > view.byteLength) throw new Unreadable("A chunk ends too soon.");
  return view.getUint32(at, true);
}

function unpackBlock(packed: Uint8Array, view: DataView, start: number, splits: number, into: Uint8Array): void {
  const size = into.length / splits;
  for (let split = 0, at = start; split < splits; split++) {
    const length = offsetAt(view, at);
    at += 4;
    if (at + length > packed.length) throw new Unreadable("A chunk ends too soon.");
    const part = packed.subarray(at, at + length);
    const to = into.subarray(split * size, (split + 1) * size);
    if (length === size) to.set(part);
    else unpackLz4(part, to);
    at += length;
  }
}

function unshuffle(from: Uint8Array, to: Uint8Array, typeSize: number): void {
  const count = Math.floor(from.length / typeSize);
  for (let byte = 0; byte < typeSize; byte++) {
    const base = byte * count;
    for (let at = 0, out = byte; at < count; at++, out += typeSize) to[out] = from[base + at]!;
  }
  for (let at = count * typeSize; at < from.length; at++) to[at] = from[at]!;
}

function unpackLz4(from: Uint8Array, to: Uint8Array): void {
  let [at, out] = [0, 0];
  const more = (length: number): number => {
    let byte = 255;
    while (byte === 255 && at < from.length) length += byte = from[at++]!;
    return length;
  };
  while (at < from.length) {
    const token = from[at++]!;
    const literals = token >> 4 === 15 ? more(15) : token >> 4;
    if (at + literals > from.length || out + literals > to.length) throw new Unreadable("A chunk is broken.");
    if (literals > 32) to.set(from.subarray(at, at + literals), out);
    else for (let n = 0; n < literals; n++) to[out + n] = from[at + n]!;
    at += literals;
    out += literals;
    if (at >= from.length) break; // the last sequence has no match
    const back = from[at]! | (from[at + 1]! << 8);
    at += 2;
    const length = ((token & 15) === 15 ? more(15) : token & 15) + 4;
    if (back === 0 || back > out || out + length > to.length) throw new Unreadable("A chunk is broken.");
    if (back >= length) to.copyWithin(out, out - back, out - back + length);
    else for (let n = 0; n < length; n++) to[out + n] = to[out - back + n]!;
    out += length;
  }
  if (out !== to.length) throw new Unreadable("A chunk ends too soon.");
}
