/** What narrows a list: a word of many with those that are known, and yes or no. All stand in the address. */
import { X } from "lucide-react";
import { useEffect, useId, useState } from "react";

interface WordProps {
  label: string;
  value: string;
  known: string[];
  onChange: (value: string | undefined) => void;
  onType?: ((text: string) => void) | undefined;
}

/** A word that is typed or chosen among those that are known. It counts once it is chosen, or with Enter. */
export function Word({ label, value, known, onChange, onType }: WordProps) {
  const [text, setText] = useState(value);
  const list = useId();
  useEffect(() => setText(value), [value]);
  const say = (word: string) => word.trim() !== value && onChange(word.trim() || undefined);
  return (
    <span className="relative flex-1 basis-36 sm:flex-none">
      <input
        className={`field sm:w-40 ${value === "" ? "" : "pr-7"}`}
        aria-label={label}
        placeholder={label}
        list={list}
        maxLength={256}
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          onType?.(event.target.value);
          if (event.target.value === "" || (known.includes(event.target.value) && !(event.nativeEvent as InputEvent).inputType?.startsWith("insertText"))) say(event.target.value);
        }}
        onBlur={() => say(text)}
        onKeyDown={(event) => {
          if (event.key === "Enter") say(text);
        }}
      />
      {value !== "" && (
        <button type="button" className="absolute right-1 top-1/2 grid size-6 -translate-y-1/2 place-items-center text-soft hover:text-ink" aria-label={`${label}: any`} onClick={() => onChange(undefined)}>
          <X aria-hidden className="size-4" />
        </button>
      )}
      <datalist id={list}>
        {known.map((word) => (
          <option key={word} value={word} />
        ))}
      </datalist>
    </span>
  );
}

export function Check({ label, value, onChange }: { label: string; value: boolean; onChange: (value: true | undefined) => void }) {
  return (
    <label className="flex min-h-9 items-center gap-2 text-sm">
      <input type="checkbox" className="size-4 accent-accent" checked={value} onChange={(event) => onChange(event.target.checked || undefined)} />
      {label}
    </label>
  );
}

/** The words that rows carry, each once, in their order. */
export function wordsOf<T>(rows: T[], of: (row: T) => string[], most = 200): string[] {
  const found = new Set<string>();
  for (const row of rows.slice(0, 1000)) {
    for (const word of of(row)) found.add(word);
    if (found.size >= most) break;
  }
  return [...found].sort((one, other) => one.localeCompare(other));
}
