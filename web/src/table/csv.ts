/** A table as CSV: what a filter leaves of it, as it is sorted. Source: RFC 4180. */
import { type Column, isNothing, textOf } from "./columns.ts";
import { CSV_BYTES, UNPACKED_BYTES } from "./limits.ts";
import { type ParquetTable, Refused } from "./parquet.ts";

const TOO_LARGE = `As CSV it would be larger than ${CSV_BYTES / 2 ** 20} MiB. Filter it, or download the parquet file.`;
const LEFT_OUT = 0xffff_ffff;
const TOGETHER = 10_000;

export async function csvOf(table: ParquetTable, order: Uint32Array | null, told: () => void): Promise<Blob> {
  const head = line(table.columns.map((column) => quoted(safe(column.name))));
  let size = head.length;
  const places = order && placesOf(order, table.rows);
  const lines: string[] = new Array(order ? order.length : table.rows); // the columns are read as they lie, and written as they are sorted
  for (const [group, { start, rows }] of table.groups.entries()) {
    if (places?.subarray(start, start + rows).every((place) => place === LEFT_OUT)) continue;
    if (table.columns.reduce((all, _, column) => all + table.sizeOf(group, column), 0) > 4 * UNPACKED_BYTES) throw new Refused(TOO_LARGE);
    const columns: ArrayLike<unknown>[] = [];
    for (const column of table.columns.keys()) columns.push(await table.part(group, column));
    for (let row = 0; row < rows; row++) {
      const place = places ? places[start + row]! : start + row;
      if (place === LEFT_OUT) continue;
      const text = line(columns.map((part, column) => cellOf(table.columns[column]!, part[row])));
      size += text.length;
      if (size > CSV_BYTES) throw new Refused(TOO_LARGE);
      lines[place] = text;
    }
    told();
  }
  const parts = [head];
  for (let at = 0; at < lines.length; at += TOGETHER) parts.push(lines.slice(at, at + TOGETHER).join(""));
  return new Blob(parts, { type: "text/csv" });
}

/** Where each row goes. */
function placesOf(order: Uint32Array, rows: number): Uint32Array {
  const places = new Uint32Array(rows).fill(LEFT_OUT);
  for (let place = 0; place < order.length; place++) places[order[place]!] = place;
  return places;
}

function cellOf(column: Column, value: unknown): string {
  if (isNothing(value)) return "";
  const text = textOf(column, value, CSV_BYTES);
  return quoted(typeof value === "string" || column.sort === "text" || column.sort === "none" ? safe(text) : text);
}

/** Spreadsheets run what begins like a formula, whoever wrote it. Source: OWASP, CSV injection. */
const safe = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const line = (cells: string[]): string => `${cells.join(",")}\r\n`;
