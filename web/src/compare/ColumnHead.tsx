/** The head of a run's column: its name, and what can be done with it. */
import { isolate, isolated } from "../format/isolated";
import { CrossIcon } from "../ui/icons";
import { Link } from "../ui/Link";
import styles from "./Compare.module.css";

interface ColumnHeadProps {
  name: string;
  href: string;
  isBase: boolean;
  makeBase: () => void;
  remove: () => void;
}

export function ColumnHead({ name, href, isBase, makeBase, remove }: ColumnHeadProps) {
  return (
    <>
      <Link href={href} title={isolate(name)}>
        {name}
      </Link>
      <span className={styles.space} />
      {isBase ? (
        <span className={styles.base} title="The others are compared with this run">
          base
        </span>
      ) : (
        <button
          type="button"
          className={`quiet ${styles.makeBase}`}
          aria-label={isolated`Make base: ${name}`}
          title="Compare the others with this run"
          onClick={makeBase}
        >
          <span>make base</span>
        </button>
      )}
      <button
        type="button"
        className="quiet icon"
        aria-label={isolated`Remove ${name}`}
        title="Remove"
        onClick={remove}
      >
        <CrossIcon />
      </button>
    </>
  );
}
