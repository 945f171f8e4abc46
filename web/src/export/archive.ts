/**
 * The data of an exported page: an index, and parts in elements of their own, as base64, compressed or as they are.
 *
 * Invariant: a part is decoded when something of it is first asked for, and once.
 */

/** Where the bytes of something are. */
export type Place = readonly [part: number, offset: number, length: number];

export interface StoredSeries {
  name: string;
  /** What the daemon's answer says of it beside its columns. */
  header: Readonly<Record<string, unknown>> & SeriesFacts;
  columns: Readonly<Record<string, { type: "float64" | "uint32"; place: Place }>>;
  /** Its smoothed values by "KIND:AMOUNT". */
  smoothed: Readonly<Record<string, Place>>;
}

export interface SeriesFacts {
  mode: "points" | "buckets" | "group";
  count: number;
  total_count: number;
  points_per_bucket: number;
  x_base: string;
}

export interface Index {
  made_unix_ms: number;
  version: string;
  project: string;
  /** The run that was exported; null for runs of the project. */
  run: { id: string; name: string } | null;
  run_count: number;
  /** The page that the file opens with. */
  address: string;
  /** The filter and the search that the runs were found with. */
  filter: string;
  search: string;
  /** What is not in the file, in sentences. */
  left_out: readonly string[];
  /** Answers by name (`names.ts`), and objects and frames by their address. */
  answers: Readonly<Record<string, { place: Place; type: string }>>;
  series: Place;
}

export class Archive {
  readonly index: Index;
  readonly #text: (id: string) => string;
  readonly #parts = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();
  #series: Promise<ReadonlyMap<string, StoredSeries>> | null = null;

  /** @param textOf the text of the file's element of an id. */
  constructor(textOf: (id: string) => string) {
    this.#text = textOf;
    this.index = JSON.parse(textOf("trackd-index")) as Index;
  }

  has(name: string): boolean {
    return name in this.index.answers;
  }

  /** Null where it is not in the file. */
  async response(name: string): Promise<Response | null> {
    if (!this.has(name)) return null;
    const { place, type } = this.index.answers[name];
    return new Response(await this.bytes(place), { headers: { "Content-Type": type } });
  }

  async json<T>(name: string): Promise<T | null> {
    return ((await (await this.response(name))?.json()) as T | undefined) ?? null;
  }

  /** At once: of what stands uncompressed in a part of its own. Null where it is not in the file. */
  blob(name: string): Blob | null {
    if (!this.has(name)) return null;
    const { place, type } = this.index.answers[name];
    return new Blob([fromBase64(this.#text(`trackd-part-${place[0]}`).slice(1))], { type });
  }

  async bytes([part, offset, length]: Place): Promise<ArrayBuffer> {
    let decoded = this.#parts.get(part);
    if (!decoded) {
      decoded = decodePart(this.#text(`trackd-part-${part}`));
      this.#parts.set(part, decoded);
    }
    return (await decoded).slice(offset, offset + length).buffer;
  }

  series(): Promise<ReadonlyMap<string, StoredSeries>> {
    this.#series ??= this.bytes(this.index.series).then((bytes) => {
      const all = JSON.parse(new TextDecoder().decode(bytes)) as StoredSeries[];
      return new Map(all.map((one) => [one.name, one]));
    });
    return this.#series;
  }
}

/** The first letter says how the part is kept: `d` deflated, `i` as it is. */
async function decodePart(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = fromBase64(text.slice(1));
  if (text.startsWith("i")) return bytes;
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(inflated).arrayBuffer());
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) bytes[index] = letters.charCodeAt(index);
  return bytes;
}
