/** All calls, the newest first, as they change. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Schemas } from "../api/client";
import { tasks as tasksQuery } from "../api/queries";
import { Rows } from "../ui/Rows";
import { Search } from "../ui/Search";
import { Empty, Failure, Loading, Status, Title } from "../ui/parts";
import { ago, span } from "../ui/words";

const route = getRouteApi("/tasks");
const ROW = 64;
const STATES: Record<string, [string, string[]]> = {
  live: ["Under way", ["queued", "assigned", "running", "paused", "disconnected"]],
  done: ["Done", ["completed"]],
  wrong: ["Went wrong", ["failed", "lost", "expired"]],
  stopped: ["Stopped", ["cancelled", "interrupted"]],
};

export function Tasks() {
  const { q = "", state = "", action = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const found = useInfiniteQuery(tasksQuery({ text: q, action, ...(STATES[state] ? { status: STATES[state][1] } : {}) }));
  const rows = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  const search = useCallback((text: string) => void navigate({ search: (old) => ({ ...old, q: text || undefined }), replace: true }), [navigate]);
  const more = found.hasNextPage && !found.isFetchingNextPage ? () => void found.fetchNextPage() : null;
  return (
    <>
      <Title>Tasks</Title>
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <Search value={q} label="Search functions, references and errors" onSearch={search} />
        <label>
          <span className="sr-only">State</span>
          <select className="field" value={state} onChange={(event) => void navigate({ search: (old) => ({ ...old, state: event.target.value || undefined }), replace: true })}>
            <option value="">In any state</option>
            {Object.entries(STATES).map(([name, [text]]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
      {found.error && rows.length === 0 && <Failure error={found.error} again={() => void found.refetch()} />}
      {found.isPending && !found.error && <Loading />}
      {found.data && rows.length === 0 && !found.hasNextPage && (
        <Empty title={q || state || action ? "No task fits" : "Nothing has been run yet"}>{q || state || action ? "Try fewer words or any state." : <Link to="/">Choose a function and run it.</Link>}</Empty>
      )}
      {rows.length > 0 && <Rows rows={rows} height={ROW} label="Tasks" keyOf={(row) => row.id} render={(row) => <Row task={row} />} more={more} />}
    </>
  );
}

export function Row({ task }: { task: Schemas["Task"] }) {
  const percent = task.progress?.percent;
  return (
    <Link to="/tasks/$id" params={{ id: task.id }} className="panel grid h-full grid-cols-[1fr_auto] items-center gap-4 px-4 text-ink no-underline hover:border-soft">
      <span className="min-w-0">
        <span className="block truncate font-medium">{task.action}</span>
        <span className="quiet block truncate">
          {ago(task.queued_at_us)}
          {task.ended_at_us && task.started_at_us ? `, took ${span(task.ended_at_us - task.started_at_us)}` : ""}
          {task.yields > 0 ? `, ${task.yields} values` : ""}, by {task.app}
        </span>
      </span>
      <span className="flex items-center gap-3">
        {typeof percent === "number" && task.ended_at_us === null && <span className="quiet tabular-nums">{Math.round(percent)} %</span>}
        <Status status={task.status} />
      </span>
    </Link>
  );
}
