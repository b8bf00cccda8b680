/** A list of any length that stays fresh: its newest rows and those in sight are asked again, the others are left alone. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { type Loaded, type Order, type Page, reaches, spliced } from "./loaded";

const FIRST = 100;
const HEAD = 50;
const SEEN_MOST = 100;
const PAGE_MOST = 500;
const CATCH_UP = 4; // requests of PAGE_MOST rows; behind by more, the list begins anew

export interface Asked<T> {
  key: readonly unknown[];
  ask: (cursor: string | null, limit: number, signal?: AbortSignal) => Promise<Page<T>>;
  order: Order<T>;
  everyMs: number;
}

export interface Listed<T> {
  rows: T[];
  isPending: boolean;
  isOld: boolean; // shown of an earlier search, until this one is answered
  error: unknown;
  hasMore: boolean;
  moreError: unknown;
  again: () => void;
  more: () => void;
  see: (first: number, last: number) => void;
}

export function useList<T>({ key, ask, order, everyMs }: Asked<T>): Listed<T> {
  const client = useQueryClient();
  const seen = useRef<[number, number]>([0, 0]);
  const name = JSON.stringify(key);
  const busy = useRef<string | null>(null); // the search of which more is asked; another need not wait for it
  const [failed, setFailed] = useState<{ name: string; error: unknown } | null>(null);
  const moreError = failed?.name === name ? failed.error : null;
  const known = (): Loaded<T> | undefined => client.getQueryData<Loaded<T>>(key);
  const found = useQuery({
    queryKey: key,
    structuralSharing: false, // comparing a hundred thousand rows would take longer than drawing those in sight
    refetchInterval: everyMs,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<Loaded<T>> => {
      const old = known();
      if (old === undefined) {
        const page = await ask(null, FIRST, signal);
        return { rows: page.items, next: page.next };
      }
      const pages = await newest(old, ask, order, signal);
      if (!reaches(old, pages.at(-1)!.page, order)) return { rows: pages[0]!.page.items, next: pages[0]!.page.next };
      const sight = inSight(old, seen.current, pages.at(-1)!.page.next, order);
      if (sight !== null) pages.push({ after: sight.after, page: await ask(sight.after, sight.count, signal) });
      return pages.reduce((made, { after, page }) => spliced(made, page, after, order), known() ?? old);
    },
  });
  const loaded = found.isPlaceholderData ? undefined : found.data;
  const more = useCallback(() => {
    const at = client.getQueryData<Loaded<T>>(key);
    if (busy.current === name || at === undefined || at.next === null) return;
    busy.current = name;
    setFailed(null);
    ask(at.next, Math.min(PAGE_MOST, Math.max(FIRST, at.rows.length)))
      .then((page) => client.setQueryData<Loaded<T>>(key, (now) => (now?.next === at.next ? { rows: [...now.rows, ...page.items], next: page.next } : now)))
      .catch((error: unknown) => setFailed({ name, error }))
      .finally(() => {
        if (busy.current === name) busy.current = null;
      });
  }, [client, name]);
  const isShort = loaded !== undefined && loaded.next !== null && loaded.rows.length < HEAD;
  useEffect(() => {
    if (isShort && moreError === null) more(); // filters may leave a page empty while others fit further on
  }, [isShort, loaded, more, moreError]);
  return {
    rows: found.data?.rows ?? [],
    isPending: found.isPending || (isShort && loaded.rows.length === 0 && moreError === null),
    isOld: found.isPlaceholderData,
    error: found.error ?? (loaded?.rows.length === 0 ? moreError : null),
    hasMore: loaded !== undefined && loaded.next !== null,
    moreError,
    again: () => {
      setFailed(null);
      void found.refetch();
    },
    more,
    see: useCallback((first: number, last: number) => void (seen.current = [first, last]), []),
  };
}

interface Stretch<T> {
  after: string | null;
  page: Page<T>;
}

/** Ask for what is new, until it meets what is known, or that is too far away. */
async function newest<T>(old: Loaded<T>, ask: Asked<T>["ask"], order: Order<T>, signal: AbortSignal): Promise<Stretch<T>[]> {
  const pages: Stretch<T>[] = [{ after: null, page: await ask(null, HEAD, signal) }];
  while (pages.length <= CATCH_UP && !reaches(old, pages.at(-1)!.page, order)) {
    const after = pages.at(-1)!.page.next;
    pages.push({ after, page: await ask(after, PAGE_MOST, signal) });
  }
  return pages;
}

/** Say which rows in sight the newest page does not hold. */
function inSight<T>(old: Loaded<T>, [first, last]: [number, number], through: string | null, order: Order<T>): { after: string; count: number } | null {
  const [before, end] = [old.rows[first - 1], old.rows[Math.min(last, old.rows.length - 1)]];
  if (through === null || before === undefined || end === undefined) return null;
  const isCovered = order.isNewestFirst ? order.keyOf(end) >= through : order.keyOf(end) <= through;
  return isCovered ? null : { after: order.keyOf(before), count: Math.min(SEEN_MOST, last - first + 1) };
}
