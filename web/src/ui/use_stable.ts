/** Keeps the identity of a value for as long as its content, written as JSON, stays the same. */
import { useRef } from "react";

export function useStable<T>(value: T): T {
  const text = JSON.stringify(value);
  const held = useRef({ text, value });
  // Reading and writing here is safe: the same content always gives an equal value.
  if (held.current.text !== text) held.current = { text, value };
  return held.current.value;
}
