/** Text for which another function offers values: it is asked with what was typed, once one stops typing. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState } from "react";
import { type Schemas, ask } from "../api/client";
import { type ActionDetail, action as actionQuery } from "../api/queries";
import type { Choice } from "../ports/model";

const REST_MS = 400;
const WAIT_S = 10;
const MOST = 100;

/** Its first argument is what was typed; its first result a list of values, or of objects with `value` and `label`. */
const offered = (name: string, definition: ActionDetail["definition"] | undefined, text: string) =>
  queryOptions({
    queryKey: ["offered", name, text],
    enabled: definition !== undefined,
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

export function Searched({ common, action, text, say }: Props) {
  const [asked, setAsked] = useState<string | null>(null);
  const list = useId();
  const known = useQuery({ ...actionQuery(action), refetchInterval: false, enabled: asked !== null });
  const found = useQuery({ ...offered(action, known.data?.definition, asked ?? ""), placeholderData: (old) => old });
  useEffect(() => {
    if (asked === null || asked === text) return;
    const timer = setTimeout(() => setAsked(text), REST_MS);
    return () => clearTimeout(timer);
  }, [asked, text]);
  const error = known.error ?? found.error;
  return (
    <>
      <input {...common} className="field" list={list} autoComplete="off" onFocus={() => setAsked((old) => old ?? text)} onChange={(event) => say(event.target.value)} />
      <datalist id={list}>
        {(found.data ?? []).map((choice) => (
          <option key={String(choice.value)} value={String(choice.value)}>
            {choice.label}
          </option>
        ))}
      </datalist>
      {asked !== null && (
        <p role="status" className="quiet m-0">
          {error ? `No suggestions: ${error.message}` : found.isFetching ? `${action} is asked…` : `${found.data?.length ?? 0} suggestions`}
        </p>
      )}
    </>
  );
}
