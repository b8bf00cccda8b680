/** What a person types, in the field that fits it: lines of text, numbers with steps or a slider, dates, colours, bytes. */
import { Minus, Plus } from "lucide-react";
import type { KeyboardEvent } from "react";
import type { Port } from "../ports/model";
import { labelOf } from "../ports/words";
import type { ControlProps } from "./Field";
import { Searched } from "./Searched";

/** The kind of field: a calendar for dates, with a clock where that is wanted and what stands there has no offset. */
function typeOf(port: Port, text: string): string {
  if (port.kind === "date") return "date";
  const isNaive = text === "" || /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?$/.test(text);
  return port.kind === "datetime" && port.widget?.kind === "date" && isNaive ? "datetime-local" : "text";
}

export function TextControl({ port, text, id, path, describedBy, isWrong, onChange, onTouch }: ControlProps & { text: string }) {
  const widget = port.widget;
  const common = {
    id,
    "aria-invalid": isWrong,
    "aria-describedby": describedBy,
    onBlur: () => onTouch(path),
    value: text,
    placeholder: typeof widget?.placeholder === "string" ? widget.placeholder : undefined,
  };
  const say = (value: string) => onChange({ is: "text", text: value });
  const isLong = port.kind === "json" || widget?.kind === "paragraph";
  if (isLong) {
    const rows = typeof widget?.rows === "number" ? widget.rows : 4;
    return <textarea {...common} rows={rows} className={`field ${port.kind === "json" ? "font-mono text-sm" : ""}`} onChange={(event) => say(event.target.value)} />;
  }
  if (widget?.kind === "choice" && Array.isArray(widget.choices)) {
    const list = `${id}-choices`;
    return (
      <>
        <input {...common} className="field" list={list} onChange={(event) => say(event.target.value)} />
        <datalist id={list}>
          {(widget.choices as { value: unknown; label?: string }[]).map((choice) => (
            <option key={String(choice.value)} value={String(choice.value)}>
              {choice.label}
            </option>
          ))}
        </datalist>
      </>
    );
  }
  if (widget?.kind === "custom_search" && typeof widget.action === "string") return <Searched common={common} action={widget.action} text={text} say={say} />;
  if (widget?.kind === "colour") {
    const isColour = /^#[0-9a-f]{6}$/i.test(text);
    return (
      <div className="flex gap-2">
        <input type="color" aria-label={`Colour of ${labelOf(port)}`} className="h-9 w-12 shrink-0 rounded border border-line" value={isColour ? text : "#000000"} onChange={(event) => say(event.target.value)} />
        <input {...common} className="field" onChange={(event) => say(event.target.value)} />
      </div>
    );
  }
  if (port.kind === "bytes") return <BytesControl common={common} say={say} label={labelOf(port)} accept={(widget?.accept as string[] | undefined)?.join(",")} />;
  const slider = sliderOf(port);
  if (slider !== null) {
    return (
      <div className="flex items-center gap-3">
        <input type="range" aria-label={labelOf(port)} className="min-h-6 min-w-0 flex-1 accent-accent" {...slider} value={Number.isFinite(Number(text)) && text.trim() !== "" ? Number(text) : slider.min} onChange={(event) => say(event.target.value)} />
        <input {...common} className="field w-28 shrink-0 tabular-nums" inputMode="decimal" onChange={(event) => say(event.target.value)} />
      </div>
    );
  }
  if (widget?.kind === "number") return <Stepped common={common} port={port} text={text} say={say} />;
  const isNumber = port.kind === "int" || port.kind === "float" || port.kind === "decimal";
  return (
    <input
      {...common}
      type={typeOf(port, text)}
      className={`field ${isNumber ? "tabular-nums" : ""}`}
      inputMode={port.kind === "int" ? "numeric" : isNumber ? "decimal" : undefined}
      autoComplete="off"
      spellCheck={port.kind === "string"}
      onChange={(event) => say(event.target.value)}
    />
  );
}

/** Give the ends of a slider, where the port has both; a number without them is typed. */
function sliderOf(port: Port): { min: number; max: number; step: number } | null {
  if (port.widget?.kind !== "slider") return null;
  const [min, max] = [Number(port.widget.min ?? port.constraints?.ge), Number(port.widget.max ?? port.constraints?.le)];
  if (!Number.isFinite(min) || !Number.isFinite(max) || min >= max) return null;
  const step = Number(port.widget.step ?? port.constraints?.multiple_of ?? (port.kind === "int" ? 1 : (max - min) / 200));
  return { min, max, step: Number.isFinite(step) && step > 0 ? step : 1 };
}

interface SteppedProps {
  common: Record<string, unknown>;
  port: Port;
  text: string;
  say: (text: string) => void;
}

/** A number with its steps: by the buttons, or the arrow keys. */
function Stepped({ common, port, text, say }: SteppedProps) {
  const step = Number(port.widget?.step ?? port.constraints?.multiple_of ?? 1) || 1;
  const [least, most] = [Number(port.widget?.min ?? port.constraints?.ge ?? Number.NEGATIVE_INFINITY), Number(port.widget?.max ?? port.constraints?.le ?? Number.POSITIVE_INFINITY)];
  const go = (sign: 1 | -1) => {
    const places = Math.max(0, -Math.floor(Math.log10(step)) + 1);
    const from = Number(text.replace(",", "."));
    const to = Math.max(least, Math.min(most, (Number.isFinite(from) ? from : 0) + sign * step));
    say(String(Number(to.toFixed(Math.min(places, 20)))));
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    go(event.key === "ArrowUp" ? 1 : -1);
  };
  return (
    <div className="flex gap-1">
      <input {...common} className="field tabular-nums" inputMode="decimal" autoComplete="off" onKeyDown={press} onChange={(event) => say(event.target.value)} />
      <button type="button" className="button" aria-label={`Less ${labelOf(port)}`} onClick={() => go(-1)}>
        <Minus aria-hidden className="size-4" />
      </button>
      <button type="button" className="button" aria-label={`More ${labelOf(port)}`} onClick={() => go(1)}>
        <Plus aria-hidden className="size-4" />
      </button>
    </div>
  );
}

function BytesControl({ common, say, label, accept }: { common: Record<string, unknown>; say: (text: string) => void; label: string; accept: string | undefined }) {
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    const bytes = new Uint8Array(await file.slice(0, 64 * 1024 + 1).arrayBuffer());
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    say(btoa(binary));
  };
  return (
    <div className="grid gap-1">
      <input type="file" accept={accept} aria-label={`File for ${label}`} className="text-sm" onChange={(event) => void take(event.target.files?.[0])} />
      <input {...common} className="field font-mono text-sm" onChange={(event) => say(event.target.value)} />
    </div>
  );
}

