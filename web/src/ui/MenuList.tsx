/** An open menu: its items, and the menu of one of them beside it. */
import { Fragment, type KeyboardEvent, type RefObject, useLayoutEffect, useRef, useState } from "react";
import { CheckIcon, ChevronIcon } from "./icons";
import type { MenuChoice, MenuEntry } from "./Menu";
import styles from "./Menu.module.css";

interface MenuListProps {
  label: string;
  entries: readonly MenuEntry[];
  /** What the menu stands at. */
  anchor: RefObject<HTMLElement | null>;
  side: "below" | "beside";
  /** Closes the whole menu; `hasFocus` says whether the focus goes back to what opened it. */
  close: (hasFocus: boolean) => void;
  /** Goes back to the menu this one belongs to; undefined for the first. */
  back?: () => void;
}

const EDGE_PIXELS = 4;
// Letters typed within this time are one word.
const TYPING_MS = 600;

/** The items of a menu, not those of the menus within it. */
const itemsOf = (menu: HTMLElement): HTMLElement[] =>
  [...menu.querySelectorAll<HTMLElement>("[data-menu-item]:not([aria-disabled=true])")].filter(
    (item) => item.closest("[role=menu]") === menu,
  );

function place(menu: HTMLElement, anchor: HTMLElement, side: MenuListProps["side"]): void {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const beside = at.right + width > innerWidth - EDGE_PIXELS ? at.left - width : at.right;
  const left = side === "beside" ? beside : at.right - width;
  const below = at.bottom + height > innerHeight - EDGE_PIXELS ? at.top - height : at.bottom;
  const top = side === "beside" ? at.top : below;
  menu.style.left = `${Math.max(EDGE_PIXELS, Math.min(left, innerWidth - width - EDGE_PIXELS))}px`;
  menu.style.top = `${Math.max(EDGE_PIXELS, Math.min(top, innerHeight - height - EDGE_PIXELS))}px`;
}

export function MenuList({ label, entries, anchor, side, close, back }: MenuListProps) {
  const menu = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: "", at: -Infinity });
  const [openChoice, setOpenChoice] = useState<number | null>(null);

  useLayoutEffect(() => {
    const element = menu.current!;
    // Above all that floats, a dialog too.
    element.showPopover();
    place(element, anchor.current!, side);
    const items = itemsOf(element);
    (items.find((item) => item.getAttribute("aria-checked") === "true") ?? items[0])?.focus();
  }, [anchor, side]);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    // A key in the menu beside has been heard there.
    event.stopPropagation();
    const items = itemsOf(event.currentTarget);
    const now = items.indexOf(document.activeElement as HTMLElement);
    const go = (index: number) => items.at(index % items.length)?.focus();
    const { key } = event;
    if (key === "Tab") return close(true);
    if (key === "ArrowDown") go(now + 1);
    else if (key === "ArrowUp") go(now < 0 ? -1 : now - 1);
    else if (key === "Home") go(0);
    else if (key === "End") go(-1);
    else if (key === "Escape") (back ?? (() => close(true)))();
    else if (key === "ArrowLeft" && back) back();
    else if (key === "ArrowRight" && items[now]?.ariaHasPopup === "menu") items[now].click();
    else if (key.length === 1 && key !== " " && !event.ctrlKey && !event.metaKey)
      find(key, items, now, event.timeStamp);
    else return;
    event.preventDefault();
  };

  /** Goes to the next item that begins with what is being typed. */
  const find = (letter: string, items: HTMLElement[], now: number, timeMs: number) => {
    const { text, at } = typed.current;
    const word = (timeMs - at < TYPING_MS ? text : "") + letter.toLowerCase();
    typed.current = { text: word, at: timeMs };
    const first = word.length > 1 ? now : now + 1;
    const ordered = [...items.slice(first), ...items.slice(0, first)];
    ordered.find((item) => item.textContent?.toLowerCase().startsWith(word))?.focus();
  };

  const done = (act: () => void) => {
    close(true);
    act();
  };

  return (
    <div
      ref={menu}
      className={styles.menu}
      role="menu"
      aria-label={label}
      popover="auto"
      tabIndex={-1}
      onKeyDown={onKeyDown}
      // A press elsewhere closes it: the browser says so.
      onToggle={(event) => event.newState === "closed" && event.target === event.currentTarget && !back && close(false)}
    >
      {entries.map((entry, index) => (
        <Fragment key={index}>
          {entry.kind === "separator" ? (
            <div role="separator" className={styles.separator} />
          ) : entry.kind === "choice" ? (
            <ChoiceItem
              entry={entry}
              isOpen={openChoice === index}
              setOpen={(isOpen) => setOpenChoice(isOpen ? index : null)}
              close={close}
            />
          ) : entry.kind === "toggle" ? (
            <button
              type="button"
              role="menuitemcheckbox"
              aria-checked={entry.isOn}
              data-menu-item
              tabIndex={-1}
              onClick={() => done(entry.toggle)}
            >
              <span className={styles.check}>{entry.isOn && <CheckIcon />}</span>
              <span className={styles.label}>{entry.label}</span>
            </button>
          ) : (
            <button
              type="button"
              role="menuitem"
              aria-disabled={entry.isDisabled}
              data-menu-item
              tabIndex={-1}
              onClick={() => !entry.isDisabled && done(entry.act)}
            >
              <span className={styles.check} />
              <span className={styles.label}>{entry.label}</span>
              {entry.keys && <kbd className={styles.keys}>{entry.keys}</kbd>}
            </button>
          )}
        </Fragment>
      ))}
    </div>
  );
}

interface ChoiceItemProps {
  entry: MenuChoice;
  isOpen: boolean;
  setOpen: (isOpen: boolean) => void;
  close: (hasFocus: boolean) => void;
}

function ChoiceItem({ entry, isOpen, setOpen, close }: ChoiceItemProps) {
  const item = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button
        ref={item}
        type="button"
        role="menuitem"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        data-menu-item
        tabIndex={-1}
        onClick={() => setOpen(!isOpen)}
      >
        <span className={styles.check} />
        <span className={styles.label}>{entry.label}</span>
        <span className={styles.value}>{entry.options.find(({ value }) => value === entry.value)?.label}</span>
        <ChevronIcon />
      </button>
      {isOpen && (
        <OptionList
          entry={entry}
          anchor={item}
          close={close}
          back={() => {
            setOpen(false);
            item.current?.focus();
          }}
        />
      )}
    </>
  );
}

interface OptionListProps {
  entry: MenuChoice;
  anchor: RefObject<HTMLElement | null>;
  close: (hasFocus: boolean) => void;
  back: () => void;
}

/** The options of a choice: a menu in which one item is checked. */
function OptionList({ entry, anchor, close, back }: OptionListProps) {
  const entries = entry.options.map(({ value, label }) => ({
    kind: "toggle" as const,
    label,
    isOn: value === entry.value,
    toggle: () => entry.choose(value),
  }));
  return <MenuList label={entry.label} entries={entries} anchor={anchor} side="beside" close={close} back={back} />;
}
