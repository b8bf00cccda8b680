/** Which team one acts in; with several, a menu that leads into another. That is a new session, so the page begins anew. */
import { useQuery } from "@tanstack/react-query";
import { Check, ChevronDown } from "lucide-react";
import { useEffect, useId, useRef, useState } from "react";
import type { Schemas } from "../api/client";
import { csrf } from "../api/session";
import { teams } from "../keeping/queries";

export function TeamMenu({ team }: { team: Schemas["Me"]["team"] }) {
  const { data = [] } = useQuery(teams);
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) return;
    const leave = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    addEventListener("pointerdown", leave);
    addEventListener("focusin", leave);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", leave);
      removeEventListener("focusin", leave);
      removeEventListener("keydown", escape);
    };
  }, [isOpen]);
  if (data.length < 2) return <span className="quiet max-w-40 truncate px-1">{team.name}</span>;
  return (
    <div ref={box} className="relative">
      <button ref={button} type="button" className="button plain" aria-label={`Team: ${team.name}`} aria-expanded={isOpen} aria-controls={id} onClick={() => setOpen(!isOpen)}>
        <span className="max-w-40 truncate">{team.name}</span>
        <ChevronDown aria-hidden className="size-4" />
      </button>
      <ul id={id} hidden={!isOpen} aria-label="Teams" className="panel absolute right-0 z-20 m-0 mt-1 max-h-80 w-64 list-none overflow-auto p-1 shadow-lg">
        {data.map((one) => (
          <li key={one.id}>
            <form method="post" action="/team/switch">
              <input type="hidden" name="csrf" value={csrf()} />
              <input type="hidden" name="team" value={one.id} />
              <input type="hidden" name="next" value="/app" />
              <button type="submit" className="button plain w-full justify-start text-left" aria-current={one.id === team.id || undefined}>
                <Check aria-hidden className={`size-4 shrink-0 ${one.id === team.id ? "" : "invisible"}`} />
                <span className="min-w-0 flex-1 truncate">{one.name}</span>
                <span className="quiet">{one.role}</span>
              </button>
            </form>
          </li>
        ))}
      </ul>
    </div>
  );
}
