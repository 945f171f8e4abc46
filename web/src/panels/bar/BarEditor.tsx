/** The fields of a bar chart. */
import { ChoiceField, CountField, Fields, NameField } from "../fields";
import type { EditorProps } from "../kind";
import { type BarConfig, TOP_COUNT, TOP_COUNT_MAX } from "./config";

export default function BarEditor({ config, change, columnNames }: EditorProps<BarConfig>) {
  const set = (part: Partial<BarConfig>) => change({ ...config, ...part });
  return (
    <Fields>
      <NameField label="Column" value={config.column} names={columnNames} choose={(column) => set({ column })} />
      <ChoiceField
        label="Order"
        value={config.order}
        choices={[
          ["descending", "largest first"],
          ["ascending", "smallest first"],
        ]}
        choose={(order) => set({ order })}
      />
      <CountField
        label="At first"
        value={config.topCount}
        min={1}
        max={TOP_COUNT_MAX}
        none={`${TOP_COUNT} bars`}
        set={(count) => set({ topCount: count ?? TOP_COUNT })}
      />
    </Fields>
  );
}
