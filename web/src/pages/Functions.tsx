/** The catalogue: every function that one may call, found by words. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Schemas } from "../api/client";
import { actions } from "../api/queries";
import { Rows } from "../ui/Rows";
import { Search } from "../ui/Search";
import { Empty, Failure, Loading, Title } from "../ui/parts";

const route = getRouteApi("/");
const ROW = 84;

export function Functions() {
  const { q = "", online = false } = route.useSearch();
  const navigate = route.useNavigate();
  const found = useInfiniteQuery(actions(q, online));
  const rows = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  const search = useCallback((text: string) => void navigate({ search: (old) => ({ ...old, q: text || undefined }), replace: true }), [navigate]);
  const more = found.hasNextPage && !found.isFetchingNextPage ? () => void found.fetchNextPage() : null;
  return (
    <>
      <Title>Functions</Title>
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <Search value={q} label="Search functions" onSearch={search} />
        <label className="flex min-h-9 items-center gap-2 text-sm">
          <input
            type="checkbox"
            className="size-4 accent-accent"
            checked={online}
            onChange={(event) => void navigate({ search: (old) => ({ ...old, online: event.target.checked || undefined }), replace: true })}
          />
          Only what runs now
        </label>
      </div>
      {found.error && rows.length === 0 && <Failure error={found.error} again={() => void found.refetch()} />}
      {found.isPending && !found.error && <Loading />}
      {found.data && rows.length === 0 && !found.hasNextPage && <Nothing isSearch={q !== "" || online} />}
      {rows.length > 0 && <Rows rows={rows} height={ROW} label="Functions" keyOf={(row) => row.name} render={(row) => <Row action={row} />} more={more} />}
    </>
  );
}

function Row({ action }: { action: Schemas["Action"] }) {
  const isOn = action.agents_online > 0;
  return (
    <Link
      to="/functions/$name"
      params={{ name: action.name }}
      className="panel grid h-full grid-cols-[1fr_auto] items-center gap-x-4 px-4 text-ink no-underline hover:border-soft"
    >
      <span className="min-w-0">
        <span className="flex items-baseline gap-2">
          <span className="truncate font-medium">{action.label || action.name}</span>
          <span className="quiet hidden truncate font-mono sm:inline">{action.name}</span>
        </span>
        <span className="quiet block truncate">{action.description || "No description"}</span>
      </span>
      <span className="flex items-center gap-2">
        {action.collections.slice(0, 2).map((tag) => (
          <span key={tag} className="chip hidden md:inline-flex">
            {tag}
          </span>
        ))}
        <span className={`chip ${isOn ? "text-good" : ""}`}>{isOn ? (action.agents_online > 1 ? `${action.agents_online} apps` : "runs now") : "not running"}</span>
      </span>
    </Link>
  );
}

function Nothing({ isSearch }: { isSearch: boolean }) {
  if (isSearch) return <Empty title="No function fits">Try fewer words, or show also what does not run now.</Empty>;
  return (
    <Empty title="There are no functions yet">
      Whoever writes one lets it in from their own machine with <code>arkitekt-next init</code> and <code>arkitekt-next run dev</code>. It appears here at once.
    </Empty>
  );
}
