/** The small picture of something stored, and in a few words what it is. */
import { File, Grid3x3, ImageIcon, Table } from "lucide-react";
import { useState } from "react";
import { type Schemas, pathTo } from "../api/client";
import { size as sizeText } from "../ui/words";

const ICONS = { image: ImageIcon, array: Grid3x3, table: Table, file: File };

export function Thumbnail({ item, size }: { item: Schemas["Item"]; size: number }) {
  const [isMissing, setMissing] = useState(false);
  const Icon = ICONS[item.kind];
  const isShown = item.kind === "image" && !isMissing && item.removed_at_us === null && item.trashed_at_us === null;
  return (
    <span aria-hidden className="grid shrink-0 place-items-center overflow-hidden rounded bg-line" style={{ width: size, height: size }}>
      {isShown ? (
        <img src={pathTo`/api/items/${item.id}/thumbnail`} alt="" loading="lazy" decoding="async" className="size-full object-contain" onError={() => setMissing(true)} />
      ) : (
        <Icon className="size-1/2 text-soft" />
      )}
    </span>
  );
}

interface Meta {
  shape?: number[];
  dtype?: string;
  rows?: number;
  columns?: { name: string; type: string }[];
}

export function what(item: Schemas["Item"]): string {
  const meta = item.meta as Meta;
  if (meta.shape) return `${item.kind}, ${meta.shape.join("×") || "one value"} ${meta.dtype ?? ""}`;
  if (meta.columns) return `table, ${meta.rows} rows, ${meta.columns.length} columns`;
  return `${item.kind}, ${sizeText(item.size_bytes)}`;
}

/** What it is and how much room it takes, each said once. */
export function whatAndSize(item: Schemas["Item"]): string {
  const [words, room] = [what(item), sizeText(item.size_bytes)];
  return words.endsWith(room) ? words : `${words}, ${room}`;
}
