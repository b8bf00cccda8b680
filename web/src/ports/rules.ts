/** Rules across ports: the same answers as the hub's, for any JSON. A port that was left out counts as null. */
import type { Condition } from "./model.ts";

export type Values = Record<string, unknown>;

export function holds(condition: Condition, values: Values): boolean {
  const inner = condition.of ?? [];
  switch (condition.op) {
    case "all":
      return inner.every((one) => holds(one, values));
    case "any":
      return inner.some((one) => holds(one, values));
    case "not":
      return !inner.some((one) => holds(one, values));
  }
  const found = values[condition.port ?? ""] ?? null;
  const wanted = condition.value ?? null;
  switch (condition.op) {
    case "truthy":
      return isTruthy(found);
    case "equals":
      return isSame(found, wanted);
    case "not_equals":
      return !isSame(found, wanted);
    case "in":
      return Array.isArray(wanted) && wanted.some((one) => isSame(found, one));
  }
  if (!areOrdered(found, wanted)) return false;
  const order = compare(found as string, wanted as string);
  if (Number.isNaN(order)) return false;
  switch (condition.op) {
    case "gt":
      return order > 0;
    case "ge":
      return order >= 0;
    case "lt":
      return order < 0;
    default:
      return order <= 0;
  }
}

/** Truth as Python has it: what is empty is false. */
function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return typeof value === "number" && Number.isNaN(value) ? true : Boolean(value);
}

export function isSame(one: unknown, other: unknown): boolean {
  if (isNumber(one) && isNumber(other)) return one == other; // also a bigint and a number
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, at) => isSame(item, other[at]));
  if (isObject(one) && isObject(other)) {
    const keys = Object.keys(one);
    return keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && isSame(one[key], other[key]));
  }
  return one === other;
}

function areOrdered(one: unknown, other: unknown): boolean {
  return (isNumber(one) && isNumber(other)) || (typeof one === "string" && typeof other === "string");
}

/** Order as Python has it: text by code points. */
export function compare(one: string | number | bigint, other: string | number | bigint): number {
  if (typeof one === "string" && typeof other === "string") {
    const [first, second] = [Array.from(one), Array.from(other)];
    for (let at = 0; at < Math.min(first.length, second.length); at++) {
      const step = first[at]!.codePointAt(0)! - second[at]!.codePointAt(0)!;
      if (step !== 0) return step;
    }
    return first.length - second.length;
  }
  return one < other ? -1 : one > other ? 1 : one == other ? 0 : Number.NaN;
}

export const isNumber = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
