/**
 * The videos of a card that play, pause and go to a time together, while a person wants that.
 *
 * What one does the others do after it. They answer with events of their own, which change nothing any more: so it ends.
 */
import { CardChoices } from "./card_choices";

export const linkChoices = new CardChoices({ isLinked: false });

// Of a second: nearer than this two videos are at the same time. Below half a frame of any usual video.
const SAME_SECONDS = 0.008;

/** What is used of a video. */
export type LinkedVideo = Pick<
  HTMLVideoElement,
  "currentTime" | "duration" | "ended" | "paused" | "playbackRate" | "play" | "pause"
>;

export type LinkEvent = "play" | "pause" | "seeked" | "ratechange" | "ended";

/** Names what plays together: a card's videos are on the page twice while it is shown full screen. */
export const linkPlace = (card: string, isFullScreen: boolean): string => (isFullScreen ? `${card}\nfull` : card);

const places = new Map<string, Set<LinkedVideo>>();
const listeners = new Set<() => void>();
const tell = () => {
  for (const listener of listeners) listener();
};

export const videosOf = (place: string): ReadonlySet<LinkedVideo> => places.get(place) ?? new Set();

/** Whether any video is on the page. */
export const hasVideos = (): boolean => places.size > 0;

export const countOfVideos = (place: string): number => videosOf(place).size;

export function subscribeVideos(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** Notes a video that is on the page. Returns what takes it back. */
export function addVideo(place: string, video: LinkedVideo): () => void {
  const videos = places.get(place) ?? new Set();
  places.set(place, videos.add(video));
  tell();
  return () => {
    videos.delete(video);
    if (videos.size === 0) places.delete(place);
    tell();
  };
}

/** Has the others do what one of them has done. */
export function followVideo(videos: ReadonlySet<LinkedVideo>, video: LinkedVideo, event: LinkEvent): void {
  const others = [...videos].filter((one) => one !== video);
  if (event === "ended") {
    // The longest has come to its end: all begin anew together.
    if (others.every((one) => one.ended)) for (const one of videos) start(one, 0);
    return;
  }
  for (const other of others) {
    if (event === "play") {
      if (other.paused) start(other, video.currentTime);
    } else if (event === "pause") {
      // A short one that has ended holds up nobody.
      if (!video.ended) other.pause();
    } else if (event === "ratechange") {
      if (other.playbackRate !== video.playbackRate) other.playbackRate = video.playbackRate;
    } else goTo(other, video.currentTime);
  }
}

function goTo(video: LinkedVideo, seconds: number): void {
  // Not known before its first frame is here.
  const last = Number.isFinite(video.duration) ? video.duration : Infinity;
  const wanted = Math.min(seconds, last);
  if (Math.abs(video.currentTime - wanted) > SAME_SECONDS) video.currentTime = wanted;
}

function start(video: LinkedVideo, seconds: number): void {
  if (seconds >= video.duration) return;
  goTo(video, seconds);
  // A browser may refuse, as for a video that leaves the page: then it stands.
  video.play().catch(() => undefined);
}

/** The middle of the frame before or behind the one that is shown: at its edge a browser may show either neighbour. */
export function frameTime(seconds: number, framesPerSecond: number, by: -1 | 1, duration: number): number {
  const last = Math.max(0, Math.ceil(duration * framesPerSecond - 0.01) - 1);
  const frame = Math.floor(seconds * framesPerSecond + 0.01) + by;
  return (Math.min(last, Math.max(0, frame)) + 0.5) / framesPerSecond;
}
