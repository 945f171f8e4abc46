/** The button of the header that opens the choice of themes. */
import { useId, useRef } from "react";
import { MoonIcon, SunIcon } from "../ui/icons";
import { placeBelow } from "../ui/place_below";
import { ThemeChoices } from "./ThemeChoices";
import { useTheme } from "./theme";
import styles from "./ThemeMenu.module.css";

export function ThemeMenu() {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const theme = useTheme();
  return (
    <>
      <button ref={button} type="button" className="quiet icon" aria-label="Theme" title="Theme (t)" popoverTarget={id}>
        {theme === "dark" ? <MoonIcon /> : <SunIcon />}
      </button>
      <div
        id={id}
        popover="auto"
        className={styles.menu}
        onBeforeToggle={(event) => {
          if (event.newState === "open" && button.current) placeBelow(event.currentTarget, button.current);
        }}
      >
        <ThemeChoices />
      </div>
    </>
  );
}
