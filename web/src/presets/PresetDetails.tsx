/** One preset: how it looks with made-up data, what it is called, and its specification. */
import { useEffect, useMemo, useState } from "react";
import type { WholePreset } from "../api/records";
import { useTheme } from "../app/theme";
import { isolated } from "../format/isolated";
import { FrameHost } from "../frame/FrameHost";
import { Words } from "../media/Words";
import { type Json, substitute } from "../plot/preset";
import { SpecificationEditor } from "../plot/SpecificationEditor";
import { Refusal } from "../ui/Problem";
import { usePreset } from "./queries";
import styles from "./Presets.module.css";
import { RenameForm } from "./RenameForm";
import { makeSample } from "./sample";

const CHART_HEIGHT = 280;
const EDITOR_HEIGHT = 360;
/** How long the text stays as it is until the chart is drawn anew while somebody types. */
const TYPING_PAUSE_MS = 300;

interface PresetDetailsProps {
  id: string;
  rename: (preset: WholePreset, title: string) => Promise<void>;
  remove: (preset: WholePreset) => Promise<void>;
}

export function PresetDetails({ id, rename, remove }: PresetDetailsProps) {
  const { data: preset, error, refetch } = usePreset(id);
  if (error) return <Refusal error={error} retry={() => void refetch()} />;
  if (!preset) return <div className={styles.details} aria-busy="true" />;
  return (
    <section className={styles.details} aria-label={preset.title || preset.id}>
      <h2>{preset.title || preset.id}</h2>
      <p className={styles.about}>
        <code>{preset.id}</code>
        {preset.is_built_in && " comes with trackd and stays as it is: save it under an id of your own to change it."}
      </p>
      {!preset.is_built_in && (
        <div className={styles.actions}>
          <RenameForm title={preset.title} rename={(title) => rename(preset, title)} />
          <button type="button" onClick={() => void remove(preset)}>
            Delete
          </button>
        </div>
      )}
      {/* What was typed goes with the specification it was typed into. */}
      <Specification key={JSON.stringify(preset.specification)} preset={preset} />
    </section>
  );
}

function Specification({ preset }: { preset: WholePreset }) {
  const initialText = useMemo(() => JSON.stringify(preset.specification, null, 2), [preset.specification]);
  const [text, setText] = useState(initialText);
  const parsed = useMemo(() => parse(text), [text]);
  const [drawn, setDrawn] = useState<Json>(preset.specification as Json);
  useEffect(() => {
    const { value } = parsed;
    if (value === undefined) return;
    const timer = setTimeout(() => setDrawn(value), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [parsed]);
  return (
    <>
      <Preview specification={drawn} title={preset.title || preset.id} />
      <SpecificationEditor
        text={text}
        setText={setText}
        reset={() => setText(initialText)}
        problem={parsed.problem}
        specification={parsed.value}
        height={EDITOR_HEIGHT}
        preset={preset.is_built_in ? undefined : preset}
      />
    </>
  );
}

function Preview({ specification, title }: { specification: Json; title: string }) {
  const theme = useTheme();
  const content = useMemo(() => {
    try {
      const { substitutes, rows } = makeSample(specification);
      return { specification: substitute(specification, substitutes), rows };
    } catch (error) {
      return (error as Error).message;
    }
  }, [specification]);
  return (
    <figure className={styles.preview}>
      {typeof content === "string" ? (
        <Words height={CHART_HEIGHT} isTrouble>{`Cannot be drawn: ${content}.`}</Words>
      ) : (
        <FrameHost
          name="vega"
          title={isolated`${title}, with made-up data`}
          content={content}
          theme={theme}
          height={CHART_HEIGHT}
        />
      )}
      <figcaption>With made-up data</figcaption>
    </figure>
  );
}

function parse(text: string): { value?: Json; problem: string | null } {
  try {
    return { value: JSON.parse(text) as Json, problem: null };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
