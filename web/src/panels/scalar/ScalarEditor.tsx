/** The fields of a single number. */
import { ChoiceField, Fields, NameField } from "../fields";
import type { EditorProps } from "../kind";
import type { ScalarConfig } from "./config";

export default function ScalarEditor({ config, change, columnNames }: EditorProps<ScalarConfig>) {
  const set = (part: Partial<ScalarConfig>) => change({ ...config, ...part });
  return (
    <Fields>
      <NameField label="Column" value={config.column} names={columnNames} choose={(column) => set({ column })} />
      <ChoiceField
        label="Of"
        value={config.which}
        choices={[
          ["last", "the newest run"],
          ["highlighted", "the highlighted run, else the newest"],
          ["min", "the run with the least"],
          ["max", "the run with the most"],
          ["mean", "all runs: their mean"],
        ]}
        choose={(which) => set({ which })}
      />
      <NameField
        label="Baseline"
        value={config.baseline ?? ""}
        names={[]}
        none="none: the id of a run"
        choose={(baseline) => set({ baseline: baseline || null })}
      />
    </Fields>
  );
}
