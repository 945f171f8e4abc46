/** What the colours of a panel mean. */
import type { ThemeName } from "../chart/palette";
import { isolated } from "../format/isolated";
import { formatCount } from "../format/number";
import { type Coloring, rampGradient } from "./coloring";
import { columnTitle, formatNumber } from "./columns";
import styles from "./Panel.module.css";

// More than these do not fit beside each other in a small panel.
const CLASSES_MAX = 4;

interface ColorLegendProps {
  column: string;
  coloring: Coloring;
  theme: ThemeName;
}

export function ColorLegend({ column, coloring, theme }: ColorLegendProps) {
  const title = columnTitle(column);
  if (coloring.kind === "ramp") {
    return (
      <span className={styles.legend} title={isolated`Colour: ${title}`}>
        <span>{title}</span>
        <span>{formatNumber(column, coloring.min, 3)}</span>
        <span className={styles.ramp} style={{ background: rampGradient(theme) }} aria-hidden="true" />
        <span>{formatNumber(column, coloring.max, 3)}</span>
      </span>
    );
  }
  const { classes } = coloring;
  return (
    <span className={styles.legend} title={isolated`Colour: ${title}`}>
      <span>{title}</span>
      {classes.slice(0, CLASSES_MAX).map(({ name, color }) => (
        <span key={name} className={styles.legend}>
          <span className={styles.dot} style={{ background: color }} aria-hidden="true" />
          <span>{name}</span>
        </span>
      ))}
      {classes.length > CLASSES_MAX && <span>and {formatCount(classes.length - CLASSES_MAX)} more</span>}
    </span>
  );
}
