/** The fields of a histogram of runs. */
import { CheckField, CountField, Fields, NameField } from "../fields";
import type { EditorProps } from "../kind";
import { BIN_COUNT_MAX, BIN_COUNT_MIN, type HistogramConfig } from "./config";

export default function HistogramEditor({ config, change, columnNames }: EditorProps<HistogramConfig>) {
  const set = (part: Partial<HistogramConfig>) => change({ ...config, ...part });
  return (
    <Fields>
      <NameField label="Column" value={config.column} names={columnNames} choose={(column) => set({ column })} />
      <CountField
        label="Bins"
        value={config.binCount}
        min={BIN_COUNT_MIN}
        max={BIN_COUNT_MAX}
        none="as many as suit"
        set={(binCount) => set({ binCount })}
      />
      <CheckField label="log axis" isOn={config.isLog} set={(isLog) => set({ isLog })} />
    </Fields>
  );
}
