/** Which rows of a table are shown: one column, how it is compared, with what. */
import { useState } from "react";
import { type Arrangement, type Operator, operatorsOf } from "./arrange";
import type { Column } from "./columns";

interface Props {
  columns: Column[];
  arrangement: Arrangement;
  isBusy: boolean;
  put: (arrangement: Arrangement) => void;
}

const WORDS: Partial<Record<Operator, string>> = { nothing: "is empty", something: "is not empty" };
const HINTS: Partial<Record<Column["sort"], string>> = { time: "2026-11-28 14:30", bool: "yes or no", number: "a number" };

export function Filter({ columns, arrangement, isBusy, put }: Props) {
  const [column, setColumn] = useState(arrangement.filter?.column ?? 0);
  const operators = operatorsOf(columns[column]!);
  const [chosen, setOperator] = useState<Operator>(operators[0]!);
  const operator = operators.includes(chosen) ? chosen : operators[0]!;
  const [text, setText] = useState("");
  const takesText = operator !== "nothing" && operator !== "something";
  return (
    <form
      aria-label="Filter"
      className="flex flex-wrap items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        put({ ...arrangement, filter: { column, operator, text } });
      }}
    >
      <label className="min-w-0">
        <span className="sr-only">Column</span>
        <select className="field max-w-48 py-1 text-sm" value={column} onChange={(event) => setColumn(Number(event.target.value))}>
          {columns.map(({ name }, at) => (
            <option key={at} value={at}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="sr-only">Comparison</span>
        <select className="field w-auto py-1 text-sm" value={operator} onChange={(event) => setOperator(event.target.value as Operator)}>
          {operators.map((one) => (
            <option key={one} value={one}>
              {WORDS[one] ?? one}
            </option>
          ))}
        </select>
      </label>
      {takesText && (
        <label>
          <span className="sr-only">Compared with</span>
          <input className="field w-40 py-1 text-sm" placeholder={HINTS[columns[column]!.sort] ?? "text"} maxLength={1000} value={text} onChange={(event) => setText(event.target.value)} />
        </label>
      )}
      <button type="submit" className="button py-1" disabled={isBusy || (takesText && text.trim() === "")}>
        Filter
      </button>
      {arrangement.filter && (
        <button type="button" className="button plain py-1" disabled={isBusy} onClick={() => put({ ...arrangement, filter: null })}>
          Show all rows
        </button>
      )}
    </form>
  );
}
