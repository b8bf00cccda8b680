/** What the viewer asks of the hub besides pixels. */
import { queryOptions } from "@tanstack/react-query";
import { type Schemas, ask, query } from "../api/client";

const MOST = 50;

/** What is attached to an image: its labels, its regions. */
export const children = (item: string) =>
  queryOptions({
    queryKey: ["items", "of", item],
    queryFn: ({ signal }) => ask<Schemas["ItemPage"]>("GET", `/api/items${query({ parent: item, limit: MOST })}`, undefined, signal),
  });
