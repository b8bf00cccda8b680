/** Reads a table beside the page: it asks the page for bytes, and gives it nothing but short texts. */
import { arrange } from "./arrange.ts";
import { cellOf, textOf } from "./columns.ts";
import { csvOf } from "./csv.ts";
import { VALUE_CHARACTERS } from "./limits.ts";
import { type Answers, type Block, type FromWorker, PAGE, type Request, type ToWorker } from "./messages.ts";
import { ParquetTable } from "./parquet.ts";

const waiting = new Map<number, { resolve: (bytes: ArrayBuffer) => void; reject: (error: Error) => void }>();
let asked = 0;
let newest = 0; // of the requests for blocks: what was scrolled past is not read any more
let table: ParquetTable;
let order: Uint32Array | null = null;

const say = (message: FromWorker): void => self.postMessage(message);

function slice(start: number, end: number): Promise<ArrayBuffer> {
  const bytes = ++asked;
  return new Promise((resolve, reject) => {
    waiting.set(bytes, { resolve, reject });
    say({ bytes, start, end });
  });
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if ("bytes" in data) {
    const asker = waiting.get(data.bytes);
    waiting.delete(data.bytes);
    if ("found" in data) asker?.resolve(data.found);
    else asker?.reject(new Error(data.failed));
    return;
  }
  if (data.request.kind === "blocks") newest = data.id;
  answer(data.id, data.request).then(
    (found) => say({ id: data.id, answer: found }),
    (error: unknown) => say({ id: data.id, failed: error instanceof Error ? error.message : String(error) }),
  );
};

async function answer(id: number, request: Request): Promise<Answers[Request["kind"]]> {
  switch (request.kind) {
    case "open": {
      const { size } = request;
      table = await ParquetTable.open({ byteLength: size, slice: (start, end = size) => slice(start, end) });
      return { columns: table.columns, rows: table.rows };
    }
    case "blocks":
      return blocksOf(request.blocks, () => newest === id);
    case "value":
      return valueOf(request.row, request.column);
    case "arrange":
      order = await arrange(table, request.arrangement);
      return { rows: order ? order.length : table.rows };
    case "csv":
      return csvOf(table, order, () => say({ alive: true }));
  }
}

const rowAt = (place: number): number => (order ? order[place]! : place);

async function blocksOf(blocks: Block[], isWanted: () => boolean): Promise<Answers["blocks"]> {
  const found: Answers["blocks"] = [];
  const rows = order ? order.length : table.rows;
  for (const block of blocks) {
    if (!isWanted()) break;
    const column = table.columns[block.column]!;
    const cells = [];
    for (let place = block.page * PAGE; place < Math.min(rows, (block.page + 1) * PAGE); place++) {
      const row = rowAt(place);
      const group = table.groupOf(row);
      try {
        cells.push(cellOf(column, (await table.part(group, block.column))[row - table.groups[group]!.start]));
      } catch (error) {
        cells.push({ text: error instanceof Error ? error.message : String(error), look: "odd" as const });
      }
    }
    found.push({ block, cells });
  }
  return found;
}

async function valueOf(place: number, column: number): Promise<Answers["value"]> {
  const row = rowAt(place);
  const group = table.groupOf(row);
  const value = (await table.part(group, column))[row - table.groups[group]!.start];
  const text = value === null || value === undefined ? "" : textOf(table.columns[column]!, value, VALUE_CHARACTERS);
  const isCut = text.length > VALUE_CHARACTERS;
  return { text: isCut ? text.slice(0, VALUE_CHARACTERS) : text, isCut, row };
}
