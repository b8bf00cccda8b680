/** What is asked of histories. */
import { queryOptions } from "@tanstack/react-query";
import { ask, pathTo, query } from "../api/client";
import type { Direction, Graph } from "./graph";

export type Kind = "items" | "tasks";
export const DEPTH = 6;

export const provenance = (kind: Kind, id: string, direction: Direction, depth: number) =>
  queryOptions({
    queryKey: ["provenance", kind, id, direction, depth],
    queryFn: ({ signal }) => ask<Graph>("GET", pathTo`/api/${kind}/${id}/provenance` + query({ direction, depth }), undefined, signal),
    staleTime: 10_000,
  });

export const documentAddress = (id: string, format: "prov" | "rocrate", direction: Direction, depth: number): string =>
  pathTo`/api/items/${id}/provenance.json` + query({ format, direction, depth });
