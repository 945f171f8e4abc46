/** What presses and keys in the table of runs do. */
import { useCallback, useState } from "react";
import { navigate } from "wouter/use-browser-location";
import { queryRuns, type RunGroup } from "../api/run_sets";
import { cellText, tsvLine } from "../runs/cell_text";
import { columnLabel, EDITABLE, movedColumn, NAME_COLUMN, nextOrder } from "../runs/column_names";
import { foldName, type RunLayout } from "../runs/group_rows";
import { inParts, questionOf, type RunSetQuestion } from "../runs/question";
import { askedOf, valueOf } from "../runs/run_value";
import type { RunActions } from "../runs/use_run_actions";
import type { RunSet } from "../runs/use_run_set";
import type { Selection } from "../runs/use_selection";
import { toggledRun } from "../runs/visibility";
import { widthOf } from "../runs/widths";
import { copyText } from "../ui/copy_text";
import { showNotice } from "../ui/notices";
import { runPath } from "../url/route";
import type { ChangeView } from "../url/use_view";
import type { ViewState } from "../url/view_state";
import { runAt } from "./use_anchor";
import type { GridKeys } from "./use_grid_keys";

const NOTICE_SECONDS = 4;

interface GridActionsProps {
  project: string;
  view: ViewState;
  changeView: ChangeView;
  columns: readonly string[];
  set: RunSet;
  layout: RunLayout;
  selection: Selection;
  actions: RunActions;
  question: RunSetQuestion;
}

/** The ids of the runs in a group, with those of the groups below it. */
export function idsOfGroup(groups: readonly RunGroup[], group: RunGroup): string[] {
  const end = group.first + group.count;
  return groups
    .filter((one) => one.first >= group.first && one.first < end && one.level >= group.level)
    .flatMap((one) => one.run_ids);
}

export function useGridActions(props: GridActionsProps) {
  const { project, view, changeView, columns, set, layout, selection, actions, question } = props;
  const [editing, setEditing] = useState<{ run: string; column: string } | null>(null);
  const [drawnWidth, setDrawnWidth] = useState<{ column: string; width: number } | null>(null);

  const setColumns = (next: readonly string[] | null) => changeView({ columns: next }, "keep");
  const onSort = (column: string, isAdded: boolean) =>
    changeView({ sort: nextOrder(view.sort, column, isAdded) }, "keep");
  const onWidth = (column: string, width: number, isLast: boolean) => {
    setDrawnWidth(isLast ? null : { column, width });
    if (isLast) changeView({ widths: { ...view.widths, [column]: width } });
  };
  const toggleFold = (group: RunGroup) => {
    const name = foldName(group.values);
    const isFolded = view.closed.includes(name);
    changeView({ closed: isFolded ? view.closed.filter((one) => one !== name) : [...view.closed, name] });
  };
  const toggle = (act: string, run: string) => {
    if (act === "eye") changeView(toggledRun(view, run));
    if (act !== "pin") return;
    const isPinned = view.pinned.includes(run);
    changeView({ pinned: isPinned ? view.pinned.filter((one) => one !== run) : [...view.pinned, run] }, "keep");
  };
  const select = (position: number, isRange: boolean) => {
    const row = layout.row(position);
    if (row.kind === "group") return selection.toggleAll(idsOfGroup(set.groups, row.group));
    if (isRange) return void selection.extend(row.index);
    const run = runAt(set.known, layout, position);
    if (run !== null) selection.toggle(run, row.index);
  };
  const onAct = (act: string, position: number, run: string | null, isRange: boolean) => {
    if (position < 0) {
      if (act === "select" && run) selection.toggle(run, null);
      else if (run) toggle(act, run);
      return;
    }
    const row = layout.row(position);
    if (act === "fold" && row.kind === "group") toggleFold(row.group);
    else if (act === "select") select(position, isRange);
    else if (run) toggle(act, run);
  };

  const copy = async (text: Promise<string>, words: string) => {
    try {
      await copyText(await text);
      showNotice({ words, seconds: NOTICE_SECONDS });
    } catch (error) {
      showNotice({ words: `Not copied: ${(error as Error).message}`, isBad: true, seconds: NOTICE_SECONDS });
    }
  };
  const selectedRows = async () => {
    const shown = [NAME_COLUMN, ...columns];
    const lines: string[] = [];
    for (const part of inParts([...selection.ids])) {
      const answer = await queryRuns(project, { ...questionOf(part, askedOf(columns)), sort: question.sort });
      answer.run_ids.forEach((id, index) => {
        const values = Object.fromEntries(answer.columns.map(({ name, values: all }) => [name, all[index]]));
        const row = { id, run: answer.runs[index] ?? null, values };
        lines.push(tsvLine(shown.map((column) => cellText(column, valueOf(row, column)))));
      });
    }
    return [tsvLine(shown.map(columnLabel)), ...lines].join("\n");
  };
  const copySelected = () =>
    void copy(selectedRows(), `${selection.ids.size} ${selection.ids.size === 1 ? "row" : "rows"} copied`);
  const cellAt = (position: number, column: string): string => {
    const row = layout.row(position);
    if (row.kind === "group") {
      const found = row.group.aggregates.find((one) => one.column === column);
      return found
        ? String(found.mean)
        : cellText(view.groupBy[row.group.level] ?? "", row.group.values.at(-1) ?? null);
    }
    const held = set.row(row.index);
    return held ? cellText(column, valueOf(held, column)) : "";
  };
  const startEdit = (run: string, column: string) => {
    if (EDITABLE.includes(column)) setEditing({ run, column });
  };
  const onEdited = useCallback(
    (column: string, value: string | null) => {
      setEditing(null);
      if (editing && value !== null) void actions.edit({ run_ids: [editing.run], [column]: value.trim() });
    },
    [editing, actions],
  );

  const keys: GridKeys = {
    onSort,
    onOpen: (position) => {
      const row = layout.row(position);
      if (row.kind === "group") return toggleFold(row.group);
      const run = runAt(set.known, layout, position);
      if (run !== null) navigate(runPath(project, run));
    },
    onSelect: select,
    onSelectAll: () => void selection.selectMatching(),
    onClear: () => {
      if (selection.ids.size === 0) return false;
      selection.clear();
      return true;
    },
    onCopy: (position, column) => {
      if (selection.ids.size > 0) copySelected();
      else void copy(Promise.resolve(cellAt(position, column)), "Copied");
    },
    onToggle: (act, position) => {
      const run = runAt(set.known, layout, position);
      if (run !== null) toggle(act, run);
    },
    onEditAt: (position, column) => {
      const run = runAt(set.known, layout, position);
      if (run !== null) startEdit(run, column);
    },
    onEdit: startEdit,
    onMoveBy: (column, by) => setColumns(movedColumn(columns, column, columns.indexOf(column) + by)),
    onWidthBy: (column, pixels) => onWidth(column, widthOf(column, view.widths) + pixels, true),
    onFold: (position) => {
      const row = layout.row(position);
      if (row.kind === "group") toggleFold(row.group);
    },
  };
  const widths = drawnWidth ? { ...view.widths, [drawnWidth.column]: drawnWidth.width } : view.widths;
  return {
    editing,
    onEdited,
    onAct,
    onSort,
    onWidth,
    onMove: (column: string, to: number) => setColumns(movedColumn(columns, column, to)),
    setColumns,
    copySelected,
    keys,
    widths,
  };
}
