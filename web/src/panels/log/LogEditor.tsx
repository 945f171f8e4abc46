/** The fields of a log panel. */
import { Fields, NameField } from "../fields";
import type { EditorProps } from "../kind";
import type { LogConfig } from "./config";

export default function LogEditor({ config, change }: EditorProps<LogConfig>) {
  return (
    <Fields>
      <NameField
        label="Run"
        value={config.run ?? ""}
        names={[]}
        none="the highlighted, else the newest"
        choose={(run) => change({ ...config, run: run || null })}
      />
      <NameField
        label="Writer"
        value={config.writer}
        names={[]}
        none="the first that has printed"
        choose={(writer) => change({ ...config, writer })}
      />
    </Fields>
  );
}
