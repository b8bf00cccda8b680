/** What is asked of the hub, each with the key under which its answer is kept. */
import { queryOptions } from "@tanstack/react-query";
import type { Asked } from "../list/useList";
import type { Definition } from "../ports/model";
import { type Schemas, ask, pathTo, query } from "./client";

const LIVE_MS = 2_000;
export const ENDED = new Set(["completed", "failed", "cancelled", "interrupted", "lost", "expired"]);

export const me = queryOptions({ queryKey: ["me"], queryFn: ({ signal }) => ask<Schemas["Me"]>("GET", "/api/me", undefined, signal), staleTime: 60_000 });

export interface ActionFilter {
  q?: string;
  online?: boolean;
  collection?: string;
  app?: string;
}

export const actions = (filter: ActionFilter): Asked<Schemas["Action"]> => ({
  key: ["actions", filter],
  ask: (cursor, limit, signal) => ask<Schemas["ActionPage"]>("GET", `/api/actions${query({ ...filter, online: filter.online || undefined, cursor, limit })}`, undefined, signal),
  order: { keyOf: (row) => row.name, isNewestFirst: false },
  everyMs: 5_000,
});

/** The few actions that fit what somebody begins to type. */
export const someActions = (q: string) =>
  queryOptions({ queryKey: ["some actions", q], queryFn: ({ signal }) => ask<Schemas["ActionPage"]>("GET", `/api/actions${query({ q, limit: 20 })}`, undefined, signal), staleTime: 30_000 });

export type ActionDetail = Omit<Schemas["ActionDetail"], "definition"> & { definition: Definition };

export const action = (name: string) =>
  queryOptions({
    queryKey: ["action", name],
    queryFn: ({ signal }) => ask<ActionDetail>("GET", pathTo`/api/actions/${name}`, undefined, signal),
    refetchInterval: 5_000,
  });

export interface TaskFilter {
  status?: string[];
  action?: string;
  app?: string;
  text?: string;
  person?: string;
}

const askTasks = (filter: TaskFilter, cursor: string | null, limit: number, signal?: AbortSignal) =>
  ask<Schemas["TaskPage"]>("GET", `/api/tasks${query({ ...filter, cursor, limit })}`, undefined, signal);

export const tasks = (filter: TaskFilter): Asked<Schemas["Task"]> => ({
  key: ["tasks", filter],
  ask: (cursor, limit, signal) => askTasks(filter, cursor, limit, signal),
  order: { keyOf: (row) => row.id, isNewestFirst: true },
  everyMs: LIVE_MS,
});

export const newestTasks = (filter: TaskFilter, limit: number) =>
  queryOptions({ queryKey: ["newest tasks", filter, limit], queryFn: ({ signal }) => askTasks(filter, null, limit, signal), refetchInterval: LIVE_MS });

export const task = (id: string) =>
  queryOptions({
    queryKey: ["task", id],
    queryFn: ({ signal }) => ask<Schemas["TaskDetail"]>("GET", pathTo`/api/tasks/${id}`, undefined, signal),
    refetchInterval: (found) => (found.state.data && ENDED.has(found.state.data.status) ? false : LIVE_MS),
  });

export interface ItemFilter {
  text?: string;
  kind?: string;
  tag?: string[];
  folder?: string;
  mine?: boolean;
  trashed?: boolean;
}

const askItems = ({ mine, trashed, ...filter }: ItemFilter, cursor: string | null, limit: number, signal?: AbortSignal) =>
  ask<Schemas["ItemPage"]>("GET", `/api/items${query({ ...filter, mine: mine || undefined, trashed: trashed || undefined, cursor, limit })}`, undefined, signal);

export const items = (filter: ItemFilter): Asked<Schemas["Item"]> => ({
  key: ["items", filter],
  ask: (cursor, limit, signal) => askItems(filter, cursor, limit, signal),
  order: { keyOf: (row) => row.id, isNewestFirst: true },
  everyMs: 10_000,
});

export const newestItems = (filter: ItemFilter) =>
  queryOptions({ queryKey: ["newest items", filter], queryFn: ({ signal }) => askItems(filter, null, 60, signal) });

export const item = (id: string) =>
  queryOptions({ queryKey: ["item", id], queryFn: ({ signal }) => ask<Schemas["Item"]>("GET", pathTo`/api/items/${id}`, undefined, signal), staleTime: 30_000 });
