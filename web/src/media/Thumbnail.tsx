/** A record in little: its picture or the first frame of its video, or a word for it. Of a list the first, and how many there are. */
import { useQuery } from "@tanstack/react-query";
import {
  isFailed,
  isLarge,
  isList,
  isPending,
  type LargeDocument,
  objectAddress,
  type RecordDocument,
} from "../api/records";
import { formatCount } from "../format/number";
import { largeDocumentQuery } from "./RecordView";
import { KIND_WORDS } from "./words";

interface ThumbnailProps {
  document: RecordDocument;
  /** Of a list, the one record to show. */
  only: number | undefined;
}

export function Thumbnail({ document, only }: ThumbnailProps) {
  if (isPending(document)) return <span>encoding…</span>;
  if (isFailed(document)) return <span title={document.error}>not encoded</span>;
  if (isLarge(document)) return <LargeThumbnail document={document} only={only} />;
  if (isList(document)) {
    const one = document.records.at(only ?? 0);
    if (!one) return <span>empty list</span>;
    return (
      <>
        <Thumbnail document={one} only={undefined} />
        {only === undefined && document.records.length > 1 && (
          <small>{`1 of ${formatCount(document.records.length)}`}</small>
        )}
      </>
    );
  }
  const caption = "caption" in document ? document.caption : undefined;
  if (document.type === "image" || (document.type === "video" && document.file.media_type === "image/gif"))
    return <img src={objectAddress(document.file)} alt={caption ?? "image"} title={caption} decoding="async" />;
  if (document.type === "video") {
    return (
      <video
        src={objectAddress(document.file)}
        aria-label={caption ?? "video"}
        title={caption}
        muted
        playsInline
        preload="metadata"
      />
    );
  }
  return <span>{KIND_WORDS[document.type]}</span>;
}

function LargeThumbnail({ document, only }: { document: LargeDocument; only: number | undefined }) {
  const { data, error } = useQuery(largeDocumentQuery(document));
  if (data) return <Thumbnail document={data} only={only} />;
  return error ? <span title={error.message}>could not be read</span> : null;
}
