/** All calls, the newest first, as they change. */
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useState } from "react";
import { me, someActions, tasks as tasksQuery } from "../api/queries";
import { apps as appsQuery, members as membersQuery } from "../keeping/queries";
import { List } from "../list/List";
import { Word } from "../list/Narrow";
import { enterList } from "../list/Rows";
import { TaskRow } from "../list/TaskRow";
import { useList } from "../list/useList";
import type { TasksSearch } from "../router";
import { Choice } from "../ui/Choice";
import { Search } from "../ui/Search";
import { Empty, Title } from "../ui/parts";

const route = getRouteApi("/tasks");
const ROW = 64;
const CALM = { refetchInterval: false, staleTime: 60_000 } as const; // what is offered here changes rarely
const STATES: Record<string, [string, string[]]> = {
  live: ["Under way", ["queued", "assigned", "running", "paused", "disconnected"]],
  done: ["Done", ["completed"]],
  wrong: ["Went wrong", ["failed", "lost", "expired"]],
  stopped: ["Stopped", ["cancelled", "interrupted"]],
};

export function Tasks() {
  const { q = "", state = "", action = "", app = "", person = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const self = useQuery(me);
  const whose = person === "me" ? self.data?.person.id : person;
  const listed = useList(tasksQuery({ text: q, action, app, ...(whose ? { person: whose } : {}), ...(STATES[state] ? { status: STATES[state][1] } : {}) }));
  const set = useCallback((changes: TasksSearch) => void navigate({ search: (old) => ({ ...old, ...changes }), replace: true }), [navigate]);
  const search = useCallback((text: string) => set({ q: text || undefined }), [set]);
  const isNarrowed = [q, state, action, app, person].some(Boolean);
  return (
    <>
      <Title>Tasks</Title>
      <div role="search" className="mb-4 flex flex-wrap items-center gap-3">
        <Search value={q} label="Search functions, references and errors" onSearch={search} onKeyDown={enterList} />
        <Choice label="State" value={state} options={[["", "In any state"], ...Object.entries(STATES).map(([name, [text]]): [string, string] => [name, text])]} onChoose={(value) => set({ state: value || undefined })} />
        <Whose value={person} onChange={(value) => set({ person: value })} />
        <OfFunction value={action} onChange={(value) => set({ action: value })} />
        <ByApp value={app} onChange={(value) => set({ app: value })} />
      </div>
      <List
        listed={listed}
        label="Tasks"
        height={ROW}
        keyOf={(row) => row.id}
        render={(row) => <TaskRow task={row} />}
        nothing={<Empty title={isNarrowed ? "No task fits" : "Nothing has been run yet"}>{isNarrowed ? "Try fewer words or any state." : <Link to="/">Choose a function and run it.</Link>}</Empty>}
      />
    </>
  );
}

interface NarrowProps {
  value: string;
  onChange: (value: string | undefined) => void;
}

function Whose({ value, onChange }: NarrowProps) {
  const self = useQuery(me);
  const found = useQuery({ ...membersQuery, ...CALM });
  const others = (found.data ?? []).filter((one) => one.id !== self.data?.person.id);
  return <Choice label="Person" value={value} options={[["", "By anybody"], ["me", "Only mine"], ...others.map((one): [string, string] => [one.id, `By ${one.name}`])]} onChoose={(value) => onChange(value || undefined)} />;
}

function OfFunction({ value, onChange }: NarrowProps) {
  const [text, setText] = useState("");
  const found = useQuery({ ...someActions(useDeferredValue(text)), placeholderData: (old) => old });
  return <Word label="Function" value={value} known={(found.data?.items ?? []).map((one) => one.name)} onChange={onChange} onType={setText} />;
}

function ByApp({ value, onChange }: NarrowProps) {
  const found = useQuery({ ...appsQuery, ...CALM });
  return <Word label="Called by app" value={value} known={(found.data ?? []).map((one) => one.identifier)} onChange={onChange} />;
}
