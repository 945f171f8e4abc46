/** What a person chooses for all records of a card that is shown full screen: which of them, and how they are looked at. */
import type { RecordKind } from "../api/records";
import { Choice } from "../app/Choice";
import type { ChangeView } from "../url/use_view";
import type { MediaShown, ViewState } from "../url/view_state";
import { ImageTools } from "./ImageTools";
import styles from "./MediaTools.module.css";

const SHOWN: readonly { value: MediaShown; words: string; kinds: readonly RecordKind[] }[] = [
  { value: "step", words: "one step", kinds: ["image", "video"] },
  { value: "steps", words: "all steps", kinds: ["image", "video"] },
  { value: "difference", words: "difference", kinds: ["image"] },
];

/** What the address asks for, as far as there is that for the kind. */
export const shownOf = (kind: RecordKind, { mediaShown }: ViewState): MediaShown =>
  SHOWN.some(({ value, kinds }) => value === mediaShown && kinds.includes(kind)) ? mediaShown : "step";

interface MediaToolsProps {
  /** Names the card. */
  card: string;
  kind: RecordKind;
  view: ViewState;
  changeView: ChangeView;
}

export function MediaTools({ card, kind, view, changeView }: MediaToolsProps) {
  const shown = shownOf(kind, view);
  const options = SHOWN.filter(({ kinds }) => kinds.includes(kind));
  if (options.length === 0) return null;
  return (
    <div className={styles.tools}>
      <Choice
        label="Shown"
        options={options}
        chosen={shown}
        choose={(mediaShown) => changeView({ mediaShown }, "keep")}
      />
      {kind === "image" && shown !== "steps" && <ImageTools card={card} />}
    </div>
  );
}
