/** One channel's settings: whether it is shown, in which colour, and between which two values. */
import { useId } from "react";
import { BINS, type Stats } from "./stats";

export interface Shown {
  name: string;
  isOn: boolean;
  color: string; // #rrggbb
  window: [number, number];
}

interface Props {
  channel: Shown;
  stats: Stats | undefined;
  isWhole: boolean; // whether values are whole numbers
  onChange: (changed: Partial<Shown>) => void;
}

export function Channel({ channel, stats, isWhole, onChange }: Props) {
  const id = useId();
  const [low, high] = channel.window;
  const from = Math.min(stats?.low ?? low, low);
  const to = Math.max(stats?.high ?? high, high, from + (isWhole ? 1 : 1e-9));
  const step = isWhole ? 1 : (to - from) / 1000;
  const text = (value: number) => (isWhole ? Math.round(value).toString() : value.toPrecision(4));
  const set = (window: [number, number]) => onChange({ window: window[0] < window[1] ? window : [window[0], window[0] + step] });
  return (
    <fieldset className="m-0 grid gap-1.5 border-0 p-0">
      <legend className="sr-only">{channel.name}</legend>
      <div className="flex items-center gap-2">
        <label className="flex min-h-6 min-w-0 flex-1 items-center gap-2 text-sm">
          <input type="checkbox" className="size-4 accent-accent" checked={channel.isOn} onChange={(event) => onChange({ isOn: event.target.checked })} />
          <span className="truncate font-medium">{channel.name}</span>
        </label>
        <input type="color" aria-label={`Colour of ${channel.name}`} className="h-6 w-8 cursor-pointer rounded border border-line bg-panel" value={channel.color} onChange={(event) => onChange({ color: event.target.value })} />
        <button type="button" className="button min-h-6 px-2 py-0.5 text-xs" disabled={!stats} onClick={() => stats && set(stats.window)}>
          Auto
        </button>
      </div>
      {channel.isOn && !Number.isNaN(low) && (
        <>
          <Histogram stats={stats} from={from} to={to} window={channel.window} color={channel.color} />
          {(["darkest", "brightest"] as const).map((which, at) => (
            <div key={which} className="flex items-center gap-2">
              <label htmlFor={`${id}-${which}`} className="sr-only">
                {`${which} shown of ${channel.name}`}
              </label>
              <input
                id={`${id}-${which}`}
                type="range"
                className="min-h-6 min-w-0 flex-1 accent-accent"
                min={from}
                max={to}
                step={step}
                value={channel.window[at]}
                onChange={(event) => {
                  const value = Number(event.target.value);
                  set(at === 0 ? [Math.min(value, high - step), high] : [low, Math.max(value, low + step)]);
                }}
              />
              <output className="quiet w-16 text-right text-xs tabular-nums">{text(channel.window[at]!)}</output>
            </div>
          ))}
        </>
      )}
    </fieldset>
  );
}

interface HistogramProps {
  stats: Stats | undefined;
  from: number;
  to: number;
  window: [number, number];
  color: string;
}

/** How often values occur, on a scale where rare ones are seen too, and the part of them that is shown. */
function Histogram({ stats, from, to, window, color }: HistogramProps) {
  const [width, height] = [BINS, 36];
  const most = Math.log1p(Math.max(1, ...(stats?.bins ?? [])));
  const x = (value: number) => ((value - from) / (to - from)) * width;
  const binWidth = stats ? (x(stats.high) - x(stats.low)) / BINS : 0;
  const bars = stats?.bins.map((count, at) => `M${x(stats.low) + at * binWidth},${height}v${-(Math.log1p(count) / most) * height}h${binWidth}V${height}z`).join("") ?? "";
  return (
    <svg aria-hidden viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" className="h-9 w-full rounded bg-ground">
      <path d={bars} className="fill-soft" />
      <path d={`M${x(window[0])},${height}L${x(window[1])},0`} stroke={color} fill="none" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
