/**
 * Owns the connection to one daemon: one HTTP/2 session over TCP or a Unix socket, and the calls that this client makes.
 *
 * Invariant: it never keeps the process alive by itself; whoever waits for a call holds the process.
 */

import * as net from "node:net";
import { type CallOptions, type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { Http2SessionManager, createGrpcTransport } from "@connectrpc/connect-node";
import { type Endpoint, parseAddress } from "./endpoint.js";
import {
  type AppendRequest,
  type AppendResponse,
  IngestService,
  type PutObjectRequest,
} from "./generated/trackd/v1/ingest_service_pb.js";
import {
  type CreateRunRequest,
  type FinishRunRequest,
  type GetDaemonResponse,
  RunService,
} from "./generated/trackd/v1/run_service_pb.js";
import { VERSION } from "./version.js";

const CALL_SECONDS = 10;
const OBJECT_BYTES_PER_SECOND = 1024 * 1024; // the slowest line that a large object may take
const CHUNK_BYTES = 1024 * 1024; // the contract's limit
const BASE_URL = "http://trackd"; // of no meaning: the socket is made here

/** A connection to a daemon. Connects with the first call, and again after a loss. */
export class Connection {
  /** Where the daemon is. */
  readonly endpoint: Endpoint;
  readonly #sessions: Http2SessionManager;
  readonly #runs: Client<typeof RunService>;
  readonly #ingest: Client<typeof IngestService>;
  readonly #sockets = new Set<net.Socket>();
  readonly #callSeconds: number;

  /** Makes one; throws UsageError when the address is none. `callSeconds` is how long a call may take. */
  constructor(endpoint: Endpoint, callSeconds = CALL_SECONDS) {
    this.endpoint = endpoint;
    this.#callSeconds = callSeconds;
    const target = parseAddress(endpoint.grpcAddress);
    this.#sessions = new Http2SessionManager(BASE_URL, {}, { createConnection: () => this.#connect(target) });
    const transport = createGrpcTransport({ baseUrl: BASE_URL, sessionManager: this.#sessions });
    this.#runs = createClient(RunService, transport);
    this.#ingest = createClient(IngestService, transport);
  }

  /** Asks who the daemon is. */
  getDaemon(signal: AbortSignal): Promise<GetDaemonResponse> {
    return this.#call(signal, 0, (options) => this.#runs.getDaemon({ clientVersion: VERSION }, options));
  }

  /** Opens the run. */
  async createRun(request: CreateRunRequest, signal: AbortSignal): Promise<void> {
    await this.#call(signal, 0, (options) => this.#runs.createRun(request, options));
  }

  /** Appends records. */
  append(request: AppendRequest, signal: AbortSignal): Promise<AppendResponse> {
    return this.#call(signal, 0, (options) => this.#ingest.append(request, options));
  }

  /** Sends a large object; returns its sha256 in hexadecimal. */
  async putObject(data: Uint8Array, signal: AbortSignal): Promise<string> {
    const answer = await this.#call(signal, data.length, (options) => this.#ingest.putObject(chunks(data), options));
    return answer.sha256;
  }

  /** Ends the writer. */
  async finishRun(request: FinishRunRequest, signal: AbortSignal): Promise<void> {
    await this.#call(signal, 0, (options) => this.#runs.finishRun(request, options));
  }

  /** Closes the connection and ends its calls. */
  close(): void {
    this.#sessions.abort();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #call<T>(signal: AbortSignal, bytes: number, make: (options: CallOptions) => Promise<T>): Promise<T> {
    // Not the library's own timeout: its timer would hold the process.
    const deadline = new AbortController();
    const seconds = this.#callSeconds + bytes / OBJECT_BYTES_PER_SECOND;
    const timer = setTimeout(() => {
      deadline.abort(new ConnectError(`the daemon has not answered within ${seconds} seconds`, Code.DeadlineExceeded));
    }, seconds * 1000).unref();
    const forward = (): void => deadline.abort(signal.reason);
    signal.addEventListener("abort", forward);
    if (signal.aborted) forward();
    try {
      return await make({
        headers: {
          authorization: `Bearer ${this.endpoint.token}`,
          "grpc-timeout": `${Math.ceil(seconds * 1000)}m`, // so that the daemon gives up too
        },
        signal: deadline.signal,
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", forward);
    }
  }

  #connect(target: ReturnType<typeof parseAddress>): net.Socket {
    const socket = net.connect({ ...target, noDelay: true });
    socket.unref();
    // The session would hold the process while a call is under way; see the invariant above.
    socket.ref = () => socket;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

function* slices(data: Uint8Array): Generator<Uint8Array> {
  for (let begin = 0; begin < data.length; begin += CHUNK_BYTES) yield data.subarray(begin, begin + CHUNK_BYTES);
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream of the library's is asynchronous
async function* chunks(data: Uint8Array): AsyncGenerator<Pick<PutObjectRequest, "chunk">> {
  for (const chunk of slices(data)) yield { chunk };
}
