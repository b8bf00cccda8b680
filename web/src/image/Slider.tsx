/** Moving along an axis that is not shown: time, depth, or whatever an array has. */
import { Pause, Play } from "lucide-react";
import { useEffect, useState } from "react";
import { symbol } from "../ui/words";
import { named } from "../named";

const FRAME_MS = 150;
const NAMES = named<string>({ t: "Time", z: "Z", c: "Channel" });

interface Props {
  axis: string;
  size: number;
  at: number;
  step: number | undefined; // from one to the next, in the unit
  unit: string | undefined;
  onChange: (at: number) => void;
}

export function Slider({ axis, size, at, step, unit, onChange }: Props) {
  const [isPlaying, setPlaying] = useState(false);
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setTimeout(() => onChange((at + 1) % size), FRAME_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, at, size, onChange]);
  const name = NAMES[axis] ?? axis;
  const where = step ? ` (${Number((at * step).toPrecision(5))} ${symbol(unit)})` : "";
  return (
    <div className="flex items-center gap-2">
      <span className="w-12 truncate text-sm font-medium">{name}</span>
      <button type="button" className="button plain min-h-8 px-1.5" aria-label={isPlaying ? `Stop playing ${name}` : `Play ${name}`} onClick={() => setPlaying(!isPlaying)}>
        {isPlaying ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
      </button>
      <input type="range" aria-label={name} aria-valuetext={`${at + 1} of ${size}${where}`} className="min-h-6 min-w-0 flex-1 accent-accent" min={0} max={size - 1} value={at} onChange={(event) => onChange(Number(event.target.value))} />
      <output className="quiet w-28 text-right tabular-nums">
        {at + 1} of {size}
        {where}
      </output>
    </div>
  );
}
