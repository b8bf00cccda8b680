/** Values as the pixels of a screen: a window of them from black to white, by a table where they are of 8 or 16 bits. */
import type { Frame, Values } from "./frames";

export interface Window {
  low: number;
  high: number;
}

const DARKEST = 0.002;
const BRIGHTEST = 0.998;
const SAMPLES = 32_768;
const RANGES: Record<string, [number, number]> = { bool: [0, 1], uint8: [0, 255], int8: [-128, 127], uint16: [0, 65_535], int16: [-32_768, 32_767] };
const OPAQUE = 0xff000000;

/** How far a window of a picture can be moved: beyond its values by twice their span, but not beyond its type. */
export function reachOf({ values, dtype }: Frame): Window {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!Number.isFinite(high - low)) return { low: 0, high: 1 };
  const span = 2 * (high - low || 1);
  const [first, last] = RANGES[dtype] ?? [-Infinity, Infinity];
  return { low: Math.max(first, low - span), high: Math.min(last, high + span) };
}

/** A window that leaves out the darkest and the brightest few: of a part of the values where there are many. */
export function autoWindow(values: Values): Window {
  const step = Math.max(1, Math.floor(values.length / SAMPLES));
  const some = new Float64Array(Math.ceil(values.length / step));
  let count = 0;
  for (let at = 0; at < values.length; at += step) if (Number.isFinite(values[at]!)) some[count++] = values[at]!;
  if (count === 0) return { low: 0, high: 1 };
  const sorted = some.subarray(0, count).sort();
  const low = sorted[Math.floor(DARKEST * (count - 1))]!;
  const high = sorted[Math.ceil(BRIGHTEST * (count - 1))]!;
  return high > low ? { low, high } : { low, high: low + 1 };
}

/** Draw frames; the table is made anew only when the window or the type changes. */
export class Painter {
  private table = new Uint32Array(0);
  private key = "";
  private picture: ImageData | null = null;

  paint(canvas: HTMLCanvasElement, frame: Frame, window: Window): void {
    const { width, height } = frame;
    if (this.picture?.width !== width || this.picture.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      this.picture = new ImageData(width, height);
    }
    const pixels = new Uint32Array(this.picture.data.buffer);
    if (frame.parts > 1) colours(frame, pixels);
    else if (RANGES[frame.dtype]) this.byTable(frame, window, pixels);
    else byScale(frame.values, window, pixels);
    canvas.getContext("2d")!.putImageData(this.picture, 0, 0);
  }

  private byTable(frame: Frame, { low, high }: Window, pixels: Uint32Array): void {
    const [first, last] = RANGES[frame.dtype]!;
    const key = `${frame.dtype} ${low} ${high}`;
    if (key !== this.key) {
      this.table = new Uint32Array(last - first + 1);
      for (let value = first; value <= last; value++) this.table[value - first] = greyOf(value, low, high);
      this.key = key;
    }
    const { table } = this;
    const { values } = frame;
    for (let at = 0; at < pixels.length; at++) pixels[at] = table[values[at]! - first]!;
  }
}

function greyOf(value: number, low: number, high: number): number {
  const grey = Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low || 1)))) | 0; // NaN is black
  return OPAQUE | (grey << 16) | (grey << 8) | grey;
}

function byScale(values: Values, { low, high }: Window, pixels: Uint32Array): void {
  for (let at = 0; at < pixels.length; at++) pixels[at] = greyOf(values[at]!, low, high);
}

function colours({ values, parts }: Frame, pixels: Uint32Array): void {
  for (let at = 0, from = 0; at < pixels.length; at++, from += parts) pixels[at] = OPAQUE | (values[from + 2]! << 16) | (values[from + 1]! << 8) | values[from]!;
}
