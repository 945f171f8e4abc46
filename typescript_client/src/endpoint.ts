/** Owns how a client finds the daemon of a store, and starts one. */

import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { UsageError } from "./errors.js";
import { show } from "./settings.js";

/** Where a daemon listens. */
export interface Endpoint {
  /** `host:port` or `unix:/path`. */
  readonly grpcAddress: string;
  /** The address of the web app, without the token; empty when it is not known. */
  readonly httpAddress: string;
  readonly token: string;
}

/** What a socket connects to. */
export type Target = { readonly path: string } | { readonly host: string; readonly port: number };

const STARTS_APART_SECONDS = 10;

/** Returns where the store's daemon listens; undefined when no daemon has said so. */
export async function readEndpoint(store: string): Promise<Endpoint | undefined> {
  try {
    const data = JSON.parse(await fs.promises.readFile(path.join(store, "endpoint.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const { grpc_address: grpcAddress, http_address: httpAddress, token } = data;
    if (typeof grpcAddress !== "string" || typeof token !== "string") return undefined;
    return { grpcAddress, token, httpAddress: typeof httpAddress === "string" ? httpAddress : "" };
  } catch {
    return undefined; // no file, or one that is being written
  }
}

/** Returns what an address means; throws UsageError when it is none. */
export function parseAddress(address: string): Target {
  if (address.startsWith("unix:")) {
    const file = address.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    if (file.startsWith("/")) return { path: file };
  }
  const [, host = "", digits = ""] = /^(\[[0-9a-fA-F:.]+\]|[^:/\s]+):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (host && port >= 1 && port <= 65_535) return { host: host.replace(/^\[|\]$/g, ""), port };
  throw new UsageError(`address is ${show(address)}; it can be host:port or unix:/path, without http://`);
}

/**
 * Holds the store's lock file open, unlocked: by that the daemon knows that the pid of the run is this process, measures it,
 * and notices at once when it is gone.
 */
export class Presence {
  readonly #path: string;
  #descriptor: number | undefined;

  /** Takes the store's folder. */
  constructor(store: string) {
    this.#path = path.join(store, "daemon.lock");
  }

  /** Opens the file, unless it is open; without one, for example of a daemon elsewhere, there is nothing to hold. */
  hold(): void {
    try {
      this.#descriptor ??= fs.openSync(this.#path, "r");
    } catch {
      this.#descriptor = undefined;
    }
  }

  /** Closes the file. */
  release(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** Starts the daemon of a store with the command `trackd` of PATH, at most once in 10 seconds. */
export class Starter {
  readonly #store: string;
  readonly #onWarning: (sentence: string) => void;
  #lastStartSeconds = -Infinity;
  #hasWarned = false;

  /** Takes the store's folder; `onWarning` hears once when there is no such command. */
  constructor(store: string, onWarning: (sentence: string) => void) {
    this.#store = store;
    this.#onWarning = onWarning;
  }

  /** Starts a daemon and returns at once; where one lives already, the new one ends by itself. */
  start(): void {
    const nowSeconds = performance.now() / 1000;
    if (nowSeconds - this.#lastStartSeconds < STARTS_APART_SECONDS) return;
    this.#lastStartSeconds = nowSeconds;
    const child = spawn("trackd", ["up", "--store", this.#store], { detached: true, stdio: "ignore", cwd: "/" });
    child.on("error", (error) => {
      if (this.#hasWarned) return;
      this.#hasWarned = true;
      this.#onWarning(
        `no daemon runs and the command trackd cannot be started (${error.message}): install it with \`pip install trackd\`, or start a daemon with \`trackd up --store ${this.#store}\``,
      );
    });
    child.unref();
  }
}
