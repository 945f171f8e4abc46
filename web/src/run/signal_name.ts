/** What a signal is called. Only numbers that mean the same on every system are here. */
const NAMES: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
};

export function signalName(signal: string | number): string {
  const name = NAMES[Number(signal)];
  return name ? `${name} (${signal})` : String(signal);
}
