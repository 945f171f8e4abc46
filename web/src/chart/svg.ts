/** Writes what is drawn as SVG: shapes as shapes and text as text, in the order they are painted. */
import { FONT_FAMILY, FONT_SIZE, type PaintContext } from "./context";

// Near enough for text that is placed by its middle or its end; the reader's font decides anyway.
const CHARACTER_WIDTH = 6.6;
const ANCHORS: Partial<Record<CanvasTextAlign, string>> = { center: "middle", right: "end", end: "end" };
// How far the line that letters stand on lies below; not every reader of SVG knows other baselines.
const DESCENTS: Partial<Record<CanvasTextBaseline, number>> = { middle: 0.35, top: 0.8 };

export const escapeXml = (text: string): string =>
  // XML has no way to write most control characters.
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);

const round = (value: number) => String(Math.round(value * 100) / 100);

/** What `save` keeps and `restore` brings back. */
class State {
  fillStyle = "#000";
  strokeStyle = "#000";
  globalAlpha = 1;
  lineWidth = 1;
  lineJoin: CanvasLineJoin = "miter";
  font = "";
  textAlign: CanvasTextAlign = "left";
  textBaseline: CanvasTextBaseline = "alphabetic";
  protected dash: number[] = [];
  protected shiftX = 0;
  protected shiftY = 0;
  protected clipId = "";
}

const STATE_FIELDS = Object.keys(new State()) as (keyof State)[];

export class SvgContext extends State implements PaintContext {
  private readonly saved: Partial<State>[] = [];
  private readonly elements: string[] = [];
  private readonly clips: string[] = [];
  private path: string[] = [];

  save(): void {
    this.saved.push(Object.fromEntries(STATE_FIELDS.map((field) => [field, this[field]])));
  }

  restore(): void {
    Object.assign(this, this.saved.pop());
  }

  translate(x: number, y: number): void {
    this.shiftX += x;
    this.shiftY += y;
  }

  setLineDash(lengths: number[]): void {
    this.dash = lengths;
  }

  beginPath(): void {
    this.path = [];
  }

  moveTo(x: number, y: number): void {
    this.path.push(`M${this.place(x, y)}`);
  }

  lineTo(x: number, y: number): void {
    this.path.push(`L${this.place(x, y)}`);
  }

  closePath(): void {
    this.path.push("Z");
  }

  /** Whole circles only: charts have no others. */
  arc(x: number, y: number, radius: number): void {
    const r = round(radius);
    const across = round(2 * radius);
    this.path.push(`M${this.place(x - radius, y)}a${r} ${r} 0 1 0 ${across} 0a${r} ${r} 0 1 0 -${across} 0Z`);
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.path.push(`M${this.place(x, y)}h${round(width)}v${round(height)}h${round(-width)}Z`);
  }

  clip(): void {
    const id = `plot-${this.clips.length}`;
    this.clips.push(`<clipPath id="${id}"><path d="${this.path.join("")}"/></clipPath>`);
    this.clipId = id;
  }

  stroke(): void {
    if (this.path.length === 0) return;
    const { strokeStyle, lineWidth, lineJoin, dash } = this;
    const dashes = dash.length > 0 ? ` stroke-dasharray="${dash.join(" ")}"` : "";
    const join = lineJoin === "miter" ? "" : ` stroke-linejoin="${lineJoin}"`;
    const look = `fill="none" stroke="${escapeXml(strokeStyle)}" stroke-width="${round(lineWidth)}"${join}${dashes}`;
    this.elements.push(`<path d="${this.path.join("")}" ${look}${this.common()}/>`);
  }

  fill(): void {
    if (this.path.length === 0) return;
    this.elements.push(`<path d="${this.path.join("")}" fill="${escapeXml(this.fillStyle)}"${this.common()}/>`);
  }

  fillText(text: string, x: number, y: number): void {
    const { font, textAlign, textBaseline, fillStyle } = this;
    const size = Number.parseFloat(font.match(/([\d.]+)px/)?.[1] ?? "") || FONT_SIZE;
    const weight = font.match(/^\d{3}(?= )/)?.[0];
    const at = `x="${round(x + this.shiftX)}" y="${round(y + this.shiftY + size * (DESCENTS[textBaseline] ?? 0))}"`;
    const anchor = ANCHORS[textAlign] ? ` text-anchor="${ANCHORS[textAlign]}"` : "";
    const bold = weight ? ` font-weight="${weight}"` : "";
    this.elements.push(
      `<text ${at} font-size="${size}"${bold}${anchor} fill="${escapeXml(fillStyle)}"${this.common()}>${escapeXml(text)}</text>`,
    );
  }

  measureText(text: string): { width: number } {
    return { width: text.length * CHARACTER_WIDTH };
  }

  /** The whole document. */
  document(width: number, height: number, title: string): string {
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`,
      ` font-family="${escapeXml(FONT_FAMILY)}" font-variant-numeric="tabular-nums">\n<title>${escapeXml(title)}</title>\n`,
      this.clips.length > 0 ? `<defs>${this.clips.join("")}</defs>\n` : "",
      this.elements.join("\n"),
      "\n</svg>\n",
    ].join("");
  }

  private place(x: number, y: number): string {
    return `${round(x + this.shiftX)} ${round(y + this.shiftY)}`;
  }

  private common(): string {
    const { globalAlpha, clipId: clip } = this;
    return (globalAlpha < 1 ? ` opacity="${round(globalAlpha)}"` : "") + (clip ? ` clip-path="url(#${clip})"` : "");
  }
}
