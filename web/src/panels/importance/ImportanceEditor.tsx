/** The fields of a panel of importance. */
import { Fields, NameField } from "../fields";
import type { EditorProps } from "../kind";
import type { ImportanceConfig } from "./config";

export default function ImportanceEditor({ config, change, columnNames }: EditorProps<ImportanceConfig>) {
  return (
    <Fields>
      <NameField label="Explain" value={config.target} names={columnNames} choose={(target) => change({ target })} />
    </Fields>
  );
}
