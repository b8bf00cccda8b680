/** What the screens of the team are made of. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Empty, Failure, Loading } from "../ui/parts";

/** A list that is there as a whole, with what is shown before it is, when it is empty, and when it can't be had. */
export function List<T>({ found, label, empty, keyOf, render }: { found: UseQueryResult<T[]>; label: string; empty: ReactNode; keyOf: (row: T) => string; render: (row: T) => ReactNode }) {
  if (!found.data) return found.error ? <Failure error={found.error} again={() => void found.refetch()} /> : <Loading rows={3} label={`Loading ${label}`} />;
  if (found.data.length === 0) return <>{empty}</>;
  return (
    <ul aria-label={label} className="panel m-0 list-none divide-y divide-line p-0">
      {found.data.map((row) => (
        <li key={keyOf(row)} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
          {render(row)}
        </li>
      ))}
    </ul>
  );
}

/** The words of a row: what it is, and beneath it more of it. */
export function Said({ children, more }: { children: ReactNode; more: ReactNode }) {
  return (
    <div className="min-w-0 flex-1 basis-56">
      <div className="flex flex-wrap items-center gap-2 break-words font-medium">{children}</div>
      <div className="quiet break-words">{more}</div>
    </div>
  );
}

export function Section({ title, beside, children }: { title: string; beside?: ReactNode; children: ReactNode }) {
  return (
    <section aria-label={title} className="grid gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h2 className="m-0 text-lg font-semibold">{title}</h2>
        {beside}
      </div>
      {children}
    </section>
  );
}

export function Denied({ what }: { what: string }) {
  return <Empty title={`${what} is for owners and admins of the team`}>Ask one of them to look, or to make you an admin.</Empty>;
}

const STATES: Record<string, [string, string]> = {
  online: ["bg-good", "online"],
  draining: ["bg-warn", "takes no more"],
  disconnected: ["bg-warn", "away"],
  gone: ["bg-soft", "gone"],
};

/** Whether something is there: a dot, and the word for it. */
export function Dot({ state }: { state: string }) {
  const [colour, text] = STATES[state] ?? ["bg-soft", state];
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap text-sm text-soft">
      <span aria-hidden className={`size-2 rounded-full ${colour}`} />
      {text}
    </span>
  );
}

export const DAYS: [string, string][] = [
  ["1", "1 day"],
  ["7", "7 days"],
  ["30", "30 days"],
];
export const DAY_S = 86_400;
