/** The newest picture of a stream, as it arrives, in a window of its values that may be moved. */
import { Link } from "@tanstack/react-router";
import { useCallback, useRef, useState } from "react";
import type { Frame } from "../live/frames";
import { Painter, type Window, autoWindow, reachOf } from "../live/pixels";
import { useFrames } from "../live/useFrames";

export default function LiveImage({ id, number, isLive }: { id: string; number: number; isLive: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef(new Painter());
  const last = useRef<Frame | null>(null);
  const [chosen, choose] = useState<Window | null>(null); // null: by what the picture holds
  const window = useRef<Window>({ low: 0, high: 1 });
  const draw = useCallback(
    (frame: Frame) => {
      last.current = frame;
      window.current = chosen ?? autoWindow(frame.values);
      if (canvas.current) painter.current.paint(canvas.current, frame, window.current);
    },
    [chosen],
  );
  const shown = useFrames(id, number, draw);
  const put = (wanted: Window | null) => {
    choose(wanted);
    if (!last.current || !canvas.current) return;
    window.current = wanted ?? autoWindow(last.current.values);
    painter.current.paint(canvas.current, last.current, window.current);
  };
  const isGrey = shown.count > 0 && last.current?.parts === 1;
  return (
    <figure className="panel m-0 grid justify-items-start gap-3 p-3" aria-label="Newest picture">
      <canvas ref={canvas} width={512} height={512} role="img" aria-label={`Picture ${shown.number}`} className="max-h-[32rem] max-w-full bg-black object-contain" style={{ imageRendering: "pixelated", width: 512 }} />
      {shown.problem && (
        <p role="status" className="m-0 text-sm text-bad">
          {shown.problem}
        </p>
      )}
      {isGrey && <Contrast frame={last.current!} window={window.current} isAuto={chosen === null} put={put} />}
      <figcaption className="quiet flex flex-wrap gap-x-4 tabular-nums">
        <span data-shown={shown.count}>
          {shown.number < 0 ? "The first picture is on its way" : `Picture ${(shown.number + 1).toLocaleString("en")} of ${(number + 1).toLocaleString("en")}`}
        </span>
        {isLive && <span data-rate={shown.rate}>{shown.rate.toFixed(1)} a second</span>}
        {shown.count > 0 && shown.count < number + 1 && <span>{shown.count.toLocaleString("en")} shown; all are stored</span>}
        <Link to="/data/$id" params={{ id }}>
          Open
        </Link>
      </figcaption>
    </figure>
  );
}

interface ContrastProps {
  frame: Frame;
  window: Window;
  isAuto: boolean;
  put: (window: Window | null) => void;
}

function Contrast({ frame, window, isAuto, put }: ContrastProps) {
  const reach = useRef<Window | null>(null);
  if (isAuto || reach.current === null) reach.current = reachOf(frame);
  const range = reach.current; // it stays as it is while one moves the window
  const step = frame.dtype.startsWith("float") ? (range.high - range.low) / 1000 || 0.001 : 1;
  const slider = (label: string, value: number, change: (value: number) => void) => (
    <label className="grid grid-cols-[6rem_minmax(8rem,16rem)_5rem] items-center gap-2 text-sm">
      {label}
      <input type="range" className="min-h-6 accent-accent" min={range.low} max={range.high} step={step} value={value} onChange={(event) => change(Number(event.target.value))} />
      <output className="tabular-nums">{Number(value.toPrecision(5))}</output>
    </label>
  );
  return (
    <fieldset className="m-0 grid gap-1 border-0 p-0">
      <legend className="sr-only">Contrast</legend>
      {slider("Black from", window.low, (low) => put({ low, high: Math.max(low + step, window.high) }))}
      {slider("White from", window.high, (high) => put({ low: Math.min(high - step, window.low), high }))}
      <label className="inline-flex min-h-6 items-center gap-2 text-sm">
        <input type="checkbox" className="size-4" checked={isAuto} onChange={(event) => put(event.target.checked ? null : window)} />
        By what each picture holds
      </label>
    </fieldset>
  );
}
