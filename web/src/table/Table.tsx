/** A stored table: its cells, what they are sorted and filtered by, the value one looks at, and ways to take it away. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Copy, Download } from "lucide-react";
import { useEffect, useState } from "react";
import type { Schemas } from "../api/client";
import { NOT_COPIED } from "../ui/copy";
import { Failure, Loading } from "../ui/parts";
import { save } from "../ui/save";
import { Filter } from "./Filter";
import { Grid, copy } from "./Grid";
import type { Arrangement } from "./arrange";
import { ARRANGED_ROWS, VALUE_CHARACTERS } from "./limits";
import type { Opened } from "./messages";
import { TableReader } from "./reader";

interface Props {
  item: Schemas["Item"];
  rows: number; // that are seen at once
}

export default function Table({ item, rows }: Props) {
  const [turn, again] = useState(0);
  const [reader, setReader] = useState<TableReader | null>(null);
  useEffect(() => {
    const made = new TableReader(item);
    setReader(made);
    return () => made.close();
  }, [item, turn]);
  return reader && <Opening key={turn} reader={reader} item={item} rows={rows} again={() => again((old) => old + 1)} />;
}

function Opening({ reader, item, rows, again }: Props & { reader: TableReader; again: () => void }) {
  const opened = useMutation({ mutationFn: () => reader.open() });
  const { mutate } = opened;
  useEffect(() => mutate(), [mutate, reader]);
  if (opened.error) return <Failure error={opened.error} again={again} />;
  if (!opened.data) return <Loading rows={3} label="Opening the table" />;
  if (opened.data.columns.length === 0) return <p className="quiet m-0">The table has no columns.</p>;
  return <Open reader={reader} item={item} rows={rows} opened={opened.data} />;
}

const AS_IT_LIES: Arrangement = { sort: null, filter: null };

function Open({ reader, item, rows, opened }: Props & { reader: TableReader; opened: Opened }) {
  const [shown, setShown] = useState({ rows: opened.rows, turn: 0, arrangement: AS_IT_LIES });
  const [chosen, choose] = useState<{ row: number; column: number } | null>(null);
  const arrange = useMutation({
    mutationFn: (wanted: Arrangement) => reader.ask({ kind: "arrange", arrangement: wanted }),
    onSuccess: (found, wanted) => {
      setShown((old) => ({ rows: found.rows, turn: old.turn + 1, arrangement: wanted }));
      choose(null);
    },
  });
  const csv = useMutation({ mutationFn: () => reader.ask({ kind: "csv" }), onSuccess: (blob) => save(URL.createObjectURL(blob), `${item.name}.csv`) });
  const whole = useMutation({ mutationFn: () => reader.link(), onSuccess: (url) => save(url, `${item.name}.parquet`) });
  const arrangement = arrange.isPending ? arrange.variables : shown.arrangement; // what was refused is no part of what comes next
  const isSmall = opened.rows <= ARRANGED_ROWS;
  const sort = (column: number) => {
    const old = arrangement.sort?.column === column ? arrangement.sort : null;
    arrange.mutate({ ...arrangement, sort: old === null ? { column, isDown: false } : old.isDown ? null : { column, isDown: true } });
  };
  const problem = arrange.error ?? csv.error ?? whole.error;
  const isFiltered = shown.arrangement.filter !== null;
  return (
    <section aria-label={`Table ${item.name}`} className="grid min-w-0 gap-2">
      {isSmall ? (
        <Filter columns={opened.columns} arrangement={arrangement} isBusy={arrange.isPending} put={arrange.mutate} />
      ) : (
        <p className="quiet m-0">
          It has more than {ARRANGED_ROWS.toLocaleString("en")} rows, too many to be sorted and filtered in a page. In Python, <code>Table.sql</code> asks it in SQL.
        </p>
      )}
      {problem && (
        <p role="alert" className="m-0 text-sm text-bad">
          {problem.message}
        </p>
      )}
      {shown.rows === 0 ? (
        <p className="panel m-0 px-4 py-8 text-center">{isFiltered ? "No row fits." : "The table has no rows."}</p>
      ) : (
        <Grid reader={reader} name={item.name} columns={opened.columns} rows={shown.rows} most={rows} turn={shown.turn} sort={shown.arrangement.sort} onSort={isSmall ? sort : null} onChoose={choose} />
      )}
      <div className="flex flex-wrap items-center gap-2">
        <span role="status" className="quiet mr-auto tabular-nums">
          {arrange.isPending ? "Looking through all of it" : `${shown.rows.toLocaleString("en")}${isFiltered ? ` of ${opened.rows.toLocaleString("en")}` : ""} rows, ${opened.columns.length.toLocaleString("en")} columns`}
        </span>
        <button type="button" className="button" disabled={csv.isPending} onClick={() => csv.mutate()}>
          <Download aria-hidden className="size-4" /> {csv.isPending ? "Writing" : isFiltered ? "These rows as CSV" : "CSV"}
        </button>
        <button type="button" className="button" disabled={whole.isPending} onClick={() => whole.mutate()}>
          <Download aria-hidden className="size-4" /> Parquet
        </button>
        <span className="quiet w-full text-right">CSV has the order that is seen; text that begins like a formula gets an apostrophe in front.</span>
      </div>
      {chosen && <Chosen key={`${shown.turn} ${chosen.row} ${chosen.column}`} reader={reader} turn={shown.turn} place={chosen} name={opened.columns[chosen.column]!.name} />}
    </section>
  );
}

/** All of a value, or as much of it as a page bears. */
function Chosen({ reader, turn, place, name }: { reader: TableReader; turn: number; place: { row: number; column: number }; name: string }) {
  const found = useQuery({ queryKey: ["cell", reader.item.id, turn, place], queryFn: () => reader.ask({ kind: "value", ...place }), staleTime: Infinity, gcTime: 0, retry: false });
  const copying = useMutation({ mutationFn: () => copy(reader, place) });
  const problem = (found.error ?? copying.error)?.message ?? (copying.data === false ? NOT_COPIED : null);
  return (
    <div className="panel grid gap-1 px-3 py-2" role="group" aria-label="The chosen value">
      <div className="flex items-center gap-2">
        <span className="quiet mr-auto min-w-0 truncate">
          {name}, row {(found.data?.row ?? place.row).toLocaleString("en")}
        </span>
        <button type="button" className="button" onClick={() => copying.mutate()}>
          <Copy aria-hidden className="size-4" /> {copying.data ? "Copied" : "Copy"}
        </button>
      </div>
      {problem !== null && (
        <p role="alert" className="m-0 text-sm text-bad">
          {problem}
        </p>
      )}
      {found.data && (
        <pre tabIndex={0} className="m-0 max-h-48 overflow-auto whitespace-pre-wrap break-words text-sm">
          {found.data.text || <span className="quiet">nothing</span>}
        </pre>
      )}
      {found.data?.isCut && <p className="m-0 text-sm text-warn">It is longer: only its first {VALUE_CHARACTERS.toLocaleString("en")} characters are shown and copied. The parquet file has all of it.</p>}
    </div>
  );
}
