/**
 * A button that opens a menu: the menu pattern of ARIA. Arrow keys move, letters find, Escape and Tab close, and the focus goes back
 * to the button.
 */
import { type ReactNode, useCallback, useRef, useState } from "react";
import { MoreIcon } from "./icons";
import { MenuList } from "./MenuList";

export interface MenuAction {
  kind: "action";
  label: string;
  act: () => void;
  isDisabled?: boolean;
  /** The key that does the same. */
  keys?: string;
}

/** Something that is on or off. */
export interface MenuToggle {
  kind: "toggle";
  label: string;
  isOn: boolean;
  toggle: () => void;
}

/** One of several, in a menu of its own. */
export interface MenuChoice {
  kind: "choice";
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  choose: (value: string) => void;
}

export type MenuEntry = MenuAction | MenuToggle | MenuChoice | { kind: "separator" };

export interface MenuProps {
  /** What the button is called. */
  label: string;
  entries: readonly MenuEntry[];
  /** What the button shows; three dots where it is left out. */
  children?: ReactNode;
  className?: string;
}

export function Menu({ label, entries, children, className = "quiet icon" }: MenuProps) {
  const trigger = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = useCallback((hasFocus: boolean) => {
    setOpen(false);
    if (hasFocus) trigger.current?.focus();
  }, []);
  return (
    <>
      <button
        ref={trigger}
        type="button"
        className={className}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        // Said only of an open menu: a closed one is no part of the page that could be unfolded.
        aria-expanded={isOpen || undefined}
        onClick={() => setOpen((before) => !before)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
          event.preventDefault();
          setOpen(true);
        }}
      >
        {children ?? <MoreIcon />}
      </button>
      {isOpen && <MenuList label={label} entries={entries} anchor={trigger} side="below" close={close} />}
    </>
  );
}
