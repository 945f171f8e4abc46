/** The fields of a scatter plot. */
import { CheckField, ChoiceField, Fields, NameField } from "../fields";
import type { EditorProps } from "../kind";
import type { Goal, ScatterConfig } from "./config";

const GOAL_WORDS: readonly (readonly [Goal, string])[] = [
  ["low", "low is better"],
  ["high", "high is better"],
];

export default function ScatterEditor({ config, change, columnNames }: EditorProps<ScatterConfig>) {
  const set = (part: Partial<ScatterConfig>) => change({ ...config, ...part });
  return (
    <Fields>
      <NameField label="x" value={config.x} names={columnNames} choose={(x) => set({ x })} />
      <NameField label="y" value={config.y} names={columnNames} choose={(y) => set({ y })} />
      <NameField
        label="Colour"
        value={config.color ?? ""}
        names={columnNames}
        none="the runs’ own"
        choose={(color) => set({ color: color || null })}
      />
      <NameField
        label="Size"
        value={config.size ?? ""}
        names={columnNames}
        none="all the same"
        choose={(size) => set({ size: size || null })}
      />
      <CheckField label="log x" isOn={config.isLogX} set={(isLogX) => set({ isLogX })} />
      <CheckField label="log y" isOn={config.isLogY} set={(isLogY) => set({ isLogY })} />
      <CheckField
        label="Pareto frontier: runs that no other beats on both axes"
        isOn={config.hasFrontier}
        set={(hasFrontier) => set({ hasFrontier })}
      />
      {config.hasFrontier && (
        <>
          <ChoiceField label="x" value={config.xGoal} choices={GOAL_WORDS} choose={(xGoal) => set({ xGoal })} />
          <ChoiceField label="y" value={config.yGoal} choices={GOAL_WORDS} choose={(yGoal) => set({ yGoal })} />
        </>
      )}
    </Fields>
  );
}
