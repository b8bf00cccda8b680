/** Text for which another function offers values: it is asked with what was typed, once one stops typing. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState } from "react";
import { type Schemas, ask } from "../api/client";
import { type ActionDetail, action as actionQuery } from "../api/queries";
import { named } from "../named";
import type { Choice } from "../ports/model";
import { useMayAsk } from "./asking";

const REST_MS = 400;
const WAIT_S = 10;
const MOST = 100;
const WARNING = named({
  none: "It belongs to another app, and is run with what you type here.",
  repeatable: "It is run with what you type here, and may change something.",
  unknown: "It is run with what you type here, and may change something.",
  irreversible: "It is run with what you type here, and what it does can't be undone.",
});

/** Its first argument is what was typed; its first result a list of values, or of objects with `value` and `label`. */
const offered = (name: string, definition: ActionDetail["definition"] | undefined, text: string) =>
  queryOptions({
    queryKey: ["offered", name, text],
    staleTime: 60_000,
    retry: false,
    queryFn: async ({ signal }): Promise<Choice[]> => {
      const first = definition?.args?.[0];
      const done = await ask<Schemas["Submitted"]>("POST", `/api/tasks?wait=${WAIT_S}`, { action: name, args: first ? { [first.key]: text } : {} }, signal);
      const outcome = done.outcome as { returns?: unknown[] | null } | null;
      const found = outcome?.returns?.[0];
      if (!Array.isArray(found)) throw new Error(`${name} offers nothing just now.`);
      return found.slice(0, MOST).map(choiceOf);
    },
  });

function choiceOf(found: unknown): Choice {
  if (typeof found !== "object" || found === null || !("value" in found)) return { value: found };
  const { value, label } = found as Choice;
  return { value, label: typeof label === "string" ? label : null };
}

interface Props {
  common: Record<string, unknown>;
  action: string;
  text: string;
  say: (text: string) => void;
}

/** What stands there by a default or a link is never asked with, only what somebody typed. */
export function Searched({ common, action, text, say }: Props) {
  const [typed, setTyped] = useState<string | null>(null);
  const [asked, setAsked] = useState<string | null>(null);
  const list = useId();
  const known = useQuery({ ...actionQuery(action), refetchInterval: false });
  const { may, allow } = useMayAsk(known.data);
  const found = useQuery({ ...offered(action, known.data?.definition, asked ?? ""), enabled: may && asked !== null, placeholderData: (old) => old });
  useEffect(() => {
    if (typed === null) return;
    const timer = setTimeout(() => setAsked(typed), REST_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const type = (value: string) => {
    setTyped(value);
    say(value);
  };
  const error = known.error ?? found.error;
  return (
    <>
      <input {...common} className="field" list={list} autoComplete="off" onChange={(event) => type(event.target.value)} />
      <datalist id={list}>
        {(found.data ?? []).map((choice) => (
          <option key={String(choice.value)} value={String(choice.value)}>
            {choice.label}
          </option>
        ))}
      </datalist>
      {known.data && !may && (
        <div className="mt-1 flex flex-wrap items-center gap-2">
          <button type="button" className="button min-w-0 break-all" onClick={() => allow(action)}>
            Let {action} suggest
          </button>
          <span className="quiet">{WARNING[known.data.definition.effects ?? "unknown"] ?? WARNING.unknown}</span>
        </div>
      )}
      {typed !== null && (error || may) && (
        <p role="status" className="quiet m-0 break-words">
          {error ? `No suggestions: ${error.message}` : found.isFetching || asked !== text ? `${action} is asked…` : `${found.data?.length ?? 0} suggestions`}
        </p>
      )}
    </>
  );
}
