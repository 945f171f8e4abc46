/** Copies a text and says so. */
import { useEffect, useState } from "react";
import { copyText } from "./copy_text";
import { CheckIcon, CopyIcon } from "./icons";

interface CopyButtonProps {
  /** What is copied, when it is asked for. */
  text: () => string | Promise<string>;
  /** What the button does, for who cannot see it; on hover for who can. */
  label: string;
  /** Words beside the icon. */
  children?: string;
}

const SAID_MS = 1500;

export function CopyButton({ text, label, children }: CopyButtonProps) {
  const [said, setSaid] = useState<"" | "Copied" | "Not copied">("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => setSaid(""), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    try {
      await copyText(await text());
      setSaid("Copied");
    } catch {
      setSaid("Not copied");
    }
  };
  return (
    <button
      type="button"
      className={children ? "quiet" : "quiet icon"}
      aria-label={label}
      title={said || label}
      onClick={() => void copy()}
    >
      {said === "Copied" ? <CheckIcon /> : <CopyIcon />}
      {children && <span>{said || children}</span>}
      <span className="visuallyHidden" role="status">
        {said}
      </span>
    </button>
  );
}
