/** The shortcuts to a function: each fills its form. */
import { Link } from "@tanstack/react-router";
import { Link2, X } from "lucide-react";
import { useState } from "react";
import { NOT_COPIED, copyText } from "../ui/copy";
import { linkTo, useShortcuts } from "./shortcuts";

export function Shortcuts({ action }: { action: string }) {
  const { all, remove } = useShortcuts(action);
  const [said, setSaid] = useState("");
  if (all.length === 0) return null;
  return (
    <section>
      <h2 className="m-0 mb-1 text-sm font-semibold">Shortcuts</h2>
      <ul className="m-0 grid list-none gap-1 p-0">
        {all.map((one) => (
          <li key={one.name} className="flex items-center gap-1">
            <Link to="/functions/$name" params={{ name: action }} search={{ args: one.args }} className="min-w-0 flex-1 truncate">
              {one.name}
            </Link>
            <button
              type="button"
              className="grid size-6 place-items-center text-soft hover:text-ink"
              aria-label={`Copy the link of ${one.name}`}
              onClick={() => void copyText(linkTo(action, one.args)).then((isCopied) => setSaid(isCopied ? `The link of ${one.name} is copied.` : NOT_COPIED))}
            >
              <Link2 aria-hidden className="size-4" />
            </button>
            <button type="button" className="grid size-6 place-items-center text-soft hover:text-ink" aria-label={`Remove ${one.name}`} onClick={() => remove(one.name)}>
              <X aria-hidden className="size-4" />
            </button>
          </li>
        ))}
      </ul>
      <p role="status" className="quiet m-0">
        {said || "They are kept in this browser."}
      </p>
    </section>
  );
}

/** Naming the form as it is filled. */
export function SaveShortcut({ action, args, onRefused }: { action: string; args: Record<string, unknown> | null; onRefused: () => void }) {
  const { save } = useShortcuts(action);
  const [name, setName] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  const keep = () => {
    if (!name?.trim() || args === null) return;
    setSaid(save(name.trim(), args) ?? `It is kept as ${name.trim()}.`);
    setName(null);
  };
  if (name === null) {
    return (
      <>
        <button type="button" className="button" onClick={() => (args === null ? onRefused() : setName(""))}>
          Save as shortcut
        </button>
        {said && (
          <span role="status" className="quiet">
            {said}
          </span>
        )}
      </>
    );
  }
  return (
    <span className="inline-flex items-center gap-2">
      <input
        autoFocus
        className="field w-44"
        aria-label="Name of the shortcut"
        placeholder="Name of the shortcut"
        maxLength={64}
        value={name}
        onChange={(event) => setName(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setName(null);
          if (event.key !== "Enter") return;
          event.preventDefault();
          event.stopPropagation();
          keep();
        }}
      />
      <button type="button" className="button" disabled={!name.trim() || args === null} onClick={keep}>
        Keep it
      </button>
    </span>
  );
}
