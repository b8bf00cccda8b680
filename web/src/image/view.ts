/** Where in an image one looks: the pixel in the middle, and how many pixels of the screen one of the image takes, as 2^zoom. */
import { named } from "../named";
export interface View {
  target: [number, number];
  zoom: number;
}

export interface Box {
  width: number;
  height: number;
}

const [CLOSEST, MARGIN] = [6, 0.96];

/** See all of an image. */
export function fit(image: Box, frame: Box): View {
  return { target: [image.width / 2, image.height / 2], zoom: Math.min(CLOSEST, Math.log2(Math.min(frame.width / image.width, frame.height / image.height) * MARGIN)) };
}

export function zoomed(view: View, by: number, image: Box, frame: Box): View {
  const widest = fit(image, frame).zoom - 2;
  return { ...view, zoom: Math.max(widest, Math.min(CLOSEST, view.zoom + by)) };
}

export function moved(view: View, x: number, y: number): View {
  const step = 2 ** -view.zoom;
  return { ...view, target: [view.target[0] + x * step, view.target[1] + y * step] };
}

const BAR = 120; // pixels of the screen that a scale bar takes at most
const IN_METERS = named<number>({ meter: 1, centimeter: 1e-2, millimeter: 1e-3, micrometer: 1e-6, nanometer: 1e-9, picometer: 1e-12, angstrom: 1e-10 });
const SHORT: [string, number][] = [["m", 1], ["mm", 1e-3], ["µm", 1e-6], ["nm", 1e-9], ["pm", 1e-12]];

/** Give a round length that a bar stands for, and its width on the screen; in pixels where the image has no unit. */
export function scaleBar(view: View, step: number | undefined, unit: string | undefined): { text: string; width: number } {
  const meters = step === undefined || unit === undefined ? undefined : IN_METERS[unit];
  const onePixel = 2 ** view.zoom;
  if (step === undefined || meters === undefined) {
    const length = Math.max(1, rounded(BAR / onePixel));
    return { text: `${length} px`, width: length * onePixel };
  }
  const length = rounded((BAR / onePixel) * step * meters * 1.0000001);
  const [short, size] = SHORT.find(([, one]) => length >= one * 0.9999999) ?? SHORT.at(-1)!;
  return { text: `${Number((length / size).toPrecision(3))} ${short}`, width: (length / (step * meters)) * onePixel };
}

function rounded(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return ([5, 2, 1].find((one) => one * power <= most) ?? 1) * power;
}
