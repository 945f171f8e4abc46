/** Chooses the look of a run: one of the colours that can be told apart, and one of the dashes. */
import { type RefObject, useId, useRef, useState } from "react";
import { useTheme } from "../app/theme";
import { DASHES, RUN_COLORS } from "../chart/palette";
import { styleOf } from "../chart/styles";
import { isolated } from "../format/isolated";
import { PaletteIcon } from "../ui/icons";
import { RunSwatch } from "../ui/RunSwatch";
import styles from "./ColorChoice.module.css";

interface ColorChoiceProps {
  name: string;
  slot: number | null;
  /** Null for the look that it would have by itself. */
  choose: (slot: number | null) => void;
}

const MARGIN = 8;

export function ColorChoice({ name, slot, choose }: ColorChoiceProps) {
  const id = useId();
  const theme = useTheme();
  const button = useRef<HTMLButtonElement>(null);
  const popover = useRef<HTMLDivElement>(null);
  // A list of runs has many of these: what is in the choice is made when it is opened.
  const [isOpen, setOpen] = useState(false);
  const take = (chosen: number | null) => {
    popover.current?.hidePopover();
    choose(chosen);
  };
  const colors = RUN_COLORS[theme];
  return (
    <>
      <button
        ref={button}
        type="button"
        className={`quiet icon ${styles.button}`}
        aria-label={isolated`Colour of ${name}`}
        title="Colour"
        popoverTarget={id}
      >
        <PaletteIcon />
      </button>
      <div
        ref={popover}
        id={id}
        popover="auto"
        className={styles.popover}
        role="group"
        aria-label={isolated`Colours for ${name}`}
        onBeforeToggle={(event) => {
          setOpen(event.newState === "open");
          if (event.newState === "open") place(event.currentTarget, button);
        }}
      >
        <div className={styles.grid} style={{ gridTemplateColumns: `repeat(${DASHES.length}, auto)` }}>
          {(isOpen ? colors : []).flatMap((_, color) =>
            DASHES.map((_dash, dash) => {
              const one = color + dash * colors.length;
              return (
                <button
                  key={one}
                  type="button"
                  className="quiet"
                  aria-label={`Colour ${color + 1}${dash > 0 ? `, dash ${dash}` : ""}`}
                  aria-pressed={slot === one}
                  onClick={() => take(one)}
                >
                  <RunSwatch style={styleOf(one, theme)} />
                </button>
              );
            }),
          )}
        </div>
        <button type="button" className="quiet" onClick={() => take(null)}>
          As by itself
        </button>
      </div>
    </>
  );
}

/** Puts the choice beside its button, within the window. */
function place(popover: HTMLElement, button: RefObject<HTMLButtonElement | null>): void {
  const box = button.current?.getBoundingClientRect();
  if (!box) return;
  popover.style.left = `${Math.max(MARGIN, Math.min(box.left, innerWidth - 240))}px`;
  popover.style.top = `${Math.max(MARGIN, Math.min(box.bottom + 4, innerHeight - 440))}px`;
}
