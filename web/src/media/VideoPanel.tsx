/** A video with the browser's player and a way to go frame by frame, or a moving image. */
import { type KeyboardEvent, type SyntheticEvent, use, useEffect, useId, useRef } from "react";
import { objectAddress, wholeOf } from "../api/records";
import { isolated } from "../format/isolated";
import { formatCount, formatValue, plural } from "../format/number";
import { ChevronIcon } from "../ui/icons";
import { Caption } from "./Caption";
import { useCardChoices } from "./card_choices";
import { CardContext } from "./card_context";
import type { RecordPanelProps } from "./panel_props";
import { addVideo, followVideo, frameTime, linkChoices, type LinkEvent, linkPlace, videosOf } from "./video_link";
import styles from "./VideoPanel.module.css";
import { formatBytes } from "./words";

const LINE_HEIGHT = 24;
// Of a video that does not say how many it has.
const FRAMES_PER_SECOND = 30;

export default function VideoPanel({ document, height, isFullScreen }: RecordPanelProps) {
  const player = useRef<HTMLVideoElement>(null);
  const alone = useId();
  const card = use(CardContext).card ?? alone;
  const [{ isLinked }] = useCardChoices(linkChoices, card);
  const place = linkPlace(card, isFullScreen);
  const video = wholeOf(document, "video");
  const isPlayed = video !== null && video.file.media_type !== "image/gif";
  useEffect(() => {
    const element = player.current;
    return element && isPlayed ? addVideo(place, element) : undefined;
  }, [place, isPlayed]);
  if (!video) return null;

  const follow = ({ currentTarget, type }: SyntheticEvent<HTMLVideoElement>) => {
    if (isLinked) followVideo(videosOf(place), currentTarget, type as LinkEvent);
  };
  const goBy = (by: -1 | 1) => {
    const element = player.current;
    if (!element || !(element.duration > 0)) return;
    element.pause();
    element.currentTime = frameTime(
      element.currentTime,
      video.frames_per_second || FRAMES_PER_SECOND,
      by,
      element.duration,
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === "," ? -1 : event.key === "." ? 1 : null;
    if (by === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    goBy(by);
  };
  const address = objectAddress(video.file);
  const facts = [
    video.width && video.height ? `${formatCount(video.width)} × ${formatCount(video.height)}` : "",
    video.frame_count ? plural(video.frame_count, "frame") : "",
    video.frames_per_second ? `${formatValue(video.frames_per_second)} fps` : "",
    formatBytes(video.file.size_bytes),
  ].filter((fact) => fact !== "");
  const label = video.caption || "video";
  const room = { height: height - LINE_HEIGHT };
  if (!isPlayed) {
    return (
      <figure className={styles.figure} style={{ height }}>
        <img className={styles.picture} style={room} src={address} alt={label} />
        <Caption text={video.caption} facts={facts} />
      </figure>
    );
  }
  const step = (by: -1 | 1, words: string) => (
    <button
      type="button"
      className={`quiet icon ${by === -1 ? styles.back : ""}`}
      aria-label={isolated`${words} of ${label}`}
      title={`${words} (${by === -1 ? "," : "."})`}
      onClick={() => goBy(by)}
    >
      <ChevronIcon />
    </button>
  );
  return (
    <figure className={styles.figure} style={{ height }} onKeyDown={onKeyDown}>
      <video
        ref={player}
        className={styles.picture}
        style={room}
        src={address}
        aria-label={label}
        controls
        // Videos that play together begin anew together.
        loop={!isLinked}
        muted
        playsInline
        preload="metadata"
        onPlay={follow}
        onPause={follow}
        onSeeked={follow}
        onRateChange={follow}
        onEnded={follow}
      />
      <div className={styles.line}>
        {step(-1, "Frame before")}
        <Caption text={video.caption} facts={facts} />
        {step(1, "Next frame")}
      </div>
    </figure>
  );
}
