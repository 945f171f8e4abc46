/** A molecule, drawn in a frame of its own: its file is whatever somebody logged, and so is what a parser makes of it. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { fetchObjectText, type MoleculeDocument, wholeOf } from "../api/records";
import { FrameHost } from "../frame/FrameHost";
import { Caption } from "../media/Caption";
import type { RecordPanelProps } from "../media/panel_props";
import { formatBytes } from "../media/words";
import { Words } from "../media/Words";
import styles from "./MoleculePanel.module.css";

const CAPTION_HEIGHT = 20;

export default function MoleculePanel({ document, height, theme }: RecordPanelProps) {
  const molecule = wholeOf(document, "molecule");
  return molecule && <Molecule molecule={molecule} height={height} theme={theme} />;
}

interface MoleculeProps extends Pick<RecordPanelProps, "height" | "theme"> {
  molecule: MoleculeDocument;
}

function Molecule({ molecule, height, theme }: MoleculeProps) {
  const { file, file_type: fileType, caption } = molecule;
  const { data, error, refetch } = useQuery({
    queryKey: ["molecule", file.sha256],
    queryFn: ({ signal }) => fetchObjectText(file, signal),
    gcTime: 60_000,
  });
  const content = useMemo(() => ({ text: data, file_type: fileType }), [data, fileType]);
  const inner = height - CAPTION_HEIGHT;
  return (
    <figure className={styles.figure} data-testid="molecule">
      {data !== undefined && (
        <FrameHost
          name="molecule"
          title={caption ?? file.name ?? "Molecule"}
          content={content}
          theme={theme}
          height={inner}
        />
      )}
      {data === undefined && !error && <Words height={inner}>Loading …</Words>}
      {error && (
        <Words height={inner} isTrouble>
          {`Could not be read: ${error.message}. `}
          <button type="button" onClick={() => void refetch()}>
            Try again
          </button>
        </Words>
      )}
      <Caption text={caption} facts={[file.name ?? fileType, formatBytes(file.size_bytes)]} />
    </figure>
  );
}
