/** What is under the pointer, or at the place that keys have gone to. */
import { type ReactNode, useLayoutEffect, useRef } from "react";
import type { LineStyle } from "../chart/model";
import { RunSwatch } from "../ui/RunSwatch";
import styles from "./Panel.module.css";

export interface TipPlace {
  x: number;
  y: number;
  /** The size of the box it must stay in. */
  width: number;
  height: number;
}

const GAP_PIXELS = 12;

interface TipProps {
  place: TipPlace;
  title: string;
  style?: LineStyle;
  rows?: readonly (readonly [name: string, value: string])[];
  /** Whether it is read out: keys have moved it. */
  isSaid?: boolean;
  children?: ReactNode;
}

export function Tip({ place, title, style, rows = [], isSaid = false, children }: TipProps) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const { offsetWidth, offsetHeight } = element;
    const right = place.x + GAP_PIXELS;
    const left = right + offsetWidth > place.width ? place.x - GAP_PIXELS - offsetWidth : right;
    const under = place.y + GAP_PIXELS;
    const top = under + offsetHeight > place.height ? place.y - GAP_PIXELS - offsetHeight : under;
    element.style.transform = `translate(${Math.max(0, left)}px, ${Math.max(0, top)}px)`;
  });
  return (
    <div ref={box} className={styles.tip} role="tooltip" aria-live={isSaid ? "polite" : "off"}>
      <b>
        {style && <RunSwatch style={style} />}
        {title}
      </b>
      {rows.length > 0 && (
        <dl>
          {rows.map(([name, value]) => (
            <div key={name} style={{ display: "contents" }}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {children}
    </div>
  );
}
