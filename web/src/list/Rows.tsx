/** A long list of which only what can be seen is in the page. Arrow keys, Home and End go through it, Enter opens. */
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef } from "react";
import { useColumns, useStill, useWindow } from "./useWindow";

interface Props<T> {
  rows: T[];
  height: number; // of a row in pixels, gap included
  leastWidth?: number | undefined; // of a cell, where rows stand in columns
  label: string;
  keyOf: (row: T) => string;
  render: (row: T) => ReactNode;
  hasMore: boolean;
  more: () => void;
  see: (first: number, last: number) => void;
}

const NEAR_END = 30;

export function Rows<T>({ rows, height, leastWidth, label, keyOf, render, hasMore, more, see }: Props<T>) {
  const list = useRef<HTMLUListElement>(null);
  const wanted = useRef<number | null>(null);
  const columns = useColumns(list, leastWidth);
  const { first, last } = useWindow(list, Math.ceil(rows.length / columns), height);
  const [from, to] = [first * columns, Math.min(rows.length, last * columns)];
  const middle = rows[Math.min(rows.length - 1, Math.floor((from + to) / 2))];
  const lineOf = useCallback((key: string) => lineIn(rows, key, keyOf, from, columns), [rows, columns]);
  useStill(list, height, middle === undefined ? null : keyOf(middle), lineOf);
  useEffect(() => see(from, to), [see, from, to]);
  useEffect(() => {
    if (hasMore && to >= rows.length - NEAR_END) more();
  }, [to, rows.length, hasMore, more]);
  useLayoutEffect(() => {
    if (wanted.current !== null && focusOn(list.current, wanted.current)) wanted.current = null;
  });
  const go = (event: KeyboardEvent<HTMLUListElement>) => {
    const at = Number((event.target as HTMLElement).closest<HTMLElement>("[data-at]")?.dataset.at);
    const to = target(event, at, columns, rows.length);
    if (to === null || to === at) return;
    event.preventDefault();
    wanted.current = to;
    bringIntoSight(list.current!, Math.floor(to / columns) * height, height);
    if (focusOn(list.current, to)) wanted.current = null;
  };
  const width = `${100 / columns}%`;
  return (
    <ul ref={list} aria-label={label} data-list className="relative m-0 list-none p-0" style={{ contain: "layout size style", height: Math.ceil(rows.length / columns) * height }} onKeyDown={go}>
      {rows.slice(from, to).map((row, offset) => {
        const at = from + offset;
        return (
          <li
            key={keyOf(row)}
            data-at={at}
            aria-posinset={at + 1}
            aria-setsize={hasMore ? -1 : rows.length}
            className={`absolute left-0 top-0 pb-2 ${columns > 1 ? "px-1" : ""}`}
            style={{ contain: "layout size style", height, width, transform: `translate(${(at % columns) * 100}%, ${Math.floor(at / columns) * height}px)` }}
          >
            {render(row)}
          </li>
        );
      })}
    </ul>
  );
}

const AROUND = 2_000; // rows above and below where one was: what has moved further is another list

function lineIn<T>(rows: T[], key: string, keyOf: (row: T) => string, around: number, columns: number): number {
  for (let at = Math.max(0, around - AROUND); at < Math.min(rows.length, around + AROUND); at++) if (keyOf(rows[at]!) === key) return Math.floor(at / columns);
  return -1;
}

function target(event: KeyboardEvent, at: number, columns: number, count: number): number | null {
  if (!Number.isInteger(at) || event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).matches("input, select, textarea")) return null;
  const steps: Record<string, number> = { ArrowDown: columns, ArrowUp: -columns, ArrowRight: columns > 1 ? 1 : 0, ArrowLeft: columns > 1 ? -1 : 0, Home: -count, End: count };
  const step = steps[event.key];
  return step ? Math.max(0, Math.min(count - 1, at + step)) : null;
}

function focusOn(list: HTMLElement | null, at: number): boolean {
  const link = list?.querySelector<HTMLElement>(`[data-at="${at}"] a`);
  link?.focus({ preventScroll: true });
  return link != null;
}

/** Scroll so far that a line of the list is wholly to be seen. */
function bringIntoSight(list: HTMLElement, offset: number, height: number): void {
  const top = list.getBoundingClientRect().top + offset;
  if (top < 0) scrollBy(0, top - 8);
  else if (top + height > innerHeight) scrollBy(0, top + height - innerHeight + 8);
}

/** Lead from a search field into the list below it. */
export function enterList(event: KeyboardEvent): void {
  if (event.key !== "ArrowDown") return;
  const link = document.querySelector<HTMLElement>("[data-list] a");
  if (link === null) return;
  event.preventDefault();
  link.focus();
}
