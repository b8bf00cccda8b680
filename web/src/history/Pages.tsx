/** How a stored thing or a call came about, and what came of it: as a picture, and as a list that says the same. */
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { Suspense, lazy, useMemo } from "react";
import { item as itemQuery, task as taskQuery } from "../api/queries";
import type { HistorySearch } from "../router";
import { Choice } from "../ui/Choice";
import { Failure, Loading, Title } from "../ui/parts";
import { Outline } from "./Outline";
import { type Direction, historyOf } from "./graph";
import { DEPTH, type Kind, documentAddress, provenance } from "./queries";

const Picture = lazy(() => import("./Picture").then((found) => ({ default: found.Picture })));
const itemRoute = getRouteApi("/data/$id/history");
const taskRoute = getRouteApi("/tasks/$id/history");
const DEPTHS = [1, 2, 3, 6, 10, 20, 50];
const isNarrow = () => matchMedia("(max-width: 40rem)").matches;

export function ItemHistory() {
  const { id } = itemRoute.useParams();
  const found = useQuery(itemQuery(id));
  const navigate = itemRoute.useNavigate();
  return <Shown kind="items" id={id} name={found.data?.name ?? "…"} search={itemRoute.useSearch()} set={(changes) => void navigate({ search: (old) => ({ ...old, ...changes }), replace: true })} />;
}

export function TaskHistory() {
  const { id } = taskRoute.useParams();
  const found = useQuery(taskQuery(id));
  const navigate = taskRoute.useNavigate();
  return <Shown kind="tasks" id={id} name={found.data?.action ?? "…"} search={taskRoute.useSearch()} set={(changes) => void navigate({ search: (old) => ({ ...old, ...changes }), replace: true })} />;
}

interface Props {
  kind: Kind;
  id: string;
  name: string;
  search: HistorySearch;
  set: (changes: HistorySearch) => void;
}

function Shown({ kind, id, name, search, set }: Props) {
  const { direction = "back", depth = DEPTH, view = isNarrow() ? "list" : "graph" } = search;
  const found = useQuery({ ...provenance(kind, id, direction, depth), placeholderData: (old) => old });
  const history = useMemo(() => (found.data ? historyOf(found.data) : null), [found.data]);
  return (
    <>
      <Title beside={kind === "items" ? <Documents id={id} name={name} direction={direction} depth={depth} /> : undefined}>
        History of{" "}
        {kind === "items" ? (
          <Link to="/data/$id" params={{ id }} activeOptions={{ exact: true }} className="underline">
            {name}
          </Link>
        ) : (
          <Link to="/tasks/$id" params={{ id }} activeOptions={{ exact: true }} className="underline">
            {name}
          </Link>
        )}
      </Title>
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <Choice
          label="Direction"
          value={direction === "back" ? "" : direction}
          options={[
            ["", "How it was made"],
            ["forward", "What was made of it"],
            ["both", "Both"],
          ]}
          onChoose={(value) => set({ direction: (value || undefined) as Direction | undefined })}
        />
        <Choice
          label="Depth"
          value={depth === DEPTH ? "" : String(depth)}
          options={[
            ["", `${DEPTH} calls away`],
            ...[...new Set([...DEPTHS, depth])]
              .filter((one) => one !== DEPTH)
              .sort((one, other) => one - other)
              .map((one): [string, string] => [String(one), one === 1 ? "1 call away" : `${one} calls away`]),
          ]}
          onChoose={(value) => set({ depth: value ? Number(value) : undefined })}
        />
        <Choice label="View" value={view === "graph" ? "graph" : ""} options={[["", "As a list"], ["graph", "As a picture and a list"]]} onChoose={(value) => set({ view: value === "graph" ? "graph" : "list" })} />
      </div>
      {found.error && <Failure error={found.error} again={() => void found.refetch()} />}
      {history === null && !found.error && <Loading rows={4} />}
      {history !== null && (
        <div className={`grid gap-6 ${found.isPlaceholderData ? "opacity-60" : ""}`}>
          {history.cut.size > 0 && <p className="quiet m-0">It goes on behind {history.cut.size === 1 ? "one of these" : `${history.cut.size} of these`}: look deeper, or go there.</p>}
          {view === "graph" && (
            <Suspense fallback={<div className="panel h-[28rem] animate-pulse motion-reduce:animate-none" />}>
              <Picture history={history} />
            </Suspense>
          )}
          {direction !== "forward" && <Part title="How it was made">{<Outline history={history} direction="back" />}</Part>}
          {direction !== "back" && <Part title="What was made of it">{<Outline history={history} direction="forward" />}</Part>}
        </div>
      )}
    </>
  );
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section>
      <h2 className="m-0 mb-2 text-sm font-semibold">{title}</h2>
      {children}
    </section>
  );
}

function Documents({ id, name, direction, depth }: { id: string; name: string; direction: Direction; depth: number }) {
  const plain = name.replace(/[^\p{L}\p{N}._-]+/gu, " ").trim().slice(0, 80) || "history";
  const forms = [
    ["prov", "PROV-JSON", `${plain}.prov.json`],
    ["rocrate", "RO-Crate metadata", "ro-crate-metadata.json"],
  ] as const;
  return (
    <div className="flex flex-wrap gap-2">
      {forms.map(([format, text, file]) => (
        <a key={format} className="button" href={documentAddress(id, format, direction, depth)} download={file}>
          <Download aria-hidden className="size-4" /> {text}
        </a>
      ))}
    </div>
  );
}
