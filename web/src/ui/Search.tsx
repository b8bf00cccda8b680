/** A search field whose text goes into the address a moment after one has stopped typing. `/` leads to it. */
import { Search as Glass } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";

const REST_MS = 200;

interface SearchProps {
  value: string;
  label: string;
  onSearch: (text: string) => void;
  onKeyDown?: (event: KeyboardEvent) => void;
}

export function Search({ value, label, onSearch, onKeyDown }: SearchProps) {
  const [text, setText] = useState(value);
  const field = useRef<HTMLInputElement>(null);
  const said = useRef(value);
  useEffect(() => {
    if (value !== said.current) setText(value); // the address was changed by something else
    said.current = value;
  }, [value]);
  useEffect(() => {
    if (text === said.current) return;
    const timer = setTimeout(() => {
      said.current = text;
      onSearch(text);
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [text, onSearch]);
  useEffect(() => {
    const jump = (event: globalThis.KeyboardEvent) => {
      const into = event.target as HTMLElement | null;
      if (event.key !== "/" || event.ctrlKey || event.metaKey || into?.closest("input, textarea, select, [contenteditable]")) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener("keydown", jump);
    return () => removeEventListener("keydown", jump);
  }, []);
  return (
    <label className="relative block min-w-48 flex-1 basis-full sm:basis-0">
      <span className="sr-only">{label}</span>
      <Glass aria-hidden className="pointer-events-none absolute left-2.5 top-2.5 size-4 text-soft" />
      <input ref={field} type="search" className="field pl-8" placeholder={label} maxLength={256} value={text} onChange={(event) => setText(event.target.value)} onKeyDown={onKeyDown} />
    </label>
  );
}
