/** Edits one card: its title, and what it shows. A change is seen at once, and undone as any other. */
import { useEffect, useMemo, useRef } from "react";
import { own } from "../data/own";
import { isolated } from "../format/isolated";
import { changeCard, changeConfig } from "../layout/changes";
import type { LayoutHandle } from "../layout/use_layout";
import { kindNamed } from "../panels/kinds";
import { useColumns } from "../runs/use_columns";
import type { Card } from "./cards";
import styles from "./EditDialog.module.css";
import { EMPTY_LINES, LINES_KIND, readLines } from "./line_config";
import { Field, LinesFields, SettingsFields } from "./LinesEditor";

interface EditDialogProps {
  project: string;
  card: Card;
  layout: LayoutHandle;
  metricNames: readonly string[];
  close: () => void;
}

const COLUMNS_MAX = 2000;

export function EditDialog({ project, card, layout, metricNames, close }: EditDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const ownTitle = own(layout.layout.cards, card.id)?.title ?? "";
  return (
    <dialog ref={dialog} className={styles.dialog} aria-label={isolated`Edit ${card.title}`} onClose={close}>
      <h2>{card.title}</h2>
      <div className={styles.fields}>
        <Field label="title">
          <input
            type="text"
            aria-label="Title"
            placeholder={card.title}
            maxLength={200}
            value={ownTitle}
            onChange={(event) =>
              layout.change(changeCard(card.id, { title: event.target.value || undefined }), `title:${card.id}`)
            }
          />
        </Field>
        <Fields project={project} card={card} layout={layout} metricNames={metricNames} />
      </div>
      <form method="dialog" className={styles.end}>
        <button type="submit">Done</button>
      </form>
    </dialog>
  );
}

function Fields({ project, card, layout, metricNames }: Omit<EditDialogProps, "close">) {
  if (card.what === "media") return null;
  if (card.what === "line") {
    return (
      <SettingsFields
        settings={card.settings ?? {}}
        change={(settings) => layout.change(changeCard(card.id, { settings }), `edit:${card.id}`)}
        metricNames={metricNames}
      />
    );
  }
  const change = (config: unknown) => layout.change(changeConfig(card.id, config), `edit:${card.id}`);
  if (card.added.kind === LINES_KIND) {
    return (
      <LinesFields config={readLines(card.added.config) ?? EMPTY_LINES} change={change} metricNames={metricNames} />
    );
  }
  return <KindFields project={project} card={card} change={change} metricNames={metricNames} />;
}

interface KindFieldsProps {
  project: string;
  card: Extract<Card, { what: "panel" }>;
  change: (config: unknown) => void;
  metricNames: readonly string[];
}

function KindFields({ project, card, change, metricNames }: KindFieldsProps) {
  const kind = kindNamed(card.added.kind);
  const question = { search: "", varying: false, filter: "", offset: 0, limit: COLUMNS_MAX };
  const { data } = useColumns(project, question);
  const columnNames = useMemo(() => data?.columns.map((column) => column.name) ?? [], [data]);
  if (!kind) return <p className={styles.about}>{`This trackd has no panels of the kind “${card.added.kind}”.`}</p>;
  const config: unknown = kind.parse(card.added.config) ?? kind.initial(metricNames, columnNames);
  const { Editor } = kind;
  return (
    <>
      <p className={styles.about}>{kind.about}</p>
      <Editor config={config} change={change} metricNames={metricNames} columnNames={columnNames} />
    </>
  );
}
