/** Chooses which kind of panel a section gets. */
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { isolated } from "../format/isolated";
import { addCard } from "../layout/changes";
import { type LayoutHandle, newId } from "../layout/use_layout";
import { PANEL_KINDS } from "../panels/kinds";
import { useColumns } from "../runs/use_columns";
import { usePreload } from "../ui/lazy_part";
import styles from "./EditDialog.module.css";
import { EMPTY_LINES, LINES_KIND } from "./line_config";

interface AddDialogProps {
  project: string;
  section: string;
  layout: LayoutHandle;
  metricNames: readonly string[];
  /** Called with the new card, or with nothing. */
  close: (id: string | null) => void;
}

const COLUMNS_MAX = 2000;
const EDITORS = PANEL_KINDS.map((kind) => kind.Editor);

export function AddDialog({ project, section, layout, metricNames, close }: AddDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  // What is chosen is edited next: its fields stand there at once, and nothing moves under the pointer.
  usePreload(EDITORS, 0);
  const question = { search: "", varying: false, filter: "", offset: 0, limit: COLUMNS_MAX };
  const { data, isPending } = useColumns(project, question);
  const columnNames = useMemo(() => data?.columns.map((column) => column.name) ?? [], [data]);
  const kinds = [
    {
      kind: LINES_KIND,
      title: "Lines",
      about: "Several metrics in one chart, all that a pattern finds, or arithmetic over them.",
      initial: () => ({ ...EMPTY_LINES, metrics: metricNames.slice(0, 1) }),
    },
    ...PANEL_KINDS,
  ];
  // A panel begins with what the project has: one that is chosen before that is known waits the moment until it is.
  const [chosen, setChosen] = useState<string | null>(null);
  const addChosen = useEffectEvent(() => {
    const wanted = kinds.find(({ kind }) => kind === chosen);
    if (!wanted) return;
    const id = newId();
    const config: unknown = wanted.initial(metricNames, columnNames);
    layout.change(addCard({ id, section, kind: wanted.kind, config }));
    close(id);
  });
  useEffect(() => {
    if (chosen !== null && !isPending) addChosen();
  }, [chosen, isPending]);
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-label={isolated`Add a panel to ${section}`}
      onClose={() => close(null)}
    >
      <h2>Add a panel to {section}</h2>
      <ul className={styles.kinds}>
        {kinds.map(({ kind, title, about }) => (
          <li key={kind}>
            <button type="button" aria-busy={kind === chosen} onClick={() => setChosen(kind)}>
              <b>{title}</b>
              <span>{about}</span>
            </button>
          </li>
        ))}
      </ul>
      <form method="dialog" className={styles.end}>
        <button type="submit">Cancel</button>
      </form>
    </dialog>
  );
}
