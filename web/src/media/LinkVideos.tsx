/** Whether the videos of a card play together; for a card with several. */
import { useSyncExternalStore } from "react";
import { useCardChoices } from "./card_choices";
import styles from "./MediaCard.module.css";
import { countOfVideos, linkChoices, linkPlace, subscribeVideos } from "./video_link";

export function LinkVideos({ card, isFullScreen }: { card: string; isFullScreen: boolean }) {
  const count = useSyncExternalStore(subscribeVideos, () => countOfVideos(linkPlace(card, isFullScreen)));
  const [{ isLinked }, change] = useCardChoices(linkChoices, card);
  if (count < 2) return null;
  return (
    <label className={styles.check}>
      <input type="checkbox" checked={isLinked} onChange={(event) => change({ isLinked: event.target.checked })} />
      play together
    </label>
  );
}
