/** What the values of a plane are like: how often each occurs, and between which two nearly all of them lie. */
import type { Level, Pixels, Selection } from "./pyramid";

export const BINS = 128;
const LOOKED_AT = 1024; // pixels along a side: of a level without a smaller copy a part is enough
const TAIL = 0.002; // of the pixels at either end, that may be darker or brighter than what is shown

export interface Stats {
  low: number;
  high: number;
  bins: number[];
  window: [number, number];
}

/** Describe the plane of a level, its middle if it is large. */
export async function describe(level: Level, selection: Selection): Promise<Stats> {
  const [height, width] = [Math.min(level.height, LOOKED_AT), Math.min(level.width, LOOKED_AT)];
  const { data } = await level.plane(selection, (level.height - height) >> 1, (level.width - width) >> 1, height, width);
  return statsOf(data);
}

export function statsOf(data: Pixels): Stats {
  let [low, high] = [Infinity, -Infinity];
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = finite(data);
  const bins = new Array<number>(BINS).fill(0);
  const step = (high - low) / BINS || 1;
  let count = 0;
  for (const value of data) {
    if (!(value >= low && value <= high)) continue; // NaN and infinities
    bins[Math.min(BINS - 1, Math.floor((value - low) / step))]! += 1;
    count += 1;
  }
  return { low, high, bins, window: windowOf(bins, count, low, step, data) };
}

function finite(data: Pixels): [number, number] {
  const known = data.filter((value: number) => Number.isFinite(value));
  let [low, high] = [Infinity, -Infinity];
  for (const value of known) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Give where nearly all values lie. A few very bright pixels fill one bin only, so it is looked into again. */
function windowOf(bins: number[], count: number, low: number, step: number, data: Pixels): [number, number] {
  const cut = count * TAIL;
  let [first, last] = [0, BINS - 1];
  for (let seen = 0; first < BINS - 1 && (seen += bins[first]!) <= cut; ) first += 1;
  for (let seen = 0; last > first && (seen += bins[last]!) <= cut; ) last -= 1;
  const [from, to] = [low + first * step, low + (last + 1) * step];
  if (last - first < 4 && BINS > 8 && step > 1) {
    const inside = data.filter((value: number) => value >= from && value <= to) as Pixels;
    if (inside.length > 0 && inside.length < data.length) return statsOf(inside).window;
  }
  return from < to ? [from, to] : [from, from + 1];
}
