/** Showing the newest of a stream of pictures: two at most are on their way, and those between are passed over. */
import { useEffect, useRef, useState } from "react";
import { type Frame, Frames } from "./frames";

export interface Shown {
  count: number; // frames that were shown
  number: number; // the number of the one that is shown
  rate: number; // frames a second, over the last two
  problem: string | null;
}

const AT_ONCE = 2;
const OVER_MS = 2_000;
const SAY_MS = 250;
const START: Shown = { count: 0, number: -1, rate: 0, problem: null };

export function useFrames(id: string, number: number, draw: (frame: Frame) => void): Shown {
  const [shown, setShown] = useState(START);
  const newest = useRef({ id, number });
  const wake = useRef<() => void>(() => undefined);
  const drawNow = useRef(draw);
  newest.current = { id, number };
  drawNow.current = draw;
  useEffect(() => {
    const frames = new Frames();
    const leaving = new AbortController();
    let state = START;
    let begun = -1;
    let under = 0;
    const times: number[] = [];
    const say = () => {
      while (times.length > 0 && times[0]! < performance.now() - OVER_MS) times.shift();
      const rate = times.length / (OVER_MS / 1000);
      if (state.rate !== rate) state = { ...state, rate };
      setShown(state);
    };
    const next = async () => {
      const wanted = newest.current;
      if (under >= AT_ONCE || wanted.number <= begun || leaving.signal.aborted) return;
      begun = wanted.number;
      under += 1;
      try {
        const frame = await frames.read(wanted.id, leaving.signal);
        if (leaving.signal.aborted) return;
        if (wanted.number > state.number) {
          drawNow.current(frame);
          times.push(performance.now());
          state = { ...state, count: state.count + 1, number: wanted.number, problem: null };
          if (state.count === 1) say();
        }
      } catch (error) {
        if (!leaving.signal.aborted) state = { ...state, problem: error instanceof Error ? error.message : String(error) };
      } finally {
        under -= 1;
        void next();
      }
    };
    wake.current = () => void next();
    const timer = setInterval(say, SAY_MS);
    void next();
    return () => {
      leaving.abort();
      clearInterval(timer);
    };
  }, []);
  useEffect(() => wake.current(), [id, number]);
  return shown;
}
