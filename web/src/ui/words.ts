/** Times, sizes and shapes as people read them. */
import { named } from "../named";

// Made once: making one takes longer than drawing a row.
const DAY = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

export function ago(us: number, nowMs: number = Date.now()): string {
  const s = Math.max(0, nowMs / 1000 - us / 1e6);
  if (s < 5) return "just now";
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  return DAY.format(us / 1000);
}

export const moment = (us: number): string => new Date(us / 1000).toLocaleString();

export function span(us: number): string {
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${Math.round(us / 1000)} ms`;
  const s = us / 1e6;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export function size(bytes: number): string {
  if (!Number.isFinite(bytes)) return "of unknown size";
  let left = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (left < 1000) return unit === "B" || left >= 100 ? `${Math.round(left)} ${unit}` : `${left.toPrecision(3)} ${unit}`;
    left /= 1000;
  }
  return `${left.toPrecision(3)} TB`;
}

const SYMBOLS = named<string>({
  meter: "m", centimeter: "cm", millimeter: "mm", micrometer: "µm", nanometer: "nm", picometer: "pm", angstrom: "Å",
  day: "d", hour: "h", minute: "min", second: "s", millisecond: "ms", microsecond: "µs", nanosecond: "ns",
});

/** The short form of a unit that is named in full, as OME-NGFF has it. */
export const symbol = (unit: string | undefined): string => (unit === undefined ? "" : (SYMBOLS[unit] ?? unit));
