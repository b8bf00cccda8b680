/** One call: how far it is, what it says and gives, and what may be done with it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Ban, Pause, Play, SquarePen, Workflow, Zap } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { type Schemas, ask, pathTo } from "../api/client";
import { ENDED, action as actionQuery, task as taskQuery } from "../api/queries";
import { RunAgain } from "../history/RunAgain";
import { Results } from "../tasks/Results";
import { type Pace, leftWords, remaining } from "../tasks/remaining";
import { type Followed, useFollow } from "../tasks/useFollow";
import { Empty, Failure, Loading, Progress, Status, Title } from "../ui/parts";
import { ago, moment, span } from "../ui/words";
import { Fields, Value } from "../values/Value";
import { CallTree } from "./CallTree";

const route = getRouteApi("/tasks/$id");

export function Task() {
  const { id } = route.useParams();
  const found = useQuery(taskQuery(id));
  if (found.data) return <Shown key={id} task={found.data} />;
  return found.error ? <Failure error={found.error} again={() => void found.refetch()} /> : <Loading rows={4} />;
}

function Shown({ task }: { task: Schemas["TaskDetail"] }) {
  const followed = useFollow(task.id, task.is_readable);
  const action = useQuery({ ...actionQuery(task.action), refetchInterval: false });
  const isCurrent = action.data?.signature_hash === task.signature_hash;
  const ports = isCurrent ? (action.data?.definition.returns ?? []) : [];
  const args = isCurrent ? (action.data?.definition.args ?? []) : [];
  const isLive = !ENDED.has(task.status);
  const progress = followed.progress ?? task.progress;
  return (
    <>
      <Title beside={<Steer task={task} isLive={isLive} />}>
        <Link to="/functions/$name" params={{ name: task.action }} className="text-ink no-underline hover:underline">
          {action.data?.label || task.action}
        </Link>
      </Title>
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1fr)_18rem]">
        <div className="grid content-start gap-6">
          <section aria-label="State" aria-live="polite" className="grid gap-2">
            <Status status={task.status} />
            {isLive && task.status !== "queued" && <HowFar progress={progress} pace={task.status === "running" ? followed.pace : null} />}
            {task.waiting && <Why waiting={task.waiting} />}
            {followed.broken && isLive && <p className="quiet m-0">{followed.broken}</p>}
          </section>
          {task.error && <Wrong error={task.error} />}
          {!task.is_readable && (
            <Empty title="Its values are kept from you">Whoever called it keeps them, and owners and admins of the team may read them.</Empty>
          )}
          <Results task={task} ports={ports} followed={followed} isLive={isLive} />
          <Lines followed={followed} />
          <CallTree task={task} isLive={isLive} />
        </div>
        <aside className="grid content-start gap-5">
          <section>
            <h2 className="m-0 mb-1 text-sm font-semibold">Arguments</h2>
            {task.args && Object.keys(task.args).length > 0 ? (
              args.length > 0 ? (
                <Fields ports={args} value={task.args as Record<string, unknown>} />
              ) : (
                <Value port={undefined} value={task.args} />
              )
            ) : (
              <p className="quiet m-0">none</p>
            )}
          </section>
          <About task={task} />
        </aside>
      </div>
    </>
  );
}

function HowFar({ progress, pace }: { progress: Followed["progress"] | undefined; pace: Pace | null }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const left = remaining(pace, now);
  return <Progress percent={progress?.percent} message={progress?.message ?? null} left={left === null ? null : leftWords(left)} />;
}

function Steer({ task, isLive }: { task: Schemas["TaskDetail"]; isLive: boolean }) {
  const client = useQueryClient();
  const [wasAsked, setAsked] = useState(false);
  const steer = useMutation({
    mutationFn: (verb: string) => ask("POST", pathTo`/api/tasks/${task.id}/${verb}`, {}),
    onSettled: () => client.invalidateQueries({ queryKey: ["task", task.id] }),
  });
  const { error } = steer;
  return (
    <div className="flex flex-wrap items-center gap-2">
      {isLive ? (
        <>
          {task.status === "paused" ? (
            <button type="button" className="button" onClick={() => steer.mutate("resume")}>
              <Play aria-hidden className="size-4" /> Go on
            </button>
          ) : (
            task.status === "running" && (
              <button type="button" className="button" onClick={() => steer.mutate("pause")}>
                <Pause aria-hidden className="size-4" /> Pause
              </button>
            )
          )}
          {wasAsked ? (
            <button type="button" className="button bad" onClick={() => steer.mutate("interrupt")}>
              <Zap aria-hidden className="size-4" /> Stop at once
            </button>
          ) : (
            <button
              type="button"
              className="button bad"
              onClick={() => {
                steer.mutate("cancel");
                setAsked(true);
              }}
            >
              <Ban aria-hidden className="size-4" /> Cancel
            </button>
          )}
        </>
      ) : (
        <>
          <Link to="/functions/$name" params={{ name: task.action }} search={{ from: task.id }} className="button">
            <SquarePen aria-hidden className="size-4" /> Change and run
          </Link>
          {task.is_readable && <RunAgain task={task.id} isMain />}
        </>
      )}
      {error && (
        <p role="alert" className="m-0 w-full text-sm text-bad">
          {error.message}
        </p>
      )}
    </div>
  );
}

function Why({ waiting }: { waiting: NonNullable<Schemas["TaskDetail"]["waiting"]> }) {
  return <p className="m-0">{waiting.message}</p>;
}

function Wrong({ error }: { error: NonNullable<Schemas["TaskDetail"]["error"]> }) {
  const { type, message, traceback } = error as { type?: string; message?: string; traceback?: string };
  return (
    <section role="alert" className="panel border-bad px-4 py-3">
      <h2 className="m-0 text-base font-semibold text-bad">{type || "It went wrong"}</h2>
      <p className="m-0 mt-1 whitespace-pre-wrap break-words">{message || "It says nothing more."}</p>
      {traceback && (
        <details className="mt-2">
          <summary className="quiet">Where in the function</summary>
          <pre className="m-0 mt-2 overflow-x-auto text-xs">{traceback}</pre>
        </details>
      )}
    </section>
  );
}

const LEVELS: Record<string, string> = { error: "text-bad", critical: "text-bad", warning: "text-warn", debug: "text-soft" };

function Lines({ followed }: { followed: Followed }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [followed.lines.length]);
  if (followed.lines.length === 0) return null;
  return (
    <section>
      <h2 className="m-0 mb-2 text-sm font-semibold">What it said</h2>
      <div
        ref={box}
        tabIndex={0}
        role="log"
        aria-label="What it said"
        className="panel max-h-80 overflow-auto px-3 py-2 font-mono text-xs"
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24;
        }}
      >
        {followed.lines.map((line) => (
          <div key={line.number} className={`whitespace-pre-wrap break-words ${LEVELS[line.level] ?? ""}`}>
            {line.message}
          </div>
        ))}
      </div>
    </section>
  );
}

function About({ task }: { task: Schemas["TaskDetail"] }) {
  const rows: [string, string][] = [
    ["called", `${ago(task.queued_at_us)}, by ${task.app}`],
    ["at", moment(task.queued_at_us)],
  ];
  if (task.assigned_at_us) rows.push(["waited", span(task.assigned_at_us - task.queued_at_us)]);
  if (task.started_at_us && task.ended_at_us) rows.push(["took", span(task.ended_at_us - task.started_at_us)]);
  if (task.attempt > 1) rows.push(["attempt", String(task.attempt)]);
  if (task.is_discreet) rows.push(["values", "kept from the team"]);
  rows.push(["task", task.id]);
  return (
    <section>
      <h2 className="m-0 mb-1 text-sm font-semibold">About this run</h2>
      <dl className="quiet m-0 grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5">
        {rows.map(([name, text]) => (
          <div key={name} className="contents">
            <dt>{name}</dt>
            <dd className="m-0 min-w-0 break-all text-ink">{text}</dd>
          </div>
        ))}
      </dl>
      {task.parent && (
        <p className="m-0 mt-1 text-sm">
          <Link to="/tasks/$id" params={{ id: task.parent }}>
            The call it was made for
          </Link>
        </p>
      )}
      {task.is_readable && (
        <Link to="/tasks/$id/history" params={{ id: task.id }} className="button mt-2">
          <Workflow aria-hidden className="size-4" /> Its history
        </Link>
      )}
      {task.again_of && (
        <p className="m-0 mt-1 text-sm">
          <Link to="/tasks/$id" params={{ id: task.again_of }}>
            The run it repeats
          </Link>
        </p>
      )}
    </section>
  );
}
