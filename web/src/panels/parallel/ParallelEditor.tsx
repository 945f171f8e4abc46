/** The fields of parallel coordinates: the axes, from left to right. */
import { isolated } from "../../format/isolated";
import { columnTitle } from "../columns";
import { CheckField, ChoiceField, Fields, NameField } from "../fields";
import type { EditorProps } from "../kind";
import { AXES_MAX, type AxisConfig, moveAxis, newAxis, type ParallelConfig } from "./config";

export default function ParallelEditor({ config, change, columnNames }: EditorProps<ParallelConfig>) {
  const { axes } = config;
  const setAxes = (next: readonly AxisConfig[]) => change({ ...config, axes: next });
  const setAxis = (index: number, part: Partial<AxisConfig>) => setAxes(axes.with(index, { ...axes[index], ...part }));
  const free = columnNames.filter((name) => !axes.some(({ column }) => column === name));
  return (
    <Fields>
      {axes.map(({ column, isLog, isFlipped }, index) => (
        <fieldset key={column}>
          <legend>{columnTitle(column)}</legend>
          <CheckField label="log" isOn={isLog} set={(on) => setAxis(index, { isLog: on })} />
          <CheckField label="flipped" isOn={isFlipped} set={(on) => setAxis(index, { isFlipped: on })} />
          <span>
            <button type="button" disabled={index === 0} onClick={() => setAxes(moveAxis(axes, index, index - 1))}>
              To the left
            </button>{" "}
            <button
              type="button"
              disabled={index === axes.length - 1}
              onClick={() => setAxes(moveAxis(axes, index, index + 1))}
            >
              To the right
            </button>{" "}
            <button
              type="button"
              aria-label={isolated`Remove the axis ${columnTitle(column)}`}
              onClick={() => setAxes(axes.toSpliced(index, 1))}
            >
              Remove
            </button>
          </span>
        </fieldset>
      ))}
      {axes.length < AXES_MAX && (
        <NameField
          key={axes.length}
          label="Add an axis"
          value=""
          names={free}
          choose={(column) => {
            if (column && !axes.some((axis) => axis.column === column)) setAxes([...axes, newAxis(column)]);
          }}
        />
      )}
      <ChoiceField
        label="Colour"
        value={config.color}
        choices={[
          ["last", "by the last axis"],
          ["runs", "the runs’ own"],
        ]}
        choose={(color) => change({ ...config, color })}
      />
    </Fields>
  );
}
