/** The cells of a table: of any number of rows and columns, only what can be seen is in the page. */
import { ArrowDown, ArrowUp } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { copyText } from "../ui/copy";
import type { Arrangement } from "./arrange";
import type { Column } from "./columns";
import type { TableReader } from "./reader";
import { useScroll } from "./scroll";
import { useBlocks } from "./useBlocks";

const ROW_PX = 28;
const HEAD_PX = 44;
const HEAD = -1; // the row of the headers, above the first
const OVER = 3; // rows and columns beyond what is seen

interface Props {
  reader: TableReader;
  name: string;
  columns: Column[];
  rows: number;
  most: number; // rows that are seen at once
  turn: number; // which order of the rows this is
  sort: Arrangement["sort"];
  onSort: ((column: number) => void) | null; // null where there are too many rows
  onChoose: (place: { row: number; column: number }) => void;
}

const widthOf = (column: Column): number => Math.max(column.sort === "text" || column.sort === "none" ? 200 : column.sort === "time" ? 180 : 120, Math.min(240, 8 * column.name.length + 44));

export function Grid({ reader, name, columns, rows, most, turn, sort, onSort, onChoose }: Props) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const numbers = Math.max(48, 9 * String(rows).length + 20); // the width of the rows' numbers
  const lefts = useMemo(() => columns.reduce((all, column) => [...all, all.at(-1)! + widthOf(column)], [numbers]), [columns, numbers]);
  const { place, canvas, shift, to } = useScroll(box, rows * ROW_PX + HEAD_PX);
  const [cursor, setCursor] = useState({ row: 0, column: 0 });
  const seen = {
    firstRow: Math.max(0, Math.floor(place.top / ROW_PX) - OVER),
    lastRow: Math.min(rows - 1, Math.ceil((place.top + place.height) / ROW_PX) + OVER),
    columns: [...between(lefts, place.left, place.left + place.width)],
  };
  const blocks = useBlocks(reader, seen, turn);
  const move = (row: number, column: number) => {
    const next = { row: Math.max(HEAD, Math.min(rows - 1, row)), column: Math.max(0, Math.min(columns.length - 1, column)) };
    setCursor(next);
    const into = box.current!;
    const room = into.clientHeight - HEAD_PX - ROW_PX;
    const top = next.row * ROW_PX;
    const left = lefts[next.column]!;
    const wide = Math.min(widthOf(columns[next.column]!), into.clientWidth - numbers);
    to(
      next.row === HEAD ? place.top : top < place.top ? top : top > place.top + room ? top - room : place.top,
      left - numbers < place.left ? left - numbers : left + wide > place.left + into.clientWidth ? left + wide - into.clientWidth : place.left,
    );
    return next;
  };
  useEffect(() => {
    to(0);
    setCursor((old) => ({ row: Math.min(0, old.row), column: old.column }));
  }, [turn, to]);
  const press = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((place.height - HEAD_PX) / ROW_PX) - 1);
    const { row, column } = cursor;
    const far = event.ctrlKey || event.metaKey;
    const steps: Record<string, [number, number]> = {
      ArrowUp: [far ? 0 : row - 1, column], ArrowDown: [far ? rows - 1 : row + 1, column],
      ArrowLeft: [row, far ? 0 : column - 1], ArrowRight: [row, far ? columns.length - 1 : column + 1],
      PageUp: [Math.max(0, row - page), column], PageDown: [row + page, column],
      Home: [far ? 0 : row, 0], End: [far ? rows - 1 : row, columns.length - 1],
    };
    const step = steps[event.key];
    if (step && !event.altKey) {
      event.preventDefault();
      move(...step);
    } else if (event.key === "Enter") {
      if (row !== HEAD) onChoose(cursor);
      else if (columns[column]!.sort !== "none") onSort?.(column);
    } else if (event.key === "c" && row !== HEAD && far && !getSelection()?.toString()) void copy(reader, cursor);
  };
  const rowNumbers = Array.from({ length: Math.max(0, seen.lastRow - seen.firstRow + 1) }, (_, at) => seen.firstRow + at);
  const isSeen = (cursor.row === HEAD || (cursor.row >= seen.firstRow && cursor.row <= seen.lastRow)) && seen.columns.includes(cursor.column);
  return (
    <>
      {blocks.problem && (
        <p role="alert" className="m-0 text-sm text-bad">
          {blocks.problem}
        </p>
      )}
      <div
        ref={box}
        role="grid"
        tabIndex={0}
        aria-label={name}
        aria-rowcount={rows + 1}
        aria-colcount={columns.length}
        aria-activedescendant={isSeen ? `${id}-${cursor.row}-${cursor.column}` : undefined}
        aria-readonly
        onKeyDown={press}
        className="panel relative overflow-auto text-sm"
        style={{ height: Math.min(most, rows) * ROW_PX + HEAD_PX + 16, maxWidth: lefts.at(-1)! + 16, overflowAnchor: "none" }}
      >
        <div role="presentation" className="relative" style={{ height: canvas, width: lefts.at(-1) }}>
          <div role="row" aria-rowindex={1} className="sticky top-0 z-20 bg-panel" style={{ height: HEAD_PX }}>
            <span role="presentation" className="sticky left-0 z-10 block border-b border-r border-line bg-panel" style={{ width: numbers, height: HEAD_PX }} />
            {seen.columns.map((column) => (
              <Head key={column} id={`${id}-${HEAD}-${column}`} isHere={cursor.row === HEAD && cursor.column === column} column={columns[column]!} at={column} left={lefts[column]!} sort={sort} onSort={onSort} />
            ))}
          </div>
          {rowNumbers.map((row) => (
            <div key={row} role="row" aria-rowindex={row + 2} className="absolute left-0 w-full" style={{ top: row * ROW_PX + shift + HEAD_PX, height: ROW_PX }}>
              <span role="presentation" className="sticky left-0 z-10 block truncate border-r border-line bg-panel px-2 text-right text-xs leading-7 tabular-nums text-soft" style={{ width: numbers }}>
                {row.toLocaleString("en")}
              </span>
              {seen.columns.map((column) => {
                const cell = blocks.cell(row, column);
                const isHere = cursor.row === row && cursor.column === column;
                const kind = columns[column]!;
                return (
                  <div
                    key={column}
                    id={`${id}-${row}-${column}`}
                    role="gridcell"
                    aria-colindex={column + 1}
                    aria-selected={isHere}
                    onClick={() => onChoose(move(row, column))}
                    className={`absolute top-0 truncate border-b border-line px-2 leading-7 ${kind.isRight ? "text-right tabular-nums" : ""} ${cell?.look ? "italic text-soft" : ""} ${isHere ? "outline-2 -outline-offset-2 outline-accent" : ""}`}
                    style={{ left: lefts[column], width: widthOf(kind), height: ROW_PX }}
                  >
                    {cell === null ? <span aria-hidden className="inline-block h-3 w-3/5 rounded bg-line" /> : cell.text}
                  </div>
                );
              })}
            </div>
          ))}
        </div>
      </div>
    </>
  );
}

interface HeadProps {
  id: string;
  isHere: boolean;
  column: Column;
  at: number;
  left: number;
  sort: Arrangement["sort"];
  onSort: Props["onSort"];
}

function Head({ id, isHere, column, at, left, sort, onSort }: HeadProps) {
  const isSorted = sort?.column === at;
  const Icon = sort?.isDown ? ArrowDown : ArrowUp;
  const canSort = onSort !== null && column.sort !== "none";
  return (
    <div
      id={id}
      role="columnheader"
      aria-colindex={at + 1}
      aria-sort={isSorted ? (sort!.isDown ? "descending" : "ascending") : "none"}
      className={`absolute top-0 border-b border-line bg-panel ${isHere ? "outline-2 -outline-offset-2 outline-accent" : ""}`}
      style={{ left, width: widthOf(column), height: HEAD_PX }}
    >
      <button type="button" tabIndex={-1} disabled={!canSort} title={column.name} className={`flex size-full flex-col justify-center px-2 disabled:opacity-100 ${column.isRight ? "items-end" : "items-start"}`} onClick={() => onSort?.(at)}>
        <span className="flex max-w-full items-center gap-1 font-medium">
          <span className="truncate">{column.name}</span>
          {isSorted && <Icon aria-hidden className="size-3.5 shrink-0" />}
        </span>
        <span className="text-xs font-normal text-soft">{column.type}</span>
      </button>
    </div>
  );
}

/** The columns of which something lies between two places, and a few beside them. */
function* between(lefts: number[], from: number, to: number): Generator<number> {
  const last = lefts.length - 2;
  let [low, high] = [0, Math.max(0, last)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lefts[middle]! <= from) low = middle;
    else high = middle - 1;
  }
  for (let column = Math.max(0, low - 1); column <= last && lefts[column]! <= to + 1; column++) yield column;
}

export async function copy(reader: TableReader, { row, column }: { row: number; column: number }): Promise<boolean> {
  const { text } = await reader.ask({ kind: "value", row, column });
  return copyText(text);
}
