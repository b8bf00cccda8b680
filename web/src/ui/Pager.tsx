/** A part of a long list, and the way to the parts before and behind it. */
import { type ReactNode, useState } from "react";

const text = (number: number): string => number.toLocaleString("en");

interface Props {
  label: string;
  first: number; // the number of the first one shown
  last: number;
  earlier: (() => void) | null; // null where there are none
  later: (() => void) | null;
  children?: ReactNode;
}

export function Pager({ label, first, last, earlier, later, children }: Props) {
  return (
    <nav aria-label={label} className="flex flex-wrap items-center gap-2 py-1">
      <button type="button" className="button" disabled={earlier === null} onClick={() => earlier?.()}>
        Earlier
      </button>
      <button type="button" className="button" disabled={later === null} onClick={() => later?.()}>
        Later
      </button>
      <span className="quiet tabular-nums">
        {text(first)} to {text(last)}
      </span>
      {children}
    </nav>
  );
}

/** Page through what is all there: give the part that is shown, where it begins, and what turns the pages, if any. */
export function usePaged<T>(all: T[], size: number): { shown: T[]; first: number; pager: ReactNode } {
  const [wanted, setFirst] = useState(0);
  const first = wanted < all.length ? wanted : 0;
  const shown = all.slice(first, first + size);
  const hasMore = first + size < all.length;
  const pager = all.length > size && (
    <Pager label="Pages" first={first} last={first + shown.length - 1} earlier={first > 0 ? () => setFirst(first - size) : null} later={hasMore ? () => setFirst(first + size) : null}>
      <span className="quiet tabular-nums">{text(all.length)} in all</span>
    </Pager>
  );
  return { shown, first, pager };
}
