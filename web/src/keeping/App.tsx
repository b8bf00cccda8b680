/** One app: where it runs, what it may do, what it offers, what it has done of late, and how to send it away. */
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { ArrowLeft, LogOut } from "lucide-react";
import { type Schemas, ask, pathTo } from "../api/client";
import { TaskRow } from "../list/TaskRow";
import { ConfirmButton } from "../ui/Confirm";
import { Failure, Loading, Title } from "../ui/parts";
import { ago, moment } from "../ui/words";
import { leftUs } from "./Apps";
import { LogLines } from "./LogLines";
import { SignIns } from "./SignIns";
import { Dot, List, Said, Section } from "./parts";
import { agentsOf, app as appQuery, calls, logins as loginsQuery } from "./queries";
import { useRights } from "./rights";
import { comesBack, many } from "./words";

const route = getRouteApi("/team/apps/$app");
const RECENT = 5;

export function App() {
  const { app: id } = route.useParams();
  const found = useQuery(appQuery(id));
  if (found.data) return <Shown key={id} app={found.data} />;
  return found.error ? <Failure error={found.error} again={() => void found.refetch()} /> : <Loading rows={4} />;
}

function Shown({ app }: { app: Schemas["AppDetail"] }) {
  const rights = useRights();
  const logins = useQuery({ ...loginsQuery(rights?.manages ?? false), select: (all) => all.filter((login) => login.app === app.identifier) });
  const agents = useQuery(agentsOf(app.identifier));
  return (
    <div className="grid gap-8">
      <div>
        <Link to="/team/apps" className="quiet inline-flex min-h-6 items-center gap-1 no-underline hover:underline">
          <ArrowLeft aria-hidden className="size-4" /> All apps
        </Link>
        <Title beside={<Revoke app={app} logins={logins.data ?? []} agents={agents.data?.filter(isHere) ?? []} />}>{app.identifier}</Title>
        <p className="quiet m-0">
          {app.version === null ? "Of" : `Release ${app.version}, of`} {app.owner}, known since {moment(app.created_at_us)}
        </p>
      </div>
      <Section title="Where it runs">
        <List found={agents} label="Agents" empty={<p className="quiet m-0">It is nowhere now. It comes back when it is started.</p>} keyOf={(agent) => agent.id} render={(agent) => <Agent agent={agent} />} />
      </Section>
      <Section title={rights?.manages ? "What it may do" : "What it may do for you"}>
        <SignIns found={logins} empty="It is signed in nowhere now." />
      </Section>
      <Functions names={app.actions} />
      <Recent app={app.identifier} />
    </div>
  );
}

const isHere = (agent: Schemas["Agent"]): boolean => agent.state === "online" || agent.state === "draining";

function Agent({ agent }: { agent: Schemas["Agent"] }) {
  return (
    <>
      <Said
        more={
          <>
            for {agent.person}, {isHere(agent) ? `since ${ago(agent.connected_at_us)}, holds ${many(agent.tasks, "task")} of at most ${agent.capacity}` : `last seen ${ago(leftUs(agent))}`}
          </>
        }
      >
        {agent.host || "a machine without a name"}
        <span className="quiet">{agent.release}</span>
        {agent.mode === "dev" && <span className="chip">in development</span>}
        {agent.labels.map((label) => (
          <span key={label} className="chip">
            {label}
          </span>
        ))}
      </Said>
      <Dot state={agent.state} />
    </>
  );
}

function Revoke({ app, logins, agents }: { app: Schemas["AppDetail"]; logins: Schemas["Login"][]; agents: Schemas["Agent"][] }) {
  const ended = logins.filter((login) => !login.is_current);
  if (ended.length === 0) return null;
  const held = agents.reduce((sum, agent) => sum + agent.tasks, 0);
  const names = app.actions.map((name) => name.slice(app.identifier.length + 1));
  return (
    <ConfirmButton
      text="Revoke"
      label={`Revoke ${app.identifier}`}
      icon={<LogOut aria-hidden className="size-4" />}
      title={`Revoke ${app.identifier}?`}
      confirm={`End ${many(ended.length, "sign-in")}`}
      stale={["logins", "apps", "app", "agents"]}
      act={async () => {
        for (const login of ended) await ask("DELETE", pathTo`/api/logins/${login.id}`);
      }}
    >
      <p className="m-0">
        {many(ended.length, "sign-in ends", "sign-ins end")} within seconds, and {agents.length === 0 ? "no agent runs by it now" : many(agents.length, "agent stops", "agents stop")}.
      </p>
      {agents.length > 0 && names.length > 0 && <p className="m-0">Nobody can call {names.length > 6 ? `its ${names.length} functions` : names.join(", ")} from then on.</p>}
      {held > 0 && <p className="m-0">{many(held, "task that it holds breaks off.", "tasks that it holds break off.")} What may be repeated waits for another agent; the rest is lost.</p>}
      <p className="m-0">Tasks and data stay. {comesBack(ended.map((login) => login.kind))}</p>
    </ConfirmButton>
  );
}

function Functions({ names }: { names: string[] }) {
  return (
    <Section title="What it offers">
      {names.length === 0 ? (
        <p className="quiet m-0">It has offered no function yet, or none that you see.</p>
      ) : (
        <ul aria-label="Functions" className="panel m-0 list-none divide-y divide-line p-0">
          {names.map((name) => (
            <li key={name} className="flex flex-wrap items-center justify-between gap-x-4 px-4 py-1.5">
              <Link to="/functions/$name" params={{ name }} className="inline-flex min-h-9 min-w-0 items-center break-all">
                {name}
              </Link>
              <Link to="/tasks" search={{ action: name }} className="quiet inline-flex min-h-9 items-center">
                its calls
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Recent({ app }: { app: string }) {
  const found = useQuery(calls(app));
  const rows = found.data?.slice(0, RECENT) ?? [];
  return (
    <>
      <Section
        title="What it has done"
        beside={
          <Link to="/tasks" search={{ q: `${app}.` }} className="button">
            All its tasks
          </Link>
        }
      >
        {found.error && !found.data && <Failure error={found.error} again={() => void found.refetch()} />}
        {found.isPending && !found.error && <Loading rows={2} />}
        {found.data && rows.length === 0 && <p className="quiet m-0">Nothing that you see.</p>}
        {rows.length > 0 && (
          <ul aria-label="Recent tasks" className="m-0 grid list-none gap-2 p-0">
            {rows.map((task) => (
              <li key={task.id} className="h-14">
                <TaskRow task={task} />
              </li>
            ))}
          </ul>
        )}
      </Section>
      {rows.length > 0 && <LogLines tasks={rows.map((task) => task.id)} />}
    </>
  );
}
