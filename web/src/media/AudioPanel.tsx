/** A sound: the browser's player, and its waveform or its spectrogram. */
import { useQuery } from "@tanstack/react-query";
import { type MouseEvent, use, useId, useRef, useState } from "react";
import { objectAddress, wholeOf } from "../api/records";
import { formatCount, formatValue, plural } from "../format/number";
import styles from "./AudioPanel.module.css";
import { Caption } from "./Caption";
import { useCardChoices } from "./card_choices";
import { CardContext } from "./card_context";
import { Outline } from "./Outline";
import type { RecordPanelProps } from "./panel_props";
import { readSpectrogram, readWaveform, soundChoices } from "./sounds";
import { SpectrogramView } from "./SpectrogramView";
import { formatBytes } from "./words";

// The switches, the player and the caption.
const OTHER_HEIGHT = 84;
// More height says no more.
const WAVE_HEIGHT_MAX = 160;
const SPECTROGRAM_HEIGHT_MAX = 360;
// Decoded, a sound takes four bytes a sample: ten minutes of two channels are 200 MB, and more is not decoded for a picture.
const DECODED_SECONDS_MAX = 600;
const DECODED_BYTES_MAX = 64 * 2 ** 20;

export default function AudioPanel({ document, height, theme }: RecordPanelProps) {
  const player = useRef<HTMLAudioElement>(null);
  const [share, setShare] = useState(0);
  const alone = useId();
  const { card } = use(CardContext);
  const [{ isSpectrogram, isLooped }, change] = useCardChoices(soundChoices, card ?? alone);
  const audio = wholeOf(document, "audio");
  const isSmall =
    audio !== null &&
    audio.file.size_bytes <= DECODED_BYTES_MAX &&
    (audio.duration_seconds ?? 0) <= DECODED_SECONDS_MAX;
  const drawn = { retry: false, structuralSharing: false };
  const waveform = useQuery({
    ...drawn,
    queryKey: ["waveform", audio?.file.sha256],
    queryFn: ({ signal }) => readWaveform(audio!.file, signal),
    enabled: isSmall && !isSpectrogram,
  });
  const spectrogram = useQuery({
    ...drawn,
    queryKey: ["spectrogram", audio?.file.sha256, audio?.sample_rate_hertz],
    queryFn: ({ signal }) => readSpectrogram(audio!.file, audio!.sample_rate_hertz, signal),
    enabled: isSmall && isSpectrogram,
  });
  if (!audio) return null;

  const follow = () => {
    const { currentTime = 0, duration = 0 } = player.current ?? {};
    setShare(duration > 0 ? currentTime / duration : 0);
  };
  const seek = (event: MouseEvent<HTMLDivElement>) => {
    const plot = (event.target as Element).closest("[data-seek]");
    const duration = player.current?.duration ?? Number.NaN;
    if (!plot || !player.current || !(duration > 0)) return;
    const box = plot.getBoundingClientRect();
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
  const room = Math.max(0, Math.min(height - OTHER_HEIGHT, isSpectrogram ? SPECTROGRAM_HEIGHT_MAX : WAVE_HEIGHT_MAX));
  const shown = isSpectrogram ? spectrogram : waveform;
  const word = isSpectrogram ? "spectrogram" : "waveform";
  return (
    <figure className={styles.figure} style={{ height }}>
      <div className={styles.wave} style={{ height: room }} aria-busy={shown.isFetching} onClick={seek}>
        {isSpectrogram
          ? spectrogram.data && (
              <SpectrogramView spectrogram={spectrogram.data} share={share} theme={theme} label={label} height={room} />
            )
          : waveform.data && <Outline waveform={waveform.data} share={share} theme={theme} label={label} />}
        {(shown.error || !isSmall) && (
          <p className={styles.words}>
            {isSmall ? `This sound could not be decoded for a ${word}.` : `Too long for a ${word}.`}
          </p>
        )}
      </div>
      <div className={styles.switches}>
        <button
          type="button"
          className="quiet"
          aria-pressed={isSpectrogram}
          onClick={() => change({ isSpectrogram: !isSpectrogram })}
        >
          spectrogram
        </button>
        <button type="button" className="quiet" aria-pressed={isLooped} onClick={() => change({ isLooped: !isLooped })}>
          loop
        </button>
      </div>
      <audio
        ref={player}
        className={styles.player}
        src={objectAddress(audio.file)}
        aria-label={label}
        controls
        loop={isLooped}
        preload="metadata"
        onTimeUpdate={follow}
        onSeeked={follow}
        onEnded={follow}
      />
      <Caption text={audio.caption} facts={facts} />
    </figure>
  );
}
