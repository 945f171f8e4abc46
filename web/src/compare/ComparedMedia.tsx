/** What the compared runs have logged under one name, side by side at the same step: one slider moves all. */
import { useCallback, useMemo } from "react";
import { recordStore } from "../data/page_store";
import { plural } from "../format/number";
import { MediaCard } from "../media/MediaCard";
import { unionOfSteps } from "../media/steps";
import { StepSlider } from "../media/StepSlider";
import { useChosenStep } from "../media/use_chosen_step";
import { useWatched } from "../media/use_watched";
import { CardDialog } from "../panel/CardDialog";
import type { MediaMetric, ShownRun } from "../panel/shown_run";
import type { ChangeView } from "../url/use_view";
import { mediaId, type ViewState } from "../url/view_state";
import styles from "./ComparedMedia.module.css";

// The name of the one step among the steps of cards in the address.
const ALL = "all:media";

interface ComparedMediaProps {
  project: string;
  media: readonly MediaMetric[];
  runs: readonly ShownRun[];
  view: ViewState;
  changeView: ChangeView;
}

export function ComparedMedia({ project, media, runs, view, changeView }: ComparedMediaProps) {
  const [chosen, choose] = useChosenStep(ALL, view, changeView);
  const series = media.flatMap(({ key, kind }) => runs.map((run) => ({ project, run: run.id, key, kind })));
  useWatched(
    series.map((one) => ({ what: "steps" as const, series: one })),
    true,
  );
  const steps = unionOfSteps(series.map((one) => recordStore.steps(one) ?? []));
  const cardView = useMemo((): ViewState => {
    const shared =
      chosen === null ? {} : Object.fromEntries(media.map(({ kind, key }) => [mediaId(kind, key), chosen]));
    return { ...view, steps: shared };
  }, [view, chosen, media]);
  // A card that goes to a step takes all with it.
  const changeCard = useCallback<ChangeView>(
    ({ steps: next, ...part }, history) => {
      if (next) choose(Object.entries(next).find(([id]) => id !== ALL)?.[1] ?? null);
      if (Object.keys(part).length > 0) changeView(part, history);
    },
    [choose, changeView],
  );
  const opened = media.find(({ kind, key }) => mediaId(kind, key) === view.media);
  const shown = { project, runs, view: cardView, changeView: changeCard };
  return (
    <section className={styles.media} aria-label="Media at the same step">
      <header>
        <h2>Media at the same step</h2>
        <span>{plural(media.length, "name")} that at least two of the runs have logged</span>
        <div className={styles.slider}>
          {steps.length > 0 && (
            <StepSlider name="all media" steps={steps} chosen={chosen ?? view.cursor} choose={choose} />
          )}
        </div>
      </header>
      {media.map((metric) => (
        <MediaCard
          key={mediaId(metric.kind, metric.key)}
          {...shown}
          metric={metric}
          title={metric.key}
          hasSlider={false}
        />
      ))}
      {opened && (
        <CardDialog label={opened.key} onClose={() => changeView({ media: null, item: null }, "keep")}>
          <MediaCard {...shown} metric={opened} title={opened.key} isFullScreen />
        </CardDialog>
      )}
    </section>
  );
}
