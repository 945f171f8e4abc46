/** Two texts over the whole window, line by line. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { fetchComparison } from "../api/comparison";
import { isolated } from "../format/isolated";
import { plural } from "../format/number";
import { CardDialog } from "../panel/CardDialog";
import { VirtualRows } from "../panels/VirtualRows";
import styles from "./DiffDialog.module.css";
import { type DiffLine, linesOf, patchLines } from "./diff_lines";

const LINE_HEIGHT = 20;
const SIGNS: Record<DiffLine["kind"], string> = { same: " ", removed: "−", added: "+", place: "" };

export interface Side {
  run: string;
  name: string;
  text: string;
}

interface DiffDialogProps {
  project: string;
  title: string;
  left: Side;
  right: Side;
  /** The file that is compared; null where the texts of the sides are. */
  path: string | null;
  close: () => void;
}

export default function DiffDialog({ project, title, left, right, path, close }: DiffDialogProps) {
  const query = useQuery({
    queryKey: ["comparison", project, left.run, right.run],
    queryFn: ({ signal }) => fetchComparison(project, left.run, right.run, signal),
    enabled: path !== null,
    // A run that goes on may change its files.
    staleTime: 0,
  });
  const found = query.data?.files.find((file) => file.path === path);
  const lines = useMemo(() => {
    if (path === null) return linesOf(left.text, right.text);
    return found?.diff ? patchLines(found.diff) : null;
  }, [path, found, left.text, right.text]);
  return (
    <CardDialog label={isolated`Difference in ${title}`} onClose={close}>
      <div className={styles.diff}>
        <header>
          <h2>{title}</h2>
          <p>
            <b data-kind="removed">
              − <bdi>{left.name}</bdi>
            </b>{" "}
            <b data-kind="added">
              + <bdi>{right.name}</bdi>
            </b>
            {lines && <span>{countWords(lines)}</span>}
          </p>
        </header>
        {lines ? (
          <VirtualRows
            label={isolated`Lines of ${title}`}
            count={lines.length}
            rowHeight={LINE_HEIGHT}
            row={(index) => (
              <div className={styles.line} data-kind={lines[index].kind}>
                <span>{SIGNS[lines[index].kind]}</span>
                <span title={lines[index].text}>{lines[index].text}</span>
              </div>
            )}
          />
        ) : (
          <p className={styles.words} role="status">
            {nothingWords()}
          </p>
        )}
      </div>
    </CardDialog>
  );

  function nothingWords(): string {
    if (path === null) return "These texts are too different to be compared line by line.";
    if (query.error) return `The files could not be compared: ${query.error.message}.`;
    if (!query.data) return "Comparing …";
    if (!found) return "The file is the same in both runs.";
    return "This file is no text, or too large to be compared.";
  }
}

function countWords(lines: readonly DiffLine[]): string {
  const count = (kind: DiffLine["kind"]) => lines.filter((line) => line.kind === kind).length;
  return `${plural(count("removed"), "line")} removed, ${count("added")} added`;
}
