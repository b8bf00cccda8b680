/** One function: what it does, a form that runs it, who provides it, and what it did last. */
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import { type ActionDetail, action as actionQuery, newestTasks, task as taskQuery } from "../api/queries";
import { Form } from "../form/Form";
import { Shortcuts } from "../form/Shortcuts";
import { stringify } from "../json";
import { draftsOf, emptyDrafts } from "../ports/form";
import { kindWords, labelOf } from "../ports/words";
import { Failure, Loading, Status, Title } from "../ui/parts";
import { ago, span } from "../ui/words";

const route = getRouteApi("/functions/$name");

export function Function() {
  const { name } = route.useParams();
  const found = useQuery(actionQuery(name));
  if (found.data) return <Shown key={name} action={found.data} />;
  return found.error ? <Failure error={found.error} again={() => void found.refetch()} /> : <Loading rows={4} />;
}

function Shown({ action }: { action: ActionDetail }) {
  const { args, from } = route.useSearch();
  const navigate = route.useNavigate();
  const earlier = useQuery({ ...taskQuery(from ?? ""), enabled: from !== undefined });
  const given = (from === undefined ? args : (earlier.data?.args as Record<string, unknown> | null | undefined)) ?? null;
  const begin = useMemo(() => (given === null ? emptyDrafts(action.definition) : draftsOf(action.definition, given)), [action, given]);
  const isWaiting = from !== undefined && earlier.isPending;
  const { definition } = action;
  return (
    <>
      <Title beside={<Availability action={action} />}>{action.label || action.name}</Title>
      <div className="grid gap-8 lg:grid-cols-[minmax(0,1fr)_18rem]">
        <div className="grid content-start gap-5">
          {definition.description && <p className="m-0 max-w-prose">{definition.description}</p>}
          {definition.long_description && <p className="quiet m-0 max-w-prose whitespace-pre-line">{definition.long_description}</p>}
          {earlier.error && <Failure error={earlier.error} />}
          {isWaiting ? (
            <Loading rows={3} />
          ) : (
            <Form
              key={from ?? stringify(given)}
              action={action}
              begin={begin}
              onSubmitted={(task) => void navigate({ to: "/tasks/$id", params: { id: task } })}
            />
          )}
        </div>
        <aside className="grid content-start gap-5">
          <Gives action={action} />
          <Shortcuts action={action.name} />
          <Recent name={action.name} />
          <Providers action={action} />
        </aside>
      </div>
    </>
  );
}

function Availability({ action }: { action: ActionDetail }) {
  const running = action.providers.reduce((sum, one) => sum + one.running, 0);
  if (action.agents_online === 0) return <span className="chip">not running: a call waits for its app</span>;
  return <span className="chip text-good">{running > 0 ? `${running} running` : "runs now"}</span>;
}

function Gives({ action }: { action: ActionDetail }) {
  const returns = action.definition.returns ?? [];
  return (
    <section>
      <h2 className="m-0 mb-1 text-sm font-semibold">{action.kind === "generator" ? "Streams" : "Gives"}</h2>
      {returns.length === 0 ? (
        <p className="quiet m-0">nothing</p>
      ) : (
        <ul className="quiet m-0 list-none p-0">
          {returns.map((port) => (
            <li key={port.key}>
              {returns.length > 1 ? `${labelOf(port)}: ` : ""}
              {kindWords(port)}
              {port.unit ? `, ${port.unit}` : ""}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Recent({ name }: { name: string }) {
  const found = useQuery(newestTasks({ action: name }, 8));
  const rows = found.data?.items ?? [];
  return (
    <section>
      <h2 className="m-0 mb-1 text-sm font-semibold">Recent runs</h2>
      {rows.length === 0 ? (
        <p className="quiet m-0">{found.isPending ? "…" : "It has not been run yet."}</p>
      ) : (
        <ul className="m-0 grid list-none gap-1 p-0">
          {rows.map((row) => (
            <li key={row.id} className="flex items-center justify-between gap-2">
              <Link to="/tasks/$id" params={{ id: row.id }} className="no-underline">
                <Status status={row.status} />
              </Link>
              <span className="quiet">{row.ended_at_us && row.started_at_us ? span(row.ended_at_us - row.started_at_us) : ago(row.queued_at_us)}</span>
              <Link to="/functions/$name" params={{ name }} search={{ from: row.id }} className="quiet" aria-label={`Fill the form from the run of ${ago(row.queued_at_us)}`}>
                fill from it
              </Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Providers({ action }: { action: ActionDetail }) {
  return (
    <section>
      <h2 className="m-0 mb-1 text-sm font-semibold">Provided by</h2>
      {action.providers.length === 0 ? (
        <p className="quiet m-0">No app provides it just now.</p>
      ) : (
        <ul className="quiet m-0 list-none p-0">
          {action.providers.map((one) => (
            <li key={one.agent}>
              {action.app} {one.release ?? ""}
              {one.host ? ` on ${one.host}` : ""}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
