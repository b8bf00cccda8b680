/** The columns of a parquet file: their types in words, and their values as text and as what they are compared by. */
import type { ParquetParsers, SchemaTree } from "hyparquet";
import { CELL_CHARACTERS } from "./limits.ts";

/** A point in time: whole milliseconds since 1970, and what is left of it in nanoseconds. */
export class Moment {
  readonly ms: number;
  readonly left: number;

  constructor(ms: number, left: number) {
    this.ms = ms;
    this.left = left;
  }
}

const moment = (count: bigint, perMs: bigint): Moment => {
  const left = ((count % perMs) + perMs) % perMs;
  return new Moment(Number((count - left) / perMs), Number(left * (1_000_000n / perMs)));
};
const decoder = new TextDecoder();

export const PARSERS = {
  timestampFromMilliseconds: (count: bigint) => new Moment(Number(count), 0),
  timestampFromMicroseconds: (count: bigint) => moment(count, 1000n),
  timestampFromNanoseconds: (count: bigint) => moment(count, 1_000_000n),
  dateFromDays: (days: number) => new Moment(days * 86_400_000, 0),
  jsonFromBytes: (bytes: Uint8Array) => bytes && decoder.decode(bytes),
  geometryFromBytes: (bytes: Uint8Array) => bytes,
  geographyFromBytes: (bytes: Uint8Array) => bytes,
} as unknown as ParquetParsers; // hyparquet says that they are to give dates, and passes on whatever they give

export type Sort = "number" | "time" | "text" | "bool" | "none";

export interface Column {
  name: string;
  type: string;
  sort: Sort; // how its values are compared; nested and binary ones are not
  isRight: boolean;
  form: "date" | "time of day" | "moment" | "UTC" | "decimal" | "single" | "plain";
  scale: number; // of a decimal: digits behind the point; of a time of day: how many go into a second
}

const PER_SECOND: Record<string, number> = { MILLIS: 1e3, MICROS: 1e6, NANOS: 1e9 };

export function columnOf(tree: SchemaTree): Column {
  const { element, children } = tree;
  const [logical, converted] = [element.logical_type as { type: string; unit?: string; isAdjustedToUTC?: boolean } | undefined, element.converted_type];
  const made = (type: string, sort: Sort, more: Partial<Column> = {}): Column => ({ name: element.name, type, sort, isRight: sort === "number", form: "plain", scale: 0, ...more });
  if (children.length > 0) {
    const kind = converted === "LIST" || logical?.type === "LIST" ? "list" : converted?.startsWith("MAP") || logical?.type === "MAP" ? "map" : "record";
    return made(kind, "none");
  }
  if (element.repetition_type === "REPEATED") return made("list", "none");
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") {
    const scale = element.scale ?? 0;
    delete element.converted_type; // as it comes, to keep all its digits
    delete element.logical_type;
    return made("decimal", "number", { form: "decimal", scale });
  }
  if (converted === "DATE" || logical?.type === "DATE") return made("date", "time", { form: "date" });
  if (converted?.startsWith("TIMESTAMP") || logical?.type === "TIMESTAMP" || element.type === "INT96") {
    const isUtc = logical?.isAdjustedToUTC === true;
    return made("date and time", "time", { form: isUtc ? "UTC" : "moment" });
  }
  if (converted?.startsWith("TIME_") || logical?.type === "TIME") {
    const unit = logical?.unit ?? converted!.slice(5);
    return made("time of day", "number", { form: "time of day", scale: PER_SECOND[unit] ?? 1e6 });
  }
  if (logical?.type === "UUID") return made("UUID", "text");
  if (logical?.type === "FLOAT16") return made("number", "number");
  if (converted === "UTF8" || converted === "ENUM" || logical?.type === "STRING" || logical?.type === "ENUM") return made("text", "text");
  if (converted === "JSON" || logical?.type === "JSON") return made("JSON", "text");
  if (element.type === "BOOLEAN") return made("yes or no", "bool");
  if (element.type === "BYTE_ARRAY" || element.type === "FIXED_LEN_BYTE_ARRAY") return made("bytes", "none");
  if (element.type === "FLOAT") return made("number", "number", { form: "single" });
  return made(element.type === "DOUBLE" ? "number" : "whole number", "number");
}

export type Look = "" | "none" | "odd"; // how a cell looks: as any other, nothing is there, NaN and infinities

export interface Cell {
  text: string;
  look: Look;
}

export const isNothing = (value: unknown): value is null | undefined => value === null || value === undefined;

export function cellOf(column: Column, value: unknown, limit = CELL_CHARACTERS): Cell {
  if (isNothing(value)) return { text: "nothing", look: "none" };
  if (typeof value === "number" && !Number.isFinite(value)) return { text: String(value), look: "odd" };
  return { text: textOf(column, value, limit), look: "" };
}

export function textOf(column: Column, value: unknown, limit: number): string {
  if (column.form === "decimal") return decimalText(value, column.scale);
  if (column.form === "time of day") return dayText(Number(value) / column.scale);
  if (value instanceof Moment) return momentText(value, column.form);
  if (column.form === "single" && typeof value === "number") return singleText(value);
  if (typeof value === "string") return value.length > limit ? `${value.slice(0, limit)}…` : value;
  if (column.type === "text" && value instanceof Uint8Array) return decoder.decode(value.subarray(0, limit)) + (value.length > limit ? "…" : "");
  return brief(value, limit);
}

function momentText({ ms, left }: Moment, form: Column["form"]): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return `${ms} ms`;
  const text = date.toISOString();
  if (form === "date") return text.slice(0, text.indexOf("T"));
  const seconds = text.slice(0, -1).replace("T", " ") + (left ? String(left).padStart(6, "0") : "");
  return seconds.replace(/\.?0+$/, "") + (form === "UTC" ? " UTC" : "");
}

function dayText(seconds: number): string {
  if (!(seconds >= 0 && seconds < 86_400)) return String(seconds);
  const text = new Date(seconds * 1000).toISOString().slice(11, 19);
  const part = (seconds % 1).toFixed(6).slice(1).replace(/\.?0+$/, "");
  return text + part;
}

/** The shortest text that stands for the same number of 32 bits. */
function singleText(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

function wholeOf(value: unknown): bigint {
  if (!(value instanceof Uint8Array)) return BigInt(value as number | bigint);
  let whole = 0n;
  for (const byte of value.subarray(0, 64)) whole = (whole << 8n) | BigInt(byte);
  return BigInt.asIntN(8 * Math.min(64, value.length), whole);
}

function decimalText(value: unknown, scale: number): string {
  const whole = wholeOf(value);
  if (scale <= 0 || scale > 100) return String(whole);
  const digits = String(whole < 0n ? -whole : whole).padStart(scale + 1, "0");
  return `${whole < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Nested and binary values in as many characters as there is room for. */
export function brief(value: unknown, limit: number): string {
  let out = "";
  const write = (inner: unknown, depth: number): void => {
    if (out.length > limit) return;
    if (isNothing(inner)) out += "null";
    else if (inner instanceof Uint8Array) out += `${inner.length} bytes: ${Array.from(inner.subarray(0, 32), (byte) => byte.toString(16).padStart(2, "0")).join(" ")}${inner.length > 32 ? " …" : ""}`;
    else if (inner instanceof Moment) out += momentText(inner, "moment");
    else if (typeof inner === "string") out += depth ? JSON.stringify(inner.slice(0, limit)) : inner.slice(0, limit);
    else if (typeof inner !== "object") out += String(inner);
    else if (depth > 16) out += "…";
    else if (Array.isArray(inner) || ArrayBuffer.isView(inner)) each(inner as unknown as ArrayLike<unknown>, null, "[]", depth);
    else each(Object.values(inner), Object.keys(inner), "{}", depth);
  };
  const each = (values: ArrayLike<unknown>, names: string[] | null, ends: string, depth: number): void => {
    out += ends[0];
    for (let at = 0; at < values.length && out.length <= limit; at++) {
      out += (at ? ", " : "") + (names ? `${JSON.stringify(names[at])}: ` : "");
      write(values[at], depth + 1);
    }
    out += ends[1];
  };
  write(value, 0);
  return out.length > limit ? `${out.slice(0, limit)}…` : out;
}

/** What a value is compared by; null where there is none. Times are milliseconds. */
export function keyOf(column: Column, value: unknown): number | string | bigint | null {
  if (isNothing(value)) return null;
  if (column.form === "decimal") return Number(wholeOf(value)) / 10 ** Math.min(column.scale, 300);
  if (column.form === "time of day") return Number(value) / column.scale;
  if (value instanceof Moment) return value.ms + value.left / 1e6;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return Number.isNaN(value) ? null : value;
  return typeof value === "bigint" ? value : String(value);
}
