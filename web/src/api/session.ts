/**
 * Whether the page still stands for the session it was loaded in, and the token by which it changes something in it.
 *
 * The rule: it is said above what is shown, and nothing leaves the page by itself: what was typed stays.
 */
import { useEffect, useSyncExternalStore } from "react";
import { parse } from "../json";
import type { components } from "./schema";

type Me = components["schemas"]["Me"];
export type Session = { is: "here" | "ended" } | { is: "another"; said: string };

const KEPT = "where to go on"; // page.js keeps an address under it as well
const LONGEST = 2_000; // characters that the hub takes along through a sign-in
const UNKNOWN = "This page is of another session.";
const HERE: Session = { is: "here" };
const ENDED: Session = { is: "ended" };

let session: Session = HERE;
let first: Me | undefined; // who began here
let token = tokenIn(document);
let renewal: Promise<string | null> | null = null;
const listeners = new Set<() => void>();

function tokenIn(page: Document): string {
  return page.querySelector<HTMLMetaElement>('meta[name="arkitekt-csrf"]')?.content ?? "";
}

export const csrf = (): string => token;

function become(now: Session): void {
  if (session.is === now.is && session.is !== "another") return;
  session = now;
  for (const tell of listeners) tell();
}

/** An answer tells whether there is a session, and not whose it is. */
export function tellSession(now: "here" | "ended"): void {
  if (session.is !== "another") become(now === "here" ? HERE : ENDED);
}

export function tellAnother(said = UNKNOWN): void {
  become({ is: "another", said });
}

const listen = (tell: () => void) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
};

export const useSession = (): Session => useSyncExternalStore(listen, () => session);

/** Say who is here instead of the one who began; null for the same person in the same team. */
function differs(now: Me): string | null {
  if (first === undefined) return UNKNOWN;
  if (now.person.id !== first.person.id) return `${now.person.name} has signed in in this browser.`;
  return now.team.id === first.team.id ? null : `You went on in the team ${now.team.name}.`;
}

/** Take up the token of the session that is here now, if it is of who began; else give what is to be said. */
export function renew(): Promise<string | null> {
  renewal ??= renewed().finally(() => (renewal = null));
  return renewal;
}

async function renewed(): Promise<string | null> {
  try {
    const page = await fetch("/app", { headers: { accept: "text/html" } });
    const found = tokenIn(new DOMParser().parseFromString(await page.text(), "text/html"));
    const who = await fetch("/api/me", { headers: { accept: "application/json" } });
    if (!found || !who.ok) return UNKNOWN;
    const other = differs(parse(await who.text()) as Me);
    if (other !== null) return other;
    token = found;
    become(HERE);
    return null;
  } catch {
    return UNKNOWN;
  }
}

/** Go to the sign-in, and come back here. */
export function signIn(): void {
  const search = location.search.replace(/[^\w.~%!$&'()*+,;=:@/?-]/g, encodeURIComponent); // as the hub takes it
  const here = location.pathname + search;
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

function hear(now: Me): void {
  const other = differs(now);
  if (other !== null) tellAnother(other);
  else if (session.is === "another") void renew();
}

/** Notice when the session is not the one that began here, also by what other tabs say, and when it is again. */
export function useSameSession(who: Me | undefined, askedAt: number): void {
  const key = who && `${who.person.id} ${who.team.id}`;
  useEffect(() => {
    if (who === undefined) return;
    first ??= who;
    hear(who);
  }, [key, askedAt]); // what else is known of them makes no difference
  useEffect(() => {
    if (who === undefined) return;
    const others = new BroadcastChannel("session");
    others.onmessage = ({ data }: MessageEvent<Me>) => hear(data);
    others.postMessage(who);
    return () => others.close();
  }, [key]);
}
