/** What a task gave: its result, or the values of a stream as a picture, a plot and a table. */
import { useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useMemo, useState } from "react";
import type { Schemas } from "../api/client";
import { item as itemQuery } from "../api/queries";
import type { Port } from "../ports/model";
import { itemKind } from "../ports/words";
import { Pager } from "../ui/Pager";
import { Loading } from "../ui/parts";
import { TableView } from "../values/TableView";
import { Fields, Records, Value } from "../values/Value";
import { tracksOf } from "./tracks";
import type { Followed } from "./useFollow";

const Plot = lazy(() => import("./Plot"));
const LiveImage = lazy(() => import("./LiveImage"));

interface Props {
  task: Schemas["TaskDetail"];
  ports: Port[];
  followed: Followed;
  isLive: boolean;
}

export function Results({ task, ports, followed, isLive }: Props) {
  const returns = task.returns as unknown[] | null;
  if (followed.values.length > 0) return <Stream ports={ports} followed={followed} isLive={isLive} />;
  if (returns === null || returns.length === 0) {
    return task.status === "completed" && task.is_readable ? <p className="quiet m-0">It gave nothing back, and went well.</p> : null;
  }
  return (
    <section aria-label="Result">
      <h2 className="m-0 mb-2 text-sm font-semibold">Result</h2>
      <div className="panel px-4 py-3">
        {ports.length > 1 ? (
          <Fields ports={ports} value={Object.fromEntries(ports.map((port, at) => [port.key, returns[at]]))} />
        ) : (
          <Value port={ports[0]} value={returns.length === 1 ? returns[0] : returns} />
        )}
      </div>
      {returns.map((value, at) => typeof value === "string" && ports[at] && itemKind(ports[at]) === "table" && <StoredTable key={at} id={value} />)}
    </section>
  );
}

/** A table that was stored, below the word of it. */
function StoredTable({ id }: { id: string }) {
  const found = useQuery(itemQuery(id));
  return found.data ? <TableView item={found.data} rows={12} /> : null;
}

function Stream({ ports, followed, isLive }: Omit<Props, "task">) {
  const { values, first } = followed;
  const count = first + values.length;
  const tracks = useMemo(() => tracksOf(ports), [ports]);
  const pictured = ports.findIndex((port) => itemKind(port) === "image" || itemKind(port) === "array");
  const newest = pictured < 0 ? undefined : values.at(-1)?.[pictured];
  return (
    <section className="grid gap-4">
      <h2 className="m-0 text-sm font-semibold">
        {count.toLocaleString("en")} value{count === 1 ? "" : "s"}
        {isLive ? " so far" : ""}
      </h2>
      {typeof newest === "string" && (
        <Suspense fallback={<Loading rows={3} />}>
          <LiveImage id={newest} number={count - 1} isLive={isLive} />
        </Suspense>
      )}
      {tracks.length > 0 && values.length > 1 && (
        <Suspense fallback={<Loading rows={3} />}>
          <Plot tracks={tracks} values={values} first={first} />
        </Suspense>
      )}
      {pictured < 0 ? <Pages ports={ports} values={values} first={first} /> : <Folded ports={ports} values={values} first={first} />}
    </section>
  );
}

/** What is only made when it is wanted: each row of pictures asks the hub what its item is. */
function Folded(props: PagesProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="quiet min-h-6">All that was given</summary>
      {isOpen && <Pages {...props} />}
    </details>
  );
}

const ROWS = 50;

interface PagesProps {
  ports: Port[];
  values: unknown[][];
  first: number;
}

/** The values that are kept, the newest first page after page; a page that was turned to stays while more come. */
function Pages({ ports, values, first }: PagesProps) {
  const [start, setStart] = useState<number | null>(null); // the number of the first value shown; null follows the newest
  const end = first + values.length;
  const from = start === null ? Math.max(first, end - ROWS) : Math.max(first, start);
  const shown = values.slice(from - first, from - first + ROWS);
  const model = ports.length === 1 && ports[0]?.kind === "model" ? ports[0] : null;
  const turn = (to: number) => setStart(to + ROWS >= end ? null : Math.max(first, to));
  return (
    <div className="grid gap-2">
      {ports.length === 0 ? (
        <Value port={undefined} value={shown} />
      ) : model ? (
        <Records ports={model.children ?? []} rows={shown.map((row) => row[0] as Record<string, unknown>)} />
      ) : (
        <Records ports={ports} rows={shown.map((row) => Object.fromEntries(ports.map((port, at) => [port.key, row[at]])))} />
      )}
      {values.length > ROWS && (
        <Pager label="Values" first={from} last={from + shown.length - 1} earlier={from > first ? () => turn(from - ROWS) : null} later={start === null ? null : () => turn(from + ROWS)}>
          {start !== null && (
            <button type="button" className="button plain" onClick={() => setStart(null)}>
              The newest
            </button>
          )}
        </Pager>
      )}
      {first > 0 && (
        <p className="quiet m-0">
          The page keeps the newest {values.length.toLocaleString("en")} of {end.toLocaleString("en")}; the hub has all.
        </p>
      )}
    </div>
  );
}
