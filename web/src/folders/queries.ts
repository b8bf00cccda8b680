/** What is asked of folders. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { type Schemas, ask, pathTo, query } from "../api/client";

export type Folder = Schemas["Folder"];
const DEEPEST = 32;
const PAGE = 500;
const MOST = 2_000;

/** All pages of folders, up to as many as one can still look through. */
async function askAll(filter: { parent?: string; everywhere?: boolean }, signal: AbortSignal): Promise<Folder[]> {
  const found: Folder[] = [];
  let cursor: string | null = null;
  do {
    const page: Schemas["FolderPage"] = await ask("GET", `/api/folders${query({ ...filter, everywhere: filter.everywhere || undefined, cursor, limit: PAGE })}`, undefined, signal);
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null && found.length < MOST);
  return found.sort((one, other) => one.path.localeCompare(other.path, undefined, { numeric: true }));
}

export const foldersIn = (parent: string) =>
  queryOptions({ queryKey: ["folders", "in", parent], queryFn: ({ signal }) => askAll(parent ? { parent } : {}, signal), refetchInterval: 15_000 });

export const allFolders = queryOptions({ queryKey: ["folders", "all"], queryFn: ({ signal }) => askAll({ everywhere: true }, signal), staleTime: 15_000 });

/** The folders from the outermost to this one. */
export const trailTo = (id: string) =>
  queryOptions({
    queryKey: ["folders", "trail", id],
    enabled: id !== "",
    queryFn: async ({ signal }) => {
      const found: Folder[] = [];
      for (let at: string | null = id; at !== null && found.length < DEEPEST; at = found[0]!.parent)
        found.unshift(await ask<Folder>("GET", pathTo`/api/folders/${at}`, undefined, signal));
      return found;
    },
  });

/** Change folders or what lies in them, and look at all of them anew. */
export function useFolderChange<V>(change: (value: V) => Promise<unknown>, onDone?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => onDone?.(),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ["folders"] }), client.invalidateQueries({ queryKey: ["items"] }), client.invalidateQueries({ queryKey: ["item"] })]),
  });
}
