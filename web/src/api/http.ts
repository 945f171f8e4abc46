/** Asks the daemon over HTTP and turns every refusal into an `ApiError`. */
import { noteSignedOut } from "./signed_out";
import { send } from "./transport";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    /** What the refusal is about, by name: the position of a fault in a filter, for one. */
    readonly metadata: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  /** Whether nobody answered at all: the daemon has gone or the network has. */
  get isUnreachable(): boolean {
    return this.status === 0;
  }
}

interface Refused {
  reason?: string;
  message?: string;
  metadata?: Record<string, string>;
}

async function refusal(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { error?: Refused };
    if (body.error) {
      const { reason = "", message = "", metadata } = body.error;
      return new ApiError(response.status, reason, message, metadata);
    }
  } catch {
    // Not JSON: a page of the daemon or of a proxy. The status says enough.
  }
  return new ApiError(response.status, "", `the daemon answered ${response.status} ${response.statusText}`);
}

async function answerOf(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await send(path, init);
  } catch (cause) {
    if (init?.signal?.aborted) throw cause;
    throw new ApiError(0, "UNREACHABLE", "the trackd daemon does not answer");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

const isUnauthenticated = (error: unknown) => error instanceof ApiError && error.reason === "UNAUTHENTICATED";

/** The request that has the session renewed, while it is on its way, and how often that was done. */
let renewal: Promise<void> | null = null;
let renewalCount = 0;

export async function ask(path: string, init?: RequestInit): Promise<Response> {
  const count = renewalCount;
  try {
    return await answerOf(path, init);
  } catch (error) {
    if (!isUnauthenticated(error)) throw error;
    await renewal?.catch(() => undefined);
    // Sent with the cookie of the session before: it is asked again with that of now.
    if (renewalCount > count) return ask(path, init);
    noteSignedOut();
    throw error;
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await ask(path, { signal })).json()) as T;
}

export async function getText(path: string, signal?: AbortSignal): Promise<string> {
  return (await ask(path, { signal })).text();
}

export async function getBytes(path: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await ask(path, { signal })).arrayBuffer();
}

/** Bytes that the page only hands on: they need not be in its own memory. */
export async function getBlob(path: string, signal?: AbortSignal): Promise<Blob> {
  return (await ask(path, { signal })).blob();
}

const JSON_HEADERS = { "Content-Type": "application/json" };

export async function postForBytes(path: string, body: string): Promise<ArrayBuffer> {
  return (await ask(path, { method: "POST", headers: JSON_HEADERS, body })).arrayBuffer();
}

export async function postForJson<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const init = { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body), signal };
  return (await (await ask(path, init)).json()) as T;
}

// Browsers let 64 KiB in all outlive a page; a character of JSON has at most three bytes.
const OUTLIVING_LENGTH_MAX = 10_000;

/** Stores something, also where the page is closed or loaded again meanwhile, if it is small. */
export async function putJson(path: string, json: unknown): Promise<void> {
  const body = JSON.stringify(json);
  await ask(path, { method: "PUT", headers: JSON_HEADERS, body, keepalive: body.length <= OUTLIVING_LENGTH_MAX });
}

/** Stores what ends the page's session and begins another: whatever else the page asks meanwhile goes on. */
export async function putRenewing(path: string, json: unknown): Promise<void> {
  const renew = async () => {
    await answerOf(path, { method: "PUT", headers: JSON_HEADERS, body: JSON.stringify(json) });
    renewalCount += 1;
  };
  renewal = renew();
  try {
    await renewal;
  } catch (error) {
    if (isUnauthenticated(error)) noteSignedOut();
    throw error;
  } finally {
    renewal = null;
  }
}

export async function deleteAt(path: string): Promise<void> {
  await ask(path, { method: "DELETE" });
}
