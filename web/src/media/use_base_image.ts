/** The image that another one is compared with: the one at the same place of the base's record. */
import { useQuery } from "@tanstack/react-query";
import { type ImageDocument, isLarge, isList, type RecordDocument, wholeOf } from "../api/records";
import { isolated } from "../format/isolated";
import { formatCount } from "../format/number";
import type { CardBase } from "./card_context";
import { largeDocumentQuery } from "./RecordView";

interface BaseImage {
  image: ImageDocument | null;
  /** Of the base. */
  name: string;
  /** Why there is no difference, in one sentence; null where there is one, or none is wanted. */
  trouble: string | null;
}

const NONE: BaseImage = { image: null, name: "", trouble: null };
// Only documents that stand elsewhere are asked for.
const NOTHING = { type: "image" as const, document: { sha256: "", size_bytes: 0, media_type: "" } };

export function useBaseImage(base: CardBase | null, index: number, image: ImageDocument | null): BaseImage {
  const large = base?.document && isLarge(base.document) ? base.document : null;
  const { data } = useQuery({ ...largeDocumentQuery(large ?? NOTHING), enabled: large !== null });
  if (!base || !image) return NONE;
  if (large && !data) return { ...NONE, name: base.name };
  const other = imageAt(data ?? base.document, base.index ?? index);
  if (!other) return { ...NONE, trouble: isolated`${base.name} has no image here to compare this one with.` };
  if (other.width !== image.width || other.height !== image.height) {
    return {
      ...NONE,
      trouble: isolated`No difference: this image is ${extentOf(image)}, that of ${base.name} ${extentOf(other)}.`,
    };
  }
  return { image: other, name: base.name, trouble: null };
}

const extentOf = ({ width, height }: ImageDocument) => `${formatCount(width)} × ${formatCount(height)}`;

function imageAt(document: RecordDocument | null, index: number): ImageDocument | null {
  if (!document) return null;
  const one = isList(document) ? document.records.at(index) : index === 0 ? document : undefined;
  return one ? wholeOf(one, "image") : null;
}
