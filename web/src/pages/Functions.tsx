/** The catalogue: every function that one may call, found by words. */
import { Link, getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Schemas } from "../api/client";
import { actions } from "../api/queries";
import { List } from "../list/List";
import { Check, Word, wordsOf } from "../list/Narrow";
import { enterList } from "../list/Rows";
import { useList } from "../list/useList";
import type { FunctionsSearch } from "../router";
import { Search } from "../ui/Search";
import { Empty, Title } from "../ui/parts";

const route = getRouteApi("/");
const ROW = 84;

export function Functions() {
  const { q = "", online = false, tag = "", app = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const listed = useList(actions({ q, online, collection: tag, app }));
  const set = useCallback((changes: FunctionsSearch) => void navigate({ search: (old) => ({ ...old, ...changes }), replace: true }), [navigate]);
  const search = useCallback((text: string) => set({ q: text || undefined }), [set]);
  const tags = useMemo(() => wordsOf(listed.rows, (row) => row.collections), [listed.rows]);
  const apps = useMemo(() => wordsOf(listed.rows, (row) => [row.app]), [listed.rows]);
  return (
    <>
      <Title>Functions</Title>
      <div role="search" className="mb-4 flex flex-wrap items-center gap-3">
        <Search value={q} label="Search functions" onSearch={search} onKeyDown={enterList} />
        <Word label="Tag" value={tag} known={tags} onChange={(value) => set({ tag: value })} />
        <Word label="Of app" value={app} known={apps} onChange={(value) => set({ app: value })} />
        <Check label="Runs now" value={online} onChange={(value) => set({ online: value })} />
      </div>
      <List
        listed={listed}
        label="Functions"
        height={ROW}
        keyOf={(row) => row.name}
        render={(row) => <Row action={row} />}
        nothing={<Nothing isSearch={q !== "" || online || tag !== "" || app !== ""} />}
      />
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
