/** Keeps questions about records answered while a card is on screen. */
import { useEffect, useRef, useState } from "react";
import { recordStore } from "../data/page_store";
import type { RecordQuestion } from "../data/records";
import type { Watch } from "../data/watched";

/** @returns a number that grows when an answer has come: what to make anew from the store depends on it. */
export function useWatched(questions: readonly RecordQuestion[], isActive: boolean): number {
  const [version, setVersion] = useState(0);
  const watch = useRef<Watch<RecordQuestion> | null>(null);
  const text = JSON.stringify(questions);

  useEffect(() => {
    if (!isActive) return;
    const own = recordStore.watch(() => setVersion((before) => before + 1));
    watch.current = own;
    return () => {
      own.close();
      watch.current = null;
    };
  }, [isActive]);

  useEffect(() => {
    watch.current?.update(JSON.parse(text) as RecordQuestion[]);
  }, [text, isActive]);

  return version;
}
