/** A sound: the browser's player, and the waveform drawn from the samples. */
import { useQuery } from "@tanstack/react-query";
import { type MouseEvent, useEffect, useRef, useState } from "react";
import { fetchObjectBytes, type FileRef, objectAddress, wholeOf } from "../api/records";
import { CHART_THEME, type ThemeName } from "../chart/palette";
import { formatCount, formatValue, plural } from "../format/number";
import styles from "./AudioPanel.module.css";
import { Caption } from "./Caption";
import type { RecordPanelProps } from "./panel_props";
import { useBox } from "./use_box";
import { outlineOf, type Waveform } from "./waveform";
import { formatBytes } from "./words";

// The player and the caption.
const OTHER_HEIGHT = 60;
// Decoded, a sound takes four bytes a sample: ten minutes of two channels are 200 MB, and more is not decoded for a picture.
const DECODED_SECONDS_MAX = 600;
const DECODED_BYTES_MAX = 64 * 2 ** 20;
// The rate the samples are decoded to; the outline needs no better one.
const DECODE_RATE = 44_100;

async function decode(file: FileRef, signal: AbortSignal): Promise<Waveform> {
  const bytes = await fetchObjectBytes(file, signal);
  // Off line: a page may not open a real audio context before a person has clicked.
  const buffer = await new OfflineAudioContext(1, 1, DECODE_RATE).decodeAudioData(bytes);
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, at) => buffer.getChannelData(at));
  return outlineOf(channels, buffer.duration);
}

export default function AudioPanel({ document, height, theme }: RecordPanelProps) {
  const player = useRef<HTMLAudioElement>(null);
  const [share, setShare] = useState(0);
  const audio = wholeOf(document, "audio");
  const isSmall =
    audio !== null &&
    audio.file.size_bytes <= DECODED_BYTES_MAX &&
    (audio.duration_seconds ?? 0) <= DECODED_SECONDS_MAX;
  const waveform = useQuery({
    queryKey: ["waveform", audio?.file.sha256],
    queryFn: ({ signal }) => decode(audio!.file, signal),
    enabled: isSmall,
    retry: false,
    structuralSharing: false,
  });
  if (!audio) return null;

  const follow = () => {
    const { currentTime = 0, duration = 0 } = player.current ?? {};
    setShare(duration > 0 ? currentTime / duration : 0);
  };
  const seek = (event: MouseEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const duration = player.current?.duration ?? Number.NaN;
    if (player.current && duration > 0)
      player.current.currentTime = ((event.clientX - box.left) / box.width) * duration;
  };
  const duration = audio.duration_seconds ?? waveform.data?.durationSeconds;
  const facts = [
    duration === undefined ? "" : `${formatValue(duration, 3)} s`,
    audio.sample_rate_hertz ? `${formatCount(audio.sample_rate_hertz)} Hz` : "",
    audio.channel_count ? plural(audio.channel_count, "channel") : "",
    formatBytes(audio.file.size_bytes),
  ].filter((fact) => fact !== "");
  const label = audio.caption || "sound";
  return (
    <figure className={styles.figure} style={{ height }}>
      <div className={styles.wave} style={{ height: height - OTHER_HEIGHT }} onClick={seek}>
        {waveform.data && <Outline waveform={waveform.data} share={share} theme={theme} label={label} />}
        {(waveform.error || !isSmall) && (
          <p className={styles.words}>
            {isSmall ? "This sound could not be decoded for a waveform." : "Too long for a waveform."}
          </p>
        )}
      </div>
      <audio
        ref={player}
        className={styles.player}
        src={objectAddress(audio.file)}
        aria-label={label}
        controls
        preload="metadata"
        onTimeUpdate={follow}
        onSeeked={follow}
        onEnded={follow}
      />
      <Caption text={audio.caption} facts={facts} />
    </figure>
  );
}

interface OutlineProps {
  waveform: Waveform;
  /** How much of it has been played, in 0 to 1. */
  share: number;
  theme: ThemeName;
  label: string;
}

function Outline({ waveform, share, theme, label }: OutlineProps) {
  const root = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = useBox(root);
  useEffect(() => {
    const element = canvas.current;
    if (!element || width === 0 || height === 0) return;
    const ratio = devicePixelRatio;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    const context = element.getContext("2d")!;
    context.scale(ratio, ratio);
    context.fillStyle = CHART_THEME[theme].muted;
    const { lows, highs } = waveform;
    const step = 1 / ratio;
    const middle = height / 2;
    for (let x = 0; x < width; x += step) {
      const from = Math.floor((x / width) * lows.length);
      const end = Math.min(lows.length, Math.max(from + 1, Math.ceil(((x + step) / width) * lows.length)));
      let [low, high] = [Infinity, -Infinity];
      for (let part = from; part < end; part++) {
        low = Math.min(low, lows[part]);
        high = Math.max(high, highs[part]);
      }
      if (low > high) continue;
      const top = middle - high * middle;
      // Silence is a line and not nothing.
      context.fillRect(x, top, step, Math.max(step, (high - low) * middle));
    }
  }, [waveform, width, height, theme]);
  return (
    <div ref={root} className={styles.outline} role="img" aria-label={`Waveform of ${label}`}>
      <canvas ref={canvas} />
      <div className={styles.played} style={{ width: `${share * 100}%` }} />
    </div>
  );
}
