/** The menu of a chart: what can be done with its drawing, and behind that whatever its parent adds. */
import { useEffect, useState } from "react";
import { createPortal } from "react-dom";
import type { XAxis } from "../api/series";
import type { Frame } from "../chart/frame";
import type { ChartModel, YRange } from "../chart/model";
import { isolated } from "../format/isolated";
import { copyText } from "../ui/copy_text";
import { lazyPart } from "../ui/lazy_part";
import { Menu, type MenuEntry } from "../ui/Menu";
import type { ChangeView } from "../url/use_view";
import type { ExportFormat } from "./chart_export";
import styles from "./PanelMenu.module.css";
import type { Range } from "./zoom";

const ChartTable = lazyPart(() => import("./ChartTable"));
const RangeDialog = lazyPart(() => import("./RangeDialog"));

interface PanelMenuProps {
  id: string;
  title: string;
  label: string;
  axis: XAxis;
  /** What is drawn; null while nothing is. */
  painted: { frame: Frame; model: ChartModel } | null;
  caption: string;
  nameOf: (line: string) => string;
  isZoomed: boolean;
  zoom: (range: Range | null, isGesture: boolean) => void;
  changeView: ChangeView;
  isFullScreen?: boolean;
  yRange?: YRange;
  changeYRange?: (range: YRange) => void;
  extraItems?: readonly MenuEntry[];
}

const NOTICE_MS = 3000;
const FORMATS: readonly [ExportFormat, string][] = [
  ["png", "Download PNG"],
  ["svg", "Download SVG"],
  ["csv", "Download CSV"],
];

export function PanelMenu(props: PanelMenuProps) {
  const { id, title, label, axis, painted, caption, nameOf, isZoomed, zoom, changeView } = props;
  const { isFullScreen, extraItems = [] } = props;
  const [open, setOpen] = useState<"table" | "range" | null>(null);
  const [notice, setNotice] = useState("");

  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => setNotice(""), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [notice]);

  const save = (format: ExportFormat) => {
    if (!painted) return;
    import("./chart_export")
      .then(({ exportChart }) => exportChart({ ...painted, axis, title: label, caption, nameOf }, format))
      .catch((error: Error) => setNotice(`Not saved: ${error.message}`));
  };
  const copyLink = () => {
    const address = new URL(location.href);
    address.searchParams.set("panel", id);
    copyText(address.href).then(
      () => setNotice("Link copied"),
      (error: Error) => setNotice(`Not copied: ${error.message}`),
    );
  };

  const isDisabled = painted === null;
  const entries: MenuEntry[] = [
    ...(isFullScreen
      ? []
      : [{ kind: "action" as const, label: "Full screen", act: () => changeView({ panel: id }, "keep") }]),
    { kind: "action", label: "Set range…", act: () => setOpen("range"), isDisabled },
    { kind: "action", label: "Reset zoom", act: () => zoom(null, false), isDisabled: !isZoomed, keys: "0" },
    { kind: "separator" },
    { kind: "action", label: "Show as table", act: () => setOpen("table"), isDisabled },
    ...FORMATS.map(([format, words]) => ({
      kind: "action" as const,
      label: words,
      act: () => save(format),
      isDisabled,
    })),
    { kind: "action", label: "Copy link", act: copyLink },
    ...(extraItems.length > 0 ? [{ kind: "separator" as const }, ...extraItems] : []),
  ];
  const close = () => setOpen(null);
  return (
    <>
      <Menu label={isolated`More for ${label}`} entries={entries} />
      <span className={notice ? styles.notice : styles.none} role="status">
        {notice}
      </span>
      {open &&
        painted &&
        // Not within the card's header, whose rules are not those of a dialog.
        createPortal(
          open === "table" ? (
            <ChartTable title={title} model={painted.model} axis={axis} nameOf={nameOf} onClose={close} />
          ) : (
            <RangeDialog {...props} painted={painted} onClose={close} />
          ),
          document.body,
        )}
    </>
  );
}
