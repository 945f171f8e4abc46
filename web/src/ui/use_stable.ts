/** Keeps the identity of a value made of plain JSON for as long as its content stays the same. */
import { useMemo } from "react";

export function useStable<T>(value: T): T {
  const text = JSON.stringify(value);
  return useMemo(() => JSON.parse(text) as T, [text]);
}
