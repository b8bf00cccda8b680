/** The cells that can be seen: fetched a page of rows and a column at a time, when one has come to rest. */
import { useEffect, useRef, useState } from "react";
import type { Cell } from "./columns";
import { type Block, PAGE } from "./messages";
import type { TableReader } from "./reader";

const REST_MS = 60;
const KEPT = 4_000; // blocks

export interface Seen {
  firstRow: number;
  lastRow: number;
  columns: number[];
}

export interface Blocks {
  cell: (row: number, column: number) => Cell | null; // null while it is on its way
  problem: string | null;
}

export function useBlocks(reader: TableReader, seen: Seen, turn: number): Blocks {
  const known = useRef({ turn, cells: new Map<string, Cell[]>() });
  const [, setCount] = useState(0);
  const [problem, setProblem] = useState<string | null>(null);
  if (known.current.turn !== turn) known.current = { turn, cells: new Map() }; // another order of rows
  const wanted: Block[] = [];
  for (let page = Math.floor(seen.firstRow / PAGE); page <= Math.floor(Math.max(0, seen.lastRow) / PAGE) && seen.lastRow >= 0; page++)
    for (const column of seen.columns) if (!known.current.cells.has(`${page} ${column}`)) wanted.push({ page, column });
  const key = wanted.map(({ page, column }) => `${page} ${column}`).join();
  const asked = useRef(wanted);
  asked.current = wanted;
  useEffect(() => {
    if (asked.current.length === 0) return;
    const { cells } = known.current;
    let isLeft = false;
    const timer = setTimeout(() => {
      reader.ask({ kind: "blocks", blocks: asked.current }).then(
        (found) => {
          if (cells.size > KEPT) cells.clear();
          for (const { block, cells: some } of found) cells.set(`${block.page} ${block.column}`, some);
          setProblem(null);
          if (!isLeft || found.length > 0) setCount((count) => count + 1);
        },
        (error: Error) => !isLeft && setProblem(error.message),
      );
    }, REST_MS);
    return () => {
      isLeft = true;
      clearTimeout(timer);
    };
  }, [reader, key, turn]);
  return { cell: (row, column) => known.current.cells.get(`${Math.floor(row / PAGE)} ${column}`)?.[row % PAGE] ?? null, problem };
}
