/** The channels of an image while one looks at it: what is shown of each, and what its values are like where one is. */
import { useEffect, useState } from "react";
import type { Shown } from "./Channel";
import type { ImageMeta, Level, Selection } from "./pyramid";
import { type Stats, describe } from "./stats";

export const MOST_SHOWN = 6;
export const MOST_LISTED = 64;
const COLORS = ["#ff00ff", "#00ff00", "#00ffff", "#ffff00", "#ff0000", "#0000ff", "#ff8000", "#ffffff"];

export function useChannels(meta: ImageMeta, level: Level, selection: Selection) {
  const count = Math.min(MOST_LISTED, meta.axes.includes("c") ? meta.shape[meta.axes.indexOf("c")]! : 1);
  const [channels, setChannels] = useState<Shown[]>(() => begin(meta, count));
  const [stats, setStats] = useState<(Stats | undefined)[]>([]);
  const [error, setError] = useState<unknown>(null);
  const where = JSON.stringify(selection);
  const seen = channels.map((one) => one.isOn);
  const asked = seen.join();
  useEffect(() => {
    let isCurrent = true;
    const wanted = seen.map((isOn, at) => (isOn ? describe(level, { ...selection, c: at }) : Promise.resolve(undefined)));
    Promise.all(wanted).then(
      (found) => {
        if (!isCurrent) return;
        setStats(found);
        setError(null);
        setChannels((old) => old.map((one, at) => (Number.isNaN(one.window[0]) && found[at] ? { ...one, window: found[at].window } : one)));
      },
      (failed: unknown) => isCurrent && setError(failed),
    );
    return () => {
      isCurrent = false;
    };
  }, [level, where, asked]);
  const change = (at: number, changed: Partial<Shown>) => setChannels((old) => old.map((one, other) => (other === at ? { ...one, ...changed } : one)));
  return { channels, stats, error, change };
}

/** What an image says of its channels; NaN in a window until it is known what is there. */
function begin(meta: ImageMeta, count: number): Shown[] {
  return Array.from({ length: count }, (_, at) => {
    const said = meta.channels?.[at];
    const window = said?.window;
    return {
      name: said?.name ?? (count > 1 ? `Channel ${at + 1}` : "Brightness"),
      isOn: at < MOST_SHOWN,
      color: said?.color ? `#${said.color.toLowerCase()}` : count === 1 ? "#ffffff" : COLORS[at % COLORS.length]!,
      window: window && window[2] < window[3] ? [window[2], window[3]] : [NaN, NaN],
    };
  });
}
