/** A table as CSV: what a filter leaves of it, in the order in which it lies. Source: RFC 4180. */
import { isNothing, textOf } from "./columns.ts";
import { CSV_BYTES, UNPACKED_BYTES } from "./limits.ts";
import { type ParquetTable, Refused } from "./parquet.ts";

const TOO_LARGE = `As CSV it would be larger than ${CSV_BYTES / 2 ** 20} MiB. Filter it, or download the parquet file.`;

export async function csvOf(table: ParquetTable, order: Uint32Array | null, told: () => void): Promise<Blob> {
  const parts: string[] = [line(table.columns.map((column) => column.name))];
  let size = parts[0]!.length;
  const wanted = order && order.slice().sort();
  let next = 0;
  for (const [group, { start, rows }] of table.groups.entries()) {
    const first = next;
    if (wanted) while (next < wanted.length && wanted[next]! < start + rows) next++;
    if (wanted && next === first) continue;
    if (table.columns.reduce((all, _, column) => all + table.sizeOf(group, column), 0) > 4 * UNPACKED_BYTES) throw new Refused(TOO_LARGE);
    const columns = [];
    for (const column of table.columns.keys()) columns.push(await table.part(group, column));
    const lines: string[] = [];
    for (let at = 0; at < (wanted ? next - first : rows); at++) {
      const row = wanted ? wanted[first + at]! - start : at;
      const text = line(columns.map((part, column) => (isNothing(part[row]) ? "" : textOf(table.columns[column]!, part[row], CSV_BYTES))));
      size += text.length;
      if (size > CSV_BYTES) throw new Refused(TOO_LARGE);
      lines.push(text);
    }
    parts.push(lines.join(""));
    told();
  }
  return new Blob(parts, { type: "text/csv" });
}

const line = (cells: string[]): string => `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\r\n`;
