/** Which masks and boxes are seen over the images of a card: a switch a class, the opacity of masks, the least scores of boxes. */
import { useQueries } from "@tanstack/react-query";
import { type ImageDocument, isLarge, isList, isWhole, type RecordDocument } from "../api/records";
import { own } from "../data/own";
import { isolated } from "../format/isolated";
import { formatValue } from "../format/number";
import { classColor } from "./class_palette";
import styles from "./MarkControls.module.css";
import { changeMarks, isShown, type Marks, markSets, scoreRanges } from "./marks";
import { largeDocumentQuery } from "./RecordView";
import { useMasks } from "./use_masks";

interface MarkControlsProps {
  /** Names the card the choices are for. */
  card: string;
  documents: readonly RecordDocument[];
  marks: Marks;
  isFullScreen: boolean;
}

const SCORE_STEPS = 100;

function imagesIn(document: RecordDocument): ImageDocument[] {
  if (isList(document)) return document.records.flatMap(imagesIn);
  return isWhole(document) && document.type === "image" ? [document] : [];
}

export function MarkControls({ card, documents, marks, isFullScreen }: MarkControlsProps) {
  const large = useQueries({ queries: documents.filter(isLarge).map((document) => largeDocumentQuery(document)) });
  const loaded = large.flatMap((query) => (query.data ? [query.data] : []));
  const images = [...documents, ...loaded].flatMap(imagesIn);
  const files = images.flatMap((image) => image.masks?.map((mask) => mask.file) ?? []);
  // Only what the images have decoded for themselves: most of a long list may never come onto the screen.
  const decoded = useMasks(files, false);
  const present = new Map(files.map((file, at) => [file.sha256, decoded[at]?.present]));
  const sets = markSets(images, (sha256) => present.get(sha256));
  if (sets.length === 0) return null;
  const scores = scoreRanges(images);
  const hasMasks = sets.some((set) => set.kind === "mask");

  return (
    <div className={styles.controls} data-roomy={isFullScreen}>
      {hasMasks && (
        <label>
          opacity
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            value={marks.opacity}
            aria-label="Opacity of masks"
            onChange={(event) => changeMarks(card, { opacity: Number(event.target.value) })}
          />
        </label>
      )}
      {scores.map(({ name, min, max }) => {
        const least = own(marks.scoreMin, name) ?? min;
        return (
          <label key={name}>
            {name} ≥ <span className={styles.number}>{formatValue(least, 2)}</span>
            <input
              type="range"
              min={min}
              max={max}
              step={(max - min) / SCORE_STEPS}
              value={least}
              aria-label={isolated`Minimum ${name}`}
              onChange={(event) =>
                changeMarks(card, { scoreMin: { ...marks.scoreMin, [name]: Number(event.target.value) } })
              }
            />
          </label>
        );
      })}
      {sets.map((set) => (
        <fieldset
          key={`${set.kind} ${set.name}`}
          aria-label={isolated`${set.kind === "mask" ? "Mask" : "Boxes"} ${set.name}`}
        >
          <span className={styles.set}>{set.name}</span>
          {set.classes.map((one) => (
            <label key={one.key}>
              <input
                type="checkbox"
                checked={isShown(marks, one)}
                onChange={(event) =>
                  changeMarks(card, { switched: { ...marks.switched, [one.key]: event.target.checked } })
                }
              />
              <span className={styles.swatch} data-kind={set.kind} style={{ color: classColor(one.id) }} />
              {one.name}
            </label>
          ))}
        </fieldset>
      ))}
    </div>
  );
}
