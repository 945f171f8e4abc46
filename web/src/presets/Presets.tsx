/** The presets of charts: those that come with trackd and those that people have saved. Which is open stands in the address. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { navigate, useSearch } from "wouter/use-browser-location";
import type { Preset, WholePreset } from "../api/records";
import { Page } from "../app/Page";
import { Link } from "../ui/Link";
import { Refusal } from "../ui/Problem";
import { PresetDetails } from "./PresetDetails";
import { remove, save, usePresets } from "./queries";
import styles from "./Presets.module.css";

const TRAIL = [{ label: "Presets", href: "/presets" }];
const addressOf = (id: string) => `/presets?${new URLSearchParams({ preset: id })}`;

export default function Presets() {
  const { data: presets, error, refetch } = usePresets();
  const chosen = new URLSearchParams(useSearch()).get("preset");
  const client = useQueryClient();
  const [deleted, setDeleted] = useState<WholePreset | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  if (error && !presets) {
    return (
      <Page trail={TRAIL}>
        <Refusal error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  if (!presets) return <Page trail={TRAIL} isBusy />;

  const attempt = async (what: string, change: () => Promise<void>) => {
    try {
      await change();
      setProblem(null);
    } catch (failure) {
      setProblem(`${what}: ${(failure as Error).message}.`);
    }
  };
  const removeIt = (preset: WholePreset) =>
    attempt("Not deleted", async () => {
      // Left first: what is open would be asked for once more.
      navigate("/presets", { replace: true });
      await remove(client, preset.id);
      setDeleted(preset);
    });
  const bringBack = (preset: WholePreset) =>
    attempt("Not brought back", async () => {
      await save(client, preset);
      setDeleted(null);
      navigate(addressOf(preset.id), { replace: true });
    });

  return (
    <Page trail={TRAIL}>
      <div className={styles.content}>
        <h1>Presets of charts</h1>
        <p className={styles.about}>
          A preset draws a logged table: <code>trackd.plot_table(&quot;ID&quot;, table, &#123;…&#125;)</code>. It is a
          Vega-Lite specification with places for columns.
        </p>
        <div role="status">
          {problem && <p className={styles.problem}>{problem}</p>}
          {deleted && (
            <p className={styles.deleted}>
              Deleted “<bdi>{deleted.title || deleted.id}</bdi>”.{" "}
              <button type="button" onClick={() => void bringBack(deleted)}>
                Undo
              </button>
            </p>
          )}
        </div>
        <div className={styles.columns}>
          <nav aria-label="Presets" className={styles.list}>
            <PresetLinks title="Saved" presets={presets.filter((one) => !one.is_built_in)} chosen={chosen}>
              None yet. Open one below, or a chart of yours (…, Show the specification), change its specification and
              save it.
            </PresetLinks>
            <PresetLinks title="Built in" presets={presets.filter((one) => one.is_built_in)} chosen={chosen} />
          </nav>
          {chosen === null ? (
            <p className={styles.about}>Choose a preset to see it.</p>
          ) : (
            <PresetDetails
              key={chosen}
              id={chosen}
              rename={(preset, title) => save(client, preset, title)}
              remove={removeIt}
            />
          )}
        </div>
      </div>
    </Page>
  );
}

interface PresetLinksProps {
  title: string;
  presets: readonly Preset[];
  chosen: string | null;
  /** What stands there when there is none. */
  children?: string;
}

function PresetLinks({ title, presets, chosen, children }: PresetLinksProps) {
  return (
    <>
      <h2>{title}</h2>
      {presets.length === 0 && <p className={styles.about}>{children}</p>}
      <ul>
        {presets.map((preset) => (
          <li key={preset.id}>
            <Link href={addressOf(preset.id)} aria-current={preset.id === chosen ? "true" : undefined}>
              <span className={styles.title}>{preset.title || preset.id}</span>
              <span className={styles.id}>{preset.id}</span>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
