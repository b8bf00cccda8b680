/** What is asked of the hub, each with the key under which its answer is kept. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { Definition } from "../ports/model";
import { type Schemas, ask, query } from "./client";

const LIVE_MS = 2_000;
export const ENDED = new Set(["completed", "failed", "cancelled", "interrupted", "lost", "expired"]);

export const me = queryOptions({ queryKey: ["me"], queryFn: ({ signal }) => ask<Schemas["Me"]>("GET", "/api/me", undefined, signal), staleTime: 60_000 });

export const actions = (q: string, isOnline: boolean) =>
  infiniteQueryOptions({
    queryKey: ["actions", q, isOnline],
    queryFn: ({ pageParam, signal }) =>
      ask<Schemas["ActionPage"]>("GET", `/api/actions${query({ q, online: isOnline || undefined, cursor: pageParam, limit: 100 })}`, undefined, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 5_000,
  });

export type ActionDetail = Omit<Schemas["ActionDetail"], "definition"> & { definition: Definition };

export const action = (name: string) =>
  queryOptions({
    queryKey: ["action", name],
    queryFn: ({ signal }) => ask<ActionDetail>("GET", `/api/actions/${encodeURIComponent(name)}`, undefined, signal),
    refetchInterval: 5_000,
  });

export interface TaskFilter {
  status?: string[];
  action?: string;
  text?: string;
  person?: string;
}

export const tasks = (filter: TaskFilter) =>
  infiniteQueryOptions({
    queryKey: ["tasks", filter],
    queryFn: ({ pageParam, signal }) =>
      ask<Schemas["TaskPage"]>("GET", `/api/tasks${query({ ...filter, cursor: pageParam, limit: 100 })}`, undefined, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: LIVE_MS,
  });

export const task = (id: string) =>
  queryOptions({
    queryKey: ["task", id],
    queryFn: ({ signal }) => ask<Schemas["TaskDetail"]>("GET", `/api/tasks/${encodeURIComponent(id)}`, undefined, signal),
    refetchInterval: (found) => (found.state.data && ENDED.has(found.state.data.status) ? false : LIVE_MS),
  });

export const children = (id: string, isLive: boolean) =>
  queryOptions({
    queryKey: ["children", id],
    queryFn: ({ signal }) => ask<Schemas["TaskPage"]>("GET", `/api/tasks/${encodeURIComponent(id)}/children${query({ limit: 100 })}`, undefined, signal),
    refetchInterval: isLive ? LIVE_MS : false,
  });

export interface ItemFilter {
  text?: string;
  kind?: string;
  trashed?: boolean;
}

export const items = (filter: ItemFilter) =>
  infiniteQueryOptions({
    queryKey: ["items", filter],
    queryFn: ({ pageParam, signal }) =>
      ask<Schemas["ItemPage"]>("GET", `/api/items${query({ ...filter, trashed: filter.trashed || undefined, cursor: pageParam, limit: 60 })}`, undefined, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 10_000,
  });

export const item = (id: string) =>
  queryOptions({ queryKey: ["item", id], queryFn: ({ signal }) => ask<Schemas["Item"]>("GET", `/api/items/${encodeURIComponent(id)}`, undefined, signal), staleTime: 30_000 });
