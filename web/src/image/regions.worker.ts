/** Reads a table of regions, within the bounds of any table: whoever stored it may have stored anything. */
import { ParquetTable } from "../table/parquet.ts";
import type { Roi } from "./overlays";

const ROIS_LIMIT = 100_000;
const POINTS_LIMIT = 1_000_000;
const AXES = ["t", "c", "z"] as const;

export type Regions = { rois: Roi[] } | { problem: string };

onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
  read(data).then(
    (rois) => postMessage({ rois } satisfies Regions),
    (error: unknown) => postMessage({ problem: error instanceof Error ? error.message : "They can't be read." } satisfies Regions),
  );
};

async function read(file: ArrayBuffer): Promise<Roi[]> {
  const table = await ParquetTable.open({ byteLength: file.byteLength, slice: (from, to) => file.slice(from, to) });
  if (table.rows > ROIS_LIMIT) throw new Error(`It has ${table.rows} regions, and ${ROIS_LIMIT} can be drawn.`);
  const place = (name: string): number => table.columns.findIndex((column) => column.name === name);
  const found: Roi[] = [];
  let points = 0;
  for (const [group, { rows }] of table.groups.entries()) {
    const column = async (name: string): Promise<ArrayLike<unknown> | null> => (place(name) < 0 ? null : table.part(group, place(name)));
    const [shapes, lines, labels, ...axes] = await Promise.all(["shape", "points", "label", ...AXES].map(column));
    for (let row = 0; row < rows; row += 1) {
      const line = (Array.isArray(lines?.[row]) ? (lines[row] as unknown[]) : []).map((one) => (Array.isArray(one) ? ([Number(one[1]) + 0.5, Number(one[0]) + 0.5] as [number, number]) : null));
      points += line.length;
      if (points > POINTS_LIMIT) throw new Error(`They have more than the ${POINTS_LIMIT} points that can be drawn.`);
      if (line.length === 0 || line.some((one) => one === null || !one.every(Number.isFinite))) continue;
      const at = Object.fromEntries(AXES.flatMap((axis, number) => (axes[number]?.[row] === null || axes[number]?.[row] === undefined ? [] : [[axis, Number(axes[number][row])]])));
      found.push({ shape: text(shapes?.[row]), points: line as [number, number][], label: text(labels?.[row]), at });
    }
  }
  return found;
}

const text = (value: unknown): string => (typeof value === "string" ? value : value instanceof Uint8Array ? new TextDecoder().decode(value) : "");
