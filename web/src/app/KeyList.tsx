/** The keys that do something on the page as it stands, by what declares them, and those of parts that have the focus. */
import { Fragment } from "react";
import { hasVideos } from "../media/video_link";
import { KeyCaps } from "../ui/KeyCaps";
import { type KeyGroup } from "../ui/keys";
import { keyRegistry } from "../ui/use_keys";
import styles from "./KeyList.module.css";

// Parts hear these keys themselves while they have the focus.
const OF_THE_FOCUS: KeyGroup[] = [
  {
    group: "With the focus on a chart",
    keys: [
      { name: "← →", words: "move the cursor" },
      { name: "Enter", words: "mark the step under the cursor, for all charts and media" },
      { name: "+", words: "zoom in, as Ctrl and the wheel; − zooms out" },
      { name: "Shift ← →", words: "move along the x axis, as a drag with Shift" },
      { name: "0", words: "all of the x axis again, as a double click" },
      { name: "Backspace", words: "the zoom before this one" },
      { name: "p", words: "keep the values under the cursor on the screen" },
    ],
  },
  {
    group: "With the focus on the runs table",
    keys: [
      { name: "Space", words: "select the run; with Shift and arrows, several" },
      { name: "F2", words: "change the name, the notes or the group in place" },
      { name: "h", words: "show or hide the run in the charts" },
      { name: "p", words: "pin the run" },
    ],
  },
  {
    group: "With the focus on a list or a search",
    keys: [
      { name: "↑ ↓", words: "choose" },
      { name: "Enter", words: "open; in a console's search the next line found" },
      { name: "Esc", words: "close what is open" },
    ],
  },
];

const OF_VIDEOS: KeyGroup = {
  group: "With the focus on a video",
  keys: [
    { name: ",", words: "the frame before" },
    { name: ".", words: "the next frame" },
  ],
};

export function KeyList() {
  const ofTheFocus = hasVideos() ? [...OF_THE_FOCUS, OF_VIDEOS] : OF_THE_FOCUS;
  return (
    <dl className={styles.list}>
      {[...keyRegistry.list(), ...ofTheFocus].map(({ group, keys }) => (
        <Fragment key={group}>
          <dt className={styles.group}>{group}</dt>
          {keys.map(({ name, words }) => (
            <dd key={name} className={styles.key}>
              <span className={styles.caps}>
                <KeyCaps name={name} />
              </span>
              {words}
            </dd>
          ))}
        </Fragment>
      ))}
    </dl>
  );
}
