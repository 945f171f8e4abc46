/** The few icons of the page; words stand beside them or in a label. */
import type { ReactNode } from "react";

export function Icon({ children, size = 14 }: { children: ReactNode; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const CheckIcon = () => (
  <Icon>
    <path d="M3 8.5l3.2 3.2L13 5" />
  </Icon>
);
export const CrossIcon = () => (
  <Icon>
    <path d="M4 4l8 8M12 4l-8 8" />
  </Icon>
);
export const StopIcon = () => (
  <Icon>
    <rect x="4" y="4" width="8" height="8" rx="1" />
  </Icon>
);
export const BoltIcon = () => (
  <Icon>
    <path d="M9 2L4 9h4l-1 5 5-7H8z" />
  </Icon>
);
export const ChevronIcon = () => (
  <Icon>
    <path d="M6 4l4 4-4 4" />
  </Icon>
);
export const ArrowIcon = () => (
  <Icon>
    <path d="M3 8h10M9 4l4 4-4 4" />
  </Icon>
);
export const ArrowDownIcon = () => (
  <Icon>
    <path d="M8 3v10M4 9l4 4 4-4" />
  </Icon>
);
export const ArrowUpIcon = () => (
  <Icon>
    <path d="M8 13V3M4 7l4-4 4 4" />
  </Icon>
);
export const PlayIcon = () => (
  <Icon>
    <path d="M5 3.5v9l7-4.5z" />
  </Icon>
);
export const PauseIcon = () => (
  <Icon>
    <path d="M5.5 4v8M10.5 4v8" />
  </Icon>
);
export const ReturnIcon = () => (
  <Icon>
    <path d="M6 3L3 6l3 3M3 6h6.5a3.5 3.5 0 010 7H6" />
  </Icon>
);
export const InfoIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6" />
    <path d="M8 7.5V11M8 5v.01" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <path d="M6 5.5h7v7.5H6zM10 3H3v7.5" />
  </Icon>
);
export const ExpandIcon = () => (
  <Icon>
    <path d="M9.5 3H13v3.5M6.5 13H3V9.5M13 3L9 7M3 13l4-4" />
  </Icon>
);
export const MoreIcon = () => (
  <Icon>
    <path d="M3.5 8v.01M8 8v.01M12.5 8v.01" strokeWidth="2.4" />
  </Icon>
);
export const EyeIcon = () => (
  <Icon>
    <path d="M2 8s2.2-4 6-4 6 4 6 4-2.2 4-6 4-6-4-6-4z" />
    <circle cx="8" cy="8" r="1.6" />
  </Icon>
);
export const PinIcon = () => (
  <Icon>
    <path d="M6 2.5h4l-.5 4 2.5 2.5H4l2.5-2.5zM8 9v4.5" />
  </Icon>
);
export const EyeOffIcon = () => (
  <Icon>
    <path d="M2 8s2.2-4 6-4 6 4 6 4-2.2 4-6 4-6-4-6-4zM3 13L13 3" />
  </Icon>
);
export const SunIcon = () => (
  <Icon size={16}>
    <circle cx="8" cy="8" r="3" />
    <path d="M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon size={16}>
    <path d="M13 9.6A5.5 5.5 0 016.4 3 5.5 5.5 0 1013 9.6z" />
  </Icon>
);
export const WarningIcon = () => (
  <Icon>
    <path d="M8 2.5l6 11H2zM8 6.5v3.2M8 11.8v.01" />
  </Icon>
);
export const GripIcon = () => (
  <svg width={8} height={16} viewBox="0 0 8 16" fill="currentColor" aria-hidden="true">
    <path d="M1 3h2v2H1zM5 3h2v2H5zM1 7h2v2H1zM5 7h2v2H5zM1 11h2v2H1zM5 11h2v2H5z" />
  </svg>
);
export const PaletteIcon = () => (
  <Icon>
    <path d="M8 2a6 6 0 100 12c1.2 0 1.4-.9 1-1.6-.5-.9 0-1.9 1.1-1.9H12a2 2 0 002-2A6 6 0 008 2zM5.5 7v.01M8 5v.01M10.5 7v.01" />
  </Icon>
);
export const RedoIcon = () => (
  <Icon>
    <path d="M10 3l3 3-3 3M13 6H6.5a3.5 3.5 0 000 7H9" />
  </Icon>
);
