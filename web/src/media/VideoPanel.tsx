/** A video with the browser's player, or a moving image. */
import { objectAddress, wholeOf } from "../api/records";
import { formatCount, formatValue, plural } from "../format/number";
import { Caption } from "./Caption";
import type { RecordPanelProps } from "./panel_props";
import styles from "./VideoPanel.module.css";
import { formatBytes } from "./words";

const CAPTION_HEIGHT = 20;

export default function VideoPanel({ document, height }: RecordPanelProps) {
  const video = wholeOf(document, "video");
  if (!video) return null;
  const address = objectAddress(video.file);
  const facts = [
    video.width && video.height ? `${formatCount(video.width)} × ${formatCount(video.height)}` : "",
    video.frame_count ? plural(video.frame_count, "frame") : "",
    video.frames_per_second ? `${formatValue(video.frames_per_second)} fps` : "",
    formatBytes(video.file.size_bytes),
  ].filter((fact) => fact !== "");
  const label = video.caption || "video";
  const room = { height: height - CAPTION_HEIGHT };
  return (
    <figure className={styles.figure} style={{ height }}>
      {video.file.media_type === "image/gif" ? (
        <img className={styles.picture} style={room} src={address} alt={label} />
      ) : (
        <video
          className={styles.picture}
          style={room}
          src={address}
          aria-label={label}
          controls
          loop
          muted
          playsInline
          preload="metadata"
        />
      )}
      <Caption text={video.caption} facts={facts} />
    </figure>
  );
}
