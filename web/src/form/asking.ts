/** Which functions a form may run by itself for suggestions. */
import { createContext, useContext, useMemo, useState } from "react";
import type { ActionDetail } from "../api/queries";

interface Asking {
  app: string;
  allowed: ReadonlySet<string>; // the functions that somebody let this form run
  allow: (action: string) => void;
}

export const AskingContext = createContext<Asking>({ app: "", allowed: new Set(), allow: () => undefined });

export function useAskingOf(app: string): Asking {
  const [allowed, setAllowed] = useState<ReadonlySet<string>>(new Set());
  return useMemo(() => ({ app, allowed, allow: (action: string) => setAllowed((old) => new Set(old).add(action)) }), [app, allowed]);
}

/** Whoever writes a form names any function: only one of their own app that changes nothing runs unasked. */
export function useMayAsk(action: ActionDetail | undefined): { may: boolean; allow: (action: string) => void } {
  const { app, allowed, allow } = useContext(AskingContext);
  const isHarmless = action !== undefined && action.app === app && action.definition.effects === "none";
  return { may: action !== undefined && (isHarmless || allowed.has(action.name)), allow };
}
