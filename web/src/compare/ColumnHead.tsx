/** The head of a run's column: its name, and what can be done with it. */
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
      <Link href={href} title={name}>
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
          aria-label={`Make base: ${name}`}
          title="Compare the others with this run"
          onClick={makeBase}
        >
          <span>make base</span>
        </button>
      )}
      <button type="button" className="quiet icon" aria-label={`Remove ${name}`} title="Remove" onClick={remove}>
        <CrossIcon />
      </button>
    </>
  );
}
