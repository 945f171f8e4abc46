/** The fields of a panel that compares runs. */
import { Fields, NameField } from "../fields";
import type { EditorProps } from "../kind";
import type { ComparerConfig } from "./config";

export default function ComparerEditor({ config, change }: EditorProps<ComparerConfig>) {
  return (
    <Fields>
      <NameField
        label="Keys"
        value={config.search}
        names={[]}
        none="all: a regular expression"
        choose={(search) => change({ ...config, search })}
      />
    </Fields>
  );
}
