/** Sorting and filtering: which rows of a table are shown, and in which order. */
import { type Column, keyOf } from "./columns.ts";
import { ARRANGED_ROWS, UNPACKED_BYTES } from "./limits.ts";
import { type ParquetTable, Refused } from "./parquet.ts";

export type Operator = "contains" | "is" | "is not" | "above" | "at least" | "at most" | "below" | "nothing" | "something";

export interface Arrangement {
  sort: { column: number; isDown: boolean } | null;
  filter: { column: number; operator: Operator; text: string } | null;
}

type Key = number | string | bigint | null;

export function operatorsOf(column: Column): Operator[] {
  if (column.sort === "none") return ["nothing", "something"];
  if (column.sort === "bool") return ["is", "nothing", "something"];
  if (column.sort === "text") return ["contains", "is", "is not", "nothing", "something"];
  return ["is", "is not", "above", "at least", "at most", "below", "nothing", "something"];
}

/** Give the rows in their order; null where that is all of them as they lie. */
export async function arrange(table: ParquetTable, { sort, filter }: Arrangement): Promise<Uint32Array | null> {
  if (sort === null && filter === null) return null;
  if (table.rows > ARRANGED_ROWS) throw new Refused(`Tables are sorted and filtered here up to ${ARRANGED_ROWS.toLocaleString("en")} rows.`);
  const order = filter ? await filtered(table, filter) : Uint32Array.from({ length: table.rows }, (_, row) => row);
  return sort ? sorted(order, await keysOf(table, sort.column), sort.isDown) : order;
}

async function keysOf(table: ParquetTable, column: number): Promise<Key[]> {
  const kind = table.columns[column];
  if (!kind) throw new Refused("There is no such column.");
  const size = table.groups.reduce((all, _, group) => all + table.sizeOf(group, column), 0);
  if (size > UNPACKED_BYTES) throw new Refused(`The column “${kind.name}” is too large to be sorted or filtered here.`);
  const keys: Key[] = [];
  for (const [group, { rows }] of table.groups.entries()) {
    const part = await table.part(group, column);
    for (let row = 0; row < rows; row++) keys.push(kind.sort === "none" ? (part[row] === null || part[row] === undefined ? null : 0) : keyOf(kind, part[row]));
  }
  return keys;
}

/** What is nothing comes last, whichever way; equal rows stay as they lie. */
function sorted(order: Uint32Array, keys: Key[], isDown: boolean): Uint32Array {
  const way = isDown ? -1 : 1;
  return order.sort((left, right) => {
    const [a, b] = [keys[left]!, keys[right]!];
    if (a === null || b === null) return a === b ? left - right : a === null ? 1 : -1;
    return a < b ? -way : a > b ? way : left - right;
  });
}

async function filtered(table: ParquetTable, filter: NonNullable<Arrangement["filter"]>): Promise<Uint32Array> {
  const keys = await keysOf(table, filter.column);
  const fits = test(table.columns[filter.column]!, filter.operator, filter.text.trim());
  const found = new Uint32Array(keys.length);
  let count = 0;
  for (let row = 0; row < keys.length; row++) if (fits(keys[row]!)) found[count++] = row;
  return found.slice(0, count);
}

export function test(column: Column, operator: Operator, text: string): (key: Key) => boolean {
  if (operator === "nothing") return (key) => key === null;
  if (operator === "something") return (key) => key !== null;
  if (column.sort === "text") {
    const wanted = text.toLowerCase();
    if (operator === "contains") return (key) => key !== null && String(key).toLowerCase().includes(wanted);
    return operator === "is" ? (key) => key === text : (key) => key !== null && key !== text;
  }
  const bound = boundOf(column, text);
  return (key) => {
    if (key === null || typeof key === "string") return false;
    switch (operator) {
      case "is":
        return key == bound; // a whole number of 64 bits is a bigint
      case "is not":
        return key != bound;
      case "above":
        return key > bound;
      case "at least":
        return key >= bound;
      case "at most":
        return key <= bound;
      default:
        return key < bound;
    }
  };
}

function boundOf(column: Column, text: string): number | bigint {
  if (column.sort === "bool") {
    if (/^(yes|true|1)$/i.test(text)) return 1;
    if (/^(no|false|0)$/i.test(text)) return 0;
    throw new Refused("Expected yes or no.");
  }
  if (column.sort === "time") {
    const ms = Date.parse(/[zZ]$|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(" ", "T")}${text.length > 10 ? "Z" : ""}`);
    if (Number.isNaN(ms)) throw new Refused("Expected a date, as 2026-11-28 or 2026-11-28 14:30.");
    return ms;
  }
  if (column.form === "time of day") {
    const found = /^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(text);
    if (!found) throw new Refused("Expected a time of day, as 14:30.");
    return Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3] ?? 0);
  }
  if (/^[+-]?\d+$/.test(text)) return BigInt(text);
  const number = text === "" ? NaN : Number(text);
  if (Number.isNaN(number)) throw new Refused("Expected a number.");
  return number;
}
