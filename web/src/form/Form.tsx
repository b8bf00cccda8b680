/** The form of a function: its arguments in groups, and the button that runs it. */
import { useMutation } from "@tanstack/react-query";
import { Link2, Play } from "lucide-react";
import { useRef, useState } from "react";
import { ApiError, type Schemas, ask } from "../api/client";
import type { ActionDetail } from "../api/queries";
import { useReference } from "../api/reference";
import type { Group, Port } from "../ports/model";
import { NOT_COPIED, copyText } from "../ui/copy";
import { Failure } from "../ui/parts";
import { Field } from "./Field";
import { AskingContext, useAskingOf } from "./asking";
import type { Drafts } from "../ports/form";
import { SaveShortcut } from "./Shortcuts";
import { useFilling } from "./filling";
import { linkTo } from "./shortcuts";

interface Props {
  action: ActionDetail;
  begin: Drafts;
  onSubmitted: (task: string) => void;
}

export function Form({ action, begin, onSubmitted }: Props) {
  const { definition } = action;
  const { drafts, judged, problems, changes, change, touch, showsAll, showAll, forget } = useFilling(definition, action.definition_hash, begin);
  const [isDiscreet, setDiscreet] = useState(false);
  const [said, setSaid] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const reference = useReference();
  const asking = useAskingOf(action.app);
  const submit = useMutation({
    mutationFn: (args: Record<string, unknown>) => {
      const call = { action: action.name, args, signature_hash: action.signature_hash, ...(isDiscreet ? { discreet: true } : {}) };
      return ask<Schemas["Submitted"]>("POST", "/api/tasks", { ...call, reference: reference.of(call) });
    },
    retry: (count, error) => error instanceof ApiError && error.status === 0 && count < 5,
    onSuccess: (done) => {
      reference.forget();
      onSubmitted(done.task);
    },
  });
  const run = () => {
    if (judged.args !== null) {
      submit.mutate(judged.args);
      return;
    }
    showAll();
    const first = judged.problems[0]?.path ?? "";
    requestAnimationFrame(() => {
      const field = form.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(first)}"]`);
      field?.scrollIntoView({ block: "center" });
      field?.querySelector<HTMLElement>("input, select, textarea, button")?.focus();
    });
  };
  const copy = async () => {
    if (judged.args === null) {
      run();
      return;
    }
    setSaid((await copyText(linkTo(action.name, judged.args))) ? "The link to this form, as it is filled, is copied." : NOT_COPIED);
  };
  const shown = (definition.args ?? []).filter((port) => !judged.hidden.has(port.key));
  const fieldOf = (port: Port) => (
    <Field key={port.key} port={port} draft={drafts[port.key] ?? { is: "absent" }} path={port.key} problems={problems} warning={judged.warnings.get(port.key) ?? null} onChange={(draft) => change(port.key, draft)} onTouch={touch} />
  );
  return (
    <AskingContext value={asking}>
      <form
        ref={form}
        noValidate
        className="grid gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
        }}
      >
        {changes.length > 0 && (
          <div role="status" className="panel flex flex-wrap items-start gap-3 border-warn px-4 py-3">
            <p className="m-0 min-w-0 flex-1 break-words">The function changed: {changes.join("; ")}. What else you typed is kept.</p>
            <button type="button" className="button" onClick={forget}>
              I see
            </button>
          </div>
        )}
        {shown.length === 0 && <p className="quiet m-0">It takes no arguments.</p>}
        {sections(shown, definition.groups ?? []).map(([group, ports]) =>
          group === null ? (
            ports.map(fieldOf)
          ) : (
            <details key={group.key} open={!group.is_collapsed} className="panel px-4 py-3">
              <summary className="font-medium">{group.label || group.key}</summary>
              {group.description && <p className="quiet mb-0 mt-1">{group.description}</p>}
              <div className="mt-3 grid gap-5">{ports.map(fieldOf)}</div>
            </details>
          ),
        )}
        {definition.effects === "irreversible" && <p className="m-0 text-sm text-warn">What it does can't be undone.</p>}
        {submit.error && <Failure error={submit.error} />}
        <div className="flex flex-wrap items-center gap-3">
          <button type="submit" className="button main" disabled={submit.isPending}>
            <Play aria-hidden className="size-4" /> {submit.isPending ? "Sending…" : "Run"}
          </button>
          <button type="button" className="button" onClick={() => void copy()}>
            <Link2 aria-hidden className="size-4" /> Copy link
          </button>
          <SaveShortcut action={action.name} args={judged.args} onRefused={run} />
          <label className="flex min-h-9 items-center gap-2 text-sm" title="Owners and admins of the team read them all the same">
            <input type="checkbox" className="size-4 accent-accent" checked={isDiscreet} onChange={(event) => setDiscreet(event.target.checked)} />
            Keep values from the team
          </label>
          <span role="status" className="quiet">
            {showsAll && judged.problems.length > 0 ? `${judged.problems.length === 1 ? "One value is" : `${judged.problems.length} values are`} not right yet.` : said}
          </span>
        </div>
      </form>
    </AskingContext>
  );
}

/** Bring ports into their groups, each where its first port stands. */
function sections(ports: Port[], groups: Group[]): [Group | null, Port[]][] {
  const found: [Group | null, Port[]][] = [];
  for (const port of ports) {
    const group = port.group ? (groups.find((one) => one.key === port.group) ?? { key: port.group }) : null;
    const last = group === null ? (found.at(-1)?.[0] === null ? found.at(-1) : undefined) : found.find(([one]) => one?.key === group.key);
    if (last) last[1].push(port);
    else found.push([group, [port]]);
  }
  return found;
}
