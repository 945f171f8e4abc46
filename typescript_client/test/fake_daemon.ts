/** Owns a daemon for tests: a gRPC server in this process that keeps what it is sent, and fails as it is told. */

import * as fs from "node:fs";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { createHash } from "node:crypto";
import { IngestService } from "../src/generated/trackd/v1/ingest_service_pb.js";
import type { Record as RecordMessage, WriterBegin } from "../src/generated/trackd/v1/records_pb.js";
import { RunService } from "../src/generated/trackd/v1/run_service_pb.js";

export type Method = "GetDaemon" | "CreateRun" | "Append" | "PutObject" | "FinishRun";
/** What happens to a call instead of an answer: an error, or "hang" until the client gives up, or "lose" the answer. */
export type Fault = ConnectError | "hang" | "lose";

/** Makes an error as the daemon makes them, with google.rpc.ErrorInfo in its details. */
export function daemonError(code: Code, reason = "", metadata: Readonly<Record<string, string>> = {}): ConnectError {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(reason);
  for (const [key, value] of Object.entries(metadata)) {
    writer.tag(3, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key).tag(2, WireType.LengthDelimited).string(value);
    writer.join();
  }
  const error = new ConnectError(`the daemon says ${reason || Code[code]}`, code);
  error.details = [{ type: "google.rpc.ErrorInfo", value: writer.finish() }];
  return error;
}

/** A daemon over a store of its own, on a free port of the loopback, or on a Unix socket in the store. */
export class FakeDaemon {
  readonly store = fs.mkdtempSync(path.join(os.tmpdir(), "trackd-ts-"));
  /** The calls in their order. */
  readonly calls: Method[] = [];
  /** What happens to the next calls of a method. */
  readonly faults: Partial<Record<Method, Fault[]>> = {};
  /** Refuses a record of a batch. */
  refuses: (record: RecordMessage) => boolean = () => false;
  /** How many records of a batch are taken at most. */
  takesAtMost = Infinity;
  protocolVersion = 1;
  token = "secret";
  begin: WriterBegin | undefined;
  readonly records: RecordMessage[] = [];
  readonly firstSequences: bigint[] = [];
  readonly objects = new Map<string, Uint8Array>();
  exitCode: number | undefined;
  #base = 0; // how many records other writers have sent
  #server: http2.Http2Server | undefined;
  readonly #sessions = new Set<http2.ServerHttp2Session>();

  /** Begins to listen, and says so in the endpoint file. */
  async start(isUnix = false): Promise<this> {
    const server = http2.createServer(
      connectNodeAdapter({
        routes: (router) => router.service(RunService, this.#runs).service(IngestService, this.#ingest),
      }),
    );
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
    });
    this.#server = server;
    const socket = path.join(this.store, "daemon.sock");
    await new Promise<void>((resolve) => {
      if (isUnix) server.listen(socket, resolve);
      else server.listen(0, "127.0.0.1", resolve);
    });
    const address = isUnix ? `unix:${socket}` : `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.writeEndpoint(address);
    return this;
  }

  /** Writes the endpoint file. */
  writeEndpoint(address: string): void {
    const endpoint = { grpc_address: address, http_address: "http://127.0.0.1:1", token: this.token };
    fs.writeFileSync(path.join(this.store, "endpoint.json"), JSON.stringify(endpoint));
  }

  /** Stops listening, and breaks the connections. */
  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  /** Stops, and deletes the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    fs.rmSync(this.store, { recursive: true, force: true });
  }

  /** How many connections are open. */
  get connectionCount(): number {
    return this.#sessions.size;
  }

  count(method: Method): number {
    return this.calls.filter((each) => each === method).length;
  }

  async #handle<T>(method: Method, context: HandlerContext, answer: () => T): Promise<T> {
    this.calls.push(method);
    const fault = this.faults[method]?.shift();
    if (context.requestHeader.get("authorization") !== `Bearer ${this.token}`) {
      throw daemonError(Code.Unauthenticated, "UNAUTHENTICATED");
    }
    if (fault === "hang") {
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      throw new ConnectError("the client gave up", Code.Canceled);
    }
    if (fault instanceof ConnectError) throw fault;
    const answered = answer();
    if (fault === "lose") throw daemonError(Code.Unavailable);
    return answered;
  }

  readonly #runs: Partial<ServiceImpl<typeof RunService>> = {
    getDaemon: (_, context) =>
      this.#handle("GetDaemon", context, () => ({
        version: "0.1.0",
        protocolVersion: this.protocolVersion,
        httpAddress: "http://127.0.0.1:1",
      })),
    createRun: (request, context) =>
      this.#handle("CreateRun", context, () => {
        if (request.begin?.writerId !== this.begin?.writerId) this.#base = this.records.length;
        this.begin = request.begin;
        return {};
      }),
    finishRun: (request, context) =>
      this.#handle("FinishRun", context, () => {
        this.#checkSequence(request.sequence);
        this.exitCode ??= request.finish?.exitCode;
        return {};
      }),
  };

  readonly #ingest: Partial<ServiceImpl<typeof IngestService>> = {
    append: (request, context) =>
      this.#handle("Append", context, () => {
        if (request.source.case !== "batch") throw daemonError(Code.Unimplemented);
        const { firstSequence, records } = request.source.value;
        this.firstSequences.push(firstSequence);
        this.#checkSequence(firstSequence);
        if (records.some((record) => this.refuses(record))) throw daemonError(Code.InvalidArgument, "INVALID_ARGUMENT");
        const known = Number(this.#acknowledged - firstSequence) + 1;
        this.records.push(...records.slice(known).slice(0, this.takesAtMost));
        return { acknowledgedSequence: this.#acknowledged };
      }),
    putObject: async (requests, context) => {
      const chunks: Uint8Array[] = [];
      for await (const { chunk } of requests) chunks.push(chunk);
      return this.#handle("PutObject", context, () => {
        const data = Buffer.concat(chunks);
        const sha256 = createHash("sha256").update(data).digest("hex");
        this.objects.set(sha256, data);
        return { sha256, sizeBytes: BigInt(data.length) };
      });
    },
  };

  get #acknowledged(): bigint {
    return BigInt(this.records.length - this.#base);
  }

  #checkSequence(first: bigint): void {
    if (first <= this.#acknowledged + 1n) return;
    throw daemonError(Code.OutOfRange, "SEQUENCE_GAP", { acknowledged_sequence: String(this.#acknowledged) });
  }
}

/** Waits until a condition holds; fails after ten seconds. */
export async function until(condition: () => boolean, what = "the condition"): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} does not hold after ten seconds`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
