/** The fields of a chart of lines: what it draws, and how it differs from what holds for all charts. */
import type { ReactNode } from "react";
import type { ChartSettings } from "../layout/document";
import { AxisChoice } from "../panel/AxisChoice";
import { matcher } from "../ui/matcher";
import type { LineValue } from "../url/view_state";
import type { LinesConfig } from "./line_config";
import styles from "./EditDialog.module.css";

interface SettingsFieldsProps {
  settings: ChartSettings;
  change: (settings: ChartSettings) => void;
  metricNames: readonly string[];
}

const TRUTHS: readonly (readonly [string, string])[] = [
  ["", "as all charts"],
  ["on", "on"],
  ["off", "off"],
];
const wordOf = (value: boolean | undefined) => (value === undefined ? "" : value ? "on" : "off");
const truthOf = (word: string) => (word === "" ? undefined : word === "on");

export function SettingsFields({ settings, change, metricNames }: SettingsFieldsProps) {
  const [low, high] = settings.yRange ?? [null, null];
  const set = (part: ChartSettings) => change({ ...settings, ...part });
  return (
    <>
      <Field label="x axis">
        <AxisChoice x={settings.x ?? null} metricNames={metricNames} choose={(x) => set({ x: x ?? undefined })} />
      </Field>
      <Field label="log x">
        <Select
          label="log x"
          value={wordOf(settings.isLogX)}
          options={TRUTHS}
          choose={(word) => set({ isLogX: truthOf(word) })}
        />
      </Field>
      <Field label="log y">
        <Select
          label="log y"
          value={wordOf(settings.isLogY)}
          options={TRUTHS}
          choose={(word) => set({ isLogY: truthOf(word) })}
        />
      </Field>
      <Field label="y from 0">
        <input
          type="checkbox"
          aria-label="y from 0"
          checked={settings.hasZero ?? false}
          onChange={(event) => set({ hasZero: event.target.checked || undefined })}
        />
      </Field>
      <Field label="y range">
        <NumberField label="Lower end of y" value={low} set={(value) => set({ yRange: rangeOf(value, high) })} />
        <span>to</span>
        <NumberField label="Upper end of y" value={high} set={(value) => set({ yRange: rangeOf(low, value) })} />
      </Field>
      <Field label="smoothing">
        <Select
          label="smoothing"
          value={settings.smoothing === undefined ? "" : (settings.smoothing?.kind ?? "none")}
          options={SMOOTHINGS}
          choose={(word) => set({ smoothing: smoothingOf(word) })}
        />
        {settings.smoothing && (
          <NumberField
            label="Amount of smoothing"
            value={settings.smoothing.amount}
            set={(amount) => {
              const { smoothing } = settings;
              if (smoothing && amount !== null && isAmount(smoothing.kind, amount)) {
                set({ smoothing: { ...smoothing, amount } });
              }
            }}
          />
        )}
      </Field>
      <Field label="line">
        <Select
          label="line"
          value={settings.line ?? ""}
          options={[
            ["", "as all charts"],
            ["last", "last of a bucket"],
            ["mean", "mean of a bucket"],
          ]}
          choose={(word) => set({ line: (word || undefined) as LineValue | undefined })}
        />
      </Field>
    </>
  );
}

const rangeOf = (low: number | null, high: number | null) =>
  low === null && high === null ? undefined : ([low, high] as const);

const SMOOTHINGS: readonly (readonly [string, string])[] = [
  ["", "as all charts"],
  ["none", "none"],
  ["ema", "exponential"],
  ["gaussian", "Gaussian"],
  ["running_mean", "running mean"],
];

function smoothingOf(word: string): ChartSettings["smoothing"] {
  if (word === "") return undefined;
  if (word === "ema") return { kind: word, amount: 0.6 };
  return word === "gaussian" || word === "running_mean" ? { kind: word, amount: 10 } : null;
}

const isAmount = (kind: string, amount: number) => (kind === "ema" ? amount >= 0 && amount < 1 : amount >= 1);

interface LinesFieldsProps {
  config: LinesConfig;
  change: (config: LinesConfig) => void;
  metricNames: readonly string[];
}

export function LinesFields({ config, change, metricNames }: LinesFieldsProps) {
  const isPattern = matcher(config.pattern) !== null;
  return (
    <>
      <Field label="metrics">
        <textarea
          rows={Math.min(8, config.metrics.length + 2)}
          aria-label="Metrics, one a line"
          placeholder={"one name a line, such as\ntrain/loss"}
          defaultValue={config.metrics.join("\n")}
          onChange={(event) => change({ ...config, metrics: linesIn(event.target.value) })}
        />
      </Field>
      <Field label="and all like">
        <input
          type="text"
          aria-label="Pattern of metrics"
          aria-invalid={!isPattern}
          placeholder="regular expression, such as ^val/"
          value={config.pattern}
          onChange={(event) => change({ ...config, pattern: event.target.value })}
        />
      </Field>
      <Field label="expressions">
        <textarea
          rows={Math.min(8, config.expressions.length + 2)}
          aria-label="Expressions, one a line"
          placeholder={'one a line, such as\nval/loss - "train loss"'}
          defaultValue={config.expressions.join("\n")}
          onChange={(event) => change({ ...config, expressions: linesIn(event.target.value) })}
        />
      </Field>
      <p className={styles.about}>
        {metricNames.length > 0
          ? "Expressions: + - * / % **, parentheses, abs log exp sqrt min max. Other letters in a name than a–z, digits, _ / and . are quoted."
          : "No metric of numbers has been logged yet."}
      </p>
      <SettingsFields
        settings={config.settings}
        change={(settings) => change({ ...config, settings })}
        metricNames={metricNames}
      />
    </>
  );
}

const linesIn = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

export function Field({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={styles.field} role="group" aria-label={label}>
      <span aria-hidden="true">{label}</span>
      <span className={styles.control}>{children}</span>
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  choose: (value: string) => void;
}

function Select({ label, value, options, choose }: SelectProps) {
  return (
    <select aria-label={label} value={value} onChange={(event) => choose(event.target.value)}>
      {options.map(([name, words]) => (
        <option key={name} value={name}>
          {words}
        </option>
      ))}
    </select>
  );
}

interface NumberFieldProps {
  label: string;
  value: number | null;
  /** Called with a finite number, or with null for an empty field. */
  set: (value: number | null) => void;
}

function NumberField({ label, value, set }: NumberFieldProps) {
  return (
    <input
      type="text"
      inputMode="decimal"
      size={8}
      aria-label={label}
      placeholder="auto"
      defaultValue={value ?? ""}
      onChange={(event) => {
        const text = event.target.value.trim();
        const typed = Number(text);
        if (text === "") set(null);
        else if (Number.isFinite(typed)) set(typed);
      }}
    />
  );
}
