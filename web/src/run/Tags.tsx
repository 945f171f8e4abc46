/** The tags of a run, changed in place. */
import { type KeyboardEvent, useState } from "react";
import { isolated } from "../format/isolated";
import { CrossIcon } from "../ui/icons";
import styles from "./Tags.module.css";
import type { RunChange } from "./run_change";

interface TagsProps {
  tags: readonly string[];
  edit: (change: RunChange) => void;
}

export function Tags({ tags, edit }: TagsProps) {
  const [text, setText] = useState("");
  const add = () => {
    const added = text
      .split(",")
      .map((tag) => tag.trim())
      .filter((tag) => tag !== "" && !tags.includes(tag));
    setText("");
    if (added.length > 0) edit({ add_tags: [...new Set(added)] });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      add();
    } else if (event.key === "Escape") setText("");
    else if (event.key === "Backspace" && text === "" && tags.length > 0)
      edit({ remove_tags: [tags[tags.length - 1]] });
  };
  return (
    <span className={styles.tags}>
      {tags.map((tag) => (
        <span key={tag} className={styles.tag}>
          {tag}
          <button
            type="button"
            className="quiet"
            aria-label={isolated`Remove the tag ${tag}`}
            onClick={() => edit({ remove_tags: [tag] })}
          >
            <CrossIcon />
          </button>
        </span>
      ))}
      <input
        type="text"
        aria-label="Add a tag"
        placeholder="Add a tag"
        title="Enter adds it; commas part several"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={add}
      />
    </span>
  );
}
