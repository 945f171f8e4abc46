/** The saved views of a project: which one is open, keeping what is seen under a name, and going back in its changes. */
import { useId, useRef, useState } from "react";
import { isolated } from "../format/isolated";
import type { LayoutHandle } from "../layout/use_layout";
import { useViews } from "../layout/use_layout";
import { CrossIcon, RedoIcon, ReturnIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import { Ago } from "../ui/Moment";
import { projectPath } from "../url/route";
import styles from "./ViewMenu.module.css";

interface ViewMenuProps {
  project: string;
  /** The id of the open view. */
  open: string | null;
  layout: LayoutHandle;
}

export function ViewMenu({ project, open, layout }: ViewMenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [isShown, setShown] = useState(false);
  const words = layout.name || (open === null ? "Views" : "View without a name");
  return (
    <span className={styles.menu}>
      <button
        ref={button}
        type="button"
        className={`quiet ${styles.name}`}
        popoverTarget={id}
        title={layout.isChanged ? "What is seen differs from what was saved under this name" : "Saved views"}
      >
        {words}
        {layout.isChanged && <span aria-label="changed"> •</span>} ▾
      </button>
      <button
        type="button"
        className="quiet icon"
        aria-label="Undo the last change of the view"
        title="Undo (Ctrl Z)"
        disabled={!layout.undo}
        onClick={() => layout.undo?.()}
      >
        <ReturnIcon />
      </button>
      <button
        type="button"
        className="quiet icon"
        aria-label="Redo the change that was undone"
        title="Redo (Ctrl Shift Z)"
        disabled={!layout.redo}
        onClick={() => layout.redo?.()}
      >
        <RedoIcon />
      </button>
      <div
        id={id}
        popover="auto"
        className={styles.popover}
        role="group"
        aria-label="Views"
        onBeforeToggle={(event) => {
          const isOpening = event.newState === "open";
          setShown(isOpening);
          const box = button.current?.getBoundingClientRect();
          if (!isOpening || !box) return;
          event.currentTarget.style.left = `${Math.max(8, Math.min(box.left, innerWidth - 340))}px`;
          event.currentTarget.style.top = `${box.bottom + 4}px`;
        }}
      >
        {isShown && <Views key={open ?? ""} project={project} open={open} layout={layout} />}
      </div>
    </span>
  );
}

function Views({ project, open, layout }: ViewMenuProps) {
  const { data: views, error } = useViews(project);
  const [name, setName] = useState(layout.name);
  const isNamed = layout.name !== "";
  return (
    <>
      <form
        className={styles.save}
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) layout.save(name.trim(), false);
        }}
      >
        <input
          type="text"
          aria-label="Name of the view"
          placeholder="name of the view"
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" disabled={!name.trim()}>
          Save
        </button>
        {isNamed && (
          <button type="button" disabled={!name.trim()} onClick={() => layout.save(name.trim(), true)}>
            Save as new
          </button>
        )}
      </form>
      <ul className={styles.list}>
        <li>
          <Link href={projectPath(project)} aria-current={open === null ? "true" : undefined}>
            All charts
          </Link>
        </li>
        {views?.map((view) => (
          <li key={view.id}>
            <Link
              href={`${projectPath(project)}?view=${encodeURIComponent(view.id)}`}
              aria-current={open === view.id ? "true" : undefined}
            >
              {view.name || "without a name"}
            </Link>
            <span className={styles.time}>
              <Ago unixMs={view.update_time_unix_ms} />
            </span>
            {open === view.id && (
              <button
                type="button"
                className="quiet icon"
                aria-label={isolated`Delete the view ${view.name || "without a name"}`}
                onClick={layout.remove}
              >
                <CrossIcon />
              </button>
            )}
          </li>
        ))}
      </ul>
      {views?.length === 0 && (
        <p className={styles.note}>
          No view yet. What you add, move or hide is kept in one, and a name keeps it for good.
        </p>
      )}
      {error && <p className={styles.note}>{`The views cannot be read: ${error.message}.`}</p>}
    </>
  );
}
