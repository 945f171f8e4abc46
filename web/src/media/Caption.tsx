/** The line under a record: what the run calls it, and facts about it. */
import { isolated } from "../format/isolated";
import styles from "./Caption.module.css";

interface CaptionProps {
  text: string | undefined;
  facts: readonly string[];
}

export function Caption({ text, facts }: CaptionProps) {
  const said = facts.join(" · ");
  return (
    <figcaption className={styles.caption} title={text ? isolated`${text} – ${said}` : said}>
      {text && <span className={styles.text}>{text}</span>}
      <span className={styles.facts}>{said}</span>
    </figcaption>
  );
}
