/** A key, or several in turn, as they stand on the keyboard. */
import { keysOf } from "./keys";
import styles from "./KeyCaps.module.css";
import { isApple } from "./use_keys";

export function KeyCaps({ name }: { name: string }) {
  return (
    <span className={styles.keys}>
      {keysOf(name, isApple).map((key, index) => (
        <kbd key={index}>{key}</kbd>
      ))}
    </span>
  );
}
