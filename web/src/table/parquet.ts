/** Reading a parquet file part by part, a part being one column of one row group, within bounds.
 *
 * hyparquet believes what a file says of itself. So what its pages say is looked at first: how many values each has, and
 * how large it becomes. */
import { decompress as decompressZstd } from "fzstd";
import { type AsyncBuffer, type ColumnMetaData, type DecodedArray, type FileMetaData, parquetMetadataAsync, parquetRead, parquetSchema } from "hyparquet";
import { decompressBrotli } from "hyparquet-compressors/src/brotli.js";
import { gunzip } from "hyparquet-compressors/src/gzip.js";
import { decompressLz4, decompressLz4Raw } from "hyparquet-compressors/src/lz4.js";
import { parquetHeader } from "hyparquet/src/column.js";
import { type Column, PARSERS, columnOf } from "./columns.ts";
import { COLUMNS, FOOTER_BYTES, HELD_BYTES, PART_BYTES, PART_VALUES, UNPACKED_BYTES } from "./limits.ts";

export class Refused extends Error {}

const COMPRESSORS = {
  GZIP: (input: Uint8Array, length: number) => gunzip(input, new Uint8Array(length)),
  BROTLI: decompressBrotli,
  ZSTD: (input: Uint8Array, length: number) => decompressZstd(input, new Uint8Array(length)),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
}; // each writes into as much room as its page may take; snappy is hyparquet's own, which does too

export interface Group {
  start: number;
  rows: number;
}

type Part = ArrayLike<unknown>;

export class ParquetTable {
  readonly columns: Column[];
  readonly groups: Group[] = [];
  readonly rows: number;
  private readonly file: AsyncBuffer;
  private readonly metadata: FileMetaData;
  private readonly kept = new Map<string, { part: Promise<Part>; size: number }>();
  private held = 0;

  private constructor(file: AsyncBuffer, metadata: FileMetaData) {
    const tree = parquetSchema(metadata);
    if (tree.children.length > COLUMNS) throw new Refused(`It has more than ${COLUMNS} columns.`);
    this.file = file;
    this.metadata = metadata;
    this.columns = tree.children.map(columnOf);
    let start = 0;
    for (const group of metadata.row_groups) {
      const rows = Number(group.num_rows);
      if (!Number.isSafeInteger(rows) || rows < 0) throw new Refused("It says of itself what can't be: its number of rows.");
      this.groups.push({ start, rows });
      start += rows;
    }
    if (!Number.isSafeInteger(start)) throw new Refused("It says of itself what can't be: its number of rows.");
    this.rows = start;
  }

  static async open(file: AsyncBuffer): Promise<ParquetTable> {
    const bounded = {
      byteLength: file.byteLength,
      slice: (from: number, to = file.byteLength) => {
        if (to - from > FOOTER_BYTES) throw new Refused("What it says of itself is too large to be read here. Download it, or read it in Python.");
        return file.slice(from, to);
      },
    };
    return new ParquetTable(file, await parquetMetadataAsync(bounded, { parsers: PARSERS, geoparquet: false }));
  }

  groupOf(row: number): number {
    let [low, high] = [0, this.groups.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.groups[middle]!.start <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The values of a column in a row group; those read last are kept. */
  part(group: number, column: number): Promise<Part> {
    const key = `${group} ${column}`;
    const known = this.kept.get(key);
    if (known) {
      this.kept.delete(key);
      this.kept.set(key, known);
      return known.part;
    }
    const size = this.sizeOf(group, column);
    const part = this.read(group, column);
    part.catch(() => this.forget(key));
    this.kept.set(key, { part, size });
    this.held += size;
    for (const old of this.kept.keys()) {
      if (this.held <= HELD_BYTES || old === key) break;
      this.forget(old);
    }
    return part;
  }

  /** How many bytes a column takes in a row group, unpacked: as it says, and no less than its values need here. */
  sizeOf(group: number, column: number): number {
    return this.leaves(group, column).reduce((all, leaf) => all + Math.max(Number(leaf.total_uncompressed_size), 8 * Number(leaf.num_values)), 0);
  }

  private forget(key: string): void {
    this.held -= this.kept.get(key)?.size ?? 0;
    this.kept.delete(key);
  }

  private leaves(group: number, column: number): ColumnMetaData[] {
    const name = this.columns[column]!.name;
    return this.metadata.row_groups[group]!.columns.flatMap(({ meta_data: found }) => (found && found.path_in_schema[0] === name ? [found] : []));
  }

  private async read(group: number, column: number): Promise<Part> {
    const { start, rows } = this.groups[group]!;
    const { name } = this.columns[column]!;
    const fetched = new Map<string, ArrayBuffer>();
    for (const leaf of this.leaves(group, column)) {
      const [from, to] = rangeOf(leaf, this.file.byteLength);
      const bytes = await this.file.slice(from, to);
      look(bytes, leaf, name);
      fetched.set(`${from}`, bytes);
    }
    const file = {
      byteLength: this.file.byteLength,
      slice: (from: number, to = this.file.byteLength) => cut(fetched, from, to),
    };
    const found: DecodedArray[] = [];
    await parquetRead({
      file,
      metadata: this.metadata,
      columns: [name],
      rowStart: start,
      rowEnd: start + rows,
      compressors: COMPRESSORS,
      parsers: PARSERS,
      utf8: false,
      onChunk: (chunk) => void found.push(chunk.columnData),
    });
    const all = found.length === 1 ? found[0]! : found.flatMap((chunk) => Array.from(chunk as ArrayLike<unknown>));
    if (all.length < rows) throw new Refused(`The column “${name}” has fewer values than the table has rows.`);
    return all;
  }
}

function rangeOf(leaf: ColumnMetaData, size: number): [number, number] {
  const from = Number(leaf.dictionary_page_offset || leaf.data_page_offset);
  const to = from + Number(leaf.total_compressed_size);
  if (!(from >= 0 && to >= from && to <= size)) throw new Refused("It says of itself what can't be: where its values lie.");
  return [from, to];
}

/** Give the bytes that were fetched already. hyparquet may ask for several columns in one go. */
function cut(fetched: Map<string, ArrayBuffer>, from: number, to: number): ArrayBuffer {
  const whole = new Uint8Array(to - from);
  if (to - from > 4 * PART_BYTES) throw new Refused("It lies too far apart to be read here.");
  for (const [start, bytes] of fetched) {
    const at = Number(start);
    if (at < to && at + bytes.byteLength > from) {
      const part = new Uint8Array(bytes, Math.max(0, from - at), Math.min(bytes.byteLength, to - at) - Math.max(0, from - at));
      whole.set(part, Math.max(0, at - from));
    }
  }
  return whole.buffer;
}

/** Look at the pages of a column before they are decoded. Raises `Refused` for what would take too much. */
function look(bytes: ArrayBuffer, leaf: ColumnMetaData, name: string): void {
  const large = () => new Refused(`The column “${name}” is too large to be read here. Download the table, or read it in Python.`);
  if (bytes.byteLength > PART_BYTES || Number(leaf.num_values) > PART_VALUES) throw large();
  const reader = { view: new DataView(bytes), offset: 0 };
  let [unpacked, values] = [0, 0];
  while (reader.offset < bytes.byteLength - 1) {
    const page = parquetHeader(reader);
    const head = page.data_page_header ?? page.data_page_header_v2;
    const count = head?.num_values ?? page.dictionary_page_header?.num_values ?? 0;
    if (!(page.compressed_page_size >= 0 && page.uncompressed_page_size >= 0 && count >= 0)) throw new Refused(`The column “${name}” is broken.`);
    unpacked += page.uncompressed_page_size;
    values += count;
    if (unpacked > UNPACKED_BYTES || values > 2 * PART_VALUES) throw large();
    if (head?.encoding === "DELTA_BYTE_ARRAY" && count * page.uncompressed_page_size > UNPACKED_BYTES) throw large(); // each may begin as the one before
    reader.offset += page.compressed_page_size;
  }
}
