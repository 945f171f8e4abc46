/** What the page says of itself where it is a picture of a moment in one file (`export/exported.ts`); here it is live. */
import type { ComponentType } from "react";

export const ExportedNote: ComponentType | null = null as ComponentType | null;

export const isExported: boolean = ExportedNote !== null;
