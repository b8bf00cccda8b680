/** Forms that somebody filled and gave a name to. They stay in this browser, for each person and team apart. */
import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { me } from "../api/queries";

export interface Shortcut {
  name: string;
  args: Record<string, unknown>;
}

const MOST = 50;
const NONE: Shortcut[] = [];
const listeners = new Set<() => void>();
const cache = new Map<string, [raw: string, all: Shortcut[]]>();

function readAll(key: string): Shortcut[] {
  const raw = localStorage.getItem(key);
  if (raw === null) return NONE;
  const known = cache.get(key);
  if (known?.[0] === raw) return known[1];
  let all = NONE;
  try {
    const found: unknown = JSON.parse(raw);
    if (Array.isArray(found)) all = found.filter((one): one is Shortcut => typeof one?.name === "string" && typeof one?.args === "object" && one.args !== null);
  } catch {
    // what others wrote under this name is none of ours
  }
  cache.set(key, [raw, all]);
  return all;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("storage", listener);
  };
}

export function useShortcuts(action: string) {
  const who = useQuery(me).data;
  const key = who ? `shortcuts ${who.team.id} ${who.person.id} ${action}` : null;
  const all = useSyncExternalStore(subscribe, () => (key === null ? NONE : readAll(key)));
  const write = (made: Shortcut[]): string | null => {
    if (key === null) return "Nobody is signed in.";
    try {
      if (made.length) localStorage.setItem(key, JSON.stringify(made));
      else localStorage.removeItem(key);
    } catch {
      return "The browser has no room for it.";
    }
    for (const listener of listeners) listener();
    return null;
  };
  return {
    all,
    /** Keep one under its name, in the place of an earlier one; what is in the way, in words. */
    save: (name: string, args: Record<string, unknown>): string | null => {
      const others = all.filter((one) => one.name !== name);
      return others.length >= MOST ? `There are ${MOST} already. Remove one first.` : write([...others, { name, args: plain(args) }].sort((one, other) => one.name.localeCompare(other.name)));
    },
    remove: (name: string) => void write(all.filter((one) => one.name !== name)),
  };
}

/** Arguments as an address or a browser's store may hold them: integers that a number can't hold are text. */
export function plain(args: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(args, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value))) as Record<string, unknown>;
}

export const linkTo = (action: string, args: Record<string, unknown>): string =>
  new URL(`/app/functions/${encodeURIComponent(action)}?args=${encodeURIComponent(JSON.stringify(plain(args)))}`, location.href).href;
