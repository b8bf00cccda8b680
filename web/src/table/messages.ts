/** What a table's view and the worker that reads the table say to each other. */
import type { Arrangement } from "./arrange.ts";
import type { Cell, Column } from "./columns.ts";

export const PAGE = 64; // rows that are asked for together

export interface Opened {
  columns: Column[];
  rows: number;
}
export interface Block {
  page: number;
  column: number;
}

export type Request =
  | { kind: "open"; size: number }
  | { kind: "blocks"; blocks: Block[] }
  | { kind: "value"; row: number; column: number }
  | { kind: "arrange"; arrangement: Arrangement }
  | { kind: "csv" };

export interface Answers {
  open: Opened;
  blocks: { block: Block; cells: Cell[] }[];
  value: { text: string; isCut: boolean; row: number };
  arrange: { rows: number };
  csv: Blob;
}

export type ToWorker = { id: number; request: Request } | { bytes: number; found: ArrayBuffer } | { bytes: number; failed: string };
export type FromWorker = { id: number; answer: unknown } | { id: number; failed: string } | { bytes: number; start: number; end: number } | { alive: true };
