/** Scrolling through more rows than a browser can make an element high: the bar is coarse, wheel and keys are exact. */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const MOST_PX = 8_000_000; // what browsers bear with is a few times that

export interface Place {
  top: number; // in pixels of the whole, from its first row
  left: number;
  width: number;
  height: number;
}

export interface Scroll {
  place: Place;
  canvas: number; // how high the element within is
  shift: number; // what to add to where a row lies in the whole, to have where it lies in the element
  to: (top: number, left?: number) => void;
}

export function useScroll(box: RefObject<HTMLElement | null>, total: number): Scroll {
  const [place, setPlace] = useState<Place>({ top: 0, left: 0, width: 0, height: 0 });
  const exact = useRef(0);
  const canvas = Math.min(total, MOST_PX);
  const ratioOf = useCallback(
    (height: number) => (total > canvas ? (canvas - height) / Math.max(1, total - height) : 1), //
    [total, canvas],
  );
  const read = useCallback(() => {
    const into = box.current;
    if (!into) return;
    const ratio = ratioOf(into.clientHeight);
    if (Math.abs(into.scrollTop - exact.current * ratio) > 1.5) exact.current = into.scrollTop / ratio; // the bar was moved
    if (ratio === 1) exact.current = into.scrollTop;
    setPlace({ top: exact.current, left: into.scrollLeft, width: into.clientWidth, height: into.clientHeight });
  }, [box, ratioOf]);
  const to = useCallback(
    (top: number, left?: number) => {
      const into = box.current;
      if (!into) return;
      exact.current = Math.max(0, Math.min(total - into.clientHeight, top));
      into.scrollTop = exact.current * ratioOf(into.clientHeight);
      if (left !== undefined) into.scrollLeft = left;
      read();
    },
    [box, total, ratioOf, read],
  );
  useLayoutEffect(() => {
    const into = box.current;
    if (!into) return;
    const watch = new ResizeObserver(read);
    watch.observe(into);
    into.addEventListener("scroll", read, { passive: true });
    read();
    return () => {
      watch.disconnect();
      into.removeEventListener("scroll", read);
    };
  }, [box, read]);
  useEffect(() => {
    const into = box.current;
    if (!into || total <= canvas) return;
    const wheel = (event: WheelEvent) => {
      if (event.ctrlKey || event.deltaY === 0 || event.shiftKey) return;
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? into.clientHeight : 1;
      to(exact.current + event.deltaY * unit, into.scrollLeft + event.deltaX * unit);
    };
    into.addEventListener("wheel", wheel, { passive: false });
    return () => into.removeEventListener("wheel", wheel);
  }, [box, total, canvas, to]);
  const shift = place.top * ratioOf(place.height) - place.top;
  return { place, canvas, shift, to };
}
