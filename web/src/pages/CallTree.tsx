/** All calls that belong together, as they happen: what called this one, what it called, and what those called. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { type Schemas, ask, query } from "../api/client";
import { ENDED } from "../api/queries";
import { type Branch, Tree } from "../ui/Tree";
import { Status } from "../ui/parts";
import { ago, span } from "../ui/words";

type Task = Schemas["Task"];
const PAGE = 500;
const MOST = 2_000;
const FEW = 30; // are all open at first
const [LIVE_MS, MANY_MS] = [2_000, 10_000];

const family = (root: string) =>
  queryOptions({
    queryKey: ["family", root],
    queryFn: async ({ signal }) => {
      const tasks: Task[] = [];
      let cursor: string | null = null;
      do {
        const page: Schemas["TaskPage"] = await ask("GET", `/api/tasks${query({ root, cursor, limit: PAGE })}`, undefined, signal);
        tasks.push(...page.items);
        cursor = page.next;
      } while (cursor !== null && tasks.length < MOST);
      return { tasks, isAll: cursor === null };
    },
    refetchInterval: ({ state }) => {
      if (state.data === undefined) return LIVE_MS;
      const isLive = state.data.tasks.some((task) => !ENDED.has(task.status));
      return isLive ? (state.data.tasks.length > PAGE ? MANY_MS : LIVE_MS) : false;
    },
  });

export function CallTree({ task, isLive }: { task: Schemas["TaskDetail"]; isLive: boolean }) {
  const isFamily = task.parent !== null || task.children > 0;
  const found = useQuery({ ...family(task.root), enabled: isFamily, ...(isLive ? { refetchInterval: LIVE_MS } : {}) });
  const tasks = found.data?.tasks ?? [];
  const roots = useMemo(() => rootsOf(tasks, task), [tasks, task]);
  const above = useMemo(() => aboveOf(tasks, task.id), [tasks, task.id]);
  const isFew = tasks.length <= FEW;
  const opensAtFirst = useCallback((branch: Branch) => isFew || above.has(branch.key) || branch.key === task.id, [isFew, above, task.id]);
  if (!isFamily || tasks.length < 2) return null;
  return (
    <section>
      <h2 className="m-0 mb-2 text-sm font-semibold">Calls that belong together</h2>
      <div className="panel px-2 py-2">
        <Tree label="Calls that belong together" roots={roots} opensAtFirst={opensAtFirst} />
      </div>
      {found.data?.isAll === false && <p className="quiet m-0 mt-1">These are the newest {tasks.length} of them.</p>}
    </section>
  );
}

/** Nest calls below who called; what is called by something that one does not see stands at the top. */
function rootsOf(tasks: Task[], current: Task): Branch[] {
  const all = new Map(tasks.map((task) => [task.id, task]));
  all.set(current.id, current);
  const inside = new Map<string, Task[]>();
  const top: Task[] = [];
  for (const task of [...all.values()].sort((one, other) => (one.id < other.id ? -1 : 1))) {
    if (task.parent === null || !all.has(task.parent)) top.push(task);
    else inside.set(task.parent, [...(inside.get(task.parent) ?? []), task]);
  }
  const branchOf = (task: Task): Branch => ({
    key: task.id,
    isCurrent: task.id === current.id,
    show: <CallLine task={task} isCurrent={task.id === current.id} isCut={task.parent !== null && !all.has(task.parent)} />,
    children: (inside.get(task.id) ?? []).map(branchOf),
  });
  return top.map(branchOf);
}

function aboveOf(tasks: Task[], id: string): Set<string> {
  const parents = new Map(tasks.map((task) => [task.id, task.parent]));
  const found = new Set<string>();
  for (let at = parents.get(id); at && !found.has(at); at = parents.get(at)) found.add(at);
  return found;
}

function CallLine({ task, isCurrent, isCut }: { task: Task; isCurrent: boolean; isCut: boolean }) {
  const took = task.ended_at_us && task.started_at_us ? span(task.ended_at_us - task.started_at_us) : ago(task.queued_at_us);
  return (
    <span className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3">
      {isCurrent ? (
        <span className="truncate font-medium">{task.action}</span>
      ) : (
        <Link to="/tasks/$id" params={{ id: task.id }} tabIndex={-1} className="truncate">
          {task.action}
        </Link>
      )}
      <Status status={task.status} />
      <span className="quiet">
        {took}
        {isCut ? ", called by something that you do not see" : ""}
      </span>
    </span>
  );
}
