/** Which rows of equal height are in sight, as the window scrolls; rows that come in above push nothing out of sight. */
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";

const BEYOND = 8; // rows drawn above and below

export interface Sight {
  first: number;
  last: number; // not drawn any more
}

export function useWindow(list: RefObject<HTMLElement | null>, count: number, height: number): Sight {
  const [sight, setSight] = useState<Sight>({ first: 0, last: Math.min(count, 24) });
  useLayoutEffect(() => {
    const look = () => {
      const top = list.current?.getBoundingClientRect().top;
      if (top === undefined) return;
      const first = Math.max(0, Math.floor(-top / height) - BEYOND);
      const last = Math.min(count, Math.ceil((innerHeight - top) / height) + BEYOND);
      setSight((old) => (old.first === first && old.last === last ? old : { first: Math.min(first, count), last: Math.max(first, last) }));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [list, count, height]);
  return sight;
}

/** Keep what one looks at where it is, when lines come or go above it. At the top of the list new ones are simply seen. */
export function useStill(list: RefObject<HTMLElement | null>, height: number, anchor: string | null, lineOf: (key: string) => number): void {
  const last = useRef<{ key: string; line: number } | null>(null);
  useLayoutEffect(() => {
    const old = last.current;
    if (old !== null && list.current !== null && list.current.getBoundingClientRect().top < 0) {
      const now = lineOf(old.key);
      if (now >= 0 && old.line >= 0 && now !== old.line) scrollBy(0, (now - old.line) * height);
    }
  }, [lineOf]);
  useEffect(() => {
    last.current = anchor === null ? null : { key: anchor, line: lineOf(anchor) };
  }, [anchor, lineOf]);
}

/** How many columns of at least this width fit side by side. */
export function useColumns(list: RefObject<HTMLElement | null>, leastWidth: number | undefined): number {
  const [columns, setColumns] = useState(1);
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null || leastWidth === undefined) {
      setColumns(1);
      return;
    }
    const measure = () => setColumns(Math.max(1, Math.floor(element.clientWidth / leastWidth)));
    const watcher = new ResizeObserver(measure);
    watcher.observe(element);
    measure();
    return () => watcher.disconnect();
  }, [list, leastWidth]);
  return columns;
}
