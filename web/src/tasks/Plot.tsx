/** Streamed numbers as lines that grow, over the numbers of the values. */
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Track, columnsOf } from "./tracks";

const COLOURS = ["text-accent", "text-good", "text-warn", "text-bad", "text-soft", "text-ink"];
const HEIGHT = 260;

export default function Plot({ tracks, values, first }: { tracks: Track[]; values: unknown[][]; first: number }) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const look = useLook();
  const columns = useMemo(() => columnsOf(tracks, values, first), [tracks, values, first]);
  const newest = useRef(columns);
  newest.current = columns;
  useEffect(() => {
    const into = box.current!;
    const plot = new uPlot(options(into, tracks), newest.current as uPlot.AlignedData, into);
    drawn.current = plot;
    const watch = new ResizeObserver(() => plot.setSize({ width: into.clientWidth, height: HEIGHT }));
    watch.observe(into);
    return () => {
      watch.disconnect();
      plot.destroy();
      drawn.current = null;
    };
  }, [tracks, look]);
  useEffect(() => drawn.current?.setData(columns as uPlot.AlignedData), [columns]); // it is drawn once, with the next frame
  const last = columns.slice(1).map((column) => column.at(-1));
  const words = tracks.map((track, at) => `${track.label}: ${last[at] ?? "nothing"}${track.unit ? ` ${track.unit}` : ""}`);
  return (
    <figure className="panel m-0 grid gap-1 px-2 py-3">
      <div ref={box} role="img" aria-label={`Plot of ${tracks.map((track) => track.label).join(", ")}`} className="min-w-0 overflow-hidden">
        {COLOURS.map((colour) => (
          <span key={colour} data-colour className={`hidden ${colour}`} />
        ))}
        <span data-line className="hidden text-line" />
      </div>
      <figcaption className="flex flex-wrap gap-x-4 px-2 text-sm tabular-nums">
        {words.map((text, at) => (
          <span key={at} className="inline-flex items-center gap-1.5">
            <span aria-hidden className={`inline-block h-0.5 w-4 bg-current ${COLOURS[at % COLOURS.length]}`} />
            {text}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function options(box: HTMLElement, tracks: Track[]): uPlot.Options {
  const colour = (found: Element): string => getComputedStyle(found).color;
  const colours = [...box.querySelectorAll("[data-colour]")].map(colour);
  const [line, ink] = [colour(box.querySelector("[data-line]")!), getComputedStyle(box).color];
  const axis: uPlot.Axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    scales: { x: { time: false } },
    axes: [axis, { ...axis, size: 64 }],
    series: [{}, ...tracks.map((track, at) => ({ label: track.label, stroke: colours[at % colours.length]!, width: 1.5 }))],
  };
}

/** A number that changes with the colours of the page: what is on a canvas keeps those it was drawn with. */
function useLook(): number {
  const [look, setLook] = useState(0);
  useEffect(() => {
    const tell = () => setLook((old) => old + 1);
    const theme = new MutationObserver(tell);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", tell);
    return () => {
      theme.disconnect();
      scheme.removeEventListener("change", tell);
    };
  }, []);
  return look;
}
