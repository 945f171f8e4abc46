/** A small mark that says whether what was logged is in its bucket; it opens to all that is known of the upload. */
import { type RefObject, useId, useRef } from "react";
import type { Upload } from "../api/types";
import { useUpload } from "../data/queries";
import { ArrowUpIcon, CheckIcon, CrossIcon, WarningIcon } from "../ui/icons";
import styles from "./UploadMark.module.css";
import { uploadFacts, type UploadTone, uploadTone, uploadWords } from "./upload_words";

const ICONS: Record<UploadTone, () => React.JSX.Element> = {
  settled: CheckIcon,
  sending: ArrowUpIcon,
  waiting: WarningIcon,
  stopped: CrossIcon,
};
const WIDTH = 400;
const MARGIN = 8;

export function UploadMark() {
  const { data: upload, isError } = useUpload();
  const tone = upload && uploadTone(upload);
  // Nothing while it is not known and where nothing is uploaded: then there is nothing to watch.
  if (!upload || !tone) return null;
  return <Mark upload={upload} tone={tone} isStale={isError} />;
}

function Mark({ upload, tone, isStale }: { upload: Upload; tone: UploadTone; isStale: boolean }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const Icon = ICONS[tone];
  const words = uploadWords(upload, tone);
  return (
    <>
      <button
        ref={button}
        type="button"
        className={`quiet ${styles.mark}`}
        data-testid="upload"
        data-tone={isStale ? "stale" : tone}
        popoverTarget={id}
      >
        {!isStale && <Icon />}
        <span className={styles.words}>{isStale ? "upload not known" : words}</span>
      </button>
      {/* Only what a person should hear of is said aloud, and once. */}
      <span className="visuallyHidden" role="status">
        {tone === "waiting" && (upload.settings.url ? "The upload waits for its bucket." : words)}
        {tone === "stopped" && "The upload has stopped."}
      </span>
      <div
        id={id}
        popover="auto"
        className={styles.details}
        role="group"
        aria-label="Upload"
        onBeforeToggle={(event) => {
          if (event.newState === "open") place(event.currentTarget, button);
        }}
      >
        <dl>
          {uploadFacts(upload).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {upload.status.sentence && (
          <p className={styles.sentence} data-tone={tone}>
            {upload.status.sentence}
          </p>
        )}
      </div>
    </>
  );
}

/** Puts the details below the mark, within the window. */
function place(details: HTMLElement, button: RefObject<HTMLButtonElement | null>): void {
  const box = button.current?.getBoundingClientRect();
  if (!box) return;
  const room = document.documentElement.clientWidth;
  const width = Math.min(WIDTH, room - 2 * MARGIN);
  details.style.width = `${width}px`;
  details.style.left = `${Math.max(MARGIN, Math.min(box.right, room - MARGIN) - width)}px`;
  details.style.top = `${box.bottom + window.scrollY + 4}px`;
}
