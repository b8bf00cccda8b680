/** Choosing something stored: typing finds it by its name, with its picture. */
import { useQuery } from "@tanstack/react-query";
import { Check, X } from "lucide-react";
import { useDeferredValue, useId, useState } from "react";
import { item as itemQuery, newestItems } from "../api/queries";
import type { Port } from "../ports/model";
import { itemKind, labelOf, searchedKinds } from "../ports/words";
import { Bring } from "../upload/Bring";
import { Thumbnail, what } from "../values/Thumbnail";

interface Props {
  id: string;
  port: Port;
  value: string;
  describedBy: string | undefined;
  isWrong: boolean;
  onChange: (id: string) => void;
}

export function ItemField({ id, port, value, describedBy, isWrong, onChange }: Props) {
  const kinds = searchedKinds(port) ?? [];
  const kind = itemKind(port) ?? (kinds.length === 1 ? kinds[0]! : "item");
  const chosen = useQuery({ ...itemQuery(value), enabled: value !== "" });
  const [text, setText] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const list = useId();
  const wanted = useDeferredValue(text);
  const found = useQuery({ ...newestItems({ text: wanted, ...(kinds.length === 1 ? { kind: kinds[0]! } : {}) }), enabled: isOpen });
  const rows = (found.data?.items ?? []).filter((row) => kinds.length === 0 || kinds.includes(row.kind)).slice(0, 12);
  if (value !== "") {
    return (
      <div id={id} tabIndex={-1} className="field flex items-center gap-3" aria-describedby={describedBy}>
        {chosen.data ? <Thumbnail item={chosen.data} size={40} /> : <span className="size-10 rounded bg-line" />}
        <span className="min-w-0 flex-1">
          <span className="block truncate">{chosen.data?.name ?? (chosen.error ? "It can't be read" : value)}</span>
          <span className="quiet block truncate">{chosen.data ? what(chosen.data) : value}</span>
        </span>
        <button type="button" className="button plain" aria-label={`Choose another for ${labelOf(port)}`} onClick={() => onChange("")}>
          <X aria-hidden className="size-4" />
        </button>
      </div>
    );
  }
  const pick = (row: (typeof rows)[number] | undefined) => {
    if (row === undefined) return;
    onChange(row.id);
    setOpen(false);
    setText("");
  };
  return (
    <Bring what={kind === "item" ? "an item" : /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`} kinds={kinds} onStored={(item) => onChange(item.id)}>
    <div className="relative">
      <input
        id={id}
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && rows[at] ? `${list}-${at}` : undefined}
        aria-invalid={isWrong}
        aria-describedby={describedBy}
        className="field"
        placeholder={`Search ${kind}s by name`}
        value={text}
        autoComplete="off"
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            setOpen(true);
            setAt((old) => Math.max(0, Math.min(rows.length - 1, old + (event.key === "ArrowDown" ? 1 : -1))));
          } else if (event.key === "Enter" && isOpen) {
            event.preventDefault();
            pick(rows[at]);
          } else if (event.key === "Escape") setOpen(false);
        }}
      />
      {isOpen && (
        <ul id={list} role="listbox" aria-label={`${kind}s`} className="panel absolute z-10 m-0 mt-1 max-h-80 w-full list-none overflow-auto p-1 shadow-lg">
          {rows.map((row, index) => (
            <li
              key={row.id}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === at}
              className={`flex cursor-pointer items-center gap-3 rounded-md px-2 py-1.5 ${index === at ? "bg-accent-soft" : ""}`}
              onMouseDown={(event) => event.preventDefault()}
              onMouseEnter={() => setAt(index)}
              onClick={() => pick(row)}
            >
              <Thumbnail item={row} size={36} />
              <span className="min-w-0 flex-1">
                <span className="block truncate">{row.name}</span>
                <span className="quiet block truncate">{what(row)}</span>
              </span>
              {index === at && <Check aria-hidden className="size-4 text-accent" />}
            </li>
          ))}
          {rows.length === 0 && <li className="quiet px-2 py-3">{found.isPending ? "Searching…" : `No ${kind} fits. Store one under Data first.`}</li>}
        </ul>
      )}
    </div>
    </Bring>
  );
}
