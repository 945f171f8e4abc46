/** The heading of a section: folds it, has one slider for the steps of all its records, and a menu for its layout. */
import { isolated } from "../format/isolated";
import { addSection, changeSection, moveSection, removeSection, setSectionHeight } from "../layout/changes";
import type { LayoutHandle } from "../layout/use_layout";
import { formatCount } from "../format/number";
import { ChevronIcon } from "../ui/icons";
import { Menu, type MenuEntry } from "../ui/Menu";
import type { BoardProps } from "./Board";
import { CARD_HEIGHT, type HeaderBlock } from "./blocks";
import type { BoardSection } from "./cards";
import styles from "./SectionHeader.module.css";
import { SectionSteps } from "./SectionSteps";

interface SectionHeaderProps extends BoardProps {
  block: HeaderBlock;
  /** The names of all sections, as they stand. */
  order: readonly string[];
}

export function SectionHeader(props: SectionHeaderProps) {
  const { block, view, changeView, layout, add, order } = props;
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
      {layout && add && !block.isBranch && (
        <Menu label={isolated`Section ${section.name}`} entries={entriesOf(section, order, layout, add)} />
      )}
    </div>
  );
}

const COLUMNS = [1, 2, 3, 4, 6];
const HEIGHTS = [180, CARD_HEIGHT, 320, 480];
const AUTO = "auto";

function entriesOf(
  section: BoardSection,
  order: readonly string[],
  layout: LayoutHandle,
  add: (section: string) => void,
): MenuEntry[] {
  const { name } = section;
  const at = order.indexOf(name);
  return [
    { kind: "action", label: "Add a panel…", act: () => add(name) },
    { kind: "action", label: "Add a section above", act: () => layout.change(addSection(freeName(order))) },
    { kind: "separator" },
    {
      kind: "choice",
      label: "Columns",
      value: section.columns === undefined ? AUTO : String(section.columns),
      options: [
        { value: AUTO, label: "as many as fit" },
        ...COLUMNS.map((count) => ({ value: String(count), label: String(count) })),
      ],
      choose: (value) => layout.change(changeSection(name, { columns: value === AUTO ? undefined : Number(value) })),
    },
    {
      kind: "choice",
      label: "Height of charts",
      value: String(section.height ?? CARD_HEIGHT),
      options: [...new Set([...HEIGHTS, section.height ?? CARD_HEIGHT])]
        .sort((a, b) => a - b)
        .map((height) => ({ value: String(height), label: `${height} px` })),
      choose: (value) => layout.change(setSectionHeight(name, Number(value))),
    },
    { kind: "separator" },
    {
      kind: "action",
      label: "Move up",
      isDisabled: at <= 0,
      act: () => layout.change(moveSection(name, -1, order)),
    },
    {
      kind: "action",
      label: "Move down",
      isDisabled: at === order.length - 1,
      act: () => layout.change(moveSection(name, 1, order)),
    },
    ...(section.isAdded
      ? [
          { kind: "separator" as const },
          { kind: "action" as const, label: "Remove the section", act: () => layout.change(removeSection(name)) },
        ]
      : []),
  ];
}

/** A name that no section has yet. */
function freeName(order: readonly string[]): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? "My panels" : `My panels ${count}`;
    if (!order.includes(name)) return name;
  }
}
