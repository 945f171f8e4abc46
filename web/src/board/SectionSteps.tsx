/** One slider for all records of a section: each card goes to its record at that step, or the last one before it. */
import { useMemo } from "react";
import { isolated } from "../format/isolated";
import { StepSlider } from "../media/StepSlider";
import { useChosenStep } from "../media/use_chosen_step";
import { useSectionSteps } from "../media/use_section_steps";
import type { BoardProps } from "./Board";
import type { BoardSection } from "./cards";
import styles from "./SectionSteps.module.css";
import { sectionStepsId } from "./section_steps_id";

export function SectionSteps({ project, section, runs, view, changeView }: BoardProps & { section: BoardSection }) {
  const media = useMemo(
    () => section.cards.flatMap((card) => (card.what === "media" ? [card.metric] : [])),
    [section.cards],
  );
  // One card has a slider of its own.
  return media.length > 1 ? (
    <Slider project={project} name={section.name} media={media} runs={runs} view={view} changeView={changeView} />
  ) : null;
}

interface SliderProps extends Pick<BoardProps, "project" | "runs" | "view" | "changeView"> {
  name: string;
  media: Parameters<typeof useSectionSteps>[1];
}

function Slider({ project, name, media, runs, view, changeView }: SliderProps) {
  const steps = useSectionSteps(project, media, runs);
  const [chosen, choose] = useChosenStep(sectionStepsId(name), view, changeView);
  if (steps.length < 2) return null;
  return (
    <div className={styles.steps}>
      <StepSlider
        name={isolated`all records of ${name}`}
        steps={steps}
        chosen={chosen ?? view.cursor}
        choose={choose}
      />
    </div>
  );
}
