/** What a person types for a value that is not made of others, and its wire form. */
import type { Kind } from "./model.ts";
import { named } from "../named.ts";

export type Read = { ok: true; value: unknown } | { ok: false; expected: string };

const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;
const INLINE_BYTES = 64 * 1024;
const NON_FINITE = named<string>({
  nan: "NaN", inf: "Infinity", infinity: "Infinity", "+inf": "Infinity", "-inf": "-Infinity", "-infinity": "-Infinity",
});
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?$/;
const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const DECIMAL = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,9})?|inf|infinity|s?nan\d*)$/i;
const SPAN = /^(-)?(?:(\d+)\s*(?:d|days?)\s*)?(?:(\d{1,10}):(\d{1,2})(?::(\d{1,2}(?:\.\d{1,6})?))?|(\d+(?:\.\d{1,6})?)\s*(us|µs|ms|s|min|m|h)?)?$/i;
const UNITS_US = named<number>({ us: 1, "µs": 1, ms: 1e3, s: 1e6, min: 60e6, m: 60e6, h: 3600e6 });

const good = (value: unknown): Read => ({ ok: true, value });
const bad = (expected: string): Read => ({ ok: false, expected });

/** Kinds that a person types as text. */
export const TYPED: ReadonlySet<Kind> = new Set<Kind>([
  "int", "float", "string", "bytes", "datetime", "date", "time", "timedelta", "uuid", "decimal", "json", "structure", "memory",
]);

export function readScalar(kind: Kind, text: string, parseJson: (text: string) => unknown): Read {
  const trimmed = text.trim();
  switch (kind) {
    case "int":
      return readInt(trimmed, "a whole number");
    case "float":
      return readFloat(trimmed);
    case "string":
      return good(text);
    case "bytes":
      return readBytes(trimmed);
    case "date":
      return isDate(trimmed) ? good(trimmed) : bad("a date, as 2026-11-28");
    case "time":
      return isTime(trimmed) ? good(trimmed) : bad("a time, as 14:30 or 14:30:05+01:00");
    case "datetime":
      return readDateTime(trimmed);
    case "timedelta":
      return readSpan(trimmed);
    case "uuid":
      return UUID.test(trimmed) ? good(trimmed.toLowerCase()) : bad("a UUID, as 01a1fb9b-0100-7000-8000-000000000001");
    case "decimal":
      return DECIMAL.test(trimmed) ? good(trimmed) : bad("a decimal number, as 0.10");
    case "json":
      return readJson(trimmed, parseJson);
    case "structure":
    case "memory":
      return trimmed ? good(trimmed) : bad("one of these, by its id");
    default:
      return bad("a value");
  }
}

function readInt(text: string, expected: string): Read {
  if (!/^[+-]?\d{1,20}$/.test(text)) return bad(expected);
  const value = BigInt(text.replace(/^\+/, ""));
  if (value < INT_MIN || value > INT_MAX) return bad("a whole number of 64 bits, from −2⁶³ to 2⁶³−1");
  const isSafe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return good(isSafe ? Number(value) : value);
}

function readFloat(text: string): Read {
  const special = NON_FINITE[text.toLowerCase()];
  if (special !== undefined) return good(special);
  const plain = text.replace(/^\+/, "").replace(",", ".");
  if (!/^-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(plain)) return bad("a number, as 0.5");
  const value = Number(plain);
  return Number.isFinite(value) ? good(value) : bad("a number of at most 1.8e308");
}

function readBytes(text: string): Read {
  const plain = text.replace(/\s+/g, "");
  if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(plain)) return bad("bytes as base64, or a small file");
  const size = (plain.length / 4) * 3 - (plain.endsWith("==") ? 2 : plain.endsWith("=") ? 1 : 0);
  return size <= INLINE_BYTES ? good(plain) : bad("at most 64 KiB; store it as a file for more");
}

export function bytesOf(base64: string): number {
  return (base64.length / 4) * 3 - (base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0);
}

function isDate(text: string): boolean {
  const found = DATE.exec(text);
  if (found === null) return false;
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!;
}

function isTime(text: string): boolean {
  const found = TIME.exec(text);
  if (found === null) return false;
  if (Number(found[1]) > 23 || Number(found[2]) > 59 || Number(found[3] ?? 0) > 59) return false;
  const zone = found[5];
  return zone === undefined || zone === "Z" || (Number(zone.slice(1, 3)) < 24 && Number(zone.slice(4, 6)) < 60);
}

function readDateTime(text: string): Read {
  const [date, time] = text.split(/[T ]/, 2);
  if (date === undefined || !isDate(date) || (time !== undefined && !isTime(time))) return bad("a date with a time, as 2026-11-28T14:30");
  return good(time === undefined ? `${date}T00:00` : `${date}T${time}`);
}

/** `1:30` is an hour and a half, `90s` and `1.5 min` what they say, `2d 3:00` two days and three hours. */
function readSpan(text: string): Read {
  const found = SPAN.exec(text);
  if (text === "" || text === "-" || found === null) return bad("a span of time, as 90s, 1:30:00 or 2d");
  const [, sign, days, hours, minutes, seconds, amount, unit] = found;
  let total = BigInt(days ?? 0) * 86_400_000_000n;
  if (hours !== undefined) {
    if (Number(minutes) > 59 || Number(seconds ?? 0) >= 60) return bad("minutes and seconds below 60");
    total += BigInt(hours) * 3_600_000_000n + BigInt(minutes!) * 60_000_000n + micros(seconds ?? "0", 1e6);
  } else if (amount !== undefined) {
    total += micros(amount, UNITS_US[(unit ?? "s").toLowerCase()]!);
  } else if (days === undefined) {
    return bad("a span of time, as 90s, 1:30:00 or 2d");
  }
  const signed = sign === undefined ? total : -total;
  return readInt(signed.toString(), "a shorter span of time");
}

function micros(text: string, unit: number): bigint {
  const [whole, part = ""] = text.split(".");
  return BigInt(whole!) * BigInt(unit) + (BigInt(part.padEnd(6, "0").slice(0, 6)) * BigInt(unit)) / 1_000_000n;
}

/** Write a span of time as a person reads it, so that it is read back the same. */
export function spanText(value: number | bigint): string {
  let left = BigInt(value);
  const sign = left < 0n ? "-" : "";
  if (left < 0n) left = -left;
  const days = left / 86_400_000_000n;
  left %= 86_400_000_000n;
  const [hours, rest] = [left / 3_600_000_000n, left % 3_600_000_000n];
  const [minutes, us] = [rest / 60_000_000n, rest % 60_000_000n];
  const part = us % 1_000_000n ? `.${(us % 1_000_000n).toString().padStart(6, "0").replace(/0+$/, "")}` : "";
  const clock = `${hours}:${minutes.toString().padStart(2, "0")}:${(us / 1_000_000n).toString().padStart(2, "0")}${part}`;
  return `${sign}${days ? `${days}d ` : ""}${clock}`;
}

function readJson(text: string, parseJson: (text: string) => unknown): Read {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return bad('JSON, as {"a": [1, 2]}');
  }
  return fitsJson(value, 64);
}

function fitsJson(value: unknown, depth: number): Read {
  if (typeof value === "bigint" && (value < INT_MIN || value > INT_MAX)) return bad("whole numbers of 64 bits");
  if (typeof value === "number" && !Number.isFinite(value)) return bad("finite numbers");
  if (typeof value !== "object" || value === null) return good(value);
  if (depth <= 0) return bad("JSON at most 64 levels deep");
  for (const inner of Array.isArray(value) ? value : Object.values(value)) {
    const read = fitsJson(inner, depth - 1);
    if (!read.ok) return read;
  }
  return good(value);
}
