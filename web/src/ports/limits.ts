/** Constraints, as the hub checks them. What a browser can't check is left to the hub, which is asked before a call. */
import { compareDecimals, isMultipleOf } from "./decimals.ts";
import type { Constraints, Port } from "./model.ts";
import { fitsPattern } from "./patterns.ts";
import { compare, isNumber, isObject } from "./rules.ts";
import { bytesOf } from "./scalars.ts";

const SIGNS = [
  ["ge", "at least", (order: number) => order >= 0],
  ["gt", "more than", (order: number) => order > 0],
  ["le", "at most", (order: number) => order <= 0],
  ["lt", "less than", (order: number) => order < 0],
] as const;

/** Say what is wrong with a wire value by the port's constraints; null when nothing is. */
export function limitProblem(port: Port, value: unknown): string | null {
  const limits = port.constraints;
  if (!limits || (value === null && port.kind !== "json")) return null;
  return typeProblem(limits, value) ?? boundProblem(port, limits, value) ?? lengthProblem(port, limits, value) ?? patternProblem(limits, value);
}

function typeProblem(limits: Constraints, value: unknown): string | null {
  if (limits.json_type === "object" && !isObject(value)) return 'Expected an object, as {"a": 1}';
  if (limits.json_type === "array" && !Array.isArray(value)) return "Expected an array, as [1, 2]";
  return null;
}

function boundProblem(port: Port, limits: Constraints, value: unknown): string | null {
  for (const [name, words, holds] of SIGNS) {
    const bound = limits[name];
    if (bound === undefined || bound === null) continue;
    const order = orderOf(port, value, bound);
    if (order !== null && !holds(order)) return `Expected ${words} ${shown(bound)}${port.unit ? ` ${port.unit}` : ""}`;
  }
  const step = limits.multiple_of;
  if (step !== undefined && step !== null && !isMultiple(port, value, step)) return `Expected a multiple of ${shown(step)}`;
  return null;
}

/** Give how a value stands to a bound (NaN: nothing holds), or null where only the hub can tell. */
function orderOf(port: Port, value: unknown, bound: unknown): number | null {
  switch (port.kind) {
    case "int":
    case "float":
    case "timedelta":
      return order(numberOf(value), numberOf(bound));
    case "decimal":
      return compareDecimals(String(value), String(bound));
    case "date":
      return compare(String(value), String(bound));
    case "datetime":
    case "time": {
      const [one, other] = [momentOf(port.kind, String(value)), momentOf(port.kind, String(bound))];
      if (one === null || other === null) return null;
      return one.isAware === other.isAware ? order(one.us, other.us) : Number.NaN; // naive against aware: never fits
    }
    default:
      return null;
  }
}

function order(one: number | bigint, other: number | bigint): number {
  return one < other ? -1 : one > other ? 1 : one == other ? 0 : Number.NaN;
}

function numberOf(value: unknown): number | bigint {
  if (isNumber(value)) return value;
  return value === "Infinity" ? Number.POSITIVE_INFINITY : value === "-Infinity" ? Number.NEGATIVE_INFINITY : Number.NaN;
}

/** Microseconds since some beginning, exactly. */
function momentOf(kind: "datetime" | "time", text: string): { us: bigint; isAware: boolean } | null {
  const found = /^(?:(\d{4}-\d{2}-\d{2})T)?(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?$/.exec(text);
  if (found === null || (kind === "datetime") !== (found[1] !== undefined)) return null;
  const day = found[1] === undefined ? 0 : Math.round(Date.parse(`${found[1]}T00:00:00Z`) / 86_400_000);
  const seconds = day * 86_400 + Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0);
  return { us: BigInt(seconds) * 1_000_000n + microsOf(found[5]) - offsetOf(found[6]), isAware: found[6] !== undefined };
}

function offsetOf(zone: string | undefined): bigint {
  const found = /^([+-])(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?$/.exec(zone ?? "");
  if (found === null) return 0n;
  const us = BigInt(Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0)) * 1_000_000n + microsOf(found[5]);
  return found[1] === "-" ? -us : us;
}

const microsOf = (digits: string | undefined): bigint => BigInt((digits ?? "").padEnd(6, "0"));

function isMultiple(port: Port, value: unknown, step: unknown): boolean {
  if (port.kind === "decimal") return isMultipleOf(String(value), String(step));
  const [one, other] = [numberOf(value), numberOf(step)];
  if (port.kind === "int" && Number.isInteger(Number(other)) && typeof step !== "string") return BigInt(one) % BigInt(other) === 0n;
  const ratio = Number(one) / Number(other);
  const nearest = Math.round(ratio);
  return Math.abs(ratio - nearest) <= 1e-9 * Math.max(1, Math.abs(ratio));
}

function lengthProblem(port: Port, limits: Constraints, value: unknown): string | null {
  const size = lengthOf(port, value);
  if (size === null) return null;
  const what = port.kind === "string" ? "character" : port.kind === "bytes" ? "byte" : port.kind === "dict" ? "entr" : "item";
  const counted = (n: number) => `${n} ${what}${what === "entr" ? (n === 1 ? "y" : "ies") : n === 1 ? "" : "s"}`;
  if (limits.min_length != null && size < limits.min_length) return `Expected at least ${counted(limits.min_length)}`;
  if (limits.max_length != null && size > limits.max_length) return `Expected at most ${counted(limits.max_length)}`;
  return null;
}

function lengthOf(port: Port, value: unknown): number | null {
  if (port.kind === "bytes") return bytesOf(String(value));
  if (typeof value === "string") return port.kind === "string" || port.kind === "json" ? Array.from(value).length : null;
  if (Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  return port.kind === "json" ? Number.NaN : null;
}

function patternProblem(limits: Constraints, value: unknown): string | null {
  if (!limits.pattern || typeof value !== "string") return null;
  const fits = fitsPattern(limits.pattern, value);
  if (fits === null) return null; // the hub checks it
  return fits && !/\p{Cs}/u.test(value) ? null : `Expected text matching ${limits.pattern}`;
}

function shown(bound: unknown): string {
  return typeof bound === "number" && Math.abs(bound) >= 1e15 ? bound.toExponential() : String(bound);
}
