/** The field of a note. */
import { Fields } from "../fields";
import type { EditorProps } from "../kind";
import type { NoteConfig } from "./config";
import { NoteField } from "./NoteField";

export default function NoteEditor({ config, change }: EditorProps<NoteConfig>) {
  return (
    <Fields>
      <NoteField key={config.text} text={config.text} rows={12} save={(text) => change({ text })} />
    </Fields>
  );
}
