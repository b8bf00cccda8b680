/** One port as a field of a form, whatever its kind, with what is inside it. */
import { Plus, RotateCcw, X } from "lucide-react";
import { type ReactNode, useId } from "react";
import { type Draft, blankDraft, emptyDraft } from "../ports/draft";
import { type Port, childrenOf, isRequired } from "../ports/model";
import { kindWords, labelOf, limitWords, searchedKinds } from "../ports/words";
import { ItemField } from "./ItemField";
import { TextControl } from "./TextControl";

interface Props {
  port: Port;
  draft: Draft;
  path: string;
  problems: Map<string, string>;
  onChange: (draft: Draft) => void;
  onTouch: (path: string) => void;
}

/** A port with its label, its help, what is wrong, and the switches for leaving it out and for null. */
export function Field(props: Props & { warning?: string | null }) {
  const { port, draft, path, problems, onChange } = props;
  const id = useId();
  const problem = problems.get(path);
  const isOptional = !isRequired(port);
  const isOff = draft.is === "absent" || draft.is === "null";
  const hasLabel = isOff || isOneControl(port);
  return (
    <div className="grid gap-1" data-path={path}>
      <div className="flex flex-wrap items-baseline gap-x-2">
        {hasLabel ? (
          <label htmlFor={id} className="font-medium first-letter:uppercase">
            {labelOf(port)}
          </label>
        ) : (
          <span id={`${id}-label`} className="font-medium first-letter:uppercase">
            {labelOf(port)}
          </span>
        )}
        <span className="quiet">
          {kindWords(port) === port.label ? "" : kindWords(port)}
          {port.unit ? `, ${port.unit}` : ""}
          {limitWords(port)}
          {isOptional || port.nullable ? ", optional" : ""}
        </span>
        {isOptional && draft.is !== "absent" && (
          <button type="button" className="quiet ml-auto inline-flex items-center gap-1 hover:text-ink" onClick={() => onChange(port.default == null ? { is: "absent" } : emptyDraft(port))}>
            <RotateCcw aria-hidden className="size-3.5" />
            {port.default == null ? "leave out" : "default"}
            <span className="sr-only"> for {labelOf(port)}</span>
          </button>
        )}
      </div>
      {port.description && (
        <p id={`${id}-help`} className="quiet m-0">
          {port.description}
        </p>
      )}
      {isOff && port.kind !== "none" ? (
        <button id={id} type="button" className="field text-left text-soft" onClick={() => onChange(blankDraft(port))}>
          {draft.is === "absent" ? "Left out: the function decides" : "No value"} — choose one
        </button>
      ) : (
        <div role={hasLabel ? undefined : "group"} aria-labelledby={hasLabel ? undefined : `${id}-label`} className="grid gap-1">
          <Control {...props} id={id} describedBy={[port.description ? `${id}-help` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ") || undefined} isWrong={problem !== undefined} />
          {port.nullable && !isOff && (
            <button type="button" className="quiet justify-self-start hover:text-ink" onClick={() => onChange({ is: "null" })}>
              no value
            </button>
          )}
        </div>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="m-0 text-sm text-bad">
          {problem}
        </p>
      )}
      {props.warning && <p className="m-0 text-sm text-warn">{props.warning}</p>}
    </div>
  );
}

const MANY = new Set(["list", "set", "tuple", "dict", "model", "union", "none"]);
const isOneControl = (port: Port): boolean => !MANY.has(port.kind);

export type ControlProps = Props & { id: string; describedBy: string | undefined; isWrong: boolean };

function Control(props: ControlProps): ReactNode {
  const { port, draft, path, onChange } = props;
  switch (draft.is) {
    case "text":
      return searchedKinds(port) !== null ? (
        <ItemField id={props.id} port={port} value={draft.text} describedBy={props.describedBy} isWrong={props.isWrong} onChange={(text) => onChange({ is: "text", text })} />
      ) : (
        <TextControl {...props} text={draft.text} />
      );
    case "bool":
      return (
        <div className="flex min-h-9 items-center gap-2">
          <input id={props.id} type="checkbox" className="size-4 accent-accent" aria-describedby={props.describedBy} checked={draft.value} onChange={(event) => onChange({ is: "bool", value: event.target.checked })} />
          <span aria-hidden>{draft.value ? "yes" : "no"}</span>
        </div>
      );
    case "choice": {
      const told = draft.at === null ? null : port.choices?.[draft.at]?.description;
      return (
        <>
        <select
          id={props.id}
          className="field"
          aria-invalid={props.isWrong}
          aria-describedby={props.describedBy}
          value={draft.at ?? ""}
          onBlur={() => props.onTouch(path)}
          onChange={(event) => onChange({ is: "choice", at: event.target.value === "" ? null : Number(event.target.value) })}
        >
          {draft.at === null && <option value="">Choose…</option>}
          {(port.choices ?? []).map((choice, at) => (
            <option key={at} value={at}>
              {choice.label || String(choice.value)}
            </option>
          ))}
        </select>
        {told && <p className="quiet m-0">{told}</p>}
        </>
      );
    }
    case "items":
      return <Items {...props} items={draft.items} />;
    case "entries":
      return <Entries {...props} entries={draft.entries} />;
    case "fields":
      return (
        <div className="grid gap-3 border-l-2 border-line pl-3">
          {childrenOf(port).map((child) => (
            <Field
              key={child.key}
              {...inside(props)}
              port={child}
              draft={draft.fields[child.key] ?? { is: "absent" }}
              path={`${path}.${child.key}`}
              onChange={(inner) => onChange({ is: "fields", fields: { ...draft.fields, [child.key]: inner } })}
            />
          ))}
          {childrenOf(port).length === 0 && <p className="quiet m-0">It has no fields.</p>}
        </div>
      );
    case "branch": {
      const child = childrenOf(port)[draft.at];
      return (
        <div className="grid gap-2 border-l-2 border-line pl-3">
          <select
            id={props.id}
            className="field"
            aria-label={`Form of ${labelOf(port)}`}
            value={draft.at}
            onChange={(event) => {
              const at = Number(event.target.value);
              const chosen = childrenOf(port)[at];
              if (chosen) onChange({ is: "branch", at, value: emptyDraft(chosen) });
            }}
          >
            {childrenOf(port).map((one, at) => (
              <option key={at} value={at}>
                {one.label || kindWords(one)}
              </option>
            ))}
          </select>
          {child && <Field {...inside(props)} port={{ ...child, label: child.label || kindWords(child) }} draft={draft.value} path={`${path}.value`} onChange={(value) => onChange({ ...draft, value })} />}
        </div>
      );
    }
    default:
      return <p className="quiet m-0">Nothing to fill in.</p>;
  }
}

const inside = ({ problems, onTouch }: Props) => ({ problems, onTouch });

function Items(props: ControlProps & { items: Draft[] }) {
  const { port, items, path, onChange } = props;
  const isFixed = port.kind === "tuple" && !port.variadic;
  const children = childrenOf(port);
  const most = port.constraints?.max_length ?? Number.POSITIVE_INFINITY;
  const replaced = (at: number, inner: Draft) => items.map((item, other) => (other === at ? inner : item));
  return (
    <div className="grid gap-2 border-l-2 border-line pl-3">
      {items.map((item, at) => {
        const child = children[isFixed ? at : 0];
        if (child === undefined) return null;
        const label = isFixed && !/^\d+$/.test(child.label || child.key) ? child.label || child.key : `${at + 1}`;
        return (
          <div key={at} className="flex items-start gap-2">
            <div className="min-w-0 flex-1">
              <Field {...inside(props)} port={{ ...child, label, description: isFixed ? (child.description ?? null) : null }} draft={item} path={`${path}.${at}`} onChange={(inner) => onChange({ is: "items", items: replaced(at, inner) })} />
            </div>
            {!isFixed && (
              <button type="button" className="button plain" aria-label={`Remove ${at + 1}`} onClick={() => onChange({ is: "items", items: items.filter((_, other) => other !== at) })}>
                <X aria-hidden className="size-4" />
              </button>
            )}
          </div>
        );
      })}
      {!isFixed && (
        <button type="button" id={props.id} className="button justify-self-start" disabled={items.length >= most || children[0] === undefined} onClick={() => children[0] && onChange({ is: "items", items: [...items, emptyDraft(children[0])] })}>
          <Plus aria-hidden className="size-4" /> Add{items.length ? " another" : ` to ${labelOf(port)}`}
        </button>
      )}
    </div>
  );
}

function Entries(props: ControlProps & { entries: { key: Draft; value: Draft }[] }) {
  const { port, entries, path, onChange } = props;
  const [keyPort, valuePort] = childrenOf(port);
  if (keyPort === undefined || valuePort === undefined) return <p className="quiet m-0">The function does not say what it takes.</p>;
  const say = (made: typeof entries) => onChange({ is: "entries", entries: made });
  return (
    <div className="grid gap-3 border-l-2 border-line pl-3">
      {entries.map((entry, at) => (
        <div key={at} className="flex items-start gap-2">
          <div className="grid min-w-0 flex-1 gap-2 sm:grid-cols-2">
            <Field {...inside(props)} port={{ ...keyPort, label: "key" }} draft={entry.key} path={`${path}.${at}.key`} onChange={(key) => say(entries.map((one, other) => (other === at ? { ...one, key } : one)))} />
            <Field {...inside(props)} port={{ ...valuePort, label: valuePort.label || "value" }} draft={entry.value} path={`${path}.${at}.value`} onChange={(value) => say(entries.map((one, other) => (other === at ? { ...one, value } : one)))} />
          </div>
          <button type="button" className="button plain" aria-label={`Remove entry ${at + 1}`} onClick={() => say(entries.filter((_, other) => other !== at))}>
            <X aria-hidden className="size-4" />
          </button>
        </div>
      ))}
      <button type="button" id={props.id} className="button justify-self-start" onClick={() => say([...entries, { key: blankDraft(keyPort), value: emptyDraft(valuePort) }])}>
        <Plus aria-hidden className="size-4" /> Add an entry
      </button>
    </div>
  );
}
