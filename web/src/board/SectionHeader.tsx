/** The heading of a section: folds it, and has one slider for the steps of all its records. */
import { formatCount } from "../format/number";
import { ChevronIcon } from "../ui/icons";
import type { BoardProps } from "./Board";
import type { HeaderBlock } from "./blocks";
import styles from "./SectionHeader.module.css";
import { SectionSteps } from "./SectionSteps";

export function SectionHeader(props: BoardProps & { block: HeaderBlock; order: readonly string[] }) {
  const { block, view, changeView } = props;
  const { section, isClosed } = block;
  const toggle = () =>
    changeView({
      closed: isClosed ? view.closed.filter((name) => name !== section.name) : [...view.closed, section.name],
    });
  return (
    <div
      className={styles.header}
      style={{ paddingLeft: 16 * block.depth }}
      data-testid="section"
      data-section={section.name}
    >
      <h2>
        <button type="button" className="quiet" aria-expanded={!isClosed} title={section.name} onClick={toggle}>
          <span className={styles.chevron} data-open={!isClosed}>
            <ChevronIcon />
          </span>
          <span className={styles.name}>{block.title}</span>
          <span className={styles.count}>{formatCount(block.cardCount)}</span>
        </button>
      </h2>
      {!isClosed && <SectionSteps {...props} section={section} />}
    </div>
  );
}
