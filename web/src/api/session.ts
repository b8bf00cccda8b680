/**
 * Whether the page still stands for the session it was loaded in.
 *
 * The rule: it is said above what is shown, and nothing leaves the page by itself: what was typed stays.
 */
import { useEffect, useRef, useSyncExternalStore } from "react";

export type Session = "here" | "ended" | "another";

const KEPT = "where to go on";
const LONGEST = 2_000; // characters that the hub takes along through a sign-in

let session: Session = "here";
const listeners = new Set<() => void>();

export function tellSession(now: Session): void {
  if (session === now || (session === "another" && now === "here")) return; // only loading the page mends that
  session = now;
  for (const tell of listeners) tell();
}

const listen = (tell: () => void) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
};

export const useSession = (): Session => useSyncExternalStore(listen, () => session);

/** Go to the sign-in, and come back here. */
export function signIn(): void {
  const here = `${location.pathname}${location.search}`;
  const isLong = here.length > LONGEST;
  if (isLong) sessionStorage.setItem(KEPT, here);
  location.assign(`/sign-in?next=${encodeURIComponent(isLong ? location.pathname : here)}`);
}

/** Take up the address that was too long for the way through the sign-in. */
export function goOn(): void {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  if (kept?.split("?")[0] === location.pathname && location.search === "") history.replaceState(null, "", kept);
}

/** Notice when the session is not the one that began here, also by what other tabs say. */
export function useSameSession(who: string | undefined): void {
  const first = useRef<string>(undefined);
  useEffect(() => {
    if (who === undefined) return;
    if (first.current !== undefined && first.current !== who) tellSession("another");
    first.current ??= who;
    const others = new BroadcastChannel("session");
    others.onmessage = ({ data }) => data !== who && tellSession("another");
    others.postMessage(who);
    return () => others.close();
  }, [who]);
}
