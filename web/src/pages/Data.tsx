/** What the team keeps: found by words and kind, with pictures. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Schemas } from "../api/client";
import { items as itemsQuery } from "../api/queries";
import { Rows } from "../ui/Rows";
import { Search } from "../ui/Search";
import { Choose, Drop } from "../upload/Drop";
import { Empty, Failure, Loading, Title } from "../ui/parts";
import { ago, size } from "../ui/words";
import { Thumbnail, what } from "../values/Thumbnail";

const route = getRouteApi("/data");
const ROW = 88;
const KINDS = { image: "Images", array: "Arrays", table: "Tables", file: "Files" };

export function Data() {
  const { q = "", kind = "", trash = false } = route.useSearch();
  const navigate = route.useNavigate();
  const found = useInfiniteQuery(itemsQuery({ text: q, kind, trashed: trash }));
  const rows = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  const search = useCallback((text: string) => void navigate({ search: (old) => ({ ...old, q: text || undefined }), replace: true }), [navigate]);
  const more = found.hasNextPage && !found.isFetchingNextPage ? () => void found.fetchNextPage() : null;
  const isNarrowed = q !== "" || kind !== "";
  return (
    <>
      <Title beside={<Choose />}>Data</Title>
      <Drop>
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <Search value={q} label="Search names and notes" onSearch={search} />
        <label>
          <span className="sr-only">Kind</span>
          <select className="field" value={kind} onChange={(event) => void navigate({ search: (old) => ({ ...old, kind: event.target.value || undefined }), replace: true })}>
            <option value="">Everything</option>
            {Object.entries(KINDS).map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <label className="flex min-h-9 items-center gap-2 text-sm">
          <input type="checkbox" className="size-4 accent-accent" checked={trash} onChange={(event) => void navigate({ search: (old) => ({ ...old, trash: event.target.checked || undefined }), replace: true })} />
          The trash
        </label>
      </div>
      {found.error && rows.length === 0 && <Failure error={found.error} again={() => void found.refetch()} />}
      {found.isPending && !found.error && <Loading />}
      {found.data && rows.length === 0 && !found.hasNextPage && <Nothing isNarrowed={isNarrowed} isTrash={trash} />}
      {rows.length > 0 && <Rows rows={rows} height={ROW} label="Data" keyOf={(row) => row.id} render={(row) => <Row item={row} />} more={more} />}
      </Drop>
    </>
  );
}

function Nothing({ isNarrowed, isTrash }: { isNarrowed: boolean; isTrash: boolean }) {
  if (isNarrowed) return <Empty title="Nothing fits">Try fewer words, or every kind.</Empty>;
  if (isTrash) return <Empty title="The trash is empty">What is put here stays for 30 days.</Empty>;
  return (
    <Empty title="Nothing is stored yet">
      What functions give under a name appears here. Drop files here to store them, or bring in many with <code>arkitekt-next data import cells.tif</code>.
    </Empty>
  );
}

function Row({ item }: { item: Schemas["Item"] }) {
  return (
    <Link to="/data/$id" params={{ id: item.id }} className="panel flex h-full items-center gap-4 px-3 text-ink no-underline hover:border-soft">
      <Thumbnail item={item} size={64} />
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium">{item.name}</span>
        <span className="quiet block truncate">
          {what(item)}, {size(item.size_bytes)}, {ago(item.created_at_us)}, by {item.person.name}
        </span>
      </span>
      <span className="hidden gap-1 sm:flex">
        {item.tags.slice(0, 3).map((tag) => (
          <span key={tag} className="chip">
            {tag}
          </span>
        ))}
        {item.visibility === "private" && <span className="chip">only you</span>}
      </span>
    </Link>
  );
}
