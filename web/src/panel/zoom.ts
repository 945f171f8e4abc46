/** Where moving and zooming along x lead: ranges of x as they come of pixels, on linear and on logarithmic axes alike. */
import { type Scale, toValue } from "../chart/scale";

export type Range = [number, number];

// Closer together than this two ends of an axis are one number.
const SHARE_MIN = 1e-12;

/** The range around a pixel that stays where it is: `factor` below 1 zooms in. */
export function zoomedAbout(x: Scale, pixel: number, factor: number): Range {
  return [toValue(x, pixel + (x.from - pixel) * factor), toValue(x, pixel + (x.to - pixel) * factor)];
}

/** The range after the drawing has been moved by some pixels to the right. */
export function panned(x: Scale, pixels: number): Range {
  return [toValue(x, x.from - pixels), toValue(x, x.to - pixels)];
}

/** The range in which what two fingers first touched lies under them now. */
export function pinched(x: Scale, before: Range, now: Range): Range {
  const distance = now[1] - now[0] || 1;
  const factor = (before[1] - before[0]) / distance;
  return [toValue(x, before[0] + (x.from - now[0]) * factor), toValue(x, before[0] + (x.to - now[0]) * factor)];
}

/**
 * A range within what there is of x; null where it is all of it.
 *
 * @param whole null where it is not known: the range stays as it is then.
 * @param isMove keeps the length of a range that would leave `whole`, as it is seen on the axis.
 */
export function within(range: Range, whole: Range | null, kind: Scale["kind"], isMove: boolean): Range | null {
  if (!whole) return range;
  if (kind === "linear") return withinLinear(range, whole, isMove);
  // An axis of logarithms has no beginning where x begins at 0.
  const first = whole[0] > 0 ? whole[0] : Math.min(1, whole[1] / 10);
  const [low, high] = [Math.log(range[0]), Math.log(range[1])];
  const cut = withinLinear([low, high], [Math.log(first), Math.log(whole[1])], isMove);
  return cut && [cut[0] === low ? range[0] : Math.exp(cut[0]), cut[1] === high ? range[1] : Math.exp(cut[1])];
}

function withinLinear([low, high]: Range, whole: Range, isMove: boolean): Range | null {
  const length = whole[1] - whole[0];
  if (high - low >= length && isMove) return null;
  if (isMove) {
    const back = Math.max(0, whole[0] - low) - Math.max(0, high - whole[1]);
    return [low + back, high + back];
  }
  const cut: Range = [Math.max(low, whole[0]), Math.min(high, whole[1])];
  if (cut[0] <= whole[0] && cut[1] >= whole[1]) return null;
  return cut[1] > cut[0] ? cut : [low, high];
}

/** The range to show and to have in the address: whole steps where x counts; null where its ends are one. */
export function settled([low, high]: Range, isCount: boolean): Range | null {
  if (isCount) {
    const [first, last] = [Math.floor(low), Math.ceil(high)];
    return first < last ? [first, last] : null;
  }
  return high - low > SHARE_MIN * Math.max(Math.abs(low), Math.abs(high)) ? [low, high] : null;
}
