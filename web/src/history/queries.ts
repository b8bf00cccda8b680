/** What is asked of histories. */
import { queryOptions } from "@tanstack/react-query";
import { ask, query } from "../api/client";
import type { Direction, Graph } from "./graph";

export type Kind = "items" | "tasks";
export const DEPTH = 6;

export const provenance = (kind: Kind, id: string, direction: Direction, depth: number) =>
  queryOptions({
    queryKey: ["provenance", kind, id, direction, depth],
    queryFn: ({ signal }) => ask<Graph>("GET", `/api/${kind}/${encodeURIComponent(id)}/provenance${query({ direction, depth })}`, undefined, signal),
    staleTime: 10_000,
  });

export const documentAddress = (id: string, format: "prov" | "rocrate", direction: Direction, depth: number): string =>
  `/api/items/${encodeURIComponent(id)}/provenance.json${query({ format, direction, depth })}`;
