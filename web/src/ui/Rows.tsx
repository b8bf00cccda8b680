/** A long list of which only what can be seen is in the page; more is fetched as one comes near its end. */
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";

interface Props<T> {
  rows: T[];
  height: number; // of a row in pixels, gap included
  label: string;
  keyOf: (row: T) => string;
  render: (row: T) => ReactNode;
  more: (() => void) | null;
}

export function Rows<T>({ rows, height, label, keyOf, render, more }: Props<T>) {
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), [rows.length > 0]);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: 8,
    scrollMargin: top,
    getItemKey: (at) => keyOf(rows[at]!),
  });
  const seen = virtual.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more !== null && last >= rows.length - 20) more();
  }, [last, rows.length, more]);
  return (
    <ul ref={list} aria-label={label} className="relative m-0 list-none p-0" style={{ height: virtual.getTotalSize() }}>
      {seen.map((one) => (
        <li
          key={one.key}
          aria-posinset={one.index + 1}
          aria-setsize={more === null ? rows.length : -1}
          className="absolute left-0 top-0 w-full pb-2"
          style={{ height, transform: `translateY(${one.start - top}px)` }}
        >
          {render(rows[one.index]!)}
        </li>
      ))}
    </ul>
  );
}
