/** What is asked about the team and the hub. What is few is asked for whole; the log and the trash come in pages. */
import { queryOptions } from "@tanstack/react-query";
import { ApiError, type Schemas, ask, pathTo, query } from "../api/client";
import type { Asked } from "../list/useList";

const CALM_MS = 10_000;
const LIVE_MS = 3_000;
const MOST_PAGES = 20;

type Narrowed = Parameters<typeof query>[0];
interface Page<T> {
  items: T[];
  next: string | null;
}

async function everything<T>(path: string, narrowed: Narrowed, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const found: Page<T> = await ask<Page<T>>("GET", `${path}${query({ ...narrowed, cursor, limit: 500 })}`, undefined, signal);
    items.push(...found.items);
    cursor = found.next;
    if (cursor === null) break;
  }
  return items;
}

const away = async (narrowed: Narrowed, signal: AbortSignal) => (await ask<Schemas["AgentPage"]>("GET", `/api/agents${query({ ...narrowed, online: false })}`, undefined, signal)).items;

const whole = <T>(key: string, path: string, narrowed: Narrowed = {}, refetchInterval = CALM_MS) =>
  queryOptions({ queryKey: [key, narrowed], queryFn: ({ signal }) => everything<T>(path, narrowed, signal), refetchInterval });

const one = <T>(key: string, path: string, refetchInterval: number | false = CALM_MS) =>
  queryOptions({ queryKey: [key, path], queryFn: ({ signal }) => ask<T>("GET", path, undefined, signal), refetchInterval });

export const apps = whole<Schemas["App"]>("apps", "/api/apps", {}, LIVE_MS);
export const app = (id: string) => one<Schemas["AppDetail"]>("app", pathTo`/api/apps/${id}`, LIVE_MS);
/** The agents of an app that are here, and the newest that are not: an app in development leaves many behind. */
export const agentsOf = (app: string) =>
  queryOptions({
    queryKey: ["agents", app],
    queryFn: async ({ signal }) => [...(await everything<Schemas["Agent"]>("/api/agents", { app, online: true }, signal)), ...(await away({ app, limit: 5 }, signal))],
    refetchInterval: LIVE_MS,
  });
export const agentsAway = queryOptions({ queryKey: ["agents"], queryFn: ({ signal }) => away({ limit: 200 }, signal), refetchInterval: CALM_MS });
export const logins = (all: boolean) => whole<Schemas["Login"]>("logins", "/api/logins", { all: all || undefined }, LIVE_MS);
export const redeemTokens = (all: boolean) => whole<Schemas["RedeemToken"]>("redeem-tokens", "/api/redeem-tokens", { all: all || undefined });
export const members = whole<Schemas["Member"]>("members", "/api/members");
export const invitations = whole<Schemas["Invitation"]>("invitations", "/api/invitations");
export const teams = queryOptions({ ...whole<Schemas["Team"]>("teams", "/api/teams"), staleTime: 60_000, refetchInterval: false });
export const usage = one<Schemas["Usage"]>("usage", "/api/usage", false);

/** The newest calls of an app's functions. */
export const calls = (app: string) =>
  queryOptions({
    queryKey: ["tasks", "calls of", app],
    queryFn: async ({ signal }) => {
      const found = await ask<Schemas["TaskPage"]>("GET", `/api/tasks${query({ text: `${app}.`, limit: 50 })}`, undefined, signal);
      return found.items.filter((task) => task.action.startsWith(`${app}.`)); // the text may stand in an error as well
    },
    refetchInterval: LIVE_MS,
  });

/** The first log lines of a call, as they were written. */
export const lines = (task: string) =>
  queryOptions({
    queryKey: ["lines", task],
    queryFn: async ({ signal }) => {
      const found = await ask<Schemas["EventPage"]>("GET", pathTo`/api/tasks/${task}/events` + query({ limit: 200 }), undefined, signal);
      return found.items.flatMap((item) => (item.kind === "event" && item.name === "log" ? [item] : []));
    },
    staleTime: 5_000,
  });

export const health = queryOptions({
  queryKey: ["health"],
  queryFn: async ({ signal }) => {
    try {
      return await ask<Schemas["Health"]>("GET", "/health", undefined, signal);
    } catch (error) {
      // A hub that takes no new work says so by its status, and tells as much.
      if (error instanceof ApiError && error.status === 503 && error.body !== null) return error.body as Schemas["Health"];
      throw error;
    }
  },
  refetchInterval: LIVE_MS,
});

const asText = (number: string | number): string => String(number).padStart(16, "0"); // so that text is ordered as numbers are

export const log = (event: string, person: string): Asked<Schemas["AuditEntry"]> => ({
  key: ["audit", event, person],
  ask: async (cursor, limit, signal) => {
    const page = await ask<Schemas["AuditPage"]>("GET", `/api/team/audit${query({ event, person, cursor: cursor === null ? null : String(Number(cursor)), limit })}`, undefined, signal);
    return { items: page.items, next: page.next === null ? null : asText(page.next) };
  },
  order: { keyOf: (row) => asText(row.number), isNewestFirst: true },
  everyMs: CALM_MS,
});
